/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which backends could not be reached. One that failed so rests: it is not asked for a while, so
 * that no session waits for it. Then one session is its probe, and if that fails, too, it rests for
 * twice as long.
 *
 * A small table for those that failed, which forgets at a clash: then a backend is tried too early.
 */
#ifndef HB_HEALTH_H
#define HB_HEALTH_H

#include <honeybrid/types.h>

#define HB_HEALTH_SLOTS 256

#define HB_HEALTH_FIRST_REST_NS (5 * UINT64_C(1000000000))
#define HB_HEALTH_DOUBLINGS 4 /* 80 s */

struct hb_health {
	struct {
		uint64_t tag;      /* of the service */
		uint64_t until_ns; /* it is not asked before */
		uint8_t failures;  /* one after another; 0: the slot is free */
		bool probing;      /* a session tries it */
	} slots[HB_HEALTH_SLOTS];
	unsigned down; /* slots in use */
};

/* A port of a backend. */
struct hb_service {
	struct hb_endpoint at;
	uint8_t protocol;
};

/* True if it must be left alone. */
bool hb_health_rests(const struct hb_health *health, const uint8_t key[16],
		     const struct hb_service *service, uint64_t now_ns);

/* A session goes there. If it is a probe, others stay away until it has ended, at most until then. */
void hb_health_try(struct hb_health *health, const uint8_t key[16],
		   const struct hb_service *service, uint64_t now_ns, uint64_t until_ns);

/* It could not be reached. Sessions that were under way together fail together: that counts once. */
void hb_health_failed(struct hb_health *health, const uint8_t key[16],
		      const struct hb_service *service, uint64_t now_ns);

/* It was reached. */
void hb_health_reached(struct hb_health *health, const uint8_t key[16],
		       const struct hb_service *service);

#endif
