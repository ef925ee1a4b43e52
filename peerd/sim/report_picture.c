#include "peerd/sim/report_picture.h"

#include <stdlib.h>
#include <string.h>

#define ELSEWHERE_MS 1000 /* [ms] less apart, and one view shows both */

uint32_t picture_cluster(const struct picture *p, const struct name *name) {
    for (uint32_t i = 0; i < p->scenario->cluster_count; i++)
        if (name_equal(&p->scenario->clusters[i].identity.name, name))
            return i;
    return UINT32_MAX;
}

/* ---- marks ---- */

static bool index_marks(struct picture *p) {
    const struct report *r = p->report;
    uint32_t next = 0;
    p->marks_of = calloc((size_t)r->client_count + 1, sizeof(*p->marks_of));
    if (p->marks_of == NULL)
        return false;
    for (uint32_t i = 0; i <= r->client_count; i++) {
        while (next < r->mark_count && r->marks[next].client < i)
            next++;
        p->marks_of[i] = next;
    }
    return true;
}

uint32_t picture_served_by(const struct picture *p, uint32_t client, int64_t at_ms) {
    uint32_t by = REPORT_NOBODY;
    for (uint32_t i = p->marks_of[client]; i < p->marks_of[client + 1]; i++) {
        const struct report_mark *m = &p->report->marks[i];
        if (m->at_ms > at_ms)
            break;
        if (m->kind == REPORT_MARK_SERVED)
            by = m->value;
    }
    return by;
}

bool picture_has(const struct picture *p, uint32_t client, enum report_mark_kind kind,
                 int64_t from_ms, int64_t to_ms) {
    for (uint32_t i = p->marks_of[client]; i < p->marks_of[client + 1]; i++) {
        const struct report_mark *m = &p->report->marks[i];
        int64_t until = m->at_ms + (m->kind == REPORT_MARK_GAP ? (int64_t)m->value : 0);
        if (m->kind == kind && m->at_ms <= to_ms && until >= from_ms)
            return true;
    }
    return false;
}

/* ---- clusters ---- */

struct weight {
    uint32_t index;
    uint64_t weight;
};

