/* SPDX-License-Identifier: BSD-2-Clause */
#include "tcpopt.h"

#include "bytes.h"

/* Kinds and lengths (IANA, TCP parameters). */
enum {
	KIND_END = 0,
	KIND_NOP = 1,
	KIND_MSS = 2,
	KIND_WSCALE = 3,
	KIND_SACK_OK = 4,
	KIND_SACK = 5,
	KIND_TIMESTAMP = 8,
	KIND_MD5 = 19,
	KIND_AO = 29,
	KIND_MPTCP = 30,
	KIND_FASTOPEN = 34,
	KIND_ACCECN0 = 172,
	KIND_ACCECN1 = 174,
};

#define MSS_LEN 4
#define WSCALE_LEN 3
#define SACK_OK_LEN 2
#define SACK_BLOCK_LEN 8
#define TIMESTAMP_LEN 10

#define WSCALE_MAX 14   /* RFC 7323, 2.3 */
#define DEFAULT_MSS 536 /* RFC 9293, 3.7.1 */
#define LEAST_MSS 64

static void read_mss(const uint8_t *option, size_t len, struct hb_tcp_options *options)
{
	uint16_t mss;

	if (len != MSS_LEN)
		return;
	mss = hb_get_be16(option + 2);
	if (mss == 0) /* no segment could ever be sent: not said, as in Linux */
		return;
	options->mss = mss;
	options->present |= HB_TCPOPT_MSS;
}

static void read_wscale(const uint8_t *option, size_t len, struct hb_tcp_options *options)
{
	if (len != WSCALE_LEN)
		return;
	options->wscale = option[2] < WSCALE_MAX ? option[2] : WSCALE_MAX;
	options->present |= HB_TCPOPT_WSCALE;
}

static void read_sack(const uint8_t *option, size_t len, size_t offset,
		      struct hb_tcp_options *options)
{
	size_t count = (len - 2) / SACK_BLOCK_LEN;

	if (count == 0 || count > HB_TCP_SACK_MAX || len != 2 + count * SACK_BLOCK_LEN)
		return;
	for (size_t i = 0; i < count; i++) {
		const uint8_t *block = option + 2 + i * SACK_BLOCK_LEN;

		options->sack[i].left = hb_get_be32(block);
		options->sack[i].right = hb_get_be32(block + 4);
	}
	options->sack_count = (uint8_t)count;
	options->sack_offset = (uint16_t)offset;
	options->present |= HB_TCPOPT_SACK;
}

static void read_timestamp(const uint8_t *option, size_t len, size_t offset,
			   struct hb_tcp_options *options)
{
	if (len != TIMESTAMP_LEN)
		return;
	options->tsval = hb_get_be32(option + 2);
	options->tsecr = hb_get_be32(option + 6);
	options->timestamp_offset = (uint16_t)offset;
	options->present |= HB_TCPOPT_TIMESTAMP;
}

/* One whole option: its len bytes are there, len is at least 2. */
static void read_option(const uint8_t *option, size_t len, size_t offset,
			struct hb_tcp_options *options)
{
	switch (option[0]) {
	case KIND_MSS:
		read_mss(option, len, options);
		break;
	case KIND_WSCALE:
		read_wscale(option, len, options);
		break;
	case KIND_SACK_OK:
		if (len == SACK_OK_LEN)
			options->present |= HB_TCPOPT_SACK_OK;
		break;
	case KIND_SACK:
		read_sack(option, len, offset, options);
		break;
	case KIND_TIMESTAMP:
		read_timestamp(option, len, offset, options);
		break;
	case KIND_FASTOPEN:
		options->present |= HB_TCPOPT_FASTOPEN;
		break;
	case KIND_MD5:
	case KIND_AO:
		options->present |= HB_TCPOPT_FOREIGN;
		options->is_signed = true;
		break;
	case KIND_MPTCP:
	case KIND_ACCECN0:
	case KIND_ACCECN1:
		options->present |= HB_TCPOPT_FOREIGN;
		break;
	default:
		options->present |= HB_TCPOPT_UNKNOWN;
		break;
	}
}

