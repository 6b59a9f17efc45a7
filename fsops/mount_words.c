/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mount options as mount(8) and fstab(5) give them, made into those that FUSE takes. */
#include "fsops.h"

#include <string.h>
#include <unistd.h>

/* They say when and by whom to mount, or concern what this filesystem has not: times of access,
 * devices, programs with the rights of another. Beginnings end with a star. */
static const char *const of_no_concern[] = {
	"auto",       "noauto",      "nofail",        "user",     "nouser",     "users",
	"owner",      "group",       "defaults",      "_netdev",  "comment=*",  "x-*",
	"X-*",        "dev",         "suid",          "diratime", "nodiratime", "relatime",
	"norelatime", "strictatime", "nostrictatime", "lazytime", "nolazytime", "silent",
	"loud",       NULL,
};

static bool concerns(const char *word)
{
	for (const char *const *p = of_no_concern; *p; p++) {
		size_t length = strcspn(*p, "*");
		if (!strncmp(word, *p, length) && ((*p)[length] || !word[length]))
			return false;
	}
	return *word;
}

char *fs_mount_words(const char *source, const char *given)
{
	GString *words = g_string_new("subtype=acrypto,default_permissions");
	g_auto(GStrv) list = g_strsplit(given ? given : "", ",", -1);

	g_string_append_printf(words, ",fsname=%s", source);
	if (getuid() == 0)
		g_string_append(words, ",allow_other");
	for (char **word = list; *word; word++)
		if (concerns(*word))
			g_string_append_printf(words, ",%s", *word);
	return g_string_free(words, FALSE);
}
