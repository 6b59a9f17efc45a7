/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Texts about the daemon and its devices, as the files show them. */
#ifndef ACR_REPORT_H
#define ACR_REPORT_H

#include "device/device.h"

/* What the front end adds to `status`: "name: value" lines. */
extern void (*acr_report_front)(GString *text);

void acr_report_version(GString *text);
void acr_report_status(GString *text);
void acr_report_algorithms(GString *text);
void acr_report_metrics(GString *text); /* metrics.c */

void acr_report_device_state(struct acr_device *dev, GString *text);
void acr_report_device_load(struct acr_device *dev, GString *text);
/* uid: names of this user's sessions only; all: everybody's. */
void acr_report_device_queue(struct acr_device *dev, uint32_t uid, bool all, GString *text);
void acr_report_capability(const struct acr_capstat *cap, GString *text); /* one line */
void acr_report_device_capabilities(struct acr_device *dev, GString *text);
void acr_report_device_stats(struct acr_device *dev, GString *text);

#endif
