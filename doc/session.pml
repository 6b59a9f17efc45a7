/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A model of what happens to a request: the states of sessions, jobs, attempts and devices, who
 * may move them, and what is one step. For spin; tests/project/test_model.py checks all of it.
 *
 *   spin -DROOM -a doc/session.pml && cc -DSAFETY -DCOLLAPSE -o pan pan.c && ./pan
 *
 * Each atomic block is one step of the code: one access to an atomic variable, or what is done
 * under one lock. All that touches a lock's data holds that lock, so nobody can see the inside
 * of such a block; the one thing that moves an attempt without a lock is the compare-and-swap
 * out of RUNNING, and no block looks at one attempt's state twice. The names in comments are
 * those of the functions that the steps stand for. A reference is dropped together with the
 * step before it, which is never later than in the code, so that a use after it shows.
 *
 * Where the model leaves the code's order it allows more, not less:
 * - who must place a job anew (acr_sched_retry) does so at once; here another process does it,
 *   at any later time.
 * - choose() may see each device at another moment; the balancer may choose any that is shown.
 * - queues have no order; doc/design.md, tests/unit/unit_queue.c and tests/fuzz/fuzz_queue.c have it.
 * - a deadline may pass at any time, a device may answer, fail, refuse or hang with any op.
 *
 * Not in it: streams and routes (a row of jobs, one at a time), checks (their copies are jobs),
 * two of acr_sched_retry() at once, no memory, and the order of locks, which
 * the ThreadSanitizer runs look at.
 *
 * What is checked:
 * - a request ends once, and a job's done() is called once, never after a cancel that promised
 *   that it won't be (ended, promised, endings)
 * - an attempt's result is taken once, and never that of an orphan (taken)
 * - nothing is touched after its last reference went, and all references go (use(), the end)
 * - at the end nothing waits anywhere: no session is active, no queue holds anything (the end)
 * - each request ends: no run goes round in a circle (-DNP), so each comes to that end, if
 *   devices answer or are given up
 * A -DMUTANT_... puts one mistake in, and must be found. */

/* ---- what is there: one of these each run ---- */

/* Each run has these, and what else may happen. FAILURES, REFUSALS, HANGS: how often a device
 * may fail an op, refuse one, or not answer; CHANGES: what an operator does. */
#ifdef CANCEL /* a request that a second device may take over, cancelled or removed */
#define DEVICES  2
#define FAILURES 1
#define HANGS    1
#define UNWATCHED /* it hangs only with what was cancelled: cancel() must have reached it */
#define MAY_CANCEL
#define MAY_RMDIR
#endif
#ifdef DEADLINE /* one that may be late as well */
#define MAY_CANCEL
#define MAY_RMDIR
#define MAY_DEADLINE
#endif
#ifdef AGAIN /* requests of one session one after another, with deadlines */
#define REQUESTS 2
#define MAY_DEADLINE
#endif
#ifdef REFUSE /* a device that refuses what it is offered, while it breaks or is removed */
#define CHANGES  1
#define REFUSALS 1
#define MAY_CANCEL
#endif
#ifdef BREAK /* devices hang, break, drain, are repaired, removed; another takes over */
#define DEVICES  2
#define CHANGES  1
#define HANGS    1
#endif
#ifdef ROOM /* two requests, room for one: the other waits in the main queue */
#define SESSIONS 2
#define MAY_CANCEL
#endif
#ifdef LEAVE /* the same, and the device goes meanwhile */
#define SESSIONS 2
#define CHANGES  1
#endif
#ifdef BIND /* the same, bound: the other waits in the overflow queue */
#define SESSIONS 2
#define CHANGES  1
#define BOUND
#endif

#ifndef SESSIONS
#define SESSIONS 1
#endif
#ifndef REQUESTS /* of each session */
#define REQUESTS 1
#endif
#ifndef DEVICES
#define DEVICES 1
#endif
#ifndef CHANGES
#define CHANGES 0
#endif
#ifndef FAILURES
#define FAILURES 0
#endif
#ifndef REFUSALS
#define REFUSALS 0
#endif
#ifndef HANGS
#define HANGS 0
#endif
#define QLEN 1 /* room in a device's queue */

