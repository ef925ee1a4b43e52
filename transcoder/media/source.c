#include "transcoder/media/source.h"

#include "transcoder/media/plain.h"
#include "transcoder/media/resampler.h"
#include "transcoder/media/track.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SILENCE_SAMPLES 1024 /* [samples a channel] padded at a time */

struct media_source {
    struct media_plain *plain; /* one of the two */
    struct media_track *track;
    struct media_resampler resampler;
    struct media_source_facts facts;
    struct media_why why;
    struct media_input *input; /* theirs, for deadline and abort */
    uint8_t *silence;          /* one plane of silence in the track's format */
    uint64_t next;             /* [frames] what the next read returns */
    uint64_t end;              /* [frames] one past the last; MEDIA_FRAMES_UNKNOWN until met */
    int64_t samples;           /* [samples a channel] of one pass; -1 until its end was met */
    int64_t at;                /* [samples a channel] position in this pass of what is fed next */
    bool loop;
    bool broken; /* the position is undefined: only a seek helps */
};

bool media_location_is_remote(const char *location) {
    return media_input_is_remote(location);
}

static int rate_of(const struct media_source *s) {
    return (int)s->facts.rate_hz;
}

/* ---- plain or not ---------------------------------------------------------------------------- */

static enum AVSampleFormat format_of(const struct media_source *s) {
    return s->plain != NULL ? AV_SAMPLE_FMT_S16 : s->track->codec->sample_fmt;
}

static const AVChannelLayout *layout_of(const struct media_source *s) {
    return s->plain != NULL ? &s->plain->layout : &s->track->container->stream->codecpar->ch_layout;
}

static enum err seek_in(struct media_source *s, int64_t sample) {
    return s->plain != NULL ? media_plain_seek(s->plain, sample, &s->why)
                            : media_track_seek(s->track, sample, &s->why);
}

static enum err peek(struct media_source *s, const uint8_t *planes[MEDIA_CHANNELS_MAX],
                     int *count) {
    return s->plain != NULL ? media_plain_peek(s->plain, &planes[0], count, &s->why)
                            : media_track_peek(s->track, planes, count, &s->why);
}

static void consume(struct media_source *s, int count) {
    if (s->plain != NULL)
        media_plain_consume(s->plain, count);
    else
        media_track_consume(s->track, count);
}

/* ---- facts ----------------------------------------------------------------------------------- */

/* First sample of a frame; a fraction is dropped, which concerns class seekable only. */
static int64_t sample_of(const struct media_source *s, uint64_t frame) {
    return (int64_t)(frame * s->facts.rate_hz / MEDIA_FRAMES_PER_S);
}

static uint64_t frames_in(const struct media_source *s, int64_t samples) {
    uint64_t rate = s->facts.rate_hz;
    return ((uint64_t)samples * MEDIA_FRAMES_PER_S + rate - 1) / rate;
}

static void fill_facts(struct media_source *s, const struct media_container *c) {
    const AVCodecParameters *p = c->stream->codecpar;
    struct media_source_facts *f = &s->facts;
    snprintf(f->codec, sizeof f->codec, "%s", avcodec_get_name(p->codec_id));
    snprintf(f->container, sizeof f->container, "%.*s", (int)strcspn(c->format->iformat->name, ","),
             c->format->iformat->name);
    f->rate_hz = (uint32_t)p->sample_rate;
    f->channels = (uint8_t)p->ch_layout.nb_channels;
    f->bytes = c->input->bytes > 0 ? (uint64_t)c->input->bytes : 0;
    f->remote = c->input->remote;
    f->duration_frames =
        c->samples_guess >= 0 ? frames_in(s, c->samples_guess) : MEDIA_FRAMES_UNKNOWN;
    s->samples = c->exact ? c->samples : -1;
    s->end = s->samples >= 0 ? f->duration_frames : MEDIA_FRAMES_UNKNOWN;
}

static void fill_plain_facts(struct media_source *s) {
    struct media_source_facts *f = &s->facts;
    snprintf(f->codec, sizeof f->codec, "pcm_s16le");
    snprintf(f->container, sizeof f->container, "wav");
    f->rate_hz = s->plain->rate_hz;
    f->channels = s->plain->channels;
    f->bytes = (uint64_t)s->input->bytes;
    f->remote = s->input->remote;
    f->duration_frames = frames_in(s, s->plain->samples);
    s->samples = s->plain->samples;
    s->end = f->duration_frames;
}

