#include "peerd/sim/invariants_private.h"

#include "peerd/sim/client.h"

#include <inttypes.h>

/* What a listener sends: under which epochs, for which frames, and whether it may. */

#define LATELY_MS 2000 /* who was heard within this may be asked for what is missing */

bool watch_is_sent(const struct sim *sim, uint8_t server, enum resume_purpose purpose) {
    for (uint32_t i = 0; i < sim->witness_outbox.count; i++) {
        const struct witness_out *o = &sim->witness_outbox.items[i];
        if (o->kind == WITNESS_SEND_RESUME && o->server == server && o->u.resume.purpose == purpose)
            return true;
    }
    return false;
}

/* ---- 22: epochs are the client's to give ----------------------------------------------------- */

/* Who has said for how long to keep away is not chosen before; whom a drain names is, whoever has
 * taken us on after all, and who had no slot for a standby only. */
static void check_may_be_asked(struct sim *sim, const struct sim_client *c,
                               const struct witness_out *o) {
    const struct witness *w = c->witness;
    const struct witness_server *s = &w->servers[o->server];
    struct instant now = sim_client_now(sim, c);
    bool chosen = w->attempt.asked.us == now.us && w->attempt.epoch == o->u.resume.epoch &&
                  w->attempt.server == o->server && w->attempt.cause != MOVE_CAUSE_DRAIN &&
                  !w->attempt.returned;
    if (chosen && o->server != w->serving && !s->stand_later && instant_before(now, s->not_before))
        sim_breach(sim, "%s asks %s to serve, %" PRId64 " ms before it may",
                   sim_client_name(sim, c).text, s->address.name.text,
                   duration_in_ms(instant_since(s->not_before, now)));
}

/* Whoever is asked to take over gets an epoch that nobody else was asked under. */
static void check_commit(struct sim *sim, const struct sim_client *c, const struct witness_out *o) {
    const struct witness *w = c->witness;
    struct watch_client *watch = watch_client_of(sim, c);
    uint32_t epoch = o->u.resume.epoch;
    bool again = epoch == watch->epoch_asked && o->server == watch->asked;
    bool follows = o->server == w->serving && epoch == w->epoch;
    if (epoch <= watch->epoch_asked && !again && !follows)
        sim_breach(sim, "%s asks a second server to serve under epoch %" PRIu32,
                   sim_client_name(sim, c).text, epoch);
    check_may_be_asked(sim, c, o);
    if (epoch > watch->epoch_asked) {
        watch->epoch_asked = epoch;
        watch->asked = o->server;
    }
}

/* ---- 23: positions --------------------------------------------------------------------------- */

/* The frame that a server is told to be at is the one that should come in a round trip from now,
 * by the clock of the output, whoever served before. */
static void check_position(struct sim *sim, const struct sim_client *c,
                           const struct witness_out *o) {
    const struct playout *p = c->playout;
    if (instant_is_never(c->anchor) || instant_is_never(p->anchor))
        return;
    struct duration trip = path_rtt(&c->witness->servers[o->server].path);
    struct instant begun = instant_sub(c->anchor, p->config.depth);
    int64_t reach_us = instant_since(instant_add(sim_client_now(sim, c), trip), begun).us;
    int64_t live_us = (int64_t)o->u.resume.live_frame * FRAME_MS * 1000;
    int64_t ahead_us = live_us - reach_us;
    if (reach_us > 0 && (ahead_us < -FRAME_MS * 1000 || ahead_us > FRAME_MS * 1000))
        sim_breach(sim, "%s asks for frame %" PRIu64 " as the live one, %" PRId64 " us from it",
                   sim_client_name(sim, c).text, o->u.resume.live_frame, ahead_us);
    uint64_t missing = p->next;
    while (missing < o->u.resume.from_frame &&
           (instant_reached(sim_client_now(sim, c), playout_due(p, missing)) ||
            playout_holds(p, missing)))
        missing++;
    bool ahead = c->witness->state == WITNESS_MOVING || o->u.resume.purpose == RESUME_HOT;
    if (missing < o->u.resume.from_frame && !ahead)
        sim_breach(sim, "%s asks for frames from %" PRIu64 " on, and has not got %" PRIu64,
                   sim_client_name(sim, c).text, o->u.resume.from_frame, missing);
    if (o->u.resume.from_frame < p->next)
        sim_breach(sim, "%s asks for frame %" PRIu64 ", having played %" PRIu64,
                   sim_client_name(sim, c).text, o->u.resume.from_frame, p->next - 1);
}

/* ---- 24: what it sends ----------------------------------------------------------------------- */

