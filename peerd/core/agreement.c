/*
 *                         wished                       it fits
 *            IDLE ----------------------> OFFERING --------------> HOLDING
 *             ^                            ^  |  ^                  |   ^
 *             |                    again   |  |  |    lease over,   |   | lease of
 *             | it has heard,              |  |  |    another run   |   | what it holds
 *             | or lease over              |  v  +------------------+   | is over, or it
 *            ENDING <--- not wished --- REFUSED                     |   | holds no more
 *             ^                            ^ it does not fit, or    |   |
 *             |                            | the other ends it      v   |
 *             +------- not wished ---------+---------------------- AGREED
 *
 * REFUSED becomes HOLDING, too, when the other offers what fits. ENDING becomes OFFERING if it is
 * wished after all.
 */
#include "peerd/core/agreement_inner.h"

#include <assert.h>
#include <string.h>

static const char *const state_words[] = {"idle",   "offering", "holding",
                                          "agreed", "refused",  "ending"};

const char *agreement_state_word(enum agreement_state state) {
    return state_words[state];
}

/* ---- states ---------------------------------------------------------------------------------- */

static bool legal(enum agreement_state from, enum agreement_state to) {
    enum {
        IDLE = 1,
        OFFERING = 2,
        HOLDING = 4,
        AGREED = 8,
        REFUSED = 16,
        ENDING = 32
    };
    static const uint8_t ways[] = {
        [AGREEMENT_STATE_IDLE] = OFFERING,
        [AGREEMENT_STATE_OFFERING] = HOLDING | REFUSED | ENDING | IDLE,
        [AGREEMENT_STATE_HOLDING] = AGREED | OFFERING | REFUSED | ENDING | IDLE,
        [AGREEMENT_STATE_AGREED] = HOLDING | OFFERING | REFUSED | ENDING | IDLE,
        [AGREEMENT_STATE_REFUSED] = OFFERING | HOLDING | ENDING | IDLE,
        [AGREEMENT_STATE_ENDING] = OFFERING | IDLE,
    };
    return (ways[from] >> to & 1) != 0;
}

/* What we would say is another thing now: the other should hear it. */
static void news(struct agreement *a, struct instant now) {
    struct instant at =
        instant_is_never(a->said_at) ? now : instant_add(a->said_at, AGREEMENT_SOON);
    a->news_seq = a->next_seq;
    a->retry = AGREEMENT_RETRY;
    a->say_at = instant_min(a->say_at, instant_max(at, now));
}

static void rely_on_nothing(struct agreement *a) {
    a->relied = 0;
    a->relied_until = INSTANT_NEVER;
}

static void trace_state(struct agreement *a, enum agreement_state to, struct instant now) {
    const char *from = state_words[a->state];
    if (to == AGREEMENT_STATE_AGREED)
        trace_linef(a->trace, now, "%s > %s agreement %s -> agreed (%u slots here, %u there)",
                    a->self.text, a->peer.text, from, agreement_fitting(a), a->relied);
    else if (to == AGREEMENT_STATE_REFUSED)
        trace_linef(a->trace, now, "%s > %s agreement %s -> refused (%s, says %s)", a->self.text,
                    a->peer.text, from, agreement_why_word(a->why),
                    a->ended_by_peer ? a->peer.text : a->self.text);
    else
        trace_linef(a->trace, now, "%s > %s agreement %s -> %s", a->self.text, a->peer.text, from,
                    state_words[to]);
}

static void set_state(struct agreement *a, enum agreement_state state, struct instant now) {
    if (a->state == state)
        return;
    assert(legal(a->state, state));
    trace_state(a, state, now);
    a->state = state;
    a->again_at = INSTANT_NEVER;
    if (state != AGREEMENT_STATE_AGREED)
        rely_on_nothing(a);
    if (state == AGREEMENT_STATE_REFUSED) {
        a->again_at = instant_add(now, agreement_jittered(a, a->again));
        a->again = duration_min(duration_scale(a->again, 2, 1), AGREEMENT_AGAIN_MAX);
    }
    if (state == AGREEMENT_STATE_AGREED)
        a->again = AGREEMENT_AGAIN;
    if (state == AGREEMENT_STATE_IDLE) {
        agreement_release(a);
        a->say_at = INSTANT_NEVER;
    } else if (state != AGREEMENT_STATE_AGREED) { /* which is not said otherwise than "holding" */
        news(a, now);
    }
}

