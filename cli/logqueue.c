/* SPDX-License-Identifier: BSD-2-Clause */
#include "logqueue.h"

#include <ck_ring.h>
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

CK_RING_PROTOTYPE(record, hb_log_record)

struct hb_logqueue {
	struct ck_ring ring;
	struct hb_log_record *slots;
	unsigned capacity, kinds;
	int filled_fd; /* the reader waits on it */
	int room_fd;   /* a patient writer waits on it */
	/*
	 * The reader has seen the ring empty and is about to wait. Written by the reader before it
	 * looks once more, read by the writer behind its record: one of the two sees the other.
	 */
	atomic_bool reader_waits;
	atomic_bool is_patient;
	atomic_uint_fast64_t lost;
};

static int open_fds(struct hb_logqueue *queue)
{
	queue->filled_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	queue->room_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return queue->filled_fd < 0 || queue->room_fd < 0 ? -1 : 0;
}

struct hb_logqueue *hb_logqueue_new(unsigned capacity, unsigned kinds, struct hb_cli_error *err)
{
	struct hb_logqueue *queue = calloc(1, sizeof(*queue));

	if (!queue) {
		hb_cli_error_set(err, HB_EXIT_SYSTEM, "no memory for the log's queue");
		return NULL;
	}
	queue->capacity = capacity;
	queue->kinds = kinds;
	queue->filled_fd = queue->room_fd = -1;
	atomic_init(&queue->reader_waits, true);
	ck_ring_init(&queue->ring, capacity);
	queue->slots = calloc(capacity, sizeof(*queue->slots));
	if (!queue->slots || open_fds(queue) < 0) {
		hb_cli_error_set(err, HB_EXIT_SYSTEM, "cannot make the log's queue: %s",
				 strerror(errno));
		hb_logqueue_free(queue);
		return NULL;
	}
	return queue;
}

void hb_logqueue_free(struct hb_logqueue *queue)
{
	if (!queue)
		return;
	if (queue->filled_fd >= 0)
		close(queue->filled_fd);
	if (queue->room_fd >= 0)
		close(queue->room_fd);
	free(queue->slots);
	free(queue);
}

/* A counter that is full is readable already: nothing is lost with a refused write. */
static void signal_fd(int fd)
{
	const uint64_t one = 1;
	ssize_t written = write(fd, &one, sizeof(one));

	(void)written;
}

static void clear_fd(int fd)
{
	uint64_t count;
	ssize_t length = read(fd, &count, sizeof(count));

	(void)length;
}

static void copy_text(char *to, size_t size, const char *from)
{
	size_t length = from ? strnlen(from, size - 1) : 0;

	if (length > 0)
		memcpy(to, from, length);
	to[length] = '\0';
}

void hb_logqueue_fill(struct hb_log_record *record, const struct hb_event *event)
{
	record->kind = event->kind;
	record->time = event->time;
	record->flow = event->flow;
	record->from_state = event->from_state;
	record->handover = event->handover;
	copy_text(record->trace, sizeof(record->trace), event->trace);
	copy_text(record->reason, sizeof(record->reason), event->reason);
	copy_text(record->note, sizeof(record->note), event->note);
	copy_text(record->module, sizeof(record->module), event->module);
	copy_text(record->tag, sizeof(record->tag), event->tag);
}

static struct hb_log_record *reserve(struct hb_logqueue *queue)
{
	struct hb_log_record *record;

	for (;;) {
		struct pollfd wait = { .fd = queue->room_fd, .events = POLLIN };

		record = ck_ring_enqueue_reserve_spsc_record(&queue->ring, queue->slots);
		if (record || !atomic_load(&queue->is_patient))
			return record;
		poll(&wait, 1, -1);
		clear_fd(queue->room_fd);
	}
}

void hb_logqueue_put(void *ctx, const struct hb_event *event)
{
	struct hb_logqueue *queue = ctx;
	struct hb_log_record *record;

	if (!(queue->kinds & (1u << event->kind)))
		return;
	record = reserve(queue);
	if (!record) {
		atomic_fetch_add_explicit(&queue->lost, 1, memory_order_relaxed);
		return;
	}
	hb_logqueue_fill(record, event);
	ck_ring_enqueue_commit_spsc(&queue->ring);
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load(&queue->reader_waits) && atomic_exchange(&queue->reader_waits, false))
		signal_fd(queue->filled_fd);
}

void hb_logqueue_set_patient(struct hb_logqueue *queue)
{
	atomic_store(&queue->is_patient, true);
}

int hb_logqueue_fd(const struct hb_logqueue *queue)
{
	return queue->filled_fd;
}

unsigned hb_logqueue_drain(struct hb_logqueue *queue,
			   void (*take)(void *ctx, const struct hb_log_record *record), void *ctx)
{
	struct hb_log_record record;
	unsigned count = 0;

	clear_fd(queue->filled_fd);
	while (count < queue->capacity) {
		if (ck_ring_dequeue_spsc_record(&queue->ring, queue->slots, &record)) {
			take(ctx, &record);
			count++;
			continue;
		}
		atomic_store(&queue->reader_waits, true);
		atomic_thread_fence(memory_order_seq_cst);
		if (ck_ring_size(&queue->ring) == 0)
			break;
		atomic_store(&queue->reader_waits, false);
	}
	if (count == queue->capacity)
		signal_fd(queue->filled_fd);
	if (count > 0 && atomic_load(&queue->is_patient))
		signal_fd(queue->room_fd);
	return count;
}

uint64_t hb_logqueue_lost(const struct hb_logqueue *queue)
{
	return atomic_load_explicit(&queue->lost, memory_order_relaxed);
}
