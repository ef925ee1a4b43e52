#include "peerd/core/wishes.h"

#include "peerd/core/leaving.h"
#include "peerd/core/replan.h"
#include "peerd/core/state.h"

#include <assert.h>
#include <stdio.h>

void wishes_init(struct wishes *w) {
    *w = (struct wishes){.look_at = INSTANT_NEVER};
}

/* ---- may it be told -------------------------------------------------------------------------- */

enum err wishes_refusal(const struct core *core, const struct session *s, const struct name *to,
                        const char **why) {
    const struct peering *p = peering_by_name(core, to);
    if (s->move != NULL) {
        *why = "it is being asked to go elsewhere just now; ask again when that is over";
        return ERR_BUSY;
    }
    if (p == NULL) {
        *why = "to: neither its client nor our policy knows a cluster of that name; `peerctl why "
               "SESSION` names the backups";
        return ERR_BAD_FIELD;
    }
    struct name issuer = group_issuer(core, s->group);
    if (!name_equal(&issuer, &core->name)) {
        *why = "to: its client does not know that cluster, and only who issued its ticket can tell "
               "it; `peerctl why SESSION` names the backups";
        return ERR_BAD_FIELD;
    }
    if (!replan_may_name(core, s->group, p)) {
        *why = "to: its client does not know that cluster, and that is not one to be told of: not "
               "alive, not described, comes and goes, or kept from it by policy (residence among "
               "it) or agreement";
        return ERR_DENIED;
    }
    if (core->wishes.count == WISHES_MAX && wishes_find(core, &s->id) == NULL) {
        *why = "to: its client does not know that cluster, and as many as can be are being told of "
               "others already; ask again in a few seconds";
        return ERR_FULL;
    }
    *why = "";
    return ERR_OK;
}

/* ---- the list -------------------------------------------------------------------------------- */

const struct wish *wishes_find(const struct core *core, const struct session_id *session) {
    const struct wishes *w = &core->wishes;
    for (uint32_t i = 0; i < w->count; i++)
        if (session_id_equal(&w->list[i].session, session))
            return &w->list[i];
    return NULL;
}

static void drop(struct wishes *w, uint32_t index) {
    w->list[index] = w->list[--w->count];
    if (w->count == 0)
        w->look_at = INSTANT_NEVER;
}

void wishes_begin(struct core *core, const struct session *s, const struct name *to) {
    struct wishes *w = &core->wishes;
    char id[SESSION_ID_TEXT_LEN + 1];
    for (uint32_t i = 0; i < w->count; i++)
        if (session_id_equal(&w->list[i].session, &s->id))
            drop(w, i);
    if (w->count == WISHES_MAX)
        return;
    w->list[w->count++] = (struct wish){.session = s->id,
                                        .to = *to,
                                        .until = instant_add(core->now, WISHES_TELL),
                                        .tell_at = core->now};
    w->look_at = instant_add(core->now, WISHES_LOOK);
    session_id_to_text(&s->id, id);
    core_trace(core, "move %s wanted at %s, which its client does not know -> telling it", id,
               to->text);
}

struct peering *wishes_target(const struct core *core, const struct session *s) {
    const struct wish *wish = core->wishes.count == 0 ? NULL : wishes_find(core, &s->id);
    struct peering *p = wish == NULL ? NULL : peering_by_name(core, &wish->to);
    return p != NULL && replan_may_name(core, s->group, p) ? p : NULL;
}

void wishes_forget_all(struct core *core) {
    wishes_init(&core->wishes);
}

/* ---- in time --------------------------------------------------------------------------------- */

static void give_up(struct core *core, const struct wish *wish) {
    char id[SESSION_ID_TEXT_LEN + 1], text[JOURNAL_TEXT_LEN_MAX + 1];
    session_id_to_text(&wish->session, id);
    snprintf(text, sizeof(text), "its client has not taken up that there is %s", wish->to.text);
    core_trace(core, "move %s stays: %s", id, text);
    journal_enter(core->journal,
                  &(struct journal_entry){.at = core->now,
                                          .kind = JOURNAL_MOVE,
                                          .what = "cancelled",
                                          .about = wish->to,
                                          .from = core->name,
                                          .session = wish->session,
                                          .cause = MOVE_CAUSE_DRAIN},
                  text);
}

/* True: there is nothing more to be done. */
static bool is_over(struct core *core, const struct wish *wish) {
    struct session *s = session_find(core, &wish->session);
    if (s == NULL || s->state != SESSION_STATE_COMMITTED || s->move != NULL)
        return true;
    if (leaving_wish(core, s, &wish->to))
        return true;
    if (!instant_reached(core->now, wish->until))
        return false;
    give_up(core, wish);
    return true;
}

void wishes_step(struct core *core) {
    struct wishes *w = &core->wishes;
    if (!instant_reached(core->now, w->look_at))
        return;
    w->look_at = instant_add(core->now, WISHES_LOOK);
    for (uint32_t i = w->count; i-- > 0;)
        if (is_over(core, &w->list[i]))
            drop(w, i);
}

struct instant wishes_deadline(const struct core *core) {
    return core->wishes.look_at;
}

void wishes_check_invariants(const struct core *core) {
    const struct wishes *w = &core->wishes;
    assert(w->count <= WISHES_MAX && (w->count == 0) == instant_is_never(w->look_at));
    assert(w->count == 0 || !core->drain.active);
    for (uint32_t i = 0; i < w->count; i++)
        assert(!instant_before(instant_add(core->now, WISHES_TELL), w->list[i].until));
}
