#include "transcoder/rtp/stats.h"

#include <assert.h>

#define SEQ_MOD 65536U

void rtp_stats_init(struct rtp_stats *s, uint32_t clock_hz) {
    assert(clock_hz > 0);
    *s = (struct rtp_stats){.clock_hz = clock_hz, .seq_bad = SEQ_MOD + 1};
}

static void restart(struct rtp_stats *s, uint16_t seq) {
    s->started = true;
    s->seq_base = seq;
    s->seq_max = seq;
    s->seq_bad = SEQ_MOD + 1;
    s->cycles = 0;
    s->received = 0;
    s->received_prior = 0;
    s->expected_prior = 0;
    s->jitter_x16 = 0;
}

/* Appendix A.1. No probation: who may send is known before, from grant and address. */
static bool take_seq(struct rtp_stats *s, uint16_t seq, bool *restarted) {
    *restarted = !s->started;
    if (!s->started) {
        restart(s, seq);
        return true;
    }
    uint16_t ahead = (uint16_t)(seq - s->seq_max);
    if (ahead < RTP_STATS_DROPOUT_MAX) {
        if (seq < s->seq_max)
            s->cycles += SEQ_MOD;
        s->seq_max = seq;
        return true;
    }
    if (ahead > SEQ_MOD - RTP_STATS_MISORDER_MAX)
        return true; /* late or duplicate */
    if (seq == s->seq_bad) {
        restart(s, seq);
        *restarted = true;
        return true;
    }
    s->seq_bad = (uint16_t)(seq + 1);
    return false;
}

static uint32_t ticks(const struct rtp_stats *s, struct instant t) {
    /* Modulo 2^32 like the timestamps; whole seconds apart, so that nothing overflows. */
    uint64_t us = (uint64_t)t.us;
    uint64_t second = us / 1000000;
    uint64_t rest = us % 1000000;
    return (uint32_t)(second * s->clock_hz + rest * s->clock_hz / 1000000);
}

/* Appendix A.8, integer form. */
static void take_jitter(struct rtp_stats *s, uint32_t timestamp, struct instant arrived,
                        bool first) {
    uint32_t transit = ticks(s, arrived) - timestamp;
    int32_t d = (int32_t)(transit - s->transit);
    s->transit = transit;
    if (first)
        return;
    uint32_t size = d < 0 ? -(uint32_t)d : (uint32_t)d;
    s->jitter_x16 += size - ((s->jitter_x16 + 8) >> 4);
}

bool rtp_stats_received(struct rtp_stats *s, uint16_t seq, uint32_t timestamp,
                        struct instant arrived) {
    bool restarted;
    if (!take_seq(s, seq, &restarted))
        return false;
    s->received++;
    take_jitter(s, timestamp, arrived, restarted);
    return true;
}

void rtp_stats_sr_received(struct rtp_stats *s, uint64_t ntp, struct instant arrived) {
    s->last_sr = rtcp_ntp_middle(ntp);
    s->sr_at = arrived;
}

uint32_t rtp_stats_highest_seq(const struct rtp_stats *s) {
    return s->cycles + s->seq_max;
}

uint64_t rtp_stats_expected(const struct rtp_stats *s) {
    if (!s->started)
        return 0;
    return (uint64_t)(rtp_stats_highest_seq(s) - s->seq_base) + 1;
}

int64_t rtp_stats_lost(const struct rtp_stats *s) {
    return (int64_t)rtp_stats_expected(s) - (int64_t)s->received;
}

uint32_t rtp_stats_jitter(const struct rtp_stats *s) {
    return s->jitter_x16 >> 4;
}

struct duration rtp_stats_jitter_time(const struct rtp_stats *s) {
    return duration_us((int64_t)rtp_stats_jitter(s) * 1000000 / s->clock_hz);
}

static int32_t clamp_24_bits(int64_t lost) {
    if (lost > 0x7fffff)
        return 0x7fffff;
    return lost < -0x800000 ? -0x800000 : (int32_t)lost;
}

/* Appendix A.3: the fraction of the interval since the last report. */
static uint8_t take_fraction(struct rtp_stats *s) {
    uint64_t expected = rtp_stats_expected(s);
    int64_t interval = (int64_t)(expected - s->expected_prior);
    int64_t lost = interval - (int64_t)(s->received - s->received_prior);
    s->expected_prior = expected;
    s->received_prior = s->received;
    if (interval <= 0 || lost <= 0)
        return 0;
    int64_t fraction = lost * 256 / interval;
    return fraction > 255 ? 255 : (uint8_t)fraction;
}

void rtp_stats_block(struct rtp_stats *s, struct rtcp_block *out, uint32_t ssrc,
                     struct instant now) {
    *out = (struct rtcp_block){
        .ssrc = ssrc,
        .fraction_lost = take_fraction(s),
        .cumulative_lost = clamp_24_bits(rtp_stats_lost(s)),
        .highest_seq = rtp_stats_highest_seq(s),
        .jitter = rtp_stats_jitter(s),
        .last_sr = s->last_sr,
        .delay = s->last_sr == 0 ? 0 : rtcp_delay(instant_since(now, s->sr_at)),
    };
}
