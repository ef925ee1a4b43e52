#include "monitor/verdict.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NAMES_MAX        4 /* witnesses named in an evidence text; the rest is counted */
#define NAMES_TEXT_LEN   (NAMES_MAX * (NAME_LEN_MAX + 2) + 16)
#define CLIENTS_TEXT_LEN 80

/* What the witnesses say, sorted. */
struct testimony {
    struct name names[NAMES_MAX];
    uint64_t domains[VERDICT_WITNESSES_MAX];
    size_t count; /* failure domains, not witnesses */
};

static void add(struct testimony *t, const struct verdict_witness *w) {
    for (size_t i = 0; i < t->count; i++)
        if (t->domains[i] == w->domain)
            return;
    if (t->count < NAMES_MAX)
        t->names[t->count] = w->name;
    t->domains[t->count++] = w->domain;
}

static const char *names_text(const struct testimony *t, char out[NAMES_TEXT_LEN]) {
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < t->count && i < NAMES_MAX; i++)
        len += (size_t)snprintf(out + len, NAMES_TEXT_LEN - len, "%s%s", i == 0 ? "" : ", ",
                                t->names[i].text);
    if (t->count > NAMES_MAX)
        snprintf(out + len, NAMES_TEXT_LEN - len, " and %zu more", t->count - NAMES_MAX);
    return out;
}

/* ---- witnesses ------------------------------------------------------------------------------- */

/* Two clusters that lose the same peer at the same instant last heard it at different ones: each
 * proof is as old as both intervals and the round trip allow. Only what is newer than that is
 * proof of another kind. */
static struct instant objection_after(const struct verdict_input *in) {
    struct duration lag = duration_add(duration_scale(in->interval, 2, 1), in->rtt);
    return instant_add(in->life_at, duration_add(lag, VERDICT_VIEW_SLACK));
}

static bool is_path_bad(const struct verdict_input *in) {
    return in->figures.measured && !in->figures.meets_wish;
}

/* How old a proof may be. It is as of when the beat that it echoes was sent, and the peer has lived
 * for half a round trip longer, to take that in. On a path where few ears are often wrong we wait
 * for this as well: no crash is noticed later than `detect_within` after it for that. */
static struct duration proof_lasts(const struct verdict_input *in, struct duration rtt) {
    if (!is_path_bad(in))
        return in->detect_within;
    struct duration half = duration_scale(in->detect_within, 1, 2);
    return duration_add(in->detect_within, duration_min(duration_scale(rtt, 1, 2), half));
}

static struct instant counts_until(const struct verdict_input *in,
                                   const struct verdict_witness *w) {
    return instant_add(w->life_at, proof_lasts(in, w->rtt));
}

static bool still_counts(const struct verdict_input *in, const struct verdict_witness *w,
                         struct instant now) {
    return !instant_is_never(w->life_at) && !instant_reached(now, counts_until(in, w));
}

/* A proof gets so old between two beats, even if one of them is late. */
static struct duration usual_age(const struct verdict_input *in, const struct verdict_witness *w) {
    struct duration age = duration_add(duration_scale(in->interval, 2, 1), w->rtt);
    return duration_min(duration_add(age, VERDICT_VIEW_SLACK), in->detect_within);
}

/* It has said so just now: while somebody is suspected everybody speaks every quarter interval. */
static bool misses_it(const struct verdict_input *in, const struct verdict_witness *w,
                      struct instant now) {
    struct duration fresh = duration_add(duration_scale(in->interval, 1, 2), VERDICT_VIEW_SLACK);
    return !instant_reached(now, instant_add(w->told_at, fresh)) &&
           !duration_less(w->age, usual_age(in, w));
}

enum verdict_word verdict_word_of(const struct verdict_input *in, const struct verdict_witness *w,
                                  struct instant now) {
    if (still_counts(in, w, now))
        return instant_before(objection_after(in), w->life_at) ? VERDICT_WORD_OBJECTS
                                                               : VERDICT_WORD_UNSURE;
    if (misses_it(in, w, now))
        return VERDICT_WORD_AGREES;
    return instant_reached(now, w->mute_at) ? VERDICT_WORD_NONE : VERDICT_WORD_AWAITED;
}

struct hearing {
    struct testimony objecting;
    struct testimony unsure;
    struct testimony silent; /* they agree: heard it no more than we did … */
    struct testimony missed; /* … the same with those who are unsure and miss it all the same */
    struct testimony awaited;
    struct instant again_at;       /* when one of them is no longer awaited or unsure */
    struct instant objected_until; /* the newest proof of those who object counts until then */
};

