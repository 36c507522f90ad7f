/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any packets at any time: what the engine promises holds whatever comes.
 *
 * Random bytes alone would never get past the parser. So packets are made from those that the
 * engine let pass or sent, as their receivers see them: answered, continued, repeated, quoted in an
 * ICMP error, and then more or less damaged.
 */
#include "rawopt.h"
#include "rig.h"

#define STEPS 10000
#define POOL 32
#define LARGEST 9000
#define LIVE_MAX 256
#define MAX_FLOWS 24
#define MAX_TOTAL 40000

enum {
	PERCENT = 100,
};

/* A flow as the events tell of it. */
struct live {
	uint64_t id; /* 0: free */
	enum hb_flow_state state;
	struct hb_endpoint client, attacked;
	uint64_t ended; /* which of all that ended it was, from 1; 0: not yet */
	bool redirected;
};

struct bytes {
	uint8_t data[LARGEST + 100];
	size_t len;
};

struct monkey {
	struct rig rig;
	struct hb_engine *engine;
	uint64_t random;
	struct hb_time now;
	struct bytes pool[POOL];
	struct bytes next; /* to be sent */
	struct live live[LIVE_MAX];
	struct hb_addr source; /* of the packet that goes in */
	uint64_t flows_new, flows_ended, emitted;
};

static const char *const clients[] = { "10.0.0.1", "10.0.0.2", "2001:db8:a::1" };
static const char *const attacked[] = { "10.1.0.1", "10.1.0.2", "10.9.0.8", "10.3.0.1" };
static const char *const attacked_ipv6[] = { "2001:db8:1::1", "2001:db8:1::2" };
static const char *const honeypots[] = { "10.9.0.2", "10.9.0.3",      "10.9.0.4",
					 "10.9.0.8", "2001:db8:9::2", "2001:db8:9::3" };
static const uint16_t ports[] = { 80, 80, 80, 53, 8080 };

#define PICK(monkey, table) (table)[below(monkey, sizeof(table) / sizeof((table)[0]))]

static unsigned below(struct monkey *monkey, unsigned limit)
{
	return (unsigned)unit_random_below(&monkey->random, limit);
}

static bool chance(struct monkey *monkey, unsigned percent)
{
	return below(monkey, PERCENT) < percent;
}

static bool is_honeypot(const struct hb_addr *addr)
{
	for (size_t i = 0; i < sizeof(honeypots) / sizeof(honeypots[0]); i++) {
		struct hb_addr honeypot;

		if (hb_addr_parse(honeypots[i], &honeypot) == 0 && hb_addr_equal(&honeypot, addr))
			return true;
	}
	return false;
}

/* What the engine says of itself must make sense. */

static struct live *find_live(struct monkey *monkey, uint64_t id)
{
	for (size_t i = 0; i < LIVE_MAX; i++) {
		if (monkey->live[i].id == id)
			return &monkey->live[i];
	}
	return NULL;
}

/* A place for a new flow: a free one, or that of the one that ended first. */
static struct live *free_place(struct monkey *monkey)
{
	struct live *oldest = NULL;

	for (size_t i = 0; i < LIVE_MAX; i++) {
		struct live *live = &monkey->live[i];

		if (live->id == 0)
			return live;
		if (live->ended && (oldest == NULL || live->ended < oldest->ended))
			oldest = live;
	}
	unit_require(oldest != NULL);
	return oldest;
}

static void follow_event(void *ctx, const struct hb_event *event)
{
	struct monkey *monkey = ctx;
	struct live *live = find_live(monkey, event->flow.id);

	unit_require(event->size == sizeof(*event));
	unit_require(event->trace != NULL && event->reason != NULL);
	unit_require(event->note != NULL && event->module != NULL);
	unit_require(event->flow.id != 0);
	if (event->kind == HB_EVENT_FLOW_NEW) {
		unit_require(live == NULL);
		unit_require(event->flow.state == HB_STATE_INIT);
		*free_place(monkey) = (struct live){ .id = event->flow.id,
						     .state = HB_STATE_INIT,
						     .client = event->flow.client,
						     .attacked = event->flow.attacked };
		monkey->flows_new++;
		return;
	}
	unit_require(live != NULL && !live->ended);
	if (event->kind == HB_EVENT_FLOW_STATE) {
		unit_require(event->from_state == live->state);
		unit_require(event->flow.state != live->state);
		live->state = event->flow.state;
	}
	unit_require(event->flow.state == live->state);
	unit_require(event->flow.last_packet.mono_ns <= monkey->now.mono_ns);
	unit_require(event->flow.started.mono_ns <= event->flow.last_packet.mono_ns);
	if (event->kind == HB_EVENT_FLOW_END) {
		live->ended = ++monkey->flows_ended;
		live->redirected = event->flow.backend != 0;
	}
}

