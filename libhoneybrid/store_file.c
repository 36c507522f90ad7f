/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * State files:
 *
 *	# State of honeybridd, whole if "# end" stands below.
 *	[80]
 *	d20f64acc6e70b6079845f2fe357732929550ae1=1	1249600127	0	2	7	GET
 *	# end
 *
 * groups in the order of their names, in each the entries in the order of their last use. Empty
 * lines and lines with # at their start are read over.
 *
 * A file that was cut off is told by its first and its last line: inside a line the line's end is
 * missing, and between two lines the end that the first line promises. Who edits a file may take
 * entries out and put some in without counting anything; one without the first line promises nothing.
 */
#include "store_file.h"

#include "store_text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_QUOTE_MAX 120
#define FILE_MODE 0640
#define NEW_SUFFIX ".new"

static const char head[] = "# State of honeybridd, whole if \"# end\" stands below.";
static const char tail[] = "# end";

/* How to go on with a line that is refused. */
static const char remedy[] = "; mend it or move the file away";

static int say(struct hb_error *err, const char *path, const char *what)
{
	return hb_error_set(err, HB_ERROR_STATE, 0, "state file \"%.*s\": %s", PATH_QUOTE_MAX, path,
			    what);
}

struct reader {
	struct hb_store *store;
	const struct hb_store_layout *layout;
	struct hb_store_item *item;
	bool in_group;
	bool promised, ended; /* the first line and the last one of a whole file were there */
};

static int read_entry(struct reader *reader, char *text, struct hb_error *err)
{
	if (!reader->in_group)
		return hb_error_set(err, HB_ERROR_STATE, 0,
				    "an entry must come after the name of its group");

	int ret = hb_store_text_read(reader->layout, text, reader->item, err);

	if (ret < 0)
		return ret;
	ret = hb_store_restore(reader->store, reader->item);
	if (ret == -EEXIST)
		return hb_error_set(err, HB_ERROR_STATE, 0, "this key is in the group already");
	return ret < 0 ? hb_error_set(err, HB_ERROR_SYSTEM, 0, "no memory") : 0;
}

/* @line  as fgets() reads it. */
static int read_line(struct reader *reader, char *line, struct hb_error *err)
{
	size_t len = strlen(line);

	if (len == 0 || line[len - 1] != '\n')
		return hb_error_set(err, HB_ERROR_STATE, 0,
				    "the line is cut off, too long, or has a zero byte");
	line[len - 1] = '\0';
	if (line[0] == '\0' || line[0] == '#') {
		reader->promised |= strcmp(line, head) == 0;
		reader->ended |= strcmp(line, tail) == 0;
		return 0;
	}
	if (line[0] != '[')
		return read_entry(reader, line, err);
	reader->in_group = true;
	return hb_store_text_read_group(reader->layout, line, reader->item->group, err);
}

static int read_lines(struct reader *reader, FILE *file, const char *path, struct hb_error *err)
{
	struct hb_error reason = { .code = HB_ERROR_NONE };
	char line[HB_STORE_TEXT_SIZE + 1];
	int number = 0;

	while (fgets(line, sizeof(line), file)) {
		number++;
		if (read_line(reader, line, &reason) == 0)
			continue;
		return hb_error_set(err, reason.code, 0, "state file \"%.*s\", line %d: %s%s",
				    PATH_QUOTE_MAX, path, number, reason.message,
				    reason.code == HB_ERROR_STATE ? remedy : "");
	}
	if (ferror(file))
		return say(err, path, strerror(errno));
	if (reader->promised && !reader->ended)
		return hb_error_set(
			err, HB_ERROR_STATE, 0,
			"state file \"%.*s\", line %d: the file is cut off here; remove "
			"the first line to go on with what is left, or move the file away",
			PATH_QUOTE_MAX, path, number);
	return 0;
}

