#include "transcoder/media/plain.h"

#include <assert.h>
#include <errno.h>
#include <libavutil/error.h>
#include <libavutil/intreadwrite.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RIFF_BYTES     12
#define HEAD_BYTES     8 /* of a chunk */
#define FORMAT_BYTES   16
#define FORMAT_PCM     1
#define SAMPLE_BYTES   2
#define CHUNKS_MAX     16 /* before the sound; a file with more is left to FFmpeg */
#define CHANNELS_MAX   2
#define RATE_HZ_LEAST  4000
#define RATE_HZ_MOST   MEDIA_RATE_HZ_MAX
#define WAS_NOT_CLOSED UINT32_MAX /* [bytes] what writers to a pipe say of their data; or 0 */

struct chunk {
    uint8_t head[HEAD_BYTES + FORMAT_BYTES]; /* and what begins it */
    int64_t at;                              /* [bytes] of what the head is followed by */
    uint32_t bytes;
};

static int read_file(const struct media_input *in, void *out, int len, int64_t at) {
    int got = 0;
    while (got < len) {
        ssize_t n = pread(in->fd, (uint8_t *)out + got, (size_t)(len - got), at + got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return AVERROR(errno);
        if (n == 0)
            break;
        got += (int)n;
    }
    return got;
}

/* What lies where the last answer has got to, or shortly behind that, costs no question. */
static int read_server(const struct media_input *in, void *out, int len, int64_t at) {
    in->io->error = 0;
    int64_t r = avio_seek(in->io, at, SEEK_SET);
    int got = r < 0 ? (int)r : avio_read(in->io, out, len);
    return in->io->error < 0 ? in->io->error : got == AVERROR_EOF ? 0 : got;
}

/* Fewer than `len` at the end; AVERROR on failure. */
static int read_at(const struct media_input *in, void *out, size_t len, int64_t at) {
    return in->remote ? read_server(in, out, (int)len, at) : read_file(in, out, (int)len, at);
}

/* ---- header ---------------------------------------------------------------------------------- */

static bool read_chunk(const struct media_input *in, struct chunk *c, int64_t at) {
    *c = (struct chunk){.at = at + HEAD_BYTES};
    if (read_at(in, c->head, sizeof c->head, at) < HEAD_BYTES)
        return false;
    c->bytes = AV_RL32(c->head + 4);
    return true;
}

static bool is(const struct chunk *c, const char *name) {
    return memcmp(c->head, name, 4) == 0;
}

/* What says nothing about the sound. Of an odd size some writers pad what follows, some do not. */
static bool may_be_skipped(const struct chunk *c) {
    static const char *const names[] = {"LIST", "fact", "bext", "JUNK", "PEAK"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (is(c, names[i]))
            return c->bytes % 2 == 0;
    return false;
}

static bool take_format(struct media_plain *p, const struct chunk *c) {
    const uint8_t *f = c->head + HEAD_BYTES;
    uint16_t channels = AV_RL16(f + 2), block = AV_RL16(f + 12), bits = AV_RL16(f + 14);
    p->rate_hz = AV_RL32(f + 4);
    p->channels = (uint8_t)channels;
    return is(c, "fmt ") && c->bytes == FORMAT_BYTES && AV_RL16(f) == FORMAT_PCM && channels >= 1 &&
           channels <= CHANNELS_MAX && bits == 8 * SAMPLE_BYTES &&
           block == channels * SAMPLE_BYTES && p->rate_hz >= RATE_HZ_LEAST &&
           p->rate_hz <= RATE_HZ_MOST && p->rate_hz % MEDIA_FRAMES_PER_S == 0;
}

static bool take_data(struct media_plain *p, const struct chunk *c) {
    uint32_t block = p->channels * (uint32_t)SAMPLE_BYTES;
    p->data_at = c->at;
    p->samples = c->bytes / block;
    return is(c, "data") && c->bytes > 0 && c->bytes != WAS_NOT_CLOSED && c->bytes % block == 0 &&
           c->bytes <= p->input->bytes - c->at;
}

static bool read_header(struct media_plain *p) {
    uint8_t riff[RIFF_BYTES];
    struct chunk c;
    int64_t at = RIFF_BYTES;
    bool is_wav = read_at(p->input, riff, sizeof riff, 0) == RIFF_BYTES &&
                  memcmp(riff, "RIFF", 4) == 0 && memcmp(riff + 8, "WAVE", 4) == 0;
    if (!is_wav || !read_chunk(p->input, &c, at) || !take_format(p, &c))
        return false;
    for (int i = 0; i < CHUNKS_MAX; i++) {
        at = c.at + c.bytes;
        if (!read_chunk(p->input, &c, at))
            return false;
        if (!may_be_skipped(&c))
            return take_data(p, &c);
    }
    return false;
}

/* ---- life ------------------------------------------------------------------------------------ */

struct media_plain *media_plain_open(struct media_input *input) {
    bool known = !input->remote || (input->seekable && input->bytes >= 0);
    struct media_plain *p = known ? calloc(1, sizeof *p) : NULL;
    if (p == NULL)
        return NULL;
    p->input = input;
    if (!read_header(p)) {
        if (input->remote)
            avio_seek(input->io, 0, SEEK_SET);
        free(p);
        return NULL;
    }
    p->layout =
        (AVChannelLayout){.order = AV_CHANNEL_ORDER_UNSPEC, .nb_channels = (int)p->channels};
    return p;
}

void media_plain_close(struct media_plain *p) {
    if (p == NULL)
        return;
    media_input_close(p->input);
    free(p);
}

/* ---- reading --------------------------------------------------------------------------------- */

static void to_host(int16_t *samples, size_t count) {
    for (size_t i = 0; i < count; i++)
        samples[i] = (int16_t)AV_RL16(&samples[i]);
}

static enum err fill(struct media_plain *p, struct media_why *why) {
    int64_t block = p->channels * SAMPLE_BYTES, left = (p->samples - p->at) * block;
    size_t wanted = left < MEDIA_PLAIN_BYTES ? (size_t)left : MEDIA_PLAIN_BYTES;
    int got = read_at(p->input, p->buffer, wanted, p->data_at + p->at * block);
    p->held = p->at;
    p->held_count = 0;
    if (got < 0)
        return media_input_error(p->input, got, "reading", why);
    if (got < block)
        return ERR_SOURCE_ENDED;
    p->held_count = got / block;
    to_host(p->buffer, (size_t)(p->held_count * p->channels));
    return ERR_OK;
}

enum err media_plain_seek(struct media_plain *p, int64_t sample, struct media_why *why) {
    assert(sample >= 0);
    p->at = sample < p->samples ? sample : p->samples;
    return fill(p, why);
}

enum err media_plain_peek(struct media_plain *p, const uint8_t **plane, int *count,
                          struct media_why *why) {
    enum err e = p->at - p->held < p->held_count ? ERR_OK : fill(p, why);
    if (e != ERR_OK)
        return e;
    *plane = (const uint8_t *)(p->buffer + (p->at - p->held) * p->channels);
    *count = (int)(p->held_count - (p->at - p->held));
    return ERR_OK;
}

void media_plain_consume(struct media_plain *p, int count) {
    assert(count >= 0 && p->at + count <= p->held + p->held_count);
    p->at += count;
}
