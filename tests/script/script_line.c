/* SPDX-License-Identifier: BSD-2-Clause */
/* One line of a script, as words. Comments and remarks in parentheses are no words. */
#include "script.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

bool script_line_wrong(const struct script_line *line, const char *format, ...)
{
	va_list args;
	int column = 0;

	if (line->next < line->count)
		column = line->words[line->next].column;
	else if (line->count > 0)
		column =
			line->words[line->count - 1].column + (int)line->words[line->count - 1].len;
	fprintf(stderr, "%s:%d:%d: ", line->path, line->number, column);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return false;
}

/* The end of the word that starts at p: a string's closing quote, or where white space comes. */
static const char *word_end(const char *p, bool is_string)
{
	if (!is_string) {
		while (*p != '\0' && !isspace((unsigned char)*p) && *p != ';')
			p++;
		return p;
	}
	while (*p != '\0' && *p != '"')
		p += p[0] == '\\' && p[1] != '\0' ? 2 : 1;
	return p;
}

static bool add_word(struct script_line *line, const char *text, const char **p)
{
	struct script_word *word = &line->words[line->count];
	const char *start = *p;

	if (line->count == SCRIPT_WORDS_MAX)
		return script_line_wrong(line, "more than %d words", SCRIPT_WORDS_MAX);
	word->column = (int)(start - text) + 1;
	word->is_string = *start == '"';
	word->text = word->is_string ? start + 1 : start;
	*p = *start == ';' ? start + 1 : word_end(word->text, word->is_string);
	word->len = (size_t)(*p - word->text);
	line->count++;
	if (word->is_string && **p == '\0')
		return script_line_wrong(line, "a string without its closing quote");
	if (word->is_string)
		(*p)++;
	return true;
}

/* Cuts text into words; they point into it. */
bool script_line_split(struct script_line *line, const char *text)
{
	const char *p = text;

	line->count = line->next = 0;
	for (;;) {
		while (isspace((unsigned char)*p))
			p++;
		if (*p == '\0' || *p == '#')
			return true;
		if (*p == '(') {
			p = strchr(p, ')');
			if (p == NULL)
				return script_line_wrong(line, "a remark without its \")\"");
			p++;
		} else if (!add_word(line, text, &p)) {
			return false;
		}
	}
}

bool script_line_at_end(const struct script_line *line)
{
	return line->next == line->count;
}

/* Goes past the next word if it is this one. */
bool script_line_take(struct script_line *line, const char *word)
{
	const struct script_word *next = &line->words[line->next];

	if (script_line_at_end(line) || next->is_string || strlen(word) != next->len ||
	    memcmp(word, next->text, next->len) != 0)
		return false;
	line->next++;
	return true;
}

/* The next word, and goes past it; NULL, with a message, at the end. */
const struct script_word *script_line_word(struct script_line *line)
{
	if (script_line_at_end(line)) {
		script_line_wrong(line, "the line ends where another word was expected");
		return NULL;
	}
	return &line->words[line->next++];
}

bool script_line_number(struct script_line *line, uint64_t max, uint64_t *value)
{
	const struct script_word *word;
	char *end;

	if (script_line_at_end(line))
		return script_line_wrong(line, "the line ends where a number was expected");
	word = &line->words[line->next];
	errno = 0;
	*value = strtoull(word->text, &end, 0);
	if (word->is_string || word->len == 0 || !isdigit((unsigned char)word->text[0]) ||
	    end != word->text + word->len || errno != 0 || *value > max)
		return script_line_wrong(line, "expected a number up to %llu, not \"%.*s\"",
					 (unsigned long long)max, (int)word->len, word->text);
	line->next++;
	return true;
}

/* A string as it stands between its quotes, given. */
bool script_line_text(struct script_line *line, char **text)
{
	const struct script_word *word = &line->words[line->next];

	if (script_line_at_end(line) || !word->is_string)
		return script_line_wrong(line, "expected a text in quotes");
	line->next++;
	free(*text);
	*text = strndup(word->text, word->len);
	return *text != NULL;
}
