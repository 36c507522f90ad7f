/* SPDX-License-Identifier: BSD-2-Clause */
#include "link.h"

#include "icmp.h"

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
	net->corrupted[packet->way.session][packet->way.role]++;
}

static void put(struct link_net *net, struct link_way way, uint64_t at_ns, const uint8_t *data,
		size_t len, struct wire_offload offload)
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
	packet->way = way;
	packet->len = len;
	packet->offload = offload;
	packet->data = copy;
	net->in_flight[way.session]++;
	memcpy(copy, data, len);
}

static bool drawn(struct link_net *net, uint32_t permille, bool impaired)
{
	return rng_range(&net->rng, 0, 999) < permille && impaired;
}

/* The packet has come as far as that router, which tells its sender. */
static void refuse(struct link_net *net, struct link_way way, unsigned router, enum icmp_kind kind,
		   uint32_t mtu, const uint8_t *data, size_t len, uint64_t now)
{
	const struct plan *plan = &net->plans->each[way.session];
	const struct plan_link *link = &plan->links[way.role];
	struct link_way back = { way.session, way.role, !way.inwards };
	struct hb_addr from = icmp_router(plan, way.role, router);
	uint8_t error[WIRE_MTU];
	struct hb_packet packet;

	/* No error tells of an error (RFC 1122, 3.2.2). */
	if (hb_packet_parse(data, len, &packet) != 0 || packet.is_icmp_error)
		return;
	if (kind == ICMP_PORT_UNREACHABLE)
		from = way.inwards ? plan->attacked.addr : plan->tcp[way.role].local.addr;
	size_t error_len = icmp_write(error, &from, kind, mtu, data, len, link->quoted_bytes);
	uint64_t at_ns = now + link->delay_ns;
	/* Who gives up on a neighbour does so late. */
	if (kind >= ICMP_NET_UNREACHABLE && rng_percent(&net->rng, 30))
		at_ns += rng_range(&net->rng, 1, 2000) * PLAN_MS;
	if (error_len > 0)
		put(net, back, at_ns, error, error_len, (struct wire_offload){ 0 });
}

/* A loss that is told of is no end: what a session makes of that is to try again. */
static enum icmp_kind unreachable(struct link_net *net)
{
	return (enum icmp_kind)rng_range(&net->rng, ICMP_NET_UNREACHABLE, ICMP_PORT_UNREACHABLE);
}

/* False: it ends at a router. */
static bool pass_routers(struct link_net *net, struct link_way way, uint8_t *data, size_t len,
			 uint64_t now)
{
	unsigned hops = net->plans->each[way.session].links[way.role].hops;
	unsigned ttl = data[0] >> 4 == 4 ? data[8] : data[7];

	if (wire_hop(data, hops))
		return true;
	/* They are numbered from the gateway on. */
	refuse(net, way, way.inwards ? hops + 1 - ttl : ttl, ICMP_TIME_EXCEEDED, 0, data, len, now);
	return false;
}

/* How long the packets are that a device makes of it. */
static size_t longest(const uint8_t *data, size_t len, struct wire_offload offload)
{
	struct hb_packet packet;

	if (offload.pieces != 0 || hb_packet_parse(data, len, &packet) != 0)
		return 0;
	if (offload.gso_size != 0 && packet.payload_len > offload.gso_size)
		return packet.payload_offset + (size_t)offload.gso_size;
	return len;
}

/* False: it is too long for a link between routers. */
static bool fits(struct link_net *net, struct link_way way, const uint8_t *data, size_t len,
		 struct wire_offload offload, uint64_t now)
{
	const struct plan_link *link = &net->plans->each[way.session].links[way.role];

	if (link->mtu == 0 || longest(data, len, offload) <= link->mtu)
		return true;
	net->lost[way.session][way.role]++;
	refuse(net, way, way.inwards ? link->hops : 1, ICMP_TOO_BIG, (uint32_t)link->mtu, data, len,
	       now);
	return false;
}

/* What happens to a packet that does not get lost. */
static void carry(struct link_net *net, struct link_way way, const uint8_t *data, size_t len,
		  struct wire_offload offload, uint64_t at_ns, bool congested, bool damaged)
{
	put(net, way, at_ns, data, len, offload);
	if (net->overflowed)
		return;
	struct link_packet *packet = &net->packets[net->count - 1];
	if (congested)
		wire_mark(packet->data);
	if (damaged && !offload.partial && offload.gso_size == 0)
		corrupt(net, packet);
}

bool link_send(struct link_net *net, struct link_way way, const uint8_t *data, size_t len,
	       struct wire_offload offload, uint64_t now)
{
	const struct plan *plan = &net->plans->each[way.session];
	const struct plan_link *link = &plan->links[way.role];
	static _Thread_local uint8_t buf[WIRE_MAX];
	bool impaired = now < plan->impaired_until_ns;
	bool lost = drawn(net, link->loss_permille, impaired);
	bool told = lost && drawn(net, link->told_permille, true);
	bool twice = drawn(net, link->duplicate_permille, impaired);
	bool late = drawn(net, link->reorder_permille, impaired);
	bool congested = drawn(net, link->congestion_permille, true);
	bool damaged = drawn(net, link->corrupt_permille, impaired);
	uint32_t jitter_us = rng_range(&net->rng, 0, (uint32_t)(link->jitter_ns / PLAN_US));
	uint64_t *last = &net->last_arrival_ns[way.session][way.role][way.inwards];
	uint64_t at_ns = now + link->delay_ns + jitter_us * PLAN_US;

	if (lost) {
		net->lost[way.session][way.role]++;
		if (told)
			refuse(net, way, 1, unreachable(net), 0, data, len, now);
		return false;
	}
	memcpy(buf, data, len);
	if (!pass_routers(net, way, buf, len, now) || !fits(net, way, buf, len, offload, now))
		return false;
	if (at_ns < *last)
		at_ns = *last;
	if (late) {
		net->reordered[way.session][way.role]++;
		at_ns += link->reorder_ns;
	} else {
		*last = at_ns;
	}
	carry(net, way, buf, len, offload, at_ns, congested, damaged);
	if (twice)
		put(net, way, at_ns + jitter_us * PLAN_US, buf, len, offload);
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
	net->in_flight[packet->way.session]--;
}
