#include "peerd/sim/invariants_private.h"

#include "peerd/wire/coarse.h"

#include <inttypes.h>

/* What clusters tell one another in their beats: the truth, and the newest word counts. */

static struct watch_peer *peer_watch(struct sim *sim, const struct sim_site *site, uint32_t peer) {
    return &sim->watch->sites[site->index].peers[peer];
}

/* ---- 15: what is sent ------------------------------------------------------------------------ */

#define VIEWS_EVERY 3 /* usual intervals */

/* All verdicts but that on the one whom a beat is for. */
static uint64_t verdicts_told(const struct sim_site *site, uint32_t to) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < site->policy.peer_count; i++)
        sum = sum * 31 + (i == to ? 0 : 1 + (uint64_t)core_peer_verdict(site->core, i));
    return sum;
}

static bool suspects_somebody(const struct sim_site *site) {
    for (uint32_t i = 0; i < site->policy.peer_count; i++)
        if (core_peer_verdict(site->core, i) == VERDICT_SUSPECT)
            return true;
    return false;
}

/* Views may be left out while they say what was said a moment ago, and nobody waits for them. */
static void check_no_views(struct sim *sim, const struct sim_site *site,
                           const struct core_send_beat *b) {
    const struct watch_peer *p = peer_watch(sim, site, b->peer);
    struct duration most = duration_scale(site->policy.detection.interval, VIEWS_EVERY, 1);
    bool asks = (b->beat.flags & BEAT_FLAG_ANSWER) != 0;
    if (instant_is_never(p->said_at) || p->said != verdicts_told(site, b->peer) || asks ||
        p->asked || p->listens || suspects_somebody(site) ||
        !duration_less(instant_since(sim_site_now(sim, site), p->said_at), most))
        sim_breach(sim, "%s tells %s nothing of others, and there is something to tell",
                   watch_cluster(sim, site->index), site->policy.peers[b->peer].name.text);
}

static void check_views(struct sim *sim, const struct sim_site *site,
                        const struct core_send_beat *b) {
    struct instant now = sim_site_now(sim, site);
    uint32_t at = 0;
    for (uint32_t i = 0; i < site->policy.peer_count && at < BEAT_VIEWS_MAX; i++) {
        if (i == b->peer)
            continue;
        struct core_peer_status s = core_peer_status(site->core, i, now);
        const struct beat_view *v = &b->beat.views[at++];
        if (at > b->beat.view_count || v->verdict != s.verdict ||
            (s.proofs == 0) != (v->age_ms >= COARSE_MS_MAX))
            sim_breach(sim, "%s tells %s of %s what it does not believe itself",
                       watch_cluster(sim, site->index), site->policy.peers[b->peer].name.text,
                       s.policy->name.text);
    }
}

/* Others are asked to tell for as long as what they tell may change a verdict. */
static void check_listens(struct sim *sim, const struct sim_site *site,
                          const struct core_send_beat *b) {
    bool says = (b->beat.flags & BEAT_FLAG_LISTENS) != 0, doubts = false;
    for (uint32_t i = 0; i < site->policy.peer_count; i++) {
        enum verdict v = core_peer_verdict(site->core, i);
        doubts |= v == VERDICT_SUSPECT || v == VERDICT_HEADLESS || v == VERDICT_PARTITIONED;
    }
    if (says != doubts)
        sim_breach(sim, "%s tells %s that it %s for views, and is%s in doubt",
                   watch_cluster(sim, site->index), site->policy.peers[b->peer].name.text,
                   says ? "waits" : "does not wait", doubts ? "" : " not");
}

static void weigh_views(struct sim *sim, const struct sim_site *site,
                        const struct core_send_beat *b) {
    struct watch_peer *p = peer_watch(sim, site, b->peer);
    bool settled = core_counters(site->core)->verdicts_changed == site->verdicts_changed;
    if (settled)
        check_listens(sim, site, b);
    if (b->beat.view_count == 0 && site->policy.peer_count > 1) {
        if (settled)
            check_no_views(sim, site, b);
        p->asked = false;
        return;
    }
    if (settled)
        check_views(sim, site, b);
    p->asked = false;
    p->said_at = sim_site_now(sim, site);
    p->said = 0;
    for (uint32_t i = 0, at = 0; i < site->policy.peer_count && at < BEAT_VIEWS_MAX; i++)
        p->said = p->said * 31 + (i == b->peer ? 0 : 1U + b->beat.views[at++].verdict);
}

