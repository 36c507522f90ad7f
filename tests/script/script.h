/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packet scripts: dialogues between attackers, honeypots and the engine, in virtual time.
 *
 * script_line.c cuts a line into words, script_segment.c reads a packet from them, script_parse.c a
 * whole file, script_policy.c its configuration. script_world.c knows who has which address,
 * script_packet.c makes packets, script_match.c compares them, script_print.c shows them in the
 * language of the scripts; script_play.c plays a script and script_final.c checks how it ended.
 * README.md beside this file describes the language.
 */
#ifndef SCRIPT_H
#define SCRIPT_H

#include <honeybrid/honeybrid.h>

#include <stdio.h>

#define SCRIPT_DATAGRAM_MAX 65535
#define SCRIPT_QUOTE_MAX 512
#define SCRIPT_CLIENT_PORT 40000
#define SCRIPT_ATTACKED_PORT 80

enum script_role {
	SCRIPT_NOBODY = 0,
	SCRIPT_CLIENT,
	SCRIPT_FRONTEND,
	SCRIPT_BACKEND,
	SCRIPT_GATEWAY,
	SCRIPT_OUTSIDE, /* written as an address, or one that nobody in the script has */
	SCRIPT_ROLE_COUNT
};

/* "client", "client2#40001", "backend", "192.0.2.9:80". */
struct script_who {
	enum script_role role;
	unsigned index;      /* from 1 */
	uint16_t port;       /* 0: the usual one */
	bool any_port;       /* "client#*" */
	struct hb_addr addr; /* OUTSIDE only */
};

/* Which fields of a packet a line names: bits of script_segment.has. */
#define SCRIPT_HAS_SEQ 0x001u
#define SCRIPT_HAS_ACK 0x002u
#define SCRIPT_HAS_WINDOW 0x004u
#define SCRIPT_HAS_TTL 0x008u
#define SCRIPT_HAS_TOS 0x010u
#define SCRIPT_HAS_URGENT 0x020u
#define SCRIPT_HAS_ID 0x040u
#define SCRIPT_HAS_TSVAL 0x080u
#define SCRIPT_HAS_TSECR 0x100u
#define SCRIPT_HAS_QUOTED 0x200u  /* an ICMP error's quoted sequence number */
#define SCRIPT_LENGTH_ONLY 0x400u /* expected: a payload of this length, whatever it is */
#define SCRIPT_HAS_PIECES 0x800u
#define SCRIPT_HAS_LABEL 0x1000u /* an IPv6 flow label */
#define SCRIPT_HAS_OFFSET 0x2000u
#define SCRIPT_HAS_RESERVED 0x4000u
#define SCRIPT_HAS_MARK 0x8000u /* of the datagram, not in the packet */
#define SCRIPT_HAS_INTERFACE 0x10000u

struct script_icmp_kind {
	const char *name;
	uint8_t v4_type, v4_code, v6_type, v6_code;
	bool error; /* quotes a packet */
};

/* A packet as a line writes it: to be sent, or expected. */
struct script_segment {
	uint8_t protocol; /* HB_PROTO_ICMP stands for ICMPv6 too */
	bool it;          /* expected as it was sent on the same line */
	bool unchanged;   /* and no byte of the datagram differs */
	bool gso, partial, badsum;
	bool nosum; /* UDP: its checksum is 0 */
	unsigned has;
	uint8_t tcp_flags, ttl, tos;
	uint16_t window, urgent, ip_id;
	uint16_t pieces; /* sent: in fragments of so many bytes; expected: in so many */
	uint32_t seq, ack;
	struct hb_tcp_options options; /* .present tells which */
	uint8_t raw[40];               /* sent: the bytes of all options, in their place */
	size_t raw_len;
	uint8_t ip[40]; /* options of IPv4, or of a destination options header of IPv6 */
	size_t ip_len;
	uint8_t offset,
		reserved; /* sent: where the payload seems to begin, in words; bits beside it */
	uint8_t absent;   /* HB_TCPOPT_* that must not be there */
	uint8_t *payload; /* NULL for none */
	size_t payload_len;
	const struct script_icmp_kind *icmp;
	uint32_t icmp_value; /* identifier of an echo, MTU of too-big */
	uint32_t quoted_seq;
	uint32_t label;
	uint32_t mark, interface; /* sent: by which it comes; expected: by which it leaves */
};

