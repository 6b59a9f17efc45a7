/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An open-addressed set of 64-bit fingerprints, at most half full. Two different nonces with
 * the same fingerprint (one chance in 2^64 for each pair) would be refused, never reused. */
#include "nonce.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct acr_nonces {
	struct acr_account *account;
	size_t room, count, written; /* room: a power of two */
	size_t last;                 /* where the last one was put */
	bool last_written;
	uint64_t *prints; /* 0: free */
};

static uint64_t fingerprint(struct acr_bytes nonce)
{
	uint64_t print = nonce.len * 0x9e3779b97f4a7c15u;

	for (size_t i = 0; i < nonce.len; i += 8) {
		uint64_t word = 0;
		memcpy(&word, nonce.data + i, nonce.len - i < 8 ? nonce.len - i : 8);
		print = (print ^ word) * 0xff51afd7ed558ccdu;
		print ^= print >> 32;
	}
	return print ? print : 1;
}

/* Where it is, or where it would go. */
static size_t find(const uint64_t *prints, size_t room, uint64_t print)
{
	size_t at = (size_t)print & (room - 1);

	while (prints[at] && prints[at] != print)
		at = (at + 1) & (room - 1);
	return at;
}

static int grow(struct acr_nonces *list)
{
	size_t room = list->room ? list->room * 2 : 16;
	uint64_t *prints;
	int error = acr_account_charge(list->account, (room - list->room) * sizeof *prints);

	if (error)
		return error;
	prints = calloc(room, sizeof *prints);
	if (!prints) {
		acr_account_release(list->account, (room - list->room) * sizeof *prints);
		return -ENOSPC;
	}
	for (size_t i = 0; i < list->room; i++)
		if (list->prints[i])
			prints[find(prints, room, list->prints[i])] = list->prints[i];
	free(list->prints);
	list->prints = prints;
	list->room = room;
	return 0;
}

int acr_nonces_add(struct acr_nonces **where, struct acr_bytes nonce, bool written,
                   struct acr_account *account)
{
	struct acr_nonces *list = *where;
	uint64_t print = fingerprint(nonce);
	size_t at;
	int error;

	if (!list) {
		list = *where = calloc(1, sizeof *list);
		if (!list)
			return -ENOSPC;
		list->account = account;
	}
	if (written && list->written >= ACR_WRITTEN_NONCES)
		return -EEXIST;
	if (list->count * 2 >= list->room && (error = grow(list)))
		return error;
	at = find(list->prints, list->room, print);
	if (list->prints[at])
		return -EEXIST;
	list->prints[at] = print;
	list->count++;
	list->written += written;
	list->last = at;
	list->last_written = written;
	return 0;
}

bool acr_nonces_refuse(const struct acr_nonces *list, struct acr_bytes nonce)
{
	if (!list || !list->room)
		return false;
	return list->written >= ACR_WRITTEN_NONCES ||
	       list->prints[find(list->prints, list->room, fingerprint(nonce))];
}

void acr_nonces_undo(struct acr_nonces *list)
{
	/* Nothing was added behind it, so no chain of probes passes over it. */
	list->prints[list->last] = 0;
	list->count--;
	list->written -= list->last_written;
}

void acr_nonces_free(struct acr_nonces *list)
{
	if (!list)
		return;
	acr_account_release(list->account, list->room * sizeof *list->prints);
	free(list->prints);
	free(list);
}
