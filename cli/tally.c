/* SPDX-License-Identifier: BSD-2-Clause */
#include "tally.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void hb_tally_fini(struct hb_tally *tally)
{
	free(tally->targets);
	*tally = (struct hb_tally){ 0 };
}

/* Makes room for a target's number. */
static int grow(struct hb_tally *tally, size_t number)
{
	struct hb_tally_target *targets;

	if (number < tally->target_count)
		return 0;
	targets = reallocarray(tally->targets, number + 1, sizeof(*targets));
	if (!targets)
		return -ENOMEM;
	memset(targets + tally->target_count, 0,
	       (number + 1 - tally->target_count) * sizeof(*targets));
	tally->targets = targets;
	tally->target_count = number + 1;
	return 0;
}

int hb_tally_count(struct hb_tally *tally, const struct hb_flow_info *flow, const char *tag)
{
	unsigned backend = flow->backend <= HB_TALLY_BACKENDS ? flow->backend : 0;
	int result = grow(tally, flow->target);

	if (result < 0)
		return result;
	tally->flows++;
	tally->states[flow->state]++;
	tally->targets[flow->target].flows++;
	tally->targets[flow->target].backends[backend]++;
	snprintf(tally->targets[flow->target].tags[backend], HB_CLONE_TAG_MAX + 1, "%s", tag);
	return 0;
}

static void print_states(const struct hb_tally *tally, const char *prefix, FILE *out)
{
	const char *separator = " ";

	fprintf(out, "%sflows by state:", prefix);
	for (unsigned i = 0; i < HB_STATE_COUNT; i++) {
		if (tally->states[i] == 0)
			continue;
		fprintf(out, "%s%s %" PRIu64, separator, hb_flow_state_name((enum hb_flow_state)i),
			tally->states[i]);
		separator = ", ";
	}
	fputc('\n', out);
}

static void print_target(const struct hb_tally_target *target, FILE *out)
{
	const char *separator = ": ";

	fprintf(out, "%" PRIu64 " of %" PRIu64 " flows would have been handed over",
		target->flows - target->backends[0], target->flows);
	for (unsigned i = 1; i <= HB_TALLY_BACKENDS; i++) {
		if (target->backends[i] == 0)
			continue;
		fprintf(out, "%s%" PRIu64 " to backend %u", separator, target->backends[i], i);
		if (target->tags[i][0])
			fprintf(out, " (%s)", target->tags[i]);
		separator = ", ";
	}
	fputc('\n', out);
}

void hb_tally_print(const struct hb_tally *tally, const char *prefix, FILE *out)
{
	if (tally->flows == 0)
		return;
	print_states(tally, prefix, out);
	for (size_t i = 1; i < tally->target_count; i++) {
		if (tally->targets[i].flows == 0)
			continue;
		fprintf(out, "%starget %zu: ", prefix, i);
		print_target(&tally->targets[i], out);
	}
	if (tally->targets[0].flows > 0)
		fprintf(out, "%sno target takes %" PRIu64 " of the flows\n", prefix,
			tally->targets[0].flows);
}
