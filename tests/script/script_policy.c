/* SPDX-License-Identifier: BSD-2-Clause */
/* A script's configuration lines, in the daemon's language and read by its parser. */
#include "script.h"

#include "config.h"

#include <stdlib.h>
#include <string.h>

struct hb_policy *script_policy_new(const struct script *script)
{
	struct hb_policy *policy = NULL;
	struct hb_config *config;
	enum hb_exit status;
	char *text = NULL;
	size_t size = 0;
	FILE *messages = open_memstream(&text, &size);

	if (messages == NULL)
		return NULL;
	config = hb_config_parse(script->path, script->config, strlen(script->config), messages,
				 &status);
	fclose(messages);
	if (config != NULL)
		policy = hb_policy_ref(config->policy);
	else
		fputs(text, stderr);
	hb_config_free(config);
	free(text);
	return policy;
}
