/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The last lines of a script: which handovers happened or failed, how the flows ended, what was
 * counted. Handovers must all be named, in order; flows all or not at all.
 */
#include "script.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct named_offset {
	const char *name;
	size_t offset;
};

static const struct named_offset handover_fields[] = {
	{ "latency_us", offsetof(struct hb_handover_info, latency_us) },
	{ "turns", offsetof(struct hb_handover_info, turns) },
	{ "replayed", offsetof(struct hb_handover_info, replayed_bytes) },
	{ "discarded", offsetof(struct hb_handover_info, discarded_bytes) },
	{ "recorded", offsetof(struct hb_handover_info, recorded_bytes) },
	{ "retransmissions", offsetof(struct hb_handover_info, retransmissions) },
	{ "problems", offsetof(struct hb_handover_info, problems) },
};

static const struct named_offset counter_fields[] = {
	{ "packets", offsetof(struct hb_counters, packets) },
	{ "bytes", offsetof(struct hb_counters, bytes) },
	{ "accepted", offsetof(struct hb_counters, accepted) },
	{ "modified", offsetof(struct hb_counters, modified) },
	{ "dropped", offsetof(struct hb_counters, dropped) },
	{ "emitted", offsetof(struct hb_counters, emitted) },
	{ "malformed", offsetof(struct hb_counters, malformed) },
	{ "fragments", offsetof(struct hb_counters, fragments) },
	{ "reassembled", offsetof(struct hb_counters, reassembled) },
	{ "flows_started", offsetof(struct hb_counters, flows_started) },
	{ "flows_evicted", offsetof(struct hb_counters, flows_evicted) },
	{ "handovers_started", offsetof(struct hb_counters, handovers_started) },
	{ "handovers_done", offsetof(struct hb_counters, handovers_done) },
	{ "handovers_failed", offsetof(struct hb_counters, handovers_failed) },
	{ "handovers_declined", offsetof(struct hb_counters, handovers_declined) },
	{ "backend_failures", offsetof(struct hb_counters, backend_failures) },
	{ "backends_down", offsetof(struct hb_counters, backends_down) },
	{ "contained", offsetof(struct hb_counters, contained) },
	{ "unmatched", offsetof(struct hb_counters, unmatched) },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const void *find_field(const struct named_offset *fields, size_t count, const char *name,
			      const void *base)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(fields[i].name, name) == 0)
			return (const char *)base + fields[i].offset;
	}
	return NULL;
}

/* The value that a name stands for in an event; false if it has none of that name. */
static bool seen_number(const struct script_seen *seen, const char *name, uint64_t *value)
{
	const struct hb_flow_info *flow = &seen->event.flow;
	const uint32_t *field =
		find_field(handover_fields, COUNT(handover_fields), name, &seen->event.handover);

	if (field != NULL)
		*value = *field;
	else if (strcmp(name, "packets") == 0)
		*value = flow->packets;
	else if (strcmp(name, "bytes") == 0)
		*value = flow->bytes;
	else if (strcmp(name, "backend") == 0)
		*value = flow->backend;
	else
		return false;
	return true;
}

static bool is_known(const struct script_final *final, const char *name)
{
	const struct script_seen none = { .trace = NULL };
	const struct hb_counters counters = { 0 };
	uint64_t unused;

	if (final->kind == SCRIPT_FINAL_COUNTER)
		return find_field(counter_fields, COUNT(counter_fields), name, &counters) != NULL;
	return seen_number(&none, name, &unused);
}

/* "NAME N" */
static bool parse_number(struct script_line *line, struct script_final *final)
{
	struct script_number *number = &final->numbers[final->number_count];
	const struct script_word *word = &line->words[line->next];

	if (final->number_count == COUNT(final->numbers))
		return script_line_wrong(line, "too many numbers");
	snprintf(number->name, sizeof(number->name), "%.*s", (int)word->len, word->text);
	if (!is_known(final, number->name))
		return script_line_wrong(line, "unknown number \"%s\"", number->name);
	line->next++;
	final->number_count++;
	return script_line_number(line, UINT64_MAX, &number->value);
}

