/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A keyed store for modules that remember: thread-safe, expiring, bounded.
 *
 * Entries live in groups (a destination port, "source", …) under a binary key. Each holds a value
 * of a fixed size that the module defines. At the limit an entry makes room that was longest
 * unused: of all in a small store, of its part in a large one.
 */
#ifndef HONEYBRID_STORE_H
#define HONEYBRID_STORE_H

#include <honeybrid/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hb_store;

/* Keys and group names are at most this long. */
#define HB_STORE_KEY_MAX 64
#define HB_STORE_GROUP_MAX 31

/* How one field of a value stands in a state file. */
enum hb_field_type {
	HB_FIELD_NONE = 0,
	HB_FIELD_NUMBER,     /* uint32_t or uint64_t; decimal */
	HB_FIELD_FIRST_SEEN, /* int64_t, microseconds of the wall clock; seconds in the file */
	HB_FIELD_DURATION,   /* no part of the value: seconds from FIRST_SEEN to the last use */
	HB_FIELD_TEXT,       /* char[] of printable characters, zero-padded */
	HB_FIELD_COUNT
};

/* One field; a table of them ends with a NULL name. */
struct hb_field {
	const char *name; /* for errors */
	enum hb_field_type type;
	size_t offset, size; /* in the value */
};

/* A member of a value's struct as a field. */
#define HB_FIELD(field_name, field_type, value_type, member)                                       \
	{                                                                                          \
		.name = (field_name), .type = (field_type),                                        \
		.offset = offsetof(value_type, member),                                            \
		.size = sizeof(((value_type *)NULL)->member)                                       \
	}

/* How a key stands in a state file. */
enum hb_key_type {
	HB_KEY_NONE = 0,
	HB_KEY_ADDRESS, /* a struct hb_addr; as text */
	HB_KEY_HEX,     /* bytes; two hexadecimal digits each */
	HB_KEY_COUNT
};

/*
 * How entries stand in a state file: a line each, "key=field TAB field ...", under their group's name
 * in brackets. One field must be FIRST_SEEN.
 */
struct hb_store_layout {
	const char *group; /* the only one; NULL: each group is a port number */
	enum hb_key_type key;
	size_t key_len;
	const struct hb_field *fields;
};

struct hb_store_options {
	size_t size;           /* sizeof(struct hb_store_options) */
	size_t value_size;     /* bytes of a value, at most 65536 */
	size_t max_entries;    /* 0 for 1,000,000 */
	int64_t expiration_us; /* from its last use until an entry is forgotten; 0: never */
	uint8_t hash_key[16];  /* random, so that attackers cannot choose collisions */
	/* For a store that is kept in a file, else NULL. Borrowed until the store is freed. */
	const struct hb_store_layout *layout;
};

/*
 * Makes an empty store, given: free with hb_store_free(). NULL if memory is short, a size in the
 * options is out of range, or the layout does not fit the value.
 */
HB_API struct hb_store *hb_store_new(const struct hb_store_options *options);

/* Frees a store; NULL is fine. */
HB_API void hb_store_free(struct hb_store *store);

/*
 * Finds an entry or makes one, and lets the caller change its value under the entry's lock.
 *
 * @group   at most HB_STORE_GROUP_MAX characters.
 * @key     key_len bytes, 1 to HB_STORE_KEY_MAX.
 * @now_us  wall clock; the entry counts as seen now. An expired entry counts as new.
 * @update  called once with the value (zeroed if is_new) and ctx; must not call this store.
 * Returns  0; -ENOMEM if an entry could not be made (update was not called); -EINVAL for a bad key.
 * Thread   any.
 */
HB_API int hb_store_update(struct hb_store *store, const char *group, const void *key,
			   size_t key_len, int64_t now_us,
			   void (*update)(void *ctx, void *value, bool is_new), void *ctx);

/* How many entries there are, expired ones that nobody met yet included. Thread: any. */
HB_API size_t hb_store_count(const struct hb_store *store);

#ifdef __cplusplus
}
#endif

#endif
