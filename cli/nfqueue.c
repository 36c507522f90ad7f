/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading and answering a kernel packet queue.
 *
 * Fail closed: a packet that is in the kernel's queue without our having seen it, or whose verdict
 * got lost, would be let through by the next batch verdict (verdicts.c). Whatever may have left
 * such packets behind sets owed, and the next write starts by dropping all up to owed_id.
 */
#include "nfqueue.h"

#include "verdicts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netfilter_ipv4.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/*
 * Together with a message's other attributes the longest packet stays far below 8 KiB more. Cut
 * messages can therefore not happen, but are handled.
 */
#define BUFFER_BYTES (0x10000 + 8192 + HB_QPACKET_SLACK)
#define BATCH 32 /* messages in a read */

#define QUEUE_LENGTH 16384
#define RECEIVE_BYTES (64 << 20)
#define SEND_BYTES (1 << 20)

#define MESSAGE_TYPE(type) (NFNL_SUBSYS_QUEUE << 8 | (type))

struct hb_nfqueue {
	struct mnl_socket *socket;
	FILE *kernel_stats; /* NULL where it cannot be read */
	uint16_t number;
	size_t write_bytes; /* what the socket takes in one write */
	struct hb_queue_counters counters;
	struct hb_verdicts verdicts;
	uint32_t last_id; /* of the last packet that got a verdict */
	uint32_t owed_id;
	bool owed; /* packets up to owed_id are to be dropped */
	bool lost; /* packets before the next one are to be dropped: a message was unreadable */

	unsigned received, current; /* messages: read, and the one that next() is in */
	size_t offset;              /* how much of the current one is done */
	struct mmsghdr messages[BATCH];
	struct iovec iov[BATCH];
	struct sockaddr_nl from[BATCH];
	uint8_t *buffers; /* BATCH of them, BUFFER_BYTES each */
};

static int open_error(const struct hb_nfqueue *queue, const char *what, struct hb_cli_error *err)
{
	return hb_cli_error_set(err, HB_EXIT_SYSTEM, "cannot %s queue %u: %s", what,
				(unsigned)queue->number, strerror(errno));
}

/* True if a message lies within the len bytes that are there. libmnl's test takes 2^31 for less. */
static bool message_whole(const struct nlmsghdr *message, size_t len)
{
	return len >= sizeof(*message) && message->nlmsg_len >= sizeof(*message) &&
	       message->nlmsg_len <= len;
}

/*
 * Waits for the answer to a request. The kernel answers while it is sent, so there is no waiting.
 * Packets may come in between: their messages are lost.
 *
 * Returns 0 or a negative errno.
 */
static int read_answer(struct hb_nfqueue *queue, uint32_t seq)
{
	for (;;) {
		ssize_t len = mnl_socket_recvfrom(queue->socket, queue->buffers, BUFFER_BYTES);
		const struct nlmsghdr *message = (const struct nlmsghdr *)queue->buffers;

		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return -errno;
		if (!message_whole(message, (size_t)len))
			return -EPROTO;
		if (message->nlmsg_type == NLMSG_ERROR && message->nlmsg_seq == seq) {
			const struct nlmsgerr *answer = mnl_nlmsg_get_payload(message);

			return mnl_nlmsg_get_payload_len(message) < sizeof(*answer) ? -EPROTO
										    : answer->error;
		}
		queue->lost = true;
	}
}

static int request(struct hb_nfqueue *queue, struct nlmsghdr *message, uint32_t seq)
{
	message->nlmsg_flags |= NLM_F_ACK;
	message->nlmsg_seq = seq;
	if (mnl_socket_sendto(queue->socket, message, message->nlmsg_len) < 0)
		return -errno;
	return read_answer(queue, seq);
}

static int command(struct hb_nfqueue *queue, uint8_t what, uint32_t seq)
{
	_Alignas(8) char buffer[128];
	struct nlmsghdr *message = nfq_nlmsg_put(buffer, NFQNL_MSG_CONFIG, queue->number);

	nfq_nlmsg_cfg_put_cmd(message, AF_INET, what);
	return request(queue, message, seq);
}

/*
 * Who may not configure queues and who comes second both get EPERM. The first request, which
 * current kernels take and ignore, tells one from the other.
 */
