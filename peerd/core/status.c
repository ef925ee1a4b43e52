#include "peerd/core/status.h"

#include "peerd/core/state.h"

#include <assert.h>
#include <string.h>

const struct core_counters *core_counters(const struct core *core) {
    return &core->counters;
}

const struct policy *core_policy(const struct core *core) {
    return &core->policy;
}

const struct ledger *core_ledger(const struct core *core) {
    return &core->ledger;
}

static void fill_drain(const struct core *core, struct core_status *s) {
    const struct drain *d = &core->drain;
    s->drain_waiting = drain_waiting(core);
    s->drain_gone = d->progress.gone;
    s->drain_rate = progress_rate(&d->progress, core->now);
    s->drain_ends_in = progress_left(&d->progress, core->now);
    s->drain_stuck = d->stuck && s->drain_waiting > 0;
    s->drain_to = d->to;
    s->drain_to_trouble = drain_to_trouble(core);
    s->drain_overdue = d->overdue && s->drain_left > 0;
}

struct core_status core_status(const struct core *core) {
    const uint32_t *by_state = core->sessions.by_state;
    struct core_status s = {.cluster = core->name,
                            .boot = core->boot,
                            .started = core->started,
                            .recovering = core->recovering,
                            .draining = core->drain.active,
                            .drained = core->drain.drained,
                            .drain_deadline = core->drain.deadline,
                            .drain_left =
                                core->drain.active ? by_state[SESSION_STATE_COMMITTED] : 0,
                            .drain_ends_in = DURATION_ENDLESS,
                            .peers = core->peer_count,
                            .nodes = core->node_count,
                            .capacity = credit_capacity(core),
                            .credit = core_credit_granted(core),
                            .reserved = standbys_reserved_unused(core),
                            .sessions = by_state[SESSION_STATE_COMMITTED],
                            .standbys = by_state[SESSION_STATE_STANDBY],
                            .hot = core->sessions.hot,
                            .hedging = by_state[SESSION_STATE_HEDGING],
                            .opened = by_state[SESSION_STATE_OPENED],
                            .free = core_free_slots(core),
                            .groups = core->groups.all.count};
    if (core->drain.active)
        fill_drain(core, &s);
    const struct fares_count fares = fares_count(core);
    s.locations = fares.known;
    s.locations_bad = fares.bad;
    s.locations_degraded = fares.degraded;
    s.locations_elsewhere = fares.elsewhere;
    for (uint32_t i = 0; i < core->node_count; i++)
        s.nodes_registered += core->nodes[i]->registered;
    for (uint32_t i = 0; i < core->peer_count; i++)
        s.peers_damped += core->peers[i]->damping.damped;
    return s;
}

/* ---- peers ----------------------------------------------------------------------------------- */

static uint32_t media_alive_nodes(const struct peering *p, struct instant now) {
    uint32_t count = 0;
    for (int i = 0; i < PEERING_MEDIA_MAX; i++)
        if (p->media[i] != NULL &&
            !instant_reached(now, instant_add(p->media[i]->heard, VERDICT_HEARING_MAX)))
            count++;
    return count;
}

struct core_peer_status core_peer_status(const struct core *core, uint32_t index,
                                         struct instant now) {
    assert(index < core->peer_count);
    const struct peering *p = core->peers[index];
    const struct damping_rule rule = peering_damping_rule(core);
    return (struct core_peer_status){.policy = &p->policy,
                                     .verdict = p->verdict.verdict,
                                     .rule = p->verdict.rule,
                                     .evidence = p->verdict.evidence,
                                     .since = p->verdict_since,
                                     .opinion = p->detector.opinion,
                                     .figures = detector_figures(&p->detector, now),
                                     .wish = p->detector.wish,
                                     .damped = p->damping.damped,
                                     .damped_until = p->calm_at,
                                     .flap_points = damping_points(&p->damping, &rule, now),
                                     .flaps = p->damping.flaps,
                                     .proofs = p->detector.proofs,
                                     .suspicions = p->detector.suspicions,
                                     .expiries = p->detector.expiries,
                                     .mistakes = p->detector.mistakes,
                                     .boot = p->boot,
                                     .rtt = p->rtt,
                                     .loss = p->loss,
                                     .sessions = p->said_sessions,
                                     .free_slots = p->said_free,
                                     .draining = p->said_draining,
                                     .recovering = p->said_recovering,
                                     .media_alive_nodes = media_alive_nodes(p, now),
                                     .described = p->described_at,
                                     .description = p->described ? &p->description : NULL,
                                     .refused = p->refused,
                                     .refused_err = (enum err)p->refused_err,
                                     .here = p->here,
                                     .lodged_groups = p->groups.count,
                                     .lodged_slots = p->lodged_slots,
                                     .room_known = p->room.known,
                                     .room = p->room.word,
                                     .standby_groups = p->held_count,
                                     .standby_slots = p->held_slot_sum};
}

enum verdict core_peer_verdict(const struct core *core, uint32_t index) {
    assert(index < core->peer_count);
    return (enum verdict)core->faces[index].verdict;
}

bool core_peer_damped(const struct core *core, uint32_t index) {
    assert(index < core->peer_count);
    return core->peers[index]->damping.damped;
}

uint32_t core_peer_free_slots(const struct core *core, uint32_t index) {
    assert(index < core->peer_count);
    return core->peers[index]->said_free;
}

uint64_t core_peer_boot(const struct core *core, uint32_t index) {
    assert(index < core->peer_count);
    return core->peers[index]->boot;
}

