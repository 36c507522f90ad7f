/* SPDX-License-Identifier: BSD-2-Clause */
#include "qpacket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <string.h>

/* An attribute of four bytes in network byte order, 0 where it is absent. */
static uint32_t number(const struct nlattr *attr)
{
	return attr ? ntohl(mnl_attr_get_u32(attr)) : 0;
}

/*
 * How far the packet may grow: only where its bytes are the last ones of the message, and never
 * beyond what a verdict can carry.
 */
static size_t capacity(const struct nlmsghdr *message, const uint8_t *data, size_t len, size_t room)
{
	const uint8_t *end = mnl_nlmsg_get_payload_tail(message);
	size_t cap = len;

	if (data + NLMSG_ALIGN(len) >= end)
		cap += room < HB_QPACKET_SLACK ? room : HB_QPACKET_SLACK;
	return cap < HB_QPACKET_MAX ? cap : HB_QPACKET_MAX;
}

int hb_queue_packet_read(const struct nlmsghdr *message, size_t room,
			 struct hb_queue_packet *packet)
{
	struct nlattr *attrs[NFQA_MAX + 1] = { NULL };
	struct nfqnl_msg_packet_hdr header;
	struct hb_datagram *dgram = &packet->dgram;
	uint32_t info;

	/* Lengths of attributes are checked there: what is too short is refused. */
	if (nfq_nlmsg_parse(message, attrs) < 0 || !attrs[NFQA_PACKET_HDR])
		return -EINVAL;
	memcpy(&header, mnl_attr_get_payload(attrs[NFQA_PACKET_HDR]), sizeof(header));
	packet->id = ntohl(header.packet_id);
	packet->hook = header.hook;
	if (!attrs[NFQA_PAYLOAD])
		return -ENODATA;

	info = number(attrs[NFQA_SKB_INFO]);
	dgram->data = mnl_attr_get_payload(attrs[NFQA_PAYLOAD]);
	dgram->len = mnl_attr_get_payload_len(attrs[NFQA_PAYLOAD]);
	dgram->cap = capacity(message, dgram->data, dgram->len, room);
	dgram->in_interface = number(attrs[NFQA_IFINDEX_INDEV]);
	dgram->out_interface = 0; /* only what the engine sends has one */
	dgram->mark = number(attrs[NFQA_MARK]);
	dgram->checksum = info & NFQA_SKB_CSUMNOTREADY ? HB_CHECKSUM_PARTIAL : HB_CHECKSUM_COMPLETE;
	dgram->gso = (info & NFQA_SKB_GSO) != 0;
	packet->truncated = number(attrs[NFQA_CAP_LEN]) > dgram->len;
	return 0;
}
