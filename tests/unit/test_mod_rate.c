/* SPDX-License-Identifier: BSD-2-Clause */
#include "module_fixture.h"

#include "rig.h"
#include "scratch.h"
#include "store_file.h"

#define S_US INT64_C(1000000)

static struct hb_instance *instance;
static struct asked asked;

static void start(const char *of, const char *max)
{
	const struct hb_setting settings[] = { { "of", of, 1, 1 },
					       { "max", max, 2, 1 },
					       { "expiration", "10", 3, 1 } };

	instance = hb_instance_new("test", hb_module_builtin("rate"), settings, 3, NULL);
	ck_assert_ptr_nonnull(instance);
	asked_init(&asked);
	asked.query.now.wall_us = 1000000 * S_US;
	asked.query.previous = HB_DECISION_DEFER;
	asked.packet.len = 40;
}

/* A packet from a source to a destination. */
static bool passes(const char *from, const char *to)
{
	ck_assert_int_eq(hb_addr_parse(from, &asked.flow.client.addr), 0);
	ck_assert_int_eq(hb_addr_parse(to, &asked.flow.attacked.addr), 0);

	enum hb_decision decision = hb_instance_decide(instance, &asked.query);

	ck_assert_int_ne(decision, HB_DECISION_DEFER);
	return decision == HB_DECISION_ACCEPT;
}

static unsigned count_passing(const char *from, unsigned packets)
{
	unsigned count = 0;

	for (unsigned i = 0; i < packets; i++)
		count += passes(from, "192.0.2.7");
	return count;
}

START_TEST(packets_are_counted)
{
	start("packets", "3");
	ck_assert_uint_eq(count_passing("10.9.0.3", 5), 3);
	ck_assert_uint_eq(count_passing("10.9.0.2", 5), 3); /* each source by itself */
	asked.query.previous = HB_DECISION_ACCEPT;
	ck_assert(!passes("10.9.0.3", "192.0.2.7"));
	hb_instance_free(instance);
}
END_TEST

START_TEST(bytes_are_counted)
{
	start("bytes", "100");
	ck_assert(passes("10.9.0.3", "192.0.2.7"));
	ck_assert(passes("10.9.0.3", "192.0.2.7"));
	ck_assert(!passes("10.9.0.3", "192.0.2.7"));
	asked.packet.len = 20; /* fits, since what was refused does not count */
	ck_assert(passes("10.9.0.3", "192.0.2.7"));
	asked.packet.len = 1;
	ck_assert(!passes("10.9.0.3", "192.0.2.7"));
	hb_instance_free(instance);
}
END_TEST

/* At their first packet. What this place in the rule accepted before is the rest of one. */
START_TEST(connections_are_counted)
{
	start("connections", "2");
	for (int i = 0; i < 2; i++) {
		asked.query.previous = HB_DECISION_DEFER;
		ck_assert(passes("10.9.0.3", "192.0.2.7"));
		asked.query.previous = HB_DECISION_ACCEPT;
		ck_assert_uint_eq(count_passing("10.9.0.3", 9), 9);
	}
	asked.query.previous = HB_DECISION_DEFER;
	ck_assert(!passes("10.9.0.3", "192.0.2.7"));
	asked.query.previous = HB_DECISION_REJECT; /* it tries again */
	ck_assert(!passes("10.9.0.3", "192.0.2.7"));
	asked.query.now.wall_us += 10 * S_US;
	ck_assert(passes("10.9.0.3", "192.0.2.7"));
	hb_instance_free(instance);
}
END_TEST

START_TEST(destinations_are_counted)
{
	start("destinations", "2");
	ck_assert(passes("10.9.0.3", "192.0.2.1"));
	ck_assert(passes("10.9.0.3", "192.0.2.1"));
	ck_assert(passes("10.9.0.3", "2001:db8::1"));
	for (int i = 0; i < 5; i++) {
		ck_assert(!passes("10.9.0.3", "192.0.2.3"));
		ck_assert(passes("10.9.0.3", "192.0.2.1"));
		ck_assert(passes("10.9.0.3", "2001:db8::1"));
	}
	ck_assert(passes("10.9.0.2", "192.0.2.3"));
	hb_instance_free(instance);
}
END_TEST

/* Those of the last one count again. */
START_TEST(destinations_belong_to_a_window)
{
	start("destinations", "2");
	ck_assert(passes("10.9.0.3", "192.0.2.1"));
	asked.query.now.wall_us += 9 * S_US;
	ck_assert(passes("10.9.0.3", "192.0.2.2"));
	asked.query.now.wall_us += 2 * S_US;
	ck_assert(passes("10.9.0.3", "192.0.2.3"));
	ck_assert(passes("10.9.0.3", "192.0.2.2"));
	ck_assert(!passes("10.9.0.3", "192.0.2.1"));
	hb_instance_free(instance);
}
END_TEST

