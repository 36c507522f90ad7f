/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A decision module from outside: accepts one flow, or one packet, in n.
 *
 *	cc -shared -fPIC -o random_one_in.so random_one_in.c $(pkg-config --cflags --libs
 *libhoneybrid)
 *
 *	module "some" { function = random_one_in; n = 10; of = flows; }
 *
 * The file's name is the function's, and HB_MODULE(random_one_in, ...) below makes the symbol that
 * honeybridd looks for in it.
 */
#include <honeybrid/module.h>

#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { OF_FLOWS, OF_PACKETS };

/*
 * What one "module" section needs at run time. Several threads ask one instance at once: what never
 * changes after create() needs no care, and the one thing that changes is atomic. What is known
 * about addresses or payloads would be kept in a store, see <honeybrid/store.h>.
 */
struct one_in {
	uint64_t n;
	int64_t of;
	atomic_uint_fast64_t accepted;
};

/* Parameters have been checked against the table below: nothing is parsed here. */
static int create(const struct hb_instance *instance, void **state, struct hb_error *err)
{
	struct one_in *one_in = malloc(sizeof(*one_in));

	if (!one_in)
		return hb_error_set(err, HB_ERROR_SYSTEM, 0, "no memory for module \"%s\"",
				    hb_instance_name(instance));
	one_in->n = (uint64_t)hb_instance_integer(instance, "n");
	one_in->of = hb_instance_integer(instance, "of");
	atomic_init(&one_in->accepted, 0);
	*state = one_in;
	return 0;
}

/*
 * Asked with each packet of the client's, until the rule has its answer. A module must not draw its
 * own random numbers: flow_random is the same whenever it is asked about this flow, so that the
 * answer does not depend on which worker asks.
 */
static enum hb_decision decide(void *state, const struct hb_query *query)
{
	struct one_in *one_in = state;
	uint64_t draw = query->flow_random;

	if (one_in->of == OF_PACKETS)
		draw += query->flow->client_packets;
	if (draw % one_in->n != 0)
		return one_in->of == OF_FLOWS ? HB_DECISION_REJECT : HB_DECISION_DEFER;

	uint_fast64_t before =
		atomic_fetch_add_explicit(&one_in->accepted, 1, memory_order_relaxed);

	/* For the log of someone who asked for details. */
	hb_query_note(query, "number %" PRIu64 " that was accepted", (uint64_t)before + 1);
	return HB_DECISION_ACCEPT;
}

static const struct hb_param_word things[] = {
	{ "flows", OF_FLOWS },
	{ "packets", OF_PACKETS },
	{ NULL, 0 },
};

static const struct hb_param params[] = {
	{
		.name = "n",
		.type = HB_PARAM_INTEGER,
		.required = true,
		.min = 1,
		.max = 1000000,
		.help = "one in so many is accepted",
	},
	{
		.name = "of",
		.type = HB_PARAM_WORD,
		.max = OF_PACKETS,
		.default_integer = OF_FLOWS,
		.words = things,
		.help = "what is counted",
	},
	{ .name = NULL },
};

/* destroy() has nothing to do but free(). */
HB_MODULE(random_one_in, .summary = "accepts one flow or packet in n, at random", .params = params,
	  .create = create, .destroy = free, .decide = decide)
