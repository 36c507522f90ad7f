/* SPDX-License-Identifier: BSD-2-Clause */
#include "wheel.h"

#include "unit.h"

#include <string.h>

#define MS HB_WHEEL_TICK_NS
#define SECOND (1000 * MS)
#define DAY (86400 * SECOND)

#define TIMERS 200

struct item {
	struct hb_timer timer;
	bool armed;
	bool due;      /* must fire in the advance that is under way */
	uint64_t tick; /* when */
};

/* A wheel, and what a list without any cleverness knows about the same timers. */
struct model {
	struct hb_wheel wheel;
	struct item items[TIMERS];
	uint64_t tick;
	uint64_t last_fired_tick;
	unsigned fired;
	uint64_t random;
};

static struct item *item_of(struct hb_timer *timer)
{
	return (struct item *)((char *)timer - offsetof(struct item, timer));
}

static void model_init(struct model *model, uint64_t now_ns, uint64_t seed)
{
	memset(model, 0, sizeof(*model));
	model->random = seed;
	model->tick = now_ns / MS;
	memset(&model->wheel, 0xa5, sizeof(model->wheel));
	hb_wheel_init(&model->wheel, now_ns);
}

static void model_arm(struct model *model, struct item *item, uint64_t deadline_ns)
{
	uint64_t tick = deadline_ns / MS + (deadline_ns % MS != 0);

	hb_wheel_arm(&model->wheel, &item->timer, deadline_ns);
	item->armed = true;
	item->due = false;
	item->tick = tick > model->tick ? tick : model->tick;
}

static void model_cancel(struct model *model, struct item *item)
{
	hb_wheel_cancel(&model->wheel, &item->timer);
	item->armed = false;
	item->due = false;
}

/* Mostly near, sometimes very far: as many bits as chance has it. */
static uint64_t random_span_ns(struct model *model)
{
	return unit_random(&model->random) >> (3 + unit_random_below(&model->random, 58));
}

static void random_act(struct model *model)
{
	struct item *item = &model->items[unit_random_below(&model->random, TIMERS)];
	uint64_t now_ns = model->tick * MS;
	uint64_t span = random_span_ns(model);

	switch (unit_random_below(&model->random, 4)) {
	case 0:
		model_cancel(model, item);
		break;
	case 1: /* in the past */
		model_arm(model, item, span < now_ns ? now_ns - span : 0);
		break;
	default:
		model_arm(model, item, span < UINT64_MAX - now_ns ? now_ns + span : UINT64_MAX);
		break;
	}
}

static void fire_and_act(void *ctx, struct hb_timer *timer)
{
	struct model *model = ctx;
	struct item *item = item_of(timer);

	unit_require(!hb_timer_armed(timer));
	unit_require(item->armed && item->due);
	unit_require(item->tick >= model->last_fired_tick);
	model->last_fired_tick = item->tick;
	model->fired++;
	item->armed = item->due = false;
	for (uint64_t n = unit_random_below(&model->random, 3); n > 0; n--)
		random_act(model);
}

static void check_at_rest(const struct model *model)
{
	uint64_t next = hb_wheel_next_deadline(&model->wheel);
	uint64_t earliest = UINT64_MAX;

	for (size_t i = 0; i < TIMERS; i++) {
		const struct item *item = &model->items[i];

		unit_require(!item->due); /* else it should have fired */
		unit_require(hb_timer_armed(&item->timer) == item->armed);
		if (item->armed && item->tick < earliest)
			earliest = item->tick;
	}
	unit_require((next == UINT64_MAX) == (earliest >= UINT64_MAX / MS));
	unit_require(next / MS <= earliest);
	/* An advance to it does something. */
	unit_require(earliest <= model->tick || next / MS > model->tick);
}

static void model_advance(struct model *model, uint64_t now_ns)
{
	if (now_ns / MS > model->tick)
		model->tick = now_ns / MS;
	for (size_t i = 0; i < TIMERS; i++)
		model->items[i].due = model->items[i].armed && model->items[i].tick <= model->tick;
	model->last_fired_tick = 0;
	hb_wheel_advance(&model->wheel, now_ns, fire_and_act, model);
	check_at_rest(model);
}

static void run_at_random(uint64_t start_ns, uint64_t seed)
{
	struct model model;

	model_init(&model, start_ns, seed);
	for (unsigned step = 0; step < 3000; step++) {
		uint64_t now_ns = model.tick * MS, span;

		for (uint64_t n = unit_random_below(&model.random, 8); n > 0; n--)
			random_act(&model);
		check_at_rest(&model);
		/* Jumps of up to a hundred days; now and then backwards. */
		span = random_span_ns(&model) % (100 * DAY);
		if (step % 16 == 0 && span < now_ns)
			model_advance(&model, now_ns - span);
		else
			model_advance(&model, now_ns + span);
	}
	ck_assert_uint_gt(model.fired, 1000);
}

START_TEST(does_what_a_plain_list_does)
{
	for (uint64_t seed = 1; seed <= 20; seed++)
		run_at_random(seed % 2 ? 0 : seed * 12345678901, seed);
}
END_TEST

/* Where the ring of the top level comes round: every 2^40 ticks. */
START_TEST(the_top_level_is_a_ring)
{
	for (uint64_t seed = 21; seed <= 25; seed++)
		run_at_random((UINT64_C(1) << 40) * MS - seed * DAY, seed);
}
END_TEST

static void count_fired(void *ctx, struct hb_timer *timer)
{
	(void)timer;
	++*(unsigned *)ctx;
}

