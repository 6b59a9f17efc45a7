/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The sessions behind `ioctl`: made as an initializer says, in no directory. */
#include "binary.h"

#include "session/sessions.h"
#include "session/values.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define FIELD(value, name)                                                                     \
	{                                                                                      \
		value, offsetof(struct acrypto_session_initializer, name),                     \
		        sizeof(((struct acrypto_session_initializer *)0)->name)                \
	}
static const struct {
	enum acr_value value;
	size_t offset, size;
} texts[] = {
	FIELD(ACR_V_ALG, alg),
	FIELD(ACR_V_DEVICE, device),
	FIELD(ACR_V_PADDING, padding),
	FIELD(ACR_V_PARAMS, params),
};

static int set_text(struct acr_session *session, enum acr_value value, const char *text,
                    bool privileged)
{
	return acr_value_set(session, 1, value, text, strlen(text), privileged);
}

static int set_number(struct acr_session *session, enum acr_value value, uint64_t number,
                      bool privileged)
{
	char text[24];

	snprintf(text, sizeof text, "%llu", (unsigned long long)number);
	return set_text(session, value, text, privileged);
}

/* What can be said of an initializer alone. NULL: nothing against it. */
static const char *complaint(const struct acrypto_session_initializer *init)
{
	if (init->version != ACRYPTO_IOCTL_VERSION)
		return "version is not the one of this daemon: set it to ACRYPTO_IOCTL_VERSION";
	if (init->operation > ACRYPTO_DERIVE)
		return "operation is not one of enum acrypto_operation";
	if (init->flags & ~(ACRYPTO_COMBINED | ACRYPTO_DETACHED) ||
	    init->flags == (ACRYPTO_COMBINED | ACRYPTO_DETACHED))
		return "flags are 0, ACRYPTO_COMBINED or ACRYPTO_DETACHED";
	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
		if (!memchr((const char *)init + texts[i].offset, 0, texts[i].size))
			return "a name in the initializer does not end";
	return NULL;
}

static int set_texts(struct acr_session *session,
                     const struct acrypto_session_initializer *init)
{
	int error = 0;

	if (init->operation != ACRYPTO_IMPLIED)
		error = set_text(session, ACR_V_OP,
		                 acr_opcode_name((enum acr_opcode)(init->operation - 1)),
		                 false);
	if (!error && !*init->alg && init->operation != ACRYPTO_RANDOM)
		error = set_text(session, ACR_V_ALG, "", false); /* refused, and says why */
	for (size_t i = 0; i < G_N_ELEMENTS(texts) && !error; i++) {
		const char *text = (const char *)init + texts[i].offset;
		if (*text)
			error = set_text(session, texts[i].value, text, false);
	}
	if (!error && init->flags)
		error = set_text(session, ACR_V_LAYOUT,
		                 init->flags & ACRYPTO_COMBINED ? "combined" : "detached",
		                 false);
	return error;
}

/* Does the room for the output say how long it shall be? A verification puts out none. */
static bool has_length(const struct acr_stage *stage)
{
	return acr_stage_op(stage) == ACR_RANDOM ||
	       (stage->alg && stage->alg->flags & ACR_ALG_XOF &&
	        acr_stage_op(stage) != ACR_VERIFY && !stage->taglen && !stage->length);
}

/* taglen has an upper bound, and length is another name of it. */
static enum acr_value name_of_tag_size(const struct acr_stage *stage, uint32_t tag_size)
{
	bool long_mac =
	        tag_size > ACR_TAG_MAX && stage->alg && stage->alg->kind == ACR_KIND_MAC;

	return long_mac ? ACR_V_LENGTH : ACR_V_TAGLEN;
}

static int set_numbers(struct acr_session *session,
                       const struct acrypto_session_initializer *init, uint64_t wanted,
                       bool privileged)
{
	uint32_t priority = init->priority == ACRYPTO_PRIORITY_ZERO ? 0 : init->priority;
	int error = 0;

	if (init->priority)
		error = set_number(session, ACR_V_PRIORITY, priority, privileged);
	if (!error && init->tag_size)
		error = set_number(session, name_of_tag_size(&session->stage, init->tag_size),
		                   init->tag_size, false);
	if (!error && init->deadline_ms)
		error = set_number(session, ACR_V_DEADLINE, init->deadline_ms, false);
	if (!error && wanted && has_length(&session->stage))
		error = set_number(session, ACR_V_LENGTH, wanted, false);
	return error;
}

/* It may take a look at /etc/group. */
static bool is_privileged(fuse_req_t req, struct fs_handle *handle)
{
	struct fs_actor caller = fs_actor_of(req);
	return fs_actor_both(&handle->opener, &caller).privileged;
}

int fs_binary_session(fuse_req_t req, struct fs_handle *handle,
                      const struct acrypto_session_initializer *init, uint64_t wanted,
                      struct acr_session **out)
{
	uint32_t uid = fuse_req_ctx(req)->uid;
	const char *wrong = complaint(init);
	struct acr_session *session;
	int error;

	if (wrong)
		return fs_binary_fail(handle, -EINVAL, wrong);
	session = acr_session_anonymous(uid, fuse_req_ctx(req)->pid);
	if (!session)
		return fs_binary_fail(handle, -ENOSPC, "no memory is left");
	error = acr_account_add_session(session->account);
	if (error) {
		acr_session_unref(session);
		return fs_binary_fail(handle, error, "too many sessions of this user");
	}
	error = set_texts(session, init);
	if (!error)
		error = set_numbers(session, init, wanted,
		                    init->priority && is_privileged(req, handle));
	if (!error) {
		*out = session;
		return 0;
	}
	fs_binary_fail_of(handle, error, session);
	fs_binary_session_end(session);
	return error;
}

void fs_binary_session_end(struct acr_session *session)
{
	if (!session)
		return;
	acr_account_drop_session(session->account);
	acr_session_reset(session); /* cancels too; others may hold it for a moment longer */
	acr_session_unref(session);
}

bool fs_binary_makes_tag(struct acr_session *session)
{
	const struct acr_stage *stage = &session->stage; /* op and alg never change here */

	return acr_stage_op(stage) == ACR_ENCRYPT && stage->alg &&
	       stage->alg->kind == ACR_KIND_AEAD;
}
