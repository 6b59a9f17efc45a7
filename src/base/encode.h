/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bytes as hexadecimal or base64 text, and back. Constant-time: what is encoded may be secret. */
#ifndef ACR_ENCODE_H
#define ACR_ENCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum acr_format { ACR_FORMAT_RAW, ACR_FORMAT_HEX, ACR_FORMAT_BASE64 };

/* Length of len bytes in a format, with the final newline of texts. */
uint64_t acr_format_length(enum acr_format format, uint64_t len);
/* Bytes offset..offset+n-1 of the rendered text of data. */
void acr_format_render(enum acr_format format, const uint8_t *data, size_t len, uint64_t offset,
                       uint8_t *out, size_t n);

/* Decode 2 * bytes hexadecimal digits into out. False: a character that is no hex digit. */
bool acr_hex_decode(const char *text, size_t bytes, uint8_t *out);

#endif
