/* SPDX-License-Identifier: BSD-2-Clause */
#include "siphash.h"

#include "bytes.h"
#include "unit.h"

#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

/* The same from another implementation: eight bytes, little-endian. */
static uint64_t reference(const uint8_t key[16], const uint8_t *data, size_t len)
{
	size_t size = 8;
	OSSL_PARAM params[] = { OSSL_PARAM_construct_size_t("size", &size), OSSL_PARAM_END };
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
	uint8_t out[8];

	ck_assert_int_eq(EVP_MAC_init(ctx, key, 16, params), 1);
	ck_assert_int_eq(EVP_MAC_update(ctx, data, len), 1);
	ck_assert_int_eq(EVP_MAC_final(ctx, out, &size, sizeof(out)), 1);
	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(mac);
	return __builtin_bswap64((uint64_t)hb_get_be32(out) << 32 | hb_get_be32(out + 4));
}

START_TEST(agrees_with_another_implementation)
{
	uint64_t random = 1;

	for (size_t len = 0; len <= 64; len++) {
		for (unsigned round = 0; round < 20; round++) {
			uint8_t key[16], data[65];
			size_t shift = round % 2; /* aligned and not */

			unit_random_fill(&random, key, sizeof(key));
			unit_random_fill(&random, data, sizeof(data));
			ck_assert_uint_eq(hb_siphash(key, data + shift, len),
					  reference(key, data + shift, len));
		}
	}
}
END_TEST

/* The example of the paper's appendix A: key 00..0f, message 00..0e. */
START_TEST(the_published_example_is_right)
{
	uint8_t key[16], data[15];

	for (uint8_t i = 0; i < 16; i++)
		key[i] = i;
	memcpy(data, key, sizeof(data));
	ck_assert_uint_eq(hb_siphash(key, data, sizeof(data)), UINT64_C(0xa129ca6149be45e5));
}
END_TEST

START_TEST(nothing_behind_the_data_is_read)
{
	static const uint8_t key[16] = { 1 };
	uint64_t random = 2;

	for (size_t len = 0; len < 20; len++) {
		uint8_t *exact = malloc(len + 1);
		uint64_t hash;

		ck_assert_ptr_nonnull(exact);
		unit_random_fill(&random, exact, len + 1);
		hash = hb_siphash(key, exact, len);
		exact[len] ^= 0xff;
		ck_assert_uint_eq(hb_siphash(key, exact, len), hash);
		free(exact);
	}
}
END_TEST

UNIT_MAIN("siphash", agrees_with_another_implementation, the_published_example_is_right,
	  nothing_behind_the_data_is_read)
