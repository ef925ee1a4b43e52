#include "peerd/sim/bench_degradation.h"

#include "monitor/perf.h"
#include "peerd/sim/path.h"
#include "peerd/wire/digest.h"
#include "transcoder/rtp/rtcp.h"
#include "transcoder/rtp/stats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLUSTERS_MAX 5
#define CLIENTS_MAX  256
#define TICK         duration_ms(5)
#define FRAME        duration_ms(20)
#define FRAME_TICKS  160 /* [RTP clock] */
#define CLOCK_HZ     8000
#define PACKET_BYTES 200 /* [bytes] PCMU with headers */
#define REPORT_BYTES 90
#define SR_EVERY     duration_ms(500) /* sender reports: round trips are known from them */
#define DIGEST_EVERY duration_ms(200)
#define JUDGE_EVERY  duration_ms(50)
#define DIGEST_ROOM  120 /* [bytes] */
#define PENDING_MAX  8   /* reports of a client on their way */
#define FLIGHTS_MAX  128 /* packets to a client on their way: two seconds */
#define DIGESTS_MAX  8   /* of a pair of clusters, on their way */
#define JUDGED_FOR   duration_ms(3000)
#define LEARN_S      24 /* [s] at least, before anything goes wrong … */
#define LEARN_MORE_S 8  /* … and up to so much more */

struct pending {
    struct instant at; /* arrives */
    uint8_t bytes[RTCP_LEN_MAX];
    size_t len; /* 0: free */
};

/* A packet on its way to a listener. */
struct flight {
    struct instant at; /* arrives */
    uint64_t ntp;      /* of a sender report; 0: a frame */
    uint32_t timestamp;
    uint16_t seq;
};

struct listener {
    uint32_t cluster;
    struct way line, up; /* its own line, and all of the way back */
    struct path_quality usual_line;
    struct rtp_stats stats;
    struct instant send_at, report_at, sr_at;
    uint16_t seq;
    struct instant bad_until;           /* its own line has gone bad; "never" if not */
    struct flight flights[FLIGHTS_MAX]; /* ring, in the order of arrival */
    uint32_t flight_first, flight_count;
    struct pending pending[PENDING_MAX];
    uint32_t highest_before, lost_before; /* of the report before */
    bool reported;
};

struct letter {
    struct instant at;
    uint8_t bytes[DIGEST_LEN_MAX];
    size_t len;
};

struct site {
    struct way core, access; /* towards the location */
    struct path_quality usual_core, usual_access;
    struct perf perf;
    struct instant digest_at;
    struct duration to_peers[CLUSTERS_MAX];
    struct letter letters[CLUSTERS_MAX][DIGESTS_MAX]; /* from each other cluster */
};

struct stage {
    const struct bench_case *what;
    struct bench_outcome *out;
    struct rng rng, ways;
    struct rtcp_clock clock;
    struct prefix location;
    const struct experience_codec *codec;
    struct site sites[CLUSTERS_MAX];
    struct listener listeners[CLIENTS_MAX];
    uint32_t site_count, listener_count;
    struct instant now, onset, end, judge_at, blip_at, blip_until;
    bool troubled, blip_path;
};

/* ---- drawing --------------------------------------------------------------------------------- */

static int64_t between(struct stage *s, int64_t low, int64_t high) {
    return low + (int64_t)rng_below(&s->rng, (uint64_t)(high - low + 1));
}

static struct path_quality quality(struct stage *s, int delay_low, int delay_high, int jitter_high,
                                   int loss_high_ppm) {
    return (struct path_quality){
        .delay = duration_us(between(s, delay_low * 1000, delay_high * 1000)),
        .jitter = duration_us(between(s, 0, jitter_high * 1000)),
        .jitter_correlation_ppm = 500000,
        .loss_ppm = (uint32_t)between(s, 0, loss_high_ppm),
    };
}

/* A line that loses two to five packets in a row every few seconds. */
static void make_bursty(struct stage *s, struct path_quality *q) {
    q->bursts = (struct path_bursts){.enter_ppm = (uint32_t)between(s, 2000, 9000),
                                     .leave_ppm = (uint32_t)between(s, 200000, 500000),
                                     .loss_bad_ppm = 800000};
}

