/* SPDX-License-Identifier: BSD-2-Clause */
#include "reload.h"
#include "settings.h"

#include "scratch.h"

#include <fcntl.h>

static const struct hb_notice notice = { .to_syslog = false };

/* In the place of the workers. */
struct fixture {
	struct scratch dir;
	struct hb_reload *reload;
	struct hb_policy *used; /* a reference, as an engine's */
	unsigned calls, refuse; /* the number of the call to refuse */
};

static int use(void *ctx, struct hb_policy *policy)
{
	struct fixture *fixture = ctx;

	if (++fixture->calls == fixture->refuse)
		return -12; /* ENOMEM */
	hb_policy_unref(fixture->used);
	fixture->used = hb_policy_ref(policy);
	return 0;
}

static void write_file(const struct fixture *fixture, const char *text)
{
	FILE *file = fopen(scratch_file(&fixture->dir, "conf"), "w");

	ck_assert_ptr_nonnull(file);
	fprintf(file, "%s target { filter \"tcp\"; frontend 10.0.0.2; backend 10.0.0.3 \"m\"; }\n",
		text);
	fclose(file);
}

/* What is said goes to the file "said". */
static void start(struct fixture *fixture, const char *text)
{
	struct hb_reload_setup setup = { .notice = &notice, .use = use, .ctx = fixture };
	struct hb_cli_error err;
	enum hb_exit status;
	char path[512];
	int said;

	*fixture = (struct fixture){ .dir = scratch_make() };
	said = open(scratch_file(&fixture->dir, "said"), O_WRONLY | O_CREAT | O_APPEND, 0600);
	ck_assert_int_ge(said, 0);
	fflush(stderr);
	dup2(said, STDERR_FILENO);
	close(said);
	write_file(fixture, text);
	snprintf(path, sizeof(path), "%s", scratch_file(&fixture->dir, "conf"));
	setup.path = path;
	setup.config = hb_config_load(path, HB_INTERFACES_REAL, stderr, &status);
	ck_assert_ptr_nonnull(setup.config);
	ck_assert_int_eq(hb_config_load_state(setup.config, &err), 0);
	fixture->reload = hb_reload_new(&setup, &err);
	ck_assert_ptr_nonnull(fixture->reload);
	fixture->used = hb_policy_ref(hb_reload_policy(fixture->reload));
}

static void done(struct fixture *fixture)
{
	hb_policy_unref(fixture->used);
	hb_reload_free(fixture->reload);
	scratch_remove(&fixture->dir);
}

static bool said(const struct fixture *fixture, const char *what)
{
	return strstr(scratch_read(&fixture->dir, "said"), what) != NULL;
}

#define HASH "module \"m\" { function = hash; }"

START_TEST(a_good_file_is_put_in_force)
{
	struct fixture fixture;

	start(&fixture, HASH);
	struct hb_policy *before = fixture.used;

	write_file(&fixture, HASH "config { max_flows = 5; module_directory = /m; }");
	ck_assert(hb_reload_run(fixture.reload));
	ck_assert_ptr_ne(fixture.used, before);
	ck_assert_ptr_eq(fixture.used, hb_reload_policy(fixture.reload));
	ck_assert_uint_eq(fixture.calls, 1);
	ck_assert(said(&fixture, "honeybridd: reloaded: "));
	ck_assert(!said(&fixture, "restart"));
	done(&fixture);
}
END_TEST

/* The daemon goes into another directory when it goes into the background. */
START_TEST(a_relative_path_stays_the_same_file)
{
	struct fixture fixture;
	struct hb_reload_setup setup = {
		.path = "conf", .notice = &notice, .use = use, .ctx = &fixture
	};
	enum hb_exit status;

	start(&fixture, HASH);
	hb_policy_unref(fixture.used);
	fixture.used = NULL;
	hb_reload_free(fixture.reload);
	ck_assert_int_eq(chdir(fixture.dir.path), 0);
	setup.config = hb_config_load("conf", HB_INTERFACES_REAL, stderr, &status);
	ck_assert_int_eq(hb_config_load_state(setup.config, NULL), 0);
	fixture.reload = hb_reload_new(&setup, NULL);
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert(hb_reload_run(fixture.reload));
	done(&fixture);
}
END_TEST

START_TEST(a_bad_file_changes_nothing)
{
	struct fixture fixture;

	start(&fixture, HASH);
	struct hb_policy *before = fixture.used;

	write_file(&fixture, "module \"x\" { function = hsah; }");
	ck_assert(!hb_reload_run(fixture.reload));
	ck_assert(said(&fixture, ":1:25: error: unknown module function \"hsah\""));
	ck_assert(said(&fixture, ": error: unknown module \"m\""));
	ck_assert(said(&fixture, "honeybridd: nothing is changed"));
	unlink(scratch_file(&fixture.dir, "conf"));
	ck_assert(!hb_reload_run(fixture.reload));
	ck_assert(said(&fixture, "cannot read the configuration: No such file"));
	ck_assert_ptr_eq(fixture.used, before);
	ck_assert_ptr_eq(hb_reload_policy(fixture.reload), before);
	ck_assert_uint_eq(fixture.calls, 0);
	done(&fixture);
}
END_TEST

