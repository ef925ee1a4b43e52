#include "peerd/core/counterpart.h"

#include "peerd/core/state.h"
#include "peerd/wire/counterpart.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- telling --------------------------------------------------------------------------------- */

static bool is_about(const struct core *core, const struct ledger_entry *e,
                     const struct peering *to) {
    const struct move *m = &e->move;
    bool known = !m->out || m->orders > 0; /* else it was that very peer who told us */
    return m->state == MOVE_STATE_OVER && known &&
           name_equal(m->out ? &m->to : &m->from, &to->policy.name) &&
           !instant_reached(core->now, instant_add(m->released, COUNTERPART_FOR));
}

/* Nothing more is going to be known of it. */
static bool is_ripe(const struct core *core, const struct ledger_entry *e) {
    return instant_is_never(e->open_until) &&
           (e->move.out || e->told.epoch != 0 ||
            instant_reached(core->now, instant_add(e->move.released, COUNTERPART_PATIENCE)));
}

static uint16_t between_ms(struct instant from, struct instant to) {
    if (instant_is_never(from) || instant_is_never(to))
        return COUNTERPART_UNKNOWN;
    int64_t ms = duration_in_ms(instant_since(to, from));
    return (uint16_t)(ms < COUNTERPART_UNKNOWN ? ms : COUNTERPART_UNKNOWN);
}

static struct counterpart_word word_of(const struct core *core, const struct ledger_entry *e) {
    const struct move *m = &e->move;
    bool heard = !m->out && e->told.epoch != 0;
    return (struct counterpart_word){
        .what = m->out  ? COUNTERPART_LEFT
                : heard ? COUNTERPART_HEARD
                        : COUNTERPART_ARRIVED,
        .cause = e->cause,
        .session = m->session,
        .epoch = m->out ? m->epoch_from : m->epoch_to,
        .ago = instant_since(core->now, m->released),
        .told = heard ? e->told : (struct message_moved){0},
        .prepare_ms = between_ms(m->begun, m->overlaps),
        .overlap_ms = between_ms(m->overlaps, m->released),
    };
}

static bool add_word(const struct core *core, const struct ledger_entry *e, struct beat *beat) {
    uint8_t bytes[COUNTERPART_LEN];
    const struct counterpart_word w = word_of(core, e);
    counterpart_write(bytes, &w);
    return beat_add_block(beat, BEAT_BLOCK_COUNTERPART, bytes, sizeof(bytes));
}

/* Its peerd hears us, as far as we know: also while it drains. */
static bool is_there(const struct peering *p) {
    return verdict_is_usable(p->verdict.verdict) || p->verdict.verdict == VERDICT_DRAINING;
}

static void next(struct peering *to, const struct ledger_entry *e) {
    to->told_up_to = e->number;
    to->told_most = to->told_most > e->number ? to->told_most : e->number;
    to->told_times = 0;
}

void counterpart_fill(const struct core *core, struct peering *to, struct beat *beat) {
    const struct ledger *l = &core->ledger;
    uint64_t first = ledger_first(l);
    if (!to->takes_blocks || !is_there(to))
        return;
    for (int looks = 0; looks < COUNTERPART_LOOKS; looks++) {
        uint64_t number = to->told_up_to + 1 < first ? first : to->told_up_to + 1;
        const struct ledger_entry *e = ledger_find(l, number);
        if (e == NULL)
            return;
        if (is_about(core, e, to) && (e->late || e->number > to->told_most)) {
            if (!is_ripe(core, e) || !add_word(core, e, beat))
                return;
            if (++to->told_times >= COUNTERPART_TIMES)
                next(to, e);
            return;
        }
        next(to, e);
    }
}

/* ---- who has gone ---------------------------------------------------------------------------- */

void counterpart_ended(struct core *core, const struct session *s) {
    if (s->state != SESSION_STATE_COMMITTED || s->move != NULL)
        return;
    if (core->counterparts == NULL)
        core->counterparts = calloc(1, sizeof(*core->counterparts));
    if (core->counterparts == NULL)
        return; /* it will be missing in the ledger */
    core->counterparts->gone[core->counterparts->count++ % COUNTERPART_GONE] =
        (struct counterpart_gone){.session = s->id, .epoch = s->epoch, .at = core->now};
}

