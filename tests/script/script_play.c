/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Plays a script: each line's packet goes into the engine at the line's time, after the timers that
 * expire until then, and everything that leaves must be what the line says, in order per receiver.
 */
#include "script.h"

#include "bytes.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* The engine's clock at the script's time 0; any origin must do. */
#define ORIGIN_NS UINT64_C(1000000000000)
#define ORIGIN_WALL_US INT64_C(1700000000000000)
#define TICK_NS UINT64_C(1000000)
/* How long "nothing else is sent" listens. */
#define SILENCE_NS UINT64_C(30000000000)
/* Room behind a datagram for options that are added. */
#define SPARE_BYTES 64
#define OTHER_INTERFACE 1000

void script_play_fail(struct script_play *play, int line, const char *format, ...)
{
	va_list args;

	play->failed = true;
	fprintf(stdout, "%s:%d: ", play->script->path, line);
	va_start(args, format);
	vfprintf(stdout, format, args);
	va_end(args);
	fputc('\n', stdout);
}

static struct hb_time engine_time(uint64_t at_ns)
{
	return (struct hb_time){ .mono_ns = ORIGIN_NS + at_ns,
				 .wall_us = ORIGIN_WALL_US + (int64_t)(at_ns / 1000) };
}

static double seconds(uint64_t ns)
{
	return (double)ns / 1e9;
}

static void remember(struct script_play *play, const struct script_output *output)
{
	struct script_last *last = &play->last[play->last_count++ % SCRIPT_LAST_MAX];

	last->who = output->who;
	last->len = output->len < SCRIPT_QUOTE_MAX ? output->len : SCRIPT_QUOTE_MAX;
	memcpy(last->data, output->data, last->len);
}

/* @dgram  what left: as it is, or the last piece of the packet in data. */
static void add_output(struct script_play *play, const struct hb_datagram *dgram,
		       const uint8_t *data, size_t len, size_t pieces)
{
	struct script_output *grown =
		realloc(play->outputs, (play->output_count + 1) * sizeof(*grown));
	struct hb_packet packet;
	struct script_output *output;

	if (grown == NULL)
		abort();
	play->outputs = grown;
	output = &grown[play->output_count++];
	*output = (struct script_output){
		.at_ns = play->now_ns,
		.len = len,
		.partial = dgram->checksum == HB_CHECKSUM_PARTIAL,
		.mark = dgram->mark,
		.interface = dgram->out_interface,
		.pieces = pieces,
	};
	output->data = malloc(len > 0 ? len : 1);
	if (output->data == NULL)
		abort();
	memcpy(output->data, data, len);
	if (hb_packet_parse(data, len, &packet) == 0) {
		const struct script_place place = { { packet.dst, packet.dst_port },
						    dgram->out_interface };

		output->who = script_world_find(&play->world, &place);
	}
	remember(play, output);
}

static void on_emit(void *ctx, const struct hb_datagram *dgram)
{
	struct script_play *play = ctx;
	size_t mtu = play->script->mtu != 0 ? play->script->mtu : 1500;
	struct hb_packet packet;
	const uint8_t *data = dgram->data;
	size_t len = dgram->len, pieces = 1;

	if (dgram->len > mtu || dgram->gso || dgram->checksum != HB_CHECKSUM_COMPLETE)
		script_play_fail(play, 0, "%zu bytes were emitted that no link carries as they are",
				 dgram->len);

	if (hb_packet_parse(data, len, &packet) == 0 && packet.is_fragment &&
	    !script_joiner_add(play->joiner, &packet, &data, &len, &pieces))
		return;
	add_output(play, dgram, data, len, pieces);
}

static void print_event(const struct script_play *play, const struct hb_event *event)
{
	static const char *const kinds[HB_EVENT_COUNT] = {
		[HB_EVENT_FLOW_NEW] = "flow new", [HB_EVENT_FLOW_STATE] = "flow state",
		[HB_EVENT_HANDOVER] = "handover", [HB_EVENT_HANDOVER_FAILED] = "handover-failed",
		[HB_EVENT_FLOW_END] = "flow end", [HB_EVENT_MODULE_NOTE] = "module note",
	};
	const struct hb_handover_info *info = &event->handover;

	printf("        # %.3f flow %llu %s, state %s, trace \"%s\" reason \"%s\"%s%s", //
	       seconds(play->now_ns), (unsigned long long)event->flow.id,
	       kinds[event->kind] != NULL ? kinds[event->kind] : "?",
	       hb_flow_state_name(event->flow.state), event->trace, event->reason,
	       event->note[0] != '\0' ? " note " : "", event->note);
	if (event->kind == HB_EVENT_HANDOVER || event->kind == HB_EVENT_HANDOVER_FAILED)
		printf(" latency_us %u turns %u replayed %u discarded %u recorded %u "
		       "retransmissions %u problems %u",
		       info->latency_us, info->turns, info->replayed_bytes, info->discarded_bytes,
		       info->recorded_bytes, info->retransmissions, info->problems);
	printf("\n");
}

