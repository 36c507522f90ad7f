/* SPDX-License-Identifier: BSD-2-Clause */
/* State files through the modules that have them, and through the policy that saves them all. */
#include "module_fixture.h"
#include "scratch.h"

#include "store_file.h"
#include "store_text.h"
#include "target.h"

#include <pthread.h>
#include <sys/stat.h>

#define S_US INT64_C(1000000)
#define NOW_S INT64_C(1249600127)
#define SHA1_OF_ABC "a9993e364706816aba3e25717850c26c9cd0d89d"

static struct scratch scratch;
static struct hb_policy *policy;
static struct hb_instance *instance;
static struct asked asked;

/* The directory is made when it is first needed. */
static const char *state_path(void)
{
	static char path[128];

	if (scratch.path[0] == '\0')
		scratch = scratch_make();
	snprintf(path, sizeof(path), "%s/state", scratch.path);
	return path;
}

static void end(void)
{
	scratch_remove(&scratch);
}

/* A policy with one instance whose file is "state". */
static void make(const char *function)
{
	const struct hb_setting backup = { "backup", state_path(), 1, 1 };

	policy = hb_policy_new();
	ck_assert_int_eq(
		hb_policy_add_instance(policy, "m", hb_module_builtin(function), &backup, 1, NULL),
		0);
	instance = policy->instances[0];
	asked_init(&asked);
	asked.query.now.wall_us = NOW_S * S_US;
}

static int load(struct hb_error *err)
{
	return hb_policy_load(policy, err);
}

static int save(struct hb_error *err)
{
	return hb_policy_save(policy, asked.query.now, err);
}

static void start(const char *function)
{
	make(function);
	ck_assert_int_eq(load(NULL), 0);
}

static void stop(void)
{
	ck_assert_int_eq(save(NULL), 0);
	hb_policy_unref(policy);
}

static enum hb_decision ask_payload(const char *payload)
{
	asked.packet.data = (const uint8_t *)payload;
	asked.packet.payload_len = strlen(payload);
	return hb_instance_decide(instance, &asked.query);
}

static enum hb_decision ask_source(const char *source)
{
	static uint64_t flow;

	ck_assert_int_eq(hb_addr_parse(source, &asked.flow.client.addr), 0);
	asked.flow.id = ++flow;
	return hb_instance_decide(instance, &asked.query);
}

static void write_state(const char *text, size_t length)
{
	FILE *file = fopen(state_path(), "we");

	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(text, 1, length, file), length);
	fclose(file);
}

START_TEST(hash_has_the_documented_format)
{
	start("hash");
	asked.flow.client_packets = 3;
	ck_assert_int_eq(ask_payload("abc"), HB_DECISION_ACCEPT);
	asked.query.now.wall_us += 1500000;
	ck_assert_int_eq(ask_payload("abc"), HB_DECISION_REJECT);
	stop();
	ck_assert_str_eq(scratch_read(&scratch, "state"), STATE_HEAD
			 "[80]\n" SHA1_OF_ABC "=2\t1249600127\t1\t2\t3\tabc\n" STATE_TAIL);
	end();
}
END_TEST

START_TEST(source_has_the_documented_format)
{
	start("source");
	ck_assert_int_eq(ask_source("192.0.2.7"), HB_DECISION_ACCEPT);
	asked.query.now.wall_us += 60 * S_US;
	ck_assert_int_eq(ask_source("2001:db8::7"), HB_DECISION_ACCEPT);
	ck_assert_int_eq(ask_source("192.0.2.7"), HB_DECISION_REJECT);
	asked.query.now.wall_us += S_US;
	ck_assert_int_eq(ask_source("2001:db8::7"), HB_DECISION_REJECT);
	ck_assert_int_eq(ask_source("192.0.2.8"), HB_DECISION_ACCEPT);
	/* The same flow again is no more than one. */
	ck_assert_int_eq(hb_instance_decide(instance, &asked.query), HB_DECISION_ACCEPT);
	stop();
	ck_assert_str_eq(scratch_read(&scratch, "state"),
			 STATE_HEAD "[source]\n"
				    "192.0.2.7=2\t1249600127\t60\n"
				    "192.0.2.8=1\t1249600188\t0\n"
				    "2001:db8::7=2\t1249600187\t1\n" STATE_TAIL);
	end();
}
END_TEST

