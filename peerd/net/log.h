/*
 * The log: one record a line on standard error, as key=value text or as JSON lines.
 *
 * A record is a level, a sentence for a tired operator, and fields. Text:
 *     2025-11-21T09:17:03.123456Z info peerd: listening addr=127.0.0.1:7601 door=pinned
 * JSON, one object a line:
 *     {"time":"2025-11-21T09:17:03.123456Z","level":"info","program":"peerd","text":"listening",…}
 *
 * Two bounds keep it from doing harm. Records alike but for their digits, and for the id of the
 * session that they speak of, are passed 20 times a second, then counted and summed up in one line.
 * And a reader of the pipe who stalls does not stall us: a record that would block is dropped,
 * counted and mentioned later.
 */
#ifndef PEERD_NET_LOG_H
#define PEERD_NET_LOG_H

#include "peerd/base/addr.h"
#include "peerd/base/time.h"
#include "peerd/base/trace.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NET_LOG_LINE_MAX  4096 /* [bytes] PIPE_BUF on Linux: such a write never interleaves */
#define NET_LOG_ALIKE_MAX 20   /* records alike a second; more are counted only */

enum net_log_level {
    NET_LOG_ERROR,   /* somebody should look now */
    NET_LOG_WARNING, /* somebody should look some day */
    NET_LOG_INFO,    /* what an operator wants to read afterwards */
    NET_LOG_DEBUG    /* what a developer wants to read */
};

enum net_log_format {
    NET_LOG_TEXT,
    NET_LOG_JSON
};

struct net_log;

struct net_log_options {
    const char *program; /* "peerd", "transcoderd/1"; copied */
    enum net_log_format format;
    enum net_log_level level; /* records above it are not written; zero means errors only */
    int fd;                   /* where to; 2 is usual; borrowed */
};

/* NULL if memory is short. */
struct net_log *net_log_new(const struct net_log_options *options);

/* Writes the sums of what was held back, then frees. Accepts NULL. */
void net_log_free(struct net_log *log);

/* ---- writing: `log` may be NULL everywhere, then nothing is written ---- */

enum net_log_kind {
    NET_LOG_KIND_TEXT,
    NET_LOG_KIND_NUMBER,
    NET_LOG_KIND_ADDR,
    NET_LOG_KIND_BOOL
};

struct net_log_field {
    const char *key; /* a-z0-9_ with the unit last: rtt_us */
    enum net_log_kind kind;
    const char *text; /* any bytes: control characters are escaped; NULL reads "-" */
    int64_t number;
    const struct addr *addr;
};

#define NET_TEXT(k, v)                                                                             \
    { .key = (k), .kind = NET_LOG_KIND_TEXT, .text = (v) }
#define NET_NUMBER(k, v)                                                                           \
    { .key = (k), .kind = NET_LOG_KIND_NUMBER, .number = (int64_t)(v) }
#define NET_ADDR(k, v)                                                                             \
    { .key = (k), .kind = NET_LOG_KIND_ADDR, .addr = (v) }
#define NET_BOOL(k, v)                                                                             \
    { .key = (k), .kind = NET_LOG_KIND_BOOL, .number = (v) ? 1 : 0 }

/* net_log(log, NET_LOG_INFO, "listening", NET_ADDR("addr", &a), NET_TEXT("door", "pinned")); */
#define net_log(log, level, sentence, ...)                                                         \
    net_log_record((log), (level), (sentence),                                                     \
                   (const struct net_log_field[]){{.key = NULL}, __VA_ARGS__},                     \
                   sizeof((const struct net_log_field[]){{.key = NULL}, __VA_ARGS__}) /            \
                       sizeof(struct net_log_field))

/* What the macro calls; fields without a key are passed over. */
void net_log_record(struct net_log *log, enum net_log_level level, const char *sentence,
                    const struct net_log_field *fields, size_t count);

/* A formatted sentence without fields. */
__attribute__((format(printf, 3, 4))) void net_logf(struct net_log *log, enum net_log_level level,
                                                    const char *format, ...);

/* Drains a machine's trace into the log, each line at `level` and with the time it happened, and a
 * warning if lines were lost. */
void net_log_trace(struct net_log *log, enum net_log_level level, struct trace *trace);

/* False if records of this level go nowhere: spares building costly fields. */
bool net_log_wants(const struct net_log *log, enum net_log_level level);

/* Records dropped so far because the reader stalled. */
uint64_t net_log_dropped(const struct net_log *log);

#endif
