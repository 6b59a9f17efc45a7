/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is in each directory: one table for each, one row for each file. */
#include "fsops.h"

#include "show.h"

#include <errno.h>

/* clang-format off */
static const struct fs_file root_files[] = {
	{ "README",     0444, 0, &fs_kind_text,   0, fs_show_readme, NULL },
	{ "version",    0444, 0, &fs_kind_text,   0, fs_show_version, NULL },
	{ "status",     0444, 0, &fs_kind_text,   0, fs_show_status, NULL },
	{ "metrics",    0444, 0, &fs_kind_text,   0, fs_show_metrics, NULL },
	{ "algorithms", 0444, 0, &fs_kind_text,   0, fs_show_algorithms, NULL },
	{ "random",     S_IFLNK | 0777, 0, &fs_kind_link, 0, fs_show_random, NULL },
	{ ".random",    0444, 0, &fs_kind_random, 0, NULL, NULL }, /* not listed */
	{ "ioctl",      0666, 0, &fs_kind_ioctl,  0, NULL, NULL },
	{ "sessions",   S_IFDIR | 01777, FS_SESSIONS, NULL, 0, NULL, NULL },
	{ "devices",    S_IFDIR | 0755,  FS_DEVICES,  NULL, 0, NULL, NULL },
	{ "lb",         S_IFDIR | 0755,  FS_LB,       NULL, 0, NULL, NULL },
	{ 0 }
};

#define VALUE(name, mode, value) { name, mode, 0, &fs_kind_value, value, NULL, NULL }
/* What every stage has, the session as the first among them. */
#define STAGE_VALUES                                                                           \
	VALUE("op",       0666, ACR_V_OP),                                                     \
	VALUE("alg",      0666, ACR_V_ALG),                                                    \
	VALUE("key",      0222, ACR_V_KEY),                                                    \
	VALUE("iv",       0666, ACR_V_IV),                                                     \
	VALUE("aad",      0666, ACR_V_AAD),                                                    \
	VALUE("tag",      0666, ACR_V_TAG),                                                    \
	VALUE("sig",      0666, ACR_V_SIG),                                                    \
	VALUE("taglen",   0666, ACR_V_TAGLEN),                                                 \
	VALUE("padding",  0666, ACR_V_PADDING),                                                \
	VALUE("layout",   0666, ACR_V_LAYOUT),                                                 \
	VALUE("format",   0666, ACR_V_FORMAT),                                                 \
	VALUE("length",   0666, ACR_V_LENGTH),                                                 \
	VALUE("params",   0666, ACR_V_PARAMS),                                                 \
	VALUE("device",   0666, ACR_V_DEVICE),                                                 \
	VALUE("check",    0666, ACR_V_CHECK)

static const struct fs_file session_files[] = {
	STAGE_VALUES,
	{ "src",          0666, 0, &fs_kind_src,   0, NULL, NULL },
	{ "dst",          0444, 0, &fs_kind_dst,   0, NULL, NULL },
	VALUE("stream",   0666, ACR_V_STREAM),
	VALUE("priority", 0666, ACR_V_PRIORITY),
	VALUE("private",  0666, ACR_V_PRIVATE),
	VALUE("deadline", 0666, ACR_V_DEADLINE),
	{ "route",        S_IFDIR | 0777, FS_ROUTE, NULL, 0, NULL, NULL },
	{ "ctl",          0222, 0, &fs_kind_text,  0, NULL, fs_store_session_ctl },
	{ "state",        0444, 0, &fs_kind_state, 0, fs_show_session_state, NULL },
	{ "history",      0444, 0, &fs_kind_text,  0, fs_show_session_history, NULL },
	{ "status",       0444, 0, &fs_kind_state, 0, fs_show_session_status, NULL },
	{ 0 }
};

/* Of route/1 too, whose values are the session's own. */
static const struct fs_file stage_files[] = {
	STAGE_VALUES,
	VALUE("input",    0666, ACR_V_INPUT),
	VALUE("input2",   0666, ACR_V_INPUT2),
	{ "dst",          0444, 0, &fs_kind_dst,   0, NULL, NULL },
	{ "status",       0444, 0, &fs_kind_state, 0, fs_show_stage_status, NULL },
	{ 0 }
};

static const struct fs_file devices_files[] = {
	{ "add",    0200, 0, &fs_kind_text, 0, NULL, fs_store_device_add },
	{ "remove", 0200, 0, &fs_kind_text, 0, NULL, fs_store_device_remove },
	{ 0 }
};

static const struct fs_file device_files[] = {
	{ "driver",       0444, 0, &fs_kind_text, 0, fs_show_device_driver, NULL },
	{ "state",        0444, 0, &fs_kind_text, 0, fs_show_device_state, NULL },
	{ "load",         0444, 0, &fs_kind_text, 0, fs_show_device_load, NULL },
	{ "queue",        0444, 0, &fs_kind_text, 0, fs_show_device_queue, NULL },
	{ "capabilities", 0444, 0, &fs_kind_text, 0, fs_show_device_capabilities, NULL },
	{ "stats",        0444, 0, &fs_kind_text, 0, fs_show_device_stats, NULL },
	{ "check",        0644, 0, &fs_kind_text, 0, fs_show_device_check, fs_store_device_check },
	{ "ctl",          0200, 0, &fs_kind_text, 0, NULL, fs_store_device_ctl },
	{ 0 }
};

static const struct fs_file lb_files[] = {
	{ "current", 0644, 0, &fs_kind_text, 0, fs_show_lb_current, fs_store_lb_current },
	{ "load",    0200, 0, &fs_kind_text, 0, NULL, fs_store_lb_load },
	{ "unload",  0200, 0, &fs_kind_text, 0, NULL, fs_store_lb_unload },
	{ "rehash",  0200, 0, &fs_kind_text, 0, NULL, fs_store_lb_rehash },
	{ 0 }
};

static const struct fs_file balancer_files[] = {
	{ "info", 0444, 0, &fs_kind_text, 0, fs_show_balancer_info, NULL },
	{ 0 }
};

/* A balancer's own files: their names are its own, so these rows stand for their modes. */
static const struct fs_file lb_file_modes[] = {
	{ "r",         0444, 0, &fs_kind_text, 0, fs_show_lb_file, NULL },
	{ "rw",        0644, 0, &fs_kind_text, 0, fs_show_lb_file, fs_store_lb_file },
	{ "w",         0200, 0, &fs_kind_text, 0, NULL, fs_store_lb_file },
	{ "secret-r",  0400, 0, &fs_kind_text, 0, fs_show_lb_file, NULL },
	{ "secret-rw", 0600, 0, &fs_kind_text, 0, fs_show_lb_file, fs_store_lb_file },
	{ 0 }
};
/* clang-format on */

const struct fs_file *const fs_tables[FS_DIRS] = {
	[FS_ROOT] = root_files,         [FS_SESSION] = session_files, [FS_STAGE] = stage_files,
	[FS_DEVICES] = devices_files,   [FS_DEVICE] = device_files,   [FS_LB] = lb_files,
	[FS_BALANCER] = balancer_files, [FS_LB_FILE] = lb_file_modes,
};
