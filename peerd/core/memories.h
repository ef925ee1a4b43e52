/*
 * Memories: answers given to opens, in case the same question comes again.
 *
 * An answer is given again word for word, but for what has gone on since. Many are remembered at a
 * time, so that only what is a session's own is kept of each; what answers say alike is interned.
 */
#ifndef PEERD_CORE_MEMORIES_H
#define PEERD_CORE_MEMORIES_H

#include "peerd/base/interned.h"
#include "peerd/core/core.h"
#include "peerd/core/list.h"

struct memory {
    struct chained chained;
    struct link aged;
    uint8_t digest[CORE_ENTROPY_BYTES]; /* of the question */
    struct instant at;
    struct session_id session;
    struct public_key client;
    struct leg leg;
    int64_t issued_s, expires_s; /* [s] since the Unix epoch */
    uint64_t anchor_frame;
    int64_t anchor_wall_ms;
    uint32_t common;                      /* struct memory_common, interned */
    uint32_t backups[TICKET_BACKUPS_MAX]; /* struct core_backup, interned */
    uint32_t probes;                      /* a list of them, interned whole; or INTERNED_NONE */
    uint8_t backup_count, probe_count;
    bool measures;
    bool elsewhere; /* it was to begin at a peer */
};

/* Oldest first; at most CORE_IDEMPOTENT_MAX. */
struct memories {
    struct chains by_digest;
    struct list aged;
};

void memories_init(struct memories *m);
void memories_free(struct core *core);

/* Forgets what nobody asks for any more; with every report of a node is often enough. */
void memories_expire(struct core *core);

/* Remembers an answer without error, the newest of all. Without memory it does not: a repetition
 * gets the same session id anyway. */
void memory_add(struct core *core, const uint8_t digest[CORE_ENTROPY_BYTES],
                const struct core_answer_open *answer);

/* NULL: nothing like it was answered in the last CORE_IDEMPOTENT_LIFE. */
struct memory *memory_find(struct core *core, const uint8_t digest[CORE_ENTROPY_BYTES]);

/* The answer as it was, but for `request`, `repeated`, `epoch`, `cluster` with its key, and
 * `media`, which are zero; only of one that began here. Its profile is borrowed, as long as the
 * memory is there. */
void memory_tell(const struct core *core, const struct memory *one,
                 struct core_answer_open *answer);

void memory_forget(struct core *core, struct memory *one);

#endif
