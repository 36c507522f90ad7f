/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The load's far end: answers lines over TCP, counts datagrams over UDP (load.h).
 *
 *	serve frontend|backend
 *
 * Prints "ready", and runs until it is killed.
 */
#include "load.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 8192 /* by number of the descriptor */
#define DATAGRAMS 64         /* in a read */
#define UDP_BUFFER (8 << 20)

struct line {
	char text[LOAD_LINE_MAX];
	size_t len;
};

struct server {
	char role;
	int listeners[2], epoll;
	struct line lines[CONNECTIONS_MAX];
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int bound(int kind, uint16_t port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, kind | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		die("bind");
	return fd;
}

/* --- datagrams */

static void answer_datagram(int fd, char role, uint64_t count, const struct msghdr *to)
{
	const struct load_datagram *question = to->msg_iov->iov_base;
	struct load_answer answer = { .count = count, .serial = question->serial, .role = role };

	sendto(fd, &answer, sizeof(answer), 0, to->msg_name, to->msg_namelen);
}

struct udp {
	struct load_datagram data[DATAGRAMS];
	struct sockaddr_in from[DATAGRAMS];
	struct iovec iov[DATAGRAMS];
	struct mmsghdr messages[DATAGRAMS];
	uint64_t count;
};

static void take_datagrams(struct udp *udp, int fd, char role, int count)
{
	const struct msghdr *paced = NULL;

	for (int i = 0; i < count; i++) {
		const struct msghdr *message = &udp->messages[i].msg_hdr;
		char kind = udp->data[i].kind;

		if (kind == LOAD_START)
			udp->count = 0;
		else if (kind != LOAD_COUNT)
			udp->count++;
		if (kind == LOAD_PACED)
			paced = message;
		if (kind == LOAD_START || kind == LOAD_COUNT)
			answer_datagram(fd, role, udp->count, message);
	}
	if (paced)
		answer_datagram(fd, role, udp->count, paced);
}

static void *serve_udp(void *ctx)
{
	static struct udp udp;
	char role = *(const char *)ctx;
	int fd = bound(SOCK_DGRAM, LOAD_UDP_PORT), size = UDP_BUFFER;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	for (int i = 0; i < DATAGRAMS; i++) {
		udp.iov[i] = (struct iovec){ &udp.data[i], sizeof(udp.data[i]) };
		udp.messages[i].msg_hdr = (struct msghdr){ .msg_name = &udp.from[i],
							   .msg_iov = &udp.iov[i],
							   .msg_iovlen = 1 };
	}
	for (;;) {
		for (int i = 0; i < DATAGRAMS; i++)
			udp.messages[i].msg_hdr.msg_namelen = sizeof(udp.from[i]);
		take_datagrams(&udp, fd, role,
			       recvmmsg(fd, udp.messages, DATAGRAMS, MSG_WAITFORONE, NULL));
	}
	return NULL;
}

/* --- lines */

/* Returns false if the connection is to be closed. */
static bool answer_line(const struct server *server, int fd, const char *line)
{
	static unsigned turn;
	char answer[512];
	size_t len = strtoul(line + 1, NULL, 10);

	if (line[0] == 'v')
		len += ++turn % 16;
	if (len < 2 || len > sizeof(answer))
		return false;
	memset(answer, '.', len);
	answer[0] = server->role;
	answer[len - 1] = '\n';
	return write(fd, answer, len) == (ssize_t)len && line[0] != 'e';
}

static bool take_lines(const struct server *server, int fd, struct line *line)
{
	char *end;
	bool open = true;

	while (open && (end = memchr(line->text, '\n', line->len)) != NULL) {
		size_t used = (size_t)(end - line->text) + 1;

		*end = '\0';
		open = answer_line(server, fd, line->text);
		memmove(line->text, line->text + used, line->len - used);
		line->len -= used;
	}
	return open && line->len < sizeof(line->text);
}

static void read_connection(struct server *server, int fd)
{
	struct line *line = &server->lines[fd];
	ssize_t len = read(fd, line->text + line->len, sizeof(line->text) - line->len);

	if (len < 0 && errno == EAGAIN)
		return;
	if (len > 0)
		line->len += (size_t)len;
	if (len <= 0 || !take_lines(server, fd, line))
		close(fd);
}

static void accept_all(struct server *server, int listener)
{
	int fd, on = 1;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

		if (fd >= CONNECTIONS_MAX ||
		    epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
			close(fd);
			continue;
		}
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		server->lines[fd].len = 0;
	}
}

static void listen_on(struct server *server, unsigned which, uint16_t port)
{
	struct epoll_event event = { .events = EPOLLIN };

	event.data.fd = server->listeners[which] = bound(SOCK_STREAM | SOCK_NONBLOCK, port);
	if (listen(event.data.fd, 4096) < 0 ||
	    epoll_ctl(server->epoll, EPOLL_CTL_ADD, event.data.fd, &event) < 0)
		die("listen");
}

static void serve_tcp(struct server *server)
{
	struct epoll_event events[64];

	for (;;) {
		int count = epoll_wait(server->epoll, events, 64, -1);

		for (int i = 0; i < count; i++) {
			int fd = events[i].data.fd;

			if (fd == server->listeners[0] || fd == server->listeners[1])
				accept_all(server, fd);
			else
				read_connection(server, fd);
		}
	}
}

int main(int argc, char **argv)
{
	static struct server server;
	pthread_t thread;

	if (argc != 2 || (strcmp(argv[1], "frontend") != 0 && strcmp(argv[1], "backend") != 0)) {
		fprintf(stderr, "usage: serve frontend|backend\n");
		return 64;
	}
	server.role = argv[1][0];
	if (pthread_create(&thread, NULL, serve_udp, &server.role) != 0)
		die("thread");
	server.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (server.epoll < 0)
		die("epoll");
	listen_on(&server, 0, LOAD_ONCE_PORT);
	listen_on(&server, 1, LOAD_TURNS_PORT);
	puts("ready");
	fflush(stdout);
	serve_tcp(&server);
}