/* The newest of that session, which was served under an earlier epoch; NULL: none. */
static const struct counterpart_gone *find_gone(const struct core *core,
                                                const struct session_id *id, uint32_t epoch) {
    const struct counterparts *c = core->counterparts;
    for (uint32_t n = c == NULL ? 0 : c->count; n > 0 && c->count - n < COUNTERPART_GONE; n--) {
        const struct counterpart_gone *g = &c->gone[(n - 1) % COUNTERPART_GONE];
        if (g->epoch < epoch && session_id_equal(&g->session, id))
            return g;
    }
    return NULL;
}

/* ---- being told ------------------------------------------------------------------------------ */

/* As far as it had come when it was called off. */
static void begin_again(struct move *m, const struct move *off) {
    m->begun = off->begun;
    m->asked = off->asked;
    m->order = off->order;
    (void)move_step(m, MOVE_EVENT_ORDERED, off->ordered, NULL, &off->from);
    m->orders = off->orders;
    if (!instant_is_never(off->overlaps))
        (void)move_step(m, MOVE_EVENT_TAKEN_ON, off->overlaps, NULL, &off->from);
}

/* It is told how long the order took, as of any other that left. */
static void enter_late(struct core *core, struct peering *to, const struct ledger_entry *off,
                       const struct move *m, const char *evidence) {
    ledger_went(&core->ledger, off->number, m, evidence);
    if (to->told_up_to >= off->number) {
        to->told_up_to = off->number - 1;
        to->told_times = 0;
    }
}

/* It went unasked, or was on its way as its move was called off. */
static void enter_gone(struct core *core, struct peering *to, const struct counterpart_word *w,
                       uint32_t epoch, struct instant at, const char *how) {
    struct move m;
    char evidence[VERDICT_TEXT_LEN_MAX + 1];
    const struct ledger_entry *off = ledger_called_off(&core->ledger, &w->session, epoch, w->cause);
    snprintf(evidence, sizeof(evidence), "%s serves it, as it tells; %s", to->policy.name.text,
             off != NULL ? "it was called off too late" : how);
    move_init(&m, &w->session, w->cause, true, at);
    if (off != NULL)
        begin_again(&m, &off->move);
    m.from = core->name;
    m.to = to->policy.name;
    m.epoch_from = epoch;
    m.epoch_to = w->epoch;
    if (!move_step(&m, MOVE_EVENT_ENDED, at, core->trace, &core->name))
        return;
    journal_moved(core->journal, &m, evidence, core->now);
    if (off != NULL)
        enter_late(core, to, off, &m, evidence);
    else
        ledger_enter(&core->ledger, &m, evidence, INSTANT_NEVER);
    (void)ledger_heard_arrival(&core->ledger, &w->session, &m.to, w->epoch, &w->told);
}

static void heard_of_arrival(struct core *core, struct peering *from,
                             const struct counterpart_word *w) {
    if (ledger_heard_arrival(&core->ledger, &w->session, &from->policy.name, w->epoch, &w->told))
        return;
    const struct session *s = session_find(core, &w->session);
    const struct counterpart_gone *g = find_gone(core, &w->session, w->epoch);
    if (g != NULL)
        enter_gone(core, from, w, g->epoch, g->at, "its lease here had ended");
    else if (s != NULL && s->state == SESSION_STATE_COMMITTED && s->epoch < w->epoch &&
             s->move == NULL)
        enter_gone(core, from, w, s->epoch, core->now, "its lease here has not ended yet");
}

void counterpart_heard(struct core *core, struct peering *from, const struct beat *beat) {
    struct counterpart_word w;
    size_t len = 0;
    const uint8_t *block = beat_find_block(beat, BEAT_BLOCK_COUNTERPART, &len);
    if (block == NULL)
        return;
    if (!counterpart_read(&w, block, len)) {
        core->counters.digests_refused++;
        return;
    }
    switch (w.what) {
    case COUNTERPART_ARRIVED:
    case COUNTERPART_HEARD:
        heard_of_arrival(core, from, &w);
        return;
    case COUNTERPART_LEFT:
        (void)ledger_heard_departure(&core->ledger, &w.session, &from->policy.name, w.epoch,
                                     w.prepare_ms, w.overlap_ms);
        return;
    }
}
