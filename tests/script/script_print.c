/* SPDX-License-Identifier: BSD-2-Clause */
/* Shows packets in the language of the scripts, so that a line can be copied into one. */
#include "script.h"

#include <ctype.h>
#include <inttypes.h>

#define SHOWN_MAX 60

static void print_payload(FILE *out, const uint8_t *bytes, size_t len)
{
	if (len == 0)
		return;
	if (len > SHOWN_MAX)
		fprintf(out, " len %zu (begins", len);
	fputs(" \"", out);
	for (size_t i = 0; i < len && i < SHOWN_MAX; i++) {
		if (bytes[i] == '\n')
			fputs("\\n", out);
		else if (bytes[i] == '\r')
			fputs("\\r", out);
		else if (bytes[i] == '"' || bytes[i] == '\\')
			fprintf(out, "\\%c", bytes[i]);
		else if (isprint(bytes[i]))
			fputc(bytes[i], out);
		else
			fprintf(out, "\\x%02x", bytes[i]);
	}
	fputs(len > SHOWN_MAX ? "\")" : "\"", out);
}

static void print_flags(FILE *out, uint8_t flags)
{
	static const char letters[] = "FSRPAUEC";

	if (flags == 0)
		fputc('-', out);
	for (unsigned i = 0; i < 8; i++) {
		if (flags & 1u << i)
			fputc(letters[i], out);
	}
}

static void print_options(FILE *out, const struct hb_tcp_options *options)
{
	if (options->present & HB_TCPOPT_MSS)
		fprintf(out, " mss %u", options->mss);
	if (options->present & HB_TCPOPT_WSCALE)
		fprintf(out, " wscale %u", options->wscale);
	if (options->present & HB_TCPOPT_SACK_OK)
		fputs(" sackok", out);
	if (options->present & HB_TCPOPT_TIMESTAMP)
		fprintf(out, " ts %" PRIu32 " %" PRIu32, options->tsval, options->tsecr);
	for (unsigned i = 0; (options->present & HB_TCPOPT_SACK) && i < options->sack_count; i++)
		fprintf(out, " sack %" PRIu32 "-%" PRIu32, options->sack[i].left,
			options->sack[i].right);
}

static void print_icmp(FILE *out, const struct hb_packet *packet)
{
	const struct script_icmp_kind *kind = script_packet_icmp_kind(packet);
	struct hb_packet quoted;

	if (kind == NULL) {
		fprintf(out, "icmp (type %u code %u)", packet->icmp_type, packet->icmp_code);
		return;
	}
	fprintf(out, "icmp %s", kind->name);
	if (!kind->error) {
		fprintf(out, " %u", packet->src_port);
		print_payload(out, packet->data + packet->payload_offset, packet->payload_len);
	} else if (hb_packet_parse_quoted(packet, &quoted) == 0 &&
		   quoted.protocol == HB_PROTO_TCP) {
		fprintf(out, " quotes %" PRIu32, quoted.seq);
	}
}

void script_print_datagram(FILE *out, const uint8_t *data, size_t len)
{
	struct hb_packet packet;

	if (hb_packet_parse(data, len, &packet) != 0) {
		fprintf(out, "(%zu bytes that cannot be parsed)", len);
		return;
	}
	if (packet.protocol == HB_PROTO_TCP && packet.has_l4) {
		print_flags(out, packet.tcp_flags);
		fprintf(out, " %" PRIu32, packet.seq);
		if (packet.tcp_flags & HB_TCP_ACK)
			fprintf(out, " ack %" PRIu32, packet.ack);
		fprintf(out, " win %u", packet.window);
		if (packet.tcp_flags & HB_TCP_URG)
			fprintf(out, " urg %u", packet.urgent);
		print_options(out, &packet.options);
		print_payload(out, packet.data + packet.payload_offset, packet.payload_len);
	} else if (packet.protocol == HB_PROTO_UDP && packet.has_l4) {
		fputs("udp", out);
		print_payload(out, packet.data + packet.payload_offset, packet.payload_len);
	} else if (packet.has_l4) {
		print_icmp(out, &packet);
	} else {
		fprintf(out, "(protocol %u, %zu bytes)", packet.protocol, packet.len);
	}
}

static void print_tcp(FILE *out, const struct script_segment *segment)
{
	print_flags(out, segment->tcp_flags);
	if (segment->has & SCRIPT_HAS_SEQ)
		fprintf(out, " %" PRIu32, segment->seq);
	else
		fputs(" *", out);
	if (segment->has & SCRIPT_HAS_ACK)
		fprintf(out, " ack %" PRIu32, segment->ack);
	if (segment->has & SCRIPT_HAS_WINDOW)
		fprintf(out, " win %u", segment->window);
	if (segment->has & SCRIPT_HAS_URGENT)
		fprintf(out, " urg %u", segment->urgent);
	print_options(out, &segment->options);
}

void script_print_segment(FILE *out, const struct script_segment *segment)
{
	if (segment->it)
		fputs(segment->unchanged ? "it unchanged" : "it", out);
	else if (segment->protocol == HB_PROTO_TCP)
		print_tcp(out, segment);
	else if (segment->protocol == HB_PROTO_UDP)
		fputs("udp", out);
	else
		fprintf(out, "icmp %s", segment->icmp->name);
	if (segment->has & SCRIPT_HAS_TTL)
		fprintf(out, " ttl %u", segment->ttl);
	if (segment->has & SCRIPT_HAS_TOS)
		fprintf(out, " tos %u", segment->tos);
	if (segment->badsum)
		fputs(" badsum", out);
	if (segment->nosum)
		fputs(" nosum", out);
	if (segment->has & SCRIPT_LENGTH_ONLY)
		fprintf(out, " len %zu", segment->payload_len);
	else
		print_payload(out, segment->payload, segment->payload_len);
}
