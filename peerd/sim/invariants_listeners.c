#include "peerd/sim/invariants_private.h"

#include "peerd/sim/client.h"
#include "peerd/sim/liar.h"
#include "peerd/sim/post.h"
#include "peerd/sim/sleep.h"

#include <inttypes.h>

/* Listeners: what they hear, what they ask, and when they may turn away. */

#define LOST_AFTER   duration_s(20)   /* the witness gives up after 10 s, and says so */
#define PINGPONG     3                /* by so much longer is who has moved too often waited for */
#define DEAF_AFTER   5                /* hellos without an answer: nobody is kept warm for that */
#define GIVEN_OUT    duration_ms(100) /* roles are, at every step */
#define SERVED_AFTER duration_s(5)    /* of being servable: clients ask twice a second */

static struct watch_client *watch_of(struct sim *sim, const struct sim_client *c) {
    return &sim->watch->clients[c->index];
}

static uint32_t worker_of(const struct sim *sim, const struct witness *w, uint8_t server) {
    return server == WITNESS_SERVER_NONE ? UINT32_MAX
                                         : sim_worker_at(sim, &w->servers[server].address.media);
}

/* ---- 22: epochs are the client's to give ----------------------------------------------------- */

static void check_epochs(struct sim *sim, struct sim_client *c) {
    const struct witness *w = c->witness;
    if (w->epoch < c->epoch || w->epoch_high < c->epoch_high || w->epoch > w->epoch_high)
        sim_breach(sim,
                   "epoch of %s went back from %" PRIu32 " (%" PRIu32 ") to %" PRIu32 " (%" PRIu32
                   ")",
                   sim_client_name(sim, c).text, c->epoch, c->epoch_high, w->epoch, w->epoch_high);
    if (w->epoch != c->epoch && w->servers[w->serving].epoch_asked != w->epoch)
        sim_breach(sim, "%s follows epoch %" PRIu32 " at a server that it asked under %" PRIu32,
                   sim_client_name(sim, c).text, w->epoch, w->servers[w->serving].epoch_asked);
    c->epoch = w->epoch;
    c->epoch_high = w->epoch_high;
}

/* Who has said for how long to keep away is not chosen before; whom a drain names is, and
 * whoever has taken us on after all. */
static void check_may_be_asked(struct sim *sim, const struct sim_client *c,
                               const struct witness_out *o) {
    const struct witness *w = c->witness;
    const struct witness_server *s = &w->servers[o->server];
    struct instant now = sim_client_now(sim, c);
    bool chosen = w->attempt.asked.us == now.us && w->attempt.epoch == o->u.resume.epoch &&
                  w->attempt.server == o->server && w->attempt.cause != MOVE_CAUSE_DRAIN &&
                  !w->attempt.returned;
    if (chosen && o->server != w->serving && instant_before(now, s->not_before))
        sim_breach(sim, "%s asks %s to serve, %" PRId64 " ms before it may",
                   sim_client_name(sim, c).text, s->address.name.text,
                   duration_in_ms(instant_since(s->not_before, now)));
}

/* Epochs are given out one after the other: to whoever is asked, and once to fence whoever was. */
static void check_steps(struct sim *sim, const struct sim_client *c) {
    const struct witness *w = c->witness;
    struct watch_client *watch = watch_of(sim, c);
    uint32_t given = w->epoch_high - watch->epoch_high;
    bool asks = w->attempt.server != WITNESS_SERVER_NONE && w->attempt.epoch > watch->epoch_high;
    bool called_off = watch->asks && !(w->attempt.server != WITNESS_SERVER_NONE && !asks);
    if (given > 1U + (asks && called_off))
        sim_breach(sim, "%s leaves out epochs between %" PRIu32 " and %" PRIu32,
                   sim_client_name(sim, c).text, watch->epoch_high, w->epoch_high);
    watch->epoch_high = w->epoch_high;
    watch->asks = w->attempt.server != WITNESS_SERVER_NONE;
}

/* Whoever is asked to take over gets an epoch that nobody else was asked under. */
static void check_commit(struct sim *sim, const struct sim_client *c, const struct witness_out *o) {
    const struct witness *w = c->witness;
    struct watch_client *watch = watch_of(sim, c);
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
    struct watch_client *watch = watch_of(sim, c);
    if (counter <= watch->counter)
        sim_breach(sim, "%s counts a message %" PRIu64 " after %" PRIu64,
                   sim_client_name(sim, c).text, counter, watch->counter);
    watch->counter = counter;
}

