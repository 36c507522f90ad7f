/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A bad wire: joins two interfaces and loses, repeats, delays, reorders and corrupts what passes
 * from one to the other, each direction for itself, as the seed has it. Usage: see below.
 *
 * A frame is read with its virtio header and sent on with it, so super-packets and checksums that
 * were left to a device pass as they are. The dice are thrown once for each frame: where each
 * packet is to have a fate of its own, segmentation is to be off at the senders (ethtool -K IF
 * tso off gso off gro off). What hosts on a link say to each other passes untouched: a lost ARP
 * request would be a second of silence that has nothing to do with the sessions.
 */
#include "fate.h"
#include "port.h"
#include "queue.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S UINT64_C(1000000000)
#define BURST 64 /* frames of one direction, before the other one has its turn */

static const char usage[] =
	"usage: impair [-s SEED] [-w] A B [[ab.|ba.]SETTING=VALUE]...\n"
	"\n"
	"Joins the interfaces A and B. Settings are for both directions, or for one:\n"
	"  loss duplicate reorder corrupt   percent of the packets\n"
	"  delay jitter                     milliseconds: a packet takes delay to delay + jitter,\n"
	"                                   and overtakes none\n"
	"  late                             milliseconds more for those that are to be overtaken\n"
	"-s: what the dice start from. -w: lets all pass untouched until SIGUSR1 comes.\n"
	"SIGUSR1 begins, SIGUSR2 ends with it. Prints \"ready\" when it listens, and what it has "
	"done\n"
	"after SIGTERM or SIGINT.\n";

/* One direction of the wire. */
struct way {
	const char *name;
	int from, to;
	struct impair_settings settings;
	struct impair_dice dice;
	struct impair_queue queue;
	uint64_t last_due_ns; /* of those that keep their order */
	uint64_t frames, supers, lost, duplicated, overtaken, corrupted, sent, failed, overruns;
	uint64_t bytes;
};

struct wire {
	struct way ways[2];
	int signals;
	bool impairs, ends;
};

static uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static void enqueue(struct way *way, const uint8_t *frame, size_t len, uint64_t due_ns)
{
	if (!impair_queue_add(&way->queue, frame, len, due_ns))
		way->failed++;
}

static void corrupt(struct way *way, uint8_t *frame, size_t len, uint64_t where)
{
	size_t head = IMPAIR_VIRTIO_BYTES + 14;
	if (impair_frame_is_super(frame)) /* its checksums are written later, and would be right */
		return;
	impair_frame_complete(frame, len);
	frame[head + where % (len - head)] ^= (uint8_t)(1u << ((where >> 32) % 8));
	way->corrupted++;
}

/* Decides about one frame and puts it, once, twice or not at all, on its way. */
static void carry(struct way *way, bool impairs, uint8_t *frame, size_t len)
{
	uint64_t now = now_ns();
	way->frames++;
	way->bytes += len - IMPAIR_VIRTIO_BYTES;
	way->supers += impair_frame_is_super(frame);
	if (!impairs || !impair_frame_is_ip(frame, len)) {
		enqueue(way, frame, len, now);
		return;
	}
	struct impair_fate fate = impair_fate_next(&way->settings, &way->dice);
	if (fate.lost) {
		way->lost++;
		return;
	}
	if (fate.corrupted)
		corrupt(way, frame, len, fate.where);
	uint64_t due_ns = now + fate.delay_ns;
	if (fate.overtaken) {
		way->overtaken++;
	} else {
		if (due_ns < way->last_due_ns)
			due_ns = way->last_due_ns;
		way->last_due_ns = due_ns;
	}
	enqueue(way, frame, len, due_ns);
	if (fate.duplicated) {
		way->duplicated++;
		enqueue(way, frame, len, due_ns);
	}
}

static void receive(struct way *way, bool impairs)
{
	static uint8_t frame[IMPAIR_FRAME_BYTES];
	for (unsigned i = 0; i < BURST; i++) {
		ssize_t len = impair_port_receive(way->from, frame);
		if (len == 0)
			return;
		if (len < (ssize_t)(IMPAIR_VIRTIO_BYTES + 14))
			way->failed++;
		else
			carry(way, impairs, frame, (size_t)len);
	}
}

static void deliver(struct way *way)
{
	uint64_t now = now_ns();
	struct impair_parcel *parcel;
	while ((parcel = impair_queue_first(&way->queue)) != NULL && parcel->due_ns <= now) {
		parcel = impair_queue_take(&way->queue);
		if (impair_port_send(way->to, parcel->data, parcel->len))
			way->sent++;
		else
			way->failed++;
		free(parcel);
	}
}