static void hear_one(struct hearing *h, const struct verdict_input *in,
                     const struct verdict_witness *w, struct instant now) {
    switch (verdict_word_of(in, w, now)) {
    case VERDICT_WORD_OBJECTS:
        if (h->objecting.count == 0 || instant_before(h->objected_until, counts_until(in, w)))
            h->objected_until = counts_until(in, w);
        add(&h->objecting, w);
        return;
    case VERDICT_WORD_UNSURE:
        add(&h->unsure, w);
        if (misses_it(in, w, now))
            add(&h->missed, w);
        h->again_at = instant_min(h->again_at, counts_until(in, w));
        return;
    case VERDICT_WORD_AGREES:
        add(&h->silent, w);
        add(&h->missed, w);
        return;
    case VERDICT_WORD_AWAITED:
        add(&h->awaited, w);
        h->again_at = instant_min(h->again_at, w->mute_at);
        return;
    case VERDICT_WORD_NONE:
        return;
    }
}

static void hear(struct hearing *h, const struct verdict_input *in, struct instant now) {
    memset(h, 0, sizeof(*h));
    h->again_at = INSTANT_NEVER;
    for (size_t i = 0; i < in->witness_count && i < VERDICT_WITNESSES_MAX; i++)
        hear_one(h, in, &in->witnesses[i], now);
}

/* ---- clients --------------------------------------------------------------------------------- */

/* A few who miss it have trouble of their own. */
static bool clients_miss_it(const struct verdict_input *in, struct instant now) {
    const struct verdict_clients *c = &in->clients;
    return c->places > 0 && c->missing * VERDICT_SHARE >= c->known &&
           c->places * VERDICT_SHARE >= c->places_known && !instant_reached(now, c->forget_at);
}

/* When what we asked at the first suspicion, and twice more, has not been answered. */
static struct instant probed_at(const struct verdict_input *in) {
    struct duration probes = duration_scale(in->interval, VERDICT_PROBES, 4);
    return instant_add(in->suspected_since, duration_add(in->rtt, probes));
}

/* ---- rules ----------------------------------------------------------------------------------- */

static bool recent(struct instant at, struct duration within, struct instant now) {
    return !instant_is_never(at) && !instant_reached(now, instant_add(at, within));
}

static void conclude(struct verdict_result *out, enum verdict v, uint8_t rule,
                     struct instant again_at) {
    out->verdict = v;
    out->rule = rule;
    out->again_at = again_at;
}

/* Below zero while it is unknown. */
static int64_t rtt_ms(const struct verdict_input *in) {
    return in->rtt.us > 0 ? duration_in_ms(in->rtt) : -1;
}

static int64_t silent_ms(const struct verdict_input *in) {
    return duration_in_ms(in->figures.silent);
}

#define SAY(out, ...) snprintf((out)->evidence, sizeof((out)->evidence), __VA_ARGS__)

/* Rules 1 to 4: our own ears decide. False if they hear nothing. */
static bool judge_by_own_ears(struct verdict_result *out, const struct verdict_input *in) {
    switch (in->opinion) {
    case DETECTOR_UNKNOWN:
        conclude(out, VERDICT_UNKNOWN, 1, INSTANT_NEVER);
        SAY(out, "not heard since we started");
        return true;
    case DETECTOR_TRUST:
        if (in->draining) {
            conclude(out, VERDICT_DRAINING, 2, INSTANT_NEVER);
            SAY(out, "it says so");
        } else if (in->degraded) {
            conclude(out, VERDICT_DEGRADED, 3, INSTANT_NEVER);
            SAY(out, "its clients fare worse than others'");
        } else {
            conclude(out, VERDICT_ALIVE, 4, INSTANT_NEVER);
            out->rtt_ms = rtt_ms(in);
            if (out->rtt_ms >= 0)
                SAY(out, "rtt %" PRId64 " ms", out->rtt_ms);
            else
                SAY(out, "rtt not measured yet");
        }
        return true;
    case DETECTOR_SUSPECT:
    case DETECTOR_EXPIRED:
        return false;
    }
    return false;
}

/* Rules 6 to 8: what still comes from the cluster itself. */
static bool judge_by_its_remains(struct verdict_result *out, const struct verdict_input *in,
                                 struct instant now) {
    if (recent(in->media_life_at, VERDICT_HEARING_MAX, now)) {
        conclude(out, VERDICT_HEADLESS, 6, instant_add(in->media_life_at, VERDICT_HEARING_MAX));
        SAY(out, "no beat for %" PRId64 " ms; its nodes say that media lives", silent_ms(in));
        return true;
    }
    if (!in->convicted && recent(in->media_since, in->detect_within, now) &&
        recent(in->media_heard_at, VERDICT_HEARING_MAX, now)) {
        conclude(out, VERDICT_SUSPECT, 7, instant_add(in->media_since, in->detect_within));
        SAY(out, "no beat for %" PRId64 " ms; a node speaks and has not proven itself yet",
            silent_ms(in));
        return true;
    }
    if (in->unconfirmed >= VERDICT_DEAF_BEATS &&
        recent(in->unconfirmed_at, in->detect_within, now)) {
        conclude(out, VERDICT_PARTITIONED, 8, instant_add(in->unconfirmed_at, in->detect_within));
        SAY(out, "it beats and does not hear us, for %" PRId64 " ms now",
            duration_in_ms(in->figures.life_age));
        return true;
    }
    return false;
}

