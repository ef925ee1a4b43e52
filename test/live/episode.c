#include "test/live/episode.h"

#include <stdlib.h>
#include <string.h>

#define PACKETS_MAX 2000000

void episodes_init(struct episodes *e) {
    memset(e, 0, sizeof(*e));
    for (uint32_t i = 0; i < SPACE_LISTENERS_MAX; i++)
        e->last_media[i] = INSTANT_NEVER;
    e->list = calloc(EPISODES_MAX, sizeof(*e->list));
}

void episodes_free(struct episodes *e) {
    free(e->list);
    free(e->packets);
    memset(e, 0, sizeof(*e));
}

struct episode *episodes_newest(const struct episodes *e) {
    return e->count > 0 ? &e->list[e->count - 1] : NULL;
}

struct episode *episode_begin(struct episodes *e, bool killed, uint32_t site, struct instant at,
                              const bool *affected, uint32_t listener_count) {
    if (e->list == NULL || e->count >= EPISODES_MAX)
        return NULL;
    struct episode *x = &e->list[e->count++];
    *x = (struct episode){.killed = killed,
                          .site = site,
                          .at = at,
                          .first_asked = INSTANT_NEVER,
                          .all_asked = INSTANT_NEVER,
                          .first_heard = INSTANT_NEVER,
                          .all_heard = INSTANT_NEVER};
    for (uint32_t i = 0; i < listener_count && i < SPACE_LISTENERS_MAX; i++) {
        x->affected += affected[i];
        x->listeners[i] = (struct episode_listener){.affected = affected[i],
                                                    .last_old = e->last_media[i],
                                                    .asked = INSTANT_NEVER,
                                                    .heard = INSTANT_NEVER};
    }
    return x;
}

static void keep(struct episodes *e, const struct tap_packet *p) {
    if (e->packet_count == e->packet_room) {
        uint32_t room = e->packet_room > 0 ? e->packet_room * 2 : 4096;
        struct episode_packet *packets =
            room <= PACKETS_MAX ? realloc(e->packets, room * sizeof(*packets)) : NULL;
        if (packets == NULL)
            return;
        e->packets = packets;
        e->packet_room = room;
    }
    e->packets[e->packet_count++] =
        (struct episode_packet){p->at, (uint16_t)p->listener, (uint16_t)p->site};
}

static enum episode_news listener_asked(struct episode *x, struct episode_listener *l,
                                        const struct tap_packet *p) {
    if (!instant_is_never(l->asked))
        return EPISODE_NOTHING;
    l->asked = p->at;
    x->asked++;
    if (x->asked == x->affected)
        x->all_asked = p->at;
    if (x->asked > 1)
        return x->asked == x->affected ? EPISODE_ALL_ASKED : EPISODE_NOTHING;
    x->first_asked = p->at;
    return EPISODE_FIRST_ASKED;
}

static enum episode_news listener_heard(struct episode *x, struct episode_listener *l,
                                        const struct tap_packet *p) {
    if (!instant_is_never(l->heard))
        return EPISODE_NOTHING;
    l->heard = p->at;
    l->heard_from = p->site;
    x->heard++;
    if (x->heard == 1)
        x->first_heard = p->at;
    if (x->heard < x->affected)
        return x->heard == 1 ? EPISODE_FIRST_HEARD : EPISODE_NOTHING;
    x->all_heard = p->at;
    return EPISODE_ALL_HEARD;
}

enum episode_news episodes_seen(struct episodes *e, const struct tap_packet *p) {
    struct episode *x = episodes_newest(e);
    bool media = p->to_listener && p->media;
    if (p->listener >= SPACE_LISTENERS_MAX)
        return EPISODE_NOTHING;
    if (media) {
        keep(e, p);
        e->last_media[p->listener] = p->at;
        e->media_site[p->listener] = p->site;
    }
    if (x == NULL || instant_before(p->at, x->at))
        return EPISODE_NOTHING;
    struct episode_listener *l = &x->listeners[p->listener];
    if (!l->affected)
        return EPISODE_NOTHING;
    if (p->site == x->site) {
        if (media)
            l->last_old = p->at;
        return EPISODE_NOTHING;
    }
    if (media)
        return listener_heard(x, l, p);
    return p->asks ? listener_asked(x, l, p) : EPISODE_NOTHING;
}
