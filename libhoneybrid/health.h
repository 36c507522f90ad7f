/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which backends could not be reached. One that failed so rests: it is not asked for a while, so
 * that no session waits for it. Then one session is its probe, and if that fails, too, it rests for
 * twice as long.
 *
 * A service that takes no connections may be silent since it does not like what it is told: that is
 * the client's doing, and must not keep it from others. So its silence counts when several clients
 * have met it, and none got an answer meanwhile.
 *
 * A small table for those that failed, which forgets at a clash: then a backend is tried too early.
 */
#ifndef HB_HEALTH_H
#define HB_HEALTH_H

#include <honeybrid/types.h>

#define HB_HEALTH_SLOTS 256

#define HB_HEALTH_FIRST_REST_NS (5 * UINT64_C(1000000000))
#define HB_HEALTH_DOUBLINGS 4 /* 80 s */
#define HB_HEALTH_CLIENTS 3   /* so many that heard nothing are a failure */

struct hb_health_slot {
	uint64_t tag;                        /* of the service */
	uint64_t until_ns;                   /* it is not asked before */
	uint64_t clients[HB_HEALTH_CLIENTS]; /* tags of those that heard nothing, since the last
						failure or answer */
	uint8_t client_count;
	uint8_t failures; /* one after another; the slot is free if both are 0 */
	bool probing;     /* a session tries it */
};

struct hb_health {
	struct hb_health_slot slots[HB_HEALTH_SLOTS];
	unsigned used; /* slots */
	unsigned down; /* those of them with failures */
};

/* A port of a backend. */
struct hb_service {
	struct hb_endpoint at;
	uint8_t protocol;
	uint32_t interface; /* of a clone; else 0 */
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

/* A session of this client's heard nothing of it: a failure, once enough others have met the same. */
void hb_health_silent(struct hb_health *health, const uint8_t key[16],
		      const struct hb_service *service, const struct hb_addr *client,
		      uint64_t now_ns);

/* It was reached. */
void hb_health_reached(struct hb_health *health, const uint8_t key[16],
		       const struct hb_service *service);

#endif
