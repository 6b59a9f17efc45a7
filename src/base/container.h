/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a member of a structure to the structure. */
#ifndef ACR_CONTAINER_H
#define ACR_CONTAINER_H

#include <stddef.h>
#include <stdint.h>

#define acr_container_of(pointer, type, member)                                                \
	((type *)((uintptr_t)(pointer)-offsetof(type, member)))

#endif
