/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether the request that a thread serves just now has to be wiped from its buffer. */
#include "fsops.h"

static _Thread_local bool wanted;

void fs_wipe_request(void)
{
	wanted = true;
}

bool fs_wipe_wanted(void)
{
	bool was = wanted;

	wanted = false;
	return was;
}
