/* SPDX-License-Identifier: BSD-2-Clause */
/* What modules know, from one policy to the next. */
#include "module_fixture.h"
#include "scratch.h"
#include "store.h"
#include "target.h"

#include <errno.h>

#define US_PER_S INT64_C(1000000)

static struct asked asked;

/* A policy with one instance; the table of settings ends with a NULL name. */
static struct hb_policy *make_of(const char *name, const struct hb_module *module,
				 const struct hb_setting *settings)
{
	struct hb_policy *policy = hb_policy_new();
	struct hb_error err;
	size_t count = 0;

	while (settings && settings[count].name)
		count++;
	ck_assert_msg(hb_policy_add_instance(policy, name, module, settings, count, &err) == 0,
		      "%s", err.message);
	return policy;
}

static struct hb_policy *make(const char *name, const char *function,
			      const struct hb_setting *settings)
{
	return make_of(name, hb_module_builtin(function), settings);
}

static struct hb_policy *loaded(struct hb_policy *policy)
{
	ck_assert_int_eq(hb_policy_load(policy, NULL), 0);
	return policy;
}

static struct hb_policy *adopting(struct hb_policy *policy, struct hb_policy *from)
{
	ck_assert_int_eq(hb_policy_adopt(policy, from, NULL), 0);
	return loaded(policy);
}

/* Asks about a new flow. */
static enum hb_decision ask(const struct hb_policy *policy, const char *client)
{
	ck_assert_int_eq(hb_addr_parse(client, &asked.flow.client.addr), 0);
	asked.flow.id++;
	asked.query.flow = &asked.flow;
	return hb_instance_decide(policy->instances[0], &asked.query);
}

static enum hb_decision ask_payload(const struct hb_policy *policy, const char *payload)
{
	asked.packet.data = (const uint8_t *)payload;
	asked.packet.payload_len = strlen(payload);
	return ask(policy, "192.0.2.7");
}

static enum hb_decision ask_destination(const struct hb_policy *policy, const char *destination)
{
	ck_assert_int_eq(hb_addr_parse(destination, &asked.flow.attacked.addr), 0);
	return ask(policy, "192.0.2.7");
}

static void start(void)
{
	asked_init(&asked);
	asked.query.now.wall_us = 1000000 * US_PER_S;
}

START_TEST(what_one_learns_the_other_knows)
{
	start();
	struct hb_policy *old = loaded(make("new", "source", NULL));

	ck_assert_int_eq(ask(old, "192.0.2.1"), HB_DECISION_ACCEPT);
	struct hb_policy *next = adopting(make("new", "source", NULL), old);

	ck_assert_int_eq(ask(next, "192.0.2.1"), HB_DECISION_REJECT);
	ck_assert_int_eq(ask(next, "192.0.2.2"), HB_DECISION_ACCEPT);
	ck_assert_int_eq(ask(old, "192.0.2.2"), HB_DECISION_REJECT);
	ck_assert_int_eq(ask(old, "192.0.2.3"), HB_DECISION_ACCEPT);
	hb_policy_unref(old);
	ck_assert_int_eq(ask(next, "192.0.2.3"), HB_DECISION_REJECT);
	hb_policy_unref(next);
}
END_TEST

/* An address sanitizer sees to it that each state is there as long as it is needed, and no longer. */
START_TEST(through_many_reloads)
{
	char client[20];

	start();
	struct hb_policy *policy = loaded(make("new", "source", NULL));

	for (int i = 0; i < 10; i++) {
		const struct hb_setting other[] = { { "expiration", i % 2 ? "100" : "200", 1, 1 },
						    { NULL, NULL, 0, 0 } };

		snprintf(client, sizeof(client), "192.0.2.%d", i);
		ck_assert_int_eq(ask(policy, client), HB_DECISION_ACCEPT);
		/* Every third time with other parameters: a state of its own, the same entries. */
		struct hb_policy *next =
			adopting(make("new", "source", i % 3 == 0 ? other : NULL), policy);
		hb_policy_unref(policy);
		policy = next;
	}
	for (int i = 0; i < 10; i++) {
		snprintf(client, sizeof(client), "192.0.2.%d", i);
		ck_assert_int_eq(ask(policy, client), HB_DECISION_REJECT);
	}
	hb_policy_unref(policy);
}
END_TEST

