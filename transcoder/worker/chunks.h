/*
 * Chunks of what comes in live (hls/incoming.h), from wherever an operator has them: the index by
 * its location, the others beside it.
 *
 * Each call may wait for a network: in a thread of its own. A chunk counts when its bytes are those
 * that the index tells of, whoever has carried them.
 */
#ifndef TRANSCODER_WORKER_CHUNKS_H
#define TRANSCODER_WORKER_CHUNKS_H

#include "transcoder/hls/incoming.h"
#include "transcoder/media/media.h"

/* [ms] of a server that says nothing: two of them fit into INCOMING_LATE_MS. */
#define CHUNKS_TIMEOUT_MS 2000

/* ERR_BAD_FIELD, ERR_OVERSIZED: that is no index. Others as media_whole. */
enum err chunks_index(struct incoming *out, const char *location, struct media_why *why);

/* Into memory: a descriptor of the caller's, of a file that ends with it. ERR_SOURCE_DIFFERS: there
 * are other bytes. ERR_OVERSIZED: there are more, or the path is too long. Others as media_whole.
 */
enum err chunks_get(int *fd, const char *index_location, const struct incoming_chunk *chunk,
                    struct media_why *why);

#endif
