/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The interface between acryptod and a load balancer.
 *
 * A balancer is a shared object with one ACR_REGISTER_BALANCER(). For each stage of a session
 * the core asks the current one which device should take it: find_device(). Balancers can be
 * loaded, switched and unloaded while sessions are in flight; none is lost by it.
 *
 * This header needs libc alone. Balancers see inside the scheduler, so until version 1.0 the
 * API number must match exactly. */
#ifndef ACRYPTO_BALANCER_H
#define ACRYPTO_BALANCER_H

#include <acrypto/driver.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ACR_BALANCER_MAGIC 0x6163726cu /* "acrl" */
#define ACR_BALANCER_API   2u

/* A device that could take the session: it has the capability, works, and has queue room. A
 * group of devices is one device here; its numbers are sums over its members that could take
 * it. A snapshot: nothing in it changes while find_device() looks at it. */
struct acr_lb_device {
	const char *name;
	uint64_t id;           /* never reused while the daemon runs */
	unsigned width;        /* operations it works on at once */
	uint64_t queued;       /* sessions waiting in its queue */
	uint64_t running;      /* sessions it is working on */
	uint64_t queued_bytes; /* input bytes of both */
	uint64_t mean_ns;      /* mean process time of this capability, 0: never measured */
	uint64_t bytes_per_s;  /* measured rate of this capability, 0: never measured */

	/* What the balancers expected of the queued and running sessions: the sum of cost_ns of
	 * their choices; and how many came without one (bound to the device, or placed by a
	 * balancer that predicts nothing), with their input bytes. */
	uint64_t predicted_ns;
	uint64_t unpredicted, unpredicted_bytes;
};

/* What is to be placed. */
struct acr_lb_session {
	enum acr_opcode opcode;
	const char *alg;   /* canonical name; the same pointer for the same algorithm as
				   * long as the daemon runs */
	uint64_t bytes;    /* input bytes of this stage or part */
	unsigned priority; /* 0..65535 */
	uint32_t uid;      /* the session's owner */
	int32_t pid;       /* process (thread group) that made it, 0: unknown */
	struct acr_bytes private_area; /* the session's `private` file */
};

#define ACR_LB_REASON 96

/* All zero when find_device() is called. */
struct acr_lb_choice {
	unsigned index;             /* into the array of devices */
	double score;               /* lower is better; the reason says it in words */
	char reason[ACR_LB_REASON]; /* one short phrase, shown in `history`; no tabs */
	uint64_t cost_ns;           /* expected process time on that device, 0: no idea */
};

/* A file in lb/NAME/, beside `info`. Context of both callbacks: a control thread, one at a time
 * for each balancer, beside all others; may sleep. */
struct acr_lb_file {
	const char
	        *name; /* [A-Za-z0-9][A-Za-z0-9._-]{0,63} and not "info"; NULL ends the table */
	const char *help; /* one line */
	unsigned mode;    /* 0444, 0644 or 0200; 0400 and 0600: root alone reads it, too */

	/* Write the text, at most size bytes with the final 0. Returns the length that the
	 * whole of it has, as snprintf() does: if that is too long, it is asked again with
	 * more room. NULL where mode has no r. */
	size_t (*read)(void *data, char *text, size_t size);

	/* One whole value, as it was written, without its last newline. Returns 0 or a negative
	 * errno; the reason of a refusal goes to acr_log(). After 0 the core asks anew about
	 * all queued sessions, if this is the current balancer. NULL where mode has no w. */
	int (*write)(void *data, const char *text);
};

struct acr_balancer {
	const char *name;
	const char *help; /* one line */

	/* Context for all: create and destroy run in a control thread and may sleep. */

	/* Make the balancer's own data. Returns 0 or a negative errno. NULL: none needed. */
	int (*create)(void **data);

	/* Free it. No other callback runs or will come. NULL: nothing to free. */
	void (*destroy)(void *data);

	/* Choose one of n >= 1 devices. Must not sleep or take a lock; called from many
	 * threads at once. Returns 0 with *choice filled in, or a negative errno: the first
	 * device is taken. */
	int (*find_device)(void *data, const struct acr_lb_session *session,
	                   const struct acr_lb_device *devices, unsigned n,
	                   struct acr_lb_choice *choice);

	/* The set of devices or their health has changed, and the core is about to ask again
	 * for every queued, unbound session. NULL: nothing to prepare. May run beside
	 * find_device(). */
	void (*rehash)(void *data);

	/* An operation has ended well: what it cost. device_id is a group's where the choice
	 * was a group. Told to the balancer that is current (or the group's own) at that
	 * time, whichever chose; bound sessions are told, too. Any thread, must not sleep.
	 * NULL: this balancer doesn't learn. */
	void (*completed)(void *data, uint64_t device_id, const struct acr_lb_session *session,
	                  uint64_t queue_ns, uint64_t process_ns);

	/* Text for the file lb/NAME/info, at most size bytes with the final 0; "name: value"
	 * lines. Returns the length. Any thread. NULL: only name and help are shown. */
	size_t (*info)(void *data, char *text, size_t size);

	/* A device was removed for good: find_device() sees it no more, completed() may still,
	 * for a moment. Context: control thread. NULL: nothing to forget. */
	void (*forget)(void *data, uint64_t device_id);

	/* NULL: no files but `info`. */
	const struct acr_lb_file *files;
};

struct acr_balancer_module {
	uint32_t magic, api;
	size_t size; /* of struct acr_balancer as the module was compiled with */
	const struct acr_balancer *balancer;
};

#define ACR_REGISTER_BALANCER(table)                                                           \
	ACR_EXPORT extern const struct acr_balancer_module acrypto_balancer;                   \
	const struct acr_balancer_module acrypto_balancer = {                                  \
		ACR_BALANCER_MAGIC, ACR_BALANCER_API, sizeof(struct acr_balancer), &(table)    \
	}

/* ---- what a balancer may call, beside acr_log() ---- */

/* Wait until every find_device() and completed() that is running now has returned. What was
 * unlinked before can then be freed. Only from acr_lb_file.write and forget(). */
void acr_lb_synchronize(void);

#ifdef __cplusplus
}
#endif
#endif
