/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The interrupt pin as VFIO has it: an event that masks itself. */
#include "internal.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

/* The descriptor is the client's and may be anything: never wait for it. */
static void signal_event(int fd)
{
	static const uint64_t one = 1;
	struct pollfd poll_fd = { .fd = fd, .events = POLLOUT };

	if (fd < 0 || poll(&poll_fd, 1, 0) != 1 || !(poll_fd.revents & POLLOUT))
		return;
	/* There's nobody to tell: a counter that overflows has been signalled all the same. */
	if (write(fd, &one, sizeof(one)) < 0)
		return;
}

static void evaluate(struct vu_pin *pin)
{
	if (!pin->up || pin->masked || pin->event < 0)
		return;
	pin->masked = true;
	signal_event(pin->event);
}

void vu_intx(struct vu_server *server, bool up)
{
	server->pin.up = up;
	evaluate(&server->pin);
}

static void replace_event(struct vu_pin *pin, int fd)
{
	if (pin->event >= 0)
		close(pin->event);
	pin->event = fd;
	pin->masked = false;
	evaluate(pin);
}

void vu_irq_clear(struct vu_server *server)
{
	server->pin.up = false;
	replace_event(&server->pin, -1);
}

/* TRIGGER with descriptors: take the first one that came, or none. */
static int set_event(struct vu_server *server)
{
	int fd = -1;

	if (server->in.n_fds > 1)
		return -EINVAL;
	if (server->in.n_fds) {
		fd = server->in.fds[0];
		server->in.fds[0] = -1;
	}
	replace_event(&server->pin, fd);
	return 0;
}

static int act(struct vu_pin *pin, uint32_t action)
{
	switch (action) {
	case VFIO_IRQ_SET_ACTION_MASK:
		pin->masked = true;
		return 0;
	case VFIO_IRQ_SET_ACTION_UNMASK:
		pin->masked = false;
		evaluate(pin);
		return 0;
	case VFIO_IRQ_SET_ACTION_TRIGGER:
		signal_event(pin->event);
		return 0;
	default:
		return -EINVAL;
	}
}

int vu_irq_set(struct vu_server *server, const struct vu_irq_set *request, const uint8_t *data,
               size_t n_data)
{
	uint32_t kind = request->flags & VFIO_IRQ_SET_DATA_TYPE_MASK;
	uint32_t action = request->flags & VFIO_IRQ_SET_ACTION_TYPE_MASK;

	if (request->flags != (kind | action) || request->index >= VFIO_PCI_NUM_IRQS)
		return -EINVAL;
	/* Nothing at all of a kind that the card lacks is no error: clients tidy up so. */
	if (request->count == 0 && request->start == 0 && kind == VFIO_IRQ_SET_DATA_NONE &&
	    action == VFIO_IRQ_SET_ACTION_TRIGGER) {
		if (request->index == VFIO_PCI_INTX_IRQ_INDEX)
			replace_event(&server->pin, -1);
		return 0;
	}
	if (request->index != VFIO_PCI_INTX_IRQ_INDEX || request->start || request->count != 1)
		return -EINVAL;
	if (kind == VFIO_IRQ_SET_DATA_EVENTFD)
		return action == VFIO_IRQ_SET_ACTION_TRIGGER ? set_event(server) : -EINVAL;
	if (kind == VFIO_IRQ_SET_DATA_BOOL && (n_data < 1 || !data[0]))
		return n_data < 1 ? -EINVAL : 0;
	if (kind != VFIO_IRQ_SET_DATA_BOOL && kind != VFIO_IRQ_SET_DATA_NONE)
		return -EINVAL;
	return act(&server->pin, action);
}
