/*
 * Events: the journal, told to whoever listens, as server-sent events or as a list.
 *
 * Each has an id, the run's number and its own in it, so that whoever was cut off goes on where he
 * stopped (Last-Event-ID), and is told how many are not kept any more. A comment every
 * HEARTBEAT keeps the line open and shows that we live. Readers are few; one that does not take
 * what it is sent is cut off, and nobody waits for it.
 */
#include "peerd/base/utc.h"
#include "peerd/io/daemon.h"
#include "peerd/net/clock.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KIND_MAX          16 /* programs of operators, and as many viewers of the page */
#define READERS_MAX       (2 * KIND_MAX)
#define HEARTBEAT         duration_s(10)
#define WAITING_BYTES_MAX ((size_t)2 << 20) /* [bytes] all of a full journal, and some */
#define ID_LEN_MAX        40                /* [characters] two numbers of 64 bits */
#define LISTED_MAX        JOURNAL_MAX

struct events_reader {
    struct events *events;
    struct net_http_stream *stream; /* NULL: free */
    bool viewed;                    /* by a browser */
    bool cut;                       /* too slow: nothing more is for it */
    uint64_t told;                  /* number of the newest entry sent */
};

struct events {
    struct daemon *daemon;
    struct journal journal;
    struct net_timer heartbeat;
    struct events_reader readers[READERS_MAX];
    uint32_t reader_count;
    uint64_t dropped; /* readers cut off for slowness */
};

/* ---- one event ---- */

static void id_of(const struct events *ev, uint64_t number, char out[ID_LEN_MAX + 1]) {
    snprintf(out, ID_LEN_MAX + 1, "%016" PRIx64 "-%" PRIu64, core_status(ev->daemon->core).boot,
             number);
}

static json_t *date_of(struct instant at) {
    char text[UTC_TEXT_LEN + 1];
    int64_t ago_us = instant_since(net_now(), at).us;
    return utc_to_text((net_wall().us - ago_us) / 1000000, text) ? json_string(text) : json_null();
}

/* A string, or null for none. */
static json_t *name_or_null(const struct name *n) {
    return name_is_empty(n) ? json_null() : json_string(n->text);
}

static json_t *entry_json(const struct events *ev, const struct journal_entry *e) {
    char id[ID_LEN_MAX + 1], session[SESSION_ID_TEXT_LEN + 1];
    id_of(ev, e->number, id);
    json_t *out =
        json_pack("{s:s, s:I, s:o, s:s, s:s, s:o}", "id", id, "number", (json_int_t)e->number, "at",
                  date_of(e->at), "kind", journal_kind_name(e->kind), "what", e->what, "cluster",
                  name_or_null(&e->about));
    if (out == NULL)
        return NULL;
    if (e->kind == JOURNAL_MOVE) {
        session_id_to_text(&e->session, session);
        json_object_set_new(out, "session", json_string(session));
        json_object_set_new(out, "from", name_or_null(&e->from));
        json_object_set_new(out, "cause", json_string(move_cause_name(e->cause)));
    }
    if (e->kind == JOURNAL_REFUSAL) {
        json_object_set_new(out, "reason", json_string(err_name(e->error)));
        json_object_set_new(out, "count", json_integer(e->count));
    }
    if (e->kind == JOURNAL_REDIRECT)
        json_object_set_new(out, "count", json_integer(e->count));
    /* What stands in a policy file need not be UTF-8. */
    json_t *text = json_string(e->text);
    json_object_set_new(out, "text", text != NULL ? text : json_string("(not UTF-8)"));
    return out;
}

/* ---- readers ---- */

static void over(void *data) {
    struct events_reader *r = data;
    r->stream = NULL;
    if (--r->events->reader_count == 0)
        net_timer_cancel(&r->events->heartbeat);
}

/* False: it is cut off, and will be told as over. */
static bool send_to(struct events_reader *r, const char *text) {
    if (r->cut)
        return false;
    r->cut = !net_http_stream_write(r->stream, text, strlen(text));
    r->events->dropped += r->cut;
    return !r->cut;
}

static bool send_entry(struct events_reader *r, const struct journal_entry *e) {
    char head[ID_LEN_MAX + 64], id[ID_LEN_MAX + 1];
    json_t *json = entry_json(r->events, e);
    char *data = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    id_of(r->events, e->number, id);
    snprintf(head, sizeof(head), "id: %s\nevent: %s\ndata: ", id, journal_kind_name(e->kind));
    bool took = data != NULL && send_to(r, head) && send_to(r, data) && send_to(r, "\n\n");
    free(data);
    return took;
}

/* Those that it has not had. What is not kept any more is counted out to it. */
static void catch_up(struct events_reader *r) {
    const struct journal *j = &r->events->journal;
    char text[96];
    if (r->told + 1 < journal_first(j)) {
        snprintf(text, sizeof(text), "event: missed\ndata: {\"missed\":%" PRIu64 "}\n\n",
                 journal_first(j) - 1 - r->told);
        r->told = journal_first(j) - 1;
        if (!send_to(r, text))
            r->told = j->count; /* nothing more for this one */
    }
    while (r->told < j->count)
        r->told = send_entry(r, journal_find(j, r->told + 1)) ? r->told + 1 : j->count;
}

void events_tell(struct daemon *d) {
    struct events *ev = d->events;
    for (uint32_t i = 0; i < READERS_MAX && ev->reader_count > 0; i++)
        if (ev->readers[i].stream != NULL)
            catch_up(&ev->readers[i]);
}

