/* SPDX-License-Identifier: BSD-2-Clause */
/* What Linux takes, and what not; tests/e2e/craft asks a kernel about most of it. */
#include "ipopt.h"

#include "unit.h"

struct options {
	uint8_t bytes[40];
	size_t len;
	bool taken;
};

START_TEST(ipv4)
{
	static const struct options cases[] = {
		{ { 0 }, 0, true },
		{ { 1, 1, 0, 7 }, 4, true }, /* nobody reads behind the end */
		{ { 7, 7, 4, 0, 0, 0, 0, 0 }, 8, true },
		{ { 7, 7, 8, 0, 0, 0, 0, 0 }, 8, true },  /* full */
		{ { 7, 7, 5, 0, 0, 0, 0, 0 }, 8, false }, /* no room for another */
		{ { 7, 7, 3, 0, 0, 0, 0, 0 }, 8, false }, /* into its own head */
		{ { 7, 2, 0, 0 }, 4, false },
		{ { 7, 3, 4, 7, 3, 4, 0, 0 }, 8, false }, /* twice */
		{ { 68, 8, 5, 0, 0, 0, 0, 0 }, 8, true },
		{ { 68, 8, 6, 0, 0, 0, 0, 0 }, 8, false },
		{ { 68, 8, 4, 0, 0, 0, 0, 0 }, 8, false },
		{ { 68, 8, 5, 1, 0, 0, 0, 0 }, 8, false }, /* with an address: 8 bytes more */
		{ { 68, 12, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0 }, 12, true },
		{ { 68, 12, 5, 3, 0, 0, 0, 0, 0, 0, 0, 0 }, 12, true },
		{ { 68, 8, 9, 0xe0, 0, 0, 0, 0 }, 8, true },  /* full, and 14 did not fit */
		{ { 68, 8, 9, 0xf0, 0, 0, 0, 0 }, 8, false }, /* 15 are too many to count on */
		{ { 68, 3, 5, 1 }, 4, false },
		{ { 68, 4, 5, 0, 68, 4, 5, 0 }, 8, false },
		{ { 131, 3, 4, 0 }, 4, false },
		{ { 137, 3, 4, 0 }, 4, false },
		{ { 134, 6, 0, 0, 0, 0, 0, 0 }, 8, false },
		{ { 148, 4, 0, 0 }, 4, true },
		{ { 148, 3, 0, 0 }, 4, false },
		{ { 30, 4, 0, 0 }, 4, true },
		{ { 30, 5, 0, 0 }, 4, false },
		{ { 30, 1, 0, 0 }, 4, false },
		{ { 1, 1, 1, 30 }, 4, false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_msg(hb_ipopt_ipv4_taken(cases[i].bytes, cases[i].len) == cases[i].taken,
			      "case %zu", i);
}
END_TEST

START_TEST(ipv6)
{
	static const struct options cases[] = {
		{ { 1, 4, 0, 0, 0, 0 }, 6, true },
		{ { 0, 0, 0, 0, 0, 0 }, 6, true },
		{ { 1, 4, 0, 0, 0, 1 }, 6, false },
		{ { 1, 5, 0, 0, 0, 0 }, 6, false }, /* past the end */
		{ { 0, 0, 0, 0, 0, 1 }, 6, false },
		{ { 1, 5, 0, 0, 0, 0, 0, 30, 0, 1, 3, 0, 0, 0 }, 14, true },  /* 7 and 5 */
		{ { 1, 5, 0, 0, 0, 0, 0, 0, 30, 0, 1, 2, 0, 0 }, 14, false }, /* 8 in a row */
		{ { 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }, 14, false },
		{ { 30, 4, 1, 2, 3, 4 }, 6, true },
		{ { 0x5e, 4, 1, 2, 3, 4 }, 6, false },
		{ { 0x9e, 4, 1, 2, 3, 4 }, 6, false },
		{ { 0xde, 4, 1, 2, 3, 4 }, 6, false },
		{ { 30, 0, 30, 0, 30, 0, 30, 0, 30, 0, 30, 0, 30, 0, 30, 0, 1, 4, 0, 0, 0, 0 },
		  22,
		  true }, /* 8 */
		{ { 30, 0, 30, 0, 30, 0, 30, 0, 30, 0, 30, 0, 30, 0, 30, 0, 30, 0, 1, 2, 0, 0 },
		  22,
		  false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_msg(hb_ipopt_ipv6_taken(cases[i].bytes, cases[i].len, false) ==
				      cases[i].taken,
			      "case %zu", i);
}
END_TEST

/* Two options mean something to every router. */
START_TEST(hop_by_hop)
{
	static const uint8_t alert[] = { 5, 2, 0, 0, 0, 0 }, odd[] = { 5, 1, 0, 0, 0, 0 };
	static const uint8_t label[] = { 7, 4, 0, 0, 0, 0 };

	ck_assert(hb_ipopt_ipv6_taken(alert, sizeof(alert), true));
	ck_assert(!hb_ipopt_ipv6_taken(odd, sizeof(odd), true));
	ck_assert(hb_ipopt_ipv6_taken(odd, sizeof(odd), false));
	ck_assert(!hb_ipopt_ipv6_taken(label, sizeof(label), true));
	ck_assert(hb_ipopt_ipv6_taken(label, sizeof(label), false));
}
END_TEST

UNIT_MAIN("ipopt", ipv4, ipv6, hop_by_hop)