#define LATELY_MS 2000
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
    if (!commits && o->u.resume.epoch < watch_of(sim, c)->epoch_high)
        sim_breach(sim, "%s sends a %s under epoch %" PRIu32 ", having given out %" PRIu32,
                   sim_client_name(sim, c).text, resume_purpose_name(o->u.resume.purpose),
                   o->u.resume.epoch, watch_of(sim, c)->epoch_high);
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

static void check_sent(struct sim *sim, const struct sim_client *c) {
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

/* 11: hedges come out of a budget. */
static void check_budget(struct sim *sim, const struct sim_client *c) {
    const struct witness *w = c->witness;
    uint64_t spent = w->stats.hedges + w->stats.extensions;
    uint32_t rate = w->config.hedges_per_minute;
    int64_t lives_us = instant_since(sim_client_now(sim, c), watch_of(sim, c)->since).us;
    if (spent > rate + rate * (uint64_t)lives_us / 60000000)
        sim_breach(sim,
                   "%s has asked for %" PRIu64 " hedges in %" PRId64 " ms, %" PRIu32
                   " a minute being allowed",
                   sim_client_name(sim, c).text, spent, lives_us / 1000, rate);
}

bool watch_is_sent(const struct sim *sim, uint8_t server, enum resume_purpose purpose) {
    for (uint32_t i = 0; i < sim->witness_outbox.count; i++) {
        const struct witness_out *o = &sim->witness_outbox.items[i];
        if (o->kind == WITNESS_SEND_RESUME && o->server == server && o->u.resume.purpose == purpose)
            return true;
    }
    return false;
}

/* Once media comes again, whoever was hedging is told to stop. */
static void check_cancelled(struct sim *sim, const struct sim_client *c) {
    const struct witness *w = c->witness;
    struct watch_client *watch = watch_of(sim, c);
    bool again = watch->state == WITNESS_HEDGING && w->state == WITNESS_FOLLOWING &&
                 worker_of(sim, w, w->serving) == watch->serving;
    uint16_t before = watch->hedging;
    watch->hedging = 0;
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++) {
        const struct witness_server *s = &w->servers[i];
        bool hedges = s->role != WITNESS_ROLE_FREE && s->hedge.active && s->hedge.sends > 0;
        watch->hedging |= (uint16_t)(hedges << i); /* who is hot sends on */
        if (again && s->role != WITNESS_ROLE_FREE && (before >> i & 1) && !s->hedge.active &&
            path_has_cookie(&s->path, sim_client_now(sim, c)) &&
            !watch_is_sent(sim, i, RESUME_CANCEL))
            sim_breach(sim, "%s has media again and lets %s hedge on", sim_client_name(sim, c).text,
                       s->address.name.text);
    }
}

/* ---- 25: commit late ------------------------------------------------------------------------- */

/* True if another server could be asked just now. */
static bool has_other(const struct sim *sim, const struct sim_client *c) {
    const struct witness *w = c->witness;
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++)
        if (w->servers[i].role != WITNESS_ROLE_FREE && i != w->serving &&
            !instant_before(sim_client_now(sim, c), w->servers[i].not_before))
            return true;
    return false;
}

/* A server without media that lives is not left so soon after it was come to. */
static void check_dwell(struct sim *sim, const struct sim_client *c) {
    struct instant moved = watch_of(sim, c)->moved;
    if (instant_is_never(moved))
        return;
    struct duration stayed = instant_since(sim_client_now(sim, c), moved);
    if (duration_less(stayed, c->witness->config.dwell))
        sim_breach(sim, "%s leaves a server that lives, %" PRId64 " ms after it came",
                   sim_client_name(sim, c).text, duration_in_ms(stayed));
}

