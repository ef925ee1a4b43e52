#include "transcoder/media/segment.h"

#include "transcoder/hls/incoming.h"
#include "transcoder/media/pictures.h"
#include "transcoder/media/segment_inner.h"
#include "transcoder/media/source.h"

#include <string.h>

static enum err sound_ms(uint64_t *out, const char *location, enum source_class class,
                         struct duration timeout, struct media_why *why) {
    const struct media_source_options o = {.class = class, .timeout = timeout};
    struct media_source *s;
    enum err e = media_source_open(&s, location, &o, RENDITION_RATE_HZ, 2, why);
    if (e != ERR_OK)
        return e;
    uint64_t frames = media_source_facts(s)->duration_frames;
    media_source_close(s);
    *out = frames * MEDIA_FRAME_MS;
    if (frames != MEDIA_FRAMES_UNKNOWN && segments_of(*out) > 0)
        return ERR_OK;
    media_whyf(why, "its length is not known, or is more than %d segments", SEGMENTS_MAX);
    return ERR_UNSUPPORTED;
}

enum err media_segment_facts(struct rendition_source *out, const char *location,
                             enum source_class class, struct duration timeout,
                             struct media_why *why) {
    struct media_pictures *pictures;
    struct media_why unheard;
    *out = (struct rendition_source){0};
    enum err e = sound_ms(&out->duration_ms, location, class, timeout, why);
    if (e != ERR_OK)
        return e;
    e = media_pictures_open(&pictures, location, class, timeout, &unheard);
    if (e == ERR_OK)
        media_pictures_shape(pictures, &out->width, &out->height);
    else if (strcmp(unheard.text, "no pictures in it") == 0)
        return ERR_OK;
    else
        media_whyf(why, "%s", unheard.text);
    if (e == ERR_OK)
        media_pictures_close(pictures);
    return e;
}

static enum err make(struct segment_job *j) {
    switch (j->rendition->codec) {
    case RENDITION_H264:
        return segment_pictures(j);
    case RENDITION_AAC:
        return segment_aac(j);
    case RENDITION_OPUS:
        return segment_opus(j);
    }
    return ERR_UNSUPPORTED;
}

static bool find_frames(struct segment_job *j) {
    const struct media_segment_source *s = j->source;
    uint32_t number = segment_job_is_init(j) ? 0 : j->number;
    uint64_t place = s->chunk ? INCOMING_BEFORE : s->pass > 0 ? number % s->pass : number;
    if (!segment_span(&j->span, j->rendition, s->facts.duration_ms, (uint32_t)place))
        return false;
    const uint64_t whole = (uint64_t)SEGMENT_MS * j->span.scale / 1000 / j->span.ticks;
    j->shift = whole * (number - place); /* of chunk 0 it wraps, and so do sums with it */
    return true;
}

enum err media_segment_make(struct media_bytes *out, const struct media_segment_source *source,
                            const struct rendition *r, uint32_t number, struct media_why *why) {
    struct segment_job j = {.source = source, .rendition = r, .number = number, .why = why};
    const char *wrong = rendition_fault(r);
    *out = (struct media_bytes){0};
    if (wrong != NULL || !rendition_fits(r, &source->facts)) {
        media_whyf(why, "rendition %s: expected %s", r->name.text,
                   wrong != NULL ? wrong : "a source with pictures that are not smaller");
        return ERR_UNSUPPORTED;
    }
    media_init();
    if (!find_frames(&j))
        return ERR_SOURCE_ENDED;
    enum err e = make(&j);
    if (e == ERR_OK && segment_job_is_init(&j)) {
        *out = j.mux.init;
        j.mux.init = (struct media_bytes){0};
    } else if (e == ERR_OK) {
        e = media_mux_finish(&j.mux, out, why);
    }
    media_mux_close(&j.mux);
    return e;
}
