/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two raw sockets, one a family, that take whole packets. libdumbnet's ip_send() would do for IPv4,
 * but it keeps its socket to itself, and without a mark on it our packets would be queued again.
 */
#include "pathmtu.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define SEND_BUFFER_BYTES (4 << 20)

#define IPV4_HEADER 20
#define IPV6_HEADER 40

struct hb_rawsend {
	int fd4, fd6; /* fd6 is -1 where the kernel has no IPv6 */
	uint32_t mark, uplink_mask;
	uint32_t last_id; /* of a packet that was cut into fragments */
	struct hb_pathmtu pathmtu;
};

static int set_options(int fd, uint32_t mark)
{
	int size = SEND_BUFFER_BYTES;

	if (setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) < 0)
		return -1;
	/* A burst that the device has not sent yet is charged to the socket; less room is not
	 * fatal. */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return 0;
}

/* IPPROTO_RAW: the packet brings its own header, and nothing is ever received. */
static int open_socket(int family, uint32_t mark)
{
	int fd = socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW);

	if (fd < 0)
		return -1;
	if (set_options(fd, mark) < 0) {
		int saved = errno;

		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

static int open_error(const char *family, struct hb_cli_error *err)
{
	if (errno == EPERM || errno == EACCES)
		return hb_cli_error_set(err, HB_EXIT_PRIVILEGE,
					"no privilege to send packets: run as root, or with "
					"CAP_NET_ADMIN and CAP_NET_RAW");
	return hb_cli_error_set(err, HB_EXIT_SYSTEM, "cannot open a raw %s socket: %s", family,
				strerror(errno));
}

struct hb_rawsend *hb_rawsend_open(uint32_t mark, uint32_t uplink_mask, struct hb_cli_error *err)
{
	struct hb_rawsend *rawsend = malloc(sizeof(*rawsend));

	if (!rawsend) {
		hb_cli_error_set(err, HB_EXIT_SYSTEM, "out of memory");
		return NULL;
	}
	*rawsend = (struct hb_rawsend){
		.fd4 = -1, .fd6 = -1, .mark = mark, .uplink_mask = uplink_mask
	};
	/* Only who knows the next number could spoil a packet of ours; without, it starts anywhere. */
	if (getrandom(&rawsend->last_id, sizeof(rawsend->last_id), GRND_NONBLOCK) < 0)
		rawsend->last_id = mark;
	rawsend->fd4 = open_socket(AF_INET, mark);
	if (rawsend->fd4 < 0) {
		open_error("IPv4", err);
		goto fail;
	}
	rawsend->fd6 = open_socket(AF_INET6, mark);
	if (rawsend->fd6 < 0 && errno != EAFNOSUPPORT) {
		open_error("IPv6", err);
		goto fail;
	}
	return rawsend;
fail:
	hb_rawsend_close(rawsend);
	return NULL;
}

void hb_rawsend_close(struct hb_rawsend *rawsend)
{
	if (!rawsend)
		return;
	if (rawsend->fd4 >= 0)
		close(rawsend->fd4);
	if (rawsend->fd6 >= 0)
		close(rawsend->fd6);
	free(rawsend);
}

static int take_hop4(const struct hb_datagram *dgram, uint8_t hops, struct hb_hop *hop)
{
	if (dgram->len < IPV4_HEADER)
		return -EINVAL;
	if (dgram->data[8] <= hops)
		return -ETIMEDOUT;
	hop->head_len = IPV4_HEADER;
	memcpy(hop->head, dgram->data, IPV4_HEADER);
	hop->head[8] =
		(uint8_t)(hop->head[8] - hops); /* the kernel computes the header's checksum */
	hop->to.in = (struct sockaddr_in){ .sin_family = AF_INET };
	memcpy(&hop->to.in.sin_addr, dgram->data + 16, sizeof(hop->to.in.sin_addr));
	hop->to_len = sizeof(hop->to.in);
	return 0;
}

static int take_hop6(const struct hb_datagram *dgram, uint8_t hops, struct hb_hop *hop)
{
	if (dgram->len < IPV6_HEADER)
		return -EINVAL;
	if (dgram->data[7] <= hops)
		return -ETIMEDOUT;
	hop->head_len = IPV6_HEADER;
	memcpy(hop->head, dgram->data, IPV6_HEADER);
	hop->head[7] = (uint8_t)(hop->head[7] - hops);
	hop->to.in6 = (struct sockaddr_in6){ .sin6_family = AF_INET6,
					     .sin6_scope_id = dgram->out_interface };
	memcpy(&hop->to.in6.sin6_addr, dgram->data + 24, sizeof(hop->to.in6.sin6_addr));
	hop->to_len = sizeof(hop->to.in6);
	return 0;
}

int hb_hop_take(const struct hb_datagram *dgram, uint8_t hops, struct hb_hop *hop)
{
	if (dgram->len == 0)
		return -EINVAL;
	switch (dgram->data[0] >> 4) {
	case 4:
		return take_hop4(dgram, hops, hop);
	case 6:
		return take_hop6(dgram, hops, hop);
	default:
		return -EINVAL;
	}
}

/* Room for what goes beside a packet: its mark, and the interface that it leaves by. */
union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(uint32_t)) + CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

