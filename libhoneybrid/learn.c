/* SPDX-License-Identifier: BSD-2-Clause */
#include "learn.h"

#include "siphash.h"

#include <string.h>

static uint64_t tag_of(const uint8_t key[16], const struct hb_endpoint *backend, uint32_t turn)
{
	uint8_t input[24] = { 0 };
	memcpy(input, backend->addr.bytes, 16);
	memcpy(input + 16, &backend->port, 2);
	memcpy(input + 20, &turn, 4);
	return hb_siphash(key, input, sizeof(input));
}

uint32_t hb_learn_length(const struct hb_learn *learn, const uint8_t key[16],
			 const struct hb_endpoint *backend, uint32_t turn)
{
	uint64_t tag = tag_of(key, backend, turn);
	size_t slot = tag % HB_LEARN_SLOTS;
	return learn->slots[slot].tag == tag ? learn->slots[slot].length : 0;
}

void hb_learn_remember(struct hb_learn *learn, const uint8_t key[16],
		       const struct hb_endpoint *backend, uint32_t turn, uint32_t length)
{
	uint64_t tag = tag_of(key, backend, turn);
	learn->slots[tag % HB_LEARN_SLOTS].tag = tag;
	learn->slots[tag % HB_LEARN_SLOTS].length = length;
}
