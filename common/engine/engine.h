/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The software engine: OpenSSL 3 behind the driver API. The driver `soft` is this engine and
 * little else; the fault drivers link it too, to compute what they then spoil. */
#ifndef ACR_SOFT_ENGINE_H
#define ACR_SOFT_ENGINE_H

#include <acrypto/driver.h>

/* The format of the running states, see acr_capability.state. Any module that links this
 * engine can continue what another has begun. */
#define SOFT_STATE "openssl-evp"

/* What acr_op.cap_data points to: a fetched algorithm of OpenSSL. Opaque. */
struct soft_cap;

/* What a device allows. acr_op.driver_data may point to it; NULL: the defaults. */
struct soft_limits {
	uint64_t scrypt_memory; /* bytes that one scrypt may take */
};
#define SOFT_SCRYPT_MIB 256 /* of scrypt_memory by default */

/* Load the providers on first use and declare what OpenSSL at hand has.
 * dev  borrows; called from its probe()
 * Context: control thread.
 * Returns 0; each success needs one soft_release(). -ENODEV: OpenSSL has nothing, the reason
 * is explained. -ENOMEM. */
int soft_add_capabilities(struct acr_device *dev);

/* The counterpart, from remove() or a failing probe(). No op may be in flight; running states
 * may, they hold what they need. Context: control thread. */
void soft_release(void);

/* Compute one operation, whole or a part.
 * op  borrows; its (out) fields are filled in, acr_op_done() is the caller's. On failure dst
 *     is wiped.
 * Context: any thread, does not sleep, no locks held.
 * Returns 0; -EINVAL, -EBADMSG: results, as for acr_op_done(); -EOPNOTSUPP: not for us;
 * -ENOMEM, -EIO: OpenSSL failed. */
int soft_compute(struct acr_op *op);

/* acr_driver.state_free of every module that links the engine. Any thread. */
void soft_state_free(void *state);

#endif
