#include "transcoder/worker/starts.h"

static struct starts_row *find_or_make(struct starts *s, const struct name *issuer) {
    for (uint32_t i = 0; i < s->count; i++)
        if (name_equal(&s->rows[i].issuer, issuer))
            return &s->rows[i];
    if (s->count == STARTS_MAX)
        return NULL;
    s->rows[s->count] = (struct starts_row){.issuer = *issuer};
    return &s->rows[s->count++];
}

void starts_told(struct starts *s, uint32_t worker, const struct link_window *w) {
    struct starts_row *row = worker < NODE_WORKERS_MAX ? find_or_make(s, &w->issuer) : NULL;
    if (row == NULL)
        return;
    row->starts[worker] = w->starts;
    row->under_way[worker] = w->under_way;
    row->in_time += w->in_time;
    row->late += w->late;
    row->busy += w->busy;
}

void starts_worker_lost(struct starts *s, uint32_t worker) {
    for (uint32_t i = 0; i < s->count && worker < NODE_WORKERS_MAX; i++)
        s->rows[i].starts[worker] = s->rows[i].under_way[worker] = 0;
}

static uint32_t sum(const uint32_t of[NODE_WORKERS_MAX]) {
    uint32_t all = 0;
    for (uint32_t i = 0; i < NODE_WORKERS_MAX; i++)
        all += of[i];
    return all;
}

uint32_t starts_window(const struct starts_row *row) {
    return sum(row->starts);
}

uint32_t starts_under_way(const struct starts_row *row) {
    return sum(row->under_way);
}
