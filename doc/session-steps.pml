/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The functions of the code, step by step; part of session.pml, which says what a step is. */

/* ---- sessions: session.c, sessions.c ---- */

/* acr_session_end(); under (s). Takes the timer out; if it was there, its reference. */
inline session_end(es, how)
{
	if
	:: session[es].state == ACTIVE ->
		job[es * REQUESTS + session[es].requests - 1].endings++;
		assert(job[es * REQUESTS + session[es].requests - 1].endings == 1)
	:: else
	fi;
	session[es].state = how;
	if
	:: session[es].deadline_at && session[es].armed ->
		session[es].armed = false; session[es].refs--
	:: else
	fi;
	session[es].deadline_at = false
}

/* cancel_active(); under (s). Gives the job in `j`. */
inline cancel_active(cs)
{
	j = NONE;
	if
	:: session[cs].state == ACTIVE ->
		j = session[cs].job; session[cs].job = NONE;
		session_end(cs, CANCELLED)
	:: else
	fi
}

/* job->done(): request_done(). Inside an atomic block. */
inline done(dj, derror)
{
	use(dj); use_session(session_of(dj));
	assert(!job[dj].ended && !job[dj].promised);
	job[dj].ended = true;
	if
#ifdef MUTANT_OWNER
	:: session[session_of(dj)].state == ACTIVE ->
#else
	:: session[session_of(dj)].job == dj ->
#endif
		session[session_of(dj)].job = NONE;
		session_end(session_of(dj), (derror == OK -> DONE : FAILED));
		drop(dj)
	:: else
	fi;
	drop(dj); /* submission's */
	drop_session(session_of(dj))
}

/* acr_session_abandon_job(): what session->job was, and its reference. */
inline abandon(aj)
{
	if
	:: aj != NONE ->
		job_cancel(aj);
		atomic {
			if
			:: yes ->
				assert(!job[aj].ended && !job[aj].promised);
				job[aj].promised = true;
				drop(aj); /* submission's */
				drop_session(session_of(aj))
			:: else
			fi;
			drop(aj);
			yes = false; aj = NONE
		}
	:: else
	fi
}

/* ---- jobs: sched.c ---- */

/* Under (q). acr_device_refill(): bound ones come in from the overflow queue. */
inline refill(rd)
{
#ifdef BOUND
	for (f : 0 .. ATTEMPTS - 1) {
		if
		:: attempt[f].place == OVERFLOW && attempt[f].device == rd &&
		   device[rd].queued < QLEN ->
			attempt[f].place = QUEUE; device[rd].queued++
		:: else
		fi
	}
	f = 0
#else
	skip
#endif
}

/* An attempt is over: from here on its device is of no interest. */
inline attempt_ended(na)
{
	attempt[na].place = NOWHERE; attempt[na].state = ENDED;
	attempt[na].device = 0; attempt[na].shown = false
}

/* acr_sched_displaced(): what is bound to a device that works no more ends; the rest finds another.
 * takes one reference. */
inline displaced(da, dd)
{
	if
	:: job[attempt_job(da)].bound &&
	   (device[dd].state == BROKEN || device[dd].state == REMOVED) ->
		done(attempt_job(da), ENODEV); drop(attempt_job(da))
	:: else -> retry!attempt_job(da)
	fi
}

/* acr_sched_serve(), acr_waiting_serve(): the first one that waits is to be placed anew. */
inline serve()
{
#if JOBS > 1
	f = 0;
	do
	:: f < ATTEMPTS && attempt[f].place == MAIN ->
		attempt_ended(f); waiting--;
		retry!attempt_job(f);
		break
	:: f < ATTEMPTS && attempt[f].place != MAIN -> f++
	:: f == ATTEMPTS -> break
	od;
	f = 0
#else
	skip
#endif
}

/* Under (q). acr_device_make_orphan(). Gives `yes`. */
inline make_orphan(oa)
{
	yes = attempt[oa].state == RUNNING;
	if
	:: yes ->
		attempt[oa].state = ORPHAN; attempt[oa].listed = false;
		device[attempt[oa].device].running--;
		device[attempt[oa].device].orphans++
	:: else
	fi
}

