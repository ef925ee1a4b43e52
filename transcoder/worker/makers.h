/*
 * The makers of a front: processes that are started, given one order each, heard, and ended when
 * they take too long. A dead one is replaced, at most once in a second each.
 */
#ifndef TRANSCODER_WORKER_MAKERS_H
#define TRANSCODER_WORKER_MAKERS_H

#include "peerd/net/log.h"
#include "peerd/net/loop.h"
#include "transcoder/worker/maker.h"

struct makers;

struct makers_handlers {
    void (*here)(void *data, uint32_t maker); /* it waits for an order */
    void (*gone)(void *data, uint32_t maker); /* and the order that it had, if any, with it */
    /* An order is done. `bytes` (of malloc, reply->bytes of them) become the callee's; NULL if
     * there are none. The maker waits for the next order. */
    void (*done)(void *data, uint32_t maker, const struct maker_reply *reply, uint8_t *bytes);
    void *data;
};

/* NULL: the system refuses. */
struct makers *makers_new(struct net_loop *loop, struct net_log *log, const struct options *options,
                          uint32_t count, const struct makers_handlers *handlers);

/* To one that waits for it. */
void makers_order(struct makers *m, uint32_t maker, const struct maker_order *order);

/* Ends it; `gone` follows. */
void makers_end(struct makers *m, uint32_t maker);

#endif