/* A server is given up as crashed only after its path was wholly silent. */
static void check_silence(struct sim *sim, const struct sim_client *c) {
    const struct witness *w = c->witness;
    const struct watch_client *watch = watch_of(sim, c);
    bool begins = w->state == WITNESS_COMMITTING && watch->state != WITNESS_COMMITTING &&
                  watch->state != WITNESS_MOVING && watch->state != WITNESS_OPENING;
    if (begins && w->attempt.cause == MOVE_CAUSE_DEGRADED && w->end_error == ERR_OK)
        check_dwell(sim, c);
    if (!begins || w->attempt.cause != MOVE_CAUSE_CRASHED)
        return;
    struct instant heard = watch->framed, word = w->servers[w->serving].path.heard;
    if (!instant_is_never(word))
        heard = instant_is_never(heard) ? word : instant_max(heard, word);
    if (instant_is_never(heard))
        return;
    struct duration silence = instant_since(sim_client_now(sim, c), heard);
    bool spent = budget_left(&watch->moves, sim_client_now(sim, c)) == 0;
    int64_t patience = spent ? PINGPONG : 1;
    if (w->attempt.server == w->serving) { /* to take up again */
        struct duration most = duration_scale(w->config.commit_max, patience, 1);
        if (!duration_less(silence, most) && has_other(sim, c))
            sim_breach(sim, "%s asks the server that is silent for %" PRId64 " ms, not another",
                       sim_client_name(sim, c).text, duration_in_ms(silence));
        return;
    }
    if (duration_less(silence, duration_scale(w->config.commit_min, patience, 1)))
        sim_breach(sim, "%s gives its server up as crashed, heard %" PRId64 " ms ago",
                   sim_client_name(sim, c).text, duration_in_ms(silence));
}

/* ---- 26: the old one is told ----------------------------------------------------------------- */

static void check_released(struct sim *sim, const struct sim_client *c, uint32_t left) {
    struct addr at = sim_worker_addr(sim, &sim->workers[left]);
    uint8_t server = witness_server_find(c->witness, &at);
    if (server != WITNESS_SERVER_NONE && !watch_is_sent(sim, server, RESUME_RELEASE))
        sim_breach(sim, "%s has left %s without a word", sim_client_name(sim, c).text,
                   watch_cluster(sim, sim->workers[left].cluster));
}

/* So is whoever has stood by and is not to any more: else its slot would be kept for a lease. Who
 * hedges just then may do so to the end, and who was asked to serve is told when somebody does. */
static void check_cooled(struct sim *sim, const struct sim_client *c) {
    const struct witness *w = c->witness;
    struct watch_client *watch = watch_of(sim, c);
    uint8_t was = watch->lodged;
    bool hedged = was != WITNESS_SERVER_NONE && (watch->hedging >> was & 1);
    bool lapsed = instant_reached(sim_client_now(sim, c), watch->lodged_until);
    watch->lodged = WITNESS_SERVER_NONE;
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++)
        if (w->servers[i].role == WITNESS_ROLE_WARM &&
            !instant_is_never(w->servers[i].standby_until)) {
            watch->lodged = i;
            watch->lodged_until = w->servers[i].standby_until;
        }
    bool refused = watch->refusals != (uint32_t)w->stats.refusals;
    watch->refusals = (uint32_t)w->stats.refusals;
    if (was == WITNESS_SERVER_NONE || was == watch->lodged || lapsed || refused || hedged ||
        was == w->serving || w->servers[was].epoch_asked > w->epoch ||
        w->servers[was].hedge.active || w->servers[was].role == WITNESS_ROLE_WARM ||
        w->state == WITNESS_ENDED)
        return;
    if (!watch_is_sent(sim, was, RESUME_RELEASE))
        sim_breach(sim, "%s counts on %s no more and lets it stand by",
                   sim_client_name(sim, c).text, w->servers[was].address.name.text);
}

/* And whoever was asked in vain, as soon as nobody is asked any more: all of them once somebody is
 * followed, else whoever was asked since. */
static void check_called_off(struct sim *sim, const struct sim_client *c, bool follows) {
    const struct witness *w = c->witness;
    if (!watch_of(sim, c)->asks || w->attempt.server != WITNESS_SERVER_NONE ||
        w->state != WITNESS_FOLLOWING)
        return;
    uint32_t since = follows ? 0 : w->epoch;
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++)
        if (w->servers[i].role != WITNESS_ROLE_FREE && i != w->serving &&
            w->servers[i].epoch_asked > since && !watch_is_sent(sim, i, RESUME_RELEASE))
            sim_breach(sim, "%s asks nobody to serve any more and does not tell %s",
                       sim_client_name(sim, c).text, w->servers[i].address.name.text);
}