/* ---- opening --------------------------------------------------------------------------------- */

static enum err make_silence(struct media_source *s) {
    enum AVSampleFormat format = format_of(s);
    int channels = av_sample_fmt_is_planar(format) ? 1 : s->facts.channels;
    size_t bytes =
        (size_t)SILENCE_SAMPLES * (size_t)channels * (size_t)av_get_bytes_per_sample(format);
    s->silence = malloc(bytes);
    if (s->silence == NULL)
        return ERR_NO_MEMORY;
    av_samples_set_silence(&s->silence, 0, SILENCE_SAMPLES, channels,
                           av_get_packed_sample_fmt(format));
    return ERR_OK;
}

static enum err check_options(const struct media_source_options *o, struct media_why *why) {
    if (o->class != SOURCE_CLASS_EXACT && o->class != SOURCE_CLASS_SEEKABLE) {
        media_whyf(why, "sources of class %s are not read from a location",
                   o->class == SOURCE_CLASS_LIVE ? "live" : "push");
        return ERR_UNSUPPORTED;
    }
    if (o->loop && o->class != SOURCE_CLASS_EXACT) {
        media_whyf(why, "only an exact source can be looped: the length of others is a guess");
        return ERR_UNSUPPORTED;
    }
    return ERR_OK;
}

static enum err open_track(struct media_source *s, const char *location,
                           const struct media_source_options *o, struct media_why *why) {
    struct duration limit = o->timeout.us > 0 ? o->timeout : duration_ms(MEDIA_SOURCE_TIMEOUT_MS);
    struct media_container *container;
    enum err e = media_input_open(&s->input, location, limit, why);
    if (e == ERR_OK && (s->plain = media_plain_open(s->input)) != NULL) {
        fill_plain_facts(s);
        return ERR_OK;
    }
    if (e == ERR_OK)
        e = media_container_open(&container, s->input, location, o->class, why);
    if (e == ERR_OK) {
        fill_facts(s, container);
        e = media_track_open(&s->track, container, o->class, why);
    }
    return e;
}

static enum err open_rest(struct media_source *s, uint32_t rate_hz, uint8_t channels,
                          struct media_why *why) {
    enum err e = media_resampler_init(&s->resampler, layout_of(s), format_of(s), rate_of(s),
                                      (int)rate_hz, channels);
    if (e == ERR_OK)
        e = make_silence(s);
    if (e != ERR_OK)
        media_whyf(why, "no resampling from %d Hz to %u Hz: %s", rate_of(s), rate_hz, err_text(e));
    return e;
}

enum err media_source_open(struct media_source **out, const char *location,
                           const struct media_source_options *options, uint32_t rate_hz,
                           uint8_t channels, struct media_why *why) {
    assert(rate_hz > 0 && rate_hz <= MEDIA_SOURCE_RATE_HZ_MAX && rate_hz % MEDIA_FRAMES_PER_S == 0);
    assert(channels == 1 || channels == 2);
    *out = NULL;
    enum err e = check_options(options, why);
    if (e != ERR_OK)
        return e;
    struct media_source *s = calloc(1, sizeof *s);
    if (s == NULL)
        return ERR_NO_MEMORY;
    s->loop = options->loop;
    e = open_track(s, location, options, why);
    if (e == ERR_OK)
        e = open_rest(s, rate_hz, channels, why);
    if (e != ERR_OK) {
        media_source_close(s);
        return e;
    }
    *out = s;
    return ERR_OK;
}

void media_source_close(struct media_source *s) {
    if (s == NULL)
        return;
    media_resampler_destroy(&s->resampler);
    media_track_close(s->track);
    media_plain_close(s->plain);
    free(s->silence);
    free(s);
}

const struct media_source_facts *media_source_facts(const struct media_source *s) {
    return &s->facts;
}

uint64_t media_source_position(const struct media_source *s) {
    return s->next;
}

/* ---- reading --------------------------------------------------------------------------------- */

const char *media_source_why(const struct media_source *s) {
    return s->why.text;
}

void media_source_abort(struct media_source *s) {
    atomic_store(&s->input->abort, true);
}

/* An end where the length is known and not reached is a file that shrank or lied. */
static enum err broke_off(struct media_source *s) {
    media_whyf(&s->why, "breaks off at sample %lld of %lld", (long long)s->at,
               (long long)s->samples);
    return ERR_SOURCE_FAILED;
}

