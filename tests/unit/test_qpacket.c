/* SPDX-License-Identifier: BSD-2-Clause */
#include "qpacket.h"

#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <string.h>

#define ROOM 200 /* behind the message in its buffer */

static const char payload[] = "not a multiple of four.";

struct buffer {
	_Alignas(8) char bytes[1024];
};

static struct nlmsghdr *begin(char *bytes, uint32_t id)
{
	struct nlmsghdr *message = nfq_nlmsg_put(bytes, NFQNL_MSG_PACKET, 0);
	struct nfqnl_msg_packet_hdr header = { .packet_id = htonl(id),
					       .hw_protocol = htons(0x0800),
					       .hook = NF_INET_PRE_ROUTING };

	mnl_attr_put(message, NFQA_PACKET_HDR, sizeof(header), &header);
	return message;
}

static void put_number(struct nlmsghdr *message, uint16_t type, uint32_t value)
{
	mnl_attr_put_u32(message, type, htonl(value));
}

/* As the kernel does: the message ends with the packet's last byte, without padding. */
static void put_packet(struct nlmsghdr *message)
{
	mnl_attr_put(message, NFQA_PAYLOAD, sizeof(payload) - 1, payload);
	message->nlmsg_len -= (uint32_t)(NLMSG_ALIGN(sizeof(payload) - 1) - (sizeof(payload) - 1));
}

START_TEST(all_that_the_kernel_says_is_read)
{
	struct buffer buffer;
	struct nlmsghdr *message = begin(buffer.bytes, 0x80000001);
	struct hb_queue_packet packet;

	put_number(message, NFQA_MARK, 0x12345678);
	put_number(message, NFQA_IFINDEX_INDEV, 3);
	put_number(message, NFQA_IFINDEX_OUTDEV, 4);
	put_number(message, NFQA_SKB_INFO, NFQA_SKB_CSUMNOTREADY | NFQA_SKB_GSO);
	put_packet(message);
	ck_assert_int_eq(hb_queue_packet_read(message, ROOM, &packet), 0);
	ck_assert_uint_eq(packet.id, 0x80000001);
	ck_assert_uint_eq(packet.hook, NF_INET_PRE_ROUTING);
	ck_assert(!packet.truncated);
	ck_assert_uint_eq(packet.dgram.len, sizeof(payload) - 1);
	ck_assert_mem_eq(packet.dgram.data, payload, sizeof(payload) - 1);
	ck_assert_uint_eq(packet.dgram.mark, 0x12345678);
	ck_assert_uint_eq(packet.dgram.in_interface, 3);
	ck_assert_uint_eq(packet.dgram.out_interface, 0);
	ck_assert_int_eq(packet.dgram.checksum, HB_CHECKSUM_PARTIAL);
	ck_assert(packet.dgram.gso);
}
END_TEST

START_TEST(what_the_kernel_leaves_out_is_zero)
{
	struct buffer buffer;
	struct nlmsghdr *message = begin(buffer.bytes, 1);
	struct hb_queue_packet packet;

	memset(&packet, 0xff, sizeof(packet));
	put_packet(message);
	ck_assert_int_eq(hb_queue_packet_read(message, ROOM, &packet), 0);
	ck_assert_uint_eq(packet.dgram.mark, 0);
	ck_assert_uint_eq(packet.dgram.in_interface, 0);
	ck_assert_int_eq(packet.dgram.checksum, HB_CHECKSUM_COMPLETE);
	ck_assert(!packet.dgram.gso);
	ck_assert(!packet.truncated);
}
END_TEST

START_TEST(not_verified_is_not_partial)
{
	struct buffer buffer;
	struct nlmsghdr *message = begin(buffer.bytes, 1);
	struct hb_queue_packet packet;

	put_number(message, NFQA_SKB_INFO, NFQA_SKB_CSUM_NOTVERIFIED);
	put_packet(message);
	ck_assert_int_eq(hb_queue_packet_read(message, ROOM, &packet), 0);
	ck_assert_int_eq(packet.dgram.checksum, HB_CHECKSUM_COMPLETE);
	ck_assert(!packet.dgram.gso);
}
END_TEST

START_TEST(a_cut_packet_is_told)
{
	struct buffer buffer;
	struct nlmsghdr *message = begin(buffer.bytes, 1);
	struct hb_queue_packet packet;

	put_number(message, NFQA_CAP_LEN, sizeof(payload));
	put_packet(message);
	ck_assert_int_eq(hb_queue_packet_read(message, ROOM, &packet), 0);
	ck_assert(packet.truncated);
}
END_TEST

START_TEST(a_packet_grows_only_where_nothing_follows)
{
	struct buffer buffer;
	struct nlmsghdr *message = begin(buffer.bytes, 1);
	struct hb_queue_packet packet;
	size_t len = sizeof(payload) - 1;

	put_packet(message);
	ck_assert_int_eq(hb_queue_packet_read(message, ROOM, &packet), 0);
	ck_assert_uint_eq(packet.dgram.cap, len + HB_QPACKET_SLACK);
	ck_assert_int_eq(hb_queue_packet_read(message, 10, &packet), 0);
	ck_assert_uint_eq(packet.dgram.cap, len + 10);
	ck_assert_int_eq(hb_queue_packet_read(message, 0, &packet), 0);
	ck_assert_uint_eq(packet.dgram.cap, len);

	message->nlmsg_len = NLMSG_ALIGN(message->nlmsg_len);
	put_number(message, NFQA_MARK, 1); /* behind the packet */
	ck_assert_int_eq(hb_queue_packet_read(message, ROOM, &packet), 0);
	ck_assert_uint_eq(packet.dgram.cap, len);
	ck_assert_uint_eq(packet.dgram.mark, 1);
}
END_TEST

