/* SPDX-License-Identifier: BSD-2-Clause */
#include "qpacket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <string.h>

#define HEAD sizeof(struct nlattr)
#define TYPE_MASK 0x3fffu /* without the flags on top */

/* The shortest that an attribute may be, where it has a form of its own. */
static const uint8_t shortest[NFQA_MAX + 1] = {
	[NFQA_PACKET_HDR] = sizeof(struct nfqnl_msg_packet_hdr),
	[NFQA_MARK] = sizeof(uint32_t),
	[NFQA_IFINDEX_INDEV] = sizeof(uint32_t),
	[NFQA_SKB_INFO] = sizeof(uint32_t),
	[NFQA_CAP_LEN] = sizeof(uint32_t),
};

/*
 * Finds the attributes of a message; what is unknown is passed over. Every packet's are looked
 * through, and libmnl calls a function or two for each of them: that took longer than the engine.
 *
 * Returns 0, or -EINVAL if the message is cut, or one of them is too short for what it is.
 */
static int find_attributes(const struct nlmsghdr *message, const struct nlattr *attrs[NFQA_MAX + 1])
{
	size_t at = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct nfgenmsg));

	if (message->nlmsg_len < at)
		return -EINVAL;
	while (at + HEAD <= message->nlmsg_len) {
		const struct nlattr *attr = (const void *)((const char *)message + at);
		unsigned type = attr->nla_type & TYPE_MASK;

		if (attr->nla_len < HEAD || attr->nla_len > message->nlmsg_len - at)
			return -EINVAL;
		if (type <= NFQA_MAX && attr->nla_len - HEAD < shortest[type])
			return -EINVAL;
		if (type <= NFQA_MAX)
			attrs[type] = attr;
		at += NLMSG_ALIGN((size_t)attr->nla_len);
	}
	return 0;
}

static uint8_t *value(const struct nlattr *attr)
{
	return (uint8_t *)(uintptr_t)attr + HEAD;
}

/* An attribute of four bytes in network byte order, 0 where it is absent. */
static uint32_t number(const struct nlattr *attr)
{
	uint32_t number_be;

	if (!attr)
		return 0;
	memcpy(&number_be, value(attr), sizeof(number_be));
	return ntohl(number_be);
}

/*
 * How far the packet may grow: only where its bytes are the last ones of the message, and never
 * beyond what a verdict can carry.
 */
static size_t capacity(const struct nlmsghdr *message, const uint8_t *data, size_t len, size_t room)
{
	const uint8_t *end = (const uint8_t *)message + NLMSG_ALIGN(message->nlmsg_len);
	size_t cap = len;

	if (data + NLMSG_ALIGN(len) >= end)
		cap += room < HB_QPACKET_SLACK ? room : HB_QPACKET_SLACK;
	return cap < HB_QPACKET_MAX ? cap : HB_QPACKET_MAX;
}

int hb_queue_packet_read(const struct nlmsghdr *message, size_t room,
			 struct hb_queue_packet *packet)
{
	const struct nlattr *attrs[NFQA_MAX + 1] = { NULL };
	struct nfqnl_msg_packet_hdr header;
	struct hb_datagram *dgram = &packet->dgram;
	uint32_t info;

	if (find_attributes(message, attrs) < 0 || !attrs[NFQA_PACKET_HDR])
		return -EINVAL;
	memcpy(&header, value(attrs[NFQA_PACKET_HDR]), sizeof(header));
	packet->id = ntohl(header.packet_id);
	packet->hook = header.hook;
	if (!attrs[NFQA_PAYLOAD])
		return -ENODATA;

	info = number(attrs[NFQA_SKB_INFO]);
	dgram->data = value(attrs[NFQA_PAYLOAD]);
	dgram->len = attrs[NFQA_PAYLOAD]->nla_len - HEAD;
	dgram->cap = capacity(message, dgram->data, dgram->len, room);
	dgram->in_interface = number(attrs[NFQA_IFINDEX_INDEV]);
	dgram->out_interface = 0; /* only what the engine sends has one */
	dgram->mark = number(attrs[NFQA_MARK]);
	dgram->checksum = info & NFQA_SKB_CSUMNOTREADY ? HB_CHECKSUM_PARTIAL : HB_CHECKSUM_COMPLETE;
	dgram->gso = (info & NFQA_SKB_GSO) != 0;
	packet->truncated = number(attrs[NFQA_CAP_LEN]) > dgram->len;
	return 0;
}
