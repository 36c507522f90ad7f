/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finds a flow from a packet of any of its legs, in one look-up.
 *
 * Chained, intrusive, hashed with a key (attackers choose the addresses and ports). The hash is
 * that of the unordered pair of endpoints, so that both directions of a leg meet in one bucket.
 */
#ifndef HB_FLOWTABLE_H
#define HB_FLOWTABLE_H

#include "flow.h"

struct hb_flowtable {
	struct hb_node **buckets;
	size_t mask; /* bucket count - 1, a power of two */
	size_t nodes;
	uint8_t key[16];
	bool by_place; /* there are legs that only the place of their packets tells apart */
};

/* How a packet relates to the flow that was found. */
struct hb_match {
	struct hb_flow *flow; /* NULL: none */
	enum hb_leg leg;
	enum hb_direction direction;
};

/* Returns 0 or -ENOMEM. @key  sixteen random bytes. */
int hb_flowtable_init(struct hb_flowtable *table, const uint8_t key[16]);
void hb_flowtable_fini(struct hb_flowtable *table);

/* The flow that has this leg already; NULL if none has. Fills in the node, and does not enter it. */
struct hb_flow *hb_flowtable_clash(const struct hb_flowtable *table, struct hb_node *node,
				   enum hb_leg leg, const struct hb_leg_key *key);

/* Enters a leg; the node is its owner's. False if another flow has this leg already. */
bool hb_flowtable_insert(struct hb_flowtable *table, struct hb_node *node, enum hb_leg leg,
			 const struct hb_leg_key *key);

/* The flow that a node belongs to. */
struct hb_flow *hb_flowtable_flow(const struct hb_node *node);

/* Takes a node out; one that is not in the table stays as it is. */
void hb_flowtable_remove(struct hb_flowtable *table, struct hb_node *node);

/*
 * Finds the flow that a packet belongs to: from the client on the client leg, or from a honeypot on
 * its leg.
 * @from  the datagram that it is, or is quoted in: its interface and mark say where it comes from. One
 *        of this host may be about any place.
 */
struct hb_match hb_flowtable_find(const struct hb_flowtable *table, const struct hb_packet *packet,
				  const struct hb_datagram *from);

#endif