START_TEST(another_name_starts_anew)
{
	start();
	struct hb_policy *old = loaded(make("new", "source", NULL));

	ck_assert_int_eq(ask(old, "192.0.2.1"), HB_DECISION_ACCEPT);
	struct hb_policy *next = adopting(make("newer", "source", NULL), old);

	ck_assert_int_eq(ask(next, "192.0.2.1"), HB_DECISION_ACCEPT);
	hb_policy_unref(old);
	hb_policy_unref(next);
}
END_TEST

/* Both of these keep the same in their files. */
START_TEST(another_function_starts_anew)
{
	start();
	struct hb_policy *old = loaded(make("new", "control", NULL));

	ck_assert_int_eq(ask(old, "192.0.2.1"), HB_DECISION_ACCEPT);
	struct hb_policy *next = adopting(make("new", "source_time", NULL), old);

	asked.query.now.wall_us += 1300 * US_PER_S; /* an old acquaintance would be too old */
	ck_assert_int_eq(ask(next, "192.0.2.1"), HB_DECISION_ACCEPT);
	hb_policy_unref(old);
	hb_policy_unref(next);
}
END_TEST

START_TEST(another_file_starts_anew)
{
	struct scratch scratch = scratch_make();
	char first[512], second[512];

	start();
	snprintf(first, sizeof(first), "%s", scratch_file(&scratch, "first"));
	snprintf(second, sizeof(second), "%s", scratch_file(&scratch, "second"));

	const struct hb_setting in_first[] = { { "backup", first, 1, 1 }, { NULL, NULL, 0, 0 } };
	const struct hb_setting in_second[] = { { "backup", second, 1, 1 }, { NULL, NULL, 0, 0 } };
	struct hb_policy *old = loaded(make("new", "source", in_first));

	ck_assert_int_eq(ask(old, "192.0.2.1"), HB_DECISION_ACCEPT);
	struct hb_policy *other = adopting(make("new", "source", in_second), old);
	struct hb_policy *without = adopting(make("new", "source", NULL), old);

	ck_assert_int_eq(ask(other, "192.0.2.1"), HB_DECISION_ACCEPT);
	ck_assert_int_eq(ask(without, "192.0.2.1"), HB_DECISION_ACCEPT);
	hb_policy_unref(old);
	hb_policy_unref(other);
	hb_policy_unref(without);
	scratch_remove(&scratch);
}
END_TEST

/* Neither is the file read for what is known already, nor is what others add forgotten. */
START_TEST(the_new_policy_saves_what_both_know)
{
	struct scratch scratch = scratch_make();
	char path[512];

	start();
	snprintf(path, sizeof(path), "%s", scratch_file(&scratch, "state"));

	const struct hb_setting settings[] = { { "backup", path, 1, 1 }, { NULL, NULL, 0, 0 } };
	struct hb_policy *old = loaded(make("new", "source", settings));

	ck_assert_int_eq(ask(old, "192.0.2.1"), HB_DECISION_ACCEPT);
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	fputs("damaged\n", file);
	fclose(file);
	struct hb_policy *next = adopting(make("new", "source", settings), old);

	ck_assert_int_eq(ask(old, "192.0.2.2"), HB_DECISION_ACCEPT);
	hb_policy_unref(old);
	ck_assert_int_eq(hb_policy_save(next, asked.query.now, NULL), 0);
	ck_assert_str_eq(scratch_read(&scratch, "state"),
			 STATE_HEAD "[source]\n"
				    "192.0.2.1=1\t1000000\t0\n"
				    "192.0.2.2=1\t1000000\t0\n" STATE_TAIL);
	hb_policy_unref(next);
	scratch_remove(&scratch);
}
END_TEST

/* A new name for an old file: what the other has saved is read. */
START_TEST(a_renamed_module_reads_the_file)
{
	struct scratch scratch = scratch_make();
	char path[512];

	start();
	snprintf(path, sizeof(path), "%s", scratch_file(&scratch, "state"));

	const struct hb_setting settings[] = { { "backup", path, 1, 1 }, { NULL, NULL, 0, 0 } };
	struct hb_policy *old = loaded(make("new", "source", settings));

	ck_assert_int_eq(ask(old, "192.0.2.1"), HB_DECISION_ACCEPT);
	ck_assert_int_eq(hb_policy_save(old, asked.query.now, NULL), 0);
	struct hb_policy *next = adopting(make("newer", "source", settings), old);

	ck_assert_int_eq(ask(next, "192.0.2.1"), HB_DECISION_REJECT);
	hb_policy_unref(old);
	hb_policy_unref(next);
	scratch_remove(&scratch);
}
END_TEST

