/* SPDX-License-Identifier: BSD-2-Clause */
#include "shares.h"

#include "siphash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS 8192

/* A source with more than one in so many of all flows is a crowd. */
#define CROWD_DIVISOR 16

int hb_shares_init(struct hb_shares *shares, struct hb_budget *whole)
{
	shares->slots = calloc(SLOTS, sizeof(*shares->slots));
	if (shares->slots == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < SLOTS; i++)
		shares->slots[i].budget.whole = whole;
	return 0;
}

void hb_shares_fini(struct hb_shares *shares)
{
	free(shares->slots);
	*shares = (struct hb_shares){ 0 };
}

void hb_shares_set_limit(struct hb_shares *shares, uint32_t max_flows)
{
	shares->crowd_above = max_flows / CROWD_DIVISOR;
	shares->crowds = 0;
	for (size_t i = 0; i < SLOTS; i++)
		shares->crowds += hb_shares_is_crowd(shares, &shares->slots[i]);
}

struct hb_share *hb_shares_find(const struct hb_shares *shares, const uint8_t key[16],
				const struct hb_addr *source)
{
	uint8_t name[16];
	memcpy(name, source->bytes, sizeof(name));
	if (!hb_addr_is_ipv4(source))
		memset(name + 8, 0, 8); /* all of a /64 is one host's to choose from */
	return &shares->slots[hb_siphash(key, name, sizeof(name)) % SLOTS];
}

bool hb_shares_is_crowd(const struct hb_shares *shares, const struct hb_share *share)
{
	return share->flows > shares->crowd_above;
}

void hb_shares_enter(struct hb_shares *shares, struct hb_share *share)
{
	share->flows++;
	if (share->flows == shares->crowd_above + 1)
		shares->crowds++;
}

void hb_shares_leave(struct hb_shares *shares, struct hb_share *share)
{
	if (share->flows == shares->crowd_above + 1)
		shares->crowds--;
	share->flows--;
}
