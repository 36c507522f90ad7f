/* SPDX-License-Identifier: BSD-2-Clause */
/* The receiving half: RFC 9293, 3.10.7, with PAWS (RFC 7323) and RFC 5961. */
#include "tcp.h"

#include <stdlib.h>
#include <string.h>

#define MS UINT64_C(1000000)
#define DELAYED_ACK (40 * MS)
#define INITIAL_SEGMENTS 10
#define DEFAULT_MSS 536 /* RFC 9293, 3.7.1 */
#define STREAMS 5       /* that an endpoint keeps */
#define SPARE_MAX 12
#define STRAY_ANSWERS (20 * MS) /* time between two */
#define NEXT_ISS 64000          /* how far the next connection's initial number lies */

/*
 * Streams that nobody uses: all zeros. To ask for new ones each time would take longer than all else, since
 * few of their bytes are ever written.
 */
static _Thread_local uint8_t *spare[SPARE_MAX];
static _Thread_local unsigned spare_count;

static uint8_t *take_streams(void)
{
	return spare_count > 0 ? spare[--spare_count] : calloc(STREAMS, TCP_STREAM_MAX);
}

bool tcp_init(struct tcp *tcp, const struct tcp_config *config,
	      void (*send)(void *ctx, const uint8_t *data, size_t len, struct wire_offload offload),
	      void *ctx)
{
	*tcp = (struct tcp){ .config = *config,
			     .send = send,
			     .ctx = ctx,
			     .peer_mss = DEFAULT_MSS,
			     .rto_ns = 1000 * MS,
			     .timer_ns = TCP_NEVER,
			     .ack_due_ns = TCP_NEVER,
			     .read_due_ns = TCP_NEVER,
			     .keepalive_due_ns = TCP_NEVER };
	tcp->out = take_streams();
	if (tcp->out == NULL)
		return false;
	tcp->in = tcp->out + TCP_STREAM_MAX;
	tcp->sacked = (bool *)(tcp->in + TCP_STREAM_MAX);
	tcp->have = tcp->sacked + TCP_STREAM_MAX;
	tcp->urgent = tcp->have + TCP_STREAM_MAX;
	return true;
}

void tcp_fini(struct tcp *tcp)
{
	if (tcp->out == NULL)
		return;
	memset(tcp->out, 0, (size_t)tcp->out_len);
	memset(tcp->sacked, 0, (size_t)tcp->max + 1);
	memset(tcp->in, 0, (size_t)tcp->rcv_max + 1);
	memset(tcp->have, 0, (size_t)tcp->rcv_max + 1);
	memset(tcp->urgent, 0, (size_t)tcp->urgent_end);
	if (spare_count < SPARE_MAX)
		spare[spare_count++] = tcp->out;
	else
		free(tcp->out);
	tcp->out = NULL;
}

static void start(struct tcp *tcp, enum tcp_state state, uint64_t now)
{
	tcp->state = state;
	tcp->max = tcp->nxt = 1;
	tcp->first_ts = tcp_clock(tcp, now);
	tcp->timer_ns = now + tcp->rto_ns;
}

void tcp_connect(struct tcp *tcp, uint64_t now)
{
	start(tcp, TCP_SYN_SENT, now);
	tcp_emit(tcp, 0, HB_TCP_SYN, 0, now);
}

void tcp_write(struct tcp *tcp, const uint8_t *bytes, size_t len, uint64_t now)
{
	if (len > TCP_STREAM_MAX - 8 - (size_t)tcp->out_len) {
		tcp->wrong = "writes more than the model has room for";
		return;
	}
	memcpy(tcp->out + tcp->out_len, bytes, len);
	tcp->out_len += (int32_t)len;
	tcp_push(tcp, now);
}

void tcp_close(struct tcp *tcp, uint64_t now)
{
	tcp->closing = true;
	tcp_push(tcp, now);
}

void tcp_abort(struct tcp *tcp, uint64_t now)
{
	if (tcp->state == TCP_OPEN)
		tcp_emit(tcp, tcp->nxt, HB_TCP_RST | HB_TCP_ACK, 0, now);
	tcp->state = TCP_ABORTED;
}

static void learn_peer(struct tcp *tcp, const struct hb_packet *packet)
{
	const struct hb_tcp_options *options = &packet->options;

	tcp->irs = packet->seq;
	tcp->rcv_nxt = tcp->rcv_max = tcp->edge = 1;
	tcp->granted = tcp->config.options & options->present;
	/* Nothing is left of another SYN, whose connection was given up. */
	tcp->peer_mss = options->present & HB_TCPOPT_MSS ? options->mss : DEFAULT_MSS;
	tcp->peer_shift = tcp->granted & HB_TCPOPT_WSCALE ? options->wscale : 0;
	tcp->ts_recent = options->tsval;
	tcp->window = tcp->max_window = packet->window;
	tcp->wl1 = packet->seq;
	tcp->wl2 = packet->ack;
	tcp->cwnd = INITIAL_SEGMENTS * (int64_t)tcp->peer_mss;
	tcp_ecn_open(tcp, packet);
}

