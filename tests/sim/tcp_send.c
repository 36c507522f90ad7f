/* SPDX-License-Identifier: BSD-2-Clause */
/* The sending half: segments, windows, retransmission (RFC 6298, RFC 6582, RFC 6675 in short). */
#include "tcp.h"
#include "wire.h"

#include <string.h>

#define MS UINT64_C(1000000)
#define RTO_MIN (200 * MS)
#define RTO_MAX (20000 * MS)
#define TRIES_MAX 15
#define KEEPALIVE_TRIES 9
#define SACK_SENT_MAX 3

uint32_t tcp_clock(const struct tcp *tcp, uint64_t now)
{
	uint32_t clock =
		tcp->config.clock_offset + (uint32_t)(now / 1000 * tcp->config.clock_hz / 1000000);

	return clock != 0 ? clock
			  : 1; /* Linux takes a TS.Recent of 0 for none, and old segments with it */
}

static int32_t data_end(const struct tcp *tcp)
{
	return tcp->out_len + 1;
}

static int32_t segment_bytes(const struct tcp *tcp)
{
	int32_t mss = tcp->peer_mss < tcp->config.mss ? tcp->peer_mss : tcp->config.mss;
	int32_t path = tcp->path_bytes != 0 ? tcp->path_bytes : WIRE_MTU;
	int32_t fits = path - (hb_addr_is_ipv4(&tcp->config.local.addr) ? 40 : 60);

	if (mss > fits)
		mss = fits;
	return tcp->granted & HB_TCPOPT_TIMESTAMP ? mss - 12 : mss;
}

static int64_t free_bytes(const struct tcp *tcp)
{
	int64_t room = (int64_t)tcp->config.buffer_bytes - (tcp_in_len(tcp) - tcp->taken);

	return room < 0 ? 0 : room;
}

/* What was offered once is not taken back: rounded up where the shift would do that. */
uint16_t tcp_window(struct tcp *tcp, bool syn)
{
	uint8_t shift = !syn && (tcp->granted & HB_TCPOPT_WSCALE) ? tcp->config.wscale : 0;
	int64_t field = free_bytes(tcp) >> shift;
	int64_t promised = tcp->edge > tcp->rcv_nxt ? tcp->edge - tcp->rcv_nxt : 0;

	if (field << shift < promised)
		field = (promised + (1 << shift) - 1) >> shift;
	if (field > UINT16_MAX)
		field = UINT16_MAX;
	if (tcp->rcv_nxt + (field << shift) > tcp->edge)
		tcp->edge = tcp->rcv_nxt + (int32_t)(field << shift);
	return (uint16_t)field;
}

static void find_sack(const struct tcp *tcp, struct hb_tcp_options *options)
{
	int32_t at = tcp->rcv_nxt;

	while (at < tcp->rcv_max && options->sack_count < SACK_SENT_MAX) {
		while (at < tcp->rcv_max && !tcp->have[at])
			at++;
		if (at >= tcp->rcv_max)
			break;
		options->sack[options->sack_count].left = tcp->irs + (uint32_t)at;
		while (at < tcp->rcv_max && tcp->have[at])
			at++;
		options->sack[options->sack_count++].right = tcp->irs + (uint32_t)at;
	}
	if (options->sack_count > 0)
		options->present |= HB_TCPOPT_SACK;
}

static void add_options(struct tcp *tcp, struct wire_segment *segment, uint64_t now)
{
	struct hb_tcp_options *options = &segment->options;
	bool syn = segment->flags & HB_TCP_SYN;

	if (syn) {
		options->present =
			HB_TCPOPT_MSS |
			(segment->flags & HB_TCP_ACK ? tcp->granted : tcp->config.options);
		options->mss = tcp->config.mss;
		options->wscale = tcp->config.wscale;
	} else {
		options->present = tcp->granted & HB_TCPOPT_TIMESTAMP;
		if ((tcp->granted & HB_TCPOPT_SACK_OK) && segment->payload_len == 0)
			find_sack(tcp, options);
	}
	options->tsval = tcp_clock(tcp, now);
	if (segment->flags & HB_TCP_ACK)
		options->tsecr = tcp->ts_recent;
}

static void put(struct tcp *tcp, const struct wire_segment *segment)
{
	static _Thread_local uint8_t buf[WIRE_MAX];
	struct wire_offload offload = { .partial = tcp->config.offloads };

	if (segment->payload_len > (size_t)segment_bytes(tcp))
		offload.gso_size = (uint16_t)segment_bytes(tcp);
	tcp->send(tcp->ctx, buf, wire_write(buf, segment), offload);
}