static int compare_weights(const void *a, const void *b) {
    const struct weight *x = a, *y = b;
    if (x->weight != y->weight)
        return x->weight > y->weight ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

static int compare_indices(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* How often somebody began to be served there; to be hit outweighs all of them. */
static void weigh_clusters(const struct picture *p, struct weight *w) {
    const struct report *r = p->report;
    uint32_t count = p->scenario->cluster_count;
    for (uint32_t i = 0; i < count; i++)
        w[i].index = i;
    for (uint32_t i = 0; i < r->mark_count; i++)
        if (r->marks[i].kind == REPORT_MARK_SERVED && r->marks[i].value < count)
            w[r->marks[i].value].weight++;
    for (uint32_t i = 0; i < r->change_count; i++)
        if (r->changes[i].cluster < count)
            w[r->changes[i].cluster].weight |= UINT64_C(1) << 32;
}

static bool choose_clusters(struct picture *p) {
    uint32_t count = p->scenario->cluster_count;
    struct weight *w = calloc((size_t)count + 1, sizeof(*w));
    p->colours = malloc((size_t)count + 1);
    p->clusters = calloc(PICTURE_CLUSTERS_MAX, sizeof(*p->clusters));
    if (w == NULL || p->colours == NULL || p->clusters == NULL) {
        free(w);
        return false;
    }
    weigh_clusters(p, w);
    memset(p->colours, PICTURE_COLOURS, (size_t)count + 1);
    if (count > PICTURE_COLOURS)
        qsort(w, count, sizeof(*w), compare_weights);
    for (uint32_t i = 0; i < count && i < PICTURE_COLOURS; i++)
        p->colours[w[i].index] = (uint8_t)i;
    for (; p->cluster_count < count && p->cluster_count < PICTURE_CLUSTERS_MAX; p->cluster_count++)
        p->clusters[p->cluster_count] = w[p->cluster_count].index;
    qsort(p->clusters, p->cluster_count, sizeof(*p->clusters), compare_indices);
    free(w);
    return true;
}

/* ---- listeners ---- */

struct suffering {
    uint32_t index;
    uint32_t group;
    uint32_t changes; /* of its server */
    bool unserved;
    uint64_t lost;
    int64_t gap_ms;
};

static int compare_sufferings(const void *a, const void *b) {
    const struct suffering *x = a, *y = b;
    if (x->lost != y->lost)
        return x->lost > y->lost ? -1 : 1;
    if (x->unserved != y->unserved)
        return x->unserved ? -1 : 1;
    if (x->gap_ms != y->gap_ms)
        return x->gap_ms > y->gap_ms ? -1 : 1;
    if (x->changes != y->changes)
        return x->changes > y->changes ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

static struct suffering suffering_of(const struct picture *p, uint32_t client) {
    const struct report_client *c = &p->report->clients[client];
    struct suffering out = {.index = client,
                            .group = c->group,
                            .unserved = c->served_from_ms == REPORT_UNSERVED,
                            .lost = c->frames_lost,
                            .gap_ms = c->gap_max_ms};
    for (uint32_t i = p->marks_of[client]; i < p->marks_of[client + 1]; i++)
        out.changes += p->report->marks[i].kind == REPORT_MARK_SERVED;
    return out;
}

/* A group's lanes stand together, where its worst stands. */
static void gather_groups(struct picture *p) {
    const struct report_client *clients = p->report->clients;
    for (uint32_t i = 1; i < p->lane_count; i++) {
        uint32_t lane = p->lanes[i], at = i;
        for (uint32_t k = 0; k < i; k++)
            if (clients[p->lanes[k]].group == clients[lane].group)
                at = k + 1;
        memmove(&p->lanes[at + 1], &p->lanes[at], (i - at) * sizeof(*p->lanes));
        p->lanes[at] = lane;
    }
}

static bool choose_lanes(struct picture *p) {
    uint32_t count = p->report->client_count, groups = p->scenario->client_group_count;
    struct suffering *s = calloc((size_t)count + 1, sizeof(*s));
    uint32_t *alike = calloc((size_t)groups + 1, sizeof(*alike));
    p->lanes = calloc(PICTURE_LANES_MAX, sizeof(*p->lanes));
    bool ok = s != NULL && alike != NULL && p->lanes != NULL;
    for (uint32_t i = 0; ok && i < count; i++)
        s[i] = suffering_of(p, i);
    if (ok && count > 1)
        qsort(s, count, sizeof(*s), compare_sufferings);
    for (uint32_t i = 0; ok && i < count && p->lane_count < PICTURE_LANES_MAX; i++) {
        bool well = s[i].lost == 0 && !s[i].unserved && s[i].group < groups;
        if (well && count > PICTURE_LANES_MAX && ++alike[s[i].group] > PICTURE_ALIKE_MAX)
            continue;
        p->lanes[p->lane_count++] = s[i].index;
    }
    if (ok)
        gather_groups(p);
    free(s);
    free(alike);
    return ok;
}

/* ---- where to look first ---- */

static void add_focus(struct picture *p, enum picture_subject subject, int64_t at_ms,
                      const struct report_mark *gap) {
    struct picture_focus *f = &p->focuses[p->focus_count++];
    *f = (struct picture_focus){.subject = subject, .at_ms = at_ms, .client = UINT32_MAX};
    if (gap != NULL) {
        f->client = gap->client;
        f->gap_ms = gap->value;
    }
    for (uint32_t i = 0; i < p->report->event_count; i++)
        if (p->report->events[i].at_ms <= at_ms)
            f->culprit = &p->report->events[i];
}

/* Single frames lost on the way often come long before the real trouble; then both are shown. */
static bool find_losses(struct picture *p) {
    const struct report *r = p->report;
    const struct report_mark *first = NULL, *longest = NULL;
    for (uint32_t i = 0; i < r->mark_count; i++) {
        const struct report_mark *m = &r->marks[i];
        if (m->kind != REPORT_MARK_GAP || m->client >= r->client_count)
            continue;
        if (first == NULL || m->at_ms < first->at_ms)
            first = m;
        if (longest == NULL || m->value > longest->value ||
            (m->value == longest->value && m->at_ms < longest->at_ms))
            longest = m;
    }
    if (first == NULL)
        return false;
    add_focus(p, PICTURE_FIRST_LOSS, first->at_ms, first);
    if (longest->at_ms > first->at_ms + ELSEWHERE_MS && longest->value >= 3 * first->value)
        add_focus(p, PICTURE_LONGEST_GAP, longest->at_ms, longest);
    return true;
}

static void find_focuses(struct picture *p) {
    const struct report *r = p->report;
    int64_t first_ms = INT64_MAX;
    bool lost = find_losses(p);
    for (uint32_t i = 0; i < r->move_count; i++)
        first_ms = r->moves[i].at_ms < first_ms ? r->moves[i].at_ms : first_ms;
    /* After a stray loss somewhere else, what moved everybody is worth a look. */
    bool elsewhere =
        !lost || (p->focus_count == 1 && (first_ms > p->focuses[0].at_ms + ELSEWHERE_MS ||
                                          first_ms < p->focuses[0].at_ms - ELSEWHERE_MS));
    if (r->move_count > 0 && elsewhere)
        add_focus(p, PICTURE_FIRST_MOVE, first_ms, NULL);
    else if (!lost && r->event_count > 0)
        add_focus(p, PICTURE_FIRST_EVENT, r->events[0].at_ms, NULL);
}

bool picture_make(struct picture *p, const struct report *report, const struct scenario *scenario) {
    *p = (struct picture){
        .report = report, .scenario = scenario, .end_ms = duration_in_ms(scenario->duration)};
    if (!index_marks(p) || !choose_clusters(p) || !choose_lanes(p))
        return false;
    find_focuses(p);
    return true;
}

void picture_free(struct picture *p) {
    free(p->marks_of);
    free(p->colours);
    free(p->lanes);
    free(p->clusters);
    *p = (struct picture){0};
}
