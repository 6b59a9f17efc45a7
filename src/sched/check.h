/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Check on suspicion: the result of an operation is compared with that of an unrelated device
 * before anybody sees it.
 *
 * A check stands between the end of a job's attempt and its done(). It sends copies of the job to
 * other devices, one after the other, until two devices agree; who said otherwise is put into
 * quarantine. With nobody left to ask, those that differ are asked again, and then for known
 * answers. What can't be settled is never shown: the job fails with EIO. */
#ifndef ACR_CHECKING_H
#define ACR_CHECKING_H

#include "device/device.h"

/* A rule says which operations are checked: never, always, or each Nth. */
#define ACR_CHECK_NEVER      0u
#define ACR_CHECK_ALWAYS     UINT32_MAX
#define ACR_CHECK_SAMPLE_MAX 1000000u

/* `never`, `always` or `sample N`. False: it is none of these. */
bool acr_check_parse(const char *text, uint32_t *rule);
#define ACR_CHECK_TEXT 24
void acr_check_text(uint32_t rule, char text[ACR_CHECK_TEXT]);

/* One more operation under a rule: is it to be checked? count: of those before it.
 * SAMPLED: what can't be compared is delivered all the same. MUST: it is not. */
enum acr_check_need acr_check_due(uint32_t rule, uint32_t count);

/* Would doing it twice give the same? */
bool acr_check_comparable(enum acr_opcode opcode, const struct acr_alg *alg);

/* A result is there (0, -EBADMSG or -EINVAL): must it be checked, by its own rule or by its
 * device's? Counts the operation. Any thread. */
enum acr_check_need acr_check_wanted(const struct acr_job *job,
                                     const struct acr_attempt *attempt, int error);

/* Check it, and call its done() once. The job has its result. Any thread, no locks held. */
void acr_check_begin(struct acr_job *job, const struct acr_attempt *attempt, int error,
                     enum acr_check_need need);

/* acr_job_cancel() of a job that is being checked. True: done() won't be called. */
bool acr_check_cancel(struct acr_job *job);

/* ---- for tests of devices, too ---- */

/* The same work once more, not bound and with no owner. Returns owned, NULL: no memory. */
struct acr_job *acr_check_copy(const struct acr_job *job);
/* Do two results agree? Two refusals do. */
bool acr_check_same(const struct acr_job *a, int error_a, const struct acr_job *b, int error_b);
/* The device that is to confirm what these n have done or failed to do: one with another driver
 * than theirs if there is any, a test device only if there is no other, never one that computes
 * nothing; of equals the one that has least to do. A reference; NULL: nobody. */
struct acr_device *acr_check_partner(const struct acr_job *job, struct acr_device *const *asked,
                                     unsigned n);

#endif
