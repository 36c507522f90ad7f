/* SPDX-License-Identifier: BSD-2-Clause */
#include "learn.h"

#include "siphash.h"

#include <string.h>

#define TRUSTED_TIMES 2
#define MAX_TIMES 8
#define REFUSAL UINT32_MAX /* in place of a turn */

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
	bool trusted = learn->slots[slot].tag == tag && learn->slots[slot].times >= TRUSTED_TIMES;
	return trusted ? learn->slots[slot].length : 0;
}

void hb_learn_remember(struct hb_learn *learn, const uint8_t key[16],
		       const struct hb_endpoint *backend, uint32_t turn, uint32_t length)
{
	uint64_t tag = tag_of(key, backend, turn);
	size_t slot = tag % HB_LEARN_SLOTS;
	bool known = learn->slots[slot].tag == tag && learn->slots[slot].times > 0;
	if (!known || length > learn->slots[slot].length) {
		learn->slots[slot].tag = tag;
		learn->slots[slot].length = length;
		learn->slots[slot].times = 1;
	} else if (length < learn->slots[slot].length) {
		learn->slots[slot].times--;
	} else if (learn->slots[slot].times < MAX_TIMES) {
		learn->slots[slot].times++;
	}
}

void hb_learn_refusal(struct hb_learn *learn, const uint8_t key[16],
		      const struct hb_endpoint *backend)
{
	uint64_t tag = tag_of(key, backend, REFUSAL);
	size_t slot = tag % HB_LEARN_SLOTS;
	learn->slots[slot].tag = tag;
	learn->slots[slot].length = 1;
	learn->slots[slot].times = TRUSTED_TIMES;
}

bool hb_learn_refuses(const struct hb_learn *learn, const uint8_t key[16],
		      const struct hb_endpoint *backend)
{
	return hb_learn_length(learn, key, backend, REFUSAL) != 0;
}
