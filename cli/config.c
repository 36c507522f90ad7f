/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "builder.h"
#include "modload.h"
#include "parser.h"
#include "settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* More than any person writes; keeps a wrong path from filling the memory. */
#define FILE_MAX_BYTES ((size_t)16 << 20)

static void interpret(struct hb_config *config, struct hb_diag *diag)
{
	struct hb_error err = { 0 };

	hb_settings_apply(config, config->ast, diag);
	config->modload = hb_modload_new(config->module_directory);
	if (!config->modload) {
		hb_diag_error(diag, HB_EXIT_SYSTEM, (struct hb_place){ 0 }, "out of memory");
		return;
	}
	config->options.uplink_mask = config->uplink_mask;
	if (hb_policy_set_options(config->policy, &config->options, &err) < 0) {
		hb_diag_error(diag, hb_builder_status(err.code), (struct hb_place){ 0 }, "%s",
			      err.message);
		return;
	}
	hb_builder_run(&(struct hb_builder_setup){ .policy = config->policy,
						   .ast = config->ast,
						   .modload = config->modload,
						   .interfaces = config->interfaces,
						   .uplink_mask = config->uplink_mask,
						   .diag = diag });
	if (hb_diag_error_count(diag) == 0 && hb_policy_seal(config->policy, &err) < 0)
		hb_diag_error(diag, hb_builder_status(err.code), (struct hb_place){ 0 }, "%s",
			      err.message);
}

static void read_text(struct hb_config *config, size_t length, struct hb_diag *diag)
{
	const struct hb_place nowhere = { 0 };

	if (memchr(config->source, '\0', length)) {
		hb_diag_error(diag, HB_EXIT_CONFIG, nowhere,
			      "not a text file: it contains a NUL byte");
		return;
	}
	config->ast = hb_parser_run(config->source, length, diag);
	config->policy = hb_policy_new();
	if (config->ast && config->policy)
		interpret(config, diag);
	else
		hb_diag_error(diag, HB_EXIT_SYSTEM, nowhere, "out of memory");
}

/* @source  taken: NUL-terminated behind length bytes. */
static struct hb_config *parse_source(const char *name, char *source, size_t length,
				      enum hb_interfaces interfaces, FILE *messages,
				      enum hb_exit *status)
{
	struct hb_config *config = calloc(1, sizeof(*config));
	struct hb_diag *diag = hb_diag_new(name, source, length);

	*status = HB_EXIT_SYSTEM;
	if (!config || !diag) {
		hb_diag_free(diag);
		free(config);
		free(source);
		return NULL;
	}
	config->source = source;
	config->interfaces = interfaces;
	read_text(config, length, diag);
	hb_diag_print(diag, messages);
	*status = hb_diag_status(diag);
	hb_diag_free(diag);
	if (*status == HB_EXIT_OK)
		return config;
	hb_config_free(config);
	return NULL;
}

struct hb_config *hb_config_parse(const char *name, const char *text, size_t length, FILE *messages,
				  enum hb_exit *status)
{
	char *source = malloc(length + 1);

	*status = HB_EXIT_SYSTEM;
	if (!source)
		return NULL;
	memcpy(source, text, length);
	source[length] = '\0';
	return parse_source(name, source, length, HB_INTERFACES_SUPPOSED, messages, status);
}

/* Returns the file's bytes with a NUL behind them, given; NULL with errno. */
static char *read_file(FILE *file, size_t *length)
{
	size_t size = 4096, used = 0;
	char *text = NULL;

	for (;;) {
		char *larger = size > FILE_MAX_BYTES ? NULL : realloc(text, size);

		if (!larger) {
			errno = size > FILE_MAX_BYTES ? EFBIG : ENOMEM;
			break;
		}
		text = larger;
		errno = 0;
		used += fread(text + used, 1, size - used - 1, file);
		if (ferror(file))
			break;
		if (used < size - 1) {
			text[used] = '\0';
			*length = used;
			return text;
		}
		size *= 2;
	}
	free(text);
	return NULL;
}

struct hb_config *hb_config_load(const char *path, enum hb_interfaces interfaces, FILE *messages,
				 enum hb_exit *status)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t length = 0;

	if (file)
		text = read_file(file, &length);
	if (!text) {
		fprintf(messages, "%s: error: cannot read the configuration: %s\n", path,
			strerror(errno));
		*status = HB_EXIT_NO_INPUT;
	}
	if (file)
		fclose(file);
	return text ? parse_source(path, text, length, interfaces, messages, status) : NULL;
}

int hb_config_load_state(struct hb_config *config, struct hb_cli_error *err)
{
	struct hb_error reason = { 0 };

	if (hb_policy_load(config->policy, &reason) == 0)
		return 0;
	return hb_cli_error_set(err, hb_builder_status(reason.code), "%s", reason.message);
}

void hb_config_release_policy(struct hb_config *config)
{
	hb_policy_unref(config->policy);
	config->policy = NULL;
	hb_modload_free(config->modload);
	config->modload = NULL;
}

void hb_config_free(struct hb_config *config)
{
	if (!config)
		return;
	hb_config_release_policy(config);
	hb_ast_free(config->ast);
	free(config->source);
	free(config);
}
