#include "peerd/base/fetch.h"
#include "peerd/core/state.h"

/* What core_step() looks at whatever has happened. */
void core_foresee(const struct core *core, uint32_t peer) {
    fetch(&core->policy.limits, 128);
    fetch(&core->now, 512);  /* all that is small, up to the counters */
    fetch(core->faces, 256); /* the rest follows by itself, one after another */
    fetch(&core->peers[peer], sizeof(core->peers[0]));
    fetch(&core->nodes, 64);
    fetch(&core->ledger, 8);
}

void core_foresee_beat(const struct core *core, uint32_t peer) {
    const struct peering *p = core->peers[peer];
    fetch(&p->echo, 16);
    fetch(&p->echo.confirmed, 128);
    fetch(&p->detector, 192);
    fetch(&p->detector.quality, 192);
    fetch(&p->verdict, 64);
    fetch(&p->heard_at, 136);
    fetch(&p->fetch_at, 8);
    fetch(&p->lodge_at, 64);
    fetch(&p->calm_at, 16);
}

/* Each peer may become a backup. */
void core_foresee_open(const struct core *core) {
    for (uint32_t i = 0; i < core->peer_count; i++) {
        const struct peering *p = core->peers[i];
        fetch(&p->policy.reserved_slots, 8);
        fetch(&p->detector, 128);
        fetch(&p->verdict, 16);
        fetch(&p->described, 64);
        fetch(&p->here, 16);
        fetch(&p->policy, 64);
    }
}