static void beat(void *data, struct instant now) {
    struct events *ev = data;
    for (uint32_t i = 0; i < READERS_MAX; i++)
        if (ev->readers[i].stream != NULL)
            (void)send_to(&ev->readers[i], ": nothing new in the last seconds, still here\n\n");
    net_timer_arm(&ev->heartbeat, instant_add(now, HEARTBEAT));
}

/* ---- what is asked ---- */

/* After which entry to go on. Of another run nothing was had; without an id only what comes. */
static bool read_since(const struct events *ev, const char *id, uint64_t *out) {
    char *end;
    if (id == NULL)
        return true;
    uint64_t boot = strtoull(id, &end, 16);
    if (end != id + 16 || *end != '-' || end[1] < '0' || end[1] > '9' || strlen(id) > ID_LEN_MAX)
        return false;
    *out = strtoull(end + 1, &end, 10);
    if (*end != '\0')
        return false;
    if (boot != core_status(ev->daemon->core).boot)
        *out = 0;
    else if (*out > ev->journal.count)
        *out = ev->journal.count;
    return true;
}

static void follow(struct events *ev, struct net_http_request *r, uint64_t since, bool viewed) {
    struct events_reader *reader = ev->readers;
    uint32_t alike = 0;
    for (uint32_t i = 0; i < READERS_MAX; i++)
        alike += ev->readers[i].stream != NULL && ev->readers[i].viewed == viewed;
    while (reader < ev->readers + READERS_MAX && reader->stream != NULL)
        reader++;
    if (reader == ev->readers + READERS_MAX || alike == KIND_MAX) {
        net_http_answer_problem(r, 503, ERR_FULL, "events: as many follow them as may", 5);
        return;
    }
    *reader = (struct events_reader){.events = ev, .viewed = viewed, .told = since};
    reader->stream = net_http_answer_stream(
        r, &(struct net_http_stream_options){.content_type = "text/event-stream",
                                             .waiting_bytes_max = WAITING_BYTES_MAX,
                                             .over = over,
                                             .data = reader});
    if (reader->stream == NULL)
        return;
    if (ev->reader_count++ == 0)
        net_timer_arm(&ev->heartbeat, instant_add(net_now(), HEARTBEAT));
    char id[ID_LEN_MAX + 1], head[ID_LEN_MAX + 32];
    id_of(ev, since, id);
    snprintf(head, sizeof(head), "retry: 1000\nid: %s\n\n", id); /* who hears no more has this */
    if (send_to(reader, head))
        catch_up(reader);
}

/* `last`: so many at most, the newest. */
static void list(const struct events *ev, struct net_http_request *r, uint64_t since) {
    const struct journal *j = &ev->journal;
    const char *last = net_http_query(r, "last");
    uint64_t most = last != NULL ? strtoull(last, NULL, 10) : LISTED_MAX;
    if (most < j->count && since < j->count - most)
        since = j->count - most;
    uint64_t first = since + 1 > journal_first(j) ? since + 1 : journal_first(j);
    json_t *all = json_array();
    for (uint64_t n = first; n <= j->count; n++)
        json_array_append_new(all, entry_json(ev, journal_find(j, n)));
    json_t *root = json_pack("{s:s, s:I, s:o}", "cluster", ev->daemon->policy->cluster.name.text,
                             "missed", (json_int_t)(first - 1 - since), "events", all);
    control_answer_text(r, root != NULL ? json_dumps(root, JSON_COMPACT) : NULL);
    json_decref(root);
}

static void get(struct daemon *d, struct net_http_request *r, bool viewed) {
    struct events *ev = d->events;
    const char *accept = net_http_header(r, "Accept"), *since = net_http_query(r, "since");
    bool follows = accept != NULL && strstr(accept, "text/event-stream") != NULL;
    uint64_t told = follows ? ev->journal.count : 0;
    if (since == NULL)
        since = net_http_header(r, "Last-Event-ID");
    if (!read_since(ev, since, &told))
        net_http_answer_problem(r, 400, ERR_BAD_FIELD,
                                "since: expected the id of an event, as in Last-Event-ID", 0);
    else if (follows)
        follow(ev, r, told, viewed);
    else
        list(ev, r, told);
}

void events_get(struct daemon *d, struct net_http_request *r, uint32_t index) {
    (void)index;
    get(d, r, false);
}

void events_get_viewed(struct daemon *d, struct net_http_request *r) {
    get(d, r, true);
}

/* ---- lifecycle ---- */

enum err events_open(struct daemon *d) {
    struct events *ev = calloc(1, sizeof(*ev));
    if (ev == NULL)
        return ERR_NO_MEMORY;
    ev->daemon = d;
    journal_init(&ev->journal);
    net_timer_init(&ev->heartbeat, d->loop, beat, ev);
    d->events = ev;
    return ERR_OK;
}

struct journal *events_journal(const struct daemon *d) {
    return &d->events->journal;
}

struct events_figures events_figures(const struct daemon *d) {
    return (struct events_figures){.entered = d->events->journal.count,
                                   .readers = d->events->reader_count,
                                   .dropped = d->events->dropped};
}

void events_close(struct daemon *d) {
    if (d->events != NULL)
        net_timer_cancel(&d->events->heartbeat);
    free(d->events);
    d->events = NULL;
}
