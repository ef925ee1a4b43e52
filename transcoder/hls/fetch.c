#include "transcoder/hls/fetch.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* FNV-1a (Fowler, Noll, Vo), 64 bits: tells copies apart, and is no proof against malice, which a
 * site that serves bad bytes from the beginning does not need. */
#define HASH_BASIS 14695981039346656037U
#define HASH_PRIME 1099511628211U

static uint64_t hash_on(uint64_t hash, const uint8_t *bytes, size_t count) {
    for (size_t i = 0; i < count; i++)
        hash = (hash ^ bytes[i]) * HASH_PRIME;
    return hash;
}

static uint64_t least(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

/* ---- facts ----------------------------------------------------------------------------------- */

static bool is_over(const struct fetch *f) {
    return f->state == FETCH_DONE || f->state == FETCH_FAILED;
}

/* Bits of the sites that are being asked, or are sending. */
static uint32_t outstanding(const struct fetch *f) {
    uint32_t bits = 0;
    for (uint32_t i = 0; i < f->sites->count; i++)
        if (f->tries[i].state != FETCH_TRY_NONE)
            bits |= 1u << i;
    return bits;
}

uint64_t fetch_length(const struct fetch *f) {
    const struct range *r = &f->head.range;
    return r->end == RANGE_UNKNOWN ? RANGE_UNKNOWN : r->end - r->from;
}

static bool has_all(const struct fetch *f) {
    return f->serving != SITES_NONE && f->given == fetch_length(f);
}

/* The place in the whole body at which it goes on. */
static uint64_t place(const struct fetch *f) {
    return f->head.range.from + f->given;
}

bool fetch_rest(const struct fetch *f, struct range *part, const char **tag) {
    if (f->whole || f->given == 0)
        return false;
    *part = (struct range){place(f), f->head.range.end};
    *tag = f->head.etag;
    return true;
}

/* ---- asking ---------------------------------------------------------------------------------- */

static void call_off(struct fetch *f, uint32_t site) {
    f->tries[site].state = FETCH_TRY_NONE;
    if ((f->ask & 1u << site) != 0)
        f->ask &= ~(1u << site);
    else
        f->cancel |= 1u << site;
}

static void call_off_all_but(struct fetch *f, uint32_t site) {
    for (uint32_t i = 0; i < f->sites->count; i++)
        if (i != site && f->tries[i].state != FETCH_TRY_NONE)
            call_off(f, i);
}

static void give_up(struct fetch *f, unsigned status, const char *why) {
    call_off_all_but(f, SITES_NONE);
    f->state = FETCH_FAILED;
    if (f->refused == 0)
        f->refused = status;
    if (f->why[0] == '\0')
        snprintf(f->why, sizeof(f->why), "%s", why);
}

static void ask(struct fetch *f, uint32_t site, struct instant now) {
    bool resuming = !f->whole && f->given > 0;
    f->hedges += outstanding(f) != 0 && !resuming;
    f->resumes += resuming;
    f->tries[site] =
        (struct fetch_try){.state = FETCH_TRY_ASKED, .since = now, .resuming = resuming};
    f->asked |= 1u << site;
    f->ask |= 1u << site;
    f->next_at = instant_add(now, sites_patience(f->sites, site));
}

static void ask_next(struct fetch *f, struct instant now) {
    uint32_t site = sites_choose(f->sites, f->asked, now);
    if (site != SITES_NONE)
        ask(f, site, now);
    else if (outstanding(f) != 0)
        f->next_at = INSTANT_NEVER;
    else if (f->again != 0)
        f->next_at = instant_add(now, duration_ms(FETCH_AGAIN_MS));
    else
        give_up(f, 502, "no site has it");
}

void fetch_begin(struct fetch *f, struct sites *sites, bool whole, struct instant now) {
    *f = (struct fetch){.sites = sites,
                        .whole = whole,
                        .serving = SITES_NONE,
                        .first = SITES_NONE,
                        .hash = HASH_BASIS,
                        .heard_at = now};
    ask_next(f, now);
    f->first = f->state == FETCH_ASKING ? (uint32_t)__builtin_ctz(f->asked) : SITES_NONE;
}

/* ---- who serves ------------------------------------------------------------------------------ */

/* Whoever was asked earlier, and had its time, is not to be asked first for a while. */
static bool overtake(struct fetch *f, uint32_t winner, struct instant now) {
    bool any = false;
    for (uint32_t i = 0; i < f->sites->count; i++) {
        const struct fetch_try *t = &f->tries[i];
        if (i == winner || t->state == FETCH_TRY_NONE ||
            !instant_before(t->since, f->tries[winner].since))
            continue;
        any = true;
        if (t->state == FETCH_TRY_ASKED)
            sites_measured(f->sites, i, instant_since(now, t->since));
        sites_failed(f->sites, i, now);
    }
    return any;
}

/* The choice moves only away from the one that was asked first: by now steering, or another fetch,
 * may have chosen anew. */
static void serve(struct fetch *f, uint32_t site, struct instant now) {
    struct fetch_try *t = &f->tries[site];
    bool hedged = overtake(f, site, now);
    call_off_all_but(f, site);
    if (t->state == FETCH_TRY_ASKED)
        sites_measured(f->sites, site, instant_since(now, t->since));
    if (site != f->first && f->sites->at == f->first)
        sites_won(f->sites, site,
                  t->resuming ? SITES_RESUMED
                  : hedged    ? SITES_HEDGED
                              : SITES_FAILED);
    t->state = FETCH_TRY_SERVING;
    f->serving = site;
    f->state = FETCH_FLOWING;
    f->asked = 1u << site;
    f->again = 0;
    f->broke = false;
}

/* Another is asked for the rest; `whole`: for all of it. */
static void go_elsewhere(struct fetch *f, struct instant now) {
    f->state = FETCH_ASKING;
    f->first = f->serving;
    f->broke = true;
    if (f->whole)
        f->given = 0;
    ask_next(f, now);
}

/* ---- what comes ------------------------------------------------------------------------------ */

static void turn_down(struct fetch *f, uint32_t site, const char *why, struct instant now) {
    snprintf(f->why, sizeof(f->why), "what %.63s has differs: %s", f->sites->list[site].id, why);
    call_off(f, site);
    ask_next(f, now);
}

/* Of a rest: is it of the same body, and from where on? */
static const char *unlike(const struct fetch *f, const struct fetch_head *head) {
    if (f->head.total != RANGE_UNKNOWN && head->total != RANGE_UNKNOWN &&
        f->head.total != head->total)
        return "another length";
    if (head->status != 206)
        return NULL;
    if (head->etag[0] == '\0' || strcmp(head->etag, f->head.etag) != 0)
        return "another ETag";
    return head->range.from == place(f) ? NULL : "another part";
}

void fetch_head_came(struct fetch *f, uint32_t site, const struct fetch_head *head,
                     struct instant now) {
    struct fetch_try *t = &f->tries[site];
    if (is_over(f) || t->state != FETCH_TRY_ASKED)
        return;
    f->heard_at = now;
    if (!t->resuming) {
        f->head = *head;
        f->given = 0;
        f->hash = HASH_BASIS;
        t->at = head->range.from;
        serve(f, site, now);
        return;
    }
    const char *why = unlike(f, head);
    if (why != NULL) {
        turn_down(f, site, why, now);
        return;
    }
    t->at = head->range.from;
    t->hash = HASH_BASIS;
    if (t->at == place(f)) {
        serve(f, site, now);
    } else {
        sites_measured(f->sites, site, instant_since(now, t->since));
        t->state = FETCH_TRY_CHECKING;
    }
}

/* Bytes that were given already, and those before them: how many of `count` these are. */
static size_t check(struct fetch *f, struct fetch_try *t, const uint8_t *bytes, size_t count) {
    uint64_t from = f->head.range.from;
    size_t before = t->at < from ? (size_t)least(from - t->at, count) : 0;
    t->at += before;
    size_t again = (size_t)least(place(f) - t->at, count - before);
    t->hash = hash_on(t->hash, bytes + before, again);
    t->at += again;
    return before + again;
}

void fetch_bytes_came(struct fetch *f, uint32_t site, const uint8_t *bytes, size_t count,
                      struct instant now, size_t *skip, size_t *len, uint64_t *at) {
    struct fetch_try *t = &f->tries[site];
    *skip = *len = 0;
    *at = f->given;
    if (is_over(f) || t->state < FETCH_TRY_CHECKING)
        return;
    f->heard_at = now;
    f->next_at = instant_add(now, duration_ms(FETCH_STALL_MS));
    if (t->state == FETCH_TRY_CHECKING) {
        *skip = check(f, t, bytes, count);
        if (*skip == count)
            return;
        if (t->hash != f->hash) {
            turn_down(f, site, "other bytes", now);
            return;
        }
    }
    if (t->state == FETCH_TRY_CHECKING || f->state != FETCH_FLOWING)
        serve(f, site, now);
    *len = (size_t)least(count - *skip, fetch_length(f) - f->given);
    f->hash = hash_on(f->hash, bytes + *skip, *len);
    f->given += *len;
    t->at += *len;
    t->gave = true;
    if (has_all(f) && *skip + *len < count) {
        call_off(f, site);
        f->state = FETCH_DONE;
    }
}

/* ---- what ends ------------------------------------------------------------------------------- */

static void finish(struct fetch *f) {
    call_off_all_but(f, SITES_NONE);
    f->state = FETCH_DONE;
}

/* An answer without a body: it is empty, or a refusal. */
static void no_body(struct fetch *f, uint32_t site, const struct fetch_head *head, bool resuming,
                    struct instant now) {
    bool good = head != NULL && (head->status == 200 || head->status == 206);
    unsigned status = head != NULL ? head->status : 502;
    if (good && !resuming) {
        f->head = *head;
        f->given = 0;
        f->head.range.end = f->head.range.from;
        f->serving = site;
        finish(f);
        return;
    }
    if (f->refused == 0 || (f->refused >= 500 && status < 500))
        f->refused = good ? 502 : status;
    if (status >= 500)
        sites_failed(f->sites, site, now);
    if (head != NULL && head->again)
        f->again |= 1u << site;
    ask_next(f, now);
}

void fetch_ended(struct fetch *f, uint32_t site, const struct fetch_head *head, const char *failed,
                 struct instant now) {
    struct fetch_try t = f->tries[site];
    if (is_over(f) || t.state == FETCH_TRY_NONE)
        return;
    f->tries[site].state = FETCH_TRY_NONE;
    bool unbounded = failed == NULL && fetch_length(f) == RANGE_UNKNOWN;
    if (t.state == FETCH_TRY_SERVING && (has_all(f) || unbounded)) {
        finish(f);
    } else if (t.state == FETCH_TRY_CHECKING && unbounded && t.at == place(f) &&
               t.hash == f->hash) {
        finish(f);
    } else if (t.state == FETCH_TRY_ASKED && failed == NULL) {
        no_body(f, site, head, t.resuming, now);
    } else {
        sites_failed(f->sites, site, now);
        snprintf(f->why, sizeof(f->why), "%.63s: %.60s", f->sites->list[site].id,
                 failed != NULL ? failed : "the body is shorter than was said");
        /* Who gave something may go on by itself, after others: each time there is less to do. */
        if (t.state == FETCH_TRY_SERVING && site == f->serving && !f->broke) {
            f->asked = outstanding(f) | (t.gave && !f->whole ? 0 : 1u << site);
            go_elsewhere(f, now);
        } else {
            ask_next(f, now);
        }
    }
}

/* ---- time ------------------------------------------------------------------------------------ */

void fetch_paused(struct fetch *f, bool paused, struct instant now) {
    f->paused = paused;
    if (paused)
        return;
    f->heard_at = now;
    if (!instant_is_never(f->next_at))
        f->next_at = instant_max(f->next_at, instant_add(now, duration_ms(FETCH_STALL_MS)));
}

struct instant fetch_deadline(const struct fetch *f) {
    if (is_over(f) || f->paused)
        return INSTANT_NEVER;
    return instant_min(f->next_at, instant_add(f->heard_at, duration_ms(FETCH_PATIENCE_MS)));
}

/* Nothing comes in mid-body. Who alone has it is waited for. */
static void stalled(struct fetch *f, struct instant now) {
    uint32_t site = f->serving;
    if (has_all(f) || sites_choose(f->sites, 1u << site, now) == SITES_NONE) {
        f->next_at = INSTANT_NEVER;
        return;
    }
    f->asked = 1u << site;
    if (f->whole) {
        sites_failed(f->sites, site, now);
        call_off(f, site);
    }
    go_elsewhere(f, now);
}

/* What has come meanwhile lies in our own sockets: it is read before a site is blamed. */
static bool stood_still_ourselves(struct fetch *f, struct instant now) {
    struct instant due = fetch_deadline(f);
    bool late = !f->looked && duration_less(duration_ms(FETCH_LATE_MS), instant_since(now, due));
    f->looked = late;
    if (late) {
        f->heard_at = instant_max(f->heard_at, instant_sub(now, duration_ms(FETCH_STALL_MS)));
        f->next_at = instant_add(now, duration_ms(FETCH_LOOK_MS));
    }
    return late;
}

void fetch_due(struct fetch *f, struct instant now) {
    if (is_over(f) || !instant_reached(now, fetch_deadline(f)) || stood_still_ourselves(f, now))
        return;
    if (instant_reached(now, instant_add(f->heard_at, duration_ms(FETCH_PATIENCE_MS)))) {
        if (has_all(f))
            finish(f);
        else
            give_up(f, 504, "no site gives a byte");
        return;
    }
    if (!instant_reached(now, f->next_at))
        return;
    if (f->state == FETCH_FLOWING) {
        stalled(f, now);
        return;
    }
    if (outstanding(f) == 0) {
        f->asked &= ~f->again;
        f->again = 0;
    }
    ask_next(f, now);
}