/* Whoever stands by when the session ends, too: nobody else is going to tell it. */
static void check_all_released(struct sim *sim, const struct sim_client *c) {
    const struct witness *w = c->witness;
    const struct watch_client *watch = watch_of(sim, c);
    uint8_t i = watch->lodged;
    struct instant now = sim_client_now(sim, c);
    if (w->state != WITNESS_ENDED || watch->state == WITNESS_ENDED || i == WITNESS_SERVER_NONE ||
        instant_reached(now, watch->lodged_until) || w->servers[i].role == WITNESS_ROLE_FREE ||
        watch->refusals != (uint32_t)w->stats.refusals) /* it has just said that it knows nothing */
        return;
    if (path_has_cookie(&w->servers[i].path, now) && !watch_is_sent(sim, i, RESUME_RELEASE))
        sim_breach(sim, "%s ends its session and lets %s stand by", sim_client_name(sim, c).text,
                   w->servers[i].address.name.text);
}

/* Whoever sends although nobody wants it has not heard that, and is told again. */
static void check_uninvited(struct sim *sim, const struct sim_client *c) {
    const struct witness *w = c->witness;
    struct watch_client *watch = watch_of(sim, c);
    uint32_t from = watch->framed_by;
    watch->framed_by = UINT32_MAX;
    if (from == UINT32_MAX || watch->asks || w->attempt.server != WITNESS_SERVER_NONE ||
        w->epoch == 0 || w->state == WITNESS_OPENING || w->state == WITNESS_ENDED)
        return;
    struct addr at = sim_worker_addr(sim, &sim->workers[from]);
    uint8_t server = witness_server_find(w, &at);
    if (server == WITNESS_SERVER_NONE || server == w->serving || (watch->hedging >> server & 1))
        return;
    const struct witness_server *s = &w->servers[server];
    struct instant now = sim_client_now(sim, c);
    bool hot = s->hot_told && s->role == WITNESS_ROLE_WARM;
    bool told = s->epoch_asked > 0 || s->hot_told || instant_before(now, s->cancel_until);
    if (told && !hot && !s->hedge.active && !instant_before(now, s->release_at))
        sim_breach(sim, "%s lets %s send on, which nobody has asked to",
                   sim_client_name(sim, c).text, s->address.name.text);
}

static void note_serving(struct sim *sim, const struct sim_client *c) {
    struct watch_client *watch = watch_of(sim, c);
    uint32_t serving = worker_of(sim, c->witness, c->witness->serving);
    if (serving == watch->serving)
        return;
    if (watch->serving != UINT32_MAX && serving != UINT32_MAX) {
        check_released(sim, c, watch->serving);
        watch->moved = sim_client_now(sim, c);
    }
    watch->serving = serving;
    watch->framed = INSTANT_NEVER;
}

static void note_moves(struct sim *sim, const struct sim_client *c) {
    struct watch_client *watch = watch_of(sim, c);
    for (; watch->moves_made < c->witness->stats.commits; watch->moves_made++)
        budget_spend(&watch->moves, sim_client_now(sim, c));
}

/* ---- after a step ---------------------------------------------------------------------------- */

void sim_invariants_client_opened(struct sim *sim, const struct sim_client *c) {
    *watch_of(sim, c) = (struct watch_client){.serving = UINT32_MAX,
                                              .lodged = WITNESS_SERVER_NONE,
                                              .framed_by = UINT32_MAX,
                                              .lodged_until = INSTANT_NEVER,
                                              .framed = INSTANT_NEVER,
                                              .moved = INSTANT_NEVER,
                                              .since = sim_client_now(sim, c)};
    watch_purse_filled(sim, c);
    budget_init(&watch_of(sim, c)->moves, c->witness->config.moves_per_minute,
                sim_client_now(sim, c));
}

void sim_invariants_client_woke(struct sim *sim, const struct sim_client *c) {
    struct watch_client *watch = watch_of(sim, c);
    watch->counter = c->witness->counter;
    watch->framed = c->witness->servers[c->witness->serving].media_at;
}

