#include "peerd/sim/player.h"

#include "peerd/core/pathways.h"
#include "peerd/sim/chronicle.h"
#include "peerd/sim/client.h"
#include "peerd/sim/kitchen.h"
#include "peerd/sim/narrative.h"
#include "peerd/sim/site.h"
#include "transcoder/hls/segments.h"

#include <stdlib.h>
#include <string.h>

#define TRIPS_NEW   3 /* handshake and request, one way each */
#define TRIPS_KEPT  1 /* a request over a connection that is there */
#define TTL         duration_s(5)
#define ROUND_PAUSE duration_ms(500)
#define APART       900 /* segments between where two players begin */
#define FRAME_US    20000

enum player_state {
    PLAYER_WAITING,
    PLAYER_ASKING, /* for its first list */
    PLAYER_PLAYING,
    PLAYER_OVER
};

/* What a SIM_PLAYER event is for, in the lowest bits of its number; above them the number of the
 * question or attempt that it is about. */
enum player_due {
    PLAYER_DUE_FETCH,
    PLAYER_DUE_LATE, /* no segment has come */
    PLAYER_DUE_STEER,
    PLAYER_DUE_SILENT /* no steward has answered */
};

struct sim_player {
    enum player_state state;
    uint32_t ways[PATHWAYS_MAX];
    uint32_t way_count;
    uint32_t at; /* of `ways` */
    uint32_t steward;
    uint32_t order_at;         /* of the clusters to begin with */
    uint32_t question;         /* newest */
    uint32_t attempt;          /* newest */
    bool asked;                /* the question has no answer yet */
    bool fetching;             /* the attempt has none */
    uint32_t segment;          /* next */
    uint32_t refused_in_a_row; /* by how many pathways */
    uint32_t served_by;        /* whose segment was the latest; UINT32_MAX: it has none */
    struct instant began;      /* "never" before the first segment */
    struct instant dry;        /* what it holds lasts until then */
    struct instant served_from;
    uint64_t stalled_us, longest_us;
    uint32_t refused; /* 404 */
};

/* Of a steward's answer. */
struct sim_steering {
    uint32_t ways[PATHWAYS_MAX];
    uint32_t count;
    uint32_t steward;
};

bool sim_is_player(const struct sim *sim, const struct sim_client *client) {
    return !name_is_empty(&sim->scenario->clients[client->group].stream);
}

void sim_players_init(struct sim *sim) {
    if (sim->scenario->stream_count > 0)
        sim->players = sim_alloc(sim->client_count, sizeof(*sim->players));
}

void sim_players_free(struct sim *sim) {
    free(sim->players);
}

static struct sim_player *player(const struct sim *sim, uint32_t client) {
    return &sim->players[client];
}

bool sim_player_plays(const struct sim *sim, const struct sim_client *client) {
    const struct sim_player *p = player(sim, client->index);
    return p->state == PLAYER_ASKING || p->state == PLAYER_PLAYING;
}

static void later(struct sim *sim, uint32_t client, struct duration after, enum player_due what,
                  uint32_t number) {
    sim_put(sim, after,
            &(struct sim_event){
                .kind = SIM_PLAYER, .a = client, .n = (uint64_t)number << 2 | (uint64_t)what});
}

static uint32_t end_of(const struct sim *sim, uint32_t client) {
    return sim_network_group(&sim->network, sim->clients[client].group);
}

/* ---- where to go ----------------------------------------------------------------------------- */

static void ask(struct sim *sim, uint32_t client) {
    struct sim_player *p = player(sim, client);
    const struct sim_client *c = &sim->clients[client];
    uint32_t order[SCENARIO_OPEN_AT_MAX], to = p->steward;
    struct instant at;
    if (p->state == PLAYER_ASKING) {
        scenario_client_order(sim->scenario, c->group, c->number, order);
        to = order[p->order_at];
    }
    p->question++;
    p->asked = true;
    bool connects =
        sim_network_stream(&sim->network, end_of(sim, client), to, TRIPS_NEW, sim->now, &at);
    if (connects)
        sim_put_at(sim, at,
                   &(struct sim_event){.kind = SIM_STEER, .a = to, .b = client, .n = p->question});
    later(sim, client, connects ? SIM_OPEN_WAIT : SIM_CONNECT_WAIT, PLAYER_DUE_SILENT, p->question);
}

