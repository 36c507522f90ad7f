/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's side is played here: a queue of ids, and what each message takes out of it. */
#include "verdicts.h"

#include "qpacket.h"
#include "unit.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <string.h>

#define QUEUE 7
#define PACKETS_MAX 64
#define PACKET_BYTES 1500

struct waiting {
	uint32_t id;
	bool queued;
	uint32_t verdict, mark;
	uint8_t data[PACKET_BYTES]; /* what replaced it */
	size_t len;                 /* 0: it went on as it came */
};

struct kernel {
	struct waiting packets[PACKETS_MAX];
	unsigned count;
	unsigned messages, useless; /* useless: nothing was there to be judged */
	uint32_t left_id;           /* the last one that went on */
	uint8_t write[1 << 17];
};

static void enqueue(struct kernel *kernel, uint32_t id)
{
	kernel->packets[kernel->count++] = (struct waiting){ .id = id, .queued = true };
}

/* Packets go on at their verdict, so in the order of the messages: it must be that of the queue. */
static void judge(struct kernel *kernel, struct waiting *packet, uint32_t verdict,
		  const struct nlattr *const *attrs)
{
	packet->queued = false;
	packet->verdict = verdict;
	unit_require(packet->id - kernel->left_id < UINT32_C(0x80000000));
	if (verdict == NF_ACCEPT)
		kernel->left_id = packet->id;
	if (attrs[NFQA_MARK])
		packet->mark = ntohl(mnl_attr_get_u32(attrs[NFQA_MARK]));
	if (!attrs[NFQA_PAYLOAD])
		return;
	packet->len = mnl_attr_get_payload_len(attrs[NFQA_PAYLOAD]);
	unit_require(packet->len <= PACKET_BYTES);
	memcpy(packet->data, mnl_attr_get_payload(attrs[NFQA_PAYLOAD]), packet->len);
}

/* As nfnetlink_queue does: a batch takes all up to the first later id, in the queue's order. */
static unsigned apply(struct kernel *kernel, bool batch, uint32_t id, uint32_t verdict,
		      const struct nlattr *const *attrs)
{
	unsigned judged = 0;

	for (unsigned i = 0; i < kernel->count; i++) {
		struct waiting *packet = &kernel->packets[i];

		if (!packet->queued)
			continue;
		if (batch && packet->id - id - 1 < UINT32_C(0x7fffffff))
			break;
		if (!batch && packet->id != id)
			continue;
		judge(kernel, packet, verdict, attrs);
		judged++;
	}
	return judged;
}

static void read_message(struct kernel *kernel, const struct nlmsghdr *message)
{
	struct nlattr *attrs[NFQA_MAX + 1] = { NULL };
	const struct nfgenmsg *head = mnl_nlmsg_get_payload(message);
	const struct nfqnl_msg_verdict_hdr *verdict;
	bool batch = message->nlmsg_type == (NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_VERDICT_BATCH);

	unit_require(batch || message->nlmsg_type == (NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_VERDICT));
	unit_require(message->nlmsg_flags == NLM_F_REQUEST);
	unit_require(ntohs(head->res_id) == QUEUE);
	unit_require(nfq_nlmsg_parse(message, attrs) >= 0);
	unit_require(attrs[NFQA_VERDICT_HDR] != NULL);
	unit_require(!batch || !attrs[NFQA_PAYLOAD]);
	verdict = mnl_attr_get_payload(attrs[NFQA_VERDICT_HDR]);
	kernel->messages++;
	if (apply(kernel, batch, ntohl(verdict->id), ntohl(verdict->verdict),
		  (const struct nlattr *const *)attrs) == 0)
		kernel->useless++;
}

/* Takes one write, and starts the next. */
static void write_out(struct kernel *kernel, struct hb_verdicts *verdicts)
{
	size_t len = 0;
	int left;

	hb_verdicts_finish(verdicts);
	unit_require(verdicts->messages <= HB_VERDICTS_MAX);
	for (unsigned i = 0; i < verdicts->iov_count; i++) {
		unit_require(len + verdicts->iov[i].iov_len <= sizeof(kernel->write));
		memcpy(kernel->write + len, verdicts->iov[i].iov_base, verdicts->iov[i].iov_len);
		len += verdicts->iov[i].iov_len;
	}
	unit_require(len == verdicts->bytes);
	left = (int)len;
	for (const struct nlmsghdr *message = (const void *)kernel->write; left > 0;
	     message = mnl_nlmsg_next(message, &left)) {
		unit_require(mnl_nlmsg_ok(message, left));
		read_message(kernel, message);
	}
	hb_verdicts_reset(verdicts);
}

static struct kernel *new_kernel(uint32_t first_id, unsigned count)
{
	struct kernel *kernel = calloc(1, sizeof(*kernel));

