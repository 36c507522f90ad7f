/* SPDX-License-Identifier: BSD-2-Clause */
/* Clones and uplinks: how they are set up, and what the packet scripts cannot say of them. */
#include "way.h"

#include "rig.h"
#include "target.h"

#include <errno.h>

#define SA (HB_TCP_SYN | HB_TCP_ACK)
#define EAST 100
#define WEST 200
#define UPLINK_IP "192.168.1.1"
#define TIME_EXCEEDED 11 /* RFC 792 */
#define UNREACHABLE 3
#define OWN_MARK UINT32_C(0x80000000)

static int add_clone(struct hb_target *target, const char *tag, const char *address,
		     uint32_t interface, struct hb_error *err)
{
	struct hb_clone clone = { .tag = tag, .interface = interface, .mark = interface };
	struct hb_endpoint endpoint = rig_endpoint(address);

	return hb_target_add_clone(target, &clone, &endpoint, "yes", err);
}

static int add_uplink(struct hb_policy *policy, const char *name, uint32_t mark,
		      struct hb_error *err)
{
	struct hb_uplink uplink = { .name = name, .mark = mark, .ip = rig_addr(UPLINK_IP) };

	return hb_policy_add_uplink(policy, &uplink, err);
}

START_TEST(clones_are_told_by_tag_and_interface)
{
	struct hb_clone clone = { .tag = "far", .interface = 7, .mark = 0x10000 };
	struct hb_endpoint endpoint = rig_endpoint(RIG_BACKEND);
	struct hb_error err = { 0 };
	struct hb_target *target;
	struct rig rig;

	target = rig_open(&rig);
	ck_assert_int_eq(add_clone(target, "one", RIG_BACKEND, 1, &err), 0);
	ck_assert_int_eq(add_clone(target, "one", "10.9.0.3:81", 1, &err), 0); /* the same */
	ck_assert_int_eq(add_clone(target, "one", RIG_BACKEND, 2, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.message, "\"one\" has another clone"));
	ck_assert_int_eq(add_clone(target, "one", "10.9.0.4", 1, &err), -EINVAL);
	ck_assert_int_eq(add_clone(target, "two", RIG_BACKEND, 0, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.message, "interface 0"));
	ck_assert_int_eq(add_clone(target, "a b", RIG_BACKEND, 2, &err), -EINVAL);
	ck_assert_int_eq(
		add_clone(target, "12345678901234567890123456789012", RIG_BACKEND, 2, &err),
		-EINVAL);
	ck_assert_int_eq(add_clone(target, "1234567890123456789012345678901", RIG_BACKEND, 2, &err),
			 0);
	ck_assert_int_eq(hb_target_add_clone(target, &clone, &endpoint, "yes", &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.message, "0xffff"));
	ck_assert_int_eq(hb_target_add_backend(target, &endpoint, "yes", &err), -EINVAL);
	ck_assert_int_eq(add_clone(target, "front", RIG_FRONTEND, 9, &err), -EINVAL);
	ck_assert_uint_eq(target->backend_count, 3);
	rig_start(&rig);
	ck_assert(target->by_place);
	ck_assert_int_eq(add_clone(target, "late", RIG_BACKEND, 3, &err), -EINVAL);
	rig_close(&rig);
}
END_TEST

START_TEST(an_uplink_has_a_name_and_a_mark_of_its_own)
{
	struct hb_error err = { 0 };
	struct rig rig;

	rig_open(&rig);
	ck_assert_int_eq(add_uplink(rig.policy, "east", EAST, &err), 0);
	ck_assert_int_eq(add_uplink(rig.policy, "east", WEST, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.message, "a second uplink \"east\""));
	ck_assert_int_eq(add_uplink(rig.policy, "west", EAST, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.message, "have one mark"));
	ck_assert_int_eq(add_uplink(rig.policy, "west", 0, &err), -EINVAL);
	ck_assert_int_eq(add_uplink(rig.policy, "west", 0x10000, &err), -EINVAL);
	ck_assert_int_eq(add_uplink(rig.policy, "west", WEST, &err), 0);
	ck_assert_str_eq(hb_policy_find_uplink(rig.policy, OWN_MARK | WEST)->name, "west");
	ck_assert_ptr_null(hb_policy_find_uplink(rig.policy, OWN_MARK));
	rig_start(&rig);
	ck_assert_int_eq(add_uplink(rig.policy, "late", 7, &err), -EINVAL);
	rig_close(&rig);
}
END_TEST

