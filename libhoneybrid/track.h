/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is known of a TCP session between the client and the honeypot that serves it, told from the
 * packets that pass. State follows what the honeypot takes: see track.c.
 */
#ifndef HB_TRACK_H
#define HB_TRACK_H

#include "iplook.h"

/* Bits of hb_track.flags. */
enum {
	HB_TRACK_SYN_ACK = 0x01,     /* the server answered the client's SYN */
	HB_TRACK_ESTABLISHED = 0x02, /* an ACK of the SYN-ACK was passed to the server */
	HB_TRACK_CLIENT_FIN = 0x04,  /* a FIN of the client was passed on */
	HB_TRACK_SERVER_FIN = 0x08,  /* a FIN of the server was passed on */
	HB_TRACK_RESET = 0x10,       /* a RST that counts was passed on, either way */
	/* It was the client's, and an ACK of more than its number tells that the server did not heed it. */
	HB_TRACK_RESET_DOUBTED = 0x1000,
	HB_TRACK_RESET_AT_NEXT = 0x2000, /* its number is client_next; otherwise server_ack */
	HB_TRACK_SERVER_PSH = 0x20,      /* the server's last data ended with PSH */
	HB_TRACK_MIDSTREAM = 0x40,       /* no SYN was seen: numbers are not known from the start */
	HB_TRACK_ECN = 0x80,             /* the server granted ECN */
	/* A RST in the window of a decided flow, that may be where the server expects it. */
	HB_TRACK_RESET_UNSURE = 0x400,
	/* Decided: ends matter still; how far the client is the server says, nobody sums the data. */
	HB_TRACK_LOOSE = 0x100,
	/* The client knows the SYN-ACK's number: it said so in a packet that may not count otherwise. */
	HB_TRACK_CLIENT_REAL = 0x800,
	HB_TRACK_SERVER_ENDED = 0x200, /* the server's FIN came first: it waits in TIME-WAIT */
};

/* What a SYN of the client's says. */
struct hb_syn {
	uint32_t isn;
	uint32_t ts;
	uint16_t mss, window;
	uint8_t wscale, ttl;
	uint8_t offered; /* HB_TCPOPT_* */
	bool wants_ecn : 1;
	bool is_there : 1; /* false: there is none */
};

struct hb_track {
	uint32_t client_isn;
	uint32_t client_next; /* behind the client's last byte that was passed on in order */
	uint32_t client_ack;  /* highest ACK of the client */
	union {
		struct { /* from the SYN-ACK on: */
			uint32_t server_isn;
			uint32_t server_next; /* behind the server's last byte that was passed on */
			uint32_t server_ts;   /* last TSval that the client was shown */
			uint32_t server_ts_ms; /* when, in milliseconds since the flow started */
		};
		/* Until then: another SYN. Which of the two counts the SYN-ACK tells. */
		struct hb_syn other_syn;
	};
	uint32_t server_ack; /* highest ACK that the client was shown */
	uint32_t edge;       /* highest ACK + window that the client was shown */
	uint32_t client_ts;  /* TS.Recent of the client's stream (RFC 7323, 4.3) */
	uint16_t client_mss;
	uint16_t client_window; /* last one, unscaled */
	uint16_t flags;         /* HB_TRACK_* */
	uint8_t client_wscale,
		server_wscale;          /* shifts in force: 0 unless both offered the option */
	uint8_t offered, granted;       /* HB_TCPOPT_* in the SYN; in the SYN-ACK as well */
	uint8_t client_ttl, server_ttl; /* as they come in here */
	struct hb_iplook look;          /* of what the client was shown */
};

/* Starts from the flow's first packet. */
void hb_track_init(struct hb_track *track, const struct hb_packet *packet);

/*
 * A SYN that the server has not answered, and may still: of two the one that got further, or the older.
 * is_there is false if there is none.
 */
struct hb_syn hb_track_unanswered(const struct hb_track *track);

/*
 * The session's SYN came when another one of the client's was unanswered. With another number it may be
 * a new attempt, or a decoy: a server knows one of them, and its SYN-ACK tells which.
 */
void hb_track_begins_after(struct hb_track *track, const struct hb_syn *before);

/* Follow a packet that is passed on to the server, or to the client. @age_ms  of the flow. */
void hb_track_client(struct hb_track *track, const struct hb_packet *packet);
void hb_track_server(struct hb_track *track, const struct hb_packet *packet, uint32_t age_ms);

/* The client's stream ends here: with its FIN, which may have come before its last bytes. */
void hb_track_client_ends(struct hb_track *track);

