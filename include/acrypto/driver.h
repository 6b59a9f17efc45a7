/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The interface between acryptod and a crypto device driver.
 *
 * A driver is a shared object with one ACR_REGISTER_DRIVER(). The core loads it, makes
 * devices of it (`--device NAME=DRIVER:KEY=VALUE,...`), hands operations to each device in
 * the order of its queue, and gets them back through acr_op_done(). The driver knows nothing
 * of sessions, users or files.
 *
 * This header needs libc alone. Structures only ever grow at the end; a callback that is
 * NULL has the default behaviour given beside it. Errors are negative errno values. */
#ifndef ACRYPTO_DRIVER_H
#define ACRYPTO_DRIVER_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ACR_DRIVER_MAGIC 0x61637264u /* "acrd" */
#define ACR_DRIVER_API   1u

/* What is to be done. The order is ABI. */
enum acr_opcode {
	ACR_ENCRYPT,
	ACR_DECRYPT,
	ACR_HASH,
	ACR_MAC,
	ACR_SIGN,
	ACR_VERIFY,
	ACR_RANDOM,
	ACR_DERIVE,
	ACR_OPCODES
};

enum acr_padding { ACR_PAD_NONE, ACR_PAD_PKCS7 };

/* Parts of a longer input. A whole request carries both. Only capabilities with a `state`
 * are ever given a part; block modes go in parts by their IV alone (see doc/acrypto-driver.7). */
#define ACR_OP_FIRST 1u
#define ACR_OP_LAST  2u
#define ACR_OP_WHOLE (ACR_OP_FIRST | ACR_OP_LAST)

struct acr_bytes {
	const uint8_t *data; /* may be NULL when len is 0 */
	size_t len;          /* bytes */
};

#define ACR_TAG_MAX 64u /* longest tag or MAC, bytes */

/* Named numbers of the session's `params` file; 0 where not given. */
struct acr_numbers {
	uint64_t iterations; /* PBKDF2; default filled in by the core */
	uint64_t n, r, p;    /* scrypt; defaults filled in by the core */
};

/* How ECDSA and SM2 signatures look: SEQUENCE of r and s, or r and s of full length. EdDSA and
 * RSA have one form. */
enum acr_sigformat { ACR_SIG_DER, ACR_SIG_RAW };

#define ACR_SALT_MAX  -1 /* as long as the key allows */
#define ACR_SALT_AUTO -2 /* verify: any length; sign: as long as the digest */

/* What signatures and RSA need beside a key; the core fills in the defaults. */
struct acr_pkey {
	const char *digest; /* canonical name of the digest: of what is signed, or of OAEP's
			     * label. NULL: the algorithm has none */
	const char *mgf1;   /* PSS and OAEP: the mask's digest; else NULL */
	int saltlen;        /* PSS: bytes, or ACR_SALT_* */
	enum acr_sigformat sigformat;
};

/* All that ACR_VERIFY puts into dst where the signature or MAC is right; where it isn't, the
 * operation ends with -EBADMSG. Without it nothing counts as verified. */
#define ACR_VALID "valid\n"

/* What comes after an encryption: the MAC of just its output. A driver that makes both in one pass
 * sets done; any other ignores it, and the MAC is an operation of its own. */
struct acr_follow {
	const char *alg;          /* canonical name of the MAC */
	const void *cap_data;     /* what the driver gave with the matching capability */
	struct acr_bytes key;     /* as acr_op.key */
	size_t tag_size;          /* MAC bytes wanted */
	bool done;                /* (out) counts with acr_op_done(op, 0) alone */
	uint8_t mac[ACR_TAG_MAX]; /* (out) tag_size bytes of it */
};

struct acr_device;

/* One operation, on its way through one device. All of it is frozen from submit() until
 * acr_op_done(): the core keeps the input intact, so that the same work can be given to
 * another device. The driver writes only what is marked (out). */
