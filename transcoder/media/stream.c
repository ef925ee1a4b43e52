#include "transcoder/media/stream.h"

#include "transcoder/media/encoder.h"

#include <assert.h>
#include <stdlib.h>

struct media_stream {
    struct media_source *source;
    struct media_encoder *encoder; /* of this lap; NULL while the first one is still the heir */
    struct media_encoder *heir;    /* of the next lap, from its join on */
    struct media_profile profile;
    enum source_class class;
    bool ends;               /* at a frame that is known exactly */
    bool running;            /* started, and nothing has failed */
    uint32_t phase;          /* [frames] laps begin at phase modulo MEDIA_LAP_FRAMES */
    uint64_t next;           /* [frames] what next will give */
    uint64_t mergeable_from; /* [frames] promise of the last start */
    uint32_t preroll_left;   /* [frames] to be encoded and dropped first */
    struct media_why why;    /* of the encoder; the source keeps its own */
    int16_t samples[];       /* one frame, interleaved */
};

enum err media_stream_open(struct media_stream **out, const char *location,
                           const struct media_source_options *options,
                           const struct media_profile *profile, struct media_why *why) {
    *out = NULL;
    enum err e = media_profile_check(profile, why);
    if (e != ERR_OK)
        return e;
    size_t samples = media_profile_samples(profile) * profile->channels;
    struct media_stream *s = calloc(1, sizeof *s + samples * sizeof *s->samples);
    if (s == NULL)
        return ERR_NO_MEMORY;
    s->profile = *profile;
    s->class = options->class;
    s->ends = options->class == SOURCE_CLASS_EXACT && !options->loop;
    s->mergeable_from = MEDIA_NEVER_MERGES;
    e = media_source_open(&s->source, location, options, profile->rate_hz, profile->channels, why);
    if (e != ERR_OK) {
        media_stream_close(s);
        return e;
    }
    *out = s;
    return ERR_OK;
}

void media_stream_close(struct media_stream *s) {
    if (s == NULL)
        return;
    media_encoder_close(s->encoder);
    media_encoder_close(s->heir);
    media_source_close(s->source);
    free(s);
}

const struct media_source_facts *media_stream_facts(const struct media_stream *s) {
    return media_source_facts(s->source);
}

uint64_t media_stream_position(const struct media_stream *s) {
    return s->next;
}

uint64_t media_stream_mergeable_from(const struct media_stream *s) {
    return s->mergeable_from;
}

const char *media_stream_why(const struct media_stream *s) {
    const char *source = media_source_why(s->source);
    return s->why.text[0] != '\0' ? s->why.text : source;
}

void media_stream_abort(struct media_stream *s) {
    media_source_abort(s->source);
}

void media_stream_set_phase(struct media_stream *s, uint32_t phase_frames) {
    s->phase = phase_frames % MEDIA_LAP_FRAMES;
}

static void become_idle(struct media_stream *s) {
    media_encoder_close(s->encoder);
    media_encoder_close(s->heir);
    s->encoder = s->heir = NULL;
    s->running = false;
    s->preroll_left = 0;
    s->mergeable_from = MEDIA_NEVER_MERGES;
}

/* ---- laps ------------------------------------------------------------------------------------ */

/* How far before the frame encoding has to begin to give what everybody gives. */
static uint64_t reach(const struct media_profile *p, uint32_t phase, uint64_t frame) {
    if (media_profile_laps(p))
        return lap_reach(frame, phase);
    return media_profile_merges(p) ? 0 : frame;
}

/* How far it does begin before. */
static uint64_t preroll(const struct media_profile *p, uint32_t phase, uint64_t frame,
                        uint32_t asked) {
    uint64_t full = reach(p, phase, frame);
    if (media_profile_laps(p))
        return lap_preroll(frame, phase, p->preroll_frames, asked);
    uint64_t wanted = asked < p->preroll_frames ? asked : p->preroll_frames;
    return wanted < full ? wanted : full;
}

uint64_t media_stream_promise(const struct media_profile *profile, enum source_class class,
                              uint32_t phase_frames, uint64_t frame, uint32_t preroll_frames) {
    uint32_t phase = phase_frames % MEDIA_LAP_FRAMES;
    uint64_t k = preroll(profile, phase, frame, preroll_frames);
    if (class != SOURCE_CLASS_EXACT || frame >= MEDIA_FRAME_MAX)
        return MEDIA_NEVER_MERGES;
    if (k == reach(profile, phase, frame))
        return frame;
    if (!media_profile_laps(profile))
        return MEDIA_NEVER_MERGES;
    uint64_t from = lap_merges_from(frame, phase, k);
    assert(from > frame);
    return from;
}

