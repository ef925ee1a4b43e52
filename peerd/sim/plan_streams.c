#include "peerd/sim/plan_streams.h"

#include "peerd/policy/quantity.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define BEGIN_LEAST_MS 30000
#define BEGIN_MOST_MS  180000
#define BEGIN_PART     4  /* of what is to spare as much fills buffers */
#define SPARE_PART     10 /* of all makers at least as much is taken to be to spare */

/* ---- which --------------------------------------------------------------------------------- */

uint32_t plan_makers(const struct plan *plan, uint32_t cluster) {
    const struct policy *p = plan->policies[cluster];
    uint64_t makers = (uint64_t)p->node_count * plan->request.makers;
    if (p->origin_count == 0)
        return 0;
    return makers < PLAN_MAKERS_MAX ? (uint32_t)makers : PLAN_MAKERS_MAX;
}

uint64_t plan_wanted_ms(const struct plan *plan, uint32_t players) {
    return (uint64_t)players * (uint64_t)plan->request.media_cpu.us / 1000;
}

static bool is_known(const struct plan *plan, const struct name *stream) {
    for (uint32_t i = 0; i < plan->stream_count; i++)
        if (name_equal(&plan->streams[i], stream))
            return true;
    return false;
}

static bool take(struct plan *plan, const struct policy *p, const struct policy_origin *o) {
    const char *name = p->cluster.name.text;
    if (name_is_empty(&o->source)) {
        plan_say(&plan->notes,
                 "%s has the stream %s from another program, and no policy says how many that can "
                 "serve: nobody watches it here",
                 name, o->name.text);
        return false;
    }
    if (p->node_count == 0)
        return false;
    if (is_known(plan, &o->name))
        return true;
    if (plan->stream_count == POLICY_ORIGINS_MAX) {
        plan_say(&plan->notes, "%s has the stream %s, and a plan has %d at most: left out", name,
                 o->name.text, POLICY_ORIGINS_MAX);
        return false;
    }
    plan->streams[plan->stream_count++] = o->name;
    return true;
}

void plan_streams_take(struct plan *plan, struct policy *p) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < p->origin_count; i++) {
        if (!take(plan, p, &p->origins[i]))
            continue;
        p->origins[kept] = p->origins[i];
        p->origins[kept].source = p->origins[kept].name; /* as scenarios name what makers make */
        kept++;
    }
    p->origin_count = kept;
}

/* ---- as a scenario ------------------------------------------------------------------------- */

void plan_streams_put(FILE *out, const struct plan *plan) {
    char cpu[QUANTITY_TEXT_LEN_MAX + 1];
    if (plan->stream_count == 0)
        return;
    quantity_to_text(QUANTITY_DURATION, plan->request.media_cpu.us, cpu);
    fputs("streams:\n", out);
    for (uint32_t i = 0; i < plan->stream_count; i++)
        fprintf(out, "  - {name: %s, media_cpu: %s}\n", plan->streams[i].text, cpu);
}

/* Of each stream of a cluster. */
static uint32_t players_of(const struct plan *plan, uint32_t cluster) {
    const struct plan_request *q = &plan->request;
    uint32_t streams = plan->policies[cluster]->origin_count;
    if (streams == 0 || q->players > 0)
        return streams == 0 ? 0 : q->players;
    uint64_t load_us = (uint64_t)plan_makers(plan, cluster) * q->load_ppm; /* for each second */
    return (uint32_t)(load_us / (uint64_t)q->media_cpu.us / streams);
}

/* How long it takes until all of a cluster's have filled their buffers beside those who play. */
static int64_t beginning_ms(const struct plan *plan, uint32_t cluster) {
    uint32_t players = players_of(plan, cluster) * plan->policies[cluster]->origin_count;
    uint64_t makers_ms = (uint64_t)plan_makers(plan, cluster) * 1000;
    uint64_t wanted_ms = plan_wanted_ms(plan, players);
    uint64_t least_ms = makers_ms / SPARE_PART;
    uint64_t spare_ms = makers_ms > wanted_ms + least_ms ? makers_ms - wanted_ms : least_ms;
    uint64_t fill_ms = wanted_ms * (uint64_t)duration_in_ms(plan->request.player_buffer);
    uint64_t long_ms = BEGIN_PART * fill_ms / (spare_ms > 0 ? spare_ms : 1);
    if (long_ms < BEGIN_LEAST_MS)
        return BEGIN_LEAST_MS;
    return long_ms < BEGIN_MOST_MS ? (int64_t)long_ms : BEGIN_MOST_MS;
}

static void put_group(FILE *out, const struct plan *plan, uint32_t cluster,
                      const struct name *stream, uint32_t number) {
    const struct policy_cluster *c = &plan->policies[cluster]->cluster;
    char name[2 * NAME_LEN_MAX + 8];
    snprintf(name, sizeof(name), "%s-at-%s", stream->text, c->name.text);
    if (strlen(name) > NAME_LEN_MAX)
        snprintf(name, sizeof(name), "players-%" PRIu32, number);
    fprintf(out,
            "  - {name: %s, count: %" PRIu32
            ", stream: %s, open_at: %s, start: {between: [0s, %" PRId64 "ms]}",
            name, players_of(plan, cluster), stream->text, c->name.text,
            beginning_ms(plan, cluster));
    if (c->placed)
        fprintf(out, ", place: {latitude: %.4f, longitude: %.4f}", c->latitude_deg,
                c->longitude_deg);
    fputs("}\n", out);
}

int64_t plan_streams_begin_ms(const struct plan *plan) {
    int64_t longest = 0;
    for (uint32_t i = 0; i < plan->count; i++)
        if (players_of(plan, i) > 0 && beginning_ms(plan, i) > longest)
            longest = beginning_ms(plan, i);
    return longest;
}

void plan_streams_fill_buffers(struct plan *plan) {
    struct scenario *s = &plan->scenario;
    for (uint32_t i = 0; i < s->client_group_count; i++)
        if (!name_is_empty(&s->clients[i].stream))
            s->clients[i].buffer = plan->request.player_buffer;
}

uint32_t plan_streams_put_players(FILE *out, struct plan *plan) {
    uint32_t number = 0;
    for (uint32_t i = 0; i < plan->count; i++) {
        const struct policy *p = plan->policies[i];
        if (p->origin_count > 0 && players_of(plan, i) == 0)
            plan_say(&plan->notes, "%s has no CPU for a player under this --load: nobody watches",
                     p->cluster.name.text);
        if (p->origin_count == 0 || players_of(plan, i) == 0)
            continue;
        for (uint32_t k = 0; k < p->origin_count; k++)
            put_group(out, plan, i, &p->origins[k].name, ++number);
    }
    return number;
}
