/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files that a module reads when an instance of it is made: lists of addresses, of words.
 */
#include "registry.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_QUOTE_MAX 100
#define SPACE " \t\r\n\f\v"

/* Cuts off the comment, and white space at both ends. */
static char *trim(char *line)
{
	line[strcspn(line, "#")] = '\0';
	line += strspn(line, SPACE);

	size_t len = strlen(line);

	while (len > 0 && strchr(SPACE, line[len - 1]))
		len--;
	line[len] = '\0';
	return line;
}

static int take_lines(FILE *file, const char *path, hb_line_take *take, void *ctx,
		      struct hb_error *err)
{
	struct hb_error reason = { .code = HB_ERROR_NONE };
	char *line = NULL;
	size_t size = 0;
	int ret = 0;

	for (int number = 1; ret == 0 && getline(&line, &size, file) >= 0; number++) {
		char *text = trim(line);

		if (*text != '\0')
			ret = take(ctx, text, &reason);
		if (ret < 0)
			ret = hb_error_set(err, ret == -ENOMEM ? HB_ERROR_SYSTEM : HB_ERROR_CONFIG,
					   0, "\"%.*s\", line %d: %s", PATH_QUOTE_MAX, path, number,
					   reason.code ? reason.message : strerror(-ret));
	}
	free(line);
	if (ret == 0 && !feof(file))
		ret = hb_error_set(err, HB_ERROR_CONFIG, 0, "cannot read \"%.*s\": %s",
				   PATH_QUOTE_MAX, path, strerror(errno));
	return ret;
}

int hb_instance_read_lines(const struct hb_instance *instance, const char *param,
			   hb_line_take *take, void *ctx, struct hb_error *err)
{
	const char *path = hb_instance_text(instance, param);
	FILE *file = path ? fopen(path, "re") : NULL;

	if (!path)
		return hb_error_set(err, HB_ERROR_CONFIG, 0,
				    "module \"%.64s\" has no file \"%.64s\" to read",
				    hb_instance_name(instance), param);
	if (!file)
		return hb_error_set(err, HB_ERROR_CONFIG, 0, "cannot read \"%.*s\": %s",
				    PATH_QUOTE_MAX, path, strerror(errno));

	int ret = take_lines(file, path, take, ctx, err);

	fclose(file);
	return ret;
}
