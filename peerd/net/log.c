#include "peerd/net/log.h"

#include "peerd/net/clock.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ALIKE_SLOTS   128 /* sentences remembered at a time; two that collide forget each other */
#define SENTENCE_MAX  512 /* [characters] of net_logf; longer ones are cut */
#define PROGRAM_MAX   32  /* [characters] */
#define SESSION       "session " /* after which its id comes … */
#define ID_CHARACTERS            /* … in Base64url (RFC 4648) */                                 \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

/* A line under construction. Once something did not fit nothing more is taken, so that a cut is
 * clean; the line still ends well. */
struct line {
    char text[NET_LOG_LINE_MAX];
    size_t len; /* [bytes] */
    bool full;  /* the last piece did not fit */
};

/* Records alike, within the second that began at `since`. */
struct alike {
    uint64_t hash; /* of level and sentence without digits */
    struct instant since;
    unsigned count; /* seen */
    enum net_log_level level;
    char sample[120]; /* beginning of the sentence */
};

struct net_log {
    enum net_log_format format;
    enum net_log_level level;
    int fd;
    char program[PROGRAM_MAX + 1];
    uint64_t dropped;        /* in all */
    uint64_t dropped_unsaid; /* not yet mentioned */
    struct instant swept;    /* when sums were last looked for */
    struct alike alike[ALIKE_SLOTS];
};

static const char *const LEVEL_NAMES[] = {"error", "warning", "info", "debug"};

/* ---- putting a line together ---- */

/* [bytes] kept free for what ends a line: a quote, a brace, a line feed. */
#define END_ROOM 3

static void put(struct line *l, const char *text, size_t len) {
    l->full = l->full || l->len + len > sizeof l->text - END_ROOM;
    if (!l->full) {
        memcpy(l->text + l->len, text, len);
        l->len += len;
    }
}

static void put_text(struct line *l, const char *text) {
    put(l, text, strlen(text));
}

__attribute__((format(printf, 2, 3))) static void put_f(struct line *l, const char *format, ...) {
    char buffer[96];
    va_list args;

    va_start(args, format);
    int len = vsnprintf(buffer, sizeof buffer, format, args);
    va_end(args);
    if (len > 0)
        put(l, buffer, (size_t)len < sizeof buffer ? (size_t)len : sizeof buffer - 1);
}

/* The length of a well-formed UTF-8 sequence at `at`, 0 if it is none (RFC 3629). */
static size_t utf8_len(const unsigned char *at) {
    size_t len = 0;

    if (at[0] < 0x80)
        return 1;
    if (at[0] >> 5 == 6)
        len = 2;
    else if (at[0] >> 4 == 14)
        len = 3;
    else if (at[0] >> 3 == 30)
        len = 4;
    if (len == 0 || at[0] == 0xc0 || at[0] == 0xc1 || at[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < len; i++)
        if (at[i] >> 6 != 2)
            return 0;
    if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) ||
        (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f))
        return 0;
    return len;
}

/* Escapes as JSON does, so that nothing that came from outside can end a line or steer a terminal.
 * Bytes that are not UTF-8 are shown as U+FFFD. */
static void put_escaped(struct line *l, const char *text, bool quoted) {
    const unsigned char *at = (const unsigned char *)text;

    while (*at != '\0' && !l->full) {
        size_t len = utf8_len(at);
        if (len == 0)
            put_text(l, "\xef\xbf\xbd");
        else if (quoted && (*at == '"' || *at == '\\'))
            put_f(l, "\\%c", *at);
        else if (*at < 0x20 || *at == 0x7f)
            put_f(l, "\\u%04x", *at);
        else
            put(l, (const char *)at, len);
        at += len > 0 ? len : 1;
    }
}

/* The closing quote has its place in END_ROOM, also if the text was cut. */
static void put_quoted(struct line *l, const char *text) {
    put_text(l, "\"");
    if (l->full)
        return;
    put_escaped(l, text, true);
    l->text[l->len++] = '"';
}

