/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A worker: one engine, the kernel queues that are its own, and one thread that runs packets from
 * these through that.
 *
 * hb_worker_new() opens all that needs privilege and starts no thread, so that the caller can give
 * its privilege up in between; from then on the kernel keeps packets for the worker.
 */
#ifndef HB_WORKER_H
#define HB_WORKER_H

#include "exit.h"
#include "nfqueue.h"

#include <honeybrid/engine.h>

struct hb_worker;

/* One for each direction, say. All that concerns an attacker must come to one worker. */
#define HB_WORKER_QUEUES_MAX 2

struct hb_worker_setup {
	uint16_t queues[HB_WORKER_QUEUES_MAX];
	unsigned queue_count;
	struct hb_policy *policy; /* sealed; the worker's engine takes a reference of its own */
	uint8_t seed[16];         /* random, and that of all workers with this policy */
	uint32_t number, count;   /* this worker, from 0, and how many there are */
	uint32_t own_mark;        /* set in the mark of packets that the engine makes */
	uint32_t proof_mark;      /* set in the mark of every packet that was let through */
	uint32_t uplink_mask;     /* which bits of a packet's mark choose its way out */
	/* Runs in the worker's thread, and must not block. @event  borrowed for the call. */
	void (*event)(void *ctx, const struct hb_event *event);
	void *event_ctx;
};

/*
 * Opens the queues and the sockets that send, and makes the engine.
 *
 * @setup   copied.
 * Returns  the worker, given: free with hb_worker_free(). NULL with *err filled in otherwise.
 */
struct hb_worker *hb_worker_new(const struct hb_worker_setup *setup, struct hb_cli_error *err);

/* Starts the thread; it blocks all signals. Returns 0, or -1 with *err filled in. */
int hb_worker_start(struct hb_worker *worker, struct hb_cli_error *err);

/*
 * Puts another policy in force for flows that start from now on. When it returns it is; the worker
 * has a reference of its own.
 *
 * Returns 0, or a negative errno; then nothing has changed.
 * Thread  that which starts and stops the worker.
 */
int hb_worker_set_policy(struct hb_worker *worker, struct hb_policy *policy);

/* Ends every flow (their last events come from the worker's thread) and waits for the thread. */
void hb_worker_stop(struct hb_worker *worker);

/* Stops if necessary, gives the queues back to the kernel and frees. NULL is fine. */
void hb_worker_free(struct hb_worker *worker);

/*
 * Adds the counters as of the worker's last wake-up to those that are there.
 *
 * Thread           any, also while the worker runs.
 */
void hb_worker_get_counters(struct hb_worker *worker, struct hb_counters *engine,
			    struct hb_queue_counters *queue);

#endif