/* A flow whose packets may still pass. */
static bool is_served(const struct live *live)
{
	return live->id != 0 && live->state != HB_STATE_INIT && live->state != HB_STATE_DROPPED &&
	       (!live->ended || live->redirected);
}

static bool is_client(const struct monkey *monkey, const struct hb_addr *addr, bool control)
{
	for (size_t i = 0; i < LIVE_MAX; i++) {
		const struct live *live = &monkey->live[i];

		if (is_served(live) && (live->state == HB_STATE_CONTROL) == control &&
		    hb_addr_equal(&live->client.addr, addr))
			return true;
	}
	return false;
}

/* The engine may have to tell it something: that nobody serves it any more, say. */
static bool is_in_a_flow(const struct monkey *monkey, const struct hb_addr *addr)
{
	for (size_t i = 0; i < LIVE_MAX; i++) {
		const struct live *live = &monkey->live[i];

		if (live->id != 0 && (!live->ended || live->redirected) &&
		    hb_addr_equal(&live->client.addr, addr))
			return true;
	}
	return false;
}

static void remember(struct monkey *monkey, const uint8_t *data, size_t len)
{
	struct bytes *entry = &PICK(monkey, monkey->pool);

	if (len > sizeof(entry->data))
		return;
	memcpy(entry->data, data, len);
	entry->len = len;
}

static void follow_emit(void *ctx, const struct hb_datagram *dgram)
{
	struct monkey *monkey = ctx;
	struct hb_packet packet;
	bool let_out;

	monkey->emitted++;
	unit_require(dgram->len <= dgram->cap);
	unit_require(hb_packet_parse(dgram->data, dgram->len, &packet) == 0);
	unit_require(packet.len == dgram->len);
	unit_require(hb_packet_checksum_ok(&packet));
	unit_require(packet.protocol == HB_PROTO_TCP || packet.protocol == HB_PROTO_UDP);
	unit_require(packet.protocol == HB_PROTO_UDP || dgram->len <= 1500);
	/* A segment of a honeypot's super-packet, let out by the rule that the IPv4 target has. */
	let_out = packet.ip_version == 4 && packet.protocol == HB_PROTO_TCP &&
		  is_client(monkey, &packet.src, true);
	unit_require(is_honeypot(&packet.dst) || is_in_a_flow(monkey, &packet.dst) || let_out ||
		     hb_addr_equal(&packet.dst, &monkey->source));
	if (chance(monkey, 70))
		remember(monkey, dgram->data, dgram->len);
}

/* Packets. */

static void fix_checksums(struct bytes *bytes)
{
	struct hb_packet packet;

	if (hb_packet_parse(bytes->data, bytes->len, &packet) != 0)
		return;
	if (packet.ip_version == 4)
		hb_checksum_fill_ipv4(bytes->data, (size_t)(bytes->data[0] & 15) * 4);
	hb_checksum_fill_l4(bytes->data, &packet);
}

static size_t random_payload(struct monkey *monkey, uint8_t payload[LARGEST])
{
	static const char *const texts[] = { "id\n", "GET / HTTP/1.0\r\n\r\n", "x", "help me\n" };
	size_t len;

	if (chance(monkey, 60)) {
		const char *text = PICK(monkey, texts);

		len = strlen(text);
		memcpy(payload, text, len);
		return len;
	}
	len = below(monkey, chance(monkey, 5) ? LARGEST : 1400);
	memset(payload, 'a' + (int)below(monkey, 26), len);
	return len;
}

static uint32_t jitter(struct monkey *monkey, uint32_t number)
{
	if (chance(monkey, 92))
		return number;
	if (chance(monkey, 10))
		return (uint32_t)unit_random(&monkey->random);
	return number + below(monkey, 40) - 20;
}