static void obey(struct wire *wire)
{
	struct signalfd_siginfo info;
	if (read(wire->signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGUSR1)
		wire->impairs = true;
	else if (info.ssi_signo == SIGUSR2)
		wire->impairs = false;
	else
		wire->ends = true;
}

/* How long nothing is to be sent; NULL: for ever. */
static const struct timespec *until_due(const struct wire *wire, struct timespec *left)
{
	uint64_t now = now_ns(), due_ns = UINT64_MAX;
	for (unsigned i = 0; i < 2; i++) {
		const struct impair_parcel *first = impair_queue_first(&wire->ways[i].queue);
		if (first != NULL && first->due_ns < due_ns)
			due_ns = first->due_ns;
	}
	if (due_ns == UINT64_MAX)
		return NULL;
	uint64_t ns = due_ns > now ? due_ns - now : 0;
	*left = (struct timespec){ (time_t)(ns / NS_PER_S), (long)(ns % NS_PER_S) };
	return left;
}

static void run(struct wire *wire)
{
	struct pollfd polled[3] = {
		{ .fd = wire->ways[0].from, .events = POLLIN },
		{ .fd = wire->ways[1].from, .events = POLLIN },
		{ .fd = wire->signals, .events = POLLIN },
	};
	while (!wire->ends) {
		struct timespec left;
		if (ppoll(polled, 3, until_due(wire, &left), NULL) < 0 && errno != EINTR)
			return;
		for (unsigned i = 0; i < 2; i++) {
			if (polled[i].revents != 0)
				receive(&wire->ways[i], wire->impairs);
			deliver(&wire->ways[i]);
		}
		if (polled[2].revents != 0)
			obey(wire);
	}
}

static void report(struct way *way)
{
	way->overruns += impair_port_overruns(way->from);
	printf("%s: frames %" PRIu64 " bytes %" PRIu64 " super %" PRIu64 " lost %" PRIu64
	       " duplicated %" PRIu64 " overtaken %" PRIu64 " corrupted %" PRIu64 " sent %" PRIu64
	       " waiting %zu failed %" PRIu64 " overrun %" PRIu64 "\n",
	       way->name, way->frames, way->bytes, way->supers, way->lost, way->duplicated,
	       way->overtaken, way->corrupted, way->sent, way->queue.count, way->failed,
	       way->overruns);
	impair_queue_fini(&way->queue);
}

static bool set(struct wire *wire, const char *word)
{
	for (unsigned i = 0; i < 2; i++) {
		if (strncmp(word, wire->ways[i].name, 2) == 0 && word[2] == '.')
			return impair_settings_set(&wire->ways[i].settings, word + 3);
	}
	return impair_settings_set(&wire->ways[0].settings, word) &&
	       impair_settings_set(&wire->ways[1].settings, word);
}

static bool options(struct wire *wire, int argc, char **argv)
{
	uint64_t seed = 1;
	int option;
	while ((option = getopt(argc, argv, "s:w")) != -1) {
		if (option == 'w')
			wire->impairs = false;
		else if (option == 's')
			seed = strtoull(optarg, NULL, 0);
		else
			return false;
	}
	wire->ways[0].dice.state = seed;
	wire->ways[1].dice.state = ~seed;
	for (int i = optind + 2; i < argc; i++) {
		if (!set(wire, argv[i])) {
			fprintf(stderr, "impair: %s: no such setting\n", argv[i]);
			return false;
		}
	}
	return argc >= optind + 2;
}

static bool join(struct wire *wire, char **interfaces)
{
	int ports[2];
	for (unsigned i = 0; i < 2; i++) {
		ports[i] = impair_port_open(interfaces[i]);
		if (ports[i] < 0) {
			fprintf(stderr, "impair: %s: %s\n", interfaces[i], strerror(-ports[i]));
			return false;
		}
	}
	wire->ways[0].from = wire->ways[1].to = ports[0];
	wire->ways[1].from = wire->ways[0].to = ports[1];
	return true;
}

static bool listen_to_signals(struct wire *wire)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	wire->signals = signalfd(-1, &set, SFD_CLOEXEC);
	return wire->signals >= 0;
}

int main(int argc, char **argv)
{
	struct wire wire = { .ways = { { .name = "ab" }, { .name = "ba" } }, .impairs = true };
	if (!options(&wire, argc, argv)) {
		fputs(usage, stderr);
		return 64;
	}
	if (!listen_to_signals(&wire) || !join(&wire, argv + optind))
		return 71;
	puts("ready");
	fflush(stdout);
	run(&wire);
	report(&wire.ways[0]);
	report(&wire.ways[1]);
	return 0;
}
