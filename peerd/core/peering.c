#include "peerd/core/peering.h"

#include "peerd/core/agreements.h"
#include "peerd/core/digests.h"
#include "peerd/core/state.h"
#include "peerd/wire/coarse.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#define RTT_GAIN     8   /* a new sample counts one eighth (RFC 6298) */
#define LOSS_GAIN    64  /* each beat counts one sixty-fourth */
#define LOSS_GAP_MAX 64  /* a longer gap is an outage, not loss */
#define LOSS_CODE    250 /* all lost, as a view's byte says it */

/* ---- lifecycle ------------------------------------------------------------------------------- */

/* One that no peer has. After 65,536 of them they begin again. */
static uint16_t new_number(struct core *core) {
    bool taken;
    do {
        taken = false;
        core->peering_number++;
        for (uint32_t i = 0; i < core->peer_count; i++)
            taken |= core->peers[i]->number == core->peering_number;
    } while (taken);
    return core->peering_number;
}

struct detector_wish peering_wish(const struct policy_detection *d, const struct policy_peer *p) {
    return (struct detector_wish){.detect_within = policy_detect_within(d, &p->wish),
                                  .false_alarm_every = policy_false_alarm_every(d, &p->wish),
                                  .interval = d->interval,
                                  .interval_min = policy_interval_min(d),
                                  .interval_max = policy_interval_max(d)};
}

struct peering *peering_new(struct core *core, const struct policy_peer *policy, uint32_t index) {
    struct peering *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return NULL;
    struct detector_wish wish = peering_wish(&core->policy.detection, policy);
    p->policy = *policy;
    p->index = index;
    p->number = new_number(core);
    p->hint = key_hint_of(&policy->key);
    p->rtt = DURATION_ENDLESS;
    p->beat_at = p->verdict_since = p->back_since = core->now;
    p->heard_at = p->suspected_since = p->expired_since = p->wish_told = p->beaten_at =
        p->viewed_at = p->replay_traced = p->media_since = p->gone_since = p->calm_at =
            INSTANT_NEVER;
    p->boot_since = p->failed_at = p->drained_at = INSTANT_NEVER;
    p->described_at = p->fetch_at = p->lodge_at = p->held_until = INSTANT_NEVER;
    p->origins.asked = INSTANT_NEVER;
    echo_init(&p->echo, core_new_boot(core));
    detector_init(&p->detector, &wish);
    p->verdict = (struct verdict_result){
        .rule = 1, .again_at = INSTANT_NEVER, .evidence = "not heard since we started"};
    testimony_init(&p->testimony);
    damping_init(&p->damping);
    list_init(&p->groups);
    return p;
}

void peering_free(struct peering *p) {
    if (p == NULL)
        return;
    assert(!list_holds_any(&p->groups));
    media_alive_free(p);
    agreements_forget(p);
    testimony_free(&p->testimony);
    description_free(&p->description);
    free(p);
}

/* Those who have not seen yet that a peer has another key call it by the one before. */
static uint32_t index_by_hint(const struct core *core, const struct key_hint *hint) {
    static const struct key_hint none;
    for (uint32_t i = 0; i < core->peer_count; i++)
        if (key_hint_equal(&core->faces[i].hint, hint))
            return i;
    if (core->counters.peers_rekeyed == 0 || key_hint_equal(hint, &none))
        return PEERING_NOBODY;
    for (uint32_t i = 0; i < core->peer_count; i++)
        if (key_hint_equal(&core->peers[i]->former_hint, hint))
            return i;
    return PEERING_NOBODY;
}

struct peering *peering_by_hint(const struct core *core, const struct key_hint *hint) {
    uint32_t i = index_by_hint(core, hint);
    return i == PEERING_NOBODY ? NULL : core->peers[i];
}

struct peering *peering_by_name(const struct core *core, const struct name *name) {
    for (uint32_t i = 0; i < core->peer_count; i++)
        if (name_equal(&core->peers[i]->policy.name, name))
            return core->peers[i];
    return NULL;
}

