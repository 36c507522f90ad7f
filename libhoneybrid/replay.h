/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TCP towards a honeypot, spoken in the client's name: connects to the backend, repeats the
 * client's turns, acknowledges and discards the answers; sends again what got lost.
 */
#ifndef HB_REPLAY_H
#define HB_REPLAY_H

#include "flow.h"

struct hb_core;
struct hb_handover;

struct hb_replay {
	/* Towards the honeypot, in the client's numbers. */
	uint32_t una, nxt; /* first unacknowledged; next to send */
	uint32_t limit;    /* nothing is sent beyond */
	uint32_t window;   /* that the honeypot offers, in bytes */
	uint16_t mss;      /* payload bytes a segment */
	uint8_t dup_acks;
	uint8_t tries; /* of the segment at una */
	uint64_t rto_ns;
	uint64_t resend_ns; /* when to send again; 0: nothing is on its way */
	uint64_t sent_ns;   /* when the SYN left */
	uint64_t rtt_ns;    /* measured at the handshake; 0: unknown */

	/* From the backend, in its numbers. */
	bool connected;
	bool heard; /* something behind the SYN-ACK: it knows that it is connected, too */
	uint32_t rcv_nxt;
	uint32_t rcv_max; /* behind the last byte seen; beyond rcv_nxt while there is a gap */
	uint32_t ts;      /* its TSval to echo */
	uint8_t offered, granted; /* HB_TCPOPT_* in our SYN; in its SYN-ACK as well */
	uint8_t shift, ttl;
	bool refuses_ecn; /* which was offered */
	bool declined;    /* a SYN-ACK was, with this number: copies of it are no answer */
	uint32_t declined_isn;
	struct hb_iplook look;

	/* The dialogue: which answer is awaited, 0 being what comes before the client spoke. */
	uint32_t answer;
	uint32_t answer_bytes; /* so far */
	bool answer_psh;       /* its last segment had PSH */
	bool answer_short;     /* the frontend's was longer, and there is time to wait for more */
	uint64_t answer_since_ns, answer_byte_ns;
	uint64_t acked_ns;          /* when the backend last took something */
	uint64_t answer_gap_ns;     /* longest silence in it so far */
	uint32_t last_answer_bytes; /* of the one before */
};

/* Sends the SYN. */
void hb_replay_connect(struct hb_core *core, struct hb_handover *handover);

/* What a packet of the backend's meant. */
enum hb_replay_result {
	HB_REPLAY_GOES_ON = 0,
	HB_REPLAY_REFUSED, /* RST to our SYN */
	HB_REPLAY_RESET,   /* RST later */
	HB_REPLAY_CLOSED,  /* FIN in an answer that is discarded */
};

/* Takes a packet of the backend's before commit. */
enum hb_replay_result hb_replay_input(struct hb_core *core, struct hb_handover *handover,
				      const struct hb_packet *packet);

/* Takes the ACK field of the honeypot that serves after commit or undo, for what is still owed. */
void hb_replay_acknowledged(struct hb_core *core, struct hb_handover *handover,
			    const struct hb_packet *packet);

/* Goes on to the next turn where the awaited answer is complete. */
void hb_replay_advance(struct hb_core *core, struct hb_handover *handover);

/* Sends what may be sent: from nxt to limit, within the window. */
void hb_replay_push(struct hb_core *core, struct hb_handover *handover, enum hb_leg leg);

/* A bare ACK to the backend. */
void hb_replay_ack(struct hb_core *core, struct hb_handover *handover);

/* RST to the backend, with the number that it expects. */
void hb_replay_reset(struct hb_core *core, struct hb_handover *handover);

/*
 * A router reports that a segment for a honeypot, which began at seq, was longer than its next link takes:
 * shorter ones from now on, and if it was ours it is sent again at once.
 * @mss  that would have fit
 */
void hb_replay_narrow(struct hb_core *core, struct hb_handover *handover, enum hb_leg leg,
		      uint32_t seq, uint16_t mss);

/* Sends again what was not acknowledged in time. False: tried too often. */
bool hb_replay_resend(struct hb_core *core, struct hb_handover *handover, enum hb_leg leg);

/* When one of the timers above is due; UINT64_MAX for never. */
uint64_t hb_replay_deadline(const struct hb_core *core, const struct hb_handover *handover);

/* True if the backend's answers to all turns that the frontend answered are in. */
bool hb_replay_done(const struct hb_handover *handover);

#endif
