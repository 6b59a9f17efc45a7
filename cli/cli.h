/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command acrypto: look at a mounted acrypto filesystem, or run one request through it.
 * Everything here could be done with mkdir, cat and echo; it uses the files alone. */
#ifndef CLI_H
#define CLI_H

#include <limits.h>

#define EXIT_USAGE 2
#define COUNT(a)   (sizeof(a) / sizeof((a)[0]))

extern const char *mount_point; /* acrypto.c */

/* ---- text.c ---- */

/* End with one line on standard error; status is that of the program. */
__attribute__((noreturn, format(printf, 2, 3))) void die(int status, const char *format, ...);

/* End with the reason in errno why a file of the mount can't be used. */
__attribute__((noreturn)) void die_of_mount(const char *file);

/* FOLDER/NAME into path, or FOLDER alone for an empty name. Ends if that is too long. */
void path_of(char path[PATH_MAX], const char *folder, const char *name);

/* A whole text file without its last newline. Returns owned, NULL with errno. */
char *read_text(const char *folder, const char *name);

/* The value of a "name: value" line. Returns owned, NULL: there is none. */
char *line_of(const char *text, const char *name);

/* ---- list.c ---- */

struct column {
	const char *name;
	/* What folder has there. Returns owned, NULL: nothing that the caller may see. */
	char *(*cell)(const char *folder, const struct column *column);
};
extern const struct column device_columns[], session_columns[]; /* end with a NULL name */

/* Print a file of the mount in columns; or, of each folder below it, one row with the columns
 * (NULL: it is a file). */
void print_list(const char *path, const struct column *columns);

/* ---- look_up.c ---- */

/* What the list of algorithms has for this operation and algorithm in the column. Returns
 * owned; "" for what it doesn't have, such as a second name. */
char *look_up(const char *op, const char *alg, const char *column);

/* ---- run.c ---- */

/* `acrypto run OPTION...`; argv begins with "run". */
void run(int argc, char **argv);
void help_run(void);

#endif