/* ---- what a beat tells ----------------------------------------------------------------------- */

/* Of the newest beat of its run so far. */
static void note_loss(struct peering *p, const struct beat *b) {
    assert(b->seq > p->seq);
    uint64_t lost = p->seq == 0 ? 0 : b->seq - p->seq - 1;
    for (uint64_t i = 0; i < lost && i < LOSS_GAP_MAX; i++)
        p->loss += (1 - p->loss) / LOSS_GAIN;
    p->loss -= p->loss / LOSS_GAIN;
    p->seq = b->seq;
}

static void note_rtt(struct peering *p, struct duration rtt) {
    if (p->rtt.us == DURATION_ENDLESS.us)
        p->rtt = rtt;
    else
        p->rtt.us += (rtt.us - p->rtt.us) / RTT_GAIN;
}

/* Views come in the order of the sender's policy, which is the same in each beat, so whom each is
 * about is looked up once: with sparse peerings most are about clusters that we do not know. */
static void note_views(struct core *core, struct peering *p, const struct beat *b) {
    for (uint8_t v = 0; v < b->view_count; v++) {
        struct peering_about *about = &p->about[v];
        if (!about->known || !key_hint_equal(&about->hint, &b->views[v].peer))
            *about = (struct peering_about){b->views[v].peer, true,
                                            (uint8_t)index_by_hint(core, &b->views[v].peer)};
        if (about->index != PEERING_NOBODY)
            p->views[about->index] = (struct peering_view){true, core->now, b->views[v]};
    }
}

static void note_words(struct core *core, struct peering *p, const struct beat *b) {
    bool recovering = (b->flags & BEAT_FLAG_RECOVERING) != 0;
    /* Who has just been started does not know yet: what it said before stands until it does. */
    bool draining = (b->flags & BEAT_FLAG_DRAINING) != 0 || (recovering && p->said_draining);
    if (draining != p->said_draining && !instant_is_never(p->fetch_at))
        p->fetch_at = core->now;
    p->said_draining = draining;
    if (draining)
        p->drained_at = core->now;
    p->said_recovering = recovering;
    p->said_listens = (b->flags & BEAT_FLAG_LISTENS) != 0;
    p->said_sessions = b->sessions;
    p->said_free = b->free_slots;
    p->asked_ms = b->ask_interval_ms;
    note_views(core, p, b);
}

/* ---- beats received -------------------------------------------------------------------------- */

static void replayed(struct core *core, struct peering *p) {
    core->counters.beats_replayed++;
    p->replayed++;
    if (!instant_is_never(p->replay_traced) &&
        !instant_reached(core->now, instant_add(p->replay_traced, PEERING_TRACE_AGAIN)))
        return;
    p->replay_traced = core->now;
    core_trace(core, "> %s replayed beat dropped (%" PRIu64 " so far)", p->policy.name.text,
               p->replayed);
}

/* It needs something to echo that we send after having heard it. */
static void candidate_heard(struct core *core, struct peering *p, const struct beat *b) {
    core->counters.beats_unconfirmed++;
    p->takes_blocks = false;
    peering_beat_soon(core, p);
    if (p->candidate == b->boot || p->boot == 0)
        return;
    p->candidate = b->boot;
    core_trace(core, "> %s claims to have been started anew, not proven yet", p->policy.name.text);
}

static void run_confirmed(struct core *core, struct peering *p, const struct beat *b) {
    if (p->boot != 0) {
        p->boot_since = core->now;
        core_trace(core, "> %s was started anew, proven", p->policy.name.text);
    }
    p->boot = b->boot;
    p->seq = 0;
    p->fetch_at = core->now;
    p->viewed_at = INSTANT_NEVER; /* it knows nothing of what we said */
    p->described_partly = 0;
    detector_new_run(&p->detector);
    agreements_wish(core, p);
    peering_beat_soon(core, p); /* so that it can confirm us, too */
    if (list_holds_any(&p->groups))
        standbys_changed(core, p); /* it has forgotten what we lodged */
}