static void refuse(struct agreement *a, enum agreement_why why, bool by_peer, struct instant now) {
    a->why = why;
    a->ended_by_peer = by_peer;
    if (!by_peer && a->state != AGREEMENT_STATE_REFUSED)
        a->counters.refused++;
    set_state(a, AGREEMENT_STATE_REFUSED, now);
}

/* The two offers as they are now: may it be, and can we hold enough? */
static enum agreement_why judge(struct agreement *a) {
    enum agreement_why why = agreement_terms_of(&a->terms, &a->mine, &a->theirs);
    if (why == AGREEMENT_WHY_NONE && agreement_fitting(a) < a->theirs.asks.slots_min)
        why = AGREEMENT_WHY_SLOTS;
    return why;
}

/* ---- hearing --------------------------------------------------------------------------------- */

/* Another run has begun: it knows nothing of what was. */
static void forget_peer(struct agreement *a, const struct agreement_message *m,
                        struct instant now) {
    if (a->peer_run != 0)
        trace_linef(a->trace, now, "%s > %s agreement: it was started anew", a->self.text,
                    a->peer.text);
    agreement_release(a);
    rely_on_nothing(a);
    a->peer_run = m->run;
    a->peer_seq = 0;
    a->told_seq = 0;
    a->stranger_run = 0;
    a->run_seq = a->next_seq;
    a->offered = false;
    if (a->state == AGREEMENT_STATE_HOLDING || a->state == AGREEMENT_STATE_AGREED)
        set_state(a, AGREEMENT_STATE_OFFERING, now);
    if (a->state == AGREEMENT_STATE_ENDING)
        set_state(a, AGREEMENT_STATE_IDLE, now);
}

static bool is_fresh(const struct agreement *a, const struct agreement_message *m) {
    return m->heard_run == a->run && m->heard_seq >= a->run_seq;
}

/* Who is not who it should be, or makes things up, gets no answer. */
static bool is_answered(const struct agreement *a, const struct agreement_message *m) {
    return name_equal(&m->cluster, &a->peer) &&
           (m->heard_run != a->run || m->heard_seq < a->next_seq);
}

/* The first time, the second, the fourth …: whoever goes on and on does not fill the log. */
static bool is_told(uint64_t times) {
    return (times & (times - 1)) == 0;
}

/* False if nothing follows from it. */
static bool is_taken(struct agreement *a, const struct agreement_message *m, struct instant now) {
    if (!name_equal(&m->cluster, &a->peer)) {
        if (is_told(++a->counters.foreign))
            trace_linef(a->trace, now, "%s > %s agreement: refused, it calls itself %s",
                        a->self.text, a->peer.text, m->cluster.text);
        return false;
    }
    if (m->heard_run == a->run && m->heard_seq >= a->next_seq) {
        if (is_told(++a->counters.impossible))
            trace_linef(a->trace, now, "%s > %s agreement: refused, it answers what was never said",
                        a->self.text, a->peer.text);
        return false;
    }
    if (m->run == a->peer_run && m->seq <= a->peer_seq) {
        a->counters.stale++;
        return false;
    }
    if (m->run != a->peer_run && !is_fresh(a, m)) {
        a->counters.unconfirmed++;
        a->stranger_run = m->run;
        a->stranger_seq = m->seq;
        if (a->state != AGREEMENT_STATE_IDLE)
            news(a, now); /* it has to hear something to show that it is alive */
        return false;
    }
    return true;
}

