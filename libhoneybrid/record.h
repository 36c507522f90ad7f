/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The client's part of a dialogue, as the frontend took it: what is replayed to a backend.
 *
 * TCP: turns of a stream; the client's chunks with equal ACK are one turn, since the client had
 * seen the same when it sent them. UDP: a turn is a datagram.
 */
#ifndef HB_RECORD_H
#define HB_RECORD_H

#include "stream.h"

struct hb_turn {
	uint32_t end; /* behind the turn's last byte (TCP: sequence number; UDP: offset) */
	uint32_t ack; /* TCP: what the client had seen of the server's stream */
	uint32_t
		silence_ms; /* TCP: how long the frontend was silent at most, until it had answered */
	uint32_t answers;   /* UDP: datagrams that the frontend answered with */
	uint32_t answer_bytes; /* UDP: and their payload */
};

/*
 * A piece that came before the one ahead of it, kept since the client will not repeat it. Pieces do
 * not overlap.
 */
struct hb_early_piece {
	struct hb_early_piece *next;
	uint32_t seq;
	uint32_t len;
	uint8_t data[];
};

/* Urgent marks that are remembered; a session with more is not replayed. */
#define HB_URGENT_MAX 16

struct hb_record {
	struct hb_stream stream;
	struct hb_turn *turns;
	uint32_t turn_count, turn_cap;
	uint32_t segments;              /* for the limit in packets */
	uint32_t urgent[HB_URGENT_MAX]; /* bytes that were marked so, by sequence number */
	uint32_t urgent_count;
	uint32_t largest_window;      /* that the client offered, in bytes */
	uint64_t spoke_ns;            /* TCP: when the client or the frontend spoke last */
	struct hb_early_piece *early; /* by sequence number */
	size_t early_bytes;           /* memory that they take */
	bool fin_early;               /* a FIN came before what is ahead of it, */
	uint32_t fin_at;              /* and stands here */
	bool cut_short;               /* an early piece found no room behind the stream */
	bool given_up;                /* a limit was reached: the flow can no longer be replayed */
};

/*
 * All that a record takes counts against the budget, its turns and itself as well (rule 33).
 * NULL if memory or budget are short; given: free with hb_record_free(). @base as of hb_stream.
 */
struct hb_record *hb_record_new(struct hb_budget *budget, uint32_t base);
void hb_record_free(struct hb_record *record, struct hb_budget *budget);

/* Gives the memory back and remembers that a limit was reached. */
void hb_record_give_up(struct hb_record *record, struct hb_budget *budget);

/*
 * Takes TCP payload that was passed to the frontend. What the stream already has is left alone (the
 * first copy counts); what comes too early is kept aside, and joined when the hole is filled. There
 * the last copy counts: hb_copies_unify() has made it what the frontend takes.
 * @ack  the segment's ACK field.
 */
void hb_record_tcp(struct hb_record *record, struct hb_budget *budget, uint32_t seq,
		   const uint8_t *payload, size_t len, uint32_t ack);

/* Takes note of a window that the client offered, in bytes. */
void hb_record_window(struct hb_record *record, uint32_t window);

/*
 * Takes the urgent pointer of a segment, before its payload: what it points at is not recorded yet,
 * or it is no news (handover rule 26).
 */
void hb_record_urgent(struct hb_record *record, uint32_t seq, uint16_t pointer);

/* Finds the first marked byte from seq on, before end. */
bool hb_record_find_urgent(const struct hb_record *record, uint32_t seq, uint32_t end,
			   uint32_t *mark);

/* TCP: the client or the frontend said something new; the frontend's silence before it is noted. */
void hb_record_client_spoke(struct hb_record *record, uint64_t now_ns);
void hb_record_frontend_spoke(struct hb_record *record, uint64_t now_ns);

/* Takes a client's datagram. */
void hb_record_udp(struct hb_record *record, struct hb_budget *budget, const uint8_t *payload,
		   size_t len);

/* Moves early pieces that follow the stream's end to it; returns how many bytes came. */
size_t hb_record_join_early(struct hb_record *record, struct hb_budget *budget);

/*
 * The stream as it will be once a segment is taken, and what came early joined: nothing is taken.
 *
 * @len     gets its length; without the segment where memory or budget are short.
 * Returns  borrowed until the record changes; NULL if it is empty.
 */
const uint8_t *hb_record_preview(struct hb_record *record, struct hb_budget *budget, uint32_t seq,
				 const uint8_t *payload, size_t payload_len, size_t *len);

/* Counts a datagram with which the frontend answered the last one of the client's. */
void hb_record_udp_answer(struct hb_record *record, size_t len);

/* Payload of datagram i of a UDP record, perhaps NULL if empty. Borrowed until the record changes. */
const uint8_t *hb_record_datagram(const struct hb_record *record, uint32_t i, size_t *len);

#endif
