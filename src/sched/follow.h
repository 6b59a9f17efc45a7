/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An encryption and the MAC of its output in one pass, where a device can do that.
 *
 * The job of a stage that encrypts carries what the next stage of the route wants of just this
 * output. Each attempt of it shows that to its driver (acr_op.follow) if its device could also
 * do the MAC alone. A driver that did both says so; then the session takes the MAC from there.
 * In any other case the next stage is a job of its own, as ever. */
#ifndef ACR_FOLLOW_H
#define ACR_FOLLOW_H

#include "device/device.h"

/* Before the driver sees the attempt: set op.follow, or leave it NULL. Any thread. */
void acr_follow_prepare(const struct acr_device *dev, struct acr_attempt *attempt);

/* What was done with the attempt, or NULL. Valid as long as the job. */
const struct acr_follow *acr_follow_done(const struct acr_attempt *attempt);

/* Under (q): the attempt has succeeded; count the MAC, if one was made. */
void acr_follow_count(struct acr_device *dev, const struct acr_attempt *attempt);

#endif