void tcp_emit(struct tcp *tcp, int32_t at, uint8_t flags, int32_t len, uint64_t now)
{
	struct wire_segment segment = {
		.src = tcp->config.local,
		.dst = tcp->config.peer,
		.seq = tcp->config.iss + (uint32_t)at,
		.flags = flags,
		.ttl = tcp->config.ttl,
		.ip_id = ++tcp->ip_id,
		.window = tcp_window(tcp, flags & HB_TCP_SYN),
		.payload = len > 0 ? tcp->out + at - 1 : NULL,
		.payload_len = (size_t)len,
	};

	if (flags & HB_TCP_ACK) {
		segment.ack = tcp->irs + (uint32_t)tcp->rcv_nxt;
		tcp->last_ack_sent = segment.ack;
		tcp->ack_due_ns = TCP_NEVER;
		tcp->unacked_segments = 0;
	}
	bool probes = tcp->window == 0 && len <= 1;
	segment.tos = tcp_ecn_output(tcp, &segment.flags, len > 0 && at >= tcp->max && !probes);
	if (len > 1 && at < tcp->max)
		tcp->retransmissions++;
	add_options(tcp, &segment, now);
	put(tcp, &segment);
}

void tcp_emit_ack(struct tcp *tcp, uint64_t now)
{
	tcp_emit(tcp, tcp->nxt > tcp->max ? tcp->nxt : tcp->max, HB_TCP_ACK, 0, now);
}

/* RFC 9293, 3.10.7.1: what belongs to no connection. */
void tcp_emit_reset(struct tcp *tcp, const struct hb_packet *packet)
{
	struct wire_segment segment = {
		.src = tcp->config.local,
		.dst = tcp->config.peer,
		.ttl = tcp->config.ttl,
		.ip_id = ++tcp->ip_id,
		.flags = HB_TCP_RST,
	};

	if (packet->tcp_flags & HB_TCP_ACK) {
		segment.seq = packet->ack;
	} else {
		segment.flags |= HB_TCP_ACK;
		segment.ack = packet->seq + (uint32_t)packet->payload_len +
			      (packet->tcp_flags & (HB_TCP_SYN | HB_TCP_FIN) ? 1 : 0);
	}
	put(tcp, &segment);
}

/* One segment from at on; returns where it ends. */
static int32_t send_from(struct tcp *tcp, int32_t at, int32_t limit, uint64_t now)
{
	int32_t len = limit - at;
	uint8_t flags = HB_TCP_ACK;

	int32_t most = segment_bytes(tcp);

	if (tcp->config.offloads && at >= tcp->max)
		most *= TCP_PAYLOAD_MAX / most;
	if (len > most)
		len = most;
	if (len > 0 && at + len == data_end(tcp))
		flags |= HB_TCP_PSH;
	if (tcp->closing && at + len == data_end(tcp))
		flags |= HB_TCP_FIN;
	tcp_emit(tcp, at, flags, len, now);
	return at + len + (flags & HB_TCP_FIN ? 1 : 0);
}

static void arm(struct tcp *tcp, uint64_t now)
{
	int32_t end = data_end(tcp) + (tcp->closing ? 1 : 0);

	if (tcp->una >= end)
		tcp->timer_ns = TCP_NEVER;
	else if (tcp->timer_ns == TCP_NEVER)
		tcp->timer_ns = now + tcp->rto_ns;
}

void tcp_push(struct tcp *tcp, uint64_t now)
{
	int64_t room = tcp->window < tcp->cwnd ? tcp->window : tcp->cwnd;
	int32_t edge = tcp->una + (int32_t)room;

	if (tcp->state != TCP_OPEN)
		return;
	while (tcp->nxt < data_end(tcp)) {
		int32_t limit = edge < data_end(tcp) ? edge : data_end(tcp);
		bool whole = limit - tcp->nxt >= segment_bytes(tcp) || limit == data_end(tcp);

		if (limit <= tcp->nxt || (!whole && tcp->nxt > tcp->una))
			break;
		if (tcp->rtt_at == 0 && tcp->nxt == tcp->max) {
			tcp->rtt_at = tcp->nxt + 1;
			tcp->rtt_start_ns = now;
		}
		tcp->nxt = send_from(tcp, tcp->nxt, limit, now);
		if (tcp->nxt > tcp->max)
			tcp->max = tcp->nxt;
	}
	if (tcp->closing && tcp->nxt == data_end(tcp))
		tcp->nxt = send_from(tcp, tcp->nxt, tcp->nxt, now);
	if (tcp->nxt > tcp->max)
		tcp->max = tcp->nxt;
	arm(tcp, now);
}

