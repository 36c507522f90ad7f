/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How long a backend's answers were before: a banner that was seen once need not be waited out
 * again (handover rule 3). A small table that forgets at a clash.
 *
 * A length that is too short would be believed for ever, since nobody waits to see more: so the
 * longest counts, and only once it was seen twice. Too long a one costs nothing but time.
 *
 * And which backends refuse TCP timestamps.
 */
#ifndef HB_LEARN_H
#define HB_LEARN_H

#include <honeybrid/types.h>

#define HB_LEARN_SLOTS 512

struct hb_learn {
	struct {
		uint64_t tag;
		uint32_t length; /* the longest */
		uint32_t times;  /* that it came, less those that a shorter one did */
	} slots[HB_LEARN_SLOTS];
};

/* The usual length of answer number turn of this backend and port; 0: unknown. */
uint32_t hb_learn_length(const struct hb_learn *learn, const uint8_t key[16],
			 const struct hb_endpoint *backend, uint32_t turn);

/* An answer that turned out to be complete. */
void hb_learn_remember(struct hb_learn *learn, const uint8_t key[16],
		       const struct hb_endpoint *backend, uint32_t turn, uint32_t length);

/* The backend was seen to refuse TCP timestamps (handover rule 16): once is enough. */
void hb_learn_refusal(struct hb_learn *learn, const uint8_t key[16],
		      const struct hb_endpoint *backend);
bool hb_learn_refuses(const struct hb_learn *learn, const uint8_t key[16],
		      const struct hb_endpoint *backend);

#endif
