/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Output as hexadecimal or base64 text, any part of it without making the rest. */
#include "session/session.h"

static const char hex_digits[] = "0123456789abcdef";
static const char base64_digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

uint64_t acr_format_length(enum acr_format format, uint64_t len)
{
	switch (format) {
	case ACR_FORMAT_HEX:
		return len * 2 + 1;
	case ACR_FORMAT_BASE64:
		return (len + 2) / 3 * 4 + 1;
	case ACR_FORMAT_RAW:
		break;
	}
	return len;
}

static uint8_t hex_at(const uint8_t *data, uint64_t at)
{
	return (uint8_t)hex_digits[at % 2 ? data[at / 2] & 15 : data[at / 2] >> 4];
}

static uint8_t base64_at(const uint8_t *data, size_t len, uint64_t at)
{
	size_t from = (size_t)(at / 4 * 3), place = (size_t)(at % 4);
	uint32_t bits = (uint32_t)data[from] << 16;

	if (from + 1 < len)
		bits |= (uint32_t)data[from + 1] << 8;
	if (from + 2 < len)
		bits |= data[from + 2];
	if (place > len - from && place > 1)
		return '=';
	return (uint8_t)base64_digits[bits >> (18 - 6 * place) & 63];
}

void acr_format_render(enum acr_format format, const uint8_t *data, size_t len, uint64_t offset,
                       uint8_t *out, size_t n)
{
	uint64_t digits = acr_format_length(format, len) - 1;

	for (size_t i = 0; i < n; i++) {
		uint64_t at = offset + i;
		if (format == ACR_FORMAT_RAW)
			out[i] = data[at];
		else if (at == digits)
			out[i] = '\n';
		else if (format == ACR_FORMAT_HEX)
			out[i] = hex_at(data, at);
		else
			out[i] = base64_at(data, len, at);
	}
}
