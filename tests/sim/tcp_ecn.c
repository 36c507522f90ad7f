/* SPDX-License-Identifier: BSD-2-Clause */
/* ECN as RFC 3168 has it: 6.1.1 to 6.1.6. */
#include "tcp.h"

void tcp_ecn_open(struct tcp *tcp, const struct hb_packet *packet)
{
	uint8_t asks = HB_TCP_ECE | HB_TCP_CWR, flags = packet->tcp_flags & asks;
	bool answers = packet->tcp_flags & HB_TCP_ACK;

	if (answers && !tcp->config.ecn && flags != 0)
		tcp->wrong = "is granted ECN that it did not ask for";
	if (packet->tos & TCP_ECN_MASK)
		tcp->wrong = "gets a SYN that is ECN-capable";
	tcp->ecn = tcp->config.ecn && flags == (answers ? HB_TCP_ECE : asks);
}

uint8_t tcp_ecn_output(struct tcp *tcp, uint8_t *flags, bool fresh)
{
	if (*flags & HB_TCP_SYN) {
		bool answers = *flags & HB_TCP_ACK;

		if (answers ? tcp->ecn : tcp->config.ecn)
			*flags |= answers ? HB_TCP_ECE : HB_TCP_ECE | HB_TCP_CWR;
		return 0;
	}
	if (!tcp->ecn || !(*flags & HB_TCP_ACK) || (*flags & HB_TCP_RST))
		return 0;
	if (tcp->ecn_echoes)
		*flags |= HB_TCP_ECE;
	if (fresh && tcp->cwr_due) {
		*flags |= HB_TCP_CWR;
		tcp->cwr_due = false;
	}
	return fresh ? tcp->config.ect : 0;
}

/* Once a window, and not while it recovers from a loss. */
static void slow_down(struct tcp *tcp, int32_t ack)
{
	int64_t least = tcp->peer_mss;

	tcp->ece_seen++;
	if (ack <= tcp->cwr_at)
		return;
	tcp->cwnd = tcp->cwnd / 2 > least ? tcp->cwnd / 2 : least;
	tcp->cwr_at = tcp->max;
	tcp->cwr_due = true;
}

void tcp_ecn_input(struct tcp *tcp, const struct hb_packet *packet)
{
	uint8_t mark = packet->tos & TCP_ECN_MASK;
	uint8_t flags = packet->tcp_flags & (HB_TCP_ECE | HB_TCP_CWR);

	if (!tcp->ecn) {
		if ((mark != 0 || flags != 0) && !tcp->config.lenient)
			tcp->wrong = "gets ECN that it did not agree to";
		return;
	}
	if (mark != 0 && packet->payload_len == 0 && !tcp->config.lenient)
		tcp->wrong = "gets a segment without data that is ECN-capable";
	if (flags & HB_TCP_CWR)
		tcp->ecn_echoes = false;
	if (mark == TCP_ECN_CE) {
		tcp->ecn_echoes = true;
		tcp->ce_seen++;
	}
	if (flags & HB_TCP_ECE)
		slow_down(tcp, (int32_t)(packet->ack - tcp->config.iss));
}