void sim_invariants_frame_arrived(struct sim *sim, const struct sim_client *c, uint32_t worker) {
    struct watch_client *watch = watch_of(sim, c);
    watch->framed_by = worker;
    if (worker == watch->serving)
        watch->framed = sim_client_now(sim, c);
}

void sim_invariants_client_stepped(struct sim *sim, struct sim_client *c) {
    bool follows = c->witness->epoch != c->epoch;
    check_epochs(sim, c);
    check_sent(sim, c);
    check_budget(sim, c);
    watch_purse(sim, c);
    check_silence(sim, c);
    check_called_off(sim, c, follows);
    check_all_released(sim, c);
    watch_word(sim, c);
    check_uninvited(sim, c);
    check_steps(sim, c);
    check_cooled(sim, c);
    check_cancelled(sim, c);
    note_serving(sim, c);
    note_moves(sim, c);
    watch_waits(sim, c);
    watch_of(sim, c)->state = c->witness->state;
}

void sim_invariants_moved(struct sim *sim, const struct sim_client *c,
                          const struct witness_move *m) {
    if (m->detect_ms < 0 || m->gap_ms < 0 || m->first_frame_ms < -1)
        sim_breach(sim,
                   "%s tells of a move from %s to %s noticed in %" PRId64
                   " ms, first frame after %" PRId64 " ms, gap %" PRId64 " ms",
                   sim_client_name(sim, c).text, m->from.text, m->to.text, m->detect_ms,
                   m->first_frame_ms, m->gap_ms);
}

/* ---- 5, 6: listeners ------------------------------------------------------------------------- */

static void check_playout(struct sim *sim, const struct sim_client *c) {
    const struct playout *p = c->playout;
    uint64_t expected = 0;
    struct instant now = sim_client_now(sim, c);
    if (!instant_is_never(c->anchor) && !instant_before(now, c->anchor))
        expected = (uint64_t)(instant_since(now, c->anchor).us / p->config.frame.us) + 1;
    if (expected > p->end)
        expected = p->end;
    if (p->stats.expected != expected || p->stats.played + p->stats.lost != expected)
        sim_breach(sim,
                   "%s expected %" PRIu64 " frames by the clock, its buffer %" PRIu64 ": %" PRIu64
                   " played, %" PRIu64 " lost",
                   sim_client_name(sim, c).text, expected, p->stats.expected, p->stats.played,
                   p->stats.lost);
}

/* True if most packets arrive: a question and its answer are four of them. */
static bool passes(const struct sim *sim, uint32_t from, uint32_t to) {
    if (!sim_network_open(&sim->network, from, to))
        return false;
    struct path_quality q = sim_network_quality(&sim->network, from, to);
    return q.loss_ppm < 500000 && q.bursts.enter_ppm <= q.bursts.leave_ppm;
}

/* True if a link is too narrow for all the listeners of the group, who share it; what they ask, and
 * ask again, is half as much. */
static bool is_narrow(const struct sim *sim, const struct sim_client *c, uint32_t from,
                      uint32_t to) {
    int64_t bits = 8 * (SIM_RTP_BYTES + sim->streams[c->group].frame_bytes) * 1000 / FRAME_MS;
    int64_t all = bits * sim->scenario->clients[c->group].count * 3 / 2;
    struct path_quality q = sim_network_quality(&sim->network, from, to);
    return q.rate_bps > 0 && (int64_t)q.rate_bps < all;
}

/* True if the server could take the listener on right now. */
static bool could_serve(const struct sim *sim, const struct sim_client *c, uint8_t server) {
    uint32_t at = sim_worker_at(sim, &c->witness->servers[server].address.media);
    const struct sim_worker *w = &sim->workers[at];
    const struct sim_node *node = &sim->nodes[w->node];
    uint32_t end = sim_network_group(&sim->network, c->group);
    if (sim->sites[w->cluster].at_start != NULL)
        return false; /* its policy may not know the issuer, or may not have known it a minute ago
                       */
    if (sim->sites[w->cluster].discovery != NULL && c->ticket.issuer != w->cluster &&
        !node->told_alive[c->ticket.issuer])
        return false; /* its peerd has not found the issuer, or has not said so yet */
    if (c->witness->servers[server].role == WITNESS_ROLE_FREE ||
        w->process.life != SIM_LIFE_RUNNING || node->process.life != SIM_LIFE_RUNNING ||
        !node->briefed || !passes(sim, end, w->cluster) || !passes(sim, w->cluster, end) ||
        is_narrow(sim, c, end, w->cluster) || is_narrow(sim, c, w->cluster, end))
        return false;
    if (wall_after(sim_wall(sim, &node->clock), c->ticket.expires_s,
                   sim->scenario->limits.clock_skew))
        return false; /* by its clock the ticket has expired */
    uint32_t slot = tenure_find(&w->tenure, &c->ticket.session);
    bool held = slot != TENURE_SLOT_NONE && tenure_session_at(&w->tenure, slot) != NULL;
    if (!watch_lets_in(sim, w, c, server, slot, held))
        return false;
    return !w->tenure.draining && (held || watch_finds_slot(sim, w, c));
}

