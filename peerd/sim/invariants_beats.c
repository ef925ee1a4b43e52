#include "peerd/sim/invariants_private.h"

#include <inttypes.h>
#include <stdlib.h>

/* What clusters say to one another, and what they may believe of it. */

#define AT_ONCE    4 /* what must leave at once still waits for this part of the interval */
#define AWAKE_FOR  duration_s(1)
#define SURE_AFTER 3              /* echoes under one boot: it is confirmed by then */
#define BELIEF_MAX duration_s(5)  /* without proof nobody is believed alive for longer */
#define ROUNDING   duration_ms(2) /* of intervals, to whole milliseconds */
/* A proof of its nodes that is newer counts for certain. */
#define HEADLESS_SINCE duration_ms(700)
#define VETO_MOST      duration_s(10)  /* of what others say; and … */
#define HEARING_MOST   duration_s(1)   /* … of nodes that have said nothing since */
#define WITNESS_SLACK  duration_ms(60) /* views are coarse, round trips jitter */

static struct watch_peer *peer_watch(struct sim *sim, const struct sim_site *site, uint32_t peer) {
    return &sim->watch->sites[site->index].peers[peer];
}

/* ---- 15: beats ------------------------------------------------------------------------------- */

static struct duration since_beat(const struct sim *sim, const struct sim_site *site,
                                  const struct watch_peer *p) {
    return instant_since(sim_site_now(sim, site), p->sent[p->seq % BEATS_MAX].at);
}

static void check_not_too_soon(struct sim *sim, const struct sim_site *site,
                               const struct watch_peer *p, uint32_t peer) {
    const struct policy_detection *d = &site->policy.detection;
    struct duration at_once = duration_scale(d->interval, 1, AT_ONCE);
    struct duration least = duration_min(policy_interval_min(d), at_once);
    if (d->interval_suspect.us > 0)
        least = duration_min(least, d->interval_suspect);
    struct duration gap = since_beat(sim, site, p);
    if (duration_less(duration_add(gap, ROUNDING), least))
        sim_breach(sim, "%s beats %s again after %" PRId64 " us, its interval being %" PRId64 " ms",
                   watch_cluster(sim, site->index), site->policy.peers[peer].name.text, gap.us,
                   duration_in_ms(site->policy.detection.interval));
}

static void check_not_too_late(struct sim *sim, const struct sim_site *site,
                               const struct watch_peer *p, uint32_t peer) {
    struct duration most = duration_add(duration_ms(p->promised_ms), ROUNDING);
    bool ran = instant_before(watch_site_counts_from(sim, site, instant_us(INT64_MIN)),
                              p->sent[p->seq % BEATS_MAX].at);
    if (p->promised_ms > 0 && ran && duration_less(most, since_beat(sim, site, p)))
        sim_breach(sim, "%s has not beaten %s for %" PRId64 " ms, having promised %" PRIu16,
                   watch_cluster(sim, site->index), site->policy.peers[peer].name.text,
                   duration_in_ms(since_beat(sim, site, p)), p->promised_ms);
}

static void check_asked(struct sim *sim, const struct sim_site *site, const struct beat *b) {
    const struct policy_detection *d = &site->policy.detection;
    struct duration least = policy_interval_min(d), most = policy_interval_max(d);
    if (d->interval_suspect.us > 0)
        least = duration_min(least, d->interval_suspect);
    struct duration asked = duration_ms(b->ask_interval_ms);
    bool too_often = b->ask_interval_ms > 0 && duration_less(duration_add(asked, ROUNDING), least);
    if (too_often || duration_less(duration_add(most, ROUNDING), asked) ||
        duration_less(duration_add(most, ROUNDING), duration_ms(b->interval_ms)))
        sim_breach(sim,
                   "%s asks for beats every %" PRIu16 " ms and sends them every %" PRIu16
                   ", against its policy",
                   watch_cluster(sim, site->index), b->ask_interval_ms, b->interval_ms);
}