int hb_store_file_load(struct hb_store *store, const char *path, struct hb_error *err)
{
	FILE *file = fopen(path, "re");
	struct reader reader = { .store = store, .layout = hb_store_get_layout(store) };
	int ret;

	if (!file)
		return errno == ENOENT ? 0 : say(err, path, strerror(errno));
	reader.item = hb_store_item_new(store);
	ret = reader.item ? read_lines(&reader, file, path, err) : -ENOMEM;
	if (ret == 0)
		ret = hb_store_sort(store);
	if (ret == -ENOMEM)
		hb_error_set(err, HB_ERROR_SYSTEM, 0, "no memory for state file \"%.*s\"",
			     PATH_QUOTE_MAX, path);
	free(reader.item);
	fclose(file);
	return ret;
}

/* Groups by length first, so that ports stand in their order. */
static int compare_items(const void *a, const void *b)
{
	const struct hb_store_item *const *x = a, *const *y = b;
	size_t x_len = strlen((*x)->group), y_len = strlen((*y)->group);
	int order = (x_len > y_len) - (x_len < y_len);

	if (order == 0)
		order = strcmp((*x)->group, (*y)->group);
	if (order != 0)
		return order;
	order = ((*x)->last_seen_us > (*y)->last_seen_us) -
		((*x)->last_seen_us < (*y)->last_seen_us);
	/* The same contents give the same file. */
	return order != 0 ? order : memcmp((*x)->key, (*y)->key, sizeof((*x)->key));
}

static void write_items(const struct hb_store_layout *layout, const struct hb_store_copy *copy,
			FILE *file)
{
	const char *group = NULL;
	char text[HB_STORE_TEXT_SIZE];

	fprintf(file, "%s\n", head);
	for (size_t i = 0; i < copy->count; i++) {
		const struct hb_store_item *item = copy->items[i];

		if (!group || strcmp(group, item->group) != 0)
			fprintf(file, "[%s]\n", item->group);
		group = item->group;
		hb_store_text_write(layout, item, text);
		fprintf(file, "%s\n", text);
	}
	fprintf(file, "%s\n", tail);
}

/* Writes the file so that it is on the disk. Returns 0, or -1 with errno. */
static int write_file(const struct hb_store_layout *layout, const struct hb_store_copy *copy,
		      const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");

	if (!file) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	write_items(layout, copy, file);

	int failed = fflush(file) != 0 || fsync(fd) < 0 ? errno : 0;

	if (fclose(file) != 0 && failed == 0)
		failed = errno;
	errno = failed;
	return failed ? -1 : 0;
}

/* The new name is on the disk when its directory is. */
static int sync_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *directory = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	int fd = directory ? open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	int ret = fd < 0 ? -1 : fsync(fd);
	int failed = errno;

	if (fd >= 0)
		close(fd);
	free(directory);
	errno = failed;
	return ret;
}

static int replace(const struct hb_store_layout *layout, const struct hb_store_copy *copy,
		   const char *path, struct hb_error *err)
{
	char *new_path = malloc(strlen(path) + sizeof(NEW_SUFFIX));

	if (!new_path)
		return say(err, path, strerror(ENOMEM));
	strcpy(stpcpy(new_path, path), NEW_SUFFIX);

	int ret = 0;

	if (write_file(layout, copy, new_path) < 0 || rename(new_path, path) < 0) {
		ret = hb_error_set(err, HB_ERROR_STATE, 0,
				   "state file \"%.*s\" cannot be written: %s", PATH_QUOTE_MAX,
				   path, strerror(errno));
		unlink(new_path);
	} else if (sync_directory(path) < 0) {
		ret = say(err, path, strerror(errno));
	}
	free(new_path);
	return ret;
}

int hb_store_file_save(const struct hb_store *store, const char *path, int64_t now_us,
		       struct hb_error *err)
{
	struct hb_store_copy copy;

	if (hb_store_copy(store, now_us, &copy) < 0)
		return say(err, path, strerror(ENOMEM));
	if (copy.count > 0)
		qsort(copy.items, copy.count, sizeof(struct hb_store_item *), compare_items);

	int ret = replace(hb_store_get_layout(store), &copy, path, err);

	hb_store_copy_free(&copy);
	return ret;
}
