#include "transcoder/timeline/window.h"

#include <assert.h>

#define OURS      0
#define SHARED    (WINDOWS_MAX - 1)
#define SIZE_MAX_ (UINT32_C(1) << 20) /* [1/16 starts]: no slots are that many */

static struct window fresh(const struct name *issuer, struct instant now) {
    struct window row = {.size = WINDOW_FIRST * WINDOW_UNIT, .used = now};
    row.halved = instant_us(INT64_MIN);
    if (issuer != NULL)
        row.issuer = *issuer;
    return row;
}

void windows_init(struct windows *w, struct instant now) {
    for (uint32_t i = 0; i < WINDOWS_MAX; i++)
        w->rows[i] = fresh(NULL, now);
    rush_init(&w->rush, now);
}

static bool is_quiet(const struct window *row, struct instant now) {
    return row->under_way == 0 &&
           !duration_less(instant_since(now, row->used), duration_ms(WINDOW_REST_S * 1000));
}

/* Free rows first, then whoever was quiet longest. */
static uint8_t give(struct windows *w, const struct name *issuer, struct instant now) {
    uint8_t best = SHARED;
    for (uint8_t i = OURS + 1; i < SHARED; i++) {
        const struct window *row = &w->rows[i];
        if (name_is_empty(&row->issuer)) {
            best = i;
            break;
        }
        if (row->under_way == 0 &&
            (best == SHARED || instant_before(row->used, w->rows[best].used)))
            best = i;
    }
    if (best != SHARED)
        w->rows[best] = fresh(issuer, now);
    return best;
}

static uint8_t find(const struct windows *w, const struct name *issuer) {
    if (issuer == NULL)
        return OURS;
    for (uint8_t i = OURS + 1; i < SHARED; i++)
        if (name_equal(&w->rows[i].issuer, issuer))
            return i;
    return SHARED;
}

uint8_t windows_row(struct windows *w, const struct name *issuer, struct instant now) {
    uint8_t row = find(w, issuer);
    if (row == SHARED)
        row = give(w, issuer, now);
    if (is_quiet(&w->rows[row], now))
        w->rows[row].size = WINDOW_FIRST * WINDOW_UNIT;
    w->rows[row].used = now;
    return row;
}

uint32_t window_starts(const struct window *w) {
    return w->size / WINDOW_UNIT;
}

bool windows_admit(struct windows *w, uint8_t row, uint32_t slots_max, bool first,
                   struct instant now) {
    struct window *r = &w->rows[row];
    uint32_t most = window_starts(r) < slots_max ? window_starts(r) : slots_max;
    if (most < WINDOW_FLOOR)
        most = WINDOW_FLOOR; /* how few may be here is for others to say */
    if (first && most > 2 * WINDOW_FLOOR)
        most /= 2;
    if (r->under_way < most)
        return true;
    r->refused++;
    rush_refused(&w->rush, now);
    return false;
}

void windows_begun(struct windows *w, uint8_t row) {
    w->rows[row].under_way++;
}

static void halve(struct window *r, struct instant now) {
    r->size /= 2;
    if (r->size < WINDOW_FLOOR * WINDOW_UNIT)
        r->size = WINDOW_FLOOR * WINDOW_UNIT;
    r->halved = now;
    r->halvings++;
}

/* Only what was in use has been tried. */
static void open(struct window *r) {
    if (2 * r->under_way * WINDOW_UNIT >= r->size && r->size < SIZE_MAX_)
        r->size += WINDOW_OPEN;
}

void windows_ended(struct windows *w, uint8_t row, enum window_end end, struct instant admitted,
                   struct instant now) {
    struct window *r = &w->rows[row];
    assert(r->under_way > 0);
    switch (end) {
    case WINDOW_IN_TIME:
        r->in_time++;
        open(r);
        break;
    case WINDOW_TOO_LATE:
        r->late++;
        if (instant_before(r->halved, admitted))
            halve(r, now);
        break;
    case WINDOW_GIVEN_UP:
        break;
    }
    r->under_way--;
}

void windows_behind(struct windows *w, struct instant now) {
    for (uint32_t i = 0; i < WINDOWS_MAX; i++) {
        struct window *r = &w->rows[i];
        bool lately = !duration_less(duration_ms(WINDOW_LATE), instant_since(now, r->halved));
        if (r->under_way > 0 && !lately)
            halve(r, now);
    }
}

uint32_t windows_wait_ms(struct windows *w, const struct session_id *who, uint64_t counter,
                         struct instant now) {
    return rush_wait_within_ms(&w->rush, who, counter, WINDOW_RETRY, WINDOW_SPAN, now);
}

void windows_check_invariants(const struct windows *w) {
    for (uint32_t i = 0; i < WINDOWS_MAX; i++) {
        const struct window *r = &w->rows[i];
        assert(r->size >= WINDOW_FLOOR * WINDOW_UNIT && r->size <= SIZE_MAX_ + WINDOW_OPEN);
        assert((i != OURS && i != SHARED) || name_is_empty(&r->issuer));
    }
}