/* A path that cannot deliver what the policy wishes is said so at once, with what it can. */
static void tell_wish(struct core *core, struct peering *p) {
    const struct detector *d = &p->detector;
    if (!detector_is_measured(d) || detector_meets_wish(d, core->now) != p->wish_unmet ||
        (!instant_is_never(p->wish_told) &&
         !instant_reached(core->now, instant_add(p->wish_told, PEERING_WISH_AGAIN))))
        return;
    struct detector_figures f = detector_figures(d, core->now);
    p->wish_told = core->now;
    p->wish_unmet = !f.meets_wish;
    const char *name = p->policy.name.text;
    if (f.meets_wish)
        core_trace(core, "> %s path allows the wished detection: noticed within %" PRId64 " ms",
                   name, duration_in_ms(f.bound));
    else
        core_trace(core,
                   "> %s path too bad for the wished detection: noticed within %" PRId64
                   " ms, a false alarm every %" PRId64 " s; %" PRId64 " ms would do",
                   name, duration_in_ms(f.bound), duration_in_ms(f.recurs) / 1000,
                   duration_in_ms(f.needs));
}

/* What it says of the path; and more or fewer of them may be asked for then. */
static void take_beat(struct core *core, struct peering *p, const struct beat *b) {
    struct duration before = detector_interval_wished(&p->detector);
    detector_heard(&p->detector, b->seq, b->send_us, core->now, duration_ms(b->interval_ms));
    struct duration after = detector_interval_wished(&p->detector);
    if (before.us != after.us)
        core_trace(core, "> %s asked to beat every %" PRId64 " ms, not %" PRId64,
                   p->policy.name.text, duration_in_ms(after), duration_in_ms(before));
}

/* A beat that echoes nothing newer than the one before may come from somebody who hears us no
 * longer. */
static void life_proven(struct core *core, struct peering *p, const struct beat *b,
                        const struct echo_proof *proof) {
    if (proof->new_boot)
        run_confirmed(core, p, b);
    /* While we were away its answer lay in our socket: that is no round trip. */
    if (proof->rtt_known && !instant_before(proof->life_at, core->stalled))
        note_rtt(p, proof->rtt);
    if (p->detector.proofs > 0 && !instant_before(p->detector.life_at, proof->life_at)) {
        core->counters.beats_unconfirmed++;
        detector_unconfirmed(&p->detector, core->now);
    }
    if (proof->newest)
        take_beat(core, p, b);
    detector_life_proven(&p->detector, proof->life_at, core->now, duration_ms(b->interval_ms));
    tell_wish(core, p);
}

static void beat_heard(struct core *core, struct peering *p, const struct beat *b) {
    struct echo_proof proof = echo_beat_received(&p->echo, b, core->now);
    core->counters.beats_received++;
    switch (proof.result) {
    case ECHO_REPLAYED:
        replayed(core, p);
        return;
    case ECHO_CANDIDATE:
        p->heard_at = core->now;
        candidate_heard(core, p, b);
        return;
    case ECHO_UNCONFIRMED:
        core->counters.beats_unconfirmed++;
        detector_unconfirmed(&p->detector, core->now);
        break;
    case ECHO_LIFE:
        life_proven(core, p, b, &proof);
        break;
    }
    p->heard_at = core->now;
    if (proof.newest) {
        note_loss(p, b);
        note_words(core, p, b);
        digests_heard(core, p, b);
        canary_heard(core, p, b);
        newcomers_heard(core, p, b);
        coords_heard(core, p, b);
        causes_heard(core, p, b);
        counterpart_heard(core, p, b);
        origins_beat_heard(core, p, b);
        audiences_heard(core, p, b);
        making_heard(core, p, b);
        room_heard(core, p, b);
    }
    if ((b->flags & BEAT_FLAG_ANSWER) != 0) {
        p->asked = true;
        peering_beat_soon(core, p);
    }
    peering_judge(core, p);
    peering_judge_others(core, p);
}

