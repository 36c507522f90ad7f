/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writes a run down as a packet script (tests/script/README.md): what went into the engine and what
 * came out of it. Bytes of payload are not those of the run, their lengths and places are.
 */
#ifndef TRACE_H
#define TRACE_H

#include "link.h"

#include <stdio.h>

struct trace {
	FILE *out; /* NULL: nothing is written */
	const struct plans *plans;
	uint32_t isn[PLAN_CLIENTS_MAX][ROLE_COUNT];
	char *expected; /* lines that belong behind the next one */
	size_t expected_len;
	FILE *expecting;
	char *finals; /* lines that belong to the end */
	size_t finals_len;
	FILE *ending;
};

void trace_open(struct trace *trace, const struct plans *plans, FILE *out);
void trace_close(struct trace *trace);

/* A packet left the gateway; shown with the next line. @unfinished  a device is to sum
 * it. @pieces  fragments that it left in; 0: whole. */
void trace_leaves(struct trace *trace, unsigned session, enum role to,
		  const struct hb_packet *packet, bool unfinished, size_t pieces);

/* A packet went in, or (NULL) a timer fired. */
void trace_enters(struct trace *trace, uint64_t now, const struct link_packet *in,
		  const struct hb_packet *packet);

/* What became of a handover; failure NULL: it did not fail. Written last. */
void trace_handover(struct trace *trace, const char *failure);
void trace_end(struct trace *trace);

void trace_remark(struct trace *trace, uint64_t now, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
