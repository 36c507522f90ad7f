/* SPDX-License-Identifier: BSD-2-Clause */
#include "decide_fixture.h"

START_TEST(without_rules)
{
	struct fixture f;
	unsigned number;

	open_fixture(&f);
	frontend(&f, NULL);
	start(&f);
	ck_assert_int_eq(hb_decide_frontend(&f.core, &f.flow, &f.packet), HB_DECISION_ACCEPT);
	ck_assert_int_eq(ask_backends(&f, &number), HB_DECISION_REJECT);
	ck_assert_int_eq(hb_decide_control(&f.core, &f.flow, &f.packet), HB_DECISION_REJECT);
	check_trace(&f, "");
	f.flow.target = NULL;
	check_trace(&f, "");
	done(&f);
}
END_TEST

START_TEST(a_judge_of_packets_is_asked_again)
{
	struct fixture f;

	open_fixture(&f);
	frontend(&f, "a");
	start(&f);
	for (unsigned i = 0; i < 6; i++) {
		judges[0].answer = (enum hb_decision)(i % 3);
		ck_assert_int_eq(hb_decide_frontend(&f.core, &f.flow, &f.packet), i % 3);
		ck_assert_uint_eq(judges[0].asked, i + 1);
	}
	check_trace(&f, "+a");
	done(&f);
}
END_TEST

/* Once it knows: "not yet" is no answer to keep. */
START_TEST(a_judge_of_flows_keeps_its_answer)
{
	static const enum hb_decision finals[] = { HB_DECISION_REJECT, HB_DECISION_ACCEPT };

	for (size_t i = 0; i < 2; i++) {
		struct fixture f;

		open_fixture(&f);
		frontend(&f, "A");
		start(&f);
		judges[0].answer = HB_DECISION_DEFER;
		for (unsigned n = 1; n <= 3; n++) {
			hb_decide_frontend(&f.core, &f.flow, &f.packet);
			ck_assert_uint_eq(judges[0].asked, n);
		}
		check_trace(&f, "?A");
		judges[0].answer = finals[i];
		hb_decide_frontend(&f.core, &f.flow, &f.packet);
		judges[0].answer = HB_DECISION_DEFER;
		ck_assert_int_eq(hb_decide_frontend(&f.core, &f.flow, &f.packet), finals[i]);
		ck_assert_uint_eq(judges[0].asked, 4);
		check_trace(&f, finals[i] == HB_DECISION_ACCEPT ? "+A" : "-A");
		done(&f);
	}
}
END_TEST

START_TEST(no_more_are_asked_than_needed)
{
	struct fixture f;

	open_fixture(&f);
	frontend(&f, "a and b or c");
	start(&f);
	judges[0].answer = HB_DECISION_REJECT;
	judges[2].answer = HB_DECISION_ACCEPT;
	ck_assert_int_eq(hb_decide_frontend(&f.core, &f.flow, &f.packet), HB_DECISION_ACCEPT);
	ck_assert_uint_eq(judges[1].asked, 0);
	check_trace(&f, "-a;+c");
	done(&f);
}
END_TEST

static void open_with_backends(struct fixture *f)
{
	open_fixture(f);
	frontend(f, "d");
	rig_backend(f->target, "10.9.0.3", "a");
	rig_backend(f->target, "10.9.0.4", "b");
	rig_backend(f->target, "10.9.0.5", "c");
	ck_assert_int_eq(hb_target_set_control(f->target, "d", NULL), 0);
	start(f);
}

START_TEST(the_first_backend_that_accepts_wins)
{
	struct fixture f;
	unsigned number;

	open_with_backends(&f);
	judges[0].answer = HB_DECISION_DEFER; /* does not hold up the others */
	judges[1].answer = HB_DECISION_ACCEPT;
	judges[2].answer = HB_DECISION_ACCEPT;
	ck_assert_int_eq(ask_backends(&f, &number), HB_DECISION_ACCEPT);
	ck_assert_uint_eq(number, 2);
	ck_assert_uint_eq(judges[2].asked, 0);
	check_trace(&f, "?a;+b");
	done(&f);
}
END_TEST

START_TEST(a_backend_that_rejects_is_not_asked_again)
{
	struct fixture f;
	unsigned number;

	open_with_backends(&f);
	judges[0].answer = HB_DECISION_REJECT;
	judges[1].answer = HB_DECISION_DEFER;
	judges[2].answer = HB_DECISION_REJECT;
	ck_assert_int_eq(ask_backends(&f, &number), HB_DECISION_DEFER);
	judges[0].answer = HB_DECISION_ACCEPT;
	judges[1].answer = HB_DECISION_REJECT;
	judges[2].answer = HB_DECISION_ACCEPT;
	ck_assert_int_eq(ask_backends(&f, &number), HB_DECISION_REJECT);
	ck_assert_uint_eq(judges[0].asked, 1);
	ck_assert_uint_eq(judges[1].asked, 2);
	ck_assert_uint_eq(judges[2].asked, 1);
	check_trace(&f, "-a;-b;-c");
	done(&f);
}
END_TEST

