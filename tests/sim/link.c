/* SPDX-License-Identifier: BSD-2-Clause */
#include "link.h"

#include <stdlib.h>
#include <string.h>

bool link_init(struct link_net *net, const struct plans *plans)
{
	*net = (struct link_net){ .plans = plans, .rng = plans->each[0].network };
	net->packets = calloc(LINK_PACKETS_MAX, sizeof(*net->packets));
	return net->packets != NULL;
}

void link_fini(struct link_net *net)
{
	for (size_t i = 0; i < net->count; i++)
		free(net->packets[i].data);
	free(net->packets);
	net->packets = NULL;
}

/*
 * One bit, in what a transport checksum covers, but for the ports: whose packet it was could not be
 * told then. A device's own part of the way is safe.
 */
static void corrupt(struct link_net *net, struct link_packet *packet)
{
	uint32_t header = packet->data[0] >> 4 == 4 ? 20 : 40;
	uint32_t bit = rng_range(&net->rng, (header + 4) * 8, (uint32_t)packet->len * 8 - 1);

	/* A second error may undo what the first does to the sum. */
	struct hb_packet parsed;
	if (hb_packet_parse(packet->data, packet->len, &parsed) != 0 ||
	    !hb_packet_checksum_ok(&parsed))
		return;
	packet->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
	net->corrupted[packet->session][packet->role]++;
}

static void put(struct link_net *net, unsigned session, enum role role, bool inwards,
		uint64_t at_ns, const uint8_t *data, size_t len, struct wire_offload offload)
{
	uint8_t *copy = net->count < LINK_PACKETS_MAX ? malloc(len) : NULL;

	if (copy == NULL || len > (offload.gso_size ? WIRE_MAX : WIRE_MTU)) {
		free(copy);
		net->overflowed = true;
		return;
	}
	struct link_packet *packet = &net->packets[net->count++];
	packet->at_ns = at_ns;
	packet->number = net->numbers++;
	packet->session = session;
	packet->role = role;
	packet->inwards = inwards;
	packet->len = len;
	packet->offload = offload;
	packet->data = copy;
	net->in_flight[session]++;
	memcpy(copy, data, len);
}

static bool drawn(struct link_net *net, uint32_t permille, bool impaired)
{
	return rng_range(&net->rng, 0, 999) < permille && impaired;
}

bool link_send(struct link_net *net, unsigned session, enum role role, bool inwards,
	       const uint8_t *data, size_t len, struct wire_offload offload, uint64_t now)
{
	const struct plan_link *link = &net->plans->each[session].links[role];
	bool impaired = now < net->plans->each[session].impaired_until_ns;
	bool lost = drawn(net, link->loss_permille, impaired);
	bool twice = drawn(net, link->duplicate_permille, impaired);
	bool late = drawn(net, link->reorder_permille, impaired);
	bool congested = drawn(net, link->congestion_permille, true);
	bool damaged = drawn(net, link->corrupt_permille, impaired);
	uint32_t jitter_us = rng_range(&net->rng, 0, (uint32_t)(link->jitter_ns / PLAN_US));
	uint64_t *last = &net->last_arrival_ns[session][role][inwards];
	uint64_t at_ns = now + link->delay_ns + jitter_us * PLAN_US;

	if (lost) {
		net->lost[session][role]++;
		return false;
	}
	if (at_ns < *last)
		at_ns = *last;
	if (late) {
		net->reordered[session][role]++;
		at_ns += link->reorder_ns;
	} else {
		*last = at_ns;
	}
	put(net, session, role, inwards, at_ns, data, len, offload);
	if (congested && !net->overflowed)
		wire_mark(net->packets[net->count - 1].data);
	if (damaged && !net->overflowed && !offload.partial && offload.gso_size == 0)
		corrupt(net, &net->packets[net->count - 1]);
	if (twice)
		put(net, session, role, inwards, at_ns + jitter_us * PLAN_US, data, len, offload);
	return true;
}

static size_t next(const struct link_net *net)
{
	size_t best = 0;

	for (size_t i = 1; i < net->count; i++) {
		const struct link_packet *a = &net->packets[i], *b = &net->packets[best];

		if (a->at_ns < b->at_ns || (a->at_ns == b->at_ns && a->number < b->number))
			best = i;
	}
	return best;
}

uint64_t link_deadline(const struct link_net *net)
{
	return net->count == 0 ? TCP_NEVER : net->packets[next(net)].at_ns;
}

void link_take(struct link_net *net, struct link_packet *packet)
{
	size_t i = next(net);

	*packet = net->packets[i];
	net->packets[i] = net->packets[--net->count];
	net->in_flight[packet->session]--;
}