/* Whoever plays asks the same steward again when it is time, as players do. */
static void not_answered(struct sim *sim, uint32_t client) {
    struct sim_player *p = player(sim, client);
    const struct sim_client *c = &sim->clients[client];
    uint32_t order[SCENARIO_OPEN_AT_MAX];
    p->asked = false;
    if (p->state == PLAYER_PLAYING) {
        later(sim, client, TTL, PLAYER_DUE_STEER, p->question);
        return;
    }
    bool all = ++p->order_at == scenario_client_order(sim->scenario, c->group, c->number, order);
    if (all)
        p->order_at = 0;
    later(sim, client, all ? ROUND_PAUSE : DURATION_ZERO, PLAYER_DUE_STEER, p->question);
}

static uint32_t cluster_of(const struct sim *sim, const struct name *name) {
    uint32_t i = 0;
    while (i < sim->site_count && !name_equal(&sim->sites[i].policy.cluster.name, name))
        i++;
    return i;
}

/* Whose client door that is, among those listed; its own if none. */
static uint32_t steward_of(const struct sim *sim, const struct core_pathways *ways, uint32_t own) {
    for (uint32_t i = 0; i < ways->count; i++)
        if (ways->steers != NULL && ways->list[i].door != NULL &&
            strcmp(ways->list[i].door, ways->steers) == 0)
            return cluster_of(sim, &ways->list[i].cluster);
    return own;
}

static void reply(struct sim *sim, uint32_t from, uint32_t client, uint64_t question,
                  struct sim_steering *body) {
    struct instant at;
    if (sim_network_stream(&sim->network, from, end_of(sim, client), 1, sim->now, &at))
        sim_put_at(sim, at,
                   &(struct sim_event){
                       .kind = SIM_STEERED, .a = client, .b = from, .n = question, .body = body});
    else
        free(body);
}

/* At the client door of a peerd: peerd/io/streams.c. */
void sim_player_asks(struct sim *sim, const struct sim_event *e) {
    struct sim_site *site = &sim->sites[e->a];
    const struct sim_client *c = &sim->clients[e->b];
    const struct sim_player *p = player(sim, e->b);
    const struct name *stream = &sim->scenario->clients[c->group].stream;
    const struct addr from = sim_client_addr(sim, e->b);
    struct name at = {{0}};
    struct core_pathways ways;
    struct core_event sent;
    if (!sim_network_open(&sim->network, end_of(sim, e->b), e->a))
        return;
    if (site->core == NULL) {
        reply(sim, e->a, e->b, e->n, NULL);
        return;
    }
    if (sim_process_holds(sim, &site->peerd, e))
        return;
    if (p->state == PLAYER_PLAYING)
        at = sim->sites[p->ways[p->at]].policy.cluster.name;
    if (core_pathways(site->core, stream, &from, &at, &ways) != ERR_OK) {
        reply(sim, e->a, e->b, e->n, NULL);
        return;
    }
    struct sim_steering *body = sim_alloc(1, sizeof(*body));
    for (; body->count < ways.count; body->count++)
        body->ways[body->count] = cluster_of(sim, &ways.list[body->count].cluster);
    body->steward = steward_of(sim, &ways, e->a);
    reply(sim, e->a, e->b, e->n, body);
    if (core_pathways_sent(&ways, stream, &from, &at, &sent))
        sim_site_step(sim, site, &sent);
}

/* ---- segments -------------------------------------------------------------------------------- */

