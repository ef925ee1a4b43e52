#include "transcoder/worker/guard.h"

#include <assert.h>
#include <string.h>

#define NETWORK_BYTES 8 /* of an IPv6 address; the rest is its owner's to choose (RFC 4291) */

void guard_init(struct guard *g, uint64_t secret, uint16_t failures) {
    memset(g, 0, sizeof(*g));
    g->secret = secret | 1;
    g->failures = failures;
}

/* Multiply-shift over the address: unpredictable enough without the secret. */
static size_t place_of(const struct guard *g, const struct addr *who) {
    uint64_t halves[2];
    memcpy(halves, who->ip, sizeof(halves));
    uint64_t h = (halves[0] ^ g->secret) * UINT64_C(0x9e3779b97f4a7c15);
    h = (h ^ halves[1] ^ h >> 29) * g->secret;
    return (size_t)(h >> 40) % GUARD_PLACES;
}

static bool is_current(const struct guard_place *p, const struct addr *who, struct instant now) {
    return p->family == who->family && memcmp(p->ip, who->ip, sizeof(p->ip)) == 0 &&
           duration_less(instant_since(now, p->since), duration_ms(GUARD_WINDOW_MS));
}

bool guard_admits(const struct guard *g, const struct addr *who, struct instant now) {
    const struct guard_place *p = &g->places[place_of(g, who)];
    return !is_current(p, who, now) || p->failures < g->failures;
}

void guard_failed(struct guard *g, const struct addr *who, struct instant now) {
    struct guard_place *p = &g->places[place_of(g, who)];
    if (!is_current(p, who, now)) {
        *p = (struct guard_place){.family = who->family, .since = now};
        memcpy(p->ip, who->ip, sizeof(p->ip));
    }
    if (p->failures < g->failures)
        p->failures++;
}

struct addr guard_who_comes(const struct addr *from) {
    struct addr who = *from;
    who.port = 0;
    if (who.family == 6)
        memset(who.ip + NETWORK_BYTES, 0, sizeof(who.ip) - NETWORK_BYTES);
    return who;
}

struct addr guard_who_names(const struct session_id *session, bool from_its_address) {
    struct addr who = {.family = from_its_address ? 4 : 6};
    static_assert(SESSION_ID_BYTES <= sizeof(who.ip), "a session's id fits where an address does");
    memcpy(who.ip, session->bytes, SESSION_ID_BYTES);
    return who;
}
