/* SPDX-License-Identifier: BSD-2-Clause */
/* Packets that are on their way, the one that is due first on top. */
#ifndef IMPAIR_QUEUE_H
#define IMPAIR_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct impair_parcel {
	uint64_t due_ns;
	uint64_t number; /* of two that are due at a time, the one that came first is first */
	size_t len;
	uint8_t data[]; /* a virtio header, then the frame */
};

struct impair_queue {
	struct impair_parcel **heap;
	size_t count, room;
	uint64_t numbers;
};

/* A copy of the bytes goes into the queue. Returns false if there is no memory. */
bool impair_queue_add(struct impair_queue *queue, const uint8_t *data, size_t len, uint64_t due_ns);

/* The first one, NULL if there is none; it stays the queue's. */
struct impair_parcel *impair_queue_first(const struct impair_queue *queue);

/* Takes the first one out; given: free() it. NULL if there is none. */
struct impair_parcel *impair_queue_take(struct impair_queue *queue);

void impair_queue_fini(struct impair_queue *queue);

#endif
