/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reasons in words, made for each session that is placed: printf() would take longer than all
 * the rest of a choice. */
#ifndef ACR_LB_WORDS_H
#define ACR_LB_WORDS_H

#include <acrypto/balancer.h>

#include <string.h>

struct words {
	char *at, *end; /* of choice->reason; room for the final 0 is kept */
};

static inline struct words words_begin(struct acr_lb_choice *choice)
{
	choice->reason[0] = 0;
	return (struct words){ choice->reason, choice->reason + sizeof(choice->reason) - 1 };
}

static inline void words_bytes(struct words *words, const char *text, size_t len)
{
	size_t room = (size_t)(words->end - words->at);

	if (len <= room) /* of constant length it is a few moves */
		memcpy(words->at, text, len);
	else
		memcpy(words->at, text, len = room);
	words->at += len;
	*words->at = 0;
}

static inline void words_text(struct words *words, const char *text)
{
	words_bytes(words, text, strlen(text));
}

/* number / 10^decimals, as in 2.50 */
static inline void words_decimal(struct words *words, uint64_t number, unsigned decimals)
{
	char text[24], *at = text + sizeof(text) - 1;

	*at = 0;
	for (unsigned digits = 0; number || digits <= decimals; digits++) {
		if (digits && digits == decimals)
			*--at = '.';
		*--at = (char)('0' + number % 10);
		number /= 10;
	}
	words_bytes(words, at, (size_t)(text + sizeof(text) - 1 - at));
}

static inline void words_number(struct words *words, uint64_t number)
{
	words_decimal(words, number, 0);
}

#endif
