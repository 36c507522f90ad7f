/* SPDX-License-Identifier: BSD-2-Clause */
/* What the load's two ends say to each other. */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <stdint.h>

#define LOAD_UDP_PORT 7000
#define LOAD_ONCE_PORT 7001  /* sessions of one request */
#define LOAD_TURNS_PORT 7002 /* longer ones */

/*
 * TCP: a request is a line, answered by a line that begins with the server's role, 'f' or 'b', and
 * is as long as the second word says. By its first letter:
 *
 *	t 20       answer
 *	g 20 ...   the same; what follows makes it unlike all others
 *	v 20       answer with up to so many bytes more, other ones each time
 *	e 20       answer, and close
 */
#define LOAD_LINE_MAX 128

/* UDP: datagrams of 36 bytes, 64 as IPv4 has them. The first byte says what it is. */
enum load_kind {
	LOAD_START = 'S', /* counts from 0 again; answered */
	LOAD_DATA = 'D',  /* counted */
	LOAD_PACED = 'P', /* counted; what came in one read is answered once */
	LOAD_COUNT = 'C', /* answered */
};

#define LOAD_UDP_BYTES 36

struct load_answer {
	uint64_t count;  /* of data since the start */
	uint32_t serial; /* of the question, as it came */
	char role;
};

struct load_datagram {
	char kind;
	char unused[3];
	uint32_t serial;
	char rest[LOAD_UDP_BYTES - 8];
};

#endif
