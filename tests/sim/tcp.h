/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A TCP endpoint, as real stacks are as far as a gateway in between can notice: options, windows
 * that close and open with a slow reader, zero-window probes, delayed ACKs, an out-of-order queue,
 * retransmission by time and by duplicate ACKs, PAWS (RFC 7323, 5), resets and ACKs checked as RFC
 * 5961 says, keep-alives, half-close, super-packets. What is crafted it refuses as Linux does.
 *
 * It keeps both streams from their first byte, so that they can be compared at the end. Positions
 * count from the initial number: 0 is the SYN, 1 the first byte.
 *
 * What no correct peer does is remembered in wrong: the first such thing ends the run.
 */
#ifndef TCP_H
#define TCP_H

#include "wire.h"

#define TCP_STREAM_MAX (1u << 20)
#define TCP_NEVER UINT64_MAX
#define TCP_PAYLOAD_MAX 60000 /* of a super-packet */
#define TCP_ECN_MASK 3        /* in the byte of the type of service */
#define TCP_ECN_CE 3

enum tcp_state {
	TCP_LISTEN = 0,
	TCP_SYN_SENT,
	TCP_SYN_RECEIVED,
	TCP_OPEN,
	TCP_RESET, /* by the other side */
	TCP_ABORTED,
	TCP_GAVE_UP, /* retransmitted too often */
	TCP_STATE_COUNT
};

struct tcp_config {
	struct hb_endpoint local, peer;
	uint32_t iss;
	uint32_t clock_offset, clock_hz; /* of timestamps */
	uint8_t options;                 /* HB_TCPOPT_TIMESTAMP, _SACK_OK, _WSCALE: what it does */
	uint8_t wscale, ttl;
	uint16_t mss;
	uint32_t buffer_bytes;
	/* A reader that takes so many bytes at such intervals; 0: one that takes all at once. */
	int32_t read_bytes;
	uint64_t read_every_ns;
	uint64_t keepalive_ns; /* probes an idle connection; 0: never */
	bool keepalive_byte;   /* with a byte that was sent before, as old stacks do */
	bool probe_byte; /* probes a closed window with the next byte, not with an old number */
	bool offloads;   /* leaves segmentation and checksums to its device */
	bool ecn;        /* asks for it, and grants it */
	uint8_t ect;     /* how it marks what is ECN-capable: 1 or 2 */
	bool refuses;    /* answers a SYN with RST */
	bool lenient;    /* knows that segments come without timestamps */
};

struct tcp {
	struct tcp_config config;
	void (*send)(void *ctx, const uint8_t *data, size_t len, struct wire_offload offload);
	void *ctx;
	enum tcp_state state;
	const char *wrong;
	uint8_t granted;
	uint8_t peer_shift;
	uint16_t peer_mss, ip_id;

	/* sending */
	uint8_t *out;
	bool *sacked;
	int32_t out_len, una, nxt, max, rexmit, recover;
	int32_t sack_max; /* behind the last byte that was selectively acknowledged */
	bool closing;     /* a FIN stands behind the last byte */
	bool recovering;
	int64_t window, max_window, cwnd;
	uint32_t wl1, wl2;
	unsigned dup_acks, tries, keepalive_tries;
	uint64_t rto_ns, timer_ns, rtt_start_ns;
	int32_t rtt_at;

	/* receiving */
	uint8_t *in;
	bool *have;
	uint32_t irs, ts_recent, last_ack_sent;
	int32_t rcv_nxt, rcv_max, fin_at; /* fin_at 0: not known */
	int32_t taken, edge; /* bytes that the reader has; behind the window as it was offered */
	bool overrun;        /* it got more than its window had room for */
	int32_t conflict_at; /* where it got two versions of one byte; 0: nowhere */
	bool *urgent;        /* bytes that were marked so */
	int32_t urgent_end;
	unsigned unacked_segments;
	uint64_t ack_due_ns, read_due_ns, keepalive_due_ns;

	int32_t path_bytes; /* the longest packet that routers let pass; 0: not known */
	unsigned errors;

	bool ecn;        /* both have it */
	bool ecn_echoes; /* CE came, and no CWR yet */
	bool cwr_due;
	int32_t cwr_at; /* an ECE counts when all below it is acknowledged */
	unsigned ce_seen, ece_seen;

	uint32_t first_ts;
	uint64_t questioned_ns; /* when a stray segment without payload was answered last */
	unsigned paws_drops, retransmissions, bad_sums;
};

/* Takes memory for its streams; listens until tcp_connect(). False: none left. */
bool tcp_init(struct tcp *tcp, const struct tcp_config *config,
	      void (*send)(void *ctx, const uint8_t *data, size_t len, struct wire_offload offload),
	      void *ctx);
void tcp_fini(struct tcp *tcp);

void tcp_connect(struct tcp *tcp, uint64_t now);
void tcp_input(struct tcp *tcp, const struct hb_packet *packet, uint64_t now);
/* tcp_error.c: an ICMP error about a packet of its own. */
void tcp_error(struct tcp *tcp, const struct hb_packet *error, uint64_t now);

void tcp_write(struct tcp *tcp, const uint8_t *bytes, size_t len, uint64_t now);
void tcp_close(struct tcp *tcp, uint64_t now); /* says that no more is written */
void tcp_abort(struct tcp *tcp, uint64_t now);

/* When tcp_timer() is due; TCP_NEVER for not at all. */
uint64_t tcp_deadline(const struct tcp *tcp);
void tcp_timer(struct tcp *tcp, uint64_t now);

/* How many bytes came in order. */
static inline int32_t tcp_in_len(const struct tcp *tcp)
{
	int32_t end = tcp->rcv_nxt - 1;

	if (tcp->fin_at != 0 && tcp->rcv_nxt > tcp->fin_at)
		end--;
	return end < 0 ? 0 : end;
}

static inline bool tcp_peer_closed(const struct tcp *tcp)
{
	return tcp->fin_at != 0 && tcp->rcv_nxt > tcp->fin_at;
}

/* Both sides have closed, and know it. */
static inline bool tcp_done(const struct tcp *tcp)
{
	return tcp_peer_closed(tcp) && tcp->closing && tcp->una == tcp->out_len + 2;
}

static inline bool tcp_is_over(const struct tcp *tcp)
{
	return tcp->state > TCP_OPEN || tcp_done(tcp);
}

/* tcp_ecn.c: the peer's SYN, what a segment's flags and ECN bits will be (fresh: new data), what came. */
void tcp_ecn_open(struct tcp *tcp, const struct hb_packet *packet);
uint8_t tcp_ecn_output(struct tcp *tcp, uint8_t *flags, bool fresh);
void tcp_ecn_input(struct tcp *tcp, const struct hb_packet *packet);

/* tcp_send.c */
uint32_t tcp_clock(const struct tcp *tcp, uint64_t now);
void tcp_emit(struct tcp *tcp, int32_t at, uint8_t flags, int32_t len, uint64_t now);
void tcp_emit_ack(struct tcp *tcp, uint64_t now);
void tcp_emit_reset(struct tcp *tcp, const struct hb_packet *packet);
void tcp_push(struct tcp *tcp, uint64_t now);
/* Begins again behind what was acknowledged: what is under way was too long. */
void tcp_resend(struct tcp *tcp, uint64_t now);
/* What the window is now, as a header has it. */
uint16_t tcp_window(struct tcp *tcp, bool syn);
void tcp_acknowledged(struct tcp *tcp, const struct hb_packet *packet, uint64_t now);

#endif
