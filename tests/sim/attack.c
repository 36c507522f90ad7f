/* SPDX-License-Identifier: BSD-2-Clause */
#include "attack.h"

#include "app.h"

#include <string.h>

#define PAYLOAD_MAX 600
#define TINY_PIECES 12
#define FAR (1 << 22) /* behind every window */
#define KIND_TIMESTAMP 8
#define KIND_MD5 19

/* Whose byte it is: which request, and where in it. */
static unsigned request_at(const struct plan *plan, int32_t *at)
{
	unsigned turn = 1;

	while (turn < plan->turns && *at >= plan->requests[turn].len)
		*at -= plan->requests[turn++].len;
	return turn;
}

static int32_t stream_len(const struct plan *plan)
{
	int32_t len = 0;

	for (unsigned turn = 1; turn <= plan->turns; turn++)
		len += plan->requests[turn].len;
	return len;
}

uint8_t attack_byte(const struct plan *plan, enum attack_version version, int32_t at)
{
	unsigned turn = request_at(plan, &at);
	uint8_t real = app_byte(plan, ROLE_CLIENT, turn, at);

	if (version == ATTACK_POISON)
		return real ^ 0x81;
	/* What tells the server the length is never another. */
	return version == ATTACK_OTHER && at >= APP_REQUEST_HEAD ? real ^ 0x40 : real;
}

void attack_init(struct attacker *attacker, const struct plan *plan, struct tcp *tcp,
		 void (*send)(void *ctx, const uint8_t *data, size_t len,
			      struct wire_offload offload),
		 void *ctx)
{
	*attacker = (struct attacker){ .plan = plan,
				       .rng = plan->attack,
				       .tcp = tcp,
				       .send = send,
				       .ctx = ctx,
				       .due_ns = plan->crafts != 0 ? plan->craft_ns : TCP_NEVER };
}

static bool does(const struct attacker *attacker, enum plan_craft craft)
{
	return attacker->plan->crafts & 1u << craft;
}

/* Now and then in fragments; the first has the whole TCP header (RFC 7112). */
static struct wire_offload cut(struct attacker *attacker, const uint8_t *buf, size_t len)
{
	struct wire_offload offload = { .partial = false };
	struct hb_packet packet;

	if (!does(attacker, CRAFT_FRAGMENT) || !rng_percent(&attacker->rng, 30) ||
	    hb_packet_parse(buf, len, &packet) != 0)
		return offload;
	size_t least = packet.payload_offset + 16u;
	if (len > least + 8)
		offload.pieces =
			(uint16_t)rng_range(&attacker->rng, (uint32_t)least, (uint32_t)len - 1);
	return offload;
}

static void put(struct attacker *attacker, struct wire_segment *segment)
{
	static _Thread_local uint8_t buf[WIRE_MAX];
	size_t len = wire_write(buf, segment);

	attacker->crafted++;
	attacker->send(attacker->ctx, buf, len, cut(attacker, buf, len));
}

/* A segment of the session as it should be, for position at. */
static struct wire_segment proper(const struct attacker *attacker, int32_t at, uint64_t now)
{
	struct tcp *tcp = attacker->tcp;
	struct wire_segment segment = {
		.src = tcp->config.local,
		.dst = tcp->config.peer,
		.seq = tcp->config.iss + (uint32_t)at,
		.ack = tcp->irs + (uint32_t)tcp->rcv_nxt,
		.flags = HB_TCP_ACK,
		.ttl = tcp->config.ttl,
		.ip_id = ++tcp->ip_id,
		.window = tcp_window(tcp, false),
	};

	segment.options.present = tcp->granted & HB_TCPOPT_TIMESTAMP;
	segment.options.tsval = tcp_clock(tcp, now);
	segment.options.tsecr = tcp->ts_recent;
	return segment;
}

/* Fills in payload from position at on, as long as the stream is and no longer than len. */
static void fill(const struct attacker *attacker, struct wire_segment *segment,
		 enum attack_version version, int32_t at, int32_t len)
{
	static _Thread_local uint8_t bytes[PAYLOAD_MAX];

	if (len > PAYLOAD_MAX)
		len = PAYLOAD_MAX;
	for (int32_t i = 0; i < len; i++)
		bytes[i] = attack_byte(attacker->plan, version, at - 1 + i);
	segment->payload = bytes;
	segment->payload_len = len > 0 ? (size_t)len : 0;
}

static int32_t draw(struct attacker *attacker, int32_t low, int32_t high)
{
	return high <= low ? low
			   : low + (int32_t)rng_range(&attacker->rng, 0, (uint32_t)(high - low));
}

/* The next bytes, or what would be them if there were more. */
static struct wire_segment poisoned(struct attacker *attacker, uint64_t now)
{
	int32_t at = attacker->tcp->nxt;
	struct wire_segment segment = proper(attacker, at, now);

