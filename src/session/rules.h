/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the values of a stage must be for its request to make sense. All with the lock held. */
#ifndef ACR_RULES_H
#define ACR_RULES_H

#include "session.h"

/* A rule: 0, or the errno with the sentence set. */
typedef int acr_rule(struct acr_stage *stage);

/* Everything that can be said of a stage without its input. 0, or the errno with the sentence
 * set. */
int acr_rules_all(struct acr_stage *stage);
/* Is this a length that the algorithm takes, IV and tag apart? As above. */
int acr_rules_size(struct acr_stage *stage, uint64_t len);
/* The same for values alone that are there already, when alg has become known. */
int acr_rules_given(struct acr_stage *stage);
/* Something was written: what was wrong before counts no more, but files that were left bad
 * do. */
void acr_rules_put_right(struct acr_session *session);
/* The padding that an algorithm has unless told otherwise, as the file reads. */
const char *acr_rules_padding(const struct acr_alg *alg);
/* Does the algorithm take the one that was written? As above. */
int acr_rule_padding(struct acr_stage *stage);
/* Can the algorithm give as much as length says? As above. */
int acr_rule_length(struct acr_stage *stage);
/* Does the present operation add or remove padding? */
bool acr_rules_pads(const struct acr_stage *stage);
/* Does using one nonce twice break the present operation? */
bool acr_rules_unique_iv(const struct acr_stage *stage);
/* Would the written IV be refused because this key has met it? */
bool acr_rules_nonce_used(const struct acr_stage *stage);
/* `random` needs no alg and has its row while it is checked and built; back to what was
 * written. */
void acr_rules_settle(struct acr_stage *stage);

#endif
