/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The first message: version and capabilities. */
#include "internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What we can take. Only what the client offers too is answered, in this order. */
static const struct {
	const char *name;
	unsigned long value;
} capabilities[] = {
	{ "max_data_xfer_size", VU_MAX_DATA },
	{ "max_msg_fds", VU_MAX_FDS },
	{ "max_dma_maps", VU_MAX_MAPS },
	{ "pgsizes", VU_PAGE },
};

enum { N_CAPABILITIES = sizeof(capabilities) / sizeof(capabilities[0]) };

/* Find "name": in a text and return what follows, or NULL. The names are distinct enough
 * not to need the rest of JSON: a client that hides one in a string fools only itself. */
static const char *find_value(const char *text, const char *name)
{
	char quoted[32];
	const char *at;

	snprintf(quoted, sizeof(quoted), "\"%s\"", name);
	at = strstr(text, quoted);
	if (!at)
		return NULL;
	at += strlen(quoted);
	at += strspn(at, " \t\r\n");
	return *at == ':' ? at + 1 : NULL;
}

/* The longest prefix of our list that fits: a client's buffer for the answer may be no
 * longer than its question was. Returns its length with the NUL, 0 for no answer. */
static size_t make_answer(const char *offered, char *answer, size_t room)
{
	static const char head[] = "{\"capabilities\":{", tail[] = "}}";
	size_t used = sizeof(head) - 1;
	bool any = false;

	if (room < sizeof(head) + sizeof(tail))
		return 0;
	memcpy(answer, head, used);
	for (unsigned i = 0; i < N_CAPABILITIES; i++) {
		char pair[64];
		int n;

		if (!find_value(offered, capabilities[i].name))
			continue;
		n = snprintf(pair, sizeof(pair), "%s\"%s\":%lu", any ? "," : "",
		             capabilities[i].name, capabilities[i].value);
		if (used + (size_t)n + sizeof(tail) > room)
			continue;
		memcpy(answer + used, pair, (size_t)n);
		used += (size_t)n;
		any = true;
	}
	memcpy(answer + used, tail, sizeof(tail));
	return used + sizeof(tail);
}

static void take_limit(struct vu_server *server, const char *offered)
{
	const char *value = find_value(offered, "max_data_xfer_size");
	unsigned long limit = value ? strtoul(value, NULL, 10) : VU_MAX_DATA;

	server->client_max_data = limit && limit < VU_MAX_DATA ? limit : VU_MAX_DATA;
}

int vu_negotiate(struct vu_server *server, struct vu_message *in, size_t n, size_t *n_answer)
{
	struct vu_version version;
	const char *offered = "";

	if (n < sizeof(version) || server->negotiated)
		return -EINVAL;
	memcpy(&version, in->payload, sizeof(version));
	if (version.major != VU_MAJOR) {
		server->gone = true;
		return -EPROTONOSUPPORT;
	}
	if (n > sizeof(version)) {
		if (in->payload[n - 1])
			return -EINVAL;
		offered = (const char *)in->payload + sizeof(version);
	}
	server->negotiated = true;
	take_limit(server, offered);
	version.minor = VU_MINOR;
	memcpy(server->out, &version, sizeof(version));
	*n_answer =
	        sizeof(version) + make_answer(offered, (char *)server->out + sizeof(version),
	                                      n - sizeof(version));
	return 0;
}
