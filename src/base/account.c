/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "account.h"

#include "settings.h"

#include <errno.h>
#include <glib.h>
#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static GHashTable *accounts; /* (lock) uid -> struct acr_account, never freed */
static atomic_size_t total;

struct acr_account *acr_account_get(uint32_t uid)
{
	struct acr_account *account;

	pthread_mutex_lock(&lock);
	if (!accounts)
		accounts = g_hash_table_new(NULL, NULL);
	account = g_hash_table_lookup(accounts, GUINT_TO_POINTER(uid));
	if (!account && (account = g_try_new0(struct acr_account, 1))) {
		account->uid = uid;
		g_hash_table_insert(accounts, GUINT_TO_POINTER(uid), account);
	}
	pthread_mutex_unlock(&lock);
	return account;
}

/* Add to a counter unless that would pass the limit. */
static bool add_within(atomic_size_t *counter, size_t amount, size_t limit)
{
	size_t now = atomic_load_explicit(counter, memory_order_relaxed);

	do {
		if (amount > limit || now > limit - amount)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(
	        counter, &now, now + amount, memory_order_relaxed, memory_order_relaxed));
	return true;
}

int acr_account_charge(struct acr_account *account, size_t bytes)
{
	size_t user_limit = account && account->uid ? acr_settings.user_memory : SIZE_MAX;

	if (account && !add_within(&account->bytes, bytes, user_limit))
		return -EDQUOT;
	if (add_within(&total, bytes, acr_settings.memory))
		return 0;
	if (account)
		atomic_fetch_sub_explicit(&account->bytes, bytes, memory_order_relaxed);
	return -ENOSPC;
}

void acr_account_release(struct acr_account *account, size_t bytes)
{
	if (account)
		atomic_fetch_sub_explicit(&account->bytes, bytes, memory_order_relaxed);
	atomic_fetch_sub_explicit(&total, bytes, memory_order_relaxed);
}

int acr_account_add_session(struct acr_account *account)
{
	size_t limit = account->uid ? acr_settings.user_sessions : SIZE_MAX;
	return add_within(&account->sessions, 1, limit) ? 0 : -EDQUOT;
}

void acr_account_drop_session(struct acr_account *account)
{
	atomic_fetch_sub(&account->sessions, 1);
}

int acr_account_add_request(struct acr_account *account)
{
	return add_within(&account->requests, 1, acr_settings.requests) ? 0 : -EAGAIN;
}

void acr_account_drop_request(struct acr_account *account)
{
	atomic_fetch_sub(&account->requests, 1);
}

size_t acr_account_total(void)
{
	return atomic_load(&total);
}
