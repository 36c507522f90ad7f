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
	return hb_siphash(key, input, sizeof(input));
}

/* The slot of a service that has failed; HB_HEALTH_SLOTS for any other. */
static size_t find(const struct hb_health *health, uint64_t tag)
{
	size_t slot = tag % HB_HEALTH_SLOTS;
	bool failed = health->slots[slot].failures > 0 && health->slots[slot].tag == tag;
	return failed ? slot : HB_HEALTH_SLOTS;
}

bool hb_health_rests(const struct hb_health *health, const uint8_t key[16],
		     const struct hb_service *service, uint64_t now_ns)
{
	if (health->down == 0)
		return false;
	size_t slot = find(health, tag_of(key, service));
	return slot < HB_HEALTH_SLOTS && now_ns < health->slots[slot].until_ns;
}

void hb_health_try(struct hb_health *health, const uint8_t key[16],
		   const struct hb_service *service, uint64_t now_ns, uint64_t until_ns)
{
	if (health->down == 0)
		return;
	size_t slot = find(health, tag_of(key, service));
	if (slot == HB_HEALTH_SLOTS || now_ns < health->slots[slot].until_ns)
		return;
	health->slots[slot].probing = true;
	health->slots[slot].until_ns = until_ns;
}

void hb_health_failed(struct hb_health *health, const uint8_t key[16],
		      const struct hb_service *service, uint64_t now_ns)
{
	uint64_t tag = tag_of(key, service);
	size_t slot = find(health, tag);
	if (slot == HB_HEALTH_SLOTS) {
		slot = tag % HB_HEALTH_SLOTS;
		health->down += health->slots[slot].failures == 0;
		health->slots[slot].failures = 0;
		health->slots[slot].tag = tag;
	} else if (now_ns < health->slots[slot].until_ns && !health->slots[slot].probing) {
		return;
	}
	unsigned doublings = health->slots[slot].failures;
	if (doublings < HB_HEALTH_DOUBLINGS)
		health->slots[slot].failures++;
	health->slots[slot].until_ns = now_ns + (HB_HEALTH_FIRST_REST_NS << doublings);
	health->slots[slot].probing = false;
}

void hb_health_reached(struct hb_health *health, const uint8_t key[16],
		       const struct hb_service *service)
{
	if (health->down == 0)
		return;
	size_t slot = find(health, tag_of(key, service));
	if (slot == HB_HEALTH_SLOTS)
		return;
	health->slots[slot].failures = 0;
	health->down--;
}