/* The first target in the file that has a control rule covers a clone, as it does any honeypot. */
START_TEST(each_clone_has_its_own_target)
{
	const struct hb_target *found = NULL;
	struct hb_addr clones = rig_addr(RIG_BACKEND), front = rig_addr(RIG_FRONTEND);
	struct hb_target *first, *second;
	unsigned number = 99;
	struct rig rig;

	first = rig_open(&rig);
	ck_assert_int_eq(add_clone(first, "one", RIG_BACKEND, 1, NULL), 0);
	ck_assert_int_eq(add_clone(first, "two", RIG_BACKEND, 2, NULL), 0);
	second = rig_target(&rig, "ip", RIG_FRONTEND);
	ck_assert_int_eq(add_clone(second, "three", RIG_BACKEND, 3, NULL), 0);
	ck_assert_int_eq(add_clone(second, "two", RIG_BACKEND, 2, NULL), 0);
	ck_assert_int_eq(hb_target_set_control(second, "yes", NULL), 0);
	rig_start(&rig);

	ck_assert(hb_policy_tell_clone(rig.policy, &clones, 1, &found, &number));
	ck_assert(found == first && number == 1);
	ck_assert(hb_policy_tell_clone(rig.policy, &clones, 2, &found, &number));
	ck_assert(found == second && number == 2);
	ck_assert(hb_policy_tell_clone(rig.policy, &clones, 3, &found, &number));
	ck_assert(found == second && number == 1);
	ck_assert(!hb_policy_tell_clone(rig.policy, &clones, 4, &found, &number));
	ck_assert(hb_policy_tell_clone(rig.policy, &clones, 0, &found, &number));
	ck_assert_uint_eq(number, 0); /* one of three */
	ck_assert(hb_policy_tell_clone(rig.policy, &front, 4, &found, &number));
	ck_assert(found == second && number == 0);
	ck_assert(hb_policy_is_backend(rig.policy, &clones));
	ck_assert(!hb_policy_is_backend(rig.policy, &front));
	rig_close(&rig);
}
END_TEST

/* Gives a datagram to the engine that came in somewhere; *as gets what becomes of its way. */
static enum hb_verdict give(struct rig *rig, const uint8_t *data, size_t len,
			    struct hb_datagram *as)
{
	struct hb_datagram dgram = *as;
	enum hb_verdict verdict;

	free(rig->data);
	rig->data = malloc(len);
	ck_assert_ptr_nonnull(rig->data);
	memcpy(rig->data, data, len);
	dgram.data = rig->data;
	dgram.len = dgram.cap = len;
	verdict = hb_engine_input(rig->engine, &dgram, rig->now);
	as->mark = dgram.mark;
	as->out_interface = dgram.out_interface;
	if (verdict == HB_DROP)
		return verdict;
	ck_assert_int_eq(hb_packet_parse(rig->data, dgram.len, &rig->packet), 0);
	ck_assert(as->checksum == HB_CHECKSUM_PARTIAL || hb_packet_checksum_ok(&rig->packet));
	return verdict;
}

static enum hb_verdict input(struct rig *rig, const struct rig_tcp *tcp, struct hb_datagram *as)
{
	uint8_t buf[2048];

	return give(rig, buf, rig_build_tcp(buf, tcp), as);
}

