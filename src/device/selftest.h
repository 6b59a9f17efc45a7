/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Is what a device computes right? It is asked what is known from the standards, and where no
 * standard helps, what an unrelated device can compute too. */
#ifndef ACR_SELFTEST_H
#define ACR_SELFTEST_H

#include "device.h"

#define ACR_TEST_ANSWERS 24u /* right ones in a row that a device must give, at least */

/* NONE: there was nothing that it could be asked, or the test could not be held. */
enum acr_verdict { ACR_TEST_PASSED, ACR_TEST_FAILED, ACR_TEST_NONE };

/* Ask a device, one question after the other: all known answers that it can give, each in
 * turn, until there are enough. compare: and where no answer is known, another device's
 * counts; what is under suspicion, suspect, is asked in any case, and anything only if else
 * there is nothing. done is called once, from any thread and perhaps before this returns,
 * with no locks held. The device is ready, or in state TESTING; when it goes away the
 * verdict is NONE. Any thread. */
void acr_selftest_start(struct acr_device *dev, bool compare, const struct acr_capstat *suspect,
                        void (*done)(void *owner, enum acr_verdict verdict), void *owner);

#endif
