#include "transcoder/media/cutter.h"

#include "transcoder/media/arrival.h"
#include "transcoder/media/chunk.h"
#include "transcoder/media/scaler.h"

#include <stdlib.h>
#include <string.h>

#define QUEUE    64                   /* pictures that came before their sound */
#define PATIENCE (600 * CHUNK_PER_MS) /* [samples] that pictures may come later than sound */
#define RING     (CHUNK_SAMPLES + 2000 * CHUNK_PER_MS) /* [samples a channel] and PATIENCE */
#define WAIT     (10000 * CHUNK_PER_MS) /* [samples] of sound until the first picture comes */

struct media_cutter {
    struct media_arrival *from;
    struct rendition rendition; /* height 0: sound alone */
    uint32_t width;
    int64_t heard;             /* [samples] of the source */
    int64_t shift;             /* [samples] of the feed, that are before those */
    uint32_t number;           /* of the chunk in the making … */
    int16_t *ring;             /* … whose sound this is, and somewhat more … */
    int64_t filled;            /* [samples a channel] so much of it */
    struct media_chunk *chunk; /* … and whose pictures these are, */
    uint32_t shown;            /* of which it has so many. NULL: none yet */
    AVFrame *queue[QUEUE];     /* owned */
    int64_t at[QUEUE];         /* [samples] of the source */
    uint32_t queued;
    AVFrame *last; /* what is shown; empty: none yet */
    AVFrame *scaled;
    struct media_scaler scaler;
};

enum err media_cutter_open(struct media_cutter **out, const char *from, struct media_why *why) {
    struct media_cutter *c = *out = calloc(1, sizeof(*c));
    bool made = c != NULL;
    if (made) {
        c->ring = calloc(RING * INGEST_CHANNELS, sizeof(*c->ring));
        c->last = av_frame_alloc();
        c->scaled = av_frame_alloc();
        made = c->ring != NULL && c->last != NULL && c->scaled != NULL;
    }
    for (size_t i = 0; i < QUEUE && made; i++)
        made = (c->queue[i] = av_frame_alloc()) != NULL;
    enum err e = made ? media_arrival_open(&c->from, from, why) : ERR_NO_MEMORY;
    if (e != ERR_OK) {
        media_cutter_close(c);
        *out = NULL;
    }
    return e;
}

void media_cutter_close(struct media_cutter *c) {
    if (c == NULL)
        return;
    for (size_t i = 0; i < QUEUE; i++)
        av_frame_free(&c->queue[i]);
    av_frame_free(&c->last);
    av_frame_free(&c->scaled);
    media_scaler_close(&c->scaler);
    media_chunk_close(c->chunk);
    media_arrival_close(c->from);
    free(c->ring);
    free(c);
}

/* ---- pictures -------------------------------------------------------------------------------- */

static bool has_pictures(const struct media_cutter *c) {
    return c->rendition.height > 0;
}

static uint32_t span(const struct media_cutter *c) {
    return has_pictures(c) ? SEGMENT_MS * c->rendition.fps / 1000 : 0;
}

/* The oldest of those that wait becomes what is shown. */
static void turn(struct media_cutter *c) {
    AVFrame *first = c->queue[0];
    av_frame_unref(c->last);
    av_frame_move_ref(c->last, first);
    c->queued--;
    memmove((void *)c->queue, (void *)(c->queue + 1), (QUEUE - 1) * sizeof(c->queue[0]));
    memmove(c->at, c->at + 1, (QUEUE - 1) * sizeof(c->at[0]));
    c->queue[QUEUE - 1] = first;
}

static void see(struct media_cutter *c, AVFrame *picture, int64_t at) {
    if (c->queued == QUEUE)
        turn(c);
    av_frame_move_ref(c->queue[c->queued], picture);
    c->at[c->queued++] = at;
}

static enum err show(struct media_cutter *c, struct media_why *why) {
    enum err e = ERR_OK;
    if (c->chunk == NULL)
        e = media_chunk_new(&c->chunk, &c->rendition, c->width, why);
    if (e == ERR_OK)
        e = media_scale(&c->scaler, c->last, (int)c->width, (int)c->rendition.height, c->scaled,
                        why);
    if (e == ERR_OK)
        e = media_chunk_show(c->chunk, c->scaled, why);
    c->shown++;
    return e;
}

/* The one nearest to that instant is shown. Time stamps tremble, and where two are about as near
 * it would be this one and that: there each picture is shown once. */
static void choose(struct media_cutter *c, int64_t at) {
    const int64_t period = RENDITION_RATE_HZ / c->rendition.fps;
    const int64_t sure = at + period / 4, perhaps = at + period * 3 / 4;
    bool turned = false;
    while (c->queued > 0) {
        int64_t next = c->at[0] + c->shift;
        if (next > sure && (next > perhaps || turned) && c->last->buf[0] != NULL)
            return;
        turn(c);
        turned = true;
    }
}

