#include "transcoder/rtp/rtcp.h"

#include "peerd/base/bytes.h"

#include <assert.h>
#include <string.h>

#define SR         200
#define RR         201
#define SDES       202
#define BYE        203
#define APP        204
#define APP_PLAY   UINT32_C(0x504c4159) /* "PLAY" */
#define RTPFB      205                  /* RFC 4585 section 6.1; its count is the format: */
#define NACK       1
#define SDES_END   0
#define SDES_CNAME 1
#define VERSION    2
#define PADDING    0x20
#define COUNT_MASK 0x1f
#define NTP_EPOCH  INT64_C(2208988800) /* [s] from 1900 to 1970 */
#define SECOND_US  INT64_C(1000000)

/* ---- writing ---- */

static void write_common(struct writer *w, uint8_t count, uint8_t type, size_t words) {
    write_u8(w, (uint8_t)(VERSION << 6 | count));
    write_u8(w, type);
    write_u16(w, (uint16_t)words); /* in 32-bit words, less the first */
}

static void write_block(struct writer *w, const struct rtcp_block *b) {
    write_u32(w, b->ssrc);
    write_u32(w, (uint32_t)b->fraction_lost << 24 | ((uint32_t)b->cumulative_lost & 0xffffff));
    write_u32(w, b->highest_seq);
    write_u32(w, b->jitter);
    write_u32(w, b->last_sr);
    write_u32(w, b->delay);
}

static void write_sdes(struct writer *w, uint32_t ssrc, const char *cname) {
    size_t len = strlen(cname);
    /* The item list ends in at least one zero and fills the word (section 6.5). */
    size_t item = 2 + len;
    size_t chunk = 4 + (item / 4 + 1) * 4;
    write_common(w, 1, SDES, chunk / 4);
    write_u32(w, ssrc);
    write_u8(w, SDES_CNAME);
    write_u8(w, (uint8_t)len);
    write_copy(w, cname, len);
    write_zeros(w, chunk - 4 - item);
}

bool rtcp_nack_add(struct rtcp_report *r, uint16_t seq) {
    if (r->nack_count > 0) {
        struct rtcp_nack *last = &r->nacks[r->nack_count - 1];
        uint16_t ahead = (uint16_t)(seq - last->seq);
        if (ahead == 0)
            return true;
        if (ahead <= 16) {
            last->after |= (uint16_t)(1U << (ahead - 1));
            return true;
        }
    }
    if (r->nack_count == RTCP_NACKS_MAX)
        return false;
    r->nacks[r->nack_count++] = (struct rtcp_nack){.seq = seq};
    return true;
}

static void write_nacks(struct writer *w, const struct rtcp_report *r) {
    write_common(w, NACK, RTPFB, 2 + (size_t)r->nack_count);
    write_u32(w, r->ssrc);
    write_u32(w, r->nack_ssrc);
    for (int i = 0; i < r->nack_count; i++) {
        write_u16(w, r->nacks[i].seq);
        write_u16(w, r->nacks[i].after);
    }
}

size_t rtcp_encode(uint8_t *out, size_t out_size, const struct rtcp_report *r) {
    assert(r->block_count <= RTCP_BLOCKS_MAX && r->nack_count <= RTCP_NACKS_MAX);
    assert(memchr(r->cname, 0, sizeof(r->cname)) != NULL);
    if (r->cname[0] == 0)
        return 0;
    struct writer w = writer_over(out, out_size);
    size_t words = 1 + (r->is_sender ? 5 : 0) + 6 * (size_t)r->block_count;
    write_common(&w, r->block_count, r->is_sender ? SR : RR, words);
    write_u32(&w, r->ssrc);
    if (r->is_sender) {
        write_u64(&w, r->ntp);
        write_u32(&w, r->rtp);
        write_u32(&w, r->packets);
        write_u32(&w, r->octets);
    }
    for (int i = 0; i < r->block_count; i++)
        write_block(&w, &r->blocks[i]);
    write_sdes(&w, r->ssrc, r->cname);
    if (r->nack_count > 0)
        write_nacks(&w, r);
    if (r->playout.depth_ms > 0) {
        write_common(&w, 0, APP, 3);
        write_u32(&w, r->ssrc);
        write_u32(&w, APP_PLAY);
        write_u16(&w, r->playout.depth_ms);
        write_u16(&w, r->playout.burst_x16);
    }
    if (r->bye) {
        write_common(&w, 1, BYE, 1);
        write_u32(&w, r->ssrc);
    }
    return w.failed ? 0 : writer_len(&w);
}

/* ---- reading ---- */

