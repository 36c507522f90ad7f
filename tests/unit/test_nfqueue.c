/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The queue's reader without a kernel: the four calls that reach it are wrapped (see meson.build).
 * Requests are answered with the errors that a test sets, reads bring the datagrams that it made,
 * and writes are kept as text: "2 4" accepts packets up to 2, then 4; "-3" drops, "+5" replaces.
 */
#include "nfqueue.h"

#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define DATAGRAMS_MAX 40
#define DATAGRAM_BYTES 512

static struct {
	int answers[4]; /* to the requests, in their order */
	unsigned requests, answered;
	uint32_t config_flags, config_mask, queue_length, copy_range;
	struct {
		_Alignas(8) char bytes[DATAGRAM_BYTES];
		size_t len;
		uint32_t from;
		int flags;
	} datagrams[DATAGRAMS_MAX];
	unsigned made, read;
	int read_error, write_error;
	char written[256]; /* one space between messages, " | " behind a write */
} kernel;

static uint32_t number(const struct nlattr *attr)
{
	return ntohl(mnl_attr_get_u32(attr));
}

static int note_setting(const struct nlattr *attr, void *ctx)
{
	const struct nfqnl_msg_config_params *params = mnl_attr_get_payload(attr);

	(void)ctx;
	if (mnl_attr_get_type(attr) == NFQA_CFG_FLAGS)
		kernel.config_flags = number(attr);
	else if (mnl_attr_get_type(attr) == NFQA_CFG_MASK)
		kernel.config_mask = number(attr);
	else if (mnl_attr_get_type(attr) == NFQA_CFG_QUEUE_MAXLEN)
		kernel.queue_length = number(attr);
	else if (mnl_attr_get_type(attr) == NFQA_CFG_PARAMS)
		kernel.copy_range = ntohl(params->copy_range);
	return MNL_CB_OK;
}

ssize_t __wrap_mnl_socket_sendto(const struct mnl_socket *socket, const void *data, size_t len);
ssize_t __wrap_mnl_socket_recvfrom(const struct mnl_socket *socket, void *data, size_t len);
int __wrap_recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags,
		    struct timespec *timeout);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);

ssize_t __wrap_mnl_socket_sendto(const struct mnl_socket *socket, const void *data, size_t len)
{
	const struct nlmsghdr *message = data;

	(void)socket;
	unit_require(kernel.requests < 4);
	unit_require(message->nlmsg_flags & NLM_F_ACK);
	kernel.requests++;
	mnl_attr_parse(message, sizeof(struct nfgenmsg), note_setting, NULL);
	return (ssize_t)len;
}

ssize_t __wrap_mnl_socket_recvfrom(const struct mnl_socket *socket, void *data, size_t len)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(data);
	struct nlmsgerr *answer = mnl_nlmsg_put_extra_header(message, sizeof(*answer));

	(void)socket;
	unit_require(len >= message->nlmsg_len);
	message->nlmsg_type = NLMSG_ERROR;
	message->nlmsg_seq = kernel.requests;
	answer->error = kernel.answers[kernel.answered++];
	return message->nlmsg_len;
}

int __wrap_recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags,
		    struct timespec *timeout)
{
	unsigned done = 0;

	(void)fd;
	(void)timeout;
	unit_require(flags & MSG_DONTWAIT);
	if (kernel.read_error != 0) {
		errno = kernel.read_error;
		kernel.read_error = 0;
		return -1;
	}
	for (; done < count && kernel.read < kernel.made; done++, kernel.read++) {
		struct msghdr *to = &messages[done].msg_hdr;
		struct sockaddr_nl *from = to->msg_name;

		memcpy(to->msg_iov->iov_base, kernel.datagrams[kernel.read].bytes, DATAGRAM_BYTES);
		messages[done].msg_len = (unsigned)kernel.datagrams[kernel.read].len;
		to->msg_flags = kernel.datagrams[kernel.read].flags;
		from->nl_pid = kernel.datagrams[kernel.read].from;
	}
	errno = EAGAIN;
	return done > 0 ? (int)done : -1;
}

