/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Order of a start: what may fail for want of a file or a privilege comes first, while there is a
 * terminal to say so: state files, queue, sockets, log. Then into the background, pid file (with
 * the right number now), privileges away, threads.
 *
 * Order of a stop: the workers end all flows in their own threads, while this one goes on writing
 * their records, so that none of them is lost however many there are. Then what the modules
 * remember is saved, and the log is closed.
 */
#include "daemon.h"

#include "background.h"
#include "manage.h"
#include "notice.h"
#include "output.h"
#include "pidfile.h"
#include "privilege.h"
#include "reload.h"
#include "workers.h"

#include <inttypes.h>
#include <signal.h>
#include <syslog.h>

/* Some seven megabytes a worker; a burst of that many flow ends may wait for the disk. */
#define LOG_RECORDS 8192

struct daemon {
	const struct hb_config *config; /* as of the start: its policy may go with a reload */
	const struct hb_cli_options *options;
	struct hb_notice notice;
	struct hb_background background;
	struct hb_output *output;
	struct hb_workers *workers;
	struct hb_reload *reload;
	struct hb_pidfile *pidfile;
};

static int open_all(struct daemon *daemon, struct hb_cli_error *err)
{
	const struct hb_config *config = daemon->config;
	const struct hb_workers_setup setup = {
		.config = config,
		.first_queue = daemon->options->queue,
		.count = daemon->options->workers ? daemon->options->workers : config->workers,
		.log_records = LOG_RECORDS,
		.log_kinds = hb_output_kinds(config),
	};

	daemon->workers = hb_workers_new(&setup, err);
	if (!daemon->workers)
		return -1;
	daemon->output = hb_output_open(config, (size_t)config->options.max_flows * setup.count,
					&daemon->notice, err);
	return daemon->output ? 0 : -1;
}

static int start(struct daemon *daemon, struct hb_cli_error *err)
{
	const struct hb_config *config = daemon->config;

	if (config->daemonize && hb_background_enter(&daemon->background, err) < 0)
		return -1;
	daemon->pidfile = hb_pidfile_write(config->exec_directory, err);
	if (!daemon->pidfile || hb_privilege_drop(err) < 0 ||
	    hb_workers_start(daemon->workers, err) < 0 ||
	    hb_background_ready(&daemon->background, err) < 0)
		return -1;
	daemon->notice.to_syslog = config->daemonize;
	return 0;
}

static void say_forgetful(const struct daemon *daemon)
{
	const struct hb_policy *policy = daemon->config->policy;
	const char *name;

	for (size_t i = 0; (name = hb_policy_forgetful_at(policy, i)) != NULL; i++)
		hb_notice_say(&daemon->notice,
			      "module \"%s\" has no \"backup\": it remembers until the end only",
			      name);
}

static void say_summary(struct daemon *daemon)
{
	struct hb_counters engine;
	struct hb_queue_counters queue;

	hb_workers_get_counters(daemon->workers, &engine, &queue);
	hb_notice_say(&daemon->notice,
		      "stopped: %" PRIu64 " packets, %" PRIu64 " dropped, %" PRIu64
		      " malformed, %" PRIu64 " contained, %" PRIu64 " lost by the queue; %" PRIu64
		      " flows; %" PRIu64 " handovers done, %" PRIu64 " failed, %" PRIu64
		      " declined; %" PRIu64 " log records lost",
		      engine.packets, engine.dropped, engine.malformed, engine.contained,
		      queue.kernel_dropped + queue.user_dropped + queue.overruns,
		      engine.flows_started, engine.handovers_done, engine.handovers_failed,
		      engine.handovers_declined, hb_workers_lost(daemon->workers));
	if (engine.broken > 0)
		hb_notice_say(&daemon->notice,
			      "%" PRIu64 " times a guarantee did not hold: this is a bug",
			      engine.broken);
}

static void close_all(struct daemon *daemon)
{
	hb_workers_free(daemon->workers);
	hb_output_close(daemon->output);
	hb_pidfile_remove(daemon->pidfile);
	hb_reload_free(daemon->reload);
}

static int use_policy(void *ctx, struct hb_policy *policy)
{
	struct daemon *daemon = ctx;

	return hb_workers_set_policy(daemon->workers, policy);
}

static int prepare_reload(struct daemon *daemon, struct hb_config *config, struct hb_cli_error *err)
{
	const struct hb_reload_setup setup = {
		.path = daemon->options->config,
		.config = config,
		.notice = &daemon->notice,
		.use = use_policy,
		.ctx = daemon,
	};

	daemon->reload = hb_reload_new(&setup, err);
	return daemon->reload ? 0 : -1;
}

static int run(struct daemon *daemon, struct hb_cli_error *err)
{
	struct hb_manage manage;

	if (open_all(daemon, err) < 0 || start(daemon, err) < 0)
		return -1;
	say_forgetful(daemon);
	manage = (struct hb_manage){
		.notice = &daemon->notice,
		.output = daemon->output,
		.workers = daemon->workers,
		.reload = daemon->reload,
		.rotate_hourly = daemon->config->log_rotation,
	};
	if (hb_manage_run(&manage, err) < 0)
		return -1;
	say_summary(daemon);
	return 0;
}

/*
 * From here on a signal waits for hb_manage_run(), so that none of them can end us before all of
 * our traces can be removed.
 */
static void hold_signals(void)
{
	sigset_t set;

	hb_manage_signals(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

enum hb_exit hb_daemon_run(struct hb_config *config, const struct hb_cli_options *options)
{
	struct daemon daemon = { .config = config,
				 .options = options,
				 .background = { .report_fd = -1 } };
	struct hb_cli_error err = { .status = HB_EXIT_OK };

	/* A reader of our standard output that goes away is a failed write, not our end. */
	signal(SIGPIPE, SIG_IGN);
	hold_signals();
	openlog("honeybridd", LOG_PID, LOG_DAEMON);
	if (prepare_reload(&daemon, config, &err) < 0 || hb_config_load_state(config, &err) < 0 ||
	    run(&daemon, &err) < 0)
		hb_notice_say(&daemon.notice, "%s", err.message);
	close_all(&daemon);
	hb_background_fail(&daemon.background, err.status);
	return err.status;
}
