/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A hierarchical timer wheel: arming and cancelling cost the same for one timer and for a million.
 *
 * Ticks are 1 ms. A timer fires at the first advance at or after its deadline, rounded up to a
 * tick; timers of one advance fire in the order of their ticks, those of one tick in an order that
 * depends on the calls alone. A timer lies inside its owner, which must cancel it before it goes
 * away, and is zero before it is first armed.
 */
#ifndef HB_WHEEL_H
#define HB_WHEEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HB_WHEEL_TICK_NS UINT64_C(1000000)

struct hb_timer {
	struct hb_timer *next;
	struct hb_timer **link; /* what points at this timer; NULL while it is not armed */
	uint64_t deadline_tick;
};

#define HB_WHEEL_LEVELS 5
#define HB_WHEEL_SLOTS 256

struct hb_wheel {
	uint64_t tick; /* the last one that was advanced to */
	struct hb_timer *slots[HB_WHEEL_LEVELS][HB_WHEEL_SLOTS];
	uint64_t occupied[HB_WHEEL_LEVELS][HB_WHEEL_SLOTS / 64];
};

void hb_wheel_init(struct hb_wheel *wheel, uint64_t now_ns);

/* Arms a timer, or moves one that is armed. A deadline in the past fires at the next advance. */
void hb_wheel_arm(struct hb_wheel *wheel, struct hb_timer *timer, uint64_t deadline_ns);

/* Stops a timer; one that is not armed stays as it is. */
void hb_wheel_cancel(struct hb_wheel *wheel, struct hb_timer *timer);

static inline bool hb_timer_armed(const struct hb_timer *timer)
{
	return timer->link != NULL;
}

/*
 * Moves time on and calls fire for each timer that has expired; the timer is not armed any more
 * then. fire may arm and cancel any timer, its own included; one that it arms for a time that has
 * passed fires at the next advance, so that an advance always ends.
 */
void hb_wheel_advance(struct hb_wheel *wheel, uint64_t now_ns,
		      void (*fire)(void *ctx, struct hb_timer *timer), void *ctx);

/*
 * A time at or before the earliest deadline, rounded up to a tick as above; UINT64_MAX if nothing
 * is armed. An advance to it fires a timer or brings the answer nearer to one.
 */
uint64_t hb_wheel_next_deadline(const struct hb_wheel *wheel);

#endif