/* Everybody is asked to beat as often as we want just now: faster while somebody is suspected. In a
 * step in which a suspicion begins or ends that may be before the beat or after it. */
static void check_wish(struct sim *sim, const struct sim_site *site, uint32_t peer,
                       const struct beat *b) {
    const struct policy_detection *d = &site->policy.detection;
    check_asked(sim, site, b);
    bool before = sim->watch->sites[site->index].suspects > 0, after = false;
    if (d->interval_suspect.us == 0)
        return;
    for (uint32_t i = 0; i < site->policy.peer_count && !after; i++)
        after = core_peer_verdict(site->core, i) == VERDICT_SUSPECT;
    struct duration wish =
        core_peer_status(site->core, peer, sim_site_now(sim, site)).figures.asked;
    if (after)
        wish = duration_min(wish, d->interval_suspect);
    int64_t off_ms = b->ask_interval_ms - duration_in_ms(wish);
    bool settled = core_counters(site->core)->verdicts_changed == site->verdicts_changed;
    if (settled && before == after && (off_ms < -1 || off_ms > 1))
        sim_breach(sim, "%s asks for beats every %" PRIu16 " ms and suspects %s",
                   watch_cluster(sim, site->index), b->ask_interval_ms,
                   after ? "somebody" : "nobody");
}

void watch_beat_sent(struct sim *sim, struct sim_site *site, const struct core_send_beat *b) {
    struct watch_peer *p = peer_watch(sim, site, b->peer);
    if (b->beat.kind == BEAT_KIND_MEDIA_ALIVE) {
        p->media_boot = b->beat.boot;
        p->media_seq = b->beat.seq;
        p->media_sent = watch_now(sim, site);
        return;
    }
    if (p->promised_ms > 0)
        check_not_too_soon(sim, site, p, b->peer);
    check_not_too_late(sim, site, p, b->peer);
    check_wish(sim, site, b->peer, &b->beat);
    watch_words_sent(sim, site, b);
    p->boot = b->beat.boot;
    p->seq = b->beat.seq;
    p->sent[p->seq % BEATS_MAX] = watch_now(sim, site);
    p->promised_ms = b->beat.interval_ms;
    bool drains = (b->beat.flags & BEAT_FLAG_DRAINING) != 0;
    if (drains != sim->watch->sites[site->index].draining)
        sim_breach(sim, "%s tells %s that it %s", watch_cluster(sim, site->index),
                   site->policy.peers[b->peer].name.text,
                   drains ? "drains, which it does not" : "does not drain, which it does");
}

/* ---- proofs of life, reckoned anew ----------------------------------------------------------- */

static bool echoes(const struct watch_peer *p, uint64_t boot, uint64_t seq) {
    return p->seq != 0 && boot == p->boot && seq != 0 && seq <= p->seq && p->seq - seq < BEATS_MAX;
}

static void media_heard(struct watch_peer *p, const struct beat *b, struct instant now) {
    p->media_heard = now;
    bool confirmed = b->echo_boot == p->media_boot && b->echo_seq == p->media_seq;
    if (p->media_boot == 0 || !confirmed)
        return;
    p->media_life = p->media_sent;
    p->media_echoes++;
}

static void see(struct watch_moment *newest, const struct watch_moment *life) {
    if (instant_is_never(newest->at) || instant_before(newest->at, life->at))
        *newest = *life;
}

/* ---- 9: replays ------------------------------------------------------------------------------ */

#define WINDOW_BITS 64 /* of reordering that is borne */

static bool was_taken(const struct watch_peer *p, const struct beat *b) {
    if (b->boot != p->taken_boot)
        return b->boot == p->retired_boot && b->boot != 0;
    if (b->boot == 0 || b->seq > p->taken_high)
        return false;
    uint64_t back = p->taken_high - b->seq;
    return back >= WINDOW_BITS || (p->taken >> back & 1) != 0;
}

