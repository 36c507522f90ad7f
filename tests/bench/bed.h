/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What programs that time the engine have in common: an engine without kernel and queue, and
 * sessions of many flows that are all alike.
 */
#ifndef BED_H
#define BED_H

#include <honeybrid/honeybrid.h>

#define CHUNK 4096 /* packets that are made before they are timed */
#define CLIENT_ISN 1000
#define SERVER_ISN 5000
#define BACKEND_ISN 90000
#define FRONTEND "198.51.100.9:80"
#define BACKEND "203.0.113.9:80"
#define DIRECT "dst host 198.51.100.9" /* a filter: the attacked address is the frontend's */
#define DARKNET "dst net 10.0.0.0/8"   /* it is another one for each flow */
#define DATA 24

enum bed_side { CLIENT, SERVER, HONEYPOT };

/* One packet of a session, as far as it does not depend on the flow. */
struct bed_packet {
	enum bed_side from;
	const char *server; /* NULL: the attacked address */
	uint8_t flags;      /* 0: a UDP datagram */
	uint32_t seq, ack;
	size_t payload_len; /* at most DATA */
};

/*
 * How a session begins. The third packet hands the flow over, where there is a rule for that; the
 * fourth completes it.
 */
extern const struct bed_packet bed_session[4];

struct bed {
	bool darknet;
	struct hb_policy *policy;
	struct hb_engine *engine;
	struct hb_ops ops;
	struct hb_time now;
	uint32_t flows;
	uint64_t random;
	struct hb_datagram dgrams[CHUNK];
	uint8_t data[CHUNK][128];
};

/* Says why on standard error, and ends the program. */
_Noreturn void bed_die(const char *what);

struct hb_endpoint bed_endpoint(const char *text);
struct hb_endpoint bed_ipv4(uint32_t address, uint16_t port);

/* A policy with room for so many flows as any bench makes, without a target. */
struct hb_policy *bed_policy(void);

/* Makes an engine. @policy  taken; not sealed yet. */
void bed_open(struct bed *bed, struct hb_policy *policy, bool darknet);
void bed_close(struct bed *bed);

/* A number below another: the same ones in each run. */
uint32_t bed_draw(struct bed *bed, uint32_t below);

/* Makes one packet of a flow: place number i of the chunk. */
void bed_make(struct bed *bed, unsigned i, uint32_t flow, const struct bed_packet *packet);

/* Puts in the first packets of the chunk; returns the processor's time for it. */
uint64_t bed_input(struct bed *bed, unsigned count);

/* Opens sessions, with so many packets each, until there are so many. */
void bed_open_sessions(struct bed *bed, uint32_t flows, unsigned opening);

struct hb_counters bed_counters(const struct bed *bed);

/* Of the processor, not of the clock on the wall: others may run meanwhile. */
uint64_t bed_spent_ns(void);

#endif