/* What hung will be answered. */
inline wake(ka)
{
	attempt[ka].hangs = false;
	device[attempt[ka].device].hung--; device[attempt[ka].device].answers++
}

/* acr_device_tell_driver(): it lets go soon, if it has the op. Inside an atomic block. */
inline tell(ta)
{
	use(attempt_job(ta));
	if
	:: attempt[ta].shown && attempt[ta].hangs -> wake(ta)
	:: else
	fi
}

/* acr_job_cancel(); the caller has a reference. Gives `yes`. */
inline job_cancel(cj)
{
	job[cj].cancelled = true;
	ca = job[cj].current;
	if
	:: ca != NONE ->
		atomic { /* acr_device_take_back(), acr_waiting_take_back() */
			use(cj);
			if
			:: attempt[ca].place == QUEUE || attempt[ca].place == OVERFLOW ->
				d = attempt[ca].device;
				device[d].queued = device[d].queued - (attempt[ca].place == QUEUE -> 1 : 0);
				attempt_ended(ca);
				refill(d); serve(); d = 0;
				drop(cj); yes = true /* the attempt's reference */
			:: attempt[ca].place == MAIN ->
				waiting--;
				attempt_ended(ca);
				drop(cj); yes = true
			:: else
			fi
		}
		if
		:: !yes && attempt[ca].device ->
			atomic { /* acr_device_give_up() */
				use(cj);
				make_orphan(ca);
				if
				:: yes -> d = attempt[ca].device; device[d].callers++
				:: else
				fi
			}
			if
			:: yes -> atomic { tell(ca); device[d].callers--; d = 0 }
			:: else
			fi
		:: else
		fi
	:: else
	fi;
	ca = 0
}

/* One step of choose(), or of acr_choose_chance(): look at device d, without a lock. */
inline look_at(lj)
{
	if
	:: device[d].state == READY && !(job[lj].tried & (1 << d)) &&
	   (!job[lj].bound || job[lj].bound == d) ->
		if
		:: job[lj].bound || device[d].queued < QLEN -> cands = cands | (1 << d)
		:: else -> crowded = true
		fi
	:: else
	fi
}

/* All of them, one after another. Gives the bits of those with room in `cands`, and in
 * `crowded` whether a capable one has none. */
inline look(lj)
{
	atomic { cands = 0; crowded = false; d = 1; look_at(lj) }
#if DEVICES > 1
	atomic { d = 2; look_at(lj) }
#endif
	d = 0
}

/* acr_device_put(). Gives `error`, and the attempt in `inlined` if it is to be run at once. */
inline device_put(pa, pinline)
{
	atomic {
		use(attempt_job(pa));
		d = attempt[pa].device;
		if
		:: device[d].state != READY -> error = ENODEV
		:: device[d].state == READY && pinline && !device[d].queued ->
			attempt[pa].state = RUNNING; attempt[pa].listed = true;
			device[d].running++; device[d].callers++;
			inlined = pa; error = OK
		:: device[d].state == READY && device[d].queued >= QLEN ->
			if
			:: job[attempt_job(pa)].bound ->
				attempt[pa].state = QUEUED; attempt[pa].place = OVERFLOW; error = OK
			:: else -> error = EAGAIN
			fi
		:: device[d].state == READY && device[d].queued < QLEN ->
			attempt[pa].state = QUEUED; attempt[pa].place = QUEUE;
			device[d].queued++; error = OK
		fi;
		d = 0
	}
}

/* acr_waiting_add(), and settle_in(): room may have come between the look and the wait, or the
 * last device that could do it may have gone. Gives `error`. */
inline wait(wj, wa)
{
	atomic {
		attempt[wa].state = QUEUED; job[wj].current = wa;
		attempt[wa].place = MAIN; waiting++;
		error = OK
	}
	look(wj);
	atomic {
		if
		:: cands -> serve() /* acr_waiting_serve() */
#ifndef MUTANT_STRANDED
		:: !cands && !crowded && attempt[wa].place == MAIN -> /* acr_waiting_take_back() */
			use(wj);
			attempt_ended(wa); waiting--; error = EIO
#endif
		:: else
		fi
	}
}