static void fetch(struct sim *sim, uint32_t client) {
    struct sim_player *p = player(sim, client);
    uint32_t to = p->ways[p->at];
    struct instant at;
    p->attempt++;
    p->fetching = true;
    if (sim_network_stream(&sim->network, end_of(sim, client), to, TRIPS_KEPT, sim->now, &at))
        sim_put_at(sim, at,
                   &(struct sim_event){.kind = SIM_SEGMENT,
                                       .a = to,
                                       .b = client,
                                       .n = (uint64_t)p->segment << 32 | p->attempt});
    later(sim, client, PLAYER_WAIT, PLAYER_DUE_LATE, p->attempt);
}

/* That one did not give it. */
static void try_next(struct sim *sim, uint32_t client) {
    struct sim_player *p = player(sim, client);
    p->fetching = false;
    p->refused_in_a_row++;
    p->at = (p->at + 1) % p->way_count;
    p->attempt++;
    later(sim, client, p->refused_in_a_row % p->way_count == 0 ? PLAYER_PAUSE : DURATION_ZERO,
          PLAYER_DUE_FETCH, p->attempt);
}

static uint64_t since_us(struct instant now, struct instant then) {
    return (uint64_t)instant_since(now, then).us;
}

static void stood_still(struct sim *sim, uint32_t client) {
    struct sim_player *p = player(sim, client);
    uint64_t us = since_us(sim->now, p->dry);
    sim_chronicle_player_stood(sim, &sim->clients[client], p->dry, us);
    p->stalled_us += us;
    p->longest_us = us > p->longest_us ? us : p->longest_us;
    p->served_from = sim->now;
}

/* It holds so much media; the next segment is asked for when there is room for it. */
static void got(struct sim *sim, uint32_t client) {
    struct sim_player *p = player(sim, client);
    const struct scenario_clients *g = &sim->scenario->clients[sim->clients[client].group];
    const struct duration segment = duration_ms(SEGMENT_MS);
    p->fetching = false;
    p->refused_in_a_row = 0;
    p->segment++;
    if (instant_is_never(p->began))
        p->began = p->served_from = p->dry = sim->now;
    else if (instant_before(p->dry, sim->now))
        stood_still(sim, client);
    if (p->served_by != p->ways[p->at])
        sim_chronicle_player_served(sim, &sim->clients[client], p->ways[p->at]);
    p->served_by = p->ways[p->at];
    p->dry = instant_add(instant_max(p->dry, sim->now), segment);
    struct instant room = instant_sub(instant_add(p->dry, segment), g->buffer);
    struct duration wait = instant_since(room, sim->now);
    later(sim, client, wait.us > 0 ? wait : DURATION_ZERO, PLAYER_DUE_FETCH, p->attempt);
}

void sim_player_answered(struct sim *sim, const struct sim_event *e) {
    struct sim_player *p = player(sim, e->a);
    bool reached = sim_network_open(&sim->network, e->b, end_of(sim, e->a));
    if (p->state != PLAYER_PLAYING || !p->fetching || e->n >> 2 != p->attempt || !reached)
        return;
    p->refused += (e->n & 3) == SIM_KITCHEN_NO;
    if ((e->n & 3) == SIM_KITCHEN_HAVE)
        got(sim, e->a);
    else
        try_next(sim, e->a);
}

/* ---- steered --------------------------------------------------------------------------------- */

/* Its first answer, or another one: what it waits for elsewhere it asks for there. */
static void take(struct sim *sim, uint32_t client, const struct sim_steering *s) {
    struct sim_player *p = player(sim, client);
    bool first = p->state == PLAYER_ASKING;
    uint32_t before = first ? UINT32_MAX : p->ways[p->at];
    memcpy(p->ways, s->ways, sizeof(p->ways));
    p->way_count = s->count;
    p->at = 0;
    p->steward = s->steward;
    p->state = PLAYER_PLAYING;
    if (first)
        later(sim, client, DURATION_ZERO, PLAYER_DUE_FETCH, p->attempt);
    if (first || before == p->ways[0])
        return;
    sim_narrative_fact(sim, "%s is sent from %s to %s",
                       sim_client_name(sim, &sim->clients[client]).text,
                       sim->sites[before].policy.cluster.name.text,
                       sim->sites[p->ways[0]].policy.cluster.name.text);
    if (p->fetching)
        fetch(sim, client);
}