static void note_who_could(struct sim *sim, struct sim_client *c) {
    bool any = false;
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX && !any; i++)
        any = c->witness->servers[i].role != WITNESS_ROLE_FREE && could_serve(sim, c, i);
    if (!any)
        c->servable = INSTANT_NEVER;
    else if (instant_is_never(c->servable))
        c->servable = sim->now;
}

/* A source that has ended is served by nobody, and one whose end has been told neither. */
static bool wants_media(const struct sim_client *c) {
    return c->state == SIM_CLIENT_OPEN && c->witness->state != WITNESS_ENDING;
}

static void check_served(struct sim *sim, struct sim_client *c) {
    struct duration silent = instant_since(sim->now, c->heard);
    note_who_could(sim, c);
    if (duration_less(LOST_AFTER, silent) && !sim_liar_is(sim, c))
        sim_breach(sim, "%s has heard nothing for %" PRId64 " ms and was told nothing (%s)",
                   sim_client_name(sim, c).text, duration_in_ms(silent),
                   witness_state_name(c->witness->state));
    if (!wants_media(c) || instant_is_never(c->servable) || sim_liar_is(sim, c))
        return;
    struct duration servable = instant_since(sim->now, c->servable);
    if (duration_less(SERVED_AFTER, silent) && duration_less(SERVED_AFTER, servable))
        sim_breach(sim,
                   "%s hears nothing for %" PRId64 " ms although it could be served for %" PRId64
                   " ms (%s)",
                   sim_client_name(sim, c).text, duration_in_ms(silent), duration_in_ms(servable),
                   witness_state_name(c->witness->state));
}

/* A backup that is deaf is not kept warm while another one answers. */
static void check_warm(struct sim *sim, const struct sim_client *c) {
    const struct witness *w = c->witness;
    const struct witness_server *warm = NULL;
    bool other = false;
    for (uint8_t i = 0; i < WITNESS_SERVERS_MAX; i++) {
        const struct witness_server *s = &w->servers[i];
        if (s->role == WITNESS_ROLE_WARM)
            warm = s;
        other |= s->role == WITNESS_ROLE_BACKUP && s->path.hellos_missed == 0 &&
                 s->path.hellos_answered > 0;
    }
    if (warm == NULL || !other)
        return;
    /* What is asked of it last may push out questions that are counted as missed: that shows when
     * the roles are given out the next time. */
    struct instant asked = instant_sub(warm->hello_at, w->config.hello);
    bool looked = duration_less(GIVEN_OUT, instant_since(sim_client_now(sim, c), asked));
    if (looked && warm->path.hellos_missed >= DEAF_AFTER)
        sim_breach(sim, "%s keeps %s warm, which is deaf, and another backup answers",
                   sim_client_name(sim, c).text, warm->address.name.text);
}

void watch_listener(struct sim *sim, struct sim_client *c) {
    if (c->state != SIM_CLIENT_OPEN)
        return;
    if (c->nap != NULL) {
        if (sim_sleep_is_disturbed(sim, c))
            sim_breach(sim, "%s sleeps on although it was disturbed", sim_client_name(sim, c).text);
        return;
    }
    sim_client_play(sim, c);
    witness_check_invariants(c->witness);
    playout_check_invariants(c->playout);
    check_playout(sim, c);
    watch_holders(sim, c);
    check_served(sim, c);
    check_warm(sim, c);
    watch_heard_again(sim, c);
}
