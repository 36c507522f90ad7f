/* SPDX-License-Identifier: BSD-2-Clause */
#include "manage.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define EVENTS_MAX 8
#define SAVE_INTERVAL_S 60

struct loop {
	const struct hb_manage *manage;
	struct event_base *base;
	struct event *events[EVENTS_MAX];
	size_t event_count;
	struct event *clock, *save;
	uint64_t lost; /* records, as far as they were reported */
	bool in_burst; /* of lost records */
	bool unsaved;  /* what modules remember: the last attempt failed */
	bool stopping;
	pthread_t stopper; /* while stopping */
	int stopped_fd;    /* readable when the workers have stopped */
};

/* Records are lost in bursts; one line says so. */
static void report_lost(struct loop *loop)
{
	uint64_t lost = hb_workers_lost(loop->manage->workers);

	if (lost != loop->lost && !loop->in_burst)
		hb_notice_say(loop->manage->notice,
			      "flow records are lost: the log cannot keep up (%" PRIu64 " so far)",
			      lost);
	loop->in_burst = lost != loop->lost;
	loop->lost = lost;
}

static void drain(struct loop *loop)
{
	hb_workers_drain(loop->manage->workers, hb_output_take, loop->manage->output);
	hb_output_flush(loop->manage->output);
	report_lost(loop);
}

static void on_log(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	drain(ctx);
}

/*
 * Runs in a thread of its own: the workers' last records are written by the main thread meanwhile,
 * and no packet suffers any more if a worker waits for that.
 */
static void *stop_workers(void *ctx)
{
	struct loop *loop = ctx;

	hb_workers_set_patient(loop->manage->workers);
	hb_workers_stop(loop->manage->workers);
	eventfd_write(loop->stopped_fd, 1);
	return NULL;
}

static void on_stop(evutil_socket_t signal_number, short what, void *ctx)
{
	struct loop *loop = ctx;
	int error;

	(void)signal_number;
	(void)what;
	if (loop->stopping)
		return;
	error = pthread_create(&loop->stopper, NULL, stop_workers, loop);
	if (error == 0) {
		loop->stopping = true;
		return;
	}
	hb_notice_say(loop->manage->notice, "cannot start a thread, records may be lost: %s",
		      strerror(error));
	hb_workers_stop(loop->manage->workers);
	event_base_loopbreak(loop->base);
}

static void on_stopped(evutil_socket_t fd, short what, void *ctx)
{
	struct loop *loop = ctx;

	(void)fd;
	(void)what;
	event_base_loopbreak(loop->base);
}

static void on_rotate(evutil_socket_t signal_number, short what, void *ctx)
{
	struct loop *loop = ctx;

	(void)signal_number;
	(void)what;
	drain(loop);
	hb_output_rotate(loop->manage->output, time(NULL));
}

/* Hours begin where local time says so: zones differ from each other by minutes too. */
static int wait_for_hour(struct loop *loop)
{
	struct timeval wait = { .tv_sec = 3600 };
	time_t now = time(NULL);
	struct tm tm;

	if (localtime_r(&now, &tm))
		wait.tv_sec -= tm.tm_min * 60 + tm.tm_sec;
	if (wait.tv_sec <= 0)
		wait.tv_sec = 1;
	return evtimer_add(loop->clock, &wait);
}

static void on_hour(evutil_socket_t fd, short what, void *ctx)
{
	struct loop *loop = ctx;

	on_rotate(fd, what, loop);
	if (wait_for_hour(loop) < 0)
		hb_notice_say(loop->manage->notice, "hourly rotation has stopped: no timer");
}

static struct hb_time read_wall_clock(void)
{
	struct timespec wall;

	clock_gettime(CLOCK_REALTIME, &wall);
	return (struct hb_time){ .wall_us = wall.tv_sec * INT64_C(1000000) + wall.tv_nsec / 1000 };
}

/* A disk that is full stays so for a while: one line when it begins and one when it is over. */
static void save_state(struct loop *loop)
{
	const struct hb_notice *notice = loop->manage->notice;
	struct hb_error err = { 0 };
	bool failed =
		hb_policy_save(hb_reload_policy(loop->manage->reload), read_wall_clock(), &err) < 0;

	if (failed && !loop->unsaved)
		hb_notice_say(notice, "%s", err.message);
	if (!failed && loop->unsaved)
		hb_notice_say(notice, "state files can be written again");
	loop->unsaved = failed;
}

