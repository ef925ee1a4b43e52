#include "peerd/core/rekey.h"

#include "peerd/core/state.h"

#include <string.h>

void rekey_self(struct core *core, const struct public_key *key) {
    if (public_key_equal(&core->self, key))
        return;
    core->former_hint = key_hint_of(&core->self);
    core->self = *key;
    core->counters.rekeys++;
    core_trace(core, "goes by its next key now%s", "");
}

/* Whom views are about is looked up once a hint: those who know the new one already have told us of
 * a stranger so far. */
static void look_up_again(struct core *core) {
    for (uint32_t i = 0; i < core->peer_count; i++)
        memset(core->peers[i]->about, 0, sizeof(core->peers[i]->about));
}

void rekey_peer(struct core *core, struct peering *p, const struct public_key *key) {
    if (public_key_equal(&p->policy.key, key))
        return;
    p->former_hint = p->hint;
    p->policy.key = *key;
    p->hint = key_hint_of(key);
    core->policy.peers[p->index].key = *key;
    core->counters.peers_rekeyed++;
    if (!instant_is_never(p->fetch_at))
        p->fetch_at = core->now; /* what it said was signed by the other one */
    look_up_again(core);
    peering_show(core, p);
    peering_touch(core, p);
    core_trace(core, "> %s goes by its next key now", p->policy.name.text);
}

bool rekey_is_self(const struct core *core, const struct key_hint *hint) {
    static const struct key_hint none;
    struct key_hint self = key_hint_of(&core->self);
    return key_hint_equal(&self, hint) ||
           (key_hint_equal(&core->former_hint, hint) && !key_hint_equal(hint, &none));
}