static void note_message(const struct nlmsghdr *message)
{
	struct nlattr *attrs[NFQA_MAX + 1] = { NULL };
	const struct nfqnl_msg_verdict_hdr *verdict;
	size_t used = strlen(kernel.written);

	unit_require(nfq_nlmsg_parse(message, attrs) >= 0);
	verdict = mnl_attr_get_payload(attrs[NFQA_VERDICT_HDR]);
	snprintf(kernel.written + used, sizeof(kernel.written) - used, "%s%s%s%u",
		 used > 0 ? " " : "",
		 attrs[NFQA_PAYLOAD]                  ? "+"
		 : ntohl(verdict->verdict) == NF_DROP ? "-"
						      : "",
		 message->nlmsg_type == (NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_VERDICT_BATCH) ? "<="
											   : "",
		 ntohl(verdict->id));
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
	static _Alignas(8) char bytes[8192];
	const struct nlmsghdr *verdict = (const void *)bytes;
	size_t len = 0;
	int left;

	(void)fd;
	(void)flags;
	if (kernel.write_error != 0) {
		errno = kernel.write_error;
		kernel.write_error = 0;
		return -1;
	}
	for (size_t i = 0; i < message->msg_iovlen; i++) {
		unit_require(len + message->msg_iov[i].iov_len <= sizeof(bytes));
		memcpy(bytes + len, message->msg_iov[i].iov_base, message->msg_iov[i].iov_len);
		len += message->msg_iov[i].iov_len;
	}
	left = (int)len;
	for (; mnl_nlmsg_ok(verdict, left); verdict = mnl_nlmsg_next(verdict, &left))
		note_message(verdict);
	strncat(kernel.written, " |", sizeof(kernel.written) - strlen(kernel.written) - 1);
	return (ssize_t)len;
}

/* Appends a packet's message to the datagram that is being made. */
static struct nlmsghdr *add_message(uint32_t id, uint8_t hook)
{
	char *at = kernel.datagrams[kernel.made].bytes + kernel.datagrams[kernel.made].len;
	struct nlmsghdr *message = nfq_nlmsg_put(at, NFQNL_MSG_PACKET, 0);
	struct nfqnl_msg_packet_hdr header = { .packet_id = htonl(id), .hook = hook };

	mnl_attr_put(message, NFQA_PACKET_HDR, sizeof(header), &header);
	mnl_attr_put(message, NFQA_PAYLOAD, 20, "twenty bytes of them");
	kernel.datagrams[kernel.made].len += message->nlmsg_len;
	return message;
}

static void add_packet(uint32_t id)
{
	add_message(id, NF_INET_PRE_ROUTING);
	kernel.made++;
}

static struct hb_nfqueue *open_queue(void)
{
	struct hb_cli_error err = { 0 };
	struct hb_nfqueue *queue;

	memset(&kernel, 0, sizeof(kernel));
	queue = hb_nfqueue_open(0, &err);
	ck_assert_msg(queue != NULL, "%s", err.message);
	return queue;
}

/* One read, with the same verdict on each packet; returns what was written since the last call. */
static const char *run(struct hb_nfqueue *queue, enum hb_verdict verdict)
{
	struct hb_queue_packet packet;

	kernel.written[0] = '\0';
	hb_nfqueue_receive(queue);
	while (hb_nfqueue_next(queue, &packet))
		hb_nfqueue_give_back(queue, &packet, verdict, 0);
	hb_nfqueue_flush(queue);
	return kernel.written;
}

static struct hb_queue_counters counters_of(const struct hb_nfqueue *queue)
{
	struct hb_queue_counters counters;

	hb_nfqueue_get_counters(queue, &counters);
	return counters;
}

START_TEST(it_asks_for_whole_super_packets_and_never_fails_open)
{
	struct hb_nfqueue *queue = open_queue();

	ck_assert_uint_eq(kernel.requests, 4);
	ck_assert_uint_eq(kernel.config_flags, NFQA_CFG_F_GSO);
	ck_assert(kernel.config_mask & NFQA_CFG_F_FAIL_OPEN);
	ck_assert_uint_ge(kernel.queue_length, 8192);
	ck_assert_uint_eq(kernel.copy_range, 0xffff);
	hb_nfqueue_close(queue);
}
END_TEST