	fill(attacker, &segment, ATTACK_POISON, at, draw(attacker, 1, 300));
	if (rng_percent(&attacker->rng, 20))
		segment.flags |= HB_TCP_FIN;
	return segment;
}

static void other_from(struct attacker *attacker, struct wire_segment *segment, int32_t at,
		       int32_t end)
{
	int32_t len = draw(attacker, 1, 300);

	fill(attacker, segment, ATTACK_OTHER, at, len < end - at ? len : end - at);
}

/* Behind the last byte that the session will ever have, and perhaps in the window. */
static uint32_t never_reached(struct attacker *attacker)
{
	return attacker->tcp->config.iss + (uint32_t)stream_len(attacker->plan) + 4 +
	       (uint32_t)draw(attacker, 0, 3000);
}

static int32_t sent_end(const struct tcp *tcp)
{
	return tcp->max <= tcp->out_len ? tcp->max : tcp->out_len + 1;
}

static void craft_copy(struct attacker *attacker, uint64_t now, bool stamped)
{
	int32_t end = sent_end(attacker->tcp), at = draw(attacker, 1, end - 1);
	struct wire_segment segment = proper(attacker, at, now);

	if (end <= 1)
		return;
	other_from(attacker, &segment, at, end);
	if (!stamped)
		segment.options.present = 0;
	put(attacker, &segment);
}

/* Written, but not sent yet; it lies in the window. */
static void craft_ahead(struct attacker *attacker, uint64_t now)
{
	struct tcp *tcp = attacker->tcp;
	int32_t end = tcp->out_len + 1, edge = tcp->una + (int32_t)tcp->window;
	int32_t at = draw(attacker, tcp->nxt > 20 ? tcp->nxt - 20 : tcp->nxt, end - 1);
	struct wire_segment segment = proper(attacker, at, now);

	if (edge < end)
		end = edge;
	if (at >= end || at < 1 || tcp->nxt >= end)
		return;
	other_from(attacker, &segment, at, end);
	put(attacker, &segment);
	if (at + (int32_t)segment.payload_len > tcp->max)
		tcp->max = at + (int32_t)segment.payload_len;
}

static void craft_syn(struct attacker *attacker, uint64_t now)
{
	struct tcp *tcp = attacker->tcp;
	const int32_t places[] = { 0, 1, tcp->una, tcp->nxt, tcp->nxt + 100, FAR, -FAR };
	struct wire_segment segment = proper(attacker, places[draw(attacker, 0, 6)], now);

	if (tcp->closing || tcp_peer_closed(tcp))
		return;
	segment.flags = HB_TCP_SYN;
	if (rng_percent(&attacker->rng, 50))
		segment.flags |= HB_TCP_ACK;
	segment.options.present = HB_TCPOPT_MSS;
	segment.options.mss = 1460;
	if (rng_percent(&attacker->rng, 50))
		fill(attacker, &segment, ATTACK_POISON, tcp->nxt, 20);
	put(attacker, &segment);
}

static void craft_reset(struct attacker *attacker, uint64_t now)
{
	struct wire_segment segment = poisoned(attacker, now);

	segment.flags = rng_percent(&attacker->rng, 50) ? HB_TCP_RST : HB_TCP_RST | HB_TCP_ACK;
	segment.seq = never_reached(attacker);
	if (rng_percent(&attacker->rng, 50) && attacker->tcp->una > 1)
		segment.seq = attacker->tcp->config.iss +
			      (uint32_t)draw(attacker, 0, attacker->tcp->una - 1);
	if (rng_percent(&attacker->rng, 50))
		segment.payload_len = 0;
	put(attacker, &segment);
}

static void craft_fin(struct attacker *attacker, uint64_t now)
{
	int32_t una = attacker->tcp->una, at = draw(attacker, 0, una - 2);
	struct wire_segment segment = proper(attacker, at, now);

	if (rng_percent(&attacker->rng, 50) || una < 2) {
		segment.seq += FAR;
	} else if (at > 0) {
		int32_t len = draw(attacker, 0, 100);
		fill(attacker, &segment, ATTACK_POISON, at,
		     len < una - 1 - at ? len : una - 1 - at);
	}
	segment.flags |= HB_TCP_FIN;
	put(attacker, &segment);
}

