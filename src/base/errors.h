/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an error of an attempt says of the device that it came from. */
#ifndef ACR_ERRORS_H
#define ACR_ERRORS_H

#include <errno.h>
#include <stdbool.h>

/* The device has done its work: there is a result, or it is the input that is wrong. */
static inline bool acr_error_is_result(int error)
{
	return !error || error == -EBADMSG || error == -EINVAL;
}

/* Memory is short, here or in the user's quota: another device would not get it either. */
static inline bool acr_error_is_memory(int error)
{
	return error == -ENOSPC || error == -EDQUOT;
}

/* No sign of ill health of the device, though there is no result. */
static inline bool acr_error_is_blameless(int error)
{
	return error == -EOPNOTSUPP || error == -EAGAIN || acr_error_is_memory(error);
}

#endif
