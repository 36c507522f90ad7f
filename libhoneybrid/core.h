/* SPDX-License-Identifier: BSD-2-Clause */
/* What every part of a running engine needs: time, budgets, the flow table, the way out. */
#ifndef HB_CORE_H
#define HB_CORE_H

#include "flowtable.h"
#include "health.h"
#include "learn.h"
#include "policies.h"
#include "reassembly.h"
#include "shares.h"

#include <honeybrid/engine.h>

struct hb_flow_block;

/* Memory of flows: blocks that are never given back before the engine goes (life.c). */
struct hb_flow_pool {
	struct hb_flow_block *blocks;
	struct hb_flow *free; /* chained by .older */
};

struct hb_core {
	struct hb_policy *policy; /* for new flows */
	struct hb_policies policies;
	struct hb_flow_pool pool;
	struct hb_time now;
	const struct hb_ops *ops;
	void *ctx;
	uint16_t mtu;
	bool dry_run; /* decide, and do nothing */
	uint8_t seed[16];
	struct hb_flowtable table;
	struct hb_wheel wheel;
	struct hb_reassembly reassembly;
	uint32_t last_fragment_id; /* of a packet of our own that was cut */
	struct hb_budget budget;   /* of all recordings; each source has a part of it */
	struct hb_shares shares;
	struct hb_learn learnt;  /* how long backends' answers are */
	struct hb_health health; /* which backends could not be reached */
	struct hb_counters counters;
	struct hb_flow_ranks ranks; /* who gives way first */
	uint64_t next_flow_id;
	uint32_t flow_id_step;
	uint8_t *scratch; /* twice: for packets of our own, and for pieces of packets */
};

/* What the recording of a flow counts against. */
static inline struct hb_budget *hb_core_budget(struct hb_core *core, const struct hb_flow *flow)
{
	if (core->shares.slots == NULL)
		return &core->budget;
	return &hb_shares_find(&core->shares, core->seed, &flow->client)->budget;
}

#define HB_SCRATCH_SIZE 65536

#define HB_NS_PER_MS UINT64_C(1000000)
#define HB_NS_PER_S UINT64_C(1000000000)

#endif
