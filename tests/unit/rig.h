/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An engine with a policy of a test's own; remembers what it says and sends.
 *
 *	struct rig rig;
 *	struct hb_target *target = rig_open(&rig);
 *	rig_backend(target, "10.9.0.3", "yes");
 *	rig_start(&rig);
 *	rig_tcp(&rig, &(struct rig_tcp){ "10.0.0.1", "10.1.0.1", HB_TCP_SYN, 1000 });
 *	rig_close(&rig);
 */
#ifndef RIG_H
#define RIG_H

#include "build.h"
#include "bytes.h"
#include "checksum.h"
#include "unit.h"

#include <honeybrid/engine.h>

#include <stdio.h>
#include <string.h>

#define RIG_CLIENT "10.0.0.1"
#define RIG_ATTACKED "10.1.0.1"
#define RIG_FRONTEND "10.9.0.2"
#define RIG_BACKEND "10.9.0.3"
#define RIG_CLIENT_PORT 40000
#define RIG_SERVER_PORT 80
#define RIG_MS UINT64_C(1000000)
#define RIG_SECOND (1000 * RIG_MS)
#define RIG_KEPT 16

/* A packet that the engine sent, as parsed from a copy of its bytes. */
struct rig_sent {
	uint8_t data[2048];
	struct hb_packet packet;
};

struct rig {
	struct hb_policy *policy;
	struct hb_engine *engine;
	struct hb_ops ops;
	struct hb_options options; /* may be changed between rig_open() and rig_start() */
	struct hb_time now;
	uint16_t mtu;
	bool dry_run;
	uint64_t first_flow_id;
	uint32_t flow_id_step;
	bool lost_memory; /* hb_engine_new() may fail */

	unsigned events[HB_EVENT_COUNT];
	struct hb_event last[HB_EVENT_COUNT]; /* pointers in there are not valid any more */
	char reason[160];                     /* of the last event that had one */
	char trace[160];                      /* of the last event */
	enum hb_flow_state state;             /* of the flow that was spoken of last */
	unsigned sent_count;
	struct rig_sent sent[RIG_KEPT]; /* number i is sent[i % RIG_KEPT] */

	uint8_t *data; /* the last datagram, as the engine left it, in memory of its exact size */
	size_t len;
	struct hb_packet packet; /* of it */
	uint16_t segment_bytes;  /* as the engine set it */
};

struct rig_tcp {
	const char *from, *to;
	uint8_t flags;
	uint32_t seq, ack;
	const char *text;
	uint16_t from_port, to_port; /* 0: those of client and server, as the flags of from tell */
	uint16_t window;             /* 0: 1000 */
	struct hb_tcp_options options;
};

static inline struct hb_endpoint rig_endpoint(const char *text)
{
	struct hb_endpoint endpoint;

	ck_assert_int_eq(hb_endpoint_parse(text, &endpoint), 0);
	return endpoint;
}

static inline struct hb_addr rig_addr(const char *text)
{
	return rig_endpoint(text).addr;
}

static inline void rig_emit(void *ctx, const struct hb_datagram *dgram)
{
	struct rig *rig = ctx;
	struct rig_sent *sent = &rig->sent[rig->sent_count++ % RIG_KEPT];

	unit_require(dgram->len <= sizeof(sent->data));
	memcpy(sent->data, dgram->data, dgram->len);
	unit_require(hb_packet_parse(sent->data, dgram->len, &sent->packet) == 0);
	unit_require(sent->packet.len == dgram->len);
	unit_require(hb_packet_checksum_ok(&sent->packet));
}

static inline void rig_event(void *ctx, const struct hb_event *event)
{
	struct rig *rig = ctx;

	rig->events[event->kind]++;
	rig->last[event->kind] = *event;
	rig->state = event->flow.state;
	snprintf(rig->trace, sizeof(rig->trace), "%s", event->trace);
	if (event->reason[0] != '\0')
		snprintf(rig->reason, sizeof(rig->reason), "%s", event->reason);
}

static inline void rig_instance(struct rig *rig, const char *name, const char *module,
				const char *param, const char *value)
{
	struct hb_setting setting = { .name = param, .value = value };
	int ret = hb_policy_add_instance(rig->policy, name, hb_module_builtin(module), &setting,
					 param != NULL, NULL);

	ck_assert_int_eq(ret, 0);
}

