/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace.h"

#include "attack.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#define OTHER_TEXT 2000000 /* where the next version of a byte stands */

static void print_policy(const struct plan *plan, FILE *out)
{
	static const char *const modules[TRIGGER_COUNT] = { "counter", "hash", "random" };
	char attacked[HB_ENDPOINT_TEXT_SIZE], frontend[HB_ADDR_TEXT_SIZE],
		backend[HB_ADDR_TEXT_SIZE];

	if (plan->ipv6)
		fputs("ipv6\n", out);
	if (plan->darknet)
		fprintf(out, "attacks %s\n", hb_endpoint_format(&plan->attacked, attacked));
	fprintf(out, "module \"m\" { function = %s;", modules[plan->trigger]);
	if (plan->trigger == TRIGGER_COUNTER)
		fprintf(out, " counter = %u;", plan->counter);
	if (plan->trigger == TRIGGER_RANDOM)
		fputs(" value = 1;", out);
	fprintf(out, " }\ntarget { filter \"tcp\"; frontend %s; backend %s \"m\"; }\n",
		hb_addr_format(&plan->tcp[ROLE_FRONTEND].local.addr, frontend),
		hb_addr_format(&plan->tcp[ROLE_BACKEND].local.addr, backend));
}

static void begin_expecting(struct trace *trace)
{
	free(trace->expected);
	trace->expecting = open_memstream(&trace->expected, &trace->expected_len);
	if (trace->expecting == NULL)
		trace->out = NULL;
}

void trace_open(struct trace *trace, const struct plan *plan, FILE *out)
{
	*trace = (struct trace){ .out = out, .plan = plan };
	if (out == NULL)
		return;
	fprintf(out, "# seed %" PRIu64 "\n", plan->seed);
	print_policy(plan, out);
	for (enum role role = ROLE_CLIENT; role < ROLE_COUNT; role++)
		trace->isn[role] = plan->tcp[role].iss;
	begin_expecting(trace);
	trace->ending = open_memstream(&trace->finals, &trace->finals_len);
	if (trace->ending == NULL)
		trace->out = NULL;
}

void trace_close(struct trace *trace)
{
	if (trace->expecting != NULL)
		fclose(trace->expecting);
	if (trace->ending != NULL)
		fclose(trace->ending);
	free(trace->expected);
	free(trace->finals);
	*trace = (struct trace){ .out = NULL };
}

static void print_fields(FILE *out, const struct hb_packet *packet)
{
	static const char letters[] = "FSRPAUEC";

	for (unsigned i = 0; i < 8; i++) {
		if (packet->tcp_flags & 1u << i)
			fputc(letters[i], out);
	}
	if (packet->tcp_flags == 0)
		fputc('-', out);
	fprintf(out, " %" PRIu32, packet->seq);
	if (packet->tcp_flags & HB_TCP_ACK)
		fprintf(out, " ack %" PRIu32, packet->ack);
	if (packet->options.present & HB_TCPOPT_TIMESTAMP)
		fprintf(out, " ts %" PRIu32 " %" PRIu32, packet->options.tsval,
			packet->options.tsecr);
	for (unsigned i = 0; i < packet->options.sack_count; i++)
		fprintf(out, " sack %" PRIu32 "-%" PRIu32, packet->options.sack[i].left,
			packet->options.sack[i].right);
}

void trace_leaves(struct trace *trace, enum role to, const struct hb_packet *packet,
		  bool unfinished, size_t pieces)
{
	if (trace->out == NULL)
		return;
	fprintf(trace->expecting, "\n    -> %s gets ", plan_role_name(to));
	print_fields(trace->expecting, packet);
	if (packet->payload_len > 0)
		fprintf(trace->expecting, " len %zu", packet->payload_len);
	if (!unfinished && !hb_packet_checksum_ok(packet))
		fputs(" badsum", trace->expecting);
	if (pieces > 0)
		fprintf(trace->expecting, " pieces %zu", pieces);
}

