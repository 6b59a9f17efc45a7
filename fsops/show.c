/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "show.h"
#include "session/sessions.h"
#include "session/status.h"

#include "base/log.h"
#include "sched/check.h"
#include "report/report.h"

#include <errno.h>
#include <string.h>

/* ---- the daemon ---- */

/* Where the link `random` leads: to a file that is not listed, so that what crawls over all
 * files ends. */
FS_SHOW(random)
{
	(void)node, (void)actor;
	g_string_append(text, ".random");
}

FS_SHOW(readme)
{
	(void)node, (void)actor;
	g_string_append(
	        text,
	        "acrypto: cryptography as files, done by the best device there is.\n"
	        "\n"
	        "Encrypt a file:\n"
	        "\n"
	        "  (umask 077; head -c 32 /dev/urandom > ~/report.key)\n"
	        "  cd \"$(mktemp -d /acrypto/sessions/XXXXXX)\"\n"
	        "  echo aes-256-gcm > alg\n"
	        "  cat ~/report.key > key\n"
	        "  cat ~/report.pdf > src\n"
	        "  cat dst > ~/report.pdf.enc\n"
	        "\n"
	        "Decrypt it the same way, with `echo decrypt > op` and the other file as src:\n"
	        "it fails, and gives nothing, if a bit of file or key has changed.\n"
	        "`status` in the session says what went wrong; rmdir ends the session.\n"
	        "\n"
	        "algorithms  what can be done         sessions/   mkdir makes a session\n"
	        "devices/    who does it, and how     lb/         how a device is chosen\n"
	        "status      the daemon's own         random      random bytes without end\n"
	        "\n"
	        "The whole reference: man 7 acrypto. Starting the daemon: man 8 acryptod.\n");
}

FS_SHOW(version)
{
	(void)node, (void)actor;
	acr_report_version(text);
	g_string_append_printf(text, "fuse: %s\n", fuse_pkgversion());
}

FS_SHOW(status)
{
	(void)node, (void)actor;
	acr_report_status(text);
}

FS_SHOW(metrics)
{
	(void)node, (void)actor;
	acr_report_metrics(text);
}

FS_SHOW(algorithms)
{
	(void)node, (void)actor;
	acr_report_algorithms(text);
}

/* ---- sessions ---- */

FS_SHOW(session_state)
{
	struct acr_session *session = acr_session_by_serial(node->object);

	(void)actor;
	if (session)
		g_string_append_printf(text, "%s\n", acr_session_state_name(session));
	acr_session_unref(session);
}

FS_SHOW(session_history)
{
	struct acr_session *session = acr_session_by_serial(node->object);

	(void)actor;
	if (!session)
		return;
	pthread_mutex_lock(&session->lock);
	acr_history_text(&session->history, text);
	pthread_mutex_unlock(&session->lock);
	acr_session_unref(session);
}

FS_SHOW(session_status)
{
	struct acr_session *session = acr_session_by_serial(node->object);

	(void)actor;
	if (session)
		acr_session_status(session, text);
	acr_session_unref(session);
}

FS_SHOW(stage_status)
{
	struct acr_session *session = acr_session_by_serial(node->object);

	(void)actor;
	if (session)
		acr_stage_status(session, node->stage, text);
	acr_session_unref(session);
}

static int ctl_cancel(struct acr_session *session)
{
	acr_session_cancel(session);
	return 0;
}

static int ctl_reset(struct acr_session *session)
{
	acr_session_reset(session);
	fs_drop_held(session, 0);
	acr_session_changed(session);
	return 0;
}

static int ctl_unknown(struct acr_session *session)
{
	pthread_mutex_lock(&session->lock);
	acr_session_explain(session, -EINVAL, "ctl takes start, cancel, reset or continue");
	pthread_mutex_unlock(&session->lock);
	return -EINVAL;
}

FS_STORE(session_ctl)
{
	static const struct {
		const char *word;
		int (*act)(struct acr_session *session);
	} words[] = {
		{ "start", acr_session_start }, { "cancel", ctl_cancel },
		{ "reset", ctl_reset },         { "continue", acr_session_continue },
		{ NULL, ctl_unknown },
	};
	struct acr_session *session = acr_session_by_serial(node->object);
	size_t i = 0;
	int error;

	(void)actor;
	if (!session)
		return -ECANCELED;
	while (words[i].word && strcmp(words[i].word, text))
		i++;
	error = words[i].act(session);
	acr_session_unref(session);
	return error;
}

/* ---- devices ---- */

/* A reference; NULL: gone. */
static struct acr_device *device_of(const struct fs_node *node)
{
	g_autoptr(GPtrArray) devices = acr_device_list();

	for (guint i = 0; i < devices->len; i++) {
		struct acr_device *dev = devices->pdata[i];
		if (dev->id == node->object)
			return acr_device_ref(dev);
	}
	return NULL;
}

static void show_device(const struct fs_node *node, GString *text,
                        void (*show)(struct acr_device *dev, GString *text))
{
	struct acr_device *dev = device_of(node);

	if (dev)
		show(dev, text);
	acr_device_unref(dev);
}

static void show_driver(struct acr_device *dev, GString *text)
{
	g_string_append_printf(text, "%s\n", dev->spec->driver);
}

FS_SHOW(device_driver)
{
	(void)actor;
	show_device(node, text, show_driver);
}

