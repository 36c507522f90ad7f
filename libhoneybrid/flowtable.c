/* SPDX-License-Identifier: BSD-2-Clause */
#include "flowtable.h"

#include "siphash.h"
#include "target.h"
#include "way.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BUCKETS 1024

int hb_flowtable_init(struct hb_flowtable *table, const uint8_t key[16])
{
	*table = (struct hb_flowtable){ .mask = FIRST_BUCKETS - 1 };
	memcpy(table->key, key, sizeof(table->key));
	table->buckets = calloc(FIRST_BUCKETS, sizeof(struct hb_node *));
	return table->buckets ? 0 : -ENOMEM;
}

void hb_flowtable_fini(struct hb_flowtable *table)
{
	free(table->buckets);
	table->buckets = NULL;
}

/* Equal for both directions: the endpoints are hashed in a fixed order. */
static uint32_t hash_pair(const struct hb_flowtable *table, const struct hb_addr *a,
			  uint16_t a_port, const struct hb_addr *b, uint16_t b_port,
			  uint8_t protocol)
{
	int order = memcmp(a, b, sizeof(*a));
	if (order > 0 || (order == 0 && a_port > b_port)) {
		const struct hb_addr *addr = a;
		uint16_t port = a_port;
		a = b;
		a_port = b_port;
		b = addr;
		b_port = port;
	}
	uint8_t input[40] = { 0 };
	memcpy(input, a, 16);
	memcpy(input + 16, b, 16);
	memcpy(input + 32, &a_port, 2);
	memcpy(input + 34, &b_port, 2);
	input[36] = protocol;
	return (uint32_t)hb_siphash(table->key, input, sizeof(input));
}

static const struct hb_redirect *redirect_of(const struct hb_node *node)
{
	size_t offset = offsetof(struct hb_redirect, node);
	return (const struct hb_redirect *)((const char *)node - offset);
}

struct hb_flow *hb_flowtable_flow(const struct hb_node *node)
{
	if (node->leg == HB_LEG_BACKEND)
		return redirect_of(node)->flow;
	size_t offset = offsetof(struct hb_flow, nodes) + node->leg * sizeof(struct hb_node);
	return (struct hb_flow *)((char *)(uintptr_t)node - offset);
}

static bool keys_equal(const struct hb_leg_key *a, const struct hb_leg_key *b)
{
	return a->client_port == b->client_port && a->server_port == b->server_port &&
	       a->protocol == b->protocol && hb_addr_equal(&a->client, &b->client) &&
	       hb_addr_equal(&a->server, &b->server);
}

/* Doubles the table; if memory is short it stays, and chains grow. */
static void grow(struct hb_flowtable *table)
{
	size_t count = (table->mask + 1) * 2;
	struct hb_node **buckets = calloc(count, sizeof(*buckets));
	if (buckets == NULL)
		return;
	for (size_t i = 0; i <= table->mask; i++) {
		struct hb_node *next;
		for (struct hb_node *node = table->buckets[i]; node != NULL; node = next) {
			next = node->next;
			node->next = buckets[node->hash & (count - 1)];
			buckets[node->hash & (count - 1)] = node;
		}
	}
	free(table->buckets);
	table->buckets = buckets;
	table->mask = count - 1;
}

/*
 * True for a client leg on which answers come in, too: nobody else has this flow's answers, or it is
 * diverted, and what seems to be one is not from whom it went to.
 */
static bool takes_answers(const struct hb_node *node)
{
	const struct hb_flow *flow = hb_flowtable_flow(node);
	return node->leg == HB_LEG_CLIENT &&
	       (hb_flow_is_identity(flow) || hb_flow_diverted(flow) != NULL);
}

/* Legs on which a packet of the client's belongs to the flow, and those of a honeypot. */
static bool leg_takes(enum hb_leg leg, bool answers, enum hb_direction direction)
{
	if (direction == HB_FROM_CLIENT)
		return leg == HB_LEG_CLIENT;
	return leg != HB_LEG_CLIENT || answers;
}

/* The interface behind which the honeypot of a leg is; 0: any. */
static uint32_t server_interface(const struct hb_node *node)
{
	return node->leg == HB_LEG_BACKEND ? redirect_of(node)->translation.way.interface : 0;
}

/* The interface behind which the client is; 0: any. */
static uint32_t client_interface(const struct hb_flow *flow)
{
	const struct hb_backend *clone = hb_way_starter(flow);
	return clone ? clone->way.interface : 0;
}

static bool may_be_one(uint32_t a, uint32_t b)
{
	return a == b || a == 0 || b == 0;
}

/* What comes in at a place is of two legs. */
static bool share_place(const struct hb_node *a, const struct hb_node *b,
			enum hb_direction direction)
{
	const struct hb_flow *first = hb_flowtable_flow(a), *second = hb_flowtable_flow(b);
	if (direction == HB_FROM_SERVER)
		return may_be_one(server_interface(a), server_interface(b));
	if ((first->flags | second->flags) & HB_FLOW_FROM_HONEYPOT)
		return may_be_one(client_interface(first), client_interface(second));
	const struct hb_uplink *uplink = hb_way_uplink(first, first->mark);
	const struct hb_uplink *other = hb_way_uplink(second, second->mark);
	return (uplink ? uplink->mark : 0) == (other ? other->mark : 0);
}