START_TEST(a_judge_is_told_what_it_is_about)
{
	struct fixture f;
	unsigned number;

	open_with_backends(&f);
	for (unsigned i = 0; i < JUDGES; i++)
		judges[i].answer = HB_DECISION_DEFER;
	ask_backends(&f, &number);
	for (unsigned i = 0; i < 3; i++) {
		const struct hb_query *query = &judges[i].query;

		ck_assert_uint_eq(query->size, sizeof(*query));
		ck_assert_ptr_eq(query->packet, &f.packet);
		ck_assert_int_eq(query->direction, HB_FROM_CLIENT);
		ck_assert_uint_eq(query->now.mono_ns, f.core.now.mono_ns);
		ck_assert_uint_eq(query->backend, i + 1);
		ck_assert_uint_eq(query->backend_count, 3);
		ck_assert_uint_eq(judges[i].client_packets, 7);
	}
	hb_decide_frontend(&f.core, &f.flow, &f.packet);
	ck_assert_uint_eq(judges[3].query.backend, 0);
	hb_decide_control(&f.core, &f.flow, &f.packet);
	ck_assert_uint_eq(judges[3].query.backend, 0);
	ck_assert_uint_eq(judges[3].asked, 2);
	done(&f);
}
END_TEST

static uint64_t random_of(struct fixture *f, unsigned judge)
{
	unsigned number;

	ask_backends(f, &number);
	return judges[judge].query.flow_random;
}

/* The same for a flow on whichever engine, as long as the seed is one. */
START_TEST(chance_belongs_to_flow_and_leaf)
{
	struct fixture f;
	uint64_t first;

	open_with_backends(&f);
	for (unsigned i = 0; i < JUDGES; i++)
		judges[i].answer = HB_DECISION_DEFER;
	first = random_of(&f, 0);
	ck_assert_uint_ne(first, random_of(&f, 1));
	ck_assert_uint_ne(random_of(&f, 1), random_of(&f, 2));
	f.flow.id = 99;
	f.flow.packets = 99;
	f.packet.seq = 99;
	ck_assert_uint_eq(random_of(&f, 0), first);
	f.flow.client_port++;
	ck_assert_uint_ne(random_of(&f, 0), first);
	f.flow.client_port--;
	f.flow.track.client_isn++; /* another session from the same port */
	ck_assert_uint_ne(random_of(&f, 0), first);
	f.flow.track.client_isn--;
	ck_assert_uint_eq(random_of(&f, 0), first);
	f.core.seed[0]++;
	ck_assert_uint_ne(random_of(&f, 0), first);
	done(&f);
}
END_TEST

START_TEST(a_note_is_an_event)
{
	struct fixture f;

	open_fixture(&f);
	frontend(&f, "b");
	start(&f);
	judges[1].note = "the disk is full";
	hb_decide_frontend(&f.core, &f.flow, &f.packet);
	ck_assert_uint_eq(f.rig.events[HB_EVENT_MODULE_NOTE], 1);
	done(&f);
}
END_TEST

START_TEST(a_leaf_is_told_its_last_answer)
{
	struct fixture f;

	open_fixture(&f);
	frontend(&f, "a or b or a");
	start(&f);
	judges[0].answer = HB_DECISION_REJECT;
	judges[1].answer = HB_DECISION_REJECT;
	hb_decide_frontend(&f.core, &f.flow, &f.packet);
	ck_assert_uint_eq(judges[0].asked, 2); /* at each of its places */
	ck_assert_int_eq(judges[1].query.previous, HB_DECISION_DEFER);
	hb_decide_frontend(&f.core, &f.flow, &f.packet);
	ck_assert_int_eq(judges[1].query.previous, HB_DECISION_REJECT);
	judges[1].answer = HB_DECISION_ACCEPT;
	hb_decide_frontend(&f.core, &f.flow, &f.packet);
	ck_assert_int_eq(judges[1].query.previous, HB_DECISION_REJECT);
	hb_decide_frontend(&f.core, &f.flow, &f.packet);
	ck_assert_int_eq(judges[1].query.previous, HB_DECISION_ACCEPT);
	check_trace(&f, "-a;+b;-a");
	done(&f);
}
END_TEST

/* A session whose client sends text; what backend rules see of it. */
static void open_session(struct rig *rig)
{
	memset(judges, 0, sizeof(judges));
	judges[0].answer = HB_DECISION_DEFER;
	struct hb_target *target = rig_open(rig);
	const struct hb_setting setting = { .name = "number", .value = "0" };

	ck_assert_int_eq(hb_policy_add_instance(rig->policy, "a", &of_packets, &setting, 1, NULL),
			 0);
	rig_backend(target, RIG_BACKEND, "a");
	rig_start(rig);
	rig_handshake(rig);
	ck_assert_str_eq(judges[0].stream, "");
}

static void say(struct rig *rig, uint32_t seq, const char *text)
{
	rig_tcp(rig, &(struct rig_tcp){ RIG_CLIENT, RIG_ATTACKED, HB_TCP_ACK, seq, 5001, text });
}

