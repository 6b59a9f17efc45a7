/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One stage of a session's route: what was written to its files, and what came of it. */
#ifndef ACR_STAGE_H
#define ACR_STAGE_H

#include "nonce.h"

#include "base/encode.h"
#include "sched/job.h"

enum acr_layout { ACR_LAYOUT_AUTO, ACR_LAYOUT_COMBINED, ACR_LAYOUT_DETACHED };
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
	struct acr_session *session; /* that it is part of; (s) is its lock */
	unsigned number;             /* 1..ACR_STAGES */
	const struct acr_alg *alg;
	const char *alg_text;   /* as written, interned */
	int op;                 /* enum acr_opcode, -1: what the algorithm implies */
	unsigned bad;           /* bits (1 << enum acr_value) of files left bad */
	enum acr_value refused; /* which value was refused last */
	char *refused_why;      /* its sentence; NULL: none was since another was taken */
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
	uint32_t check, check_count; /* rule of sched/check.h, and operations so far */

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

/* The lock of the session is held in all that follows. */

/* As new; and forget and wipe what it holds. */
void acr_stage_init(struct acr_stage *stage, struct acr_session *session, unsigned number);
void acr_stage_clear(struct acr_stage *stage);
enum acr_opcode acr_stage_op(const struct acr_stage *stage);
bool acr_stage_takes_input(const struct acr_stage *stage);
/* What the parameters come to. */
enum acr_layout acr_stage_layout(const struct acr_stage *stage);
/* In which format dst reads; stage 0: the session's own. */
enum acr_format acr_stage_format(struct acr_session *session, unsigned stage);
size_t acr_stage_taglen(const struct acr_stage *stage);
/* The same, or of a MAC what `length` says: that is another name for it. */
size_t acr_stage_mac_size(const struct acr_stage *stage);

/* The stage of a number. NULL: there is no such stage. */
struct acr_stage *acr_stage_find(struct acr_session *session, unsigned number);
/* Is it a route of more than one stage? */
bool acr_route_is_long(const struct acr_session *session);

/* What went wrong, for `status`: an errno and one sentence, about the session as a whole. */
void acr_session_explain(struct acr_session *session, int error, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
/* The same about one stage, which is named where there are several. */
void acr_stage_explain(struct acr_stage *stage, int error, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* The sentence that was just set is why this value was refused: keep it for a later start. */
void acr_stage_note_refused(struct acr_stage *stage, enum acr_value value);

#endif
