/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The modules' store: shards, each with a lock, a chained hash table and a list of its entries by
 * the time of their last use. What several stores have in common after a reload is counted in a
 * table; what differs between them, how long an entry lives, is each store's own.
 *
 * The list's end is what was longest unused: it is what makes room at the limit, and what expires
 * first, so that every update throws a few expired entries away and the store shrinks again. Each
 * shard has its equal part of the limit; a small store has one shard, and so the exact order.
 *
 * An entry is one block: links, then the value, aligned for anything, then its label, which is the
 * group's length, the group and the key. Hash and comparison look at labels only.
 */
#include "store.h"

#include "siphash.h"
#include "store_text.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define SHARDS 16
#define SHARDED_FROM 4096 /* entries */
#define DEFAULT_MAX_ENTRIES 1000000
#define FIRST_BUCKETS 64
#define VALUE_MAX 65536      /* bytes */
#define EXPIRED_PER_UPDATE 2 /* more than one, so that expiry outruns what is added */
#define BUCKETS_PER_COPY 256 /* while a lock is held */
#define LABEL_MAX (1 + HB_STORE_GROUP_MAX + HB_STORE_KEY_MAX)

struct label {
	size_t len;
	uint8_t bytes[LABEL_MAX];
};

struct entry {
	struct entry *chain;
	struct entry *newer, *older;
	uint64_t hash;
	int64_t last_seen_us;
	size_t label_len;
	max_align_t value[];
};

struct shard {
	pthread_mutex_t lock;
	struct entry **buckets;
	size_t bucket_count; /* a power of two */
	size_t count;
	struct entry *newest, *oldest;
	bool copying; /* bucket by bucket: the table must not grow meanwhile */
};

/* The entries, shared by all stores that have adopted them. */
struct table {
	atomic_uint refs;
	size_t value_size;
	size_t shard_max;
	uint8_t hash_key[16];
	unsigned shard_count;
	struct shard *shards;
};

struct hb_store {
	struct table *table;
	int64_t expiration_us;
	const struct hb_store_layout *layout;
};

static uint8_t *label_of(const struct table *table, struct entry *entry)
{
	return (uint8_t *)entry->value + table->value_size;
}

static int make_label(struct label *label, const char *group, const void *key, size_t key_len)
{
	size_t group_len = strnlen(group, HB_STORE_GROUP_MAX + 1);

	if (group_len > HB_STORE_GROUP_MAX || key_len == 0 || key_len > HB_STORE_KEY_MAX)
		return -EINVAL;
	label->bytes[0] = (uint8_t)group_len;
	memcpy(label->bytes + 1, group, group_len);
	memcpy(label->bytes + 1 + group_len, key, key_len);
	label->len = 1 + group_len + key_len;
	return 0;
}

/* The low bits choose the bucket, the high ones the shard. */
static struct shard *shard_of(const struct table *table, uint64_t hash)
{
	return &table->shards[(hash >> 32) % table->shard_count];
}

static struct entry **bucket_of(const struct shard *shard, uint64_t hash)
{
	return &shard->buckets[hash & (shard->bucket_count - 1)];
}

static void list_remove(struct shard *shard, struct entry *entry)
{
	*(entry->newer ? &entry->newer->older : &shard->newest) = entry->older;
	*(entry->older ? &entry->older->newer : &shard->oldest) = entry->newer;
}

static void list_add_newest(struct shard *shard, struct entry *entry)
{
	entry->newer = NULL;
	entry->older = shard->newest;
	*(shard->newest ? &shard->newest->newer : &shard->oldest) = entry;
	shard->newest = entry;
}

static void remove_oldest(struct shard *shard)
{
	struct entry *entry = shard->oldest;
	struct entry **link = bucket_of(shard, entry->hash);

	while (*link != entry)
		link = &(*link)->chain;
	*link = entry->chain;
	list_remove(shard, entry);
	shard->count--;
	free(entry);
}

/* Also right if the clock was set back: what was seen in the future has not expired. */
static bool expired(const struct hb_store *store, const struct entry *entry, int64_t now_us)
{
	return store->expiration_us > 0 && now_us > entry->last_seen_us &&
	       (uint64_t)now_us - (uint64_t)entry->last_seen_us >= (uint64_t)store->expiration_us;
}

/* Doubles the table. Without memory the chains grow longer instead. */
static void grow(struct shard *shard)
{
	size_t count = shard->bucket_count * 2;
	struct entry **buckets = calloc(count, sizeof(struct entry *));

	if (!buckets)
		return;
	free(shard->buckets);
	shard->buckets = buckets;
	shard->bucket_count = count;
	for (struct entry *entry = shard->newest; entry; entry = entry->older) {
		struct entry **bucket = bucket_of(shard, entry->hash);

		entry->chain = *bucket;
		*bucket = entry;
	}
}

static struct entry *find(const struct table *table, const struct shard *shard, uint64_t hash,
			  const struct label *label)
{
	struct entry *entry = *bucket_of(shard, hash);

	while (entry && (entry->hash != hash || entry->label_len != label->len ||
			 memcmp(label_of(table, entry), label->bytes, label->len) != 0))
		entry = entry->chain;
	return entry;
}

