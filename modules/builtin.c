/* SPDX-License-Identifier: BSD-2-Clause */
/* The modules that are linked into the library. */
#include <honeybrid/policy.h>

#include <string.h>

extern const struct hb_module hb_module_backpick_random;
extern const struct hb_module hb_module_control;
extern const struct hb_module hb_module_counter;
extern const struct hb_module hb_module_dns_control;
extern const struct hb_module hb_module_hash;
extern const struct hb_module hb_module_list;
extern const struct hb_module hb_module_payload;
extern const struct hb_module hb_module_proto;
extern const struct hb_module hb_module_random;
extern const struct hb_module hb_module_rate;
extern const struct hb_module hb_module_source;
extern const struct hb_module hb_module_source_time;
extern const struct hb_module hb_module_time;
extern const struct hb_module hb_module_yesno;

/* In alphabetical order. */
static const struct hb_module *const modules[] = {
	&hb_module_backpick_random,
	&hb_module_control,
	&hb_module_counter,
	&hb_module_dns_control,
	&hb_module_hash,
	&hb_module_list,
	&hb_module_payload,
	&hb_module_proto,
	&hb_module_random,
	&hb_module_rate,
	&hb_module_source,
	&hb_module_source_time,
	&hb_module_time,
	&hb_module_yesno,
};

#define MODULES (sizeof(modules) / sizeof(*modules))

const struct hb_module *hb_module_builtin(const char *name)
{
	for (size_t i = 0; i < MODULES; i++) {
		if (strcmp(modules[i]->name, name) == 0)
			return modules[i];
	}
	return NULL;
}

const struct hb_module *hb_module_builtin_at(size_t i)
{
	return i < MODULES ? modules[i] : NULL;
}