static void learn(struct agreement *a, const struct agreement_message *m, struct instant now) {
    if (m->run != a->peer_run)
        forget_peer(a, m, now);
    a->peer_seq = m->seq;
    a->theirs = m->offer;
    a->offered = true;
    a->lease_ms = a->lease_ms_wish;
    if (m->heard_run == a->run && m->heard_seq > a->told_seq)
        a->told_seq = m->heard_seq;
    if (m->kind == AGREEMENT_KIND_END)
        agreement_release(a); /* it relies on nothing of ours */
    else
        agreement_hold_what_was_said(a);
}

/* It held slots for us, and now, in the same run, says that it holds none: policies change, but who
 * does so again and again would have our sessions' backups chosen anew each time. After a few such
 * falls nothing that it says is relied upon for a while, which doubles; what we hold for it we
 * hold.
 */
static void fell(struct agreement *a, struct instant now) {
    struct instant over = instant_is_never(a->damped_until) ? a->fell_at : a->damped_until;
    if (!instant_is_never(over) && !duration_less(instant_since(now, over), AGREEMENT_FALL_AGE))
        a->falls = 0;
    a->fell_at = now;
    a->counters.fallen++;
    if (++a->falls < AGREEMENT_FALLS)
        return;
    struct duration wait = AGREEMENT_AGAIN;
    for (uint32_t i = AGREEMENT_FALLS; i < a->falls && duration_less(wait, AGREEMENT_AGAIN_MAX);
         i++)
        wait = duration_min(duration_scale(wait, 2, 1), AGREEMENT_AGAIN_MAX);
    a->damped_until = instant_add(now, wait);
    trace_linef(a->trace, now, "%s > %s agreement: damped for %lld s, it was taken back %u times",
                a->self.text, a->peer.text, (long long)(wait.us / 1000000), (unsigned)a->falls);
}

static bool is_damped(const struct agreement *a, struct instant now) {
    return !instant_is_never(a->damped_until) && instant_before(now, a->damped_until);
}

/* It holds slots for us, and says since when. True if we may rely on them. */
static bool rely(struct agreement *a, const struct agreement_message *m, struct instant now) {
    const struct agreement_said *s =
        m->heard_run == a->run ? agreement_said_find(a, m->heard_seq) : NULL;
    if (m->kind != AGREEMENT_KIND_ACCEPT || s == NULL || s->seq < a->void_before ||
        is_damped(a, now))
        return false;
    uint32_t lease_ms = s->lease_ms < m->lease_ms ? s->lease_ms : m->lease_ms;
    struct duration lease = duration_ms(lease_ms);
    lease = duration_sub(lease, duration_scale(lease, 1, AGREEMENT_DRIFT));
    struct instant until = instant_add(s->at, lease);
    if (instant_reached(now, until))
        return false;
    uint32_t most = a->terms.ours.slots;
    if (m->slots > most && s->version == a->version) {
        if (is_told(++a->counters.overstated))
            trace_linef(a->trace, now, "%s > %s agreement: it promises %u, agreed are %u",
                        a->self.text, a->peer.text, m->slots, most);
    }
    a->relied = m->slots < most ? m->slots : most;
    a->relied_until = until;
    return true;
}

static void extend(struct agreement *a, struct instant until) {
    a->lease_until = instant_is_never(a->lease_until) ? until : instant_max(a->lease_until, until);
}

/* Its offer fits ours. What we hold we hold from now on. */
static void heard_fitting(struct agreement *a, const struct agreement_message *m,
                          struct instant now) {
    uint32_t lease_ms = a->lease_ms < m->lease_ms ? a->lease_ms : m->lease_ms;
    bool before = a->state == AGREEMENT_STATE_AGREED;
    extend(a, instant_add(now, duration_ms(lease_ms)));
    if (!before)
        set_state(a, AGREEMENT_STATE_HOLDING, now);
    rely_on_nothing(a);
    bool agreed = rely(a, m, now);
    const struct agreement_said *s = agreed ? agreement_said_find(a, m->heard_seq) : NULL;
    if (agreed && s->version == a->version && a->relied < a->mine.asks.slots_min)
        refuse(a, AGREEMENT_WHY_SLOTS, false, now);
    else if (agreed)
        set_state(a, AGREEMENT_STATE_AGREED, now);
    else if (before)
        set_state(a, AGREEMENT_STATE_HOLDING, now);
}

