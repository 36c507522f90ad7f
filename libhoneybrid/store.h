/* SPDX-License-Identifier: BSD-2-Clause */
/* What a store lets its file see; the rest is public. */
#ifndef HB_STORE_H
#define HB_STORE_H

#include <honeybrid/store.h>

/* An entry outside of the store. */
struct hb_store_item {
	int64_t last_seen_us;
	char group[HB_STORE_GROUP_MAX + 1];
	size_t key_len;
	uint8_t key[HB_STORE_KEY_MAX];
	max_align_t value[];
};

/* Makes an item with a zeroed value, given: release with free(). NULL if memory is short. */
struct hb_store_item *hb_store_item_new(const struct hb_store *store);

struct hb_store_copy {
	struct hb_store_item **items;
	size_t count, room;
};

/*
 * Copies all that has not expired, in no order. No lock is held for longer than a few entries take.
 *
 * @copy    filled in; release with hb_store_copy_free().
 * Returns  0 or -ENOMEM, with nothing to release.
 * Thread   one at a time for a store; others may use the store meanwhile.
 */
int hb_store_copy(const struct hb_store *store, int64_t now_us, struct hb_store_copy *copy);
void hb_store_copy_free(struct hb_store_copy *copy);

/*
 * Puts an entry in as it once was. For a store that nobody else uses yet.
 * Returns  0, -EINVAL for a bad key, -EEXIST if it is there, -ENOMEM.
 */
int hb_store_restore(struct hb_store *store, const struct hb_store_item *item);

/* Puts what was restored into the order of its last use. Returns 0 or -ENOMEM. */
int hb_store_sort(struct hb_store *store);

/*
 * Gives a store the entries of another instead of its own: from then on both have them, and see what
 * either changes. How long an entry lives stays each store's own affair; the limit is from's.
 *
 * @store   nobody else uses it yet. @from  others may use it meanwhile.
 * Returns  false, and nothing happens, if their entries do not stand in a state file in the same way.
 */
bool hb_store_adopt(struct hb_store *store, const struct hb_store *from);

/* NULL if there is none. Borrowed. */
const struct hb_store_layout *hb_store_get_layout(const struct hb_store *store);

#endif
