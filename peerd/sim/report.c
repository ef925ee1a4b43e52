#include "peerd/sim/report.h"

#include "peerd/sim/report_watch.h"
#include "peerd/wire/json_write.h"

#include <stdlib.h>
#include <string.h>

#define JSON_LEN_MAX ((size_t)256 << 20) /* [bytes] a million moves */
#define NAMES_BYTES  65520               /* [bytes] of names in a piece */

void report_init(struct report *r, const char *runner, const struct name *scenario, uint64_t seed) {
    *r = (struct report){.runner = runner, .scenario = *scenario, .seed = seed};
}

/* Names of clients, one after the other. */
struct report_names {
    struct report_names *older;
    size_t used;
    char text[NAMES_BYTES];
};

static void free_texts(struct report *r) {
    for (struct report_names *n = r->names, *older; n != NULL; n = older) {
        older = n->older;
        free(n);
    }
    for (uint32_t i = 0; i < r->texts.number_count; i++)
        interned_give(&r->texts, i);
    interns_free(&r->texts);
}

void report_free(struct report *r) {
    free_texts(r);
    free(r->clients);
    free(r->moves);
    free(r->verdicts);
    free(r->expectations);
    free(r->events);
    free(r->changes);
    free(r->marks);
    free(r->watch);
    *r = (struct report){.runner = r->runner};
}

/* Room for one more; arrays double, so `count` alone says how large one is. */
static void *add(struct report *r, void *array, uint32_t *count, size_t size, const void *element) {
    bool full = (*count & (*count - 1)) == 0; /* 0, 1, 2, 4, … */
    size_t room = *count == 0 ? 1 : 2 * (size_t)*count;
    void *grown = full ? realloc(array, room * size) : array;
    if (grown == NULL) {
        r->broken = true;
        return array;
    }
    memcpy((char *)grown + *count * size, element, size);
    ++*count;
    return grown;
}

static const char *own_name(struct report *r, const char *name) {
    size_t size = strlen(name) + 1;
    if (r->names == NULL || r->names->used + size > NAMES_BYTES) {
        struct report_names *fresh = malloc(sizeof(*fresh));
        if (fresh == NULL || size > NAMES_BYTES) {
            free(fresh);
            r->broken = true;
            return "";
        }
        fresh->older = r->names;
        fresh->used = 0;
        r->names = fresh;
    }
    char *own = r->names->text + r->names->used;
    memcpy(own, name, size);
    r->names->used += size;
    return own;
}

/* Of few different ones, each is kept once, by one user, until the report goes. */
static const char *own_text(struct report *r, const char *text) {
    uint32_t before = r->texts.by_bytes.count;
    uint32_t number = interned_take(&r->texts, text, strlen(text) + 1);
    if (number == INTERNED_NONE) {
        r->broken = true;
        return "";
    }
    if (r->texts.by_bytes.count == before)
        interned_give(&r->texts, number);
    return interned_bytes(&r->texts, number);
}

static const char *given(const char *text) {
    return text == NULL ? "" : text;
}

void report_add_client(struct report *r, const struct report_client *client) {
    struct report_client own = *client;
    own.name = own_name(r, given(client->name));
    own.outcome = own_text(r, given(client->outcome));
    own.served_by = own_text(r, given(client->served_by));
    r->clients = add(r, r->clients, &r->client_count, sizeof(own), &own);
}

void report_add_move(struct report *r, const struct report_move *move) {
    r->moves = add(r, r->moves, &r->move_count, sizeof(*move), move);
}

void report_add_verdict(struct report *r, const struct report_verdict *verdict) {
    r->verdicts = add(r, r->verdicts, &r->verdict_count, sizeof(*verdict), verdict);
}

void report_add_expectation(struct report *r, const struct report_expectation *expectation) {
    r->expectations =
        add(r, r->expectations, &r->expectation_count, sizeof(*expectation), expectation);
}

void report_add_event(struct report *r, const struct report_event *event) {
    r->events = add(r, r->events, &r->event_count, sizeof(*event), event);
}

