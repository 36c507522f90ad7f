/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The load's near end: the attacker (load.h, serve.c).
 *
 *	load flood   ADDRESS SECONDS          datagrams as fast as they can be sent
 *	load paced   ADDRESS SECONDS          as fast as they arrive, so that hardly one is lost
 *	load connect ADDRESS SECONDS          sessions of one request, 64 at a time
 *	load stall   ADDRESS SESSIONS TURNS same|other
 *	                                      one session at a time, of so many turns before the
 *	                                      request that decides, the length of answers known or not
 *
 * Prints the figure (thousands of datagrams a second; sessions a second) and who served, frontend
 * or backend; for "stall" see print_stall().
 */
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000.0
#define DATAGRAMS 32    /* in a write */
#define IN_FLIGHT 256   /* paced datagrams */
#define ANSWER_MS 20    /* after which they are lost */
#define QUESTION_MS 100 /* after which one is asked again */
#define QUESTION_TRIES 50
#define SLOTS 64         /* sessions at a time */
#define SLOT_SECONDS 2.0 /* after which one has failed */
#define AFTER 4          /* requests behind the one that decides */
#define SESSIONS_MAX 10000

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / NS_PER_S;
}

static struct sockaddr_in address_of(const char *text, uint16_t port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };

	if (inet_pton(AF_INET, text, &address.sin_addr) != 1) {
		fprintf(stderr, "load: no IPv4 address: %s\n", text);
		exit(64);
	}
	return address;
}

static const char *role_name(char role)
{
	return role == 'f' ? "frontend" : role == 'b' ? "backend" : "nobody";
}

/* --- datagrams */

struct sender {
	int fd;
	struct load_datagram datagram;
	struct iovec iov;
	struct mmsghdr messages[DATAGRAMS];
	uint64_t sent;
	struct load_answer last;
};

static void wait_at_most(int fd, int ms)
{
	struct timeval timeout = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0)
		die("timeout");
}

/* Asks until it is answered; answers to earlier questions are passed over. */
static void ask(struct sender *sender, enum load_kind kind)
{
	struct load_datagram question = { .kind = (char)kind };

	wait_at_most(sender->fd, QUESTION_MS);
	for (int i = 0; i < QUESTION_TRIES; i++) {
		question.serial = ++sender->datagram.serial;
		send(sender->fd, &question, sizeof(question), 0);
		while (recv(sender->fd, &sender->last, sizeof(sender->last), 0) > 0)
			if (sender->last.serial == question.serial)
				return;
	}
	fprintf(stderr, "load: no answer to datagrams\n");
	exit(1);
}

