/*
 * The ledger as JSON: every move that is over or was called off, as both we and its client saw it.
 * What is not known is null; what only the other end can know is, too. Instants are dates as far as
 * our clock is right, and times from the move's beginning.
 */
#include "peerd/base/utc.h"
#include "peerd/io/daemon.h"
#include "peerd/net/clock.h"
#include "peerd/wire/counterpart.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define FRAME_MS 20

static char *dump(json_t *root) {
    char *text = root != NULL ? json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(7)) : NULL;
    json_decref(root);
    return text;
}

static json_t *between_ms(struct instant from, struct instant to) {
    if (instant_is_never(from) || instant_is_never(to))
        return json_null();
    return json_real((double)instant_since(to, from).us / 1000);
}

static json_t *date_json(struct duration ago) {
    char text[UTC_TEXT_LEN + 1];
    return utc_to_text((net_wall().us - ago.us) / 1000000, text) ? json_string(text) : json_null();
}

/* What its client says. */
static json_t *told_json(const struct message_moved *t) {
    bool framed = t->first_frame_ms != MESSAGE_MOVED_NO_FRAME;
    if (t->epoch == 0)
        return json_null();
    return json_pack("{s:i, s:o, s:i, s:i, s:i}", "detect_ms", t->detect_ms, "first_frame_ms",
                     framed ? json_integer(t->first_frame_ms) : json_null(), "gap_ms",
                     t->lost * FRAME_MS, "lost", t->lost, "duplicates", t->duplicates);
}

/* The phases, each counted from `begun`. */
static json_t *phases_json(const struct move *m) {
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "asked_ms",
                     m->out ? between_ms(m->begun, m->ordered) : json_null(), "overlap_ms",
                     between_ms(m->begun, m->overlaps), "switched_ms",
                     between_ms(m->begun, m->switched), "released_ms",
                     between_ms(m->begun, m->released), "called_off_ms",
                     between_ms(m->begun, m->called_off));
}

/* What the end that was left tells of an arrival: how long its order took, and how long both sent.
 */
static json_t *left_json(const struct ledger_entry *e) {
    const struct ledger_left *l = &e->left;
    if (!l->told)
        return json_null();
    return json_pack(
        "{s:o, s:o}", "prepare_ms",
        l->prepare_ms == COUNTERPART_UNKNOWN ? json_null() : json_integer(l->prepare_ms),
        "overlap_ms",
        l->overlap_ms == COUNTERPART_UNKNOWN ? json_null() : json_integer(l->overlap_ms));
}

/* In which state it was called off, and how many in a row were. */
static json_t *called_off_json(const struct ledger_entry *e) {
    if (e->move.state != MOVE_STATE_CANCELLED)
        return json_null();
    return json_pack("{s:s, s:I}", "in", move_state_name(e->move.was), "times",
                     (json_int_t)e->times);
}

/* Of the worker that took it over: null where that is not known here. */
static json_t *preroll_json(const struct move *m) {
    if (m->preroll == NODE_PREROLL_NONE)
        return json_null();
    return json_pack("{s:s, s:o}", "kind", node_preroll_name(m->preroll), "merges_after_frames",
                     m->merges_after == NODE_MERGES_NEVER
                         ? json_null()
                         : json_integer((json_int_t)m->merges_after));
}

/* Which one the other end assigned is its to know. */
static json_t *epoch_json(uint32_t epoch) {
    return epoch > 0 ? json_integer(epoch) : json_null();
}