/* One packet of a compound: what its common header says, and a cursor over its body. */
struct part {
    uint8_t count;
    uint8_t type;
    struct reader body; /* padding is not part of it */
};

/* Takes the next packet. Only the last one may be padded (appendix A.2). */
static enum err take_part(struct reader *r, struct part *out) {
    uint8_t first = read_u8(r);
    uint8_t type = read_u8(r);
    size_t len = 4 * (size_t)read_u16(r);
    const uint8_t *body = read_span(r, len);
    if (r->failed)
        return ERR_TRUNCATED;
    if (first >> 6 != VERSION)
        return ERR_BAD_VERSION;
    if (first & PADDING) {
        if (reader_left(r) > 0 || len == 0)
            return ERR_BAD_FIELD;
        uint8_t padding = body[len - 1];
        if (padding == 0 || padding % 4 != 0 || padding > len)
            return ERR_BAD_FIELD;
        len -= padding;
    }
    *out = (struct part){first & COUNT_MASK, type, reader_over(body, len)};
    return ERR_OK;
}

static struct rtcp_block read_block(struct reader *r) {
    struct rtcp_block b = {.ssrc = read_u32(r)};
    uint32_t lost = read_u32(r);
    b.fraction_lost = (uint8_t)(lost >> 24);
    lost &= 0xffffff;
    b.cumulative_lost = lost & 0x800000 ? (int32_t)lost - 0x1000000 : (int32_t)lost;
    b.highest_seq = read_u32(r);
    b.jitter = read_u32(r);
    b.last_sr = read_u32(r);
    b.delay = read_u32(r);
    return b;
}

static enum err read_report(struct part *p, bool first, struct rtcp_report *out) {
    struct rtcp_report scratch = {0};
    struct rtcp_report *r = first ? out : &scratch; /* further SR and RR are checked only */
    r->ssrc = read_u32(&p->body);
    r->is_sender = p->type == SR;
    if (r->is_sender) {
        r->ntp = read_u64(&p->body);
        r->rtp = read_u32(&p->body);
        r->packets = read_u32(&p->body);
        r->octets = read_u32(&p->body);
    }
    for (int i = 0; i < p->count; i++) {
        struct rtcp_block b = read_block(&p->body);
        if (r->block_count < RTCP_BLOCKS_MAX)
            r->blocks[r->block_count++] = b;
    }
    /* What is left is a profile's extension. */
    return p->body.failed ? ERR_BAD_FIELD : ERR_OK;
}

static void keep_cname(struct rtcp_report *out, const uint8_t *text, size_t len) {
    len = len < RTCP_CNAME_LEN_MAX ? len : RTCP_CNAME_LEN_MAX;
    if (len > 0)
        memcpy(out->cname, text, len);
    out->cname[len] = 0;
}

static enum err read_sdes(struct part *p, struct rtcp_report *out) {
    for (int i = 0; i < p->count; i++) {
        uint32_t ssrc = read_u32(&p->body);
        size_t taken = 0;
        uint8_t item;
        while ((item = read_u8(&p->body)) != SDES_END && !p->body.failed) {
            size_t len = read_u8(&p->body);
            const uint8_t *text = read_span(&p->body, len);
            taken += 2 + len;
            if (item == SDES_CNAME && ssrc == out->ssrc && text != NULL)
                keep_cname(out, text, len);
        }
        taken++;
        read_span(&p->body, (4 - taken % 4) % 4);
    }
    return p->body.failed ? ERR_BAD_FIELD : ERR_OK;
}

static enum err read_bye(struct part *p, struct rtcp_report *out) {
    for (int i = 0; i < p->count; i++)
        if (read_u32(&p->body) == out->ssrc && !p->body.failed)
            out->bye = true;
    return p->body.failed ? ERR_BAD_FIELD : ERR_OK;
}

/* Other formats of feedback are skipped, and of a second NACK what there is room for is kept if it
 * is about the same source. */
static enum err read_feedback(struct part *p, struct rtcp_report *out) {
    if (p->count != NACK)
        return ERR_OK;
    read_u32(&p->body); /* who asks: the packet's sender */
    uint32_t ssrc = read_u32(&p->body);
    if (p->body.failed || reader_left(&p->body) == 0)
        return ERR_BAD_FIELD;
    if (out->nack_count > 0 && ssrc != out->nack_ssrc)
        return ERR_OK;
    out->nack_ssrc = ssrc;
    while (reader_left(&p->body) > 0) {
        struct rtcp_nack n = {.seq = read_u16(&p->body), .after = read_u16(&p->body)};
        if (out->nack_count < RTCP_NACKS_MAX && !p->body.failed)
            out->nacks[out->nack_count++] = n;
    }
    return p->body.failed ? ERR_BAD_FIELD : ERR_OK;
}

