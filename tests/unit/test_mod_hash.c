/* SPDX-License-Identifier: BSD-2-Clause */
#include "module_fixture.h"
#include "scratch.h"
#include "store_file.h"

#define DAY_US INT64_C(86400000000)

static struct hb_instance *instance;
static struct asked asked;

static void start(void)
{
	instance = module_make("hash", NULL, NULL, NULL);
	ck_assert_ptr_nonnull(instance);
	asked_init(&asked);
}

static enum hb_decision ask_bytes(const void *payload, size_t len)
{
	uint8_t *data = malloc(len + 40);
	enum hb_decision decision;

	memset(data, 0xa5, 40);
	memcpy(data + 40, payload, len);
	asked.packet.data = data;
	asked.packet.len = len + 40;
	asked.packet.payload_offset = 40;
	asked.packet.payload_len = len;
	decision = hb_instance_decide(instance, &asked.query);
	free(data);
	return decision;
}

static enum hb_decision ask(const char *payload)
{
	return ask_bytes(payload, strlen(payload));
}

/* True if the two payloads are one to the module. */
static bool same(const char *a, const char *b)
{
	enum hb_decision first, second;

	start();
	first = ask(a);
	second = ask(b);
	ck_assert_int_eq(first, HB_DECISION_ACCEPT);
	ck_assert_int_ne(second, HB_DECISION_DEFER);
	hb_instance_free(instance);
	return second == HB_DECISION_REJECT;
}

START_TEST(what_was_never_seen_is_accepted)
{
	start();
	ck_assert_int_eq(ask("GET / HTTP/1.0\r\n\r\n"), HB_DECISION_ACCEPT);
	ck_assert_int_eq(ask("GET / HTTP/1.0\r\n\r\n"), HB_DECISION_REJECT);
	ck_assert_int_eq(ask("GET / HTTP/1.1\r\n\r\n"), HB_DECISION_ACCEPT);
	ck_assert_int_eq(ask("GET / HTTP/1.0\r\n\r\n"), HB_DECISION_REJECT);
	ck_assert_int_eq(ask("GET / HTTP/1.0\r\n\r"), HB_DECISION_ACCEPT);
	hb_instance_free(instance);
}
END_TEST

START_TEST(ports_are_apart)
{
	start();
	ck_assert_int_eq(ask("x"), HB_DECISION_ACCEPT);
	asked.flow.attacked.port = 65535;
	ck_assert_int_eq(ask("x"), HB_DECISION_ACCEPT);
	ck_assert_int_eq(ask("x"), HB_DECISION_REJECT);
	asked.flow.attacked.port = 80;
	ck_assert_int_eq(ask("x"), HB_DECISION_REJECT);
	hb_instance_free(instance);
}
END_TEST

START_TEST(without_payload_nothing_is_known)
{
	start();
	ck_assert_int_eq(ask(""), HB_DECISION_DEFER);
	ck_assert_int_eq(ask(""), HB_DECISION_DEFER);
	ck_assert_int_eq(ask("x"), HB_DECISION_ACCEPT);
	hb_instance_free(instance);
}
END_TEST

START_TEST(bytes_of_any_value_count)
{
	start();
	ck_assert_int_eq(ask_bytes("a\0b", 3), HB_DECISION_ACCEPT);
	ck_assert_int_eq(ask_bytes("a\0c", 3), HB_DECISION_ACCEPT);
	ck_assert_int_eq(ask_bytes("a\0b", 3), HB_DECISION_REJECT);
	ck_assert_int_eq(ask_bytes("\0", 1), HB_DECISION_ACCEPT);
	hb_instance_free(instance);
}
END_TEST

START_TEST(addresses_make_no_difference)
{
	ck_assert(same("Host: 10.0.0.1\r\n", "Host: 192.168.100.254\r\n"));
	ck_assert(same("1.2.3.4 5.6.7.8", "9.9.9.9 255.255.255.255"));
	ck_assert(same("999.999.999.999", "1.2.3.4")); /* digits, not addresses */
	ck_assert(!same("10.0.0.1 ", "10.0.0.1"));
	ck_assert(!same("10.0.0.1 10.0.0.1", "10.0.0.1"));
}
END_TEST