static void note_taken(struct watch_peer *p, const struct beat *b) {
    uint64_t ahead = b->seq > p->taken_high ? b->seq - p->taken_high : 0;
    p->taken = ahead >= WINDOW_BITS ? 0 : p->taken << ahead;
    p->taken_high += ahead;
    p->taken |= UINT64_C(1) << (p->taken_high - b->seq);
}

/* A node that beats in place of its peerd is answered, one for one: by that it proves its life. */
static void check_answered(struct sim *sim, const struct sim_site *site,
                           const struct core_beat_received *e) {
    uint64_t dropped = core_counters(site->core)->media_alive_dropped;
    bool answered = dropped > sim->watch->sites[site->index].replayed ||
                    sim->core_outbox.count == CORE_OUTBOX_MAX;
    for (uint32_t i = 0; i < sim->core_outbox.count && !answered; i++) {
        const struct core_intention *o = &sim->core_outbox.items[i];
        answered = o->kind == CORE_SEND_BEAT && o->u.beat.peer == e->peer &&
                   o->u.beat.beat.kind == BEAT_KIND_MEDIA_ALIVE &&
                   o->u.beat.beat.node == e->beat->node;
    }
    if (!answered)
        sim_breach(sim, "%s does not answer node %" PRIu8 " of %s, whose media lives",
                   watch_cluster(sim, site->index), e->beat->node,
                   site->policy.peers[e->peer].name.text);
}

/* A beat counts once, and none of a run that another has followed. */
void watch_beat_taken(struct sim *sim, struct sim_site *site, const struct core_beat_received *e) {
    struct watch_peer *p = peer_watch(sim, site, e->peer);
    const struct beat *b = e->beat;
    if (b->kind != BEAT_KIND_BEAT) {
        check_answered(sim, site, e);
        return;
    }
    uint64_t replayed = core_counters(site->core)->beats_replayed;
    bool dropped = replayed > sim->watch->sites[site->index].replayed;
    if (p->repeats && !dropped)
        sim_breach(sim, "%s takes beat %" PRIu64 " of %s, which it had seen before or outlived",
                   watch_cluster(sim, site->index), b->seq, site->policy.peers[e->peer].name.text);
    uint64_t boot = core_peer_boot(site->core, e->peer);
    bool anew = boot != p->taken_boot;
    if (anew) {
        p->retired_boot = p->taken_boot;
        p->taken_boot = boot;
        p->taken_high = p->taken = 0;
        p->asked = p->listens = false; /* or does already, and we shall be told again */
    }
    bool taken = !dropped && !p->repeats && b->boot == boot;
    bool newest = taken && b->seq > p->taken_high;
    if (taken)
        note_taken(p, b);
    if (taken && since_beat(sim, site, p).us > 0)
        p->asked |= (b->flags & BEAT_FLAG_ANSWER) != 0;
    if (anew)
        watch_words_anew(sim, site, e->peer);
    else
        watch_words_taken(sim, site, e->peer, b, newest);
}

/* ---- proofs of life -------------------------------------------------------------------------- */

/* A beat that echoes what we sent proves life as of then, to everybody who counts like us; that
 * the core is sure of it, too, is known once the sender's boot must have been confirmed. */
