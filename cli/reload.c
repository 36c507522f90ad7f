/* SPDX-License-Identifier: BSD-2-Clause */
#include "reload.h"

#include "settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A configuration whose policy may still be used. */
struct generation {
	struct generation *older;
	struct hb_config *config;
};

struct hb_reload {
	struct hb_reload_setup setup;
	char *path;                /* absolute: the daemon changes its directory */
	struct generation *newest; /* the one in force */
	struct hb_config *start;   /* whose settings are in force until the end */
};

static int push(struct hb_reload *reload, struct hb_config *config)
{
	struct generation *generation = malloc(sizeof(*generation));

	if (!generation)
		return -ENOMEM;
	*generation = (struct generation){ .older = reload->newest, .config = config };
	reload->newest = generation;
	return 0;
}

/* Not resolved: a link may lead to another file by then. */
static char *make_absolute(const char *path)
{
	char *directory = path[0] == '/' ? NULL : getcwd(NULL, 0);
	char *absolute = NULL;

	if (!directory)
		return strdup(path);
	if (asprintf(&absolute, "%s/%s", directory, path) < 0)
		absolute = NULL;
	free(directory);
	return absolute;
}

struct hb_reload *hb_reload_new(const struct hb_reload_setup *setup, struct hb_cli_error *err)
{
	struct hb_reload *reload = calloc(1, sizeof(*reload));

	if (reload) {
		reload->setup = *setup;
		reload->start = setup->config;
		reload->path = make_absolute(setup->path);
	}
	if (reload && reload->path && push(reload, setup->config) == 0)
		return reload;
	hb_cli_error_set(err, HB_EXIT_SYSTEM, "out of memory");
	if (!reload)
		hb_config_free(setup->config);
	hb_reload_free(reload);
	return NULL;
}

/* Of the first one the settings stay. */
static void release(struct hb_reload *reload, struct generation *generation)
{
	if (generation->config == reload->start)
		hb_config_release_policy(generation->config);
	else
		hb_config_free(generation->config);
	free(generation);
}

void hb_reload_free(struct hb_reload *reload)
{
	if (!reload)
		return;
	while (reload->newest) {
		struct generation *generation = reload->newest;

		reload->newest = generation->older;
		release(reload, generation);
	}
	hb_config_free(reload->start);
	free(reload->path);
	free(reload);
}

struct hb_policy *hb_reload_policy(const struct hb_reload *reload)
{
	return reload->newest->config->policy;
}

void hb_reload_retire(struct hb_reload *reload)
{
	struct generation **link = &reload->newest->older;

	while (*link) {
		struct generation *generation = *link;

		if (hb_policy_is_shared(generation->config->policy)) {
			link = &generation->older;
			continue;
		}
		*link = generation->older;
		release(reload, generation);
	}
}

/* NULL with all errors said, as at a start. */
static struct hb_config *read_file(struct hb_reload *reload)
{
	char *text = NULL;
	size_t size = 0;
	FILE *messages = open_memstream(&text, &size);
	enum hb_exit status;
	struct hb_config *config;

	if (!messages) {
		hb_notice_say(reload->setup.notice, "cannot reload: %s", strerror(errno));
		return NULL;
	}
	config = hb_config_load(reload->path, HB_INTERFACES_REAL, messages, &status);
	if (fclose(messages) == 0)
		hb_notice_quote(reload->setup.notice, text);
	free(text);
	return config;
}

/* Lets the modules know what they knew. */
static int inherit(const struct hb_reload *reload, struct hb_config *config)
{
	struct hb_error err = { 0 };
	struct hb_cli_error reason;

	if (hb_policy_adopt(config->policy, hb_reload_policy(reload), &err) < 0) {
		hb_notice_say(reload->setup.notice, "%s", err.message);
		return -1;
	}
	if (hb_config_load_state(config, &reason) < 0) {
		hb_notice_say(reload->setup.notice, "%s", reason.message);
		return -1;
	}
	return 0;
}

/* On failure a session may have started under the new policy: it is kept, behind the old one. */
static int use(struct hb_reload *reload, struct hb_config *config)
{
	const struct hb_reload_setup *setup = &reload->setup;
	int status = push(reload, config);

	if (status < 0) {
		hb_config_free(config);
	} else {
		status = setup->use(setup->ctx, config->policy);
		if (status == 0)
			return 0;

		struct generation *failed = reload->newest;

		reload->newest = failed->older;
		failed->older = reload->newest->older;
		reload->newest->older = failed;
		setup->use(setup->ctx, hb_reload_policy(reload));
	}
	hb_notice_say(setup->notice, "cannot put the configuration in force: %s",
		      strerror(-status));
	return -1;
}

static bool was_forgetful(const struct hb_policy *policy, const char *name)
{
	const char *other;

	for (size_t i = 0; (other = hb_policy_forgetful_at(policy, i)) != NULL; i++) {
		if (strcmp(other, name) == 0)
			return true;
	}
	return false;
}

/* The others were named before. */
static void say_who_forgets(const struct hb_reload *reload, const struct hb_policy *before)
{
	const struct hb_policy *policy = hb_reload_policy(reload);
	const char *name;

	for (size_t i = 0; (name = hb_policy_forgetful_at(policy, i)) != NULL; i++) {
		if (!was_forgetful(before, name))
			hb_notice_say(reload->setup.notice,
				      "module \"%s\" has no \"backup\": it remembers until the end "
				      "only",
				      name);
	}
}

static void say_what_waits(const struct hb_reload *reload)
{
	const char *names[HB_SETTINGS_MAX];
	size_t count = hb_settings_compare(reload->start, reload->newest->config, names);
	char list[400] = "";
	size_t used = 0;

	if (count == 0)
		return;
	for (size_t i = 0; i < count && used < sizeof(list); i++)
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s\"%s\"",
					 i > 0 ? ", " : "", names[i]);
	hb_notice_say(reload->setup.notice, "%s changed: that needs a restart", list);
}

bool hb_reload_run(struct hb_reload *reload)
{
	const struct hb_notice *notice = reload->setup.notice;
	const struct hb_policy *before = hb_reload_policy(reload);
	struct hb_config *config = read_file(reload);

	if (config && inherit(reload, config) < 0) {
		hb_config_free(config);
		config = NULL;
	}
	if (!config || use(reload, config) < 0) {
		hb_notice_say(notice,
			      "nothing is changed: the configuration from before is in force");
		hb_reload_retire(reload);
		return false;
	}
	say_who_forgets(reload, before);
	say_what_waits(reload);
	hb_notice_say(notice, "reloaded: sessions that start from now on follow \"%s\"",
		      reload->path);
	hb_reload_retire(reload);
	return true;
}
