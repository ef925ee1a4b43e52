#include "peerd/sim/report_watch.h"

#include "peerd/policy/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETURN_MS 3000 /* [ms] so long after its return a cluster may still be thought dead */
#define NOTICE_MS 5000 /* [ms] whoever was gone for less need not have been noticed */
#define DAY_MS    86400000.0

static bool is_gone(enum report_state s) {
    return s == REPORT_STATE_DEAD || s == REPORT_STATE_DARK || s == REPORT_STATE_STOPPED;
}

static bool is_silent(enum report_state s) {
    return is_gone(s) || s == REPORT_STATE_HEADLESS;
}

/* True if it was so at some time from `from_ms` to `to_ms`. */
static bool was(const struct report *r, uint32_t cluster, int64_t from_ms, int64_t to_ms,
                bool (*is)(enum report_state)) {
    enum report_state state = REPORT_STATE_UP;
    for (uint32_t i = 0; i < r->change_count; i++) {
        const struct report_change *c = &r->changes[i];
        if (c->cluster != cluster || c->at_ms > to_ms)
            continue;
        if (c->at_ms >= from_ms && is(state))
            return true;
        state = c->state;
        if (c->at_ms >= from_ms && is(state))
            return true;
    }
    return is(state);
}

static uint32_t cluster_of(const struct scenario *s, const struct name *name) {
    uint32_t i = 0;
    while (i < s->cluster_count && !name_equal(&s->clusters[i].identity.name, name))
        i++;
    return i;
}

/* ---- the living ------------------------------------------------------------------------------ */

static void count_wrong(struct report_watch *w, const struct scenario *s, const struct report *r) {
    for (uint32_t i = 0; i < r->verdict_count; i++) {
        const struct report_verdict *v = &r->verdicts[i];
        uint32_t peer = cluster_of(s, &v->peer);
        bool suspect = strcmp(v->verdict.text, "suspect") == 0;
        bool crashed = strcmp(v->verdict.text, "crashed") == 0;
        w->suspicions_wrong += suspect && !was(r, peer, v->at_ms - RETURN_MS, v->at_ms, is_silent);
        w->crashed_wrong += crashed && !was(r, peer, v->at_ms - RETURN_MS, v->at_ms, is_gone);
    }
    for (uint32_t i = 0; i < r->move_count; i++) {
        const struct report_move *m = &r->moves[i];
        w->moves_wrong += strcmp(m->cause.text, "crashed") == 0 && !name_equal(&m->from, &m->to) &&
                          !was(r, cluster_of(s, &m->from), m->at_ms - RETURN_MS, m->at_ms, is_gone);
    }
}

/* ---- the dead -------------------------------------------------------------------------------- */

static void note(struct report_watch *w, int64_t ms, int64_t suspected_ms) {
    if (w->detected < REPORT_WATCH_DETECTED_MAX) {
        w->ms[w->detected] = (uint32_t)ms;
        w->suspected_ms[w->detected] = (uint32_t)suspected_ms;
    }
    w->detected++;
}

static bool is_trust(const struct name *verdict) {
    return strcmp(verdict->text, "alive") == 0 || strcmp(verdict->text, "degraded") == 0 ||
           strcmp(verdict->text, "draining") == 0;
}

/* Since when it was no longer trusted, of what ended in the verdict at `until_ms`; the instant at
 * which it was gone if that had been so before. */
static int64_t suspected_at(const struct scenario *s, const struct report *r, uint32_t observer,
                            const struct report_change *gone, int64_t until_ms) {
    int64_t at_ms = until_ms;
    bool trusted = true;
    for (uint32_t i = 0; i < r->verdict_count; i++) {
        const struct report_verdict *v = &r->verdicts[i];
        if (v->at_ms > until_ms ||
            !name_equal(&v->observer, &s->clusters[observer].identity.name) ||
            !name_equal(&v->peer, &s->clusters[gone->cluster].identity.name))
            continue;
        if (trusted && !is_trust(&v->verdict))
            at_ms = v->at_ms;
        trusted = is_trust(&v->verdict);
    }
    return at_ms > gone->at_ms ? at_ms : gone->at_ms;
}

static int64_t first_crashed(const struct scenario *s, const struct report *r, uint32_t observer,
                             const struct report_change *gone, int64_t until_ms) {
    for (uint32_t i = 0; i < r->verdict_count; i++) {
        const struct report_verdict *v = &r->verdicts[i];
        if (v->at_ms >= gone->at_ms && v->at_ms < until_ms &&
            strcmp(v->verdict.text, "crashed") == 0 &&
            name_equal(&v->observer, &s->clusters[observer].identity.name) &&
            name_equal(&v->peer, &s->clusters[gone->cluster].identity.name))
            return v->at_ms;
    }
    return -1;
}