/* An ICMP error about a packet, in place of UDP's header. */
static enum hb_verdict report(struct rig *rig, const char *from, const char *to, uint8_t type,
			      const struct rig_tcp *quoted, struct hb_datagram *as)
{
	uint8_t inner[2048], buf[2048];
	size_t inner_len = rig_build_tcp(inner, quoted);
	struct hb_build_ip ip = { .src.addr = rig_addr(from), .dst.addr = rig_addr(to), .ttl = 64 };
	size_t len = hb_build_udp(buf, sizeof(buf), &ip, inner, inner_len);
	struct hb_packet packet;

	memset(buf + 20, 0, 8);
	buf[20] = type;
	buf[9] = HB_PROTO_ICMP;
	hb_checksum_fill_ipv4(buf, 20);
	ck_assert_int_eq(hb_packet_parse(buf, len, &packet), 0);
	hb_checksum_fill_l4(buf, &packet);
	return give(rig, buf, len, as);
}

static bool speaks(const struct rig *rig, const char *src, const char *dst)
{
	struct hb_addr from = rig_addr(src), to = rig_addr(dst);

	return hb_addr_equal(&rig->packet.src, &from) && hb_addr_equal(&rig->packet.dst, &to);
}

/* One target, whose frontend is attacked directly, with clones "one" and "two", and uplink "east". */
static void open_net(struct rig *rig)
{
	struct hb_target *target;

	rig_open_empty(rig);
	target = rig_target(rig, "dst host " RIG_FRONTEND, RIG_FRONTEND);
	ck_assert_int_eq(add_clone(target, "one", RIG_BACKEND, 1, NULL), 0);
	ck_assert_int_eq(add_clone(target, "two", RIG_BACKEND, 2, NULL), 0);
	ck_assert_int_eq(add_uplink(rig->policy, "east", EAST, NULL), 0);
	rig_start(rig);
}

static const struct rig_tcp syn = { RIG_CLIENT, RIG_FRONTEND, HB_TCP_SYN, 1000 };

/* Its own reports on an uplink come from its address there, and leave by it. */
START_TEST(this_host_reports_in_its_name_on_the_uplink)
{
	struct hb_datagram east = { .in_interface = 8, .mark = EAST },
			   plain = { .in_interface = 8 };
	struct hb_datagram own = { .in_interface = 0 };
	struct rig rig;

	open_net(&rig);
	ck_assert_int_eq(input(&rig, &syn, &plain), HB_ACCEPT);
	ck_assert_int_eq(report(&rig, "192.0.2.1", RIG_CLIENT, TIME_EXCEEDED, &syn, &own),
			 HB_ACCEPT);
	ck_assert(speaks(&rig, "192.0.2.1", RIG_CLIENT));
	ck_assert_uint_eq(own.mark, 0);
	hb_engine_stop(rig.engine, rig.now);

	ck_assert_int_eq(input(&rig, &syn, &east), HB_ACCEPT);
	ck_assert_int_eq(report(&rig, "192.0.2.1", RIG_CLIENT, TIME_EXCEEDED, &syn, &own),
			 HB_ACCEPT_MODIFIED);
	ck_assert(speaks(&rig, UPLINK_IP, RIG_CLIENT));
	ck_assert_uint_eq(own.mark, EAST);
	/* Already so: nothing to change. */
	ck_assert_int_eq(report(&rig, UPLINK_IP, RIG_CLIENT, TIME_EXCEEDED, &syn, &own), HB_ACCEPT);
	rig_close(&rig);
}
END_TEST