static void draw_listener(struct stage *s, uint32_t cluster) {
    struct listener *l = &s->listeners[s->listener_count++];
    const struct site *site = &s->sites[cluster];
    struct path_quality up = quality(s, 1, 10, 4, 5000);
    *l = (struct listener){.cluster = cluster, .bad_until = INSTANT_NEVER};
    l->usual_line = quality(s, 1, 10, 6, 4000);
    if (between(s, 0, 9) == 0)
        make_bursty(s, &l->usual_line);
    up.delay =
        duration_add(up.delay, duration_add(site->usual_core.delay, site->usual_access.delay));
    way_init(&l->line, &l->usual_line, s->now);
    way_init(&l->up, &up, s->now);
    rtp_stats_init(&l->stats, CLOCK_HZ);
    l->seq = (uint16_t)between(s, 0, 65535);
    l->send_at = instant_us(between(s, 0, 19999));
    l->report_at = instant_us(between(s, 500000, 1500000));
    l->sr_at = instant_us(between(s, 0, 1000000));
}

static bool draw(struct stage *s) {
    const struct perf_settings settings = {.locations_max = 64,
                                           .wish = {1000, 8, 3, s->what->interval, duration_s(10)}};
    struct path_quality access = quality(s, 2, 15, 5, 3000);
    s->site_count = (uint32_t)between(s, 2, CLUSTERS_MAX);
    s->codec = experience_codec_of(between(s, 0, 1) == 0 ? "pcmu" : "opus");
    for (uint32_t i = 0; i < s->site_count; i++) {
        struct site *site = &s->sites[i];
        site->usual_core = quality(s, 5, 70, 6, 3000);
        site->usual_access = access;
        way_init(&site->core, &site->usual_core, s->now);
        way_init(&site->access, &site->usual_access, s->now);
        perf_init(&site->perf, &settings);
        site->digest_at = instant_us(between(s, 0, 200000));
        for (uint32_t k = 0; k < s->site_count; k++)
            site->to_peers[k] = duration_us(between(s, 5000, 120000));
    }
    for (uint32_t i = 0; i < s->what->clients; i++)
        draw_listener(s, 0);
    for (uint32_t i = 0; i < s->what->clients_else; i++)
        draw_listener(s, 1 + i % (s->site_count - 1));
    s->out->clusters = s->site_count;
    s->out->kind = (enum bench_kind)between(s, 0, BENCH_KINDS - 1);
    s->onset = instant_us(between(s, LEARN_S * 1000000, (LEARN_S + LEARN_MORE_S) * 1000000));
    s->end = instant_add(s->onset, duration_ms(4000));
    if (s->what->trouble == BENCH_TROUBLE_NONE) {
        s->end = instant_add(s->now, s->what->length);
        s->onset = INSTANT_NEVER;
    }
    s->out->onset = s->onset;
    s->blip_at = instant_us(between(s, 12000000, 40000000));
    return true;
}

/* ---- what goes wrong ------------------------------------------------------------------------- */

static struct path_quality worse(struct stage *s, struct path_quality q) {
    enum bench_kind kind = s->out->kind;
    if (kind == BENCH_KIND_LOSS || kind == BENCH_KIND_BOTH)
        q.loss_ppm += (uint32_t)between(s, 50000, 250000);
    if (kind == BENCH_KIND_DELAY || kind == BENCH_KIND_BOTH)
        q.delay = duration_add(q.delay, duration_us(between(s, 250000, 500000)));
    if (kind == BENCH_KIND_BURSTS) { /* of three to ten packets, 7 to 25 % lost */
        uint32_t leave = (uint32_t)between(s, 100000, 333000);
        q.bursts = (struct path_bursts){.enter_ppm = (uint32_t)(leave * between(s, 8, 33) / 100),
                                        .leave_ppm = leave,
                                        .loss_bad_ppm = 1000000};
    }
    return q;
}

/* Delay is of both directions; what listeners lose is lost towards them. */
static void delay_reports(struct stage *s, struct duration more) {
    for (uint32_t i = 0; i < s->listener_count; i++) {
        struct listener *l = &s->listeners[i];
        struct path_quality up = l->up.quality;
        if (l->cluster != 0 && s->what->trouble == BENCH_TROUBLE_PATH)
            continue;
        up.delay = duration_add(up.delay, more);
        way_set_quality(&l->up, &up, s->now);
    }
}