void report_add_change(struct report *r, const struct report_change *change) {
    r->changes = add(r, r->changes, &r->change_count, sizeof(*change), change);
}

void report_add_mark(struct report *r, const struct report_mark *mark) {
    if (r->mark_count >= REPORT_MARKS_MAX) {
        r->marks_left_out++;
        return;
    }
    r->marks = add(r, r->marks, &r->mark_count, sizeof(*mark), mark);
}

/* Served before hedged before gap, at the same instant: a total order, whatever qsort does. */
static int compare_marks(const void *a, const void *b) {
    const struct report_mark *x = a, *y = b;
    if (x->client != y->client)
        return x->client < y->client ? -1 : 1;
    if (x->at_ms != y->at_ms)
        return x->at_ms < y->at_ms ? -1 : 1;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    return (x->value > y->value) - (x->value < y->value);
}

/* Clients of a group differ by their number, at the end of their names. */
static int compare_moves(const void *a, const void *b) {
    const struct report_move *x = a, *y = b;
    if (x->at_ms != y->at_ms)
        return x->at_ms < y->at_ms ? -1 : 1;
    if (x->group != y->group)
        return x->group < y->group ? -1 : 1;
    size_t x_len = strlen(x->client), y_len = strlen(y->client);
    int order = x_len != y_len ? (x_len > y_len) - (x_len < y_len) : strcmp(x->client, y->client);
    if (order == 0)
        order = strcmp(x->from.text, y->from.text);
    return order != 0 ? order : strcmp(x->to.text, y->to.text);
}

void report_sort(struct report *r) {
    if (r->move_count > 1)
        qsort(r->moves, r->move_count, sizeof(*r->moves), compare_moves);
    if (r->mark_count > 1)
        qsort(r->marks, r->mark_count, sizeof(*r->marks), compare_marks);
}

uint64_t report_frames_expected(const struct report *r) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < r->client_count; i++)
        sum += r->clients[i].frames_expected;
    return sum;
}

uint64_t report_frames_lost(const struct report *r) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < r->client_count; i++)
        sum += r->clients[i].frames_lost;
    return sum;
}

uint64_t report_frames_duplicated(const struct report *r) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < r->client_count; i++)
        sum += r->clients[i].frames_duplicated;
    return sum;
}

uint64_t report_reordered(const struct report *r) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < r->client_count; i++)
        sum += r->clients[i].reordered;
    return sum;
}

uint64_t report_duplicates_apart(const struct report *r) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < r->client_count; i++)
        sum += r->clients[i].duplicates_apart;
    return sum;
}

bool report_ok(const struct report *r) {
    for (uint32_t i = 0; i < r->expectation_count; i++)
        if (!r->expectations[i].met)
            return false;
    return !r->broken;
}

/* ---- JSON ---- */

static void write_moves(struct json_writing *w, const struct report *r) {
    json_t *array = json_write_array(w, w->root, "moves");
    for (uint32_t i = 0; i < r->move_count; i++) {
        const struct report_move *m = &r->moves[i];
        json_t *o = json_write_element(w, array);
        json_write_string(w, o, "client", m->client);
        json_write_string(w, o, "cause", m->cause.text);
        json_write_string(w, o, "from", m->from.text);
        json_write_string(w, o, "to", m->to.text);
        json_write_int(w, o, "at_ms", m->at_ms);
        json_write_int(w, o, "detect_ms", m->detect_ms);
        json_write_int(w, o, "first_frame_ms", m->first_frame_ms);
        json_write_int(w, o, "gap_ms", m->gap_ms);
    }
}

static void write_verdicts(struct json_writing *w, const struct report *r) {
    json_t *array = json_write_array(w, w->root, "verdicts");
    for (uint32_t i = 0; i < r->verdict_count; i++) {
        const struct report_verdict *v = &r->verdicts[i];
        json_t *o = json_write_element(w, array);
        json_write_int(w, o, "at_ms", v->at_ms);
        json_write_string(w, o, "observer", v->observer.text);
        json_write_string(w, o, "peer", v->peer.text);
        json_write_string(w, o, "verdict", v->verdict.text);
        if (!name_is_empty(&v->location))
            json_write_string(w, o, "location", v->location.text);
        json_write_string(w, o, "evidence", v->evidence);
    }
}