static void on_save(evutil_socket_t fd, short what, void *ctx)
{
	struct loop *loop = ctx;

	(void)fd;
	(void)what;
	save_state(loop);
	hb_reload_retire(loop->manage->reload);
}

/* Before, so that nothing is lost of a module that goes; behind, as at a start. */
static void on_reload(evutil_socket_t signal_number, short what, void *ctx)
{
	struct loop *loop = ctx;

	(void)signal_number;
	(void)what;
	if (loop->stopping)
		return;
	drain(loop);
	hb_output_reopen(loop->manage->output);
	save_state(loop);
	if (hb_reload_run(loop->manage->reload))
		save_state(loop);
}

static int add_event(struct loop *loop, int number, short what, event_callback_fn callback)
{
	struct event *event = event_new(loop->base, number, what | EV_PERSIST, callback, loop);

	if (!event)
		return -1;
	loop->events[loop->event_count++] = event;
	return event_add(event, NULL);
}

static const struct {
	int number;
	event_callback_fn callback;
} signals[] = {
	{ SIGTERM, on_stop },  { SIGINT, on_stop },    { SIGQUIT, on_stop },
	{ SIGHUP, on_reload }, { SIGUSR1, on_rotate },
};

#define SIGNAL_COUNT (sizeof(signals) / sizeof(signals[0]))

void hb_manage_signals(sigset_t *set)
{
	sigemptyset(set);
	for (size_t i = 0; i < SIGNAL_COUNT; i++)
		sigaddset(set, signals[i].number);
}

static int add_all(struct loop *loop)
{
	static const struct timeval save_interval = { .tv_sec = SAVE_INTERVAL_S };

	for (size_t i = 0; i < SIGNAL_COUNT; i++) {
		if (add_event(loop, signals[i].number, EV_SIGNAL, signals[i].callback) < 0)
			return -1;
	}
	if (add_event(loop, hb_workers_log_fd(loop->manage->workers), EV_READ, on_log) < 0 ||
	    add_event(loop, loop->stopped_fd, EV_READ, on_stopped) < 0)
		return -1;
	loop->save = event_new(loop->base, -1, EV_PERSIST, on_save, loop);
	if (!loop->save || event_add(loop->save, &save_interval) < 0)
		return -1;
	if (!loop->manage->rotate_hourly)
		return 0;
	loop->clock = evtimer_new(loop->base, on_hour, loop);
	return loop->clock ? wait_for_hour(loop) : -1;
}

static int open_loop(struct loop *loop, struct hb_cli_error *err)
{
	loop->stopped_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	loop->base = event_base_new();
	if (loop->stopped_fd < 0 || !loop->base || add_all(loop) < 0)
		return hb_cli_error_set(err, HB_EXIT_SYSTEM, "cannot wait for signals: %s",
					strerror(errno));
	return 0;
}

static void close_loop(struct loop *loop)
{
	if (loop->clock)
		event_free(loop->clock);
	if (loop->save)
		event_free(loop->save);
	while (loop->event_count > 0)
		event_free(loop->events[--loop->event_count]);
	if (loop->base)
		event_base_free(loop->base);
	if (loop->stopped_fd >= 0)
		close(loop->stopped_fd);
}

static int run(struct loop *loop, struct hb_cli_error *err)
{
	sigset_t set;

	if (open_loop(loop, err) < 0)
		return -1;
	hb_manage_signals(&set);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	/* What cannot be written is better known now than when it is lost. */
	save_state(loop);
	hb_notice_say(loop->manage->notice, "ready");
	if (event_base_dispatch(loop->base) < 0)
		return hb_cli_error_set(err, HB_EXIT_SYSTEM, "cannot wait for signals: %s",
					strerror(errno));
	if (loop->stopping)
		pthread_join(loop->stopper, NULL);
	while (hb_workers_drain(loop->manage->workers, hb_output_take, loop->manage->output) > 0)
		hb_output_flush(loop->manage->output);
	report_lost(loop);
	loop->unsaved = false; /* the last time it is said in any case */
	save_state(loop);
	return 0;
}

int hb_manage_run(const struct hb_manage *manage, struct hb_cli_error *err)
{
	struct loop loop = { .manage = manage };
	int rc = run(&loop, err);

	close_loop(&loop);
	return rc;
}