struct acr_op {
	enum acr_opcode opcode;
	const char *alg;      /* canonical lower-case name, "" for ACR_RANDOM */
	const void *cap_data; /* what the driver gave with the matching capability */
	unsigned flags;       /* ACR_OP_* */
	enum acr_padding padding;

	struct acr_bytes key; /* secret memory; never copy it out of secret memory */
	struct acr_bytes iv;  /* IV, nonce or salt; with 0 bytes: the algorithm has none */
	struct acr_bytes aad; /* associated data; info, custom string or label for others */
	struct acr_bytes src;
	struct acr_bytes tag; /* AEAD decrypt: the tag to verify */
	struct acr_numbers numbers;

	uint8_t *dst;    /* (out) output, never overlaps src */
	size_t dst_size; /* room at dst, bytes: enough for the algorithm's longest result;
	                  * for ACR_RANDOM, ACR_DERIVE and XOFs exactly the bytes wanted */
	size_t dst_len;  /* (out) bytes written to dst */

	uint8_t tag_out[ACR_TAG_MAX]; /* (out) AEAD encrypt: the tag, tag_size bytes */
	size_t tag_size;              /* tag or MAC bytes wanted */

	/* Running state, for parts. `state` is what an earlier part left (NULL with
	 * ACR_OP_FIRST); it must stay usable until this operation has succeeded, because the
	 * part may be repeated elsewhere. A part without ACR_OP_LAST ends with
	 * acr_op_set_state(). */
	void *state;

	void *driver_data; /* (out) the driver's own, from submit() to acr_op_done() */
	void *driver_area; /* the driver's own area in secret memory, `area_size` of the
	                     * device, zeroed before submit(), wiped after acr_op_done() */

	struct acr_bytes sig;          /* verify: the signature or MAC to check */
	struct acr_bytes private_area; /* the session's `private` file, at most 1024 bytes */
	struct acr_pkey pkey;
	struct acr_follow *follow; /* encrypt: may be done along with it; NULL: nothing */
};

/* One thing a device can do. */
struct acr_capability {
	enum acr_opcode opcode;
	const char *alg;       /* canonical name; "" for ACR_RANDOM. Unknown: -EINVAL */
	const void *data;      /* comes back as acr_op.cap_data */
	const char *state;     /* format of the running state, NULL: takes no parts. Devices
	                        * with the same format may continue each other's parts */
	size_t max_src;        /* longest input in bytes, 0: the algorithm's own limit */
	unsigned queue_length; /* most queued sessions, 0: the core's default */
	unsigned flags;        /* ACR_CAP_* */
	const char *limits;    /* what it takes beside max_src, in words that need no other
	                        * sentence, as "odd moduli of 512 bits"; NULL: all that the
	                        * algorithm takes */
};

#define ACR_CAP_ONCE                                                                           \
	1u /* must not be done twice (what was handed out, counted or audited):
                         * once begun it is never repeated on another device, and not checked
                         * by repetition */

/* One KEY=VALUE of a device's specification. Tables end with a NULL name. */
struct acr_option {
	const char *name;
	const char *help;          /* one line, with unit and range */
	const char *default_value; /* NULL: no default, the option may be absent */
};

#define ACR_DRIVER_SYNC                                                                        \
	1u                   /* submit() computes and calls acr_op_done() before returning;
                             * the core gives each device `width` threads */
#define ACR_DRIVER_INLINE 2u /* with SYNC: any thread may come, more than `width` at once */
#define ACR_DRIVER_AUTO   4u /* make device NAME0 at start where probe() finds hardware */
#define ACR_DRIVER_FAULT  8u /* a test device: never feeds the `random` file */
#define ACR_DRIVER_NULL                                                                        \
	16u /* computes nothing: takes only sessions bound to it, unless it
                              * is the only device */

struct acr_driver {
	const char *name;                 /* as in --device NAME=DRIVER */
	const char *help;                 /* one line */
	const struct acr_option *options; /* NULL: none */
	unsigned flags;                   /* ACR_DRIVER_* */

