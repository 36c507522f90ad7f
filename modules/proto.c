/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Accepts sessions of one protocol, told by the first bytes that the client sends; or those in which
 * the server speaks first.
 */
#include <honeybrid/module.h>

#include <errno.h>
#include <stdlib.h>

enum {
	DNS = 0,
	HTTP,
	MQTT,
	MYSQL,
	POSTGRESQL,
	RDP,
	REDIS,
	SIP,
	SMB,
	SMTP,
	SSH,
	TELNET,
	TLS,
	VNC,
	SERVER_FIRST
};

/* How a client's stream begins: bytes that count where the mask has ones; no mask: all of them. */
struct signature {
	int protocol;
	int transport; /* 0: any */
	size_t len;
	const char *bytes, *mask;
};

#define TEXT(protocol, bytes)                                                                      \
	{                                                                                          \
		protocol, 0, sizeof(bytes) - 1, bytes, NULL                                        \
	}
#define MASKED(protocol, bytes, mask)                                                              \
	{                                                                                          \
		protocol, 0, sizeof(bytes) - 1, bytes, mask                                        \
	}
#define ANY_CASE "\xdf\xdf\xdf\xdf\xff"

static const struct signature signatures[] = {
	/* A standard query with one question and no answer (RFC 1035, 4.1.1); over TCP behind its
	 * length. */
	{ DNS, HB_PROTO_UDP, 10, "\0\0\0\0\0\1\0\0\0\0", "\0\0\xf8\0\xff\xff\xff\xff\xff\xff" },
	{ DNS, HB_PROTO_TCP, 12, "\0\0\0\0\0\0\0\1\0\0\0\0",
	  "\0\0\0\0\xf8\0\xff\xff\xff\xff\xff\xff" },
	TEXT(HTTP, "GET "),
	TEXT(HTTP, "POST "),
	TEXT(HTTP, "HEAD "),
	TEXT(HTTP, "PUT "),
	TEXT(HTTP, "DELETE "),
	TEXT(HTTP, "CONNECT "),
	TEXT(HTTP, "TRACE "),
	TEXT(HTTP, "PATCH "),
	TEXT(HTTP, "PROPFIND "),
	TEXT(HTTP, "OPTIONS /"),
	TEXT(HTTP, "OPTIONS *"),
	TEXT(HTTP, "OPTIONS http"),
	TEXT(HTTP, "PRI * HTTP/2.0\r\n"),
	/* CONNECT, its remaining length in one byte or two (MQTT 3.1.1, 3.1). */
	MASKED(MQTT, "\x10\0\0\4MQTT", "\xff\x80\xff\xff\xff\xff\xff\xff"),
	MASKED(MQTT, "\x10\x80\0\0\4MQTT", "\xff\x80\x80\xff\xff\xff\xff\xff\xff"),
	/* The answer to the greeting: number 1, CLIENT_PROTOCOL_41, 19 bytes of zeros. */
	MASKED(MYSQL, "\0\0\0\1\0\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
	       "\0\0\0\xff\0\2\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
	       "\xff\xff\xff\xff\xff\xff"),
	/* Startup with version 3.0; a request for TLS, for GSS. */
	MASKED(POSTGRESQL, "\0\0\0\0\0\3\0\0", "\xff\xff\0\0\xff\xff\xff\xff"),
	TEXT(POSTGRESQL, "\0\0\0\x08\4\xd2\x16\x2f"),
	TEXT(POSTGRESQL, "\0\0\0\x08\4\xd2\x16\x30"),
	/* TPKT, and a connection request of X.224 in it. */
	MASKED(RDP, "\3\0\0\0\0\xe0\0\0", "\xff\xff\0\0\0\xff\xff\xff"),
	MASKED(REDIS, "*0\r\n$", "\xff\xf0\xff\xff\xff"),
	TEXT(REDIS, "PING\r\n"),
	TEXT(REDIS, "INFO\r\n"),
	TEXT(SIP, "INVITE sip"),
	TEXT(SIP, "OPTIONS sip"),
	TEXT(SIP, "REGISTER sip"),
	/* Behind the length: version 1 or 2. And a NetBIOS session request. */
	MASKED(SMB, "\0\0\0\0\xfeSMB", "\xff\0\0\0\xfe\xff\xff\xff"),
	TEXT(SMB, "\x81\0\0\x44\x20"),
	MASKED(SMTP, "EHLO ", ANY_CASE),
	MASKED(SMTP, "HELO ", ANY_CASE),
	TEXT(SSH, "SSH-"),
	/* IAC, and SB or WILL; WONT or DO; DONT. */
	MASKED(TELNET, "\xff\xfa", "\xff\xfe"),
	MASKED(TELNET, "\xff\xfc", "\xff\xfe"),
	TEXT(TELNET, "\xff\xfe"),
	/* A handshake record of any version that begins with a ClientHello. */
	MASKED(TLS, "\x16\3\0\0\0\1", "\xff\xff\xf8\0\0\xff"),
	TEXT(VNC, "RFB 00"),
};

