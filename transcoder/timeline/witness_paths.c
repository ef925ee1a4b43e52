#include "transcoder/timeline/witness_inner.h"

#include <assert.h>
#include <string.h>

#define UNHEARD_MAX      3   /* reports without an answer: they were lost, and further ones … */
#define UNHEARD_MS       100 /* [ms] … are sent soon, lest a session that is well loses its lease */
#define LEASE_REPORTS    4   /* of a lease with fewer in it each lost one is sent again soon */
#define STAGGER_MS       50    /* [ms] between first hellos of further backups */
#define REFUSED_MS       1000  /* [ms] without a Retry-After */
#define STAND_AGAIN_MS   30000 /* [ms] until it is asked to stand by again, if another does */
#define REFUSED_FINAL_MS 60000 /* [ms] after an error that time does not mend */
#define STRANGER_MS      2000  /* [ms] of one that may yet learn of the issuer, or agree with it */
#define HOT_SOON_MS      100   /* [ms] from a silent standby until it is asked to send, too */
#define RELEASE_MS       20    /* [ms] over a round trip: who still sends has not heard it */
#define LOST_MS          20000 /* [ms] unheard: longer than any lease of a standby by default */
#define WITNESS_RANKS    64    /* of those who are in no list any more: one behind the other */

bool witness_is_server(const struct witness *w, uint8_t server) {
    return server < WITNESS_SERVERS_MAX && w->servers[server].role != WITNESS_ROLE_FREE;
}

const char *witness_server_name(const struct witness *w, uint8_t server) {
    return witness_is_server(w, server) ? w->servers[server].address.name.text : "nobody";
}

uint8_t witness_server_find(const struct witness *w, const struct addr *media) {
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++)
        if (witness_is_server(w, i) && addr_equal(&w->servers[i].address.media, media))
            return i;
    return SERVER_NONE;
}

void witness_server_reset(struct witness *w, uint8_t server, const struct witness_address *address,
                          uint8_t rank, struct instant now) {
    struct witness_server *s = &w->servers[server];
    *s = (struct witness_server){
        .role = WITNESS_ROLE_BACKUP,
        .address = *address,
        .rank = rank,
        .hello_at = instant_add(now, duration_ms(rank > 1 ? (rank - 1) * STAGGER_MS : 0)),
        .standby_at = INSTANT_NEVER,
        .standby_until = INSTANT_NEVER,
        .not_before = now,
        .no_hedge = now,
        .release_at = now,
        .cancel_until = now,
        .media_at = INSTANT_NEVER,
        .framed_at = INSTANT_NEVER,
        .mergeable_from = FRAME_NEVER,
    };
    s->hedge = WITNESS_HEDGE_NONE;
    path_init(&s->path);
    playout_mergeable_from(w->playout, server, FRAME_NEVER);
}

/* ---- roles ---- */

bool witness_is_silent(const struct witness_server *s) {
    return s->path.hellos_missed >= WITNESS_SILENT_AFTER;
}

/* Numbered order among backups: 1. answers hellos, 2. may be asked now, 3. rank. */
static uint32_t warm_score(const struct witness_server *s, struct instant now) {
    uint32_t silent = witness_is_silent(s);
    uint32_t refused = instant_before(now, s->not_before);
    return silent << 16 | refused << 8 | s->rank;
}

static uint8_t choose_warm(const struct witness *w, struct instant now) {
    uint8_t best = SERVER_NONE;
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++) {
        if (!witness_is_server(w, i) || i == w->serving)
            continue;
        if (best == SERVER_NONE ||
            warm_score(&w->servers[i], now) < warm_score(&w->servers[best], now))
            best = i;
    }
    return best;
}

/* A backup is warm no longer: what was lodged there is taken back. */
static void cool(const struct turn *t, uint8_t server) {
    struct witness_server *s = &t->w->servers[server];
    bool lodged = !instant_is_never(s->standby_until) || s->hot_told;
    bool asked = s->hedge.active && s->hedge.sends > 0;
    s->standby_at = INSTANT_NEVER;
    s->standby_until = INSTANT_NEVER;
    if (lodged && !asked && t->w->attempt.server != server && t->w->serving != server)
        witness_release(t, server);
    witness_hot_over(t->w, server); /* who is asked to serve sends for that */
}

static void warm(const struct turn *t, uint8_t server) {
    struct witness_server *s = &t->w->servers[server];
    s->standby_at = t->now;
    s->hello_at = instant_min(s->hello_at, t->now);
    trace_linef(t->out->trace, t->now, "%s is the %s backup", s->address.name.text,
                t->w->config.cold  ? "cold"
                : t->w->config.hot ? "hot"
                                   : "warm");
}

