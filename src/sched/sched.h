/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the scheduler's files share: sched.c (placing), nobody.c, waiting.c (the main
 * queue), check.c. */
#ifndef ACR_SCHED_H
#define ACR_SCHED_H

#include "device/device.h"

/* Could this device, which is not a group, do the job, apart from room? devices: how many there
 * are. Inside an epoch. */
bool acr_sched_capable(const struct acr_job *job, const struct acr_device *dev,
                       unsigned devices);

/* Is the job within the longest input of a capability? */
static inline bool acr_sched_short_enough(const struct acr_job *job,
                                          const struct acr_capstat *cap)
{
	return !cap->cap.max_src || job->src_len <= cap->cap.max_src;
}

/* No device of the set could take the job (nobody.c): why, ACR_SENTENCE bytes; "": the sentence
 * that it has stays. -EIO: one failed at it; -EOPNOTSUPP: those that work can't do it; -ENODEV:
 * there is none. Inside an epoch. */
int acr_sched_nobody(const struct acr_device_set *set, const struct acr_job *job, char *why);

/* As acr_job_submit(), for a job that keeps the arrival that it has. */
int acr_sched_place(struct acr_job *job);

/* The same as acr_sched_retry(), for a job whose turn it is among those that wait. */
void acr_sched_serve(struct acr_job *job);

/* ---- jobs that wait because every device that could take them is full (waiting.c) ---- */

/* The places of groups come beside the main one. Any thread. */
void acr_waiting_add_place(struct acr_waiting *place);
void acr_waiting_remove_place(struct acr_waiting *place); /* it is empty */

/* Does anything wait for the same that comes before this job, or is equal to it? */
bool acr_waiting_ahead(const struct acr_job *job);

/* The attempt, which has no device, waits. 0 or -ENOSPC. */
int acr_waiting_add(struct acr_job *job, struct acr_attempt *attempt);

/* Take it back. False: it waits no more. */
bool acr_waiting_take_back(struct acr_attempt *attempt);

/* While there is room: place the first of those that can use it. No locks held. */
void acr_waiting_serve(enum acr_opcode opcode, const struct acr_alg *alg);

/* Place all of them anew; a job that can be placed nowhere any more fails. No locks held. */
void acr_waiting_rehash(void);

void acr_waiting_set_ageing(double ageing);

#endif