static void heard(struct agreement *a, const struct agreement_message *m, struct instant now) {
    uint32_t relied = m->run == a->peer_run ? a->relied : 0;
    learn(a, m, now);
    enum agreement_why why = judge(a);
    switch (a->state) {
    case AGREEMENT_STATE_IDLE:
        break;
    case AGREEMENT_STATE_OFFERING:
    case AGREEMENT_STATE_HOLDING:
    case AGREEMENT_STATE_AGREED:
    case AGREEMENT_STATE_REFUSED:
        if (m->kind == AGREEMENT_KIND_END)
            refuse(a, m->why, true, now);
        else if (why != AGREEMENT_WHY_NONE)
            refuse(a, why, false, now);
        else
            heard_fitting(a, m, now);
        break;
    case AGREEMENT_STATE_ENDING:
        if (a->told_seq >= a->news_seq || m->kind == AGREEMENT_KIND_END)
            set_state(a, AGREEMENT_STATE_IDLE, now);
        break;
    }
    if (relied > 0 && a->relied == 0)
        fell(a, now);
}

/* ---- policy and time ------------------------------------------------------------------------- */

static void wished(struct agreement *a, const struct agreement_event *event) {
    struct instant now = event->now;
    if (!event->wished) {
        if (a->peer_run == 0 && a->state != AGREEMENT_STATE_IDLE) {
            set_state(a, AGREEMENT_STATE_IDLE, now); /* nobody has ever heard of it */
        } else if (a->state != AGREEMENT_STATE_IDLE && a->state != AGREEMENT_STATE_ENDING) {
            set_state(a, AGREEMENT_STATE_ENDING, now);
            extend(a, instant_add(now, duration_ms(a->lease_ms)));
        }
        return;
    }
    a->mine = *event->offer;
    a->version++;
    a->lease_ms_wish = (uint32_t)duration_in_ms(event->lease);
    assert(a->lease_ms_wish >= AGREEMENT_LEASE_MS_MIN &&
           a->lease_ms_wish <= AGREEMENT_LEASE_MS_MAX);
    if (a->peer_run == 0)
        a->lease_ms = a->lease_ms_wish;
    a->again = AGREEMENT_AGAIN;
    a->falls = 0; /* perhaps it was we to whom it said no */
    a->fell_at = a->damped_until = INSTANT_NEVER;
    switch (a->state) {
    case AGREEMENT_STATE_IDLE:
    case AGREEMENT_STATE_REFUSED:
    case AGREEMENT_STATE_ENDING:
        set_state(a, AGREEMENT_STATE_OFFERING, now);
        break;
    case AGREEMENT_STATE_OFFERING:
    case AGREEMENT_STATE_HOLDING:
    case AGREEMENT_STATE_AGREED:
        news(a, now);
        break;
    }
}

/* Leases end; what was refused is tried anew; there may be less room than there was. */
static void passed(struct agreement *a, struct instant now) {
    bool over = instant_reached(now, a->lease_until);
    if (over)
        agreement_release(a);
    switch (a->state) {
    case AGREEMENT_STATE_IDLE:
    case AGREEMENT_STATE_OFFERING:
        break;
    case AGREEMENT_STATE_HOLDING:
    case AGREEMENT_STATE_AGREED: {
        enum agreement_why why = judge(a);
        if (over)
            set_state(a, AGREEMENT_STATE_OFFERING, now);
        else if (why != AGREEMENT_WHY_NONE)
            refuse(a, why, false, now);
        else if (instant_reached(now, a->relied_until))
            set_state(a, AGREEMENT_STATE_HOLDING, now);
        else if (a->relied > a->terms.ours.slots) /* we ask for less than we did */
            a->relied = a->terms.ours.slots;
        break;
    }
    case AGREEMENT_STATE_REFUSED:
        if (instant_reached(now, a->again_at))
            set_state(a, AGREEMENT_STATE_OFFERING, now);
        break;
    case AGREEMENT_STATE_ENDING:
        if (over)
            set_state(a, AGREEMENT_STATE_IDLE, now);
        break;
    }
}

