/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Engines on several threads that share a policy with all modules that are built in: what they decide
 * does not depend on how many there are, and nothing that modules count is lost, reloads included. Build
 * with -Db_sanitize=thread to see that they share nothing without protection.
 *
 * Attackers are spread over the engines by their address, as the packet filter does it.
 */
#include "build.h"
#include "scratch.h"

#include <honeybrid/engine.h>

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define ENGINES 4
#define ATTACKERS 120
#define FLOWS 4        /* of each attacker */
#define ESCAPE_MAX 250 /* of the honeypot's datagrams, one beside each flow */
#define RELOADS 20
#define TRACE_SIZE 128

static const char *const payloads[] = {
	"GET /cgi-bin/%u HTTP/1.1\r\n\r\n",
	"SSH-2.0-%u\r\n",
	"POST /%u HTTP/1.0\r\n\r\n",
	"%u\r\n",
};

/* How a flow went. */
struct outcome {
	char trace[TRACE_SIZE];
	unsigned backend;
	bool handed_over;
};

/* All that the threads work on. */
struct bench {
	struct scratch dir;
	struct hb_policy *policy;
	struct outcome outcomes[ATTACKERS][FLOWS];
	atomic_uint_fast64_t
		ids_seen[ENGINES * ATTACKERS * FLOWS * 2]; /* 64 flow numbers in each */
	atomic_uint repeated_ids, escaped;
	unsigned engines, reloads;
};

struct worker {
	struct bench *bench;
	unsigned number;
	pthread_t thread;
	struct hb_engine *engine;
	struct hb_time now;

	/* How a new policy comes. */
	pthread_mutex_t lock;
	pthread_cond_t given, taken;
	struct hb_policy *new_policy;
	unsigned taken_count;
	unsigned done, to_do; /* flows */
};

static struct hb_endpoint endpoint(const char *text)
{
	struct hb_endpoint result;

	unit_require(hb_endpoint_parse(text, &result) == 0);
	return result;
}

static void add(struct hb_policy *policy, const char *name, const char *function,
		const char *settings[][2])
{
	struct hb_setting made[4];
	struct hb_error err;
	size_t count = 0;

	for (; settings && settings[count][0]; count++)
		made[count] = (struct hb_setting){ settings[count][0], settings[count][1], 1, 1 };
	ck_assert_msg(hb_policy_add_instance(policy, name, hb_module_builtin(function), made, count,
					     &err) == 0,
		      "%s", err.message);
}

#define ADD(policy, name, function, ...)                                                           \
	add(policy, name, function, (const char *[][2]){ __VA_ARGS__, { NULL, NULL } })

static void add_modules(struct hb_policy *policy, const struct scratch *dir)
{
	char list[512], state[512], hash[512];

	snprintf(list, sizeof(list), "%s", scratch_file(dir, "list"));
	snprintf(state, sizeof(state), "%s", scratch_file(dir, "source"));
	snprintf(hash, sizeof(hash), "%s", scratch_file(dir, "hash"));
	ADD(policy, "yes", "yesno", { "value", "yes" });
	ADD(policy, "no", "yesno", { "value", "no" });
	ADD(policy, "half", "random", { "value", "2" });
	ADD(policy, "fourth", "counter", { "counter", "4" });
	ADD(policy, "new", "hash", { "backup", hash });
	ADD(policy, "source", "source", { "backup", state });
	ADD(policy, "young", "source_time", { "deny_after", "100" });
	ADD(policy, "listed", "list", { "file", list });
	ADD(policy, "posts", "payload", { "expression", "POST /[0-9]*[13579] " });
	ADD(policy, "cgi", "payload", { "bytes", "cgi-bin" });
	ADD(policy, "ssh", "proto", { "protocol", "ssh" });
	ADD(policy, "always", "time", { "zone", "local" });
	ADD(policy, "any", "backpick_random", { NULL, NULL });
	ADD(policy, "few", "rate", { "of", "connections" }, { "max", "3" });
	ADD(policy, "places", "rate", { "of", "destinations" }, { "max", "1000" });
	ADD(policy, "bytes", "rate", { "of", "bytes" }, { "max", "1000000" });
	ADD(policy, "limit", "control", { "max_packet", "250" });
}