void watch_beat_received(struct sim *sim, struct sim_site *site,
                         const struct core_beat_received *e) {
    struct watch_peer *p = peer_watch(sim, site, e->peer);
    const struct beat *b = e->beat;
    if (b->kind == BEAT_KIND_MEDIA_ALIVE) {
        media_heard(p, b, sim_site_now(sim, site));
        sim->watch->sites[site->index].replayed = core_counters(site->core)->media_alive_dropped;
        return;
    }
    p->repeats = was_taken(p, b);
    sim->watch->sites[site->index].replayed = core_counters(site->core)->beats_replayed;
    if (p->repeats)
        return; /* anybody may have sent it, at any time since */
    watch_words_received(sim, site, b, p);
    if (b->boot == p->taken_boot && b->seq > p->taken_high) {
        p->listens = (b->flags & BEAT_FLAG_LISTENS) != 0;
        if (b->view_count > 0)
            p->told = sim_site_now(sim, site);
    }
    uint64_t seq = echoes(p, b->echo_boot, b->echo_seq) ? b->echo_seq : 0;
    bool confirmed = seq != 0;
    if (echoes(p, b->candidate_boot, b->candidate_seq) && b->candidate_seq > seq)
        seq = b->candidate_seq;
    if (b->echo_boot == p->boot && b->echo_seq < p->seq && seq == 0)
        p->forgotten = sim_site_now(sim, site);
    if (seq == 0)
        return;
    if (b->boot != p->peer_boot) {
        p->peer_boot = b->boot;
        p->echoes = 0;
    }
    p->echoes += confirmed;
    p->heard = sim_site_now(sim, site);
    see(&p->life_any, &p->sent[seq % BEATS_MAX]);
    if (p->echoes >= SURE_AFTER && confirmed)
        see(&p->life, &p->sent[seq % BEATS_MAX]);
}

/* How long the peer has been without proof while we ran. */
static struct duration silent(const struct sim *sim, const struct sim_site *site,
                              const struct watch_moment *life) {
    struct duration slept = duration_sub(watch_asleep(sim, &site->peerd), life->asleep);
    return duration_sub(instant_since(sim_site_now(sim, site), life->at), slept);
}

/* ---- 16: verdicts ---------------------------------------------------------------------------- */

/* Clients may be believed sooner, but not while it beats, nor before it had time to answer; and
 * somebody must have turned away from it. */
static void check_conviction_by_clients(struct sim *sim, const struct sim_site *site,
                                        const struct watch_peer *p,
                                        const struct core_peer_status *s) {
    const struct core_counters *c = core_counters(site->core);
    struct duration least = duration_min(site->policy.detection.interval,
                                         duration_ms(p->promised_ms > 0 ? p->promised_ms : 1));
    if (s->opinion != DETECTOR_SUSPECT && s->opinion != DETECTOR_EXPIRED)
        sim_breach(sim, "%s believes %s %s without a suspicion of its own",
                   watch_cluster(sim, site->index), s->policy->name.text, verdict_name(s->verdict));
    if (!instant_is_never(p->heard) &&
        duration_less(instant_since(sim_site_now(sim, site), p->heard), least))
        sim_breach(sim, "%s believes %s %s, which has beaten just now",
                   watch_cluster(sim, site->index), s->policy->name.text, verdict_name(s->verdict));
    if (c->hedges + c->moves_begun == 0)
        sim_breach(sim, "%s believes %s %s by clients of which it has none",
                   watch_cluster(sim, site->index), s->policy->name.text, verdict_name(s->verdict));
}

/* As its policy says of that peer, or of all. */
static struct duration wished(const struct sim_site *site, const struct core_peer_status *s) {
    return policy_detect_within(&site->policy.detection, &s->policy->wish);
}

/* Nobody is convicted before our own ears are at their end, whatever views say; and time in which
 * we did not run ourselves is not held against him. */
static void check_conviction(struct sim *sim, const struct sim_site *site,
                             const struct watch_peer *p, const struct core_peer_status *s) {
    struct duration within = wished(site, s);
    if (s->rule == 10) {
        check_conviction_by_clients(sim, site, p, s);
        return;
    }
    if (s->opinion != DETECTOR_EXPIRED)
        sim_breach(sim, "%s believes %s %s without an expiry of its own",
                   watch_cluster(sim, site->index), s->policy->name.text, verdict_name(s->verdict));
    if (instant_is_never(p->life.at))
        return;
    struct duration since = silent(sim, site, &p->life), slack = ROUNDING;
    struct duration slept = duration_sub(watch_asleep(sim, &site->peerd), p->life.asleep);
    if (slept.us > 0) /* and its clock may go differently from ours, with which we measured that */
        slack = duration_add(watch_unknown_stop(site),
                             duration_scale(slept, abs(site->clock.drift_ppm), 1000000));
    if (duration_less(duration_add(since, slack), within))
        sim_breach(sim, "%s believes %s %s, which had proven its life %" PRId64 " ms before",
                   watch_cluster(sim, site->index), s->policy->name.text, verdict_name(s->verdict),
                   duration_in_ms(since));
}