#define JOBS (SESSIONS * REQUESTS)
#define EACH 6                /* attempts of a job; a run that needs more fails */
#define ATTEMPTS (JOBS * EACH)
#define NONE 255
#define attempt_job(a) ((a) / EACH)

mtype = { QUEUED, RUNNING, ENDED, ORPHAN };           /* enum acr_attempt_state; NEW is as ENDED */
mtype = { IDLE, ACTIVE, DONE, FAILED, CANCELLED };    /* enum acr_session_state */
mtype = { READY, BROKEN, DRAINING, REMOVED };         /* enum acr_device_state */
mtype = { NOWHERE, QUEUE, OVERFLOW, MAIN };           /* what attempt->entry is in */
mtype = { OK, EAGAIN, ENODEV, EIO, ECANCELED };

typedef Session {
	mtype state = IDLE;     /* (s) */
	byte refs = 1;          /* the set's */
	bool in_set = true;     /* (r) */
	bool removed;           /* (s) */
	byte job = NONE;        /* (s) session->job */
	byte requests;          /* started */
	bool deadline_at;       /* (s) not 0 */
	bool armed;             /* the timer is in the heap */
};
typedef Job {
	byte refs;
	byte attempts;
	byte current = NONE;    /* an attempt */
	bool cancelled;
	byte tried;             /* bits (1 << device) */
	byte bound;             /* a device, 0: none */
	bool ended, promised;   /* done() was called; a cancel promised that it won't be */
	bool taken;             /* a result */
	byte endings;           /* of its request */
};
typedef Attempt {
	mtype state = ENDED;
	byte device;            /* from 1; 0: none */
	mtype place = NOWHERE;  /* (q) or waiting_lock */
	bool listed;            /* (q) in dev->running */
	bool shown;
	bool held, hangs;       /* by the driver; until it is told */
};
typedef Device {
	mtype state = READY;    /* written under (q) */
	byte queued, running, callers, orphans;
	bool blocked, stopping; /* (q) */
	bool submitting, came;  /* dev->returns, as far as put_back()'s caller sees a change */
	bool owes_ready;        /* it has refused: acr_device_ready() will come */
	byte answers, hung;     /* what the driver holds and will answer, or won't */
};
Session session[SESSIONS];
Job job[JOBS];
Attempt attempt[ATTEMPTS];
Device device[DEVICES + 1]; /* from 1 */
byte waiting;               /* in the main queue */
byte refusals, hangs, failures;
chan retry = [JOBS] of { byte }; /* calls of acr_sched_retry() to come: jobs */

#define session_of(j)  ((j) / REQUESTS)
#define use(j)         assert(job[j].refs > 0)
#define use_session(s) assert(session[s].refs > 0)

/* acr_job_unref(); inside an atomic block. The last one forgets the job. */
inline drop(uj)
{
	use(uj); job[uj].refs--;
	if
	:: !job[uj].refs ->
		assert(job[uj].ended != job[uj].promised);
		job[uj].ended = false; job[uj].promised = false; job[uj].taken = false;
		job[uj].cancelled = false; job[uj].tried = 0; job[uj].bound = 0;
		job[uj].attempts = 0; job[uj].current = NONE
	:: else
	fi
}

inline drop_session(us)
{
	use_session(us); session[us].refs--
}

#include "session-steps.pml"

/* ---- who does it ---- */

