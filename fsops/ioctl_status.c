/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Why the last call failed, and how the session is: what ACRYPTO_STATUS answers. */
#include "binary.h"

#include <stdio.h>
#include <string.h>

int fs_binary_fail(struct fs_handle *handle, int error, const char *sentence)
{
	struct fs_binary *binary = handle->binary;

	pthread_mutex_lock(&handle->lock);
	binary->error = error;
	snprintf(binary->sentence, sizeof binary->sentence, "%s", sentence ? sentence : "");
	pthread_mutex_unlock(&handle->lock);
	return error;
}

int fs_binary_fail_of(struct fs_handle *handle, int error, struct acr_session *session)
{
	char sentence[sizeof handle->binary->sentence];

	pthread_mutex_lock(&session->lock);
	snprintf(sentence, sizeof sentence, "%s",
	         session->sentence && session->error == error ? session->sentence : "");
	pthread_mutex_unlock(&session->lock);
	return fs_binary_fail(handle, error, sentence);
}

static const uint32_t states[] = {
	[ACR_IDLE] = ACRYPTO_STATE_IDLE,        [ACR_ACTIVE] = ACRYPTO_STATE_ACTIVE,
	[ACR_DONE] = ACRYPTO_STATE_DONE,        [ACR_FAILED] = ACRYPTO_STATE_FAILED,
	[ACR_CANCELLED] = ACRYPTO_STATE_FAILED,
};

static void describe(struct acr_session *session, struct acrypto_status *out)
{
	pthread_mutex_lock(&session->lock);
	out->state = states[session->state];
	out->requests = session->requests;
	out->bytes_in = session->bytes_in;
	out->bytes_out = session->bytes_out;
	out->queue_ns = session->queue_ns;
	out->process_ns = session->process_ns;
	snprintf(out->device, sizeof out->device, "%s",
	         session->device_name ? session->device_name : "");
	pthread_mutex_unlock(&session->lock);
}

void fs_binary_status(fuse_req_t req, struct fs_handle *handle)
{
	struct acrypto_status out = { .version = ACRYPTO_IOCTL_VERSION };

	if (handle->session)
		describe(handle->session, &out);
	pthread_mutex_lock(&handle->lock);
	out.error = (uint32_t)-handle->binary->error;
	memcpy(out.sentence, handle->binary->sentence, sizeof out.sentence);
	pthread_mutex_unlock(&handle->lock);
	fuse_reply_ioctl(req, 0, &out, sizeof out);
}