/* One of its sender's, about its buffer; applications of others are skipped. */
static void read_app(struct part *p, struct rtcp_report *out) {
    bool its = read_u32(&p->body) == out->ssrc, known = read_u32(&p->body) == APP_PLAY;
    struct rtcp_playout told = {.depth_ms = read_u16(&p->body), .burst_x16 = read_u16(&p->body)};
    if (its && known && p->count == 0 && reader_done(&p->body) && told.depth_ms > 0)
        out->playout = told;
}

enum err rtcp_decode(struct rtcp_report *out, const void *datagram, size_t len) {
    struct reader r = reader_over(datagram, len);
    struct rtcp_report report = {0};
    bool first = true;
    do {
        struct part p;
        enum err e = take_part(&r, &p);
        if (e != ERR_OK)
            return e;
        if (first && p.type != SR && p.type != RR)
            return ERR_BAD_KIND;
        if (p.type == SR || p.type == RR)
            e = read_report(&p, first, &report);
        else if (p.type == SDES)
            e = read_sdes(&p, &report);
        else if (p.type == BYE)
            e = read_bye(&p, &report);
        else if (p.type == RTPFB)
            e = read_feedback(&p, &report);
        else if (p.type == APP)
            read_app(&p, &report);
        if (e != ERR_OK)
            return e;
        first = false;
    } while (reader_left(&r) > 0);
    *out = report;
    return ERR_OK;
}

/* ---- clocks and intervals ---- */

static uint64_t ntp_of_us(uint64_t us) {
    uint64_t s = us / SECOND_US;
    uint64_t rest = us % SECOND_US;
    return s << 32 | ((rest << 32) + SECOND_US / 2) / SECOND_US;
}

struct rtcp_clock rtcp_clock_from_wall(struct instant at, struct wall wall) {
    int64_t us = wall.us < -NTP_EPOCH * SECOND_US ? 0 : wall.us + NTP_EPOCH * SECOND_US;
    return (struct rtcp_clock){.at = at, .ntp = ntp_of_us((uint64_t)us)};
}

/* NTP time wraps in 2036 (era 1): all arithmetic here is modulo 2^64, as RFC 5905 wants it. */
uint64_t rtcp_ntp_at(const struct rtcp_clock *c, struct instant t) {
    int64_t us = instant_since(t, c->at).us;
    return us < 0 ? c->ntp - ntp_of_us(-(uint64_t)us) : c->ntp + ntp_of_us((uint64_t)us);
}

static int64_t us_of_ntp(uint64_t ntp) {
    return (int64_t)(ntp >> 32) * SECOND_US +
           (int64_t)(((ntp & 0xffffffff) * SECOND_US + (UINT64_C(1) << 31)) >> 32);
}

struct instant rtcp_instant_at(const struct rtcp_clock *c, uint64_t ntp) {
    uint64_t ahead = ntp - c->ntp;
    if (ahead >> 63)
        return instant_sub(c->at, duration_us(us_of_ntp(-ahead)));
    return instant_add(c->at, duration_us(us_of_ntp(ahead)));
}

uint32_t rtcp_ntp_middle(uint64_t ntp) {
    return (uint32_t)(ntp >> 16);
}

uint32_t rtcp_delay(struct duration d) {
    if (d.us <= 0)
        return 0;
    if (d.us / SECOND_US >= 65536)
        return UINT32_MAX;
    return (uint32_t)((uint64_t)d.us * 65536 / SECOND_US);
}

bool rtcp_round_trip(const struct rtcp_block *b, uint64_t now, struct duration *rtt) {
    if (b->last_sr == 0)
        return false;
    int32_t left = (int32_t)(rtcp_ntp_middle(now) - b->last_sr - b->delay);
    if (left < 0)
        return false; /* a clock stepped, or the other side lies */
    *rtt = duration_us((int64_t)left * SECOND_US / 65536);
    return true;
}

struct duration rtcp_interval(uint32_t bandwidth_bps, uint32_t packet_bytes_mean,
                              struct duration least, bool first, double unit) {
    double allowed = bandwidth_bps == 0 ? 0 : packet_bytes_mean * 8.0 * 2 / (bandwidth_bps * 0.05);
    double seconds = (double)least.us / SECOND_US / (first ? 2 : 1);
    if (allowed > seconds)
        seconds = allowed;
    return duration_us((int64_t)(seconds * (0.5 + unit) / 1.21828 * SECOND_US));
}
