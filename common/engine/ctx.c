/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Running states: OpenSSL contexts that wait between two parts of an input. The contexts hold
 * keys; they live in OpenSSL's memory, which the daemon keeps locked and wiped. */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>

static void contexts_free(struct soft_state *state)
{
	EVP_CIPHER_CTX_free(state->cipher);
	EVP_MD_CTX_free(state->md);
	EVP_MAC_CTX_free(state->mac);
}

int soft_state_keep(struct acr_op *op, struct soft_state state)
{
	struct soft_state *kept = malloc(sizeof(*kept));

	if (!kept) {
		contexts_free(&state);
		return -ENOMEM;
	}
	*kept = state;
	acr_op_set_state(op, kept);
	return 0;
}

void soft_state_free(void *state)
{
	if (!state)
		return;
	contexts_free(state);
	free(state);
}

int soft_md_resume(const struct acr_op *op, EVP_MD_CTX **ctx)
{
	const struct soft_state *state = op->state;

	*ctx = EVP_MD_CTX_new();
	if (!*ctx)
		return -ENOMEM;
	if (state && state->md && EVP_MD_CTX_copy_ex(*ctx, state->md))
		return 0;
	EVP_MD_CTX_free(*ctx);
	return soft_error();
}

int soft_mac_resume(const struct acr_op *op, EVP_MAC_CTX **ctx)
{
	const struct soft_state *state = op->state;

	*ctx = state && state->mac ? EVP_MAC_CTX_dup(state->mac) : NULL;
	return *ctx ? 0 : soft_error();
}

/* Early releases of OpenSSL 3.0 can't copy AEAD contexts. The part then works on the context
 * itself, and can't be repeated: what it held has moved on. */
static int take_over(struct acr_op *op, struct soft_state *state, EVP_CIPHER_CTX **ctx)
{
	*ctx = __atomic_exchange_n(&state->cipher, NULL, __ATOMIC_ACQ_REL);
	if (*ctx)
		return 0;
	acr_op_explain(op, "this OpenSSL cannot repeat a part of an AEAD stream");
	return -EIO;
}

int soft_cipher_resume(struct acr_op *op, EVP_CIPHER_CTX **ctx)
{
	struct soft_state *state = op->state;
	EVP_CIPHER_CTX *old;

	if (!state)
		return -EIO;
	old = __atomic_load_n(&state->cipher, __ATOMIC_ACQUIRE);
	if (!old)
		return take_over(op, state, ctx);
	*ctx = EVP_CIPHER_CTX_new();
	if (!*ctx)
		return -ENOMEM;
	if (EVP_CIPHER_CTX_copy(*ctx, old))
		return 0;
	EVP_CIPHER_CTX_free(*ctx);
	return soft_error() == -ENOMEM ? -ENOMEM : take_over(op, state, ctx);
}
