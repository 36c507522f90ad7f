/* SPDX-License-Identifier: BSD-2-Clause */
#include "store_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define US_PER_S INT64_C(1000000)
#define SECONDS_MAX (INT64_MAX / US_PER_S / 2) /* so that the sum of two has room */
#define NUMBER_DIGITS 20
#define QUOTE_MAX 40
#define PORT_MAX 65535

/* How many characters a field can take; 0 if it does not fit the value. */
static size_t field_room(const struct hb_field *field, size_t value_size)
{
	if (field->offset > value_size || field->size > value_size - field->offset)
		return 0;
	switch (field->type) {
	case HB_FIELD_NUMBER:
		return field->size == sizeof(uint32_t) || field->size == sizeof(uint64_t)
			       ? NUMBER_DIGITS
			       : 0;
	case HB_FIELD_FIRST_SEEN:
		return field->size == sizeof(int64_t) ? NUMBER_DIGITS : 0;
	case HB_FIELD_DURATION:
		return NUMBER_DIGITS;
	case HB_FIELD_TEXT:
		return field->size;
	case HB_FIELD_NONE:
	case HB_FIELD_COUNT:
		break;
	}
	return 0;
}

static bool key_fits(const struct hb_store_layout *layout)
{
	switch (layout->key) {
	case HB_KEY_ADDRESS:
		return layout->key_len == sizeof(struct hb_addr);
	case HB_KEY_HEX:
		return layout->key_len > 0 && layout->key_len <= HB_STORE_KEY_MAX;
	case HB_KEY_NONE:
	case HB_KEY_COUNT:
		break;
	}
	return false;
}

bool hb_store_text_fits(const struct hb_store_layout *layout, size_t value_size)
{
	size_t used = 2 * HB_STORE_KEY_MAX + 2; /* with "=" and the zero */
	unsigned first_seen = 0;

	if (!key_fits(layout))
		return false;
	for (const struct hb_field *field = layout->fields; field->name; field++) {
		size_t room = field_room(field, value_size);

		if (room == 0 || room >= HB_STORE_TEXT_SIZE - used)
			return false;
		used += room + 1;
		first_seen += field->type == HB_FIELD_FIRST_SEEN;
	}
	return first_seen == 1;
}

static bool same_fields(const struct hb_field *a, const struct hb_field *b)
{
	for (; a->name && b->name; a++, b++) {
		if (a->type != b->type || a->offset != b->offset || a->size != b->size)
			return false;
	}
	return !a->name && !b->name;
}

bool hb_store_text_same(const struct hb_store_layout *a, const struct hb_store_layout *b)
{
	bool same_group =
		a->group && b->group ? strcmp(a->group, b->group) == 0 : a->group == b->group;

	return same_group && a->key == b->key && a->key_len == b->key_len &&
	       same_fields(a->fields, b->fields);
}

static uint64_t get_number(const struct hb_field *field, const uint8_t *value)
{
	uint64_t wide;
	uint32_t narrow;

	if (field->size == sizeof(narrow)) {
		memcpy(&narrow, value + field->offset, sizeof(narrow));
		return narrow;
	}
	memcpy(&wide, value + field->offset, sizeof(wide));
	return wide;
}

static void set_number(const struct hb_field *field, uint8_t *value, uint64_t number)
{
	uint32_t narrow = (uint32_t)number;

	if (field->size == sizeof(narrow))
		memcpy(value + field->offset, &narrow, sizeof(narrow));
	else
		memcpy(value + field->offset, &number, sizeof(number));
}

static int64_t get_first_seen_s(const struct hb_store_layout *layout, const uint8_t *value)
{
	const struct hb_field *field = layout->fields;

	while (field->type != HB_FIELD_FIRST_SEEN)
		field++;
	return (int64_t)get_number(field, value) / US_PER_S;
}

static size_t write_key(const struct hb_store_layout *layout, const struct hb_store_item *item,
			char *text)
{
	struct hb_addr addr;

	if (layout->key == HB_KEY_ADDRESS) {
		memcpy(addr.bytes, item->key, sizeof(addr.bytes));
		return strlen(hb_addr_format(&addr, text));
	}
	for (size_t i = 0; i < item->key_len; i++)
		snprintf(text + 2 * i, 3, "%02x", item->key[i]);
	return 2 * item->key_len;
}

void hb_store_text_write(const struct hb_store_layout *layout, const struct hb_store_item *item,
			 char text[HB_STORE_TEXT_SIZE])
{
	const uint8_t *value = (const uint8_t *)item->value;
	int64_t first_seen_s = get_first_seen_s(layout, value);
	int64_t duration_s = item->last_seen_us / US_PER_S - first_seen_s;
	size_t at = write_key(layout, item, text);
	char separator = '=';

	for (const struct hb_field *field = layout->fields; field->name; field++) {
		text[at++] = separator;
		separator = '\t';

		char *start = text + at;
		size_t room = HB_STORE_TEXT_SIZE - at;

		if (field->type == HB_FIELD_NUMBER)
			snprintf(start, room, "%" PRIu64, get_number(field, value));
		else if (field->type == HB_FIELD_FIRST_SEEN)
			snprintf(start, room, "%" PRId64, first_seen_s);
		else if (field->type == HB_FIELD_DURATION) /* the clock may have been set back */
			snprintf(start, room, "%" PRId64, duration_s > 0 ? duration_s : 0);
		else
			snprintf(start, room, "%.*s", (int)field->size,
				 (const char *)value + field->offset);
		at += strlen(start);
	}
}