void sim_player_steered(struct sim *sim, const struct sim_event *e) {
    struct sim_player *p = player(sim, e->a);
    struct sim_steering *body = e->body;
    bool reached = sim_network_open(&sim->network, e->b, end_of(sim, e->a));
    if (sim_player_plays(sim, &sim->clients[e->a]) && p->asked && e->n == p->question && reached) {
        if (body == NULL) {
            not_answered(sim, e->a);
        } else {
            p->asked = false;
            take(sim, e->a, body);
            later(sim, e->a, TTL, PLAYER_DUE_STEER, p->question);
        }
    }
    free(body);
}

/* ---- time ------------------------------------------------------------------------------------ */

void sim_player_due(struct sim *sim, const struct sim_event *e) {
    struct sim_player *p = player(sim, e->a);
    uint32_t number = (uint32_t)(e->n >> 2);
    if (!sim_player_plays(sim, &sim->clients[e->a]))
        return;
    switch ((enum player_due)(e->n & 3)) {
    case PLAYER_DUE_FETCH:
        if (number == p->attempt && !p->fetching)
            fetch(sim, e->a);
        return;
    case PLAYER_DUE_LATE:
        if (number == p->attempt && p->fetching)
            try_next(sim, e->a);
        return;
    case PLAYER_DUE_STEER:
        if (number == p->question && !p->asked)
            ask(sim, e->a);
        return;
    case PLAYER_DUE_SILENT:
        if (number == p->question && p->asked)
            not_answered(sim, e->a);
        return;
    }
}

void sim_player_starts(struct sim *sim, const struct sim_client *client) {
    struct sim_player *p = player(sim, client->index);
    if (p->state != PLAYER_WAITING)
        return;
    *p = (struct sim_player){.state = PLAYER_ASKING,
                             .began = INSTANT_NEVER,
                             .dry = INSTANT_NEVER,
                             .served_by = UINT32_MAX,
                             .segment = client->index % 4096 * APART};
    ask(sim, client->index);
}

void sim_player_leaves(struct sim *sim, const struct sim_client *client) {
    struct sim_player *p = player(sim, client->index);
    if (p->state == PLAYER_PLAYING && p->served_by != UINT32_MAX)
        sim_chronicle_player_served(sim, client, UINT32_MAX);
    p->state = PLAYER_OVER;
}

/* ---- at the end ------------------------------------------------------------------------------ */

void sim_player_report(struct sim *sim, const struct sim_client *client,
                       struct report_client *out) {
    const struct sim_player *p = player(sim, client->index);
    bool begun = sim_player_plays(sim, client) && !instant_is_never(p->began);
    bool dry = begun && instant_before(p->dry, sim->now);
    uint64_t now_us = dry ? since_us(sim->now, p->dry) : 0;
    if (dry)
        sim_chronicle_player_stood(sim, client, p->dry, now_us);
    uint64_t longest_us = now_us > p->longest_us ? now_us : p->longest_us;
    *out = (struct report_client){.outcome = p->state == PLAYER_OVER ? "left"
                                             : begun                 ? "playing"
                                                                     : "nothing to play",
                                  .group = client->group,
                                  .left = p->state == PLAYER_OVER || p->state == PLAYER_WAITING,
                                  .served_from_ms = REPORT_UNSERVED,
                                  .gap_max_ms = (int64_t)(longest_us / 1000),
                                  .frames_lost = (p->stalled_us + now_us) / FRAME_US,
                                  .hedges = p->refused};
    if (!begun)
        return;
    out->served_by = sim->sites[p->ways[p->at]].policy.cluster.name.text;
    out->frames_expected = since_us(sim->now, p->began) / FRAME_US;
    if (!dry)
        out->served_from_ms = duration_in_ms(instant_since(p->served_from, sim->zero));
}
