#include "test/live/player.h"

#include "transcoder/rtp/rtp.h"

#include <stdlib.h>
#include <string.h>

#define POSITIONS_MAX (24 * 3600 * 50) /* a day of frames */
#define BEHIND_MAX    500              /* frames before the first one that came */

static bool grow(struct player *p, size_t position) {
    size_t room = p->room > 0 ? p->room : 1024;
    while (room <= position)
        room *= 2;
    if (room == p->room)
        return true;
    struct player_packet *packets = realloc(p->packets, room * sizeof(*packets));
    if (packets == NULL)
        return false;
    p->packets = packets;
    for (size_t i = p->room; i < room; i++)
        packets[i].at = INSTANT_NEVER;
    if (p->payloads != NULL) {
        uint8_t **bodies = realloc(p->bodies, room * sizeof(*bodies));
        uint16_t *lens = realloc(p->lens, room * sizeof(*lens));
        p->bodies = bodies != NULL ? bodies : p->bodies;
        p->lens = lens != NULL ? lens : p->lens;
        if (bodies == NULL || lens == NULL)
            return false;
        memset(bodies + p->room, 0, (room - p->room) * sizeof(*bodies));
    }
    p->room = room;
    return true;
}

/* Where a packet stands; false if its numbers are not of this stream. */
static bool position_of(const struct player *p, const struct rtp_packet *packet, int64_t *out) {
    int32_t ticks = (int32_t)(packet->timestamp - p->ts0);
    int64_t position = ticks / (int32_t)p->samples_per_frame;
    *out = position;
    return packet->ssrc == p->ssrc && ticks % (int32_t)p->samples_per_frame == 0 &&
           (uint16_t)(p->seq0 + position) == packet->seq && position < POSITIONS_MAX &&
           position > -BEHIND_MAX;
}

static void keep_payload(struct player *p, int64_t position, const struct rtp_packet *packet) {
    uint8_t *body = malloc(packet->payload_len > 0 ? packet->payload_len : 1);
    if (body == NULL)
        return;
    memcpy(body, packet->payload, packet->payload_len);
    p->bodies[position] = body;
    p->lens[position] = (uint16_t)packet->payload_len;
}

static void received(void *data, const struct net_datagram *d, struct instant now) {
    struct player *p = data;
    struct rtp_packet packet;
    int64_t position;
    (void)now;
    if (rtp_decode(&packet, d->data, d->len) != ERR_OK) {
        p->foreign++;
        return;
    }
    if (!p->started) {
        p->started = true;
        p->first = d->at;
        p->ts0 = packet.timestamp;
        p->seq0 = packet.seq;
        p->ssrc = packet.ssrc;
    }
    if (!position_of(p, &packet, &position) || (position >= 0 && !grow(p, (size_t)position))) {
        p->foreign++;
        return;
    }
    p->received++;
    p->out_of_order += position < p->highest;
    if (position < 0)
        return; /* from before the clock started: nobody waits for it */
    if (!instant_is_never(p->packets[position].at)) {
        p->duplicated++;
        return;
    }
    p->packets[position].at = d->at;
    p->highest = position > p->highest ? position : p->highest;
    if (p->payloads != NULL)
        keep_payload(p, position, &packet);
}

bool player_open(struct player *p, struct net_loop *loop, const struct addr *addr,
                 uint32_t samples_per_frame, const char *recording) {
    memset(p, 0, sizeof(*p));
    p->addr = *addr;
    p->samples_per_frame = samples_per_frame;
    p->highest = -1;
    if (recording != NULL && (p->payloads = fopen(recording, "wbe")) == NULL)
        return false;
    if (net_udp_bind(&p->udp, loop, addr, received, p) != ERR_OK)
        return false;
    net_udp_set_buffers(p->udp, 256 * 1024);
    return true;
}

/* ---- counting ---- */

struct instant player_due(const struct player *p, int64_t position) {
    return instant_add(p->first, duration_ms(PLAYER_ALLOWANCE_MS + position * PLAYER_FRAME_MS));
}

static bool was_there(const struct player *p, int64_t position) {
    return (size_t)position < p->room &&
           !instant_before(player_due(p, position), p->packets[position].at);
}

struct player_count player_count(const struct player *p, struct instant now, int64_t end,
                                 int64_t break_ms) {
    struct player_count c = {.unbroken = p->started ? p->first : INSTANT_NEVER};
    int64_t run = 0;
    for (int64_t n = 0; p->started && (end < 0 || n < end); n++) {
        struct instant due = player_due(p, n);
        if (instant_before(now, due))
            break;
        c.expected++;
        if (was_there(p, n)) {
            if (run * PLAYER_FRAME_MS >= break_ms)
                c.unbroken = due;
            run = 0;
            continue;
        }
        c.lost++;
        run++;
        if (run * PLAYER_FRAME_MS > c.gap_max_ms)
            c.gap_max_ms = run * PLAYER_FRAME_MS;
    }
    if (run * PLAYER_FRAME_MS >= break_ms && run > 0)
        c.unbroken = INSTANT_NEVER;
    return c;
}

void player_gaps(const struct player *p, struct instant now, int64_t end,
                 void (*gap)(void *data, struct instant from, int64_t frames), void *data) {
    int64_t run = 0, n = 0;
    for (; p->started && (end < 0 || n < end) && !instant_before(now, player_due(p, n)); n++) {
        if (!was_there(p, n)) {
            run++;
            continue;
        }
        if (run > 0)
            gap(data, player_due(p, n - run), run);
        run = 0;
    }
    if (run > 0)
        gap(data, player_due(p, n - run), run);
}

/* ---- the end ---- */

static bool write_recording(struct player *p) {
    bool ok = true;
    for (int64_t n = 0; n <= p->highest; n++)
        if (p->bodies[n] != NULL)
            ok = fwrite(p->bodies[n], 1, p->lens[n], p->payloads) == p->lens[n] && ok;
    return fclose(p->payloads) == 0 && ok;
}

bool player_close(struct player *p) {
    bool ok = p->payloads == NULL || write_recording(p);
    for (size_t i = 0; p->bodies != NULL && i < p->room; i++)
        free(p->bodies[i]);
    free(p->bodies);
    free(p->lens);
    free(p->packets);
    net_udp_close(p->udp);
    memset(p, 0, sizeof(*p));
    return ok;
}