static void craft_flags(struct attacker *attacker, uint64_t now)
{
	static const uint8_t sets[] = {
		0,
		HB_TCP_PSH,
		HB_TCP_URG | HB_TCP_PSH,
		HB_TCP_FIN,
		HB_TCP_FIN | HB_TCP_PSH | HB_TCP_URG,
		HB_TCP_SYN | HB_TCP_FIN,
		HB_TCP_SYN | HB_TCP_RST,
		0xff,
	};
	struct wire_segment segment = poisoned(attacker, now);

	segment.flags = sets[draw(attacker, 0, 7)];
	if (segment.flags & HB_TCP_URG)
		segment.urgent = (uint16_t)draw(attacker, 0, 400);
	if (segment.flags & HB_TCP_RST)
		segment.seq = never_reached(attacker);
	if ((segment.flags & HB_TCP_SYN) &&
	    (attacker->tcp->closing || tcp_peer_closed(attacker->tcp)))
		return;
	put(attacker, &segment);
}

static void craft_checksum(struct attacker *attacker, uint64_t now)
{
	struct wire_segment segment = poisoned(attacker, now);

	segment.bad_checksum = true;
	if (rng_percent(&attacker->rng, 20))
		segment.flags |= HB_TCP_RST;
	put(attacker, &segment);
}

/* Routers and the gateway: with no more it ends there. */
static int32_t hops_to_frontend(const struct plan *plan)
{
	return (int32_t)(plan->links[ROLE_CLIENT].hops + 1 + plan->links[ROLE_FRONTEND].hops);
}

static void craft_ttl(struct attacker *attacker, uint64_t now)
{
	struct wire_segment segment = poisoned(attacker, now);

	segment.ttl = (uint8_t)draw(attacker, 1, hops_to_frontend(attacker->plan));
	if (rng_percent(&attacker->rng, 20))
		segment.flags |= HB_TCP_RST;
	put(attacker, &segment);
}

static void craft_old_stamp(struct attacker *attacker, uint64_t now)
{
	struct wire_segment segment = poisoned(attacker, now);

	if (!(segment.options.present & HB_TCPOPT_TIMESTAMP))
		return;
	segment.options.tsval = attacker->tcp->first_ts - 1 - (uint32_t)draw(attacker, 0, FAR);
	put(attacker, &segment);
}

static void craft_ack(struct attacker *attacker, uint64_t now)
{
	struct wire_segment segment = poisoned(attacker, now);

	if (rng_percent(&attacker->rng, 50))
		segment.ack += FAR;
	else
		segment.ack = attacker->tcp->irs - (1u << 30) - (uint32_t)draw(attacker, 0, FAR);
	put(attacker, &segment);
}

static void craft_window(struct attacker *attacker, uint64_t now)
{
	struct wire_segment segment = poisoned(attacker, now);

	segment.seq += (uint32_t)FAR << draw(attacker, 0, 7);
	put(attacker, &segment);
}

static void craft_option(struct attacker *attacker, uint64_t now)
{
	static const uint8_t md5[20] = { KIND_MD5, 18, 1, 2, 3 };
	static const uint8_t bad[4][4] = { { KIND_TIMESTAMP, 0, 1, 1 },
					   { KIND_TIMESTAMP, 40, 1, 1 },
					   { 5, 3, 7, 0 },
					   { 1, 1, 1, 99 } };

	if (rng_percent(&attacker->rng, 50)) {
		struct wire_segment segment = poisoned(attacker, now);
		memcpy(segment.raw_options, md5, sizeof(md5));
		segment.raw_len = sizeof(md5);
		put(attacker, &segment);
		return;
	}
	int32_t end = sent_end(attacker->tcp), at = draw(attacker, 1, end - 1);
	struct wire_segment segment = proper(attacker, at, now);
	if (end <= 1)
		return;
	memcpy(segment.raw_options, bad[draw(attacker, 0, 3)], 4);
	segment.raw_len = 4;
	other_from(attacker, &segment, at, end);
	put(attacker, &segment);
}

static void craft_probe(struct attacker *attacker, uint64_t now)
{
	int32_t at = attacker->tcp->una - 1;
	struct wire_segment segment = proper(attacker, at, now);

	if (at > 0 && rng_percent(&attacker->rng, 50))
		fill(attacker, &segment, ATTACK_POISON, at, 1);
	put(attacker, &segment);
}

static void craft(struct attacker *attacker, enum plan_craft what, uint64_t now)
{
	static void (*const crafts[CRAFT_COUNT])(struct attacker * attacker, uint64_t now) = {
		[CRAFT_AHEAD] = craft_ahead,   [CRAFT_SYN] = craft_syn,
		[CRAFT_RESET] = craft_reset,   [CRAFT_FIN] = craft_fin,
		[CRAFT_FLAGS] = craft_flags,   [CRAFT_CHECKSUM] = craft_checksum,
		[CRAFT_TTL] = craft_ttl,       [CRAFT_OLD_STAMP] = craft_old_stamp,
		[CRAFT_ACK] = craft_ack,       [CRAFT_WINDOW] = craft_window,
		[CRAFT_OPTION] = craft_option, [CRAFT_PROBE] = craft_probe,
	};

	if (what == CRAFT_COPY || what == CRAFT_NO_STAMP)
		craft_copy(attacker, now, what == CRAFT_COPY);
	else if (crafts[what] != NULL)
		crafts[what](attacker, now);
}

