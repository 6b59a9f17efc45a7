/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files about one device share: device.c (queue and driver), device_threads.c,
 * device_health.c, watchdog.c. */
#ifndef ACR_DEVICE_INNER_H
#define ACR_DEVICE_INNER_H

#include "device.h"

#define ACR_BATCH_MAX 256 /* operations in one call of submit() */

/* Accounting; all under (q). */
void acr_device_enter_queue(struct acr_device *dev, struct acr_attempt *attempt);
void acr_device_leave_queue(struct acr_device *dev, struct acr_attempt *attempt);
/* beside: how many it may have to wait for, itself among them. */
void acr_device_start_running(struct acr_device *dev, struct acr_attempt *attempt, uint64_t now,
                              unsigned beside);

/* Under (q). Take a running attempt away from the device; false: it has ended already. */
bool acr_device_make_orphan(struct acr_device *dev, struct acr_attempt *attempt);

/* Under (q). Bound sessions that found no room come in as there is some. */
void acr_device_refill(struct acr_device *dev);

/* Under (q), which is let go meanwhile: one in quarantine still has sessions. */
void acr_device_evict(struct acr_device *dev);

/* Under (q): an operation has ended well after this time. */
void acr_device_learn(struct acr_attempt *attempt, uint64_t process_ns);
/* Under (q): a request that it worked on is taken back. Who answers nothing between such ones for
 * as long as one may take is put into quarantine. */
void acr_device_note_silence(struct acr_device *dev, const struct acr_attempt *attempt);

/* The driver, if it knows it, may let go of an orphan. No locks held; the caller counts among
 * dev->callers since before it was made one, so that the device is not removed meanwhile. */
void acr_device_tell_driver(struct acr_device *dev, struct acr_attempt *attempt);

/* No longer among dev->callers. No locks held; the caller has a reference to the device. */
void acr_device_leave_driver(struct acr_device *dev);

/* Under (q), which is let go meanwhile: wait until nobody is among dev->callers. False: after
 * so many seconds somebody still is. */
bool acr_device_await_callers(struct acr_device *dev, unsigned seconds);

/* Hand attempts that were marked running to the driver. No locks held. */
void acr_device_submit(struct acr_device *dev, struct acr_attempt **attempts, unsigned n);

#endif
