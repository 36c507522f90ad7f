/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Accepts a payload that was never seen on the attacked port.
 *
 * A payload is known by its digest, taken after every dotted quad in it, \d{1,3}(\.\d{1,3}){3}, was
 * replaced by "<0.0.0.0>": requests that differ only in an address (the Host field, say) are one.
 * The payload is never copied: what stays goes to the digest as it lies there, run by run.
 */
#include <honeybrid/module.h>

#include <openssl/evp.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGEST_MAX 32
#define EXCERPT_LEN 64

static const char mask[] = "<0.0.0.0>";

/* The digests that there are, by the parameter's value. */
static const struct {
	const char *name; /* OpenSSL's */
	size_t size;
} digests[] = { { "SHA1", 20 }, { "SHA256", DIGEST_MAX } };

struct hash {
	struct hb_store *store;
	struct hb_store_layout layout; /* its keys are as long as the digest */
	EVP_MD *digest;
};

/* What is remembered of a payload. */
struct payload_record {
	uint64_t count;
	int64_t first_seen_us;
	uint32_t packet_index; /* client packets before the one that had it first */
	uint32_t bytes;
	char excerpt[EXCERPT_LEN]; /* the start, with '.' for what cannot be printed; zero-padded */
};

/* What update() needs to know. */
struct sighting {
	const struct hb_query *query;
	const uint8_t *payload;
	size_t len;
	bool is_new; /* answer */
};

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* How many digits there are at the start, counted up to max. */
static size_t digits(const uint8_t *data, size_t len, size_t max)
{
	size_t count = 0;

	while (count < len && count < max && is_digit(data[count]))
		count++;
	return count;
}

/* How long the dotted quad at the start is, 0 if there is none. */
static size_t quad_len(const uint8_t *data, size_t len)
{
	size_t at = 0;

	for (int number = 0; number < 4; number++) {
		if (number > 0) {
			if (at == len || data[at] != '.')
				return 0;
			at++;
		}
		size_t count = digits(data + at, len - at, 3);
		if (count == 0)
			return 0;
		at += count;
	}
	return at;
}

/*
 * Finds the first dotted quad. Of a longer run of digits the last three can start one, as a regular
 * expression's leftmost match would have it; so each run is tried once.
 * Returns its place and sets *quad to its length; len and 0 if there is none.
 */
static size_t find_quad(const uint8_t *data, size_t len, size_t *quad)
{
	size_t at = 0;

	while (at < len) {
		size_t run = digits(data + at, len - at, len);

		if (run > 0) {
			size_t start = run > 3 ? at + run - 3 : at;

			*quad = quad_len(data + start, len - start);
			if (*quad > 0)
				return start;
		}
		at += run > 0 ? run : 1;
	}
	*quad = 0;
	return len;
}

static bool digest_masked(EVP_MD_CTX *digest, const uint8_t *data, size_t len)
{
	while (len > 0) {
		size_t quad;
		size_t before = find_quad(data, len, &quad);

		if (EVP_DigestUpdate(digest, data, before) != 1)
			return false;
		if (quad > 0 && EVP_DigestUpdate(digest, mask, sizeof(mask) - 1) != 1)
			return false;
		data += before + quad;
		len -= before + quad;
	}
	return true;
}

static bool hash_payload(const struct hash *hash, const uint8_t *data, size_t len,
			 uint8_t out[DIGEST_MAX])
{
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	bool ok = digest && EVP_DigestInit_ex2(digest, hash->digest, NULL) == 1 &&
		  digest_masked(digest, data, len) && EVP_DigestFinal_ex(digest, out, NULL) == 1;

	EVP_MD_CTX_free(digest);
	return ok;
}

static void make_excerpt(char excerpt[EXCERPT_LEN], const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len && i < EXCERPT_LEN; i++)
		excerpt[i] = data[i] >= 0x20 && data[i] < 0x7f ? (char)data[i] : '.';
}

static void update(void *ctx, void *value, bool is_new)
{
	struct sighting *sighting = ctx;
	struct payload_record *record = value;
	uint32_t client_packets = sighting->query->flow->client_packets;

	sighting->is_new = is_new;
	record->count++;
	if (!is_new)
		return;
	record->first_seen_us = sighting->query->now.wall_us;
	record->packet_index = client_packets > 0 ? client_packets - 1 : 0;
	record->bytes = (uint32_t)sighting->len;
	make_excerpt(record->excerpt, sighting->payload, sighting->len);
}