static void on_event(void *ctx, const struct hb_event *event)
{
	struct script_play *play = ctx;
	struct script_seen *grown;

	if (play->verbose)
		print_event(play, event);
	if (event->kind != HB_EVENT_HANDOVER && event->kind != HB_EVENT_HANDOVER_FAILED &&
	    event->kind != HB_EVENT_FLOW_END)
		return;
	grown = realloc(play->seen, (play->seen_count + 1) * sizeof(*grown));
	if (grown == NULL)
		abort();
	play->seen = grown;
	grown[play->seen_count++] = (struct script_seen){ .event = *event,
							  .trace = strdup(event->trace),
							  .reason = strdup(event->reason),
							  .tag = strdup(event->tag) };
}

/* Lets the timers fire that expire until then, each at the time that the engine asked for. */
static void run_until(struct script_play *play, uint64_t at_ns)
{
	for (;;) {
		uint64_t deadline = hb_engine_next_deadline(play->engine);
		uint64_t next = play->now_ns + TICK_NS; /* for a deadline that has passed */

		if (deadline == UINT64_MAX)
			break;
		if (deadline > ORIGIN_NS + play->now_ns)
			next = deadline - ORIGIN_NS;
		if (next > at_ns)
			break;
		play->now_ns = next;
		hb_engine_advance(play->engine, engine_time(next));
	}
	play->now_ns = at_ns;
}

static const struct script_who first_client = { .role = SCRIPT_CLIENT, .index = 1 };

/* True if it began at the sequence number that a line names, or it names none. */
static bool begins_at(const struct script_last *last, const struct script_segment *segment)
{
	size_t at = last->data[0] >> 4 == 4 ? 24 : 44;

	return !(segment->has & SCRIPT_HAS_QUOTED) ||
	       (last->len >= at + 4 && hb_get_be32(last->data + at) == segment->quoted_seq);
}

/*
 * The last packet that someone got; with the number that the line names, and at the very port, if
 * there is such a one. NULL: it got none.
 */
static const struct script_last *find_last(const struct script_play *play,
					   const struct script_who *who,
					   const struct script_segment *segment)
{
	const struct script_last *best = NULL;
	unsigned best_fits = 0;

	for (size_t i = play->last_count; i > 0 && i + SCRIPT_LAST_MAX > play->last_count; i--) {
		const struct script_last *last = &play->last[(i - 1) % SCRIPT_LAST_MAX];
		unsigned fits = 1 + 2u * (last->who.port == who->port) + begins_at(last, segment);

		if (last->who.role != who->role || last->who.index != who->index ||
		    fits <= best_fits)
			continue;
		best = last;
		best_fits = fits;
	}
	return best;
}

/* "client#*": the port that the last packet came from. */
static void find_any_port(const struct script_play *play, const struct script_step *step,
			  struct hb_endpoint *dst)
{
	const struct script_last *last = find_last(play, &step->who, &step->segment);

	if (last != NULL)
		dst->port = hb_get_be16(last->data + (last->data[0] >> 4 == 4 ? 20 : 40));
}

/* Whom a sender means, said or not. */
static bool find_destination(struct script_play *play, const struct script_step *step,
			     struct hb_endpoint *dst)
{
	if (step->peer.role != SCRIPT_NOBODY) {
		if (!script_world_resolve(&play->world, &step->peer, dst))
			return false;
		if (step->peer.any_port)
			find_any_port(play, step, dst);
		return true;
	}
	if (step->who.role != SCRIPT_CLIENT)
		return script_world_resolve(&play->world, &first_client, dst);
	*dst = play->world.attacked;
	return true;
}

/* An ICMP error goes to who sent the packet that it quotes. */
static bool find_quoted(struct script_play *play, const struct script_step *step,
			struct script_route *route)
{
	const struct script_last *last =
		find_last(play, step->about.role != SCRIPT_NOBODY ? &step->about : &step->who,
			  &step->segment);