START_TEST(a_bad_state_file_changes_nothing)
{
	struct fixture fixture;
	char text[600];

	start(&fixture, HASH);
	struct hb_policy *before = fixture.used;

	/* The configuration itself is no state file. */
	snprintf(text, sizeof(text), "module \"m\" { function = hash; backup = %s; }",
		 scratch_file(&fixture.dir, "conf"));
	write_file(&fixture, text);
	ck_assert(!hb_reload_run(fixture.reload));
	ck_assert(said(&fixture, "honeybridd: state file "));
	ck_assert_ptr_eq(hb_reload_policy(fixture.reload), before);
	ck_assert_uint_eq(fixture.calls, 0);
	done(&fixture);
}
END_TEST

/* Some workers may have it by then. */
START_TEST(the_old_one_comes_back_if_the_new_one_cannot)
{
	struct fixture fixture;

	start(&fixture, HASH);
	struct hb_policy *before = fixture.used;

	fixture.refuse = 1;
	ck_assert(!hb_reload_run(fixture.reload));
	ck_assert_uint_eq(fixture.calls, 2);
	ck_assert_ptr_eq(fixture.used, before);
	ck_assert_ptr_eq(hb_reload_policy(fixture.reload), before);
	ck_assert(said(&fixture, "cannot put the configuration in force: Cannot allocate memory"));
	ck_assert(hb_reload_run(fixture.reload));
	ck_assert_ptr_eq(fixture.used, hb_reload_policy(fixture.reload));
	done(&fixture);
}
END_TEST

/* An address sanitizer tells if one goes too early, or stays. */
START_TEST(old_ones_stay_as_long_as_they_are_used)
{
	struct fixture fixture;
	struct hb_policy *live[3];

	start(&fixture, HASH);
	for (int i = 0; i < 6; i++) {
		if (i < 3)
			live[i] = hb_policy_ref(fixture.used);
		ck_assert(hb_reload_run(fixture.reload));
	}
	for (int i = 0; i < 3; i++) {
		ck_assert(hb_policy_is_shared(live[i])); /* it is still listed */
		hb_policy_unref(live[i]);
		hb_reload_retire(fixture.reload);
	}
	ck_assert(hb_policy_is_shared(fixture.used));
	done(&fixture);
}
END_TEST

START_TEST(what_a_start_alone_can_change_is_named)
{
	struct fixture fixture;

	start(&fixture, HASH);
	write_file(&fixture, HASH "config { output = stdout; log_file = x; own_mark = 0x20000000;"
				  "debug = yes; workers = 3; reset_ext = yes; }");
	ck_assert(hb_reload_run(fixture.reload));
	ck_assert(said(&fixture, "honeybridd: \"debug\", \"log_file\", \"output\", \"own_mark\", "
				 "\"workers\" changed: that needs a restart\n"));
	/* Each time: it is what was there at the start that is in force. */
	ck_assert_int_eq(truncate(scratch_file(&fixture.dir, "said"), 0), 0);
	ck_assert(hb_reload_run(fixture.reload));
	ck_assert(said(&fixture, "\"debug\", \"log_file\""));
	write_file(&fixture, HASH);
	ck_assert_int_eq(truncate(scratch_file(&fixture.dir, "said"), 0), 0);
	ck_assert(hb_reload_run(fixture.reload));
	ck_assert(!said(&fixture, "restart"));
	done(&fixture);
}
END_TEST

START_TEST(who_forgets_is_named_once)
{
	struct fixture fixture;

	start(&fixture, HASH);
	ck_assert(hb_reload_run(fixture.reload));
	ck_assert(!said(&fixture, "backup"));
	write_file(&fixture, HASH "module \"other\" { function = source; }");
	ck_assert(hb_reload_run(fixture.reload));
	ck_assert(said(&fixture, "module \"other\" has no \"backup\""));
	ck_assert(!said(&fixture, "module \"m\" has"));
	done(&fixture);
}
END_TEST

UNIT_MAIN("reload", a_good_file_is_put_in_force, a_relative_path_stays_the_same_file,
	  a_bad_file_changes_nothing, a_bad_state_file_changes_nothing,
	  the_old_one_comes_back_if_the_new_one_cannot, old_ones_stay_as_long_as_they_are_used,
	  what_a_start_alone_can_change_is_named, who_forgets_is_named_once)
