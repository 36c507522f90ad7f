/* SPDX-License-Identifier: BSD-2-Clause */
/* Errors that say that a link is too narrow, and what follows from them. */
#include "icmp_fixture.h"

/* A path that is too narrow is no reason to give up. */
START_TEST(fragmentation_needed_does_not_undo)
{
	uint8_t quoted[2048];
	struct error error = { RIG_BACKEND, RIG_CLIENT, .type = 3, .code = 4, .quoted = quoted };
	struct rig rig;

	open_session(&rig, &families[0], "yes");
	ck_assert_int_eq(rig.state, HB_STATE_REPLAY);
	error.len = rig_build_tcp(quoted, &(struct rig_tcp){ RIG_CLIENT, RIG_BACKEND, SYN, 1000 });
	ck_assert_int_eq(send_error(&rig, &error), HB_DROP);
	ck_assert_int_eq(rig.state, HB_STATE_REPLAY);
	error.code = 1;
	ck_assert_int_eq(send_error(&rig, &error), HB_DROP);
	ck_assert_int_eq(rig.state, HB_STATE_PROXY);
	ck_assert_str_eq(rig.reason, "backend 10.9.0.3:80 is unreachable");
	rig_close(&rig);
}
END_TEST

/*
 * Says that a link is too narrow for a packet, and not how wide it is: then as wide as all links are.
 * @from  NULL for the gateway itself
 */
static enum hb_verdict send_too_big(struct rig *rig, const struct family *family, const char *from,
				    const struct rig_tcp *about)
{
	uint8_t quoted[2048], buf[2048];
	struct error error = { from != NULL ? from : family->router, about->from,
			       .quoted = quoted };

	error.type = family->version == 4 ? 3 : 2;
	error.code = family->version == 4 ? 4 : 0;
	error.len = rig_build_tcp(quoted, about);
	return rig_input(rig, buf, build_error(buf, &error),
			 &(struct hb_datagram){ .in_interface = from != NULL ? 1 : 0 });
}

static void hand_over(struct rig *rig, const struct family *family)
{
	open_session(rig, family, "yes");
	rig_tcp(rig, &(struct rig_tcp){ family->backend, family->client, SA, 9000, 1001 });
	ck_assert_int_eq(rig->state, HB_STATE_FORWARD);
}

/* Super-packets are cut by who gets them back: not longer than what their sender was told. */
START_TEST(segments_suit_the_narrowest_link)
{
	for (size_t i = 0; i < FAMILIES; i++) {
		const struct family *family = &families[i];
		const struct rig_tcp answer = { family->backend, family->client, PA, 9001, 1001,
						"welcome" };
		const struct rig_tcp old = { family->attacked, family->client, PA, 4000, 1001,
					     "hello" };
		const struct rig_tcp shown = { family->attacked, family->client, PA, 5001, 1001,
					       "welcome" };
		struct rig rig;

		hand_over(&rig, family);
		rig_tcp(&rig, &answer);
		ck_assert_uint_eq(rig.segment_bytes, 1460);
		send_too_big(&rig, family, family->router, &old); /* nothing that is on its way */
		rig_tcp(&rig, &answer);
		ck_assert_uint_eq(rig.segment_bytes, 1460);
		ck_assert_int_eq(send_too_big(&rig, family, family->router, &shown),
				 HB_ACCEPT_MODIFIED);
		rig_tcp(&rig, &answer);
		ck_assert_uint_eq(rig.segment_bytes, family->version == 4 ? 552 - 40 : 1280 - 60);
		rig_close(&rig);
	}
}
END_TEST

/* Behind routing the gateway looks at a packet's length before we see the packet, and quotes it as it came. */
START_TEST(the_gateways_own_error_behind_routing)
{
	for (size_t i = 0; i < FAMILIES; i++) {
		const struct family *family = &families[i];
		const struct rig_tcp answer = { family->backend, family->client, PA, 9001, 1001,
						"welcome" };
		const struct rig_tcp request = { family->client, family->frontend, PA, 1001, 5001,
						 "hello",        .to_port = 8080 };
		struct rig rig;

		hand_over(&rig, family);
		rig_tcp(&rig, &answer);
		ck_assert_int_eq(send_too_big(&rig, family, NULL, &answer), HB_ACCEPT);
		ck_assert_int_eq(send_too_big(&rig, family, family->router, &answer), HB_DROP);
		/* The frontend is where it would have gone. */
		ck_assert_int_eq(send_too_big(&rig, family, NULL, &request), HB_ACCEPT_MODIFIED);
		check_quoted(&rig, family->client, RIG_CLIENT_PORT, family->attacked,
			     RIG_SERVER_PORT);
		ck_assert_int_eq(send_too_big(&rig, family, family->frontend, &request), HB_DROP);
		rig_close(&rig);
	}
}
END_TEST

/* The backend's link is found narrow in mid-replay: what was too long is sent again at once, in pieces. */
START_TEST(a_replay_is_cut_to_a_narrow_link)
{
	char long_request[1001];
	struct rig rig;

	memset(long_request, 'x', 1000);
	long_request[1000] = '\0';
	open_session(&rig, &families[0], "third");
	rig_tcp(&rig, &(struct rig_tcp){ RIG_CLIENT, RIG_ATTACKED, PA, 1001, 5001, long_request });
	rig_tcp(&rig, &(struct rig_tcp){ RIG_FRONTEND, RIG_CLIENT, PA, 5001, 2001, "well",
					 .from_port = 8080 });
	rig_tcp(&rig, &(struct rig_tcp){ RIG_CLIENT, RIG_ATTACKED, PA, 2001, 5005, "go on" });
	ck_assert_int_eq(rig.state, HB_STATE_REPLAY);
	rig_tcp(&rig, &(struct rig_tcp){ RIG_BACKEND, RIG_CLIENT, SA, 9000, 1001,
					 .options = { .present = HB_TCPOPT_MSS, .mss = 1460 } });
	ck_assert_uint_eq(rig_sent(&rig, 0)->payload_len, 1000);
	send_too_big(&rig, &families[0], NULL,
		     &(struct rig_tcp){ RIG_CLIENT, RIG_BACKEND, PA, 1001, 9001, long_request });
	rig_advance(&rig, RIG_MS);
	ck_assert_uint_eq(rig_sent(&rig, 0)->payload_len, 1000 - 512);
	ck_assert_uint_eq(rig_sent(&rig, 0)->seq, 1001 + 512);
	rig_close(&rig);
}
END_TEST

UNIT_MAIN("icmp_mtu", fragmentation_needed_does_not_undo, segments_suit_the_narrowest_link,
	  the_gateways_own_error_behind_routing, a_replay_is_cut_to_a_narrow_link)
