/* SPDX-License-Identifier: BSD-2-Clause */
#include "module_fixture.h"

#include "rig.h"

#include <errno.h>

static struct hb_endpoint led_to;
static int result;

static int divert(void *ctx, const struct hb_endpoint *to)
{
	(void)ctx;
	led_to = *to;
	return result;
}

static struct hb_query_sink sink = { .divert = divert };

static enum hb_decision ask(struct hb_instance *instance, uint8_t protocol, uint16_t port)
{
	struct asked asked;

	asked_init(&asked);
	asked.query.reserved = &sink;
	asked.flow.protocol = protocol;
	asked.flow.attacked.port = port;
	memset(&led_to, 0, sizeof(led_to));
	return hb_instance_decide(instance, &asked.query);
}

START_TEST(questions_to_name_servers_are_led_away)
{
	struct hb_instance *instance = module_make("dns_control", "ip", "10.8.0.53", NULL);
	struct hb_addr server = rig_addr("10.8.0.53");

	ck_assert_ptr_nonnull(instance);
	ck_assert_int_eq(ask(instance, HB_PROTO_UDP, 53), HB_DECISION_ACCEPT);
	ck_assert(hb_addr_equal(&led_to.addr, &server));
	ck_assert_uint_eq(led_to.port, 0);
	ck_assert_int_eq(ask(instance, HB_PROTO_TCP, 53), HB_DECISION_ACCEPT);
	ck_assert(hb_addr_equal(&led_to.addr, &server));
	hb_instance_free(instance);
}
END_TEST

START_TEST(all_else_is_rejected)
{
	struct hb_instance *instance = module_make("dns_control", "ip", "10.8.0.53", NULL);
	const struct hb_addr nobody = { { 0 } };

	ck_assert_int_eq(ask(instance, HB_PROTO_UDP, 123), HB_DECISION_REJECT);
	ck_assert_int_eq(ask(instance, HB_PROTO_TCP, 80), HB_DECISION_REJECT);
	ck_assert_int_eq(ask(instance, 132, 53), HB_DECISION_REJECT);
	ck_assert_int_eq(ask(instance, HB_PROTO_ICMP, 53), HB_DECISION_REJECT);
	ck_assert(hb_addr_equal(&led_to.addr, &nobody));
	hb_instance_free(instance);
}
END_TEST

/* An address of the other version, say. */
START_TEST(what_cannot_be_led_away_is_rejected)
{
	struct hb_instance *instance = module_make("dns_control", "ip", "10.8.0.53", NULL);

	result = -EINVAL;
	ck_assert_int_eq(ask(instance, HB_PROTO_UDP, 53), HB_DECISION_REJECT);
	hb_instance_free(instance);
	result = 0;
}
END_TEST

START_TEST(the_server_may_have_a_port)
{
	struct hb_instance *instance =
		module_make("dns_control", "ip", "[2001:db8::53]:5353", NULL);

	ck_assert_ptr_nonnull(instance);
	ck_assert_int_eq(ask(instance, HB_PROTO_UDP, 53), HB_DECISION_ACCEPT);
	ck_assert_uint_eq(led_to.port, 5353);
	hb_instance_free(instance);
}
END_TEST

START_TEST(parameters_of_existing_configurations_are_taken)
{
	const struct hb_setting settings[] = { { "ip", "10.8.0.53", 1, 1 },
					       { "mac", "00:00:5e:00:53:01", 2, 1 },
					       { "interface", "eth3", 3, 1 },
					       { "vlan_id", "12", 4, 1 } };
	struct hb_instance *instance =
		hb_instance_new("test", hb_module_builtin("dns_control"), settings, 4, NULL);
	struct hb_error err;

	ck_assert_ptr_nonnull(instance);
	hb_instance_free(instance);
	ck_assert_ptr_null(module_make("dns_control", NULL, NULL, &err));
	ck_assert_ptr_null(module_make("dns_control", "ip", "ns.example.com", &err));
	ck_assert_str_eq(err.message, "\"ip\" is \"ns.example.com\": it must be an address like "
				      "10.0.0.2, 10.0.0.2:80, 2001:db8::2 or [2001:db8::2]:80");
}
END_TEST

UNIT_MAIN("mod_dns_control", questions_to_name_servers_are_led_away, all_else_is_rejected,
	  what_cannot_be_led_away_is_rejected, the_server_may_have_a_port,
	  parameters_of_existing_configurations_are_taken)
