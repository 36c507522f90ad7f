/* SPDX-License-Identifier: BSD-2-Clause */
/* Settings checked against a module's schema, so that no module parses text. */
#ifndef HB_PARAM_H
#define HB_PARAM_H

#include <honeybrid/policy.h>

/* No schema is longer. */
#define HB_PARAM_SCHEMA_MAX 32

/* The value of one parameter. */
struct hb_param_value {
	int64_t integer;             /* INTEGER and WORD */
	char *text;                  /* all others; NULL where nothing was given */
	struct hb_endpoint endpoint; /* ENDPOINT */
	size_t len;                  /* BYTES: of text, which may have zeros in it */
	bool given;
};

/* How many parameters a schema has; NULL has none. */
size_t hb_param_count(const struct hb_param *schema);

/*
 * Checks a module's schema itself: names, types, ranges, words, length.
 *
 * Returns  0 or -EINVAL, with an error that quotes the parameter.
 */
int hb_param_check_schema(const struct hb_module *module, struct hb_error *err);

/*
 * Checks settings and makes the values: one for each parameter, in the schema's order, defaults
 * filled in.
 *
 * @module    whose schema it is, checked before; named in errors.
 * @values    hb_param_count() of them, zeroed. Texts are given: free with hb_param_clear(), also
 *            after an error.
 * Returns    0 or a negative errno. An error about a setting has its line and column.
 */
int hb_param_check(const struct hb_module *module, const struct hb_setting *settings, size_t count,
		   struct hb_param_value *values, struct hb_error *err);

void hb_param_clear(struct hb_param_value *values, size_t count);

#endif