/* The instant since when the witness has certainly had proof of the peer; "never" if it is not
 * trusted for certain, or has none. */
static struct instant testimony(struct sim *sim, const struct sim_site *site, uint32_t witness,
                                uint32_t peer) {
    const struct watch_peer *w = peer_watch(sim, site, witness);
    struct core_peer_status s = core_peer_status(site->core, witness, sim_site_now(sim, site));
    const struct sim_site *theirs = &sim->sites[site->cluster_of[witness]];
    struct beat_view view;
    if (theirs->at_start != NULL || theirs->discovery != NULL)
        return INSTANT_NEVER; /* it may have known it once only: the view is from then */
    if (s.opinion != DETECTOR_TRUST || instant_is_never(w->told) || instant_is_never(w->heard) ||
        duration_less(duration_ms(w->promised_ms),
                      instant_since(sim_site_now(sim, site), w->heard)) ||
        !core_peer_view(site->core, witness, peer, &view) || view.age_ms >= 3000 ||
        s.rtt.us == DURATION_ENDLESS.us)
        return INSTANT_NEVER;
    struct duration age = duration_add(duration_ms(view.age_ms + view.age_ms / 8), s.rtt);
    return instant_sub(w->told, duration_add(age, WITNESS_SLACK));
}

/* A crash has no objection standing: no witness with newer proof, no node whose media lives. Time
 * that we slept through makes its proof older, too: a living one speaks again as soon as we wake.
 */
static void check_crash(struct sim *sim, const struct sim_site *site, uint32_t peer,
                        const struct core_peer_status *s) {
    const struct policy_detection *d = &site->policy.detection;
    const struct watch_peer *p = peer_watch(sim, site, peer);
    const char *name = watch_cluster(sim, site->index);
    if (p->media_echoes >= SURE_AFTER &&
        duration_less(instant_since(sim_site_now(sim, site), p->media_life.at), HEADLESS_SINCE))
        sim_breach(sim, "%s believes %s crashed, whose media lives", name, s->policy->name.text);
    /* An objection holds for so long after the peer was given up, which was no later than that it
     * was convicted, whatever it proves of itself meanwhile; and what proves the life of a run that
     * is not believed yet prolongs none. */
    if (instant_is_never(p->life.at) || s->rtt.us == DURATION_ENDLESS.us ||
        !duration_less(instant_since(sim_site_now(sim, site), p->life.at), VETO_MOST) ||
        !duration_less(instant_since(sim_site_now(sim, site), s->since), VETO_MOST))
        return;
    struct duration lag = duration_add(duration_scale(policy_interval_max(d), 2, 1), s->rtt);
    struct instant after = instant_add(p->life_any.at, duration_add(lag, WITNESS_SLACK));
    for (uint32_t i = 0; i < site->policy.peer_count; i++) {
        struct instant told = i == peer ? INSTANT_NEVER : testimony(sim, site, i, peer);
        if (instant_is_never(told) || !instant_before(after, told) ||
            instant_reached(sim_site_now(sim, site), instant_add(told, wished(site, s))))
            continue;
        sim_breach(sim, "%s believes %s crashed, which %s has heard %" PRId64 " ms ago", name,
                   s->policy->name.text, site->policy.peers[i].name.text,
                   duration_in_ms(instant_since(sim_site_now(sim, site), told)));
    }
}

/* Trust begins with a proof that is newer than the bound in force. Echoes of beats that are too
 * long ago for us to remember are left to the core. */
