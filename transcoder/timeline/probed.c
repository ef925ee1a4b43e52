#include "transcoder/timeline/probed.h"

bool probed_admits(struct probed *p, uint32_t per_s, struct instant now) {
    if (p->in_second == 0 || !duration_less(instant_since(now, p->since), duration_s(1))) {
        p->since = now;
        p->in_second = 0;
    }
    if (p->in_second >= per_s) {
        p->refused++;
        return false;
    }
    p->in_second++;
    p->answered++;
    return true;
}

enum err probed_take_trips(uint64_t *newest, const struct message *m,
                           const struct public_key *client, const struct key_hint *me) {
    const struct message_trips *t = &m->u.trips;
    if (t->counter <= *newest)
        return ERR_REPLAYED;
    enum err e = message_verify(m, client, me);
    if (e == ERR_OK)
        *newest = t->counter;
    return e;
}
