/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Accepts flows that begin at certain hours of certain days.
 *
 * Hours are spans of minutes, the last one not included. A span over midnight, 22:00-06:00, belongs
 * to the day on which it begins. Days are those of the zone: the process's own (TZ, else
 * /etc/localtime) with its summer time, or UTC.
 */
#include <honeybrid/module.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define US_PER_S INT64_C(1000000)
#define SPANS_MAX 24
#define DAYS 7
#define DAY_MINUTES (24 * 60)
#define ZONE_UTC 1 /* 0: local */

struct hours {
	struct {
		int from, to; /* minutes of the day; from > to: over midnight */
	} spans[SPANS_MAX];
	size_t span_count;
	bool days[DAYS]; /* from Sunday on, as tm_wday */
	int64_t zone;
};

/* "08:00-12:00" */
static bool read_span(struct hours *hours, const char *text)
{
	unsigned hour[2], minute[2];
	int end = 0, at[2];

	if (sscanf(text, " %2u:%2u - %2u:%2u %n", &hour[0], &minute[0], &hour[1], &minute[1],
		   &end) != 4 ||
	    text[end] != '\0' || hours->span_count == SPANS_MAX)
		return false;
	for (int i = 0; i < 2; i++) {
		if (hour[i] > 24 || minute[i] > 59)
			return false;
		at[i] = (int)(hour[i] * 60 + minute[i]);
	}
	hours->spans[hours->span_count].from = at[0];
	hours->spans[hours->span_count++].to = at[1];
	return at[0] != at[1] && at[0] < DAY_MINUTES && at[1] <= DAY_MINUTES;
}

/* The day's number; DAYS for what is none. */
static int find_day(const char *name)
{
	static const char *const names[] = { "sun", "mon", "tue", "wed", "thu", "fri", "sat" };
	int day = 0;

	while (day < DAYS && strcasecmp(name, names[day]) != 0)
		day++;
	return day;
}

/* "sat", or "mon-fri"; "fri-mon" goes over the week's end. */
static bool read_days(struct hours *hours, const char *text)
{
	char first[4] = "", last[4] = "";
	int end = 0, count = sscanf(text, " %3[a-zA-Z] %n- %3[a-zA-Z] %n", first, &end, last, &end);
	int day = find_day(first), until = count == 1 ? day : find_day(last);

	if (text[end] != '\0' || day == DAYS || until == DAYS)
		return false;
	for (hours->days[day] = true; day != until; hours->days[day] = true)
		day = (day + 1) % DAYS;
	return true;
}

/* Reads a list with commas between its parts. */
static int read_list(struct hours *hours, const struct hb_instance *instance, const char *param,
		     bool (*read_part)(struct hours *, const char *), const char *example,
		     struct hb_error *err)
{
	const char *text = hb_instance_text(instance, param);
	char *copy = strdup(text), *rest = copy, *part;
	bool right = copy != NULL;

	while (right && (part = strsep(&rest, ",")))
		right = read_part(hours, part);
	free(copy);
	return right ? 0
		     : hb_error_set(err, HB_ERROR_CONFIG, 0,
				    "\"%s\" is \"%.64s\": it must be like %s", param, text,
				    example);
}

static bool holds(const struct hours *hours, const struct tm *tm)
{
	int minute = tm->tm_hour * 60 + tm->tm_min;
	bool today = hours->days[tm->tm_wday];
	bool yesterday = hours->days[(tm->tm_wday + DAYS - 1) % DAYS];

	for (size_t i = 0; i < hours->span_count; i++) {
		int from = hours->spans[i].from, to = hours->spans[i].to;

		if (today && minute >= from && (minute < to || from > to))
			return true;
		if (yesterday && from > to && minute < to)
			return true;
	}
	return false;
}

static enum hb_decision decide(void *state, const struct hb_query *query)
{
	const struct hours *hours = state;
	time_t now = (time_t)(query->now.wall_us / US_PER_S);
	struct tm tm;
	bool known = hours->zone == ZONE_UTC ? gmtime_r(&now, &tm) : localtime_r(&now, &tm);

	return known && holds(hours, &tm) ? HB_DECISION_ACCEPT : HB_DECISION_REJECT;
}

static int create(const struct hb_instance *instance, void **state, struct hb_error *err)
{
	struct hours *hours = calloc(1, sizeof(*hours));

	if (!hours)
		return hb_error_set(err, HB_ERROR_SYSTEM, 0, "no memory for module \"%s\"",
				    hb_instance_name(instance));
	hours->zone = hb_instance_integer(instance, "zone");

	int ret = read_list(hours, instance, "hours", read_span,
			    "\"08:00-18:00\" or \"22:00-06:00, 12:00-13:30\"", err);

	if (ret == 0)
		ret = read_list(hours, instance, "days", read_days, "\"mon-fri\" or \"sat, sun\"",
				err);
	if (ret < 0)
		free(hours);
	else
		*state = hours;
	return ret;
}

static const struct hb_param_word zones[] = { { "local", 0 }, { "utc", ZONE_UTC }, { NULL, 0 } };

static const struct hb_param params[] = {
	{ .name = "days", .type = HB_PARAM_STRING, .default_text = "sun-sat" },
	{ .name = "hours", .type = HB_PARAM_STRING, .default_text = "00:00-24:00" },
	{ .name = "zone", .type = HB_PARAM_WORD, .max = ZONE_UTC, .words = zones },
	{ .name = NULL },
};

HB_MODULE(time, .flags = HB_MODULE_KEEPS_ANSWER,
	  .summary = "accepts flows that begin at certain hours of certain days", .params = params,
	  .create = create, .destroy = free, .decide = decide)