static void check_trust(struct sim *sim, const struct sim_site *site, const struct watch_peer *p,
                        const struct core_peer_status *s) {
    struct duration remembered = duration_scale(site->policy.detection.interval, BEATS_MAX / 32, 1);
    struct duration limit = duration_max(s->figures.proof_max, remembered);
    struct duration since =
        instant_is_never(p->life_any.at) ? DURATION_ENDLESS : silent(sim, site, &p->life_any);
    struct instant awake = watch_site_counts_from(sim, site, instant_us(INT64_MIN));
    if (duration_less(instant_since(sim_site_now(sim, site), awake), AWAKE_FOR))
        return;
    if (!instant_is_never(p->forgotten) &&
        duration_less(instant_since(sim_site_now(sim, site), p->forgotten), AWAKE_FOR))
        return;
    /* What it learns from the proof may have made the bound a little shorter in the same step. */
    limit = duration_add(limit, duration_add(duration_scale(limit, 1, 32), ROUNDING));
    if (duration_less(limit, since))
        sim_breach(sim,
                   "%s believes %s %s, which has echoed nothing new for %" PRId64 " of %" PRId64
                   " ms",
                   watch_cluster(sim, site->index), s->policy->name.text, verdict_name(s->verdict),
                   duration_in_ms(since), duration_in_ms(limit));
}

/* A beat that is late is noticed at the instant at which it is: there is a timer for that. Whom we
 * had given up is suspected when a late echo says that the path is slow; its silence is old. */
static void check_suspicion(struct sim *sim, const struct sim_site *site,
                            const struct core_peer_status *s) {
    struct duration late = duration_add(s->figures.expected, s->figures.margin);
    struct instant heard = instant_sub(sim_site_now(sim, site), s->figures.silent);
    bool ran = instant_before(watch_site_counts_from(sim, site, instant_us(INT64_MIN)), heard);
    if (ran && duration_less(duration_add(late, ROUNDING), s->figures.silent))
        sim_breach(sim, "%s suspects %s after %" PRId64 " ms, not after %" PRId64,
                   watch_cluster(sim, site->index), s->policy->name.text,
                   duration_in_ms(s->figures.silent), duration_in_ms(late));
}

static bool convicts(enum verdict v) {
    return v == VERDICT_HEADLESS || v == VERDICT_CRASHED || v == VERDICT_PARTITIONED;
}

/* Who was believed dead, for however short a time, and is back has flapped: it is counted. */
static void check_flap(struct sim *sim, const struct sim_site *site, struct watch_peer *p,
                       const struct core_peer_status *s) {
    bool back = verdict_is_usable(s->verdict) || s->verdict == VERDICT_DRAINING;
    if (back && p->believed_dead && (uint8_t)s->flaps == p->flaps)
        sim_breach(sim, "%s believed %s dead, which is back, and does not count it",
                   watch_cluster(sim, site->index), s->policy->name.text);
    if (back || s->verdict == VERDICT_UNKNOWN)
        p->believed_dead = false;
    p->believed_dead |= s->verdict == VERDICT_CRASHED;
    p->flaps = (uint8_t)s->flaps;
}

void watch_verdicts(struct sim *sim, struct sim_site *site) {
    if (core_counters(site->core)->verdicts_changed == site->verdicts_changed)
        return;
    for (uint32_t i = 0; i < site->policy.peer_count; i++) {
        struct watch_peer *p = peer_watch(sim, site, i);
        if (core_peer_verdict(site->core, i) == p->verdict)
            continue;
        struct core_peer_status s = core_peer_status(site->core, i, sim_site_now(sim, site));
        if (convicts(s.verdict) && !convicts(p->verdict))
            check_conviction(sim, site, p, &s);
        if (s.verdict == VERDICT_SUSPECT && s.rule == 5 && !convicts(p->verdict))
            check_suspicion(sim, site, &s);
        if (s.opinion == DETECTOR_TRUST && p->verdict != VERDICT_SUSPECT)
            check_trust(sim, site, p, &s);
        if (s.verdict == VERDICT_CRASHED)
            check_crash(sim, site, i, &s);
        check_flap(sim, site, p, &s);
        sim->watch->sites[site->index].suspects += s.verdict == VERDICT_SUSPECT;
        sim->watch->sites[site->index].suspects -= p->verdict == VERDICT_SUSPECT;
        p->verdict = s.verdict;
        if (!verdict_is_usable(s.verdict) && s.verdict != VERDICT_SUSPECT) {
            p->stated_groups = p->stated_sessions = 0; /* it is not told of the end, either */
            p->lodged_at = INSTANT_NEVER;
        }
    }
}