static int bind_number(struct hb_nfqueue *queue, struct hb_cli_error *err)
{
	int status = command(queue, NFQNL_CFG_CMD_PF_BIND, 1);

	if (status == -EPERM)
		return hb_cli_error_set(err, HB_EXIT_PRIVILEGE,
					"no privilege to use packet queues: run as root, or with "
					"CAP_NET_ADMIN and CAP_NET_RAW");
	if (status == 0)
		status = command(queue, NFQNL_CFG_CMD_BIND, 2);
	if (status == -EPERM || status == -EBUSY)
		return hb_cli_error_set(err, HB_EXIT_QUEUE_TAKEN,
					"queue %u is taken by another program: stop it, or choose "
					"another number with -q",
					(unsigned)queue->number);
	if (status < 0) {
		errno = -status;
		return open_error(queue, "bind", err);
	}
	return 0;
}

/*
 * Super-packets come whole (the kernel cuts them up behind us); who sent a packet does not matter,
 * and when the queue is full packets are dropped, never let through.
 */
static int configure(struct hb_nfqueue *queue, struct hb_cli_error *err)
{
	_Alignas(8) char buffer[256];
	struct nlmsghdr *message = nfq_nlmsg_put(buffer, NFQNL_MSG_CONFIG, queue->number);
	int status;

	nfq_nlmsg_cfg_put_qmaxlen(message, QUEUE_LENGTH);
	mnl_attr_put_u32(message, NFQA_CFG_MASK,
			 htonl(NFQA_CFG_F_GSO | NFQA_CFG_F_UID_GID | NFQA_CFG_F_FAIL_OPEN |
			       NFQA_CFG_F_CONNTRACK));
	mnl_attr_put_u32(message, NFQA_CFG_FLAGS, htonl(NFQA_CFG_F_GSO));
	status = request(queue, message, 3);
	if (status == 0) {
		message = nfq_nlmsg_put(buffer, NFQNL_MSG_CONFIG, queue->number);
		nfq_nlmsg_cfg_put_params(message, NFQNL_COPY_PACKET, 0xffff);
		status = request(queue, message, 4);
	}
	if (status < 0) {
		errno = -status;
		return open_error(queue, "configure", err);
	}
	return 0;
}

/* The forced variants go past the limits of sysctl, and need CAP_NET_ADMIN on the whole machine. */
static void force_buffer(int fd, int forced, int plain, int size)
{
	if (setsockopt(fd, SOL_SOCKET, forced, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, plain, &size, sizeof(size));
}

static int open_socket(struct hb_nfqueue *queue, struct hb_cli_error *err)
{
	int on = 1, size = 0, fd;
	socklen_t size_len = sizeof(size);

	queue->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!queue->socket || mnl_socket_bind(queue->socket, 0, MNL_SOCKET_AUTOPID) < 0)
		return open_error(queue, "open a socket for", err);
	fd = mnl_socket_get_fd(queue->socket);
	force_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, RECEIVE_BYTES);
	force_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, SEND_BYTES);
	/* Losses are counted by the kernel; reporting each one would only slow the reader further.
	 */
	if (mnl_socket_setsockopt(queue->socket, NETLINK_NO_ENOBUFS, &on, sizeof(on)) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, &size_len) < 0)
		return open_error(queue, "set up a socket for", err);
	/* The kernel doubles what was asked for, and one write must stay a little below it. */
	queue->write_bytes = (size_t)size < SEND_BYTES ? (size_t)size / 2 : SEND_BYTES;
	return 0;
}

static void init_messages(struct hb_nfqueue *queue)
{
	for (unsigned i = 0; i < BATCH; i++) {
		queue->iov[i] = (struct iovec){ .iov_base = queue->buffers + i * BUFFER_BYTES,
						.iov_len = BUFFER_BYTES - HB_QPACKET_SLACK };
		queue->messages[i].msg_hdr = (struct msghdr){ .msg_name = &queue->from[i],
							      .msg_iov = &queue->iov[i],
							      .msg_iovlen = 1 };
	}
}

struct hb_nfqueue *hb_nfqueue_open(uint16_t number, struct hb_cli_error *err)
{
	struct hb_nfqueue *queue = calloc(1, sizeof(*queue));

