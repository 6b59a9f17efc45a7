/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon's log: standard error while in the foreground, syslog after that.
 * acr_log() itself is declared in <acrypto/driver.h>. */
#ifndef ACR_LOG_H
#define ACR_LOG_H

#include <acrypto/driver.h>

void acr_log_set_level(enum acr_log_level level);
void acr_log_to_syslog(void);

/* "error", "warning", "info" or "debug"; -1: none of them. */
int acr_log_level_find(const char *name);

/* The last error sentence of the daemon (the reason that a devices/add failed, say), for its
 * status file. text has room for size bytes. */
void acr_log_last_error(char *text, size_t size);
/* What this module complained of last is put right: no error any more, if it was the last. */
void acr_log_put_right(const char *module);

#endif
