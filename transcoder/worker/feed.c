#include "transcoder/worker/feed.h"

#include "transcoder/timeline/position.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* What a thread does for a remote feed, and what it brings. */
struct job {
    uint64_t start; /* go to this frame first, if `seek` */
    bool seek;
    uint32_t wanted; /* [frames] */
    uint32_t made;   /* [frames] in `payloads` */
    enum err error;  /* that ended it early */
    struct media_why why;
    uint8_t *payloads; /* FEED_CHUNK_FRAMES of them */
    uint16_t lens[FEED_CHUNK_FRAMES];
};

struct feed {
    struct feed_options options; /* `location` is a copy of ours */
    struct media_stream *stream; /* NULL while a remote one is not open yet */
    enum feed_state state;
    enum err error;
    struct media_why why;
    bool local;
    uint32_t hurry;          /* [frames] of pre-roll for the next local start */
    uint32_t allowed;        /* [frames] the last one was allowed */
    uint64_t sparing_until;  /* up to this frame nothing is made ahead: others wait to begin */
    uint32_t warm_left;      /* [frames] of local pre-roll to go */
    uint64_t mergeable_from; /* promise of the last start */
    /* Ring of payloads low … high−1; frame n stands at n modulo capacity. */
    uint64_t low, high;
    uint64_t taken; /* one past the highest frame taken: a remote feed runs ahead of it */
    uint64_t end;   /* first frame that does not exist, once known */
    uint32_t capacity;
    size_t payload_bytes;
    uint8_t *payloads; /* from the first start on */
    uint16_t *lens;
    /* Remote only. */
    struct job *job;  /* from the first one on */
    bool job_running; /* on another thread, which owns job and stream */
    bool opened;      /* the stream is there, and stays */
    bool seek;        /* the next job has to go to `high` first */
    uint32_t tries;   /* failures in a row */
    bool closed;      /* freed when the thread is done */
    void (*changed)(void *data);
    void *data;
};

static void fail(struct feed *f, enum err error, const char *why) {
    f->state = FEED_FAILED;
    f->error = error;
    media_whyf(&f->why, "%s", why);
}

/* ---- the ring -------------------------------------------------------------------------------- */

static bool make_ring(struct feed *f) {
    if (f->payloads != NULL)
        return true;
    f->payload_bytes = media_profile_payload_bytes(&f->options.profile);
    f->capacity = FEED_KEEP_FRAMES + (f->local ? FEED_LOW_FRAMES + FEED_BATCH_FRAMES
                                               : FEED_AHEAD_FRAMES + FEED_CHUNK_FRAMES);
    f->payloads = malloc(f->capacity * f->payload_bytes);
    f->lens = calloc(f->capacity, sizeof(*f->lens));
    return f->payloads != NULL && f->lens != NULL;
}

static uint8_t *slot(const struct feed *f, uint64_t frame) {
    return f->payloads + frame % f->capacity * f->payload_bytes;
}

static void push(struct feed *f, size_t len) {
    f->lens[f->high % f->capacity] = (uint16_t)len;
    f->high++;
    if (f->high - f->low > f->capacity)
        f->low = f->high - f->capacity;
}

/* ---- local ----------------------------------------------------------------------------------- */

static void start_local(struct feed *f, uint64_t frame) {
    f->allowed = f->hurry;
    f->sparing_until = f->allowed < MEDIA_PREROLL_FULL ? frame + FEED_SPARING_FRAMES : 0;
    f->hurry = MEDIA_PREROLL_FULL;
    enum err e = media_stream_start(f->stream, frame, f->allowed, &f->mergeable_from);
    if (e == ERR_SOURCE_ENDED) {
        f->end = frame;
        f->state = FEED_READY; /* to say that there is nothing */
        return;
    }
    if (e == ERR_OK)
        e = media_stream_warm(f->stream, 0, &f->warm_left);
    if (e != ERR_OK)
        fail(f, e, media_stream_why(f->stream));
    else
        f->state = f->warm_left > 0 ? FEED_BUSY : FEED_READY;
}

void feed_warm(struct feed *f) {
    assert(f->local && f->state == FEED_BUSY);
    enum err e = media_stream_warm(f->stream, FEED_SLICE_FRAMES, &f->warm_left);
    if (e == ERR_SOURCE_ENDED) {
        f->end = f->high;
        f->state = FEED_READY;
    } else if (e != ERR_OK) {
        fail(f, e, media_stream_why(f->stream));
    } else if (f->warm_left == 0) {
        f->state = FEED_READY;
    }
}

static enum err make_one(struct feed *f) {
    size_t len;
    enum err e = media_stream_next(f->stream, slot(f, f->high), f->payload_bytes, &len);
    if (e == ERR_OK)
        push(f, len);
    else if (e == ERR_SOURCE_ENDED)
        f->end = f->high;
    else
        fail(f, e, media_stream_why(f->stream));
    return e;
}

