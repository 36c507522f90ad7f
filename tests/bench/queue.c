/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The least that a program on a kernel packet queue can do, done well: what honeybridd is measured
 * against.
 *
 *	queue NUMBER accept|each|back
 *
 *	accept  lets everything through: one batch verdict for all that a read brought
 *	each    the same with a verdict for each packet, those of a read in one write
 *	back    the same with the packet's bytes in its verdict, as if they had been changed
 *
 * Queue and buffers are as large as honeybridd's, super-packets come whole. It prints "ready", and
 * runs until it is killed.
 */
#include "bytes.h"
#include "checksum.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BATCH 32
#define BUFFER_BYTES (0x10000 + 8192)
#define QUEUE_LENGTH 16384
#define RECEIVE_BYTES (64 << 20)
#define SEND_BYTES (8 << 20)
#define HEAD_BYTES 44 /* headers, verdict, head of the packet */
#define TCP_SUM 16
#define UDP_SUM 6

enum mode { MODE_ACCEPT, MODE_EACH, MODE_BACK, MODE_COUNT };

static const char *const mode_names[MODE_COUNT] = { "accept", "each", "back" };

struct queue {
	enum mode mode;
	uint16_t number;
	struct mnl_socket *socket;
	uint8_t *buffers; /* BATCH of them */
	struct iovec in[BATCH];
	struct mmsghdr messages[BATCH];
	/* What is written: a head for each verdict, and behind it the packet and its padding. */
	_Alignas(8) char heads[BATCH][HEAD_BYTES + 4];
	struct iovec out[3 * BATCH];
	size_t out_count;
	uint32_t last_id;
};

struct packet {
	uint32_t id;
	uint8_t *data;
	size_t len;
	uint32_t info;
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* Fails at the first thing that the kernel refuses. */
static void request(struct queue *queue, struct nlmsghdr *message)
{
	char answer[8192];
	static uint32_t seq;
	ssize_t len;

	message->nlmsg_flags |= NLM_F_ACK;
	message->nlmsg_seq = ++seq;
	if (mnl_socket_sendto(queue->socket, message, message->nlmsg_len) < 0)
		die("request");
	len = mnl_socket_recvfrom(queue->socket, answer, sizeof(answer));
	if (len < 0 || mnl_cb_run(answer, (size_t)len, seq, mnl_socket_get_portid(queue->socket),
				  NULL, NULL) < 0)
		die("queue");
}

static void open_queue(struct queue *queue)
{
	_Alignas(8) char buffer[256];
	struct nlmsghdr *message;
	int receive = RECEIVE_BYTES, send = SEND_BYTES, on = 1, fd;

	queue->socket = mnl_socket_open(NETLINK_NETFILTER);
	if (!queue->socket || mnl_socket_bind(queue->socket, 0, MNL_SOCKET_AUTOPID) < 0)
		die("socket");
	fd = mnl_socket_get_fd(queue->socket);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &receive, sizeof(receive)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &send, sizeof(send)) < 0 ||
	    mnl_socket_setsockopt(queue->socket, NETLINK_NO_ENOBUFS, &on, sizeof(on)) < 0)
		die("socket options");
	message = nfq_nlmsg_put(buffer, NFQNL_MSG_CONFIG, queue->number);
	nfq_nlmsg_cfg_put_cmd(message, AF_INET, NFQNL_CFG_CMD_BIND);
	request(queue, message);
	message = nfq_nlmsg_put(buffer, NFQNL_MSG_CONFIG, queue->number);
	nfq_nlmsg_cfg_put_params(message, NFQNL_COPY_PACKET, 0xffff);
	nfq_nlmsg_cfg_put_qmaxlen(message, QUEUE_LENGTH);
	mnl_attr_put_u32(message, NFQA_CFG_MASK, htonl(NFQA_CFG_F_GSO));
	mnl_attr_put_u32(message, NFQA_CFG_FLAGS, htonl(NFQA_CFG_F_GSO));
	request(queue, message);
}

/*
 * The kernel believes the checksum that comes back with a packet: where it left it to the device
 * there is only a part of it. Segmentation computes that of a super-packet. IPv4 is enough here.
 */
static void finish_checksum(const struct packet *packet)
{
	uint8_t *data = packet->data;
	size_t head = (data[0] & 0x0fu) * 4, field = data[9] == HB_PROTO_TCP ? TCP_SUM : UDP_SUM;
	uint64_t sum;

	if (data[0] >> 4 != 4 || !(packet->info & NFQA_SKB_CSUMNOTREADY) ||
	    (packet->info & NFQA_SKB_GSO) || packet->len < head + field + 2)
		return;
	hb_put_be16(data + head + field, 0);
	sum = hb_checksum_add(data[9] + packet->len - head, data + 12, 8);
	sum = hb_checksum_add(sum, data + head, packet->len - head);
	hb_put_be16(data + head + field, hb_checksum_fold(sum) ^ UINT16_MAX);
}

