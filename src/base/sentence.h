/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What went wrong, in one sentence. */
#ifndef ACR_SENTENCE_H
#define ACR_SENTENCE_H

#include <stdarg.h>

#define ACR_SENTENCE 160

/* Set a sentence, owned and at most ACR_SENTENCE bytes; without memory there is none. */
void acr_say(char **sentence, const char *format, ...) __attribute__((format(printf, 2, 3)));
void acr_sayv(char **sentence, const char *format, va_list args);

#endif