/* A router tells of an answer: it goes to the clone that sent that, by its interface. */
START_TEST(errors_find_the_clone)
{
	const struct rig_tcp syn_ack = { RIG_FRONTEND, RIG_CLIENT, SA, 5000, 1001 };
	const struct rig_tcp ack = { RIG_CLIENT, RIG_FRONTEND, HB_TCP_ACK, 1001, 5001 };
	const struct rig_tcp accepts = { RIG_BACKEND, RIG_CLIENT, SA, 9000, 1001 };
	const struct rig_tcp answer = { RIG_BACKEND, RIG_CLIENT, HB_TCP_ACK, 9001, 1001, "hello" };
	const struct rig_tcp shown = { RIG_FRONTEND, RIG_CLIENT, HB_TCP_ACK, 5001, 1001, "hello" };
	struct hb_datagram east = { .in_interface = 8, .mark = EAST };
	struct hb_datagram front = { .in_interface = 9 }, one = { .in_interface = 1 };
	struct hb_datagram own = { .in_interface = 0 };
	struct rig rig;

	open_net(&rig);
	input(&rig, &syn, &east);
	input(&rig, &syn_ack, &front);
	ck_assert_uint_eq(front.mark, EAST);
	ck_assert_int_eq(input(&rig, &ack, &east), HB_DROP); /* handed over */
	input(&rig, &accepts, &one);
	ck_assert_uint_eq(rig.events[HB_EVENT_HANDOVER], 1);
	ck_assert_int_eq(input(&rig, &answer, &one), HB_ACCEPT_MODIFIED);
	ck_assert_uint_eq(one.mark, EAST);
	ck_assert_uint_eq(one.out_interface, 0);
	ck_assert_int_eq(report(&rig, "192.0.2.9", RIG_FRONTEND, UNREACHABLE, &shown, &east),
			 HB_ACCEPT_MODIFIED);
	ck_assert(speaks(&rig, "192.0.2.9", RIG_BACKEND));
	ck_assert(east.mark == 1 && east.out_interface == 1);
	/* This host does not know by which uplink the packet was to leave. */
	ck_assert_int_eq(report(&rig, "10.9.0.1", RIG_FRONTEND, UNREACHABLE, &shown, &own),
			 HB_ACCEPT_MODIFIED);
	ck_assert(own.mark == 1 && own.out_interface == 1);
	/* By another uplink nobody had such a session. */
	east = (struct hb_datagram){ .in_interface = 8, .mark = WEST };
	ck_assert_int_eq(report(&rig, "192.0.2.9", RIG_FRONTEND, UNREACHABLE, &shown, &east),
			 HB_DROP);
	rig_close(&rig);
}
END_TEST

/*
 * Behind a tracker routing is done: what a clone started is answered by a packet that starts anew, whose sum a
 * device would have finished. The tracker knows the mark of what goes to a client.
 */
START_TEST(behind_a_tracker_what_is_for_clones_starts_anew)
{
	const struct rig_tcp starts = { RIG_BACKEND, "192.0.2.9", HB_TCP_SYN, 1000,
					0,           NULL,        5000,       80 };
	const struct rig_tcp answers = { "192.0.2.9", RIG_BACKEND, SA, 7000, 1001, NULL, 80, 5000 };
	const struct rig_tcp syn_ack = { RIG_FRONTEND, RIG_CLIENT, SA, 5000, 1001 };
	struct hb_datagram one = { .in_interface = 1, .tracked = true };
	struct hb_datagram outside = { .in_interface = 8, .tracked = true };
	struct hb_datagram front = { .in_interface = 9, .tracked = true };
	struct hb_target *target;
	uint8_t buf[2048];
	size_t len;
	struct rig rig;

	rig_open_empty(&rig);
	target = rig_target(&rig, "dst host " RIG_FRONTEND, RIG_FRONTEND);
	ck_assert_int_eq(add_clone(target, "one", RIG_BACKEND, 1, NULL), 0);
	ck_assert_int_eq(add_uplink(rig.policy, "east", EAST, NULL), 0);
	ck_assert_int_eq(hb_target_set_control(target, "yes", NULL), 0);
	rig_start(&rig);
	ck_assert_int_eq(input(&rig, &starts, &one), HB_ACCEPT);
	outside.checksum = HB_CHECKSUM_PARTIAL;
	len = rig_build_tcp(buf, &answers);
	buf[36] ^= 0xff; /* the sum */
	ck_assert_int_eq(give(&rig, buf, len, &outside), HB_ACCEPT_MODIFIED);
	ck_assert(outside.out_interface == 1 && outside.mark == 1);
	ck_assert(hb_packet_checksum_ok(&rig.packet));

	outside = (struct hb_datagram){ .in_interface = 8, .mark = EAST, .tracked = true };
	ck_assert_int_eq(input(&rig, &syn, &outside), HB_ACCEPT);
	ck_assert_int_eq(input(&rig, &syn_ack, &front), HB_ACCEPT);
	ck_assert_uint_eq(front.mark, EAST);
	rig_close(&rig);
}
END_TEST

