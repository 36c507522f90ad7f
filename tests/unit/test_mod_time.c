/* SPDX-License-Identifier: BSD-2-Clause */
#include "module_fixture.h"

#include <stdio.h>
#include <time.h>

/* Monday, 2026-03-02. */
#define MONDAY_S INT64_C(1772409600)
#define DAY_S 86400
#define AT(day, hour, minute) (MONDAY_S + (day)*DAY_S + (hour)*3600 + (minute)*60)

enum { MON, TUE, WED, THU, FRI, SAT, SUN };

static struct hb_instance *instance;
static struct asked asked;

static struct hb_instance *make(const char *hours, const char *days, const char *zone,
				struct hb_error *err)
{
	struct hb_setting settings[3];
	size_t count = 0;

	if (hours)
		settings[count++] = (struct hb_setting){ "hours", hours, 1, 1 };
	if (days)
		settings[count++] = (struct hb_setting){ "days", days, 2, 1 };
	if (zone)
		settings[count++] = (struct hb_setting){ "zone", zone, 3, 1 };
	return hb_instance_new("test", hb_module_builtin("time"), settings, count, err);
}

static void start(const char *hours, const char *days)
{
	instance = make(hours, days, "utc", NULL);
	ck_assert_ptr_nonnull(instance);
	asked_init(&asked);
}

static bool accepts_at(int64_t seconds)
{
	asked.query.now.wall_us = seconds * 1000000;

	enum hb_decision decision = hb_instance_decide(instance, &asked.query);

	ck_assert_int_ne(decision, HB_DECISION_DEFER);
	return decision == HB_DECISION_ACCEPT;
}

START_TEST(hours_of_every_day)
{
	start("08:00-18:30", NULL);
	for (int day = MON; day <= SUN; day++) {
		ck_assert(!accepts_at(AT(day, 8, 0) - 1));
		ck_assert(accepts_at(AT(day, 8, 0)));
		ck_assert(accepts_at(AT(day, 18, 30) - 1));
		ck_assert(!accepts_at(AT(day, 18, 30)));
	}
	hb_instance_free(instance);
}
END_TEST

START_TEST(several_spans)
{
	start("00:00-00:01 , 12:00-13:00,23:59-24:00", NULL);
	ck_assert(accepts_at(AT(MON, 0, 0)));
	ck_assert(!accepts_at(AT(MON, 0, 1)));
	ck_assert(accepts_at(AT(MON, 12, 59)));
	ck_assert(!accepts_at(AT(MON, 23, 58)));
	ck_assert(accepts_at(AT(MON, 23, 59)));
	hb_instance_free(instance);
}
END_TEST