static void listen_input(struct tcp *tcp, const struct hb_packet *packet, uint64_t now)
{
	if (packet->tcp_flags & HB_TCP_RST)
		return;
	if (!(packet->tcp_flags & HB_TCP_SYN) || (packet->tcp_flags & HB_TCP_ACK) ||
	    tcp->config.refuses) {
		tcp_emit_reset(tcp, packet);
		return;
	}
	learn_peer(tcp, packet);
	start(tcp, TCP_SYN_RECEIVED, now);
	tcp_emit(tcp, 0, HB_TCP_SYN | HB_TCP_ACK, 0, now);
}

static void syn_sent_input(struct tcp *tcp, const struct hb_packet *packet, uint64_t now)
{
	bool acceptable = (packet->tcp_flags & HB_TCP_ACK) && packet->ack == tcp->config.iss + 1;

	if (packet->tcp_flags & HB_TCP_RST) {
		if (acceptable)
			tcp->state = TCP_RESET;
		return;
	}
	if (!acceptable) {
		if (packet->tcp_flags & HB_TCP_ACK)
			tcp_emit_reset(tcp, packet);
		return;
	}
	if (!(packet->tcp_flags & HB_TCP_SYN))
		return;
	learn_peer(tcp, packet);
	tcp->una = 1;
	tcp->state = TCP_OPEN;
	tcp->timer_ns = TCP_NEVER;
	tcp->rto_ns = 1000 * MS;
	tcp->tries = 0;
	tcp_emit_ack(tcp, now);
}

/* What was offered; a sender may know less of it, never more. */
static int32_t receive_window(const struct tcp *tcp)
{
	return tcp->edge > tcp->rcv_nxt ? tcp->edge - tcp->rcv_nxt : 0;
}

/* Options that were not negotiated, echoes of what was never sent. */
static bool options_are_sane(struct tcp *tcp, const struct hb_packet *packet, uint64_t now)
{
	const struct hb_tcp_options *options = &packet->options;
	bool stamped = options->present & HB_TCPOPT_TIMESTAMP;
	bool resets = packet->tcp_flags & HB_TCP_RST;

	if (packet->tcp_flags & HB_TCP_SYN)
		return true; /* it offers */
	if ((options->present & HB_TCPOPT_SACK) && !(tcp->granted & HB_TCPOPT_SACK_OK))
		tcp->wrong = "gets a SACK option that was not negotiated";
	if (stamped && !(tcp->granted & HB_TCPOPT_TIMESTAMP))
		tcp->wrong = "gets a timestamp that was not negotiated";
	if (!stamped && (tcp->granted & HB_TCPOPT_TIMESTAMP) && !resets && !tcp->config.lenient)
		tcp->wrong = "gets a segment without the negotiated timestamp";
	if (stamped && (tcp->granted & HB_TCPOPT_TIMESTAMP) && (packet->tcp_flags & HB_TCP_ACK) &&
	    !resets &&
	    ((int32_t)(options->tsecr - tcp_clock(tcp, now)) > 0 ||
	     (int32_t)(options->tsecr - tcp->first_ts) < 0))
		tcp->wrong = "gets an echo of a timestamp that it never sent";
	return tcp->wrong == NULL;
}

/* True if the clock went back. */
static bool paws_refuses(struct tcp *tcp, const struct hb_packet *packet)
{
	if (!(tcp->granted & packet->options.present & HB_TCPOPT_TIMESTAMP) ||
	    (packet->tcp_flags & HB_TCP_RST))
		return false;
	if ((int32_t)(packet->options.tsval - tcp->ts_recent) < 0) {
		tcp->paws_drops++;
		return true;
	}
	return false;
}

/* RFC 7323, 5.3, R3: behind the window's test. */
static void follow_clock(struct tcp *tcp, const struct hb_packet *packet)
{
	if ((tcp->granted & packet->options.present & HB_TCPOPT_TIMESTAMP) &&
	    (int32_t)(packet->seq - tcp->last_ack_sent) <= 0)
		tcp->ts_recent = packet->options.tsval;
}

