/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A run of bytes of a TCP stream, in order, from a sequence number on. Its memory counts against
 * the engine's budget.
 */
#ifndef HB_STREAM_H
#define HB_STREAM_H

#include "budget.h"

struct hb_stream {
	uint8_t *data;
	size_t len, cap;
	uint32_t base; /* sequence number of data[0] */
};

void hb_stream_init(struct hb_stream *stream, uint32_t base);
void hb_stream_fini(struct hb_stream *stream, struct hb_budget *budget);

/* Sequence number behind the last byte. */
uint32_t hb_stream_end(const struct hb_stream *stream);

/*
 * Appends as much as the budget allows and returns how many bytes that was.
 */
size_t hb_stream_append(struct hb_stream *stream, struct hb_budget *budget, const uint8_t *data,
			size_t len);

/*
 * Puts bytes at a distance behind the end, where reading on finds them, without taking them: the
 * next append writes over them. What lies between was put there before.
 * Returns how many the budget had room for.
 */
size_t hb_stream_preview(struct hb_stream *stream, struct hb_budget *budget, size_t ahead,
			 const uint8_t *data, size_t len);

/*
 * The bytes from seq on.
 *
 * @len     gets how many there are, 0 if seq lies outside.
 * Returns  borrowed until the stream changes.
 */
const uint8_t *hb_stream_at(const struct hb_stream *stream, uint32_t seq, size_t *len);

#endif
