#include "peerd/sim/inbox.h"

#include "peerd/sim/clock.h"
#include "peerd/sim/labour.h"

#include <stdlib.h>
#include <string.h>

#define ROOM_FIRST 256

bool sim_inbox_waits(const struct sim_worker *w) {
    return w->inbox.next < w->inbox.count;
}

/* Once half of it has been read that is forgotten, else it grows. */
static void make_room(struct sim_inbox *b) {
    uint32_t waiting = b->count - b->next;
    if (b->count < b->room)
        return;
    if (b->room > 0 && waiting <= b->room / 2) {
        memmove(b->events, b->events + b->next, waiting * sizeof(*b->events));
        b->next = 0;
        b->count = waiting;
        return;
    }
    b->room = b->room > 0 ? 2 * b->room : ROOM_FIRST;
    b->events = sim_grow(b->events, b->room, sizeof(*b->events));
}

bool sim_inbox_holds(struct sim *sim, struct sim_worker *w, const struct sim_event *e) {
    struct sim_inbox *b = &w->inbox;
    if (!sim_inbox_waits(w) && sim_labour_idle(w, sim_worker_now(sim, w)))
        return false;
    make_room(b);
    b->events[b->count++] = *e;
    sim_due_worker(sim, w);
    return true;
}

/* A turn is over when there is nothing left for it, or when it has taken long enough. */
static bool is_over(const struct sim_worker *w, struct instant now) {
    const struct sim_inbox *b = &w->inbox;
    if (!b->sending)
        return !sim_inbox_waits(w) || b->reads == SIM_INBOX_READS;
    return !instant_reached(b->sends_since, due_first(&w->due)) ||
           !duration_less(instant_since(now, b->sends_since), duration_ms(SIM_INBOX_SENDS_MS));
}

enum sim_turn sim_inbox_turn(struct sim_worker *w, struct instant now) {
    struct sim_inbox *b = &w->inbox;
    bool waits = sim_inbox_waits(w), due = instant_reached(now, due_first(&w->due));
    if (!waits && !due)
        return SIM_TURN_NONE;
    if (is_over(w, now)) {
        b->sending = b->sending ? !waits : due;
        b->sends_since = now;
        b->reads = 0;
    }
    return b->sending ? SIM_TURN_SENDS : SIM_TURN_READS;
}

struct sim_event sim_inbox_take(struct sim_worker *w) {
    w->inbox.reads++;
    return w->inbox.events[w->inbox.next++];
}

void sim_inbox_leave(struct sim *sim, struct sim_worker *w, bool kept) {
    struct sim_inbox *b = &w->inbox;
    for (uint32_t i = b->next; i < b->count; i++) {
        if (kept && b->events[i].kind == SIM_TO_WORKER)
            sim_put(sim, DURATION_ZERO, &b->events[i]);
        else
            sim_event_drop(sim, &b->events[i]);
    }
    b->next = b->count = b->reads = 0;
    b->sending = false;
}

void sim_inbox_free(struct sim *sim, struct sim_worker *w) {
    sim_inbox_leave(sim, w, false);
    free(w->inbox.events);
    w->inbox.events = NULL;
}