/* True if a value can stand in key=value text without quotes. */
static bool is_bare(const char *text) {
    if (text[0] == '\0')
        return false;
    for (const char *c = text; *c != '\0'; c++)
        if (*c <= ' ' || *c == '"' || *c == '=' || *c == '\\' || (unsigned char)*c >= 0x7f)
            return false;
    return true;
}

static void put_string(struct line *l, enum net_log_format format, const char *text) {
    if (format == NET_LOG_TEXT && is_bare(text))
        put_text(l, text);
    else
        put_quoted(l, text);
}

static void put_field(struct line *l, enum net_log_format format, const struct net_log_field *f) {
    char addr[ADDR_TEXT_LEN_MAX + 1];
    size_t before = l->len;
    const char *key_end = format == NET_LOG_JSON ? "\":" : "=";

    put_text(l, format == NET_LOG_JSON ? ",\"" : " ");
    put_text(l, f->key);
    put_text(l, key_end);
    switch (f->kind) {
    case NET_LOG_KIND_TEXT:
        put_string(l, format, f->text != NULL ? f->text : "-");
        break;
    case NET_LOG_KIND_ADDR:
        put_string(l, format, f->addr != NULL ? addr_to_text(f->addr, addr) : "-");
        break;
    case NET_LOG_KIND_NUMBER:
        put_f(l, "%lld", (long long)f->number);
        break;
    case NET_LOG_KIND_BOOL:
        put_text(l, f->number ? "true" : "false");
        break;
    }
    /* All of a field or nothing of it; a shorter one may still fit. */
    if (l->full)
        l->len = before;
    l->full = false;
}

static void put_time(struct line *l, int64_t wall_us) {
    time_t seconds = (time_t)(wall_us / 1000000);
    struct tm tm;
    char text[32];

    gmtime_r(&seconds, &tm);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    put_f(l, "%s.%06dZ", text, (int)(wall_us % 1000000));
}

static void put_head(struct line *l, const struct net_log *log, enum net_log_level level,
                     int64_t wall_us, const char *sentence) {
    if (log->format == NET_LOG_TEXT) {
        put_time(l, wall_us);
        put_f(l, " %s %s: ", LEVEL_NAMES[level], log->program);
        put_escaped(l, sentence, false);
        return;
    }
    put_text(l, "{\"time\":\"");
    put_time(l, wall_us);
    put_f(l, "\",\"level\":\"%s\",\"program\":", LEVEL_NAMES[level]);
    put_quoted(l, log->program);
    put_text(l, ",\"text\":");
    put_quoted(l, sentence);
}

/* ---- writing ---- */

/* True if a line can be written without waiting. For a pipe, "writable" means that PIPE_BUF bytes
 * fit (pipe(7)), and no line is longer. */
static bool can_write(int fd) {
    struct pollfd p = {.fd = fd, .events = POLLOUT};

    return poll(&p, 1, 0) == 1 && (p.revents & POLLOUT);
}

static bool write_line(struct net_log *log, struct line *l) {
    ssize_t put_bytes = -1;

    if (log->format == NET_LOG_JSON)
        l->text[l->len++] = '}';
    l->text[l->len++] = '\n';
    if (can_write(log->fd)) {
        do
            put_bytes = write(log->fd, l->text, l->len);
        while (put_bytes < 0 && errno == EINTR);
    }
    if (put_bytes == (ssize_t)l->len)
        return true;
    log->dropped++;
    log->dropped_unsaid++;
    return false;
}

