/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The loop of a worker. At each wake-up, for each of its queues: read up to a batch of packets, run
 * each through the engine, give all verdicts back in one write; then fire the engine's timers.
 *
 * Order: what the engine decided leaves before what it emits afterwards. Verdicts wait for the end
 * of the batch, packets of our own do not, so emit() first writes the verdicts that wait.
 *
 * The engine belongs to the thread. What others may read is copied under the lock at each wake-up.
 * A new policy is laid down under the lock, and who brings it waits until the thread has taken it.
 */
#include "worker.h"

#include "rawsend.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S UINT64_C(1000000000)

struct hb_worker {
	struct hb_worker_setup setup;
	struct hb_nfqueue *queues[HB_WORKER_QUEUES_MAX];
	struct hb_rawsend *rawsend;
	struct hb_engine *engine;
	struct hb_ops ops;
	int epoll_fd;
	int wake_fd;          /* an eventfd: wakes the thread up */
	atomic_bool stopping; /* seen by a thread that is too busy to sleep */
	atomic_bool called;   /* new_policy is there */
	bool started;
	pthread_t thread;
	uint64_t emit_errors;
	uint8_t emit_hops; /* that packets of our own must lose: none if we see packets after
			      routing */

	pthread_mutex_t lock; /* what follows, and the kernel's counters */
	pthread_cond_t taken;
	struct hb_policy *new_policy; /* NULL: the thread has taken it */
	int policy_status;            /* what became of it */
	struct hb_counters engine_counters;
	struct hb_queue_counters queue_counters;
};

static struct hb_time read_clocks(void)
{
	struct timespec mono, wall;

	clock_gettime(CLOCK_MONOTONIC, &mono);
	clock_gettime(CLOCK_REALTIME, &wall);
	return (struct hb_time){
		.mono_ns = (uint64_t)mono.tv_sec * NS_PER_S + (uint64_t)mono.tv_nsec,
		.wall_us = (int64_t)wall.tv_sec * 1000000 + wall.tv_nsec / 1000,
	};
}

static void flush(struct hb_worker *worker)
{
	for (unsigned i = 0; i < worker->setup.queue_count; i++)
		hb_nfqueue_flush(worker->queues[i]);
}

static void emit(void *ctx, const struct hb_datagram *dgram)
{
	struct hb_worker *worker = ctx;

	flush(worker);
	if (hb_rawsend_send(worker->rawsend, dgram, worker->emit_hops) < 0)
		worker->emit_errors++;
}

static void tell(void *ctx, const struct hb_event *event)
{
	struct hb_worker *worker = ctx;

	if (worker->setup.event)
		worker->setup.event(worker->setup.event_ctx, event);
}

/* Both structs are numbers of one kind, and nothing else. */
static void add_numbers(void *sum, const void *part, size_t size)
{
	uint64_t *to = sum;
	const uint64_t *from = part;

	for (size_t i = 0; i < size / sizeof(*to); i++)
		to[i] += from[i];
}

static void publish_counters(struct hb_worker *worker)
{
	struct hb_queue_counters sum = { .emit_errors = worker->emit_errors };

	for (unsigned i = 0; i < worker->setup.queue_count; i++) {
		struct hb_queue_counters part;

		hb_nfqueue_get_counters(worker->queues[i], &part);
		add_numbers(&sum, &part, sizeof(sum));
	}
	pthread_mutex_lock(&worker->lock);
	hb_engine_get_counters(worker->engine, &worker->engine_counters);
	worker->queue_counters = sum;
	pthread_mutex_unlock(&worker->lock);
}

/* Whether TTLs are those before routing or those after it. This host's own packets do not tell. */
static void note_hook(struct hb_worker *worker, uint8_t hook)
{
	if (hook == NF_INET_PRE_ROUTING)
		worker->emit_hops = 1;
	else if (hook == NF_INET_FORWARD)
		worker->emit_hops = 0;
}

/*
 * In FORWARD routing is done: what has a new destination must start again from here. It must have a
 * new source, too: there conntrack knows the session that the client opened, and puts the attacked
 * address back into what goes to the client.
 */
static enum hb_verdict resend(struct hb_worker *worker, const struct hb_queue_packet *packet)
{
	flush(worker);
	if (hb_rawsend_resend(worker->rawsend, &packet->dgram) < 0)
		worker->emit_errors++;
	return HB_DROP;
}

