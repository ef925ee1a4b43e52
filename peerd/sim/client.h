/*
 * A listener: the witness with its playout buffer, and how it gets its session.
 */
#ifndef PEERD_SIM_CLIENT_H
#define PEERD_SIM_CLIENT_H

#include "peerd/sim/world.h"

void sim_client_init(struct sim *sim, uint32_t index, uint32_t group, uint32_t number);
void sim_client_free(struct sim_client *client);

/* Its group and its number in it, as `near-7`. */
struct sim_client_name {
    char text[REPORT_NAME_LEN_MAX + 1];
};
struct sim_client_name sim_client_name(const struct sim *sim, const struct sim_client *client);

/* [ms] how deep its playout buffer is, as its reports say. */
uint16_t sim_client_buffer_ms(const struct sim *sim, const struct sim_client *client);

/* Why it is over, or not open yet. */
__attribute__((format(printf, 2, 3))) void sim_client_outcome(struct sim_client *client,
                                                              const char *format, ...);

/* Its session is open, with a ticket of that cluster: begins to listen. */
void sim_client_opened(struct sim *sim, struct sim_client *client, uint32_t issuer,
                       const struct core_answer_open *answer);

/* It is over: refused, ended, closed; `outcome` says why. */
void sim_client_over(struct sim *sim, struct sim_client *client, const char *outcome);

/* The user leaves, politely or without a word. */
void sim_client_close(struct sim *sim, struct sim_client *client);
void sim_client_leave(struct sim *sim, struct sim_client *client); /* because it is told so */
void sim_client_vanish(struct sim *sim, struct sim_client *client);

/* Its witness goes (a record of it is there), and is there again: see sleep.h. */
void sim_client_drowse(struct sim *sim, struct sim_client *client);
void sim_client_rouse(struct sim *sim, struct sim_client *client, const struct witness_rest *rest,
                      const struct witness_ways *ways);

/* What a media event says of a frame. */
uint64_t sim_client_frame_tag(const struct sim_client *client, uint64_t frame, bool again);

/* Plays out everything that is due by now. */
void sim_client_play(struct sim *sim, struct sim_client *client);

/* A worker's, as listeners know it. */
struct witness_address sim_client_address_of(const struct sim *sim, const struct addr *media);

/* What it knows of others; NULL: nobody has asked it to find out. */
struct sim_probing *sim_client_probing(const struct sim_client *client);

/* Cluster that serves it; UINT32_MAX if none does. */
uint32_t sim_client_served_by(const struct sim *sim, const struct sim_client *client);

/* What it looked like, for the report; its name is left to the caller. */
void sim_client_report(struct sim *sim, struct sim_client *client, struct report_client *out);

/* What comes in. Each takes over the event's body. */
void sim_client_due(struct sim *sim, struct sim_client *client);
void sim_client_media_received(struct sim *sim, const struct sim_event *e);
void sim_client_message_received(struct sim *sim, const struct sim_event *e);

/* ---- opening.c ---- */

void sim_opening_starts(struct sim *sim, const struct sim_event *e);
void sim_opening_again(struct sim *sim, const struct sim_event *e);
void sim_opening_answered(struct sim *sim, const struct sim_event *e);
void sim_opening_failed(struct sim *sim, const struct sim_event *e);

#endif
