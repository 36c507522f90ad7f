/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All workers of a daemon, each with its log queue; who speaks with them speaks with all.
 *
 * Worker i has kernel queue first_queue + i, and, where the two directions have queues of their own,
 * outgoing_queue + i for what honeypots send. They share the policy and the seed, so a module's answer
 * about a flow does not depend on which of them is asked.
 */
#ifndef HB_WORKERS_H
#define HB_WORKERS_H

#include "config.h"
#include "logqueue.h"
#include "worker.h"

#include <honeybrid/engine.h>

struct hb_workers;

struct hb_workers_setup {
	const struct hb_config *config; /* read, not kept; its policy is referenced */
	uint16_t first_queue;
	unsigned count;
	unsigned log_records; /* that wait for each worker, at most; a power of two */
	unsigned log_kinds;   /* as for hb_logqueue_new() */
};

/*
 * Opens all queues and sockets.
 *
 * Returns  the workers, given: free with hb_workers_free(). NULL with *err filled in.
 */
struct hb_workers *hb_workers_new(const struct hb_workers_setup *setup, struct hb_cli_error *err);

/* Starts the threads. Returns 0, or -1 with *err filled in; some may have been started then. */
int hb_workers_start(struct hb_workers *workers, struct hb_cli_error *err);

/* As hb_worker_set_policy(), one worker after the other; some may have it when others cannot. */
int hb_workers_set_policy(struct hb_workers *workers, struct hb_policy *policy);

/*
 * From now on a thread that ends its flows waits for room in its log queue: another one must go on to
 * call hb_workers_drain(). Thread: any.
 */
void hb_workers_set_patient(struct hb_workers *workers);

/* Stops the threads, as hb_worker_stop(). */
void hb_workers_stop(struct hb_workers *workers);

/* Stops if necessary and frees. NULL is fine. */
void hb_workers_free(struct hb_workers *workers);

/* To wait on; readable when hb_workers_drain() would find something. */
int hb_workers_log_fd(const struct hb_workers *workers);

/* As hb_logqueue_drain() for each worker's queue. Returns how many records there were. */
unsigned hb_workers_drain(struct hb_workers *workers,
			  void (*take)(void *ctx, const struct hb_log_record *record), void *ctx);

/* How many records were lost so far. Thread: any. */
uint64_t hb_workers_lost(const struct hb_workers *workers);

/* The sums over all workers. Thread: one at a time. */
void hb_workers_get_counters(struct hb_workers *workers, struct hb_counters *engine,
			     struct hb_queue_counters *queue);

#endif