static void say_missing(struct verdict_result *out, const struct verdict_input *in,
                        const struct testimony *silent, bool clients) {
    char names[NAMES_TEXT_LEN], who[CLIENTS_TEXT_LEN] = "";
    const struct verdict_clients *c = &in->clients;
    int len = 0;
    if (clients)
        len = snprintf(who, sizeof(who), "; %" PRIu32 " of %" PRIu32 " clients resumed here",
                       c->missing, c->known);
    if (clients && duration_in_ms(c->within) > 0)
        snprintf(who + len, sizeof(who) - (size_t)len, " within %" PRId64 " ms",
                 duration_in_ms(c->within));
    if (silent->count > 0)
        SAY(out, "no beat for %" PRId64 " ms; %s silent too%s", silent_ms(in),
            names_text(silent, names), who);
    else
        SAY(out, "no beat for %" PRId64 " ms%s", silent_ms(in), clients ? who : "; no witness");
}

/* Whatever it proves, it comes from there: of an old path, of a new run, or deaf to us. */
static bool speaks_again(const struct verdict_input *in) {
    return !instant_is_never(in->heard_at) && !instant_before(in->heard_at, in->suspected_since);
}

/* Rule 10: at the speed of suspicion, since everything that could speak for it is silent. */
static bool judge_by_clients(struct verdict_result *out, const struct verdict_input *in,
                             const struct hearing *h, struct instant now) {
    bool alone = in->clients.missing <= VERDICT_ALONE && in->clients.moved == 0;
    size_t least = VERDICT_DOMAINS + alone;
    bool enough = in->clients.places + h->missed.count >= least && !speaks_again(in);
    if (!clients_miss_it(in, now) || !instant_reached(now, probed_at(in)) || !enough)
        return false;
    conclude(out, VERDICT_CRASHED, 10, in->clients.forget_at);
    say_missing(out, in, &h->missed, true);
    return true;
}

/* Everybody has fallen silent at once, on ways of which nothing is known. */
static bool may_be_ours(const struct verdict_input *in, size_t agreeing) {
    return in->deserted && agreeing == 0 && !in->figures.measured;
}

/* Nothing is known of the way but that it loses beats; others' ways to it may be no better. */
static bool may_be_loss(const struct verdict_input *in) {
    return in->figures.loses && !in->figures.measured;
}

/* Rule 12: how long our ears need on this path to be wrong as seldom as was wished; less if others
 * agree, as their ears are as good as ours, and with two only what takes nothing from anybody. */
static struct duration patience(const struct verdict_input *in, size_t agreeing) {
    if (may_be_ours(in, agreeing) || may_be_loss(in))
        return duration_scale(in->detect_within, 3, 2);
    if (!is_path_bad(in))
        return in->detect_within;
    struct duration most = proof_lasts(in, in->rtt);
    if (agreeing < VERDICT_DOMAINS)
        most = duration_scale(in->detect_within, agreeing > 0 ? 3 : 2 * VERDICT_ALONE_MAX, 2);
    return duration_max(in->detect_within, duration_min(in->figures.needs, most));
}

static struct duration patience_left(const struct verdict_input *in, struct duration patience) {
    return duration_sub(patience, in->figures.life_age);
}

/* Rules 11 and 12. */
static bool judge_too_early(struct verdict_result *out, const struct verdict_input *in,
                            const struct hearing *h, struct instant now) {
    char names[NAMES_TEXT_LEN];
    if (in->convicted)
        return false;
    bool awaited = h->awaited.count > 0 && h->silent.count < VERDICT_ENOUGH;
    if (h->unsure.count > 0) {
        conclude(out, VERDICT_SUSPECT, 11, h->again_at);
        SAY(out, "no beat for %" PRId64 " ms; %s heard it too recently to tell", silent_ms(in),
            names_text(&h->unsure, names));
        return true;
    }
    if (awaited) {
        conclude(out, VERDICT_SUSPECT, 11, h->again_at);
        SAY(out, "no beat for %" PRId64 " ms; no word of it from %s since", silent_ms(in),
            names_text(&h->awaited, names));
        return true;
    }
    struct duration left = patience_left(in, patience(in, h->silent.count));
    if (clients_miss_it(in, now) || left.us <= 0)
        return false;
    conclude(out, VERDICT_SUSPECT, 12, instant_add(now, left));
    const char *path =
        may_be_loss(in) ? "the path loses beats, how many is not known yet" : "the path is bad";
    if (h->silent.count > 0)
        SAY(out, "no beat for %" PRId64 " ms; %s silent too, and %s", silent_ms(in),
            names_text(&h->silent, names), path);
    else if (may_be_ours(in, 0))
        SAY(out, "no beat for %" PRId64 " ms, nor of anybody else: it may be us", silent_ms(in));
    else
        SAY(out, "no beat for %" PRId64 " ms; nobody to ask, and %s", silent_ms(in), path);
    return true;
}

