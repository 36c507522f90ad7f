/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What each source has of an engine: flows, and bytes of recordings. Sources are counted by a keyed hash
 * in a table of fixed size, so some share a place; a /64 is one source of IPv6.
 */
#ifndef HB_SHARES_H
#define HB_SHARES_H

#include "budget.h"

#include <honeybrid/types.h>

struct hb_share {
	struct hb_budget budget;
	uint32_t flows;
};

struct hb_shares {
	struct hb_share *slots; /* NULL: nobody counts */
	uint32_t crowd_above;   /* a source with more flows than this is a crowd */
	uint32_t crowds;        /* how many sources have more than that */
};

/* @whole  of which each source gets a part; borrowed. Returns 0 or -ENOMEM. */
int hb_shares_init(struct hb_shares *shares, struct hb_budget *whole);
void hb_shares_fini(struct hb_shares *shares);

/* @max_flows  of all sources together */
void hb_shares_set_limit(struct hb_shares *shares, uint32_t max_flows);

/* The place where a source is counted. Needs slots. */
struct hb_share *hb_shares_find(const struct hb_shares *shares, const uint8_t key[16],
				const struct hb_addr *source);

/* A flow of the source starts, or ends. */
void hb_shares_enter(struct hb_shares *shares, struct hb_share *share);
void hb_shares_leave(struct hb_shares *shares, struct hb_share *share);

/* True if the source has so many flows that it must make room for others. */
bool hb_shares_is_crowd(const struct hb_shares *shares, const struct hb_share *share);

#endif