void witness_assign_roles(const struct turn *t) {
    struct witness *w = t->w;
    if (w->epoch == 0)
        return; /* nobody serves yet: there is nothing to back up */
    uint8_t chosen = choose_warm(w, t->now);
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++) {
        if (!witness_is_server(w, i))
            continue;
        enum witness_role was = w->servers[i].role;
        enum witness_role is = i == w->serving ? WITNESS_ROLE_SERVING
                               : i == chosen   ? WITNESS_ROLE_WARM
                                               : WITNESS_ROLE_BACKUP;
        w->servers[i].role = is;
        if (was == WITNESS_ROLE_WARM && is != WITNESS_ROLE_WARM)
            cool(t, i);
        if (is == WITNESS_ROLE_WARM && was != WITNESS_ROLE_WARM)
            warm(t, i);
    }
}

static uint8_t find_hint(const struct witness *w, const struct key_hint *hint) {
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++)
        if (witness_is_server(w, i) && key_hint_equal(&w->servers[i].address.hint, hint))
            return i;
    return SERVER_NONE;
}

static uint8_t free_server(const struct witness *w) {
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++)
        if (!witness_is_server(w, i))
            return i;
    return SERVER_NONE;
}

/* A cluster has one place here, under whichever of its keys it was named first. */
static uint8_t find_cluster(const struct witness *w, const struct named_cluster *c) {
    uint8_t found = find_hint(w, &c->hint);
    for (uint8_t i = 0; found == SERVER_NONE && i < WITNESS_SERVERS_MAX; i++)
        if (witness_is_server(w, i) && name_equal(&w->servers[i].address.name, &c->name))
            found = i;
    return found;
}

/* Nothing of ours can be left there: a worker that has heard nothing for so long has forgotten us.
 */
static bool is_lost_to_us(const struct witness_server *s, struct instant now) {
    return witness_is_silent(s) && instant_is_never(s->standby_until) && s->epoch_asked == 0 &&
           !s->hedge.active && !s->hot_told &&
           (instant_is_never(s->path.heard) ||
            !duration_less(instant_since(now, s->path.heard), duration_ms(LOST_MS)));
}

/* A cluster keeps the door that we know until it does not answer there any more: behind another one
 * of its own nobody knows us, and there would be two of us. */
static void change_door(const struct turn *t, uint8_t server, const struct addr *media) {
    struct witness_server *s = &t->w->servers[server];
    if (addr_equal(&s->address.media, media) || server == t->w->serving ||
        server == t->w->attempt.server || server == t->w->filler.server ||
        !is_lost_to_us(s, t->now))
        return;
    s->address.media = *media;
    path_cookie_forget(&s->path);
    s->hello_at = t->now;
}

/* Nobody whom we wait for, who may stand by or believe that he serves; of the others one that does
 * not answer, else the last. */
static uint8_t place_to_spare(const struct witness *w, uint8_t listed) {
    uint8_t spare = SERVER_NONE;
    uint32_t most = 0;
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++) {
        const struct witness_server *s = &w->servers[i];
        uint32_t score = (uint32_t)witness_is_silent(s) << 8 | s->rank;
        if (!witness_is_server(w, i) || i == w->serving || i == w->attempt.server ||
            i == w->filler.server || s->hedge.active || s->epoch_asked > 0 || s->hot_told ||
            !instant_is_never(s->standby_until) || s->rank <= listed || score < most)
            continue;
        spare = i;
        most = score;
    }
    return spare;
}

static void put_backup(const struct turn *t, const struct named_cluster *c, uint8_t rank,
                       uint8_t listed) {
    struct witness *w = t->w;
    uint8_t i = find_cluster(w, c);
    if (i != SERVER_NONE) {
        change_door(t, i, &c->media);
        w->servers[i].rank = rank;
        return;
    }
    i = free_server(w);
    i = i != SERVER_NONE ? i : place_to_spare(w, listed);
    if (i != SERVER_NONE) /* else there is no place: the first ones are the best */
        witness_server_reset(w, i, &(struct witness_address){c->name, c->hint, c->media}, rank,
                             t->now);
}

/* Who is not in the list comes behind it, in the order of before: he is known to serve by our
 * ticket, and may be back when nobody else is there. */
