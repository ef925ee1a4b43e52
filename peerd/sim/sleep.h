/*
 * Sleep: listeners at whom nothing happens are not simulated, and are the same when they wake.
 *
 * A listener whose ways are delay alone, who has what it needs and waits for no answer, is in the
 * same state a while later but for the time (transcoder/timeline/witness_rest.h). So it sleeps: no
 * frames, reports, hellos or standbys are sent, its leases at the serving and the warm worker stand
 * still, and some eighty bytes are left of its witness (nap.h). Whatever could disturb it wakes it
 * first: it is restored at the last instant at which nothing was under way, and what happened since
 * is simulated in full, so that packets in the air are there. Then the disturbance takes place.
 *
 *   wakes                                        called by
 *   a change of a site, its processes, ways      timeline.c, before it happens
 *   an order, a drain, credit that runs out      the node that hears of it
 *   a message, its own leaving                   itself
 *   a ticket that expires, a source that ends    its deadline
 *
 * A further backup that can no longer be reached, or can again, does not wake anybody unless it
 * would become the warm one: the record is brought up to date (sim_sleep_after). Who was refused by
 * a backup and told to come again later sleeps until then: where a region is gone the others are
 * full, and thousands ask once a second. Listeners and nodes whose clocks drift do not sleep,
 * nor does anybody where it is followed how listeners fare, since who sleeps reports nothing, or
 * where DNS names the peers, who come and go.
 */
#ifndef PEERD_SIM_SLEEP_H
#define PEERD_SIM_SLEEP_H

#include "peerd/sim/world.h"

#define SIM_SLEEP_CREDIT duration_s(2) /* before credit runs out nobody sleeps on a standby */

/* True if anybody may sleep in such a run. */
bool sim_sleep_is_drawn(const struct sim_options *options);

/* Puts it to sleep if it can; after a step that left it open. */
void sim_sleep_try(struct sim *sim, struct sim_client *client);

/* Wakes it, if it sleeps. Not from within a step of its own or of its workers. */
void sim_sleep_wake(struct sim *sim, struct sim_client *client);
void sim_sleep_wake_worker(struct sim *sim, const struct sim_worker *worker);
void sim_sleep_wake_all(struct sim *sim);

/* Something is about to happen to these clusters (NULL: to any): wakes whom it may concern. Where
 * it is `unsure` whether what is asked there will be answered, those with a further backup there,
 * too. */
void sim_sleep_before(struct sim *sim, const bool *hit, bool unsure);

/* It has happened, or a worker has come back since: looks at everybody's further backups. */
void sim_sleep_after(struct sim *sim);

/* Where there are many a few workers more are waited for: what matters is when they turned. */
bool sim_sleep_may_wait(const struct sim *sim);

/* A worker can be reached, or not, from now on. */
void sim_sleep_turned(struct sim *sim, struct sim_worker *worker);

/* True if it sleeps although something is wrong: somebody forgot to wake it. */
bool sim_sleep_is_disturbed(struct sim *sim, const struct sim_client *client);

/* Cluster that serves a sleeper, and what it has heard up to now. */
uint32_t sim_sleep_served_by(const struct sim *sim, const struct sim_client *client);
struct sim_heard sim_sleep_heard(const struct sim *sim, const struct sim_client *client);

void sim_sleep_free(struct sim_client *client);

#endif