static void open_sender(struct sender *sender, const char *to, enum load_kind kind)
{
	struct sockaddr_in address = address_of(to, LOAD_UDP_PORT);

	sender->fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (sender->fd < 0 || connect(sender->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		die("connect");
	/* Whoever hands the flow over has done it behind these. */
	for (int i = 0; i < 4; i++)
		ask(sender, LOAD_START);
	sender->datagram.kind = (char)kind;
	sender->datagram.serial = 0;
	sender->iov = (struct iovec){ &sender->datagram, sizeof(sender->datagram) };
	for (int i = 0; i < DATAGRAMS; i++)
		sender->messages[i].msg_hdr =
			(struct msghdr){ .msg_iov = &sender->iov, .msg_iovlen = 1 };
}

static void send_batch(struct sender *sender)
{
	int sent = sendmmsg(sender->fd, sender->messages, DATAGRAMS, 0);

	if (sent > 0)
		sender->sent += (uint64_t)sent;
}

static void print_datagrams(struct sender *sender, double seconds)
{
	printf("%.1f %s\n", (double)sender->last.count / seconds / 1000,
	       role_name(sender->last.role));
}

static void flood(struct sender *sender, double seconds)
{
	double begin = now_s(), spent;

	do {
		send_batch(sender);
		spent = now_s() - begin;
	} while (spent < seconds);
	usleep(100000); /* what is on its way arrives, or is lost */
	ask(sender, LOAD_COUNT);
	print_datagrams(sender, spent);
}

static void paced(struct sender *sender, double seconds)
{
	double begin = now_s(), spent;
	uint64_t lost = 0;

	wait_at_most(sender->fd, ANSWER_MS);
	do {
		while (sender->sent - lost - sender->last.count <= IN_FLIGHT - DATAGRAMS)
			send_batch(sender);
		if (recv(sender->fd, &sender->last, sizeof(sender->last), 0) < 0)
			lost = sender->sent - sender->last.count;
		while (recv(sender->fd, &sender->last, sizeof(sender->last), MSG_DONTWAIT) > 0)
			;
		if (lost > sender->sent - sender->last.count)
			lost = sender->sent - sender->last.count; /* it was only late */
		spent = now_s() - begin;
	} while (spent < seconds);
	print_datagrams(sender, spent);
	if (lost > 0)
		fprintf(stderr, "load: %" PRIu64 " of %" PRIu64 " datagrams lost\n", lost,
			sender->sent);
}

/* --- sessions of one request */

struct slots {
	struct sockaddr_in to;
	int epoll;
	struct {
		int fd;
		bool asked;
		double begin;
	} slot[SLOTS];
	uint64_t done, failed;
	char role;
};

static void begin_session(struct slots *slots, unsigned i)
{
	struct epoll_event event = { .events = EPOLLOUT, .data.u32 = i };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (fd < 0 || (connect(fd, (struct sockaddr *)&slots->to, sizeof(slots->to)) < 0 &&
		       errno != EINPROGRESS))
		die("connect");
	if (epoll_ctl(slots->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		die("epoll");
	slots->slot[i].fd = fd;
	slots->slot[i].asked = false;
	slots->slot[i].begin = now_s();
}

static void end_session(struct slots *slots, unsigned i, bool good)
{
	close(slots->slot[i].fd);
	if (good)
		slots->done++;
	else
		slots->failed++;
	begin_session(slots, i);
}

/* Connected: asks. Readable: takes the answer, and the end of the session behind it. */
static void continue_session(struct slots *slots, unsigned i)
{
	static const char request[] = "e 20\n";
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = i };
	int fd = slots->slot[i].fd;
	char answer[64];
	ssize_t len;

	if (!slots->slot[i].asked) {
		slots->slot[i].asked = true;
		if (write(fd, request, sizeof(request) - 1) < 0 ||
		    epoll_ctl(slots->epoll, EPOLL_CTL_MOD, fd, &event) < 0)
			end_session(slots, i, false);
		return;
	}
	len = read(fd, answer, sizeof(answer));
	if (len > 0)
		slots->role = answer[0];
	if (len == 0 || (len < 0 && errno != EAGAIN))
		end_session(slots, i, len == 0 && slots->role != 0);
}

static void connect_sessions(const char *to, double seconds)
{
	static struct slots slots;
	struct epoll_event events[SLOTS];
	double begin = now_s(), now;

	slots.to = address_of(to, LOAD_ONCE_PORT);
	slots.epoll = epoll_create1(0);
	for (unsigned i = 0; i < SLOTS; i++)
		begin_session(&slots, i);
	do {
		int count = epoll_wait(slots.epoll, events, SLOTS, 100);

		for (int i = 0; i < count; i++)
			continue_session(&slots, events[i].data.u32);
		now = now_s();
		for (unsigned i = 0; count == 0 && i < SLOTS; i++)
			if (now - slots.slot[i].begin > SLOT_SECONDS)
				end_session(&slots, i, false);
	} while (now - begin < seconds);
	printf("%.0f %s\n", (double)slots.done / (now - begin), role_name(slots.role));
	if (slots.failed > 0)
		fprintf(stderr, "load: %" PRIu64 " sessions failed\n", slots.failed);
}

/* --- what a handover costs the client */

static int open_session(const char *to)
{
	struct sockaddr_in address = address_of(to, LOAD_TURNS_PORT);
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		die("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	wait_at_most(fd, 10000);
	return fd;
}

/* Sends a line and waits for the answer to it; returns how long that took. */
static double request(int fd, const char *line, char *role)
{
	double begin = now_s();
	char answer[256];
	ssize_t len;

	if (write(fd, line, strlen(line)) < 0)
		die("write");
	do {
		len = read(fd, answer, sizeof(answer));
		if (len <= 0)
			die("no answer");
		*role = answer[0] != '.' && answer[0] != '\n' ? answer[0] : *role;
	} while (answer[len - 1] != '\n');
	return now_s() - begin;
}

struct stall {
	double opened[SESSIONS_MAX];  /* connecting */
	double decided[SESSIONS_MAX]; /* the request that decides */
	double after[SESSIONS_MAX];   /* one behind it */
	unsigned count;
	char role;
};

static void stall_session(struct stall *stall, const char *to, unsigned turns, const char *turn)
{
	unsigned i = stall->count++;
	double begin = now_s();
	int fd = open_session(to);
	char line[LOAD_LINE_MAX];

	stall->opened[i] = now_s() - begin;
	while (turns-- > 0)
		request(fd, turn, &stall->role);
	snprintf(line, sizeof(line), "g 20 %ld %u %.9f\n", (long)getpid(), i, begin);
	stall->decided[i] = request(fd, line, &stall->role);
	for (unsigned n = 0; n < AFTER; n++)
		stall->after[i] = request(fd, "t 20\n", &stall->role);
	close(fd);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Half of the values are below the first number, 99 of 100 below the second; in microseconds. */
static void print_percentiles(double *values, unsigned count)
{
	qsort(values, count, sizeof(*values), compare);
	printf("%.0f %.0f ", values[count / 2] * 1e6, values[count * 99 / 100] * 1e6);
}

/* p50 and p99 each: connecting, the request that decides, one behind it; then who served. */
static void print_stall(struct stall *stall)
{
	print_percentiles(stall->opened, stall->count);
	print_percentiles(stall->decided, stall->count);
	print_percentiles(stall->after, stall->count);
	printf("%s\n", role_name(stall->role));
}

static int usage(void)
{
	fprintf(stderr, "usage: load flood|paced|connect ADDRESS SECONDS\n"
			"       load stall ADDRESS SESSIONS TURNS same|other\n");
	return 64;
}

static int stall_main(char **argv)
{
	static struct stall stall;
	unsigned sessions = (unsigned)strtoul(argv[1], NULL, 10);
	unsigned turns = (unsigned)strtoul(argv[2], NULL, 10);

	if (sessions == 0 || sessions > SESSIONS_MAX)
		return usage();
	while (stall.count < sessions)
		stall_session(&stall, argv[0], turns,
			      strcmp(argv[3], "other") == 0 ? "v 20\n" : "t 20\n");
	print_stall(&stall);
	return 0;
}

int main(int argc, char **argv)
{
	static struct sender sender;
	double seconds = argc > 3 ? strtod(argv[3], NULL) : 0;

	if (argc == 6 && strcmp(argv[1], "stall") == 0)
		return stall_main(argv + 2);
	if (argc != 4 || seconds <= 0)
		return usage();
	if (strcmp(argv[1], "flood") == 0) {
		open_sender(&sender, argv[2], LOAD_DATA);
		flood(&sender, seconds);
	} else if (strcmp(argv[1], "paced") == 0) {
		open_sender(&sender, argv[2], LOAD_PACED);
		paced(&sender, seconds);
	} else if (strcmp(argv[1], "connect") == 0) {
		connect_sessions(argv[2], seconds);
	} else {
		return usage();
	}
	return 0;
}
