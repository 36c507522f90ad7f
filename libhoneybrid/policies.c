/* SPDX-License-Identifier: BSD-2-Clause */
#include "policies.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct hb_policy_use {
	struct hb_policy *policy;
	uint64_t flows; /* that have a target of it */
};

/* Never the last one. */
static void remove_unused(struct hb_policies *policies, size_t i)
{
	if (i + 1 >= policies->count || policies->uses[i].flows > 0)
		return;
	hb_policy_unref(policies->uses[i].policy);
	policies->count--;
	memmove(&policies->uses[i], &policies->uses[i + 1],
		(policies->count - i) * sizeof(policies->uses[0]));
}

int hb_policies_add(struct hb_policies *policies, struct hb_policy *policy)
{
	struct hb_policy_use *uses =
		reallocarray(policies->uses, policies->count + 1, sizeof(*uses));
	if (uses == NULL)
		return -ENOMEM;
	policies->uses = uses;
	uses[policies->count++] = (struct hb_policy_use){ .policy = hb_policy_ref(policy) };
	if (policies->count > 1)
		remove_unused(policies, policies->count - 2);
	return 0;
}

/* The newest first: nearly all flows have it. */
static size_t find(const struct hb_policies *policies, const struct hb_flow *flow)
{
	size_t i = policies->count;
	while (i > 0 && policies->uses[i - 1].policy != flow->target->policy)
		i--;
	return i - 1;
}

void hb_policies_enter(struct hb_policies *policies, const struct hb_flow *flow)
{
	if (flow->target != NULL)
		policies->uses[find(policies, flow)].flows++;
}

void hb_policies_leave(struct hb_policies *policies, const struct hb_flow *flow)
{
	if (flow->target == NULL)
		return;
	size_t i = find(policies, flow);
	policies->uses[i].flows--;
	remove_unused(policies, i);
}

void hb_policies_fini(struct hb_policies *policies)
{
	for (size_t i = 0; i < policies->count; i++)
		hb_policy_unref(policies->uses[i].policy);
	free(policies->uses);
	*policies = (struct hb_policies){ 0 };
}
