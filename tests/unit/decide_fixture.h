/* SPDX-License-Identifier: BSD-2-Clause */
/* A flow, and judges in place of modules: what each is to say, and what it was asked. */
#ifndef DECIDE_FIXTURE_H
#define DECIDE_FIXTURE_H

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

static inline int create(const struct hb_instance *instance, void **state, struct hb_error *err)
{
	(void)err;
	*state = &judges[hb_instance_integer(instance, "number")];
	return 0;
}

static inline enum hb_decision decide(void *state, const struct hb_query *query)
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

static inline void add_judge(struct fixture *f, char name, const struct hb_module *module,
			     unsigned number)
{
	const char text[2] = { name, '\0' }, value[2] = { (char)('0' + number), '\0' };
	const struct hb_setting setting = { .name = "number", .value = value };

	ck_assert_int_eq(hb_policy_add_instance(f->rig.policy, text, module, &setting, 1, NULL), 0);
}

static inline void open_fixture(struct fixture *f)
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

static inline void frontend(struct fixture *f, const char *rule)
{
	struct hb_endpoint endpoint = rig_endpoint(RIG_FRONTEND);

	ck_assert_int_eq(hb_target_set_frontend(f->target, &endpoint, rule, NULL), 0);
}

static inline void start(struct fixture *f)
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

static inline void done(struct fixture *f)
{
	hb_policy_unref(f->rig.policy);
}

static inline enum hb_decision ask_backends(struct fixture *f, unsigned *number)
{
	*number = 0;
	return hb_decide_backend(&f->core, &f->flow, &f->packet, number);
}

static inline void check_trace(const struct fixture *f, const char *expected)
{
	char trace[HB_DECIDE_TRACE_SIZE];

	ck_assert_str_eq(hb_decide_trace(&f->flow, trace), expected);
}

#endif