START_TEST(fires_at_the_tick_after_the_deadline)
{
	struct hb_wheel wheel;
	struct hb_timer timer = { .link = NULL };
	unsigned fired = 0;

	hb_wheel_init(&wheel, 5 * SECOND);
	hb_wheel_arm(&wheel, &timer, 5 * SECOND + 10 * MS + 1);
	ck_assert(hb_timer_armed(&timer));
	hb_wheel_advance(&wheel, 5 * SECOND + 11 * MS - 1, count_fired, &fired);
	ck_assert_uint_eq(fired, 0);
	ck_assert_uint_eq(hb_wheel_next_deadline(&wheel), 5 * SECOND + 11 * MS);
	hb_wheel_advance(&wheel, 5 * SECOND + 11 * MS, count_fired, &fired);
	ck_assert_uint_eq(fired, 1);
	ck_assert(!hb_timer_armed(&timer));
	hb_wheel_advance(&wheel, 50 * SECOND, count_fired, &fired);
	ck_assert_uint_eq(fired, 1);
}
END_TEST

START_TEST(an_empty_wheel_never_wants_to_be_called)
{
	struct hb_wheel wheel;
	struct hb_timer timer = { .link = NULL };

	hb_wheel_init(&wheel, DAY);
	ck_assert_uint_eq(hb_wheel_next_deadline(&wheel), UINT64_MAX);
	hb_wheel_cancel(&wheel, &timer); /* not armed: nothing happens */
	hb_wheel_arm(&wheel, &timer, 3 * DAY);
	ck_assert_uint_lt(hb_wheel_next_deadline(&wheel), 3 * DAY + 1);
	hb_wheel_cancel(&wheel, &timer);
	ck_assert_uint_eq(hb_wheel_next_deadline(&wheel), UINT64_MAX);
}
END_TEST

START_TEST(a_deadline_in_the_past_fires_at_the_next_advance)
{
	struct hb_wheel wheel;
	struct hb_timer timer = { .link = NULL };
	unsigned fired = 0;

	hb_wheel_init(&wheel, DAY);
	hb_wheel_arm(&wheel, &timer, 0);
	ck_assert_uint_eq(hb_wheel_next_deadline(&wheel), DAY);
	hb_wheel_advance(&wheel, DAY, count_fired, &fired); /* time did not move */
	ck_assert_uint_eq(fired, 1);
}
END_TEST

struct rearm {
	struct hb_wheel wheel;
	struct hb_timer timer;
	unsigned fired;
};

static void fire_and_rearm(void *ctx, struct hb_timer *timer)
{
	struct rearm *rearm = ctx;

	rearm->fired++;
	hb_wheel_arm(&rearm->wheel, timer, 0);
}

START_TEST(an_advance_ends_though_each_firing_arms_again)
{
	struct rearm rearm = { .fired = 0 };

	hb_wheel_init(&rearm.wheel, 0);
	hb_wheel_arm(&rearm.wheel, &rearm.timer, SECOND);
	for (unsigned i = 1; i <= 3; i++) {
		hb_wheel_advance(&rearm.wheel, 2 * SECOND, fire_and_rearm, &rearm);
		ck_assert_uint_eq(rearm.fired, i);
		ck_assert(hb_timer_armed(&rearm.timer));
	}
}
END_TEST

/* Called when it asks to be, a wheel needs a call a level, and one each time that the ring is
 * round. */
START_TEST(next_deadline_leads_to_every_timer)
{
	static const uint64_t spans[] = { 1,   MS,       255 * MS,    256 * MS,     65536 * MS,
					  DAY, 50 * DAY, 20000 * DAY, 100000 * DAY, 200000 * DAY };
	for (size_t i = 0; i < sizeof(spans) / sizeof(*spans); i++) {
		struct hb_wheel wheel;
		struct hb_timer timer = { .link = NULL };
		uint64_t start = 777 * SECOND, deadline = start + spans[i], now = start;
		unsigned fired = 0, calls = 0;

		hb_wheel_init(&wheel, start);
		hb_wheel_arm(&wheel, &timer, deadline);
		for (; fired == 0; calls++) {
			now = hb_wheel_next_deadline(&wheel);
			ck_assert_uint_lt(calls, HB_WHEEL_LEVELS + 20);
			hb_wheel_advance(&wheel, now, count_fired, &fired);
		}
		ck_assert_uint_eq(now, (deadline + MS - 1) / MS * MS);
	}
}
END_TEST

START_TEST(the_end_of_time_is_no_problem)
{
	struct hb_wheel wheel;
	struct hb_timer first = { .link = NULL }, second = { .link = NULL };
	unsigned fired = 0;

	hb_wheel_init(&wheel, 0);
	hb_wheel_arm(&wheel, &first, UINT64_MAX);
	hb_wheel_arm(&wheel, &second, UINT64_MAX / MS * MS);
	hb_wheel_advance(&wheel, UINT64_MAX, count_fired, &fired);
	ck_assert_uint_eq(fired, 1);
	ck_assert(hb_timer_armed(&first)); /* rounded up to a tick that never comes */
	ck_assert_uint_eq(hb_wheel_next_deadline(&wheel), UINT64_MAX);
}
END_TEST

UNIT_MAIN("wheel", does_what_a_plain_list_does, the_top_level_is_a_ring,
	  fires_at_the_tick_after_the_deadline, an_empty_wheel_never_wants_to_be_called,
	  a_deadline_in_the_past_fires_at_the_next_advance,
	  an_advance_ends_though_each_firing_arms_again, next_deadline_leads_to_every_timer,
	  the_end_of_time_is_no_problem)