	/* Make the device ready: read options, find hardware, add capabilities, set the width.
	 * Context: control thread, may sleep, no other callback of this device is running.
	 * Returns 0, or a negative errno after acr_device_explain(): the device is not made
	 * and remove() is not called. -ENODEV: no such hardware here (silent with AUTO). */
	int (*probe)(struct acr_device *dev);

	/* Take up to n operations, in the order of the queue.
	 * ops  keeps each accepted op until acr_op_done(); never modified but for (out)
	 * n    1..batch of acr_device_set_width()
	 * Context: one of the device's threads (SYNC: up to `width` at once, or with INLINE
	 * any threads, the caller's for what is small; else one at a time). No locks held. May
	 * sleep only if SYNC.
	 * Returns the number accepted, 0..n, the first ones; the rest stay queued and are
	 * offered again after the next acr_op_done() or acr_device_ready(). -ENODEV: the
	 * device is gone, nothing was accepted. */
	int (*submit)(struct acr_device *dev, struct acr_op **ops, unsigned n);

	/* Complete what waits for company. Called when nothing more is queued, or when the
	 * oldest accepted op has waited for flush_us of acr_device_set_flush(). Context as
	 * submit(). NULL: nothing ever waits. */
	void (*flush)(struct acr_device *dev);

	/* The core no longer wants this accepted op. The driver should let go of it soon and
	 * call acr_op_done(op, -ECANCELED), here or later; its result is discarded. It may
	 * have been ended a moment ago, so op must first be found among those in flight.
	 * Context: any thread, no locks held. NULL: the op is waited for. */
	void (*cancel)(struct acr_device *dev, struct acr_op *op);

	/* Free a running state made with acr_op_set_state(). Context: any thread.
	 * Required where a capability has a `state`. */
	void (*state_free)(void *state);

	/* Bring a broken device back (`ctl: repair`, `ctl: reset`). No op is in flight.
	 * Context: control thread, may sleep. Returns 0 or a negative errno: it stays broken.
	 * NULL: nothing to do. */
	int (*reset)(struct acr_device *dev);

	/* Give everything back. Every op in flight must be ended with acr_op_done() before
	 * this returns; after it the driver touches none of them. Context: control thread,
	 * may sleep, no submit() is running or will come. NULL: nothing to give back. */
	void (*remove)(struct acr_device *dev);
};

struct acr_driver_module {
	uint32_t magic, api;
	size_t size; /* of struct acr_driver as the module was compiled with */
	const struct acr_driver *driver;
};

#define ACR_EXPORT __attribute__((visibility("default")))

/* Emits the one symbol that the core looks for. */
#define ACR_REGISTER_DRIVER(table)                                                             \
	ACR_EXPORT extern const struct acr_driver_module acrypto_driver;                       \
	const struct acr_driver_module acrypto_driver = { ACR_DRIVER_MAGIC, ACR_DRIVER_API,    \
		                                          sizeof(struct acr_driver),           \
		                                          &(table) }

/* ---- what a driver may call ---- */

/* Name of the device, for messages. Returns borrowed, lives as long as the device. */
const char *acr_device_name(const struct acr_device *dev);

/* The driver's own pointer for this device. Any thread. */
void acr_device_set_private(struct acr_device *dev, void *private_data);
void *acr_device_private(const struct acr_device *dev);

/* Value of an option as text: what was given, else its default, else NULL. Returns borrowed,
 * valid until remove() has returned. */
const char *acr_device_option(const struct acr_device *dev, const char *name);

/* The same as a number in min..max. Returns 0, or -EINVAL with the reason explained. */
int acr_device_option_number(struct acr_device *dev, const char *name, uint64_t min,
                             uint64_t max, uint64_t *value);

/* probe() only. Declare a capability; the struct is copied, its strings must live as long as
 * the driver. Returns 0 or -EINVAL (unknown algorithm, or one without this operation). */
