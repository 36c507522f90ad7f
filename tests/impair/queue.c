/* SPDX-License-Identifier: BSD-2-Clause */
/* A binary heap. */
#include "queue.h"

#include <stdlib.h>
#include <string.h>

static bool is_before(const struct impair_parcel *a, const struct impair_parcel *b)
{
	return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->number < b->number;
}

static void swap(struct impair_queue *queue, size_t i, size_t k)
{
	struct impair_parcel *parcel = queue->heap[i];
	queue->heap[i] = queue->heap[k];
	queue->heap[k] = parcel;
}

static bool make_room(struct impair_queue *queue)
{
	if (queue->count < queue->room)
		return true;
	size_t room = queue->room ? 2 * queue->room : 1024;
	struct impair_parcel **heap = realloc(queue->heap, room * sizeof(struct impair_parcel *));
	if (heap == NULL)
		return false;
	queue->heap = heap;
	queue->room = room;
	return true;
}

bool impair_queue_add(struct impair_queue *queue, const uint8_t *data, size_t len, uint64_t due_ns)
{
	struct impair_parcel *parcel = malloc(sizeof(*parcel) + len);
	if (parcel == NULL || !make_room(queue)) {
		free(parcel);
		return false;
	}
	parcel->due_ns = due_ns;
	parcel->number = queue->numbers++;
	parcel->len = len;
	memcpy(parcel->data, data, len);
	size_t i = queue->count++;
	queue->heap[i] = parcel;
	for (; i > 0 && is_before(parcel, queue->heap[(i - 1) / 2]); i = (i - 1) / 2)
		swap(queue, i, (i - 1) / 2);
	return true;
}

struct impair_parcel *impair_queue_first(const struct impair_queue *queue)
{
	return queue->count > 0 ? queue->heap[0] : NULL;
}

struct impair_parcel *impair_queue_take(struct impair_queue *queue)
{
	if (queue->count == 0)
		return NULL;
	struct impair_parcel *taken = queue->heap[0];
	queue->heap[0] = queue->heap[--queue->count];
	size_t i = 0;
	for (;;) {
		size_t first = i, left = 2 * i + 1, right = left + 1;
		if (left < queue->count && is_before(queue->heap[left], queue->heap[first]))
			first = left;
		if (right < queue->count && is_before(queue->heap[right], queue->heap[first]))
			first = right;
		if (first == i)
			return taken;
		swap(queue, i, first);
		i = first;
	}
}

void impair_queue_fini(struct impair_queue *queue)
{
	for (size_t i = 0; i < queue->count; i++)
		free(queue->heap[i]);
	free(queue->heap);
	*queue = (struct impair_queue){ 0 };
}