START_TEST(the_window_is_fixed_from_its_first_packet)
{
	start("packets", "3");
	ck_assert(passes("10.9.0.3", "192.0.2.7"));
	asked.query.now.wall_us += 9 * S_US;
	ck_assert(passes("10.9.0.3", "192.0.2.7"));
	asked.query.now.wall_us += S_US - 1;
	ck_assert_uint_eq(count_passing("10.9.0.3", 2), 1);
	asked.query.now.wall_us += 1;
	ck_assert_uint_eq(count_passing("10.9.0.3", 9), 3);
	hb_instance_free(instance);
}
END_TEST

START_TEST(a_clock_that_is_set_back_lets_nothing_more_out)
{
	static const char *const of[] = { "packets", "destinations" };

	for (size_t i = 0; i < 2; i++) {
		start(of[i], "1");
		ck_assert(passes("10.9.0.3", "192.0.2.1"));
		asked.query.now.wall_us -= 5000 * S_US;
		ck_assert(!passes("10.9.0.3", "192.0.2.2"));
		asked.query.now.wall_us += 5 * S_US;
		ck_assert(!passes("10.9.0.3", "192.0.2.2"));
		asked.query.now.wall_us += 5 * S_US; /* and nobody waits for 5000 seconds */
		ck_assert(passes("10.9.0.3", "192.0.2.2"));
		hb_instance_free(instance);
	}
}
END_TEST

START_TEST(none_is_a_number)
{
	static const char *const of[] = { "packets", "bytes", "connections", "destinations" };

	for (size_t i = 0; i < 4; i++) {
		start(of[i], "0");
		ck_assert(!passes("10.9.0.3", "192.0.2.1"));
		hb_instance_free(instance);
	}
}
END_TEST

START_TEST(the_count_is_written_to_a_file)
{
	struct scratch scratch = scratch_make();
	const char *path = scratch_file(&scratch, "rate");

	start("bytes", "1000000");
	ck_assert_uint_eq(count_passing("10.9.0.3", 3), 3);
	ck_assert_int_eq(hb_store_file_save(hb_instance_store(instance), path, 0, NULL), 0);
	ck_assert_str_eq(scratch_read(&scratch, "rate"),
			 STATE_HEAD "[source]\n10.9.0.3=120\t1000000\t0\n" STATE_TAIL);
	hb_instance_free(instance);
	scratch_remove(&scratch);
}
END_TEST

START_TEST(what_and_how_many_must_be_said)
{
	struct hb_error err;

	ck_assert_ptr_null(module_make("rate", "of", "packets", &err));
	ck_assert_ptr_null(module_make("rate", "max", "3", &err));
	ck_assert_ptr_null(module_make("rate", "of", "words", &err));
}
END_TEST

static enum hb_verdict send(struct rig *rig, uint16_t port, uint8_t flags)
{
	return rig_tcp(rig, &(struct rig_tcp){ RIG_BACKEND, "10.7.7.7", flags, 1000, 0,
					       .from_port = port, .to_port = 25 });
}

/* In an engine: two connections, each as long as it lasts. A rule may use the module twice. */
START_TEST(connections_of_a_honeypot_are_limited)
{
	struct rig rig;
	struct hb_target *target = rig_open(&rig);
	const struct hb_setting settings[] = { { "of", "connections", 1, 1 },
					       { "max", "2", 2, 1 } };

	ck_assert_int_eq(hb_policy_add_instance(rig.policy, "rate", hb_module_builtin("rate"),
						settings, 2, NULL),
			 0);
	rig_backend(target, RIG_BACKEND, "third");
	ck_assert_int_eq(hb_target_set_control(target, "no and rate or rate", NULL), 0);
	rig_start(&rig);
	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(send(&rig, 1000, HB_TCP_SYN), HB_ACCEPT);
		ck_assert_int_eq(send(&rig, 1001, HB_TCP_SYN), HB_ACCEPT);
		ck_assert_int_eq(send(&rig, 1002, HB_TCP_SYN), HB_DROP);
	}
	rig_close(&rig);
}
END_TEST

UNIT_MAIN("mod_rate", packets_are_counted, bytes_are_counted, connections_are_counted,
	  destinations_are_counted, destinations_belong_to_a_window,
	  the_window_is_fixed_from_its_first_packet, a_clock_that_is_set_back_lets_nothing_more_out,
	  none_is_a_number, the_count_is_written_to_a_file, what_and_how_many_must_be_said,
	  connections_of_a_honeypot_are_limited)