	if (last == NULL)
		return false;
	route->quoted = last->data;
	route->quoted_len = last->len;
	if (hb_addr_is_ipv4(&route->src.addr))
		route->dst.addr = hb_addr_from_ipv4(last->data + 12);
	else
		route->dst.addr = hb_addr_from_ipv6(last->data + 8);
	return true;
}

static size_t build(struct script_play *play, const struct script_step *step, uint8_t *buf)
{
	struct script_route route = { .quoted = NULL };

	if (!script_world_resolve(&play->world, &step->who, &route.src) ||
	    !find_destination(play, step, &route.dst)) {
		script_play_fail(play, step->line, "nobody of that name is configured");
		return 0;
	}
	if (step->segment.icmp != NULL && step->segment.icmp->error &&
	    !find_quoted(play, step, &route)) {
		script_play_fail(play, step->line, "there is no packet yet to quote");
		return 0;
	}
	return script_packet_build(&step->segment, &route, buf, SCRIPT_DATAGRAM_MAX);
}

/* What a verdict must not have done. */
static void check_verdict(struct script_play *play, const struct script_step *step,
			  enum hb_verdict verdict, const struct hb_datagram *dgram,
			  const uint8_t *sent, size_t sent_len)
{
	struct hb_packet before, after;

	if (dgram->len > dgram->cap)
		script_play_fail(play, step->line, "the engine wrote beyond the datagram's room");
	if (verdict == HB_ACCEPT &&
	    (dgram->len != sent_len || memcmp(dgram->data, sent, sent_len) != 0))
		script_play_fail(play, step->line, "HB_ACCEPT, but bytes of the datagram differ");
	if (verdict != HB_ACCEPT_MODIFIED)
		return;
	if (dgram->len == sent_len && memcmp(dgram->data, sent, sent_len) == 0)
		script_play_fail(play, step->line, "HB_ACCEPT_MODIFIED, but nothing was modified");
	if (dgram->gso && hb_packet_parse(sent, sent_len, &before) == 0 &&
	    hb_packet_parse(dgram->data, dgram->len, &after) == 0 &&
	    before.payload_len != after.payload_len)
		script_play_fail(play, step->line, "the payload length of a GSO packet changed");
}

/* Clones' packets come by their interfaces, others by one that no clone has. */
static uint32_t interface_of(const struct script_play *play, const struct script_step *step)
{
	uint32_t clone = script_world_interface(&play->world, &step->who);

	if (step->segment.has & SCRIPT_HAS_INTERFACE)
		return step->segment.interface;
	if (step->who.role == SCRIPT_GATEWAY)
		return 0;
	return clone != 0 ? clone : OTHER_INTERFACE;
}

/* Gives one datagram to the engine. */
static void input(struct script_play *play, const struct script_step *step, const uint8_t *sent,
		  size_t sent_len)
{
	const struct script_segment *segment = &step->segment;
	struct hb_datagram dgram = { .len = sent_len,
				     .cap = sent_len + SPARE_BYTES,
				     .in_interface = interface_of(play, step),
				     .mark = segment->mark,
				     .checksum = segment->gso || segment->partial
							 ? HB_CHECKSUM_PARTIAL
							 : HB_CHECKSUM_COMPLETE,
				     .gso = segment->gso,
				     .tracked = play->script->tracked };
	enum hb_verdict verdict;

	dgram.data = malloc(dgram.cap);
	if (dgram.data == NULL)
		abort();
	memcpy(dgram.data, sent, sent_len);
	verdict = hb_engine_input(play->engine, &dgram, engine_time(play->now_ns));
	check_verdict(play, step, verdict, &dgram, sent, sent_len);
	if (verdict == HB_ACCEPT_MODIFIED && !segment->gso)
		dgram.checksum = HB_CHECKSUM_COMPLETE;
	if (verdict == HB_ACCEPT)
		add_output(play, &dgram, sent, sent_len, 1);
	else if (verdict == HB_ACCEPT_MODIFIED && dgram.len <= dgram.cap)
		add_output(play, &dgram, dgram.data, dgram.len, 1);
	free(dgram.data);
}

/* Gives what a line sends to the engine, whole or in fragments. */
static void input_packet(struct script_play *play, const struct script_step *step, size_t sent_len)
{
	uint8_t piece[SCRIPT_DATAGRAM_MAX];
	struct hb_packet packet;
	size_t len;

	if (!(step->segment.has & SCRIPT_HAS_PIECES)) {
		input(play, step, play->sent, sent_len);
		return;
	}
	if (hb_packet_parse(play->sent, sent_len, &packet) != 0)
		return;
	for (size_t i = 0;
	     (len = script_pieces_cut(&packet, step->segment.pieces, i, piece, sizeof(piece))) != 0;
	     i++)
		input(play, step, piece, len);
}

