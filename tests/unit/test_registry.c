/* SPDX-License-Identifier: BSD-2-Clause */
#include "registry.h"

#include "unit.h"

#include <errno.h>
#include <string.h>

/* A module whose functions do what its parameters say. */
struct state {
	int64_t answer;
	int *destroyed;
};

static int destroyed;

static int create(const struct hb_instance *instance, void **state, struct hb_error *err)
{
	struct state *made;

	if (hb_instance_integer(instance, "fail") == 1)
		return hb_error_set(err, HB_ERROR_STATE, 0, "\"%s\" is damaged",
				    hb_instance_text(instance, "file"));
	if (hb_instance_integer(instance, "fail") == 2)
		return -EPERM; /* without a word */
	made = malloc(sizeof(*made));
	made->answer = hb_instance_integer(instance, "answer");
	made->destroyed = &destroyed;
	*state = made;
	return 0;
}

static void destroy(void *state)
{
	struct state *made = state;

	++*made->destroyed;
	free(made);
}

static enum hb_decision decide(void *state, const struct hb_query *query)
{
	const struct state *made = state;

	hb_query_note(query, "%0*d", (int)query->flow_random, 1);
	return (enum hb_decision)made->answer;
}

static const struct hb_param params[] = {
	{ .name = "answer", .type = HB_PARAM_INTEGER, .max = 1000, .default_integer = 2 },
	{ .name = "fail", .type = HB_PARAM_INTEGER, .max = 2 },
	{ .name = "file", .type = HB_PARAM_PATH, .default_text = "default" },
	{ .name = "title", .type = HB_PARAM_STRING },
	{ .name = NULL },
};

static const struct hb_module module = {
	.abi = HB_MODULE_ABI,
	.name = "example",
	.params = params,
	.create = create,
	.destroy = destroy,
	.decide = decide,
};

static struct hb_instance *make(const char *name, const char *param, const char *value,
				struct hb_error *err)
{
	const struct hb_setting setting = { param, value, 3, 4 };

	return hb_instance_new(name, &module, &setting, param ? 1 : 0, err);
}

START_TEST(an_instance_knows_its_parameters)
{
	struct hb_instance *instance = make("mine", "title", "a title", NULL);

	destroyed = 0;
	ck_assert_ptr_nonnull(instance);
	ck_assert_str_eq(hb_instance_name(instance), "mine");
	ck_assert_ptr_eq(hb_instance_module(instance), &module);
	ck_assert_int_eq(hb_instance_integer(instance, "answer"), 2);
	ck_assert_str_eq(hb_instance_text(instance, "title"), "a title");
	ck_assert_str_eq(hb_instance_text(instance, "file"), "default");
	ck_assert_int_eq(hb_instance_integer(instance, "unknown"), 0);
	ck_assert_ptr_null(hb_instance_text(instance, "unknown"));
	hb_instance_free(instance);
	ck_assert_int_eq(destroyed, 1);
	hb_instance_free(NULL);
}
END_TEST

START_TEST(random_keys_differ)
{
	struct hb_instance *a = make("a", NULL, NULL, NULL), *b = make("b", NULL, NULL, NULL);

	ck_assert_mem_ne(hb_instance_random_key(a), hb_instance_random_key(b), 16);
	hb_instance_free(a);
	hb_instance_free(b);
}
END_TEST

START_TEST(names_that_no_rule_can_use_are_refused)
{
	struct hb_error err;

	ck_assert_ptr_null(make("", NULL, NULL, &err));
	ck_assert_ptr_null(make("a b", NULL, NULL, &err));
	ck_assert_ptr_null(make("and", NULL, NULL, &err));
	ck_assert_str_eq(err.message,
			 "\"and\" cannot name a module: it must be made of letters, digits, \"_\", "
			 "\"-\" and \".\", and not be \"and\", \"or\" or \"not\"");
	ck_assert_int_eq(err.code, HB_ERROR_CONFIG);
}
END_TEST

START_TEST(a_module_of_another_abi_is_not_touched)
{
	struct hb_module other = { .abi = HB_MODULE_ABI + 1, .create = create };
	struct hb_error err;

	ck_assert_ptr_null(hb_instance_new("a", &other, NULL, 0, &err));
	ck_assert_str_eq(err.message, "the module has ABI 2: this library needs 1, build it again");
	other.abi = HB_MODULE_ABI;
	other.decide = decide;
	ck_assert_ptr_null(hb_instance_new("a", &other, NULL, 0, &err));
	ck_assert_str_eq(err.message,
			 "the module \"\" is incomplete: it needs a name and decide()");
	other.decide = NULL;
	other.name = "other";
	ck_assert_ptr_null(hb_instance_new("a", &other, NULL, 0, &err));
	ck_assert_str_eq(err.message,
			 "the module \"other\" is incomplete: it needs a name and decide()");
}
END_TEST