/* Of ourselves and of others. Verdicts and sessions may change in the same step, after it. */
void watch_words_sent(struct sim *sim, struct sim_site *site, const struct core_send_beat *b) {
    if (sim->site_count > CLOSELY)
        return;
    struct core_status s = core_status(site->core);
    bool recovering = (b->beat.flags & BEAT_FLAG_RECOVERING) != 0;
    uint32_t free_slots = s.draining ? 0 : s.free;
    if (b->beat.sessions != s.sessions || b->beat.free_slots != free_slots ||
        recovering != s.recovering)
        sim_breach(sim,
                   "%s tells %s of %" PRIu32 " sessions, %" PRIu32 " free slots%s; it has %" PRIu32
                   " and %" PRIu32,
                   watch_cluster(sim, site->index), site->policy.peers[b->peer].name.text,
                   b->beat.sessions, b->beat.free_slots, recovering ? " and recovering" : "",
                   s.sessions, free_slots);
    weigh_views(sim, site, b);
}

/* ---- 9: what is heard ------------------------------------------------------------------------ */

/* A round trip is what an echo took, less what its sender kept it for. */
void watch_words_received(struct sim *sim, struct sim_site *site, const struct beat *b,
                          struct watch_peer *p) {
    if (b->echo_boot != p->boot || b->echo_seq == 0 || b->echo_seq > p->seq)
        return;
    if (p->seq - b->echo_seq >= BEATS_MAX) {
        p->rtt_unsure = true;
        return;
    }
    int64_t total = instant_since(sim_site_now(sim, site), p->sent[b->echo_seq % BEATS_MAX].at).us;
    int64_t us = total - b->echo_age_us;
    if (us < 0)
        return;
    if (!p->rtt_known || us < p->rtt_least_us)
        p->rtt_least_us = us;
    if (!p->rtt_known || us > p->rtt_most_us)
        p->rtt_most_us = us;
    p->rtt_known = true;
}

static void check_rtt(struct sim *sim, const struct sim_site *site, const struct watch_peer *p,
                      const struct core_peer_status *s) {
    if (s->rtt.us == DURATION_ENDLESS.us || p->rtt_unsure)
        return;
    if (!p->rtt_known || s->rtt.us < p->rtt_least_us || s->rtt.us > p->rtt_most_us)
        sim_breach(sim,
                   "%s reckons with a round trip of %" PRId64 " us to %s: they took %" PRId64
                   " to %" PRId64,
                   watch_cluster(sim, site->index), s->rtt.us, s->policy->name.text,
                   p->rtt_least_us, p->rtt_most_us);
}

/* A run that has just been confirmed may have been overtaken by beats of its own. */
void watch_words_anew(struct sim *sim, struct sim_site *site, uint32_t peer) {
    struct watch_peer *p = peer_watch(sim, site, peer);
    struct core_peer_status s = core_peer_status(site->core, peer, sim_site_now(sim, site));
    p->said_sessions = s.sessions;
    p->said_free = s.free_slots;
    p->said_draining = s.draining;
    p->said_recovering = s.recovering;
}

/* Who grows had less room when somebody chose by it. */
static void note_room(struct sim *sim, struct sim_site *site, struct watch_peer *p,
                      const struct core_peer_status *s) {
    uint32_t room = s->room_known ? s->room.room : UINT32_MAX;
    if (room > p->said_room)
        p->room_since = sim_site_now(sim, site);
    p->said_room = room;
}

/* What overtook others is newer than they are. */
void watch_words_taken(struct sim *sim, struct sim_site *site, uint32_t peer, const struct beat *b,
                       bool newest) {
    struct watch_peer *p = peer_watch(sim, site, peer);
    if (sim->site_count > CLOSELY)
        return;
    struct core_peer_status s = core_peer_status(site->core, peer, sim_site_now(sim, site));
    note_room(sim, site, p, &s);
    if (newest) {
        p->said_sessions = b->sessions;
        p->said_free = b->free_slots;
        p->said_recovering = (b->flags & BEAT_FLAG_RECOVERING) != 0;
        /* Until it knows again what it said before stands. */
        p->said_draining =
            (b->flags & BEAT_FLAG_DRAINING) != 0 || (p->said_recovering && p->said_draining);
    }
    if (s.sessions != p->said_sessions || s.free_slots != p->said_free ||
        s.draining != p->said_draining || s.recovering != p->said_recovering)
        sim_breach(sim,
                   "%s believes that %s has %" PRIu32 " sessions and %" PRIu32
                   " free slots; its newest beat says %" PRIu32 " and %" PRIu32,
                   watch_cluster(sim, site->index), s.policy->name.text, s.sessions, s.free_slots,
                   p->said_sessions, p->said_free);
    check_rtt(sim, site, p, &s);
}