START_TEST(another_expiration_counts_from_then_on)
{
	const struct hb_setting one_minute[] = { { "expiration", "60", 1, 1 },
						 { NULL, NULL, 0, 0 } };
	const struct hb_setting one_hour[] = { { "expiration", "3600", 1, 1 },
					       { NULL, NULL, 0, 0 } };

	start();
	struct hb_policy *old = loaded(make("new", "hash", one_minute));

	ck_assert_int_eq(ask_payload(old, "abc"), HB_DECISION_ACCEPT);
	struct hb_policy *next = adopting(make("new", "hash", one_hour), old);

	asked.query.now.wall_us += 61 * US_PER_S;
	ck_assert_int_eq(ask_payload(next, "abc"), HB_DECISION_REJECT);
	asked.query.now.wall_us += 61 * US_PER_S;
	ck_assert_int_eq(ask_payload(old, "abc"), HB_DECISION_ACCEPT); /* its own, still */
	hb_policy_unref(old);
	hb_policy_unref(next);
}
END_TEST

START_TEST(another_limit_applies_to_what_was_counted)
{
	const struct hb_setting two[] = { { "max_packet", "2", 1, 1 }, { NULL, NULL, 0, 0 } };
	const struct hb_setting three[] = { { "max_packet", "3", 1, 1 }, { NULL, NULL, 0, 0 } };

	start();
	struct hb_policy *old = loaded(make("few", "control", two));

	ck_assert_int_eq(ask(old, "192.0.2.1"), HB_DECISION_ACCEPT);
	ck_assert_int_eq(ask(old, "192.0.2.1"), HB_DECISION_ACCEPT);
	struct hb_policy *next = adopting(make("few", "control", three), old);

	ck_assert_int_eq(ask(old, "192.0.2.1"), HB_DECISION_REJECT);
	ck_assert_int_eq(ask(next, "192.0.2.1"), HB_DECISION_ACCEPT);
	ck_assert_int_eq(ask(next, "192.0.2.1"), HB_DECISION_REJECT);
	ck_assert_int_eq(ask(old, "192.0.2.1"), HB_DECISION_REJECT);
	hb_policy_unref(old);
	hb_policy_unref(next);
}
END_TEST

/* Keys of another length: to a restart they would be a damaged file. */
START_TEST(what_is_kept_in_another_form_starts_anew)
{
	const struct hb_setting sha256[] = { { "digest", "sha256", 1, 1 }, { NULL, NULL, 0, 0 } };

	start();
	struct hb_policy *old = loaded(make("new", "hash", NULL));

	ck_assert_int_eq(ask_payload(old, "abc"), HB_DECISION_ACCEPT);
	struct hb_policy *next = adopting(make("new", "hash", sha256), old);

	ck_assert_int_eq(ask_payload(next, "abc"), HB_DECISION_ACCEPT);
	ck_assert_int_eq(ask_payload(next, "abc"), HB_DECISION_REJECT);
	ck_assert_int_eq(ask_payload(old, "abc"), HB_DECISION_REJECT);
	hb_policy_unref(old);
	hb_policy_unref(next);
}
END_TEST

/* What a module knows outside of the store that it shows, too. */
START_TEST(the_whole_state_carries_over)
{
	const struct hb_setting settings[] = { { "of", "destinations", 1, 1 },
					       { "max", "2", 1, 1 },
					       { NULL, NULL, 0, 0 } };

	start();
	struct hb_policy *old = loaded(make("few", "rate", settings));

	ck_assert_int_eq(ask_destination(old, "192.0.2.1"), HB_DECISION_ACCEPT);
	ck_assert_int_eq(ask_destination(old, "192.0.2.2"), HB_DECISION_ACCEPT);
	struct hb_policy *next = adopting(make("few", "rate", settings), old);

	hb_policy_unref(old);
	ck_assert_int_eq(ask_destination(next, "192.0.2.1"), HB_DECISION_ACCEPT);
	ck_assert_int_eq(ask_destination(next, "192.0.2.2"), HB_DECISION_ACCEPT);
	ck_assert_int_eq(ask_destination(next, "192.0.2.3"), HB_DECISION_REJECT);
	hb_policy_unref(next);
}
END_TEST

