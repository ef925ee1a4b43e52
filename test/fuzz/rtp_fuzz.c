/*
 * RTP: any datagram is decoded or refused. What is decoded lies within the datagram, leads back to
 * the same fields when it is written again, and finds its frame only if that frame's packet has
 * just these numbers. A playout buffer takes whatever comes and keeps its invariants.
 */
#include "transcoder/rtp/rtp.h"
#include "transcoder/timeline/playout.h"

#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

#define SLOTS 32
#define BYTES 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_again(const struct rtp_packet *p) {
    static uint8_t bytes[65536 + RTP_HEADER_BYTES];
    struct rtp_packet again;
    size_t len = rtp_encode(bytes, sizeof(bytes), p);
    CHECK(len == RTP_HEADER_BYTES + p->payload_len);
    CHECK(rtp_decode(&again, bytes, len) == ERR_OK);
    CHECK(again.marker == p->marker && again.payload_type == p->payload_type);
    CHECK(again.seq == p->seq && again.timestamp == p->timestamp && again.ssrc == p->ssrc);
    CHECK(again.payload_len == p->payload_len);
    CHECK(p->payload_len == 0 || memcmp(again.payload, p->payload, p->payload_len) == 0);
}

static void place(const struct rtp_packet *p) {
    static struct playout_slot slots[SLOTS];
    static uint8_t payloads[2 * SLOTS * BYTES];
    const struct position pos = {.ssrc = p->ssrc, .seq0 = 65530, .ts0 = 0, .samples = 160};
    struct playout buffer;
    playout_init(&buffer, &(struct playout_config){.depth = duration_ms(200),
                                                   .frame = duration_ms(20),
                                                   .slots = slots,
                                                   .slot_count = SLOTS,
                                                   .payloads = payloads,
                                                   .payload_bytes_max = BYTES});
    uint64_t frame = 0;
    if (!position_frame(&pos, p->ssrc, p->seq, p->timestamp, p->seq % 7, &frame))
        return;
    CHECK(position_seq(&pos, frame) == p->seq);
    CHECK(position_timestamp(&pos, frame) == p->timestamp);
    playout_insert(&buffer, p->payload_type % PLAYOUT_SOURCES_MAX, frame, p->payload,
                   p->payload_len, instant_us(0));
    playout_check_invariants(&buffer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct rtp_packet p, before;
    memset(&p, 0x55, sizeof(p));
    before = p;
    if (size > 65535)
        return 0;
    if (rtp_decode(&p, data, size) != ERR_OK) {
        CHECK(memcmp(&p, &before, sizeof(p)) == 0);
        return 0;
    }
    CHECK(rtp_kind(data, size) == RTP_KIND_RTP);
    CHECK(p.payload >= data + RTP_HEADER_BYTES && p.payload + p.payload_len <= data + size);
    write_again(&p);
    place(&p);
    return 0;
}