static void write_events(struct json_writing *w, const struct report *r) {
    json_t *array = json_write_array(w, w->root, "events");
    for (uint32_t i = 0; i < r->event_count; i++) {
        json_t *o = json_write_element(w, array);
        json_write_int(w, o, "at_ms", r->events[i].at_ms);
        json_write_string(w, o, "target", r->events[i].target.text);
        json_write_string(w, o, "text", r->events[i].text);
    }
}

static void write_gaps(struct json_writing *w, const struct report *r) {
    json_t *array = json_write_array(w, w->root, "gaps");
    for (uint32_t i = 0; i < r->mark_count; i++) {
        const struct report_mark *m = &r->marks[i];
        if (m->kind != REPORT_MARK_GAP || m->client >= r->client_count)
            continue;
        json_t *o = json_write_element(w, array);
        json_write_string(w, o, "client", r->clients[m->client].name);
        json_write_int(w, o, "at_ms", m->at_ms);
        json_write_int(w, o, "ms", m->value);
    }
}

static void write_hedges(struct json_writing *w, const struct report *r) {
    json_t *array = json_write_array(w, w->root, "hedges");
    uint64_t told = 0, left_out = 0;
    for (uint32_t i = 0; i < r->mark_count; i++) {
        const struct report_mark *m = &r->marks[i];
        if (m->kind != REPORT_MARK_HEDGED || m->client >= r->client_count)
            continue;
        if (told == REPORT_HEDGES_MAX) {
            left_out++;
            continue;
        }
        told++;
        json_t *o = json_write_element(w, array);
        json_write_string(w, o, "client", r->clients[m->client].name);
        json_write_int(w, o, "at_ms", m->at_ms);
    }
    if (left_out > 0)
        json_write_uint(w, w->root, "hedges_left_out", left_out);
}

static void write_expectations(struct json_writing *w, const struct report *r) {
    json_t *array = json_write_array(w, w->root, "expectations");
    for (uint32_t i = 0; i < r->expectation_count; i++) {
        json_t *o = json_write_element(w, array);
        json_write_string(w, o, "what", r->expectations[i].what);
        json_write_bool(w, o, "met", r->expectations[i].met);
        json_write_string(w, o, "found", r->expectations[i].found);
    }
}

char *report_to_json(const struct report *r) {
    struct json_writing w;
    json_write_begin(&w);
    json_write_string(&w, w.root, "runner", r->runner);
    json_write_string(&w, w.root, "scenario", r->scenario.text);
    json_write_uint(&w, w.root, "seed", r->seed & INT64_MAX);
    json_write_uint(&w, w.root, "listeners", r->client_count);
    json_write_uint(&w, w.root, "frames_expected", report_frames_expected(r));
    json_write_uint(&w, w.root, "frames_lost", report_frames_lost(r));
    json_write_uint(&w, w.root, "frames_duplicated", report_frames_duplicated(r));
    json_write_uint(&w, w.root, "reordered", report_reordered(r));
    json_write_uint(&w, w.root, "duplicates_apart", report_duplicates_apart(r));
    write_moves(&w, r);
    write_verdicts(&w, r);
    write_events(&w, r);
    write_gaps(&w, r);
    write_hedges(&w, r);
    if (r->watch != NULL)
        report_watch_write(&w, json_write_object(&w, w.root, "watch"), r->watch);
    write_expectations(&w, r);
    if (r->stood_still_ms > 0)
        json_write_int(&w, w.root, "stood_still_ms", r->stood_still_ms);
    if (r->broken && r->broken_by != NULL)
        json_write_string(&w, w.root, "broken_by", r->broken_by);
    json_write_bool(&w, w.root, "ok", report_ok(r));
    return json_write_end(&w, JSON_LEN_MAX, NULL);
}