static void write_list(const struct scratch *scratch, const char *text)
{
	FILE *file = fopen(scratch_file(scratch, "list"), "w");

	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
}

START_TEST(a_file_is_read_again)
{
	struct scratch scratch = scratch_make();
	char path[512];

	start();
	snprintf(path, sizeof(path), "%s", scratch_file(&scratch, "list"));

	const struct hb_setting settings[] = { { "file", path, 1, 1 }, { NULL, NULL, 0, 0 } };

	write_list(&scratch, "192.0.2.1\n");
	struct hb_policy *old = loaded(make("known", "list", settings));

	write_list(&scratch, "192.0.2.2\n");
	struct hb_policy *next = adopting(make("known", "list", settings), old);

	ck_assert_int_eq(ask(old, "192.0.2.1"), HB_DECISION_ACCEPT);
	ck_assert_int_eq(ask(next, "192.0.2.1"), HB_DECISION_REJECT);
	ck_assert_int_eq(ask(next, "192.0.2.2"), HB_DECISION_ACCEPT);
	hb_policy_unref(old);
	hb_policy_unref(next);
	scratch_remove(&scratch);
}
END_TEST

/* A module without a store, as others may write it: accepts every second flow. */
struct turns {
	const char *title; /* the instance's own text */
	unsigned count;
};

static int destroyed;

static int create(const struct hb_instance *instance, void **state, struct hb_error *err)
{
	struct turns *turns = calloc(1, sizeof(*turns));

	(void)err;
	turns->title = hb_instance_text(instance, "title");
	*state = turns;
	return 0;
}

static void destroy(void *state)
{
	destroyed++;
	free(state);
}

static enum hb_decision decide(void *state, const struct hb_query *query)
{
	struct turns *turns = state;

	(void)query;
	ck_assert_str_eq(turns->title, "turns");
	return turns->count++ % 2 ? HB_DECISION_REJECT : HB_DECISION_ACCEPT;
}

static const struct hb_param params[] = {
	{ .name = "title", .type = HB_PARAM_STRING, .default_text = "turns" },
	{ .name = "unused", .type = HB_PARAM_INTEGER, .max = 9 },
	{ .name = NULL },
};

static const struct hb_module module = {
	.abi = HB_MODULE_ABI,
	.name = "turns",
	.params = params,
	.create = create,
	.destroy = destroy,
	.decide = decide,
};

START_TEST(a_state_without_a_store_is_shared)
{
	const struct hb_setting other[] = { { "unused", "1", 1, 1 }, { NULL, NULL, 0, 0 } };

	start();
	destroyed = 0;
	struct hb_policy *old = loaded(make_of("turns", &module, NULL));

	ck_assert_int_eq(ask(old, "192.0.2.1"), HB_DECISION_ACCEPT);
	struct hb_policy *next = adopting(make_of("turns", &module, NULL), old);

	ck_assert_int_eq(destroyed, 1); /* what the new one had made for itself */
	hb_policy_unref(old);
	ck_assert_int_eq(destroyed, 1);
	ck_assert_int_eq(ask(next, "192.0.2.1"), HB_DECISION_REJECT);
	/* With another parameter there is nothing to share. */
	struct hb_policy *last = adopting(make_of("turns", &module, other), next);

	ck_assert_int_eq(ask(last, "192.0.2.1"), HB_DECISION_ACCEPT);
	hb_policy_unref(next);
	hb_policy_unref(last);
	ck_assert_int_eq(destroyed, 3);
}
END_TEST

/* The same name in a file that was replaced: nobody knows what its state looks like. */
START_TEST(another_module_of_that_name_shares_no_state)
{
	struct hb_module rebuilt = module;

	start();
	struct hb_policy *old = loaded(make_of("turns", &module, NULL));

	ck_assert_int_eq(ask(old, "192.0.2.1"), HB_DECISION_ACCEPT);
	struct hb_policy *next = adopting(make_of("turns", &rebuilt, NULL), old);

	ck_assert_int_eq(ask(next, "192.0.2.1"), HB_DECISION_ACCEPT);
	hb_policy_unref(old);
	hb_policy_unref(next);
}
END_TEST

