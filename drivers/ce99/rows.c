/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The algorithms of the chip. Feedback in CFB and OFB is taken to be of 64 bits, as in what the
 * vendor's library was used beside; the test at the start decides. A fifth mode, KSG, is not
 * here: nobody has told how it counts. */
#include "ce99.h"

/* clang-format off */
#define CIPHER(NAME, KEYS)                                                                     \
	{ .alg = NAME "-ecb", .mode = CHIP_ECB, .keys = KEYS, .whole = true },                 \
	{ .alg = NAME "-cbc", .mode = CHIP_CBC, .keys = KEYS, .whole = true, .iv = true },     \
	{ .alg = NAME "-cfb", .mode = CHIP_CFB, .keys = KEYS, .iv = true },                    \
	{ .alg = NAME "-ofb", .mode = CHIP_OFB, .keys = KEYS, .iv = true }

const struct ce99_row ce99_rows[] = {
	CIPHER("des", 1),
	CIPHER("des-ede3", 3),
};
/* clang-format on */

const unsigned ce99_row_count = sizeof(ce99_rows) / sizeof(ce99_rows[0]);

_Static_assert(sizeof(ce99_rows) / sizeof(ce99_rows[0]) <= CE99_ROWS_MAX, "as many offers");
