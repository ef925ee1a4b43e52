/*
 * RTCP: any datagram is decoded or refused, and refused untouched. What is decoded can be written
 * again if it has a name, and is then the same.
 */
#include "transcoder/rtp/rtcp.h"

#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect_same_block(const struct rtcp_block *a, const struct rtcp_block *b) {
    CHECK(a->ssrc == b->ssrc && a->fraction_lost == b->fraction_lost);
    CHECK(a->cumulative_lost == b->cumulative_lost && a->highest_seq == b->highest_seq);
    CHECK(a->jitter == b->jitter && a->last_sr == b->last_sr && a->delay == b->delay);
}

static void write_again(const struct rtcp_report *r) {
    uint8_t bytes[RTCP_LEN_MAX];
    struct rtcp_report again;
    size_t len = rtcp_encode(bytes, sizeof(bytes), r);
    CHECK((len == 0) == (r->cname[0] == 0));
    if (len == 0)
        return;
    CHECK(rtcp_decode(&again, bytes, len) == ERR_OK);
    CHECK(again.ssrc == r->ssrc && again.is_sender == r->is_sender && again.bye == r->bye);
    CHECK(again.ntp == r->ntp && again.rtp == r->rtp);
    CHECK(again.packets == r->packets && again.octets == r->octets);
    CHECK(again.playout.depth_ms == r->playout.depth_ms &&
          again.playout.burst_x16 == r->playout.burst_x16);
    CHECK(strcmp(again.cname, r->cname) == 0 && again.block_count == r->block_count);
    for (int i = 0; i < r->block_count; i++)
        expect_same_block(&again.blocks[i], &r->blocks[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct rtcp_report r, before;
    memset(&r, 0x55, sizeof(r));
    before = r;
    if (rtcp_decode(&r, data, size) != ERR_OK) {
        CHECK(memcmp(&r, &before, sizeof(r)) == 0);
        return 0;
    }
    CHECK(r.block_count <= RTCP_BLOCKS_MAX);
    CHECK(memchr(r.cname, 0, sizeof(r.cname)) != NULL);
    write_again(&r);
    struct duration rtt;
    for (int i = 0; i < r.block_count; i++)
        if (rtcp_round_trip(&r.blocks[i], r.ntp, &rtt))
            CHECK(rtt.us >= 0);
    return 0;
}
