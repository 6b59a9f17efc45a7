/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Numbers as people say them, for sentences. */
#ifndef ACR_WORDS_H
#define ACR_WORDS_H

#include <stdint.h>

#define ACR_WORDS 48 /* room for any of them */

/* "20 bytes", "16 MiB", "2 GiB less 1 byte". Writes to text, ACR_WORDS bytes, and returns it. */
const char *acr_words_bytes(uint64_t bytes, char *text);

/* "65535", "50 million", "2^30", "2^32 - 1". The same. */
const char *acr_words_number(uint64_t number, char *text);

#endif