/* A policy with instances "yes", "no", "hash", "third" (counter 3) and no target. */
static inline void rig_open_empty(struct rig *rig)
{
	*rig = (struct rig){ .now = { 1000 * RIG_SECOND, INT64_C(1250000000000000) } };
	rig->policy = hb_policy_new();
	ck_assert_ptr_nonnull(rig->policy);
	hb_options_default(&rig->options);
	rig_instance(rig, "yes", "yesno", "value", "yes");
	rig_instance(rig, "no", "yesno", "value", "no");
	rig_instance(rig, "hash", "hash", NULL, NULL);
	rig_instance(rig, "third", "counter", "counter", "3");
}

static inline struct hb_target *rig_target(struct rig *rig, const char *filter,
					   const char *frontend)
{
	struct hb_target *target = hb_policy_add_target(rig->policy);
	struct hb_endpoint endpoint = rig_endpoint(frontend);

	ck_assert_ptr_nonnull(target);
	ck_assert_int_eq(hb_target_set_filter(target, filter, NULL), 0);
	ck_assert_int_eq(hb_target_set_frontend(target, &endpoint, NULL, NULL), 0);
	return target;
}

/* One target: a darknet behind RIG_FRONTEND. */
static inline struct hb_target *rig_open(struct rig *rig)
{
	rig_open_empty(rig);
	return rig_target(rig, "dst net 10.1.0.0/16", RIG_FRONTEND);
}

static inline void rig_backend(struct hb_target *target, const char *text, const char *rule)
{
	struct hb_endpoint endpoint = rig_endpoint(text);

	ck_assert_int_eq(hb_target_add_backend(target, &endpoint, rule, NULL), 0);
}

static inline void rig_make_engine(struct rig *rig, struct hb_error *err)
{
	rig->ops =
		(struct hb_ops){ .size = sizeof(rig->ops), .emit = rig_emit, .event = rig_event };
	struct hb_setup setup = { .size = sizeof(setup),
				  .ops = &rig->ops,
				  .ctx = rig,
				  .seed = "sixteen bytes..",
				  .mtu = rig->mtu,
				  .dry_run = rig->dry_run,
				  .first_flow_id = rig->first_flow_id,
				  .flow_id_step = rig->flow_id_step };
	rig->engine = hb_engine_new(&setup, rig->policy, err);
}

static inline void rig_seal(struct rig *rig)
{
	ck_assert_int_eq(hb_policy_set_options(rig->policy, &rig->options, NULL), 0);
	ck_assert_int_eq(hb_policy_seal(rig->policy, NULL), 0);
}

static inline void rig_start(struct rig *rig)
{
	rig_seal(rig);
	rig_make_engine(rig, NULL);
	ck_assert_ptr_nonnull(rig->engine);
}

static inline struct hb_counters rig_counters(const struct rig *rig)
{
	struct hb_counters counters;

	hb_engine_get_counters(rig->engine, &counters);
	return counters;
}

/* Stops the engine, sees that nothing is left, and frees everything. */
static inline void rig_close(struct rig *rig)
{
	struct hb_counters counters;

	hb_engine_stop(rig->engine, rig->now);
	counters = rig_counters(rig);
	ck_assert_uint_eq(counters.flows, 0);
	ck_assert_uint_eq(counters.buffered_bytes, 0);
	ck_assert_uint_eq(counters.broken, 0);
	ck_assert_uint_eq(rig->events[HB_EVENT_FLOW_NEW], counters.flows_started);
	ck_assert_uint_eq(rig->events[HB_EVENT_FLOW_END], counters.flows_started);
	ck_assert_uint_eq(hb_engine_next_deadline(rig->engine), UINT64_MAX);
	hb_engine_free(rig->engine);
	hb_policy_unref(rig->policy);
	free(rig->data);
}

