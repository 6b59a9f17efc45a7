/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "internal.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/provider.h>

/* Deep enough for what OpenSSL's and the compiler's code leaves below us. */
#define STACK_BYTES 8192

static pthread_mutex_t engine_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned users;        /* devices; engine_lock */
static struct soft_cap *caps; /* one a row */
static OSSL_PROVIDER *legacy; /* single DES; NULL: not installed */

static void engine_down(void)
{
	for (unsigned i = 0; caps && i < soft_row_count; i++)
		if (caps[i].row)
			caps[i].row->family->drop(&caps[i]);
	free(caps);
	caps = NULL;
	soft_key_drop_decoders();
	if (legacy)
		OSSL_PROVIDER_unload(legacy);
	legacy = NULL;
}

/* The default library context, because a running state may outlive the module that made it.
 * There the provider "default" is present unless a configuration file says otherwise; loading
 * it explicitly a second time makes OpenSSL free it twice at exit (its issue 32079), so that
 * is done only where it is missing, and for good. */
static int engine_up(void)
{
	if (!OSSL_PROVIDER_available(NULL, "default"))
		OSSL_PROVIDER_try_load(NULL, "default", 1);
	legacy = OSSL_PROVIDER_try_load(NULL, "legacy", 1);
	caps = calloc(soft_row_count, sizeof(*caps));
	if (!caps) {
		engine_down();
		return -ENOMEM;
	}
	for (unsigned i = 0; i < soft_row_count; i++) {
		caps[i].row = &soft_rows[i];
		caps[i].fetched = soft_rows[i].family->fetch(&caps[i]);
	}
	/* What is missing has left errors behind. */
	ERR_clear_error();
	return 0;
}

static unsigned add_row(struct acr_device *dev, const struct soft_cap *cap)
{
	const struct soft_family *family = cap->row->family;
	unsigned added = 0;

	for (unsigned op = 0; op < ACR_OPCODES; op++) {
		if (!(family->opcodes & (1u << op)))
			continue;
		struct acr_capability offer = {
			.opcode = (enum acr_opcode)op,
			.alg = cap->row->alg,
			.data = cap,
			.state = family->parts & (1u << op) ? SOFT_STATE : NULL,
			/* What was given out once is given to nobody else. */
			.flags = op == ACR_RANDOM ? ACR_CAP_ONCE : 0,
		};
		if (acr_device_add_capability(dev, &offer))
			acr_log(ACR_LOG_WARNING, "soft", "%s: the core doesn't know \"%s\"",
			        acr_device_name(dev), offer.alg);
		else
			added++;
	}
	return added;
}

int soft_add_capabilities(struct acr_device *dev)
{
	unsigned added = 0;
	int error = 0;

	pthread_mutex_lock(&engine_lock);
	if (!users)
		error = engine_up();
	if (!error)
		users++;
	pthread_mutex_unlock(&engine_lock);
	if (error)
		return error;

	for (unsigned i = 0; i < soft_row_count; i++)
		if (caps[i].fetched)
			added += add_row(dev, &caps[i]);
	if (added)
		return 0;
	acr_device_explain(dev, "OpenSSL offers no algorithm at all; is a provider active?");
	soft_release();
	return -ENODEV;
}

void soft_release(void)
{
	pthread_mutex_lock(&engine_lock);
	if (!--users)
		engine_down();
	pthread_mutex_unlock(&engine_lock);
}

/* Round keys and chaining values stay in dead stack frames. Overwrite where they were. */
static __attribute__((noinline)) void wipe_stack(void)
{
	uint8_t dead[STACK_BYTES];

	explicit_bzero(dead, sizeof(dead));
}

int soft_compute(struct acr_op *op)
{
	const struct soft_cap *cap = op->cap_data;
	int error;

	op->dst_len = 0;
	error = cap ? cap->row->family->compute(op, cap) : -EOPNOTSUPP;
	if (error) {
		if (op->dst)
			OPENSSL_cleanse(op->dst, op->dst_size);
		OPENSSL_cleanse(op->tag_out, sizeof(op->tag_out));
		op->dst_len = 0;
		ERR_clear_error();
	}
	if (op->opcode != ACR_HASH)
		wipe_stack();
	return error;
}

const uint8_t *soft_bytes(struct acr_bytes bytes)
{
	static const uint8_t none[1];

	return bytes.data ? bytes.data : none;
}

int soft_refuse(struct acr_op *op, const char *sentence)
{
	acr_op_explain(op, sentence);
	return -EINVAL;
}

int soft_verified(struct acr_op *op, bool valid)
{
	static const char word[] = ACR_VALID;

	if (!valid)
		return -EBADMSG;
	if (op->dst_size < sizeof(word) - 1)
		return soft_refuse(op, "the output does not fit");
	memcpy(op->dst, word, sizeof(word) - 1);
	op->dst_len = sizeof(word) - 1;
	return 0;
}

int soft_error(void)
{
	unsigned long code = ERR_peek_error();

	return ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE ? -ENOMEM : -EIO;
}
