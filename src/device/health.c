/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "health.h"

#include "base/log.h"
#include "selftest.h"

#include <errno.h>
#include <stdio.h>

#define SECOND      UINT64_C(1000000000)
#define WAIT_MIN    SECOND
#define WAIT_MAX    (60 * SECOND)
#define FORGIVEN    (300 * SECOND) /* after so long in service the waiting begins anew */
#define WINDOW_MASK ((1u << ACR_HEALTH_WINDOW) - 1)

/* ---- into quarantine ---- */

/* Under (q): when the next test is. */
static void schedule(struct acr_device *dev)
{
	struct acr_health *health = &dev->health;
	uint64_t now = acr_now_ns();

	if (!health->wait_ns || (health->back_ns && now - health->back_ns > FORGIVEN))
		health->wait_ns = WAIT_MIN;
	else
		health->wait_ns = MIN(2 * health->wait_ns, WAIT_MAX);
	health->test_at_ns = now + health->wait_ns;
}

/* The caller may be a driver that holds its own lock, so the sessions are moved by the device's
 * thread, see acr_device_evict(). */
void acr_health_confine(struct acr_device *dev, const char *reason)
{
	struct acr_health *health = &dev->health;

	if (atomic_load(&dev->state) != ACR_READY && atomic_load(&dev->state) != ACR_DRAINING)
		return;
	health->drains = atomic_load(&dev->state) == ACR_DRAINING;
	atomic_store(&dev->state, ACR_BROKEN);
	snprintf(dev->broken_reason, sizeof dev->broken_reason, "quarantined: %s", reason);
	g_strdelimit(dev->broken_reason, "\n\t", ' ');
	dev->blocked = false;
	health->quarantined = health->evict = true;
	health->recent = 0;
	health->silent_ns = 0;
	schedule(dev);
	pthread_cond_broadcast(&dev->work);
	acr_log(ACR_LOG_WARNING, dev->spec->name, "%s", dev->broken_reason);
}

void acr_health_note(struct acr_device *dev, bool failed)
{
	struct acr_health *health = &dev->health;
	unsigned failures;
	char reason[64];

	if (atomic_load(&dev->state) == ACR_TESTING)
		return;
	health->recent = (health->recent << 1 | failed) & WINDOW_MASK;
	failures = (unsigned)__builtin_popcount(health->recent);
	if (failures * 2 <= ACR_HEALTH_WINDOW)
		return;
	snprintf(reason, sizeof reason, "%u of its last %u requests failed", failures,
	         ACR_HEALTH_WINDOW);
	acr_health_confine(dev, reason);
}

void acr_device_quarantine(struct acr_device *dev, const struct acr_capstat *suspect,
                           const char *reason)
{
	pthread_mutex_lock(&dev->lock);
	acr_health_confine(dev, reason);
	if (dev->health.quarantined && suspect)
		dev->health.suspect = suspect;
	pthread_mutex_unlock(&dev->lock);
}

void acr_health_clear(struct acr_device *dev)
{
	bool testing = dev->health.testing, evict = dev->health.evict;

	dev->health = (struct acr_health){ .testing = testing, .evict = evict };
}

/* ---- and out of it ---- */

/* Bring the hardware back as `repair` would, and open the door to tests alone. */
static int open_for_tests(struct acr_device *dev)
{
	int error;

	pthread_mutex_lock(&dev->control);
	error = acr_device_quiesce(dev);
	if (!error && dev->driver->reset) {
		dev->explain[0] = 0;
		error = dev->driver->reset(dev);
	}
	pthread_mutex_lock(&dev->lock);
	if (!error && !(dev->health.quarantined && atomic_load(&dev->state) == ACR_BROKEN))
		error = -ECANCELED; /* repaired, broken for good, or removed */
	if (!error) {
		atomic_store(&dev->state, ACR_TESTING);
		dev->blocked = false;
	}
	pthread_mutex_unlock(&dev->lock);
	pthread_mutex_unlock(&dev->control);
	return error;
}

