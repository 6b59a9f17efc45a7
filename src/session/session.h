/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A session: parameters, input, output and state of one user's request after another.
 *
 * States:  idle (`new` or `ready`) -> active (`queued` or `running`) -> ended (`done`,
 * `failed`, `cancelled`) -> idle with the next request. All moves are made under the lock by
 * acr_session_start(), the job's done(), acr_session_cancel(), the deadline and
 * acr_session_new_request(); see doc/design.md.
 *
 * A front end (fsops) never blocks in here: what would have to wait gives -EAGAIN, and
 * acr_session_changed tells when to try again. Functions take the lock themselves unless
 * their comment says otherwise. */
#ifndef ACR_SESSION_H
#define ACR_SESSION_H

#include "history.h"
#include "sched/job.h"
#include "nonce.h"
#include "base/timer.h"

#include <pthread.h>

enum acr_session_state { ACR_IDLE, ACR_ACTIVE, ACR_DONE, ACR_FAILED, ACR_CANCELLED };
enum acr_layout { ACR_LAYOUT_AUTO, ACR_LAYOUT_COMBINED, ACR_LAYOUT_DETACHED };
enum acr_format { ACR_FORMAT_RAW, ACR_FORMAT_HEX, ACR_FORMAT_BASE64 };
enum acr_want_padding {
	ACR_WANT_DEFAULT,
	ACR_WANT_NONE,
	ACR_WANT_PKCS7,
	ACR_WANT_PKCS1,
	ACR_WANT_PSS,
	ACR_WANT_OAEP
};

/* The files that hold a value. The order is that of the table in value_table.c. */
enum acr_value {
	ACR_V_OP,
	ACR_V_ALG,
	ACR_V_KEY,
	ACR_V_IV,
	ACR_V_AAD,
	ACR_V_TAG,
	ACR_V_SIG,
	ACR_V_TAGLEN,
	ACR_V_PADDING,
	ACR_V_LAYOUT,
	ACR_V_FORMAT,
	ACR_V_LENGTH,
	ACR_V_PARAMS,
	ACR_V_INPUT,
	ACR_V_INPUT2,
	ACR_V_CHECK,
	ACR_V_STREAM,
	ACR_V_PRIORITY,
	ACR_V_DEVICE,
	ACR_V_PRIVATE,
	ACR_V_DEADLINE,
	ACR_VALUES
};

#define ACR_STAGES      16 /* most stages of a route */
#define ACR_INPUT_UNSET -1 /* the output of the stage before; 0 is the session's src */

/* One stage of the route: what is to be done, and what came of it. */
struct acr_stage {
	unsigned number; /* 1..ACR_STAGES */
	const struct acr_alg *alg;
	const char *alg_text; /* as written, interned */
	int op;               /* enum acr_opcode, -1: what the algorithm implies */
	unsigned bad;         /* bits (1 << enum acr_value) of files left bad */
	struct acr_blob *key, *iv, *aad, *tag, *sig;
	struct acr_blob *iv_used; /* the last one made by us */
	struct acr_nonces *nonces;
	struct acr_blob *params; /* as written */
	struct acr_numbers numbers;
	struct acr_pkey pkey; /* as written; NULL and 0 where not */
	bool saltlen_written;
	uint64_t length; /* 0: default */
	unsigned taglen; /* 0: full */
	enum acr_want_padding padding;
	enum acr_layout layout;
	enum acr_format format;
	bool format_written;
	int input, input2;           /* stage numbers, or ACR_INPUT_UNSET */
	char *device;                /* bound to this one, NULL: the balancer chooses */
	uint32_t check, check_count; /* rule of checking.h, and operations so far */

	/* Of the present request. */
	struct acr_buf *dst; /* layout applied, format not; NULL: there is none */
	bool text;           /* dst is a word in whatever format: `valid` */
	bool ended;
	int result; /* once ended: 0 or negative */
	int error;  /* negative; of the last refusal or failure, 0: none */
	char *sentence;
	const char *device_name; /* of the last attempt, interned; NULL: none */
	uint64_t bytes_in, bytes_out, queue_ns, process_ns;
};