static void begin_trouble(struct stage *s) {
    s->troubled = true;
    if (s->what->trouble == BENCH_TROUBLE_PATH) {
        struct duration before = s->sites[0].usual_core.delay;
        s->sites[0].usual_core = worse(s, s->sites[0].usual_core);
        delay_reports(s, duration_sub(s->sites[0].usual_core.delay, before));
        way_set_quality(&s->sites[0].core, &s->sites[0].usual_core, s->now);
        return;
    }
    struct path_quality access = worse(s, s->sites[0].usual_access);
    delay_reports(s, duration_sub(access.delay, s->sites[0].usual_access.delay));
    for (uint32_t i = 0; i < s->site_count; i++) {
        s->sites[i].usual_access = access;
        way_set_quality(&s->sites[i].access, &access, s->now);
    }
}

/* A tenth of a second, or three, in which half of all is lost: on one path, or for all. */
static void blip(struct stage *s, bool begins) {
    for (uint32_t i = 0; i < s->site_count; i++) {
        struct site *site = &s->sites[i];
        struct path_quality q = s->blip_path ? site->usual_core : site->usual_access;
        if (begins)
            q.loss_ppm = 500000;
        if (!s->blip_path)
            way_set_quality(&site->access, &q, s->now);
        else if (i == 0)
            way_set_quality(&site->core, &q, s->now);
    }
}

static void noise(struct stage *s) {
    if (instant_reached(s->now, s->blip_until)) {
        blip(s, false);
        s->blip_until = INSTANT_NEVER;
    }
    if (instant_reached(s->now, s->blip_at)) {
        s->blip_path = between(s, 0, 1) == 0;
        s->blip_until = instant_add(s->now, duration_ms(between(s, 50, 300)));
        s->blip_at = instant_add(s->now, duration_us(between(s, 10000000, 40000000)));
        blip(s, true);
    }
    /* One listener in a hundred goes bad each ten seconds, for as long. */
    for (uint32_t i = 0; i < s->listener_count; i++) {
        struct listener *l = &s->listeners[i];
        if (!instant_is_never(l->bad_until) && instant_reached(s->now, l->bad_until)) {
            l->bad_until = INSTANT_NEVER;
            way_set_quality(&l->line, &l->usual_line, s->now);
        } else if (instant_is_never(l->bad_until) && between(s, 0, 199999) == 0) {
            struct path_quality q = l->usual_line;
            q.loss_ppm = (uint32_t)between(s, 50000, 400000);
            l->bad_until = instant_add(s->now, duration_us(between(s, 2000000, 20000000)));
            way_set_quality(&l->line, &q, s->now);
        }
    }
}

/* ---- packets and reports --------------------------------------------------------------------- */

/* True if it arrives. */
static bool cross(struct stage *s, struct way *way, struct instant *at, uint32_t bytes) {
    struct way_fate fate;
    if (!way_send(way, &s->ways, *at, bytes, &fate))
        return false;
    *at = fate.arrivals[0].at;
    return true;
}

static bool reach(struct stage *s, struct listener *l, struct instant *at, uint32_t bytes) {
    struct site *site = &s->sites[l->cluster];
    return cross(s, &site->core, at, bytes) && cross(s, &site->access, at, bytes) &&
           cross(s, &l->line, at, bytes);
}

static void take_off(struct stage *s, struct listener *l, struct flight flight, uint32_t bytes) {
    if (!reach(s, l, &flight.at, bytes) || l->flight_count == FLIGHTS_MAX)
        return;
    l->flights[(l->flight_first + l->flight_count++) % FLIGHTS_MAX] = flight;
}

static void land(struct stage *s, struct listener *l) {
    for (; l->flight_count > 0; l->flight_count--) {
        const struct flight *f = &l->flights[l->flight_first];
        if (!instant_reached(s->now, f->at))
            return;
        if (f->ntp != 0)
            rtp_stats_sr_received(&l->stats, f->ntp, f->at);
        else
            rtp_stats_received(&l->stats, f->seq, f->timestamp, f->at);
        l->flight_first = (l->flight_first + 1) % FLIGHTS_MAX;
    }
}

static void send_frame(struct stage *s, struct listener *l) {
    struct flight frame = {.at = l->send_at, .seq = l->seq++};
    frame.timestamp = (uint32_t)(l->send_at.us / FRAME.us) * FRAME_TICKS;
    if (instant_reached(s->now, l->sr_at)) {
        struct flight told = {.at = l->send_at, .ntp = rtcp_ntp_at(&s->clock, l->send_at)};
        take_off(s, l, told, REPORT_BYTES);
        l->sr_at = instant_add(l->sr_at, SR_EVERY);
    }
    take_off(s, l, frame, PACKET_BYTES);
    l->send_at = instant_add(l->send_at, FRAME);
}

