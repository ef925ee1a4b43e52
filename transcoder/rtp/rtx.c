#include "transcoder/rtp/rtx.h"

#include "peerd/base/bytes.h"

#include <string.h>

#define DYNAMIC_FIRST 96
#define DYNAMIC_LAST  127

uint32_t rtx_ssrc(uint32_t ssrc) {
    return ~ssrc;
}

uint8_t rtx_payload_type(uint8_t payload_type) {
    if (payload_type < DYNAMIC_FIRST)
        return DYNAMIC_FIRST + 1;
    return payload_type < DYNAMIC_LAST ? (uint8_t)(payload_type + 1) : DYNAMIC_FIRST;
}

size_t rtx_encode(uint8_t *out, size_t out_size, const struct rtp_packet *original, uint16_t seq) {
    size_t head = RTP_HEADER_BYTES + RTX_OSN_BYTES;
    if (out_size < head + original->payload_len)
        return 0;
    struct rtp_packet again = *original;
    again.payload_type = rtx_payload_type(original->payload_type);
    again.ssrc = rtx_ssrc(original->ssrc);
    again.seq = seq;
    rtp_header_encode(out, &again);
    struct writer w = writer_over(out + RTP_HEADER_BYTES, RTX_OSN_BYTES);
    write_u16(&w, original->seq);
    if (original->payload_len > 0)
        memcpy(out + head, original->payload, original->payload_len);
    return head + original->payload_len;
}

bool rtx_decode(struct rtp_packet *original, const struct rtp_packet *p, uint8_t payload_type,
                uint32_t ssrc) {
    if (p->ssrc != rtx_ssrc(ssrc) || p->payload_type != rtx_payload_type(payload_type) ||
        p->payload_len < RTX_OSN_BYTES)
        return false;
    struct reader r = reader_over(p->payload, RTX_OSN_BYTES);
    *original = *p;
    original->ssrc = ssrc;
    original->payload_type = payload_type;
    original->seq = read_u16(&r);
    original->payload = p->payload + RTX_OSN_BYTES;
    original->payload_len = p->payload_len - RTX_OSN_BYTES;
    return true;
}