static void add_control(struct msghdr *message, int level, int type, const void *data, size_t len)
{
	struct cmsghdr *cmsg =
		(struct cmsghdr *)((char *)message->msg_control + message->msg_controllen);

	cmsg->cmsg_level = level;
	cmsg->cmsg_type = type;
	cmsg->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(cmsg), data, len);
	message->msg_controllen += CMSG_SPACE(len);
}

static void add_interface(struct msghdr *message, sa_family_t family, uint32_t interface)
{
	struct in_pktinfo info4 = { .ipi_ifindex = (int)interface };
	struct in6_pktinfo info6 = { .ipi6_ifindex = interface };

	if (family == AF_INET)
		add_control(message, IPPROTO_IP, IP_PKTINFO, &info4, sizeof(info4));
	else
		add_control(message, IPPROTO_IPV6, IPV6_PKTINFO, &info6, sizeof(info6));
}

/* Its own bits, and of the datagram's those that choose the way. */
static uint32_t mark_of(const struct hb_rawsend *rawsend, const struct hb_datagram *dgram)
{
	return rawsend->mark | (dgram->mark & rawsend->uplink_mask);
}

static int send_whole(const struct hb_rawsend *rawsend, const struct hb_datagram *dgram,
		      struct hb_hop *hop)
{
	uint32_t mark = mark_of(rawsend, dgram);
	union control control = { 0 };
	struct iovec iov[2] = {
		{ .iov_base = hop->head, .iov_len = hop->head_len },
		{ .iov_base = dgram->data + hop->head_len, .iov_len = dgram->len - hop->head_len },
	};
	struct msghdr message = { .msg_iov = iov,
				  .msg_iovlen = 2,
				  .msg_control = &control,
				  .msg_name = &hop->to,
				  .msg_namelen = hop->to_len };
	int fd = hop->to.sa.sa_family == AF_INET ? rawsend->fd4 : rawsend->fd6;

	if (fd < 0)
		return -EAFNOSUPPORT;
	if (mark != rawsend->mark)
		add_control(&message, SOL_SOCKET, SO_MARK, &mark, sizeof(mark));
	if (dgram->out_interface != 0)
		add_interface(&message, hop->to.sa.sa_family, dgram->out_interface);
	if (message.msg_controllen == 0)
		message.msg_control = NULL;
	return sendmsg(fd, &message, 0) < 0 ? -errno : 0;
}

/* Payload for one piece: what its receiver takes, as far as the link carries it. */
static size_t piece_bytes(const struct hb_datagram *dgram, const struct hb_packet *packet,
			  size_t mtu)
{
	size_t fits = mtu - packet->payload_offset;
	size_t wanted = dgram->segment_bytes;

	return wanted != 0 && wanted < fits ? wanted : fits;
}

/* Sends a packet in pieces that a link carries: segments of TCP, else fragments. */
static int send_cut(struct hb_rawsend *rawsend, const struct hb_datagram *dgram, uint8_t hops,
		    size_t mtu)
{
	struct hb_datagram piece = *dgram;
	uint8_t buf[HB_PATHMTU_MAX];
	struct hb_packet packet;
	struct hb_hop hop;
	int status = 0;

	if (hb_packet_parse(dgram->data, dgram->len, &packet) != 0 || packet.payload_offset >= mtu)
		return -EINVAL;
	/* The pieces get sums of their own, and a wrong one must not become right. */
	if (!dgram->gso && !hb_packet_checksum_ok(&packet))
		return -EBADMSG;
	rawsend->last_id++;
	if ((rawsend->last_id & UINT16_MAX) == 0)
		rawsend->last_id++; /* 0: the kernel would number each piece */
	piece.data = buf;
	for (size_t i = 0; status == 0; i++) {
		piece.len =
			packet.protocol == HB_PROTO_TCP
				? hb_packet_segment(&packet, piece_bytes(dgram, &packet, mtu), i,
						    buf, mtu)
				: hb_packet_fragment(&packet, rawsend->last_id, mtu, i, buf, mtu);
		if (piece.len == 0)
			break;
		status = hb_hop_take(&piece, hops, &hop);
		if (status == 0)
			status = send_whole(rawsend, &piece, &hop);
	}
	return status;
}

int hb_rawsend_send(struct hb_rawsend *rawsend, const struct hb_datagram *dgram, uint8_t hops)
{
	struct hb_hop hop;
	int status = hb_hop_take(dgram, hops, &hop);

	while (status == 0) {
		size_t mtu = hb_pathmtu_get(&rawsend->pathmtu, &hop);

		status = dgram->gso || dgram->len > mtu ? send_cut(rawsend, dgram, hops, mtu)
							: send_whole(rawsend, dgram, &hop);
		if (status != -EMSGSIZE ||
		    !hb_pathmtu_learn(&rawsend->pathmtu, &hop, mark_of(rawsend, dgram),
				      dgram->out_interface))
			return status;
		status = 0;
	}
	return status;
}
