/* SPDX-License-Identifier: BSD-2-Clause */
/* Backpick rules: who is picked, and what happens if nobody is. */
#include "decide_fixture.h"

/* Backends 1 to 3 with rules "a", none and "c"; "p" and "q" (judges 3 and 1) pick one. */
static void open_with_backpick(struct fixture *f, const char *backpick)
{
	open_fixture(f);
	add_judge(f, 'p', &of_backends, 3);
	add_judge(f, 'q', &of_backends, 1);
	frontend(f, NULL);
	rig_backend(f->target, "10.9.0.3", "a");
	rig_backend(f->target, "10.9.0.4", NULL);
	rig_backend(f->target, "10.9.0.5", "c");
	ck_assert_int_eq(hb_target_set_backpick(f->target, backpick, NULL), 0);
	start(f);
}

START_TEST(a_backend_is_picked)
{
	struct fixture f;
	unsigned number;

	open_with_backpick(&f, "p");
	judges[0].answer = HB_DECISION_ACCEPT;
	judges[3].answer = HB_DECISION_ACCEPT;
	judges[3].pick = 2;
	ck_assert_int_eq(ask_backends(&f, &number), HB_DECISION_ACCEPT);
	ck_assert_uint_eq(number, 2);
	ck_assert_int_eq(judges[3].pick_result, 0);
	ck_assert_uint_eq(judges[3].query.backend, 0);
	ck_assert_uint_eq(judges[0].asked, 0);
	check_trace(&f, "+p");
	done(&f);
}
END_TEST

/* What is picked may have a rule of its own, which is asked once. */
START_TEST(a_picked_backend_must_want_the_flow)
{
	struct fixture f;
	unsigned number;

	open_with_backpick(&f, "p");
	judges[0].answer = HB_DECISION_DEFER;
	judges[2].answer = HB_DECISION_DEFER;
	judges[3].answer = HB_DECISION_ACCEPT;
	judges[3].pick = 3;
	ck_assert_int_eq(ask_backends(&f, &number), HB_DECISION_DEFER);
	ck_assert_uint_eq(judges[2].asked, 1);
	ck_assert_uint_eq(judges[0].asked, 1);
	judges[2].answer = HB_DECISION_ACCEPT;
	judges[0].answer = HB_DECISION_ACCEPT; /* is before it in the file, but was not picked */
	ck_assert_int_eq(ask_backends(&f, &number), HB_DECISION_ACCEPT);
	ck_assert_uint_eq(number, 3);
	check_trace(&f, "+p;?a;+c");
	done(&f);
}
END_TEST

START_TEST(without_a_pick_the_others_are_asked)
{
	static const enum hb_decision answers[] = { HB_DECISION_REJECT, HB_DECISION_DEFER };

	for (size_t i = 0; i < 2; i++) {
		struct fixture f;
		unsigned number;

		open_with_backpick(&f, "p");
		judges[0].answer = HB_DECISION_REJECT;
		judges[2].answer = HB_DECISION_ACCEPT;
		judges[3].answer = answers[i];
		judges[3].pick = 2;
		ck_assert_int_eq(ask_backends(&f, &number), HB_DECISION_ACCEPT);
		ck_assert_uint_eq(number, 3);
		done(&f);
	}
}
END_TEST

/* A backpick that rejects has done so for good; one that defers keeps the question open. */
START_TEST(all_must_reject_before_it_is_final)
{
	struct fixture f;
	unsigned number;

	open_with_backpick(&f, "p");
	judges[0].answer = judges[2].answer = HB_DECISION_REJECT;
	judges[3].answer = HB_DECISION_DEFER;
	ck_assert_int_eq(ask_backends(&f, &number), HB_DECISION_DEFER);
	judges[3].answer = HB_DECISION_REJECT;
	ck_assert_int_eq(ask_backends(&f, &number), HB_DECISION_REJECT);
	judges[3].answer = HB_DECISION_ACCEPT;
	judges[3].pick = 2;
	ck_assert_int_eq(ask_backends(&f, &number), HB_DECISION_REJECT);
	ck_assert_uint_eq(judges[3].asked, 2);
	ck_assert_uint_eq(judges[0].asked, 1);
	done(&f);
}
END_TEST

