/*
 * What must be true whatever happens. A breach ends the run.
 *
 * Checked after each step, at the cost of what the step touched:
 *  1. One lease-holder. Of the workers that believe to serve a session no two do so under the same
 *     epoch, and no epoch is newer than the newest that its client has given out. A worker whose
 *     client neither follows it nor asks it to serve is *unwanted*: it may linger until its lease
 *     ends, that is for session_lease and SLACK after the client turned away, and no longer; nor
 *     does a hot standby that its client has given up. So two send, and more only so long. Nor
 *     does a cluster fence whom the client follows under the newest.
 *  2. Epochs only grow: a client's, and a session's at each worker; a grant names the newest. Once
 *     a second a worker is asked under one before it, or told of one that it never granted, and
 *     must refuse. What a client sends speaks for the newest that it gave out.
 *  3. Leases: what was not renewed for a lease is held no more; what was, is; a client is told the
 *     truth of it; an ended session fences for longer than a cookie lives, and one whose end is
 *     being told is not renewed.
 *  4. Credit: what all workers of a cluster hold together, standbys and hedges included, never
 *     exceeds the capacity of its policy.
 *  9. What a worker has seen before changes nothing, nor a notice that a client has, nor an answer
 *     that it never asked for; a beat counts once, and a report of a node, and none of a run that
 *     another has followed.
 * 10. Admission: with credit leased and free, not while draining, at the rate of policy, not before
 *     peers have said who they are, and never into what is kept for them; at a worker that runs, on
 *     a ticket for what was asked. Backups are peers that could take the session and offer the
 *     same, those of other failure domains first. What is not started is dropped when its lease
 *     ends, and not before.
 *     The same question gets the same answer for a minute, unless that session is over: then an id
 *     of its own.
 * 11. Hedges are as long and as many as policy allows, at the worker and at the client, and called
 *     off when media comes again.
 * 12. Retry-After is named to whoever may come again, and to nobody else.
 * 13. Frames: only for a session held and asked for, from where it was asked, not before their
 *     instant, not those that the client holds, and each once an asking. Again goes only what went
 *     before, and no more than half of it beside a burst. A client asks only for what
 *     it lacks and can still use.
 * 14. Credit granted: all nodes together at most the capacity, each its share, whoever granted it;
 *     and what a node may believe to have is reckoned as it is by what was said and answered.
 * 15. Beats: none sooner than may be asked, none later than promised, asked for faster only while
 *     somebody is suspected, and true in all they say of ourselves and of others, as descriptions
 *     are; the newest word counts, and round trips are such as were measured.
 * 16. Verdicts: nobody is convicted without an expiry of our own and detect_within of silence in
 *     which we ran, nor taken for crashed while its nodes or a witness prove otherwise. Who
 *     was, and is back, has flapped.
 * 17. The ledger: each move once, epochs grow, causes fit, arrivals as they were told, and when.
 * 18. Only a drain orders a session to move, or asks its client to: at its pace, until its
 *     deadline, to the first backup of which nothing bad is known, and again if it stays; what was
 *     taken on or answered is not said again, what was not is.
 * 19. The table says what the nodes told, as soon as they have. A node is lost when its lease ends
 *     in which peerd ran, not before and not after; a core recovers until all nodes have told all.
 * 20. Lodgings: no more than reserved and not in use, and for their time; ours with the first peer
 *     that counts, of all that there is, and in time.
 * 22. A client asks each server under an epoch of its own, one after the other, and follows the one
 *     that it asked; nobody before he said that he may be asked again.
 * 23. Positions follow from the clock of the output, whoever served before; all is asked for that
 *     is missing.
 * 24. Counters grow.
 * 25. A server is given up as crashed only after its path was silent, and longer by whoever has
 *     moved too often; a living one not soon after a move; the silent one is not asked again.
 *     Nobody deaf is kept warm while another answers.
 * 26. It is told so; and so is who stood by and need not any more, be it since the session ends,
 *     was asked to serve in vain, or sends although nobody asks it to.
 * 27. Who waits has a timer, for each thing that he waits for.
 * 29. Agreements: no cluster relies on slots that are not held for it, unless the holder was
 *     started anew; more is not held than there is; nobody is named as a backup, or counted on,
 *     beyond what was agreed, and what is turned away is told why.
 * 30. Probes: a client sends one a second at most, to nobody who serves it or backs it up; a worker
 *     answers no more than policy permits.
 *  7. A move's figures make sense: nothing is noticed before it happened.
 * Once a simulated second:
 *  5. No session is lost: whoever has a session hears something, or is told an end, within
 *     LOST_AFTER; and while a server of its own could serve it, within SERVED_AFTER.
 *  6. Playout: frames expected, counted from outside by the clock, are those played and those lost.
 *  8. What the machines themselves assert.
 * 21. A drain forgets nobody.
 * 28. Where nothing happens nobody loses a frame, hedges, moves, or changes a verdict.
 * … and what time alone could break of 1, 3, 10, 15, 16, 19 and 20.
 */