START_TEST(control_has_the_documented_format)
{
	start("control");
	for (int i = 0; i < 1005; i++)
		ask_source("10.9.0.3");
	stop();
	ck_assert_str_eq(scratch_read(&scratch, "state"),
			 STATE_HEAD "[source]\n10.9.0.3=1000\t1249600127\t0\n" STATE_TAIL);
	end();
}
END_TEST

START_TEST(hash_remembers)
{
	static const char odd[] = "tab\tnew\nline ~ = [x] \xff";

	start("hash");
	ck_assert_int_eq(ask_payload("abc"), HB_DECISION_ACCEPT);
	asked.flow.attacked.port = 8080;
	ck_assert_int_eq(ask_payload(odd), HB_DECISION_ACCEPT);
	asked.flow.attacked.port = 9;
	ck_assert_int_eq(ask_payload("abc"), HB_DECISION_ACCEPT);
	stop();

	const char *text = scratch_read(&scratch, "state");

	ck_assert_ptr_nonnull(strstr(text, "\ttab.new.line ~ = [x] .\n"));
	ck_assert(strstr(text, "[9]\n") < strstr(text, "[80]\n")); /* in the order of ports */
	ck_assert(strstr(text, "[80]\n") < strstr(text, "[8080]\n"));
	start("hash");
	ck_assert_int_eq(ask_payload("abc"), HB_DECISION_REJECT);
	ck_assert_int_eq(ask_payload("abcd"), HB_DECISION_ACCEPT);
	asked.flow.attacked.port = 8080;
	ck_assert_int_eq(ask_payload(odd), HB_DECISION_REJECT);
	asked.flow.attacked.port = 81;
	ck_assert_int_eq(ask_payload("abc"), HB_DECISION_ACCEPT);
	stop();
	end();
}
END_TEST

START_TEST(source_remembers)
{
	start("source");
	ck_assert_int_eq(ask_source("192.0.2.7"), HB_DECISION_ACCEPT);
	stop();
	start("source");
	ck_assert_int_eq(ask_source("192.0.2.7"), HB_DECISION_REJECT);
	ck_assert_int_eq(ask_source("192.0.2.8"), HB_DECISION_ACCEPT);
	stop();
	end();
}
END_TEST

START_TEST(control_goes_on_counting)
{
	start("control");
	for (int i = 0; i < 990; i++)
		ck_assert_int_eq(ask_source("10.9.0.3"), HB_DECISION_ACCEPT);
	stop();
	start("control");
	asked.query.now.wall_us += 599 * S_US;
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(ask_source("10.9.0.3"),
				 i < 10 ? HB_DECISION_ACCEPT : HB_DECISION_REJECT);
	asked.query.now.wall_us += S_US;
	ck_assert_int_eq(ask_source("10.9.0.3"), HB_DECISION_ACCEPT);
	stop();
	end();
}
END_TEST

/* The limit was lowered since. */
START_TEST(control_may_have_counted_more_than_it_allows_now)
{
	static const char text[] = "[source]\n10.9.0.3=1001\t1249600127\t0\n";

	write_state(text, sizeof(text) - 1);
	start("control");
	ck_assert_int_eq(ask_source("10.9.0.3"), HB_DECISION_REJECT);
	asked.query.now.wall_us += 600 * S_US;
	ck_assert_int_eq(ask_source("10.9.0.3"), HB_DECISION_ACCEPT);
	stop();
	end();
}
END_TEST