static void random_options(struct monkey *monkey, struct hb_build_tcp *spec)
{
	struct hb_tcp_options *options = &spec->options;

	if (chance(monkey, 80))
		options->present |= HB_TCPOPT_MSS;
	if (chance(monkey, 70))
		options->present |= HB_TCPOPT_WSCALE;
	if (chance(monkey, 70))
		options->present |= HB_TCPOPT_SACK_OK;
	if (chance(monkey, 60))
		options->present |= HB_TCPOPT_TIMESTAMP;
	options->mss = (uint16_t)(chance(monkey, 90) ? 1460 : below(monkey, 65536));
	options->wscale = (uint8_t)below(monkey, 16);
}

static void build_tcp(struct monkey *monkey, struct hb_build_tcp *spec, bool data)
{
	uint8_t payload[LARGEST];
	struct rawopt options;

	spec->ip.ttl = (uint8_t)(chance(monkey, 90) ? 60 : below(monkey, 256));
	spec->seq = jitter(monkey, spec->seq);
	spec->ack = jitter(monkey, spec->ack);
	spec->window = (uint16_t)(chance(monkey, 80) ? 1000 : below(monkey, 65536));
	spec->options.tsval = jitter(monkey, (uint32_t)(monkey->now.mono_ns / RIG_MS));
	if (data) {
		spec->payload = payload;
		spec->payload_len = random_payload(monkey, payload);
	}
	monkey->next.len = hb_build_tcp(monkey->next.data, LARGEST + 60, spec);
	if (spec->options.present == 0 && monkey->next.len != 0 && chance(monkey, 20)) {
		rawopt_random(&options, &monkey->random, spec->ack);
		monkey->next.len = rawopt_insert(monkey->next.data, monkey->next.len, &options);
	}
}

static void build_udp(struct monkey *monkey, struct hb_build_ip *ip)
{
	uint8_t payload[LARGEST];
	size_t len = chance(monkey, 5) ? 0 : random_payload(monkey, payload);

	ip->ttl = 64;
	monkey->next.len =
		hb_build_udp(monkey->next.data, sizeof(monkey->next.data), ip, payload, len);
}

static void build_icmp(struct monkey *monkey, const struct hb_build_ip *ip, uint8_t type,
		       uint16_t id)
{
	struct bytes *next = &monkey->next;
	bool ipv4 = hb_addr_is_ipv4(&ip->src.addr);
	size_t header_len = ipv4 ? 20 : 40;

	next->len = hb_build_udp(next->data, sizeof(next->data), ip, (const uint8_t *)"ping", 4);
	next->data[ipv4 ? 9 : 6] = ipv4 ? HB_PROTO_ICMP : HB_PROTO_ICMPV6;
	memset(next->data + header_len, 0, 8);
	next->data[header_len] = type;
	hb_put_be16(next->data + header_len + 4, id);
	fix_checksums(next);
}

/* Something from nowhere: mostly a SYN. */
static void open_session(struct monkey *monkey, const char *from, const char *to)
{
	struct hb_build_ip ip = { .src = { rig_addr(from), (uint16_t)(40000 + below(monkey, 6)) },
				  .dst = { rig_addr(to), PICK(monkey, ports) },
				  .ttl = 64 };
	struct hb_build_tcp spec = { .ip = ip,
				     .seq = chance(monkey, 20)
						    ? UINT32_MAX - below(monkey, 50)
						    : (uint32_t)unit_random(&monkey->random),
				     .flags = HB_TCP_SYN };

	if (hb_addr_is_ipv4(&ip.src.addr) != hb_addr_is_ipv4(&ip.dst.addr))
		return;
	switch (below(monkey, 8)) {
	case 0:
	case 1:
		build_udp(monkey, &ip);
		break;
	case 2:
		build_icmp(monkey, &ip, hb_addr_is_ipv4(&ip.src.addr) ? 8 : 128, 7);
		break;
	case 3:
		spec.flags = (uint8_t)below(monkey, 256);
		build_tcp(monkey, &spec, chance(monkey, 50));
		break;
	default:
		random_options(monkey, &spec);
		if (chance(monkey, 10))
			spec.flags |= HB_TCP_ECE | HB_TCP_CWR;
		build_tcp(monkey, &spec, chance(monkey, 5));
	}
}

