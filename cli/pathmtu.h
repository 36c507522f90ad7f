/* SPDX-License-Identifier: BSD-2-Clause */
/* What the routes carry: asked of the kernel where a packet was too long, and remembered. */
#ifndef HB_PATHMTU_H
#define HB_PATHMTU_H

#include "rawsend.h"

#define HB_PATHMTU_ROUTES 256

/* No packet that is sent in one is longer, whatever a link would carry. */
#define HB_PATHMTU_MAX 1500

/*
 * Destinations that get less than that. Two that share a place push each other out; several ways to one
 * destination share the narrowest answer, which is kept until the program ends. All 0: none is known.
 */
struct hb_pathmtu {
	struct {
		struct hb_addr to;
		uint16_t bytes; /* 0: the place is free */
	} routes[HB_PATHMTU_ROUTES];
};

/* The longest packet for a destination, as far as is known. */
size_t hb_pathmtu_get(const struct hb_pathmtu *pathmtu, const struct hb_hop *hop);

/*
 * Asks the kernel what it carries to a destination, with a mark, and through an interface (0: by
 * routing). True if that is less than hb_pathmtu_get() says, which says that from then on.
 */
bool hb_pathmtu_learn(struct hb_pathmtu *pathmtu, const struct hb_hop *hop, uint32_t mark,
		      uint32_t interface);

#endif
