#include "peerd/sim/world.h"
#include "topo/location.h"

/* Addresses of the simulated world. Nothing ever listens on them. */

#define MEDIA_PORT 7700
#define BEATS_PORT 7600

static struct addr of_machine(uint32_t cluster, uint32_t node, uint16_t port) {
    const uint8_t ip[4] = {10, (uint8_t)(cluster >> 8), (uint8_t)cluster, (uint8_t)(node + 1)};
    return addr_ipv4(ip, port);
}

struct addr sim_worker_addr(const struct sim *sim, const struct sim_worker *worker) {
    return of_machine(worker->cluster, sim->nodes[worker->node].number,
                      (uint16_t)(MEDIA_PORT + worker->number));
}

struct addr sim_node_addr(const struct sim_node *node) {
    return of_machine(node->cluster, node->number, BEATS_PORT);
}

/* ---- listeners ------------------------------------------------------------------------------- */

#define NETWORK 256 /* addresses of a location, see topo/location.h */

/* Those of a group that begin at one cluster are neighbours; where there are many of them they
 * have networks of their own. */
static uint32_t neighbours_of(const struct scenario_clients *g, uint32_t starts) {
    uint32_t most = (g->count + starts - 1) / starts;
    return most < NETWORK / 4 ? most : (most + NETWORK - 1) / NETWORK * NETWORK;
}

static uint32_t starts_of(const struct scenario *s, const struct scenario_clients *g) {
    uint32_t all = g->open_at_count > 0 ? g->open_at_count : s->cluster_count;
    return g->spread && all > 1 ? all : 1;
}

/* Gives the group the addresses from `first` on; returns how many. */
static uint32_t number_group(struct sim *sim, uint32_t group, uint32_t first) {
    const struct scenario_clients *g = &sim->scenario->clients[group];
    uint32_t starts = starts_of(sim->scenario, g);
    sim->streams[group].starts = starts;
    sim->streams[group].neighbours = starts == 1 ? 0 : neighbours_of(g, starts);
    sim->streams[group].first_addr = first;
    return starts == 1 ? g->count : starts * sim->streams[group].neighbours;
}

void sim_number_networks(struct sim *sim) {
    const struct scenario *s = sim->scenario;
    uint32_t first = 0;
    for (uint32_t i = 0; i < s->client_group_count; i++)
        if (name_is_empty(&s->clients[i].network))
            first += number_group(sim, i, first);
    for (uint32_t i = 0; i < s->client_group_count; i++) {
        const struct name *network = &s->clients[i].network;
        bool begun = name_is_empty(network);
        for (uint32_t k = 0; k < i && !begun; k++)
            begun = name_equal(&s->clients[k].network, network);
        if (begun) /* with the first that names it, or above */
            continue;
        first = (first + NETWORK - 1) / NETWORK * NETWORK;
        for (uint32_t k = i; k < s->client_group_count; k++)
            if (name_equal(&s->clients[k].network, network))
                first += number_group(sim, k, first);
    }
}

static struct addr of_listener(uint32_t n) {
    const uint8_t ip[4] = {172, (uint8_t)(16 + (n >> 16)), (uint8_t)(n >> 8), (uint8_t)n};
    return addr_ipv4(ip, 5004);
}

struct addr sim_client_addr(const struct sim *sim, uint32_t client) {
    const struct sim_client *c = &sim->clients[client];
    const struct sim_stream *g = &sim->streams[c->group];
    return of_listener(g->first_addr + c->number % g->starts * g->neighbours +
                       c->number / g->starts);
}

uint32_t sim_group_at(const struct sim *sim, const struct prefix *location) {
    for (uint32_t i = 0; i < sim->scenario->client_group_count; i++) {
        const struct sim_stream *g = &sim->streams[i];
        uint32_t all = g->starts == 1 ? sim->scenario->clients[i].count : g->starts * g->neighbours;
        for (uint32_t n = g->first_addr; n < g->first_addr + all; n += NETWORK - n % NETWORK) {
            const struct addr addr = of_listener(n);
            const struct prefix at = location_of(&addr);
            if (location_equal(&at, location))
                return i;
        }
    }
    return UINT32_MAX;
}

uint32_t sim_cluster_at(const struct sim *sim, const struct addr *addr) {
    uint32_t cluster = (uint32_t)addr->ip[1] << 8 | addr->ip[2];
    return addr->family == 4 && addr->ip[0] == 10 && cluster < sim->site_count ? cluster
                                                                               : UINT32_MAX;
}

/* NULL if no machine has it. */
static const struct sim_place *place_at(const struct sim *sim, const struct addr *addr) {
    uint32_t cluster = sim_cluster_at(sim, addr);
    if (cluster == UINT32_MAX || addr->ip[3] == 0 || addr->ip[3] > sim->places[cluster].node_count)
        return NULL;
    return &sim->places[cluster];
}

uint32_t sim_node_at(const struct sim *sim, const struct addr *addr) {
    const struct sim_place *place = place_at(sim, addr);
    return place == NULL ? UINT32_MAX : place->first_node + addr->ip[3] - 1;
}

uint32_t sim_worker_at(const struct sim *sim, const struct addr *addr) {
    const struct sim_place *place = place_at(sim, addr);
    if (place == NULL || addr->port < MEDIA_PORT || addr->port - MEDIA_PORT >= (int)place->workers)
        return UINT32_MAX;
    return place->first_worker + (addr->ip[3] - 1U) * place->workers + addr->port - MEDIA_PORT;
}