/* The last use counts, over a restart and more of them. */
START_TEST(what_has_expired_is_not_written)
{
	start("source");
	ask_source("192.0.2.7");
	asked.query.now.wall_us += 40000 * S_US;
	ask_source("192.0.2.8");
	stop();
	start("source");
	asked.query.now.wall_us += 86399 * S_US;
	ck_assert_int_eq(save(NULL), 0);
	ck_assert_ptr_nonnull(strstr(scratch_read(&scratch, "state"), "192.0.2.7="));
	asked.query.now.wall_us += S_US;
	stop();
	ck_assert_str_eq(scratch_read(&scratch, "state"),
			 STATE_HEAD "[source]\n192.0.2.8=1\t1249640127\t0\n" STATE_TAIL);
	end();
}
END_TEST

START_TEST(an_expired_entry_of_the_file_is_new)
{
	start("source");
	ask_source("192.0.2.7");
	stop();
	start("source");
	asked.query.now.wall_us += 86400 * S_US;
	ck_assert_int_eq(ask_source("192.0.2.7"), HB_DECISION_ACCEPT);
	stop();
	ck_assert_str_eq(scratch_read(&scratch, "state"),
			 STATE_HEAD "[source]\n192.0.2.7=1\t1249686527\t0\n" STATE_TAIL);
	end();
}
END_TEST

START_TEST(files_of_people_are_read)
{
	static const char text[] = "# by hand\n\n[80]\n\nA9993E364706816ABA3E25717850C26C9CD0D89D="
				   "0007\t1\t1249600126\t4294967295\t0\t\n[81]\n[65535]\n[0]\n";

	write_state(text, sizeof(text) - 1);
	start("hash");
	ck_assert_int_eq(ask_payload("abc"), HB_DECISION_REJECT);
	stop();
	ck_assert_str_eq(scratch_read(&scratch, "state"), STATE_HEAD
			 "[80]\n" SHA1_OF_ABC "=8\t1\t1249600126\t4294967295\t0\t\n" STATE_TAIL);
	end();
}
END_TEST

#define ENTRY SHA1_OF_ABC "=1\t1249600127\t0\t2\t3\t"
#define TEN "0123456789"

static const struct {
	const char *function, *text;
	int line;
	const char *reason;
} damages[] = {
	{ "hash", "[80]\n" ENTRY "abc", 2, "the line is cut off" },
	{ "hash", "[80]\n" SHA1_OF_ABC "=1\t124", 2, "the line is cut off" },
	{ "hash", ENTRY "abc\n", 1, "an entry must come after the name of its group" },
	{ "hash", "[80]\n" ENTRY "abc\n\n" ENTRY "abc\n", 4, "this key is in the group already" },
	{ "hash", "[80\n", 1, "\"[80\" has no closing \"]\"" },
	{ "hash", "[", 1, "the line is cut off" },
	{ "hash", "[\n", 1, "\"[\" has no closing \"]\"" },
	{ "hash", "[]\n", 1, "unknown group \"\": expected a port number" },
	{ "hash", "[65536]\n", 1, "unknown group \"65536\"" },
	{ "hash", "[080]\n", 1, "unknown group \"080\"" },
	{ "hash", "[-1]\n", 1, "unknown group \"-1\"" },
	{ "hash", "[source]\n", 1, "unknown group \"source\": expected a port number" },
	{ "hash", "[80]\nhello\n", 2, "\"hello\": it must be \"[group]\" or \"key=values\"" },
	{ "hash", "[80]\nhello=\n", 2, "\"hello\" is no key: it must be 40 hexadecimal digits" },
	{ "hash", "[80]\n" SHA1_OF_ABC "0=1\t2\t3\t4\t5\t6\n", 2, "is no key" },
	{ "hash", "[80]\n" SHA1_OF_ABC "=1\t2\t3\t4\t5\n", 2, "the text is missing" },
	{ "hash", "[80]\n" SHA1_OF_ABC "=\t2\t3\t4\t5\t6\n", 2, "the count is \"\"" },
	{ "hash", "[80]\n" SHA1_OF_ABC "=1\t2\t3\t4\t4294967296\t6\n", 2,
	  "the length is \"4294967296\": it must be a number from 0 to 4294967295" },
	{ "hash", "[80]\n" SHA1_OF_ABC "=18446744073709551616\t2\t3\t4\t5\t6\n", 2,
	  "the count is" },
	{ "hash", "[80]\n" SHA1_OF_ABC "=1\t-2\t3\t4\t5\t6\n", 2, "the time is \"-2\"" },
	{ "hash", "[80]\n" SHA1_OF_ABC "=1\t9223372036854775807\t3\t4\t5\t6\n", 2, "the time is" },
	{ "hash", "[80]\n" SHA1_OF_ABC "=1\t2\t0x3\t4\t5\t6\n", 2, "the duration is \"0x3\"" },
	{ "hash", "[80]\n" ENTRY "abc\tx\n", 2, "\"x\" is too much" },
	{ "hash", "[80]\n" ENTRY "a\001c\n", 2,
	  "the text must be at most 64 printable characters" },
	{ "hash", "[80]\n" ENTRY TEN TEN TEN TEN TEN TEN "01234\n", 2,
	  "the text must be at most 64" },
	{ "source", "[80]\n", 1, "unknown group \"80\": expected \"source\"" },
	{ "source", "[source]\n10.0.0=1\t2\t3\n", 2,
	  "\"10.0.0\" is no key: it must be an address" },
	{ "source", "[source]\n10.0.0.1=1\t2\n", 2, "the duration is missing" },
	{ "control", "[source]\n10.0.0.1=1\t2\t3\t4\n", 2, "\"4\" is too much" },
};

