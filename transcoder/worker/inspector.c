#include "transcoder/worker/inspector.h"

#include "peerd/net/clock.h"
#include "transcoder/media/digest.h"

#include <stdlib.h>
#include <string.h>

struct entry {
    struct node_source_spec spec;
    struct media_digest known; /* while error is ERR_OK */
    enum err error;            /* ERR_NOT_YET: never read */
    struct instant due;        /* next look */
    bool busy;                 /* a job has it */
};

struct inspector {
    struct net_loop *loop;
    struct net_log *log;
    void (*found)(void *data, const struct name *source, const struct source_digest *digest,
                  uint64_t duration_ms, enum err error);
    void *data;
    struct entry *entries;
    size_t count;
    size_t busy; /* jobs on other threads */
    struct net_timer timer;
};

/* What another thread works on: a copy, since the catalogue may change meanwhile. */
struct job {
    struct inspector *owner;
    struct node_source_spec spec;
    struct media_digest before, after;
    enum err before_error, error;
    bool same; /* nothing has changed */
    struct media_why why;
};

static void look(struct inspector *i);

static void work(void *data) {
    struct job *j = data;
    if (j->before_error == ERR_OK && media_digest_is_current(&j->before, j->spec.location)) {
        j->same = true;
        return;
    }
    const struct media_source_options options = {.class = j->spec.class, .loop = j->spec.loop};
    j->error = media_digest_compute(&j->after, j->spec.location, &options, NULL, NULL, &j->why);
}

static struct entry *find(struct inspector *i, const struct node_source_spec *spec) {
    for (size_t n = 0; n < i->count; n++) {
        const struct node_source_spec *s = &i->entries[n].spec;
        if (name_equal(&s->name, &spec->name) && s->class == spec->class && s->loop == spec->loop &&
            strcmp(s->location, spec->location) == 0)
            return &i->entries[n];
    }
    return NULL;
}

static uint64_t duration_of(const struct entry *e) {
    uint64_t frames = e->known.facts.duration_frames;
    if (e->error != ERR_OK || e->spec.loop || frames == MEDIA_FRAMES_UNKNOWN)
        return 0;
    return frames * MEDIA_FRAME_MS;
}

static void tell(struct inspector *i, const struct entry *e, const struct media_why *why) {
    if (e->error == ERR_OK)
        net_log(i->log, NET_LOG_INFO, "source read", NET_TEXT("source", e->spec.name.text),
                NET_TEXT("codec", e->known.facts.codec),
                NET_NUMBER("rate_hz", e->known.facts.rate_hz),
                NET_NUMBER("duration_ms", duration_of(e)));
    else if (e->spec.class == SOURCE_CLASS_LIVE)
        net_log(i->log, NET_LOG_INFO, "source comes in: it is for streams, not for sessions",
                NET_TEXT("source", e->spec.name.text));
    else
        net_log(i->log, NET_LOG_WARNING, "source cannot be served",
                NET_TEXT("source", e->spec.name.text), NET_TEXT("error", err_name(e->error)),
                NET_TEXT("why", why->text));
    i->found(i->data, &e->spec.name, &e->known.digest, duration_of(e), e->error);
}

static void done(void *data) {
    struct job *j = data;
    struct inspector *i = j->owner;
    struct entry *e = find(i, &j->spec);
    i->busy--;
    if (e != NULL) {
        bool news = !j->same && (e->error != j->error || j->error == ERR_OK);
        e->busy = false;
        if (!j->same) {
            e->error = j->error;
            e->known = j->after;
        }
        e->due = instant_add(
            net_now(), duration_ms(e->error == ERR_OK ? INSPECTOR_LOOK_MS : INSPECTOR_RETRY_MS));
        if (news)
            tell(i, e, &j->why);
    }
    free(j);
    look(i);
}

static void start(struct inspector *i, struct entry *e) {
    struct job *j = calloc(1, sizeof(*j));
    if (j == NULL)
        return;
    j->owner = i;
    j->spec = e->spec;
    j->before = e->known;
    j->before_error = e->error;
    if (net_work(i->loop, work, done, j) != ERR_OK) {
        free(j);
        return;
    }
    e->busy = true;
    i->busy++;
}

/* Starts what is due as far as allowed, then sleeps until the next. */
static void look(struct inspector *i) {
    struct instant now = net_now();
    struct instant next = INSTANT_NEVER;
    for (size_t n = 0; n < i->count; n++) {
        struct entry *e = &i->entries[n];
        if (!e->busy && instant_reached(now, e->due) && i->busy < INSPECTOR_BUSY_MAX)
            start(i, e);
        if (!e->busy)
            next = instant_min(next, e->due);
    }
    /* With every hand full the next `done` comes here; without memory a timer does. */
    net_timer_arm(&i->timer, i->busy == INSPECTOR_BUSY_MAX
                                 ? INSTANT_NEVER
                                 : instant_max(next, instant_add(now, duration_ms(1))));
}

static void timer_fired(void *data, struct instant now) {
    (void)now;
    look(data);
}

struct inspector *inspector_new(struct net_loop *loop, struct net_log *log,
                                void (*found)(void *data, const struct name *source,
                                              const struct source_digest *digest,
                                              uint64_t duration_ms, enum err error),
                                void *data) {
    struct inspector *i = calloc(1, sizeof(*i));
    if (i == NULL)
        return NULL;
    *i = (struct inspector){.loop = loop, .log = log, .found = found, .data = data};
    net_timer_init(&i->timer, loop, timer_fired, i);
    return i;
}

void inspector_set(struct inspector *i, const struct catalogue *catalogue) {
    struct entry *fresh =
        calloc(catalogue->source_count == 0 ? 1 : catalogue->source_count, sizeof(*fresh));
    if (fresh == NULL)
        return;
    for (size_t n = 0; n < catalogue->source_count; n++) {
        const struct entry *old = find(i, &catalogue->sources[n].spec);
        if (old != NULL)
            fresh[n] = *old;
        else
            fresh[n] = (struct entry){
                .spec = catalogue->sources[n].spec, .error = ERR_NOT_YET, .due = net_now()};
    }
    free(i->entries);
    i->entries = fresh;
    i->count = catalogue->source_count;
    look(i);
}
