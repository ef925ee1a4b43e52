#include "peerd/core/leaving.h"
#include "peerd/core/state.h"

/* Where the operator wants sessions, all or one: what speaks against it, before and meanwhile. */

/* With slots that it has set aside for us a standby there needs no more room than it has. */
static bool is_full(const struct peering *p) {
    return p->room.known ? room_is_out(p) : p->said_free == 0 && p->lodged_slots == 0;
}

const char *drain_target_trouble(const struct core *core, const struct peering *p, enum err *err) {
    *err = ERR_DENIED;
    if (p->verdict.verdict == VERDICT_DRAINING || p->said_draining)
        return "that cluster drains itself";
    if (!verdict_is_usable(p->verdict.verdict))
        return "that cluster is not alive, as far as it is known here; see `peerctl why`";
    if (!p->policy.offer_moves)
        return "our policy offers it no sessions (`offer_moves`)";
    if (p->accord != NULL && p->accord->required && agreements_room(core, p) == 0 &&
        (!list_holds_any(&p->groups) || (p->room.known && room_is_out(p))))
        return "no agreement with that cluster leaves it room for sessions of ours";
    *err = ERR_FULL;
    return is_full(p) ? "that cluster says that it has no room" : NULL;
}

enum err core_drain_refusal(const struct core *core, const struct core_drain *d, const char **why) {
    enum err err;
    *why = "";
    if (name_is_empty(&d->to))
        return ERR_OK;
    if (name_equal(&d->to, &core->name)) {
        *why = "that is the cluster that is to be drained";
        return ERR_BAD_FIELD;
    }
    const struct peering *p = peering_by_name(core, &d->to);
    if (p == NULL) {
        *why = "no peer of that name in the policy";
        return ERR_NOT_FOUND;
    }
    const char *trouble = drain_target_trouble(core, p, &err);
    if (trouble == NULL)
        return ERR_OK;
    *why = trouble;
    return err;
}

const char *drain_to_trouble(const struct core *core) {
    const struct drain *d = &core->drain;
    enum err err;
    if (!d->active || d->drained || name_is_empty(&d->to))
        return NULL;
    const struct peering *p = peering_by_name(core, &d->to);
    return p == NULL ? "no peer of that name is in the policy any more"
                     : drain_target_trouble(core, p, &err);
}
