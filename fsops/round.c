/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One round of a visit: what fits in the area that a visitor shares with us. */
#include "visitor.h"

#include "base/secret.h"

#include <errno.h>
#include <string.h>

/* Go through the bytes of the next round, which lie in the area one after the other. round:
 * say where in the caller they are and bring those that are to be written; NULL: it has
 * been, so take those that were read and go on. Returns how many. */
static size_t pass(struct fs_visit *visit, struct fs_round *round)
{
	uint8_t *area = visit->visitor->area;
	size_t used = 0, offset = visit->offset;
	unsigned at = visit->at;

	while (at < visit->count && used < FS_AREA) {
		const struct fs_copy *copy = &visit->copies[at];
		uint8_t *ours = (uint8_t *)copy->data + offset;
		size_t len = MIN(copy->len - offset, FS_AREA - used);

		if (round)
			round->there[round->count++] =
			        (struct iovec){ (void *)(uintptr_t)(copy->pointer + offset),
				                len };
		if (round && visit->write)
			memcpy(area + used, ours, len);
		else if (!round && !visit->write)
			memcpy(ours, area + used, len);
		used += len;
		offset += len;
		if (offset == copy->len) {
			offset = 0;
			at++;
		}
	}
	if (!round) {
		visit->at = at;
		visit->offset = offset;
	}
	return used;
}

void fs_round_begin(struct fs_visit *visit)
{
	struct fs_round round = { .thread = visit->caller.thread, .write = visit->write };

	round.len = visit->visitor->len = pass(visit, &round);
	visit->visitor->begun = g_get_monotonic_time();
	fs_visitor_send(visit->visitor, &round);
}

bool fs_round_end(struct fs_visit *visit, bool wait)
{
	struct fs_visitor *visitor = visit->visitor;
	int64_t answer = fs_visitor_answer(visitor, wait);

	if (answer == (int64_t)visitor->len) {
		pass(visit, NULL);
		explicit_bzero(visitor->area, visitor->len);
		visit->error = 0;
		return visit->at < visit->count;
	}
	visit->error = answer < 0 ? (int)answer : -EFAULT;
	if (visit->error != -EAGAIN)
		explicit_bzero(visitor->area, visitor->len);
	return false;
}
