/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "encode.h"

/* The digits are computed: a look in a table would tell by its time which one it was. What is
 * below a limit has nothing but zeros above its low byte when it is taken from that limit. */
static unsigned above(unsigned n, unsigned limit)
{
	return (limit - n) >> 8;
}

static uint8_t hex_digit_of(unsigned n)
{
	return (uint8_t)('0' + n + (above(n, 9) & ('a' - '0' - 10)));
}

static uint8_t base64_digit_of(unsigned n)
{
	return (uint8_t)('A' + n + (above(n, 25) & ('a' - 'Z' - 1)) -
	                 (above(n, 51) & ('z' + 1 - '0')) - (above(n, 61) & ('9' + 1 - '+')) +
	                 (above(n, 62) & ('/' - '+' - 1)));
}

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
	return hex_digit_of(at % 2 ? data[at / 2] & 15u : data[at / 2] >> 4);
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
	return base64_digit_of(bits >> (18 - 6 * place) & 63);
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

/* 1 if x < limit, without a branch; limit is small. */
static unsigned below(unsigned x, unsigned limit)
{
	return ((x - limit) & ~x) >> 31;
}

/* Value of a hex digit without a branch or table look-up; bit 8 set when it is none. */
static unsigned hex_digit(unsigned char c)
{
	unsigned digit = c - (unsigned)'0', letter = (c | 0x20u) - 'a';
	unsigned is_digit = below(digit, 10), is_letter = below(letter, 6);

	return (digit & -is_digit) | ((letter + 10) & -is_letter) |
	       (((is_digit | is_letter) - 1) & 0x100);
}

bool acr_hex_decode(const char *text, size_t bytes, uint8_t *out)
{
	unsigned bad = 0;

	for (size_t i = 0; i < bytes; i++) {
		unsigned high = hex_digit((unsigned char)text[2 * i]);
		unsigned low = hex_digit((unsigned char)text[2 * i + 1]);
		bad |= high | low;
		out[i] = (uint8_t)(high << 4 | (low & 15));
	}
	return !(bad & 0x100);
}
