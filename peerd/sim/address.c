#include "peerd/sim/world.h"

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

struct addr sim_client_addr(uint32_t client) {
    const uint8_t ip[4] = {172, (uint8_t)(16 + (client >> 16)), (uint8_t)(client >> 8),
                           (uint8_t)client};
    return addr_ipv4(ip, 5004);
}

uint32_t sim_client_at(const struct addr *addr) {
    return (uint32_t)(addr->ip[1] - 16) << 16 | (uint32_t)addr->ip[2] << 8 | addr->ip[3];
}

uint32_t sim_cluster_at(const struct sim *sim, const struct addr *addr) {
    uint32_t cluster = (uint32_t)addr->ip[1] << 8 | addr->ip[2];
    return addr->family == 4 && addr->ip[0] == 10 && cluster < sim->site_count ? cluster
                                                                               : UINT32_MAX;
}

uint32_t sim_node_at(const struct sim *sim, const struct addr *addr) {
    uint32_t cluster = sim_cluster_at(sim, addr);
    if (cluster == UINT32_MAX || addr->ip[3] == 0 || addr->ip[3] > sim->sites[cluster].node_count)
        return UINT32_MAX;
    return sim->sites[cluster].first_node + addr->ip[3] - 1;
}

uint32_t sim_worker_at(const struct sim *sim, const struct addr *addr) {
    uint32_t node = sim_node_at(sim, addr);
    if (node == UINT32_MAX || addr->port < MEDIA_PORT ||
        addr->port - MEDIA_PORT >= (int)sim->nodes[node].worker_count)
        return UINT32_MAX;
    return sim->nodes[node].first_worker + addr->port - MEDIA_PORT;
}
