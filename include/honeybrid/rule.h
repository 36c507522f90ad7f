/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules: boolean equations of module names, with three-valued answers.
 *
 *   rule := rule "or" rule | rule "and" rule | "not" rule | "(" rule ")" | NAME
 *
 * "and" binds tighter than "or", "not" tighter than both; the three words in any case. A rule is
 * immutable once parsed, so any number of threads may evaluate it.
 */
#ifndef HONEYBRID_RULE_H
#define HONEYBRID_RULE_H

#include <honeybrid/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * An answer; ordered, so that "and" is the smaller and "or" the larger of two (Kleene's strong
 * logic), and "not" swaps the ends.
 */
enum hb_decision {
	HB_DECISION_REJECT = 0,
	HB_DECISION_DEFER, /* not known yet: ask again at the next packet */
	HB_DECISION_ACCEPT,
	HB_DECISION_COUNT
};

/* "reject", "defer", "accept". The text is static. */
HB_API const char *hb_decision_name(enum hb_decision decision);

/*
 * True if a rule can name a module so: letters, digits, "_", "-" and ".", and none of the three
 * words.
 */
HB_API bool hb_rule_name_ok(const char *name);

struct hb_rule;

/*
 * Parses a rule.
 *
 * @text    borrowed for the call.
 * @err     code HB_ERROR_CONFIG and the column of what is wrong; NULL allowed.
 * Returns  a rule, given: free with hb_rule_free(); NULL on error (also: more than 64 names, or
 *          more than 64 parentheses open at once).
 */
HB_API struct hb_rule *hb_rule_parse(const char *text, struct hb_error *err);

/* Frees a rule; NULL is fine. */
HB_API void hb_rule_free(struct hb_rule *rule);

/* How many module names the rule has, counted as often as they stand in it. */
HB_API size_t hb_rule_leaf_count(const struct hb_rule *rule);

/* The name of leaf i (from 0, left to right). Borrowed until the rule is freed. */
HB_API const char *hb_rule_leaf_name(const struct hb_rule *rule, size_t i);

/* Where leaf i stands in the rule's text, from 1. */
HB_API int hb_rule_leaf_column(const struct hb_rule *rule, size_t i);

/*
 * Writes the rule as it was understood, fully parenthesised: "(a or (b and (not c)))". Two "not" in
 * a row have cancelled each other.
 * Returns the length that was needed, as snprintf() does.
 */
HB_API size_t hb_rule_print(const struct hb_rule *rule, char *buf, size_t size);

/*
 * Evaluates left to right and asks no more leaves than it needs: "and" stops at REJECT, "or" at
 * ACCEPT.
 *
 * @ask     called for leaf i; ctx is passed through.
 */
HB_API enum hb_decision hb_rule_evaluate(const struct hb_rule *rule,
					 enum hb_decision (*ask)(void *ctx, size_t leaf),
					 void *ctx);

#ifdef __cplusplus
}
#endif

#endif
