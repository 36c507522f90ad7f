/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads a whole script: configuration and directives, then the dialogue, then what must be true. */
#include "script.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One more element behind count others, zeroed; NULL if memory is short. */
static void *grow(void **array, size_t *count, size_t size)
{
	char *grown = realloc(*array, (*count + 1) * size);

	if (grown == NULL)
		return NULL;
	*array = grown;
	memset(grown + *count * size, 0, size);
	return grown + (*count)++ * size;
}

static bool parse_time(struct script_line *line, uint64_t *ns)
{
	const struct script_word *word = script_line_word(line);
	double seconds;
	char *end;

	seconds = strtod(word->text, &end);
	if (end != word->text + word->len || seconds < 0 || seconds > 1e6)
		return script_line_wrong(line, "expected a time in seconds");
	*ns = (uint64_t)(seconds * 1e6 + 0.5) * 1000;
	return true;
}

/* "-> WHO gets SEGMENT [from PEER]", as often as it comes; "-> nobody". */
static bool parse_expects(struct script_line *line, struct script_step *step)
{
	struct script_expect *expect;
	void *array;

	while (script_line_take(line, "->")) {
		if (script_line_take(line, "nobody"))
			continue;
		array = step->expects;
		expect = grow(&array, &step->expect_count, sizeof(*expect));
		step->expects = array;
		if (expect == NULL)
			return false;
		expect->line = line->number;
		if (!script_who_parse(line, &expect->who))
			return false;
		if (!script_line_take(line, "gets"))
			return script_line_wrong(line, "expected \"gets\"");
		if (!script_segment_parse(line, true, &expect->segment))
			return false;
		if (expect->segment.it && step->action != SCRIPT_SEND)
			return script_line_wrong(line, "nothing was sent that \"it\" could be");
		if (script_line_take(line, "from") && !script_who_parse(line, &expect->peer))
			return false;
	}
	return script_line_at_end(line) || script_line_wrong(line, "unexpected word");
}

static bool parse_sends(struct script_line *line, struct script_step *step)
{
	if (!script_who_parse(line, &step->who))
		return false;
	if (!script_line_take(line, "sends"))
		return script_line_wrong(line, "expected \"sends\"");
	if (!script_segment_parse(line, false, &step->segment))
		return false;
	if (script_line_take(line, "about") && !script_who_parse(line, &step->about))
		return false;
	return !script_line_take(line, "to") || script_who_parse(line, &step->peer);
}

static bool parse_step(struct script_line *line, struct script *script)
{
	void *array = script->steps;
	struct script_step *step = grow(&array, &script->step_count, sizeof(*step));

	script->steps = array;
	if (step == NULL)
		return false;
	step->line = line->number;
	if (!parse_time(line, &step->at_ns))
		return false;
	if (script->step_count > 1 && step->at_ns < step[-1].at_ns)
		return script_line_wrong(line, "time goes back");
	if (script_line_take(line, "stop"))
		step->action = SCRIPT_STOP;
	else if (script_line_at_end(line) || line->words[line->next].text[0] == '-')
		step->action = SCRIPT_QUIET;
	else if (!parse_sends(line, step))
		return false;
	return parse_expects(line, step);
}

static bool parse_directive(struct script_line *line, struct script *script)
{
	struct script_who who;
	uint64_t mtu;

	if (script_line_take(line, "ipv6")) {
		script->ipv6 = true;
	} else if (script_line_take(line, "tracked")) {
		script->tracked = true;
	} else if (script_line_take(line, "mtu")) {
		if (!script_line_number(line, UINT16_MAX, &mtu))
			return false;
		script->mtu = (uint16_t)mtu;
	} else if (script_line_take(line, "attacks")) {
		if (!script_who_parse(line, &who) || who.role != SCRIPT_OUTSIDE)
			return script_line_wrong(line, "expected the attacked address");
		script->attacked = (struct hb_endpoint){ .addr = who.addr, .port = who.port };
		script->has_attacked = true;
	} else {
		return script_final_parse(line, script);
	}
	return script_line_at_end(line) || script_line_wrong(line, "unexpected word");
}

static bool parse_line(struct script *script, int number, const char *text)
{
	struct script_line line = { .path = script->path, .number = number };

	if (!script_line_split(&line, text))
		return false;
	if (line.count == 0)
		return true;
	if (isdigit((unsigned char)line.words[0].text[0]))
		return parse_step(&line, script);
	if (strncmp(line.words[0].text, "->", 2) != 0)
		return parse_directive(&line, script);
	if (script->step_count == 0)
		return script_line_wrong(&line, "\"->\" before the first line of the dialogue");
	return parse_expects(&line, &script->steps[script->step_count - 1]);
}

/* How many more braces a line of the configuration opens than it closes. */
static int brace_depth(const char *text)
{
	int depth = 0;
	bool quoted = false;

	for (; *text != '\0'; text++) {
		if (*text == '"')
			quoted = !quoted;
		else if (!quoted && *text == '#')
			break;
		else if (!quoted)
			depth += (*text == '{') - (*text == '}');
	}
	return depth;
}

static bool starts_section(const char *text)
{
	static const char *const names[] = { "config", "module", "target", "uplink" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t len = strlen(names[i]);

		if (strncmp(text, names[i], len) == 0 && strchr(" \t{\n", text[len]) != NULL)
			return true;
	}
	return false;
}

/* Lines of the configuration are copied, others left empty, so that its parser counts right. */
static bool parse_lines(FILE *in, FILE *config, struct script *script)
{
	char *text = NULL;
	size_t size = 0;
	int depth = 0;
	bool ok = true;

	for (int number = 1; ok && getline(&text, &size, in) >= 0; number++) {
		if (depth > 0 || starts_section(text)) {
			depth += brace_depth(text);
			fputs(text, config);
		} else {
			fputc('\n', config);
			ok = parse_line(script, number, text);
		}
	}
	free(text);
	return ok;
}

bool script_parse(const char *path, struct script *script)
{
	size_t size = 0;
	FILE *in, *config;
	bool ok = false;

	memset(script, 0, sizeof(*script));
	script->path = path;
	in = fopen(path, "r");
	if (in == NULL) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return false;
	}
	config = open_memstream(&script->config, &size);
	if (config != NULL) {
		ok = parse_lines(in, config, script);
		fclose(config);
	}
	fclose(in);
	return ok;
}

void script_fini(struct script *script)
{
	for (size_t i = 0; i < script->step_count; i++) {
		struct script_step *step = &script->steps[i];

		for (size_t j = 0; j < step->expect_count; j++)
			script_segment_fini(&step->expects[j].segment);
		free(step->expects);
		script_segment_fini(&step->segment);
	}
	for (size_t i = 0; i < script->final_count; i++) {
		free(script->finals[i].text);
		free(script->finals[i].trace);
		free(script->finals[i].reason);
		free(script->finals[i].tag);
	}
	free(script->steps);
	free(script->finals);
	free(script->config);
}
