/* SPDX-License-Identifier: BSD-2-Clause */
#include "modload.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX ".so"
#define SYMBOL_PREFIX "hb_module_"
#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

struct hb_modload {
	const char *directory;
	void **handles;
	size_t count;
};

struct hb_modload *hb_modload_new(const char *directory)
{
	struct hb_modload *modload = calloc(1, sizeof(*modload));

	if (modload)
		modload->directory = directory;
	return modload;
}

void hb_modload_free(struct hb_modload *modload)
{
	if (!modload)
		return;
	while (modload->count > 0)
		dlclose(modload->handles[--modload->count]);
	free(modload->handles);
	free(modload);
}

/* Fills in the error; -1 for "return refuse(...)". */
#define refuse(err, ...) hb_cli_error_set(err, HB_EXIT_CONFIG, __VA_ARGS__)

/* Whether nobody but root and us can have changed what is at path. */
static int check_owner(const char *path, const struct stat *status, struct hb_cli_error *err)
{
	/* In a sticky directory nobody else can replace a file of ours. */
	bool sticky = S_ISDIR(status->st_mode) && (status->st_mode & S_ISVTX);

	if (status->st_uid != 0 && status->st_uid != geteuid())
		return refuse(err, "\"%s\" belongs to user %u: expected root or honeybridd's own",
			      path, status->st_uid);
	if ((status->st_mode & (S_IWGRP | S_IWOTH)) && !sticky)
		return refuse(err, "\"%s\" may be written by others (mode %04o): expected %04o",
			      path, status->st_mode & 07777,
			      status->st_mode & 07777 & ~(unsigned)(S_IWGRP | S_IWOTH));
	return 0;
}

/* Who may write a directory on the way may put another one in the place of those below. */
static int check_directories(const char *path, struct hb_cli_error *err)
{
	char directory[PATH_MAX];

	snprintf(directory, sizeof(directory), "%s", path);
	for (;;) {
		char *slash = strrchr(directory, '/');
		struct stat status;

		slash[slash == directory] = '\0';
		if (stat(directory, &status) < 0)
			return refuse(err, "\"%s\": %s", directory, strerror(errno));
		if (check_owner(directory, &status, err) < 0)
			return -1;
		if (slash == directory)
			return 0;
	}
}

/* The symbol of a file is named after it. False if its name is not NAME.so. */
static bool make_symbol(const char *path, char *symbol, size_t size)
{
	const char *name = strrchr(path, '/') + 1;
	size_t length = strspn(name, NAME_CHARACTERS);

	snprintf(symbol, size, SYMBOL_PREFIX "%.*s", (int)length, name);
	return length > 0 && strcmp(name + length, SUFFIX) == 0;
}

/* The dynamic linker's words, without the path that they often begin with. */
static const char *link_error(const char *path)
{
	const char *text = dlerror();
	size_t length = strlen(path);

	if (!text)
		return "no reason is known";
	if (strncmp(text, path, length) == 0 && strncmp(text + length, ": ", 2) == 0)
		return text + length + 2;
	return text;
}

/* Opens a file that was found good, and keeps it open. NULL with *err filled in. */
static void *open_object(struct hb_modload *modload, const char *path, struct hb_cli_error *err)
{
	void **handles =
		reallocarray(modload->handles, modload->count + 1, sizeof(*modload->handles));
	void *handle;

	if (!handles) {
		hb_cli_error_set(err, HB_EXIT_SYSTEM, "out of memory");
		return NULL;
	}
	modload->handles = handles;
	handle = dlopen(path, RTLD_LOCAL | RTLD_NOW);
	if (handle)
		handles[modload->count++] = handle;
	else
		refuse(err, "cannot load \"%s\": %s", path, link_error(path));
	return handle;
}

static int load(struct hb_modload *modload, const char *path, const struct hb_module **module,
		struct hb_cli_error *err)
{
	char resolved[PATH_MAX], symbol[NAME_MAX + sizeof(SYMBOL_PREFIX)];
	const struct hb_module *found;
	struct hb_error reason = { 0 };
	struct stat status;
	void *handle;

	if (!make_symbol(path, symbol, sizeof(symbol)))
		return refuse(
			err,
			"\"%s\" cannot be a module's file: expected NAME.so, NAME of letters, "
			"digits and \"_\"",
			path);
	if (!realpath(path, resolved) || stat(resolved, &status) < 0)
		return refuse(err, "cannot load \"%s\": %s", path, strerror(errno));
	if (!S_ISREG(status.st_mode))
		return refuse(err, "cannot load \"%s\": it is not a file", path);
	if (check_owner(resolved, &status, err) < 0 || check_directories(resolved, err) < 0)
		return -1;
	handle = open_object(modload, resolved, err);
	if (!handle)
		return -1;
	found = dlsym(handle, symbol);
	if (!found)
		return refuse(err, "\"%s\" has no symbol %s: is it a module, under its own name?",
			      path, symbol);
	if (hb_policy_check_module(found, &reason) < 0)
		return refuse(err, "cannot use \"%s\": %s", path, reason.message);
	*module = found;
	return 0;
}

/* A missing file is the only way in which a function without a path is not known. */
static bool is_there(const char *path)
{
	return access(path, F_OK) == 0 || errno != ENOENT;
}

int hb_modload_find(struct hb_modload *modload, const char *function,
		    const struct hb_module **module, struct hb_cli_error *err)
{
	char path[PATH_MAX];

	*module = hb_module_builtin(function);
	if (*module)
		return 0;
	if (strchr(function, '/') && function[0] != '/') {
		refuse(err, "\"%s\" is not an absolute path: expected a name, or \"/...\"",
		       function);
		return -EINVAL;
	}
	if (function[0] == '/')
		snprintf(path, sizeof(path), "%s", function);
	else
		snprintf(path, sizeof(path), "%s/%s" SUFFIX, modload->directory, function);
	if (function[0] == '/' || is_there(path))
		return load(modload, path, module, err) < 0 ? -EINVAL : 0;
	refuse(err, "\"%s\" is not there", path);
	return -ENOENT;
}