static void check_counter(struct sim *sim, const struct sim_client *c, uint64_t counter) {
    struct watch_client *watch = watch_client_of(sim, c);
    if (counter <= watch->counter)
        sim_breach(sim, "%s counts a message %" PRIu64 " after %" PRIu64,
                   sim_client_name(sim, c).text, counter, watch->counter);
    watch->counter = counter;
}

/* 13: what a client asks again it lacks and can use; it asks who serves, or was heard lately. */
static void check_nack(struct sim *sim, const struct sim_client *c, const struct witness_out *o) {
    const struct nack_question *q = &o->u.nack;
    const struct witness *w = c->witness;
    struct instant heard = w->servers[o->server].media_at, now = sim_client_now(sim, c);
    bool lately = !instant_is_never(heard) && instant_since(now, heard).us < LATELY_MS * 1000;
    bool sends = o->server == w->serving || lately;
    for (unsigned i = 0; i < NACK_FRAMES_MAX; i++) {
        uint64_t frame = q->from + i;
        if ((q->missing >> i & 1) == 0)
            continue;
        if (!sends || playout_holds(c->playout, frame) ||
            instant_reached(now, playout_due(c->playout, frame)))
            sim_breach(sim, "%s asks for frame %" PRIu64 " again in vain",
                       sim_client_name(sim, c).text, frame);
    }
}

/* What is no commit speaks for the newest epoch given out, or whoever was asked under that one
 * would take it for old news; and the cookie that it brings is one that may still be good. */
static void check_resume(struct sim *sim, const struct sim_client *c, const struct witness_out *o) {
    const struct path *p = &c->witness->servers[o->server].path;
    bool commits = o->u.resume.purpose == RESUME_COMMIT;
    bool ends = o->u.resume.purpose == RESUME_CANCEL || o->u.resume.purpose == RESUME_RELEASE;
    struct duration age = instant_is_never(p->cookie_at)
                              ? DURATION_ENDLESS
                              : instant_since(sim_client_now(sim, c), p->cookie_at);
    if (!commits && o->u.resume.epoch < watch_client_of(sim, c)->epoch_high)
        sim_breach(sim, "%s sends a %s under epoch %" PRIu32 ", having given out %" PRIu32,
                   sim_client_name(sim, c).text, resume_purpose_name(o->u.resume.purpose),
                   o->u.resume.epoch, watch_client_of(sim, c)->epoch_high);
    if (!ends && !duration_less(age, duration_ms(PATH_COOKIE_MS_MAX)))
        sim_breach(sim, "%s sends a %s with a cookie of %" PRId64 " ms ago",
                   sim_client_name(sim, c).text, resume_purpose_name(o->u.resume.purpose),
                   duration_in_ms(age));
}

/* Of two senders one serves: nobody else is asked to be hot while one is, nor who serves. */
static void check_hot(struct sim *sim, const struct sim_client *c, const struct witness_out *o) {
    const struct witness *w = c->witness;
    bool backup = w->config.hot && w->servers[o->server].role == WITNESS_ROLE_WARM;
    bool hedges = w->servers[o->server].hedge.active; /* who is told once that is over */
    if (!backup && !hedges && !watch_is_sent(sim, o->server, RESUME_RELEASE))
        sim_breach(sim, "%s asks %s to be hot, which is not its backup",
                   sim_client_name(sim, c).text, w->servers[o->server].address.name.text);
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++)
        if (w->servers[i].role != WITNESS_ROLE_FREE && i != o->server && w->servers[i].hot &&
            !watch_is_sent(sim, i, RESUME_RELEASE))
            sim_breach(sim, "%s asks a second backup to be hot", sim_client_name(sim, c).text);
}

void watch_sent(struct sim *sim, const struct sim_client *c) {
    for (uint32_t i = 0; i < sim->witness_outbox.count; i++) {
        const struct witness_out *o = &sim->witness_outbox.items[i];
        if (o->kind == WITNESS_SEND_NACK)
            check_nack(sim, c, o);
        if (o->kind == WITNESS_SEND_REPORT)
            check_counter(sim, c, o->u.report.counter);
        if (o->kind != WITNESS_SEND_RESUME)
            continue;
        check_counter(sim, c, o->u.resume.counter);
        check_resume(sim, c, o);
        bool commits = o->u.resume.purpose == RESUME_COMMIT;
        if (commits)
            check_commit(sim, c, o);
        if (commits || o->u.resume.purpose == RESUME_HEDGE || o->u.resume.purpose == RESUME_HOT)
            check_position(sim, c, o);
        if (o->u.resume.purpose == RESUME_HOT)
            check_hot(sim, c, o);
    }
}