static json_t *move_json(const struct ledger_entry *e, struct instant now) {
    const struct move *m = &e->move;
    struct duration ago = instant_since(now, m->begun);
    char id[SESSION_ID_TEXT_LEN + 1];
    session_id_to_text(&m->session, id);
    return json_pack(
        "{s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:I, s:I, s:I, s:o, s:o, s:o, "
        "s:o, s:o, s:s, s:b, s:o, s:o, s:o}",
        "number", (json_int_t)e->number, "session", id, "side", m->out ? "leaving" : "arriving",
        "cause", move_cause_name(e->cause), "state", move_state_name(m->state), "from",
        m->from.text, "to", m->to.text, "held",
        m->out ? json_null() : json_string(protection_name(m->held)), "epoch_from",
        epoch_json(m->epoch_from), "epoch_to", epoch_json(m->epoch_to), "silent_ms",
        (json_int_t)m->silent_ms, "orders", (json_int_t)m->orders, "begun_ms_ago",
        duration_in_ms(ago), "begun_at", date_json(ago), "phases", phases_json(m), "overlap_ms",
        between_ms(m->overlaps, m->switched), "release_ms", between_ms(m->switched, m->released),
        "client", told_json(&e->told), "evidence", e->evidence, "settled",
        instant_is_never(e->open_until), "called_off", called_off_json(e), "preroll",
        preroll_json(m), "at_other_end", left_json(e));
}

static bool is_meant(const struct ledger_entry *e, const struct present_moves_filter *f) {
    return (!f->of_session || session_id_equal(&e->move.session, &f->session)) &&
           (!f->of_cause || e->cause == f->cause);
}

char *present_moves(const struct daemon *d, const struct present_moves_filter *filter) {
    struct instant now = net_now();
    const struct ledger *ledger = core_ledger(d->core);
    uint64_t first = ledger_first(ledger), forgotten = first - 1;
    json_t *list = json_array();
    if (filter->newest > 0 && ledger->count - forgotten > filter->newest)
        first = ledger->count - filter->newest + 1;
    for (uint64_t number = first; number <= ledger->count; number++) {
        const struct ledger_entry *e = ledger_find(ledger, number);
        if (e != NULL && is_meant(e, filter))
            json_array_append_new(list, move_json(e, now));
    }
    return dump(json_pack("{s:s, s:I, s:I, s:o}", "cluster", d->policy->cluster.name.text,
                          "entered", (json_int_t)ledger->count, "forgotten", (json_int_t)forgotten,
                          "moves", list));
}

/* How its newest way out has ended. Where it really is its new cluster tells, some seconds later.
 */
static json_t *last_json(const struct daemon *d, const struct session_id *id) {
    const struct journal_entry *e =
        journal_departure(events_journal(d), id, &d->policy->cluster.name);
    const struct ledger_entry *gone = ledger_departure(core_ledger(d->core), id);
    if (e == NULL)
        return json_null();
    bool over = strcmp(e->what, move_state_name(MOVE_STATE_OVER)) == 0 && gone != NULL;
    bool heard = over && gone->move.epoch_to > 0;
    return json_pack("{s:I, s:s, s:s, s:s, s:o, s:o}", "number", (json_int_t)e->number, "what",
                     e->what, "to", over ? gone->move.to.text : e->about.text, "why", e->text,
                     "epoch", epoch_json(heard ? gone->move.epoch_to : 0), "client",
                     heard ? told_json(&gone->told) : json_null());
}

char *present_moving(const struct daemon *d, const struct session_id *id) {
    struct core_session_status s;
    char text[SESSION_ID_TEXT_LEN + 1];
    bool here = core_session_find(d->core, id, &s) && s.state == SESSION_STATE_COMMITTED;
    const struct move *m = here ? s.move : NULL;
    const char *state = m != NULL ? move_state_name(m->state) : NULL;
    struct name to = m != NULL ? m->to : (struct name){""};
    if (here && m == NULL && core_move_telling(d->core, id, &to))
        state = "telling";
    session_id_to_text(id, text);
    return dump(json_pack("{s:s, s:s, s:b, s:s?, s:o, s:o}", "cluster",
                          d->policy->cluster.name.text, "session", text, "served_here", here,
                          "state", state, "to", state != NULL ? json_string(to.text) : json_null(),
                          "last", last_json(d, id)));
}
