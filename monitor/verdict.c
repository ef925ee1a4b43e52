#include "monitor/verdict.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NAMES_MAX      4 /* witnesses named in an evidence text; the rest is counted */
#define NAMES_TEXT_LEN (NAMES_MAX * (NAME_LEN_MAX + 2) + 16)

/* What the witnesses say, sorted. */
struct testimony {
    struct name names[NAMES_MAX];
    uint64_t domains[VERDICT_WITNESSES_MAX];
    size_t count;             /* failure domains, not witnesses */
    struct instant newest_at; /* newest proof of life among them */
};

static void add(struct testimony *t, const struct verdict_witness *w) {
    if (t->count == 0 || instant_before(t->newest_at, w->life_at))
        t->newest_at = w->life_at;
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

static bool still_counts(const struct verdict_input *in, const struct verdict_witness *w,
                         struct instant now) {
    return !instant_is_never(w->life_at) &&
           !instant_reached(now, instant_add(w->life_at, in->detect_within));
}

struct hearing {
    struct testimony objecting; /* have proof that we cannot explain away */
    struct testimony unsure;    /* heard it too lately to tell */
    struct testimony silent;    /* heard it no more than we did */
};

static void hear(struct hearing *h, const struct verdict_input *in, struct instant now) {
    memset(h, 0, sizeof(*h));
    for (size_t i = 0; i < in->witness_count && i < VERDICT_WITNESSES_MAX; i++) {
        const struct verdict_witness *w = &in->witnesses[i];
        if (still_counts(in, w, now))
            add(instant_before(objection_after(in), w->life_at) ? &h->objecting : &h->unsure, w);
        else if (!instant_reached(now, instant_add(w->told_at, VERDICT_HEARING_MAX)))
            add(&h->silent, w);
    }
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

/* Rules 1 to 5: our own ears decide. False if they are at their end. */
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
        conclude(out, VERDICT_SUSPECT, 5, INSTANT_NEVER);
        SAY(out, "silent %" PRId64 " ms, expected %" PRId64 "\xc2\xb1%" PRId64, silent_ms(in),
            duration_in_ms(in->figures.expected), duration_in_ms(in->figures.margin));
        return true;
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
    if (recent(in->media_since, in->detect_within, now) &&
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

/* Rules 9 to 11. */
static void judge_by_witnesses(struct verdict_result *out, const struct verdict_input *in,
                               struct instant now) {
    struct hearing h;
    char names[NAMES_TEXT_LEN];
    hear(&h, in, now);
    struct instant veto_ends = instant_add(in->expired_since, VERDICT_VETO_MAX);
    bool veto_holds = !instant_reached(now, veto_ends);
    if (veto_holds && h.objecting.count > 0) {
        struct instant stale_at = instant_add(h.objecting.newest_at, in->detect_within);
        conclude(out, VERDICT_PARTITIONED, 9, instant_min(stale_at, veto_ends));
        SAY(out, "no beat for %" PRId64 " ms; %s still hears it", silent_ms(in),
            names_text(&h.objecting, names));
    } else if (veto_holds && h.unsure.count > 0) {
        struct instant stale_at = instant_add(h.unsure.newest_at, in->detect_within);
        conclude(out, VERDICT_SUSPECT, 10, instant_min(stale_at, veto_ends));
        SAY(out, "no beat for %" PRId64 " ms; %s heard it too lately to tell", silent_ms(in),
            names_text(&h.unsure, names));
    } else {
        conclude(out, VERDICT_CRASHED, 11, INSTANT_NEVER);
        if (h.objecting.count > 0)
            SAY(out, "no beat for %" PRId64 " ms; the objection of %s has worn out", silent_ms(in),
                names_text(&h.objecting, names));
        else if (h.silent.count > 0)
            SAY(out, "no beat for %" PRId64 " ms; %s silent too", silent_ms(in),
                names_text(&h.silent, names));
        else
            SAY(out, "no beat for %" PRId64 " ms; no witness", silent_ms(in));
    }
}

/* Rule 5 again: the detector expired early, on a path that it knows. Our own
 * deafness is deducted from the age of the proof, so the rest is what is left of our patience. */
static bool judge_by_patience(struct verdict_result *out, const struct verdict_input *in,
                              struct instant now) {
    struct duration left = duration_sub(in->detect_within, in->figures.life_age);
    if (left.us <= 0)
        return false;
    conclude(out, VERDICT_SUSPECT, 5, instant_add(now, left));
    SAY(out, "silent %" PRId64 " ms, expected %" PRId64 "\xc2\xb1%" PRId64, silent_ms(in),
        duration_in_ms(in->figures.expected), duration_in_ms(in->figures.margin));
    return true;
}

void verdict_judge(struct verdict_result *out, const struct verdict_input *in, struct instant now) {
    memset(out, 0, sizeof(*out));
    if (judge_by_own_ears(out, in) || judge_by_patience(out, in, now) ||
        judge_by_its_remains(out, in, now))
        return;
    judge_by_witnesses(out, in, now);
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
