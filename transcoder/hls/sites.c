#include "transcoder/hls/sites.h"

#include <assert.h>
#include <string.h>

void sites_init(struct sites *s) {
    memset(s, 0, sizeof(*s));
}

uint32_t sites_find(const struct sites *s, const char *id) {
    for (uint32_t i = 0; i < s->count; i++)
        if (strcmp(s->list[i].id, id) == 0)
            return i;
    return SITES_NONE;
}

uint32_t sites_add(struct sites *s, const char *id, const char *base) {
    uint32_t i = sites_find(s, id);
    if (strlen(id) > SITES_ID_MAX || strlen(base) > SITES_BASE_MAX)
        return SITES_NONE;
    if (i == SITES_NONE) {
        if (s->count == SITES_MAX)
            return SITES_NONE;
        i = s->count++;
        s->list[i] = (struct site){.shunned_until = instant_us(0)};
        strcpy(s->list[i].id, id);
        s->order[i] = i;
    }
    strcpy(s->list[i].base, base);
    return i;
}

static bool is_shunned(const struct sites *s, uint32_t site, struct instant now) {
    return instant_before(now, s->list[site].shunned_until);
}

static void go_to(struct sites *s, uint32_t site, enum sites_cause cause) {
    if (s->at == site)
        return;
    s->at = site;
    s->cause = cause;
    s->moves++;
}

void sites_steered(struct sites *s, const uint32_t *order, size_t count, struct instant now) {
    uint32_t next[SITES_MAX], len = 0, named = 0;
    for (size_t i = 0; i < count; i++) {
        assert(order[i] < s->count);
        if ((named & 1u << order[i]) == 0)
            next[len++] = order[i];
        named |= 1u << order[i];
    }
    for (uint32_t i = 0; i < s->count; i++)
        if ((named & 1u << s->order[i]) == 0)
            next[len++] = s->order[i];
    memcpy(s->order, next, len * sizeof(next[0]));
    for (uint32_t i = 0; i < len; i++)
        if (!is_shunned(s, s->order[i], now)) {
            go_to(s, s->order[i], SITES_STEERED);
            return;
        }
}

uint32_t sites_choose(const struct sites *s, uint32_t asked, struct instant now) {
    uint32_t shunned = SITES_NONE;
    if (s->count > 0 && (asked & 1u << s->at) == 0 && !is_shunned(s, s->at, now))
        return s->at;
    for (uint32_t i = 0; i < s->count; i++) {
        uint32_t site = s->order[i];
        if ((asked & 1u << site) != 0)
            continue;
        if (!is_shunned(s, site, now))
            return site;
        if (shunned == SITES_NONE)
            shunned = site;
    }
    return shunned;
}

struct duration sites_patience(const struct sites *s, uint32_t site) {
    const struct site *one = &s->list[site];
    const struct duration least = duration_ms(SITES_PATIENCE_MS_MIN);
    if (!one->measured)
        return least;
    return duration_min(duration_max(duration_us(one->mean_us + 4 * one->deviation_us), least),
                        duration_ms(SITES_PATIENCE_MS_MAX));
}

void sites_measured(struct sites *s, uint32_t site, struct duration took) {
    struct site *one = &s->list[site];
    int64_t off = took.us - one->mean_us;
    if (!one->measured) {
        one->measured = true;
        one->mean_us = took.us;
        one->deviation_us = took.us / 2;
        return;
    }
    one->deviation_us += ((off < 0 ? -off : off) - one->deviation_us) / 4;
    one->mean_us += off / 8;
}

void sites_won(struct sites *s, uint32_t site, enum sites_cause cause) {
    s->list[site].shunned_until = instant_us(0);
    go_to(s, site, cause);
}

void sites_failed(struct sites *s, uint32_t site, struct instant now) {
    s->list[site].shunned_until = instant_add(now, duration_ms(SITES_SHUN_MS));
}

const char *sites_cause_name(enum sites_cause cause) {
    switch (cause) {
    case SITES_HEDGED:
        return "hedged";
    case SITES_FAILED:
        return "failed";
    case SITES_RESUMED:
        return "resumed";
    case SITES_STEERED:
        return "steered";
    }
    return "";
}