static void reset_input(struct tcp *tcp, int32_t at, uint64_t now)
{
	if (at == tcp->rcv_nxt && tcp->state == TCP_SYN_RECEIVED) {
		tcp->state = TCP_LISTEN; /* RFC 9293, 3.10.7.4; numbers come from a clock */
		tcp->config.iss += NEXT_ISS;
		tcp->una = 0;
		tcp->timer_ns = tcp->keepalive_due_ns = TCP_NEVER;
	} else if (at == tcp->rcv_nxt)
		tcp->state = TCP_RESET;
	else if (at > tcp->rcv_nxt && at < tcp->rcv_nxt + receive_window(tcp))
		tcp_emit_ack(tcp, now); /* a challenge (RFC 5961, 3.2) */
}

/* RFC 5961, 5.2. */
static bool ack_is_acceptable(const struct tcp *tcp, const struct hb_packet *packet)
{
	int32_t ack = (int32_t)(packet->ack - tcp->config.iss);

	return ack <= tcp->max && ack >= tcp->una - tcp->max_window;
}

/* Not too often, or two that disagree would never stop (as Linux). */
static void answer_stray(struct tcp *tcp, const struct hb_packet *packet, uint64_t now)
{
	bool data = packet->payload_len > 0 && !(packet->tcp_flags & HB_TCP_SYN);

	if (!data && tcp->questioned_ns != 0 && now < tcp->questioned_ns + STRAY_ANSWERS)
		return;
	if (!data)
		tcp->questioned_ns = now;
	tcp_emit_ack(tcp, now);
}

static bool ack_input(struct tcp *tcp, const struct hb_packet *packet, uint64_t now)
{
	if (!(packet->tcp_flags & HB_TCP_ACK))
		return false;
	if (tcp->state == TCP_SYN_RECEIVED) {
		if (packet->ack != tcp->config.iss + 1) {
			tcp_emit_reset(tcp, packet);
			return false;
		}
		tcp->state = TCP_OPEN;
		tcp->una = 1;
		tcp->timer_ns = TCP_NEVER;
		tcp->tries = 0;
	}
	if (!ack_is_acceptable(tcp, packet)) {
		answer_stray(tcp, packet, now);
		return false;
	}
	tcp_acknowledged(tcp, packet, now);
	return true;
}

/*
 * True if a segment counts more than what is there at pos, behind a hole: Linux lets the one win that
 * starts first, of two that start at one number the longer. Pieces without a gap count as one.
 */
static bool wins(const struct tcp *tcp, int32_t pos, int32_t at, int32_t len)
{
	int32_t start = pos, end = pos;

	if (pos < tcp->rcv_nxt)
		return false;
	while (start > tcp->rcv_nxt && tcp->have[start - 1])
		start--;
	while (end < tcp->rcv_max && tcp->have[end])
		end++;
	return at < start || (at == start && at + len > end);
}

/*
 * Keeps the bytes inside the window. All copies of one must be alike, but where a later one counts;
 * else the first does.
 */
static void store(struct tcp *tcp, const uint8_t *payload, int32_t at, int32_t len)
{
	int32_t edge = tcp->edge;
	bool newer[UINT16_MAX]; /* more than any segment carries */

	tcp->overrun = tcp->overrun || (len > 1 && at + len > edge);
	for (int32_t i = 0; i < len; i++)
		newer[i] = at + i >= 1 && at + i < edge && wins(tcp, at + i, at, len);
	for (int32_t i = 0; i < len; i++) {
		int32_t pos = at + i;

		if (pos < 1 || pos >= edge || pos >= (int32_t)TCP_STREAM_MAX - 2)
			continue;
		if (tcp->have[pos] && !newer[i]) {
			if (tcp->in[pos - 1] != payload[i] && tcp->conflict_at == 0)
				tcp->conflict_at = pos;
			continue;
		}
		tcp->in[pos - 1] = payload[i];
		tcp->have[pos] = true;
		if (pos >= tcp->rcv_max)
			tcp->rcv_max = pos + 1;
	}
	while (tcp->rcv_nxt < tcp->rcv_max && tcp->have[tcp->rcv_nxt])
		tcp->rcv_nxt++;
}

/* As Linux has it: what was taken already is not marked again. */
static void mark_urgent(struct tcp *tcp, const struct hb_packet *packet, int32_t at)
{
	int32_t mark = at + packet->urgent - 1;

	if ((packet->tcp_flags & HB_TCP_URG) && packet->urgent > 0 && mark >= tcp->rcv_nxt &&
	    mark < (int32_t)TCP_STREAM_MAX) {
		tcp->urgent[mark] = true;
		if (mark >= tcp->urgent_end)
			tcp->urgent_end = mark + 1;
	}
}

