/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lists of the mount, in columns. */
#include "cli.h"

#include <dirent.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define COLUMNS 32

/* ---- cells ---- */

/* All of the file with the column's name. */
static char *file_cell(const char *folder, const struct column *column)
{
	return read_text(folder, column->name);
}

/* The device that a session is or was last on, else the one that it is bound to. */
static char *device_cell(const char *folder, const struct column *column)
{
	char *status = read_text(folder, "status"), *device = line_of(status, "device");

	free(status);
	if (device && strcmp(device, "none"))
		return device;
	free(device);
	return file_cell(folder, column);
}

static char *owner_cell(const char *folder, const struct column *column)
{
	struct passwd *user;
	struct stat st;
	char number[16];

	(void)column;
	if (stat(folder, &st))
		return NULL;
	user = getpwuid(st.st_uid);
	snprintf(number, sizeof(number), "%u", st.st_uid);
	return strdup(user ? user->pw_name : number);
}

/* A session's directory has the time at which it was made. */
static char *age_cell(const char *folder, const struct column *column)
{
	static const struct {
		long seconds;
		char unit;
	} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
	struct stat st;
	char text[32];
	size_t i = 0;
	long age;

	(void)column;
	if (stat(folder, &st))
		return NULL;
	age = (long)(time(NULL) - st.st_mtime);
	while (i + 1 < COUNT(units) && age < units[i].seconds)
		i++;
	snprintf(text, sizeof(text), "%ld%c", age / units[i].seconds, units[i].unit);
	return strdup(text);
}

const struct column device_columns[] = {
	{ "driver", file_cell },
	{ "state", file_cell },
	{ "load", file_cell },
	{ NULL, NULL },
};

const struct column session_columns[] = {
	{ "state", file_cell },  { "op", file_cell },
	{ "alg", file_cell },    { "device", device_cell },
	{ "owner", owner_cell }, { "age", age_cell },
	{ NULL, NULL },
};

/* ---- rows ---- */

/* Print tab-separated text in columns. The text is taken apart. */
static void print_columns(char *text)
{
	size_t widths[COLUMNS] = { 0 }, column = 0;

	text += strncmp(text, "# ", 2) ? 0 : 2;
	for (const char *p = text; *p; p += *p != 0) {
		size_t width = strcspn(p, "\t\n");
		if (column < COLUMNS && width > widths[column])
			widths[column] = width;
		p += width;
		column = *p == '\t' ? column + 1 : 0;
	}
	for (char *cell, *line; (line = strsep(&text, "\n"));)
		for (column = 0; (cell = strsep(&line, "\t")); column++)
			printf("%-*s%s", line && column < COLUMNS ? (int)widths[column] : 0,
			       cell, line ? "  " : "\n");
}

/* One row: "-" where nothing is to be seen. */
static void put_row(FILE *out, const char *parent, const char *name,
                    const struct column *columns)
{
	char folder[PATH_MAX];
	struct stat st;

	path_of(folder, parent, name);
	if (name[0] == '.' || stat(folder, &st) || !S_ISDIR(st.st_mode))
		return;
	fprintf(out, "\n%s", name);
	for (; columns->name; columns++) {
		char *text = columns->cell(folder, columns);
		for (char *c = text; c && (c = strpbrk(c, "\t\n"));)
			*c = ' ';
		fprintf(out, "\t%s", text && *text ? text : "-");
		free(text);
	}
}

static void print_folders(const char *path, const struct column *columns)
{
	char parent[PATH_MAX], *table = NULL;
	size_t size;
	FILE *out = open_memstream(&table, &size);
	struct dirent *entry;
	DIR *dir;

	path_of(parent, mount_point, path);
	dir = opendir(parent);
	if (!dir || !out)
		die_of_mount(path);
	fputs("# name", out);
	for (const struct column *column = columns; column->name; column++)
		fprintf(out, "\t%s", column->name);
	while ((entry = readdir(dir)))
		put_row(out, parent, entry->d_name, columns);
	closedir(dir);
	fclose(out);
	print_columns(table);
	free(table);
}

void print_list(const char *path, const struct column *columns)
{
	char *text;

	if (columns) {
		print_folders(path, columns);
		return;
	}
	text = read_text(mount_point, path);
	if (!text)
		die_of_mount(path);
	print_columns(text);
	free(text);
}
