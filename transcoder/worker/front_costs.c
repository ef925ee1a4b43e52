#include "transcoder/worker/front_inner.h"

#include "peerd/net/clock.h"

#include <string.h>

static bool same(const struct rendition *a, const struct rendition *b) {
    return name_equal(&a->name, &b->name) && a->codec == b->codec &&
           a->bitrate_bps == b->bitrate_bps && a->height == b->height && a->fps == b->fps &&
           a->channels == b->channels;
}

static struct front_cost *find(struct front_cost *list, size_t count, const struct rendition *r) {
    for (size_t i = 0; i < count; i++)
        if (same(&list[i].rendition, r))
            return &list[i];
    return NULL;
}

void front_costs_of(struct front *f, const struct rendition *renditions, size_t count) {
    static struct front_cost fresh[NODE_PROFILES_MAX]; /* 32 KB, for the call only */
    for (size_t i = 0; i < count; i++) {
        const struct front_cost *old = find(f->costs, f->rendition_count, &renditions[i]);
        fresh[i] = old != NULL ? *old : (struct front_cost){.rendition = renditions[i]};
    }
    memcpy(f->costs, fresh, count * sizeof(fresh[0]));
}

void front_costs_made(struct front *f, const struct front_line *line, struct duration took,
                      uint64_t cpu_us) {
    struct front_cost *c = find(f->costs, f->rendition_count, &line->order.rendition);
    if (c != NULL)
        cost_add(&c->cost, (uint32_t)took.us, (uint32_t)cpu_us);
}

/* A channel is made ahead, whoever looks on: one more player costs nothing. */
static uint32_t player_ms(struct front *f, const struct front_stream *s) {
    const struct rendition *renditions[PLAYLIST_RENDITIONS_MAX];
    const struct cost *costs[PLAYLIST_RENDITIONS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < s->count && !front_is_channel(s); i++) {
        const struct front_cost *c =
            find(f->costs, f->rendition_count, &s->renditions[i].rendition);
        if (c == NULL)
            continue;
        renditions[count] = &c->rendition;
        costs[count++] = &c->cost;
    }
    return capacity_player_ms(renditions, costs, count);
}

void front_costs_tell(struct front *f) {
    for (size_t i = 0; i < f->rendition_count; i++) {
        const struct link_rendition_cost word = {f->costs[i].rendition.name,
                                                 cost_media_ms(&f->costs[i].cost)};
        if (word.media_ms > 0)
            (void)link_send(f->link, LINK_RENDITION_COST, &word);
    }
    for (size_t i = 0; i < f->stream_count; i++) {
        const struct front_stream *s = &f->streams[i];
        const struct node_stream word = {s->source.spec.name, player_ms(f, s)};
        if (s->state == FRONT_KNOWN)
            (void)link_send(f->link, LINK_STREAM, &word);
    }
}