/* Nodes that have said nothing for so long are mute as well: there is a timer for that. */
static void check_headless(struct sim *sim, const struct sim_site *site, const struct watch_peer *p,
                           const struct core_peer_status *s) {
    struct instant heard = watch_site_counts_from(sim, site, p->media_heard);
    struct duration since = instant_since(sim_site_now(sim, site), heard);
    if (duration_less(duration_add(HEARING_MOST, ROUNDING), since))
        sim_breach(sim, "%s believes %s headless, whose nodes were heard %" PRId64 " ms ago",
                   watch_cluster(sim, site->index), s->policy->name.text, duration_in_ms(since));
}

/* What others say wears out. */
static void check_veto(struct sim *sim, const struct sim_site *site,
                       const struct core_peer_status *s) {
    struct duration stands =
        instant_since(sim_site_now(sim, site), watch_site_counts_from(sim, site, s->since));
    if (duration_less(duration_add(VETO_MOST, TIMER), stands))
        sim_breach(sim, "%s believes for %" PRId64 " ms that others hear %s",
                   watch_cluster(sim, site->index), duration_in_ms(stands), s->policy->name.text);
}

/* ---- in full --------------------------------------------------------------------------------- */

/* Nobody is believed alive, or kept in suspense, without proof. */
void watch_beliefs(struct sim *sim, struct sim_site *site) {
    for (uint32_t i = 0; i < site->policy.peer_count; i++) {
        struct core_peer_status s = core_peer_status(site->core, i, sim_site_now(sim, site));
        struct watch_peer *p = peer_watch(sim, site, i);
        check_not_too_late(sim, site, p, i);
        if (s.draining != p->said_draining && p->taken_boot != 0)
            sim_breach(sim, "%s believes that %s %s", watch_cluster(sim, site->index),
                       s.policy->name.text,
                       s.draining ? "drains, which says that it does not"
                                  : "does not drain, which says that it does");
        if (s.draining && verdict_is_usable(s.verdict))
            sim_breach(sim, "%s believes %s %s, which says that it drains",
                       watch_cluster(sim, site->index), s.policy->name.text,
                       verdict_name(s.verdict));
        if (s.verdict == VERDICT_CRASHED)
            check_crash(sim, site, i, &s);
        if (s.verdict == VERDICT_HEADLESS)
            check_headless(sim, site, p, &s);
        if (s.verdict == VERDICT_PARTITIONED && s.rule == 9)
            check_veto(sim, site, &s);
        if (s.verdict == VERDICT_UNKNOWN || convicts(s.verdict))
            continue;
        struct duration limit = duration_add(BELIEF_MAX, duration_scale(wished(site, &s), 2, 1));
        if (s.verdict == VERDICT_SUSPECT)
            limit = duration_add(limit, VETO_MOST);
        struct duration since =
            instant_is_never(p->life_any.at) ? DURATION_ENDLESS : silent(sim, site, &p->life_any);
        if (duration_less(limit, since))
            sim_breach(sim, "%s believes %s %s without proof for %" PRId64 " ms",
                       watch_cluster(sim, site->index), s.policy->name.text,
                       verdict_name(s.verdict), duration_in_ms(since));
    }
}
