/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Gathers verdicts into one write, with as few messages as the order allows.
 *
 * The kernel works a write off message by message. A plain verdict names one packet. A batch
 * verdict names an id, and covers every packet up to it that is still queued; it carries no bytes
 * and one mark. So neighbours that get the same verdict and mark make a run, and a run goes as one
 * batch verdict:
 *
 *	packet   1       2       3     4         5       6
 *	verdict  accept  accept  drop  modified  accept  accept
 *	message  batch 2         one 3 one 4     batch 6
 *
 * Invariant: when a message is finished, every packet before those that it is meant for has its
 * verdict in an earlier message or an earlier write. It holds because packets are added in the
 * queue's order, each with its final verdict, and a run is finished before anything else is added.
 * A write that fails breaks it: then hb_verdicts_drop_through() must come first in the next one, or
 * a batch verdict would let through what was meant to be dropped.
 */
#include "verdicts.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <string.h>

void hb_verdicts_init(struct hb_verdicts *verdicts, uint16_t queue)
{
	verdicts->queue = queue;
	memset(verdicts->padding, 0, sizeof(verdicts->padding));
	hb_verdicts_reset(verdicts);
}

void hb_verdicts_reset(struct hb_verdicts *verdicts)
{
	verdicts->messages = 0;
	verdicts->bytes = 0;
	verdicts->run.count = 0;
	verdicts->iov_count = 0;
	verdicts->heads_len = 0;
}

bool hb_verdicts_empty(const struct hb_verdicts *verdicts)
{
	return verdicts->messages == 0 && verdicts->run.count == 0;
}

bool hb_verdicts_fits(const struct hb_verdicts *verdicts, size_t len, size_t max_bytes)
{
	if (hb_verdicts_empty(verdicts))
		return true;
	/* Three messages: the open run, drops that are owed, the packet's own. */
	return verdicts->messages + 3 <= HB_VERDICTS_MAX &&
	       verdicts->bytes + 3 * HB_VERDICTS_HEAD_SIZE + NLMSG_ALIGN(len) <= max_bytes;
}

static void add_iov(struct hb_verdicts *verdicts, void *data, size_t len)
{
	struct iovec *last =
		verdicts->iov_count > 0 ? &verdicts->iov[verdicts->iov_count - 1] : NULL;

	verdicts->bytes += len;
	if (last && (char *)last->iov_base + last->iov_len == data) {
		last->iov_len += len;
		return;
	}
	verdicts->iov[verdicts->iov_count++] = (struct iovec){ .iov_base = data, .iov_len = len };
}

static struct nlmsghdr *begin_message(struct hb_verdicts *verdicts, uint8_t type, uint32_t id,
				      uint32_t verdict)
{
	char *at = verdicts->heads + verdicts->heads_len;
	struct nlmsghdr *message = nfq_nlmsg_put(at, type, verdicts->queue);

	/* The library takes both numbers as int and writes them as they are. */
	nfq_nlmsg_verdict_put(message, (int)id, (int)verdict);
	return message;
}

static void end_message(struct hb_verdicts *verdicts, struct nlmsghdr *message)
{
	verdicts->heads_len += message->nlmsg_len;
	verdicts->messages++;
	add_iov(verdicts, message, message->nlmsg_len);
}

static void end_run(struct hb_verdicts *verdicts)
{
	struct hb_verdict_run *run = &verdicts->run;
	struct nlmsghdr *message;

	if (run->count == 0)
		return;
	message = begin_message(verdicts,
				run->count == 1 ? NFQNL_MSG_VERDICT : NFQNL_MSG_VERDICT_BATCH,
				run->last_id, run->verdict);
	if (run->verdict == NF_ACCEPT)
		nfq_nlmsg_verdict_put_mark(message, run->mark);
	end_message(verdicts, message);
	run->count = 0;
}

static void add_to_run(struct hb_verdicts *verdicts, uint32_t id, uint32_t verdict, uint32_t mark)
{
	struct hb_verdict_run *run = &verdicts->run;

	if (run->count > 0 && (run->verdict != verdict || run->mark != mark))
		end_run(verdicts);
	run->verdict = verdict;
	run->mark = mark;
	run->last_id = id;
	run->count++;
}

void hb_verdicts_accept(struct hb_verdicts *verdicts, uint32_t id, uint32_t mark)
{
	add_to_run(verdicts, id, NF_ACCEPT, mark);
}

void hb_verdicts_drop(struct hb_verdicts *verdicts, uint32_t id)
{
	add_to_run(verdicts, id, NF_DROP, 0);
}

void hb_verdicts_drop_through(struct hb_verdicts *verdicts, uint32_t id)
{
	end_run(verdicts);
	end_message(verdicts, begin_message(verdicts, NFQNL_MSG_VERDICT_BATCH, id, NF_DROP));
}

/* Puts the packet behind the message without copying it. */
static void append_packet(struct hb_verdicts *verdicts, struct nlmsghdr *message, uint8_t *data,
			  size_t len)
{
	struct nlattr *attr = mnl_nlmsg_get_payload_tail(message);
	size_t gap = NLMSG_ALIGN(len) - len;

	attr->nla_type = NFQA_PAYLOAD;
	attr->nla_len = (uint16_t)(sizeof(*attr) + len);
	message->nlmsg_len += (uint32_t)sizeof(*attr);
	end_message(verdicts, message);
	message->nlmsg_len += (uint32_t)len;
	add_iov(verdicts, data, len);
	if (gap > 0)
		add_iov(verdicts, verdicts->padding, gap);
}

void hb_verdicts_replace(struct hb_verdicts *verdicts, uint32_t id, uint32_t mark, uint8_t *data,
			 size_t len)
{
	struct nlmsghdr *message;

	end_run(verdicts);
	message = begin_message(verdicts, NFQNL_MSG_VERDICT, id, NF_ACCEPT);
	nfq_nlmsg_verdict_put_mark(message, mark);
	append_packet(verdicts, message, data, len);
}

void hb_verdicts_finish(struct hb_verdicts *verdicts)
{
	end_run(verdicts);
}
