#include "transcoder/media/opus.h"

#include <opus.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define FRESH_MAX 8 /* sets of parameters that are kept; whoever has another waits for libopus */

struct media_opus {
    int samples; /* [samples a channel] in a frame */
    _Alignas(max_align_t) unsigned char state[];
};

/* What a new encoder depends on. */
struct parameters {
    uint32_t rate_hz, bitrate_bps;
    enum media_application application;
    uint8_t channels, complexity;
};

struct fresh {
    struct parameters parameters;
    size_t bytes;            /* of the whole, state included */
    struct media_opus *opus; /* never used, only copied; kept until the process ends */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct fresh kept[FRESH_MAX];
static size_t kept_count;

static OpusEncoder *state_of(struct media_opus *o) {
    return (OpusEncoder *)(void *)o->state;
}

static int opus_application(enum media_application a) {
    switch (a) {
    case MEDIA_APPLICATION_LOWDELAY:
        return OPUS_APPLICATION_RESTRICTED_LOWDELAY;
    case MEDIA_APPLICATION_AUDIO:
        return OPUS_APPLICATION_AUDIO;
    case MEDIA_APPLICATION_VOIP:
        return OPUS_APPLICATION_VOIP;
    }
    return OPUS_APPLICATION_AUDIO;
}

static bool set_up(OpusEncoder *e, const struct parameters *p) {
    return opus_encoder_init(e, (opus_int32)p->rate_hz, p->channels,
                             opus_application(p->application)) == OPUS_OK &&
           opus_encoder_ctl(e, OPUS_SET_BITRATE((opus_int32)p->bitrate_bps)) == OPUS_OK &&
           opus_encoder_ctl(e, OPUS_SET_COMPLEXITY(p->complexity)) == OPUS_OK &&
           opus_encoder_ctl(e, OPUS_SET_VBR(0)) == OPUS_OK &&
           opus_encoder_ctl(e, OPUS_SET_VBR_CONSTRAINT(0)) == OPUS_OK;
}

/* Makes one from nothing. */
static enum err make(struct fresh *out, const struct parameters *p) {
    int state_bytes = opus_encoder_get_size(p->channels);
    if (state_bytes <= 0)
        return ERR_UNSUPPORTED;
    out->parameters = *p;
    out->bytes = sizeof(struct media_opus) + (size_t)state_bytes;
    out->opus = calloc(1, out->bytes);
    if (out->opus == NULL)
        return ERR_NO_MEMORY;
    out->opus->samples = (int)(p->rate_hz / MEDIA_FRAMES_PER_S);
    if (set_up(state_of(out->opus), p))
        return ERR_OK;
    free(out->opus);
    out->opus = NULL;
    return ERR_UNSUPPORTED;
}

static bool same(const struct parameters *a, const struct parameters *b) {
    return a->rate_hz == b->rate_hz && a->bitrate_bps == b->bitrate_bps &&
           a->application == b->application && a->channels == b->channels &&
           a->complexity == b->complexity;
}

/* The one that is kept for these parameters; makes it if there is room. NULL if there is none. */
static const struct fresh *find(const struct parameters *p, enum err *error) {
    for (size_t i = 0; i < kept_count; i++)
        if (same(&kept[i].parameters, p))
            return &kept[i];
    if (kept_count == FRESH_MAX)
        return NULL;
    *error = make(&kept[kept_count], p);
    return *error == ERR_OK ? &kept[kept_count++] : NULL;
}

static enum err copy(struct media_opus **out, const struct fresh *from) {
    *out = malloc(from->bytes);
    if (*out == NULL)
        return ERR_NO_MEMORY;
    memcpy(*out, from->opus, from->bytes);
    return ERR_OK;
}

enum err media_opus_open(struct media_opus **out, const struct media_profile *profile,
                         struct media_why *why) {
    const struct parameters p = {.rate_hz = profile->rate_hz,
                                 .bitrate_bps = profile->bitrate_bps,
                                 .application = profile->application,
                                 .channels = profile->channels,
                                 .complexity = profile->complexity};
    struct fresh own = {.opus = NULL};
    enum err e = ERR_OK;
    *out = NULL;
    pthread_mutex_lock(&lock);
    const struct fresh *from = find(&p, &e);
    pthread_mutex_unlock(&lock); /* what is kept never changes */
    if (from != NULL)
        return copy(out, from);
    if (e == ERR_OK)
        e = make(&own, &p);
    *out = own.opus;
    if (e == ERR_UNSUPPORTED)
        media_whyf(why, "libopus refuses the parameters of profile %s", profile->name.text);
    return e;
}

void media_opus_close(struct media_opus *o) {
    free(o);
}

enum err media_opus_frame(struct media_opus *o, const int16_t *samples, uint8_t *payload,
                          size_t bytes) {
    opus_int32 made = opus_encode(state_of(o), samples, o->samples, payload, (opus_int32)bytes);
    return made >= 0 && (size_t)made == bytes ? ERR_OK : ERR_UNSUPPORTED;
}