void witness_backups_replace(const struct turn *t, const struct named_cluster *list,
                             uint8_t count) {
    struct witness *w = t->w;
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++)
        if (witness_is_server(w, i))
            w->servers[i].rank = (uint8_t)(count + 1 + w->servers[i].rank % WITNESS_RANKS);
    for (uint8_t i = 0; i < count; i++)
        put_backup(t, &list[i], (uint8_t)(i + 1), count);
    witness_assign_roles(t);
}

/* ---- sending ---- */

struct witness_out *witness_put(const struct turn *t, enum witness_out_kind kind, uint8_t server) {
    assert(t->out->count < WITNESS_OUT_MAX);
    struct witness_out *o = &t->out->items[t->out->count++];
    *o = (struct witness_out){.kind = kind, .server = server};
    return o;
}

/* Nonces come from the machine's own generator, seeded by entropy: only who sees the path sees
 * them. */
static uint64_t fresh_nonce(struct witness *w) {
    uint64_t nonce;
    do
        nonce = rng_u64(&w->rng);
    while (nonce == 0);
    return nonce;
}

void witness_send_hello(const struct turn *t, uint8_t server) {
    struct witness_server *s = &t->w->servers[server];
    struct witness_out *o = witness_put(t, WITNESS_SEND_HELLO, server);
    o->nonce = fresh_nonce(t->w);
    path_sent(&s->path, o->nonce, true, true, t->now);
    s->hello_at = instant_add(t->now, witness_hello_every(&t->w->config, s->role, s->rank));
}

void witness_send_look(const struct turn *t, uint8_t server) {
    struct witness_out *o = witness_put(t, WITNESS_SEND_HELLO, server);
    o->nonce = fresh_nonce(t->w);
    path_sent(&t->w->servers[server].path, o->nonce, false, true, t->now);
}

/* Not before an answer could be here. */
static struct duration repeat_report_after(const struct witness *w) {
    int64_t lease_us = (int64_t)w->lease_ms * 1000;
    bool is_short = lease_us > 0 && lease_us < LEASE_REPORTS * w->config.report.us;
    struct duration rtt = path_rtt(&w->servers[w->serving].path);
    if (w->unheard >= UNHEARD_MAX)
        return duration_ms(UNHEARD_MS);
    return is_short ? duration_max(duration_ms(UNHEARD_MS), duration_scale(rtt, 5, 4))
                    : w->config.report;
}

void witness_send_report(const struct turn *t) {
    struct witness *w = t->w;
    struct witness_server *s = &w->servers[w->serving];
    struct witness_out *o = witness_put(t, WITNESS_SEND_REPORT, w->serving);
    o->nonce = fresh_nonce(w);
    bool measured = s->path.rtt_smooth.us != DURATION_ENDLESS.us;
    o->u.report.epoch = w->epoch;
    o->u.report.counter = ++w->counter;
    o->u.report.last_frame = playout_last_contiguous(w->playout, t->now);
    o->u.report.rtt_us = measured ? (uint32_t)s->path.rtt_smooth.us : 0;
    o->u.report.lag_us = witness_lag_us(w);
    o->u.report.notice = w->notice;
    witness_tale_tell(w, &o->u.report.moved, w->counter);
    if (w->told_reports > 0 && w->told_by == w->serving && o->u.report.moved.epoch == 0) {
        o->u.report.backups = w->told;
        w->told_reports--;
    }
    w->reported[1] = w->reported[0];
    w->reported[0] = o->nonce;
    path_sent(&s->path, o->nonce, false, true, t->now);
    w->report_next = instant_add(t->now, w->config.report);
    w->report_at = instant_min(w->report_next, instant_add(t->now, repeat_report_after(w)));
    w->unheard += w->unheard < UINT8_MAX;
}

void witness_send_hot_report(const struct turn *t, uint8_t server, int32_t lag_us) {
    struct witness *w = t->w;
    struct witness_server *s = &w->servers[server];
    struct witness_out *o = witness_put(t, WITNESS_SEND_REPORT, server);
    o->nonce = fresh_nonce(w);
    o->u.report.epoch = w->hot.epoch;
    o->u.report.counter = ++w->counter;
    o->u.report.last_frame = playout_last_contiguous(w->playout, t->now);
    bool measured = s->path.rtt_smooth.us != DURATION_ENDLESS.us;
    o->u.report.rtt_us = measured ? (uint32_t)s->path.rtt_smooth.us : 0;
    o->u.report.lag_us = lag_us;
    path_sent(&s->path, o->nonce, false, true, t->now);
}

