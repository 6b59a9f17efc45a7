/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sentence.h"

#include <stdio.h>
#include <stdlib.h>

void acr_sayv(char **sentence, const char *format, va_list args)
{
	if (*sentence || (*sentence = malloc(ACR_SENTENCE)))
		vsnprintf(*sentence, ACR_SENTENCE, format, args);
}

void acr_say(char **sentence, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	acr_sayv(sentence, format, args);
	va_end(args);
}
