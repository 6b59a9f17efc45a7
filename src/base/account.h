/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What each user holds of the daemon, and the limits. */
#ifndef ACR_ACCOUNT_H
#define ACR_ACCOUNT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct acr_account {
	uint32_t uid;
	atomic_size_t bytes;    /* (a) src, dst, windows, histories, kept requests */
	atomic_size_t sessions; /* (a) */
	atomic_size_t requests; /* (a) kept (unanswered) requests */
	/* Of the front end, under a lock of its own: */
	unsigned visits; /* of the user's memory, at a time */
	unsigned slow;   /* processes that hang in it */
};

/* The user's account, made when needed: it stays from then on, so that nobody has to count who
 * uses it. Returns NULL: no memory. Any thread. */
struct acr_account *acr_account_get(uint32_t uid);

/* Charge bytes. 0, -EDQUOT: over the user's limit, -ENOSPC: over the daemon's; then nothing
 * is charged. account may be NULL (the daemon's own): only counted against the daemon. */
int acr_account_charge(struct acr_account *account, size_t bytes);
void acr_account_release(struct acr_account *account, size_t bytes);

/* One more session or kept request. 0, -EDQUOT or -EAGAIN. */
int acr_account_add_session(struct acr_account *account);
void acr_account_drop_session(struct acr_account *account);
int acr_account_add_request(struct acr_account *account);
void acr_account_drop_request(struct acr_account *account);

/* Bytes charged to all accounts and the daemon. */
size_t acr_account_total(void);

#endif