START_TEST(addresses_are_found_as_the_expression_says)
{
	ck_assert(same("1.2.3.4.5", "9.9.9.9.5"));
	ck_assert(!same("1.2.3.4.5", "1.2.3.4.6"));
	ck_assert(same("1.2.3.4.5.6.7.8", "9.9.9.9.9.9.9.9"));
	ck_assert(same("12345.6.7.8", "12999.9.9.9")); /* 345.6.7.8 */
	ck_assert(!same("12345.6.7.8", "13345.6.7.8"));
	ck_assert(same("1.2.3.45678", "9.9.9.99978")); /* 1.2.3.456 */
	ck_assert(!same("1.2.3.45678", "1.2.3.45679"));
	ck_assert(same("1.2.3333.4.5.6", "1.2.3999.9.9.9")); /* 333.4.5.6 */
	ck_assert(!same("1.2.3333.4.5.6", "1.1.3333.4.5.6"));
	ck_assert(same("1.2.3.4567.8.9.1", "9.9.9.9999.9.9.9")); /* 1.2.3.456 and 7.8.9.1 */
	ck_assert(same("1..1.2.3.4", "1..9.9.9.9"));
	ck_assert(!same("1..1.2.3.4", "2..1.2.3.4"));
	ck_assert(same("v1.2.3.4x", "v9.9.9.9x"));
}
END_TEST

START_TEST(what_is_no_address_stays)
{
	ck_assert(!same("1.2.3", "4.5.6"));
	ck_assert(!same("1.2.3.", "1.2.4."));
	ck_assert(!same("1.2.3.x", "1.2.4.x"));
	ck_assert(!same("1.2222.3.4", "1.2222.3.5"));
	ck_assert(!same("1,2,3,4", "1,2,3,5"));
	ck_assert(!same("12345678901", "12345678902"));
	ck_assert(!same("1.2. 3.4", "1.2. 3.5"));
}
END_TEST

START_TEST(a_super_packet_is_hashed_whole)
{
	size_t len = 65000;
	char *payload = malloc(len + 1);

	memset(payload, 'x', len);
	payload[len] = '\0';
	start();
	ck_assert_int_eq(ask(payload), HB_DECISION_ACCEPT);
	ck_assert_int_eq(ask(payload), HB_DECISION_REJECT);
	payload[len - 1] = 'y';
	ck_assert_int_eq(ask(payload), HB_DECISION_ACCEPT);
	for (size_t i = 0; i < len; i++)
		payload[i] = "1.2.3.4 "[i % 8];
	ck_assert_int_eq(ask(payload), HB_DECISION_ACCEPT);
	payload[len - 8] = '9';
	ck_assert_int_eq(ask(payload), HB_DECISION_REJECT);
	hb_instance_free(instance);
	free(payload);
}
END_TEST

START_TEST(a_payload_is_forgotten_after_its_last_use)
{
	start();
	asked.query.now.wall_us = 1000 * DAY_US;
	ck_assert_int_eq(ask("x"), HB_DECISION_ACCEPT);
	asked.query.now.wall_us += DAY_US - 1;
	ck_assert_int_eq(ask("x"), HB_DECISION_REJECT);
	asked.query.now.wall_us += DAY_US - 1;
	ck_assert_int_eq(ask("x"), HB_DECISION_REJECT);
	asked.query.now.wall_us += DAY_US;
	ck_assert_int_eq(ask("x"), HB_DECISION_ACCEPT);
	hb_instance_free(instance);
}
END_TEST

START_TEST(expiration_is_in_seconds)
{
	instance = module_make("hash", "expiration", "10", NULL);
	asked_init(&asked);
	ck_assert_int_eq(ask("x"), HB_DECISION_ACCEPT);
	asked.query.now.wall_us = 9999999;
	ck_assert_int_eq(ask("x"), HB_DECISION_REJECT);
	asked.query.now.wall_us = 19999999;
	ck_assert_int_eq(ask("x"), HB_DECISION_ACCEPT);
	hb_instance_free(instance);
}
END_TEST

START_TEST(parameters_of_existing_configurations_are_taken)
{
	struct hb_error err;
	struct hb_instance *made = module_make("hash", "backup", "/etc/honeybrid/hash.tb", &err);

	ck_assert_ptr_nonnull(made);
	ck_assert_str_eq(hb_instance_text(made, "backup"), "/etc/honeybrid/hash.tb");
	ck_assert_int_eq(hb_instance_integer(made, "expiration"), 86400);
	hb_instance_free(made);
	ck_assert_ptr_null(module_make("hash", "expiration", "0", &err));
	ck_assert_ptr_null(module_make("hash", "digest", "md5", &err));
}
END_TEST

