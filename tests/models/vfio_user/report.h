/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a model tells: the trace, and what a driver did wrong. */
#ifndef VFIO_USER_REPORT_H
#define VFIO_USER_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct vu_report {
	FILE *trace; /* NULL: none */
	bool strict; /* violations are told and counted, not only traced */
	unsigned long violations;
};

/* One line of the trace. */
void vu_trace(struct vu_report *report, const char *format, ...)
        __attribute__((format(printf, 2, 3)));
void vu_trace_bytes(struct vu_report *report, const char *what, const uint8_t *bytes, size_t n);
/* Something that a driver must not do: one sentence without its full stop. */
void vu_violation(struct vu_report *report, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

#endif
