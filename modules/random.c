/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Accepts one flow in so many, at random. The number is drawn from the flow's own seed, so the
 * answer is the same however many engines share the instance.
 */
#include <honeybrid/module.h>

#include <stdlib.h>

struct random {
	uint64_t value;
};

static int create(const struct hb_instance *instance, void **state, struct hb_error *err)
{
	struct random *random = malloc(sizeof(*random));

	if (!random)
		return hb_error_set(err, HB_ERROR_SYSTEM, 0, "no memory for module \"%s\"",
				    hb_instance_name(instance));
	random->value = (uint64_t)hb_instance_integer(instance, "value");
	*state = random;
	return 0;
}

static enum hb_decision decide(void *state, const struct hb_query *query)
{
	const struct random *random = state;

	return query->flow_random % random->value == 0 ? HB_DECISION_ACCEPT : HB_DECISION_REJECT;
}

/* The limit keeps the remainder's bias below one in ten billion. */
static const struct hb_param params[] = {
	{
		.name = "value",
		.type = HB_PARAM_INTEGER,
		.required = true,
		.min = 1,
		.max = 1000000000,
		.help = "one flow in so many is accepted",
	},
	{ .name = NULL },
};

HB_MODULE(random, .flags = HB_MODULE_KEEPS_ANSWER,
	  .summary = "accepts one flow in value, at random", .params = params, .create = create,
	  .destroy = free, .decide = decide)