/* Other versions of the client's bytes are other places of the script's text. */
static uint32_t fill_place(const struct trace *trace, enum role from,
			   const struct hb_packet *packet)
{
	uint32_t at = packet->seq - trace->isn[from] - 1;
	size_t last = packet->payload_len - 1;
	const uint8_t *payload = packet->data + packet->payload_offset;

	if (from != ROLE_CLIENT || at + last > TCP_STREAM_MAX)
		return at;
	for (unsigned version = ATTACK_REAL; version <= ATTACK_POISON; version++) {
		if (payload[last] ==
		    attack_byte(trace->plan, (enum attack_version)version, (int32_t)(at + last)))
			return at + version * OTHER_TEXT;
	}
	return at;
}

/* Options that the words of a script cannot say. */
static void print_raw_options(FILE *out, const struct hb_packet *packet)
{
	bool odd = packet->options.present == 0 || (packet->options.present & HB_TCPOPT_FOREIGN);

	if (!odd || packet->payload_offset == packet->l4_offset + 20)
		return;
	fputs(" raw ", out);
	for (size_t at = packet->l4_offset + 20u; at < packet->payload_offset; at++)
		fprintf(out, "%02x", packet->data[at]);
}

static void print_sent(const struct trace *trace, enum role from, const struct hb_packet *packet,
		       const struct wire_offload *offload)
{
	const struct hb_tcp_options *options = &packet->options;

	fprintf(trace->out, "%s sends ", plan_role_name(from));
	print_fields(trace->out, packet);
	fprintf(trace->out, " win %u ttl %u", packet->window, packet->ttl);
	if (options->present & HB_TCPOPT_MSS)
		fprintf(trace->out, " mss %u", options->mss);
	if (options->present & HB_TCPOPT_WSCALE)
		fprintf(trace->out, " wscale %u", options->wscale);
	if (options->present & HB_TCPOPT_SACK_OK)
		fputs(" sackok", trace->out);
	if (packet->payload_len > 0)
		fprintf(trace->out, " fill %zu@%" PRIu32, packet->payload_len,
			fill_place(trace, from, packet));
	if (packet->tcp_flags & HB_TCP_URG)
		fprintf(trace->out, " urg %u", packet->urgent);
	if (offload->gso_size != 0)
		fputs(" gso", trace->out);
	else if (offload->partial)
		fputs(" partial", trace->out);
	if (!hb_packet_checksum_ok(packet))
		fputs(" badsum", trace->out);
	print_raw_options(trace->out, packet);
	if (offload->pieces != 0)
		fprintf(trace->out, " pieces %u", offload->pieces);
}

void trace_enters(struct trace *trace, uint64_t now, enum role from, const struct hb_packet *packet,
		  const struct wire_offload *offload)
{
	if (trace->out == NULL)
		return;
	fclose(trace->expecting);
	if (packet != NULL || trace->expected_len > 0) {
		fprintf(trace->out, "%.6f ", (double)now / 1e9);
		if (packet == NULL)
			fputs("(a timer)", trace->out);
		else
			print_sent(trace, from, packet, offload);
		fprintf(trace->out, "%s\n", trace->expected);
	}
	begin_expecting(trace);
}

void trace_handover(struct trace *trace, const char *failure)
{
	if (trace->out == NULL)
		return;
	if (failure != NULL)
		fprintf(trace->ending, "event handover-failed \"%s\"\n", failure);
	else
		fputs("event handover\n", trace->ending);
}

void trace_end(struct trace *trace)
{
	if (trace->out == NULL)
		return;
	fflush(trace->ending);
	fputs(trace->finals, trace->out);
}

void trace_remark(struct trace *trace, uint64_t now, const char *format, ...)
{
	va_list args;

	if (trace->out == NULL)
		return;
	fprintf(trace->out, "# %.6f ", (double)now / 1e9);
	va_start(args, format);
	vfprintf(trace->out, format, args);
	va_end(args);
	fputc('\n', trace->out);
}