static void back_off(struct tcp *tcp, uint64_t now)
{
	if (++tcp->tries > TRIES_MAX) {
		tcp->state = TCP_GAVE_UP;
		return;
	}
	tcp->rto_ns = tcp->rto_ns * 2 < RTO_MAX ? tcp->rto_ns * 2 : RTO_MAX;
	tcp->timer_ns = now + tcp->rto_ns;
	tcp->rtt_at = 0;
	if (tcp->state == TCP_SYN_SENT)
		tcp_emit(tcp, 0, HB_TCP_SYN, 0, now);
	else if (tcp->state == TCP_SYN_RECEIVED)
		tcp_emit(tcp, 0, HB_TCP_SYN | HB_TCP_ACK, 0, now);
}

static void retransmit(struct tcp *tcp, uint64_t now)
{
	tcp->retransmissions++;
	tcp->cwnd = segment_bytes(tcp);
	tcp->recovering = false;
	tcp->dup_acks = 0;
	memset(tcp->sacked, 0, (size_t)tcp->max + 1);
	tcp->nxt = tcp->una;
	tcp->sack_max = tcp->una;
	if (tcp->window == 0 && tcp->una < data_end(tcp) && !tcp->config.probe_byte) {
		tcp_emit(tcp, tcp->una - 1, HB_TCP_ACK, 0, now);
		arm(tcp, now);
		return;
	}
	if (tcp->window == 0 && tcp->una < data_end(tcp)) {
		tcp->nxt = send_from(tcp, tcp->una, tcp->una + 1, now); /* a probe */
		if (tcp->nxt > tcp->max)
			tcp->max = tcp->nxt;
	}
	tcp_push(tcp, now);
}

void tcp_resend(struct tcp *tcp, uint64_t now)
{
	tcp->recovering = false;
	tcp->dup_acks = 0;
	tcp->rtt_at = 0;
	memset(tcp->sacked, 0, (size_t)tcp->max + 1);
	tcp->nxt = tcp->una;
	tcp->sack_max = tcp->una;
	tcp_push(tcp, now);
}

uint64_t tcp_deadline(const struct tcp *tcp)
{
	uint64_t at = tcp->timer_ns;

	if (tcp->state > TCP_OPEN)
		return TCP_NEVER;
	if (tcp->ack_due_ns < at)
		at = tcp->ack_due_ns;
	if (tcp->read_due_ns < at)
		at = tcp->read_due_ns;
	return tcp->keepalive_due_ns < at ? tcp->keepalive_due_ns : at;
}

/* The reader takes some; a window that was as good as closed is opened with an ACK. */
static void read_some(struct tcp *tcp, uint64_t now)
{
	int32_t left = tcp_in_len(tcp) - tcp->taken;
	int32_t worth = segment_bytes(tcp);

	if (worth > (int32_t)tcp->config.buffer_bytes / 2)
		worth = (int32_t)tcp->config.buffer_bytes / 2;
	bool closed = tcp->edge - tcp->rcv_nxt < worth;

	tcp->taken += left < tcp->config.read_bytes ? left : tcp->config.read_bytes;
	tcp->read_due_ns = TCP_NEVER;
	if (tcp->taken < tcp_in_len(tcp))
		tcp->read_due_ns = now + tcp->config.read_every_ns;
	if (closed && free_bytes(tcp) >= worth)
		tcp_emit_ack(tcp, now);
}

static void keep_alive(struct tcp *tcp, uint64_t now)
{
	tcp->keepalive_due_ns = TCP_NEVER;
	if (tcp->state != TCP_OPEN || tcp_done(tcp))
		return;
	tcp->keepalive_due_ns = now + tcp->config.keepalive_ns;
	if (tcp->una != tcp->max)
		return;
	if (++tcp->keepalive_tries > KEEPALIVE_TRIES)
		tcp->state = TCP_GAVE_UP;
	else
		tcp_emit(tcp, tcp->una - 1, HB_TCP_ACK,
			 tcp->config.keepalive_byte && tcp->una > 1 && tcp->una <= data_end(tcp)
				 ? 1
				 : 0,
			 now);
}