START_TEST(who_may_not_and_who_comes_second_are_told_apart)
{
	static const struct {
		int answers[4];
		enum hb_exit status;
	} cases[] = {
		{ { -EPERM }, HB_EXIT_PRIVILEGE },         { { 0, -EPERM }, HB_EXIT_QUEUE_TAKEN },
		{ { 0, -EBUSY }, HB_EXIT_QUEUE_TAKEN },    { { -EINVAL }, HB_EXIT_SYSTEM },
		{ { 0, 0, -EOPNOTSUPP }, HB_EXIT_SYSTEM }, { { 0, 0, 0, -EINVAL }, HB_EXIT_SYSTEM },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct hb_cli_error err = { 0 };

		memset(&kernel, 0, sizeof(kernel));
		memcpy(kernel.answers, cases[i].answers, sizeof(kernel.answers));
		ck_assert_ptr_null(hb_nfqueue_open(3, &err));
		ck_assert_int_eq(err.status, cases[i].status);
		ck_assert_uint_gt(strlen(err.message), 10);
	}
}
END_TEST

START_TEST(a_wake_up_is_one_write)
{
	struct hb_nfqueue *queue = open_queue();

	for (uint32_t id = 1; id <= 40; id++)
		add_packet(id);
	ck_assert_str_eq(run(queue, HB_ACCEPT), "<=32 |");
	ck_assert_str_eq(run(queue, HB_ACCEPT_MODIFIED), "+33 +34 +35 +36 +37 +38 +39 +40 |");
	ck_assert_str_eq(run(queue, HB_ACCEPT), "");
	ck_assert_uint_eq(counters_of(queue).packets, 40);
	ck_assert_uint_eq(counters_of(queue).bytes, 800);
	ck_assert_uint_eq(counters_of(queue).wakeups, 2);
	hb_nfqueue_close(queue);
}
END_TEST

START_TEST(a_datagram_may_hold_several_messages)
{
	struct hb_nfqueue *queue = open_queue();
	struct hb_queue_packet packet;

	add_message(1, NF_INET_PRE_ROUTING);
	add_message(2, NF_INET_PRE_ROUTING);
	add_packet(3);
	hb_nfqueue_receive(queue);
	for (uint32_t id = 1; id <= 3; id++) {
		ck_assert(hb_nfqueue_next(queue, &packet));
		ck_assert_uint_eq(packet.id, id);
		ck_assert_uint_eq(packet.dgram.cap, id < 3 ? 20 : 20 + HB_QPACKET_SLACK);
		hb_nfqueue_give_back(queue, &packet, HB_DROP, 0);
	}
	ck_assert(!hb_nfqueue_next(queue, &packet));
	hb_nfqueue_close(queue);
}
END_TEST

START_TEST(what_cannot_be_read_is_dropped)
{
	struct hb_nfqueue *queue = open_queue();

	add_packet(1);
	add_packet(2);
	kernel.datagrams[1].flags = MSG_TRUNC;
	add_packet(3);
	((struct nlmsghdr *)kernel.datagrams[2].bytes)->nlmsg_len = UINT32_C(0x80000030);
	add_packet(4);
	kernel.datagrams[3].len = 30; /* cut */
	add_packet(5);
	add_packet(6);
	ck_assert_str_eq(run(queue, HB_ACCEPT), "1 -<=4 <=6 |");
	ck_assert_uint_eq(counters_of(queue).malformed, 3);
	hb_nfqueue_close(queue);
}
END_TEST

