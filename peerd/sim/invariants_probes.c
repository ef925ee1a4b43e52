#include "peerd/sim/invariants_private.h"

#include "peerd/sim/client.h"
#include "peerd/sim/probing.h"

#include <inttypes.h>

/* 30: a listener is a light burden to those who do not serve it. */
void sim_invariants_probed(struct sim *sim, const struct sim_client *c, const struct sim_probing *p,
                           const struct prober_out *out) {
    struct duration since = instant_since(sim_client_now(sim, c), p->asked_at);
    if (p->asked && duration_less(since, duration_s(1)))
        sim_breach(sim, "%s probes somebody %" PRId64 " ms after its last packet",
                   sim_client_name(sim, c).text, duration_in_ms(since));
    if (witness_server_find(c->witness, &out->to) != WITNESS_SERVER_NONE)
        sim_breach(sim, "%s probes a server of its own session", sim_client_name(sim, c).text);
    if (sim_worker_at(sim, &out->to) == UINT32_MAX)
        sim_breach(sim, "%s probes nobody", sim_client_name(sim, c).text);
}

/* … and workers answer no more than policy says. */
void sim_invariants_probe_answered(struct sim *sim, struct sim_worker *w) {
    struct instant now = sim_worker_now(sim, w);
    uint32_t most = sim->sites[w->cluster].policy.limits.probes_per_s;
    if (w->echoes == 0 || !duration_less(instant_since(now, w->echoes_since), duration_s(1))) {
        w->echoes = 0;
        w->echoes_since = now;
    }
    if (++w->echoes > most)
        sim_breach(sim, "a worker of %s answers %" PRIu32 " probes in a second, and may %" PRIu32,
                   watch_cluster(sim, w->cluster), w->echoes, most);
}