void peering_beat_received(struct core *core, const struct core_event *event) {
    const struct core_beat_received *e = &event->u.beat;
    assert(e->peer < core->peer_count);
    struct peering *p = core->peers[e->peer];
    peering_touch(core, p);
    switch (e->beat->kind) {
    case BEAT_KIND_BEAT:
        beat_heard(core, p, e->beat);
        return;
    case BEAT_KIND_MEDIA_ALIVE:
        media_alive_received(core, p, event);
        return;
    }
}

/* ---- beats sent ------------------------------------------------------------------------------ */

/* What we ask for, as things are: while some peer is suspected everybody's view of it is worth more
 * than the traffic. */
static struct duration interval_asked(const struct core *core, const struct peering *p) {
    const struct policy_detection *d = &core->policy.detection;
    struct duration wished = detector_interval_wished(&p->detector);
    return core->suspects > 0 && d->interval_suspect.us > 0
               ? duration_min(d->interval_suspect, wished)
               : wished;
}

/* A proof of life is an echo: it is as old as the beats of both are far apart. So whoever of the
 * two needs more of them gets them in both directions. */
static struct duration interval_to(const struct core *core, const struct peering *p) {
    struct duration own = interval_asked(core, p);
    if (p->asked_ms == 0)
        return own;
    struct duration least = policy_interval_min(&core->policy.detection);
    return duration_min(own, duration_max(duration_ms(p->asked_ms), least));
}

static uint16_t ms16(struct duration d) {
    int64_t ms = duration_in_ms(d);
    return ms < 1 ? 1 : ms > UINT16_MAX ? UINT16_MAX : (uint16_t)ms;
}

static uint32_t ms32(struct duration d, uint32_t max) {
    int64_t ms = duration_in_ms(d);
    return ms < 0 ? 0 : ms > max ? max : (uint32_t)ms;
}

static struct beat_view view_of(const struct core *core, const struct peering_face *f) {
    struct beat_view v = {.peer = f->hint,
                          .age_ms = COARSE_MS_MAX,
                          .rtt_ms = f->rtt_ms,
                          .loss_permille_x4 = f->loss_permille_x4,
                          .verdict = f->verdict};
    if (!instant_is_never(f->life_at))
        v.age_ms = ms32(instant_since(core->now, f->life_at), COARSE_MS_MAX);
    return v;
}

static struct peering_face face_of(const struct peering *p, struct instant due) {
    return (struct peering_face){
        .due = due,
        .life_at = p->detector.life_at,
        .hint = p->hint,
        .rtt_ms = p->rtt.us == DURATION_ENDLESS.us
                      ? 0
                      : ms32(duration_max(p->rtt, duration_ms(1)), COARSE_MS_MAX),
        .loss_permille_x4 = (uint8_t)(p->loss * LOSS_CODE + 0.5),
        .verdict = (uint8_t)p->verdict.verdict,
        .opinion = (uint8_t)p->detector.opinion};
}

void peering_show(struct core *core, const struct peering *p) {
    core->faces[p->index] = face_of(p, core->faces[p->index].due);
}

/* A beat leaves a little late, and the third is due a little early. */
static bool are_views_due(const struct core *core, const struct peering *to) {
    struct duration usual = core->policy.detection.interval;
    struct duration every = duration_scale(usual, 2 * PEERING_VIEWS_EVERY - 1, 2);
    return to->ask || to->asked || to->said_listens || core->suspects > 0 ||
           instant_is_never(to->viewed_at) ||
           to->viewed_changes != core->counters.verdicts_changed ||
           instant_reached(core->now, instant_add(to->viewed_at, every));
}