uint64_t attack_deadline(const struct attacker *attacker)
{
	return tcp_is_over(attacker->tcp) ? TCP_NEVER : attacker->due_ns;
}

void attack_step(struct attacker *attacker, uint64_t now)
{
	const struct plan *plan = attacker->plan;

	if (now < attacker->due_ns || tcp_is_over(attacker->tcp))
		return;
	attacker->due_ns = now + rng_range(&attacker->rng, 1, (uint32_t)(2 * plan->craft_ns));
	/* A session that stalls would be kept busy for ever. */
	if (now > plan->impaired_until_ns)
		attacker->due_ns = TCP_NEVER;
	if (attacker->tcp->state != TCP_OPEN)
		return;
	enum plan_craft what = (enum plan_craft)rng_range(&attacker->rng, 0, CRAFT_COUNT - 1);
	if (does(attacker, what))
		craft(attacker, what, now);
}

/* Marks the last byte of a request, where the segment has one. */
static bool mark_urgent(const struct attacker *attacker, struct wire_segment *segment)
{
	int32_t at = (int32_t)(segment->seq - attacker->tcp->config.iss) - 1, end = 0;

	for (unsigned turn = 1; turn <= attacker->plan->turns; turn++) {
		end += attacker->plan->requests[turn].len;
		if (end <= at || end > at + (int32_t)segment->payload_len)
			continue;
		segment->flags |= HB_TCP_URG;
		segment->urgent = (uint16_t)(end - at);
		return true;
	}
	return false;
}

static struct wire_segment read_segment(const struct attacker *attacker,
					const struct hb_packet *packet)
{
	struct wire_segment segment = {
		.src = attacker->tcp->config.local,
		.dst = attacker->tcp->config.peer,
		.seq = packet->seq,
		.ack = packet->ack,
		.flags = packet->tcp_flags,
		.ttl = packet->ttl,
		.tos = packet->tos,
		.window = packet->window,
		.ip_id = packet->ip_id,
		.options = packet->options,
		.payload = packet->data + packet->payload_offset,
		.payload_len = packet->payload_len,
	};

	return segment;
}

/* In pieces, in any order. */
static void send_tiny(struct attacker *attacker, const struct wire_segment *whole)
{
	struct wire_segment pieces[TINY_PIECES];
	size_t at = 0, count = 0;

	while (at < whole->payload_len && count < TINY_PIECES) {
		size_t left = whole->payload_len - at, len = (size_t)draw(attacker, 1, 24);

		if (len > left || count + 1 == TINY_PIECES)
			len = left;
		pieces[count] = *whole;
		pieces[count].seq += (uint32_t)at;
		pieces[count].payload += at;
		pieces[count].payload_len = len;
		at += len;
		if (at < whole->payload_len)
			pieces[count].flags &= (uint8_t)~HB_TCP_FIN;
		count++;
	}
	for (size_t i = count; i > 0; i--) {
		size_t chosen = (size_t)draw(attacker, 0, (int32_t)i - 1);
		struct wire_segment piece = pieces[chosen];

		pieces[chosen] = pieces[i - 1];
		if (does(attacker, CRAFT_URGENT))
			mark_urgent(attacker, &piece);
		put(attacker, &piece);
	}
}

void attack_pass(struct attacker *attacker, const uint8_t *data, size_t len,
		 struct wire_offload offload)
{
	struct hb_packet packet;

	if (attacker->plan->crafts == 0 || hb_packet_parse(data, len, &packet) != 0) {
		attacker->send(attacker->ctx, data, len, offload);
		return;
	}
	struct wire_segment segment = read_segment(attacker, &packet);
	bool syn = segment.flags & HB_TCP_SYN;
	if (syn && does(attacker, CRAFT_SYN_DATA)) {
		fill(attacker, &segment, ATTACK_POISON, 1, draw(attacker, 1, 100));
		put(attacker, &segment);
	} else if (packet.payload_len > 1 && offload.gso_size == 0 && does(attacker, CRAFT_TINY) &&
		   rng_percent(&attacker->rng, 40)) {
		send_tiny(attacker, &segment);
	} else if (!syn && offload.gso_size == 0 && does(attacker, CRAFT_URGENT) &&
		   mark_urgent(attacker, &segment)) {
		put(attacker, &segment);
	} else if (!syn && offload.gso_size == 0 && does(attacker, CRAFT_FRAGMENT)) {
		put(attacker, &segment);
	} else {
		attacker->send(attacker->ctx, data, len, offload);
	}
}
