/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Accepts addresses that are in a file: one to a line, or a network, 10.0.0.0/8 or 2001:db8::/32.
 *
 * Entries become ranges, sorted and joined where they overlap, so that an address is found by
 * halving: 17 steps among 100,000.
 */
#include <honeybrid/module.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { IPV4, IPV6, VERSIONS };

struct range {
	struct hb_addr first, last;
};

struct table {
	struct range *ranges;
	size_t count, room;
};

struct list {
	struct table tables[VERSIONS]; /* apart: ::/0 is no IPv4 address */
	int64_t of;                    /* 0: the source; 1: the destination */
};

static int compare(const struct hb_addr *a, const struct hb_addr *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

static int compare_ranges(const void *a, const void *b)
{
	return compare(&((const struct range *)a)->first, &((const struct range *)b)->first);
}

static int add(struct table *table, const struct range *range)
{
	if (table->count == table->room) {
		size_t room = table->room ? table->room * 2 : 64;
		struct range *ranges = reallocarray(table->ranges, room, sizeof(*ranges));

		if (!ranges)
			return -ENOMEM;
		table->ranges = ranges;
		table->room = room;
	}
	table->ranges[table->count++] = *range;
	return 0;
}

static int take(void *ctx, char *line, struct hb_error *err)
{
	struct list *list = ctx;
	struct range range;

	if (hb_addr_parse_network(line, &range.first, &range.last) < 0)
		return hb_error_set(err, HB_ERROR_CONFIG, 0,
				    "\"%.64s\" is neither an address nor a network: it must be "
				    "like 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32",
				    line);
	return add(&list->tables[hb_addr_is_ipv4(&range.first) ? IPV4 : IPV6], &range);
}

/* Sorts the ranges, and joins those that overlap. */
static void settle(struct table *table)
{
	size_t kept = 0;

	if (table->count == 0)
		return;
	qsort(table->ranges, table->count, sizeof(struct range), compare_ranges);
	for (size_t i = 1; i < table->count; i++) {
		struct range *last = &table->ranges[kept], *next = &table->ranges[i];

		if (compare(&next->first, &last->last) > 0)
			table->ranges[++kept] = *next;
		else if (compare(&next->last, &last->last) > 0)
			last->last = next->last;
	}
	table->count = kept + 1;
}

static bool contains(const struct table *table, const struct hb_addr *addr)
{
	size_t low = 0, high = table->count; /* the first range that begins behind addr */

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare(&table->ranges[middle].first, addr) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 && compare(addr, &table->ranges[low - 1].last) <= 0;
}

static enum hb_decision decide(void *state, const struct hb_query *query)
{
	const struct list *list = state;
	const struct hb_flow_info *flow = query->flow;
	const struct hb_addr *addr = list->of ? &flow->attacked.addr : &flow->client.addr;
	const struct table *table = &list->tables[hb_addr_is_ipv4(addr) ? IPV4 : IPV6];

	return contains(table, addr) ? HB_DECISION_ACCEPT : HB_DECISION_REJECT;
}

static void destroy(void *state)
{
	struct list *list = state;

	free(list->tables[IPV4].ranges);
	free(list->tables[IPV6].ranges);
	free(list);
}

static int create(const struct hb_instance *instance, void **state, struct hb_error *err)
{
	struct list *list = calloc(1, sizeof(*list));

	if (!list)
		return hb_error_set(err, HB_ERROR_SYSTEM, 0, "no memory for module \"%s\"",
				    hb_instance_name(instance));
	list->of = hb_instance_integer(instance, "of");

	int ret = hb_instance_read_lines(instance, "file", take, list, err);

	if (ret < 0) {
		destroy(list);
		return ret;
	}
	settle(&list->tables[IPV4]);
	settle(&list->tables[IPV6]);
	*state = list;
	return 0;
}

static const struct hb_param_word sides[] = { { "source", 0 }, { "destination", 1 }, { NULL, 0 } };

static const struct hb_param params[] = {
	{ .name = "file", .type = HB_PARAM_FILE, .required = true, .help = "what is in the list" },
	{ .name = "of", .type = HB_PARAM_WORD, .max = 1, .words = sides },
	{ .name = NULL },
};

HB_MODULE(list, .flags = HB_MODULE_KEEPS_ANSWER, .summary = "accepts addresses that are in a file",
	  .params = params, .create = create, .destroy = destroy, .decide = decide)
