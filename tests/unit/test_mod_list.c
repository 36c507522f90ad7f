/* SPDX-License-Identifier: BSD-2-Clause */
#include "module_fixture.h"
#include "scratch.h"

#include <errno.h>

static struct scratch scratch;
static struct hb_instance *instance;
static struct asked asked;

static const char *list_path(void)
{
	return scratch_file(&scratch, "list");
}

/* An instance whose file has this text; NULL with an error. */
static struct hb_instance *make(const char *text, const char *of, struct hb_error *err)
{
	FILE *file = fopen(list_path(), "w");
	struct hb_setting settings[2] = { { "of", of, 1, 1 } };

	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
	settings[of ? 1 : 0] = (struct hb_setting){ "file", list_path(), 2, 1 };
	return hb_instance_new("test", hb_module_builtin("list"), settings, of ? 2 : 1, err);
}

static void start(const char *text)
{
	struct hb_error err;

	scratch = scratch_make();
	instance = make(text, NULL, &err);
	ck_assert_msg(instance != NULL, "%s", err.message);
	asked_init(&asked);
}

static void done(void)
{
	hb_instance_free(instance);
	scratch_remove(&scratch);
}

static bool has(const char *source)
{
	ck_assert_int_eq(hb_addr_parse(source, &asked.flow.client.addr), 0);

	enum hb_decision decision = hb_instance_decide(instance, &asked.query);

	ck_assert_int_ne(decision, HB_DECISION_DEFER);
	return decision == HB_DECISION_ACCEPT;
}

START_TEST(addresses_and_networks_are_found)
{
	start("# scanners\n"
	      "192.0.2.7\n"
	      "\n"
	      "  10.1.0.0/16   # a network\r\n"
	      "2001:db8:5::/48\n"
	      "2001:db8::7"); /* no line's end */
	ck_assert(has("192.0.2.7"));
	ck_assert(!has("192.0.2.6"));
	ck_assert(!has("192.0.2.8"));
	ck_assert(has("10.1.0.0"));
	ck_assert(has("10.1.255.255"));
	ck_assert(!has("10.0.255.255"));
	ck_assert(!has("10.2.0.0"));
	ck_assert(has("2001:db8:5::"));
	ck_assert(has("2001:db8:5:ffff:ffff:ffff:ffff:ffff"));
	ck_assert(!has("2001:db8:6::"));
	ck_assert(has("2001:db8::7"));
	ck_assert(!has("2001:db8::8"));
	ck_assert(!has("0.0.0.0"));
	ck_assert(!has("255.255.255.255"));
	done();
}
END_TEST

START_TEST(networks_may_overlap)
{
	start("10.1.2.0/24\n10.0.0.0/8\n10.1.0.0/16\n10.1.2.3\n10.200.0.0/16\n11.0.0.0/8\n");
	ck_assert(!has("9.255.255.255"));
	ck_assert(has("10.0.0.0"));
	ck_assert(has("10.1.2.3"));
	ck_assert(has("10.1.3.0"));
	ck_assert(has("10.255.255.255"));
	ck_assert(has("11.255.255.255"));
	ck_assert(!has("12.0.0.0"));
	done();
}
END_TEST

/* Though an IPv4 address is held as one of them. */
START_TEST(all_of_ipv6_has_no_ipv4)
{
	start("::/0\n");
	ck_assert(has("2001:db8::1"));
	ck_assert(!has("192.0.2.7"));
	done();
	start("0.0.0.0/0\n");
	ck_assert(!has("::1"));
	ck_assert(has("192.0.2.7"));
	done();
}
END_TEST

START_TEST(an_empty_list_has_nothing)
{
	start("# none yet\n");
	ck_assert(!has("192.0.2.7"));
	ck_assert(!has("::"));
	done();
}
END_TEST

START_TEST(either_end_can_be_looked_up)
{
	scratch = scratch_make();
	instance = make("198.51.100.0/24\n", "destination", NULL);
	ck_assert_ptr_nonnull(instance);
	asked_init(&asked);
	ck_assert_int_eq(hb_addr_parse("198.51.100.9", &asked.flow.attacked.addr), 0);
	ck_assert(has("192.0.2.7"));
	ck_assert_int_eq(hb_addr_parse("198.51.101.9", &asked.flow.attacked.addr), 0);
	ck_assert(!has("198.51.100.9"));
	done();
}
END_TEST

