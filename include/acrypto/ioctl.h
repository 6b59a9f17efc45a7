/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The binary interface of acryptod: ioctl() calls on the file `ioctl` of its mount.
 *
 * Four calls do all of it. A descriptor holds at most one session, which ends with it:
 *
 *   ACRYPTO_SESSION_ALLOC  makes the session: operation, algorithm, sizes
 *   ACRYPTO_FILL_DATA      gives it a key, an IV, input ..., from memory of the caller
 *   ACRYPTO_SESSION_ADD    submits it, waits, and stores the result in memory of the caller
 *   ACRYPTO_DIRECT         all of that in one call, with no session
 *
 * Where the daemon may not reach the caller's memory (EPERM, ESRCH), ACRYPTO_FILL_INLINE and
 * ACRYPTO_FETCH_INLINE carry the bytes in the call itself, and write() and read() on the same
 * descriptor carry any amount.
 *
 * All calls return 0, or -1 with errno; ACRYPTO_STATUS says in a sentence what was wrong. They
 * may be made from any thread and after fork(); pointers are always those of the process that
 * makes the call. A structure is filled with zeros first; what is left zero has its default.
 * The layout is the same for 32-bit and 64-bit callers. See acrypto-ioctl(7).
 *
 * This header needs no library. Structures never change: what grows has a new number. */
#ifndef ACRYPTO_IOCTL_H
#define ACRYPTO_IOCTL_H

#include <linux/ioctl.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ACRYPTO_IOCTL_VERSION 1u
#define ACRYPTO_IOCTL_TYPE    0xAC
#define ACRYPTO_NAME_SIZE     64u /* of names, with the final zero byte */
#define ACRYPTO_PARAMS_SIZE   128u
#define ACRYPTO_INLINE_MAX    8192u /* bytes of data in one inline call */

/* A pointer for the fields below, from 32-bit programs too. */
#define ACRYPTO_POINTER(p) ((uint64_t)(uintptr_t)(p))

/* What is to be done. */
enum acrypto_operation {
	ACRYPTO_IMPLIED = 0, /* what the algorithm is for: encrypt, hash or mac */
	ACRYPTO_ENCRYPT,
	ACRYPTO_DECRYPT,
	ACRYPTO_HASH,
	ACRYPTO_MAC,
	ACRYPTO_SIGN,
	ACRYPTO_VERIFY,
	ACRYPTO_RANDOM, /* needs no algorithm */
	ACRYPTO_DERIVE
};

/* Which data. */
enum acrypto_type {
	ACRYPTO_SRC = 1,
	ACRYPTO_DST, /* where the result goes */
	ACRYPTO_KEY,
	ACRYPTO_IV,  /* IV, nonce or salt */
	ACRYPTO_AAD, /* associated data; info, custom string or label */
	ACRYPTO_TAG, /* decrypt: the tag to verify; encrypt: where it goes */
	ACRYPTO_SIG  /* verify: the signature or MAC */
};

/* Flags of an initializer. With neither, the layout is combined if no IV is given. */
#define ACRYPTO_COMBINED 1u /* the ciphertext has the IV before it and the tag after it */
#define ACRYPTO_DETACHED 2u /* it has not */

#define ACRYPTO_PRIORITY_ZERO 0xffffffffu /* 0 itself: a field of 0 means the default */

/* What a session does, for ACRYPTO_SESSION_ALLOC and ACRYPTO_DIRECT. */
struct acrypto_session_initializer {
	uint32_t version;   /* ACRYPTO_IOCTL_VERSION, else EINVAL */
	uint32_t operation; /* enum acrypto_operation */
	uint32_t priority;  /* 1..65535, default 1000; above it EACCES but for the privileged */
	uint32_t flags;     /* ACRYPTO_COMBINED or ACRYPTO_DETACHED */
	uint32_t tag_size;  /* bytes of tag or MAC; 0: the full length */
	uint32_t deadline_ms;             /* from the start, then ETIMEDOUT; 0: none */
	char alg[ACRYPTO_NAME_SIZE];      /* as in the file `alg` of a session */
	char device[ACRYPTO_NAME_SIZE];   /* bound to this one; empty: the balancer chooses */
	char padding[16];                 /* as in `padding`; empty: the default */
	char params[ACRYPTO_PARAMS_SIZE]; /* as in `params` */
};

/* Make the session of this descriptor.
 * EBUSY: it has one. EINVAL: sizes that the algorithm can't have, wrong version or flags.
 * EOPNOTSUPP: no such algorithm or operation. EACCES: priority. EDQUOT: too many sessions. */
struct acrypto_session_alloc {
	struct acrypto_session_initializer init;
	uint64_t src_size; /* most bytes of input; 0: the input is empty, or there is none */
	uint64_t dst_size; /* random, derive, XOFs: bytes wanted, 0: the default. Else unused */
	uint32_t key_size; /* bytes; 0: no key */
	uint32_t iv_size;  /* bytes; 0: none, or a fresh random one for each request */
};
#define ACRYPTO_SESSION_ALLOC _IOW(ACRYPTO_IOCTL_TYPE, 1, struct acrypto_session_alloc)

/* The data comes by write(), or goes by read(), on this descriptor; `pointer` is 0. write()
 * takes `size` bytes in as many calls as one likes; the value is in force with the last one. */
#define ACRYPTO_BY_FILE 1u

