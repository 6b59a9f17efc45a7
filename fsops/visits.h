/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What visit.c and keeper.c share. */
#ifndef FSOPS_VISITS_H
#define FSOPS_VISITS_H

#include "visitor.h"

TAILQ_HEAD(fs_visit_list, fs_visit);
LIST_HEAD(fs_visitor_list, fs_visitor);

struct fs_visits {
	pthread_mutex_t lock; /* (v), and of what accounts say of visits; a leaf */
	pthread_cond_t ended; /* unfinished is 0 */
	struct fs_visit_list queue;
	struct fs_visitor_list idle,
	        kept; /* kept: the keeper watches it; with a visit or given up */
	unsigned idle_count, slow_count;
	unsigned servers, away; /* threads that serve, and those of them that visit */
	unsigned unfinished;    /* visits in all */
	bool closing, ticking;  /* ticking: the keeper looks again soon */
	int events, kick;       /* what the keeper sleeps on; kick: an eventfd */
};
extern struct fs_visits fs_visits;

/* ---- under the lock ---- */

/* Has the user so many slow ones that no more are tried? */
bool fs_visit_too_slow(const struct acr_account *account);
/* Count a visitor with its user's slow ones, or no more. */
void fs_visitor_charge(struct fs_visitor *visitor, bool is_slow);
/* Why a visit can't be kept: -ECANCELED, -EINTR; 0: it can. */
int fs_visit_obstacle(const struct fs_visit *visit);
/* End a visit that is kept, with an error; it is to be concluded. Its visitor is killed,
 * and stays with the keeper until it is gone. */
void fs_visit_give_up(struct fs_visit *visit, int error);
/* The keeper has no more to do with it. */
void fs_visitor_unwatch(struct fs_visitor *visitor);
/* Let the lock go: the visit is over, by an answer of its visitor, and is to be concluded. */
void fs_visit_finish(struct fs_visit *visit);

/* ---- not under the lock ---- */

/* Make sure that no interrupt runs or will. */
void fs_visit_disarm(struct fs_visit *visit);
/* Answer; the visit is on no list, disarmed, and not counted with its user's. */
void fs_visit_conclude(struct fs_visit *visit);
/* A visit has ended, or turned slow: others of its user have their turn, or none. */
void fs_visits_start_queued(void);

#endif