START_TEST(an_accept_without_a_pick_names_nobody)
{
	struct fixture f;
	unsigned number;

	open_with_backpick(&f, "p");
	judges[0].answer = judges[2].answer = HB_DECISION_REJECT;
	judges[3].answer = HB_DECISION_ACCEPT;
	ck_assert_int_eq(ask_backends(&f, &number), HB_DECISION_REJECT);
	judges[3].pick = 4; /* there is no such backend */
	ck_assert_int_eq(ask_backends(&f, &number), HB_DECISION_REJECT);
	ck_assert_int_eq(judges[3].pick_result, -EINVAL);
	done(&f);
}
END_TEST

START_TEST(the_last_pick_counts)
{
	struct fixture f;
	unsigned number;

	open_with_backpick(&f, "p and q");
	judges[3].answer = judges[1].answer = HB_DECISION_ACCEPT;
	judges[0].answer = judges[2].answer = HB_DECISION_ACCEPT;
	judges[3].pick = 1;
	judges[1].pick = 3;
	ck_assert_int_eq(ask_backends(&f, &number), HB_DECISION_ACCEPT);
	ck_assert_uint_eq(number, 3);
	done(&f);
}
END_TEST

/* Nor is its own rule asked: what it has seen it would not see again. */
START_TEST(who_rests_gets_nothing)
{
	struct fixture f;
	unsigned number;
	struct hb_service picked = { rig_endpoint("10.9.0.4:80"), HB_PROTO_TCP };
	struct hb_service first = { rig_endpoint("10.9.0.3:80"), HB_PROTO_TCP };

	open_with_backpick(&f, "p");
	judges[0].answer = HB_DECISION_ACCEPT;
	judges[2].answer = HB_DECISION_REJECT;
	judges[3].answer = HB_DECISION_ACCEPT;
	judges[3].pick = 2;
	hb_health_failed(&f.core.health, f.core.seed, &picked, f.core.now.mono_ns);
	hb_health_failed(&f.core.health, f.core.seed, &first, f.core.now.mono_ns);
	ck_assert_int_eq(ask_backends(&f, &number), HB_DECISION_DEFER);
	ck_assert_uint_eq(judges[0].asked, 0);
	hb_health_reached(&f.core.health, f.core.seed, &first);
	ck_assert_int_eq(ask_backends(&f, &number), HB_DECISION_ACCEPT);
	ck_assert_uint_eq(number, 1);
	f.core.now.mono_ns += HB_HEALTH_FIRST_REST_NS;
	ck_assert_int_eq(ask_backends(&f, &number), HB_DECISION_ACCEPT);
	ck_assert_uint_eq(number, 2);
	done(&f);
}
END_TEST

/* More backends than a word has bits, and a rule behind them that rejects once. */
START_TEST(many_backends_may_be_picked_from)
{
	struct fixture f;
	unsigned number;

	open_fixture(&f);
	add_judge(&f, 'p', &of_backends, 3);
	frontend(&f, NULL);
	ck_assert_int_eq(hb_target_set_backpick(f.target, "p", NULL), 0);
	for (unsigned i = 0; i < 300; i++) {
		char text[32];

		snprintf(text, sizeof(text), "10.8.%u.%u", i / 200, i % 200 + 1);
		rig_backend(f.target, text, i == 290 ? "a" : NULL);
	}
	start(&f);
	judges[0].answer = HB_DECISION_REJECT;
	judges[3].answer = HB_DECISION_DEFER;
	ck_assert_int_eq(ask_backends(&f, &number), HB_DECISION_DEFER);
	ck_assert_int_eq(ask_backends(&f, &number), HB_DECISION_DEFER);
	ck_assert_uint_eq(judges[0].asked, 1);
	judges[3].answer = HB_DECISION_ACCEPT;
	judges[3].pick = 300;
	ck_assert_int_eq(ask_backends(&f, &number), HB_DECISION_ACCEPT);
	ck_assert_uint_eq(number, 300);
	done(&f);
}
END_TEST

UNIT_MAIN("backpick", a_backend_is_picked, a_picked_backend_must_want_the_flow,
	  without_a_pick_the_others_are_asked, all_must_reject_before_it_is_final,
	  an_accept_without_a_pick_names_nobody, the_last_pick_counts,
	  many_backends_may_be_picked_from, who_rests_gets_nothing)