static void send_report(struct stage *s, struct listener *l) {
    struct rtcp_report report = {.ssrc = 7, .block_count = 1, .cname = "listener"};
    struct instant at = s->now;
    l->report_at = instant_add(l->report_at, rtcp_interval(64000, REPORT_BYTES, s->what->interval,
                                                           false, 0.6 + 0.2 * rng_unit(&s->rng)));
    if (!l->stats.started)
        return;
    rtp_stats_block(&l->stats, &report.blocks[0], 9, s->now);
    if (!cross(s, &l->up, &at, REPORT_BYTES))
        return;
    for (int i = 0; i < PENDING_MAX; i++)
        if (l->pending[i].len == 0) {
            l->pending[i].len = rtcp_encode(l->pending[i].bytes, RTCP_LEN_MAX, &report);
            l->pending[i].at = at;
            return;
        }
}

/* At the cluster: what came since the report before is one rating. */
static bool take_report(struct stage *s, uint32_t number, const struct pending *pending) {
    struct listener *l = &s->listeners[number];
    struct rtcp_report report;
    struct duration rtt = DURATION_ENDLESS;
    if (rtcp_decode(&report, pending->bytes, pending->len) != ERR_OK || report.block_count == 0)
        return true;
    const struct rtcp_block *b = &report.blocks[0];
    uint32_t lost = b->cumulative_lost < 0 ? 0 : (uint32_t)b->cumulative_lost;
    uint32_t expected = b->highest_seq - l->highest_before;
    uint32_t gone = lost > l->lost_before ? lost - l->lost_before : 0;
    bool first = !l->reported;
    l->highest_before = b->highest_seq;
    l->lost_before = lost;
    l->reported = true;
    if (first || expected == 0)
        return true;
    if (!rtcp_round_trip(b, rtcp_ntp_at(&s->clock, pending->at), &rtt))
        rtt = DURATION_ENDLESS;
    const struct perf_sample sample = {
        .location = s->location,
        .session = number,
        .client = number,
        .codec = s->codec,
        .expected = expected,
        .lost = gone < expected ? gone : expected,
        .rtt = rtt,
        .jitter = duration_us((int64_t)b->jitter * 1000000 / CLOCK_HZ),
    };
    return perf_heard(&s->sites[l->cluster].perf, &sample, s->now);
}

static bool run_listener(struct stage *s, uint32_t number) {
    struct listener *l = &s->listeners[number];
    bool ok = true;
    while (instant_reached(s->now, l->send_at))
        send_frame(s, l);
    land(s, l);
    if (instant_reached(s->now, l->report_at))
        send_report(s, l);
    for (int i = 0; i < PENDING_MAX; i++)
        if (l->pending[i].len > 0 && instant_reached(s->now, l->pending[i].at)) {
            ok = take_report(s, number, &l->pending[i]) && ok;
            l->pending[i].len = 0;
        }
    return ok;
}

/* ---- clusters -------------------------------------------------------------------------------- */

static struct digest_entry entry_of(const struct perf_summary *p) {
    return (struct digest_entry){.location = p->location,
                                 .usual_centi = p->usual_centi,
                                 .recent_centi = p->recent_centi,
                                 .spread_centi = p->spread_centi,
                                 .reports = p->reports,
                                 .clients = p->clients};
}

static struct perf_summary summary_of(const struct digest_entry *e) {
    return (struct perf_summary){.location = e->location,
                                 .usual_centi = e->usual_centi,
                                 .recent_centi = e->recent_centi,
                                 .spread_centi = e->spread_centi,
                                 .reports = e->reports,
                                 .clients = e->clients};
}

static void send_digest(struct stage *s, uint32_t from) {
    static const struct perf_privacy privacy = {.bits_ipv4 = 24, .bits_ipv6 = 48, .clients_min = 3};
    struct perf_summary picked[PERF_PICK_MAX];
    struct digest_entry entries[PERF_PICK_MAX];
    static const struct perf_room space = {PERF_PICK_MAX, DIGEST_ROOM - DIGEST_HEADER_LEN,
                                           DIGEST_ENTRY_LEN(24), DIGEST_ENTRY_LEN(48)};
    uint8_t bytes[DIGEST_LEN_MAX];
    struct site *site = &s->sites[from];
    size_t written, count = perf_pick(&site->perf, &privacy, &space, s->now, picked);
    for (size_t i = 0; i < count; i++)
        entries[i] = entry_of(&picked[i]);
    size_t len = digest_encode(bytes, DIGEST_ROOM, entries, count, &written);
    s->out->digest_bytes += len;
    site->digest_at = instant_add(site->digest_at, DIGEST_EVERY);
    for (uint32_t to = 0; len > 0 && to < s->site_count; to++)
        for (int i = 0; to != from && i < DIGESTS_MAX; i++) {
            struct letter *letter = &s->sites[to].letters[from][i];
            if (letter->len > 0)
                continue;
            memcpy(letter->bytes, bytes, len);
            letter->len = len;
            letter->at = instant_add(s->now, site->to_peers[to]);
            break;
        }
}