static uint8_t random_flags(struct monkey *monkey, bool data)
{
	unsigned dice = below(monkey, PERCENT);

	if (dice < 3)
		return (uint8_t)below(monkey, 256);
	if (dice < 6)
		return HB_TCP_RST | (uint8_t)(chance(monkey, 50) ? HB_TCP_ACK : 0);
	if (dice < 12)
		return HB_TCP_FIN | HB_TCP_ACK;
	return data && chance(monkey, 80) ? HB_TCP_ACK | HB_TCP_PSH : HB_TCP_ACK;
}

/* What the receiver of a segment says to it. */
static void answer_tcp(struct monkey *monkey, const struct hb_packet *packet)
{
	bool fin = packet->tcp_flags & HB_TCP_FIN, syn = packet->tcp_flags & HB_TCP_SYN;
	bool data = chance(monkey, 50);
	struct hb_build_tcp spec = {
		.ip = { .src = { packet->dst, packet->dst_port },
			.dst = { packet->src, packet->src_port } },
		.seq = packet->ack,
		.ack = packet->seq + (uint32_t)packet->payload_len + (fin ? 1 : 0) + (syn ? 1 : 0),
	};

	spec.flags = random_flags(monkey, data);
	spec.options.tsecr = packet->options.tsval;
	if (packet->options.present & HB_TCPOPT_TIMESTAMP)
		spec.options.present = HB_TCPOPT_TIMESTAMP;
	if (syn && !(packet->tcp_flags & HB_TCP_ACK)) {
		data = chance(monkey, 5);
		spec.seq = (uint32_t)unit_random(&monkey->random);
		spec.options.present = 0;
		spec.flags = HB_TCP_SYN | HB_TCP_ACK;
		if (chance(monkey, 4))
			spec.flags = HB_TCP_RST | HB_TCP_ACK;
		else
			random_options(monkey, &spec);
		if (packet->options.present & HB_TCPOPT_TIMESTAMP && chance(monkey, 90))
			spec.options.present |= HB_TCPOPT_TIMESTAMP;
	}
	build_tcp(monkey, &spec, data);
}

/* What the sender of a segment may send next, or before it. */
static void continue_tcp(struct monkey *monkey, const struct hb_packet *packet)
{
	uint32_t step = (uint32_t)packet->payload_len;
	bool data = chance(monkey, 70);
	struct hb_build_tcp spec = {
		.ip = { .src = { packet->src, packet->src_port },
			.dst = { packet->dst, packet->dst_port } },
		.seq = packet->seq + step + (packet->tcp_flags & HB_TCP_SYN ? 1 : 0),
		.ack = packet->ack,
		.flags = random_flags(monkey, data),
	};

	if (chance(monkey, 10))
		spec.seq += below(monkey, 30); /* leaves a hole */
	spec.options.present = packet->options.present & HB_TCPOPT_TIMESTAMP;
	spec.options.tsecr = packet->options.tsecr;
	build_tcp(monkey, &spec, data);
}

static void answer(struct monkey *monkey, const struct hb_packet *packet)
{
	struct hb_build_ip ip = { .src = { packet->dst, packet->dst_port },
				  .dst = { packet->src, packet->src_port },
				  .ttl = 64 };
	bool ipv4 = packet->ip_version == 4;

	if (packet->protocol == HB_PROTO_TCP)
		answer_tcp(monkey, packet);
	else if (packet->protocol == HB_PROTO_UDP)
		build_udp(monkey, &ip);
	else
		build_icmp(monkey, &ip, ipv4 ? 0 : 129, packet->src_port);
}

/* An error about a packet, from its receiver, or from anybody. */
static void quote(struct monkey *monkey, const struct bytes *about, const struct hb_packet *packet)
{
	struct bytes *next = &monkey->next;
	struct hb_build_ip ip = { .src.addr = packet->dst, .dst.addr = packet->src, .ttl = 64 };
	bool ipv4 = packet->ip_version == 4;
	size_t header_len = ipv4 ? 28 : 48;
	size_t len = about->len < 500 ? about->len : 500;

	if (chance(monkey, 20))
		ip.src.addr = rig_addr(ipv4 ? PICK(monkey, clients) : "2001:db8:9::3");
	if (chance(monkey, 10))
		ip.dst.addr = rig_addr(ipv4 ? "10.7.7.7" : "2001:db8:7::7");
	if (hb_addr_is_ipv4(&ip.src.addr) != ipv4)
		return;
	build_icmp(monkey, &ip, (uint8_t)(ipv4 ? 3 : 1), 0);
	next->data[header_len - 7] = (uint8_t)below(monkey, 5);
	memcpy(next->data + header_len, about->data, len);
	next->len = header_len + (chance(monkey, 50) ? len : below(monkey, (unsigned)len + 1));
	hb_put_be16(next->data + (ipv4 ? 2 : 4), (uint16_t)(ipv4 ? next->len : next->len - 40));
	fix_checksums(next);
}

