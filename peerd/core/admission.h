/*
 * Admission: may another session be opened?
 *
 * Opens are the least urgent way to use a slot. They leave alone what policy reserves for peers
 * (a resume there is somebody's last resort), come at most opens_per_s of them a second (a bucket
 * that holds one second's worth), and stop while we drain. A refusal names a time to come back,
 * drawn at random over a span so that those refused together do not return together.
 */
#ifndef PEERD_CORE_ADMISSION_H
#define PEERD_CORE_ADMISSION_H

#include "peerd/base/err.h"
#include "peerd/base/time.h"
#include "peerd/core/outbox.h"

struct core;

struct admission {
    double tokens; /* opens that may come at once */
    struct instant filled;
};

void admission_init(struct admission *a, const struct policy *policy, struct instant now);

/* Takes a token if there is one. */
bool admission_take(struct core *core);

/* ERR_OK, or why there is no room for one more session of the service (index in the policy). */
enum err admission_has_room(const struct core *core, uint32_t service_index);

/* [ms] when to come back after this error; 0 for never. */
uint32_t admission_retry_after_ms(struct core *core, enum err err);

#endif
