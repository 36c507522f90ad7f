/* SPDX-License-Identifier: BSD-2-Clause */
/* Verdicts on queued packets, gathered into one write to the kernel: see verdicts.c. */
#ifndef HB_VERDICTS_H
#define HB_VERDICTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/* How many messages fit in one write. */
#define HB_VERDICTS_MAX 64

/* The longest message without a packet's bytes: headers, verdict, mark, head of the packet. */
#define HB_VERDICTS_HEAD_SIZE 44

/* Neighbours in the queue that share verdict and mark. */
struct hb_verdict_run {
	unsigned count; /* 0: there is no run */
	uint32_t last_id;
	uint32_t verdict; /* NF_ACCEPT or NF_DROP */
	uint32_t mark;    /* NF_ACCEPT only */
};

struct hb_verdicts {
	uint16_t queue;
	unsigned messages; /* finished; an open run will be one more */
	size_t bytes;      /* of the finished messages */
	struct hb_verdict_run run;
	unsigned iov_count;
	struct iovec iov[3 * HB_VERDICTS_MAX];
	_Alignas(8) char heads[HB_VERDICTS_MAX * HB_VERDICTS_HEAD_SIZE];
	size_t heads_len;
	char padding[4]; /* zeroes, between a packet of odd length and the next message */
};

/* Starts empty, for a queue number. */
void hb_verdicts_init(struct hb_verdicts *verdicts, uint16_t queue);

/* Starts again, after the write. */
void hb_verdicts_reset(struct hb_verdicts *verdicts);

bool hb_verdicts_empty(const struct hb_verdicts *verdicts);

/*
 * True if the verdict on one packet, of len bytes or 0 for one without, could be added within
 * max_bytes in all. An empty one takes any packet.
 */
bool hb_verdicts_fits(const struct hb_verdicts *verdicts, size_t len, size_t max_bytes);

/*
 * Each adds the verdict on one packet; hb_verdicts_fits() was asked before, and ids come in the
 * queue's order.
 *
 * @mark  the packet's whole mark from now on.
 * @data  what replaces the packet, at most HB_QPACKET_MAX bytes; borrowed until the write.
 */
void hb_verdicts_accept(struct hb_verdicts *verdicts, uint32_t id, uint32_t mark);
void hb_verdicts_drop(struct hb_verdicts *verdicts, uint32_t id);
void hb_verdicts_replace(struct hb_verdicts *verdicts, uint32_t id, uint32_t mark, uint8_t *data,
			 size_t len);

/* Drops every packet up to id that has no verdict so far; at most once between two packets. */
void hb_verdicts_drop_through(struct hb_verdicts *verdicts, uint32_t id);

/* Ends the open run: iov, iov_count and bytes are ready to be written then. */
void hb_verdicts_finish(struct hb_verdicts *verdicts);

#endif
