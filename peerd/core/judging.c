#include "peerd/core/peering.h"

#include "peerd/core/agreements.h"
#include "peerd/core/state.h"
#include "peerd/wire/coarse.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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

/* Its next word is awaited while we trust it; after that until we give it up, unless it is silent
 * for us as that other one is: whoever fell silent with it has nothing to say. */
static struct instant mute_at(const struct core *core, const struct peering *w,
                              const struct peering_view *view) {
    if (is_trusted(core, w))
        return instant_add(view->told_at, VERDICT_HEARING_MAX);
    return detector_expires_at(&w->detector);
}

/* We have not given it up; or it is deaf to us and yet to be heard. */
static bool speaks(const struct core *core, const struct peering *w) {
    struct instant at = w->detector.unconfirmed_at;
    if (w->detector.opinion == DETECTOR_EXPIRED)
        return !instant_is_never(at) &&
               !instant_reached(core->now, instant_add(at, w->detector.wish.detect_within));
    return w->detector.opinion != DETECTOR_UNKNOWN;
}

/* Those whom we have not given up are witnesses: what one has told remains true when its next beat
 * is late. */
static size_t gather(const struct core *core, const struct peering *p,
                     struct verdict_witness *witnesses) {
    size_t count = 0;
    for (uint32_t i = 0; i < core->peer_count; i++) {
        const struct peering *w = core->peers[i];
        const struct peering_view *view = &w->views[p->index];
        if (w == p || !view->known || !speaks(core, w))
            continue;
        bool ever = view->view.age_ms < COARSE_MS_MAX;
        witnesses[count++] = (struct verdict_witness){
            .name = w->policy.name,
            /* A cluster that has not described itself is a domain of its own. */
            .domain = w->described ? rank_place_domain(&w->place) : UINT64_MAX - i,
            .life_at = life_told(w, view),
            .told_at = view->told_at,
            .age = ever ? duration_ms(view->view.age_ms) : DURATION_ENDLESS,
            .rtt = duration_ms(view->view.rtt_ms),
            .mute_at = mute_at(core, w, view)};
    }
    return count;
}

/* Whoever hears nobody any more, all of a sudden, has reason to doubt itself. */
static bool is_deserted(const struct core *core, const struct peering *p) {
    bool any = false;
    for (uint32_t i = 0; i < core->peer_count; i++) {
        const struct peering *w = core->peers[i];
        if (w == p || w->detector.opinion == DETECTOR_UNKNOWN)
            continue;
        if (is_trusted(core, w))
            return false;
        struct instant together = instant_sub(p->suspected_since, p->detector.wish.detect_within);
        any = any || instant_is_never(w->suspected_since) ||
              !instant_before(w->suspected_since, together);
    }
    return any;
}

static bool is_known_to_be_silent(const struct peering *p) {
    return p->detector.opinion == DETECTOR_SUSPECT || p->detector.opinion == DETECTOR_EXPIRED;
}

static void fill_input(const struct core *core, struct peering *p,
                       struct verdict_witness *witnesses, struct verdict_input *in) {
    in->figures = detector_figures(&p->detector, core->now);
    in->life_at = p->detector.life_at;
    in->suspected_since = p->suspected_since;
    in->expired_since = p->expired_since;
    in->media_life_at = media_alive_life(p);
    in->media_heard_at = media_alive_heard(p);
    in->media_since = p->media_since;
    in->heard_at = p->heard_at;
    in->unconfirmed_at = p->detector.unconfirmed_at;
    in->unconfirmed = p->detector.unconfirmed;
    in->interval = duration_max(core->policy.detection.interval, p->detector.announced);
    in->detect_within = p->detector.wish.detect_within;
    in->convicted = p->verdict.verdict == VERDICT_CRASHED;
    in->witnesses = witnesses;
    in->clients = testimony_sum(core, p);
    if (!is_known_to_be_silent(p))
        return;
    in->witness_count = gather(core, p, witnesses);
    in->deserted = !in->figures.measured && is_deserted(core, p);
}

static struct verdict_input words_of(const struct peering *p) {
    return (struct verdict_input){
        .opinion = p->detector.opinion,
        .rtt = p->rtt.us == DURATION_ENDLESS.us ? DURATION_ZERO : p->rtt,
        .draining = p->said_draining,
    };
}