/* Sessions go on under the policy that they began with: an uplink that comes with a reload is new to
 * them, and so is one that goes. */
START_TEST(a_reload_changes_no_session)
{
	const struct rig_tcp again = { RIG_CLIENT, RIG_FRONTEND, HB_TCP_SYN, 1000, 0, NULL, 40001 };
	struct hb_datagram from = { .in_interface = 8, .mark = EAST };
	struct hb_policy *with;
	struct rig rig, other;

	open_net(&other);
	with = other.policy;
	rig_open_empty(&rig);
	rig_target(&rig, "dst host " RIG_FRONTEND, RIG_FRONTEND);
	rig_start(&rig);
	input(&rig, &syn, &from);
	ck_assert_int_eq(hb_engine_set_policy(rig.engine, with), 0);
	input(&rig, &syn, &from);
	ck_assert_uint_eq(rig_counters(&rig).flows_started, 1);
	input(&rig, &again, &from);
	ck_assert_uint_eq(rig_counters(&rig).flows_started, 2);
	ck_assert_int_eq(hb_engine_set_policy(rig.engine, rig.policy), 0);
	input(&rig, &again, &from);
	ck_assert_uint_eq(rig_counters(&rig).flows_started, 2);
	from.mark = WEST;
	input(&rig, &again, &from);
	ck_assert_uint_eq(rig_counters(&rig).flows_started, 3);
	rig_close(&rig);
	rig_close(&other);
}
END_TEST

/* A capture does not tell interfaces: one clone is known by its address, of several it is any. */
START_TEST(a_dry_run_names_what_it_can)
{
	const struct rig_tcp syn_ack = { RIG_FRONTEND, RIG_CLIENT, SA, 5000, 1001 };
	const struct rig_tcp ack = { RIG_CLIENT, RIG_FRONTEND, HB_TCP_ACK, 1001, 5001 };
	struct hb_datagram nowhere = { .in_interface = 0 };
	struct hb_target *target;
	struct rig rig;

	rig_open_empty(&rig);
	rig.dry_run = true;
	target = rig_target(&rig, "dst host " RIG_FRONTEND, RIG_FRONTEND);
	ck_assert_int_eq(add_clone(target, "only", RIG_BACKEND, 5, NULL), 0);
	rig_start(&rig);
	input(&rig, &syn, &nowhere);
	input(&rig, &syn_ack, &nowhere);
	input(&rig, &ack, &nowhere);
	hb_engine_stop(rig.engine, rig.now);
	ck_assert_str_eq(rig.last[HB_EVENT_FLOW_END].tag, "only");
	ck_assert_ptr_nonnull(strstr(rig.trace, "redirect:1"));
	rig_close(&rig);
}
END_TEST

UNIT_MAIN("way", clones_are_told_by_tag_and_interface, an_uplink_has_a_name_and_a_mark_of_its_own,
	  each_clone_has_its_own_target, this_host_reports_in_its_name_on_the_uplink,
	  errors_find_the_clone, behind_a_tracker_what_is_for_clones_starts_anew,
	  a_reload_changes_no_session, a_dry_run_names_what_it_can)
