/* SPDX-License-Identifier: BSD-2-Clause */
#include "module_fixture.h"

#include "rig.h"

static struct hb_instance *instance;
static struct asked asked;
static char noted[201];

static void note(void *ctx, const struct hb_instance *from, const char *text)
{
	(void)ctx;
	(void)from;
	snprintf(noted, sizeof(noted), "%s", text);
}

static struct hb_query_sink sink = { .note = note };

static void start_with(const char *param, const char *value, const char *depth)
{
	const struct hb_setting settings[] = { { param, value, 1, 1 }, { "depth", depth, 2, 1 } };
	struct hb_error err;

	instance = hb_instance_new("test", hb_module_builtin("payload"), settings, depth ? 2 : 1,
				   &err);
	ck_assert_msg(instance != NULL, "%s", err.message);
	asked_init(&asked);
	asked.query.reserved = &sink;
	asked.flow.state = HB_STATE_DECISION;
	asked.flow.protocol = HB_PROTO_TCP;
	noted[0] = '\0';
}

static void start(const char *param, const char *value)
{
	start_with(param, value, NULL);
}

/* In memory of its exact size, so that reading behind it is seen. */
static enum hb_decision ask_bytes(const void *payload, size_t len)
{
	uint8_t *data = malloc(len + 1) + 1;
	enum hb_decision decision;

	memcpy(data, payload, len);
	asked.packet.data = data;
	asked.packet.payload_len = len;
	decision = hb_instance_decide(instance, &asked.query);
	free(data - 1);
	return decision;
}

static enum hb_decision ask(const char *payload)
{
	return ask_bytes(payload, strlen(payload));
}

START_TEST(bytes_are_found_anywhere)
{
	start("bytes", "jndi");
	ck_assert_int_eq(ask("jndi"), HB_DECISION_ACCEPT);
	ck_assert_int_eq(ask("${jndi:ldap"), HB_DECISION_ACCEPT);
	ck_assert_int_eq(ask("jnjndi"), HB_DECISION_ACCEPT);
	ck_assert_int_eq(ask("jnd"), HB_DECISION_DEFER);
	ck_assert_int_eq(ask("JNDI"), HB_DECISION_DEFER);
	ck_assert_int_eq(ask(""), HB_DECISION_DEFER);
	ck_assert_str_eq(noted, "");
	hb_instance_free(instance);
}
END_TEST

START_TEST(bytes_may_have_any_value)
{
	start("bytes", "\\x90\\x00a.*\\\\\\xfF");
	ck_assert_int_eq(ask_bytes("..\x90\0a.*\\\xff", 9), HB_DECISION_ACCEPT);
	ck_assert_int_eq(ask_bytes("..\x90\0a.*\\\xfe", 9), HB_DECISION_DEFER);
	ck_assert_int_eq(ask_bytes("..\x90\0abb\\\xff", 9), HB_DECISION_DEFER);
	hb_instance_free(instance);
}
END_TEST

START_TEST(expressions_are_perls)
{
	start("expression", "(?i)^user-agent:\\s*(masscan|zgrab)/\\d");
	ck_assert_int_eq(ask("User-Agent: zgrab/0.x"), HB_DECISION_ACCEPT);
	ck_assert_int_eq(ask("X-User-Agent: zgrab/0.x"), HB_DECISION_DEFER);
	ck_assert_int_eq(ask("User-Agent: zgrab/x"), HB_DECISION_DEFER);
	hb_instance_free(instance);
	start("expression", "a\\x00\\xff+b$");
	ck_assert_int_eq(ask_bytes("xa\0\xff\xff"
				   "b",
				   6),
			 HB_DECISION_ACCEPT);
	ck_assert_int_eq(ask_bytes("xa\0\xff\xff"
				   "bc",
				   7),
			 HB_DECISION_DEFER);
	hb_instance_free(instance);
}
END_TEST

/* Not found in the first bytes: it will not come any more. */
START_TEST(the_depth_is_a_limit)
{
	start_with("bytes", "needle", "10");
	ck_assert_int_eq(ask("012needle"), HB_DECISION_ACCEPT);
	ck_assert_int_eq(ask("0123needle more"), HB_DECISION_ACCEPT);
	ck_assert_int_eq(ask("012345678"), HB_DECISION_DEFER);
	ck_assert_int_eq(ask("0123456789"), HB_DECISION_REJECT);
	ck_assert_int_eq(ask("01234needle"), HB_DECISION_REJECT);
	hb_instance_free(instance);
}
END_TEST

START_TEST(four_kilobytes_if_nothing_is_said)
{
	char text[5001];

	start("bytes", "needle");
	memset(text, '.', sizeof(text));
	memcpy(text + 4090, "needle", 6);
	ck_assert_int_eq(ask_bytes(text, 5000), HB_DECISION_ACCEPT);
	memcpy(text + 4090, ".needle", 7);
	ck_assert_int_eq(ask_bytes(text, 4095), HB_DECISION_DEFER);
	ck_assert_int_eq(ask_bytes(text, 5000), HB_DECISION_REJECT);
	hb_instance_free(instance);
}
END_TEST

/* Another datagram may have it, however long this one is. */
START_TEST(a_datagram_is_never_the_last_one)
{
	start_with("bytes", "needle", "4");
	asked.flow.protocol = HB_PROTO_UDP;
	ck_assert_int_eq(ask("0123456789"), HB_DECISION_DEFER);
	hb_instance_free(instance);
}
END_TEST