/* "NAME N", "trace TEXT", "reason TEXT", "tag TEXT", as often as they come. */
static bool parse_fields(struct script_line *line, struct script_final *final)
{
	while (!script_line_at_end(line) && line->words[line->next].text[0] != ';') {
		bool ok;

		if (script_line_take(line, "trace"))
			ok = script_line_text(line, &final->trace);
		else if (script_line_take(line, "reason"))
			ok = script_line_text(line, &final->reason);
		else if (script_line_take(line, "tag"))
			ok = script_line_text(line, &final->tag);
		else
			ok = parse_number(line, final);
		if (!ok)
			return false;
	}
	return true;
}

static bool parse_state(struct script_line *line, struct script_final *final)
{
	const struct script_word *word = script_line_word(line);

	if (word == NULL)
		return false;
	final->text = strndup(word->text, word->len);
	for (int state = HB_STATE_INIT; final->text != NULL && state < HB_STATE_COUNT; state++) {
		if (strcmp(hb_flow_state_name((enum hb_flow_state)state), final->text) == 0)
			return true;
	}
	line->next--;
	return script_line_wrong(line, "expected the name of a state");
}

static bool parse_one(struct script_line *line, struct script_final *final)
{
	final->line = line->number;
	if (script_line_take(line, "event")) {
		final->kind = SCRIPT_FINAL_HANDOVER;
		if (script_line_take(line, "handover-failed")) {
			final->kind = SCRIPT_FINAL_FAILED;
			if (!script_line_text(line, &final->text))
				return false;
		} else if (!script_line_take(line, "handover")) {
			return script_line_wrong(line,
						 "expected \"handover\" or \"handover-failed\"");
		}
	} else if (script_line_take(line, "flow")) {
		final->kind = SCRIPT_FINAL_FLOW;
		if (!parse_state(line, final))
			return false;
	} else if (script_line_take(line, "counter")) {
		final->kind = SCRIPT_FINAL_COUNTER;
	} else {
		return script_line_wrong(line, "expected a time, a directive or what must be true");
	}
	return parse_fields(line, final);
}

bool script_final_parse(struct script_line *line, struct script *script)
{
	while (!script_line_at_end(line)) {
		struct script_final *grown;

		if (script_line_take(line, ";"))
			continue;
		if (script_line_take(line, "nothing")) {
			script->nothing_else = true;
			if (!script_line_take(line, "else") || !script_line_take(line, "is") ||
			    !script_line_take(line, "sent"))
				return script_line_wrong(line, "expected \"nothing else is sent\"");
			continue;
		}
		grown = realloc(script->finals, (script->final_count + 1) * sizeof(*grown));
		if (grown == NULL)
			return false;
		script->finals = grown;
		memset(&grown[script->final_count], 0, sizeof(*grown));
		if (!parse_one(line, &grown[script->final_count++]))
			return false;
	}
	return true;
}

static void check_number(struct script_play *play, const struct script_final *final,
			 const struct script_number *number, uint64_t got)
{
	if (got != number->value)
		script_play_fail(play, final->line, "%s is %" PRIu64 ", not %" PRIu64, number->name,
				 got, number->value);
}

static void check_text(struct script_play *play, const struct script_final *final, const char *what,
		       const char *want, const char *got)
{
	if (want != NULL && strcmp(want, got) != 0)
		script_play_fail(play, final->line, "the %s is \"%s\", not \"%s\"", what, got,
				 want);
}

static void check_seen(struct script_play *play, const struct script_final *final,
		       const struct script_seen *seen)
{
	uint64_t got;

	for (size_t i = 0; i < final->number_count; i++) {
		if (seen_number(seen, final->numbers[i].name, &got))
			check_number(play, final, &final->numbers[i], got);
	}
	check_text(play, final, "trace", final->trace, seen->trace);
	check_text(play, final, "reason", final->reason, seen->reason);
	check_text(play, final, "tag", final->tag, seen->tag);
	if (final->kind == SCRIPT_FINAL_FAILED)
		check_text(play, final, "reason", final->text, seen->reason);
	if (final->kind == SCRIPT_FINAL_FLOW)
		check_text(play, final, "flow's state", final->text,
			   hb_flow_state_name(seen->event.flow.state));
}

