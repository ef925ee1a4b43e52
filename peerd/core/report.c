#include "peerd/core/report.h"

#include "peerd/core/agreements.h"
#include "peerd/core/moves.h"
#include "peerd/core/state.h"
#include "topo/location.h"

#include <assert.h>
#include <inttypes.h>

static bool state_of(enum resume_purpose purpose, enum session_state *state) {
    switch (purpose) {
    case RESUME_STANDBY:
        *state = SESSION_STATE_STANDBY;
        return true;
    case RESUME_HEDGE:
        *state = SESSION_STATE_HEDGING;
        return true;
    case RESUME_COMMIT:
        *state = SESSION_STATE_COMMITTED;
        return true;
    case RESUME_CANCEL: /* things a client says, not what a session is */
    case RESUME_RELEASE:
    case RESUME_HOT: /* a standby, as it is told */
        return false;
    }
    return false;
}

/* ---- the lease-holder ------------------------------------------------------------------------ */

/* Somebody else holds this session under an epoch at least as new. A full queue is no harm: the
 * claim comes again with the node's next full report. */
static void fence(struct core *core, struct node *n, const struct session_id *id) {
    struct order end = {.session = *id, .what = NODE_ORDER_END, .error = ERR_MOVED};
    core->counters.sessions_fenced++;
    (void)orders_push(&n->orders, &end);
}

/* True if the claim of node `n` is to replace what the record says. */
static bool wins(struct core *core, const struct session *s, struct node *n,
                 const struct node_session *told, enum session_state state) {
    bool known_serves = s->state == SESSION_STATE_COMMITTED;
    bool serves = state == SESSION_STATE_COMMITTED;
    if (s->node == n) {
        /* From the same node only an older epoch can be out of order. */
        if (s->state == SESSION_STATE_OPENED || told->epoch >= s->epoch)
            return true;
        core->counters.sessions_fenced++;
        return false;
    }
    if (!serves)
        return !known_serves && s->state != SESSION_STATE_OPENED && told->epoch > s->epoch;
    if (!known_serves) {
        if (told->epoch >= s->epoch)
            return true;
    } else if (told->epoch > s->epoch) {
        fence(core, s->node, &s->id);
        return true;
    }
    fence(core, n, &s->id);
    return false;
}

/* ---- one session ----------------------------------------------------------------------------- */

static void note_figures(struct core *core, struct session *s, const struct node_session *told) {
    s->renewed = core->now;
    core->sessions.hot = core->sessions.hot - s->hot + told->hot;
    s->hot = told->hot;
    s->client = told->client;
    s->expires_s = told->expires_s;
    s->last_frame = told->last_frame;
    s->expected = told->expected;
    s->lost_before = told->lost_before;
    s->lost_after = told->lost_after;
    s->rtt_us = told->rtt_us;
    s->jitter_us = told->jitter_us;
}

/* What the change means for a move, told before the record changes. */
static void leaving(struct core *core, struct session *s, enum session_state state) {
    if (s->state == SESSION_STATE_HEDGING && state == SESSION_STATE_STANDBY && s->move != NULL)
        testimony_taken_back(core, peering_by_name(core, &s->move->from), s);
    if (s->state == SESSION_STATE_COMMITTED && state != SESSION_STATE_COMMITTED) {
        counterpart_ended(core, s);
        moves_session_left(core, s);
    } else if (s->state == SESSION_STATE_HEDGING && state == SESSION_STATE_STANDBY) {
        moves_call_off(core, s, "its client hears media again, or its hedge was over");
    }
}

/* What a record was, in short; all zero for one that is new. */
struct before {
    bool serving;
    bool hedging;
    uint32_t epoch;
    enum protection held; /* if it stood by; else cold */
};

/* What it means for the one that its client has turned away from. */
static void testify(struct core *core, const struct session *s, const struct node_session *told,
                    const struct before *before) {
    struct peering *from = peering_by_hint(core, &told->served_by);
    bool missed = told->cause == MOVE_CAUSE_NONE || told->cause == MOVE_CAUSE_CRASHED;
    if (s->state == SESSION_STATE_HEDGING && !before->hedging && missed)
        testimony_given(core, from, s, false);
    else if (s->state == SESSION_STATE_COMMITTED && !before->serving && before->hedging)
        testimony_moved(core, from, s);
    else if (s->state == SESSION_STATE_COMMITTED && !before->serving &&
             told->cause == MOVE_CAUSE_CRASHED)
        testimony_given(core, from, s, true);
}

/* … and after. `quiet`: the node tells what it has; nothing of it happens now. */
static void arrived(struct core *core, struct session *s, const struct node_session *told,
                    const struct before *before, bool quiet) {
    if (quiet) {
        if (s->state == SESSION_STATE_COMMITTED && !before->serving)
            moves_call_off(core, s, "another node of ours serves it");
        return;
    }
    testify(core, s, told, before);
    if (s->state == SESSION_STATE_COMMITTED && !before->serving)
        moves_arrived(core, s, told, before->epoch, before->held);
    else if (s->state == SESSION_STATE_HEDGING && !before->hedging)
        moves_hedging(core, s, told, before->held);
}

static struct group_about about_of(const struct node_session *told) {
    return (struct group_about){.issuer = &told->issuer,
                                .service = &told->service,
                                .backups = told->backups,
                                .backup_count = told->backup_count,
                                .location = location_of(&told->client)};
}

