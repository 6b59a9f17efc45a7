/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ACR_NOTIFY_H
#define ACR_NOTIFY_H

/* Tell the service manager, where one listens at $NOTIFY_SOCKET, how the daemon is: lines of
 * VARIABLE=VALUE as in sd_notify(3). Main thread. Returns 0, also where nobody listens;
 * -EINVAL: no such address; or what socket and sendto say. */
int acr_notify(const char *state);

#endif