static struct witness_out *put_resume(const struct turn *t, uint8_t server,
                                      enum resume_purpose purpose, uint32_t epoch) {
    struct witness *w = t->w;
    struct witness_server *s = &w->servers[server];
    struct witness_out *o = witness_put(t, WITNESS_SEND_RESUME, server);
    o->nonce = fresh_nonce(w);
    path_sent(&s->path, o->nonce, false, false, t->now);
    o->u.resume.purpose = purpose;
    o->u.resume.epoch = epoch;
    o->u.resume.counter = ++w->counter;
    o->u.resume.cookie = s->path.cookie;
    if (witness_is_server(w, w->serving))
        o->u.resume.served_by = w->servers[w->serving].address.hint;
    return o;
}

void witness_send_plain(const struct turn *t, uint8_t server, enum resume_purpose purpose) {
    /* The newest epoch we ever used, lest a server that was once asked under it finds us stale. */
    struct witness_out *o = put_resume(t, server, purpose, t->w->epoch_high);
    o->u.resume.with_ticket =
        purpose == RESUME_STANDBY && instant_is_never(t->w->servers[server].standby_until);
}

/* What it sent before it heard what is said now is here by then. */
static struct instant heard_by(const struct turn *t, const struct witness_server *s) {
    return instant_add(t->now, duration_add(path_rtt(&s->path), duration_ms(RELEASE_MS)));
}

void witness_release(const struct turn *t, uint8_t server) {
    struct witness_server *s = &t->w->servers[server];
    witness_hot_over(t->w, server);
    s->standby_until = INSTANT_NEVER;
    s->hedge = WITNESS_HEDGE_NONE;
    s->cancel_until = t->now;
    s->release_at = heard_by(t, s);
    witness_send_plain(t, server, RESUME_RELEASE);
}

void witness_cancel(const struct turn *t, uint8_t server) {
    struct witness_server *s = &t->w->servers[server];
    s->release_at = heard_by(t, s);
    witness_send_plain(t, server, RESUME_CANCEL);
}

static uint16_t silent_ms(const struct witness *w, struct instant now) {
    if (!witness_is_server(w, w->serving))
        return 0;
    struct instant heard = w->servers[w->serving].path.heard;
    int64_t ms = instant_is_never(heard) ? 0 : duration_in_ms(instant_since(now, heard));
    return ms < 0 ? 0 : ms > UINT16_MAX ? UINT16_MAX : (uint16_t)ms;
}

void witness_send_wanted(const struct turn *t, uint8_t server, enum resume_purpose purpose,
                         uint32_t epoch, enum move_cause cause, uint64_t from, uint64_t live) {
    struct witness_out *o = put_resume(t, server, purpose, epoch);
    /* With the ticket always: it costs a signature check and saves a round trip if the server has
     * forgotten us, and this is the moment that counts. */
    o->u.resume.with_ticket = true;
    o->u.resume.from_frame = from;
    o->u.resume.live_frame = live;
    o->u.resume.hedge_ms =
        purpose == RESUME_HEDGE ? (uint16_t)duration_in_ms(t->w->config.hedge) : 0;
    o->u.resume.silent_ms = silent_ms(t->w, t->now);
    o->u.resume.cause = cause;
    /* Streams that cannot be merged are asked for whole. */
    if (t->w->config.mergeable)
        playout_held(t->w->playout, from, o->u.resume.held);
}

/* ---- upkeep ---- */

void witness_standby_granted(const struct turn *t, uint8_t server, uint32_t lease_ms) {
    struct witness_server *s = &t->w->servers[server];
    if (s->role != WITNESS_ROLE_WARM)
        return; /* it cooled meanwhile and has been released */
    if (instant_is_never(s->standby_until))
        trace_linef(t->out->trace, t->now, "%s stands by (round trip %lld ms)",
                    s->address.name.text, (long long)duration_in_ms(path_rtt(&s->path)));
    s->refusal = ERR_OK;
    s->not_before = instant_min(s->not_before, t->now); /* it has thought better of it */
    s->standby_until = instant_add(t->now, duration_ms(lease_ms));
    s->standby_at =
        instant_add(t->now, duration_max(duration_ms(lease_ms / 3), t->w->config.hello));
    if (witness_hot_may(t, server)) /* it was too early for that */
        s->standby_at = instant_add(t->now, duration_ms(HOT_SOON_MS));
}

/* Who would otherwise let go of it again and again, to ask this one whether it has changed its
 * mind, has nobody for two round trips each time. */
