#include "peerd/sim/post.h"

#include <stddef.h>
#include <string.h>

/* Up to its last view. */
static size_t size_of_views(const struct beat *beat) {
    return offsetof(struct sim_beat, beat.views) + beat->view_count * sizeof(beat->views[0]);
}

size_t sim_beat_size(const struct beat *beat) {
    return size_of_views(beat) + beat->digest_len + beat->blocks_len;
}

void sim_beat_pack(struct sim_beat *body, const struct beat *beat) {
    size_t views = size_of_views(beat);
    memcpy(&body->beat, beat, views - offsetof(struct sim_beat, beat));
    memcpy((uint8_t *)body + views, beat->digest, beat->digest_len);
    memcpy((uint8_t *)body + views + beat->digest_len, beat->blocks, beat->blocks_len);
}

const struct beat *sim_beat_unpack(const struct sim_beat *body, struct beat *room) {
    size_t views = size_of_views(&body->beat);
    if (body->beat.digest_len == 0 && body->beat.blocks_len == 0)
        return &body->beat;
    memcpy(room, &body->beat, views - offsetof(struct sim_beat, beat));
    memcpy(room->digest, (const uint8_t *)body + views, room->digest_len);
    memcpy(room->blocks, (const uint8_t *)body + views + room->digest_len, room->blocks_len);
    return room;
}

/* The whole of a message is as large as the largest, a resume with its ticket. */
size_t sim_message_size(const struct message *m) {
    static const size_t sizes[] = {[MESSAGE_HELLO] = 0,
                                   [MESSAGE_COOKIE] = sizeof(m->u.cookie),
                                   [MESSAGE_RESUME] = offsetof(struct message_resume, ticket),
                                   [MESSAGE_GRANT] = sizeof(m->u.grant),
                                   [MESSAGE_REFUSE] = sizeof(m->u.refuse),
                                   [MESSAGE_REPORT] = sizeof(m->u.report),
                                   [MESSAGE_ACK] = sizeof(m->u.ack),
                                   [MESSAGE_NOTICE] = sizeof(m->u.notice),
                                   [MESSAGE_PROBE] = sizeof(m->u.probe),
                                   [MESSAGE_ECHO] = sizeof(m->u.echo),
                                   [MESSAGE_TRIPS] = sizeof(m->u.trips),
                                   [MESSAGE_NAMED] = sizeof(m->u.named),
                                   [MESSAGE_BACKUPS] = sizeof(m->u.named),
                                   [MESSAGE_KNOCK] = sizeof(m->u.knock),
                                   [MESSAGE_PASS] = sizeof(m->u.pass)};
    size_t ticket = m->kind == MESSAGE_RESUME ? m->u.resume.ticket_len : 0;
    return offsetof(struct message, u) + sizes[m->kind] + ticket;
}

void sim_post(struct sim *sim, uint32_t from, uint32_t to, uint32_t bytes,
              const struct sim_event *event, const void *body, size_t size) {
    struct way_fate fate;
    if (!sim_network_send(&sim->network, from, to, bytes, sim->now, &fate))
        return;
    for (uint32_t i = 0; i < fate.count; i++) {
        struct sim_event copy = *event;
        if (fate.arrivals[i].copy == WAY_COPY_REPLAY &&
            instant_before(sim->end, fate.arrivals[i].at))
            continue; /* afterwards all leases have to run out */
        if (size > 0)
            copy.body = memcpy(sim_body_make(&sim->bodies, size), body, size);
        sim_put_at(sim, fate.arrivals[i].at, &copy);
    }
}