static enum err seek_track(struct media_source *s, int64_t sample) {
    s->at = sample;
    enum err e = seek_in(s, sample);
    return e == ERR_SOURCE_ENDED && s->samples >= 0 ? broke_off(s) : e;
}

/* The recording ended where nobody had told us it would, or before it should. */
static enum err end_met(struct media_source *s) {
    if (s->samples >= 0)
        return broke_off(s);
    s->samples = s->at;
    s->end = frames_in(s, s->samples);
    return ERR_OK;
}

/* What is fed next: recorded samples, then silence up to a whole frame, then the next pass, or
 * without loop more silence, which the resampler's filter looks ahead into. */
static enum err next_span(struct media_source *s, const uint8_t *planes[MEDIA_CHANNELS_MAX],
                          int *count) {
    if (s->loop && s->at == sample_of(s, s->end)) {
        enum err e = seek_track(s, 0);
        if (e != ERR_OK)
            return e;
    }
    if (s->samples < 0 || s->at < s->samples) {
        enum err e = peek(s, planes, count);
        if (e == ERR_SOURCE_ENDED)
            e = end_met(s);
        else if (e == ERR_OK && s->samples >= 0 && s->samples - s->at < *count)
            *count = (int)(s->samples - s->at);
        if (e != ERR_OK || s->samples < 0 || s->at < s->samples)
            return e;
    }
    int64_t room = s->loop ? sample_of(s, s->end) - s->at : SILENCE_SAMPLES;
    *count = room < SILENCE_SAMPLES ? (int)room : SILENCE_SAMPLES;
    for (int i = 0; i < MEDIA_CHANNELS_MAX; i++)
        planes[i] = s->silence;
    return ERR_OK;
}

static enum err fill_frame(struct media_source *s) {
    while (!media_resampler_full(&s->resampler)) {
        const uint8_t *planes[MEDIA_CHANNELS_MAX];
        int count;
        enum err e = next_span(s, planes, &count);
        if (e != ERR_OK)
            return e;
        int frame = rate_of(s) / MEDIA_FRAMES_PER_S; /* more would only swell its buffers */
        int taken = media_resampler_feed(&s->resampler, planes, count < frame ? count : frame);
        if (taken < 0)
            return media_input_error(NULL, taken, "resampling", &s->why);
        if (planes[0] != s->silence)
            consume(s, taken);
        s->at += taken;
    }
    return ERR_OK;
}

/* Feeds and drops `frames` frames. */
static enum err drop_frames(struct media_source *s, uint64_t frames) {
    for (uint64_t i = 0; i < frames; i++) {
        enum err e = fill_frame(s);
        if (e != ERR_OK)
            return e;
        media_resampler_take(&s->resampler);
    }
    return ERR_OK;
}

enum err media_source_seek(struct media_source *s, uint64_t frame) {
    s->why.text[0] = '\0';
    if (frame >= MEDIA_FRAME_MAX || (!s->loop && frame >= s->end))
        return ERR_SOURCE_ENDED;
    media_input_arm(s->input);
    uint64_t preroll = s->resampler.swr != NULL ? RESAMPLER_PREROLL_FRAMES : 0;
    if (preroll > frame)
        preroll = frame;
    s->broken = true;
    if (!media_resampler_reset(&s->resampler))
        return ERR_NO_MEMORY;
    uint64_t from = frame - preroll;
    enum err e = seek_track(s, sample_of(s, s->loop ? from % s->end : from));
    if (e == ERR_OK)
        e = drop_frames(s, preroll);
    s->broken = e != ERR_OK;
    s->next = frame;
    return e;
}

enum err media_source_read(struct media_source *s, int16_t *samples) {
    if (s->broken)
        return ERR_SOURCE_FAILED;
    if (!s->loop && s->next >= s->end)
        return ERR_SOURCE_ENDED;
    media_input_arm(s->input);
    enum err e = fill_frame(s);
    if (e != ERR_OK) {
        s->broken = true;
        return e;
    }
    const int16_t *frame = media_resampler_take(&s->resampler);
    if (!s->loop && s->next >= s->end) /* met just now */
        return ERR_SOURCE_ENDED;
    memcpy(samples, frame,
           (size_t)s->resampler.frame_samples * (size_t)s->resampler.channels * sizeof *samples);
    s->next++;
    return ERR_OK;
}
