/* SPDX-License-Identifier: BSD-2-Clause */
#include "module_fixture.h"

#include "rig.h"

/* How clients begin, as captured or as their RFC says; NULL where nothing of ours knows it. */
/* Over UDP where the name has a star. */
#define SAMPLE(protocol, text)                                                                     \
	{                                                                                          \
		protocol, sizeof(text) - 1, text                                                   \
	}
static const struct sample {
	const char *protocol;
	size_t len;
	const char *text;
} samples[] = {
	SAMPLE("dns*", "\x12\x34\1\0\0\1\0\0\0\0\0\0\7example\3com\0\0\1\0\1"),
	SAMPLE("dns", "\0\x1d\x12\x34\1\x20\0\1\0\0\0\0\0\1\7example\3com\0\0\1\0\1"),
	SAMPLE("http", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
	SAMPLE("http", "POST /cgi-bin/x HTTP/1.0\r\n\r\n"),
	SAMPLE("http", "OPTIONS * HTTP/1.1\r\n\r\n"),
	SAMPLE("http", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
	SAMPLE("http", "CONNECT example.com:443 HTTP/1.1\r\n\r\n"),
	SAMPLE("mqtt", "\x10\x10\0\4MQTT\4\2\0\x3c\0\4mods"),
	SAMPLE("mqtt", "\x10\x90\1\0\4MQTT\4\2\0\x3c\0\4mods"),
	SAMPLE("mysql", "\x3c\0\0\1\x85\xa6\xff\x19\0\0\0\1\x21\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
			"\0\0\0\0\0\0root\0"),
	SAMPLE("postgresql", "\0\0\0\x08\4\xd2\x16\x2f"),
	SAMPLE("postgresql", "\0\0\0\x15\0\3\0\0user\0postgres\0\0"),
	SAMPLE("rdp", "\3\0\0\x13\x0e\xe0\0\0\0\0\0\1\0\x08\0\3\0\0\0"),
	SAMPLE("redis", "*1\r\n$4\r\nINFO\r\n"),
	SAMPLE("redis", "PING\r\n"),
	SAMPLE("sip", "OPTIONS sip:100@192.0.2.1 SIP/2.0\r\n"),
	SAMPLE("sip", "REGISTER sip:192.0.2.1 SIP/2.0\r\n"),
	SAMPLE("smb", "\0\0\0\x54\xffSMB\x72\0\0\0\0"),
	SAMPLE("smb", "\0\0\0\xa4\xfeSMB\x40\0\0\0\0"),
	SAMPLE("smtp", "EHLO example.com\r\n"),
	SAMPLE("smtp", "helo x\r\n"),
	SAMPLE("ssh", "SSH-2.0-OpenSSH_9.2p1\r\n"),
	SAMPLE("telnet", "\xff\xfb\x1f\xff\xfb\x20"),
	SAMPLE("telnet", "\xff\xfd\3\xff\xfb\x18"),
	SAMPLE("telnet", "\xff\xfe\1"),
	SAMPLE("tls", "\x16\3\1\2\0\1\0\1\xfc\3\3"),
	SAMPLE("vnc", "RFB 003.008\n"),
	SAMPLE(NULL, "hello\r\n"),
	SAMPLE(NULL, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
	SAMPLE(NULL, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
	SAMPLE(NULL, "\x16\3\1\2\0\2\0\1\xfc\3\3"), /* a ServerHello */
	/* An answer. Over TCP it would look like a query that is very long. */
	SAMPLE("none*", "\x12\x34\x81\x80\0\1\0\1\0\0\0\0\7example\3com\0"),
};
static const char *const protocols[] = { "dns", "http",   "mqtt", "mysql", "postgresql",
					 "rdp", "redis",  "sip",  "smb",   "smtp",
					 "ssh", "telnet", "tls",  "vnc" };

static struct hb_instance *instance;
static struct asked asked;

static void start(const char *protocol)
{
	struct hb_error err;

	instance = module_make("proto", "protocol", protocol, &err);
	ck_assert_msg(instance != NULL, "%s", err.message);
	asked_init(&asked);
	asked.flow.state = HB_STATE_DECISION;
	asked.flow.protocol = HB_PROTO_TCP;
}

static enum hb_decision ask(const void *payload, size_t len)
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

static bool is_of(const struct sample *sample, const char *protocol)
{
	bool over_udp = sample->protocol && strchr(sample->protocol, '*');

	asked.flow.protocol = over_udp ? HB_PROTO_UDP : HB_PROTO_TCP;
	return sample->protocol &&
	       strncmp(sample->protocol, protocol, strcspn(sample->protocol, "*")) == 0;
}

/* Each sample is its own protocol, and none of the others. */
START_TEST(protocols_are_told_apart)
{
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
		unsigned found = 0;

		start(protocols[i]);
		for (size_t j = 0; j < sizeof(samples) / sizeof(samples[0]); j++) {
			const struct sample *sample = &samples[j];
			bool is = is_of(sample, protocols[i]);
			enum hb_decision decision = ask(sample->text, sample->len);

			ck_assert_msg((decision == HB_DECISION_ACCEPT) == is,
				      "sample %zu, asked for %s: %s", j, protocols[i],
				      hb_decision_name(decision));
			found += is;
		}
		ck_assert_uint_ge(found, 1);
		hb_instance_free(instance);
	}
}
END_TEST

/* However it is cut: no rejection of what will be accepted, and no acceptance taken back. */
START_TEST(the_answer_comes_as_soon_as_it_is_known)
{
	for (size_t j = 0; j < sizeof(samples) / sizeof(samples[0]); j++) {
		const struct sample *sample = &samples[j];
		enum hb_decision last = HB_DECISION_DEFER;

		if (!sample->protocol || strchr(sample->protocol, '*'))
			continue;
		start(sample->protocol);
		for (size_t len = 0; len <= sample->len; len++) {
			enum hb_decision decision = ask(sample->text, len);

			ck_assert_int_ge(decision, last);
			last = decision;
		}
		ck_assert_int_eq(last, HB_DECISION_ACCEPT);
		hb_instance_free(instance);
	}
}
END_TEST

START_TEST(what_cannot_become_it_any_more_is_rejected)
{
	start("ssh");
	ck_assert_int_eq(ask("", 0), HB_DECISION_DEFER);
	ck_assert_int_eq(ask("SS", 2), HB_DECISION_DEFER);
	ck_assert_int_eq(ask("Ss", 2), HB_DECISION_REJECT);
	ck_assert_int_eq(ask("SSH-", 4), HB_DECISION_ACCEPT);
	hb_instance_free(instance);
}
END_TEST

START_TEST(datagrams_and_packets_of_honeypots_stand_alone)
{
	start("ssh");
	asked.flow.protocol = HB_PROTO_UDP;
	ck_assert_int_eq(ask("SS", 2), HB_DECISION_REJECT);
	asked.flow.protocol = HB_PROTO_TCP;
	asked.flow.state = HB_STATE_CONTROL;
	ck_assert_int_eq(ask("", 0), HB_DECISION_REJECT);
	ck_assert_int_eq(ask("SSH-2", 5), HB_DECISION_ACCEPT);
	hb_instance_free(instance);
}
END_TEST

START_TEST(one_protocol_must_be_named)
{
	struct hb_error err;

	ck_assert_ptr_null(module_make("proto", NULL, NULL, &err));
	ck_assert_ptr_null(module_make("proto", "protocol", "gopher", &err));
}
END_TEST

static void open_rig(struct rig *rig, const char *rule)
{
	struct hb_target *target = rig_open(rig);

	rig_instance(rig, "first", "proto", "protocol", "server_first");
	rig_backend(target, RIG_BACKEND, rule);
	rig_start(rig);
	rig_handshake(rig);
	ck_assert_str_eq(rig->trace, "");
}

static void client_says(struct rig *rig, uint32_t seq, uint32_t ack, const char *text)
{
	rig_tcp(rig, &(struct rig_tcp){ RIG_CLIENT, RIG_ATTACKED, HB_TCP_ACK, seq, ack, text });
}

static void server_says(struct rig *rig, uint32_t seq, uint32_t ack, const char *text)
{
	rig_tcp(rig, &(struct rig_tcp){ RIG_FRONTEND, RIG_CLIENT, HB_TCP_ACK, seq, ack, text });
}

/* Known when the client acknowledges the banner. */
START_TEST(a_server_that_speaks_first_is_seen)
{
	struct rig rig;

	open_rig(&rig, "first");
	server_says(&rig, 5001, 1001, "220 ready\r\n");
	client_says(&rig, 1001, 5012, "");
	ck_assert_int_eq(rig.state, HB_STATE_REPLAY);
	ck_assert_str_eq(rig.trace, "+first");
	rig_close(&rig);
}
END_TEST

START_TEST(a_client_that_speaks_first_is_seen)
{
	struct rig rig;

	open_rig(&rig, "first");
	client_says(&rig, 1001, 5001, "GET / HTTP/1.0\r\n\r\n");
	ck_assert_int_eq(rig.state, HB_STATE_PROXY);
	ck_assert_str_eq(rig.trace, "-first");
	rig_close(&rig);
}
END_TEST

/* The rule waits for another module, and both sides have spoken by then. */
START_TEST(who_was_first_stays_first)
{
	struct rig rig;

	open_rig(&rig, "first and third");
	server_says(&rig, 5001, 1001, "220 ready\r\n");
	client_says(&rig, 1001, 5012, "EHLO x\r\n");
	client_says(&rig, 1009, 5012, "MAIL\r\n");
	ck_assert_int_eq(rig.state, HB_STATE_REPLAY);
	ck_assert_str_eq(rig.trace, "+first;+third");
	rig_close(&rig);
	open_rig(&rig, "not first and third");
	client_says(&rig, 1001, 5001, "x\r\n");
	server_says(&rig, 5001, 1004, "y\r\n");
	client_says(&rig, 1004, 5004, "z\r\n");
	ck_assert_int_eq(rig.state, HB_STATE_REPLAY);
	ck_assert_str_eq(rig.trace, "-first;+third");
	rig_close(&rig);
}
END_TEST

/* "x" is known, so the question is not put before both have spoken. */
START_TEST(who_was_first_is_known_later_too)
{
	static const struct {
		bool banner;
		const char *trace;
	} cases[] = { { true, "+hash;+first;?third" }, { false, "+hash;-first;+third" } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rig rig;

		open_rig(&rig, "hash and first or third");
		client_says(&rig, 1001, 5001, "x");
		rig_tcp(&rig, &(struct rig_tcp){ RIG_CLIENT, RIG_ATTACKED, HB_TCP_RST, 1002 });
		rig_advance(&rig, 10 * RIG_SECOND);
		ck_assert_uint_eq(rig_counters(&rig).flows, 0);
		rig_handshake(&rig);
		if (cases[i].banner)
			server_says(&rig, 5001, 1001, "220 ready\r\n");
		client_says(&rig, 1001, cases[i].banner ? 5012 : 5001, "x");
		ck_assert_str_eq(rig.trace, "");
		server_says(&rig, cases[i].banner ? 5012 : 5001, 1002, "x?");
		client_says(&rig, 1002, cases[i].banner ? 5014 : 5003, "y");
		ck_assert_int_eq(rig.state, HB_STATE_REPLAY);
		ck_assert_str_eq(rig.trace, cases[i].trace);
		rig_close(&rig);
	}
}
END_TEST

UNIT_MAIN("mod_proto", protocols_are_told_apart, the_answer_comes_as_soon_as_it_is_known,
	  what_cannot_become_it_any_more_is_rejected,
	  datagrams_and_packets_of_honeypots_stand_alone, one_protocol_must_be_named,
	  a_server_that_speaks_first_is_seen, a_client_that_speaks_first_is_seen,
	  who_was_first_stays_first, who_was_first_is_known_later_too)
