/* SPDX-License-Identifier: BSD-2-Clause */
/* A message of the kernel's packet queue, read into a packet. */
#ifndef HB_QPACKET_H
#define HB_QPACKET_H

#include <honeybrid/packet.h>

#include <linux/netlink.h>

/* Room behind a packet that the engine may grow into. */
#define HB_QPACKET_SLACK 64

/*
 * The longest packet that can be handed over, either way: it travels in an attribute whose 16-bit
 * length counts the attribute's own four bytes.
 */
#define HB_QPACKET_MAX (0xffff - 4)

struct hb_queue_packet {
	uint32_t id;    /* counts up by queue, and wraps */
	uint8_t hook;   /* enum nf_inet_hooks: where the packet filter queued it */
	bool truncated; /* the packet is longer than what was handed over */
	struct hb_datagram dgram;
};

/*
 * Reads a message of type NFQNL_MSG_PACKET.
 *
 * @message  whole: nlmsg_len has been checked.
 * @room     how many bytes there are from the end of the message to the end of its buffer, 0 if
 *           another message follows.
 * @packet   filled in; its bytes are those of the message.
 * Returns   0; -ENODATA if there is only an id and no packet; -EINVAL if there is not even an id.
 */
int hb_queue_packet_read(const struct nlmsghdr *message, size_t room,
			 struct hb_queue_packet *packet);

#endif
