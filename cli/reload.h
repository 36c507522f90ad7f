/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The configuration in force, and how another one takes its place while sessions go on.
 *
 * A file with an error changes nothing. Sessions that live keep the policy under which they started,
 * so old configurations stay until the last of these has ended.
 */
#ifndef HB_RELOAD_H
#define HB_RELOAD_H

#include "config.h"
#include "notice.h"

struct hb_reload;

struct hb_reload_setup {
	const char *path;               /* of the file; copied */
	struct hb_config *config;       /* as it was read at the start, state loaded; taken */
	const struct hb_notice *notice; /* borrowed */
	/*
	 * Puts a policy in force for new sessions; returns 0 or a negative errno. After an error it is
	 * called once more, with the policy that was in force.
	 */
	int (*use)(void *ctx, struct hb_policy *policy);
	void *ctx;
};

/* Returns an object, given: free with hb_reload_free(). NULL with *err filled in: config is freed. */
struct hb_reload *hb_reload_new(const struct hb_reload_setup *setup, struct hb_cli_error *err);

/* Frees all configurations. Nobody may have a reference to one of their policies. NULL is fine. */
void hb_reload_free(struct hb_reload *reload);

/* The policy in force. Borrowed until the next hb_reload_run(). */
struct hb_policy *hb_reload_policy(const struct hb_reload *reload);

/*
 * Reads the file and puts what it says in force. The policy in force must have been saved before, for
 * what is not carried over is read from files. Says what came of it.
 *
 * Returns  true if the new configuration is in force.
 */
bool hb_reload_run(struct hb_reload *reload);

/* Frees the configurations that no session has any more. */
void hb_reload_retire(struct hb_reload *reload);

#endif