static enum hb_decision compare(const struct signature *signature, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len && i < signature->len; i++) {
		uint8_t mask = signature->mask ? (uint8_t)signature->mask[i] : UINT8_MAX;

		if ((data[i] ^ (uint8_t)signature->bytes[i]) & mask)
			return HB_DECISION_REJECT;
	}
	return len < signature->len ? HB_DECISION_DEFER : HB_DECISION_ACCEPT;
}

static enum hb_decision recognize(int64_t protocol, int transport, const uint8_t *data, size_t len)
{
	enum hb_decision best = HB_DECISION_REJECT;

	for (size_t i = 0; i < sizeof(signatures) / sizeof(*signatures); i++) {
		const struct signature *signature = &signatures[i];
		bool fits = signature->protocol == protocol &&
			    (signature->transport == 0 || signature->transport == transport);
		enum hb_decision answer = fits ? compare(signature, data, len) : best;

		if (answer > best)
			best = answer;
	}
	return best;
}

/* Known as soon as one side has said something, and never known otherwise afterwards. */
static enum hb_decision server_first(const struct hb_query *query, size_t client_bytes)
{
	if (query->previous != HB_DECISION_DEFER)
		return query->previous;
	if (query->flow->server_spoke_first)
		return HB_DECISION_ACCEPT;
	return client_bytes > 0 ? HB_DECISION_REJECT : HB_DECISION_DEFER;
}

static enum hb_decision decide(void *state, const struct hb_query *query)
{
	const int64_t *protocol = state;
	/* Elsewhere more may come. */
	bool whole =
		query->flow->protocol != HB_PROTO_TCP || query->flow->state == HB_STATE_CONTROL;
	size_t len;
	const uint8_t *data = hb_query_stream(query, &len);
	enum hb_decision answer = *protocol == SERVER_FIRST
					  ? server_first(query, len)
					  : recognize(*protocol, query->flow->protocol, data, len);

	return answer == HB_DECISION_DEFER && whole ? HB_DECISION_REJECT : answer;
}

static int create(const struct hb_instance *instance, void **state, struct hb_error *err)
{
	int64_t *protocol = malloc(sizeof(*protocol));

	if (!protocol)
		return hb_error_set(err, HB_ERROR_SYSTEM, 0, "no memory for module \"%s\"",
				    hb_instance_name(instance));
	*protocol = hb_instance_integer(instance, "protocol");
	*state = protocol;
	return 0;
}

static const struct hb_param_word words[] = { { "dns", DNS },
					      { "http", HTTP },
					      { "mqtt", MQTT },
					      { "mysql", MYSQL },
					      { "postgresql", POSTGRESQL },
					      { "rdp", RDP },
					      { "redis", REDIS },
					      { "sip", SIP },
					      { "smb", SMB },
					      { "smtp", SMTP },
					      { "ssh", SSH },
					      { "telnet", TELNET },
					      { "tls", TLS },
					      { "vnc", VNC },
					      { "server_first", SERVER_FIRST },
					      { NULL, 0 } };

static const struct hb_param params[] = {
	{ .name = "protocol",
	  .type = HB_PARAM_WORD,
	  .required = true,
	  .max = SERVER_FIRST,
	  .words = words,
	  .help = "http, ssh, tls and so on, or server_first" },
	{ .name = NULL },
};

HB_MODULE(proto, .summary = "accepts sessions of one protocol", .params = params, .create = create,
	  .destroy = free, .decide = decide)