FS_SHOW(device_state)
{
	(void)actor;
	show_device(node, text, acr_report_device_state);
}

FS_SHOW(device_load)
{
	(void)actor;
	show_device(node, text, acr_report_device_load);
}

FS_SHOW(device_queue)
{
	struct acr_device *dev = device_of(node);

	if (dev)
		acr_report_device_queue(dev, actor->uid, actor->root, text);
	acr_device_unref(dev);
}

FS_SHOW(device_capabilities)
{
	(void)actor;
	show_device(node, text, acr_report_device_capabilities);
}

FS_SHOW(device_stats)
{
	(void)actor;
	show_device(node, text, acr_report_device_stats);
}

static void show_check(struct acr_device *dev, GString *text)
{
	char rule[ACR_CHECK_TEXT];

	acr_check_text(atomic_load(&dev->check), rule);
	g_string_append_printf(text, "%s\n", rule);
}

FS_SHOW(device_check)
{
	(void)actor;
	show_device(node, text, show_check);
}

FS_STORE(device_check)
{
	struct acr_device *dev;
	uint32_t rule;

	if (!actor->root)
		return -EACCES;
	if (!acr_check_parse(text, &rule))
		return -EINVAL;
	dev = device_of(node);
	if (!dev)
		return -ENODEV;
	if (dev->group) {
		acr_log(ACR_LOG_ERROR, dev->spec->name,
		        "a group computes nothing: write check of "
		        "its members");
		acr_device_unref(dev);
		return -EOPNOTSUPP;
	}
	atomic_store(&dev->check, rule);
	atomic_store(&dev->check_count, 0);
	acr_device_unref(dev);
	return 0;
}

FS_STORE(device_add)
{
	char why[ACR_SENTENCE];
	g_autofree char *error = NULL;
	struct acr_device_spec *spec;

	(void)node;
	if (!actor->root)
		return -EACCES;
	spec = acr_device_spec_parse(text, &error);
	if (!spec) {
		acr_log(ACR_LOG_ERROR, "devices/add", "%s", error);
		return -EINVAL;
	}
	acr_log_put_right("devices/add");
	return acr_device_add(spec, false, why);
}

FS_STORE(device_remove)
{
	int error;

	(void)node;
	if (!actor->root)
		return -EACCES;
	error = acr_device_remove(text);
	if (error)
		acr_log(ACR_LOG_ERROR, "devices/remove", "there is no device \"%.64s\"", text);
	else
		acr_log_put_right("devices/remove");
	return error;
}

static int device_break(struct acr_device *dev, const char *reason)
{
	acr_device_broken(dev, *reason ? reason : "broken by ctl");
	return 0;
}

static int device_repair(struct acr_device *dev, const char *rest)
{
	(void)rest;
	return acr_device_repair(dev);
}

static int device_drain(struct acr_device *dev, const char *rest)
{
	(void)rest;
	return acr_device_drain(dev);
}

static int device_reset(struct acr_device *dev, const char *rest)
{
	(void)rest;
	return acr_device_reset(dev);
}

/* "OP ALG N" */
static int device_limit(struct acr_device *dev, const char *rest)
{
	g_auto(GStrv) words = g_strsplit(rest, " ", -1);
	const struct acr_alg *alg;
	struct acr_capstat *cap;
	guint64 limit;
	int op;

	if (dev->group) {
		acr_log(ACR_LOG_ERROR, dev->spec->name,
		        "a group has no queue to be limited; limit its members");
		return -EOPNOTSUPP;
	}
	if (g_strv_length(words) != 3 ||
	    !g_ascii_string_to_unsigned(words[2], 10, 1, G_MAXUINT32, &limit, NULL))
		return -EINVAL;
	op = acr_opcode_find(words[0]);
	alg = acr_alg_find(strcmp(words[1], "-") ? words[1] : "");
	if (op < 0 || !alg)
		return -EOPNOTSUPP;
	cap = dev->by_alg[op][acr_alg_index(alg)];
	if (!cap)
		return -EOPNOTSUPP;
	atomic_store(&cap->queue_length, (unsigned)limit);
	acr_sched_rehash();
	return 0;
}

FS_STORE(device_ctl)
{
	static const struct {
		const char *word;
		int (*act)(struct acr_device *dev, const char *rest);
	} words[] = {
		{ "break", device_break }, { "repair", device_repair },
		{ "drain", device_drain }, { "reset", device_reset },
		{ "limit", device_limit },
	};
	struct acr_device *dev = device_of(node);
	size_t len = strcspn(text, " ");
	int error = -EINVAL;

	if (!dev)
		return -ENODEV;
	for (size_t i = 0; actor->root && i < G_N_ELEMENTS(words); i++)
		if (strlen(words[i].word) == len && !strncmp(words[i].word, text, len))
			error = words[i].act(dev, text[len] ? text + len + 1 : "");
	if (actor->root && error)
		acr_log(ACR_LOG_ERROR, dev->spec->name,
		        "ctl takes break [REASON], repair, drain, "
		        "reset or limit OP ALG N; \"%.64s\" gave %s",
		        text, strerrorname_np(-error));
	else if (actor->root)
		acr_log_put_right(dev->spec->name);
	acr_device_unref(dev);
	return actor->root ? error : -EACCES;
}
