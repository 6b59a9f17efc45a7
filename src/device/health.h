/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Devices that fail too often: put into quarantine, tested, and taken back.
 *
 * A device in quarantine is broken to everybody but the thread that tests it. It is tested
 * 1 s after it got there, then 2 s after that failed, and so on up to 60 s. What the
 * driver, `ctl` or the watchdog has broken is not in quarantine: it waits for `repair`. */
#ifndef ACR_HEALTH_H
#define ACR_HEALTH_H

#include "device.h"

#define ACR_HEALTH_WINDOW 20u /* requests */

/* Under (q): one more request of a ready device has ended, well or not. Puts the device into
 * quarantine when more than half of the window has failed. */
void acr_health_note(struct acr_device *dev, bool failed);

/* Put a working device into quarantine. Under (q). */
void acr_health_confine(struct acr_device *dev, const char *reason);

/* Put a working device into quarantine; its sessions are moved by its own threads. suspect:
 * what it gave a wrong result of, NULL: nothing. Any thread, no locks held. */
void acr_device_quarantine(struct acr_device *dev, const struct acr_capstat *suspect,
                           const char *reason);

/* Start a test if one is due. Control threads, now and then; does not wait. */
void acr_health_watch(struct acr_device *dev);

/* Forget everything: somebody has repaired it. Under (q). */
void acr_health_clear(struct acr_device *dev);

/* Wait for the end of a test. The device is removed: none will begin. Without (q) and
 * control. */
void acr_health_stop(struct acr_device *dev);

#endif
