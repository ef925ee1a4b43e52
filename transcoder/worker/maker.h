/*
 * A maker: a process that makes one segment at a time, and nothing else.
 *
 * It reads strangers' recordings with large libraries, so it may crash or hang: whoever started it
 * (makers.h) loses one segment by that and starts another one. It knows nothing of players, keeps
 * nothing from one order to the next, and yields to the workers of sessions (nice), which have
 * deadlines of milliseconds where it has one of a second.
 *
 * Both ends are the same binary, so the structs go over the socket as they are; behind a reply
 * come its bytes.
 */
#ifndef TRANSCODER_WORKER_MAKER_H
#define TRANSCODER_WORKER_MAKER_H

#include "peerd/wire/node.h"
#include "transcoder/hls/rendition.h"
#include "transcoder/media/media.h"
#include "transcoder/worker/options.h"

#define MAKER_NICE       10
#define MAKER_HASH_BYTES 16

/* No rendition name: what can be made of the source is asked for. */
struct maker_order {
    char location[NODE_LOCATION_LEN_MAX + 1];
    enum source_class class;
    struct rendition_source facts;
    struct rendition rendition;
    uint32_t number;
    uint32_t pass; /* of a channel: segments after which the source is repeated; 0: never */
    bool chunk;    /* it is the chunk of that number */
};

struct maker_reply {
    enum err error;
    struct rendition_source facts;
    uint64_t bytes;                 /* [bytes] that follow */
    uint64_t cpu_us;                /* [µs] that it took */
    uint8_t hash[MAKER_HASH_BYTES]; /* over these bytes: the same wherever they are the same */
    struct media_why why;
};

/* Takes orders until the other end is gone; an exit status. */
int maker_run(const struct options *options);

#endif
