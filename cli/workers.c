/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <unistd.h>

struct member {
	struct hb_worker *worker;
	struct hb_logqueue *log;
};

struct hb_workers {
	int log_fd; /* an epoll of the queues' descriptors */
	unsigned count;
	struct member members[];
};

static int add_member(struct hb_workers *workers, const struct hb_workers_setup *setup,
		      struct hb_worker_setup *worker_setup, struct hb_cli_error *err)
{
	struct member *member = &workers->members[workers->count++];
	struct epoll_event event = { .events = EPOLLIN };

	member->log = hb_logqueue_new(setup->log_records, setup->log_kinds, err);
	if (!member->log)
		return -1;
	if (epoll_ctl(workers->log_fd, EPOLL_CTL_ADD, hb_logqueue_fd(member->log), &event) < 0)
		return hb_cli_error_set(err, HB_EXIT_SYSTEM, "cannot wait for the log's queue: %s",
					strerror(errno));
	worker_setup->event_ctx = member->log;
	member->worker = hb_worker_new(worker_setup, err);
	return member->worker ? 0 : -1;
}

static bool fits(uint32_t first_queue, unsigned count)
{
	return first_queue + (count - 1) <= UINT16_MAX;
}

/* Worker i has a queue for each direction, if it does not have one for both. */
static int check_queues(const struct hb_workers_setup *setup, struct hb_cli_error *err)
{
	uint32_t first = setup->first_queue, outgoing = setup->config->outgoing_queue;
	uint32_t distance = first < outgoing ? outgoing - first : first - outgoing;

	if (!fits(first, setup->count))
		return hb_cli_error_set(
			err, HB_EXIT_USAGE,
			"%u workers from queue %u on need queues above %u: choose a "
			"lower number with -q",
			setup->count, (unsigned)first, UINT16_MAX);
	if (outgoing == HB_CONFIG_NO_QUEUE)
		return 0;
	if (!fits(outgoing, setup->count))
		return hb_cli_error_set(
			err, HB_EXIT_CONFIG,
			"%u workers with \"outgoing_queue\" %u need queues above %u", setup->count,
			(unsigned)outgoing, UINT16_MAX);
	if (distance < setup->count)
		return hb_cli_error_set(err, HB_EXIT_CONFIG,
					"\"outgoing_queue\" %u is one of the queues of the other "
					"direction, which are %u to %u",
					(unsigned)outgoing, (unsigned)first,
					(unsigned)first + setup->count - 1);
	return 0;
}

static int add_members(struct hb_workers *workers, const struct hb_workers_setup *setup,
		       struct hb_cli_error *err)
{
	const struct hb_config *config = setup->config;
	struct hb_worker_setup worker_setup = {
		.queue_count = config->outgoing_queue == HB_CONFIG_NO_QUEUE ? 1 : 2,
		.policy = config->policy,
		.count = setup->count,
		.own_mark = config->own_mark,
		.proof_mark = config->proof_mark,
		.uplink_mask = config->uplink_mask,
		.event = hb_logqueue_put,
	};

	if (check_queues(setup, err) < 0)
		return -1;
	workers->log_fd = epoll_create1(EPOLL_CLOEXEC);
	if (workers->log_fd < 0 || getrandom(worker_setup.seed, sizeof(worker_setup.seed), 0) !=
					   (ssize_t)sizeof(worker_setup.seed))
		return hb_cli_error_set(err, HB_EXIT_SYSTEM, "cannot prepare the workers: %s",
					strerror(errno));
	for (unsigned i = 0; i < setup->count; i++) {
		worker_setup.number = i;
		worker_setup.queues[0] = (uint16_t)(setup->first_queue + i);
		worker_setup.queues[1] = (uint16_t)(config->outgoing_queue + i);
		if (add_member(workers, setup, &worker_setup, err) < 0)
			return -1;
	}
	return 0;
}

struct hb_workers *hb_workers_new(const struct hb_workers_setup *setup, struct hb_cli_error *err)
{
	struct hb_workers *workers =
		calloc(1, sizeof(*workers) + setup->count * sizeof(workers->members[0]));

	if (!workers) {
		hb_cli_error_set(err, HB_EXIT_SYSTEM, "out of memory");
		return NULL;
	}
	workers->log_fd = -1;
	if (add_members(workers, setup, err) == 0)
		return workers;
	hb_workers_free(workers);
	return NULL;
}

int hb_workers_start(struct hb_workers *workers, struct hb_cli_error *err)
{
	for (unsigned i = 0; i < workers->count; i++) {
		if (hb_worker_start(workers->members[i].worker, err) < 0)
			return -1;
	}
	return 0;
}

int hb_workers_set_policy(struct hb_workers *workers, struct hb_policy *policy)
{
	int status = 0;

	for (unsigned i = 0; i < workers->count && status == 0; i++)
		status = hb_worker_set_policy(workers->members[i].worker, policy);
	return status;
}

void hb_workers_set_patient(struct hb_workers *workers)
{
	for (unsigned i = 0; i < workers->count; i++)
		hb_logqueue_set_patient(workers->members[i].log);
}

void hb_workers_stop(struct hb_workers *workers)
{
	for (unsigned i = 0; i < workers->count; i++)
		hb_worker_stop(workers->members[i].worker);
}

void hb_workers_free(struct hb_workers *workers)
{
	if (!workers)
		return;
	for (unsigned i = 0; i < workers->count; i++) {
		hb_worker_free(workers->members[i].worker);
		hb_logqueue_free(workers->members[i].log);
	}
	if (workers->log_fd >= 0)
		close(workers->log_fd);
	free(workers);
}

int hb_workers_log_fd(const struct hb_workers *workers)
{
	return workers->log_fd;
}

unsigned hb_workers_drain(struct hb_workers *workers,
			  void (*take)(void *ctx, const struct hb_log_record *record), void *ctx)
{
	unsigned total = 0;

	for (unsigned i = 0; i < workers->count; i++)
		total += hb_logqueue_drain(workers->members[i].log, take, ctx);
	return total;
}

uint64_t hb_workers_lost(const struct hb_workers *workers)
{
	uint64_t total = 0;

	for (unsigned i = 0; i < workers->count; i++)
		total += hb_logqueue_lost(workers->members[i].log);
	return total;
}

void hb_workers_get_counters(struct hb_workers *workers, struct hb_counters *engine,
			     struct hb_queue_counters *queue)
{
	*engine = (struct hb_counters){ 0 };
	*queue = (struct hb_queue_counters){ 0 };
	for (unsigned i = 0; i < workers->count; i++)
		hb_worker_get_counters(workers->members[i].worker, engine, queue);
}