#ifndef PEERD_SIM_INVARIANTS_H
#define PEERD_SIM_INVARIANTS_H

#include "peerd/sim/world.h"

/* What they remember: to be made once the machines are numbered. */
void sim_invariants_init(struct sim *sim);
void sim_invariants_free(struct sim *sim);

/* Hints for foresight.c: what is remembered of these is going to be looked at. */
void sim_invariants_foresee_client(const struct sim *sim, uint32_t client);
void sim_invariants_foresee_site(const struct sim *sim, uint32_t cluster);
void sim_invariants_foresee_peer(const struct sim *sim, uint32_t cluster, uint32_t peer);

/* Before and after a worker's step: its outbox says which sessions have changed. */
void sim_invariants_worker_steps(struct sim *sim, const struct sim_worker *worker,
                                 const struct tenure_event *event);
void sim_invariants_worker_stepped(struct sim *sim, struct sim_worker *worker,
                                   const struct tenure_event *event);
void sim_invariants_worker_died(struct sim *sim, struct sim_worker *worker);
void sim_invariants_frame_sent(struct sim *sim, const struct sim_worker *worker, uint32_t slot,
                               uint64_t frame);
void sim_invariants_frame_resent(struct sim *sim, const struct sim_worker *worker, uint32_t slot,
                                 uint64_t frame);
void sim_invariants_lease_due(struct sim *sim, const struct sim_event *event);

/* A node has taken what its peerd granted. */
void sim_invariants_credit_taken(struct sim *sim, const struct sim_node *node);

/* Before and after a core's step. */
void sim_invariants_site_steps(struct sim *sim, struct sim_site *site,
                               const struct core_event *event);
void sim_invariants_site_stepped(struct sim *sim, struct sim_site *site,
                                 const struct core_event *event);

/* It is about to read another policy, which stands there already. If other peers were found,
 * `was[i]` is where the i-th stood before, UINT32_MAX if nowhere. */
void sim_invariants_peers_change(struct sim *sim, struct sim_site *site, const uint32_t *was);
void sim_invariants_policy_changes(struct sim *sim, struct sim_site *site);

/* What a cluster says of itself to whoever asks. */
void sim_invariants_described(struct sim *sim, struct sim_site *site, const struct description *d);

void sim_invariants_client_opened(struct sim *sim, const struct sim_client *client);

/* A listener is about to probe; a worker has answered one who did. */
struct prober_out;
struct sim_probing;
void sim_invariants_probed(struct sim *sim, const struct sim_client *client,
                           const struct sim_probing *probing, const struct prober_out *out);
void sim_invariants_probe_answered(struct sim *sim, struct sim_worker *worker);
/* Before and after a listener's step. */
void sim_invariants_client_steps(struct sim *sim, const struct sim_client *client,
                                 const struct witness_event *event);
void sim_invariants_client_stepped(struct sim *sim, struct sim_client *client);
void sim_invariants_frame_arrived(struct sim *sim, const struct sim_client *client,
                                  uint32_t worker);
void sim_invariants_moved(struct sim *sim, const struct sim_client *client,
                          const struct witness_move *move);

/* An operator asks for a session to be moved, and the core has nothing against it. */
void sim_invariants_move_asked(struct sim *sim, const struct sim_site *site,
                               const struct session_id *session, const struct name *to);

/* An entry of the timeline has been carried out. */
void sim_invariants_disturbed(struct sim *sim);

/* True while the timeline of a scenario goes on after which all is to be whole; then also how long
 * ago its newest entry was carried out. */
bool sim_invariants_expect_faults(const struct sim *sim, struct duration *since);

/* Everything, in full. */
void sim_invariants_check(struct sim *sim);

/* After everything was healed and had time: the overlay is whole again. Returns how many listeners
 * were not looked at, since they are on their way to another server, as planned. */
uint32_t sim_invariants_check_whole(struct sim *sim);

/* Looks at those of them who have arrived; at the `last` time at all. Returns how many are left. */
uint32_t sim_invariants_check_late(struct sim *sim, bool last);

/* After everybody has left and every lease has run out: nothing is held anywhere. */
void sim_invariants_check_empty(struct sim *sim);

/* ---- sleep.h: what is remembered of a listener skips what it slept through ---- */

void sim_invariants_session_rests(const struct sim_worker *w, uint32_t slot);
void sim_invariants_session_woke(struct sim *sim, const struct sim_worker *w, uint32_t slot);
void sim_invariants_client_woke(struct sim *sim, const struct sim_client *c);

#endif
