/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the modes of block ciphers hand from one piece of a stream to the next. */
#ifndef ACR_CHAIN_H
#define ACR_CHAIN_H

#include "sched/job.h"

/* Put the IV of the next piece, from the whole blocks that the piece `job` took and gave,
 * in the place of its own; NULL stays. 0 or -ENOSPC. */
int acr_chain_iv(struct acr_blob **iv, const struct acr_job *job);

#endif