struct waiter {
	pthread_mutex_t lock;
	pthread_cond_t ended;
	bool done;
	enum acr_verdict verdict;
};

static void test_ended(void *owner, enum acr_verdict verdict)
{
	struct waiter *waiter = owner;

	pthread_mutex_lock(&waiter->lock);
	waiter->verdict = verdict;
	waiter->done = true;
	pthread_cond_signal(&waiter->ended);
	pthread_mutex_unlock(&waiter->lock);
}

static enum acr_verdict run_test(struct acr_device *dev)
{
	struct waiter waiter = { .lock = PTHREAD_MUTEX_INITIALIZER,
		                 .ended = PTHREAD_COND_INITIALIZER };

	if (open_for_tests(dev))
		return ACR_TEST_NONE;
	acr_selftest_start(dev, true, dev->health.suspect, test_ended, &waiter);
	pthread_mutex_lock(&waiter.lock);
	while (!waiter.done)
		pthread_cond_wait(&waiter.ended, &waiter.lock);
	pthread_mutex_unlock(&waiter.lock);
	return waiter.verdict;
}

/* Under (q): what comes of a test. True: it is back. */
static bool settle(struct acr_device *dev, enum acr_verdict verdict)
{
	struct acr_health *health = &dev->health;
	bool passed = verdict == ACR_TEST_PASSED && atomic_load(&dev->state) == ACR_TESTING;

	health->testing = false;
	if (passed) {
		atomic_store(&dev->state, health->drains ? ACR_DRAINING : ACR_READY);
		dev->broken_reason[0] = 0;
		health->quarantined = false;
		health->suspect = NULL;
		health->recent = 0;
		health->back_ns = acr_now_ns();
	} else {
		if (atomic_load(&dev->state) == ACR_TESTING)
			atomic_store(&dev->state, ACR_BROKEN);
		if (health->quarantined)
			schedule(dev);
	}
	pthread_cond_broadcast(&dev->work);
	pthread_cond_broadcast(&dev->left);
	return passed;
}

static void *test_thread(void *data)
{
	struct acr_device *dev = data;
	enum acr_verdict verdict = run_test(dev);
	bool back;

	pthread_mutex_lock(&dev->lock);
	back = settle(dev, verdict);
	pthread_mutex_unlock(&dev->lock);
	if (back) {
		acr_log(ACR_LOG_WARNING, dev->spec->name, "passed its tests: back in service");
		acr_sched_rehash();
	} else {
		acr_log(ACR_LOG_INFO, dev->spec->name, "still in quarantine: %s",
		        verdict == ACR_TEST_FAILED ? "it failed a test"
		                                   : "it can't be tested now");
	}
	acr_device_unref(dev);
	return NULL;
}

void acr_health_watch(struct acr_device *dev)
{
	struct acr_health *health = &dev->health;
	pthread_attr_t attr;
	pthread_t thread;
	bool due;

	pthread_mutex_lock(&dev->lock);
	due = health->quarantined && !health->testing && !health->evict &&
	      atomic_load(&dev->state) == ACR_BROKEN && acr_now_ns() >= health->test_at_ns;
	health->testing |= due;
	pthread_mutex_unlock(&dev->lock);
	if (!due)
		return;
	acr_device_ref(dev);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&thread, &attr, test_thread, dev)) {
		pthread_mutex_lock(&dev->lock);
		settle(dev, ACR_TEST_NONE);
		pthread_mutex_unlock(&dev->lock);
		acr_device_unref(dev);
	}
	pthread_attr_destroy(&attr);
}

void acr_health_stop(struct acr_device *dev)
{
	pthread_mutex_lock(&dev->lock);
	while (dev->health.testing)
		pthread_cond_wait(&dev->left, &dev->lock);
	pthread_mutex_unlock(&dev->lock);
}
