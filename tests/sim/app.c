/* SPDX-License-Identifier: BSD-2-Clause */
#include "app.h"

/* An answer ends with this byte and its turn; it stands nowhere else. */
#define END_MARK 0xfe

uint8_t app_byte(const struct plan *plan, enum role role, unsigned turn, int32_t at)
{
	struct rng rng = { (uint64_t)plan->number << 48 | (uint64_t)role << 40 |
			   (uint64_t)turn << 32 | (uint32_t)at };

	if (role == ROLE_CLIENT) {
		int32_t len = plan->requests[turn].len;
		const uint8_t head[APP_REQUEST_HEAD] = { 'q', (uint8_t)turn, (uint8_t)(len >> 8),
							 (uint8_t)len };

		return at < APP_REQUEST_HEAD ? head[at] : (uint8_t)rng_next(&rng);
	}
	int32_t len = plan->answers[role][turn].len;

	if (at >= len - 2)
		return at == len - 1 ? (uint8_t)turn : END_MARK;
	return (uint8_t)rng_range(&rng, 0, END_MARK - 1);
}

static void write_bytes(const struct plan *plan, struct tcp *tcp, enum role role, unsigned turn,
			int32_t from, int32_t to, uint64_t now)
{
	static _Thread_local uint8_t buf[APP_ANSWER_MAX];

	for (int32_t i = from; i < to; i++)
		buf[i - from] = app_byte(plan, role, turn, i);
	tcp_write(tcp, buf, (size_t)(to - from), now);
}

int32_t app_piece_end(int32_t len, unsigned pieces, unsigned piece)
{
	return piece + 1 >= pieces ? len : (int32_t)((unsigned)len * (piece + 1) / pieces);
}

void app_server_init(struct app_server *server, const struct plan *plan, enum role role,
		     struct tcp *tcp)
{
	*server = (struct app_server){ .plan = plan,
				       .role = role,
				       .tcp = tcp,
				       .turn = plan->banner ? 0 : 1,
				       .due_ns = TCP_NEVER,
				       .abort_ns = TCP_NEVER };
}

static void parse_requests(struct app_server *server)
{
	int32_t len = tcp_in_len(server->tcp);

	while (len - server->parsed >= APP_REQUEST_HEAD) {
		const uint8_t *head = server->tcp->in + server->parsed;
		int32_t request = head[2] << 8 | head[3];

		if (head[0] != 'q' || head[1] != server->requests + 1 ||
		    request < APP_REQUEST_HEAD) {
			server->tcp->wrong = "gets a request out of order";
			return;
		}
		if (len - server->parsed < request)
			return;
		server->parsed += request;
		server->requests++;
	}
}

static void write_piece(struct app_server *server, uint64_t now)
{
	const struct plan_answer *answer = &server->plan->answers[server->role][server->turn];
	int32_t end = app_piece_end(answer->len, answer->pieces, server->piece);

	write_bytes(server->plan, server->tcp, server->role, server->turn, server->written, end,
		    now);
	server->written = end;
	server->piece++;
	server->due_ns = now + answer->pause_ns;
	if (end < answer->len)
		return;
	server->begun = false;
	server->due_ns = TCP_NEVER;
	server->piece = 0;
	server->written = 0;
	server->turn++;
}

static bool has_work(const struct app_server *server)
{
	return server->turn <= server->requests;
}

void app_server_step(struct app_server *server, uint64_t now)
{
	struct tcp *tcp = server->tcp;

	if (server->plan->close == CLOSE_ABORT && tcp->state == TCP_OPEN) {
		server->abort_ns = server->plan->reset_at_ns;
		if (now >= server->plan->reset_at_ns)
			tcp_abort(tcp, now);
	}
	if (tcp->state != TCP_OPEN || tcp->closing) {
		server->abort_ns = tcp->state == TCP_OPEN ? server->abort_ns : TCP_NEVER;
		server->due_ns = TCP_NEVER;
		return;
	}
	parse_requests(server);
	while (has_work(server)) {
		if (!server->begun) {
			server->begun = true;
			server->due_ns =
				now + server->plan->answers[server->role][server->turn].think_ns;
		}
		if (now < server->due_ns)
			return;
		write_piece(server, now);
	}
	bool closes = server->plan->close == CLOSE_SERVER || server->plan->close == CLOSE_TOGETHER;
	bool last = closes && server->turn > server->plan->turns;
	if (last || tcp_peer_closed(tcp))
		tcp_close(tcp, now);
}

