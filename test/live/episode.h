/*
 * Episodes: what a dying or draining site did to its listeners, measured on the wire.
 *
 * An episode begins with the event and knows who was served there. For each of them it notes when
 * it first asked another site for media and when it first heard one. Without a tap there are
 * episodes, too, but nobody measures them.
 */
#ifndef TEST_LIVE_EPISODE_H
#define TEST_LIVE_EPISODE_H

#include "peerd/base/time.h"
#include "test/live/tap.h"

#define EPISODES_MAX 64

struct episode_listener {
    bool affected;
    struct instant last_old; /* last media from the old site */
    struct instant asked;    /* first hedge or commit to another site */
    struct instant heard;    /* first media from another site */
    uint32_t heard_from;
};

struct episode {
    bool killed; /* otherwise drained */
    uint32_t site;
    struct instant at;
    uint32_t affected;
    uint32_t asked; /* how many of them so far */
    uint32_t heard;
    struct instant first_asked, all_asked, first_heard, all_heard; /* "never" until then */
    struct episode_listener listeners[SPACE_LISTENERS_MAX];
};

/* A media packet to a listener, for plots. */
struct episode_packet {
    struct instant at;
    uint16_t listener;
    uint16_t site;
};

struct episodes {
    struct episode *list; /* owned */
    uint32_t count;
    struct episode_packet *packets; /* owned */
    uint32_t packet_count;
    uint32_t packet_room;
    struct instant last_media[SPACE_LISTENERS_MAX];
    uint32_t media_site[SPACE_LISTENERS_MAX]; /* who sent it */
};

/* What a packet completed in the newest episode. */
enum episode_news {
    EPISODE_NOTHING,
    EPISODE_FIRST_ASKED,
    EPISODE_ALL_ASKED,
    EPISODE_FIRST_HEARD,
    EPISODE_ALL_HEARD
};

void episodes_init(struct episodes *e);
void episodes_free(struct episodes *e);

/* `affected` says of each listener if the site served it. NULL if there were too many already. */
struct episode *episode_begin(struct episodes *e, bool killed, uint32_t site, struct instant at,
                              const bool *affected, uint32_t listener_count);

/* Every packet that the tap saw. */
enum episode_news episodes_seen(struct episodes *e, const struct tap_packet *p);

/* The newest one; NULL if there is none. */
struct episode *episodes_newest(const struct episodes *e);

#endif