static struct entry *add(const struct table *table, struct shard *shard, uint64_t hash,
			 const struct label *label)
{
	struct entry *entry = malloc(sizeof(*entry) + table->value_size + label->len);

	if (!entry)
		return NULL;
	if (shard->count == table->shard_max)
		remove_oldest(shard);
	if (shard->count >= shard->bucket_count && !shard->copying)
		grow(shard);
	entry->hash = hash;
	entry->label_len = label->len;
	memcpy(label_of(table, entry), label->bytes, label->len);

	struct entry **bucket = bucket_of(shard, hash);

	entry->chain = *bucket;
	*bucket = entry;
	list_add_newest(shard, entry);
	shard->count++;
	return entry;
}

static void remove_expired(const struct hb_store *store, struct shard *shard, int64_t now_us)
{
	for (int i = 0; i < EXPIRED_PER_UPDATE; i++) {
		if (!shard->oldest || !expired(store, shard->oldest, now_us))
			return;
		remove_oldest(shard);
	}
}

int hb_store_update(struct hb_store *store, const char *group, const void *key, size_t key_len,
		    int64_t now_us, void (*update)(void *ctx, void *value, bool is_new), void *ctx)
{
	struct table *table = store->table;
	struct label label;

	if (make_label(&label, group, key, key_len) < 0)
		return -EINVAL;

	uint64_t hash = hb_siphash(table->hash_key, label.bytes, label.len);
	struct shard *shard = shard_of(table, hash);

	pthread_mutex_lock(&shard->lock);
	remove_expired(store, shard, now_us);

	struct entry *entry = find(table, shard, hash, &label);
	bool is_new = !entry || expired(store, entry, now_us);

	if (!entry)
		entry = add(table, shard, hash, &label);
	if (entry) {
		list_remove(shard, entry);
		list_add_newest(shard, entry);
		entry->last_seen_us = now_us;
		if (is_new)
			memset(entry->value, 0, table->value_size);
		update(ctx, entry->value, is_new);
	}
	pthread_mutex_unlock(&shard->lock);
	return entry ? 0 : -ENOMEM;
}

size_t hb_store_count(const struct hb_store *store)
{
	const struct table *table = store->table;
	size_t count = 0;

	for (unsigned i = 0; i < table->shard_count; i++) {
		struct shard *shard = &table->shards[i];

		pthread_mutex_lock(&shard->lock);
		count += shard->count;
		pthread_mutex_unlock(&shard->lock);
	}
	return count;
}

const struct hb_store_layout *hb_store_get_layout(const struct hb_store *store)
{
	return store->layout;
}

struct hb_store_item *hb_store_item_new(const struct hb_store *store)
{
	return calloc(1, sizeof(struct hb_store_item) + store->table->value_size);
}

static int copy_entry(const struct hb_store *store, struct entry *entry, struct hb_store_copy *copy)
{
	const uint8_t *label = label_of(store->table, entry);

	if (copy->count == copy->room) {
		size_t room = copy->room > 0 ? 2 * copy->room : BUCKETS_PER_COPY;
		struct hb_store_item **items = reallocarray(copy->items, room, sizeof(*items));

		if (!items)
			return -ENOMEM;
		copy->items = items;
		copy->room = room;
	}

	struct hb_store_item *item = hb_store_item_new(store);

	if (!item)
		return -ENOMEM;
	item->last_seen_us = entry->last_seen_us;
	memcpy(item->group, label + 1, label[0]);
	item->key_len = entry->label_len - 1 - label[0];
	memcpy(item->key, label + 1 + label[0], item->key_len);
	memcpy(item->value, entry->value, store->table->value_size);
	copy->items[copy->count++] = item;
	return 0;
}

/* Copies the entries of some buckets from *next on, and moves it. */
static int copy_buckets(const struct hb_store *store, const struct shard *shard, int64_t now_us,
			size_t *next, struct hb_store_copy *copy)
{
	for (size_t i = 0; i < BUCKETS_PER_COPY && *next < shard->bucket_count; i++, ++*next) {
		for (struct entry *entry = shard->buckets[*next]; entry; entry = entry->chain) {
			if (!expired(store, entry, now_us) && copy_entry(store, entry, copy) < 0)
				return -ENOMEM;
		}
	}
	return 0;
}

static int copy_shard(const struct hb_store *store, struct shard *shard, int64_t now_us,
		      struct hb_store_copy *copy)
{
	size_t next = 0;
	bool more = true;
	int ret = 0;

	while (more) {
		pthread_mutex_lock(&shard->lock);
		ret = copy_buckets(store, shard, now_us, &next, copy);
		more = ret == 0 && next < shard->bucket_count;
		shard->copying = more;
		pthread_mutex_unlock(&shard->lock);
	}
	return ret;
}

