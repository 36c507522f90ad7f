/* SPDX-License-Identifier: BSD-2-Clause */
/* Prints the names of the built-in modules, of their parameters and of the words these take. */
#include <honeybrid/module.h>
#include <honeybrid/policy.h>

#include <stdio.h>

static void list_words(const struct hb_module *module, const struct hb_param *param)
{
	for (const struct hb_param_word *word = param->words; word && word->word; word++)
		printf("%s %s %s\n", module->name, param->name, word->word);
}

int main(void)
{
	const struct hb_module *module;

	for (size_t i = 0; (module = hb_module_builtin_at(i)) != NULL; i++) {
		printf("%s\n", module->name);
		for (const struct hb_param *param = module->params; param && param->name; param++) {
			printf("%s %s\n", module->name, param->name);
			list_words(module, param);
		}
	}
	return 0;
}