static void damage(struct monkey *monkey)
{
	struct bytes *next = &monkey->next;

	for (unsigned n = below(monkey, 4); n > 0 && next->len > 0; n--)
		next->data[below(monkey, (unsigned)next->len)] = (uint8_t)below(monkey, 256);
	if (chance(monkey, 20))
		next->len = below(monkey, (unsigned)next->len + 1);
	if (chance(monkey, 20))
		next->len += below(monkey, 8); /* padding */
	if (chance(monkey, 70))
		fix_checksums(next);
}

static void make_next(struct monkey *monkey)
{
	struct hb_packet packet;
	const struct bytes *from = &PICK(monkey, monkey->pool);
	unsigned dice = below(monkey, PERCENT);
	bool usable = from->len > 0 && hb_packet_parse(from->data, from->len, &packet) == 0;

	monkey->next.len = 0;
	if (dice < 6)
		open_session(monkey, PICK(monkey, honeypots),
			     chance(monkey, 50) ? "10.7.7.7" : "2001:db8:7::7");
	else if (dice < 18 || !usable)
		open_session(monkey, PICK(monkey, clients),
			     chance(monkey, 70) ? PICK(monkey, attacked)
						: PICK(monkey, attacked_ipv6));
	else if (dice < 65)
		answer(monkey, &packet);
	else if (dice < 80 && packet.protocol == HB_PROTO_TCP)
		continue_tcp(monkey, &packet);
	else if (dice < 88)
		quote(monkey, from, &packet);
	else
		monkey->next = *from;
	if (chance(monkey, 6))
		damage(monkey);
}

/* What must hold after each packet. */

static void check_verdict(const struct monkey *monkey, const struct hb_packet *packet, bool was_ok,
			  const struct hb_datagram *dgram, enum hb_verdict verdict)
{
	struct hb_packet changed;

	unit_require(dgram->len <= dgram->cap);
	if (verdict == HB_ACCEPT) {
		unit_require(memcmp(dgram->data, monkey->next.data, monkey->next.len) == 0);
		return;
	}
	unit_require(hb_packet_parse(dgram->data, dgram->len, &changed) == 0);
	unit_require(changed.protocol == packet->protocol);
	if (was_ok && !dgram->gso)
		unit_require(hb_packet_checksum_ok(&changed));
	if (changed.ip_version == 4) {
		uint16_t before =
			hb_checksum_fold(hb_checksum_add(0, monkey->next.data, packet->l4_offset));
		uint16_t after =
			hb_checksum_fold(hb_checksum_add(0, dgram->data, changed.l4_offset));

		unit_require(before != 0xffff || after == 0xffff);
	}
}

/* Nothing that a honeypot sends passes but to a client of its own, or where a rule let it. */
static void check_contained(const struct monkey *monkey, const struct hb_packet *packet,
			    const struct hb_datagram *dgram)
{
	struct hb_packet passed;
	bool has_rule = packet->ip_version == 4; /* the IPv6 target has none */
	bool neighbours = packet->protocol == HB_PROTO_ICMPV6 && packet->icmp_type >= 133 &&
			  packet->icmp_type <= 137 && packet->ttl == 255;

	if (!is_honeypot(&packet->src) || neighbours)
		return;
	unit_require(hb_packet_parse(dgram->data, dgram->len, &passed) == 0);
	unit_require((has_rule && is_client(monkey, &packet->src, true)) ||
		     is_client(monkey, &passed.dst, false) || is_honeypot(&passed.dst));
}