/* Digits only, and no more than max. */
static bool read_number(const char *text, uint64_t max, uint64_t *number)
{
	uint64_t result = 0;

	if (*text == '\0')
		return false;
	for (; *text; text++) {
		unsigned digit = (unsigned)(*text - '0');

		if (digit > 9 || result > (max - digit) / 10)
			return false;
		result = result * 10 + digit;
	}
	*number = result;
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool read_hex(const char *text, uint8_t *bytes, size_t count)
{
	if (strlen(text) != 2 * count)
		return false;
	for (size_t i = 0; i < count; i++) {
		int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static int read_key(const struct hb_store_layout *layout, const char *text,
		    struct hb_store_item *item, struct hb_error *err)
{
	struct hb_addr addr;

	item->key_len = layout->key_len;
	if (layout->key == HB_KEY_HEX) {
		if (read_hex(text, item->key, item->key_len))
			return 0;
		return hb_error_set(err, HB_ERROR_STATE, 0,
				    "\"%.*s\" is no key: it must be %zu hexadecimal digits",
				    QUOTE_MAX, text, 2 * layout->key_len);
	}
	if (hb_addr_parse(text, &addr) < 0)
		return hb_error_set(err, HB_ERROR_STATE, 0,
				    "\"%.*s\" is no key: it must be an address", QUOTE_MAX, text);
	memcpy(item->key, addr.bytes, sizeof(addr.bytes));
	return 0;
}

static int read_numeric(const struct hb_field *field, const char *text, uint64_t max,
			uint64_t *number, struct hb_error *err)
{
	if (read_number(text, max, number))
		return 0;
	return hb_error_set(err, HB_ERROR_STATE, 0,
			    "%s is \"%.*s\": it must be a number from 0 to %" PRIu64, field->name,
			    QUOTE_MAX, text, max);
}

static int read_text(const struct hb_field *field, const char *text, uint8_t *value,
		     struct hb_error *err)
{
	size_t len = 0;

	while (text[len] >= 0x20 && text[len] <= 0x7e)
		len++;
	if (text[len] != '\0' || len > field->size)
		return hb_error_set(err, HB_ERROR_STATE, 0,
				    "%s must be at most %zu printable characters", field->name,
				    field->size);
	memset(value + field->offset, 0, field->size);
	memcpy(value + field->offset, text, len);
	return 0;
}

/* DURATION is added to what FIRST_SEEN sets, whichever comes first. */
static int read_field(const struct hb_field *field, const char *text, struct hb_store_item *item,
		      struct hb_error *err)
{
	uint64_t narrow_max = field->size == sizeof(uint32_t) ? UINT32_MAX : UINT64_MAX;
	uint64_t max = field->type == HB_FIELD_NUMBER ? narrow_max : SECONDS_MAX;
	uint8_t *value = (uint8_t *)item->value;
	uint64_t number = 0;

	if (field->type == HB_FIELD_TEXT)
		return read_text(field, text, value, err);
	if (read_numeric(field, text, max, &number, err) < 0)
		return -1;
	if (field->type != HB_FIELD_NUMBER) {
		number *= (uint64_t)US_PER_S;
		item->last_seen_us += (int64_t)number;
	}
	if (field->type != HB_FIELD_DURATION)
		set_number(field, value, number);
	return 0;
}

int hb_store_text_read(const struct hb_store_layout *layout, char *text, struct hb_store_item *item,
		       struct hb_error *err)
{
	char *rest = text;
	const char *key = strsep(&rest, "=");

	if (!rest)
		return hb_error_set(err, HB_ERROR_STATE, 0,
				    "\"%.*s\": it must be \"[group]\" or \"key=values\"", QUOTE_MAX,
				    key);

	int ret = read_key(layout, key, item, err);

	item->last_seen_us = 0;
	for (const struct hb_field *field = layout->fields; ret == 0 && field->name; field++) {
		const char *part = strsep(&rest, "\t");

		if (!part)
			return hb_error_set(err, HB_ERROR_STATE, 0, "%s is missing", field->name);
		ret = read_field(field, part, item, err);
	}
	if (ret == 0 && rest)
		return hb_error_set(err, HB_ERROR_STATE, 0, "\"%.*s\" is too much", QUOTE_MAX,
				    rest);
	return ret;
}

static bool is_port(const char *text)
{
	uint64_t port;

	/* One spelling, since groups are compared as text. */
	return read_number(text, PORT_MAX, &port) && (text[0] != '0' || text[1] == '\0');
}

int hb_store_text_read_group(const struct hb_store_layout *layout, char *text,
			     char group[HB_STORE_GROUP_MAX + 1], struct hb_error *err)
{
	size_t len = strlen(text);
	char *name = text + 1;

	if (len < 2 || text[len - 1] != ']')
		return hb_error_set(err, HB_ERROR_STATE, 0, "\"%.*s\" has no closing \"]\"",
				    QUOTE_MAX, text);
	text[len - 1] = '\0';
	if (layout->group && strcmp(name, layout->group) != 0)
		return hb_error_set(err, HB_ERROR_STATE, 0,
				    "unknown group \"%.*s\": expected \"%s\"", QUOTE_MAX, name,
				    layout->group);
	if (!layout->group && !is_port(name))
		return hb_error_set(err, HB_ERROR_STATE, 0,
				    "unknown group \"%.*s\": expected a port number", QUOTE_MAX,
				    name);
	snprintf(group, HB_STORE_GROUP_MAX + 1, "%s", name);
	return 0;
}
