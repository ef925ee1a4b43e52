#include "peerd/core/agreement_inner.h"

#include <assert.h>
#include <string.h>

/* What is held for the other, and which sessions may be brought on the strength of it. */

static void set_held(struct agreement *a, uint32_t slots) {
    assert(a->room->held >= a->held);
    a->room->held += slots - a->held;
    a->held = slots;
}

void agreement_hold_what_was_said(struct agreement *a) {
    uint32_t most = 0;
    for (uint32_t i = 0; i < a->said_count; i++)
        if (a->said[i].seq >= a->told_seq && a->said[i].slots > most)
            most = a->said[i].slots;
    set_held(a, most);
}

void agreement_release(struct agreement *a) {
    for (uint32_t i = 0; i < a->said_count; i++)
        a->said[i].slots = 0;
    set_held(a, 0);
    a->lease_until = INSTANT_NEVER;
}

uint32_t agreement_fitting(const struct agreement *a) {
    uint32_t others = a->room->held - a->held, wish = a->terms.theirs.slots;
    uint32_t left = a->room->slots > others ? a->room->slots - others : 0;
    return wish < left ? wish : left;
}

const struct agreement_said *agreement_said_find(const struct agreement *a, uint64_t seq) {
    for (uint32_t i = 0; i < a->said_count; i++)
        if (a->said[i].seq == seq)
            return &a->said[i];
    return NULL;
}

void agreement_note_said(struct agreement *a, const struct agreement_said *s) {
    if (a->said_count == AGREEMENT_SAID_MAX) {
        if (a->said[1].slots < a->said[0].slots)
            a->said[1].slots = a->said[0].slots;
        memmove(&a->said[0], &a->said[1], (AGREEMENT_SAID_MAX - 1) * sizeof(a->said[0]));
        a->said_count--;
    }
    a->said[a->said_count++] = *s;
}

static bool terms_admit(const struct agreement_part *part, const struct name *service,
                        uint8_t class) {
    return agreement_services_hold(&part->services, service) && class < AGREEMENT_CLASSES &&
           (part->classes >> class & 1) != 0;
}

bool agreement_takes(const struct agreement *a, const struct name *service, uint8_t class) {
    return a->held > 0 && terms_admit(&a->terms.theirs, service, class);
}

enum err agreement_admits(struct agreement *a, const struct name *service, uint8_t class,
                          const struct addr *client, uint32_t used) {
    if (a->held == 0 || !terms_admit(&a->terms.theirs, service, class) ||
        !agreement_clients_hold(&a->mine.gives.clients, client) ||
        !agreement_clients_hold(&a->theirs.asks.clients, client)) {
        a->counters.denied++;
        return ERR_DENIED;
    }
    if (used < a->held)
        return ERR_OK;
    a->counters.overdrawn++;
    return ERR_NO_CREDIT;
}

bool agreement_offers(const struct agreement *a, const struct name *service, uint8_t class,
                      const struct addr *client) {
    return a->relied > 0 && terms_admit(&a->terms.ours, service, class) &&
           agreement_clients_hold(&a->mine.asks.clients, client) &&
           agreement_clients_hold(&a->theirs.gives.clients, client);
}