/* Takes notice of any packet of the client's whose checksum is right, whatever the server makes of it. */
void hb_track_note_client_real(struct hb_track *track, const struct hb_packet *packet);

/* The server echoes its TS.Recent: what we send for the client must not be older. */
void hb_track_server_echo(struct hb_track *track, const struct hb_packet *packet);

/* True if a RST of the server's may end the session: it may also answer a stray segment. */
bool hb_track_server_resets(const struct hb_track *track, const struct hb_packet *packet);

/* RFC 7323, 4.3: follows the client's clock by a segment that was summed. */
void hb_track_client_clock(struct hb_track *track, const struct hb_packet *packet);

/* What the client's ACK field and window say, where the rest of the packet is held back. */
void hb_track_client_ack(struct hb_track *track, const struct hb_packet *packet);

/*
 * True if the server would look at a segment of the client's at all: it gets there, it is not
 * wholly behind or before the window, acknowledges neither what was never sent nor what was long ago (RFC
 * 9293, 3.10.7.4; RFC 5961, 5.2), its clock does not go back (RFC 7323, 5.2), and it has no
 * signature that nobody asked for. A RST or SYN: only whether it gets there.
 */
bool hb_track_acceptable(const struct hb_track *track, const struct hb_packet *packet);

/* How far away a sender is whose TTL is this, if it begins with one of the usual values. */
unsigned hb_track_hops(uint8_t ttl);

/*
 * True if a packet of the client's does not live long enough for the way to the server, which seems
 * to be as long as the way from there.
 * @tracked  as of hb_datagram
 */
bool hb_track_dies(const struct hb_track *track, const struct hb_packet *packet, bool tracked);

/* True if the segment has a clock that went back (RFC 7323, 5.3): PAWS drops it. */
bool hb_track_clock_goes_back(const struct hb_track *track, const struct hb_packet *packet);

/* True if the server answers a segment that it does not accept with an ACK. */
bool hb_track_answers(const struct hb_track *track, const struct hb_packet *packet);

/* True if an ACK of the client's is so old that the server refuses all of the segment. */
bool hb_track_ack_is_ancient(const struct hb_track *track, const struct hb_packet *packet);

/* True if the server has acknowledged what it was never given, as far as is known here. */
bool hb_track_took_unseen(const struct hb_track *track, const struct hb_packet *packet);

/* How much of the segment's payload lies within the server's window. */
size_t hb_track_usable(const struct hb_track *track, const struct hb_packet *packet);

/* True if the segment's payload starts at or before the next expected byte and brings a new one. */
bool hb_track_in_order(const struct hb_track *track, const struct hb_packet *packet);

/* True if neither side will send any more: both sent a FIN, or one reset. */
bool hb_track_closed(const struct hb_track *track);

/*
 * True if a SYN on a session that both sides have closed opens a new one: a server that closed first
 * waits for a while, and wants a number or a timestamp that is newer (RFC 9293, 3.10.7.4; RFC 6191).
 */
bool hb_track_may_reopen(const struct hb_track *track, const struct hb_packet *syn);

/* True if no byte and no FIN is left that may have to be repeated. */
bool hb_track_all_acknowledged(const struct hb_track *track);

/* Sequence numbers that a segment takes: payload, and one each for SYN and FIN. */
uint32_t hb_track_segment_len(const struct hb_packet *packet);

/* Payload that the client takes in one segment: its MSS, less the options of every segment. */
uint16_t hb_track_client_payload(const struct hb_track *track);

/* Payload of the client's that was passed on in order; 0 if the session's start was not seen. */
uint32_t hb_track_client_bytes(const struct hb_track *track);

/* Payload of the server's that was passed on; 0 if the session's start was not seen. */
uint32_t hb_track_server_bytes(const struct hb_track *track);

/* The window that the client offers, in bytes. */
uint32_t hb_track_client_window_bytes(const struct hb_track *track);

/*
 * The window field of a packet of ours with this ACK, so that the edge that the client knows stays
 * where it is. Rounded up, as Linux does: what is rounded down takes back what was promised.
 */
uint16_t hb_track_keep_edge(const struct hb_track *track, uint32_t ack);

/*
 * True if who sends to the client waits for it to open its window: no room for a segment, nor for
 * half of the largest window (RFC 9293, 3.8.6.2.1); 0 if that is not known.
 */
bool hb_track_client_is_full(const struct hb_track *track, uint32_t largest_window);

/* What the server's timestamp clock, taken as 1 kHz, shows the client at age_ms. */
uint32_t hb_track_server_ts_at(const struct hb_track *track, uint32_t age_ms);

#endif