/* put(), place(): the caller has a reference. Who comes new is polite to those who wait. Gives
 * `error`. */
inline place_job(pj, pinline)
{
	do
	:: true ->
		atomic { /* attempt_new(), and a first look of choose() */
			use(pj); assert(job[pj].attempts < EACH);
			a = pj * EACH + job[pj].attempts;
			job[pj].attempts++; job[pj].refs++;
			cands = 0; crowded = false; d = 1; look_at(pj)
		}
#if DEVICES > 1
		atomic { d = 2; look_at(pj); d = 0 }
#endif
		if
#if JOBS > 1
		:: cands && waiting && pinline && !job[pj].bound -> wait(pj, a)
#endif
		:: cands && !(waiting && pinline && !job[pj].bound) ->
			atomic { /* the balancer's choice */
				if
				:: cands & 2 -> attempt[a].device = 1
				:: cands & 4 -> attempt[a].device = 2
				fi;
				job[pj].current = a; cands = 0; crowded = false
			}
			device_put(a, pinline)
		:: !cands && crowded -> wait(pj, a)
		:: !cands && !crowded -> atomic { error = EIO } /* nobody() */
		fi;
		if
		:: error == OK -> break
		:: error == EIO -> atomic { drop(pj); break }
		:: else -> atomic { attempt_ended(a); drop(pj) } /* once more */
		fi
	od;
	atomic { a = 0; cands = 0; crowded = false; d = 0 }
}

/* The end of place(): a cancellation that came while we placed it found nothing. And the
 * caller's reference goes. */
inline look_for_cancel(kj)
{
	atomic {
#ifndef MUTANT_RECHECK
		yes = job[kj].cancelled;
#endif
		if
		:: !yes -> drop(kj)
		:: else
		fi
	}
	if
	:: yes ->
		yes = false;
		job_cancel(kj);
		atomic {
			if
			:: yes -> done(kj, ECANCELED)
			:: else
			fi;
			drop(kj); yes = false
		}
	:: else
	fi
}

/* ---- devices: device.c, threads.c, device_health.c ---- */

/* returned(): something has come back. Under (q). */
inline returned(rd)
{
	device[rd].blocked = false;
	device[rd].came = device[rd].came || device[rd].submitting
}

/* acr_op_done() and acr_sched_ended(), by the driver of device odev. */
inline op_done(oa, odev, oerror)
{
	atomic {
		use(attempt_job(oa));
		yes = attempt[oa].state == RUNNING;
#ifndef MUTANT_SWAP
		if
		:: yes -> attempt[oa].state = ENDED
		:: else
		fi
#endif
	}
#ifdef MUTANT_SWAP
	if
	:: yes -> attempt[oa].state = ENDED
	:: else
	fi;
#endif
	if
	:: yes ->
		atomic { /* stop_running(), returned(), and then acr_sched_ended() */
			use(attempt_job(oa));
			if /* a mutant's orphan was taken out already */
			:: attempt[oa].listed -> attempt[oa].listed = false; device[odev].running--
			:: else
			fi;
			returned(odev);
			attempt_ended(oa);
			if
			:: oerror == OK -> /* take_result(), complete() */
				assert(!job[attempt_job(oa)].taken);
				job[attempt_job(oa)].taken = true;
				done(attempt_job(oa), OK);
				drop(attempt_job(oa))
			:: else ->
				job[attempt_job(oa)].tried = job[attempt_job(oa)].tried | (1 << odev);
				retry!attempt_job(oa) /* with the attempt's reference */
			fi;
			yes = false
		}
	:: else -> /* an orphan came home */
		atomic {
			assert(attempt[oa].state == ORPHAN);
			attempt_ended(oa);
			device[odev].orphans--;
			returned(odev);
			drop(attempt_job(oa))
		}
	fi
}