/* Leaves of the modules' rules: 14 and 12. */
static struct hb_policy *make_policy(const struct scratch *dir)
{
	struct hb_policy *policy = hb_policy_new();
	struct hb_endpoint frontend = endpoint("10.9.0.2"), first = endpoint("10.9.0.3"),
			   second = endpoint("10.9.0.4");
	struct hb_target *target;
	struct hb_error err = { 0 };

	add_modules(policy, dir);
	target = hb_policy_add_target(policy);
	bool good =
		hb_target_set_filter(target, "dst net 10.1.0.0/16 and tcp", &err) == 0 &&
		hb_target_set_frontend(target, &frontend,
				       "(source or half or listed or yes) and always and young and "
				       "(few or yes)",
				       &err) == 0 &&
		hb_target_set_backpick(target, "half and ssh and any", &err) == 0 &&
		hb_target_add_backend(target, &first, "(posts or cgi and half) and new", &err) ==
			0 &&
		hb_target_add_backend(target, &second, "fourth and not ssh", &err) == 0 &&
		hb_target_set_control(target, "places and bytes and limit", &err) == 0 &&
		hb_policy_seal(policy, &err) == 0;

	ck_assert_msg(good, "%s", err.message);
	return policy;
}

static void emit(void *ctx, const struct hb_datagram *dgram)
{
	(void)ctx;
	(void)dgram;
}

static void note_id(struct bench *bench, uint64_t id)
{
	uint64_t bit = UINT64_C(1) << (id % 64);

	unit_require(id / 64 < sizeof(bench->ids_seen) / sizeof(bench->ids_seen[0]));
	if (atomic_fetch_or(&bench->ids_seen[id / 64], bit) & bit)
		atomic_fetch_add(&bench->repeated_ids, 1);
}

static void event(void *ctx, const struct hb_event *event)
{
	struct worker *worker = ctx;
	struct bench *bench = worker->bench;
	const uint8_t *client = event->flow.client.addr.bytes;
	unsigned attacker = client[14] * 256u + client[15];
	unsigned flow = event->flow.client.port - 40000u;

	if (event->kind == HB_EVENT_FLOW_NEW)
		note_id(bench, event->flow.id);
	if (event->flow.protocol != HB_PROTO_TCP)
		return;
	unit_require(attacker < ATTACKERS && flow < FLOWS);
	/* Only this thread has this attacker. */
	struct outcome *outcome = &bench->outcomes[attacker][flow];

	if (event->kind == HB_EVENT_FLOW_STATE && event->flow.state == HB_STATE_REPLAY) {
		outcome->handed_over = true;
		outcome->backend = event->flow.backend;
	}
	if (event->kind == HB_EVENT_FLOW_END)
		snprintf(outcome->trace, sizeof(outcome->trace), "%s", event->trace);
}

static enum hb_verdict input(struct worker *worker, uint8_t *data, size_t len)
{
	struct hb_datagram dgram = { .data = data, .len = len, .cap = 2048, .in_interface = 1 };

	unit_require(len > 0);
	worker->now.mono_ns += 1000;
	return hb_engine_input(worker->engine, &dgram, worker->now);
}

static void send_tcp(struct worker *worker, const struct hb_build_tcp *spec)
{
	uint8_t buf[2048];

	input(worker, buf, hb_build_tcp(buf, sizeof(buf), spec));
}

/*
 * A new policy, if there is one. The thread waits for those that it should have by now, so that they
 * come in the middle of the traffic; it may be one ahead, so that others run while one is made.
 */
static void take_policy(struct worker *worker)
{
	unsigned due = worker->done * worker->bench->reloads / worker->to_do +
		       (worker->done == worker->to_do);

	pthread_mutex_lock(&worker->lock);
	while (!worker->new_policy && worker->taken_count + 1 < due)
		pthread_cond_wait(&worker->given, &worker->lock);
	if (worker->new_policy) {
		unit_require(hb_engine_set_policy(worker->engine, worker->new_policy) == 0);
		worker->new_policy = NULL;
		worker->taken_count++;
		pthread_cond_signal(&worker->taken);
	}
	pthread_mutex_unlock(&worker->lock);
}