static void fill_views(const struct core *core, const struct peering *to, struct beat *beat) {
    for (uint32_t i = 0; i < core->peer_count && beat->view_count < BEAT_VIEWS_MAX; i++)
        if (i != to->index)
            beat->views[beat->view_count++] = view_of(core, &core->faces[i]);
}

/* Somebody is late, or was given up by our own ears and not for good: what others say decides. */
static bool listens(const struct core *core) {
    for (uint32_t i = 0; i < core->peer_count; i++)
        switch ((enum verdict)core->faces[i].verdict) {
        case VERDICT_SUSPECT:
        case VERDICT_HEADLESS:
        case VERDICT_PARTITIONED:
            return true;
        case VERDICT_UNKNOWN:
        case VERDICT_ALIVE:
        case VERDICT_DEGRADED:
        case VERDICT_DRAINING:
        case VERDICT_CRASHED:
            break;
        }
    return false;
}

static uint8_t flags_to(const struct core *core, const struct peering *to) {
    return (uint8_t)((core->drain.active ? BEAT_FLAG_DRAINING : 0) |
                     (to->ask ? BEAT_FLAG_ANSWER : 0) |
                     (core->recovering ? BEAT_FLAG_RECOVERING : 0) |
                     (listens(core) ? BEAT_FLAG_LISTENS : 0));
}

void peering_fill_beat(const struct core *core, const struct peering *to, struct beat *beat) {
    beat->kind = BEAT_KIND_BEAT;
    beat->interval_ms = ms16(interval_to(core, to));
    beat->ask_interval_ms = ms16(interval_asked(core, to));
    beat->flags = flags_to(core, to);
    beat->sessions = core->sessions.by_state[SESSION_STATE_COMMITTED];
    beat->free_slots = core->drain.active ? 0 : core_free_slots(core);
    if (are_views_due(core, to))
        fill_views(core, to, beat);
}

void peering_beat_soon(struct core *core, struct peering *p) {
    struct instant at = core->now;
    if (!instant_is_never(p->beaten_at)) {
        struct duration least = duration_scale(core->policy.detection.interval, 1, 4);
        at = instant_max(at, instant_add(p->beaten_at, least));
    }
    p->beat_at = instant_min(p->beat_at, at);
    peering_touch(core, p);
}

static void beat(struct core *core, struct peering *p, struct core_outbox *outbox) {
    struct core_intention *i = outbox_put(outbox, CORE_SEND_BEAT);
    if (i == NULL)
        return; /* stays due */
    i->u.beat.peer = p->index;
    peering_fill_beat(core, p, &i->u.beat.beat);
    origins_fill(core, p, &i->u.beat.beat);
    canary_fill(core, p, &i->u.beat.beat);
    newcomers_fill(core, p, &i->u.beat.beat);
    digests_fill(core, p, &i->u.beat.beat);
    coords_fill(core, p, &i->u.beat.beat);
    causes_fill(core, p, &i->u.beat.beat);
    counterpart_fill(core, p, &i->u.beat.beat);
    audiences_fill(core, p, &i->u.beat.beat);
    if (are_views_due(core, p) || p->said_draining)
        room_fill(core, p, &i->u.beat.beat);
    making_fill(core, p, &i->u.beat.beat); /* last: it may wait for a beat with room for it */
    if (are_views_due(core, p)) {
        p->viewed_at = core->now;
        p->viewed_changes = core->counters.verdicts_changed;
    }
    p->asked = false;
    echo_fill(&p->echo, &i->u.beat.beat, core->now);
    p->beaten_at = core->now;
    p->beat_at = instant_add(core->now, interval_to(core, p));
    p->ask = peering_is_asked(core, p);
    if (p->ask)
        peering_beat_soon(core, p);
    core->counters.beats_sent++;
}

/* ---- time ------------------------------------------------------------------------------------ */

