/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The engine: a function from (packet, time) to (verdict, packets to send, events).
 *
 * It has no socket, no thread and no clock. The embedder's loop is
 *
 *	struct hb_engine *engine = hb_engine_new(&setup, policy, &err);
 *	while (running) {
 *		wait_for_packet_until(hb_engine_next_deadline(engine));
 *		now = read_clocks();
 *		while (next_packet(&dgram))
 *			give_back(&dgram, hb_engine_input(engine, &dgram, now));
 *		hb_engine_advance(engine, now);
 *	}
 *	hb_engine_stop(engine, now);
 *	hb_engine_free(engine);
 *
 * Thread: one at a time per engine; engines share nothing but their (sealed) policy. The same
 * packets, times and seed give the same verdicts, packets and events.
 */
#ifndef HONEYBRID_ENGINE_H
#define HONEYBRID_ENGINE_H

#include <honeybrid/event.h>
#include <honeybrid/packet.h>
#include <honeybrid/policy.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hb_engine;

/* What becomes of a datagram. */
enum hb_verdict {
	HB_DROP = 0,
	HB_ACCEPT,          /* goes on as it came */
	HB_ACCEPT_MODIFIED, /* goes on with the bytes that the engine left in it */
	HB_VERDICT_COUNT
};

/*
 * The engine's way out. Both are called from within hb_engine_input(), _advance(), _stop() and
 * must not call the engine.
 */
struct hb_ops {
	size_t size; /* sizeof(struct hb_ops) */
	/*
	 * Sends a packet of the engine's own, or one that came in fragments and goes on: complete,
	 * with checksums, or a fragment; never longer than hb_setup.mtu. Its TTL
	 * is that of a packet on its way into the gateway: who sends it from inside takes one hop
	 * off. Everything that hb_engine_input() decided before must leave before it.
	 * @dgram  borrowed for the call.
	 */
	void (*emit)(void *ctx, const struct hb_datagram *dgram);
	/* @event  borrowed for the call, with all that it points to. May be NULL. */
	void (*event)(void *ctx, const struct hb_event *event);
};

/* How to set an engine up. */
struct hb_setup {
	size_t size;              /* sizeof(struct hb_setup) */
	const struct hb_ops *ops; /* borrowed until the engine is freed */
	void *ctx;                /* passed to ops */
	uint8_t seed[16];         /* random; keys the flow table and all random choices */
	uint16_t mtu; /* longest packet that emit() takes; 0 for 1500, smaller ones count as 576 */
	/*
	 * The packets come from a record of the past. Rules are asked, and nothing is done: no
	 * address is translated, emit() is never called. Whoever answered a flow counts as its
	 * honeypot, as the attacked address itself. A flow that a backend would have got goes on as
	 * PROXY; its trace ends with "redirect:N".
	 */
	bool dry_run;
	/*
	 * Flows are numbered first_flow_id, first_flow_id + flow_id_step and so on; 0 stands for 1.
	 * Engines that share a policy must not give one number twice, since modules tell flows by it;
	 * and their seed is one, so that what a module draws for a flow is the same in all of them.
	 */
	uint64_t first_flow_id;
	uint32_t flow_id_step;
};

/* What happened so far; every one only grows, except those of "now". */
struct hb_counters {
	uint64_t packets, bytes;
	uint64_t accepted, modified, dropped, emitted;
	uint64_t malformed;   /* refused by the parser */
	uint64_t fragments;   /* pieces of packets */
	uint64_t reassembled; /* whole packets made of them */
	uint64_t
		fragments_lost; /* packets whose pieces overlapped, were too many or came too late */
	uint64_t flows_started;
	uint64_t flows;          /* now */
	uint64_t flows_evicted;  /* gave way at a limit */
	uint64_t buffered_bytes; /* now */
	uint64_t handovers_started, handovers_done, handovers_failed, handovers_declined;
	uint64_t backend_failures; /* handovers that failed since the backend was not reached */
	uint64_t backends_down;    /* now: not reached the last time, by address and port */
	uint64_t contained;        /* packets of honeypots that no rule let out */
	uint64_t unmatched;        /* new flows that no target takes */
	uint64_t broken;           /* a guarantee of the engine's own did not hold: a bug */
};

/*
 * Makes an engine.
 *
 * @policy  sealed; the engine takes a reference of its own.
 * Returns  the engine, given: free with hb_engine_free(). NULL: no memory, or the policy is not
 * sealed.
 */
HB_API struct hb_engine *hb_engine_new(const struct hb_setup *setup, struct hb_policy *policy,
				       struct hb_error *err);

/* Frees an engine without a word; NULL is fine. hb_engine_stop() first, for the last events. */
HB_API void hb_engine_free(struct hb_engine *engine);

/*
 * Runs one datagram through the engine.
 *
 * @dgram   borrowed until return; after HB_ACCEPT_MODIFIED its bytes differ, len may have grown up
 *          to cap; after HB_DROP its bytes are undefined.
 * @now     a mono_ns earlier than the last call's counts as the last call's.
 * Returns  a verdict at once: nothing is held back. What cannot be parsed is HB_DROP, and counted.
 * Calls    ops->emit and ops->event before it returns.
 */
HB_API enum hb_verdict hb_engine_input(struct hb_engine *engine, struct hb_datagram *dgram,
				       struct hb_time now);

/* Fires the timers that have expired. Calls ops->emit and ops->event. */
HB_API void hb_engine_advance(struct hb_engine *engine, struct hb_time now);

/*
 * When hb_engine_advance() must be called next: a mono_ns, UINT64_MAX for "never". It may be
 * earlier than necessary, never later.
 */
HB_API uint64_t hb_engine_next_deadline(const struct hb_engine *engine);

/*
 * Uses another policy for flows that start from now on; those that exist keep theirs, and the engine
 * its reference to that until the last of them has ended. See hb_policy_adopt() for what modules know.
 * Returns 0; -EINVAL if it is not sealed; -ENOMEM.
 */
HB_API int hb_engine_set_policy(struct hb_engine *engine, struct hb_policy *policy);

/*
 * Ends every flow: handovers are undone, each flow gets its FLOW_END event. The engine is empty
 * then, and may be used again.
 */
HB_API void hb_engine_stop(struct hb_engine *engine, struct hb_time now);

/* Copies the counters. */
HB_API void hb_engine_get_counters(const struct hb_engine *engine, struct hb_counters *counters);

#ifdef __cplusplus
}
#endif

#endif
