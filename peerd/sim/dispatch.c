#include "peerd/sim/chronicle.h"
#include "peerd/sim/client.h"
#include "peerd/sim/crowd.h"
#include "peerd/sim/discovery.h"
#include "peerd/sim/invariants.h"
#include "peerd/sim/kitchen.h"
#include "peerd/sim/node.h"
#include "peerd/sim/player.h"
#include "peerd/sim/site.h"
#include "peerd/sim/timeline.h"
#include "peerd/sim/worker.h"

#include <stdlib.h>

/* Events: whom each one is for, and what becomes of one that is for nobody any more. */

void sim_event_drop(struct sim *sim, struct sim_event *e) {
    switch (e->kind) {
    case SIM_CALL:
    case SIM_CALL_ANSWERED:
    case SIM_CALL_FAILED:
        sim_call_drop(sim, e->body);
        return;
    case SIM_POLL_ASKED: {
        struct sim_poll *poll = e->body;
        node_request_free(&poll->request);
        break;
    }
    case SIM_POLL_ANSWERED:
        node_answer_free(e->body);
        break;
    case SIM_TO_CLIENT:
    case SIM_TO_WORKER:
    case SIM_NACK:
    case SIM_BEAT:
    case SIM_BEAT_TO_NODE:
        sim_body_free(&sim->bodies, e->body);
        return;
    case SIM_MEDIA:
    case SIM_RESOLVED:
    case SIM_PEERS_FOUND:
    case SIM_OPEN:
    case SIM_OPEN_ANSWERED:
    case SIM_OPEN_FAILED:
    case SIM_OPEN_AGAIN:
    case SIM_CLIENT_STARTS:
    case SIM_CLIENT_VANISHES:
    case SIM_CLIENT_LEAVES:
    case SIM_POLL:
    case SIM_POLL_FAILED:
    case SIM_POLL_REFUSED:
    case SIM_NODE_TICK:
    case SIM_PEERD_STARTS:
    case SIM_NODE_STARTS:
    case SIM_WORKER_STARTS:
    case SIM_TIMELINE:
    case SIM_PLAYER:
    case SIM_STEER:
    case SIM_STEERED:
    case SIM_SEGMENT:
    case SIM_SEGMENT_ANSWERED:
    case SIM_KITCHEN:
    case SIM_LEASE_DUE:
    case SIM_CHECK:
        break;
    }
    free(e->body);
}

static void check_due(struct sim *sim, const struct sim_event *e) {
    sim_put(sim, duration_s(1), e);
    sim_chronicle_look(sim);
    sim_kitchen_look(sim);
    sim_invariants_check(sim);
}

/* A flat switch: one kind of event a case. */
void sim_dispatch(struct sim *sim, const struct sim_event *e) {
    switch (e->kind) {
    case SIM_MEDIA:
        sim_client_media_received(sim, e);
        return;
    case SIM_TO_CLIENT:
        sim_client_message_received(sim, e);
        return;
    case SIM_TO_WORKER:
    case SIM_NACK:
        sim_door_received(sim, e);
        return;
    case SIM_BEAT:
        sim_site_beat_received(sim, e);
        return;
    case SIM_BEAT_TO_NODE:
        sim_node_beat_received(sim, e);
        return;
    case SIM_CALL:
        sim_call_asked(sim, e);
        return;
    case SIM_CALL_ANSWERED:
        sim_call_answered(sim, e);
        return;
    case SIM_CALL_FAILED:
        sim_call_failed(sim, e);
        return;
    case SIM_RESOLVED:
        sim_discovery_resolved(sim, e);
        return;
    case SIM_PEERS_FOUND:
        sim_discovery_found(sim, e);
        return;
    case SIM_OPEN:
        sim_site_open_asked(sim, e);
        return;
    case SIM_OPEN_ANSWERED:
        sim_opening_answered(sim, e);
        return;
    case SIM_OPEN_FAILED:
        sim_opening_failed(sim, e);
        return;
    case SIM_OPEN_AGAIN:
        sim_opening_again(sim, e);
        return;
    case SIM_CLIENT_STARTS:
        sim_crowd_starts(sim, e);
        return;
    case SIM_CLIENT_VANISHES:
        sim_crowd_vanishes(sim, e);
        return;
    case SIM_CLIENT_LEAVES:
        sim_crowd_leaves(sim, e);
        return;
    case SIM_POLL:
        sim_node_poll_due(sim, e);
        return;
    case SIM_POLL_ASKED:
        sim_site_polled(sim, e);
        return;
    case SIM_POLL_ANSWERED:
        sim_node_poll_answered(sim, e);
        return;
    case SIM_POLL_FAILED:
        sim_node_poll_failed(sim, e);
        return;
    case SIM_POLL_REFUSED:
        sim_node_poll_refused(sim, e);
        return;
    case SIM_NODE_TICK:
        sim_node_tick(sim, e);
        return;
    case SIM_PEERD_STARTS:
        sim_site_started(sim, e);
        sim_chronicle_look_at(sim, e->a);
        return;
    case SIM_NODE_STARTS:
        sim_node_started(sim, e);
        sim_chronicle_look_at(sim, sim->nodes[e->a].cluster);
        return;
    case SIM_WORKER_STARTS:
        sim_worker_started(sim, e);
        sim_chronicle_look_at(sim, sim->workers[e->a].cluster);
        return;
    case SIM_TIMELINE:
        sim_timeline_entry(sim, e);
        return;
    case SIM_PLAYER:
        sim_player_due(sim, e);
        return;
    case SIM_STEER:
        sim_player_asks(sim, e);
        return;
    case SIM_STEERED:
        sim_player_steered(sim, e);
        return;
    case SIM_SEGMENT:
        sim_kitchen_asked(sim, e);
        return;
    case SIM_SEGMENT_ANSWERED:
        sim_player_answered(sim, e);
        return;
    case SIM_KITCHEN:
        sim_kitchen_due(sim, e);
        return;
    case SIM_LEASE_DUE:
        sim_invariants_lease_due(sim, e);
        return;
    case SIM_CHECK:
        check_due(sim, e);
        return;
    }
}