static void expect_refusal(size_t i)
{
	const char *text = damages[i].text;
	struct hb_error err = { .code = HB_ERROR_NONE };
	char place[256];

	write_state(text, strlen(text));
	make(damages[i].function);
	ck_assert_int_lt(load(&err), 0);
	ck_assert_int_eq(err.code, HB_ERROR_STATE);
	snprintf(place, sizeof(place), "state file \"%s\", line %d: ", state_path(),
		 damages[i].line);
	ck_assert_msg(strncmp(err.message, place, strlen(place)) == 0, "%s", err.message);
	ck_assert_msg(strstr(err.message, damages[i].reason) != NULL, "%s", err.message);
	/* And is never overwritten. */
	ck_assert_int_lt(save(&err), 0);
	ck_assert_str_eq(scratch_read(&scratch, "state"), text);
	hb_policy_unref(policy);
}

START_TEST(damage_is_refused_by_name_and_line)
{
	for (size_t i = 0; i < sizeof(damages) / sizeof(*damages); i++)
		expect_refusal(i);
	end();
}
END_TEST

START_TEST(lines_that_are_no_text_are_refused)
{
	static char text[5000] = "[80]\n";
	struct hb_error err;

	memset(text + 5, 'a', sizeof(text) - 5);
	text[sizeof(text) - 1] = '\n';
	write_state(text, sizeof(text));
	make("hash");
	ck_assert_int_lt(load(&err), 0);
	ck_assert_ptr_nonnull(strstr(err.message, "line 2: the line is cut off, too long"));
	hb_policy_unref(policy);

	memcpy(text + 5, ENTRY "a\0c\n", sizeof(ENTRY) + 3);
	write_state(text, 5 + sizeof(ENTRY) + 3);
	make("hash");
	ck_assert_int_lt(load(&err), 0);
	ck_assert_ptr_nonnull(strstr(err.message, "line 2: "));
	hb_policy_unref(policy);
	end();
}
END_TEST

START_TEST(a_file_is_replaced_whole)
{
	struct stat before, after;

	write_state("[source]\n", 9);
	ck_assert_int_eq(stat(state_path(), &before), 0);
	start("source");
	ask_source("192.0.2.7");
	stop();
	ck_assert_int_eq(stat(state_path(), &after), 0);
	ck_assert_uint_ne(before.st_ino, after.st_ino);
	ck_assert_int_ne(access(scratch_file(&scratch, "state.new"), F_OK), 0);
	ck_assert_uint_eq(after.st_mode & 0027, 0); /* not for everybody */
	end();
}
END_TEST