START_TEST(a_module_that_is_wrong_in_itself_makes_no_instance)
{
	const struct hb_param bad[] = { { .name = "x", .type = HB_PARAM_INTEGER, .min = 1 },
					{ .name = NULL } };
	const struct hb_module other = {
		.abi = HB_MODULE_ABI,
		.name = "other",
		.params = bad,
		.create = create,
		.decide = decide,
	};
	struct hb_error err;

	ck_assert_ptr_null(hb_instance_new("a", &other, NULL, 0, &err));
	ck_assert_str_eq(err.message,
			 "parameter \"x\" of the module \"other\" is wrong: its min is "
			 "above its max");
	ck_assert_int_eq(hb_policy_check_module(&other, NULL), -EINVAL);
	ck_assert_int_eq(hb_policy_check_module(&module, NULL), 0);
}
END_TEST

START_TEST(wrong_settings_make_no_instance)
{
	struct hb_error err;

	destroyed = 0;
	ck_assert_ptr_null(make("a", "answer", "many", &err));
	ck_assert_int_eq(err.line, 3);
	ck_assert_int_eq(err.column, 4);
	ck_assert_int_eq(destroyed, 0);
}
END_TEST

START_TEST(what_create_says_is_passed_on)
{
	struct hb_error err;

	destroyed = 0;
	ck_assert_ptr_null(make("a", "fail", "1", &err));
	ck_assert_str_eq(err.message, "\"default\" is damaged");
	ck_assert_int_eq(err.code, HB_ERROR_STATE);
	ck_assert_ptr_null(make("a", "fail", "2", &err));
	ck_assert_str_eq(err.message,
			 "module \"a\": \"example\" cannot start: Operation not permitted");
	ck_assert_ptr_null(make("a", "fail", "1", NULL));
	ck_assert_int_eq(destroyed, 0);
}
END_TEST

START_TEST(answers_are_checked)
{
	const struct hb_query query = { .size = sizeof(query) };
	struct hb_instance *good = make("a", "answer", "0", NULL);
	struct hb_instance *bad = make("b", "answer", "3", NULL);

	ck_assert_int_eq(hb_instance_decide(good, &query), HB_DECISION_REJECT);
	ck_assert_int_eq(hb_instance_decide(bad, &query), HB_DECISION_DEFER);
	hb_instance_free(good);
	hb_instance_free(bad);
}
END_TEST

struct notes {
	unsigned count;
	const struct hb_instance *instance;
	char text[300];
};

static void note(void *ctx, const struct hb_instance *instance, const char *text)
{
	struct notes *notes = ctx;

	notes->count++;
	notes->instance = instance;
	ck_assert_uint_lt(strlen(text), sizeof(notes->text));
	strcpy(notes->text, text);
}

START_TEST(notes_go_to_the_sink)
{
	struct hb_instance *instance = make("a", NULL, NULL, NULL);
	struct notes notes = { .count = 0 };
	struct hb_query_sink sink = { .note = note, .ctx = &notes, .instance = instance };
	struct hb_query query = { .size = sizeof(query), .flow_random = 3, .reserved = &sink };

	hb_instance_decide(instance, &query);
	ck_assert_uint_eq(notes.count, 1);
	ck_assert_ptr_eq(notes.instance, instance);
	ck_assert_str_eq(notes.text, "001");
	query.flow_random = 1000;
	hb_instance_decide(instance, &query);
	ck_assert_uint_eq(strlen(notes.text), 200);
	sink.note = NULL;
	hb_instance_decide(instance, &query);
	ck_assert_uint_eq(notes.count, 2);
	hb_instance_free(instance);
}
END_TEST

START_TEST(files_that_two_instances_share_are_found)
{
	struct hb_instance *a = make("a", "file", "/x", NULL);
	struct hb_instance *b = make("b", "file", "/x", NULL);
	struct hb_instance *c = make("c", "file", "/y", NULL);
	struct hb_instance *d = make("d", "title", "/y", NULL); /* a text, but no file */

	ck_assert_str_eq(hb_instance_shared_path(a, b), "/x");
	ck_assert_ptr_null(hb_instance_shared_path(a, c));
	ck_assert_ptr_null(hb_instance_shared_path(c, d));
	hb_instance_free(a);
	hb_instance_free(b);
	hb_instance_free(c);
	hb_instance_free(d);
}
END_TEST

static enum hb_decision decide_without_state(void *state, const struct hb_query *query)
{
	(void)query;
	return state ? HB_DECISION_REJECT : HB_DECISION_ACCEPT;
}

START_TEST(a_module_needs_only_decide)
{
	const struct hb_module simple = {
		.abi = HB_MODULE_ABI,
		.name = "simple",
		.decide = decide_without_state,
	};
	const struct hb_query query = { .size = sizeof(query) };
	struct hb_instance *instance = hb_instance_new("a", &simple, NULL, 0, NULL);

	ck_assert_int_eq(hb_instance_decide(instance, &query), HB_DECISION_ACCEPT);
	hb_instance_free(instance);
}
END_TEST

UNIT_MAIN("registry", an_instance_knows_its_parameters, random_keys_differ,
	  names_that_no_rule_can_use_are_refused, a_module_of_another_abi_is_not_touched,
	  a_module_that_is_wrong_in_itself_makes_no_instance, wrong_settings_make_no_instance,
	  what_create_says_is_passed_on, answers_are_checked, notes_go_to_the_sink,
	  files_that_two_instances_share_are_found, a_module_needs_only_decide)