struct acr_stream;

struct acr_session {
	atomic_uint refs;
	uint64_t serial; /* never reused */
	char *name;
	uint32_t uid, gid; /* (s) of the directory */
	uint16_t mode;     /* (s) permission bits of the directory */
	int32_t pid;
	uint64_t made_ns; /* wall clock */
	struct acr_account *account;

	pthread_mutex_t lock; /* (s) for all below */
	enum acr_session_state state;
	atomic_bool removed;      /* written under (s) */
	unsigned request;         /* number of the present request */
	struct acr_stage stage;   /* the first */
	struct acr_stage **route; /* the others, by number - 2; NULL: there are none */
	unsigned last; /* the stage whose output is dst: it ends the present request */
	unsigned at;   /* the stage that is running, or ran last; 0: none yet */
	atomic_bool stream_mode; /* written under (s) */
	uint16_t priority;
	uint64_t deadline_ms;
	struct acr_blob *private_area;

	struct acr_buf *src;
	bool src_opened;           /* for writing, in this request */
	struct acr_stream *stream; /* while a stream is active, and until its output is read */
	bool refused;              /* idle, and the last start was refused: reads as failed */
	bool no_fault;             /* not on fault devices, for `random` */
	bool pumping;              /* a thread is in acr_stream_pump() */
	bool src_eof;              /* a stream's last writer has gone */
	unsigned writers;          /* descriptors of src open for writing in this request */
	struct acr_job *job;
	struct acr_timer deadline;
	uint64_t deadline_at; /* monotonic; of the active request, 0: none */

	int result; /* of the request that has ended: 0 or negative */
	int error;  /* negative; of the last refusal or failure, 0: none */
	char *sentence;
	const char *device_name; /* of the last attempt, interned */
	uint64_t bytes_in, bytes_out, queue_ns, process_ns, requests;
	struct acr_history history;

	_Atomic(void *) front; /* (a) the front end's; set once */
};

/* Set by the front end: something that a waiter may wait for has happened. Any thread, no
 * locks held; the caller has a reference. */
extern void (*acr_session_changed)(struct acr_session *session);
/* Set by the front end: the session is being freed; drop `front`. */
extern void (*acr_session_freed)(struct acr_session *session);

/* ---- the set of sessions (sessions.c) ---- */

/* Make one. Returns a reference through session; -EEXIST, -EINVAL (name), -EDQUOT, -ENOSPC. */
int acr_session_new(const char *name, uint32_t uid, uint32_t gid, int32_t pid,
                    struct acr_session **session);
/* A session that is in no directory, for requests without one (`random`). NULL: no memory. */
struct acr_session *acr_session_anonymous(uint32_t uid, int32_t pid);
struct acr_session *acr_session_ref(struct acr_session *session);
void acr_session_unref(struct acr_session *session); /* NULL is fine */
/* References; NULL: none. */
struct acr_session *acr_session_by_name(const char *name);
struct acr_session *acr_session_by_serial(uint64_t serial);
/* Serial numbers of all, oldest first. owned (g_array_unref). */
GArray *acr_session_serials(void);
size_t acr_session_count(void);
/* How many are active now. */
size_t acr_session_active(void);
/* rmdir: end it, wipe it, take it out of the set. -ENOENT: gone already. */
int acr_session_remove(struct acr_session *session);
/* Shutdown: refuse to start anything more; then cancel whatever is active. */
void acr_sessions_refuse(void);
bool acr_sessions_refused(void);
void acr_sessions_cancel_all(void);
void acr_sessions_remove_all(void);

/* ---- one session (session.c) ---- */

