/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Accepts once the client has sent enough packets. The first one is number 0, and every datagram
 * counts: of a TCP session the SYN is 0, the bare ACK 1, the first request 2.
 */
#include <honeybrid/module.h>

#include <stdlib.h>

struct counter {
	int64_t packets;
};

static int create(const struct hb_instance *instance, void **state, struct hb_error *err)
{
	struct counter *counter = malloc(sizeof(*counter));

	if (!counter)
		return hb_error_set(err, HB_ERROR_SYSTEM, 0, "no memory for module \"%s\"",
				    hb_instance_name(instance));
	counter->packets = hb_instance_integer(instance, "counter");
	*state = counter;
	return 0;
}

static enum hb_decision decide(void *state, const struct hb_query *query)
{
	const struct counter *counter = state;
	int64_t after_first = (int64_t)query->flow->client_packets - 1;

	/* Not REJECT: that would be final for the backend. */
	return after_first >= counter->packets ? HB_DECISION_ACCEPT : HB_DECISION_DEFER;
}

static const struct hb_param params[] = {
	{
		.name = "counter",
		.type = HB_PARAM_INTEGER,
		.required = true,
		.max = 1000000000,
		.help = "client packets after the first one",
	},
	{ .name = NULL },
};

HB_MODULE(counter, .summary = "accepts once the client has sent enough packets", .params = params,
	  .create = create, .destroy = free, .decide = decide)