/* The client has been told of other backups, or a worker knows no more that it was. */
static void note_backups(struct core *core, struct session *s, const struct node_session *told) {
    const struct group_about about = about_of(told);
    bool same = told->backup_count == s->group->key.backup_count;
    for (uint8_t i = 0; same && i < told->backup_count; i++) {
        struct name known = group_backup(core, s->group, i);
        same = name_equal(&known, &told->backups[i]);
    }
    if (!same)
        session_regroup(core, s, &about);
}

static struct session *add(struct core *core, struct node *n, const struct node_session *told,
                           enum session_state state) {
    struct session *s = NULL;
    struct session_birth birth = {.id = &told->session,
                                  .state = state,
                                  .epoch = told->epoch,
                                  .about = about_of(told),
                                  .node = n,
                                  .worker = told->worker,
                                  .profile = &told->profile,
                                  .source = &told->source};
    if (session_add(core, &birth, &s) != ERR_OK)
        core->counters.sessions_refused++;
    return s;
}

/* A peer's that was not agreed upon, or is more than was, when it comes (`known` NULL) or a standby
 * is to serve. The table is left as it is, so that the node names it again in full until the order
 * has reached it. What a node had before we started is nobody's fault. */
static bool is_welcome(struct core *core, struct node *n, const struct session *known,
                       const struct node_session *t, bool quiet) {
    struct order end = {.session = t->session, .what = NODE_ORDER_END};
    if (quiet || core->policy.agreement_count == 0 ||
        (known != NULL && (known->state != SESSION_STATE_STANDBY || t->purpose == RESUME_STANDBY)))
        return true;
    end.error = agreements_admit(core, t, known != NULL);
    if (end.error == ERR_OK)
        return true;
    core->counters.sessions_denied++;
    journal_refused(core->journal, JOURNAL_REFUSED_SESSION, end.error, core->now);
    (void)orders_push(&n->orders, &end);
    return false;
}

static enum protection held(const struct session *s) {
    if (s->state != SESSION_STATE_STANDBY)
        return PROTECTION_COLD;
    return s->hot ? PROTECTION_HOT : PROTECTION_WARM;
}

static void told(struct core *core, struct node *n, const struct node_session *t, bool quiet) {
    enum session_state state;
    if (!state_of(t->purpose, &state) || t->worker >= n->media_count ||
        (state == SESSION_STATE_COMMITTED && t->epoch == 0))
        return;
    struct session *s = session_find(core, &t->session);
    struct before before = {0};
    if (s == NULL) {
        if (!is_welcome(core, n, NULL, t, quiet))
            return;
        s = add(core, n, t, state);
        if (s == NULL)
            return;
    } else {
        if (s->node == n)
            s->mark = n->mark; /* it is there, under whatever epoch: no reason to sweep it */
        if (!is_welcome(core, n, s, t, quiet) || !wins(core, s, n, t, state))
            return;
        before = (struct before){s->state == SESSION_STATE_COMMITTED,
                                 s->state == SESSION_STATE_HEDGING, s->epoch, held(s)};
        leaving(core, s, state);
        session_set(core, s, state, t->epoch, n, t->worker);
        note_backups(core, s, t);
    }
    if (before.serving && s->state == SESSION_STATE_COMMITTED && before.epoch == t->epoch)
        fares_heard(core, s, t);
    note_figures(core, s, t);
    promises_told(core, s, t);
    s->mark = n->mark;
    if (s->state == SESSION_STATE_COMMITTED && !before.serving) {
        homing_came(core, s, t);
        s->found = quiet;
    }
    arrived(core, s, t, &before, quiet);
    if (t->moved.epoch != 0)
        (void)ledger_told(&core->ledger, &t->session, &t->moved);
}

/* ---- all of them ----------------------------------------------------------------------------- */

static void gone(struct core *core, struct session *s) {
    counterpart_ended(core, s);
    moves_session_left(core, s);
    session_remove(core, s);
}

static void ended(struct core *core, struct node *n, const struct session_id *id) {
    struct session *s = session_find(core, id);
    /* What was opened and not started was never at the node: the word is of an older life. */
    if (s != NULL && s->node == n && s->state != SESSION_STATE_OPENED)
        gone(core, s);
}

/* A full report names all there is: what carries an older mark is gone. */
static void sweep(struct core *core, struct node *n) {
    struct link *next;
    for (struct link *l = list_first(&n->sessions); l != NULL; l = next) {
        struct session *s = LIST_ELEMENT(l, struct session, at_node);
        next = list_after(&n->sessions, l);
        if (s->mark != n->mark && s->state != SESSION_STATE_OPENED)
            gone(core, s);
    }
}

static void ask_full(struct core *core, struct node *n) {
    if (!instant_is_never(n->full_asked) &&
        !instant_reached(core->now, instant_add(n->full_asked, NODE_FULL_AGAIN)) && n->complete)
        return;
    n->want_full = true;
    n->full_asked = core->now;
    core->counters.node_fulls_asked++;
}

void report_sessions(struct core *core, struct node *n, const struct node_request *r) {
    if (!r->full && !n->complete) {
        ask_full(core, n);
        return;
    }
    bool quiet = !n->complete;
    if (r->full)
        n->mark++;
    for (size_t i = 0; i < r->ended_count; i++)
        ended(core, n, &r->ended[i]);
    for (size_t i = 0; i < r->session_count; i++)
        told(core, n, &r->sessions[i], quiet);
    if (r->full) {
        sweep(core, n);
        n->complete = true;
    }
    if (!set_digest_equal(&n->digest, &r->sessions_digest))
        ask_full(core, n);
    fares_trips_heard(core, r);
    fares_judge(core);
    canary_judge(core);
}