static void check_counters(const struct monkey *monkey, uint64_t steps)
{
	struct hb_counters counters;

	hb_engine_get_counters(monkey->engine, &counters);
	unit_require(counters.broken == 0);
	unit_require(counters.packets == steps);
	unit_require(counters.accepted + counters.modified + counters.dropped == steps);
	unit_require(counters.emitted == monkey->emitted);
	unit_require(counters.flows_started == monkey->flows_new);
	unit_require(counters.flows <= MAX_FLOWS);
	unit_require(counters.flows >= monkey->flows_new - monkey->flows_ended);
	unit_require(counters.buffered_bytes <= MAX_TOTAL);
	unit_require(counters.handovers_started >=
		     counters.handovers_done + counters.handovers_failed);
}

static void send_next(struct monkey *monkey)
{
	struct hb_datagram dgram = { .len = monkey->next.len,
				     .cap = monkey->next.len + (chance(monkey, 50) ? 40 : 0),
				     .in_interface = chance(monkey, 95),
				     .gso = chance(monkey, 5) };
	struct hb_packet packet;
	bool parsed = hb_packet_parse(monkey->next.data, monkey->next.len, &packet) == 0;
	bool was_ok = parsed && hb_packet_checksum_ok(&packet);
	enum hb_verdict verdict;

	if (dgram.gso || chance(monkey, 20))
		dgram.checksum = HB_CHECKSUM_PARTIAL;
	monkey->source = parsed ? packet.src : (struct hb_addr){ .bytes = { 0 } };
	dgram.data = malloc(dgram.cap > 0 ? dgram.cap : 1);
	ck_assert(dgram.data != NULL);
	memcpy(dgram.data, monkey->next.data, dgram.len);
	verdict = hb_engine_input(monkey->engine, &dgram, monkey->now);
	if (verdict != HB_DROP) {
		unit_require(parsed);
		check_verdict(monkey, &packet, was_ok, &dgram, verdict);
		check_contained(monkey, &packet, &dgram);
		if (packet.l4_offset < dgram.len)
			remember(monkey, dgram.data, dgram.len);
	}
	free(dgram.data);
}

/* Calls until the engine is content, as an embedder's loop does: that must come to an end. */
static void advance(struct monkey *monkey)
{
	unsigned calls = 0;

	do {
		hb_engine_advance(monkey->engine, monkey->now);
		unit_require(++calls <= 5);
	} while (hb_engine_next_deadline(monkey->engine) <= monkey->now.mono_ns);
}

static void pass_time(struct monkey *monkey)
{
	static const uint64_t spans[] = { 0, 0, RIG_MS, 2 * RIG_MS, 10 * RIG_MS, 50 * RIG_MS };
	uint64_t span = PICK(monkey, spans);
	struct hb_time earlier;

	if (chance(monkey, 5))
		span = below(monkey, 1500) * RIG_MS;
	if (below(monkey, 1000) == 0)
		span = below(monkey, 100) * RIG_SECOND;
	monkey->now.mono_ns += span;
	monkey->now.wall_us += (int64_t)(span / 1000);
	if (chance(monkey, 60))
		advance(monkey);
	if (chance(monkey, 2)) {
		earlier = (struct hb_time){ monkey->now.mono_ns / 2, monkey->now.wall_us };
		hb_engine_advance(monkey->engine, earlier);
	}
}

static void add_targets(struct rig *rig)
{
	struct hb_target *target = rig_target(rig, "dst net 10.1.0.0/16", "10.9.0.2");

	rig_instance(rig, "half", "random", "value", "2");
	rig_backend(target, "10.9.0.3", "third and half");
	rig_backend(target, "10.9.0.4:8080", "hash");
	ck_assert_int_eq(hb_target_set_control(target, "half", NULL), 0);
	target = rig_target(rig, "dst host 10.9.0.8", "10.9.0.8"); /* nothing to translate */
	rig_backend(target, "10.9.0.3", "hash or third");
	hb_target_set_on_failure(target, HB_ON_FAILURE_RESET);
	target = rig_target(rig, "dst net 10.3.0.0/16", "10.9.0.2:81");
	rig_backend(target, "10.9.0.3", "yes");
	target = rig_target(rig, "dst net 2001:db8:1::/64", "2001:db8:9::2");
	rig_backend(target, "2001:db8:9::3", "hash or half");
	hb_target_set_on_failure(target, HB_ON_FAILURE_DROP);
}