/* A packet that has a leg's addresses and ports is of that leg, if it comes from there. */
static bool comes_from_there(const struct hb_flowtable *table, const struct hb_node *node,
			     enum hb_direction direction, const struct hb_datagram *from)
{
	if (!table->by_place || from->in_interface == 0)
		return true;
	const struct hb_flow *flow = hb_flowtable_flow(node);
	if (direction == HB_FROM_SERVER)
		return may_be_one(server_interface(node), from->in_interface);
	if (flow->flags & HB_FLOW_FROM_HONEYPOT)
		return may_be_one(client_interface(flow), from->in_interface);
	return hb_way_uplink(flow, flow->mark) == hb_way_uplink(flow, from->mark);
}

struct hb_flow *hb_flowtable_clash(const struct hb_flowtable *table, struct hb_node *node,
				   enum hb_leg leg, const struct hb_leg_key *key)
{
	uint32_t hash = hash_pair(table, &key->client, key->client_port, &key->server,
				  key->server_port, key->protocol);
	node->leg = (uint8_t)leg;
	node->hash = hash;
	bool answers = takes_answers(node), by_place = table->by_place;
	for (const struct hb_node *other = table->buckets[hash & table->mask]; other != NULL;
	     other = other->next) {
		if (other->hash != hash)
			continue;
		struct hb_flow *flow = hb_flowtable_flow(other);
		struct hb_leg_key other_key = hb_flow_leg(flow, other->leg);
		bool other_answers = takes_answers(other);
		/* One flow's client leg may look like another's honeypot leg: told by direction. */
		bool client = leg_takes(leg, answers, HB_FROM_CLIENT) &&
			      leg_takes(other->leg, other_answers, HB_FROM_CLIENT);
		bool server = leg_takes(leg, answers, HB_FROM_SERVER) &&
			      leg_takes(other->leg, other_answers, HB_FROM_SERVER);
		if ((!client && !server) || !keys_equal(key, &other_key))
			continue;
		if (!by_place || (client && share_place(node, other, HB_FROM_CLIENT)) ||
		    (server && share_place(node, other, HB_FROM_SERVER)))
			return flow;
	}
	return NULL;
}

bool hb_flowtable_insert(struct hb_flowtable *table, struct hb_node *node, enum hb_leg leg,
			 const struct hb_leg_key *key)
{
	if (hb_flowtable_clash(table, node, leg, key) != NULL)
		return false;
	if (table->nodes > table->mask)
		grow(table);
	node->next = table->buckets[node->hash & table->mask];
	table->buckets[node->hash & table->mask] = node;
	node->in_table = true;
	table->nodes++;
	return true;
}

void hb_flowtable_remove(struct hb_flowtable *table, struct hb_node *node)
{
	if (!node->in_table)
		return;
	struct hb_node **link = &table->buckets[node->hash & table->mask];
	while (*link != node)
		link = &(*link)->next;
	*link = node->next;
	node->in_table = false;
	table->nodes--;
}

struct hb_match hb_flowtable_find(const struct hb_flowtable *table, const struct hb_packet *packet,
				  const struct hb_datagram *from)
{
	uint32_t hash = hash_pair(table, &packet->src, packet->src_port, &packet->dst,
				  packet->dst_port, packet->protocol);
	struct hb_leg_key forward = { packet->src, packet->dst, packet->src_port, packet->dst_port,
				      packet->protocol };
	struct hb_leg_key backward = { packet->dst, packet->src, packet->dst_port, packet->src_port,
				       packet->protocol };
	for (const struct hb_node *node = table->buckets[hash & table->mask]; node != NULL;
	     node = node->next) {
		if (node->hash != hash)
			continue;
		struct hb_flow *flow = hb_flowtable_flow(node);
		struct hb_leg_key key = hb_flow_leg(flow, node->leg);
		bool answers = takes_answers(node);
		if (leg_takes(node->leg, answers, HB_FROM_CLIENT) && keys_equal(&key, &forward) &&
		    comes_from_there(table, node, HB_FROM_CLIENT, from))
			return (struct hb_match){ flow, HB_LEG_CLIENT, HB_FROM_CLIENT };
		if (leg_takes(node->leg, answers, HB_FROM_SERVER) && keys_equal(&key, &backward) &&
		    comes_from_there(table, node, HB_FROM_SERVER, from)) {
			bool identity = node->leg == HB_LEG_CLIENT && hb_flow_is_identity(flow);
			enum hb_leg leg = identity ? HB_LEG_FRONTEND : (enum hb_leg)node->leg;
			return (struct hb_match){ flow, leg, HB_FROM_SERVER };
		}
	}
	return (struct hb_match){ .flow = NULL };
}