static bool is_handover(enum hb_event_kind kind)
{
	return kind == HB_EVENT_HANDOVER || kind == HB_EVENT_HANDOVER_FAILED;
}

/* Every handover, done or failed, must be named, in order. */
static void check_handovers(struct script_play *play)
{
	const struct script *script = play->script;
	size_t next = 0;

	for (size_t i = 0; i < script->final_count; i++) {
		const struct script_final *final = &script->finals[i];
		enum hb_event_kind want = final->kind == SCRIPT_FINAL_HANDOVER
						  ? HB_EVENT_HANDOVER
						  : HB_EVENT_HANDOVER_FAILED;

		if (final->kind != SCRIPT_FINAL_HANDOVER && final->kind != SCRIPT_FINAL_FAILED)
			continue;
		while (next < play->seen_count && !is_handover(play->seen[next].event.kind))
			next++;
		if (next == play->seen_count)
			script_play_fail(play, final->line, "this event did not come");
		else if (play->seen[next].event.kind != want)
			script_play_fail(play, final->line, "the handover %s",
					 want == HB_EVENT_HANDOVER ? "failed" : "was done");
		else
			check_seen(play, final, &play->seen[next]);
		if (next == play->seen_count)
			return;
		next++;
	}
	for (; next < play->seen_count; next++) {
		if (is_handover(play->seen[next].event.kind))
			script_play_fail(play, 0, "a handover %s that no line names: \"%s\"",
					 play->seen[next].event.kind == HB_EVENT_HANDOVER
						 ? "was done"
						 : "failed",
					 play->seen[next].reason);
	}
}

static const struct script_seen *find_end(const struct script_play *play, uint64_t id)
{
	for (size_t i = 0; i < play->seen_count; i++) {
		if (play->seen[i].event.kind == HB_EVENT_FLOW_END &&
		    play->seen[i].event.flow.id == id)
			return &play->seen[i];
	}
	return NULL;
}

/* "flow" lines stand for flows in the order in which these began. */
static void check_flows(struct script_play *play)
{
	uint64_t id = 0;

	for (size_t i = 0; i < play->script->final_count; i++) {
		const struct script_final *final = &play->script->finals[i];
		const struct script_seen *seen;

		if (final->kind != SCRIPT_FINAL_FLOW)
			continue;
		seen = find_end(play, ++id);
		if (seen == NULL)
			script_play_fail(play, final->line, "there was no such flow");
		else
			check_seen(play, final, seen);
	}
	if (id > 0 && find_end(play, id + 1) != NULL)
		script_play_fail(play, 0, "there were more flows than lines for them");
}

static void check_counters(struct script_play *play)
{
	struct hb_counters counters;

	hb_engine_get_counters(play->engine, &counters);
	if (counters.broken != 0)
		script_play_fail(play, 0, "the engine found itself broken");
	if (counters.flows != 0 || counters.buffered_bytes != 0)
		script_play_fail(play, 0, "%" PRIu64 " flows and %" PRIu64 " bytes were left",
				 counters.flows, counters.buffered_bytes);
	for (size_t i = 0; i < play->script->final_count; i++) {
		const struct script_final *final = &play->script->finals[i];

		for (size_t j = 0; final->kind == SCRIPT_FINAL_COUNTER && j < final->number_count;
		     j++) {
			const struct script_number *number = &final->numbers[j];
			const uint64_t *got = find_field(counter_fields, COUNT(counter_fields),
							 number->name, &counters);

			check_number(play, final, number, *got);
		}
	}
}

bool script_final_check(struct script_play *play)
{
	check_handovers(play);
	check_flows(play);
	check_counters(play);
	return !play->failed;
}