/* What is known by a digest, and is written to a file under it. */
START_TEST(the_digest_can_be_chosen)
{
	static const struct {
		const char *word, *key; /* NULL: the default */
	} cases[] = {
		{ NULL, "a9993e364706816aba3e25717850c26c9cd0d89d" },
		{ "sha1", "a9993e364706816aba3e25717850c26c9cd0d89d" },
		{ "sha256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scratch scratch = scratch_make();
		const char *path = scratch_file(&scratch, "hash");
		char expected[256];

		instance =
			module_make("hash", cases[i].word ? "digest" : NULL, cases[i].word, NULL);
		ck_assert_ptr_nonnull(instance);
		asked_init(&asked);
		ck_assert_int_eq(ask("abc"), HB_DECISION_ACCEPT);
		ck_assert_int_eq(ask("abc"), HB_DECISION_REJECT);
		ck_assert_int_eq(hb_store_file_save(hb_instance_store(instance), path, 0, NULL), 0);
		snprintf(expected, sizeof(expected), STATE_HEAD "[80]\n%s=2\t", cases[i].key);
		ck_assert_int_eq(
			strncmp(scratch_read(&scratch, "hash"), expected, strlen(expected)), 0);
		hb_instance_free(instance);
		scratch_remove(&scratch);
	}
}
END_TEST

START_TEST(instances_remember_apart)
{
	struct hb_instance *first;

	start();
	ck_assert_int_eq(ask("x"), HB_DECISION_ACCEPT);
	first = instance;
	start();
	ck_assert_int_eq(ask("x"), HB_DECISION_ACCEPT);
	hb_instance_free(instance);
	hb_instance_free(first);
}
END_TEST

/* A plain reading of \d{1,3}(\.\d{1,3}){3}, tried at every place. */
static size_t match_at(const char *text)
{
	const char *at = text;

	for (int number = 0; number < 4; number++) {
		int digits = 0;

		if (number > 0 && *at++ != '.')
			return 0;
		while (digits < 3 && *at >= '0' && *at <= '9') {
			digits++;
			at++;
		}
		if (digits == 0)
			return 0;
	}
	return (size_t)(at - text);
}

static void mask(const char *text, char *out)
{
	while (*text) {
		size_t len = match_at(text);

		if (len > 0)
			out = stpcpy(out, "<0.0.0.0>");
		else
			*out++ = *text;
		text += len > 0 ? len : 1;
	}
	*out = '\0';
}

/* Mostly digits and dots. */
static void make_text(uint64_t *random, char text[static 32])
{
	size_t len = 1 + unit_random_below(random, 30);

	for (size_t i = 0; i < len; i++)
		text[i] = "0123456789.......1x"[unit_random_below(random, 19)];
	text[len] = '\0';
}

START_TEST(random_texts_are_masked_as_the_expression_says)
{
	uint64_t random = 17;
	unsigned equal = 0;

	start();
	for (uint16_t round = 0; round < 20000; round++) {
		char a[32], b[32], masked_a[300], masked_b[300];

		make_text(&random, a);
		strcpy(b, a);
		b[unit_random_below(&random, strlen(b))] = '7';
		mask(a, masked_a);
		mask(b, masked_b);

		bool expected = strcmp(masked_a, masked_b) == 0;

		asked.flow.attacked.port = round; /* each round by itself */
		ask(a);
		ck_assert_msg((ask(b) == HB_DECISION_REJECT) == expected, "%s, %s", a, b);
		equal += expected && strcmp(a, b) != 0;
	}
	ck_assert_uint_ge(equal, 500);
	hb_instance_free(instance);
}
END_TEST

UNIT_MAIN("mod_hash", what_was_never_seen_is_accepted, ports_are_apart,
	  without_payload_nothing_is_known, bytes_of_any_value_count, addresses_make_no_difference,
	  addresses_are_found_as_the_expression_says, what_is_no_address_stays,
	  a_super_packet_is_hashed_whole, a_payload_is_forgotten_after_its_last_use,
	  expiration_is_in_seconds, parameters_of_existing_configurations_are_taken,
	  the_digest_can_be_chosen, instances_remember_apart,
	  random_texts_are_masked_as_the_expression_says)