START_TEST(the_longest_packet_does_not_outgrow_a_verdict)
{
	static _Alignas(8) char bytes[0x11000];
	static const char zeroes[HB_QPACKET_MAX];
	struct nlmsghdr *message = begin(bytes, 1);
	struct hb_queue_packet packet;

	mnl_attr_put(message, NFQA_PAYLOAD, HB_QPACKET_MAX - 5, zeroes);
	ck_assert_int_eq(hb_queue_packet_read(message, ROOM, &packet), 0);
	ck_assert_uint_eq(packet.dgram.len, HB_QPACKET_MAX - 5);
	ck_assert_uint_eq(packet.dgram.cap, HB_QPACKET_MAX);
}
END_TEST

START_TEST(without_id_or_packet_there_is_nothing_to_judge)
{
	struct buffer buffer;
	struct nlmsghdr *message = nfq_nlmsg_put(buffer.bytes, NFQNL_MSG_PACKET, 0);
	struct hb_queue_packet packet;

	put_packet(message);
	ck_assert_int_eq(hb_queue_packet_read(message, ROOM, &packet), -EINVAL);
	message = begin(buffer.bytes, 5);
	ck_assert_int_eq(hb_queue_packet_read(message, ROOM, &packet), -ENODATA);
	ck_assert_uint_eq(packet.id, 5);
	message->nlmsg_len = NLMSG_HDRLEN; /* not even the family */
	ck_assert_int_eq(hb_queue_packet_read(message, ROOM, &packet), -EINVAL);
	message = nfq_nlmsg_put(buffer.bytes, NFQNL_MSG_PACKET, 0);
	put_number(message, NFQA_PACKET_HDR, 1); /* too short */
	put_packet(message);
	ck_assert_int_eq(hb_queue_packet_read(message, ROOM, &packet), -EINVAL);
}
END_TEST

START_TEST(an_attribute_ends_within_the_message)
{
	struct buffer buffer;
	struct nlmsghdr *message = begin(buffer.bytes, 1);
	struct nlattr *last = mnl_nlmsg_get_payload_tail(message);
	struct hb_queue_packet packet;

	put_packet(message);
	last->nla_len++;
	ck_assert_int_eq(hb_queue_packet_read(message, ROOM, &packet), -EINVAL);
	last->nla_len = sizeof(*last) - 1;
	ck_assert_int_eq(hb_queue_packet_read(message, ROOM, &packet), -EINVAL);
	last->nla_len = sizeof(*last) + sizeof(payload) - 1;
	ck_assert_int_eq(hb_queue_packet_read(message, ROOM, &packet), 0);
}
END_TEST

START_TEST(unknown_attributes_are_passed_over)
{
	struct buffer buffer;
	struct nlmsghdr *message = begin(buffer.bytes, 1);
	struct hb_queue_packet packet;

	put_number(message, 0x3fff, 1);
	put_number(message, NFQA_MAX + 1, 1);
	put_number(message, NFQA_MARK | NLA_F_NET_BYTEORDER, 2);
	put_packet(message);
	ck_assert_int_eq(hb_queue_packet_read(message, ROOM, &packet), 0);
	ck_assert_uint_eq(packet.dgram.mark, 2);
	ck_assert_uint_eq(packet.dgram.len, sizeof(payload) - 1);
}
END_TEST

/* Whatever the bytes: what is read lies inside the message. */
START_TEST(damaged_messages_stay_inside)
{
	uint64_t random = 11;

	for (int round = 0; round < 100000; round++) {
		struct buffer buffer;
		struct nlmsghdr *message = begin(buffer.bytes, 1);
		struct hb_queue_packet packet;
		size_t len;
		char *copy;

		put_number(message, NFQA_MARK, 7);
		put_number(message, NFQA_SKB_INFO, 1);
		put_packet(message);
		len = message->nlmsg_len;
		for (int i = 0; i < 3; i++)
			buffer.bytes[16 + unit_random_below(&random, len - 16)] =
				(char)unit_random(&random);
		message->nlmsg_len = (uint32_t)(16 + unit_random_below(&random, len - 15));
		/* On the heap, so that the sanitizer sees its end; padded as its buffer is. */
		copy = malloc(NLMSG_ALIGN(message->nlmsg_len));
		memcpy(copy, buffer.bytes, NLMSG_ALIGN(message->nlmsg_len));
		message = (struct nlmsghdr *)copy;
		if (hb_queue_packet_read(message, 0, &packet) == 0) {
			char *data = (char *)packet.dgram.data;

			unit_require(data >= copy);
			unit_require(data + packet.dgram.cap <=
				     copy + NLMSG_ALIGN(message->nlmsg_len));
		}
		free(copy);
	}
}
END_TEST

UNIT_MAIN("qpacket", all_that_the_kernel_says_is_read, what_the_kernel_leaves_out_is_zero,
	  not_verified_is_not_partial, a_cut_packet_is_told,
	  a_packet_grows_only_where_nothing_follows, the_longest_packet_does_not_outgrow_a_verdict,
	  without_id_or_packet_there_is_nothing_to_judge, an_attribute_ends_within_the_message,
	  unknown_attributes_are_passed_over, damaged_messages_stay_inside)