int hb_store_copy(const struct hb_store *store, int64_t now_us, struct hb_store_copy *copy)
{
	*copy = (struct hb_store_copy){ 0 };
	for (unsigned i = 0; i < store->table->shard_count; i++) {
		if (copy_shard(store, &store->table->shards[i], now_us, copy) < 0) {
			hb_store_copy_free(copy);
			return -ENOMEM;
		}
	}
	return 0;
}

void hb_store_copy_free(struct hb_store_copy *copy)
{
	for (size_t i = 0; i < copy->count; i++)
		free(copy->items[i]);
	free(copy->items);
	*copy = (struct hb_store_copy){ 0 };
}

int hb_store_restore(struct hb_store *store, const struct hb_store_item *item)
{
	struct table *table = store->table;
	struct label label;

	if (make_label(&label, item->group, item->key, item->key_len) < 0)
		return -EINVAL;

	uint64_t hash = hb_siphash(table->hash_key, label.bytes, label.len);
	struct shard *shard = shard_of(table, hash);

	if (find(table, shard, hash, &label))
		return -EEXIST;

	struct entry *entry = add(table, shard, hash, &label);

	if (!entry)
		return -ENOMEM;
	entry->last_seen_us = item->last_seen_us;
	memcpy(entry->value, item->value, table->value_size);
	return 0;
}

static int compare_use(const void *a, const void *b)
{
	const struct entry *const *x = a, *const *y = b;

	return ((*x)->last_seen_us > (*y)->last_seen_us) -
	       ((*x)->last_seen_us < (*y)->last_seen_us);
}

static int sort_shard(struct shard *shard)
{
	struct entry **entries = calloc(shard->count + 1, sizeof(struct entry *));
	size_t count = 0;

	if (!entries)
		return -ENOMEM;
	for (struct entry *entry = shard->oldest; entry; entry = entry->newer)
		entries[count++] = entry;
	qsort(entries, count, sizeof(struct entry *), compare_use);
	shard->newest = shard->oldest = NULL;
	for (size_t i = 0; i < count; i++)
		list_add_newest(shard, entries[i]);
	free(entries);
	return 0;
}

int hb_store_sort(struct hb_store *store)
{
	for (unsigned i = 0; i < store->table->shard_count; i++) {
		if (sort_shard(&store->table->shards[i]) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int shard_init(struct shard *shard)
{
	shard->buckets = calloc(FIRST_BUCKETS, sizeof(struct entry *));
	if (!shard->buckets)
		return -ENOMEM;
	if (pthread_mutex_init(&shard->lock, NULL) != 0) {
		free(shard->buckets);
		return -ENOMEM;
	}
	shard->bucket_count = FIRST_BUCKETS;
	return 0;
}

static void shard_fini(struct shard *shard)
{
	while (shard->oldest)
		remove_oldest(shard);
	pthread_mutex_destroy(&shard->lock);
	free(shard->buckets);
}

static void table_unref(struct table *table)
{
	if (!table || atomic_fetch_sub_explicit(&table->refs, 1, memory_order_acq_rel) > 1)
		return;
	for (unsigned i = 0; i < table->shard_count; i++)
		shard_fini(&table->shards[i]);
	free(table->shards);
	free(table);
}

static struct table *table_new(const struct hb_store_options *options)
{
	size_t max = options->max_entries > 0 ? options->max_entries : DEFAULT_MAX_ENTRIES;
	unsigned shards = max < SHARDED_FROM ? 1 : SHARDS;
	struct table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	atomic_init(&table->refs, 1);
	table->value_size = options->value_size;
	table->shard_max = max / shards;
	memcpy(table->hash_key, options->hash_key, sizeof(table->hash_key));
	table->shards = calloc(shards, sizeof(struct shard));
	for (; table->shards && table->shard_count < shards; table->shard_count++) {
		if (shard_init(&table->shards[table->shard_count]) < 0)
			break;
	}
	if (table->shard_count == shards)
		return table;
	table_unref(table);
	return NULL;
}

struct hb_store *hb_store_new(const struct hb_store_options *options)
{
	if (options->size < sizeof(*options) || options->value_size > VALUE_MAX)
		return NULL;
	if (options->layout && !hb_store_text_fits(options->layout, options->value_size))
		return NULL;

	struct hb_store *store = calloc(1, sizeof(*store));

	if (!store)
		return NULL;
	store->expiration_us = options->expiration_us;
	store->layout = options->layout;
	store->table = table_new(options);
	if (store->table)
		return store;
	free(store);
	return NULL;
}

void hb_store_free(struct hb_store *store)
{
	if (!store)
		return;
	table_unref(store->table);
	free(store);
}

bool hb_store_adopt(struct hb_store *store, const struct hb_store *from)
{
	struct table *table = from->table;

	if (!store->layout || !from->layout || store->table->value_size != table->value_size ||
	    !hb_store_text_same(store->layout, from->layout))
		return false;
	atomic_fetch_add_explicit(&table->refs, 1, memory_order_relaxed);
	table_unref(store->table);
	store->table = table;
	return true;
}