void tcp_timer(struct tcp *tcp, uint64_t now)
{
	if (now >= tcp->ack_due_ns)
		tcp_emit_ack(tcp, now);
	if (now >= tcp->read_due_ns)
		read_some(tcp, now);
	if (now >= tcp->keepalive_due_ns)
		keep_alive(tcp, now);
	if (now < tcp->timer_ns)
		return;
	back_off(tcp, now);
	if (tcp->state == TCP_OPEN)
		retransmit(tcp, now);
}

static void measure(struct tcp *tcp, int32_t ack, uint64_t now)
{
	if (tcp->rtt_at == 0 || ack < tcp->rtt_at)
		return;
	uint64_t rtt = now - tcp->rtt_start_ns;
	tcp->rto_ns = 2 * rtt + RTO_MIN;
	tcp->rtt_at = 0;
}

/* What is selectively acknowledged must have been sent. */
static void take_sack(struct tcp *tcp, const struct hb_packet *packet)
{
	for (unsigned i = 0; i < packet->options.sack_count; i++) {
		int32_t left = (int32_t)(packet->options.sack[i].left - tcp->config.iss);
		int32_t right = (int32_t)(packet->options.sack[i].right - tcp->config.iss);

		if (right > tcp->max || left >= right || left < 0)
			tcp->wrong = "is given a SACK block of what it never sent";
		else if (left >= tcp->una)
			memset(tcp->sacked + left, 1, (size_t)(right - left));
		if (right > tcp->sack_max && right <= tcp->max)
			tcp->sack_max = right;
	}
}

/* The next hole that was not yet filled in this recovery. */
static void fill_hole(struct tcp *tcp, uint64_t now)
{
	int32_t at = tcp->rexmit > tcp->una ? tcp->rexmit : tcp->una;
	int32_t limit;

	while (at < tcp->sack_max && tcp->sacked[at])
		at++;
	if (at != tcp->una && at >= tcp->sack_max)
		return;
	limit = at;
	while (limit < tcp->max && limit < data_end(tcp) && !tcp->sacked[limit])
		limit++;
	tcp->rexmit = send_from(tcp, at, limit, now);
}

static void duplicate_ack(struct tcp *tcp, uint64_t now)
{
	tcp->dup_acks++;
	if (tcp->dup_acks == 3 && !tcp->recovering) {
		tcp->recovering = true;
		tcp->recover = tcp->nxt;
		tcp->rexmit = tcp->una;
		tcp->cwnd = tcp->cwnd / 2 > segment_bytes(tcp) ? tcp->cwnd / 2 : segment_bytes(tcp);
		tcp->rtt_at = 0;
		fill_hole(tcp, now);
	} else if (tcp->recovering && tcp->sack_max > tcp->una) {
		fill_hole(tcp, now);
	}
}

static void update_window(struct tcp *tcp, const struct hb_packet *packet)
{
	bool newer = (int32_t)(packet->seq - tcp->wl1) > 0 ||
		     (int32_t)(packet->ack - tcp->config.iss) > tcp->una ||
		     (packet->seq == tcp->wl1 && (int32_t)(packet->ack - tcp->wl2) >= 0);

	bool old = (int32_t)(packet->ack - tcp->config.iss) < tcp->una; /* RFC 9293, 3.10.7.4 */
	if (!newer || old)
		return;
	tcp->window = (int64_t)packet->window << tcp->peer_shift;
	if (tcp->window > tcp->max_window)
		tcp->max_window = tcp->window;
	tcp->wl1 = packet->seq;
	tcp->wl2 = packet->ack;
}

/* An ACK that is not beyond what was sent. */
void tcp_acknowledged(struct tcp *tcp, const struct hb_packet *packet, uint64_t now)
{
	int32_t ack = (int32_t)(packet->ack - tcp->config.iss);
	int64_t window_before = tcp->window;

	take_sack(tcp, packet);
	update_window(tcp, packet);
	if (ack > tcp->una) {
		measure(tcp, ack, now);
		tcp->cwnd += ack - tcp->una;
		tcp->una = ack;
		if (tcp->nxt < ack)
			tcp->nxt = ack;
		tcp->dup_acks = 0;
		tcp->tries = 0;
		tcp->timer_ns = TCP_NEVER;
		if (tcp->recovering && ack >= tcp->recover)
			tcp->recovering = false;
		else if (tcp->recovering)
			fill_hole(tcp, now);
	} else if (ack == tcp->una && packet->payload_len == 0 && tcp->una < tcp->max &&
		   window_before == tcp->window && !(packet->tcp_flags & HB_TCP_FIN)) {
		duplicate_ack(tcp, now);
	} else if (tcp->window == 0) {
		tcp->tries = 0;
	}
	tcp_push(tcp, now);
}
