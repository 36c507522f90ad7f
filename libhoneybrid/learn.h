/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How long a backend's answers were before: a banner that was seen once need not be waited out
 * again (handover rule 3). A small table that forgets at a clash; wrong entries cost nothing but
 * time.
 */
#ifndef HB_LEARN_H
#define HB_LEARN_H

#include <honeybrid/types.h>

#define HB_LEARN_SLOTS 512

struct hb_learn {
	struct {
		uint64_t tag;
		uint32_t length;
	} slots[HB_LEARN_SLOTS];
};

/* The last complete answer number turn of this backend and port; 0: unknown. */
uint32_t hb_learn_length(const struct hb_learn *learn, const uint8_t key[16],
			 const struct hb_endpoint *backend, uint32_t turn);

/* In place of a turn: the backend was seen to refuse TCP timestamps (handover rule 16). */
#define HB_LEARN_NO_TIMESTAMPS UINT32_MAX

void hb_learn_remember(struct hb_learn *learn, const uint8_t key[16],
		       const struct hb_endpoint *backend, uint32_t turn, uint32_t length);

#endif
