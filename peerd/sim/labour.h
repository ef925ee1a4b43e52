/*
 * Labour: the CPU of a worker, in scenarios that say what a frame costs (`frame_cpu`),
 * or make workers slow in the course of things (`slow`).
 *
 * A worker has one core. It reads and sends by turns (inbox.h). What is due is sent one session
 * after the other, each frame for what it costs; verifying a resume costs SIM_LABOUR_RESUME_US,
 * whether it is granted or refused, less where the ticket is held already, and least if it is
 * turned away at its cookie. A pre-roll gets what sending leaves of the core, as in transcoderd,
 * which makes it in slices between others' frames. So more sessions than a core can carry are late
 * for everybody, and more and more so, and a herd that asks again and again takes its time from
 * those who are served. Where nothing is said all of that costs nothing, but for pre-rolls
 * (SIM_PREROLL_US).
 */
#ifndef PEERD_SIM_LABOUR_H
#define PEERD_SIM_LABOUR_H

#include "peerd/sim/world.h"

#define SIM_LABOUR_RESUME_US                                                                       \
    100 /* [µs] cookie, ticket, signature, and the answer; nobody has a pass */
#define SIM_LABOUR_KNOWN_US   55 /* [µs] the same of a session that is here: its ticket is held */
#define SIM_LABOUR_AWAY_US    15 /* [µs] the same, of a cookie alone */
#define SIM_LABOUR_LEFT_LEAST 20 /* pre-rolls get at least the 20th part of a core */

/* How closely a resume is looked at. */
enum sim_labour_look {
    SIM_LABOUR_COOKIE,
    SIM_LABOUR_SIGNATURE,
    SIM_LABOUR_TICKET
};

/* Is it followed there? */
bool sim_labour_counts(const struct sim *sim, const struct sim_worker *w);

/* Can it do anything now? Where nothing is followed it always can. */
bool sim_labour_idle(const struct sim_worker *w, struct instant now);

/* It has done that, and is busy for so long. */
void sim_labour_frames(const struct sim *sim, struct sim_worker *w, uint32_t frames);
void sim_labour_resume(const struct sim *sim, struct sim_worker *w, enum sim_labour_look look);

/* How long a pre-roll of so many frames takes, once it is its turn. */
struct duration sim_labour_preroll(const struct sim *sim, const struct sim_worker *w,
                                   uint64_t frames);

#endif