static inline enum hb_verdict rig_input(struct rig *rig, const void *data, size_t len,
					const struct hb_datagram *as)
{
	struct hb_datagram dgram = *as;
	enum hb_verdict verdict;

	free(rig->data);
	rig->data = malloc(len);
	ck_assert_ptr_nonnull(rig->data);
	memcpy(rig->data, data, len);
	dgram.data = rig->data;
	dgram.len = dgram.cap = len;
	verdict = hb_engine_input(rig->engine, &dgram, rig->now);
	rig->len = dgram.len;
	rig->segment_bytes = dgram.segment_bytes;
	rig->packet = (struct hb_packet){ .len = 0 };
	if (verdict != HB_DROP)
		ck_assert_int_eq(hb_packet_parse(rig->data, rig->len, &rig->packet), 0);
	return verdict;
}

static inline bool rig_is_server(const char *text)
{
	return strstr(text, "10.0.") != text && strstr(text, "2001:db8:a:") != text;
}

static inline struct hb_build_ip rig_ip(const char *from, uint16_t from_port, const char *to,
					uint16_t to_port)
{
	struct hb_build_ip ip = { .src = { rig_addr(from), from_port },
				  .dst = { rig_addr(to), to_port },
				  .ttl = 60 };

	if (from_port == 0)
		ip.src.port = rig_is_server(from) ? RIG_SERVER_PORT : RIG_CLIENT_PORT;
	if (to_port == 0)
		ip.dst.port = rig_is_server(from) ? RIG_CLIENT_PORT : RIG_SERVER_PORT;
	return ip;
}

static inline size_t rig_build_tcp(uint8_t buf[2048], const struct rig_tcp *tcp)
{
	struct hb_build_tcp spec = { .ip = rig_ip(tcp->from, tcp->from_port, tcp->to, tcp->to_port),
				     .seq = tcp->seq,
				     .ack = tcp->ack,
				     .flags = tcp->flags,
				     .window = tcp->window ? tcp->window : 1000,
				     .options = tcp->options,
				     .payload = (const uint8_t *)tcp->text,
				     .payload_len = tcp->text ? strlen(tcp->text) : 0 };

	return hb_build_tcp(buf, 2048, &spec);
}

/* From outside, through interface 1. */
static inline enum hb_verdict rig_tcp(struct rig *rig, const struct rig_tcp *tcp)
{
	uint8_t buf[2048];
	size_t len = rig_build_tcp(buf, tcp);

	return rig_input(rig, buf, len, &(struct hb_datagram){ .in_interface = 1 });
}

static inline enum hb_verdict rig_udp(struct rig *rig, const char *from, const char *to,
				      const char *text)
{
	uint8_t buf[2048];
	struct hb_build_ip ip = rig_ip(from, 0, to, 0);
	size_t len = hb_build_udp(buf, sizeof(buf), &ip, (const uint8_t *)text, strlen(text));

	return rig_input(rig, buf, len, &(struct hb_datagram){ .in_interface = 1 });
}

static inline void rig_advance(struct rig *rig, uint64_t span_ns)
{
	rig->now.mono_ns += span_ns;
	rig->now.wall_us += (int64_t)(span_ns / 1000);
	hb_engine_advance(rig->engine, rig->now);
}

/* A session up to its handshake's last ACK. Numbers from 1000 and 5000 on. */
static inline void rig_handshake(struct rig *rig)
{
	rig_tcp(rig, &(struct rig_tcp){ RIG_CLIENT, RIG_ATTACKED, HB_TCP_SYN, 1000 });
	rig_tcp(rig,
		&(struct rig_tcp){ RIG_FRONTEND, RIG_CLIENT, HB_TCP_SYN | HB_TCP_ACK, 5000, 1001 });
	rig_tcp(rig, &(struct rig_tcp){ RIG_CLIENT, RIG_ATTACKED, HB_TCP_ACK, 1001, 5001 });
}

/* The backend answers the engine's SYN; its numbers are from 9000 on. */
static inline void rig_connect(struct rig *rig)
{
	rig_tcp(rig,
		&(struct rig_tcp){ RIG_BACKEND, RIG_CLIENT, HB_TCP_SYN | HB_TCP_ACK, 9000, 1001 });
}

/* The packet that the engine sent last, or the one n before. */
static inline const struct hb_packet *rig_sent(const struct rig *rig, unsigned n)
{
	ck_assert_uint_lt(n, rig->sent_count);
	return &rig->sent[(rig->sent_count - 1 - n) % RIG_KEPT].packet;
}

#endif