/* acr_device_submit() of one attempt, by a worker of device sd or, inline, by who starts it. */
inline submit(sa, sd)
{
	/* with the reference for repeat_cancels() */
	atomic { use(attempt_job(sa)); job[attempt_job(sa)].refs++; attempt[sa].shown = true }
	if
	:: atomic { attempt[sa].held = true; device[sd].answers++ }
#if HANGS
	:: atomic { /* it is never answered, until cancel(), reset() or remove() */
#ifdef UNWATCHED
			job[attempt_job(sa)].cancelled &&
#endif
			hangs < HANGS -> hangs++;
			attempt[sa].held = true; attempt[sa].hangs = true; device[sd].hung++
		}
#endif
#if REFUSALS
	:: atomic { /* 0 of 1 are taken; no other thread is in this branch */
			refusals < REFUSALS -> refusals++;
			device[sd].submitting = true; device[sd].came = false
		}
		atomic { /* put_back() */
			use(attempt_job(sa));
			yes = attempt[sa].state == RUNNING;
			if
			:: yes ->
				attempt[sa].listed = false; attempt[sa].shown = false;
				device[sd].running--;
				attempt[sa].state = QUEUED;
				if
				:: device[sd].state != BROKEN && !device[sd].stopping ->
					attempt[sa].place = QUEUE; device[sd].queued++
				:: else -> displaced(sa, sd)
				fi
			:: else
			fi
		}
		if
		:: !yes -> op_done(sa, sd, ECANCELED) /* given up meanwhile */
		:: else
		fi;
		atomic {
			device[sd].blocked = !device[sd].came; device[sd].owes_ready = true;
			device[sd].submitting = false; device[sd].came = false; yes = false
		}
#endif
	fi;
	atomic { /* repeat_cancels() */
		if
		:: attempt[sa].state == ORPHAN -> tell(sa)
		:: else
		fi;
		drop(attempt_job(sa));
		device[sd].callers-- /* the caller's */
	}
}

/* take_queued(); under (q), each with its reference. What can't go elsewhere may be left. */
inline take_queued(qd, keep_bound)
{
	for (f : 0 .. ATTEMPTS - 1) {
		if
		:: attempt[f].device == qd && attempt[f].place == QUEUE &&
		   !(keep_bound && job[attempt_job(f)].bound) ->
			device[qd].queued--; attempt_ended(f); displaced(f, qd)
		:: attempt[f].device == qd && attempt[f].place == OVERFLOW && !keep_bound ->
			attempt_ended(f); displaced(f, qd)
		:: else
		fi
	}
	f = 0
}

/* acr_sched_shrunk(): what waits is tried again, acr_waiting_rehash(). */
inline shrunk()
{
	for (f : 0 .. ATTEMPTS - 1) {
		if
		:: attempt[f].place == MAIN ->
			attempt_ended(f); waiting--; retry!attempt_job(f)
		:: else
		fi
	}
	f = 0
}

/* acr_sched_rehash(): device by device, and what waits; who places them comes later. */
inline rehash()
{
	atomic {
		take_queued(1, true); refill(1);
#if DEVICES > 1
		take_queued(2, true); refill(2);
#endif
		shrunk()
	}
}

/* leave_state(), move_away(). More than one may be running: what is quick runs beside the others. */
inline leave_state(vd, to)
{
	atomic {
		left = device[vd].state != REMOVED && !(to == BROKEN && device[vd].state == BROKEN);
		if
		:: left ->
			device[vd].state = to; device[vd].blocked = false;
			take_queued(vd, false);
			for (f : 0 .. ATTEMPTS - 1) { /* take_running() */
				if
				:: attempt[f].listed && attempt[f].device == vd ->
					make_orphan(f);
					if
					:: yes ->
#ifndef MUTANT_ORPHAN
						job[attempt_job(f)].refs++;
#endif
						running = running | (1 << f)
					:: else
					fi
				:: else
				fi
			}
			f = 0; yes = false;
			device[vd].callers++
		:: else
		fi
	}
	if
	:: left ->
		atomic { /* displace() */
			for (f : 0 .. ATTEMPTS - 1) {
				if
				:: running & (1 << f) -> tell(f); displaced(f, vd)
				:: else
				fi
			}
			f = 0; running = 0;
			device[vd].callers--; left = false
		}
		atomic { shrunk() }
	:: else
	fi
}