/* Rules 9 to 13. */
static void judge_by_others(struct verdict_result *out, const struct verdict_input *in,
                            const struct hearing *h, struct instant now) {
    char names[NAMES_TEXT_LEN];
    struct instant veto_ends = instant_add(in->expired_since, VERDICT_VETO_MAX);
    bool veto_holds = !instant_reached(now, veto_ends);
    if (veto_holds && h->objecting.count > 0) {
        conclude(out, VERDICT_PARTITIONED, 9, h->objected_until);
        SAY(out, "no beat for %" PRId64 " ms; still heard by %s", silent_ms(in),
            names_text(&h->objecting, names));
    } else if (judge_by_clients(out, in, h, now)) {
        return;
    } else if (!veto_holds || !judge_too_early(out, in, h, now)) {
        conclude(out, VERDICT_CRASHED, 13, INSTANT_NEVER);
        if (h->objecting.count > 0)
            SAY(out,
                "no beat for %" PRId64 " ms; still heard by %s, which counts for %" PRId64 " s",
                silent_ms(in), names_text(&h->objecting, names),
                duration_in_ms(VERDICT_VETO_MAX) / 1000);
        else
            say_missing(out, in, &h->silent, clients_miss_it(in, now));
        return;
    }
    out->again_at = instant_min(out->again_at, veto_ends);
}

/* Rule 5, unless there is rule 10: the beat is late, or the detector expired early, on a path that
 * it knows. Our own deafness is deducted from the age of the proof, so the rest is what is left of
 * our patience. */
static void judge_early(struct verdict_result *out, const struct verdict_input *in,
                        const struct hearing *h, struct instant now) {
    struct duration left = patience_left(in, in->detect_within);
    bool expired = in->opinion == DETECTOR_EXPIRED;
    bool remains = speaks_again(in) || recent(in->media_heard_at, VERDICT_HEARING_MAX, now);
    bool objected = remains || h->objecting.count > 0;
    if (!objected && judge_by_clients(out, in, h, now))
        return;
    if (!objected && in->convicted) { /* words are forgotten, which makes them no less true */
        conclude(out, VERDICT_CRASHED, 10, expired ? instant_add(now, left) : INSTANT_NEVER);
        say_missing(out, in, &h->missed, false);
        return;
    }
    conclude(out, VERDICT_SUSPECT, 5, expired ? instant_add(now, left) : INSTANT_NEVER);
    if (clients_miss_it(in, now) && !instant_reached(now, probed_at(in)))
        out->again_at = instant_min(out->again_at, probed_at(in));
    SAY(out, "silent %" PRId64 " ms, expected %" PRId64 "\xc2\xb1%" PRId64, silent_ms(in),
        duration_in_ms(in->figures.expected), duration_in_ms(in->figures.margin));
}

void verdict_judge(struct verdict_result *out, const struct verdict_input *in, struct instant now) {
    struct hearing h;
    memset(out, 0, sizeof(*out));
    if (judge_by_own_ears(out, in))
        return;
    hear(&h, in, now);
    if (in->opinion == DETECTOR_SUSPECT || patience_left(in, in->detect_within).us > 0)
        judge_early(out, in, &h, now);
    else if (!judge_by_its_remains(out, in, now))
        judge_by_others(out, in, &h, now);
}

bool verdict_stands(const struct verdict_result *before, const struct verdict_input *in) {
    return before->rule == 4 && in->opinion == DETECTOR_TRUST && !in->draining && !in->degraded &&
           before->rtt_ms == rtt_ms(in);
}

bool verdict_is_usable(enum verdict v) {
    switch (v) {
    case VERDICT_ALIVE:
    case VERDICT_DEGRADED:
        return true;
    case VERDICT_UNKNOWN:
    case VERDICT_SUSPECT:
    case VERDICT_HEADLESS:
    case VERDICT_CRASHED:
    case VERDICT_PARTITIONED:
    case VERDICT_DRAINING:
        return false;
    }
    return false;
}

const char *verdict_name(enum verdict v) {
    static const char *const names[VERDICT_COUNT] = {"unknown",  "alive",   "suspect",
                                                     "headless", "crashed", "partitioned",
                                                     "degraded", "draining"};
    return (unsigned)v < VERDICT_COUNT ? names[v] : "?";
}