/* Give the session data. Input is copied before the call returns. ACRYPTO_DST (and ACRYPTO_TAG
 * of an encryption) only say where ACRYPTO_SESSION_ADD will store it.
 * A new ACRYPTO_SRC begins the next request; the rest stays as it was.
 * EINVAL: no session yet, or a size that differs from the one announced (key, iv) or that the
 * algorithm can't take. EMSGSIZE: more src than announced. EBUSY: the request is running, or
 * another call is filling. EFAULT: no such memory, or it does not answer. EAGAIN: so much of this
 * user's does not answer that no more is tried. EPERM, ESRCH: it can't be reached. */
struct acrypto_fill_data {
	uint32_t type;  /* enum acrypto_type */
	uint32_t flags; /* ACRYPTO_BY_FILE */
	uint64_t size;  /* bytes; of DST and TAG: the room there */
	uint64_t pointer;
};
#define ACRYPTO_FILL_DATA _IOW(ACRYPTO_IOCTL_TYPE, 2, struct acrypto_fill_data)

/* Memory of the caller. */
struct acrypto_buffer {
	uint64_t pointer; /* 0: none */
	uint64_t size;    /* bytes; results: in the room there, out the bytes there are */
};

/* Submit the request, wait until it is done, and store what came of it. A buffer without a
 * pointer takes what ACRYPTO_FILL_DATA said; if that said nothing either, the result stays for
 * ACRYPTO_FETCH_INLINE and read(). `size` comes back in any case.
 * EINTR: a signal came; the request goes on, and calling again goes on waiting for it.
 * EMSGSIZE: a result is larger than its room; the sizes say how much is needed, nothing was
 * stored, and calling again stores it. So it is after EFAULT. Once it is stored, or the request
 * has failed, calling again submits the next one: ENODATA without a new src.
 * EAGAIN: too many calls of this user are waiting; or not done yet, where the descriptor is
 * O_NONBLOCK. Else the errno with which the request failed. */
struct acrypto_session_add {
	struct acrypto_buffer dst;
	struct acrypto_buffer tag; /* of an encryption with detached layout */
	struct acrypto_buffer iv;  /* which one was used */
	uint64_t flags;            /* 0 */
};
#define ACRYPTO_SESSION_ADD _IOWR(ACRYPTO_IOCTL_TYPE, 3, struct acrypto_session_add)

/* Everything in one call on the caller's own memory, beside the descriptor's session. The errors
 * are those of the calls above; EINTR ends it, and calling again begins anew. No output is
 * stored before all of it is known to be right. src and dst may be the same. */
struct acrypto_direct {
	struct acrypto_session_initializer init;
	struct acrypto_buffer src;
	struct acrypto_buffer dst; /* random, derive, XOFs: size is what is wanted */
	struct acrypto_buffer key;
	struct acrypto_buffer iv; /* none: a fresh one, and it stands before the ciphertext */
	struct acrypto_buffer aad;
	/* Decrypt: to verify; encrypt with detached layout: stored */
	struct acrypto_buffer tag;
	struct acrypto_buffer sig;
};
#define ACRYPTO_DIRECT _IOWR(ACRYPTO_IOCTL_TYPE, 4, struct acrypto_direct)

/* Bytes in the call itself, up to ACRYPTO_INLINE_MAX.
 * ACRYPTO_FILL_INLINE: bytes offset .. offset+size-1 of a value of `total` bytes, in order from
 * offset 0; it is in force with the last one. Errors as of ACRYPTO_FILL_DATA.
 * ACRYPTO_FETCH_INLINE: up to `size` bytes of ACRYPTO_DST, ACRYPTO_TAG or ACRYPTO_IV from
 * offset; size and total come back. EAGAIN: the request has not ended. */
struct acrypto_inline {
	uint32_t type; /* enum acrypto_type */
	uint32_t size; /* bytes of `data` */
	uint64_t offset;
	uint64_t total;
	uint8_t data[ACRYPTO_INLINE_MAX];
};
#define ACRYPTO_FILL_INLINE  _IOW(ACRYPTO_IOCTL_TYPE, 5, struct acrypto_inline)
#define ACRYPTO_FETCH_INLINE _IOWR(ACRYPTO_IOCTL_TYPE, 6, struct acrypto_inline)

enum acrypto_state {
	ACRYPTO_STATE_NONE = 0, /* no session */
	ACRYPTO_STATE_IDLE,     /* not submitted */
	ACRYPTO_STATE_ACTIVE,   /* queued or running */
	ACRYPTO_STATE_DONE,
	ACRYPTO_STATE_FAILED
};

/* How the session is, and what the last call on this descriptor that failed complained of. */
struct acrypto_status {
	uint32_t version; /* ACRYPTO_IOCTL_VERSION of the daemon */
	uint32_t state;   /* enum acrypto_state */
	uint32_t error;   /* errno of the last failure, 0: none yet */
	uint32_t reserved;
	uint64_t requests; /* submitted so far */
	uint64_t bytes_in; /* of all requests */
	uint64_t bytes_out;
	uint64_t queue_ns; /* of the last request */
	uint64_t process_ns;
	char device[ACRYPTO_NAME_SIZE]; /* that did the last one; empty: none yet */
	char sentence[256];             /* about `error` */
};
#define ACRYPTO_STATUS _IOR(ACRYPTO_IOCTL_TYPE, 7, struct acrypto_status)

#ifdef __cplusplus
}
#endif

#endif