/* As many as can be known: a picture is over when the next one has come, or is not to be waited for
 * any more. */
static enum err show_known(struct media_cutter *c, struct media_why *why) {
    enum err e = ERR_OK;
    while (c->shown < span(c) && e == ERR_OK) {
        int64_t at = (int64_t)c->number * CHUNK_SEGMENT +
                     (int64_t)c->shown * RENDITION_RATE_HZ / c->rendition.fps;
        choose(c, at);
        if (c->queued == 0 && c->heard + c->shift < at + PATIENCE)
            break;
        e = show(c, why);
    }
    return e;
}

/* ---- sound ----------------------------------------------------------------------------------- */

static enum err hear(struct media_cutter *c, const int16_t *samples, int count,
                     struct media_why *why) {
    c->heard += count;
    if (c->filled + count > RING) {
        media_whyf(why, "pictures are too late for their sound");
        return ERR_SOURCE_FAILED;
    }
    memcpy(c->ring + c->filled * INGEST_CHANNELS, samples,
           (size_t)count * INGEST_CHANNELS * sizeof(*samples));
    c->filled += count;
    return ERR_OK;
}

void media_cutter_stretch(struct media_cutter *c, int32_t samples) {
    media_arrival_stretch(c->from, samples);
}

/* The first whole chunk from there on; of what was before `at` there is silence. */
void media_cutter_place(struct media_cutter *c, int64_t at) {
    c->shift = at - c->heard;
    c->number = (uint32_t)((at + CHUNK_SEGMENT - 1) / CHUNK_SEGMENT);
    c->filled = at - ((int64_t)c->number - INCOMING_BEFORE) * CHUNK_SEGMENT;
    memset(c->ring, 0, (size_t)c->filled * INGEST_CHANNELS * sizeof(*c->ring));
    media_chunk_close(c->chunk);
    c->chunk = NULL;
    c->shown = 0;
}

/* ---- whole ----------------------------------------------------------------------------------- */

enum err media_cutter_begin(struct media_cutter *c, uint32_t height, uint32_t fps,
                            struct media_cut *out, int64_t *over, struct media_why *why) {
    struct rendition_source source = {0};
    struct media_arrived what;
    bool sound = false;
    *out = (struct media_cut){0};
    enum err e = media_arrival_begin(c->from, &source.width, &source.height, why);
    if (e == ERR_OK && source.height > 0)
        e = media_ingest_shape(&c->rendition, &c->width, &source, height, fps, why);
    while (e == ERR_OK && (!sound || (has_pictures(c) && c->queued == 0))) {
        e = media_arrival_next(c->from, &what, why);
        if (e == ERR_OK && what.samples == NULL)
            see(c, what.picture, what.at);
        else if (e == ERR_OK)
            c->heard += what.count;
        sound |= e == ERR_OK && what.samples != NULL;
        if (e == ERR_OK && c->heard > WAIT) {
            media_whyf(why, "no picture in the first %d s of sound", WAIT / RENDITION_RATE_HZ);
            e = ERR_SOURCE_FAILED;
        }
    }
    *over = c->heard;
    if (has_pictures(c))
        *out = (struct media_cut){c->width, c->rendition.height, c->rendition.fps};
    return e;
}

static bool is_whole(const struct media_cutter *c) {
    return c->filled >= CHUNK_SAMPLES && c->shown == span(c);
}

static enum err finish(struct media_cutter *c, uint32_t *number, struct media_bytes *out,
                       struct media_why *why) {
    enum err e = ERR_OK;
    if (c->chunk == NULL)
        e = media_chunk_new(&c->chunk, NULL, 0, why);
    if (e == ERR_OK)
        e = media_chunk_finish(c->chunk, c->ring, out, why);
    media_chunk_close(c->chunk);
    c->chunk = NULL;
    *number = c->number++;
    c->shown = 0;
    c->filled -= CHUNK_SEGMENT;
    memmove(c->ring, c->ring + CHUNK_SEGMENT * INGEST_CHANNELS,
            (size_t)c->filled * INGEST_CHANNELS * sizeof(*c->ring));
    return e;
}

enum err media_cutter_next(struct media_cutter *c, uint32_t *number, struct media_bytes *out,
                           struct media_why *why) {
    struct media_arrived what;
    enum err e = show_known(c, why);
    *out = (struct media_bytes){0};
    while (e == ERR_OK && !is_whole(c)) {
        e = media_arrival_next(c->from, &what, why);
        if (e == ERR_OK && what.samples == NULL)
            see(c, what.picture, what.at);
        else if (e == ERR_OK)
            e = hear(c, what.samples, what.count, why);
        if (e == ERR_OK)
            e = show_known(c, why);
    }
    return e == ERR_OK ? finish(c, number, out, why) : e;
}
