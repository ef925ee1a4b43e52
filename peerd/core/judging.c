#include "peerd/core/peering.h"

#include "peerd/core/state.h"
#include "peerd/wire/coarse.h"

#include <inttypes.h>
#include <stdio.h>

#define ASKED_TEXT_LEN 96 /* names of witnesses in one line; the rest is left out */

/* ---- what others say ------------------------------------------------------------------------- */

/* When the witness last had proof, on our clock: its word was half a round trip under way. */
static struct instant life_told(const struct peering *witness, const struct peering_view *view) {
    if (view->view.age_ms >= COARSE_MS_MAX)
        return INSTANT_NEVER;
    struct instant at = instant_sub(view->told_at, duration_ms(view->view.age_ms));
    if (witness->rtt.us != DURATION_ENDLESS.us)
        at = instant_sub(at, duration_scale(witness->rtt, 1, 2));
    return at;
}

/* We trust it ourselves, at this very instant: its own beat may be late without our having looked
 * yet. */
static bool is_trusted(const struct core *core, const struct peering *w) {
    return w->detector.opinion == DETECTOR_TRUST &&
           !instant_reached(core->now, detector_deadline(&w->detector));
}

/* Only those whom we trust are witnesses. */
static size_t gather(const struct core *core, const struct peering *p,
                     struct verdict_witness *witnesses) {
    size_t count = 0;
    for (uint32_t i = 0; i < core->peer_count; i++) {
        const struct peering *w = core->peers[i];
        const struct peering_view *view = &w->views[p->index];
        if (w == p || !view->known || !is_trusted(core, w))
            continue;
        witnesses[count++] = (struct verdict_witness){
            .name = w->policy.name,
            /* A cluster that has not described itself is a domain of its own. */
            .domain = w->described ? rank_place_domain(&w->place) : UINT64_MAX - i,
            .life_at = life_told(w, view),
            .told_at = view->told_at};
    }
    return count;
}

static void judge(const struct core *core, const struct peering *p, struct verdict_result *out) {
    struct verdict_witness witnesses[POLICY_PEERS_MAX];
    struct verdict_input in = {
        .opinion = p->detector.opinion,
        .rtt = p->rtt.us == DURATION_ENDLESS.us ? DURATION_ZERO : p->rtt,
        .draining = p->said_draining,
    };
    if (verdict_stands(out, &in))
        return;
    in.figures = detector_figures(&p->detector, core->now);
    in.life_at = p->detector.life_at;
    in.expired_since = p->expired_since;
    in.media_life_at = media_alive_life(p);
    in.media_heard_at = media_alive_heard(p);
    in.media_since = p->media_since;
    in.unconfirmed_at = p->detector.unconfirmed_at;
    in.unconfirmed = p->detector.unconfirmed;
    in.interval = duration_max(core->policy.detection.interval, p->detector.announced);
    in.detect_within = core->policy.detection.detect_within;
    in.witnesses = witnesses;
    in.witness_count = in.opinion == DETECTOR_EXPIRED ? gather(core, p, witnesses) : 0;
    verdict_judge(out, &in, core->now);
}

/* ---- reacting -------------------------------------------------------------------------------- */

/* Everybody else is asked for a view; says whom, for the line. */
static void ask_others(struct core *core, struct peering *p, char text[ASKED_TEXT_LEN]) {
    size_t len = 0;
    text[0] = '\0';
    peering_beat_soon(core, p);
    p->ask = true;
    for (uint32_t i = 0; i < core->peer_count; i++) {
        struct peering *w = core->peers[i];
        if (w == p || !is_trusted(core, w))
            continue;
        peering_beat_soon(core, w);
        w->ask = true;
        if (len < ASKED_TEXT_LEN - NAME_LEN_MAX - 3)
            len += (size_t)snprintf(text + len, ASKED_TEXT_LEN - len, "%s%s", len == 0 ? "" : ", ",
                                    w->policy.name.text);
    }
}

static void trace_change(struct core *core, struct peering *p, enum verdict before) {
    const struct verdict_result *v = &p->verdict;
    const char *name = p->policy.name.text;
    char asked[ASKED_TEXT_LEN];
    if (v->verdict == VERDICT_SUSPECT && v->rule == 5) {
        ask_others(core, p, asked);
        core_trace(core, "> %s suspect (%s) -> asking %s", name, v->evidence,
                   asked[0] == '\0' ? "nobody else" : asked);
        return;
    }
    bool back = verdict_is_usable(v->verdict) && before != VERDICT_UNKNOWN;
    int64_t away_ms = duration_in_ms(instant_since(core->now, p->verdict_since));
    if (back)
        core_trace(core, "> %s %s (%s) after %" PRId64 " ms %s", name, verdict_name(v->verdict),
                   v->evidence, away_ms, verdict_name(before));
    else
        core_trace(core, "> %s %s (%s)", name, verdict_name(v->verdict), v->evidence);
}

/* A peer that is merely late keeps what counts on it: a lost beat must not turn plans around. */
static bool counts(enum verdict v) {
    return verdict_is_usable(v) || v == VERDICT_SUSPECT;
}

bool peering_counts(const struct peering *p) {
    return counts(p->verdict.verdict);
}

static void changed(struct core *core, struct peering *p, enum verdict before) {
    core->counters.verdicts_changed++;
    core->suspects += p->verdict.verdict == VERDICT_SUSPECT;
    core->suspects -= before == VERDICT_SUSPECT;
    trace_change(core, p, before);
    p->verdict_since = core->now;
    if (counts(p->verdict.verdict) != counts(before))
        groups_peer_changed(core, p);
}

void peering_judge(struct core *core, struct peering *p) {
    enum verdict before = p->verdict.verdict;
    peering_touch(core, p);
    enum detector_opinion opinion = detector_step(&p->detector, core->now);
    if (opinion != DETECTOR_EXPIRED)
        p->expired_since = INSTANT_NEVER;
    else if (instant_is_never(p->expired_since))
        p->expired_since = core->now;
    if (opinion == DETECTOR_TRUST)
        p->media_since = INSTANT_NEVER;
    judge(core, p, &p->verdict);
    peering_show(core, p);
    if (p->verdict.verdict != before)
        changed(core, p, before);
}

void peering_judge_others(struct core *core, const struct peering *witness) {
    for (uint32_t i = 0; i < core->peer_count; i++)
        if (core->faces[i].opinion == DETECTOR_EXPIRED && i != witness->index)
            peering_judge(core, core->peers[i]);
}
