#include "peerd/core/causes.h"

#include "peerd/base/bytes.h"
#include "peerd/core/state.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#define BLOCK_LEN 3     /* [bytes] */
#define UNIT_US   10000 /* [µs] of a told age */

void causes_init(struct causes *c) {
    *c = (struct causes){.next_at = INSTANT_NEVER, .own_at = INSTANT_NEVER};
}

struct instant causes_open_until(struct core *core, const struct move *m) {
    if (m->cause != MOVE_CAUSE_CRASHED || m->out || m->state != MOVE_STATE_OVER ||
        peering_by_name(core, &m->from) == NULL)
        return INSTANT_NEVER;
    core->causes.next_at = instant_min(core->causes.next_at, instant_add(core->now, CAUSES_LOOK));
    return instant_add(core->now, CAUSES_OPEN);
}

/* ---- what is known of where it was ----------------------------------------------------------- */

static bool is_after(struct instant at, struct instant limit) {
    return !instant_is_never(at) && instant_before(limit, at);
}

/* Its client heard nothing from then on, at the latest. */
static struct instant fell_silent(const struct move *m) {
    struct instant at = instant_sub(m->begun, duration_ms(m->silent_ms));
    return instant_sub(at, CAUSES_SLACK);
}

static bool has_lived_since(const struct peering *p, struct instant since) {
    return is_after(p->detector.life_at, since) || is_after(media_alive_life(p), since) ||
           p->verdict.verdict == VERDICT_PARTITIONED;
}

static const char *failure_name(enum causes_failure what) {
    return what == CAUSES_FAILURE_WORKER ? "a worker" : "a node";
}

/* True if it is known; `evidence` says from what. */
static bool judge(const struct core *core, const struct ledger_entry *e, enum move_cause *cause,
                  char *evidence, size_t size) {
    const struct move *m = &e->move;
    const struct peering *p = peering_by_name(core, &m->from);
    bool last = instant_reached(core->now, e->open_until);
    const char *name = m->from.text;
    *cause = MOVE_CAUSE_CRASHED;
    if (p == NULL) {
        snprintf(evidence, size, "%s is no peer any more", name);
        return true;
    }
    if (p->verdict.verdict == VERDICT_CRASHED && !has_lived_since(p, m->released)) {
        snprintf(evidence, size, "%s crashed: %.120s", name, p->verdict.evidence);
        return true;
    }
    if (is_after(p->failed_at, fell_silent(m))) {
        snprintf(evidence, size, "%s lives, and says that %s of it died", name,
                 failure_name(p->failed));
        return true;
    }
    if (is_after(p->boot_since, fell_silent(m))) {
        snprintf(evidence, size, "%s has been started anew", name);
        return true;
    }
    if (!last)
        return false;
    if (has_lived_since(p, m->released)) {
        *cause = MOVE_CAUSE_PARTITIONED;
        snprintf(evidence, size, "%s %s (%.80s), and its client heard nothing for %" PRIu32 " ms",
                 name, verdict_name(p->verdict.verdict), p->verdict.evidence, m->silent_ms);
        return true;
    }
    snprintf(evidence, size, "%s %s: %.120s", name, verdict_name(p->verdict.verdict),
             p->verdict.evidence);
    return true;
}

/* ---- settling -------------------------------------------------------------------------------- */

static void note(struct core *core, const struct move *m, enum move_cause cause,
                 const char *evidence) {
    char id[SESSION_ID_TEXT_LEN + 1];
    const struct journal_entry entry = {.at = core->now,
                                        .kind = JOURNAL_MOVE,
                                        .what = "settled",
                                        .about = m->to,
                                        .from = m->from,
                                        .session = m->session,
                                        .cause = cause};
    session_id_to_text(&m->session, id);
    core_trace(core, "move %s was for another cause: %s (%s)", id, move_cause_name(cause),
               evidence);
    journal_enter(core->journal, &entry, evidence);
}

void causes_step(struct core *core) {
    const struct ledger_entry *e;
    uint64_t after = 0;
    if (!instant_reached(core->now, core->causes.next_at))
        return;
    core->causes.next_at = INSTANT_NEVER;
    for (; (e = ledger_next_open(&core->ledger, after)) != NULL; after = e->number) {
        char evidence[VERDICT_TEXT_LEN_MAX + 1];
        enum move_cause cause;
        if (!judge(core, e, &cause, evidence, sizeof(evidence))) {
            struct instant look = instant_min(instant_add(core->now, CAUSES_LOOK), e->open_until);
            core->causes.next_at = instant_min(core->causes.next_at, look);
            continue;
        }
        if (cause != e->move.cause)
            note(core, &e->move, cause, evidence);
        ledger_settle(&core->ledger, e->number, cause, evidence);
    }
}

struct instant causes_deadline(const struct core *core) {
    return core->causes.next_at;
}

/* Whatever is open is looked at, and not for ever. */
void causes_check_invariants(const struct core *core) {
    const struct ledger *l = &core->ledger;
    for (uint64_t n = ledger_first(l); n <= l->count; n++) {
        const struct ledger_entry *e = ledger_find(l, n);
        if (instant_is_never(e->open_until))
            continue;
        assert(!instant_is_never(core->causes.next_at));
        assert(instant_before(core->now, e->open_until));
        assert(e->cause == MOVE_CAUSE_CRASHED);
    }
}

/* ---- what died ------------------------------------------------------------------------------- */

void causes_failed(struct core *core, enum causes_failure what) {
    core->causes.own = what;
    core->causes.own_at = core->now;
}

void causes_fill(const struct core *core, const struct peering *to, struct beat *beat) {
    const struct causes *c = &core->causes;
    if (c->own == CAUSES_FAILURE_NONE || !to->takes_blocks ||
        instant_reached(core->now, instant_add(c->own_at, CAUSES_TELL)))
        return;
    uint8_t bytes[BLOCK_LEN];
    struct writer w = writer_over(bytes, sizeof(bytes));
    write_u8(&w, (uint8_t)c->own);
    write_u16(&w, (uint16_t)(instant_since(core->now, c->own_at).us / UNIT_US));
    beat_add_block(beat, BEAT_BLOCK_FAILURE, bytes, sizeof(bytes));
}

void causes_heard(struct core *core, struct peering *from, const struct beat *beat) {
    size_t len = 0;
    const uint8_t *block = beat_find_block(beat, BEAT_BLOCK_FAILURE, &len);
    if (block == NULL)
        return;
    struct reader r = reader_over(block, len);
    uint8_t what = read_u8(&r);
    int64_t ago_us = (int64_t)read_u16(&r) * UNIT_US;
    if (!reader_done(&r) || what < CAUSES_FAILURE_WORKER || what > CAUSES_FAILURE_NODE) {
        core->counters.digests_refused++;
        return;
    }
    from->failed = (enum causes_failure)what;
    from->failed_at = instant_sub(core->now, duration_us(ago_us));
}