/* Start the request. 0 or the errno of the contract, with the sentence set. */
int acr_session_start(struct acr_session *session);
/* Done: go on through the stages that were added since. As acr_session_start(). */
int acr_session_continue(struct acr_session *session);
/* End an active request with ECANCELED; idle and ended ones stay as they are. */
void acr_session_stop(struct acr_session *session);
/* The same, and give up a stream that was not started yet. */
void acr_session_cancel(struct acr_session *session);
/* As new: everything forgotten and wiped. */
void acr_session_reset(struct acr_session *session);
/* One word for `state`. */
const char *acr_session_state_name(struct acr_session *session);
/* Contents of `status`. */
void acr_session_status(struct acr_session *session, GString *text);
/* The same of one stage; empty if there is none. */
void acr_stage_status(struct acr_session *session, unsigned stage, GString *text);
bool acr_session_ended(struct acr_session *session, bool *failed);

/* With the lock held: */
void acr_session_explain(struct acr_session *session, int error, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
/* The same about one stage, which is named where there are several. */
void acr_stage_explain(struct acr_session *session, struct acr_stage *stage, int error,
                       const char *format, ...) __attribute__((format(printf, 4, 5)));
void acr_session_new_request(struct acr_session *session);
void acr_session_end(struct acr_session *session, enum acr_session_state state, int error);
/* Take the job away, to be cancelled after unlocking. NULL: none. */
struct acr_job *acr_session_detach_job(struct acr_session *session);
/* Without it: cancel what acr_session_detach_job() gave. NULL is fine. */
void acr_session_abandon_job(struct acr_job *job);
/* As new; and forget and wipe what it holds. */
void acr_stage_init(struct acr_stage *stage, unsigned number);
void acr_stage_clear(struct acr_stage *stage);
enum acr_opcode acr_stage_op(const struct acr_stage *stage);
bool acr_stage_takes_input(const struct acr_stage *stage);
/* What the parameters come to. */
enum acr_layout acr_stage_layout(const struct acr_stage *stage);
/* In which format dst reads; stage 0: the session's own. */
enum acr_format acr_stage_format(struct acr_session *session, unsigned stage);
size_t acr_stage_taglen(const struct acr_stage *stage);

/* ---- routes (route.c); with the lock held unless said otherwise ---- */

/* NULL: there is no such stage. */
struct acr_stage *acr_route_stage(struct acr_session *session, unsigned number);
/* The highest number there is. */
unsigned acr_route_highest(const struct acr_session *session);
/* Is it a route of more than one stage? */
bool acr_route_is_long(const struct acr_session *session);
/* mkdir and rmdir; they take the lock. 0, -EEXIST, -EINVAL, -EBUSY, -EDQUOT, -ENOSPC, -ENOENT,
 * -ECANCELED (the session is gone). */
int acr_route_add(struct acr_session *session, unsigned number);
int acr_route_remove(struct acr_session *session, unsigned number);
/* Back to one stage as new. */
void acr_route_clear(struct acr_session *session);
/* Does any stage of the route read src? */
bool acr_route_takes_src(const struct acr_session *session);
/* Gaps, and stages that name a wrong one. 0 or the errno with the sentence set. */
int acr_route_check(struct acr_session *session);
/* Where a stage's input comes from: a stage's number, 0 for src. */
unsigned acr_route_source(const struct acr_stage *stage);
/* What a stage works on, borrowed; NULL: nothing there. */
struct acr_buf *acr_route_input(struct acr_session *session, const struct acr_stage *stage);
struct acr_buf *acr_route_input2(struct acr_session *session, const struct acr_stage *stage);
/* Forget what the stages from this number on have put out. */
void acr_route_drop_outputs(struct acr_session *session, unsigned from);

/* ---- src and dst (data.c) ---- */

/* A descriptor that writes src: the request that it belongs to, once it takes part. (s) */
struct acr_writer {
	unsigned request;
	bool counted;
};

/* src is opened for writing; *writer is for the calls below. 0, -EBUSY. */
int acr_src_open(struct acr_session *session, bool truncate, struct acr_writer *writer);
/* The last writer of a stream makes its end. */
void acr_src_close(struct acr_session *session, const struct acr_writer *writer);
/* Store data at an offset, or at the end. Returns len, fewer bytes (partial: as many as the
 * window has room for), or -EAGAIN (the window is full), -EBUSY, -EDQUOT, ... */
ssize_t acr_src_write(struct acr_session *session, struct acr_writer *writer, uint64_t offset,
                      bool append, bool partial, const void *data, size_t len);
int acr_src_truncate(struct acr_session *session, uint64_t size);
/* The whole input at once, of a session that is no stream. Keeps a reference to buf, which must
 * not change any more. 0, -EBUSY: the request is running. */
int acr_src_give(struct acr_session *session, struct acr_buf *buf);
/* What was written so far. A reference, NULL: nothing. */
struct acr_buf *acr_src_get(struct acr_session *session);
/* Room in the window for at least one byte, or nothing to wait for? */
bool acr_src_writable(struct acr_session *session);

/* A piece of dst for a reply: bytes of a buffer, to be given back with acr_piece_drop(). */
struct acr_piece {
	struct acr_buf *buf; /* a reference; NULL: the end */
	size_t offset, len;
	enum acr_format format; /* to be rendered; offset and len are of the rendered text */
};

/* Up to len bytes of a stage's output from an offset (a stream gives what comes next); stage 0
 * is the session's own dst. Starts the request if nothing has. *request: which one this reader reads; 0: the present one, and it is
 * filled in. 0, -EAGAIN: not yet, or the request's error; -ECANCELED: that request is over. */
int acr_dst_read(struct acr_session *session, unsigned stage, unsigned *request,
                 uint64_t offset, size_t len, struct acr_piece *piece);
void acr_piece_drop(struct acr_piece *piece);
/* Copy the piece into out, rendered, piece->len bytes. */
void acr_piece_copy(const struct acr_piece *piece, uint8_t *out);
/* Length of dst as it reads, 0 before the end and for streams. */
uint64_t acr_dst_size(struct acr_session *session, unsigned stage);
/* Would a read give something without waiting? failed: an error. Starts nothing. */
bool acr_dst_readable(struct acr_session *session, unsigned stage, bool *failed);

/* ---- values (values.c) ---- */

/* Each is a value of one stage: stage is its number, 1 for the session's own files. Without
 * that stage they give -ECANCELED, an empty value, or do nothing. */

/* One value is complete. 0 or the errno of the contract, with the sentence set.
 * privileged: may set priorities above the default. */
int acr_value_set(struct acr_session *session, unsigned stage, enum acr_value value,
                  const void *data, size_t len, bool privileged);
/* The same for a value of bytes that are taken as they are, "hex:" or not. Keeps a reference to
 * blob, which is in secret memory if it is a key, and charged. */
int acr_value_give(struct acr_session *session, unsigned stage, enum acr_value value,
                   struct acr_blob *blob);
/* The value of a file's name; -1: there is none. */
int acr_value_find(const char *name);
/* Could a value begin with these len bytes? Refuses what is too long already. */
int acr_value_check(struct acr_session *session, unsigned stage, enum acr_value value,
                    const void *data, size_t len);
/* Text (with its newline) or bytes as the file reads. Returns owned. NULL: no memory. */
struct acr_blob *acr_value_get(struct acr_session *session, unsigned stage,
                               enum acr_value value);
/* Back to the default, cancelling what is active. */
void acr_value_reset(struct acr_session *session, unsigned stage, enum acr_value value);
bool acr_value_is_text(enum acr_value value);
/* Most bytes that one value may have as written. */
size_t acr_value_max(enum acr_value value);

/* ---- the file `params` (params.c); with the lock held ---- */

/* One value of it is complete: 0, or -EINVAL with the sentence set. */
int acr_params_set(struct acr_session *session, struct acr_stage *stage, const char *text);
void acr_params_reset(struct acr_stage *stage);
/* Does it fit the algorithm? 0, or -EINVAL with the sentence set. */
int acr_params_check(struct acr_session *session, struct acr_stage *stage);
/* What was written, with the defaults of the algorithm filled in. */
struct acr_numbers acr_params_numbers(const struct acr_stage *stage);
struct acr_pkey acr_params_pkey(const struct acr_stage *stage);

/* ---- making jobs of requests (request.c); with the lock held ---- */

/* Everything that can be said of a stage without its input. 0, or the errno with the sentence
 * set. */
int acr_request_check(struct acr_session *session, struct acr_stage *stage);
/* Is this a length that the algorithm takes, IV and tag apart? As above. */
int acr_request_check_size(struct acr_session *session, struct acr_stage *stage, uint64_t len);
/* The same for values alone that are there already, when alg has become known. */
int acr_request_check_given(struct acr_session *session, struct acr_stage *stage);
/* The padding that an algorithm has unless told otherwise, as the file reads. */
const char *acr_request_padding(const struct acr_alg *alg);
/* Does the algorithm take the one that was written? As above. */
int acr_request_check_padding(struct acr_session *session, struct acr_stage *stage);
/* Make the job of a whole request. in: the input, with IV and tag around it if combined; NULL:
 * none. 0 and a job, or as above. */
int acr_request_build(struct acr_session *session, struct acr_stage *stage, struct acr_buf *in,
                      struct acr_job **job);
/* Make the job of a part: all of in. flags: ACR_OP_*, of the part's place in the stream.
 * job->iv and job->state are left to the caller. */
int acr_request_part(struct acr_session *session, struct acr_stage *stage, struct acr_buf *in,
                     unsigned flags, struct acr_job **job);
/* The IV to use when not decrypting: the written one or a fresh one, recorded as used. */
int acr_request_iv(struct acr_session *session, struct acr_stage *stage, struct acr_blob **iv,
                   bool *recorded);
/* The output has come: remember the tag, and put it and the IV around the output. */
void acr_request_collect(struct acr_stage *stage, struct acr_job *job);
void acr_request_keep_tag(struct acr_stage *stage, struct acr_job *job);
/* `random` needs no alg and has its row while it is checked and built; back to what was
 * written. */
void acr_request_settle(struct acr_stage *stage);
/* Sentence for a job that failed, where neither driver nor scheduler gave one. */
const char *acr_request_failure(const struct acr_job *job, int error);
/* A job's report() for history; owner is the session. */
void acr_request_report(struct acr_job *job, const struct acr_report *report);
/* The same with the lock held. */
void acr_request_note(struct acr_session *session, const struct acr_job *job,
                      const struct acr_report *report);

/* ---- streams (stream.c) ---- */

int acr_stream_start(struct acr_session *session); /* (s) held */
void acr_stream_free(struct acr_stream *stream);   /* NULL is fine */
void acr_stream_pump(struct acr_session *session); /* not held */
/* (s) held. Bytes of the window that are free. */
size_t acr_stream_room(const struct acr_session *session);
/* (s) held. Is a piece on its way, whose end will change something? */
bool acr_stream_moves(const struct acr_session *session);
/* (s) held. 0 with a piece (empty at the end), or -EAGAIN. */
int acr_stream_take(struct acr_session *session, size_t len, struct acr_piece *piece);
bool acr_stream_has_output(const struct acr_session *session); /* (s) held */

/* ---- rendering (encode.c) ---- */

/* Length of len bytes in a format, with the final newline of texts. */
uint64_t acr_format_length(enum acr_format format, uint64_t len);
/* Bytes offset..offset+n-1 of the rendered text of data. */
void acr_format_render(enum acr_format format, const uint8_t *data, size_t len, uint64_t offset,
                       uint8_t *out, size_t n);

#endif
