/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads one packet, and who is meant, from the words of a line:
 *
 *	FLAGS SEQ [ack N] [win N] [mss N] … ["payload"] | udp ["payload"] | icmp KIND … | it
 */
#include "script.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char flag_letters[] = "FSRPAUEC"; /* by bit, from HB_TCP_FIN on */

static bool parse_flags(struct script_line *line, uint8_t *flags)
{
	const struct script_word *word = &line->words[line->next];

	*flags = 0;
	if (script_line_at_end(line) || word->len == 0)
		return script_line_wrong(line, "expected TCP flags, \"udp\", \"icmp\" or \"it\"");
	for (size_t i = 0; i < word->len && word->text[0] != '-'; i++) {
		const char *letter = memchr(flag_letters, word->text[i], sizeof(flag_letters) - 1);

		if (letter == NULL)
			return script_line_wrong(line,
						 "expected TCP flags, \"udp\", \"icmp\" or \"it\", "
						 "not \"%.*s\"",
						 (int)word->len, word->text);
		*flags = (uint8_t)(*flags | 1u << (letter - flag_letters));
	}
	line->next++;
	return true;
}

static bool set_payload(struct script_line *line, struct script_segment *segment, size_t len)
{
	if (segment->payload != NULL)
		return script_line_wrong(line, "a second payload");
	segment->payload = malloc(len > 0 ? len : 1);
	segment->payload_len = len;
	return segment->payload != NULL;
}

static int hex_digit(char c)
{
	if (isdigit((unsigned char)c))
		return c - '0';
	return isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10 : -1;
}

/* One escape behind its backslash; how many characters it takes, 0 if it is none. */
static size_t unescape(const char *text, size_t len, uint8_t *byte)
{
	static const char names[] = "nrt0\\\"";
	static const uint8_t values[] = { '\n', '\r', '\t', 0, '\\', '"' };
	const char *name = len > 0 ? memchr(names, text[0], sizeof(names) - 1) : NULL;

	if (name != NULL) {
		*byte = values[name - names];
		return 1;
	}
	if (len < 3 || text[0] != 'x' || hex_digit(text[1]) < 0 || hex_digit(text[2]) < 0)
		return 0;
	*byte = (uint8_t)(hex_digit(text[1]) * 16 + hex_digit(text[2]));
	return 3;
}

static bool parse_string(struct script_line *line, struct script_segment *segment)
{
	const struct script_word *word = &line->words[line->next];
	size_t len = 0;

	if (!set_payload(line, segment, word->len))
		return false;
	for (size_t i = 0; i < word->len; i++) {
		uint8_t byte = (uint8_t)word->text[i];

		if (byte == '\\') {
			size_t used = unescape(word->text + i + 1, word->len - i - 1, &byte);

			if (used == 0)
				return script_line_wrong(line, "an unknown escape in the payload");
			i += used;
		}
		segment->payload[len++] = byte;
	}
	segment->payload_len = len;
	line->next++;
	return true;
}

/* "fill N" or "fill N@OFFSET": N bytes of an endless text in which no two places look alike. */
static bool parse_fill(struct script_line *line, struct script_segment *segment)
{
	const struct script_word *word = script_line_word(line);
	unsigned long len, offset = 0;
	char *end;

	if (word == NULL)
		return false;
	len = strtoul(word->text, &end, 10);
	if (*end == '@')
		offset = strtoul(end + 1, &end, 10);
	if (end != word->text + word->len || len == 0 || len > SCRIPT_DATAGRAM_MAX)
		return script_line_wrong(line, "expected N or N@OFFSET behind \"fill\"");
	if (!set_payload(line, segment, len))
		return false;
	for (size_t i = 0; i < len; i++) {
		size_t place = offset + i;

		segment->payload[i] =
			(uint8_t)('a' + (place % 26 + place / 26 % 23 + place / 598 % 19) % 26);
	}
	return true;
}

