/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The daemon's configuration: what a file says, checked and ready for use.
 *
 * All that is wrong with a file is printed in one run. Nothing of a file with an error is used.
 */
#ifndef HB_CONFIG_H
#define HB_CONFIG_H

#include "exit.h"
#include "interface.h"

#include <honeybrid/policy.h>

#include <stdio.h>

/* Where the pid file is, if no file says otherwise. */
#define HB_CONFIG_EXEC_DIRECTORY "/var/run"

/* More than any machine that a gateway runs on has processors for. */
#define HB_CONFIG_WORKERS_MAX 64
#define HB_CONFIG_NO_QUEUE UINT32_MAX

/* Where flow records go; a set of bits. */
enum hb_output_kind {
	HB_OUTPUT_SYSLOG = 0x1,
	HB_OUTPUT_STDOUT = 0x2,
	HB_OUTPUT_FILES = 0x4,
};

struct hb_config {
	/*
	 * Sealed; one reference is the configuration's. Others must be given back before it is
	 * freed, for it closes the files of modules.
	 */
	struct hb_policy *policy;
	struct hb_options options;
	unsigned outputs; /* enum hb_output_kind */
	const char *exec_directory;
	const char *log_directory, *log_file;
	const char *module_directory;
	bool log_rotation, log_verbose;
	bool debug, daemonize;
	uint32_t uplink_mask, proof_mark, own_mark;
	uint32_t workers;
	uint32_t outgoing_queue; /* the first one for what honeypots send, or HB_CONFIG_NO_QUEUE */
	enum hb_interfaces interfaces;
	struct hb_modload *modload; /* private: the files that the policy's modules are in */
	char *source;               /* private: the file's text, NUL-terminated */
	struct hb_ast *ast;         /* private: the texts above point into it */
};

/*
 * Reads a file.
 *
 * @interfaces  whether those that it names must be there.
 * @messages  gets the errors and warnings.
 * Returns    the configuration, given: free with hb_config_free(). NULL on error, with *status.
 */
struct hb_config *hb_config_load(const char *path, enum hb_interfaces interfaces, FILE *messages,
				 enum hb_exit *status);

/* The same for a text of length bytes; name stands for the file in messages. Interfaces are supposed. */
struct hb_config *hb_config_parse(const char *name, const char *text, size_t length, FILE *messages,
				  enum hb_exit *status);

/*
 * Reads what the modules remember. Not part of reading a file: who only asks about it needs no
 * state.
 *
 * Returns  0, or -1 with *err filled in; then the configuration is only good for hb_config_free().
 */
int hb_config_load_state(struct hb_config *config, struct hb_cli_error *err);

/*
 * Gives the reference to the policy back, and all that only a policy needs: what remains are the
 * settings. As with hb_config_free(), nobody else may have a reference.
 */
void hb_config_release_policy(struct hb_config *config);

/* Frees a configuration and its reference to the policy; NULL is fine. */
void hb_config_free(struct hb_config *config);

/* Prints each target with its rules as they were understood. */
void hb_config_explain(const struct hb_config *config, FILE *out);

#endif