static void run_packets(struct hb_worker *worker, struct hb_nfqueue *queue, struct hb_time now)
{
	struct hb_queue_packet packet;

	while (hb_nfqueue_next(queue, &packet)) {
		enum hb_verdict verdict;

		note_hook(worker, packet.hook);
		packet.dgram.tracked = packet.hook == NF_INET_FORWARD;
		verdict = hb_engine_input(worker->engine, &packet.dgram, now);
		if (verdict == HB_ACCEPT_MODIFIED && packet.hook == NF_INET_FORWARD)
			verdict = resend(worker, &packet);
		hb_nfqueue_give_back(queue, &packet, verdict, worker->setup.proof_mark);
	}
	hb_nfqueue_flush(queue);
}

/* Returns how many messages there were in all queues. @now  gets the time. */
static unsigned read_queues(struct hb_worker *worker, struct hb_time *now)
{
	unsigned total = 0;

	for (unsigned i = 0; i < worker->setup.queue_count; i++) {
		unsigned received = hb_nfqueue_receive(worker->queues[i]);

		total += received;
		if (received == 0)
			continue;
		*now = read_clocks();
		run_packets(worker, worker->queues[i], *now);
	}
	if (total == 0)
		*now = read_clocks();
	return total;
}

static void take_policy(struct hb_worker *worker)
{
	eventfd_t count;

	pthread_mutex_lock(&worker->lock);
	eventfd_read(worker->wake_fd, &count); /* written under the lock, too */
	atomic_store_explicit(&worker->called, false, memory_order_relaxed);
	if (worker->new_policy) {
		worker->policy_status = hb_engine_set_policy(worker->engine, worker->new_policy);
		worker->new_policy = NULL;
		pthread_cond_signal(&worker->taken);
	}
	pthread_mutex_unlock(&worker->lock);
}

/* Sleeps until there is a packet, a timer or the wish to stop. */
static void wait_for_work(struct hb_worker *worker, struct hb_time now)
{
	uint64_t deadline = hb_engine_next_deadline(worker->engine);
	uint64_t wait_ns = deadline > now.mono_ns ? deadline - now.mono_ns : 0;
	struct timespec timeout = { .tv_sec = (time_t)(wait_ns / NS_PER_S),
				    .tv_nsec = (long)(wait_ns % NS_PER_S) };
	struct epoll_event event;

	/* What became ready is found out by trying; an interruption is as good as a packet. */
	epoll_pwait2(worker->epoll_fd, &event, 1, deadline == UINT64_MAX ? NULL : &timeout, NULL);
}

static void *run(void *arg)
{
	struct hb_worker *worker = arg;
	struct hb_time now;

	prctl(PR_SET_TIMERSLACK, 1);
	while (!atomic_load_explicit(&worker->stopping, memory_order_relaxed)) {
		unsigned received = read_queues(worker, &now);

		if (hb_engine_next_deadline(worker->engine) <= now.mono_ns)
			hb_engine_advance(worker->engine, now);
		publish_counters(worker);
		if (atomic_load_explicit(&worker->called, memory_order_relaxed))
			take_policy(worker);
		/* Under load packets came meanwhile: to try first is cheaper than to ask. */
		if (received == 0)
			wait_for_work(worker, now);
	}
	hb_engine_stop(worker->engine, read_clocks());
	publish_counters(worker);
	return NULL;
}