void hb_tcpopt_parse(const uint8_t *base, size_t offset, size_t len, struct hb_tcp_options *options)
{
	size_t end = offset + len;

	*options = (struct hb_tcp_options){ .present = 0 };
	while (offset < end) {
		size_t option_len;

		if (base[offset] == KIND_END)
			return;
		if (base[offset] == KIND_NOP) {
			offset++;
			continue;
		}
		if (end - offset < 2)
			return;
		option_len = base[offset + 1];
		if (option_len < 2 || option_len > end - offset)
			return;
		read_option(base + offset, option_len, offset, options);
		offset += option_len;
	}
}

static uint8_t *write_nops(uint8_t *p, size_t count)
{
	while (count-- > 0)
		*p++ = KIND_NOP;
	return p;
}

static uint8_t *write_mss(uint8_t *p, uint16_t mss)
{
	p[0] = KIND_MSS;
	p[1] = MSS_LEN;
	hb_put_be16(p + 2, mss);
	return p + MSS_LEN;
}

static uint8_t *write_sack_ok(uint8_t *p)
{
	p[0] = KIND_SACK_OK;
	p[1] = SACK_OK_LEN;
	return p + SACK_OK_LEN;
}

static uint8_t *write_timestamp(uint8_t *p, const struct hb_tcp_options *options)
{
	p[0] = KIND_TIMESTAMP;
	p[1] = TIMESTAMP_LEN;
	hb_put_be32(p + 2, options->tsval);
	hb_put_be32(p + 6, options->tsecr);
	return p + TIMESTAMP_LEN;
}

static uint8_t *write_wscale(uint8_t *p, uint8_t wscale)
{
	p = write_nops(p, 1);
	p[0] = KIND_WSCALE;
	p[1] = WSCALE_LEN;
	p[2] = wscale;
	return p + WSCALE_LEN;
}

/* As many blocks as there is room for. */
static uint8_t *write_sack(uint8_t *p, const uint8_t *end, const struct hb_tcp_options *options)
{
	uint8_t *block = p + 4; /* behind two NOPs, the kind and the length */
	for (size_t i = 0; i < options->sack_count && end - block >= SACK_BLOCK_LEN; i++) {
		hb_put_be32(block, options->sack[i].left);
		hb_put_be32(block + 4, options->sack[i].right);
		block += SACK_BLOCK_LEN;
	}
	if (block == p + 4)
		return p;
	p = write_nops(p, 2);
	p[0] = KIND_SACK;
	p[1] = (uint8_t)(block - p);
	return block;
}

/*
 * SACK permitted takes the place of the two NOPs before a timestamp, else it has two of its own.
 * A segment that looks like those of the commonest system is not conspicuous.
 */
size_t hb_tcpopt_write(uint8_t out[HB_TCPOPT_MAX_LEN], const struct hb_tcp_options *options,
		       bool syn)
{
	uint8_t present = options->present;
	uint8_t *p = out;

	if (!syn)
		present &= HB_TCPOPT_TIMESTAMP | HB_TCPOPT_SACK;
	if (present & HB_TCPOPT_MSS)
		p = write_mss(p, options->mss);
	if (present & HB_TCPOPT_SACK_OK && !(present & HB_TCPOPT_TIMESTAMP))
		p = write_nops(p, 2);
	if (present & HB_TCPOPT_SACK_OK)
		p = write_sack_ok(p);
	else if (present & HB_TCPOPT_TIMESTAMP)
		p = write_nops(p, 2);
	if (present & HB_TCPOPT_TIMESTAMP)
		p = write_timestamp(p, options);
	if (present & HB_TCPOPT_WSCALE)
		p = write_wscale(p, options->wscale);
	if (!syn && (present & HB_TCPOPT_SACK))
		p = write_sack(p, out + HB_TCPOPT_MAX_LEN, options);
	return (size_t)(p - out);
}

uint16_t hb_tcpopt_payload(uint16_t mss, uint8_t granted)
{
	uint16_t each = mss != 0 ? mss : DEFAULT_MSS;
	if (each < LEAST_MSS)
		each = LEAST_MSS;
	return granted & HB_TCPOPT_TIMESTAMP ? (uint16_t)(each - HB_TCPOPT_TIMESTAMP_BYTES) : each;
}