static int64_t wall_us_now(void) {
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void write_record(struct net_log *log, enum net_log_level level, int64_t wall_us,
                         const char *sentence, const struct net_log_field *fields, size_t count) {
    struct line l;

    l.len = 0;
    l.full = false;
    put_head(&l, log, level, wall_us, sentence);
    l.full = false;
    for (size_t i = 0; i < count; i++)
        if (fields[i].key != NULL)
            put_field(&l, log->format, &fields[i]);
    if (write_line(log, &l) && log->dropped_unsaid > 0) {
        struct net_log_field lost[] = {NET_NUMBER("records", log->dropped_unsaid)};
        log->dropped_unsaid = 0;
        write_record(log, NET_LOG_WARNING, wall_us, "log records lost, the reader stalled", lost,
                     1);
    }
}

/* ---- records alike ---- */

/* FNV-1a over the level and the sentence without its digits and the ids of sessions: "late by 12
 * ms" and "late by 907 ms" are one thing said twice, and so is what is said of each of a thousand
 * sessions. */
static uint64_t hash_of(enum net_log_level level, const char *sentence) {
    uint64_t hash = 14695981039346656037u ^ (uint64_t)level;

    for (const char *c = sentence; *c != '\0'; c++) {
        if (*c < '0' || *c > '9')
            hash = (hash ^ (unsigned char)*c) * 1099511628211u;
        if (strncmp(c, SESSION, strlen(SESSION)) == 0)
            c += strlen(SESSION) - 1 + strspn(c + strlen(SESSION), ID_CHARACTERS);
    }
    return hash;
}

static void sum_up(struct net_log *log, struct alike *a) {
    if (a->count > NET_LOG_ALIKE_MAX) {
        struct net_log_field fields[] = {NET_NUMBER("held_back", a->count - NET_LOG_ALIKE_MAX),
                                         NET_TEXT("like", a->sample)};
        write_record(log, a->level, wall_us_now(), "more records alike", fields, 2);
    }
    a->count = 0;
}

static void sweep(struct net_log *log, struct instant now) {
    if (!instant_reached(now, instant_add(log->swept, duration_s(1))))
        return;
    log->swept = now;
    for (size_t i = 0; i < ALIKE_SLOTS; i++)
        if (instant_reached(now, instant_add(log->alike[i].since, duration_s(1))))
            sum_up(log, &log->alike[i]);
}

/* True if the record may be written, false if it is one too many. */
static bool pass(struct net_log *log, enum net_log_level level, const char *sentence) {
    struct instant now = net_now();
    uint64_t hash = hash_of(level, sentence);
    struct alike *a = &log->alike[hash % ALIKE_SLOTS];

    sweep(log, now);
    if (a->hash != hash || instant_reached(now, instant_add(a->since, duration_s(1)))) {
        sum_up(log, a);
        *a = (struct alike){.hash = hash, .since = now, .level = level};
        snprintf(a->sample, sizeof a->sample, "%s", sentence);
    }
    return ++a->count <= NET_LOG_ALIKE_MAX;
}

/* ---- public ---- */

void net_log_record(struct net_log *log, enum net_log_level level, const char *sentence,
                    const struct net_log_field *fields, size_t count) {
    if (net_log_wants(log, level) && pass(log, level, sentence))
        write_record(log, level, wall_us_now(), sentence, fields, count);
}

void net_logf(struct net_log *log, enum net_log_level level, const char *format, ...) {
    char sentence[SENTENCE_MAX];
    va_list args;

    if (!net_log_wants(log, level))
        return;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    net_log_record(log, level, sentence, NULL, 0);
}

void net_log_trace(struct net_log *log, enum net_log_level level, struct trace *trace) {
    const struct trace_line *t;

    if (trace->lost > 0)
        net_log(log, NET_LOG_WARNING, "trace lines lost", NET_NUMBER("lines", trace->lost));
    trace->lost = 0;
    while ((t = trace_take(trace)) != NULL) {
        int64_t age_us = instant_since(net_now(), t->at).us;
        if (net_log_wants(log, level) && pass(log, level, t->text))
            write_record(log, level, wall_us_now() - age_us, t->text, NULL, 0);
    }
}

bool net_log_wants(const struct net_log *log, enum net_log_level level) {
    return log != NULL && level <= log->level;
}

uint64_t net_log_dropped(const struct net_log *log) {
    return log->dropped;
}

struct net_log *net_log_new(const struct net_log_options *options) {
    struct net_log *log = calloc(1, sizeof *log);

    if (log == NULL)
        return NULL;
    log->format = options->format;
    log->level = options->level;
    log->fd = options->fd;
    snprintf(log->program, sizeof log->program, "%s", options->program);
    log->swept = net_now();
    return log;
}

void net_log_free(struct net_log *log) {
    if (log == NULL)
        return;
    for (size_t i = 0; i < ALIKE_SLOTS; i++)
        sum_up(log, &log->alike[i]);
    free(log);
}
