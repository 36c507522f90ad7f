/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Accepts once the client's stream has certain bytes, or matches a Perl-compatible expression.
 *
 * The bytes come from attackers, so the work on them is bounded: only the first "depth" bytes are
 * looked at, and to match an expression may take so many steps for each of them. A step is an item of the
 * expression tried, or a byte that an item ran over: PCRE2's own limit counts neither for loops, and
 * begins anew at each byte of the text.
 */
#define PCRE2_CODE_UNIT_WIDTH 8

#include <honeybrid/module.h>

#include <pcre2.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_PER_BYTE 64
#define HEAP_LIMIT_KIB 1024

struct payload {
	size_t depth;
	pcre2_code *code;     /* NULL: the bytes are looked for */
	const uint8_t *bytes; /* the instance's, which lives as long as this */
	size_t bytes_len;
};

/* What a search has left, and where it was. */
struct work {
	uint64_t steps;
	size_t at;
};

static int count_step(pcre2_callout_block *block, void *ctx)
{
	struct work *work = ctx;
	size_t at = block->current_position;
	size_t steps = 1 + (at > work->at ? at - work->at : 0);

	if (steps > work->steps)
		return PCRE2_ERROR_MATCHLIMIT;
	work->steps -= steps;
	work->at = at;
	return 0;
}

/* As pcre2_match(): negative for "not found" and for errors. */
static int match(const struct payload *payload, const uint8_t *text, size_t len)
{
	struct work work = { .steps = payload->depth * STEPS_PER_BYTE };
	pcre2_match_context *context = pcre2_match_context_create(NULL);
	pcre2_match_data *data = pcre2_match_data_create(1, NULL);
	int found = PCRE2_ERROR_NOMEMORY;

	if (context && data) {
		pcre2_set_callout(context, count_step, &work);
		pcre2_set_heap_limit(context, HEAP_LIMIT_KIB);
		found = pcre2_match(payload->code, text, len, 0, 0, data, context);
	}
	pcre2_match_data_free(data);
	pcre2_match_context_free(context);
	return found;
}

static int search(const struct payload *payload, const uint8_t *text, size_t len)
{
	if (!text)
		text = (const uint8_t *)"";
	if (payload->code)
		return match(payload, text, len);
	return memmem(text, len, payload->bytes, payload->bytes_len) ? 0 : PCRE2_ERROR_NOMATCH;
}

static enum hb_decision decide(void *state, const struct hb_query *query)
{
	const struct payload *payload = state;
	/* There each packet is judged by itself; a session may still bring what is looked for. */
	bool packet_only = query->flow->state == HB_STATE_CONTROL;
	bool tcp = query->flow->protocol == HB_PROTO_TCP;
	size_t len;
	const uint8_t *text = hb_query_stream(query, &len);
	int found = search(payload, text, len < payload->depth ? len : payload->depth);

	if (found >= 0)
		return HB_DECISION_ACCEPT;
	if (found != PCRE2_ERROR_NOMATCH) {
		hb_query_note(query, "the search in the payload was given up: too many steps");
		/* "not payload" must let nothing out that was not looked at. */
		return packet_only ? HB_DECISION_DEFER : HB_DECISION_REJECT;
	}
	return packet_only || (tcp && len >= payload->depth) ? HB_DECISION_REJECT
							     : HB_DECISION_DEFER;
}

static void destroy(void *state)
{
	struct payload *payload = state;

	pcre2_code_free(payload->code);
	free(payload);
}

static int compile(struct payload *payload, const char *expression, struct hb_error *err)
{
	char reason[120];
	PCRE2_SIZE at;
	int code;

	payload->code = pcre2_compile((PCRE2_SPTR)expression, PCRE2_ZERO_TERMINATED,
				      PCRE2_NEVER_UTF | PCRE2_NEVER_UCP | PCRE2_AUTO_CALLOUT, &code,
				      &at, NULL);
	if (payload->code)
		return 0;
	pcre2_get_error_message(code, (PCRE2_UCHAR *)reason, sizeof(reason));
	return hb_error_set(err, HB_ERROR_CONFIG, 0,
			    "\"expression\" is \"%.64s\": %s, at character %zu", expression, reason,
			    at + 1);
}

static int create(const struct hb_instance *instance, void **state, struct hb_error *err)
{
	const char *expression = hb_instance_text(instance, "expression");
	struct payload *payload = calloc(1, sizeof(*payload));
	int ret = 0;

	if (!payload)
		return hb_error_set(err, HB_ERROR_SYSTEM, 0, "no memory for module \"%s\"",
				    hb_instance_name(instance));
	payload->depth = (size_t)hb_instance_integer(instance, "depth");
	payload->bytes = hb_instance_bytes(instance, "bytes", &payload->bytes_len);
	if (!payload->bytes == !expression)
		ret = hb_error_set(err, HB_ERROR_CONFIG, 0,
				   "module \"%s\" needs \"bytes\" or \"expression\", one of them",
				   hb_instance_name(instance));
	else if (expression)
		ret = compile(payload, expression, err);
	if (ret < 0)
		destroy(payload);
	else
		*state = payload;
	return ret;
}

static const struct hb_param params[] = {
	{ .name = "bytes", .type = HB_PARAM_BYTES, .help = "what is looked for" },
	{ .name = "depth",
	  .type = HB_PARAM_INTEGER,
	  .min = 1,
	  .max = 65536,
	  .default_integer = 4096,
	  .help = "how many bytes are looked at" },
	{ .name = "expression", .type = HB_PARAM_STRING, .help = "what is looked for" },
	{ .name = NULL },
};

HB_MODULE(payload, .summary = "accepts once the client's stream has certain bytes",
	  .params = params, .create = create, .destroy = destroy, .decide = decide)