static void take_digests(struct stage *s, uint32_t to) {
    for (uint32_t from = 0; from < s->site_count; from++)
        for (int i = 0; i < DIGESTS_MAX; i++) {
            struct letter *letter = &s->sites[to].letters[from][i];
            struct digest_entry entries[DIGEST_ENTRIES_MAX];
            size_t count = 0;
            if (letter->len == 0 || !instant_reached(s->now, letter->at))
                continue;
            if (digest_decode(entries, &count, letter->bytes, letter->len) == ERR_OK)
                for (size_t k = 0; k < count; k++) {
                    struct perf_summary told = summary_of(&entries[k]);
                    perf_told(&s->sites[to].perf, (uint16_t)from, &told, s->now);
                }
            letter->len = 0;
        }
}

static void note(struct stage *s, uint32_t at, const struct degrade_event *e,
                 const uint16_t *clusters) {
    struct bench_outcome *o = s->out;
    char text[DEGRADE_TEXT_LEN_MAX + 1], name[16] = "";
    if (e->peer < DEGRADE_PEERS_MAX)
        snprintf(name, sizeof(name), "site%u", clusters[e->peer] + 1U);
    degrade_event_to_text(e, "203.0.113.0/24", name, text);
    if (o->text_count < BENCH_TRACE_MAX)
        snprintf(o->texts[o->text_count++], sizeof(o->texts[0]), "%9.3f s site%u: %s",
                 (double)s->now.us / 1e6, at + 1, text);
    if (!s->troubled) {
        o->early++;
    } else if (at != 0) {
        o->elsewhere += s->what->trouble == BENCH_TROUBLE_PATH;
    } else if (!o->told) {
        o->told = true;
        o->after = instant_since(s->now, s->onset);
        o->cause = e->cause;
    }
}

static void judge(struct stage *s) {
    for (uint32_t i = 0; i < s->site_count; i++) {
        uint16_t clusters[PERF_PEERS_MAX];
        struct degrade_event event;
        struct prefix where;
        uint32_t cursor = 0;
        while (perf_judge(&s->sites[i].perf, &cursor, s->now, &where, &event, clusters))
            note(s, i, &event, clusters);
    }
    s->judge_at = instant_add(s->judge_at, JUDGE_EVERY);
}

/* ---- a case ---------------------------------------------------------------------------------- */

static bool play(struct stage *s) {
    bool ok = true;
    for (; ok && instant_before(s->now, s->end); s->now = instant_add(s->now, TICK)) {
        if (!s->troubled && instant_reached(s->now, s->onset))
            begin_trouble(s);
        noise(s);
        for (uint32_t i = 0; i < s->listener_count; i++)
            ok = run_listener(s, i) && ok;
        for (uint32_t i = 0; i < s->site_count; i++) {
            take_digests(s, i);
            if (instant_reached(s->now, s->sites[i].digest_at))
                send_digest(s, i);
        }
        if (instant_reached(s->now, s->judge_at))
            judge(s);
    }
    s->out->lasted = instant_since(s->now, instant_us(0));
    return ok;
}

bool bench_case_run(const struct bench_case *c, struct bench_outcome *out) {
    struct stage *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return false;
    *out = (struct bench_outcome){0};
    s->what = c;
    s->out = out;
    s->blip_until = INSTANT_NEVER;
    s->clock = rtcp_clock_from_wall(s->now, (struct wall){1700000000LL * 1000000, 0});
    rng_seed(&s->rng, c->seed * 4 + (uint64_t)c->trouble);
    rng_seed(&s->ways, ~(c->seed * 4 + (uint64_t)c->trouble));
    prefix_from_text(&s->location, "203.0.113.0/24");
    bool ok = draw(s) && play(s);
    for (uint32_t i = 0; i < s->site_count; i++)
        perf_free(&s->sites[i].perf);
    free(s);
    return ok;
}
