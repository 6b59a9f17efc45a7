/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A balancer outside the source tree: each device has a price, and the cheapest that isn't
 * overfull is taken. The administrator writes lines of "NAME PRICE" into lb/cheapest/prices.
 * It shows all that a balancer can have: data, a list that is replaced while others read it,
 * a file, and counters. acrypto-balancer(7) goes through it. */
#include <acrypto/balancer.h>

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PRICES   32
#define OVERFULL 8.0 /* sessions for each operation at once */

/* Never changed once it can be seen. */
struct prices {
	unsigned count;
	struct {
		char name[65];
		unsigned price;
	} list[PRICES];
};

struct cheapest {
	_Atomic(struct prices *) prices; /* NULL: everything is for free */
	atomic_uint_least64_t spent;     /* of what was done well */
};

static int cheapest_create(void **data)
{
	*data = calloc(1, sizeof(struct cheapest));
	return *data ? 0 : -ENOMEM;
}

static void cheapest_destroy(void *data)
{
	struct cheapest *cheapest = data;

	free(atomic_load(&cheapest->prices)); /* nobody else is here any more */
	free(cheapest);
}

static unsigned price_of(const struct prices *prices, const char *name)
{
	for (unsigned i = 0; prices && i < prices->count; i++)
		if (!strcmp(prices->list[i].name, name))
			return prices->list[i].price;
	return 0;
}

static double load(const struct acr_lb_device *device)
{
	return (double)(device->queued + device->running) / device->width;
}

/* Lower is better: an overfull device costs as if it were dear. */
static double score(const struct prices *prices, const struct acr_lb_device *device)
{
	return load(device) >= OVERFULL ? 1e6 + load(device) : price_of(prices, device->name);
}

static int cheapest_find_device(void *data, const struct acr_lb_session *session,
                                const struct acr_lb_device *devices, unsigned n,
                                struct acr_lb_choice *choice)
{
	struct cheapest *cheapest = data;
	const struct prices *prices = atomic_load(&cheapest->prices); /* once */

	(void)session;
	choice->score = score(prices, &devices[0]);
	for (unsigned i = 1; i < n; i++) {
		if (score(prices, &devices[i]) >= choice->score)
			continue;
		choice->index = i;
		choice->score = score(prices, &devices[i]);
	}
	snprintf(choice->reason, sizeof(choice->reason), "price %u, load %.1f, of %u",
	         price_of(prices, devices[choice->index].name), load(&devices[choice->index]),
	         n);
	return 0;
}

/* "NAME PRICE" in each line. Returns owned, or NULL after saying why. */
static struct prices *parse(const char *text)
{
	struct prices *prices = calloc(1, sizeof(*prices));
	int used;

	while (prices && *text) {
		if (prices->count == PRICES ||
		    sscanf(text, "%64s %u%n", prices->list[prices->count].name,
		           &prices->list[prices->count].price, &used) != 2) {
			acr_log(ACR_LOG_ERROR, "cheapest", "prices are lines of NAME PRICE");
			free(prices);
			return NULL;
		}
		prices->count++;
		text += used;
		text += strspn(text, " \n");
	}
	return prices;
}

static int cheapest_write(void *data, const char *text)
{
	struct cheapest *cheapest = data;
	struct prices *prices = parse(text), *old;

	if (!prices)
		return -EINVAL;
	old = atomic_exchange(&cheapest->prices, prices);
	acr_lb_synchronize(); /* find_device() may be looking at the old one */
	free(old);
	return 0;
}

static size_t cheapest_read(void *data, char *text, size_t size)
{
	struct cheapest *cheapest = data;
	const struct prices *prices = atomic_load(&cheapest->prices);
	size_t len = 0;

	if (size)
		text[0] = 0;
	for (unsigned i = 0; prices && i < prices->count; i++)
		len += (size_t)snprintf(len < size ? text + len : NULL,
		                        len < size ? size - len : 0, "%s %u\n",
		                        prices->list[i].name, prices->list[i].price);
	return len;
}

static void cheapest_completed(void *data, uint64_t device_id,
                               const struct acr_lb_session *session, uint64_t queue_ns,
                               uint64_t process_ns)
{
	struct cheapest *cheapest = data;

	(void)device_id, (void)session, (void)queue_ns;
	atomic_fetch_add_explicit(&cheapest->spent, process_ns, memory_order_relaxed);
}

static size_t cheapest_info(void *data, char *text, size_t size)
{
	struct cheapest *cheapest = data;

	return (size_t)snprintf(text, size, "process-time-ns: %" PRIu64 "\n",
	                        (uint64_t)atomic_load(&cheapest->spent));
}

static const struct acr_lb_file cheapest_files[] = {
	{ "prices", "lines of NAME PRICE", 0644, cheapest_read, cheapest_write },
	{ NULL, NULL, 0, NULL, NULL },
};

static const struct acr_balancer cheapest = {
	.name = "cheapest",
	.help = "an example: the device with the lowest price",
	.create = cheapest_create,
	.destroy = cheapest_destroy,
	.find_device = cheapest_find_device,
	.completed = cheapest_completed,
	.info = cheapest_info,
	.files = cheapest_files,
};

ACR_REGISTER_BALANCER(cheapest);