static void data_input(struct tcp *tcp, const struct hb_packet *packet, int32_t at, uint64_t now)
{
	int32_t len = (int32_t)packet->payload_len, before = tcp->rcv_nxt;
	bool fin = packet->tcp_flags & HB_TCP_FIN;
	bool hole = tcp->rcv_max > tcp->rcv_nxt;

	if (len == 0 && !fin)
		return;
	bool bare_fin = fin && len == 0 && at == tcp->rcv_nxt;
	if (at + len + fin <= tcp->rcv_nxt || (at >= tcp->edge && !bare_fin)) {
		tcp->overrun = tcp->overrun || (at >= tcp->edge && len > 1);
		tcp_emit_ack(tcp, now); /* old, or behind a window that is closed */
		return;
	}
	mark_urgent(tcp, packet, at);
	store(tcp, packet->data + packet->payload_offset, at, len);
	if (fin && tcp->fin_at != 0 && tcp->fin_at != at + len)
		tcp->wrong = "gets FINs at two places";
	if (fin && at + len <= tcp->edge)
		tcp->fin_at = at + len;
	if (tcp->fin_at != 0 && tcp->rcv_max > tcp->fin_at + 1)
		tcp->wrong = "gets data behind a FIN";
	if (tcp->fin_at != 0 && tcp->rcv_nxt == tcp->fin_at) {
		tcp->rcv_nxt++;
		tcp->rcv_max = tcp->rcv_nxt;
	}
	if (tcp->config.read_bytes == 0)
		tcp->taken = tcp_in_len(tcp);
	else if (tcp->read_due_ns == TCP_NEVER)
		tcp->read_due_ns = now + tcp->config.read_every_ns;
	if (tcp->rcv_nxt == before || hole || fin || ++tcp->unacked_segments >= 2)
		tcp_emit_ack(tcp, now);
	else if (tcp->ack_due_ns == TCP_NEVER)
		tcp->ack_due_ns = now + DELAYED_ACK;
}

static bool in_window(const struct tcp *tcp, const struct hb_packet *packet, int32_t at)
{
	int32_t end = at + (int32_t)packet->payload_len +
		      (packet->tcp_flags & (HB_TCP_FIN | HB_TCP_SYN) ? 1 : 0);

	return end >= tcp->rcv_nxt && at <= tcp->rcv_nxt + receive_window(tcp);
}

static void open_input(struct tcp *tcp, const struct hb_packet *packet, uint64_t now)
{
	int32_t at = (int32_t)(packet->seq - tcp->irs);
	int32_t end = at + (int32_t)packet->payload_len;

	if (!options_are_sane(tcp, packet, now))
		return;
	if (tcp->state == TCP_SYN_RECEIVED && (packet->tcp_flags & HB_TCP_SYN) && at == 0) {
		tcp_emit(tcp, 0, HB_TCP_SYN | HB_TCP_ACK, 0, now);
		return;
	}
	if (paws_refuses(tcp, packet)) {
		tcp_emit_ack(tcp, now);
		return;
	}
	if (packet->tcp_flags & HB_TCP_RST) {
		reset_input(tcp, at, now);
		return;
	}
	if (!in_window(tcp, packet, at)) {
		answer_stray(tcp, packet, now);
		return;
	}
	follow_clock(tcp, packet);
	if (packet->tcp_flags & HB_TCP_SYN) {
		tcp_emit_ack(tcp, now); /* RFC 5961, 4.2 */
		return;
	}
	tcp_ecn_input(tcp, packet);
	if (!ack_input(tcp, packet, now))
		return;
	data_input(tcp, packet, at, now);
	if (packet->payload_len > 0 && end <= 0)
		tcp->wrong = "gets data from before the session";
}

/* Options that were not asked for (MD5, AO) are refused, as is a checksum that is wrong. */
static bool is_refused_unseen(struct tcp *tcp, const struct hb_packet *packet)
{
	if (!hb_packet_checksum_ok(packet)) {
		tcp->bad_sums++;
		return true;
	}
	return packet->options.is_signed && !(packet->tcp_flags & HB_TCP_SYN);
}

void tcp_input(struct tcp *tcp, const struct hb_packet *packet, uint64_t now)
{
	if (is_refused_unseen(tcp, packet))
		return;
	tcp->keepalive_tries = 0;
	if (tcp->config.keepalive_ns != 0)
		tcp->keepalive_due_ns = now + tcp->config.keepalive_ns;
	switch (tcp->state) {
	case TCP_LISTEN:
		listen_input(tcp, packet, now);
		break;
	case TCP_SYN_SENT:
		syn_sent_input(tcp, packet, now);
		break;
	case TCP_SYN_RECEIVED:
	case TCP_OPEN:
		open_input(tcp, packet, now);
		break;
	default:
		if (!(packet->tcp_flags & HB_TCP_RST))
			tcp_emit_reset(tcp, packet);
	}
}