/* A user: start, wait for the end, start again. acr_session_start(), begin(). */
proctype User(byte s)
{
	byte j, a, d, cands, ca, f, inlined = NONE;
	bool yes, crowded;
	mtype error = OK;

	do
	:: atomic { session[s].requests < REQUESTS ->
			/* acr_session_by_name() */
			if
			:: session[s].in_set -> session[s].refs++
			:: else -> break
			fi
		}
		atomic { /* src is opened anew; begin() */
			if
			:: session[s].removed -> drop_session(s); break
			:: else ->
				session[s].state = ACTIVE;
				j = s * REQUESTS + session[s].requests;
				session[s].requests++;
				/* session->job, the submission, and ours */
				session[s].job = j; job[j].refs = 3;
				session[s].refs++; /* the job's */
			fi;
#ifdef BOUND
			job[j].bound = 1;
#endif
#ifdef MAY_DEADLINE
			if
			:: assert(!session[s].armed); /* it would be in the heap twice */
				session[s].deadline_at = true; session[s].armed = true;
				session[s].refs++
			:: skip
			fi
#endif
		}
		place_job(j, true);
		if
		:: error == OK && inlined != NONE ->
			d = attempt[inlined].device;
			submit(inlined, d);
			atomic { inlined = NONE; d = 0 }
		:: else
		fi;
		if
		:: error == OK -> look_for_cancel(j)
		:: else -> /* refused(): done() was not called either */
			atomic {
				assert(!job[j].ended && !job[j].promised);
				job[j].ended = true;
				if
				:: session[s].job == j ->
					session[s].job = NONE; session_end(s, IDLE); drop(j)
				:: else
				fi;
				drop(j); /* submission's */
				drop_session(s);
				drop(j); error = OK
			}
		fi;
		atomic { session[s].state != ACTIVE -> drop_session(s); j = 0 } /* a reader waits */
	:: atomic { session[s].requests == REQUESTS -> break }
	od
}

/* acr_sched_retry(). */
proctype Retrier()
{
	byte j, a, d, cands, ca, f, inlined = NONE;
	bool yes, crowded;
	mtype error = OK;

end:	do
	:: retry?j ->
		if
		:: job[j].cancelled -> error = ECANCELED
		:: else -> place_job(j, false)
		fi;
		if
		:: error == OK -> look_for_cancel(j)
		:: else -> atomic { done(j, error); drop(j) }
		fi;
		atomic { j = 0; error = OK }
	od
}

/* A device's thread: take(), acr_device_submit(). Width 1. */
proctype Worker(byte dev)
{
	byte w, f;
	bool yes;

end:	do
	:: atomic {
			device[dev].queued && !device[dev].blocked && device[dev].state != BROKEN &&
			!device[dev].running && !device[dev].stopping ->
			w = 0;
			do
			:: attempt[w].place == QUEUE && attempt[w].device == dev -> break
			:: else -> w++
			od;
			attempt[w].place = NOWHERE; device[dev].queued--;
			attempt[w].state = RUNNING; attempt[w].listed = true; device[dev].running++;
			refill(dev);
			device[dev].callers++; serve()
		}
		submit(w, dev);
		atomic { w = 0; yes = false }
	:: atomic { device[dev].stopping -> break }
	od
}

/* The driver's side: it answers what it holds, well or not, and says when it has room. */
proctype Driver(byte dev)
{
	byte w, f;
	bool yes;
	mtype answer = OK;

end:	do
	:: atomic {
			device[dev].answers > 0 -> w = 0;
			do
			:: attempt[w].held && !attempt[w].hangs && attempt[w].device == dev -> break
			:: else -> w++
			od;
			attempt[w].held = false; device[dev].answers--;
			if
			:: answer = OK
			:: failures < FAILURES -> failures++; answer = EIO
			fi
		}
		op_done(w, dev, answer);
		atomic { w = 0; yes = false; answer = OK }
#if REFUSALS
	:: atomic { /* acr_device_ready() */
			device[dev].owes_ready ->
			device[dev].owes_ready = false; returned(dev)
		}
#endif
	od
}

/* Somebody with a right to: ctl and devices/remove; and the watchdog, which breaks a device on
 * which something hangs. acr_device_watch() */
