/* SPDX-License-Identifier: BSD-2-Clause */
/* Always the same answer. */
#include <honeybrid/module.h>

#include <stdlib.h>

struct yesno {
	enum hb_decision answer;
};

static int create(const struct hb_instance *instance, void **state, struct hb_error *err)
{
	struct yesno *yesno = malloc(sizeof(*yesno));

	if (!yesno)
		return hb_error_set(err, HB_ERROR_SYSTEM, 0, "no memory for module \"%s\"",
				    hb_instance_name(instance));
	yesno->answer = hb_instance_integer(instance, "value") == 0 ? HB_DECISION_ACCEPT
								    : HB_DECISION_REJECT;
	*state = yesno;
	return 0;
}

static enum hb_decision decide(void *state, const struct hb_query *query)
{
	const struct yesno *yesno = state;

	(void)query;
	return yesno->answer;
}

/* 0 is yes: configurations have been written so for as long as there is this module. */
static const struct hb_param_word answers[] = {
	{ "yes", 0 }, { "accept", 0 }, { "no", 1 }, { "reject", 1 }, { NULL, 0 },
};

static const struct hb_param params[] = {
	{
		.name = "value",
		.type = HB_PARAM_WORD,
		.required = true,
		.max = 1,
		.words = answers,
		.help = "the answer: yes or accept (0), no or reject (1)",
	},
	{ .name = NULL },
};

HB_MODULE(yesno, .summary = "always gives the same answer", .params = params, .create = create,
	  .destroy = free, .decide = decide)
