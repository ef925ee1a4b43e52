#include "transcoder/media/print.h"
#include "transcoder/worker/front_inner.h"

#include "peerd/net/clock.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

_Static_assert(MEDIA_PRINT_LEN == PLAYLIST_PRINT_LEN, "a print names a folder");

struct front_stream *front_list_find(struct front *f, const struct name *name) {
    for (size_t i = 0; i < f->stream_count; i++)
        if (name_equal(&f->streams[i].source.spec.name, name))
            return &f->streams[i];
    return NULL;
}

/* ---- lines ----------------------------------------------------------------------------------- */

/* Lines outlive a catalogue: a print means the same bytes for ever. */
static uint32_t line_for(struct front *f, const char *print) {
    for (uint32_t i = 0; i < f->line_count; i++)
        if (strcmp(f->lines[i].print, print) == 0)
            return i;
    if (f->line_count == FRONT_LINES_MAX) {
        net_log(f->log, NET_LOG_WARNING, "the catalogue has changed too often: starting anew");
        _exit(1);
    }
    f->lines[f->line_count] = (struct front_line){.print = ""};
    memcpy(f->lines[f->line_count].print, print, PLAYLIST_PRINT_LEN + 1);
    return f->line_count++;
}

/* `content`: what its bytes are made of. */
static void offer(struct front *f, struct front_stream *s, const struct rendition *r,
                  const struct source_digest *content) {
    struct playlist_rendition *p = &s->renditions[s->count];
    struct media_why why = {.text = ""};
    if (s->count == PLAYLIST_RENDITIONS_MAX || !rendition_fits(r, &s->facts))
        return;
    p->rendition = *r;
    if (media_print(p->print, r, content, s->channel.pass, &why) != ERR_OK) {
        net_log(f->log, NET_LOG_WARNING, "rendition left out", NET_TEXT("profile", r->name.text),
                NET_TEXT("why", why.text));
        return;
    }
    struct front_line *line = &f->lines[s->lines[s->count] = line_for(f, p->print)];
    line->order = (struct maker_order){.class = SOURCE_CLASS_EXACT,
                                       .facts = s->facts,
                                       .rendition = *r,
                                       .pass = s->channel.pass,
                                       .chunk = s->channel.incoming != NULL};
    line->stream = s->source.spec.name;
    if (!line->order.chunk)
        memcpy(line->order.location, s->source.spec.location, sizeof(line->order.location));
    shelf_expect(&f->shelf, (struct shelf_key){s->lines[s->count], SEGMENT_INIT}, 0);
    s->count++;
}

void front_list_known(struct front *f, struct front_stream *s,
                      const struct rendition_source *facts) {
    const int64_t since_s = s->source.spec.channel_since_s;
    s->facts = *facts;
    s->state = FRONT_KNOWN;
    s->count = 0;
    s->channel = (struct live_channel){.since_us = since_s * 1000000};
    if (since_s != 0 && (s->channel.pass = live_pass(facts->duration_ms)) == 0) {
        net_log(f->log, NET_LOG_WARNING,
                "channel left out: its recording is shorter than a segment",
                NET_TEXT("stream", s->source.spec.name.text));
        return;
    }
    for (size_t i = 0; i < f->rendition_count; i++)
        offer(f, s, &f->renditions[i], &s->source.digest);
    net_log(f->log, NET_LOG_INFO, "stream at hand", NET_TEXT("stream", s->source.spec.name.text),
            NET_NUMBER("renditions", s->count), NET_NUMBER("height", s->facts.height),
            NET_NUMBER("segments", segments_of(s->facts.duration_ms)));
}

void front_list_incoming(struct front *f, struct front_stream *s,
                         const struct live_channel *channel) {
    const struct incoming *in = channel->incoming;
    struct source_digest feed;
    _Static_assert(sizeof(feed.bytes) == INCOMING_HASH_BYTES, "a feed is named as a source is");
    memcpy(feed.bytes, in->feed, sizeof(feed.bytes));
    s->facts = (struct rendition_source){INCOMING_CHUNK_MS, in->width, in->height};
    s->state = FRONT_KNOWN;
    s->count = 0;
    s->channel = *channel;
    for (size_t i = 0; i < f->rendition_count; i++)
        offer(f, s, &f->renditions[i], &feed);
    net_log(f->log, NET_LOG_INFO, "stream comes in", NET_TEXT("stream", s->source.spec.name.text),
            NET_NUMBER("renditions", s->count), NET_NUMBER("height", s->facts.height),
            NET_NUMBER("late_ms", in->late_ms));
}

uint32_t front_list_line(const struct front_stream *s, const struct playlist_path *path) {
    for (size_t i = 0; i < s->count; i++)
        if (name_equal(&s->renditions[i].rendition.name, &path->rendition) &&
            strcmp(s->renditions[i].print, path->print) == 0)
            return s->lines[i];
    return SHELF_NONE;
}

/* ---- the catalogue --------------------------------------------------------------------------- */

/* What comes in we look at ourselves. */
static bool same_source(const struct catalogue_source *a, const struct catalogue_source *b) {
    bool same = strcmp(a->spec.location, b->spec.location) == 0 && a->spec.class == b->spec.class &&
                a->spec.channel_since_s == b->spec.channel_since_s;
    return same &&
           (a->spec.class == SOURCE_CLASS_LIVE ||
            (a->error == b->error && memcmp(&a->digest, &b->digest, sizeof(a->digest)) == 0));
}

static void put(struct front_stream *s, const struct catalogue_source *source) {
    *s = (struct front_stream){.source = *source, .again = net_now()};
}

void front_list_source(struct front *f, const struct catalogue_source *source) {
    struct front_stream *s = front_list_find(f, &source->spec.name);
    if (s == NULL || same_source(&s->source, source))
        return;
    front_incoming_drop(s->in);
    put(s, source);
}

void front_list_set(struct front *f, const struct catalogue *c) {
    struct front_stream *fresh = calloc(c->source_count + 1, sizeof(*fresh));
    if (fresh == NULL)
        return;
    bool same =
        c->rendition_count == f->rendition_count &&
        memcmp(c->renditions, f->renditions, c->rendition_count * sizeof(c->renditions[0])) == 0;
    for (size_t i = 0; i < c->source_count; i++) {
        struct front_stream *old = front_list_find(f, &c->sources[i].spec.name);
        if (old != NULL && same && same_source(&old->source, &c->sources[i])) {
            fresh[i] = *old;
            old->in = NULL;
        } else {
            put(&fresh[i], &c->sources[i]);
        }
    }
    for (size_t i = 0; i < f->stream_count; i++)
        front_incoming_drop(f->streams[i].in);
    front_costs_of(f, c->renditions, c->rendition_count);
    memcpy(f->renditions, c->renditions, sizeof(f->renditions));
    f->rendition_count = c->rendition_count;
    free(f->streams);
    f->streams = fresh;
    f->stream_count = c->source_count;
}