static bool another_may_stand_by(const struct turn *t, uint8_t server) {
    const struct witness *w = t->w;
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++)
        if (witness_is_server(w, i) && i != server && i != w->serving &&
            !witness_is_silent(&w->servers[i]) && !instant_before(t->now, w->servers[i].not_before))
            return true;
    return false;
}

void witness_server_refused(const struct turn *t, uint8_t server, const struct message_refuse *m) {
    struct witness_server *s = &t->w->servers[server];
    int64_t ms = m->retry_after_ms;
    if (ms == 0)
        ms = err_retryable(m->error)                                    ? REFUSED_MS
             : m->error == ERR_UNKNOWN_ISSUER || m->error == ERR_DENIED ? STRANGER_MS
                                                                        : REFUSED_FINAL_MS;
    /* A budget of hedges that is spent says nothing of a commit: hedges asked again and again would
     * keep the only server left from being asked. */
    if (m->purpose == RESUME_HEDGE && m->error == ERR_BUDGET) {
        s->no_hedge = instant_add(t->now, duration_ms(ms));
        return;
    }
    /* What it has forgotten, or what was overtaken, is asked anew at once with ticket and epoch. */
    if (m->error == ERR_UNKNOWN_SESSION || m->error == ERR_STALE || m->error == ERR_MOVED)
        ms = 0;
    else
        s->refusal = m->error;
    witness_hot_over(t->w, server);
    bool stands = m->purpose == RESUME_STANDBY || m->purpose == RESUME_HOT;
    s->stand_later = stands && m->error == ERR_NO_CREDIT && witness_may_be_asked(s, t->now);
    bool spared = stands && (m->error == ERR_NO_CREDIT || m->error == ERR_DRAINING) &&
                  ms < STAND_AGAIN_MS && another_may_stand_by(t, server);
    s->not_before = instant_add(t->now, duration_ms(spared ? STAND_AGAIN_MS : ms));
    if (m->error == ERR_BUSY)
        return; /* what is lodged there still is */
    s->standby_until = INSTANT_NEVER;
    if (s->role == WITNESS_ROLE_WARM)
        s->standby_at = instant_add(t->now, duration_max(duration_ms(ms), t->w->config.hello));
}

static bool wants_standby(const struct witness *w) {
    return !w->config.cold && w->epoch > 0 && w->state != WITNESS_ENDING &&
           w->state != WITNESS_ENDED;
}

static void keep_standby(const struct turn *t, uint8_t server) {
    struct witness_server *s = &t->w->servers[server];
    if (instant_reached(t->now, s->standby_until)) {
        witness_hot_over(t->w, server);
        s->standby_until = INSTANT_NEVER;
        s->standby_at = instant_min(s->standby_at, t->now);
    }
    if (s->role != WITNESS_ROLE_WARM || !wants_standby(t->w) || t->w->attempt.server == server ||
        !instant_reached(t->now, s->standby_at))
        return;
    if (path_has_cookie(&s->path, t->now) && !witness_hot_ask(t, server))
        witness_send_plain(t, server, RESUME_STANDBY);
    s->standby_at = instant_add(t->now, t->w->config.hello);
}

void witness_keep_paths(const struct turn *t) {
    struct witness *w = t->w;
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++) {
        if (!witness_is_server(w, i))
            continue;
        path_expire(&w->servers[i].path, t->now);
        if (instant_reached(t->now, w->servers[i].hello_at))
            witness_send_hello(t, i);
        keep_standby(t, i);
    }
    witness_assign_roles(t);
    if (witness_is_server(w, w->serving) && instant_reached(t->now, w->report_at))
        witness_send_report(t);
    witness_hot_keep(t);
    witness_keep_nacks(t);
    witness_keep_doubt(t);
}

struct instant witness_paths_deadline(const struct witness *w) {
    struct instant at = witness_is_server(w, w->serving) ? w->report_at : INSTANT_NEVER;
    at = instant_min(at, instant_min(witness_nacks_deadline(w), witness_hot_deadline(w)));
    at = instant_min(at, doubt_deadline(&w->doubt));
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++) {
        const struct witness_server *s = &w->servers[i];
        if (!witness_is_server(w, i))
            continue;
        at = instant_min(at, s->hello_at);
        if (s->role == WITNESS_ROLE_WARM && wants_standby(w) && w->attempt.server != i)
            at = instant_min(at, instant_min(s->standby_at, s->standby_until));
    }
    return at;
}