	kernel->left_id = first_id;
	for (unsigned i = 0; i < count; i++)
		enqueue(kernel, first_id + i);
	return kernel;
}

START_TEST(a_run_is_one_message)
{
	struct kernel *kernel = new_kernel(1, 5);
	struct hb_verdicts verdicts;

	hb_verdicts_init(&verdicts, QUEUE);
	ck_assert(hb_verdicts_empty(&verdicts));
	for (uint32_t id = 1; id <= 5; id++)
		hb_verdicts_accept(&verdicts, id, 0x40000000);
	ck_assert(!hb_verdicts_empty(&verdicts));
	write_out(kernel, &verdicts);
	ck_assert(hb_verdicts_empty(&verdicts));
	ck_assert_uint_eq(kernel->messages, 1);
	for (unsigned i = 0; i < 5; i++) {
		ck_assert(!kernel->packets[i].queued);
		ck_assert_uint_eq(kernel->packets[i].verdict, NF_ACCEPT);
		ck_assert_uint_eq(kernel->packets[i].mark, 0x40000000);
		ck_assert_uint_eq(kernel->packets[i].len, 0);
	}
	free(kernel);
}
END_TEST

START_TEST(another_mark_is_another_run)
{
	struct kernel *kernel = new_kernel(1, 4);
	struct hb_verdicts verdicts;

	hb_verdicts_init(&verdicts, QUEUE);
	hb_verdicts_accept(&verdicts, 1, 1);
	hb_verdicts_accept(&verdicts, 2, 1);
	hb_verdicts_accept(&verdicts, 3, 2);
	hb_verdicts_accept(&verdicts, 4, 1);
	write_out(kernel, &verdicts);
	ck_assert_uint_eq(kernel->messages, 3);
	ck_assert_uint_eq(kernel->packets[1].mark, 1);
	ck_assert_uint_eq(kernel->packets[2].mark, 2);
	ck_assert_uint_eq(kernel->packets[3].mark, 1);
	free(kernel);
}
END_TEST

/* A batch verdict that went first would let the dropped and the unmodified packet through. */
START_TEST(others_before_a_run_keep_their_verdicts)
{
	struct kernel *kernel = new_kernel(1, 6);
	struct hb_verdicts verdicts;
	uint8_t data[] = "twenty-three bytes long";

	hb_verdicts_init(&verdicts, QUEUE);
	hb_verdicts_accept(&verdicts, 1, 0);
	hb_verdicts_drop(&verdicts, 2);
	hb_verdicts_replace(&verdicts, 3, 9, data, 23);
	hb_verdicts_drop(&verdicts, 4);
	hb_verdicts_accept(&verdicts, 5, 0);
	hb_verdicts_accept(&verdicts, 6, 0);
	write_out(kernel, &verdicts);
	ck_assert_uint_eq(kernel->useless, 0);
	ck_assert_uint_eq(kernel->packets[1].verdict, NF_DROP);
	ck_assert_uint_eq(kernel->packets[2].verdict, NF_ACCEPT);
	ck_assert_uint_eq(kernel->packets[2].mark, 9);
	ck_assert_uint_eq(kernel->packets[2].len, 23);
	ck_assert_mem_eq(kernel->packets[2].data, data, 23);
	ck_assert_uint_eq(kernel->packets[3].verdict, NF_DROP);
	ck_assert_uint_eq(kernel->packets[5].verdict, NF_ACCEPT);
	free(kernel);
}
END_TEST

START_TEST(ids_wrap)
{
	struct kernel *kernel = new_kernel(UINT32_MAX - 1, 4);
	struct hb_verdicts verdicts;

	hb_verdicts_init(&verdicts, QUEUE);
	for (uint32_t i = 0; i < 4; i++)
		hb_verdicts_accept(&verdicts, UINT32_MAX - 1 + i, 0);
	write_out(kernel, &verdicts);
	ck_assert_uint_eq(kernel->messages, 1);
	for (unsigned i = 0; i < 4; i++)
		ck_assert(!kernel->packets[i].queued);
	free(kernel);
}
END_TEST

START_TEST(what_was_lost_is_dropped)
{
	struct kernel *kernel = new_kernel(1, 5);
	struct hb_verdicts verdicts;

	hb_verdicts_init(&verdicts, QUEUE);
	hb_verdicts_accept(&verdicts, 1, 0);
	hb_verdicts_drop_through(&verdicts, 3); /* 2 and 3 were never seen */
	hb_verdicts_accept(&verdicts, 4, 0);
	hb_verdicts_accept(&verdicts, 5, 0);
	write_out(kernel, &verdicts);
	ck_assert_uint_eq(kernel->packets[0].verdict, NF_ACCEPT);
	ck_assert_uint_eq(kernel->packets[1].verdict, NF_DROP);
	ck_assert_uint_eq(kernel->packets[2].verdict, NF_DROP);
	ck_assert_uint_eq(kernel->packets[3].verdict, NF_ACCEPT);
	ck_assert_uint_eq(kernel->packets[4].verdict, NF_ACCEPT);
	free(kernel);
}
END_TEST