void app_client_init(struct app_client *client, const struct plan *plan, struct tcp *tcp)
{
	*client = (struct app_client){
		.plan = plan, .tcp = tcp, .greeted = !plan->banner, .ask_ns = TCP_NEVER
	};
}

uint64_t app_client_deadline(const struct app_client *client)
{
	bool resets = client->plan->close == CLOSE_RESET && client->tcp->state <= TCP_OPEN;

	if (resets && client->plan->reset_at_ns < client->ask_ns)
		return client->plan->reset_at_ns;
	return client->ask_ns;
}

static void scan_answers(struct app_client *client)
{
	int32_t len = tcp_in_len(client->tcp);

	for (; client->scanned + 1 < len; client->scanned++) {
		if (client->tcp->in[client->scanned] != END_MARK)
			continue;
		unsigned turn = client->tcp->in[client->scanned + 1];
		if (turn == END_MARK)
			continue;
		if (turn == 0)
			client->greeted = true;
		else if (turn > client->answered)
			client->answered = turn;
	}
}

/* The next request may go out: all before it are answered, or it does not wait for that. */
static bool may_ask(const struct app_client *client)
{
	const struct plan_request *next = &client->plan->requests[client->asked + 1];

	return client->greeted && client->asked < client->plan->turns &&
	       (client->piece > 0 || next->pipelined || client->answered >= client->asked);
}

static void ask(struct app_client *client, uint64_t now)
{
	unsigned turn = client->asked + 1;
	const struct plan_request *request = &client->plan->requests[turn];
	int32_t from = client->piece == 0
			       ? 0
			       : app_piece_end(request->len, request->pieces, client->piece - 1);
	int32_t to = app_piece_end(request->len, request->pieces, client->piece);

	write_bytes(client->plan, client->tcp, ROLE_CLIENT, turn, from, to, now);
	client->piece++;
	client->ask_ns = now + request->pause_ns;
	if (to < request->len)
		return;
	client->piece = 0;
	client->asked++;
	client->ask_ns = TCP_NEVER;
}

static void finish(struct app_client *client, uint64_t now)
{
	const struct plan *plan = client->plan;
	bool all_asked = client->asked == plan->turns;
	bool all_answered = client->answered == plan->turns;

	if ((all_asked && (plan->close == CLOSE_HALF || plan->close == CLOSE_TOGETHER)) ||
	    (all_answered && plan->close != CLOSE_SERVER && plan->close != CLOSE_RESET) ||
	    tcp_peer_closed(client->tcp))
		tcp_close(client->tcp, now);
}

static void ask_what_is_due(struct app_client *client, uint64_t now)
{
	while (may_ask(client)) {
		const struct plan_request *next = &client->plan->requests[client->asked + 1];

		if (client->ask_ns == TCP_NEVER)
			client->ask_ns = now + (next->pipelined ? 0 : next->wait_ns);
		if (now < client->ask_ns)
			return;
		ask(client, now);
	}
}

void app_client_step(struct app_client *client, uint64_t now)
{
	struct tcp *tcp = client->tcp;

	if (tcp->state <= TCP_OPEN && client->plan->close == CLOSE_RESET &&
	    now >= client->plan->reset_at_ns)
		tcp_abort(tcp, now);
	if (tcp->state > TCP_OPEN)
		client->ask_ns = TCP_NEVER;
	scan_answers(client);
	if (tcp->state != TCP_OPEN || tcp->closing)
		return;
	ask_what_is_due(client, now);
	finish(client, now);
}
