#include "peerd/wire/trip_list.h"

#include <assert.h>

/* Some of them say what was asked and lost: all do then. */
static bool has_looked(const struct message_trips *t) {
    bool any = false;
    for (uint8_t i = 0; i < t->count; i++)
        any |= t->list[i].asked > 0;
    return any;
}

bool trip_list_in_range(const struct message_trips *t) {
    const struct trip_own *own = &t->own;
    bool ok = t->count >= 1 && t->count <= MESSAGE_TRIPS_MAX && own->lost <= own->due &&
              own->runs <= own->lost && (own->lost == 0 || own->runs > 0);
    for (uint8_t i = 0; ok && i < t->count; i++)
        ok = t->list[i].samples > 0 && t->list[i].rtt_us > 0 &&
             t->list[i].rtt_us <= MESSAGE_TRIP_US_MAX && t->list[i].lost <= t->list[i].asked;
    return ok && (own->due == 0 || has_looked(t));
}

size_t trip_list_len(const struct message_trips *t) {
    return TRIPS_LEN + (size_t)t->count * (has_looked(t) ? TRIPS_LOOKED_LEN : TRIPS_TRIP_LEN) +
           (t->own.due > 0 ? TRIPS_OWN_LEN : 0);
}

void trip_list_write(struct writer *w, const struct message_trips *t) {
    bool looked = has_looked(t);
    write_copy(w, t->target.bytes, KEY_HINT_BYTES);
    write_copy(w, t->session.bytes, SESSION_ID_BYTES);
    write_u64(w, t->counter);
    write_u8(w, t->count);
    for (uint8_t i = 0; i < t->count; i++) {
        write_copy(w, t->list[i].cluster.bytes, KEY_HINT_BYTES);
        write_u32(w, t->list[i].rtt_us);
        write_u8(w, t->list[i].samples);
        if (!looked)
            continue;
        write_u8(w, t->list[i].asked);
        write_u8(w, t->list[i].lost);
    }
    if (t->own.due == 0)
        return;
    write_u16(w, t->own.due);
    write_u16(w, t->own.lost);
    write_u16(w, t->own.runs);
}

static void read_own(struct reader *r, struct trip_own *own) {
    own->due = read_u16(r);
    own->lost = read_u16(r);
    own->runs = read_u16(r);
}

bool trip_list_read(struct reader *r, struct message_trips *t) {
    read_copy(r, t->target.bytes, KEY_HINT_BYTES);
    read_copy(r, t->session.bytes, SESSION_ID_BYTES);
    t->counter = read_u64(r);
    t->count = read_u8(r);
    assert(t->count <= MESSAGE_TRIPS_MAX);
    size_t most = (size_t)t->count * TRIPS_LOOKED_LEN;
    bool own = t->count > 0 && reader_left(r) == most + TRIPS_OWN_LEN;
    bool looked = t->count > 0 && (own || reader_left(r) == most);
    for (uint8_t i = 0; i < t->count; i++) {
        read_copy(r, t->list[i].cluster.bytes, KEY_HINT_BYTES);
        t->list[i].rtt_us = read_u32(r);
        t->list[i].samples = read_u8(r);
        if (!looked)
            continue;
        t->list[i].asked = read_u8(r);
        t->list[i].lost = read_u8(r);
    }
    if (own)
        read_own(r, &t->own);
    return looked == has_looked(t) && own == (t->own.due > 0);
}