	if (queue)
		queue->buffers = aligned_alloc(64, (size_t)BATCH * BUFFER_BYTES);
	if (!queue || !queue->buffers) {
		hb_cli_error_set(err, HB_EXIT_SYSTEM, "out of memory");
		goto fail;
	}
	queue->number = number;
	hb_verdicts_init(&queue->verdicts, number);
	init_messages(queue);
	if (open_socket(queue, err) < 0 || bind_number(queue, err) < 0 || configure(queue, err) < 0)
		goto fail;
	queue->kernel_stats = fopen("/proc/net/netfilter/nfnetlink_queue", "re");
	return queue;
fail:
	hb_nfqueue_close(queue);
	return NULL;
}

void hb_nfqueue_close(struct hb_nfqueue *queue)
{
	if (!queue)
		return;
	if (queue->kernel_stats)
		fclose(queue->kernel_stats);
	if (queue->socket)
		mnl_socket_close(queue->socket);
	free(queue->buffers);
	free(queue);
}

int hb_nfqueue_fd(const struct hb_nfqueue *queue)
{
	return mnl_socket_get_fd(queue->socket);
}

unsigned hb_nfqueue_receive(struct hb_nfqueue *queue)
{
	int count;

	queue->received = queue->current = 0;
	queue->offset = 0;
	for (unsigned i = 0; i < BATCH; i++)
		queue->messages[i].msg_hdr.msg_namelen = sizeof(queue->from[i]);
	count = recvmmsg(hb_nfqueue_fd(queue), queue->messages, BATCH, MSG_DONTWAIT, NULL);
	if (count < 0 && errno != EAGAIN && errno != EINTR)
		queue->counters.overruns++;
	if (count <= 0)
		return 0;
	queue->counters.wakeups++;
	queue->received = (unsigned)count;
	return queue->received;
}

/* A message of ours that the kernel refused: a verdict on a packet that is not there any more. */
static void count_error(struct hb_nfqueue *queue, const struct nlmsghdr *message)
{
	const struct nlmsgerr *answer = mnl_nlmsg_get_payload(message);

	if (mnl_nlmsg_get_payload_len(message) >= sizeof(*answer) && answer->error == 0)
		return;
	queue->counters.verdict_errors++;
}

/* Something that cannot be read may have been a packet. */
static void lose_message(struct hb_nfqueue *queue)
{
	queue->counters.malformed++;
	queue->lost = true;
}

/* The next message of the last read, and how much room its buffer has behind it. */
static const struct nlmsghdr *next_message(struct hb_nfqueue *queue, size_t *room)
{
	for (; queue->current < queue->received; queue->current++, queue->offset = 0) {
		const struct mmsghdr *read = &queue->messages[queue->current];
		const uint8_t *buffer = queue->iov[queue->current].iov_base;
		const struct nlmsghdr *message = (const void *)(buffer + queue->offset);

		if (queue->from[queue->current].nl_pid != 0)
			continue; /* not the kernel's: another program's */
		/* The last message need not be padded: its padded end may lie behind what was read.
		 */
		if (queue->offset >= read->msg_len)
			continue;
		if ((read->msg_hdr.msg_flags & MSG_TRUNC) ||
		    !message_whole(message, read->msg_len - queue->offset)) {
			lose_message(queue);
			continue;
		}
		queue->offset += NLMSG_ALIGN(message->nlmsg_len);
		*room = queue->offset < read->msg_len ? 0 : BUFFER_BYTES - queue->offset;
		return message;
	}
	return NULL;
}

/* Makes room for one more verdict, and puts the drops that are owed in front. */
static void make_room(struct hb_nfqueue *queue, size_t len)
{
	if (!hb_verdicts_fits(&queue->verdicts, len, queue->write_bytes))
		hb_nfqueue_flush(queue);
	if (!queue->owed)
		return;
	queue->owed = false;
	hb_verdicts_drop_through(&queue->verdicts, queue->owed_id);
}

/* What is owed already stays owed; ids wrap. */
static void owe_drop(struct hb_nfqueue *queue, uint32_t id)
{
	if (!queue->owed || id - queue->owed_id < UINT32_C(0x80000000))
		queue->owed_id = id;
	queue->owed = true;
}

static void drop(struct hb_nfqueue *queue, uint32_t id)
{
	make_room(queue, 0);
	hb_verdicts_drop(&queue->verdicts, id);
	queue->last_id = id;
}

/* Reads a packet. Returns false if there is none that the engine could judge. */
static bool read_packet(struct hb_nfqueue *queue, const struct nlmsghdr *message, size_t room,
			struct hb_queue_packet *packet)
{
	int status = hb_queue_packet_read(message, room, packet);

