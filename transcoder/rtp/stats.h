/*
 * Reception statistics of one RTP source: RFC 3550 appendix A.1 (sequence numbers), A.3 (loss) and
 * A.8 (jitter).
 *
 * It counts what came over the wire, before any repair: what the listener misses in the end is
 * known to the playout buffer only.
 */
#ifndef TRANSCODER_RTP_STATS_H
#define TRANSCODER_RTP_STATS_H

#include "peerd/base/time.h"
#include "transcoder/rtp/rtcp.h"

#include <stdbool.h>
#include <stdint.h>

#define RTP_STATS_DROPOUT_MAX  3000 /* packets that may be missing in a row */
#define RTP_STATS_MISORDER_MAX 100  /* packets by which one may be late */

struct rtp_stats {
    uint32_t clock_hz;       /* [Hz] RTP clock */
    bool started;            /* a packet has been received */
    uint16_t seq_max;        /* highest sequence number seen */
    uint32_t cycles;         /* wraps, shifted by 16 bits */
    uint32_t seq_base;       /* first sequence number */
    uint32_t seq_bad;        /* last bad one + 1; 65537 none */
    uint64_t received;       /* packets, late and duplicate ones included */
    uint64_t expected_prior; /* at the last report */
    uint64_t received_prior; /* at the last report */
    uint32_t transit;        /* [ticks] of the packet before, modulo 2^32 */
    uint32_t jitter_x16;     /* [ticks/16] */
    uint32_t last_sr;        /* middle 32 bits of the newest SR's NTP time; 0 none */
    struct instant sr_at;    /* when it came */
};

void rtp_stats_init(struct rtp_stats *s, uint32_t clock_hz);

/* False if the sequence number makes no sense (A.1): two in a row restart the counting. */
bool rtp_stats_received(struct rtp_stats *s, uint16_t seq, uint32_t timestamp,
                        struct instant arrived);

void rtp_stats_sr_received(struct rtp_stats *s, uint64_t ntp, struct instant arrived);

uint32_t rtp_stats_highest_seq(const struct rtp_stats *s); /* extended */
uint64_t rtp_stats_expected(const struct rtp_stats *s);
int64_t rtp_stats_lost(const struct rtp_stats *s);    /* negative with duplicates */
uint32_t rtp_stats_jitter(const struct rtp_stats *s); /* [ticks of the RTP clock] */
struct duration rtp_stats_jitter_time(const struct rtp_stats *s);

/* Fills a block for an RR sent now and begins the next interval. */
void rtp_stats_block(struct rtp_stats *s, struct rtcp_block *out, uint32_t ssrc,
                     struct instant now);

#endif
