/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A capture may hold less of a packet than there was. The parser refuses such a packet, since an
 * endpoint would; here the packet was whole when it passed. So it is filled up with zeros to its
 * length, if its headers are there: sequence numbers, sizes and ports are right, and only who looks
 * at the payload sees less.
 */
#include "capture.h"

#include "link.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define NS_PER_S UINT64_C(1000000000)
#define IPV4_HEADER 20
#define IPV6_HEADER 40
#define PACKET_MAX (IPV6_HEADER + UINT16_MAX)

struct hb_capture {
	const char *path;
	pcap_t *pcap;
	int link;
	uint64_t file_bytes; /* 0: not known */
	uint64_t first_ns, last_ns;
	struct hb_capture_counters counters;
	uint8_t packet[PACKET_MAX];
};

static FILE *open_file(const char *path, uint64_t *bytes, struct hb_cli_error *err)
{
	FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	struct stat status;

	if (!file || fstat(fileno(file), &status) < 0) {
		hb_cli_error_set(err, HB_EXIT_NO_INPUT, "%s: cannot read the capture: %s", path,
				 strerror(errno));
		if (file && file != stdin)
			fclose(file);
		return NULL;
	}
	*bytes = S_ISREG(status.st_mode) && status.st_size > 0 ? (uint64_t)status.st_size : 0;
	return file;
}

/* Takes the file over. */
static int open_pcap(struct hb_capture *capture, FILE *file, struct hb_cli_error *err)
{
	char reason[PCAP_ERRBUF_SIZE];

	capture->pcap =
		pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, reason);
	if (!capture->pcap) {
		bool unreadable = ferror(file);

		if (file != stdin)
			fclose(file);
		return hb_cli_error_set(err, unreadable ? HB_EXIT_NO_INPUT : HB_EXIT_CAPTURE,
					"%s: not a capture: %s", capture->path, reason);
	}
	capture->link = pcap_datalink(capture->pcap);
	if (hb_link_known(capture->link))
		return 0;
	const char *name = pcap_datalink_val_to_name(capture->link);

	return hb_cli_error_set(err, HB_EXIT_CAPTURE,
				"%s: link type %d (%s) is not supported: %s are", capture->path,
				capture->link, name ? name : "unknown", hb_link_names());
}

struct hb_capture *hb_capture_open(const char *path, struct hb_cli_error *err)
{
	struct hb_capture *capture = calloc(1, sizeof(*capture));
	FILE *file;

	if (!capture) {
		hb_cli_error_set(err, HB_EXIT_SYSTEM, "no memory for the capture");
		return NULL;
	}
	capture->path = path;
	file = open_file(path, &capture->file_bytes, err);
	if (file && open_pcap(capture, file, err) == 0)
		return capture;
	hb_capture_close(capture);
	return NULL;
}

void hb_capture_close(struct hb_capture *capture)
{
	if (!capture)
		return;
	if (capture->pcap)
		pcap_close(capture->pcap);
	free(capture);
}

/*
 * Files say what they like. What is no time between 1970 and 2106 is none at all, and counts as the
 * time of the packet before.
 */
static uint64_t time_of(const struct pcap_pkthdr *header, uint64_t before)
{
	if (header->ts.tv_sec < 0 || header->ts.tv_sec > UINT32_MAX || header->ts.tv_usec < 0 ||
	    (uint64_t)header->ts.tv_usec >= NS_PER_S)
		return before;
	return (uint64_t)header->ts.tv_sec * NS_PER_S + (uint64_t)header->ts.tv_usec;
}

/* Packets of several interfaces are seldom quite in order. */
static void follow_time(struct hb_capture *capture, const struct pcap_pkthdr *header)
{
	uint64_t ns = time_of(header, capture->last_ns);

	if (capture->counters.frames == 1)
		capture->first_ns = ns;
	if (ns > capture->last_ns)
		capture->last_ns = ns;
}

/* What the IP header says; 0 if it is not there. */
static size_t length_on_wire(const uint8_t *packet, size_t len)
{
	if (len >= IPV4_HEADER && packet[0] >> 4 == 4)
		return (size_t)(packet[2] << 8 | packet[3]);
	if (len >= IPV6_HEADER && packet[0] >> 4 == 6)
		return IPV6_HEADER + (size_t)(packet[4] << 8 | packet[5]);
	return 0;
}

/*
 * Fills a packet up that was cut after len bytes.
 *
 * @room    how long the frame had been from the packet on: what claims more was never whole.
 * Returns  its length, 0 if too little is there.
 */
static size_t complete(uint8_t *packet, size_t len, size_t room)
{
	size_t whole = length_on_wire(packet, len);
	struct hb_packet parsed;

	if (whole != 0 && (whole <= len || whole > room))
		return len;
	memset(packet + len, 0, whole > len ? whole - len : 0);
	if (whole == 0 || hb_packet_parse(packet, whole, &parsed) < 0 ||
	    parsed.payload_offset > len)
		return 0;
	return whole;
}

/* The IP packet of a frame, made ready; its length, 0 if there is none. */
static size_t take(struct hb_capture *capture, const struct pcap_pkthdr *header,
		   const uint8_t *frame)
{
	size_t offset, len, whole;

	if (!hb_link_find_ip(capture->link, frame, header->caplen, &offset)) {
		capture->counters.without_ip++;
		return 0;
	}
	len = header->caplen - offset;
	if (len > PACKET_MAX)
		len = PACKET_MAX;
	memcpy(capture->packet, frame + offset, len);
	if (header->caplen >= header->len)
		return len;
	whole = complete(capture->packet, len, header->len - offset);
	if (whole == 0)
		capture->counters.too_short++;
	else if (whole > len)
		capture->counters.completed++;
	return whole;
}

int hb_capture_next(struct hb_capture *capture, struct hb_datagram *dgram, struct hb_time *time,
		    struct hb_cli_error *err)
{
	struct pcap_pkthdr *header;
	const uint8_t *frame;
	int result;

	while ((result = pcap_next_ex(capture->pcap, &header, &frame)) == 1) {
		size_t len;

		capture->counters.frames++;
		follow_time(capture, header);
		len = take(capture, header, frame);
		if (len == 0)
			continue;
		*dgram = (struct hb_datagram){ .data = capture->packet,
					       .len = len,
					       .cap = sizeof(capture->packet),
					       .checksum = HB_CHECKSUM_PARTIAL };
		*time = (struct hb_time){ .mono_ns = capture->last_ns - capture->first_ns,
					  .wall_us = (int64_t)(capture->last_ns / 1000) };
		return 1;
	}
	if (result == PCAP_ERROR_BREAK)
		return 0;
	return hb_cli_error_set(err, HB_EXIT_CAPTURE, "%s: damaged behind packet %llu: %s",
				capture->path, (unsigned long long)capture->counters.frames,
				pcap_geterr(capture->pcap));
}

void hb_capture_get_counters(const struct hb_capture *capture, struct hb_capture_counters *counters)
{
	*counters = capture->counters;
	counters->span_ns = capture->last_ns - capture->first_ns;
}

int hb_capture_percent(const struct hb_capture *capture)
{
	long at = ftell(pcap_file(capture->pcap));

	if (capture->file_bytes == 0 || at < 0)
		return -1;
	return (int)((double)at * 100 / (double)capture->file_bytes);
}