static bool parse_bytes(struct script_line *line, size_t unit, uint8_t bytes[40], size_t *len)
{
	const struct script_word *word = script_line_word(line);

	if (word == NULL)
		return false;
	if (word->len % (2 * unit) != 0 || word->len > 80)
		return script_line_wrong(line, "expected up to 40 bytes, a multiple of %zu, in hex",
					 unit);
	*len = word->len / 2;
	for (size_t i = 0; i < *len; i++) {
		int high = hex_digit(word->text[2 * i]), low = hex_digit(word->text[2 * i + 1]);

		if (high < 0 || low < 0)
			return script_line_wrong(line, "expected hexadecimal digits");
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static bool parse_length(struct script_line *line, struct script_segment *segment)
{
	uint64_t len;

	if (!script_line_number(line, SCRIPT_DATAGRAM_MAX, &len))
		return false;
	segment->has |= SCRIPT_LENGTH_ONLY;
	segment->payload_len = len;
	return true;
}

/* A number that fits, or "*" for one that is not compared; value stays as it is then. */
static bool parse_or_any(struct script_line *line, uint32_t *value, unsigned bit,
			 struct script_segment *segment)
{
	uint64_t number;

	if (script_line_take(line, "*"))
		return true;
	if (!script_line_number(line, UINT32_MAX, &number))
		return false;
	*value = (uint32_t)number;
	segment->has |= bit;
	return true;
}

static bool parse_timestamp(struct script_line *line, struct script_segment *segment)
{
	segment->options.present |= HB_TCPOPT_TIMESTAMP;
	return parse_or_any(line, &segment->options.tsval, SCRIPT_HAS_TSVAL, segment) &&
	       parse_or_any(line, &segment->options.tsecr, SCRIPT_HAS_TSECR, segment);
}

/* "L-R", as often as there are blocks: "sack 5-9 sack 12-15". */
static bool parse_sack(struct script_line *line, struct script_segment *segment)
{
	const struct script_word *word = script_line_word(line);
	unsigned i = segment->options.sack_count;
	unsigned long left, right = 0;
	char *end;

	if (word == NULL)
		return false;
	left = strtoul(word->text, &end, 10);
	if (*end == '-')
		right = strtoul(end + 1, &end, 10);
	if (end != word->text + word->len || i == HB_TCP_SACK_MAX)
		return script_line_wrong(line,
					 "expected LEFT-RIGHT behind \"sack\", at most %d times",
					 HB_TCP_SACK_MAX);
	segment->options.present |= HB_TCPOPT_SACK;
	segment->options.sack[i].left = (uint32_t)left;
	segment->options.sack[i].right = (uint32_t)right;
	segment->options.sack_count = (uint8_t)(i + 1);
	return true;
}

static bool parse_absent(struct script_line *line, struct script_segment *segment)
{
	static const struct {
		const char *word;
		uint8_t bits;
	} words[] = {
		{ "no-mss", HB_TCPOPT_MSS },        { "no-wscale", HB_TCPOPT_WSCALE },
		{ "no-sackok", HB_TCPOPT_SACK_OK }, { "no-sack", HB_TCPOPT_SACK },
		{ "no-ts", HB_TCPOPT_TIMESTAMP },   { "no-options", 0xff },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (script_line_take(line, words[i].word)) {
			segment->absent |= words[i].bits;
			return true;
		}
	}
	return false;
}

/* Words that stand alone. False if there is none. */
static bool parse_word(struct script_line *line, struct script_segment *segment)
{
	if (script_line_take(line, "gso"))
		segment->gso = true;
	else if (script_line_take(line, "partial"))
		segment->partial = true;
	else if (script_line_take(line, "badsum"))
		segment->badsum = true;
	else if (script_line_take(line, "nosum"))
		segment->nosum = true;
	else if (script_line_take(line, "unchanged"))
		segment->unchanged = true;
	else if (script_line_take(line, "sackok"))
		segment->options.present |= HB_TCPOPT_SACK_OK;
	else
		return parse_absent(line, segment);
	return true;
}

struct number_word {
	const char *word;
	uint32_t max;
	unsigned has;   /* or: */
	uint8_t option; /* an option's bit */
};

static const struct number_word number_words[] = {
	{ "ack", UINT32_MAX, SCRIPT_HAS_ACK, 0 },
	{ "win", UINT16_MAX, SCRIPT_HAS_WINDOW, 0 },
	{ "ttl", UINT8_MAX, SCRIPT_HAS_TTL, 0 },
	{ "tos", UINT8_MAX, SCRIPT_HAS_TOS, 0 },
	{ "urg", UINT16_MAX, SCRIPT_HAS_URGENT, 0 },
	{ "id", UINT16_MAX, SCRIPT_HAS_ID, 0 },
	{ "pieces", UINT16_MAX, SCRIPT_HAS_PIECES, 0 },
	{ "quotes", UINT32_MAX, SCRIPT_HAS_QUOTED, 0 },
	{ "mss", UINT16_MAX, 0, HB_TCPOPT_MSS },
	{ "wscale", 14, 0, HB_TCPOPT_WSCALE },
	{ "offset", 15, SCRIPT_HAS_OFFSET, 0 },
	{ "reserved", 15, SCRIPT_HAS_RESERVED, 0 },
	{ "label", 0xfffff, SCRIPT_HAS_LABEL, 0 },
	{ "mark", UINT32_MAX, SCRIPT_HAS_MARK, 0 },
	{ "via", UINT32_MAX, SCRIPT_HAS_INTERFACE, 0 },
};

static void set_number(struct script_segment *segment, const struct number_word *word,
		       uint32_t value)
{
	segment->has |= word->has;
	segment->options.present |= word->option;
	if (word->has == SCRIPT_HAS_ACK)
		segment->ack = value;
	else if (word->has == SCRIPT_HAS_WINDOW)
		segment->window = (uint16_t)value;
	else if (word->has == SCRIPT_HAS_TTL)
		segment->ttl = (uint8_t)value;
	else if (word->has == SCRIPT_HAS_TOS)
		segment->tos = (uint8_t)value;
	else if (word->has == SCRIPT_HAS_URGENT)
		segment->urgent = (uint16_t)value;
	else if (word->has == SCRIPT_HAS_ID)
		segment->ip_id = (uint16_t)value;
	else if (word->has == SCRIPT_HAS_LABEL)
		segment->label = value;
	else if (word->has == SCRIPT_HAS_MARK)
		segment->mark = value;
	else if (word->has == SCRIPT_HAS_INTERFACE)
		segment->interface = value;
	else if (word->has == SCRIPT_HAS_PIECES)
		segment->pieces = (uint16_t)value;
	else if (word->has == SCRIPT_HAS_QUOTED)
		segment->quoted_seq = value;
	else if (word->has == SCRIPT_HAS_OFFSET)
		segment->offset = (uint8_t)value;
	else if (word->has == SCRIPT_HAS_RESERVED)
		segment->reserved = (uint8_t)value;
	else if (word->option == HB_TCPOPT_MSS)
		segment->options.mss = (uint16_t)value;
	else
		segment->options.wscale = (uint8_t)value;
}

/* A word and its value. *found tells if there was one. */
static bool parse_value(struct script_line *line, struct script_segment *segment, bool *found)
{
	uint64_t value;

	*found = true;
	for (size_t i = 0; i < sizeof(number_words) / sizeof(number_words[0]); i++) {
		const struct number_word *word = &number_words[i];

		if (!script_line_take(line, word->word))
			continue;
		if (!script_line_number(line, word->max, &value))
			return false;
		set_number(segment, word, (uint32_t)value);
		return true;
	}
	if (script_line_take(line, "ts"))
		return parse_timestamp(line, segment);
	if (script_line_take(line, "sack"))
		return parse_sack(line, segment);
	if (script_line_take(line, "fill"))
		return parse_fill(line, segment);
	if (script_line_take(line, "raw")) /* what stands where options stand, right or wrong */
		return parse_bytes(line, 4, segment->raw, &segment->raw_len);
	if (script_line_take(line, "ip"))
		return parse_bytes(line, 1, segment->ip, &segment->ip_len);
	if (script_line_take(line, "len"))
		return parse_length(line, segment);
	*found = !script_line_at_end(line) && line->words[line->next].is_string;
	return !*found || parse_string(line, segment);
}

static bool parse_fields(struct script_line *line, struct script_segment *segment)
{
	bool found = true;

	while (found) {
		if (script_line_at_end(line))
			return true;
		if (parse_word(line, segment))
			continue;
		if (!parse_value(line, segment, &found))
			return false;
	}
	return true;
}

static bool parse_icmp(struct script_line *line, struct script_segment *segment)
{
	uint64_t value;

	segment->protocol = HB_PROTO_ICMP;
	segment->icmp =
		script_line_at_end(line) ? NULL : script_packet_icmp(&line->words[line->next]);
	if (segment->icmp == NULL)
		return script_line_wrong(line, "expected a kind of ICMP message");
	line->next++;
	if (!script_line_at_end(line) && isdigit((unsigned char)line->words[line->next].text[0])) {
		if (!script_line_number(line, UINT16_MAX, &value))
			return false;
		segment->icmp_value = (uint32_t)value;
	}
	return true;
}

/* Reads a packet, up to the first word that does not belong to it. */
bool script_segment_parse(struct script_line *line, bool expected, struct script_segment *segment)
{
	memset(segment, 0, sizeof(*segment));
	segment->protocol = HB_PROTO_TCP;
	if (expected && script_line_take(line, "it")) {
		segment->it = true;
	} else if (script_line_take(line, "udp")) {
		segment->protocol = HB_PROTO_UDP;
	} else if (script_line_take(line, "icmp")) {
		if (!parse_icmp(line, segment))
			return false;
	} else if (!parse_flags(line, &segment->tcp_flags) ||
		   !parse_or_any(line, &segment->seq, SCRIPT_HAS_SEQ, segment)) {
		return false;
	}
	if (!parse_fields(line, segment))
		return false;
	if (segment->it && segment->payload != NULL)
		return script_line_wrong(line, "\"it\" has the payload that was sent");
	return expected || !(segment->has & SCRIPT_LENGTH_ONLY) ||
	       script_line_wrong(line, "\"len\" is for what is expected: use \"fill\"");
}

void script_segment_fini(struct script_segment *segment)
{
	free(segment->payload);
	segment->payload = NULL;
}

/* "name", "name2", "name#port"; false if the word is none of these. */
static bool parse_name(const struct script_word *word, const char *name, struct script_who *who)
{
	const char *p = word->text + strlen(name);
	char *end;

	if (word->len < strlen(name) || memcmp(word->text, name, strlen(name)) != 0)
		return false;
	who->index = 1;
	if (isdigit((unsigned char)*p)) {
		who->index = (unsigned)strtoul(p, &end, 10);
		p = end;
	}
	if (strncmp(p, "#*", 2) == 0) {
		who->any_port = true;
		p += 2;
	} else if (*p == '#') {
		who->port = (uint16_t)strtoul(p + 1, &end, 10);
		p = end;
	}
	return p == word->text + word->len && who->index > 0;
}

/* "client2#40001", "backend", "192.0.2.9:80", "[2001:db8::1]:80". */
bool script_who_parse(struct script_line *line, struct script_who *who)
{
	static const char *const names[SCRIPT_ROLE_COUNT] = {
		[SCRIPT_CLIENT] = "client",
		[SCRIPT_FRONTEND] = "frontend",
		[SCRIPT_BACKEND] = "backend",
		[SCRIPT_GATEWAY] = "gateway",
	};
	const struct script_word *word = script_line_word(line);
	struct hb_endpoint endpoint;
	char text[HB_ENDPOINT_TEXT_SIZE];

	memset(who, 0, sizeof(*who));
	if (word == NULL)
		return false;
	for (size_t i = 0; i < SCRIPT_ROLE_COUNT; i++) {
		if (names[i] != NULL && parse_name(word, names[i], who)) {
			who->role = (enum script_role)i;
			return true;
		}
	}
	snprintf(text, sizeof(text), "%.*s", (int)word->len, word->text);
	if (word->len >= sizeof(text) || hb_endpoint_parse(text, &endpoint) != 0) {
		line->next--;
		return script_line_wrong(line,
					 "expected client, frontend, backend, gateway or an "
					 "address, not \"%.*s\"",
					 (int)word->len, word->text);
	}
	*who = (struct script_who){
		.role = SCRIPT_OUTSIDE, .index = 1, .port = endpoint.port, .addr = endpoint.addr
	};
	return true;
}