/* Whose packet it seems to be to its receiver, if the line does not say. */
static struct script_who usual_peer(const struct script_step *step,
				    const struct script_expect *expect)
{
	static const struct script_who attacked = { .role = SCRIPT_NOBODY };
	bool sent = step->action == SCRIPT_SEND;

	if (expect->who.role == SCRIPT_CLIENT)
		return sent && step->who.role == SCRIPT_CLIENT ? step->peer : attacked;
	if (sent && (step->who.role == SCRIPT_CLIENT || step->who.role == SCRIPT_OUTSIDE))
		return step->who;
	if (step->peer.role == SCRIPT_CLIENT)
		return step->peer;
	return expect->who.role == SCRIPT_OUTSIDE ? step->who : first_client;
}

static bool fill_expectation(struct script_play *play, const struct script_step *step,
			     const struct script_expect *expect,
			     struct script_expectation *expectation)
{
	const struct script_world *world = &play->world;
	struct script_who peer =
		expect->peer.role != SCRIPT_NOBODY ? expect->peer : usual_peer(step, expect);

	expectation->segment = &expect->segment;
	expectation->any_port = peer.any_port;
	expectation->other = world->attacked;
	if (!script_world_resolve(world, &expect->who, &expectation->dst) ||
	    (peer.role != SCRIPT_NOBODY &&
	     !script_world_resolve(world, &peer, &expectation->other)))
		return false;
	expectation->src = expectation->other;
	/* The gateway's errors are its own. */
	if (step->who.role != SCRIPT_GATEWAY || expect->segment.protocol != HB_PROTO_ICMP ||
	    expect->peer.role != SCRIPT_NOBODY)
		return true;
	return script_world_resolve(world, &step->who, &expectation->src);
}

static struct script_output *next_output(struct script_play *play, const struct script_who *who)
{
	for (size_t i = 0; i < play->output_count; i++) {
		struct script_output *output = &play->outputs[i];

		if (!output->matched && output->who.role == who->role &&
		    output->who.index == who->index &&
		    (who->role != SCRIPT_OUTSIDE || hb_addr_equal(&output->who.addr, &who->addr)))
			return output;
	}
	return NULL;
}

static void print_output(const struct script_output *output)
{
	char name[SCRIPT_NAME_SIZE];

	printf("    %.3f  -> %s gets ", seconds(output->at_ns),
	       script_world_name(&output->who, name));
	script_print_datagram(stdout, output->data, output->len);
	printf("\n");
}

static void print_outputs(const struct script_play *play)
{
	printf("  all that left:%s\n", play->output_count == 0 ? " nothing" : "");
	for (size_t i = 0; i < play->output_count; i++)
		print_output(&play->outputs[i]);
}

static const char *way_differs(const struct script_segment *want, const struct script_output *got,
			       char *buf, size_t size)
{
	if ((want->has & SCRIPT_HAS_MARK) && got->mark != want->mark)
		snprintf(buf, size, "the mark is %#x, not %#x", got->mark, want->mark);
	else if ((want->has & SCRIPT_HAS_INTERFACE) && got->interface != want->interface)
		snprintf(buf, size, "it leaves via %u, not %u", got->interface, want->interface);
	else
		return NULL;
	return buf;
}

static void check_expect(struct script_play *play, const struct script_step *step,
			 const struct script_expect *expect, const uint8_t *sent, size_t sent_len)
{
	struct script_expectation expectation = { .sent = sent, .sent_len = sent_len };
	struct script_output *output = next_output(play, &expect->who);
	char name[SCRIPT_NAME_SIZE], buf[256];
	const char *differs;

	script_world_name(&expect->who, name);
	if (!fill_expectation(play, step, expect, &expectation)) {
		script_play_fail(play, expect->line, "nobody of that name is configured");
		return;
	}
	if (output == NULL) {
		script_play_fail(play, expect->line, "%s did not get it", name);
		printf("  expected: ");
	} else {
		output->matched = true;
		expectation.pieces = (uint32_t)output->pieces;
		differs = script_match(&expectation, output->data, output->len, output->partial,
				       buf, sizeof(buf));
		if (differs == NULL)
			differs = way_differs(&expect->segment, output, buf, sizeof(buf));
		if (differs == NULL)
			return;
		script_play_fail(play, expect->line, "%s got something else: %s", name, differs);
		printf("  got:      ");
		script_print_datagram(stdout, output->data, output->len);
		printf("\n  expected: ");
	}
	script_print_segment(stdout, expect->segment.it ? &step->segment : &expect->segment);
	printf("\n");
}

