/* SPDX-License-Identifier: BSD-2-Clause */
#include "value.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <strings.h>

static const struct {
	const char *word;
	bool value;
} bool_words[] = {
	{ "yes", true }, { "on", true },   { "true", true },   { "1", true },
	{ "no", false }, { "off", false }, { "false", false }, { "0", false },
};

bool hb_value_read_bool(const char *text, bool *value)
{
	for (size_t i = 0; i < sizeof(bool_words) / sizeof(bool_words[0]); i++) {
		if (strcasecmp(text, bool_words[i].word) == 0) {
			*value = bool_words[i].value;
			return true;
		}
	}
	return false;
}

bool hb_value_read_number(const char *text, uint64_t *value)
{
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	const char *digits = hex ? text + 2 : text;
	unsigned long long number;
	char *end;

	/* strtoull() would take a sign and white space too. */
	if (!isxdigit((unsigned char)*digits))
		return false;
	errno = 0;
	number = strtoull(digits, &end, hex ? 16 : 10);
	if (errno != 0 || end == digits || *end != '\0')
		return false;
	*value = number;
	return true;
}