/* The source would only notice after the pre-roll. */
static bool lies_past_end(const struct media_stream *s, uint64_t frame) {
    return s->ends && frame >= media_source_facts(s->source)->duration_frames;
}

/* Encoding begins at `from`. Where a join begins there, the heir is all that is needed: what lies
 * before its lap is dropped. */
static enum err begin_encoding(struct media_stream *s, uint64_t from, uint64_t frame) {
    enum err e = media_source_seek(s->source, from);
    if (e != ERR_OK)
        return e;
    bool join = media_profile_laps(&s->profile) && from < frame &&
                frame - from == reach(&s->profile, s->phase, frame) && from > 0;
    return join ? ERR_OK : media_encoder_open(&s->encoder, &s->profile, &s->why);
}

enum err media_stream_start(struct media_stream *s, uint64_t frame, uint32_t preroll_frames,
                            uint64_t *mergeable_from) {
    s->why.text[0] = '\0';
    if (frame >= MEDIA_FRAME_MAX || lies_past_end(s, frame))
        return ERR_SOURCE_ENDED;
    uint64_t promised =
        media_stream_promise(&s->profile, s->class, s->phase, frame, preroll_frames);
    enum err e = ERR_OK;
    if (!s->running || s->next != frame || promised < s->mergeable_from) {
        uint64_t k = preroll(&s->profile, s->phase, frame, preroll_frames);
        become_idle(s);
        e = begin_encoding(s, frame - k, frame);
        s->next = frame;
        s->running = e == ERR_OK;
        if (s->running) {
            s->preroll_left = (uint32_t)k;
            s->mergeable_from = promised;
        }
    }
    if (mergeable_from != NULL)
        *mergeable_from = s->mergeable_from;
    return e;
}

/* Hands over at the beginning of a lap, and calls the heir in at the beginning of its join. */
static enum err renew(struct media_stream *s, uint64_t frame) {
    if (!media_profile_laps(&s->profile))
        return ERR_OK;
    if (s->heir != NULL && lap_begins(frame, s->phase)) {
        media_encoder_close(s->encoder);
        s->encoder = s->heir;
        s->heir = NULL;
    }
    return lap_begins(frame + MEDIA_LAP_JOIN_FRAMES, s->phase)
               ? media_encoder_open(&s->heir, &s->profile, &s->why)
               : ERR_OK;
}

static enum err encode(struct media_stream *s, uint8_t *payload, size_t capacity, size_t *len) {
    enum err e = ERR_OK;
    if (s->heir != NULL) {
        uint8_t dropped[MEDIA_PAYLOAD_BYTES_MAX];
        e = media_encoder_frame(s->heir, s->samples, dropped, sizeof dropped, len);
    }
    if (e == ERR_OK && s->encoder != NULL)
        e = media_encoder_frame(s->encoder, s->samples, payload, capacity, len);
    return e;
}

static enum err make_frame(struct media_stream *s, uint8_t *payload, size_t capacity, size_t *len) {
    uint64_t frame = media_source_position(s->source);
    enum err e = media_source_read(s->source, s->samples);
    if (e == ERR_OK)
        e = renew(s, frame);
    if (e == ERR_OK)
        e = encode(s, payload, capacity, len);
    if (e != ERR_OK && e != ERR_SOURCE_ENDED)
        become_idle(s);
    return e;
}

enum err media_stream_warm(struct media_stream *s, uint32_t frames_max, uint32_t *left) {
    enum err e = ERR_OK;
    for (uint32_t i = 0; i < frames_max && s->preroll_left > 0 && e == ERR_OK; i++) {
        uint8_t dropped[MEDIA_PAYLOAD_BYTES_MAX];
        size_t len;
        e = make_frame(s, dropped, sizeof dropped, &len);
        if (e == ERR_OK)
            s->preroll_left--;
    }
    if (left != NULL)
        *left = s->preroll_left;
    return e;
}

enum err media_stream_next(struct media_stream *s, uint8_t *payload, size_t capacity, size_t *len) {
    *len = 0;
    if (!s->running)
        return ERR_BAD_FIELD;
    if (capacity < media_profile_payload_bytes(&s->profile))
        return ERR_OVERSIZED;
    enum err e = media_stream_warm(s, s->preroll_left, NULL);
    if (e == ERR_OK)
        e = make_frame(s, payload, capacity, len);
    if (e == ERR_OK)
        s->next++;
    return e;
}
