/* SPDX-License-Identifier: BSD-2-Clause */
#include "stream.h"

#include "seq.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 256

void hb_stream_init(struct hb_stream *stream, uint32_t base)
{
	*stream = (struct hb_stream){ .base = base };
}

void hb_stream_fini(struct hb_stream *stream, struct hb_budget *budget)
{
	hb_budget_give(budget, stream->cap);
	free(stream->data);
	*stream = (struct hb_stream){ .base = stream->base };
}

uint32_t hb_stream_end(const struct hb_stream *stream)
{
	return stream->base + (uint32_t)stream->len;
}

/* Makes room for as much of want bytes in all as the budget allows. */
static void grow(struct hb_stream *stream, struct hb_budget *budget, size_t want)
{
	size_t cap = stream->cap ? stream->cap : FIRST_CAPACITY;
	while (cap < want)
		cap *= 2;
	if (cap > hb_budget_each(budget))
		cap = hb_budget_each(budget);
	if (cap <= stream->cap || !hb_budget_take(budget, cap - stream->cap))
		return;
	uint8_t *data = realloc(stream->data, cap);
	if (data == NULL) {
		hb_budget_give(budget, cap - stream->cap);
		return;
	}
	stream->data = data;
	stream->cap = cap;
}

size_t hb_stream_preview(struct hb_stream *stream, struct hb_budget *budget, size_t ahead,
			 const uint8_t *data, size_t len)
{
	size_t at = stream->len + ahead;
	if (len == 0)
		return 0;
	if (at + len > stream->cap)
		grow(stream, budget, at + len);
	size_t room = stream->cap - at;
	if (len > room)
		len = room;
	if (len > 0)
		memcpy(stream->data + at, data, len);
	return len;
}

size_t hb_stream_append(struct hb_stream *stream, struct hb_budget *budget, const uint8_t *data,
			size_t len)
{
	len = hb_stream_preview(stream, budget, 0, data, len);
	stream->len += len;
	return len;
}

const uint8_t *hb_stream_at(const struct hb_stream *stream, uint32_t seq, size_t *len)
{
	uint32_t offset = hb_seq_distance(stream->base, seq);
	if (offset >= stream->len) {
		*len = 0;
		return NULL;
	}
	*len = stream->len - offset;
	return stream->data + offset;
}