START_TEST(a_write_stays_within_its_limits)
{
	static uint8_t data[HB_QPACKET_MAX];
	struct hb_verdicts verdicts;
	size_t limit = 200000;
	unsigned added = 0;

	hb_verdicts_init(&verdicts, QUEUE);
	ck_assert(hb_verdicts_fits(&verdicts, HB_QPACKET_MAX, 1)); /* an empty one takes any */
	while (hb_verdicts_fits(&verdicts, HB_QPACKET_MAX, limit))
		hb_verdicts_replace(&verdicts, ++added, 0, data, HB_QPACKET_MAX);
	ck_assert_uint_eq(added, 3);
	hb_verdicts_finish(&verdicts);
	ck_assert_uint_le(verdicts.bytes, limit);

	hb_verdicts_reset(&verdicts);
	hb_verdicts_accept(&verdicts, 1, 0);
	limit = 3 * HB_VERDICTS_HEAD_SIZE +
		8; /* a run, drops that are owed, and the packet's own */
	ck_assert(hb_verdicts_fits(&verdicts, 5, limit));
	ck_assert(!hb_verdicts_fits(&verdicts, 5, limit - 1));
	ck_assert(!hb_verdicts_fits(&verdicts, 9, limit));

	hb_verdicts_reset(&verdicts);
	limit = 200000;
	for (uint32_t id = 1; hb_verdicts_fits(&verdicts, 5, limit); id += 2) {
		hb_verdicts_accept(&verdicts, id, 0);
		if (hb_verdicts_fits(&verdicts, 5, limit)) {
			hb_verdicts_drop_through(&verdicts, id);
			hb_verdicts_replace(&verdicts, id + 1, 0, data, 5);
		}
	}
	hb_verdicts_finish(&verdicts);
	ck_assert_uint_le(verdicts.messages, HB_VERDICTS_MAX);
	ck_assert_uint_le(verdicts.heads_len, sizeof(verdicts.heads));
	ck_assert_uint_le(verdicts.iov_count, sizeof(verdicts.iov) / sizeof(*verdicts.iov));
}
END_TEST

static void add_random(struct hb_verdicts *verdicts, uint64_t *random, struct waiting *want,
		       uint8_t *data)
{
	size_t len = 1 + unit_random_below(random, PACKET_BYTES);

	want->verdict = NF_ACCEPT;
	switch (unit_random_below(random, 6)) {
	case 0:
		want->verdict = NF_DROP;
		hb_verdicts_drop(verdicts, want->id);
		break;
	case 1:
		unit_random_fill(random, data, len);
		memcpy(want->data, data, len);
		want->len = len;
		want->mark = (uint32_t)unit_random_below(random, 2);
		hb_verdicts_replace(verdicts, want->id, want->mark, data, len);
		break;
	default:
		want->mark = unit_random_below(random, 8) == 0;
		hb_verdicts_accept(verdicts, want->id, want->mark);
	}
}

/* The kernel may have queued more behind what we have seen: those must stay. */
START_TEST(every_packet_gets_what_was_meant_for_it)
{
	static uint8_t data[PACKETS_MAX][PACKET_BYTES];
	static struct waiting want[PACKETS_MAX];
	uint64_t random = 3;

	for (int round = 0; round < 2000; round++) {
		uint32_t first = (uint32_t)unit_random(&random);
		unsigned seen = 1 + (unsigned)unit_random_below(&random, PACKETS_MAX - 2);
		struct kernel *kernel = new_kernel(first, seen + 2);
		struct hb_verdicts verdicts;

		hb_verdicts_init(&verdicts, QUEUE);
		memset(want, 0, sizeof(want));
		for (unsigned i = 0; i < seen; i++) {
			want[i].id = first + i;
			if (!hb_verdicts_fits(&verdicts, PACKET_BYTES, 30000) ||
			    unit_random_below(&random, 20) == 0)
				write_out(kernel, &verdicts);
			add_random(&verdicts, &random, &want[i], data[i]);
		}
		write_out(kernel, &verdicts);
		unit_require(kernel->useless == 0);
		for (unsigned i = 0; i < seen; i++)
			unit_require(memcmp(&want[i], &kernel->packets[i], sizeof(want[i])) == 0);
		unit_require(kernel->packets[seen].queued && kernel->packets[seen + 1].queued);
		free(kernel);
	}
}
END_TEST

UNIT_MAIN("verdicts", a_run_is_one_message, another_mark_is_another_run,
	  others_before_a_run_keep_their_verdicts, ids_wrap, what_was_lost_is_dropped,
	  a_write_stays_within_its_limits, every_packet_gets_what_was_meant_for_it)
