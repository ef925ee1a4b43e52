#include "peerd/core/naming.h"

#include "peerd/core/ranking.h"
#include "peerd/core/state.h"
#include "topo/location.h"
#include "topo/turn.h"

#include <stdlib.h>

_Static_assert(API_PROBES_MAX == NAMED_MAX, "as many at first as later");
_Static_assert(POLICY_PEERS_MAX <= TURN_CANDIDATES_MAX, "all peers can take turns");

uint32_t naming_choose(struct core *core, const struct prefix *location, const uint8_t *ranked,
                       size_t count, const struct session_id *id,
                       struct core_backup out[API_PROBES_MAX]) {
    uint16_t numbers[TURN_CANDIDATES_MAX];
    uint8_t chosen[API_PROBES_MAX];
    struct trips *trips = count > 0 && fares_measure(core) ? fares_trips(core) : NULL;
    if (trips == NULL)
        return 0;
    for (size_t i = 0; i < count; i++)
        numbers[i] = core->peers[ranked[i]]->number;
    size_t held = turn_choose(trips, location, numbers, count, core->now, chosen, API_PROBES_MAX);
    for (size_t i = 0; i < held; i++)
        out[i] = ranking_backup(core->peers[ranked[chosen[i]]], id);
    return (uint32_t)held;
}

/* ---- while it lasts -------------------------------------------------------------------------- */

static bool is_backup(const struct core *core, const struct session *s, const struct peering *p) {
    for (uint8_t i = 0; i < s->group->key.backup_count; i++) {
        struct name backup = group_backup(core, s->group, i);
        if (name_equal(&backup, &p->policy.name))
            return true;
    }
    return false;
}

uint32_t naming_of_session(struct core *core, const struct session *s,
                           struct core_backup out[API_PROBES_MAX]) {
    uint8_t order[RANK_CANDIDATES_MAX];
    const struct prefix location = location_of(&s->client);
    size_t ranked = fares_measure(core) ? ranking_of_session(core, s, true, order) : 0, count = 0;
    for (size_t i = 0; i < ranked; i++)
        if (!is_backup(core, s, core->peers[order[i]]))
            order[count++] = order[i];
    return naming_choose(core, &location, order, count, &s->id, out);
}

static bool fill(struct core *core, const struct session *s, struct node_named *out) {
    struct core_backup others[API_PROBES_MAX];
    out->session = s->id;
    out->count = (uint8_t)naming_of_session(core, s, others);
    for (uint8_t i = 0; i < out->count; i++)
        out->list[i] = (struct node_candidate){others[i].cluster, others[i].key, others[i].media};
    core->counters.clients_named += out->count > 0;
    return out->count > 0;
}

const struct node_named *naming_answer(struct core *core, const struct node *n,
                                       const struct node_request *asked, uint32_t *count) {
    struct fares *f = &core->fares;
    *count = 0;
    if (asked->ask_count > 0 && f->named == NULL)
        f->named = calloc(NODE_ASKS_MAX, sizeof(*f->named));
    for (size_t i = 0; f->named != NULL && i < asked->ask_count && i < NODE_ASKS_MAX; i++) {
        const struct session *s = session_find(core, &asked->asks[i]);
        if (s != NULL && s->node == n && fill(core, s, &f->named[*count]))
            ++*count;
    }
    return *count > 0 ? f->named : NULL;
}
