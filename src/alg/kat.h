/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Known answers, typed from the standards, by which a device is tested. */
#ifndef ACR_KAT_H
#define ACR_KAT_H

#include <acrypto/driver.h>

/* One answer. Texts are hexadecimal, NULL where there is nothing. An encryption also holds
 * backwards. */
struct acr_known {
	enum acr_opcode opcode;
	const char *alg;
	const char *key, *iv, *aad, *src, *dst, *tag;
	unsigned iterations;
};

extern const struct acr_known acr_known[];
extern const unsigned acr_known_count;

#endif