START_TEST(days_of_the_week)
{
	static const struct {
		const char *days, *accepted; /* from Monday on */
	} cases[] = {
		{ "mon-fri", "yyyyynn" }, { "sat,sun", "nnnnnyy" }, { "Fri - Mon", "ynnnyyy" },
		{ " wed ", "nnynnnn" },   { "sun-sat", "yyyyyyy" }, { "tue,THU-fri", "nynyynn" },
		{ "sun-mon", "ynnnnny" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		start(NULL, cases[i].days);
		for (int day = MON; day <= SUN; day++) {
			bool wanted = cases[i].accepted[day] == 'y';

			ck_assert_msg(accepts_at(AT(day, 0, 0)) == wanted, "%s, day %d",
				      cases[i].days, day);
			ck_assert(accepts_at(AT(day, 23, 59)) == wanted);
		}
		hb_instance_free(instance);
	}
}
END_TEST

/* A night belongs to the day on which it begins. */
START_TEST(over_midnight)
{
	start("22:00-06:00", "fri");
	ck_assert(!accepts_at(AT(FRI, 5, 59)));
	ck_assert(!accepts_at(AT(FRI, 21, 59)));
	ck_assert(accepts_at(AT(FRI, 22, 0)));
	ck_assert(accepts_at(AT(FRI, 23, 59)));
	ck_assert(accepts_at(AT(SAT, 0, 0)));
	ck_assert(accepts_at(AT(SAT, 5, 59)));
	ck_assert(!accepts_at(AT(SAT, 6, 0)));
	ck_assert(!accepts_at(AT(SAT, 22, 0)));
	hb_instance_free(instance);
	start("22:00-06:00", "sat");
	ck_assert(accepts_at(AT(SUN, 5, 59)));
	ck_assert(!accepts_at(AT(SAT, 5, 59)));
	hb_instance_free(instance);
}
END_TEST

START_TEST(always_if_nothing_is_said)
{
	start(NULL, NULL);
	for (int64_t at = AT(MON, 0, 0); at < AT(MON, 0, 0) + 8 * DAY_S; at += 599)
		unit_require(accepts_at(at));
	hb_instance_free(instance);
}
END_TEST

/* With summer time, from the last Sunday of March on. */
START_TEST(local_time_is_that_of_the_process)
{
	ck_assert_int_eq(setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1), 0);
	tzset();
	instance = make("08:00-09:00", "mon", NULL, NULL);
	ck_assert_ptr_nonnull(instance);
	asked_init(&asked);
	ck_assert(accepts_at(AT(MON, 7, 0)));
	ck_assert(!accepts_at(AT(MON, 8, 0)));
	ck_assert(accepts_at(AT(28, 6, 0))); /* Monday, 2026-03-30 */
	ck_assert(!accepts_at(AT(28, 7, 0)));
	hb_instance_free(instance);
	start("08:00-09:00", "mon");
	ck_assert(accepts_at(AT(MON, 8, 0)));
	ck_assert(!accepts_at(AT(MON, 7, 0)));
	hb_instance_free(instance);
}
END_TEST

START_TEST(what_is_no_time_is_refused)
{
	static const char *const hours[] = {
		"",
		"8",
		"08:00",
		"08:00-",
		"08:00-08:00",
		"24:00-08:00",
		"08:00-24:01",
		"08:60-10:00",
		"25:00-26:00",
		"08:00-09:00x",
		"08:00-09:00,",
		",",
		"-1:00-09:00",
		"08:00-99:00",
	};
	static const char *const days[] = { "",        "mo",   "monday", "mon-",    "-mon",
					    "mon tue", "mon,", "xyz",    "mon-xyz", "mon-tue-wed" };
	struct hb_error err;

	for (size_t i = 0; i < sizeof(hours) / sizeof(hours[0]); i++)
		ck_assert_msg(make(hours[i], NULL, NULL, &err) == NULL, "hours %s", hours[i]);
	for (size_t i = 0; i < sizeof(days) / sizeof(days[0]); i++)
		ck_assert_msg(make(NULL, days[i], NULL, &err) == NULL, "days %s", days[i]);
	ck_assert_int_eq(err.code, HB_ERROR_CONFIG);
	ck_assert_str_eq(err.message, "\"days\" is \"mon-tue-wed\": it must be like \"mon-fri\" or "
				      "\"sat, sun\"");
	ck_assert_ptr_null(make(NULL, NULL, "mars", &err));
}
END_TEST

START_TEST(there_is_room_for_24_spans)
{
	char text[400] = "";
	struct hb_error err;

	for (int i = 0; i < 24; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%02d:00-%02d:30",
			 i ? "," : "", i, i);
	start(text, NULL);
	ck_assert(accepts_at(AT(MON, 23, 29)));
	ck_assert(!accepts_at(AT(MON, 23, 30)));
	hb_instance_free(instance);
	strcat(text, ",00:40-00:50");
	ck_assert_ptr_null(make(text, NULL, NULL, &err));
}
END_TEST

START_TEST(the_answer_is_the_flows)
{
	ck_assert_uint_eq(hb_module_builtin("time")->flags, HB_MODULE_KEEPS_ANSWER);
}
END_TEST

UNIT_MAIN("mod_time", hours_of_every_day, several_spans, days_of_the_week, over_midnight,
	  always_if_nothing_is_said, local_time_is_that_of_the_process, what_is_no_time_is_refused,
	  there_is_room_for_24_spans, the_answer_is_the_flows)
