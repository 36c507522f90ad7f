/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The way of an event from the worker's thread to the one that writes logs.
 *
 * The worker copies an event into a ring of fixed size and never waits: if the ring is full, the
 * record is lost and counted. It wakes the reader only if that has seen the ring empty.
 */
#ifndef HB_LOGQUEUE_H
#define HB_LOGQUEUE_H

#include "exit.h"

#include <honeybrid/event.h>
#include <honeybrid/policy.h>

/* An event with its texts, cut where they are too long. */
struct hb_log_record {
	enum hb_event_kind kind;
	struct hb_time time;
	struct hb_flow_info flow;
	enum hb_flow_state from_state;
	struct hb_handover_info handover;
	char trace[256];
	char reason[128];
	char note[208];
	char module[64];
	char tag[HB_CLONE_TAG_MAX + 1];
};

struct hb_logqueue;

/* Makes a record of an event. Thread: any. */
void hb_logqueue_fill(struct hb_log_record *record, const struct hb_event *event);

/*
 * Makes a queue.
 *
 * @capacity  a power of two; one less is how many records it holds.
 * @kinds     a bit (1 << kind) for each kind of event that is wanted; others are passed over.
 * Returns    the queue, given: free with hb_logqueue_free(). NULL with *err filled in.
 */
struct hb_logqueue *hb_logqueue_new(unsigned capacity, unsigned kinds, struct hb_cli_error *err);
void hb_logqueue_free(struct hb_logqueue *queue);

/* Adds an event. Thread: one, the worker's. ctx is the queue, as in hb_worker_setup. */
void hb_logqueue_put(void *ctx, const struct hb_event *event);

/* From now on hb_logqueue_put() waits for room: for the last events of a worker that stops. */
void hb_logqueue_set_patient(struct hb_logqueue *queue);

/* To wait on; readable when hb_logqueue_drain() would find something. */
int hb_logqueue_fd(const struct hb_logqueue *queue);

/*
 * Takes records out, at most as many as the queue holds; if there are more, the descriptor stays
 * readable. Thread: one. @record  borrowed for the call.
 * Returns how many there were.
 */
unsigned hb_logqueue_drain(struct hb_logqueue *queue,
			   void (*take)(void *ctx, const struct hb_log_record *record), void *ctx);

/* How many records were lost so far. Thread: any. */
uint64_t hb_logqueue_lost(const struct hb_logqueue *queue);

#endif