/* Who is convicted already stays so on the evidence that convicted it: of what is left of it later,
 * when its witnesses have forgotten it or are gone themselves, nobody would convict. */
static void judge(const struct core *core, struct peering *p, struct verdict_result *out) {
    struct verdict_witness witnesses[POLICY_PEERS_MAX];
    struct verdict_input in = words_of(p);
    char evidence[sizeof(out->evidence)];
    if (verdict_stands(out, &in))
        return;
    fill_input(core, p, witnesses, &in);
    memcpy(evidence, out->evidence, sizeof(evidence));
    verdict_judge(out, &in, core->now);
    if (in.convicted && out->verdict == VERDICT_CRASHED)
        memcpy(out->evidence, evidence, sizeof(evidence));
}

/* ---- inquiries ------------------------------------------------------------------------------- */

/* What a witness says of one that is suspected, and whether that is enough. */
static bool owes_a_word(const struct core *core, const struct peering *w, struct peering *p) {
    struct verdict_witness witnesses[POLICY_PEERS_MAX];
    struct verdict_input in = words_of(p);
    fill_input(core, p, witnesses, &in);
    for (size_t i = 0; i < in.witness_count; i++)
        if (name_equal(&witnesses[i].name, &w->policy.name)) {
            enum verdict_word word = verdict_word_of(&in, &witnesses[i], core->now);
            return word != VERDICT_WORD_OBJECTS && word != VERDICT_WORD_NONE;
        }
    return false;
}

/* A margin that has grown with losses is no reason to wait with asking. */
struct instant peering_late_at(const struct peering *p) {
    if (p->detector.opinion != DETECTOR_TRUST)
        return INSTANT_NEVER;
    struct duration announced = p->detector.announced;
    return instant_add(p->detector.arrival, duration_scale(announced, 3, 2));
}

bool peering_is_asked(const struct core *core, const struct peering *w) {
    if (w->verdict.verdict == VERDICT_SUSPECT || instant_reached(core->now, peering_late_at(w)))
        return true;
    for (uint32_t i = 0; i < core->peer_count && core->suspects > 0; i++) {
        struct peering *p = core->peers[i];
        if (p != w && p->verdict.verdict == VERDICT_SUSPECT && w->views[i].known &&
            owes_a_word(core, w, p))
            return true;
    }
    return false;
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
    return counts(p->verdict.verdict) && agreements_count(p);
}

/* Whoever has heard from us that it is silent may be about to convict it; and whoever waits for our
 * word has it. */
static void tell_others(struct core *core, const struct peering *p) {
    for (uint32_t i = 0; i < core->peer_count; i++)
        if (core->peers[i] != p)
            peering_beat_soon(core, core->peers[i]);
}

static void changed(struct core *core, struct peering *p, enum verdict before) {
    core->counters.verdicts_changed++;
    core->suspects += p->verdict.verdict == VERDICT_SUSPECT;
    core->suspects -= before == VERDICT_SUSPECT;
    trace_change(core, p, before);
    journal_enter(core->journal,
                  &(struct journal_entry){.at = core->now,
                                          .kind = JOURNAL_VERDICT,
                                          .what = verdict_name(p->verdict.verdict),
                                          .about = p->policy.name},
                  p->verdict.evidence);
    p->verdict_since = core->now;
    if (counts(p->verdict.verdict) && !counts(before))
        p->back_since = core->now;
    tell_others(core, p);
    history_add(&p->history, &p->verdict, core->now);
    flaps_note(core, p);
    if (counts(p->verdict.verdict) != counts(before))
        groups_peer_changed(core, p);
}

void peering_judge(struct core *core, struct peering *p) {
    enum verdict before = p->verdict.verdict;
    peering_touch(core, p);
    enum detector_opinion opinion = detector_step(&p->detector, core->now);
    if (opinion == DETECTOR_TRUST || opinion == DETECTOR_UNKNOWN)
        p->suspected_since = INSTANT_NEVER;
    else if (instant_is_never(p->suspected_since))
        p->suspected_since = core->now;
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
    for (uint32_t i = 0; i < core->peer_count; i++) {
        uint8_t opinion = core->faces[i].opinion;
        /* Clients convict one that is merely suspected, too, and a witness may acquit it. */
        if ((opinion == DETECTOR_EXPIRED || opinion == DETECTOR_SUSPECT) && i != witness->index)
            peering_judge(core, core->peers[i]);
    }
}
