/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A worker without a kernel: what it calls of nfqueue.h and rawsend.h is here. All packets of a test come in one
 * read; each verdict waits until it is flushed, as in the kernel.
 */
#include "worker.h"

#include "rawsend.h"
#include "rig.h"

#include <linux/netfilter.h>
#include <semaphore.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define PACKETS_MAX 16

static struct {
	uint8_t data[PACKETS_MAX][2048];
	size_t len[PACKETS_MAX];
	unsigned made, given;
	uint8_t hook;
	unsigned waiting; /* verdicts that let a packet through, and were not flushed */
	unsigned flushed, sent;
	unsigned
		waited_for; /* the most verdicts that a packet of our own found waiting and flushed */
	bool overtook;      /* such a packet left before a verdict that had been given before it */
	sem_t idle;
} kernel;

static int queue_fd;

struct hb_nfqueue *hb_nfqueue_open(uint16_t number, struct hb_cli_error *err)
{
	(void)number;
	(void)err;
	queue_fd = eventfd(0, EFD_NONBLOCK);
	return (struct hb_nfqueue *)&kernel;
}

void hb_nfqueue_close(struct hb_nfqueue *queue)
{
	(void)queue;
	close(queue_fd);
}

int hb_nfqueue_fd(const struct hb_nfqueue *queue)
{
	(void)queue;
	return queue_fd;
}

/* All that there is, then nothing: the test may go on. */
unsigned hb_nfqueue_receive(struct hb_nfqueue *queue)
{
	(void)queue;
	if (kernel.given < kernel.made)
		return kernel.made;
	sem_post(&kernel.idle);
	return 0;
}

bool hb_nfqueue_next(struct hb_nfqueue *queue, struct hb_queue_packet *packet)
{
	(void)queue;
	if (kernel.given == kernel.made)
		return false;
	*packet = (struct hb_queue_packet){
		.id = kernel.given,
		.hook = kernel.hook,
		.dgram = { .data = kernel.data[kernel.given],
			   .len = kernel.len[kernel.given],
			   .cap = sizeof(kernel.data[0]),
			   .in_interface = 1 },
	};
	kernel.given++;
	return true;
}

void hb_nfqueue_give_back(struct hb_nfqueue *queue, const struct hb_queue_packet *packet,
			  enum hb_verdict verdict, uint32_t mark)
{
	(void)queue;
	(void)packet;
	(void)mark;
	kernel.waiting += verdict != HB_DROP;
}

void hb_nfqueue_flush(struct hb_nfqueue *queue)
{
	(void)queue;
	kernel.flushed = kernel.waiting;
	kernel.waiting = 0;
}

void hb_nfqueue_get_counters(const struct hb_nfqueue *queue, struct hb_queue_counters *counters)
{
	(void)queue;
	*counters = (struct hb_queue_counters){ 0 };
}

void hb_nfqueue_get_kernel_counters(struct hb_nfqueue *queue, struct hb_queue_counters *counters)
{
	(void)queue;
	(void)counters;
}

struct hb_rawsend *hb_rawsend_open(uint32_t mark, uint32_t uplink_mask, struct hb_cli_error *err)
{
	(void)mark;
	(void)uplink_mask;
	(void)err;
	return (struct hb_rawsend *)&kernel;
}

void hb_rawsend_close(struct hb_rawsend *rawsend)
{
	(void)rawsend;
}

static void leave(void)
{
	kernel.overtook |= kernel.waiting > 0;
	if (kernel.flushed > kernel.waited_for)
		kernel.waited_for = kernel.flushed;
	kernel.flushed = 0;
}

int hb_rawsend_send(struct hb_rawsend *rawsend, const struct hb_datagram *dgram, uint8_t hops)
{
	(void)rawsend;
	(void)dgram;
	(void)hops;
	kernel.sent++;
	leave();
	return 0;
}

static void queue_tcp(const struct rig_tcp *tcp)
{
	unit_require(kernel.made < PACKETS_MAX);
	kernel.len[kernel.made] = rig_build_tcp(kernel.data[kernel.made], tcp);
	kernel.made++;
}

/* A session up to its handover, which its first request decides. */
static void queue_session(const char *attacked)
{
	memset(&kernel, 0, sizeof(kernel));
	queue_tcp(&(struct rig_tcp){ RIG_CLIENT, attacked, HB_TCP_SYN, 1000 });
	queue_tcp(
		&(struct rig_tcp){ RIG_FRONTEND, RIG_CLIENT, HB_TCP_SYN | HB_TCP_ACK, 5000, 1001 });
	queue_tcp(&(struct rig_tcp){ RIG_CLIENT, attacked, HB_TCP_ACK, 1001, 5001 });
	queue_tcp(&(struct rig_tcp){ RIG_CLIENT, attacked, HB_TCP_PSH | HB_TCP_ACK, 1001, 5001,
				     .text = "id\n" });
	queue_tcp(
		&(struct rig_tcp){ RIG_BACKEND, RIG_CLIENT, HB_TCP_SYN | HB_TCP_ACK, 9000, 1001 });
}

/* Runs what is queued through a worker. */
static void play(struct rig *rig, uint8_t hook)
{
	struct hb_worker_setup setup = { .queue_count = 1, .count = 1 };
	struct hb_cli_error err;
	struct hb_worker *worker;

	rig_seal(rig);
	kernel.hook = hook;
	sem_init(&kernel.idle, 0, 0);
	setup.policy = rig->policy;
	worker = hb_worker_new(&setup, &err);
	ck_assert_ptr_nonnull(worker);
	ck_assert_int_eq(hb_worker_start(worker, &err), 0);
	sem_wait(&kernel.idle);
	hb_worker_stop(worker);
	hb_worker_free(worker);
	hb_policy_unref(rig->policy);
	sem_destroy(&kernel.idle);
	ck_assert_uint_eq(kernel.given, kernel.made);
}

/* The handshake's packets leave before the SYN to the backend, though all of them came in one read. */
START_TEST(rule_27_verdicts_before_emissions)
{
	struct rig rig;

	rig_backend(rig_open(&rig), RIG_BACKEND, "hash");
	queue_session(RIG_ATTACKED);
	play(&rig, NF_INET_PRE_ROUTING);
	ck_assert_uint_ge(kernel.sent, 3); /* SYN, RST to the frontend, the request */
	ck_assert_uint_eq(kernel.waited_for, 3);
	ck_assert(!kernel.overtook);
}
END_TEST

/* What is sent again from FORWARD is a packet of our own as well. */
START_TEST(rule_27_verdicts_before_what_is_sent_again)
{
	struct rig rig;

	rig_open_empty(&rig);
	rig_backend(rig_target(&rig, "dst host " RIG_FRONTEND, RIG_FRONTEND), RIG_BACKEND, "hash");
	queue_session(RIG_FRONTEND);
	queue_tcp(&(struct rig_tcp){ RIG_CLIENT, RIG_FRONTEND, HB_TCP_SYN, 7000,
				     .from_port = 40001 });
	queue_tcp(&(struct rig_tcp){ RIG_CLIENT, RIG_FRONTEND, HB_TCP_ACK, 1004, 5001 });
	play(&rig, NF_INET_FORWARD);
	ck_assert_uint_eq(kernel.sent, 4); /* and the ACK */
	ck_assert(!kernel.overtook);
}
END_TEST

UNIT_MAIN("worker", rule_27_verdicts_before_emissions, rule_27_verdicts_before_what_is_sent_again)
