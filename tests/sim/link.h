/* SPDX-License-Identifier: BSD-2-Clause */
/* Packets on their way: a link loses, repeats, delays and reorders them as the plan says. */
#ifndef LINK_H
#define LINK_H

#include "plan.h"
#include "wire.h"

/* Which link, and which way. */
struct link_way {
	unsigned session;
	enum role role;
	bool inwards; /* towards the gateway */
};

struct link_packet {
	uint64_t at_ns;
	uint64_t number; /* of two that arrive at once the older one comes first */
	struct link_way way;
	struct wire_offload offload;
	size_t len;
	uint8_t *data; /* free() it */
};

#define LINK_PACKETS_MAX 4096

struct link_net {
	const struct plans *plans;
	struct rng rng;
	struct link_packet *packets; /* LINK_PACKETS_MAX; the first count are on their way */
	size_t count;
	uint64_t numbers;
	unsigned in_flight[PLAN_CLIENTS_MAX]; /* of each session */
	uint64_t last_arrival_ns[PLAN_CLIENTS_MAX][ROLE_COUNT][2];
	unsigned lost[PLAN_CLIENTS_MAX][ROLE_COUNT], reordered[PLAN_CLIENTS_MAX][ROLE_COUNT],
		corrupted[PLAN_CLIENTS_MAX][ROLE_COUNT];
	bool overflowed;
};

bool link_init(struct link_net *net, const struct plans *plans);
void link_fini(struct link_net *net);

/*
 * Returns false if the packet is lost, or does not live as long as the way is: its sender is told then
 * by the router where it died.
 */
bool link_send(struct link_net *net, struct link_way way, const uint8_t *data, size_t len,
	       struct wire_offload offload, uint64_t now);

/* When the next packet arrives; TCP_NEVER if none is on its way. */
uint64_t link_deadline(const struct link_net *net);

/* Takes the next one out; its data is the caller's then. */
void link_take(struct link_net *net, struct link_packet *packet);

#endif