/* ---- the machine ----------------------------------------------------------------------------- */

void agreement_init(struct agreement *a, const struct agreement_setup *setup) {
    assert(setup->run != 0 && setup->room != NULL);
    memset(a, 0, sizeof(*a));
    a->self = setup->self;
    a->peer = setup->peer;
    a->mine.region = setup->region;
    a->run = setup->run;
    a->room = setup->room;
    a->trace = setup->trace;
    rng_seed(&a->rng, setup->seed);
    a->state = AGREEMENT_STATE_IDLE;
    a->lease_ms = a->lease_ms_wish = AGREEMENT_LEASE_MS_MIN;
    a->next_seq = a->run_seq = 1;
    a->retry = AGREEMENT_RETRY;
    a->again = AGREEMENT_AGAIN;
    a->said_at = a->say_at = a->again_at = INSTANT_NEVER;
    a->lease_until = a->relied_until = INSTANT_NEVER;
    a->fell_at = a->damped_until = INSTANT_NEVER;
}

void agreement_free(struct agreement *a) {
    agreement_release(a);
}

void agreement_step(struct agreement *a, const struct agreement_event *event,
                    struct agreement_outbox *outbox) {
    struct instant now = event->now;
    bool answer = false;
    outbox->say = outbox->asks = false;
    switch (event->kind) {
    case AGREEMENT_WISHED:
        wished(a, event);
        break;
    case AGREEMENT_HEARD:
        answer = event->asked && is_answered(a, event->message);
        if (is_taken(a, event->message, now))
            heard(a, event->message, now);
        break;
    case AGREEMENT_PASSED:
    case AGREEMENT_EXPIRED:
        break;
    }
    passed(a, now);
    if (answer || (event->kind != AGREEMENT_EXPIRED && instant_reached(now, a->say_at)))
        agreement_say(a, !answer, now, outbox);
}

struct instant agreement_ends(const struct agreement *a) {
    return instant_min(a->lease_until, a->relied_until);
}

struct instant agreement_deadline(const struct agreement *a) {
    return instant_min(agreement_ends(a), instant_min(a->say_at, a->again_at));
}

void agreement_check_invariants(const struct agreement *a) {
    assert(a->room->held >= a->held);
    assert(a->said_count <= AGREEMENT_SAID_MAX);
    for (uint32_t i = 0; i < a->said_count; i++) {
        const struct agreement_said *s = &a->said[i];
        assert(s->seq < a->next_seq && (i == 0 || a->said[i - 1].seq < s->seq));
        assert(s->seq < a->told_seq || s->slots <= a->held);
    }
    assert(a->told_seq < a->next_seq && a->void_before <= a->next_seq);
    bool holding = a->state == AGREEMENT_STATE_HOLDING || a->state == AGREEMENT_STATE_AGREED;
    assert(!holding || (a->offered && a->peer_run != 0 && !instant_is_never(a->lease_until)));
    assert(holding || a->relied == 0);
    assert((a->state == AGREEMENT_STATE_AGREED) == !instant_is_never(a->relied_until));
    assert((a->state == AGREEMENT_STATE_REFUSED) == !instant_is_never(a->again_at));
    assert(a->state != AGREEMENT_STATE_IDLE || (a->held == 0 && instant_is_never(a->say_at)));
    assert(a->held == 0 || !instant_is_never(a->lease_until));
}