/* Segment borders make no difference, nor does what is sent again. */
START_TEST(the_stream_so_far_is_shown)
{
	struct rig rig;

	open_session(&rig);
	say(&rig, 1001, "GET /");
	ck_assert_str_eq(judges[0].stream, "GET /");
	say(&rig, 1006, "index");
	ck_assert_str_eq(judges[0].stream, "GET /index");
	say(&rig, 1006, "INDEX.html");
	ck_assert_str_eq(judges[0].stream, "GET /index.html");
	say(&rig, 1016, "");
	ck_assert_str_eq(judges[0].stream, "GET /index.html");
	rig_close(&rig);
}
END_TEST

START_TEST(what_came_early_is_shown_in_its_place)
{
	struct rig rig;

	open_session(&rig);
	say(&rig, 1004, "def");
	ck_assert_str_eq(judges[0].stream, "");
	say(&rig, 1001, "abc");
	ck_assert_str_eq(judges[0].stream, "abcdef");
	say(&rig, 1007, "g");
	ck_assert_str_eq(judges[0].stream, "abcdefg");
	rig_close(&rig);
}
END_TEST

/* The server takes 1000 bytes: what is behind them it will not look at. */
START_TEST(what_is_outside_of_the_window_is_not_shown)
{
	struct rig rig;

	memset(judges, 0, sizeof(judges));
	open_session(&rig);
	rig_tcp(&rig, &(struct rig_tcp){ RIG_FRONTEND, RIG_CLIENT, HB_TCP_ACK, 5001, 1001,
					 .window = 1000 });
	say(&rig, 1001, "abc");
	ck_assert_str_eq(judges[0].stream, "abc");
	judges[0].asked = 0;
	say(&rig, 2001, "z");
	ck_assert_uint_eq(judges[0].asked, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(a_datagram_stands_for_itself)
{
	struct rig rig;

	memset(judges, 0, sizeof(judges));
	open_session(&rig);
	rig_udp(&rig, RIG_CLIENT, RIG_ATTACKED, "one");
	ck_assert_str_eq(judges[0].stream, "one");
	rig_udp(&rig, RIG_CLIENT, RIG_ATTACKED, "two");
	ck_assert_str_eq(judges[0].stream, "two");
	rig_close(&rig);
}
END_TEST

/* A frontend's or backend's rule cannot: nobody would look at it. */
START_TEST(other_rules_cannot_pick)
{
	struct fixture f;
	unsigned number;

	open_with_backends(&f);
	for (unsigned i = 0; i < JUDGES; i++)
		judges[i].pick = 1;
	ask_backends(&f, &number);
	hb_decide_control(&f.core, &f.flow, &f.packet);
	ck_assert_int_eq(judges[0].pick_result, -EINVAL);
	ck_assert_int_eq(judges[3].pick_result, -EINVAL);
	ck_assert_uint_eq(f.flow.picked, 0);
	done(&f);
}
END_TEST

/* With names longer than it has room for, and rules behind that. */
START_TEST(a_long_trace_is_cut)
{
	const struct hb_setting setting = { .name = "number", .value = "0" };
	char name[40], rule[2000] = "", trace[HB_DECIDE_TRACE_SIZE];
	struct fixture f;
	unsigned number;

	open_fixture(&f);
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	ck_assert_int_eq(hb_policy_add_instance(f.rig.policy, name, &of_packets, &setting, 1, NULL),
			 0);
	for (unsigned i = 0; i < HB_TARGET_LEAVES_MAX - 2; i++) {
		strcat(rule, i > 0 ? " or " : "");
		strcat(rule, name);
	}
	frontend(&f, rule);
	rig_backend(f.target, "10.9.0.3", "b");
	ck_assert_int_eq(hb_target_set_control(f.target, "c", NULL), 0);
	start(&f);
	hb_decide_frontend(&f.core, &f.flow, &f.packet);
	ask_backends(&f, &number);
	hb_decide_control(&f.core, &f.flow, &f.packet);
	ck_assert_uint_eq(judges[0].asked, HB_TARGET_LEAVES_MAX - 2);
	memset(trace, 0x7f, sizeof(trace));
	ck_assert_uint_le(strlen(hb_decide_trace(&f.flow, trace)), sizeof(trace) - 1);
	ck_assert_uint_ge(strlen(trace), sizeof(trace) - sizeof(name) - 3);
	ck_assert_int_eq(trace[0], '-');
	done(&f);
}
END_TEST

UNIT_MAIN("decide", other_rules_cannot_pick, a_leaf_is_told_its_last_answer,
	  the_stream_so_far_is_shown, what_came_early_is_shown_in_its_place,
	  what_is_outside_of_the_window_is_not_shown, a_datagram_stands_for_itself, without_rules,
	  a_judge_of_packets_is_asked_again, a_judge_of_flows_keeps_its_answer,
	  no_more_are_asked_than_needed, the_first_backend_that_accepts_wins,
	  a_backend_that_rejects_is_not_asked_again, a_judge_is_told_what_it_is_about,
	  chance_belongs_to_flow_and_leaf, a_note_is_an_event, a_long_trace_is_cut)