/* As a walk over all of them would find them. */
START_TEST(a_long_list_is_searched_right)
{
	enum { ENTRIES = 100000, LOOKS = 20000 };
	static uint32_t first[ENTRIES], last[ENTRIES];
	uint64_t random = 5;
	char *text = malloc(ENTRIES * 20), *at = text;
	unsigned found = 0;

	for (size_t i = 0; i < ENTRIES; i++) {
		unsigned prefix = 18 + (unsigned)unit_random_below(&random, 15);
		uint32_t addr = (uint32_t)unit_random(&random), mask = UINT32_MAX << (32 - prefix);

		first[i] = addr & mask;
		last[i] = addr | ~mask;
		at += sprintf(at, "%u.%u.%u.%u/%u\n", addr >> 24, addr >> 16 & 255, addr >> 8 & 255,
			      addr & 255, prefix);
	}
	start(text);
	for (size_t look = 0; look < LOOKS; look++) {
		size_t near = unit_random_below(&random, ENTRIES);
		uint32_t addr = (look % 2 ? first[near] : last[near]) +
				(uint32_t)unit_random_below(&random, 3) - 1;
		const uint8_t bytes[] = { (uint8_t)(addr >> 24), (uint8_t)(addr >> 16),
					  (uint8_t)(addr >> 8), (uint8_t)addr };
		bool expected = false;

		for (size_t i = 0; i < ENTRIES && !expected; i++)
			expected = first[i] <= addr && addr <= last[i];
		asked.flow.client.addr = hb_addr_from_ipv4(bytes);
		unit_require((hb_instance_decide(instance, &asked.query) == HB_DECISION_ACCEPT) ==
			     expected);
		found += expected;
	}
	ck_assert_uint_gt(found, LOOKS / 2);
	ck_assert_uint_lt(found, LOOKS - 1000);
	done();
	free(text);
}
END_TEST

START_TEST(a_bad_line_is_named)
{
	struct hb_error err;
	char expected[700];

	scratch = scratch_make();
	ck_assert_ptr_null(make("10.0.0.0/8\n# x\n\n10.0.0.256\n", NULL, &err));
	ck_assert_int_eq(err.code, HB_ERROR_CONFIG);
	snprintf(expected, sizeof(expected),
		 "\"%s\", line 4: \"10.0.0.256\" is neither an address nor a network: it must be "
		 "like 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32",
		 list_path());
	ck_assert_str_eq(err.message, expected);
	ck_assert_ptr_null(make("10.0.0.0/8 10.0.0.1\n", NULL, &err));
	ck_assert_ptr_null(make("10.0.0.0/33\n", NULL, &err));
	scratch_remove(&scratch);
}
END_TEST

START_TEST(a_file_must_be_there)
{
	struct hb_error err;

	ck_assert_ptr_null(module_make("list", "file", "/nonexistent/list", &err));
	ck_assert_str_eq(err.message,
			 "cannot read \"/nonexistent/list\": No such file or directory");
	ck_assert_int_eq(err.code, HB_ERROR_CONFIG);
	ck_assert_ptr_null(module_make("list", "file", "/tmp", &err));
	ck_assert_str_eq(err.message, "cannot read \"/tmp\": Is a directory");
	ck_assert_ptr_null(module_make("list", "file", "list", &err));
	ck_assert_str_eq(err.message, "\"file\" is \"list\": it must be a file's absolute path");
	ck_assert_ptr_null(module_make("list", NULL, NULL, &err));
}
END_TEST

/* Nothing writes it, so two may read one. */
START_TEST(two_instances_may_read_one_file)
{
	struct hb_instance *other;

	start("10.0.0.0/8\n");
	other = make("10.0.0.0/8\n", "destination", NULL);
	ck_assert_ptr_nonnull(other);
	ck_assert_ptr_null(hb_instance_shared_path(instance, other));
	hb_instance_free(other);
	done();
}
END_TEST

START_TEST(the_answer_is_the_flows)
{
	ck_assert_uint_eq(hb_module_builtin("list")->flags, HB_MODULE_KEEPS_ANSWER);
}
END_TEST

UNIT_MAIN("mod_list", addresses_and_networks_are_found, networks_may_overlap,
	  all_of_ipv6_has_no_ipv4, an_empty_list_has_nothing, either_end_can_be_looked_up,
	  a_long_list_is_searched_right, a_bad_line_is_named, a_file_must_be_there,
	  two_instances_may_read_one_file, the_answer_is_the_flows)
