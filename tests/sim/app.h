/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The applications: a client that asks and honeypots that answer. Every byte of an answer tells
 * who gave it, to whom, to which turn, and where in it: a stream can be taken apart again.
 */
#ifndef APP_H
#define APP_H

#include "plan.h"

#define APP_ANSWER_MAX 65536
#define APP_REQUEST_HEAD 4 /* bytes that tell the turn and the length */

/* Byte at of an answer (turn 0: the banner) or, for the client, of a request. */
uint8_t app_byte(const struct plan *plan, enum role role, unsigned turn, int32_t at);

/* Where a piece of an answer or a request ends. */
int32_t app_piece_end(int32_t len, unsigned pieces, unsigned piece);

struct app_server {
	const struct plan *plan;
	enum role role;
	struct tcp *tcp;
	unsigned turn;     /* that is answered now or next */
	unsigned requests; /* that came whole */
	int32_t parsed;    /* bytes of the client's */
	unsigned piece;    /* of the answer, that comes next */
	int32_t written;   /* of it */
	bool begun;
	uint64_t due_ns;
	uint64_t abort_ns; /* when it breaks its session off */
};

void app_server_init(struct app_server *server, const struct plan *plan, enum role role,
		     struct tcp *tcp);

/* Looks at what came and does what is due; due_ns says when to call again at the latest. */
void app_server_step(struct app_server *server, uint64_t now);

struct app_client {
	const struct plan *plan;
	struct tcp *tcp;
	unsigned asked;    /* requests written whole */
	unsigned piece;    /* of the next request */
	unsigned answered; /* the last turn whose answer came to its end */
	bool greeted;
	int32_t scanned;
	uint64_t ask_ns; /* when that piece goes out; TCP_NEVER: it waits for an answer */
};

void app_client_init(struct app_client *client, const struct plan *plan, struct tcp *tcp);
uint64_t app_client_deadline(const struct app_client *client);
void app_client_step(struct app_client *client, uint64_t now);

#endif
