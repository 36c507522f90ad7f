/* SPDX-License-Identifier: BSD-2-Clause */
#include "diag.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_SIZE 512

struct item {
	struct item *next;
	bool is_error;
	enum hb_exit status;
	struct hb_place place;
	char message[MESSAGE_SIZE];
};

struct hb_diag {
	const char *file;
	const char *source;
	size_t length;
	struct item *items; /* in the file's order */
	size_t error_count;
	bool out_of_memory;
};

struct hb_diag *hb_diag_new(const char *file, const char *source, size_t length)
{
	struct hb_diag *diag = calloc(1, sizeof(*diag));

	if (!diag)
		return NULL;
	diag->file = file;
	diag->source = source;
	diag->length = length;
	return diag;
}

void hb_diag_free(struct hb_diag *diag)
{
	if (!diag)
		return;
	while (diag->items) {
		struct item *next = diag->items->next;

		free(diag->items);
		diag->items = next;
	}
	free(diag);
}

static bool is_behind(struct hb_place a, struct hb_place b)
{
	return a.line > b.line || (a.line == b.line && a.column > b.column);
}

/* Behind all that stand before it or at the same place, so that equal ones keep their order. */
static void insert(struct hb_diag *diag, struct item *item)
{
	struct item **link = &diag->items;

	while (*link && !is_behind((*link)->place, item->place))
		link = &(*link)->next;
	item->next = *link;
	*link = item;
}

static struct item *make_item(struct hb_diag *diag, struct hb_place place, const char *format,
			      va_list args)
{
	struct item *item = calloc(1, sizeof(*item));

	if (!item) {
		diag->out_of_memory = true;
		return NULL;
	}
	item->place = place;
	vsnprintf(item->message, sizeof(item->message), format, args);
	return item;
}

void hb_diag_error(struct hb_diag *diag, enum hb_exit status, struct hb_place place,
		   const char *format, ...)
{
	struct item *item;
	va_list args;

	diag->error_count++;
	va_start(args, format);
	item = make_item(diag, place, format, args);
	va_end(args);
	if (!item)
		return;
	item->is_error = true;
	item->status = status;
	insert(diag, item);
}

void hb_diag_warning(struct hb_diag *diag, struct hb_place place, const char *format, ...)
{
	struct item *item;
	va_list args;

	va_start(args, format);
	item = make_item(diag, place, format, args);
	va_end(args);
	if (item)
		insert(diag, item);
}

size_t hb_diag_error_count(const struct hb_diag *diag)
{
	return diag->error_count;
}

enum hb_exit hb_diag_status(const struct hb_diag *diag)
{
	for (const struct item *item = diag->items; item; item = item->next) {
		if (item->is_error)
			return item->status;
	}
	return diag->out_of_memory ? HB_EXIT_SYSTEM : HB_EXIT_OK;
}

/* What a terminal would take as a command is not shown. */
static void print_text(FILE *out, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];
		bool control = (c < 0x20 && c != '\t') || c == 0x7f;

		fputc(control ? '?' : c, out);
	}
}

static const char *find_line(const struct hb_diag *diag, int line, size_t *length)
{
	const char *end = diag->source + diag->length;
	const char *start = diag->source;

	for (int i = 1; i < line && start < end; i++) {
		const char *newline = memchr(start, '\n', (size_t)(end - start));

		start = newline ? newline + 1 : end;
	}
	if (start < end) {
		const char *newline = memchr(start, '\n', (size_t)(end - start));

		end = newline ? newline : end;
	}
	while (end > start && end[-1] == '\r')
		end--;
	*length = (size_t)(end - start);
	return start;
}

/* A tab stays a tab and a character of several bytes is one wide, so the caret stands right. */
static void print_caret(FILE *out, const char *line, size_t length, int column)
{
	for (size_t i = 0; i + 1 < (size_t)column; i++) {
		unsigned char c = i < length ? (unsigned char)line[i] : ' ';

		if ((c & 0xc0) != 0x80)
			fputc(c == '\t' ? '\t' : ' ', out);
	}
	fputs("^\n", out);
}

static void print_place(const struct hb_diag *diag, struct hb_place place, FILE *out)
{
	fputs(diag->file, out);
	if (place.line > 0)
		fprintf(out, ":%d", place.line);
	if (place.line > 0 && place.column > 0)
		fprintf(out, ":%d", place.column);
}

static void print_item(const struct hb_diag *diag, const struct item *item, FILE *out)
{
	const char *line;
	size_t length;

	print_place(diag, item->place, out);
	fputs(item->is_error ? ": error: " : ": warning: ", out);
	print_text(out, item->message, strlen(item->message));
	fputc('\n', out);
	if (!item->is_error || item->place.line == 0 || item->place.column == 0)
		return;
	line = find_line(diag, item->place.line, &length);
	print_text(out, line, length);
	fputc('\n', out);
	print_caret(out, line, length, item->place.column);
}

void hb_diag_print(const struct hb_diag *diag, FILE *out)
{
	for (const struct item *item = diag->items; item; item = item->next)
		print_item(diag, item, out);
	if (diag->out_of_memory)
		fprintf(out, "%s: error: out of memory\n", diag->file);
}
