#include "transcoder/timeline/naming.h"

bool naming_told(struct naming *n, uint64_t nonce, struct instant now) {
    if (!n->began)
        *n = (struct naming){.began = true, .next_at = instant_add(now, NAMING_EVERY)};
    if (!instant_reached(now, n->next_at))
        return false;
    n->nonce = nonce;
    n->next_at = instant_add(now, NAMING_AGAIN);
    return true;
}

bool naming_named(struct naming *n, struct instant now, uint64_t *nonce) {
    if (n->nonce == 0)
        return false; /* nobody has asked, or it is told already */
    *nonce = n->nonce;
    n->nonce = 0;
    n->next_at = instant_add(now, NAMING_EVERY);
    return true;
}