static enum err make_up_to(struct feed *f, uint64_t end) {
    enum err e = ERR_OK;
    while (e == ERR_OK && f->high < end)
        e = make_one(f);
    return e;
}

/* Makes frames up to `frame` and the rest of a batch. What was made before a failure is still
 * given: the failure comes to light when more is asked for. */
static enum err make_local(struct feed *f, uint64_t frame) {
    bool alone = f->high == f->low || frame < f->sparing_until;
    enum err e = make_up_to(f, frame + (alone ? 1 : FEED_BATCH_FRAMES));
    return f->high > frame ? ERR_OK : e;
}

bool feed_wants(const struct feed *f) {
    return f->local && f->state == FEED_READY && f->end == FRAME_NEVER &&
           f->taken >= f->sparing_until && f->high <= f->taken + FEED_LOW_FRAMES;
}

void feed_make(struct feed *f) {
    assert(feed_wants(f));
    make_up_to(f, f->high + FEED_BATCH_FRAMES);
}

static enum err open_stream(struct feed *f, struct media_why *why) {
    enum err e = media_stream_open(&f->stream, f->options.location, &f->options.source,
                                   &f->options.profile, why);
    if (e == ERR_OK)
        media_stream_set_phase(f->stream, f->options.phase);
    return e;
}

/* ---- remote ---------------------------------------------------------------------------------- */

static void work(void *data) {
    struct feed *f = data;
    struct job *j = f->job;
    enum err e = ERR_OK;
    if (f->stream == NULL)
        e = open_stream(f, &j->why);
    if (e == ERR_OK && j->seek)
        e = media_stream_start(f->stream, j->start, MEDIA_PREROLL_FULL, NULL);
    for (j->made = 0; e == ERR_OK && j->made < j->wanted; j->made++) {
        size_t bytes = media_profile_payload_bytes(&f->options.profile), len;
        e = media_stream_next(f->stream, j->payloads + j->made * bytes, bytes, &len);
        if (e != ERR_OK)
            break;
        j->lens[j->made] = (uint16_t)len;
    }
    if (e != ERR_OK && f->stream != NULL)
        media_whyf(&j->why, "%s", media_stream_why(f->stream));
    j->error = e;
}

static void release(struct feed *f) {
    media_stream_close(f->stream);
    if (f->job != NULL)
        free(f->job->payloads);
    free(f->job);
    free(f->payloads);
    free(f->lens);
    free((char *)f->options.location);
    free(f);
}

static void advance(struct feed *f);

static void take_job(struct feed *f) {
    struct job *j = f->job;
    /* A start that came meanwhile has made these frames worthless. */
    for (uint32_t i = 0; !f->seek && i < j->made; i++) {
        memcpy(slot(f, f->high), j->payloads + i * f->payload_bytes, j->lens[i]);
        push(f, j->lens[i]);
    }
    if (j->error == ERR_OK || j->made > 0)
        f->tries = 0;
    if (j->error == ERR_OK) {
        if (f->state == FEED_BUSY && f->payloads == NULL)
            f->state = FEED_IDLE;
    } else if (j->error == ERR_SOURCE_ENDED) {
        if (!f->seek)
            f->end = f->high;
    } else if (++f->tries >= FEED_TRIES_MAX || j->error == ERR_UNSUPPORTED) {
        fail(f, j->error, j->why.text);
    } else {
        f->seek = f->payloads != NULL; /* the stream is idle: again from where we are */
    }
    if (f->state == FEED_BUSY && !f->seek && f->payloads != NULL &&
        (f->high > f->low || f->end != FRAME_NEVER))
        f->state = FEED_READY;
}

static void done(void *data) {
    struct feed *f = data;
    f->job_running = false;
    f->opened = f->stream != NULL;
    if (f->closed) {
        release(f);
        return;
    }
    take_job(f);
    advance(f);
    if (f->changed != NULL)
        f->changed(f->data);
}

static bool make_job(struct feed *f) {
    if (f->job != NULL)
        return true;
    f->job = calloc(1, sizeof(*f->job));
    if (f->job == NULL)
        return false;
    f->job->payloads = malloc(FEED_CHUNK_FRAMES * media_profile_payload_bytes(&f->options.profile));
    return f->job->payloads != NULL;
}

/* Starts the next job if there is something to do. */
static void advance(struct feed *f) {
    bool started = f->payloads != NULL;
    bool behind = started && f->end == FRAME_NEVER && f->high < f->taken + FEED_AHEAD_FRAMES;
    if (f->job_running || f->state == FEED_FAILED)
        return;
    if (f->stream != NULL && !f->seek && !behind)
        return;
    if (!make_job(f)) {
        fail(f, ERR_NO_MEMORY, "");
        return;
    }
    struct job *j = f->job;
    j->seek = f->seek;
    j->start = f->high;
    j->wanted = started ? FEED_CHUNK_FRAMES : 0;
    j->made = 0;
    f->seek = false;
    f->job_running = true;
    if (net_work(f->options.loop, work, done, f) != ERR_OK) {
        f->job_running = false;
        fail(f, ERR_FULL, "too many sources wait for threads");
    }
}

