/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All settings of the daemon, from the configuration file and the command line. One table in
 * settings.c names each key of the file, its range and what it means. */
#ifndef ACR_SETTINGS_H
#define ACR_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <glib.h>
#include <stdatomic.h>

/* Values that running code reads; a reload replaces them one by one. */
struct acr_settings {
	atomic_uint_least64_t memory;        /* bytes, the daemon's limit */
	atomic_uint_least64_t user_memory;   /* bytes, one user's */
	atomic_uint_least64_t user_sessions; /* sessions of one user */
	atomic_uint_least64_t requests;      /* kept requests of one user */
	atomic_uint_least64_t window;        /* bytes of each window of a stream */
	atomic_uint_least64_t drain;         /* seconds that a shutdown waits for sessions */
	atomic_uint_least64_t ageing;        /* thousandths of a priority point a second */
	atomic_uint_least64_t queue_length;  /* default limit of a capability's queue */
	/* Seconds that a request may take at least; 0: no watchdog */
	atomic_uint_least64_t watchdog;
	atomic_uint_least64_t threads; /* that serve the filesystem */
	atomic_uint_least64_t log_level;
	atomic_uint_least64_t core_dumps; /* 0 or 1 */
	/* Texts live until the daemon ends: a reader of an old one may keep it. */
	_Atomic(const char *) balancer;       /* name */
	_Atomic(const char *) module_path;    /* DIR[:DIR...], NULL: the installed ones */
	_Atomic(const char *) priority_group; /* may use priorities above the default */
	_Atomic(const char *) mount_options;  /* as of -o, NULL: none */
	_Atomic(const char *) file;           /* the one in force, NULL: none */
};

extern struct acr_settings acr_settings;

/* What names a device: from [device NAME], --device or devices/add. */
struct acr_device_spec {
	char *name, *driver;
	char **keys, **values; /* NULL-terminated, in pairs */
	bool from_file;
};

/* "NAME=DRIVER[:KEY=VALUE,...]". Returns owned, NULL: *error says why. */
struct acr_device_spec *acr_device_spec_parse(const char *text, char **error);
void acr_device_spec_free(struct acr_device_spec *spec);
bool acr_device_spec_equal(const struct acr_device_spec *a, const struct acr_device_spec *b);

/* True for [A-Za-z0-9][A-Za-z0-9._-]{0,63}. */
bool acr_name_ok(const char *name);

/* Defaults that depend on the machine. Before everything else. */
void acr_settings_init(void);

/* The configuration file that is read where none is named: the first that is there. One that
 * can't be looked for counts as there, so that nothing is passed over in silence. NULL:
 * none. */
const char *acr_settings_find(void);

/* Read a configuration file. devices (of struct acr_device_spec *) is appended to. Returns
 * false with *error = "FILE:LINE: reason"; then no setting has changed. */
bool acr_settings_load(const char *file, GPtrArray *devices, char **error);

#endif