void peering_step(struct core *core, struct peering *p, struct core_outbox *outbox) {
    if (instant_reached(core->now, detector_deadline(&p->detector)) ||
        instant_reached(core->now, p->verdict.again_at))
        peering_judge(core, p);
    if (instant_reached(core->now, p->calm_at))
        flaps_calm(core, p);
    if (!p->ask && instant_reached(core->now, peering_late_at(p))) {
        p->ask = true;
        peering_beat_soon(core, p);
    }
    if (instant_reached(core->now, p->beat_at))
        beat(core, p, outbox);
    media_alive_step(core, p, outbox);
    description_step(core, p, outbox);
    agreements_step(core, p, outbox);
    core->faces[p->index].due = peering_deadline(p);
}

void peering_lodge(struct core *core, struct peering *p, struct core_outbox *outbox) {
    standbys_step(core, p, outbox);
    core->faces[p->index].due = peering_deadline(p);
}

void peering_touch(struct core *core, const struct peering *p) {
    core->faces[p->index].due = core->now;
}

struct instant peering_deadline(const struct peering *p) {
    if (media_alive_waits(p))
        return p->beaten_at; /* due already */
    struct instant due = instant_min(p->beat_at, detector_deadline(&p->detector));
    due = instant_min(due, p->verdict.again_at);
    due = instant_min(due, instant_min(p->fetch_at, p->calm_at));
    due = instant_min(due, agreements_deadline(p));
    if (!p->ask)
        due = instant_min(due, peering_late_at(p));
    return instant_min(due, standbys_deadline(p));
}

/* When a step is going to do something of its own accord: told by what peering_step looks at, lest
 * a deadline that leaves one of them out be believed. */
static struct instant acts_at(const struct peering *p) {
    const struct instant parts[] = {p->beat_at,
                                    p->verdict.again_at,
                                    p->calm_at,
                                    p->fetch_at,
                                    p->lodge_at,
                                    p->held_until,
                                    p->ask ? INSTANT_NEVER : peering_late_at(p),
                                    agreements_deadline(p)};
    struct instant at = detector_deadline(&p->detector);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        at = instant_min(at, parts[i]);
    return at;
}

static bool shows(const struct peering_face *f, const struct peering *p) {
    const struct peering_face is = face_of(p, f->due);
    return f->life_at.us == is.life_at.us && key_hint_equal(&f->hint, &is.hint) &&
           f->rtt_ms == is.rtt_ms && f->loss_permille_x4 == is.loss_permille_x4 &&
           f->verdict == is.verdict && f->opinion == is.opinion;
}

void peering_check_invariants(const struct core *core) {
    uint32_t suspects = 0;
    for (uint32_t i = 0; i < core->peer_count; i++)
        suspects += core->peers[i]->verdict.verdict == VERDICT_SUSPECT;
    assert(suspects == core->suspects);
    for (uint32_t i = 0; i < core->peer_count; i++) {
        const struct peering *p = core->peers[i];
        assert(p->index == i && p->loss >= 0 && p->loss <= 1);
        echo_check_invariants(&p->echo);
        detector_check_invariants(&p->detector);
        assert(p->damping.damped == !instant_is_never(p->calm_at));
        assert((p->detector.opinion == DETECTOR_EXPIRED) == !instant_is_never(p->expired_since));
        /* Nobody is convicted without our own expiry. */
        assert(p->verdict.rule < 6 || p->detector.opinion == DETECTOR_EXPIRED ||
               (p->verdict.rule == 10 && p->detector.opinion == DETECTOR_SUSPECT));
        assert(!instant_is_never(p->beat_at));
        assert(!instant_before(instant_max(acts_at(p), core->now), core->faces[i].due));
        assert(shows(&core->faces[i], p));
        for (const struct link *l = list_first(&p->groups); l != NULL;
             l = list_after(&p->groups, l))
            assert(LIST_ELEMENT(l, const struct group, lodged)->backup == p);
        for (int m = 0; m < PEERING_MEDIA_MAX; m++)
            if (p->media[m] != NULL)
                echo_check_invariants(&p->media[m]->echo);
    }
}