static void check_outputs(struct script_play *play, const struct script_step *step,
			  const uint8_t *sent, size_t sent_len)
{
	bool failed_before = play->failed;
	char name[SCRIPT_NAME_SIZE];

	play->failed = false;
	for (size_t i = 0; i < step->expect_count; i++)
		check_expect(play, step, &step->expects[i], sent, sent_len);
	for (size_t i = 0; i < play->output_count; i++) {
		const struct script_output *output = &play->outputs[i];

		if (!output->matched)
			script_play_fail(play, step->line, "%s got a packet that nobody expected",
					 script_world_name(&output->who, name));
	}
	if (play->failed || play->verbose)
		print_outputs(play);
	play->failed |= failed_before;
	for (size_t i = 0; i < play->output_count; i++)
		free(play->outputs[i].data);
	play->output_count = 0;
}

static void print_step(const struct script_step *step, const uint8_t *sent, size_t sent_len)
{
	char name[SCRIPT_NAME_SIZE];

	printf("%.3f ", seconds(step->at_ns));
	if (step->action == SCRIPT_SEND) {
		printf("%s sends ", script_world_name(&step->who, name));
		script_print_datagram(stdout, sent, sent_len);
	} else {
		printf(step->action == SCRIPT_STOP ? "stop" : "(quiet)");
	}
	printf("\n");
}

static void run_step(struct script_play *play, const struct script_step *step)
{
	size_t sent_len = 0;

	run_until(play, step->at_ns);
	if (step->action == SCRIPT_SEND) {
		sent_len = build(play, step, play->sent);
		if (sent_len == 0) {
			script_play_fail(play, step->line, "this packet cannot be made");
			return;
		}
	}
	if (play->verbose)
		print_step(step, play->sent, sent_len);
	if (step->action == SCRIPT_SEND)
		input_packet(play, step, sent_len);
	else if (step->action == SCRIPT_STOP)
		hb_engine_stop(play->engine, engine_time(play->now_ns));
	check_outputs(play, step, play->sent, sent_len);
}

/* Silence, if the script says so; then every flow ends. */
static void finish(struct script_play *play)
{
	struct script_step end = { .action = SCRIPT_QUIET, .at_ns = play->now_ns };

	if (play->script->step_count > 0)
		end.line = play->script->steps[play->script->step_count - 1].line;
	if (play->script->nothing_else) {
		end.at_ns += SILENCE_NS;
		run_step(play, &end);
	}
	end.action = SCRIPT_STOP;
	run_step(play, &end);
}

static bool start(struct script_play *play, struct hb_policy *policy)
{
	static const struct hb_ops ops = { .size = sizeof(ops),
					   .emit = on_emit,
					   .event = on_event };
	struct hb_setup setup = { .size = sizeof(setup),
				  .ops = &ops,
				  .ctx = play,
				  .seed = "a seed to keep",
				  .mtu = play->script->mtu };
	struct hb_error err;

	play->joiner = script_joiner_new();
	play->last = calloc(SCRIPT_LAST_MAX, sizeof(*play->last));
	if (play->last == NULL)
		abort();
	play->engine = hb_engine_new(&setup, policy, &err);
	if (play->engine == NULL)
		fprintf(stderr, "%s: no engine: %s\n", play->script->path, err.message);
	return play->engine != NULL;
}

static void run(struct script_play *play)
{
	for (size_t i = 0; i < play->script->step_count; i++) {
		run_step(play, &play->script->steps[i]);
		if (play->failed && !play->verbose)
			return;
	}
	finish(play);
	if (!play->failed || play->verbose)
		script_final_check(play);
}

bool script_play(const struct script *script, bool verbose)
{
	struct script_play play = { .script = script, .verbose = verbose, .failed = true };
	struct hb_policy *policy = script_policy_new(script);

	if (policy != NULL && script_world_init(&play.world, script, policy) &&
	    start(&play, policy)) {
		play.failed = false;
		run(&play);
	}
	hb_engine_free(play.engine);
	script_joiner_free(play.joiner);
	hb_policy_unref(policy);
	for (size_t i = 0; i < play.seen_count; i++) {
		free(play.seen[i].trace);
		free(play.seen[i].reason);
		free(play.seen[i].tag);
	}
	free(play.seen);
	free(play.outputs);
	free(play.last);
	return !play.failed;
}
