/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A tick number is read as groups of eight bits, lowest first; level n of the wheel is group n. A
 * timer lies in the level of the highest group in which its tick differs from the current one, in
 * the slot that this group names. So
 *
 *   - a slot of level 0 holds timers of one tick, one of level n those of 256^n ticks in a row;
 *   - what a level holds comes before anything in a higher level: the first occupied slot of the
 *     lowest level that is not empty is the next one to look at, and time may jump there;
 *   - when time reaches a slot of a higher level its timers go to lower ones; a timer moves at most
 *     once a level.
 *
 * The top level is a ring: it has no group above it to differ in. A timer beyond it waits in its
 * last slot, and is placed anew when time gets there.
 *
 * The current slot of every level is empty, but for level 0: there lies what was armed for a time
 * that has passed, until the next advance.
 */
#include "wheel.h"

#include <assert.h>
#include <string.h>

#define LEVEL_BITS 8
#define SLOT_MASK (HB_WHEEL_SLOTS - 1)
#define TOP (HB_WHEEL_LEVELS - 1)
#define WORDS (HB_WHEEL_SLOTS / 64)

static_assert(HB_WHEEL_SLOTS == 1 << LEVEL_BITS, "a level is a group of bits");

static unsigned slot_of(uint64_t tick, unsigned level)
{
	return (unsigned)(tick >> level * LEVEL_BITS) & SLOT_MASK;
}

static void set_occupied(struct hb_wheel *wheel, unsigned level, unsigned slot)
{
	wheel->occupied[level][slot / 64] |= UINT64_C(1) << slot % 64;
}

static void clear_occupied(struct hb_wheel *wheel, unsigned level, unsigned slot)
{
	wheel->occupied[level][slot / 64] &= ~(UINT64_C(1) << slot % 64);
}

/* Puts a timer at the place that *link names. */
static void link_timer(struct hb_timer **link, struct hb_timer *timer)
{
	timer->next = *link;
	timer->link = link;
	if (timer->next)
		timer->next->link = &timer->next;
	*link = timer;
}

static void unlink_timer(struct hb_timer *timer)
{
	*timer->link = timer->next;
	if (timer->next)
		timer->next->link = timer->link;
	timer->link = NULL;
}

/* deadline_tick is not before the current tick. */
static void place(struct hb_wheel *wheel, struct hb_timer *timer)
{
	uint64_t differ = timer->deadline_tick ^ wheel->tick;
	unsigned level = 0;
	unsigned slot;

	while (level < TOP && differ >> (level + 1) * LEVEL_BITS)
		level++;
	slot = slot_of(timer->deadline_tick, level);
	if (level == TOP) {
		uint64_t turns = (timer->deadline_tick >> TOP * LEVEL_BITS) -
				 (wheel->tick >> TOP * LEVEL_BITS);

		if (turns > SLOT_MASK)
			slot = (slot_of(wheel->tick, TOP) + SLOT_MASK) & SLOT_MASK;
	}
	set_occupied(wheel, level, slot);
	link_timer(&wheel->slots[level][slot], timer);
}

/* How far the first occupied slot of a level is, going round from a slot; -1 if all are empty. */
static int distance_to_occupied(const uint64_t occupied[WORDS], unsigned from)
{
	for (unsigned i = 0; i <= WORDS; i++) {
		unsigned word = (from / 64 + i) % WORDS;
		uint64_t bits = occupied[word];

		if (i == 0)
			bits &= UINT64_MAX << from % 64;
		if (bits) {
			unsigned slot = word * 64 + (unsigned)__builtin_ctzll(bits);

			return (int)((slot - from) & SLOT_MASK);
		}
	}
	return -1;
}

/* The first tick of the next occupied slot; false if nothing is armed. */
static bool next_occupied(const struct hb_wheel *wheel, unsigned *level, uint64_t *tick)
{
	for (*level = 0; *level < HB_WHEEL_LEVELS; ++*level) {
		unsigned shift = *level * LEVEL_BITS;
		int distance =
			distance_to_occupied(wheel->occupied[*level], slot_of(wheel->tick, *level));

		if (distance == 0) /* level 0: overdue */
			*tick = wheel->tick;
		else if (distance > 0)
			*tick = ((wheel->tick >> shift) + (unsigned)distance) << shift;
		else
			continue;
		return true;
	}
	return false;
}

void hb_wheel_init(struct hb_wheel *wheel, uint64_t now_ns)
{
	memset(wheel, 0, sizeof(*wheel));
	wheel->tick = now_ns / HB_WHEEL_TICK_NS;
}

void hb_wheel_arm(struct hb_wheel *wheel, struct hb_timer *timer, uint64_t deadline_ns)
{
	uint64_t tick = deadline_ns / HB_WHEEL_TICK_NS + (deadline_ns % HB_WHEEL_TICK_NS != 0);

	hb_wheel_cancel(wheel, timer);
	timer->deadline_tick = tick > wheel->tick ? tick : wheel->tick;
	place(wheel, timer);
}

void hb_wheel_cancel(struct hb_wheel *wheel, struct hb_timer *timer)
{
	struct hb_timer **link = timer->link;
	uintptr_t first = (uintptr_t)&wheel->slots[0][0];
	uintptr_t offset = (uintptr_t)link - first;

	if (!link)
		return;
	unlink_timer(timer);
	/* A slot that it leaves empty must say so; the list of an advance is no slot. */
	if (!*link && offset < sizeof(wheel->slots)) {
		unsigned index = (unsigned)(offset / sizeof(*link));

		clear_occupied(wheel, index / HB_WHEEL_SLOTS, index % HB_WHEEL_SLOTS);
	}
}

/* Empties a slot: those that have expired go to *tail, the others to lower levels. */
static struct hb_timer **empty_slot(struct hb_wheel *wheel, unsigned level, struct hb_timer **tail)
{
	unsigned slot = slot_of(wheel->tick, level);
	struct hb_timer *timer = wheel->slots[level][slot];

	wheel->slots[level][slot] = NULL;
	clear_occupied(wheel, level, slot);
	while (timer) {
		struct hb_timer *next = timer->next;

		if (timer->deadline_tick <= wheel->tick) {
			*tail = NULL;
			link_timer(tail, timer);
			tail = &timer->next;
		} else {
			place(wheel, timer);
		}
		timer = next;
	}
	return tail;
}

/*
 * All that has expired is gathered before the first is fired. So fire meets a wheel that is at
 * rest, at the new time, and what it arms cannot get in among those that are being fired.
 */
void hb_wheel_advance(struct hb_wheel *wheel, uint64_t now_ns,
		      void (*fire)(void *ctx, struct hb_timer *timer), void *ctx)
{
	uint64_t target = now_ns / HB_WHEEL_TICK_NS;
	struct hb_timer *expired = NULL;
	struct hb_timer **tail = &expired;
	unsigned level;
	uint64_t tick;

	if (target < wheel->tick)
		target = wheel->tick;
	while (next_occupied(wheel, &level, &tick) && tick <= target) {
		wheel->tick = tick;
		tail = empty_slot(wheel, level, tail);
	}
	wheel->tick = target;
	while (expired) {
		struct hb_timer *timer = expired;

		unlink_timer(timer);
		fire(ctx, timer);
	}
}

uint64_t hb_wheel_next_deadline(const struct hb_wheel *wheel)
{
	unsigned level;
	uint64_t tick;

	if (!next_occupied(wheel, &level, &tick))
		return UINT64_MAX;
	return tick > UINT64_MAX / HB_WHEEL_TICK_NS ? UINT64_MAX : tick * HB_WHEEL_TICK_NS;
}