/* "-> WHO gets SEGMENT [from PEER]" */
struct script_expect {
	int line;
	struct script_who who;
	struct script_who peer; /* whose packet it seems to be; NOBODY: the usual one */
	struct script_segment segment;
};

enum script_action {
	SCRIPT_SEND = 0,
	SCRIPT_QUIET, /* only time passes */
	SCRIPT_STOP,  /* hb_engine_stop() */
};

struct script_step {
	int line;
	uint64_t at_ns; /* from the script's start */
	enum script_action action;
	struct script_who who;
	struct script_who peer;  /* to whom; NOBODY: the usual one */
	struct script_who about; /* ICMP errors: quote the last packet to this one */
	struct script_segment segment;
	struct script_expect *expects;
	size_t expect_count;
};

enum script_final_kind {
	SCRIPT_FINAL_HANDOVER = 0, /* event handover … */
	SCRIPT_FINAL_FAILED,       /* event handover-failed "…" */
	SCRIPT_FINAL_FLOW,         /* flow STATE … */
	SCRIPT_FINAL_COUNTER,      /* counter NAME N */
};

struct script_number {
	char name[24];
	uint64_t value;
};

/* What must be true at the end. */
struct script_final {
	int line;
	enum script_final_kind kind;
	char *text;   /* the reason, or the state's name; NULL: any */
	char *trace;  /* flow and handover: NULL for any */
	char *reason; /* flow: NULL for any */
	char *tag;    /* flow and handover: NULL for any */
	struct script_number numbers[8];
	size_t number_count;
};

struct script {
	const char *path; /* borrowed */
	char *config;     /* the configuration lines; others are left empty, so that lines count */
	bool ipv6;
	bool tracked;                /* as of hb_datagram */
	bool nothing_else;           /* "nothing else is sent" */
	struct hb_endpoint attacked; /* port 0: not said */
	bool has_attacked;
	uint16_t mtu;
	struct script_step *steps;
	size_t step_count;
	struct script_final *finals;
	size_t final_count;
};

/* script_line.c */
#define SCRIPT_WORDS_MAX 128

struct script_word {
	const char *text; /* for a string: what is between the quotes */
	size_t len;
	int column; /* from 1 */
	bool is_string;
};

/* The words of one line, and where the reader stands. */
struct script_line {
	const char *path;
	int number;
	struct script_word words[SCRIPT_WORDS_MAX];
	size_t count, next;
};

