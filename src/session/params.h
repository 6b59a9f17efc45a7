/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The file `params`. All with the lock held. */
#ifndef ACR_PARAMS_H
#define ACR_PARAMS_H

#include "session.h"

/* One value of it is complete: 0, or -EINVAL with the sentence set. */
int acr_params_set(struct acr_stage *stage, const char *text);
void acr_params_reset(struct acr_stage *stage);
/* Does it fit the algorithm? 0, or -EINVAL with the sentence set. */
int acr_params_rule(struct acr_stage *stage);
/* What was written, with the defaults of the algorithm filled in. */
struct acr_numbers acr_params_numbers(const struct acr_stage *stage);
struct acr_pkey acr_params_pkey(const struct acr_stage *stage);

#endif