START_TEST(what_cannot_be_written_says_so)
{
	struct hb_error err;

	write_state("[source]\n", 9);
	start("source");
	ask_source("192.0.2.7");
	ck_assert_int_eq(mkdir(scratch_file(&scratch, "state.new"), 0700), 0);
	ck_assert_int_lt(save(&err), 0);
	ck_assert_int_eq(err.code, HB_ERROR_STATE);
	ck_assert_ptr_nonnull(strstr(err.message, "/state\" cannot be written: "));
	ck_assert_str_eq(scratch_read(&scratch, "state"), "[source]\n");
	ck_assert_int_eq(rmdir(scratch_file(&scratch, "state.new")), 0);
	stop();
	ck_assert_str_eq(scratch_read(&scratch, "state"),
			 STATE_HEAD "[source]\n192.0.2.7=1\t1249600127\t0\n" STATE_TAIL);
	end();
}
END_TEST

START_TEST(what_cannot_be_put_in_place_leaves_nothing)
{
	start("source");
	ck_assert_int_eq(mkdir(state_path(), 0700), 0);
	ck_assert_int_lt(save(NULL), 0);
	ck_assert_int_ne(access(scratch_file(&scratch, "state.new"), F_OK), 0);
	ck_assert_int_eq(rmdir(state_path()), 0);
	hb_policy_unref(policy);
	end();
}
END_TEST

START_TEST(what_cannot_be_read_says_so)
{
	struct hb_error err;

	make("source");
	ck_assert_int_eq(mkdir(state_path(), 0700), 0);
	ck_assert_int_lt(load(&err), 0);
	ck_assert_int_eq(err.code, HB_ERROR_STATE);
	ck_assert_ptr_nonnull(strstr(err.message, "/state\": Is a directory"));
	ck_assert_int_eq(rmdir(state_path()), 0);
	hb_policy_unref(policy);
	end();
}
END_TEST

START_TEST(nothing_is_saved_that_was_not_loaded)
{
	struct hb_error err;

	make("source");
	ask_source("192.0.2.7");
	ck_assert_int_lt(save(&err), 0);
	ck_assert_ptr_nonnull(strstr(err.message, "hb_policy_load()"));
	ck_assert_int_ne(access(state_path(), F_OK), 0);
	hb_policy_unref(policy);
	end();
}
END_TEST

START_TEST(who_forgets_is_named)
{
	const struct hb_setting one = { "value", "1", 1, 1 };

	make("source");
	ck_assert_ptr_null(hb_policy_forgetful_at(policy, 0));
	hb_policy_add_instance(policy, "yes", hb_module_builtin("yesno"), &one, 1, NULL);
	hb_policy_add_instance(policy, "a", hb_module_builtin("hash"), NULL, 0, NULL);
	hb_policy_add_instance(policy, "b", hb_module_builtin("control"), NULL, 0, NULL);
	ck_assert_str_eq(hb_policy_forgetful_at(policy, 0), "a");
	ck_assert_str_eq(hb_policy_forgetful_at(policy, 1), "b");
	ck_assert_ptr_null(hb_policy_forgetful_at(policy, 2));
	hb_policy_unref(policy);
	end();
}
END_TEST

/* After a restart it is still the entry that was longest unused which makes room. */
START_TEST(the_order_of_use_survives)
{
	static const struct hb_field fields[] = {
		{ "the time", HB_FIELD_FIRST_SEEN, 0, sizeof(int64_t) },
		{ .name = NULL },
	};
	static const struct hb_store_layout layout = { .key = HB_KEY_HEX,
						       .key_len = 1,
						       .fields = fields };
	const struct hb_store_options options = { .size = sizeof(options),
						  .value_size = sizeof(int64_t),
						  .max_entries = 2,
						  .layout = &layout };
	struct hb_store *store = hb_store_new(&options);
	struct hb_store_copy copy;

	ck_assert_ptr_nonnull(store);
	write_state("[1]\nab=7\n[2]\ncd=5\n", 18);
	ck_assert_int_eq(hb_store_file_load(store, state_path(), NULL), 0);

	struct hb_store_item *item = hb_store_item_new(store);

	item->key_len = 1;
	ck_assert_int_eq(hb_store_restore(store, item), 0);
	ck_assert_int_eq(hb_store_copy(store, 0, &copy), 0);
	ck_assert_uint_eq(copy.count, 2);
	for (size_t i = 0; i < copy.count; i++)
		ck_assert_uint_ne(copy.items[i]->key[0], 0xcd);
	hb_store_copy_free(&copy);
	free(item);
	hb_store_free(store);
	end();
}
END_TEST