/* What a full start promises, before a thread has made it: what media_stream_start would say. */
static uint64_t promise(const struct feed *f, uint64_t frame) {
    const struct media_profile *p = &f->options.profile;
    bool early = media_profile_laps(p) && p->preroll_frames < MEDIA_OPUS_PREROLL_MERGES;
    bool merges =
        f->options.source.class == SOURCE_CLASS_EXACT && media_profile_merges(p) && !early;
    return merges ? frame : FRAME_NEVER;
}

static void start_remote(struct feed *f, uint64_t frame) {
    f->mergeable_from = promise(f, frame);
    f->seek = true;
    f->state = FEED_BUSY;
    advance(f);
}

/* ---- both ------------------------------------------------------------------------------------ */

enum err feed_open(struct feed **out, const struct feed_options *options, struct media_why *why) {
    struct feed *f = calloc(1, sizeof(*f));
    *out = NULL;
    if (f == NULL)
        return ERR_NO_MEMORY;
    f->options = *options;
    f->options.location = strdup(options->location);
    f->mergeable_from = f->end = FRAME_NEVER;
    f->hurry = f->allowed = MEDIA_PREROLL_FULL;
    f->local = !media_location_is_remote(options->location);
    enum err e = f->options.location == NULL ? ERR_NO_MEMORY : ERR_OK;
    if (e == ERR_OK && f->local)
        e = open_stream(f, why);
    if (e != ERR_OK) {
        release(f);
        return e;
    }
    f->state = f->local ? FEED_IDLE : FEED_BUSY;
    if (!f->local)
        advance(f);
    *out = f;
    return ERR_OK;
}

void feed_close(struct feed *f) {
    if (f == NULL)
        return;
    f->closed = true;
    if (!f->job_running)
        release(f);
    else if (f->opened)
        media_stream_abort(f->stream);
}

void feed_set_listener(struct feed *f, void (*changed)(void *data), void *data) {
    f->changed = changed;
    f->data = data;
}

static bool is_there(const struct feed *f, uint64_t frame) {
    return f->payloads != NULL && frame >= f->low && frame <= f->high && f->end == FRAME_NEVER;
}

uint64_t feed_start(struct feed *f, uint64_t frame) {
    if (f->state == FEED_FAILED)
        return FRAME_NEVER;
    if (is_there(f, frame))
        return f->mergeable_from;
    if (!make_ring(f)) {
        fail(f, ERR_NO_MEMORY, "");
        return FRAME_NEVER;
    }
    f->low = f->high = f->taken = frame;
    f->end = FRAME_NEVER;
    if (f->local)
        start_local(f, frame);
    else
        start_remote(f, frame);
    return f->mergeable_from;
}

void feed_hurry(struct feed *f, uint32_t preroll) {
    f->hurry = preroll;
}

uint32_t feed_allowed(const struct feed *f) {
    return f->allowed;
}

bool feed_local(const struct feed *f) {
    return f->local;
}

enum feed_state feed_state(const struct feed *f) {
    return f->state;
}

enum err feed_error(const struct feed *f) {
    return f->error;
}

const char *feed_why(const struct feed *f) {
    return f->why.text;
}

static enum err give(struct feed *f, uint64_t frame, const uint8_t **payload, size_t *len) {
    *payload = slot(f, frame);
    *len = f->lens[frame % f->capacity];
    if (f->taken <= frame)
        f->taken = frame + 1;
    if (!f->local)
        advance(f);
    return ERR_OK;
}

bool feed_holds(const struct feed *f, uint64_t frame) {
    return f->payloads != NULL && frame >= f->low && frame < f->high;
}

enum err feed_take(struct feed *f, uint64_t frame, const uint8_t **payload, size_t *len) {
    if (feed_holds(f, frame))
        return give(f, frame, payload, len);
    if (f->state == FEED_FAILED)
        return f->error;
    if (frame >= f->end)
        return ERR_SOURCE_ENDED;
    if (f->state == FEED_BUSY && f->payloads != NULL && frame >= f->high &&
        frame - f->high <= FEED_SKIP_FRAMES)
        return ERR_NOT_YET;
    if (f->payloads == NULL || frame < f->low || frame - f->high > FEED_SKIP_FRAMES) {
        feed_start(f, frame);
        if (f->state != FEED_READY || !f->local)
            return f->state == FEED_FAILED ? f->error : ERR_NOT_YET;
        if (frame >= f->end)
            return ERR_SOURCE_ENDED;
    }
    if (!f->local) {
        /* A skipped stretch counts as sent: the threads go on towards what is asked for. */
        if (f->taken < frame)
            f->taken = frame;
        advance(f);
        return ERR_NOT_YET;
    }
    enum err e = make_local(f, frame);
    return e == ERR_OK ? give(f, frame, payload, len) : e;
}
