/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace.h"

#include "attack.h"
#include "icmp.h"

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

void trace_open(struct trace *trace, const struct plans *plans, FILE *out)
{
	*trace = (struct trace){ .out = out, .plans = plans };
	if (out == NULL)
		return;
	fprintf(out, "# seed %" PRIu64 "\n", plans->each[0].seed);
	print_policy(&plans->each[0], out);
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

/* As scripts name clients: by host and port. */
static void print_client(FILE *out, const struct plan *plan, uint16_t port)
{
	uint8_t host = plan->tcp[ROLE_CLIENT].local.addr.bytes[15];

	fputs("client", out);
	if (host != 1)
		fprintf(out, "%u", host);
	if (port != PLAN_CLIENT_PORT)
		fprintf(out, "#%u", port);
}

static void print_who(FILE *out, const struct plan *plan, enum role role)
{
	if (role == ROLE_CLIENT)
		print_client(out, plan, plan->tcp[ROLE_CLIENT].local.port);
	else
		fputs(plan_role_name(role), out);
}

/* If it is another address than a script means if it says none. */
static void print_attacked(FILE *out, const char *word, const struct trace *trace, unsigned session)
{
	const struct hb_endpoint *attacked = &trace->plans->each[session].attacked;
	char text[HB_ENDPOINT_TEXT_SIZE];

	if (!hb_addr_equal(&attacked->addr, &trace->plans->each[0].attacked.addr))
		fprintf(out, "%s%s", word, hb_endpoint_format(attacked, text));
}

static void print_error(FILE *out, const struct hb_packet *error)
{
	enum icmp_kind kind = icmp_kind_of(error);

	fprintf(out, "icmp %s", kind == ICMP_KIND_COUNT ? "?" : icmp_kind_name(kind));
	if (kind == ICMP_TOO_BIG)
		fprintf(out, " %" PRIu32, icmp_mtu(error));
}

/* To whom the packet was sent that an error quotes. */
static void print_about(FILE *out, const struct plan *plan, const struct hb_packet *error)
{
	struct hb_packet quoted;
	enum role role = ROLE_CLIENT;

	if (hb_packet_parse_quoted(error, &quoted) != 0)
		return;
	for (enum role each = ROLE_FRONTEND; each < ROLE_COUNT; each++) {
		if (hb_addr_equal(&quoted.dst, &plan->tcp[each].local.addr))
			role = each;
	}
	fprintf(out, " quotes %" PRIu32 " about ", quoted.seq);
	print_who(out, plan, role);
}

/* A router outside counts as the client: scripts know of no other who may report. */
static void print_sent_error(FILE *out, const struct plan *plan, enum role side,
			     const struct hb_packet *error)
{
	struct hb_endpoint from = { error->src, 1 };
	struct hb_addr gateway = icmp_router(plan, ROLE_CLIENT, 0);
	char text[HB_ENDPOINT_TEXT_SIZE];

	if (hb_addr_equal(&error->src, &gateway))
		fputs("gateway", out);
	else if (side == ROLE_CLIENT)
		print_who(out, plan, ROLE_CLIENT);
	else
		fputs(hb_endpoint_format(&from, text), out);
	fputs(" sends ", out);
	print_error(out, error);
	if (!hb_packet_checksum_ok(error))
		fputs(" badsum", out);
	print_about(out, plan, error);
}

void trace_leaves(struct trace *trace, unsigned session, enum role to,
		  const struct hb_packet *packet, bool unfinished, size_t pieces)
{
	FILE *out = trace->expecting;

	if (trace->out == NULL)
		return;
	const struct plan *plan = &trace->plans->each[session];
	fputs("\n    -> ", out);
	print_who(out, plan, to);
	fputs(" gets ", out);
	if (packet->is_icmp_error) {
		print_error(out, packet);
		print_attacked(out, " from ", trace, to == ROLE_CLIENT ? session : 0);
		return;
	}
	print_fields(out, packet);
	if (packet->tos != 0)
		fprintf(out, " tos %u", packet->tos);
	if (packet->payload_len > 0)
		fprintf(out, " len %zu", packet->payload_len);
	if (!unfinished && !hb_packet_checksum_ok(packet))
		fputs(" badsum", out);
	if (pieces > 0)
		fprintf(out, " pieces %zu", pieces);
	if (to != ROLE_CLIENT) {
		fputs(" from ", out);
		print_client(out, plan, packet->src_port);
	} else {
		print_attacked(out, " from ", trace, session);
	}
}

/* Other versions of the client's bytes, and other clients', are other places of the script's text. */
static uint32_t fill_place(const struct trace *trace, const struct link_packet *in,
			   const struct hb_packet *packet)
{
	uint32_t at = packet->seq - trace->isn[in->way.session][in->way.role] - 1;
	size_t last = packet->payload_len - 1;
	const uint8_t *payload = packet->data + packet->payload_offset;
	const struct plan *plan = &trace->plans->each[in->way.session];
	uint32_t own = at + plan->number * (ATTACK_POISON + 1) * OTHER_TEXT;

	if (at + last > TCP_STREAM_MAX)
		return at;
	if (in->way.role != ROLE_CLIENT)
		return own;
	for (unsigned version = ATTACK_REAL; version <= ATTACK_POISON; version++) {
		if (payload[last] ==
		    attack_byte(plan, (enum attack_version)version, (int32_t)(at + last)))
			return own + version * OTHER_TEXT;
	}
	return own;
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

static void print_options(FILE *out, const struct hb_tcp_options *options)
{
	if (options->present & HB_TCPOPT_MSS)
		fprintf(out, " mss %u", options->mss);
	if (options->present & HB_TCPOPT_WSCALE)
		fprintf(out, " wscale %u", options->wscale);
	if (options->present & HB_TCPOPT_SACK_OK)
		fputs(" sackok", out);
}

static void print_sent(const struct trace *trace, const struct link_packet *in,
		       const struct hb_packet *packet)
{
	FILE *out = trace->out;

	print_fields(out, packet);
	fprintf(out, " win %u ttl %u", packet->window, packet->ttl);
	print_options(out, &packet->options);
	if (packet->tos != 0)
		fprintf(out, " tos %u", packet->tos);
	if (packet->payload_len > 0)
		fprintf(out, " fill %zu@%" PRIu32, packet->payload_len,
			fill_place(trace, in, packet));
	if (packet->tcp_flags & HB_TCP_URG)
		fprintf(out, " urg %u", packet->urgent);
	if (in->offload.gso_size != 0)
		fputs(" gso", out);
	else if (in->offload.partial)
		fputs(" partial", out);
	if (!hb_packet_checksum_ok(packet))
		fputs(" badsum", out);
	print_raw_options(out, packet);
	if (in->offload.pieces != 0)
		fprintf(out, " pieces %u", in->offload.pieces);
}

static void print_line(const struct trace *trace, const struct link_packet *in,
		       const struct hb_packet *packet)
{
	const struct plan *plan = &trace->plans->each[in->way.session];
	FILE *out = trace->out;

	if (packet->is_icmp_error) {
		print_sent_error(out, plan, in->way.role, packet);
		return;
	}
	print_who(out, plan, in->way.role);
	fputs(" sends ", out);
	print_sent(trace, in, packet);
	if (in->way.role != ROLE_CLIENT) {
		fputs(" to ", out);
		print_client(out, plan, packet->dst_port);
	} else {
		print_attacked(out, " to ", trace, in->way.session);
	}
}

void trace_enters(struct trace *trace, uint64_t now, const struct link_packet *in,
		  const struct hb_packet *packet)
{
	FILE *out = trace->out;

	if (out == NULL)
		return;
	fclose(trace->expecting);
	if (in == NULL && trace->expected_len > 0) {
		fprintf(out, "%.6f (a timer)%s\n", (double)now / 1e9, trace->expected);
	} else if (in != NULL) {
		fprintf(out, "%.6f ", (double)now / 1e9);
		print_line(trace, in, packet);
		fprintf(out, "%s\n", trace->expected);
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
