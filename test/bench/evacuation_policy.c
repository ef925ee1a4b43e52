#include "test/bench/evacuation_policy.h"

#include "test/bench/sheet.h"

#include <stdio.h>
#include <string.h>

#define NODE_SESSIONS 7800 /* of the one that is left: some room is to remain */
#define PLACES        250  /* of listeners */

struct key_pair evacuation_key(uint8_t cluster) {
    struct key_pair pair;
    uint8_t seed[KEY_BYTES] = {(uint8_t)(cluster + 1)};
    key_pair_from_seed(&pair, seed);
    return pair;
}

struct name evacuation_name(uint8_t cluster) {
    struct name n;
    char text[16];
    snprintf(text, sizeof(text), cluster == 0 ? "fra1" : "peer%u", cluster);
    name_set(&n, text);
    return n;
}

static void fill_limits(struct policy *p, uint32_t per_s) {
    p->detection = (struct policy_detection){.detect_within = duration_ms(400),
                                             .false_alarm_every = duration_s(3600),
                                             .interval = duration_ms(100)};
    p->limits = (struct policy_limits){.sessions_max = 200000,
                                       .opens_per_s = 1000,
                                       .session_lease = duration_s(10),
                                       .credit_lease = duration_s(300),
                                       .ticket_life = duration_s(3600),
                                       .clock_skew = duration_s(5),
                                       .node_lease = duration_s(3),
                                       .node_poll = duration_ms(EVACUATION_POLL_MS),
                                       .drain_deadline = duration_s(30),
                                       .drain_per_s = per_s,
                                       .hedge_ms_max = 500,
                                       .hedges_per_minute = 10};
}

void evacuation_policy(struct policy *p, const struct evacuation_setup *setup, uint8_t at) {
    uint32_t capacity = at == 0 ? setup->sessions + 5000 : setup->room;
    uint32_t nodes = at == 0 ? (setup->sessions + NODE_SESSIONS - 1) / NODE_SESSIONS
                             : (setup->room + NODE_SESSIONS - 1) / NODE_SESSIONS;
    p->cluster.name = evacuation_name(at);
    name_set(&p->cluster.provider, "acme");
    p->service_count = p->profile_count = p->source_count = 1;
    name_set(&p->services[0].name, "radio");
    p->services[0].capacity = capacity;
    p->services[0].profile_count = 1;
    name_set(&p->services[0].profiles[0], "opus");
    name_set(&p->profiles[0].name, "opus");
    name_set(&p->profiles[0].codec, "opus");
    name_set(&p->sources[0].name, "news");
    if (nodes > POLICY_NODES_MAX)
        sheet_die("too many nodes");
    for (uint32_t i = 0; i < nodes; i++) {
        char text[16];
        snprintf(text, sizeof(text), "n%u", i + 1);
        name_set(&p->nodes[p->node_count++].name, text);
    }
    for (uint8_t i = 0; i < EVACUATION_CLUSTERS; i++) {
        struct policy_peer *peer = &p->peers[p->peer_count];
        if (i == at)
            continue;
        p->peer_count++;
        peer->name = evacuation_name(i);
        peer->key = evacuation_key(i).public_key;
        peer->accept_moves = peer->offer_moves = true;
        peer->reserved_slots = i == 0 ? setup->room / 2 : 0;
    }
    fill_limits(p, setup->per_s);
}

struct session_id evacuation_id(uint32_t session) {
    struct session_id id;
    uint64_t mixed = (session + 1) * 0x9e3779b97f4a7c15u;
    memset(id.bytes, 0x5a, sizeof(id.bytes));
    memcpy(id.bytes, &mixed, sizeof(mixed));
    memcpy(id.bytes + sizeof(mixed), &session, sizeof(session));
    return id;
}

void evacuation_session(struct node_session *s, uint32_t session) {
    uint32_t place = session % PLACES;
    *s = (struct node_session){.session = evacuation_id(session),
                               .backup_count = 2,
                               .expires_s = EVACUATION_WALL_US / 1000000 + 3600,
                               .purpose = RESUME_COMMIT,
                               .lease_ms = 9500,
                               .expected = 1000,
                               .rtt_us = 25000,
                               .jitter_us = 1800};
    s->issuer = evacuation_name(0);
    name_set(&s->service, "radio");
    name_set(&s->profile, "opus");
    name_set(&s->source, "news");
    for (uint32_t i = 0; i < s->backup_count; i++)
        s->backups[i] = evacuation_name((uint8_t)(1 + (place + i) % EVACUATION_PEERS));
    s->client = addr_ipv4(
        (uint8_t[4]){20, (uint8_t)(place >> 4), (uint8_t)(place << 4), (uint8_t)(session / PLACES)},
        (uint16_t)(5004 + session / PLACES / 256));
}
