#include "test/live/deaths.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

static int64_t number_of(const json_t *object, const char *key) {
    return json_integer_value(json_object_get(object, key));
}

void deaths_free(struct deaths *d) {
    free(d->trials);
    memset(d, 0, sizeof(*d));
}

static struct death_trial *add(struct deaths *d) {
    if (d->count == d->room) {
        size_t room = d->room > 0 ? 2 * d->room : 512;
        struct death_trial *trials = realloc(d->trials, room * sizeof(*trials));
        if (trials == NULL)
            return NULL;
        d->trials = trials;
        d->room = room;
    }
    struct death_trial *t = &d->trials[d->count++];
    memset(t, 0, sizeof(*t));
    t->detect_ms = t->first_frame_ms = -1;
    return t;
}

static bool is_kill(const json_t *event) {
    return strncmp(text_of(event, "text"), "kill site", 9) == 0;
}

static const char *served_by(const json_t *report, const char *first, const char *client,
                             int64_t at_ms) {
    const json_t *move;
    size_t i;
    const char *site = NULL;
    json_array_foreach(json_object_get(report, "moves"), i, move) {
        if (strcmp(text_of(move, "client"), client) != 0)
            continue;
        if (site == NULL)
            site = text_of(move, "from");
        if (number_of(move, "at_ms") <= at_ms)
            site = text_of(move, "to");
    }
    return site != NULL ? site : first;
}

/* The move that the death has made: the first one away from there. */
static void note_move(struct death_trial *t, const json_t *report, const char *site) {
    const json_t *move;
    size_t i;
    json_array_foreach(json_object_get(report, "moves"), i, move) {
        if (t->detect_ms >= 0 || strcmp(text_of(move, "client"), t->client) != 0 ||
            strcmp(text_of(move, "from"), site) != 0 || number_of(move, "at_ms") < t->at_ms)
            continue;
        t->detect_ms = number_of(move, "detect_ms");
        t->first_frame_ms = number_of(move, "first_frame_ms");
    }
}

static void note_gaps(struct death_trial *t, const json_t *report) {
    const json_t *gap;
    size_t i;
    json_array_foreach(json_object_get(report, "gaps"), i, gap) {
        int64_t after_ms = number_of(gap, "at_ms") - t->at_ms, ms = number_of(gap, "ms");
        if (strcmp(text_of(gap, "client"), t->client) != 0 || after_ms < 0 ||
            after_ms > DEATHS_WITHIN_MS)
            continue;
        t->lost_ms += ms;
        t->gap_ms = ms > t->gap_ms ? ms : t->gap_ms;
    }
}

static void take_death(struct deaths *d, const struct scenario *s, unsigned long long seed,
                       const json_t *report, const json_t *event) {
    const char *site = text_of(event, "target");
    size_t before = d->count;
    for (uint32_t g = 0; g < s->client_group_count; g++)
        for (uint32_t n = 0; n < s->clients[g].count; n++) {
            char client[REPORT_NAME_LEN_MAX + 1];
            snprintf(client, sizeof(client), "%s-%u", s->clients[g].name.text, n + 1);
            int64_t at_ms = number_of(event, "at_ms");
            if (strcmp(served_by(report, s->clusters[0].identity.name.text, client, at_ms), site) !=
                0)
                continue;
            struct death_trial *t = add(d);
            if (t == NULL)
                return;
            t->seed = seed;
            t->at_ms = at_ms;
            memcpy(t->client, client, sizeof(client));
            note_move(t, report, site);
            note_gaps(t, report);
        }
    d->deaths += d->count > before;
}

static int64_t lost_of(const json_t *report) {
    const json_t *gap;
    int64_t ms = 0;
    size_t i;
    json_array_foreach(json_object_get(report, "gaps"), i, gap) {
        ms += number_of(gap, "ms");
    }
    return ms;
}

void deaths_take(struct deaths *d, const struct scenario *s, unsigned long long seed,
                 const json_t *report) {
    const json_t *event;
    size_t i, before = d->count;
    int64_t lost_before_ms = deaths_lost_ms(d);
    d->runs++;
    d->failed += report == NULL || !json_is_true(json_object_get(report, "ok"));
    if (report == NULL)
        return;
    json_array_foreach(json_object_get(report, "events"), i, event) {
        if (is_kill(event))
            take_death(d, s, seed, report, event);
    }
    double listened_s = (double)number_of(report, "frames_expected") * 20 / 1000;
    d->seconds += listened_s - (double)(d->count - before) * DEATHS_WITHIN_MS / 1000;
    d->lost_apart_ms += lost_of(report) - (deaths_lost_ms(d) - lost_before_ms);
    d->reordered += (uint64_t)number_of(report, "reordered");
    d->twice_apart += (uint64_t)number_of(report, "duplicates_apart");
}

static int worse(const void *a, const void *b) {
    const struct death_trial *x = a, *y = b;
    if (x->gap_ms != y->gap_ms)
        return x->gap_ms < y->gap_ms ? 1 : -1;
    return (x->first_frame_ms < y->first_frame_ms) - (x->first_frame_ms > y->first_frame_ms);
}

void deaths_sort(struct deaths *d) {
    if (d->count > 0)
        qsort(d->trials, d->count, sizeof(d->trials[0]), worse);
}

int64_t deaths_gap_ms(struct deaths *d, unsigned per_mille) {
    if (d->count == 0)
        return 0;
    deaths_sort(d);
    size_t rank = (d->count * per_mille + 999) / 1000; /* from the shortest, 1 first */
    return d->trials[d->count - (rank > 0 ? rank : 1)].gap_ms;
}

size_t deaths_whole(const struct deaths *d) {
    size_t whole = 0;
    for (size_t i = 0; i < d->count; i++)
        whole += d->trials[i].lost_ms == 0;
    return whole;
}

int64_t deaths_lost_ms(const struct deaths *d) {
    int64_t ms = 0;
    for (size_t i = 0; i < d->count; i++)
        ms += d->trials[i].lost_ms;
    return ms;
}