	if (status == -EINVAL) {
		lose_message(queue);
		return false;
	}
	queue->counters.packets++;
	if (queue->lost) {
		queue->lost = false;
		owe_drop(queue, packet->id - 1);
	}
	if (status == 0)
		queue->counters.bytes += packet->dgram.len;
	if (status == 0 && !packet->truncated)
		return true;
	queue->counters.truncated++;
	drop(queue, packet->id);
	return false;
}

bool hb_nfqueue_next(struct hb_nfqueue *queue, struct hb_queue_packet *packet)
{
	const struct nlmsghdr *message;
	size_t room;

	while ((message = next_message(queue, &room)) != NULL) {
		switch (message->nlmsg_type) {
		case MESSAGE_TYPE(NFQNL_MSG_PACKET):
			if (read_packet(queue, message, room, packet))
				return true;
			break;
		case NLMSG_ERROR:
			count_error(queue, message);
			break;
		case NLMSG_OVERRUN:
			queue->counters.overruns++;
			break;
		default:
			lose_message(queue);
			break;
		}
	}
	return false;
}

/* Routing happens behind these hooks, so a new destination takes effect. */
static bool hook_before_routing(uint8_t hook)
{
	return hook == NF_INET_PRE_ROUTING || hook == NF_INET_LOCAL_OUT;
}

static bool can_replace(struct hb_nfqueue *queue, const struct hb_queue_packet *packet)
{
	if (!hook_before_routing(packet->hook)) {
		queue->counters.wrong_hook++;
		return false;
	}
	if (packet->dgram.len > HB_QPACKET_MAX) {
		queue->counters.truncated++;
		return false;
	}
	return true;
}

void hb_nfqueue_give_back(struct hb_nfqueue *queue, const struct hb_queue_packet *packet,
			  enum hb_verdict verdict, uint32_t mark)
{
	const struct hb_datagram *dgram = &packet->dgram;

	mark |= dgram->mark;
	if (verdict == HB_ACCEPT) {
		make_room(queue, 0);
		hb_verdicts_accept(&queue->verdicts, packet->id, mark);
	} else if (verdict == HB_ACCEPT_MODIFIED && can_replace(queue, packet)) {
		make_room(queue, dgram->len);
		hb_verdicts_replace(&queue->verdicts, packet->id, mark, dgram->data, dgram->len);
	} else {
		make_room(queue, 0);
		hb_verdicts_drop(&queue->verdicts, packet->id);
	}
	queue->last_id = packet->id;
}

void hb_nfqueue_flush(struct hb_nfqueue *queue)
{
	struct hb_verdicts *verdicts = &queue->verdicts;
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct msghdr message = { .msg_name = &kernel, .msg_namelen = sizeof(kernel) };
	ssize_t sent;

	if (hb_verdicts_empty(verdicts))
		return;
	hb_verdicts_finish(verdicts);
	message.msg_iov = verdicts->iov;
	message.msg_iovlen = verdicts->iov_count;
	do
		sent = sendmsg(hb_nfqueue_fd(queue), &message, 0);
	while (sent < 0 && errno == EINTR);
	if (sent < 0) {
		/* The kernel took nothing at all. */
		queue->counters.verdict_errors += verdicts->messages;
		owe_drop(queue, queue->last_id);
	}
	hb_verdicts_reset(verdicts);
}

void hb_nfqueue_get_counters(const struct hb_nfqueue *queue, struct hb_queue_counters *counters)
{
	*counters = queue->counters;
}

/* A line: number, reader, waiting, mode, range, dropped for the queue, for the reader, last id, 1.
 */
void hb_nfqueue_get_kernel_counters(struct hb_nfqueue *queue, struct hb_queue_counters *counters)
{
	unsigned number;
	unsigned long queue_dropped, user_dropped;
	char line[160];

	if (!queue->kernel_stats)
		return;
	rewind(queue->kernel_stats);
	while (fgets(line, sizeof(line), queue->kernel_stats)) {
		if (sscanf(line, "%u %*u %*u %*u %*u %lu %lu", &number, &queue_dropped,
			   &user_dropped) != 3 ||
		    number != queue->number)
			continue;
		counters->kernel_dropped = queue_dropped;
		counters->user_dropped = user_dropped;
	}
}