static void add_out(struct queue *queue, void *data, size_t len)
{
	queue->out[queue->out_count++] = (struct iovec){ .iov_base = data, .iov_len = len };
}

/* Adds a verdict to what is written; slot: of those of this read. */
static void add_verdict(struct queue *queue, unsigned slot, uint8_t type,
			const struct packet *packet)
{
	static char zeroes[4];
	struct nlmsghdr *message = nfq_nlmsg_put(queue->heads[slot], type, queue->number);
	size_t head;

	nfq_nlmsg_verdict_put(message, (int)packet->id, NF_ACCEPT);
	head = message->nlmsg_len;
	if (queue->mode == MODE_BACK) {
		struct nlattr *attr = mnl_nlmsg_get_payload_tail(message);

		attr->nla_type = NFQA_PAYLOAD;
		attr->nla_len = (uint16_t)(sizeof(*attr) + packet->len);
		head += sizeof(*attr);
		message->nlmsg_len = (uint32_t)(head + packet->len);
	}
	add_out(queue, message, head);
	if (queue->mode != MODE_BACK)
		return;
	add_out(queue, packet->data, packet->len);
	if (packet->len % 4 != 0)
		add_out(queue, zeroes, 4 - packet->len % 4);
}

static bool read_packet(const struct nlmsghdr *message, struct packet *packet)
{
	const struct nlattr *attr = mnl_nlmsg_get_payload_offset(message, sizeof(struct nfgenmsg));
	const char *end = mnl_nlmsg_get_payload_tail(message);

	if (message->nlmsg_type != (NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_PACKET))
		return false;
	*packet = (struct packet){ 0 };
	for (; mnl_attr_ok(attr, (int)(end - (const char *)attr)); attr = mnl_attr_next(attr)) {
		if (mnl_attr_get_type(attr) == NFQA_PACKET_HDR) {
			const struct nfqnl_msg_packet_hdr *header = mnl_attr_get_payload(attr);

			packet->id = ntohl(header->packet_id);
		} else if (mnl_attr_get_type(attr) == NFQA_SKB_INFO) {
			packet->info = ntohl(mnl_attr_get_u32(attr));
		} else if (mnl_attr_get_type(attr) == NFQA_PAYLOAD) {
			packet->data = mnl_attr_get_payload(attr);
			packet->len = mnl_attr_get_payload_len(attr);
		}
	}
	return packet->data != NULL;
}

static void write_verdicts(struct queue *queue)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct msghdr message = { .msg_name = &kernel,
				  .msg_namelen = sizeof(kernel),
				  .msg_iov = queue->out,
				  .msg_iovlen = queue->out_count };

	if (queue->out_count > 0 && sendmsg(mnl_socket_get_fd(queue->socket), &message, 0) < 0)
		die("verdicts");
	queue->out_count = 0;
}

/* One read and the write that answers it. */
static void turn(struct queue *queue)
{
	struct packet packet;
	bool any = false;
	int count = recvmmsg(mnl_socket_get_fd(queue->socket), queue->messages, BATCH,
			     MSG_WAITFORONE, NULL);

	if (count < 0 && errno != EINTR && errno != ENOBUFS)
		die("read");
	for (unsigned i = 0; count > 0 && i < (unsigned)count; i++) {
		if (!read_packet(queue->in[i].iov_base, &packet))
			continue;
		any = true;
		if (queue->mode == MODE_BACK)
			finish_checksum(&packet);
		if (queue->mode != MODE_ACCEPT)
			add_verdict(queue, i, NFQNL_MSG_VERDICT, &packet);
	}
	if (any && queue->mode == MODE_ACCEPT)
		add_verdict(queue, 0, NFQNL_MSG_VERDICT_BATCH, &packet);
	write_verdicts(queue);
}

int main(int argc, char **argv)
{
	static struct queue queue;

	while (argc == 3 && queue.mode < MODE_COUNT && strcmp(argv[2], mode_names[queue.mode]) != 0)
		queue.mode++;
	if (argc != 3 || queue.mode == MODE_COUNT) {
		fprintf(stderr, "usage: queue NUMBER accept|each|back\n");
		return 64;
	}
	queue.number = (uint16_t)strtoul(argv[1], NULL, 10);
	queue.buffers = aligned_alloc(64, (size_t)BATCH * BUFFER_BYTES);
	if (!queue.buffers)
		die("memory");
	for (size_t i = 0; i < BATCH; i++) {
		queue.in[i] = (struct iovec){ queue.buffers + i * BUFFER_BYTES, BUFFER_BYTES };
		queue.messages[i].msg_hdr.msg_iov = &queue.in[i];
		queue.messages[i].msg_hdr.msg_iovlen = 1;
	}
	open_queue(&queue);
	puts("ready");
	fflush(stdout);
	for (;;)
		turn(&queue);
}
