#include "peerd/sim/invariants_private.h"

#include "peerd/sim/client.h"
#include "peerd/sim/sleep.h"

#include <inttypes.h>

/* Listeners: when they may turn away, from whom, and whom they tell. */

#define PINGPONG   3                /* by so much longer is who has moved too often waited for */
#define DEAF_AFTER 5                /* hellos without an answer: nobody is kept warm for that */
#define GIVEN_OUT  duration_ms(100) /* roles are, at every step */

struct watch_client *watch_client_of(const struct sim *sim, const struct sim_client *c) {
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

/* Epochs are given out one after the other: to whoever is asked, and once to fence whoever was. */
static void check_steps(struct sim *sim, const struct sim_client *c) {
    const struct witness *w = c->witness;
    struct watch_client *watch = watch_client_of(sim, c);
    uint32_t given = w->epoch_high - watch->epoch_high;
    bool asks = w->attempt.server != WITNESS_SERVER_NONE && w->attempt.epoch > watch->epoch_high;
    bool called_off = watch->asks && !(w->attempt.server != WITNESS_SERVER_NONE && !asks);
    if (given > 1U + (asks && called_off))
        sim_breach(sim, "%s leaves out epochs between %" PRIu32 " and %" PRIu32,
                   sim_client_name(sim, c).text, watch->epoch_high, w->epoch_high);
    watch->epoch_high = w->epoch_high;
    watch->asks = w->attempt.server != WITNESS_SERVER_NONE;
}

/* ---- 24: what it has asked for and called off ------------------------------------------------ */

/* 11: hedges come out of a budget. */
static void check_budget(struct sim *sim, const struct sim_client *c) {
    const struct witness *w = c->witness;
    uint64_t spent = w->stats.hedges + w->stats.extensions;
    uint32_t rate = w->config.hedges_per_minute;
    int64_t lives_us = instant_since(sim_client_now(sim, c), watch_client_of(sim, c)->since).us;
    if (spent > rate + rate * (uint64_t)lives_us / 60000000)
        sim_breach(sim,
                   "%s has asked for %" PRIu64 " hedges in %" PRId64 " ms, %" PRIu32
                   " a minute being allowed",
                   sim_client_name(sim, c).text, spent, lives_us / 1000, rate);
}

/* Once media comes again, whoever was hedging is told to stop. */
static void check_cancelled(struct sim *sim, const struct sim_client *c) {
    const struct witness *w = c->witness;
    struct watch_client *watch = watch_client_of(sim, c);
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
            (w->servers[i].stand_later ||
             !instant_before(sim_client_now(sim, c), w->servers[i].not_before)))
            return true;
    return false;
}

/* A server that lives is not left so soon after it was come to: not if it sends no media, and not
 * because somebody wishes it. */
static void check_dwell(struct sim *sim, const struct sim_client *c) {
    struct instant moved = watch_client_of(sim, c)->moved;
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
    const struct watch_client *watch = watch_client_of(sim, c);
    bool begins = w->state == WITNESS_COMMITTING && watch->state != WITNESS_COMMITTING &&
                  watch->state != WITNESS_MOVING && watch->state != WITNESS_OPENING;
    bool wished = w->state == WITNESS_MOVING && watch->state != WITNESS_MOVING;
    bool gains = w->attempt.cause == MOVE_CAUSE_DEGRADED || w->attempt.cause == MOVE_CAUSE_RETURN;
    if ((begins || wished) && gains && w->end_error == ERR_OK)
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
    struct watch_client *watch = watch_client_of(sim, c);
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
    if (!watch_client_of(sim, c)->asks || w->attempt.server != WITNESS_SERVER_NONE ||
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
    const struct watch_client *watch = watch_client_of(sim, c);
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
    struct watch_client *watch = watch_client_of(sim, c);
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
    struct watch_client *watch = watch_client_of(sim, c);
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
    struct watch_client *watch = watch_client_of(sim, c);
    for (; watch->moves_made < c->witness->stats.commits; watch->moves_made++)
        budget_spend(&watch->moves, sim_client_now(sim, c));
}

/* ---- after a step ---------------------------------------------------------------------------- */

void sim_invariants_client_opened(struct sim *sim, const struct sim_client *c) {
    *watch_client_of(sim, c) = (struct watch_client){.serving = UINT32_MAX,
                                                     .lodged = WITNESS_SERVER_NONE,
                                                     .framed_by = UINT32_MAX,
                                                     .lodged_until = INSTANT_NEVER,
                                                     .framed = INSTANT_NEVER,
                                                     .moved = INSTANT_NEVER,
                                                     .since = sim_client_now(sim, c)};
    watch_purse_filled(sim, c);
    budget_init(&watch_client_of(sim, c)->moves, c->witness->config.moves_per_minute,
                sim_client_now(sim, c));
}

void sim_invariants_client_woke(struct sim *sim, const struct sim_client *c) {
    struct watch_client *watch = watch_client_of(sim, c);
    watch->counter = c->witness->counter;
    watch->framed = c->witness->servers[c->witness->serving].media_at;
}

void sim_invariants_frame_arrived(struct sim *sim, const struct sim_client *c, uint32_t worker) {
    struct watch_client *watch = watch_client_of(sim, c);
    watch->framed_by = worker;
    if (worker == watch->serving)
        watch->framed = sim_client_now(sim, c);
}

void sim_invariants_client_stepped(struct sim *sim, struct sim_client *c) {
    bool follows = c->witness->epoch != c->epoch;
    check_epochs(sim, c);
    watch_sent(sim, c);
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
    watch_client_of(sim, c)->state = c->witness->state;
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
    watch_served(sim, c);
    check_warm(sim, c);
    watch_heard_again(sim, c);
}