/* In rig->policy. */
static void make_policy(struct monkey *monkey)
{
	struct rig *rig = &monkey->rig;

	rig_open_empty(rig);
	rig->options.max_flows = MAX_FLOWS;
	rig->options.expiration_delay_s = 20;
	rig->options.established_timeout_s = 60;
	rig->options.max_flow_buffer_bytes = 6000;
	rig->options.max_total_buffer_bytes = MAX_TOTAL;
	rig->options.reset_ext = chance(monkey, 50);
	rig->options.max_packet_buffer = chance(monkey, 20) ? 10 : 0;
	add_targets(rig);
	rig_seal(rig);
}

static void reload(struct monkey *monkey)
{
	struct hb_policy *before = monkey->rig.policy;

	make_policy(monkey);
	ck_assert_int_eq(hb_engine_set_policy(monkey->engine, monkey->rig.policy), 0);
	hb_policy_unref(before);
}

static void check_empty(const struct monkey *monkey)
{
	struct hb_counters counters;

	hb_engine_get_counters(monkey->engine, &counters);
	ck_assert_uint_eq(counters.flows, 0);
	ck_assert_uint_eq(counters.buffered_bytes, 0);
	ck_assert_uint_eq(counters.broken, 0);
	ck_assert_uint_eq(monkey->flows_new, monkey->flows_ended);
	ck_assert_uint_eq(hb_engine_next_deadline(monkey->engine), UINT64_MAX);
}

static struct monkey *monkey_new(uint64_t seed, const struct hb_ops *ops)
{
	struct monkey *monkey = calloc(1, sizeof(*monkey));

	ck_assert_ptr_nonnull(monkey);
	monkey->random = seed;
	monkey->now = (struct hb_time){ 1000 * RIG_SECOND, INT64_C(1250000000000000) };
	make_policy(monkey);
	struct hb_setup setup = {
		.size = sizeof(setup), .ops = ops, .ctx = monkey, .seed = "sixteen bytes.."
	};
	monkey->engine = hb_engine_new(&setup, monkey->rig.policy, NULL);
	ck_assert_ptr_nonnull(monkey->engine);
	return monkey;
}

/* Adds what happened to *total. */
static void run(uint64_t seed, struct hb_counters *total)
{
	static const struct hb_ops ops = { .size = sizeof(ops),
					   .emit = follow_emit,
					   .event = follow_event };
	struct monkey *monkey = monkey_new(seed, &ops);
	struct hb_counters counters;

	for (uint64_t steps = 1; steps <= STEPS; steps++) {
		make_next(monkey);
		send_next(monkey);
		pass_time(monkey);
		check_counters(monkey, steps);
		if (steps % 3000 == 0)
			reload(monkey);
	}
	hb_engine_get_counters(monkey->engine, &counters);
	total->handovers_done += counters.handovers_done;
	total->handovers_failed += counters.handovers_failed;
	total->handovers_declined += counters.handovers_declined;
	total->flows_started += counters.flows_started;
	total->flows_evicted += counters.flows_evicted;
	total->contained += counters.contained;
	total->modified += counters.modified;
	hb_engine_stop(monkey->engine, monkey->now);
	check_empty(monkey);
	hb_engine_free(monkey->engine);
	hb_policy_unref(monkey->rig.policy);
	free(monkey);
}

static void run_seeds(uint64_t first)
{
	struct hb_counters total = { .packets = 0 };

	for (uint64_t seed = first; seed < first + 5; seed++)
		run(seed, &total);
	/* A monkey that gets nowhere proves nothing. */
	ck_assert_uint_gt(total.handovers_done, 100);
	ck_assert_uint_gt(total.handovers_failed, 20);
	ck_assert_uint_gt(total.handovers_declined, 20);
	ck_assert_uint_gt(total.flows_started, 1000);
	ck_assert_uint_gt(total.flows_evicted, 20);
	ck_assert_uint_gt(total.contained, 100);
	ck_assert_uint_gt(total.modified, 1000);
}

START_TEST(anything_comes)
{
	run_seeds(1);
}
END_TEST

START_TEST(anything_else_comes)
{
	run_seeds(100);
}
END_TEST

START_TEST(even_more_comes)
{
	run_seeds(200);
}
END_TEST

START_TEST(it_never_ends)
{
	run_seeds(300);
}
END_TEST

UNIT_MAIN("engine_monkey", anything_comes, anything_else_comes, even_more_comes, it_never_ends)