START_TEST(the_order_is_checked)
{
	struct hb_error err;
	struct hb_policy *old = make("new", "source", NULL);
	struct hb_policy *next = make("new", "source", NULL);

	ck_assert_int_eq(hb_policy_adopt(next, old, &err), -EINVAL);
	ck_assert_str_eq(err.message, "the other policy knows nothing: hb_policy_load() it first");
	loaded(old);
	loaded(next);
	ck_assert_int_eq(hb_policy_adopt(next, old, &err), -EINVAL);
	ck_assert_str_eq(err.message,
			 "the policy is loaded already: hb_policy_adopt() comes before");
	hb_policy_unref(old);
	hb_policy_unref(next);
}
END_TEST

struct record {
	uint64_t number, other;
	int64_t first_seen_us;
};

#define NUMBER(member) HB_FIELD("the number", HB_FIELD_NUMBER, struct record, member)
#define TIME HB_FIELD("the time", HB_FIELD_FIRST_SEEN, struct record, first_seen_us)
#define END                                                                                        \
	{                                                                                          \
		.name = NULL                                                                       \
	}

static bool fits(const struct hb_store_layout *layout, size_t value_size)
{
	static const struct hb_field fields[] = { NUMBER(number), TIME, END };
	static const struct hb_store_layout usual = { "g", HB_KEY_HEX, 8, fields };
	struct hb_store_options options = { .size = sizeof(options),
					    .value_size = sizeof(struct record),
					    .layout = &usual };
	struct hb_store *from = hb_store_new(&options);

	options.value_size = value_size;
	options.layout = layout;
	struct hb_store *store = hb_store_new(&options);

	ck_assert_ptr_nonnull(store);
	bool adopted = hb_store_adopt(store, from);

	hb_store_free(from);
	hb_store_free(store);
	return adopted;
}

START_TEST(stores_must_have_one_layout)
{
	static const struct hb_field same[] = { NUMBER(number), TIME, END };
	static const struct hb_field moved[] = { NUMBER(other), TIME, END };
	static const struct hb_field longer[] = {
		NUMBER(number), TIME, { .name = "the duration", .type = HB_FIELD_DURATION }, END
	};
	static const struct hb_field other_type[] = {
		{ .name = "a text", .type = HB_FIELD_TEXT, .size = 8 }, TIME, END
	};
	const size_t size = sizeof(struct record);

	ck_assert(fits(&(struct hb_store_layout){ "g", HB_KEY_HEX, 8, same }, size));
	ck_assert(!fits(&(struct hb_store_layout){ "g", HB_KEY_HEX, 8, same }, size + 8));
	ck_assert(!fits(&(struct hb_store_layout){ "h", HB_KEY_HEX, 8, same }, size));
	ck_assert(!fits(&(struct hb_store_layout){ NULL, HB_KEY_HEX, 8, same }, size));
	ck_assert(!fits(&(struct hb_store_layout){ "g", HB_KEY_HEX, 16, same }, size));
	ck_assert(!fits(
		&(struct hb_store_layout){ "g", HB_KEY_ADDRESS, sizeof(struct hb_addr), same },
		size));
	ck_assert(!fits(&(struct hb_store_layout){ "g", HB_KEY_HEX, 8, moved }, size));
	ck_assert(!fits(&(struct hb_store_layout){ "g", HB_KEY_HEX, 8, longer }, size));
	ck_assert(!fits(&(struct hb_store_layout){ "g", HB_KEY_HEX, 8, other_type }, size));
	ck_assert(!fits(NULL, size));
}
END_TEST

UNIT_MAIN("adopt", what_one_learns_the_other_knows, through_many_reloads, another_name_starts_anew,
	  another_function_starts_anew, another_file_starts_anew,
	  the_new_policy_saves_what_both_know, a_renamed_module_reads_the_file,
	  another_expiration_counts_from_then_on, another_limit_applies_to_what_was_counted,
	  what_is_kept_in_another_form_starts_anew, the_whole_state_carries_over,
	  a_file_is_read_again, a_state_without_a_store_is_shared,
	  another_module_of_that_name_shares_no_state, the_order_is_checked,
	  stores_must_have_one_layout)