static int watch(struct hb_worker *worker, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(worker->epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static int open_waiting(struct hb_worker *worker, struct hb_cli_error *err)
{
	struct timespec now = { 0 };
	struct epoll_event event;
	bool watched;

	worker->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	worker->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	watched = worker->epoll_fd >= 0 && worker->wake_fd >= 0 &&
		  watch(worker, worker->wake_fd) == 0;
	for (unsigned i = 0; watched && i < worker->setup.queue_count; i++)
		watched = watch(worker, hb_nfqueue_fd(worker->queues[i])) == 0;
	if (!watched)
		return hb_cli_error_set(err, HB_EXIT_SYSTEM, "cannot wait for packets: %s",
					strerror(errno));
	if (epoll_pwait2(worker->epoll_fd, &event, 1, &now, NULL) < 0 && errno == ENOSYS)
		return hb_cli_error_set(err, HB_EXIT_SYSTEM,
					"this kernel has no epoll_pwait2(): Linux 5.11 is needed");
	return 0;
}

static int make_engine(struct hb_worker *worker, struct hb_cli_error *err)
{
	struct hb_setup setup = { .size = sizeof(setup),
				  .ops = &worker->ops,
				  .ctx = worker,
				  .first_flow_id = worker->setup.number + 1,
				  .flow_id_step = worker->setup.count };
	struct hb_error reason = { 0 };

	worker->ops = (struct hb_ops){ .size = sizeof(worker->ops), .emit = emit, .event = tell };
	memcpy(setup.seed, worker->setup.seed, sizeof(setup.seed));
	worker->engine = hb_engine_new(&setup, worker->setup.policy, &reason);
	if (!worker->engine)
		return hb_cli_error_set(err, HB_EXIT_SYSTEM, "cannot make the engine: %s",
					reason.message);
	return 0;
}

struct hb_worker *hb_worker_new(const struct hb_worker_setup *setup, struct hb_cli_error *err)
{
	struct hb_worker *worker = calloc(1, sizeof(*worker));

	if (!worker) {
		hb_cli_error_set(err, HB_EXIT_SYSTEM, "out of memory");
		return NULL;
	}
	worker->setup = *setup;
	worker->emit_hops = 1;
	worker->epoll_fd = worker->wake_fd = -1;
	atomic_init(&worker->stopping, false);
	atomic_init(&worker->called, false);
	pthread_mutex_init(&worker->lock, NULL);
	pthread_cond_init(&worker->taken, NULL);
	for (unsigned i = 0; i < setup->queue_count; i++) {
		worker->queues[i] = hb_nfqueue_open(setup->queues[i], err);
		if (!worker->queues[i])
			goto fail;
	}
	worker->rawsend =
		hb_rawsend_open(setup->own_mark | setup->proof_mark, setup->uplink_mask, err);
	if (!worker->rawsend)
		goto fail;
	if (open_waiting(worker, err) < 0 || make_engine(worker, err) < 0)
		goto fail;
	return worker;
fail:
	hb_worker_free(worker);
	return NULL;
}

int hb_worker_start(struct hb_worker *worker, struct hb_cli_error *err)
{
	char name[16];
	sigset_t all, before;
	int status;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	status = pthread_create(&worker->thread, NULL, run, worker);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (status != 0)
		return hb_cli_error_set(err, HB_EXIT_SYSTEM, "cannot start a thread: %s",
					strerror(status));
	worker->started = true;
	snprintf(name, sizeof(name), "queue-%u", (unsigned)worker->setup.queues[0]);
	pthread_setname_np(worker->thread, name);
	return 0;
}

int hb_worker_set_policy(struct hb_worker *worker, struct hb_policy *policy)
{
	int status;

	if (!worker->started)
		return hb_engine_set_policy(worker->engine, policy);
	pthread_mutex_lock(&worker->lock);
	worker->new_policy = policy;
	atomic_store_explicit(&worker->called, true, memory_order_relaxed);
	eventfd_write(worker->wake_fd, 1);
	while (worker->new_policy)
		pthread_cond_wait(&worker->taken, &worker->lock);
	status = worker->policy_status;
	pthread_mutex_unlock(&worker->lock);
	return status;
}

void hb_worker_stop(struct hb_worker *worker)
{
	if (!worker->started)
		return;
	atomic_store_explicit(&worker->stopping, true, memory_order_relaxed);
	eventfd_write(worker->wake_fd, 1);
	pthread_join(worker->thread, NULL);
	worker->started = false;
}

void hb_worker_free(struct hb_worker *worker)
{
	if (!worker)
		return;
	hb_worker_stop(worker);
	hb_engine_free(worker->engine);
	hb_rawsend_close(worker->rawsend);
	if (worker->wake_fd >= 0)
		close(worker->wake_fd);
	if (worker->epoll_fd >= 0)
		close(worker->epoll_fd);
	for (unsigned i = 0; i < worker->setup.queue_count; i++)
		hb_nfqueue_close(worker->queues[i]);
	pthread_cond_destroy(&worker->taken);
	pthread_mutex_destroy(&worker->lock);
	free(worker);
}

void hb_worker_get_counters(struct hb_worker *worker, struct hb_counters *engine,
			    struct hb_queue_counters *queue)
{
	pthread_mutex_lock(&worker->lock);
	add_numbers(engine, &worker->engine_counters, sizeof(*engine));
	add_numbers(queue, &worker->queue_counters, sizeof(*queue));
	for (unsigned i = 0; i < worker->setup.queue_count; i++) {
		struct hb_queue_counters part = { 0 };

		hb_nfqueue_get_kernel_counters(worker->queues[i], &part);
		add_numbers(queue, &part, sizeof(*queue));
	}
	pthread_mutex_unlock(&worker->lock);
}