static void one_gone(struct report_watch *w, const struct scenario *s, const struct report *r,
                     const struct report_change *gone) {
    int64_t until_ms = duration_in_ms(s->duration);
    for (uint32_t i = 0; i < r->change_count; i++)
        if (r->changes[i].cluster == gone->cluster && r->changes[i].at_ms > gone->at_ms &&
            !is_gone(r->changes[i].state) && r->changes[i].at_ms < until_ms)
            until_ms = r->changes[i].at_ms;
    for (uint32_t i = 0; i < s->cluster_count; i++) {
        if (i == gone->cluster || !scenario_are_peers(s, i, gone->cluster) ||
            was(r, i, gone->at_ms - RETURN_MS, until_ms, is_silent))
            continue;
        int64_t at_ms = first_crashed(s, r, i, gone, until_ms);
        if (at_ms >= 0)
            note(w, at_ms - gone->at_ms, suspected_at(s, r, i, gone, at_ms) - gone->at_ms);
        else
            w->undetected += until_ms - gone->at_ms >= NOTICE_MS;
    }
}

void report_watch_of(struct report_watch *out, const struct scenario *s, const struct report *r) {
    uint64_t pairs = 0;
    memset(out, 0, sizeof(*out));
    for (uint32_t a = 0; a < s->cluster_count; a++)
        for (uint32_t b = 0; b < s->cluster_count; b++)
            pairs += a != b && scenario_are_peers(s, a, b);
    double days = (double)duration_in_ms(s->duration) / DAY_MS;
    out->peer_days = (double)pairs * days;
    out->listener_days = (double)r->client_count * days;
    count_wrong(out, s, r);
    for (uint32_t i = 0; i < r->change_count; i++) {
        const struct report_change *c = &r->changes[i];
        if (is_gone(c->state) && !was(r, c->cluster, c->at_ms - RETURN_MS, c->at_ms - 1, is_gone))
            one_gone(out, s, r, c);
    }
}

static uint32_t kept(const struct report_watch *w) {
    return w->detected < REPORT_WATCH_DETECTED_MAX ? w->detected : REPORT_WATCH_DETECTED_MAX;
}

void report_watch_add(struct report_watch *sum, const struct report_watch *one) {
    sum->peer_days += one->peer_days;
    sum->listener_days += one->listener_days;
    sum->suspicions_wrong += one->suspicions_wrong;
    sum->crashed_wrong += one->crashed_wrong;
    sum->moves_wrong += one->moves_wrong;
    sum->undetected += one->undetected;
    for (uint32_t i = 0; i < kept(one); i++)
        note(sum, one->ms[i], one->suspected_ms[i]);
}

/* ---- told ------------------------------------------------------------------------------------ */

void report_watch_to_line(const struct report_watch *w, char *out, size_t size) {
    struct text t = text_over(out, size);
    uint32_t told = kept(w) < REPORT_WATCH_TOLD_MAX ? kept(w) : REPORT_WATCH_TOLD_MAX;
    text_putf(&t, "%.9f %.9f %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu32 " %" PRIu32,
              w->peer_days, w->listener_days, w->suspicions_wrong, w->crashed_wrong, w->moves_wrong,
              w->undetected, told);
    for (uint32_t i = 0; i < told; i++)
        text_putf(&t, " %" PRIu32 " %" PRIu32, w->ms[i], w->suspected_ms[i]);
}

bool report_watch_from_line(struct report_watch *out, const char *line) {
    int at = 0, n = 0;
    memset(out, 0, sizeof(*out));
    if (sscanf(line, "%lf %lf %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu32 " %" SCNu32 "%n",
               &out->peer_days, &out->listener_days, &out->suspicions_wrong, &out->crashed_wrong,
               &out->moves_wrong, &out->undetected, &out->detected, &at) != 7)
        return false;
    for (uint32_t i = 0; i < kept(out); i++, at += n)
        if (sscanf(line + at, " %" SCNu32 " %" SCNu32 "%n", &out->ms[i], &out->suspected_ms[i],
                   &n) != 2)
            return false;
    return true;
}

static int compare(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

int64_t report_watch_quantile(const struct report_watch *w, uint32_t *ms, uint32_t permille) {
    uint32_t n = kept(w);
    qsort(ms, n, sizeof(ms[0]), compare);
    if (n == 0)
        return -1;
    return (int64_t)ms[permille < 1000 ? (uint64_t)n * permille / 1000 : n - 1];
}

void report_watch_write(struct json_writing *out, json_t *object, struct report_watch *w) {
    json_object_set_new(object, "peer_days", json_real(w->peer_days));
    json_object_set_new(object, "listener_days", json_real(w->listener_days));
    json_write_uint(out, object, "suspicions_wrong", w->suspicions_wrong);
    json_write_uint(out, object, "crashed_wrong", w->crashed_wrong);
    json_write_uint(out, object, "moves_wrong", w->moves_wrong);
    json_write_uint(out, object, "detected", w->detected);
    json_write_uint(out, object, "undetected", w->undetected);
    json_write_int(out, object, "detected_ms_p50", report_watch_quantile(w, w->ms, 500));
    json_write_int(out, object, "detected_ms_p99", report_watch_quantile(w, w->ms, 990));
    json_write_int(out, object, "detected_ms_most", report_watch_quantile(w, w->ms, 1000));
    json_write_int(out, object, "suspected_ms_p50", report_watch_quantile(w, w->suspected_ms, 500));
    json_write_int(out, object, "suspected_ms_p99", report_watch_quantile(w, w->suspected_ms, 990));
}