bool script_line_split(struct script_line *line, const char *text);
bool script_line_take(struct script_line *line, const char *word);
bool script_line_at_end(const struct script_line *line);
const struct script_word *script_line_word(struct script_line *line);
bool script_line_number(struct script_line *line, uint64_t max, uint64_t *value);
bool script_line_text(struct script_line *line, char **text);
/* Says what is wrong where the reader stands; false, for "return script_line_wrong(...)". */
bool script_line_wrong(const struct script_line *line, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* script_segment.c */
bool script_segment_parse(struct script_line *line, bool expected, struct script_segment *segment);
void script_segment_fini(struct script_segment *segment);
bool script_who_parse(struct script_line *line, struct script_who *who);

/* script_parse.c */
bool script_parse(const char *path, struct script *script);
void script_fini(struct script *script);

/* script_final.c: reading and checking the last lines. */
struct script_play;
bool script_final_parse(struct script_line *line, struct script *script);
bool script_final_check(struct script_play *play);

/* script_policy.c: NULL after saying what is wrong. */
struct hb_policy *script_policy_new(const struct script *script);

/* script_world.c */
struct script_world {
	bool ipv6;
	struct hb_endpoint attacked;
	const struct hb_policy *policy; /* borrowed */
};

bool script_world_init(struct script_world *world, const struct script *script,
		       const struct hb_policy *policy);
/* The address and port of someone; false if there is nobody of that name. */
bool script_world_resolve(const struct script_world *world, const struct script_who *who,
			  struct hb_endpoint *endpoint);
/* The interface by which a clone is reached; 0 for others. */
uint32_t script_world_interface(const struct script_world *world, const struct script_who *who);

/* Where a packet goes. */
struct script_place {
	struct hb_endpoint endpoint;
	uint32_t interface; /* 0: by its address alone */
};

/* Who is there; port 0 in the answer if it is the usual one. */
struct script_who script_world_find(const struct script_world *world,
				    const struct script_place *place);
#define SCRIPT_NAME_SIZE 72
const char *script_world_name(const struct script_who *who, char buf[SCRIPT_NAME_SIZE]);

/* script_packet.c */
const struct script_icmp_kind *script_packet_icmp(const struct script_word *word);
const struct script_icmp_kind *script_packet_icmp_kind(const struct hb_packet *packet);

struct script_route {
	struct hb_endpoint src, dst;
	const uint8_t *quoted; /* what an ICMP error quotes */
	size_t quoted_len;
};

/* Writes a datagram; its length, 0 if it does not fit. */
size_t script_packet_build(const struct script_segment *segment, const struct script_route *route,
			   uint8_t *buf, size_t cap);

/* script_match.c */
struct script_expectation {
	const struct script_segment *segment;
	struct hb_endpoint src, dst;
	bool any_port;            /* src may have any */
	struct hb_endpoint other; /* the receiver's partner, which an ICMP error quotes */
	const uint8_t *sent;      /* what was sent on this line, for "it"; NULL if nothing was */
	size_t sent_len;
	uint32_t pieces; /* that the datagram came in */
};

/*
 * Compares a datagram that left with what was expected.
 * @partial  a device is yet to finish its checksum.
 * Returns NULL if it fits, else what differs, in buf.
 */
const char *script_match(const struct script_expectation *expectation, const uint8_t *data,
			 size_t len, bool partial, char *buf, size_t size);

/* script_pieces.c: fragments, cut and put together again without the engine's help. */
struct script_joiner;
struct script_joiner *script_joiner_new(void);
void script_joiner_free(struct script_joiner *joiner);
/*
 * Takes a fragment that left. True: the packet is complete, in *data (borrowed), *len and *pieces.
 */
bool script_joiner_add(struct script_joiner *joiner, const struct hb_packet *piece,
		       const uint8_t **data, size_t *len, size_t *pieces);
/* Piece i, from 0, of at most so many bytes; its length, 0 behind the last one. */
size_t script_pieces_cut(const struct hb_packet *packet, size_t piece_bytes, size_t i, uint8_t *buf,
			 size_t cap);

/* script_print.c: both write one line without its end. */
void script_print_datagram(FILE *out, const uint8_t *data, size_t len);
void script_print_segment(FILE *out, const struct script_segment *segment);

/* script_play.c */
struct script_output {
	uint64_t at_ns;
	struct script_who who; /* who gets it */
	uint8_t *data;
	size_t len;
	bool partial; /* a device is yet to finish its checksum */
	uint32_t mark, interface;
	size_t pieces; /* how many fragments it left in; 1 for a whole packet */
	bool matched;
};

struct script_seen {
	struct hb_event event; /* its pointers are copied to the fields below */
	char *trace, *reason, *tag;
};

/* A packet that someone got, for ICMP errors to quote. */
struct script_last {
	struct script_who who;
	uint8_t data[SCRIPT_QUOTE_MAX];
	size_t len;
};

#define SCRIPT_LAST_MAX 512

struct script_play {
	const struct script *script;
	bool verbose;
	bool failed;
	struct script_world world;
	struct hb_engine *engine;
	uint64_t now_ns;                   /* from the script's start */
	uint8_t sent[SCRIPT_DATAGRAM_MAX]; /* on the current line */
	struct script_output *outputs;     /* of the current step */
	size_t output_count;
	struct script_seen *seen; /* handovers and ends of flows */
	size_t seen_count;
	struct script_last *last; /* a ring of SCRIPT_LAST_MAX; last_count were put in */
	size_t last_count;
	struct script_joiner *joiner;
};

bool script_play(const struct script *script, bool verbose);
/* Marks the play as failed and prints "file:line: …". */
void script_play_fail(struct script_play *play, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
