/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

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
}

void trace_close(struct trace *trace)
{
	if (trace->expecting != NULL)
		fclose(trace->expecting);
	free(trace->expected);
	*trace = (struct trace){ .out = NULL };
}

static void print_fields(FILE *out, const struct hb_packet *packet)
{
	static const char letters[] = "FSRPAUEC";

	for (unsigned i = 0; i < 8; i++) {
		if (packet->tcp_flags & 1u << i)
			fputc(letters[i], out);
	}
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

void trace_leaves(struct trace *trace, enum role to, const struct hb_packet *packet)
{
	if (trace->out == NULL)
		return;
	fprintf(trace->expecting, "\n    -> %s gets ", plan_role_name(to));
	print_fields(trace->expecting, packet);
	if (packet->payload_len > 0)
		fprintf(trace->expecting, " len %zu", packet->payload_len);
}

static void print_sent(const struct trace *trace, enum role from, const struct hb_packet *packet)
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
			packet->seq - trace->isn[from] - 1);
}

void trace_enters(struct trace *trace, uint64_t now, enum role from, const struct hb_packet *packet)
{
	if (trace->out == NULL)
		return;
	fclose(trace->expecting);
	if (packet != NULL || trace->expected_len > 0) {
		fprintf(trace->out, "%.6f ", (double)now / 1e9);
		if (packet == NULL)
			fputs("(a timer)", trace->out);
		else
			print_sent(trace, from, packet);
		fprintf(trace->out, "%s\n", trace->expected);
	}
	begin_expecting(trace);
}

void trace_end(const struct trace *trace, bool handed_over, const char *failure)
{
	if (trace->out == NULL)
		return;
	if (handed_over)
		fputs("event handover\n", trace->out);
	if (failure != NULL)
		fprintf(trace->out, "event handover-failed \"%s\"\n", failure);
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
