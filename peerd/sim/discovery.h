/*
 * Discovery under virtual time: the machine of topo/find.h beside each core of a scenario with
 * `discovery`, as peerd/io/discovery.c drives it, and the resolver that it asks.
 *
 *   find --ask domain--> resolver of the site: the records, lies, no such name, nothing
 *        --fetch-------> the cluster itself, over the network (call.c), if it holds the claimed key
 *        --new peers---> the site's policy and its core
 *
 * A resolver is none of the site's processes. What was found is the peerd's alone: one that is
 * started again knows nobody until it has asked. Its nodes know whom it told them last. Nobody is
 * introduced.
 */
#ifndef PEERD_SIM_DISCOVERY_H
#define PEERD_SIM_DISCOVERY_H

#include "peerd/sim/world.h"

/* Makes what is kept of it, if the scenario has need of it. */
void sim_discovery_init(struct sim *sim, struct sim_site *site);
void sim_discovery_free(struct sim_site *site);

/* Its peerd starts, before there is a core: nobody is known. Then, with a core, it asks. */
void sim_discovery_starts(struct sim *sim, struct sim_site *site);
void sim_discovery_begins(struct sim *sim, struct sim_site *site);

/* By the site's clock; "never" without discovery. */
struct instant sim_discovery_deadline(const struct sim_site *site);
void sim_discovery_due(struct sim *sim, struct sim_site *site);

/* The timeline: from now on it does this with questions, those that wait included. */
void sim_discovery_resolver(struct sim *sim, struct sim_site *site, enum scenario_resolver does);

/* Keys. True if a site and a cluster that it calls, or whose beat came, go by each other's; without
 * discovery they do. */
bool sim_discovery_opens(const struct sim *sim, const struct sim_site *site, uint32_t from);

/* Whoever asks may have its description: it has heard of its key. */
bool sim_discovery_may_ask(const struct sim *sim, const struct sim_site *site, uint32_t asker);

/* What became of a call that fetched a description; NULL: nothing. Of a peer's, which the core had
 * wanted, it is told as well. */
void sim_discovery_fetched(struct sim *sim, struct sim_site *site, const struct public_key *key,
                           const struct description *d);
void sim_discovery_described(struct sim *sim, struct sim_site *site, uint32_t peer,
                             const struct description *d);

/* Events. */
void sim_discovery_resolved(struct sim *sim, const struct sim_event *e);
void sim_discovery_found(struct sim *sim, const struct sim_event *e);

/* Asserts what must always hold. */
void sim_discovery_check(const struct sim_site *site);

#endif