START_TEST(a_packet_that_was_cut_is_dropped)
{
	struct hb_nfqueue *queue = open_queue();
	struct nlmsghdr *message;

	add_packet(1);
	message = add_message(2, NF_INET_PRE_ROUTING);
	kernel.datagrams[kernel.made].len = 0;
	mnl_attr_put_u32(message, NFQA_CAP_LEN, htonl(21));
	kernel.datagrams[kernel.made++].len = message->nlmsg_len;
	add_packet(3);
	ck_assert_str_eq(run(queue, HB_ACCEPT), "1 -2 3 |");
	ck_assert_uint_eq(counters_of(queue).truncated, 1);
	hb_nfqueue_close(queue);
}
END_TEST

/* Else the next batch verdict would let through what was to be dropped. */
START_TEST(verdicts_that_were_not_taken_become_drops)
{
	struct hb_nfqueue *queue = open_queue();

	add_packet(1);
	add_packet(2);
	kernel.write_error = ENOBUFS;
	ck_assert_str_eq(run(queue, HB_DROP), "");
	ck_assert_uint_eq(counters_of(queue).verdict_errors, 1);
	add_packet(3);
	add_packet(4);
	ck_assert_str_eq(run(queue, HB_ACCEPT), "-<=2 <=4 |");
	add_packet(5);
	ck_assert_str_eq(run(queue, HB_ACCEPT), "5 |");
	hb_nfqueue_close(queue);
}
END_TEST

START_TEST(errors_do_not_end_the_loop)
{
	struct hb_nfqueue *queue = open_queue();
	struct nlmsghdr *message;
	struct nlmsgerr *answer;

	kernel.read_error = ENOBUFS;
	ck_assert_str_eq(run(queue, HB_ACCEPT), "");
	kernel.read_error = EINTR;
	ck_assert_str_eq(run(queue, HB_ACCEPT), "");
	ck_assert_uint_eq(counters_of(queue).overruns, 1);
	message = mnl_nlmsg_put_header(kernel.datagrams[0].bytes);
	message->nlmsg_type = NLMSG_ERROR;
	answer = mnl_nlmsg_put_extra_header(message, sizeof(*answer));
	answer->error = -ENOENT;
	kernel.datagrams[kernel.made++].len = message->nlmsg_len;
	add_packet(1);
	ck_assert_str_eq(run(queue, HB_ACCEPT), "1 |");
	ck_assert_uint_eq(counters_of(queue).verdict_errors, 1);
	hb_nfqueue_close(queue);
}
END_TEST

START_TEST(only_the_kernel_is_heard)
{
	struct hb_nfqueue *queue = open_queue();

	add_packet(1);
	add_packet(7);
	kernel.datagrams[1].from = 4711;
	add_packet(2);
	ck_assert_str_eq(run(queue, HB_ACCEPT), "<=2 |");
	ck_assert_uint_eq(counters_of(queue).packets, 2);
	hb_nfqueue_close(queue);
}
END_TEST

START_TEST(a_packet_is_rewritten_only_before_routing)
{
	struct hb_nfqueue *queue = open_queue();

	add_message(1, NF_INET_PRE_ROUTING);
	add_message(2, NF_INET_LOCAL_IN);
	add_message(3, NF_INET_FORWARD);
	add_message(4, NF_INET_LOCAL_OUT);
	kernel.made++;
	ck_assert_str_eq(run(queue, HB_ACCEPT_MODIFIED), "+1 -<=3 +4 |");
	ck_assert_uint_eq(counters_of(queue).wrong_hook, 2);
	add_message(5, NF_INET_FORWARD);
	kernel.made++;
	ck_assert_str_eq(run(queue, HB_ACCEPT), "5 |");
	hb_nfqueue_close(queue);
}
END_TEST

UNIT_MAIN("nfqueue", it_asks_for_whole_super_packets_and_never_fails_open,
	  who_may_not_and_who_comes_second_are_told_apart, a_wake_up_is_one_write,
	  a_datagram_may_hold_several_messages, what_cannot_be_read_is_dropped,
	  a_packet_that_was_cut_is_dropped, verdicts_that_were_not_taken_become_drops,
	  errors_do_not_end_the_loop, only_the_kernel_is_heard,
	  a_packet_is_rewritten_only_before_routing)
