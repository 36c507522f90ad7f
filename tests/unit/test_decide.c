/* SPDX-License-Identifier: BSD-2-Clause */
#include "decide.h"

#include "rig.h"

#include <errno.h>
#include <stdlib.h>

#define JUDGES 4

/* What a judge is to say, and what it was asked. */
struct judge {
	enum hb_decision answer;
	unsigned asked;
	struct hb_query query;
	uint64_t client_packets; /* of the query's flow */
	const char *note;
	unsigned pick; /* 0: none */
	int pick_result;
	char stream[64]; /* as the query gave it */
};

static struct judge judges[JUDGES];

static int create(const struct hb_instance *instance, void **state, struct hb_error *err)
{
	(void)err;
	*state = &judges[hb_instance_integer(instance, "number")];
	return 0;
}

static enum hb_decision decide(void *state, const struct hb_query *query)
{
	struct judge *judge = state;
	size_t len;
	const uint8_t *bytes = hb_query_stream(query, &len);

	unit_require(len < sizeof(judge->stream));
	memset(judge->stream, 0, sizeof(judge->stream));
	if (len > 0)
		memcpy(judge->stream, bytes, len);
	judge->asked++;
	judge->query = *query;
	judge->client_packets = query->flow->client_packets;
	if (judge->note != NULL)
		hb_query_note(query, "%s", judge->note);
	if (judge->pick > 0)
		judge->pick_result = hb_query_pick(query, judge->pick);
	return judge->answer;
}

static const struct hb_param params[] = {
	{ .name = "number", .type = HB_PARAM_INTEGER, .required = true, .max = JUDGES - 1 },
	{ .name = NULL },
};

static const struct hb_module of_packets = { .abi = HB_MODULE_ABI,
					     .name = "of_packets",
					     .params = params,
					     .create = create,
					     .decide = decide };
static const struct hb_module of_backends = { .abi = HB_MODULE_ABI,
					      .flags = HB_MODULE_PICKS,
					      .name = "of_backends",
					      .params = params,
					      .create = create,
					      .decide = decide };
static const struct hb_module of_flows = { .abi = HB_MODULE_ABI,
					   .flags = HB_MODULE_KEEPS_ANSWER,
					   .name = "of_flows",
					   .params = params,
					   .create = create,
					   .decide = decide };

/* An engine's core with one flow, and judges "a" to "d"; "A" to "D" keep their answers. */
struct fixture {
	struct rig rig;
	struct hb_target *target;
	struct hb_core core;
	struct hb_flow flow;
	struct hb_packet packet;
};

static void add_judge(struct fixture *f, char name, const struct hb_module *module, unsigned number)
{
	const char text[2] = { name, '\0' }, value[2] = { (char)('0' + number), '\0' };
	const struct hb_setting setting = { .name = "number", .value = value };

	ck_assert_int_eq(hb_policy_add_instance(f->rig.policy, text, module, &setting, 1, NULL), 0);
}

static void open_fixture(struct fixture *f)
{
	memset(judges, 0, sizeof(judges));
	*f = (struct fixture){ .packet = { .protocol = HB_PROTO_TCP } };
	rig_open_empty(&f->rig);
	for (unsigned i = 0; i < JUDGES; i++) {
		add_judge(f, (char)('a' + i), &of_packets, i);
		add_judge(f, (char)('A' + i), &of_flows, i);
	}
	f->target = hb_policy_add_target(f->rig.policy);
	ck_assert_ptr_nonnull(f->target);
	ck_assert_int_eq(hb_target_set_filter(f->target, "ip", NULL), 0);
}

static void frontend(struct fixture *f, const char *rule)
{
	struct hb_endpoint endpoint = rig_endpoint(RIG_FRONTEND);

	ck_assert_int_eq(hb_target_set_frontend(f->target, &endpoint, rule, NULL), 0);
}

static void start(struct fixture *f)
{
	rig_seal(&f->rig);
	f->rig.ops =
		(struct hb_ops){ .size = sizeof(f->rig.ops), .emit = rig_emit, .event = rig_event };
	f->core = (struct hb_core){ .policy = f->rig.policy,
				    .ops = &f->rig.ops,
				    .ctx = &f->rig,
				    .now = f->rig.now,
				    .seed = "another sixteen" };
	f->flow = (struct hb_flow){ .target = f->target,
				    .state = HB_STATE_DECISION,
				    .protocol = HB_PROTO_TCP,
				    .client = rig_addr(RIG_CLIENT),
				    .client_port = RIG_CLIENT_PORT,
				    .attacked = rig_addr(RIG_ATTACKED),
				    .attacked_port = 80,
				    .client_packets = 7 };
}

static void done(struct fixture *f)
{
	hb_policy_unref(f->rig.policy);
}

static enum hb_decision ask_backends(struct fixture *f, unsigned *number)
{
	*number = 0;
	return hb_decide_backend(&f->core, &f->flow, &f->packet, number);
}

static void check_trace(const struct fixture *f, const char *expected)
{
	char trace[HB_DECIDE_TRACE_SIZE];

	ck_assert_str_eq(hb_decide_trace(&f->flow, trace), expected);
}

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

UNIT_MAIN("decide", a_backend_is_picked, a_picked_backend_must_want_the_flow,
	  without_a_pick_the_others_are_asked, all_must_reject_before_it_is_final,
	  an_accept_without_a_pick_names_nobody, the_last_pick_counts,
	  many_backends_may_be_picked_from, who_rests_gets_nothing, other_rules_cannot_pick,
	  a_leaf_is_told_its_last_answer, the_stream_so_far_is_shown,
	  what_came_early_is_shown_in_its_place, what_is_outside_of_the_window_is_not_shown,
	  a_datagram_stands_for_itself, without_rules, a_judge_of_packets_is_asked_again,
	  a_judge_of_flows_keeps_its_answer, no_more_are_asked_than_needed,
	  the_first_backend_that_accepts_wins, a_backend_that_rejects_is_not_asked_again,
	  a_judge_is_told_what_it_is_about, chance_belongs_to_flow_and_leaf, a_note_is_an_event,
	  a_long_trace_is_cut)