/* A session's packets up to three lines of the client. */
static void play_flow(struct worker *worker, unsigned attacker, unsigned flow)
{
	struct hb_build_tcp up = { .window = 1000, .seq = 1000 + flow, .flags = HB_TCP_SYN };
	struct hb_build_tcp down = {
		.window = 1000, .seq = 5000, .ack = up.seq + 1, .flags = HB_TCP_SYN | HB_TCP_ACK
	};
	char text[64];

	snprintf(text, sizeof(text), "10.0.%u.%u:%u", attacker / 256, attacker % 256, 40000 + flow);
	up.ip = (struct hb_build_ip){ endpoint(text), endpoint("10.1.2.3:80"), .ttl = 60 };
	down.ip = (struct hb_build_ip){ endpoint("10.9.0.2:80"), endpoint(text), .ttl = 60 };
	send_tcp(worker, &up);
	send_tcp(worker, &down);
	up.seq++;
	up.ack = 5001;
	up.flags = HB_TCP_ACK;
	send_tcp(worker, &up);
	up.flags |= HB_TCP_PSH;
	snprintf(text, sizeof(text), payloads[(attacker + flow) % 4], attacker * FLOWS + flow);
	up.payload = (const uint8_t *)text;
	up.payload_len = strlen(text);
	for (int i = 0; i < 3; i++) {
		take_policy(worker);
		send_tcp(worker, &up);
		up.seq += (uint32_t)up.payload_len;
	}
}

/* The honeypot speaks to somebody who belongs to this engine. */
static void escape(struct worker *worker, unsigned number)
{
	uint8_t buf[2048];
	char to[32];
	struct hb_build_ip ip = { .src = endpoint("10.9.0.2:1000"), .ttl = 60 };

	snprintf(to, sizeof(to), "10.200.%u.%u:%u", worker->number, number % 3, 2000 + number);
	ip.dst = endpoint(to);
	if (input(worker, buf, hb_build_udp(buf, sizeof(buf), &ip, (const uint8_t *)"x", 1)) ==
	    HB_ACCEPT)
		atomic_fetch_add(&worker->bench->escaped, 1);
}

static void *work(void *arg)
{
	struct worker *worker = arg;
	struct bench *bench = worker->bench;

	worker->to_do = ATTACKERS / bench->engines * FLOWS;
	for (unsigned flow = 0; flow < FLOWS; flow++) {
		for (unsigned i = worker->number; i < ATTACKERS; i += bench->engines) {
			play_flow(worker, i, flow);
			escape(worker, worker->done++);
		}
	}
	while (worker->taken_count < bench->reloads)
		take_policy(worker);
	hb_engine_stop(worker->engine, worker->now);
	return NULL;
}

static void start(struct worker *worker, struct bench *bench, unsigned number)
{
	static const struct hb_ops ops = { .size = sizeof(ops), .emit = emit, .event = event };
	const struct hb_setup setup = { .size = sizeof(setup),
					.ops = &ops,
					.ctx = worker,
					.seed = "one for all....",
					.first_flow_id = number + 1,
					.flow_id_step = bench->engines };

	*worker = (struct worker){
		.bench = bench,
		.number = number,
		.now = { 1000000000, INT64_C(1250000000000000) },
	};
	pthread_mutex_init(&worker->lock, NULL);
	pthread_cond_init(&worker->given, NULL);
	pthread_cond_init(&worker->taken, NULL);
	worker->engine = hb_engine_new(&setup, bench->policy, NULL);
	ck_assert_ptr_nonnull(worker->engine);
	ck_assert_int_eq(pthread_create(&worker->thread, NULL, work, worker), 0);
}

static void finish(struct worker *worker)
{
	pthread_join(worker->thread, NULL);
	hb_engine_free(worker->engine);
	pthread_cond_destroy(&worker->given);
	pthread_cond_destroy(&worker->taken);
	pthread_mutex_destroy(&worker->lock);
}

static struct bench *bench_open(unsigned engines)
{
	struct bench *bench = calloc(1, sizeof(*bench));
	FILE *file;

	ck_assert_ptr_nonnull(bench);
	bench->engines = engines;
	bench->dir = scratch_make();
	file = fopen(scratch_file(&bench->dir, "list"), "w");
	ck_assert_ptr_nonnull(file);
	for (unsigned i = 0; i < ATTACKERS; i += 3)
		fprintf(file, "10.0.%u.%u\n", i / 256, i % 256);
	fclose(file);
	bench->policy = make_policy(&bench->dir);
	ck_assert_int_eq(hb_policy_load(bench->policy, NULL), 0);
	return bench;
}

static void bench_close(struct bench *bench)
{
	hb_policy_unref(bench->policy);
	scratch_remove(&bench->dir);
	free(bench);
}

