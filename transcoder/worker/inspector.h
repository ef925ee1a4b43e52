/*
 * The inspector: reads each source of the catalogue once, on other threads, and says what it is.
 *
 * It computes the digest when a source appears and again when the file behind it has changed (size,
 * modification time or inode; looked at every INSPECTOR_LOOK_MS). A source that cannot be read is
 * tried again. Everybody else only hears results.
 */
#ifndef TRANSCODER_WORKER_INSPECTOR_H
#define TRANSCODER_WORKER_INSPECTOR_H

#include "peerd/net/log.h"
#include "peerd/net/loop.h"
#include "transcoder/worker/catalogue.h"

#define INSPECTOR_LOOK_MS  1000 /* [ms] between two looks at a file: one stat(2) */
#define INSPECTOR_RETRY_MS 5000 /* [ms] until a source that failed is tried again */
#define INSPECTOR_BUSY_MAX 2    /* sources read at a time: disks and links have better to do */

struct inspector;

/* `found` is told whenever what is known of a source changed. */
struct inspector *inspector_new(struct net_loop *loop, struct net_log *log,
                                void (*found)(void *data, const struct name *source,
                                              const struct source_digest *digest,
                                              uint64_t duration_ms, enum err error),
                                void *data);

/* The sources to look at from now on; those known already keep what is known. */
void inspector_set(struct inspector *i, const struct catalogue *catalogue);

#endif