proctype Operator(byte dev)
{
	byte f, n;
	int running; /* attempts, by bits */
	bool yes, left, leaves, removes;
	mtype to = BROKEN;

end:	do
	:: atomic {
			if
			:: device[dev].hung > 0 && device[dev].state != BROKEN -> leaves = true
			:: dev == 1 && n < CHANGES -> n++; leaves = true
			:: dev == 1 && n < CHANGES -> n++; leaves = true; to = REMOVED; removes = true
#ifdef BREAK
			:: dev == 1 && n < CHANGES && device[dev].state == READY -> /* drain */
				n++; device[dev].state = DRAINING; take_queued(dev, true)
			:: dev == 1 && n < CHANGES && (device[dev].state == DRAINING ||
			   (device[dev].state == BROKEN && !device[dev].callers)) -> /* repair() */
				n++; device[dev].state = READY; device[dev].blocked = false
#endif
			fi
		}
		if
		:: leaves -> leave_state(dev, to)
		:: else
		fi;
		if
		:: removes -> /* take_down() */
			device[dev].stopping = true;
			atomic { /* acr_device_stop(); driver->remove() ends what hangs */
				!device[dev].callers;
				for (f : 0 .. ATTEMPTS - 1) {
					if
					:: attempt[f].device == dev && attempt[f].hangs -> wake(f)
					:: else
					fi
				}
				f = 0
			}
		:: else
		fi;
		if
		:: removes -> rehash(); break
		:: !removes && !leaves -> rehash()
		:: else -> leaves = false
		fi
	od
}

/* Who cancels (`ctl`, unlink), or removes the session. */
proctype Canceller(byte s)
{
	byte j = NONE, n, ca, d, f;
	bool yes;

	do
	:: atomic { !n && session[s].in_set -> n++; session[s].refs++ }
		if
		:: atomic { cancel_active(s) } /* acr_session_stop() */
			abandon(j);
			atomic { drop_session(s) }
#ifdef MAY_RMDIR
		:: session[s].in_set = false; /* acr_session_remove() */
			session[s].removed = true;
			atomic { cancel_active(s); session[s].state = IDLE } /* acr_session_reset() */
			abandon(j);
			atomic { drop_session(s); drop_session(s); break } /* the set's, too */
#endif
		fi
	:: break
	od
}

/* The timer thread: run(), deadline_expired(). */
proctype Timer(byte s)
{
	byte j = NONE, ca, d, f, request;
	bool yes;

end:	do
	:: atomic { session[s].armed -> session[s].armed = false; request = session[s].requests }
		atomic {
			use_session(s);
			if
			:: session[s].state == ACTIVE && session[s].deadline_at ->
				if
				:: true ->
					j = session[s].job; session[s].job = NONE;
#ifdef MUTANT_TIMER
					session[s].deadline_at = false;
#endif
					session_end(s, FAILED)
				/* one that comes late may find that the next one's time is not up */
				:: session[s].requests != request -> skip
				fi
			:: else
			fi;
			assert(!session[s].armed || session[s].deadline_at); /* it would be set twice */
			request = 0
		}
		abandon(j);
		atomic { drop_session(s); yes = false } /* the timer's */
	od
}

/* When nothing more can happen. */
proctype End()
{
	byte i;

	timeout;
	d_step {
		for (i : 0 .. SESSIONS - 1) {
			assert(session[i].state != ACTIVE && session[i].job == NONE);
			assert(session[i].refs == (session[i].in_set -> 1 : 0));
		}
		for (i : 0 .. JOBS - 1) {
			assert(job[i].refs == 0);
			assert(session[session_of(i)].requests <= i % REQUESTS ||
			       job[i].endings == 1);
		}
		for (i : 1 .. DEVICES) {
			assert(!device[i].queued && !device[i].running && !device[i].callers &&
			       !device[i].orphans);
		}
		assert(!waiting);
	}
}

init {
	byte i;

	atomic {
		for (i : 0 .. SESSIONS - 1) {
			run User(i);
#ifdef MAY_DEADLINE
			run Timer(i)
#endif
		}
#ifdef MAY_CANCEL
		run Canceller(0);
#endif
		for (i : 1 .. DEVICES) {
			run Worker(i);
			run Driver(i);
#if (HANGS && !defined(UNWATCHED)) || CHANGES
			run Operator(i);
#endif
		}
		run Retrier();
		run End()
	}
}