static void run(struct bench *bench)
{
	struct worker workers[ENGINES];

	for (unsigned i = 0; i < bench->engines; i++)
		start(&workers[i], bench, i);
	for (unsigned i = 0; i < bench->engines; i++)
		finish(&workers[i]);
}

static bool same(const struct outcome *a, const struct outcome *b)
{
	return strcmp(a->trace, b->trace) == 0 && a->backend == b->backend &&
	       a->handed_over == b->handed_over;
}

START_TEST(one_and_four_decide_the_same)
{
	struct bench *one = bench_open(1), *four = bench_open(ENGINES);
	unsigned backends[3] = { 0 };

	run(one);
	run(four);
	for (unsigned i = 0; i < ATTACKERS; i++) {
		for (unsigned j = 0; j < FLOWS; j++) {
			const struct outcome *a = &one->outcomes[i][j], *b = &four->outcomes[i][j];

			if (!same(a, b))
				ck_abort_msg("attacker %u, flow %u: \"%s\", backend %u; with four "
					     "engines \"%s\", backend %u",
					     i, j, a->trace, a->backend, b->trace, b->backend);
			unit_require(a->trace[0] != '\0' && a->backend < 3);
			backends[a->backend]++;
		}
	}
	/* The rules are no formality. */
	for (unsigned i = 0; i < 3; i++)
		ck_assert_uint_ge(backends[i], ATTACKERS / 4);
	ck_assert_uint_eq(four->repeated_ids, 0);
	ck_assert_uint_eq(one->escaped, ESCAPE_MAX);
	ck_assert_uint_eq(four->escaped, ESCAPE_MAX);
	bench_close(one);
	bench_close(four);
}
END_TEST

/* The sum of the first number of all entries. */
static unsigned sum_of_counts(const struct scratch *dir, const char *name)
{
	FILE *file = fopen(scratch_file(dir, name), "r");
	char line[512];
	unsigned sum = 0;

	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof(line), file)) {
		const char *value = strchr(line, '=');

		sum += value ? (unsigned)strtoul(value + 1, NULL, 10) : 0;
	}
	fclose(file);
	return sum;
}

static void give(struct worker *worker, struct hb_policy *policy)
{
	pthread_mutex_lock(&worker->lock);
	worker->new_policy = policy;
	pthread_cond_signal(&worker->given);
	while (worker->new_policy)
		pthread_cond_wait(&worker->taken, &worker->lock);
	pthread_mutex_unlock(&worker->lock);
}

START_TEST(reloads_lose_nothing)
{
	struct bench *bench = bench_open(ENGINES);
	struct worker workers[ENGINES];
	struct hb_policy *policies[RELOADS + 1] = { bench->policy };
	const struct hb_time now = { 0, INT64_C(1250000000000000) };

	bench->reloads = RELOADS;
	for (unsigned i = 0; i < ENGINES; i++)
		start(&workers[i], bench, i);
	for (unsigned i = 1; i <= RELOADS; i++) {
		policies[i] = make_policy(&bench->dir);
		ck_assert_int_eq(hb_policy_save(policies[i - 1], now, NULL), 0);
		ck_assert_int_eq(hb_policy_adopt(policies[i], policies[i - 1], NULL), 0);
		ck_assert_int_eq(hb_policy_load(policies[i], NULL), 0);
		for (unsigned j = 0; j < ENGINES; j++)
			give(&workers[j], policies[i]);
		for (unsigned j = 0; j < i; j++) {
			if (policies[j] && !hb_policy_is_shared(policies[j])) {
				hb_policy_unref(policies[j]);
				policies[j] = NULL;
			}
		}
	}
	for (unsigned i = 0; i < ENGINES; i++)
		finish(&workers[i]);
	bench->policy = policies[RELOADS];
	for (unsigned i = 0; i < RELOADS; i++) {
		ck_assert(!policies[i] || !hb_policy_is_shared(policies[i]));
		hb_policy_unref(policies[i]);
	}
	ck_assert_int_eq(hb_policy_save(bench->policy, now, NULL), 0);
	ck_assert_uint_eq(sum_of_counts(&bench->dir, "source"), ATTACKERS * FLOWS);
	ck_assert_uint_eq(bench->repeated_ids, 0);
	ck_assert_uint_eq(bench->escaped, ESCAPE_MAX);
	bench_close(bench);
}
END_TEST

UNIT_MAIN("engines", one_and_four_decide_the_same, reloads_lose_nothing)