START_TEST(a_layout_must_fit_its_value)
{
	struct hb_field fields[] = {
		{ "the time", HB_FIELD_FIRST_SEEN, 0, sizeof(int64_t) },
		{ "the text", HB_FIELD_TEXT, 8, 8 },
		{ .name = NULL },
	};
	struct hb_store_layout layout = { .key = HB_KEY_HEX, .key_len = 1, .fields = fields };

	ck_assert(hb_store_text_fits(&layout, 16));
	ck_assert(!hb_store_text_fits(&layout, 15));
	layout.key_len = 0;
	ck_assert(!hb_store_text_fits(&layout, 16));
	layout.key_len = HB_STORE_KEY_MAX + 1;
	ck_assert(!hb_store_text_fits(&layout, 16));
	layout.key_len = 1;
	layout.key = HB_KEY_ADDRESS;
	ck_assert(!hb_store_text_fits(&layout, 16));
	layout.key = HB_KEY_HEX;
	fields[1].size = 2000;
	ck_assert(!hb_store_text_fits(&layout, 4000));
	fields[1] = fields[0];
	ck_assert(!hb_store_text_fits(&layout, 16));
	fields[0].name = NULL;
	ck_assert(!hb_store_text_fits(&layout, 16));
}
END_TEST

#define SOURCES 20000

static void *ask_many(void *ctx)
{
	const struct hb_instance *shared = ctx;
	struct asked mine;

	asked_init(&mine);
	mine.query.now.wall_us = NOW_S * S_US;
	for (uint32_t i = 0; i < SOURCES; i++) {
		const uint8_t bytes[4] = { 10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i };

		mine.flow.client.addr = hb_addr_from_ipv4(bytes);
		mine.flow.id = i + 1;
		hb_instance_decide(shared, &mine.query);
	}
	return NULL;
}

/* While packets come: whatever is written can be read, and at the end everything is there. */
START_TEST(saving_goes_on_beside_packets)
{
	pthread_t thread;
	struct hb_store_copy copy;
	size_t known = 0;

	start("source");
	ck_assert_int_eq(pthread_create(&thread, NULL, ask_many, instance), 0);
	while (known < SOURCES) {
		struct hb_policy *other = policy;

		known = hb_store_count(hb_instance_store(instance));
		ck_assert_int_eq(save(NULL), 0);
		start("source");
		ck_assert_uint_ge(hb_store_count(hb_instance_store(instance)), known);
		hb_policy_unref(policy);
		policy = other;
		instance = policy->instances[0];
	}
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(hb_store_copy(hb_instance_store(instance), 0, &copy), 0);
	ck_assert_uint_eq(copy.count, SOURCES);
	hb_store_copy_free(&copy);
	hb_policy_unref(policy);
	end();
}
END_TEST

UNIT_MAIN("store_file", hash_has_the_documented_format, source_has_the_documented_format,
	  control_has_the_documented_format, hash_remembers, source_remembers,
	  control_goes_on_counting, control_may_have_counted_more_than_it_allows_now,
	  what_has_expired_is_not_written, an_expired_entry_of_the_file_is_new,
	  files_of_people_are_read, damage_is_refused_by_name_and_line,
	  lines_that_are_no_text_are_refused, a_file_is_replaced_whole,
	  what_cannot_be_written_says_so, what_cannot_be_put_in_place_leaves_nothing,
	  what_cannot_be_read_says_so, nothing_is_saved_that_was_not_loaded, who_forgets_is_named,
	  the_order_of_use_survives, a_layout_must_fit_its_value, saving_goes_on_beside_packets)