struct outlook_text core_peer_outlook(const struct core *core, uint32_t index, struct instant now) {
    assert(index < core->peer_count);
    const struct peering *p = core->peers[index];
    struct detector_figures figures = detector_figures(&p->detector, now);
    return outlook_of(&p->verdict, &figures, p->detector.wish.detect_within, now);
}

const struct history_entry *core_peer_verdict_before(const struct core *core, uint32_t index,
                                                     uint32_t n) {
    assert(index < core->peer_count);
    return history_before(&core->peers[index]->history, n);
}

bool core_peer_view(const struct core *core, uint32_t index, uint32_t about,
                    struct beat_view *out) {
    assert(index < core->peer_count && about < core->peer_count);
    const struct peering_view *view = &core->peers[index]->views[about];
    if (view->known)
        *out = view->view;
    return view->known;
}

/* ---- nodes ----------------------------------------------------------------------------------- */

struct core_node_status core_node_status(const struct core *core, uint32_t index) {
    assert(index < core->node_count);
    const struct node *n = core->nodes[index];
    struct core_node_status s = {.policy = &n->policy,
                                 .registered = n->registered,
                                 .complete = n->complete,
                                 .boot = n->boot,
                                 .heard = n->heard,
                                 .lease = n->lease,
                                 .workers = n->media_count,
                                 .slots = n->credit.slots,
                                 .promised = credit_promised(core, n),
                                 .sessions = n->used_by_state[SESSION_STATE_COMMITTED],
                                 .standbys = n->used_by_state[SESSION_STATE_STANDBY] +
                                             n->used_by_state[SESSION_STATE_HEDGING],
                                 .opened = n->used_by_state[SESSION_STATE_OPENED],
                                 .orders = n->orders.count,
                                 .sources = n->sources,
                                 .source_count = n->source_count,
                                 .profiles = n->profiles,
                                 .profile_count = n->profile_count,
                                 .media = n->media,
                                 .starts = n->starts,
                                 .start_count = n->start_count,
                                 .late_ms = n->load.late_ms,
                                 .sheds = n->load.state == LOAD_STATE_SHEDDING};
    for (uint32_t i = 0; i < n->media_count; i++) {
        s.frames += n->workers[i].frames;
        s.resent += n->workers[i].resent;
        s.probes += n->workers[i].probes;
        s.probes_refused += n->workers[i].probes_refused;
        s.cpu_ms += n->workers[i].cpu_ms;
        s.restarts += n->workers[i].restarts;
    }
    return s;
}

/* ---- sessions and groups --------------------------------------------------------------------- */

static void show(const struct core *core, const struct session *s,
                 struct core_session_status *out) {
    uint8_t backup_count = s->group->key.backup_count;
    *out = (struct core_session_status){.id = s->id,
                                        .state = s->state,
                                        .epoch = s->epoch,
                                        .issuer = group_issuer(core, s->group),
                                        .service = group_service(core, s->group),
                                        .profile = interned_name(&core->interns, s->profile),
                                        .source = interned_name(&core->interns, s->source),
                                        .backup_count = backup_count,
                                        .node = s->node->policy.name,
                                        .worker = s->worker,
                                        .client = s->client,
                                        .since = s->since,
                                        .renewed = s->renewed,
                                        .last_frame = s->last_frame,
                                        .lost_before = s->lost_before,
                                        .lost_after = s->lost_after,
                                        .expected = s->expected,
                                        .rtt_us = s->rtt_us,
                                        .jitter_us = s->jitter_us,
                                        .move = s->move};
    for (uint8_t i = 0; i < backup_count; i++)
        out->backups[i] = group_backup(core, s->group, i);
}

bool core_session_next(const struct core *core, uint32_t *cursor, struct core_session_status *out) {
    const struct sessions *t = &core->sessions;
    while (*cursor < t->slot_count) {
        const struct session *s = t->slots[(*cursor)++];
        if (s == NULL)
            continue;
        show(core, s, out);
        return true;
    }
    return false;
}

bool core_session_find(const struct core *core, const struct session_id *id,
                       struct core_session_status *out) {
    const struct session *s = session_find(core, id);
    if (s != NULL)
        show(core, s, out);
    return s != NULL;
}

bool core_move_telling(const struct core *core, const struct session_id *id, struct name *to) {
    const struct wish *w = wishes_find(core, id);
    if (w != NULL)
        *to = w->to;
    return w != NULL;
}

void core_groups_begin(const struct core *core, struct core_group_cursor *cursor) {
    cursor->core = core;
    cursor->next = list_first(&core->groups.all);
}

bool core_group_next(struct core_group_cursor *cursor, struct core_group_status *out) {
    const struct core *core = cursor->core;
    if (cursor->next == NULL)
        return false;
    const struct group *g = LIST_ELEMENT(cursor->next, const struct group, all);
    *out = (struct core_group_status){.issuer = group_issuer(core, g),
                                      .service = group_service(core, g),
                                      .location = group_location(g),
                                      .backup_count = g->key.backup_count,
                                      .sessions = g->committed,
                                      .standbys = g->members - g->committed,
                                      .digest = g->digest};
    for (uint8_t i = 0; i < g->key.backup_count; i++)
        out->backups[i] = group_backup(core, g, i);
    cursor->next = list_after(&core->groups.all, cursor->next);
    return true;
}

const char *session_state_name(enum session_state s) {
    static const char *const names[] = {"opened", "standby", "hedging", "committed"};
    return (unsigned)s < sizeof(names) / sizeof(names[0]) ? names[s] : "?";
}