/* So that "not payload" lets out what was looked at. */
START_TEST(a_packet_of_a_honeypot_is_judged_alone)
{
	start("bytes", "needle");
	asked.flow.state = HB_STATE_CONTROL;
	ck_assert_int_eq(ask(""), HB_DECISION_REJECT);
	ck_assert_int_eq(ask("nee"), HB_DECISION_REJECT);
	ck_assert_int_eq(ask("a needle"), HB_DECISION_ACCEPT);
	hb_instance_free(instance);
}
END_TEST

/* Each of them takes exponential or quadratic time if it is let. */
START_TEST(a_search_is_given_up)
{
	static const char *const expressions[] = {
		"^(a+)+$",           "(a|aa)+$",
		"(a*)+[bc]",         "(.*)(.*)(.*)(.*)(.*)[bc]",
		"a*+[bc]",           "(?=a*+)(?=a*+)a*+[bc]",
		"(a?){64}a{64}[bc]",
	};
	char text[4096];

	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = '!';
	for (size_t i = 0; i < sizeof(expressions) / sizeof(expressions[0]); i++) {
		start("expression", expressions[i]);
		ck_assert_int_eq(ask_bytes(text, sizeof(text)), HB_DECISION_REJECT);
		ck_assert_msg(strstr(noted, "given up") != NULL, "%s", expressions[i]);
		asked.flow.state = HB_STATE_CONTROL;
		ck_assert_int_eq(ask_bytes(text, sizeof(text)), HB_DECISION_DEFER);
		hb_instance_free(instance);
	}
}
END_TEST

/* What people write is not given up, on text that has nothing of it. */
START_TEST(usual_searches_are_not)
{
	static const char *const expressions[] = {
		"(?i)\\$\\{(jndi|lower|upper)",       "\\d{1,3}(\\.\\d{1,3}){3}",
		"(?i)(union\\s+select|or\\s+1=1)",    "[^\\x00-\\x7f]{8}",
		"(wget|curl)\\s+-?\\S*\\s*https?://", "cmd=[^&]*;",
	};
	uint64_t random = 3;
	char text[4096];

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)(' ' + unit_random_below(&random, 95));
	for (size_t i = 0; i < sizeof(expressions) / sizeof(expressions[0]); i++) {
		start("expression", expressions[i]);
		ck_assert_int_eq(ask_bytes(text, sizeof(text)), HB_DECISION_REJECT);
		ck_assert_msg(noted[0] == '\0', "%s: %s", expressions[i], noted);
		hb_instance_free(instance);
	}
}
END_TEST

static void check_refused(const char *param, const char *value, const char *message)
{
	struct hb_error err;

	ck_assert_ptr_null(module_make("payload", param, value, &err));
	ck_assert_int_eq(err.code, HB_ERROR_CONFIG);
	ck_assert_str_eq(err.message, message);
}

START_TEST(one_of_two_is_needed)
{
	const struct hb_setting both[] = { { "bytes", "a", 1, 1 }, { "expression", "b", 1, 1 } };
	struct hb_error err;

	check_refused(NULL, NULL, "module \"test\" needs \"bytes\" or \"expression\", one of them");
	ck_assert_ptr_null(hb_instance_new("test", hb_module_builtin("payload"), both, 2, &err));
	ck_assert_str_eq(err.message,
			 "module \"test\" needs \"bytes\" or \"expression\", one of them");
}
END_TEST

START_TEST(what_is_no_expression_is_refused)
{
	struct hb_error err;

	check_refused("expression", "a(b",
		      "\"expression\" is \"a(b\": missing closing parenthesis, at character 4");
	ck_assert_ptr_null(module_make("payload", "expression", "(*UTF)a", &err));
	ck_assert_ptr_null(module_make("payload", "expression", "((a{999}){999}){999}", &err));
	ck_assert_ptr_null(module_make("payload", "bytes", "", &err));
	ck_assert_ptr_null(module_make("payload", "depth", "0", &err));
}
END_TEST

static void say(struct rig *rig, uint32_t seq, const char *text)
{
	rig_tcp(rig, &(struct rig_tcp){ RIG_CLIENT, RIG_ATTACKED, HB_TCP_ACK | HB_TCP_PSH, seq,
					5001, text });
}

/* In an engine: the bytes lie in two segments, which are replayed as they came. */
START_TEST(segment_borders_do_not_matter)
{
	struct rig rig;
	struct hb_target *target = rig_open(&rig);

	rig_instance(&rig, "payload", "payload", "bytes", "jndi:ldap");
	rig_backend(target, RIG_BACKEND, "payload");
	rig_start(&rig);
	rig_handshake(&rig);
	say(&rig, 1001, "GET /${jndi:");
	ck_assert_int_eq(rig.state, HB_STATE_DECISION);
	say(&rig, 1013, "ldap://x}");
	ck_assert_int_eq(rig.state, HB_STATE_REPLAY);
	ck_assert_str_eq(rig.trace, "+payload");
	rig_connect(&rig);
	ck_assert_uint_eq(rig_sent(&rig, 0)->payload_len, 12);
	ck_assert_mem_eq(rig_sent(&rig, 0)->data + rig_sent(&rig, 0)->payload_offset,
			 "GET /${jndi:", 12);
	rig_close(&rig);
}
END_TEST

UNIT_MAIN("mod_payload", bytes_are_found_anywhere, bytes_may_have_any_value, expressions_are_perls,
	  the_depth_is_a_limit, four_kilobytes_if_nothing_is_said, a_datagram_is_never_the_last_one,
	  a_packet_of_a_honeypot_is_judged_alone, a_search_is_given_up, usual_searches_are_not,
	  one_of_two_is_needed, what_is_no_expression_is_refused, segment_borders_do_not_matter)