static enum hb_decision decide(void *state, const struct hb_query *query)
{
	const struct hash *hash = state;
	const struct hb_packet *packet = query->packet;
	struct sighting sighting = {
		.query = query,
		.payload = packet->data + packet->payload_offset,
		.len = packet->payload_len,
	};
	uint8_t key[DIGEST_MAX];
	char port[sizeof("65535")];

	if (sighting.len == 0)
		return HB_DECISION_DEFER;
	if (!hash_payload(hash, sighting.payload, sighting.len, key)) {
		hb_query_note(query, "the payload could not be hashed");
		return HB_DECISION_DEFER;
	}
	snprintf(port, sizeof(port), "%u", query->flow->attacked.port);
	if (hb_store_update(hash->store, port, key, hash->layout.key_len, query->now.wall_us,
			    update, &sighting) < 0) {
		hb_query_note(query, "no memory to remember the payload");
		return HB_DECISION_DEFER;
	}
	return sighting.is_new ? HB_DECISION_ACCEPT : HB_DECISION_REJECT;
}

static void destroy(void *state)
{
	struct hash *hash = state;

	hb_store_free(hash->store);
	EVP_MD_free(hash->digest);
	free(hash);
}

static struct hb_store *store(void *state)
{
	const struct hash *hash = state;

	return hash->store;
}

static const struct hb_field fields[] = {
	HB_FIELD("the count", HB_FIELD_NUMBER, struct payload_record, count),
	HB_FIELD("the time", HB_FIELD_FIRST_SEEN, struct payload_record, first_seen_us),
	{ .name = "the duration", .type = HB_FIELD_DURATION },
	HB_FIELD("the packet's number", HB_FIELD_NUMBER, struct payload_record, packet_index),
	HB_FIELD("the length", HB_FIELD_NUMBER, struct payload_record, bytes),
	HB_FIELD("the text", HB_FIELD_TEXT, struct payload_record, excerpt),
	{ .name = NULL },
};

static int create(const struct hb_instance *instance, void **state, struct hb_error *err)
{
	int64_t digest = hb_instance_integer(instance, "digest");
	struct hash *hash = calloc(1, sizeof(*hash));

	if (!hash)
		return hb_error_set(err, HB_ERROR_SYSTEM, 0, "no memory for module \"%s\"",
				    hb_instance_name(instance));
	/* A group for each attacked port. */
	hash->layout = (struct hb_store_layout){ .key = HB_KEY_HEX,
						 .key_len = digests[digest].size,
						 .fields = fields };
	hash->digest = EVP_MD_fetch(NULL, digests[digest].name, NULL);
	if (!hash->digest)
		hb_error_set(err, HB_ERROR_SYSTEM, 0,
			     "module \"%s\" needs a %s in the crypto library: there is none",
			     hb_instance_name(instance), digests[digest].name);
	else
		hash->store = hb_instance_new_store(instance, sizeof(struct payload_record),
						    &hash->layout, err);
	if (!hash->store) {
		destroy(hash);
		return -ENOMEM;
	}
	*state = hash;
	return 0;
}

static const struct hb_param_word digest_words[] = { { "sha1", 0 }, { "sha256", 1 }, { NULL, 0 } };

static const struct hb_param params[] = {
	{
		.name = "backup",
		.type = HB_PARAM_PATH,
		.help = "state file",
	},
	{
		.name = "digest",
		.type = HB_PARAM_WORD,
		.max = 1,
		.words = digest_words,
		.help = "what a payload is known by: sha1 or sha256",
	},
	{
		.name = "expiration",
		.type = HB_PARAM_INTEGER,
		.min = 1,
		.max = 1000000000,
		.default_integer = 86400,
		.help = "seconds after which a payload is forgotten that was not seen again",
	},
	{ .name = NULL },
};

HB_MODULE(hash, .summary = "accepts a payload that was never seen on the attacked port",
	  .params = params, .create = create, .destroy = destroy, .decide = decide, .store = store)
