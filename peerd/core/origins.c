#include "peerd/core/origins.h"

#include "peerd/core/state.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- ours ------------------------------------------------------------------------------------ */

static bool is_same(const struct policy_origin *a, const struct policy_origin *b) {
    return name_equal(&a->name, &b->name) && strcmp(a->url.text, b->url.text) == 0;
}

static struct origin_health kept(const struct core *core, const struct policy_origin *next) {
    for (uint32_t i = 0; i < core->policy.origin_count; i++)
        if (is_same(&core->policy.origins[i], next) &&
            name_equal(&core->origins.list[i].name, &next->name))
            return core->origins.list[i];
    return (struct origin_health){.name = next->name, .since = core->now};
}

void origins_policy(struct core *core, const struct policy *next) {
    struct origins fresh;
    memset(&fresh, 0, sizeof(fresh));
    for (uint32_t i = 0; i < next->origin_count; i++)
        fresh.list[i] = kept(core, &next->origins[i]);
    core->origins = fresh;
}

static void tell(struct core *core, const struct origin_health *o) {
    char text[TRACE_LINE_LEN_MAX + 1];
    if (o->ill)
        snprintf(text, sizeof(text), "origin %s is ill: %" PRIu32 " looks in a row failed, %s",
                 o->name.text, o->failed, err_text(o->err));
    else
        snprintf(text, sizeof(text),
                 "origin %s is well again: %" PRIu32 " looks in a row succeeded", o->name.text,
                 o->passed);
    core_trace(core, "%s", text);
    journal_enter(core->journal,
                  &(struct journal_entry){.at = core->now,
                                          .kind = JOURNAL_ORIGIN,
                                          .what = o->ill ? "ill" : "well",
                                          .error = o->ill ? o->err : ERR_OK},
                  text);
}

static void count(struct origin_health *o, enum err err) {
    o->failed = err == ERR_OK ? 0 : o->failed + (o->failed < UINT32_MAX);
    o->passed = err != ERR_OK ? 0 : o->passed + (o->passed < UINT32_MAX);
    if (err != ERR_OK)
        o->err = err;
}

void origins_checked(struct core *core, const struct core_origin_checked *e) {
    assert(e->origin < core->policy.origin_count);
    const struct policy_origin *policy = &core->policy.origins[e->origin];
    struct origin_health *o = &core->origins.list[e->origin];
    count(o, e->err);
    bool ill = o->ill ? o->passed < policy->successes : o->failed >= policy->failures;
    if (ill == o->ill)
        return;
    o->ill = ill;
    o->since = core->now;
    tell(core, o);
    for (uint32_t i = 0; i < core->peer_count; i++)
        peering_beat_soon(core, core->peers[i]);
}

size_t origins_describe(const struct core *core, struct description_origin out[ORIGINS_MAX]) {
    for (uint32_t i = 0; i < core->policy.origin_count; i++) {
        const struct policy_origin *o = &core->policy.origins[i];
        out[i] = (struct description_origin){
            .name = o->name, .live = o->live, .healthy = !core->origins.list[i].ill};
        memcpy(out[i].url, o->url.text, sizeof(out[i].url));
    }
    return core->policy.origin_count;
}

struct core_origin_status core_origin_status(const struct core *core, uint32_t index) {
    assert(index < core->policy.origin_count);
    const struct origin_health *o = &core->origins.list[index];
    return (struct core_origin_status){.policy = &core->policy.origins[index],
                                       .ill = o->ill,
                                       .failed = o->failed,
                                       .passed = o->passed,
                                       .err = o->err,
                                       .since = o->since};
}

bool core_peer_origin_status(const struct core *core, uint32_t index, uint32_t n,
                             struct core_peer_origin_status *out) {
    assert(index < core->peer_count);
    const struct peering *p = core->peers[index];
    if (!p->described || n >= p->description.origin_count)
        return false;
    const struct description_origin *o = &p->description.origins[n];
    *out = (struct core_peer_origin_status){
        .name = &o->name, .url = o->url, .live = o->live, .ill = origins_ill(p, o)};
    return true;
}

/* ---- told ------------------------------------------------------------------------------------ */

void origins_fill(const struct core *core, const struct peering *to, struct beat *beat) {
    struct description_origin own[ORIGINS_MAX];
    uint8_t bytes[ORIGINS_BLOCK_LEN];
    if (core->policy.origin_count == 0 || !to->takes_blocks)
        return;
    const struct origins_word word = origins_word_of(own, origins_describe(core, own));
    origins_write(bytes, &word);
    beat_add_block(beat, BEAT_BLOCK_ORIGINS, bytes, sizeof(bytes));
}

/* ---- heard ----------------------------------------------------------------------------------- */

static bool is_about_description(const struct peering *p) {
    return p->origins.told && p->origins.word.check == p->origins.check;
}

void origins_described(struct peering *p) {
    p->origins.check = origins_check(p->description.origins, p->description.origin_count);
}

/* Whoever has changed its list has a description that says so; asked for once in a while, since
 * what is asked for may be the one before. */
static void ask_anew(struct core *core, struct peering *p) {
    if (!instant_is_never(p->origins.asked) &&
        !instant_reached(core->now, instant_add(p->origins.asked, DESCRIPTION_SOON)))
        return;
    p->origins.asked = core->now;
    p->fetch_at = instant_min(p->fetch_at, core->now);
    peering_touch(core, p);
}

void origins_beat_heard(struct core *core, struct peering *p, const struct beat *beat) {
    size_t len = 0;
    const uint8_t *block = beat_find_block(beat, BEAT_BLOCK_ORIGINS, &len);
    if (block == NULL || !origins_read(&p->origins.word, block, len))
        return;
    p->origins.told = true;
    if (p->described && !is_about_description(p))
        ask_anew(core, p);
}

const struct description_origin *origins_of(const struct peering *p, const struct name *name) {
    for (size_t i = 0; p->described && i < p->description.origin_count; i++)
        if (name_equal(&p->description.origins[i].name, name))
            return &p->description.origins[i];
    return NULL;
}

bool origins_ill(const struct peering *p, const struct description_origin *origin) {
    size_t index = (size_t)(origin - p->description.origins);
    return is_about_description(p) ? (p->origins.word.ill >> index & 1) != 0 : !origin->healthy;
}
