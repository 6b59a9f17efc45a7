/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading shared pointers without a lock: a reader is inside an epoch while it uses what it
 * loaded; a thread that replaces a pointer waits until every reader has left the old epoch. */
#ifndef ACR_EPOCH_H
#define ACR_EPOCH_H

/* Begin and end reading. Not nested; no sleeping in between. Any thread. */
void acr_epoch_enter(void);
void acr_epoch_leave(void);

/* Wait until nobody reads what was replaced before the call. Not inside an epoch. */
void acr_epoch_wait(void);

#endif
