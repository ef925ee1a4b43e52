/*
 * Hostility: what a stranger, a thief and a forger try at running clusters, and what they get.
 *
 * The clusters belong to a run (live-run run FILE -- live-run hostile DIR): their keys are in its
 * folder, so that tickets can be made that are wrong in one thing only.
 */
#ifndef TEST_LIVE_HOSTILE_H
#define TEST_LIVE_HOSTILE_H

#include "peerd/wire/api.h"
#include "peerd/wire/keys.h"

#include <stdbool.h>
#include <stdint.h>

#define HOSTILE_SITES_MAX 8

struct hostile_site {
    struct name name;
    struct key_pair key;
    uint32_t index; /* as space.h numbers them */
};

struct hostile {
    const char *dir;
    struct hostile_site sites[HOSTILE_SITES_MAX];
    uint32_t site_count;
    uint32_t passed, failed;
};

/* Notes and prints one result. */
__attribute__((format(printf, 3, 4))) void hostile_result(struct hostile *h, bool ok,
                                                          const char *format, ...);

/* hostile_tickets.c: tickets at a media port. */
void hostile_tickets(struct hostile *h);

/* hostile_doors.c: requests at the clients' and the control door. */
void hostile_doors(struct hostile *h);

/* Opens a session over the clients' door of a site; returns the HTTP status, 0 for no answer. With
 * 201 `answer` is filled; otherwise `problem`, if it is not NULL. */
unsigned hostile_open(const struct hostile_site *site, const struct api_session_request *request,
                      struct api_session_answer *answer, struct api_problem *problem);

/* hostile_noise.c: random bytes at every port, UDP and TCP. */
void hostile_noise(struct hostile *h, uint64_t seed);

#endif
