#include "transcoder/timeline/queue.h"

#include "transcoder/timeline/lap.h"

void queue_init(struct queue *q, struct instant now) {
    q->rush_until = q->crowd_until = now;
}

void queue_waits(struct queue *q, uint32_t count, struct instant now) {
    struct instant until = instant_add(now, duration_ms(QUEUE_MS));
    if (count >= QUEUE_RUSH)
        q->rush_until = until;
    if (count >= QUEUE_CROWD)
        q->crowd_until = until;
}

uint32_t queue_preroll(const struct queue *q, struct instant now) {
    if (instant_before(now, q->crowd_until))
        return LAP_LEAST_FRAMES;
    return instant_before(now, q->rush_until) ? LAP_QUICK_FRAMES : UINT32_MAX;
}