int acr_device_add_capability(struct acr_device *dev, const struct acr_capability *cap);

/* probe() only. Declare every operation of every algorithm that the core knows, for devices
 * that compute nothing or hand all on. tmpl: `data`, `max_src` and `queue_length` go into each
 * capability; `state` into those whose algorithm goes in parts with a running state, NULL
 * elsewhere; `opcode` and `alg` are not looked at. Borrows tmpl; its strings must live as long
 * as the driver. Returns the number of capabilities added, or -ENOMEM. */
int acr_device_add_all_capabilities(struct acr_device *dev, const struct acr_capability *tmpl);

/* probe() only. width: operations in flight at once, 1..65536 (SYNC: threads, at most 1024).
 * batch: the most that submit() takes in one call, 1..width (SYNC: 1..256). Default 1, 1. */
void acr_device_set_width(struct acr_device *dev, unsigned width, unsigned batch);

/* probe() only. How many of those in flight the device really works on at once, 1..width, and
 * the others wait in it, as in a pipeline. For balancers. Default: width. */
void acr_device_set_units(struct acr_device *dev, unsigned units);

/* probe() only. Longest time in microseconds that an accepted op may wait for company before
 * flush() is called. Default 0: flush() when the queue has run empty. */
void acr_device_set_flush(struct acr_device *dev, unsigned flush_us);

/* probe() only. Bytes of acr_op.driver_area, at most 65536. Default 0: NULL. */
void acr_device_set_area(struct acr_device *dev, size_t area_size);

/* probe() and reset(): say in one sentence why it failed; no secrets. */
void acr_device_explain(struct acr_device *dev, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

/* The device doesn't work any more: everything queued on it and in flight is given to other
 * devices. Ops in flight should still be ended with acr_op_done(); late results are
 * discarded. Any thread, not under a lock that cancel() takes. reason is copied. */
void acr_device_broken(struct acr_device *dev, const char *reason);

/* There is room again, after a submit() that took fewer than it was offered. Any thread. */
void acr_device_ready(struct acr_device *dev);

/* An accepted op has ended. After this the driver doesn't touch it.
 * error 0: done, the (out) fields are filled in.
 * -EBADMSG: tag or padding doesn't verify. -EINVAL: input that the algorithm can't take.
 *   These are results; the session fails with them.
 * -EOPNOTSUPP, -EAGAIN: not done, and never will be or not now; another device is tried and
 *   this one isn't blamed.
 * Any other: the device failed this op; another is tried, unless it must be done only once
 *   (ACR_CAP_ONCE). A device that fails over half of its last 20 is put into quarantine.
 * Any thread, at most once for each accepted op. */
void acr_op_done(struct acr_op *op, int error);

/* Add one sentence about a coming failure to the session's status; no secrets. */
void acr_op_explain(struct acr_op *op, const char *sentence);

/* Before acr_op_done(): how long, in nanoseconds, the device has worked on it, where before that it
 * waited in the device for others. Default: since it was accepted. */
void acr_op_took(struct acr_op *op, uint64_t ns);

/* Before acr_op_done(op, 0) on a part without ACR_OP_LAST: the new running state. The core
 * takes it and frees it with state_free() of this driver. */
void acr_op_set_state(struct acr_op *op, void *state);

/* Locked, non-dumpable memory that is wiped when it is freed. NULL when it can't be had.
 * Any thread. Alignment 64 bytes. */
void *acr_secret_alloc(size_t size);
void acr_secret_free(void *pointer);

enum acr_log_level { ACR_LOG_ERROR, ACR_LOG_WARNING, ACR_LOG_INFO, ACR_LOG_DEBUG };

/* One line to the daemon's log, without newline, key or data bytes. Preserves errno. */
void acr_log(enum acr_log_level level, const char *module, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

#ifdef __cplusplus
}
#endif
#endif
