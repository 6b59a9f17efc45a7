/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ACR_FOREIGN_H
#define ACR_FOREIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A sentence if an input that begins so seems to be another program's encryption; NULL: no. */
const char *acr_foreign_hint(const uint8_t *data, size_t len);

#endif
