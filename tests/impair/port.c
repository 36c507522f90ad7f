/* SPDX-License-Identifier: BSD-2-Clause */
#include "port.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER_BYTES (64 << 20)
#define ETHERNET_BYTES 14u
#define ETHERTYPE_AT (IMPAIR_VIRTIO_BYTES + 12u)
#define IPV6_NEXT_AT (IMPAIR_VIRTIO_BYTES + ETHERNET_BYTES + 6u)

static_assert(sizeof(struct virtio_net_hdr) == IMPAIR_VIRTIO_BYTES, "as the kernel writes it");

static int set(int port, int level, int name, int value)
{
	return setsockopt(port, level, name, &value, sizeof(value)) < 0 ? -errno : 0;
}

static int attach(int port, const char *interface)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex(interface),
	};
	int error = address.sll_ifindex == 0 ? -errno : 0;
	if (error == 0)
		error = set(port, SOL_PACKET, PACKET_VNET_HDR, 1);
	if (error == 0)
		error = set(port, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
	if (error == 0)
		error = set(port, SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES);
	if (error == 0)
		error = set(port, SOL_SOCKET, SO_SNDBUFFORCE, BUFFER_BYTES);
	if (error == 0 && bind(port, (struct sockaddr *)&address, sizeof(address)) < 0)
		error = -errno;
	return error;
}

int impair_port_open(const char *interface)
{
	/* Protocol 0: nothing comes before bind() says from where. */
	int port = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (port < 0)
		return -errno;
	int error = attach(port, interface);
	if (error == 0)
		return port;
	close(port);
	return error;
}

ssize_t impair_port_receive(int port, uint8_t *frame)
{
	ssize_t len = recv(port, frame, IMPAIR_FRAME_BYTES, MSG_DONTWAIT);
	if (len >= 0)
		return len;
	return errno == EAGAIN || errno == EINTR ? 0 : -errno;
}

bool impair_port_send(int port, const uint8_t *frame, size_t len)
{
	ssize_t sent;
	do
		sent = send(port, frame, len, 0);
	while (sent < 0 && errno == EINTR);
	return sent == (ssize_t)len;
}

unsigned impair_port_overruns(int port)
{
	struct tpacket_stats stats = { 0 };
	socklen_t len = sizeof(stats);
	if (getsockopt(port, SOL_PACKET, PACKET_STATISTICS, &stats, &len) < 0)
		return 0;
	return stats.tp_drops;
}

bool impair_frame_is_ip(const uint8_t *frame, size_t len)
{
	if (len <= IPV6_NEXT_AT)
		return false;
	unsigned type = (unsigned)frame[ETHERTYPE_AT] << 8 | frame[ETHERTYPE_AT + 1];
	uint8_t next = frame[IPV6_NEXT_AT];
	return type == ETH_P_IP ||
	       (type == ETH_P_IPV6 && next != IPPROTO_ICMPV6 && next != IPPROTO_HOPOPTS);
}

bool impair_frame_is_super(const uint8_t *frame)
{
	struct virtio_net_hdr header;
	memcpy(&header, frame, sizeof(header));
	return header.gso_type != VIRTIO_NET_HDR_GSO_NONE;
}

void impair_frame_complete(uint8_t *frame, size_t len)
{
	struct virtio_net_hdr header;
	memcpy(&header, frame, sizeof(header));
	size_t start = IMPAIR_VIRTIO_BYTES + header.csum_start, at = start + header.csum_offset;
	if (!(header.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) || at + 2 > len)
		return;
	/* The field holds the pseudo-header's sum. */
	uint32_t sum = 0;
	for (size_t i = start; i < len; i += 2)
		sum += (uint32_t)frame[i] << 8 | (i + 1 < len ? frame[i + 1] : 0u);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	sum = ~sum & 0xffff;
	if (sum == 0 && header.csum_offset == 6) /* UDP: 0 would mean none */
		sum = 0xffff;
	frame[at] = (uint8_t)(sum >> 8);
	frame[at + 1] = (uint8_t)sum;
	memset(frame, 0, IMPAIR_VIRTIO_BYTES);
}
