/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One kernel packet queue (NFQUEUE): many packets in a read, many verdicts in a write.
 *
 *	while (hb_nfqueue_receive(queue) > 0) {
 *		while (hb_nfqueue_next(queue, &packet))
 *			hb_nfqueue_give_back(queue, &packet, verdict, mark);
 *		hb_nfqueue_flush(queue);
 *	}
 *
 * Nothing ends that loop: what goes wrong is counted, and a packet whose verdict got lost
 * is dropped.
 */
#ifndef HB_NFQUEUE_H
#define HB_NFQUEUE_H

#include "exit.h"
#include "qpacket.h"

#include <honeybrid/engine.h>

struct hb_nfqueue;

/* What happened so far. */
struct hb_queue_counters {
	uint64_t packets, bytes; /* received; bytes as the IP headers count, a super-packet once */
	uint64_t wakeups;        /* reads that brought at least one packet */
	uint64_t truncated;      /* packets that were too long for the queue, dropped */
	uint64_t overruns;       /* reads that failed, or said that messages were lost */
	uint64_t malformed;      /* messages of the kernel that made no sense */
	uint64_t wrong_hook;     /* rewritten where routing was over: dropped */
	uint64_t verdict_errors; /* verdicts that the kernel refused, or that could not be sent */
	uint64_t emit_errors;    /* packets of our own that could not be sent */
	uint64_t kernel_dropped; /* by the kernel: the queue was full */
	uint64_t user_dropped;   /* by the kernel: this reader's socket was full */
};

/*
 * Binds a queue number and asks for whole packets, super-packets included.
 *
 * Returns  the queue, given: free with hb_nfqueue_close(). NULL with *err filled in otherwise:
 * status 69 if another program owns the number, 77 without the privilege.
 */
struct hb_nfqueue *hb_nfqueue_open(uint16_t number, struct hb_cli_error *err);

/* Gives the number back; the kernel drops what is still in the queue. NULL is fine. */
void hb_nfqueue_close(struct hb_nfqueue *queue);

/* To wait on; readable when hb_nfqueue_receive() would bring something. */
int hb_nfqueue_fd(const struct hb_nfqueue *queue);

/*
 * Reads what is there, without waiting. Packets of an earlier read are gone then, verdicts must
 * have been flushed. Returns  how many messages were read; 0 for none.
 */
unsigned hb_nfqueue_receive(struct hb_nfqueue *queue);

/*
 * The next packet of the last read.
 *
 * @packet  filled in; its bytes live until the next hb_nfqueue_receive().
 * Returns  false if there is none left.
 */
bool hb_nfqueue_next(struct hb_nfqueue *queue, struct hb_queue_packet *packet);

/*
 * Notes a packet's verdict. Every packet that hb_nfqueue_next() gave must get one before the next
 * packet is asked for.
 *
 * @packet  its bytes must stay until hb_nfqueue_flush() if they were modified.
 * @mark    bits to set in the mark of a packet that is let through, beside those it has.
 */
void hb_nfqueue_give_back(struct hb_nfqueue *queue, const struct hb_queue_packet *packet,
			  enum hb_verdict verdict, uint32_t mark);

/* Hands all verdicts that were noted to the kernel. Costs nothing if there are none. */
void hb_nfqueue_flush(struct hb_nfqueue *queue);

/* What this process counted; the two counts of the kernel's are left 0. */
void hb_nfqueue_get_counters(const struct hb_nfqueue *queue, struct hb_queue_counters *counters);

/*
 * Asks the kernel for kernel_dropped and user_dropped; leaves them alone if it does not say.
 * Thread: one at a time, but not necessarily the one that reads packets.
 */
void hb_nfqueue_get_kernel_counters(struct hb_nfqueue *queue, struct hb_queue_counters *counters);

#endif
