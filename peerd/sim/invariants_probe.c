#include "peerd/sim/invariants_private.h"

#include "peerd/sim/client.h"

#include <inttypes.h>

/* What never comes by itself, since clients do not say it: a worker is asked, as it is just now,
 * and is as it was afterwards. */

/* True if the answer is a refusal and nothing else, or, of what was seen before, none at all. */
static bool resists(struct sim *sim, const struct sim_worker *w, uint32_t slot,
                    const struct tenure_event *e, bool replay) {
    struct tenure twin = w->tenure;
    struct tenure_session *s = &w->tenures[slot], before = *s;
    struct tenure_outbox *out = &sim->tenure_outbox;
    struct trace *trace = out->trace;
    out->trace = NULL;
    tenure_step(&twin, e, out);
    out->trace = trace;
    bool refused = out->count == 1 && out->items[0].kind == TENURE_REFUSE;
    bool same = s->state == before.state && s->epoch == before.epoch &&
                s->lease.us == before.lease.us && s->sending == before.sending;
    *s = before;
    out->count = 0;
    return same && (replay ? twin.replayed == w->tenure.replayed + 1 : refused);
}

/* 2, 9: whoever speaks under an epoch before the newest one, or says something twice; and whoever
 * reports under one that nobody was granted. */
enum probe {
    PROBE_OVERTAKEN,
    PROBE_SEEN_BEFORE,
    PROBE_AHEAD
};

static void probe(struct sim *sim, const struct sim_worker *w, uint32_t slot, enum probe kind) {
    static const char *const names[] = {"overtaken", "seen before", "never granted"};
    const struct tenure_session *t = &w->tenures[slot];
    bool replay = kind == PROBE_SEEN_BEFORE;
    uint64_t counter = t->counter + !replay;
    uint32_t epoch = t->epoch - (kind == PROBE_OVERTAKEN) + (kind == PROBE_AHEAD);
    struct message_resume resume = {
        .session = t->id, .purpose = RESUME_COMMIT, .epoch = epoch, .counter = counter};
    struct message_report report = {.session = t->id, .epoch = epoch, .counter = counter};
    struct tenure_event e = {
        .kind = TENURE_RESUME_RECEIVED, .now = sim_worker_now(sim, w), .u.resume = &resume};
    bool told = kind == PROBE_AHEAD || resists(sim, w, slot, &e, replay);
    e.kind = TENURE_REPORT_RECEIVED;
    e.u.report = &report;
    if (told && resists(sim, w, slot, &e, replay))
        return;
    sim_breach(sim, "%s would obey a %s of %s under epoch %" PRIu32 " (%s), having seen %" PRIu32,
               watch_cluster(sim, w->cluster), told ? "report" : "commit",
               sim_client_name(sim, &sim->clients[sim_session_at(w, slot)->client]).text, epoch,
               names[kind], t->epoch);
}

void watch_probes(struct sim *sim, const struct sim_worker *w) {
    for (uint32_t i = 0; i < w->slots; i++) {
        uint32_t slot = (sim->watch->checks + i) % w->slots;
        const struct tenure_session *t = &w->tenures[slot];
        if (t->state == TENURE_FREE || t->resting || t->epoch == 0)
            continue;
        probe(sim, w, slot, PROBE_OVERTAKEN);
        probe(sim, w, slot, PROBE_SEEN_BEFORE);
        probe(sim, w, slot, PROBE_AHEAD);
        return;
    }
}

/* ---- listeners ------------------------------------------------------------------------------- */

/* What a twin of it does with `e`, told by what one does to which nothing is said. */
static bool cares(struct sim *sim, const struct sim_client *c, const struct witness_event *e) {
    struct witness still = *c->witness, twin = *c->witness;
    struct witness_outbox *out = &sim->witness_outbox;
    struct trace *trace = out->trace;
    out->trace = NULL;
    witness_step(&still, &(struct witness_event){.kind = WITNESS_TICKED, .now = e->now}, out);
    uint32_t said = out->count;
    witness_step(&twin, e, out);
    bool same = out->count == said && twin.state == still.state && twin.serving == still.serving &&
                twin.epoch == still.epoch && twin.epoch_high == still.epoch_high &&
                twin.notice == still.notice;
    out->trace = trace;
    out->count = 0;
    return !same;
}

/* 9: a notice that it has seen, and an answer to what it never asked. */
void watch_heard_again(struct sim *sim, const struct sim_client *c) {
    const struct witness *w = c->witness;
    struct instant now = sim_client_now(sim, c);
    if (w->state != WITNESS_FOLLOWING || instant_reached(now, witness_deadline(w)))
        return;
    struct witness_event notice = {.kind = WITNESS_NOTICED, .now = now, .server = w->serving};
    notice.u.notice = (struct message_notice){.session = w->config.session,
                                              .number = w->notice,
                                              .what = NOTICE_END,
                                              .error = ERR_SOURCE_FAILED,
                                              .end = FRAME_NEVER};
    struct witness_event refuse = {.kind = WITNESS_REFUSED, .now = now, .server = w->serving};
    refuse.nonce = UINT64_MAX;
    refuse.u.refuse = (struct message_refuse){
        .purpose = RESUME_COMMIT, .error = ERR_UNKNOWN_SESSION, .counter = UINT64_MAX};
    if (cares(sim, c, &notice))
        sim_breach(sim, "%s heeds notice %" PRIu32 ", which it has seen before",
                   sim_client_name(sim, c).text, w->notice);
    if (cares(sim, c, &refuse))
        sim_breach(sim, "%s heeds an answer to what it has not asked",
                   sim_client_name(sim, c).text);
}
