/* SPDX-License-Identifier: BSD-2-Clause */
#include "iplook.h"

/* A host that counts for all its sessions together still looks like one that counts. */
#define MAX_STEP 64

static enum hb_ip_ids judge(const struct hb_iplook *look, uint16_t ip_id)
{
	uint16_t step = (uint16_t)(ip_id - look->ip_id);
	if (!look->seen)
		return ip_id == 0 ? HB_IP_IDS_ZERO : HB_IP_IDS_UNKNOWN;
	if (look->ids == HB_IP_IDS_ANY || (look->ids == HB_IP_IDS_ZERO && ip_id != 0))
		return HB_IP_IDS_ANY;
	if (look->ids == HB_IP_IDS_ZERO)
		return HB_IP_IDS_ZERO;
	/* A step back is a packet that was overtaken. */
	bool near = (step > 0 && step <= MAX_STEP) || step >= (uint16_t)-MAX_STEP;
	return near ? HB_IP_IDS_COUNT_UP : HB_IP_IDS_ANY;
}

static void follow_ipv6(struct hb_iplook *look, const struct hb_packet *packet)
{
	look->flow_label_low = (uint16_t)packet->flow_label;
	look->flow_label_high = packet->flow_label >> 16 & 0xfu;
}

/* What belongs to all packets of the session. */
static void follow_session(struct hb_iplook *look, const struct hb_packet *packet)
{
	look->dscp = (unsigned)packet->tos >> 2 & 0x3fu;
	if (packet->ip_version == 6)
		follow_ipv6(look, packet);
	look->begun = 1;
}

void hb_iplook_begin(struct hb_iplook *look, const struct hb_packet *packet)
{
	if (!look->seen)
		follow_session(look, packet);
}

void hb_iplook_follow(struct hb_iplook *look, const struct hb_packet *packet, unsigned segments)
{
	follow_session(look, packet);
	if (packet->ip_version == 4) {
		look->ids = judge(look, packet->ip_id) & 3u;
		uint16_t last = packet->ip_id;
		if (look->ids != HB_IP_IDS_ZERO)
			last = (uint16_t)(last + segments - 1);
		bool overtaken = look->ids == HB_IP_IDS_COUNT_UP &&
				 (uint16_t)(look->ip_id - last) < MAX_STEP;
		if (!overtaken)
			look->ip_id = last;
	}
	look->seen = 1;
}

uint32_t hb_iplook_flow_label(const struct hb_iplook *look)
{
	return (uint32_t)look->flow_label_high << 16 | look->flow_label_low;
}

struct hb_iplook_change hb_iplook_compare(const struct hb_iplook *shown,
					  const struct hb_iplook *actual)
{
	struct hb_iplook_change change = { .changes = shown->begun, .dscp = shown->dscp };
	change.flow_label = hb_iplook_flow_label(shown);
	change.zero_id = shown->ids == HB_IP_IDS_ZERO;
	/* One packet with a number is all that may have been seen: most hosts count. */
	bool counts = shown->ids == HB_IP_IDS_COUNT_UP || shown->ids == HB_IP_IDS_UNKNOWN;
	if (counts && shown->seen && actual->seen && actual->ids != HB_IP_IDS_ZERO)
		change.id_difference = (uint16_t)(shown->ip_id - actual->ip_id);
	return change;
}
