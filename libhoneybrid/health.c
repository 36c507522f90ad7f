/* SPDX-License-Identifier: BSD-2-Clause */
#include "health.h"

#include "siphash.h"

#include <string.h>

static uint64_t tag_of(const uint8_t key[16], const struct hb_service *service)
{
	uint8_t input[24] = { 0 };
	memcpy(input, service->at.addr.bytes, 16);
	memcpy(input + 16, &service->at.port, 2);
	input[18] = service->protocol;
	memcpy(input + 20, &service->interface, 4);
	return hb_siphash(key, input, sizeof(input));
}

/* Who it was: an IPv6 client has all the addresses of its link. */
static uint64_t client_tag(const uint8_t key[16], const struct hb_addr *client)
{
	return hb_siphash(key, client->bytes, hb_addr_is_ipv4(client) ? 16 : 8);
}

static bool is_used(const struct hb_health_slot *slot)
{
	return slot->failures > 0 || slot->client_count > 0;
}

/* The slot of a service about which there is something to know; HB_HEALTH_SLOTS for any other. */
static size_t find(const struct hb_health *health, uint64_t tag)
{
	size_t i = tag % HB_HEALTH_SLOTS;
	bool known = is_used(&health->slots[i]) && health->slots[i].tag == tag;
	return known ? i : HB_HEALTH_SLOTS;
}

static void clear(struct hb_health *health, struct hb_health_slot *slot)
{
	health->used -= is_used(slot);
	health->down -= slot->failures > 0;
	*slot = (struct hb_health_slot){ .tag = 0 };
}

bool hb_health_rests(const struct hb_health *health, const uint8_t key[16],
		     const struct hb_service *service, uint64_t now_ns)
{
	if (health->down == 0)
		return false;
	size_t i = find(health, tag_of(key, service));
	return i < HB_HEALTH_SLOTS && now_ns < health->slots[i].until_ns;
}

void hb_health_try(struct hb_health *health, const uint8_t key[16],
		   const struct hb_service *service, uint64_t now_ns, uint64_t until_ns)
{
	if (health->down == 0)
		return;
	size_t i = find(health, tag_of(key, service));
	if (i == HB_HEALTH_SLOTS)
		return;
	struct hb_health_slot *slot = &health->slots[i];
	if (slot->failures == 0 || now_ns < slot->until_ns)
		return;
	slot->probing = true;
	slot->until_ns = until_ns;
}

/* It rests, and no session that could tell something new of it is under way. */
static bool is_left_alone(const struct hb_health_slot *slot, uint64_t now_ns)
{
	return now_ns < slot->until_ns && !slot->probing;
}

static void begin_rest(struct hb_health *health, struct hb_health_slot *slot, uint64_t now_ns)
{
	unsigned doublings = slot->failures;
	health->used += !is_used(slot);
	health->down += slot->failures == 0;
	if (doublings < HB_HEALTH_DOUBLINGS)
		slot->failures++;
	slot->client_count = 0;
	slot->until_ns = now_ns + (HB_HEALTH_FIRST_REST_NS << doublings);
	slot->probing = false;
}

void hb_health_failed(struct hb_health *health, const uint8_t key[16],
		      const struct hb_service *service, uint64_t now_ns)
{
	uint64_t tag = tag_of(key, service);
	struct hb_health_slot *slot = &health->slots[tag % HB_HEALTH_SLOTS];
	if (find(health, tag) == HB_HEALTH_SLOTS) {
		clear(health, slot);
		slot->tag = tag;
	}
	if (!is_left_alone(slot, now_ns))
		begin_rest(health, slot, now_ns);
}

/* Another client that heard nothing; one that is known already is none. */
static void add_client(struct hb_health *health, struct hb_health_slot *slot, uint64_t client)
{
	for (unsigned i = 0; i < slot->client_count; i++) {
		if (slot->clients[i] == client)
			return;
	}
	health->used += !is_used(slot);
	slot->clients[slot->client_count++] = client;
}

void hb_health_silent(struct hb_health *health, const uint8_t key[16],
		      const struct hb_service *service, const struct hb_addr *client,
		      uint64_t now_ns)
{
	uint64_t tag = tag_of(key, service);
	struct hb_health_slot *slot = &health->slots[tag % HB_HEALTH_SLOTS];
	if (find(health, tag) == HB_HEALTH_SLOTS) {
		if (slot->failures > 0)
			return; /* of another: a doubt does not end its rest */
		clear(health, slot);
		slot->tag = tag;
	}
	if (is_left_alone(slot, now_ns))
		return;
	add_client(health, slot, client_tag(key, client));
	if (slot->client_count == HB_HEALTH_CLIENTS) {
		begin_rest(health, slot, now_ns);
	} else if (slot->probing) {
		slot->probing = false; /* the next one tries it */
		slot->until_ns = now_ns;
	}
}

void hb_health_reached(struct hb_health *health, const uint8_t key[16],
		       const struct hb_service *service)
{
	if (health->used == 0)
		return;
	size_t i = find(health, tag_of(key, service));
	if (i < HB_HEALTH_SLOTS)
		clear(health, &health->slots[i]);
}
