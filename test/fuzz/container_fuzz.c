/*
 * Media files. The demuxers are FFmpeg's and are fuzzed there; ours is what is made of their
 * answers, and the look at the head of a WAV. Whatever the bytes are, opening ends with a reason or
 * with a container that keeps its word: a length above 0, and in exact PCM as much sound behind the
 * header as the header has promised. An input is tried as both classes, for what is no format of
 * the one may be of the other. What is read without FFmpeg is what FFmpeg would read of it.
 */
#include "transcoder/media/container.h"
#include "transcoder/media/plain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PACKETS_MAX 2000 /* a hostile index may name as many as it likes */

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct media_container *open_container(const char *path, enum source_class class) {
    struct media_why why = {0};
    struct media_input *input;
    struct media_container *c;
    CHECK(media_input_open(&input, path, duration_ms(1000), &why) == ERR_OK);
    if (media_container_open(&c, input, path, class, &why) == ERR_OK)
        return c;
    CHECK(c == NULL && why.text[0] != '\0');
    return NULL;
}

static void check_facts(const struct media_container *c, enum source_class class) {
    CHECK(c->exact || class != SOURCE_CLASS_EXACT);
    CHECK(!c->exact || c->samples > 0);
    CHECK(c->samples != 0 && c->samples >= -1);
    CHECK(c->samples < 0 || c->samples_guess == c->samples);
}

/* Reads to the end; the bytes of sound, or -1 if it is damaged or too long to tell. */
static int64_t read_all(struct media_container *c) {
    struct media_why why;
    AVPacket *packet = av_packet_alloc();
    int64_t bytes = 0;
    enum err e = ERR_OK;
    CHECK(packet != NULL);
    for (int i = 0; i < PACKETS_MAX; i++) {
        e = media_container_read(c, packet, &why);
        if (e != ERR_OK)
            break;
        CHECK(packet->size >= 0);
        bytes += packet->size;
        av_packet_unref(packet);
    }
    av_packet_free(&packet);
    return e == ERR_SOURCE_ENDED ? bytes : -1;
}

/* In a WAV of PCM every sample has its place: what is promised must be there. */
static void check_promise(const struct media_container *c, int64_t bytes) {
    const AVCodecParameters *p = c->stream->codecpar;
    int64_t bits = (int64_t)av_get_exact_bits_per_sample(p->codec_id) * p->ch_layout.nb_channels;
    bool wav = strcmp(c->format->iformat->name, "wav") == 0;
    if (c->exact && wav && bits > 0 && bytes >= 0)
        CHECK(c->samples * bits <= bytes * 8);
}

static void try_class(const char *path, enum source_class class) {
    struct media_container *c = open_container(path, class);
    if (c == NULL)
        return;
    struct media_why why;
    check_facts(c, class);
    check_promise(c, read_all(c));
    int64_t last = c->samples_guess > 0 ? c->samples_guess - 1 : 0;
    const int64_t to[] = {0, last / 2, last};
    for (size_t i = 0; i < sizeof to / sizeof *to; i++)
        if (media_container_seek(c, to[i], &why) == ERR_OK)
            (void)read_all(c);
    media_container_close(c);
}

/* ---- plain ----------------------------------------------------------------------------------- */

/* Takes as many bytes from a plain recording; they must be those. */
static void expect_bytes(struct media_plain *p, const uint8_t *bytes, int64_t len) {
    struct media_why why;
    while (len > 0) {
        const uint8_t *plane;
        int count;
        CHECK(media_plain_peek(p, &plane, &count, &why) == ERR_OK && count > 0);
        int64_t block = 2 * p->channels, n = count * block < len ? count * block : len;
        CHECK(n % block == 0 && memcmp(plane, bytes, (size_t)n) == 0);
        media_plain_consume(p, (int)(n / block));
        bytes += n;
        len -= n;
    }
}

static void compare(struct media_plain *p, struct media_container *c, int64_t from) {
    struct media_why why;
    AVPacket *packet = av_packet_alloc();
    CHECK(packet != NULL && media_plain_seek(p, from, &why) == ERR_OK);
    CHECK(media_container_seek(c, from, &why) == ERR_OK);
    while (p->at < p->samples && media_container_read(c, packet, &why) == ERR_OK) {
        expect_bytes(p, packet->data, packet->size);
        av_packet_unref(packet);
    }
    CHECK(p->at == p->samples);
    av_packet_free(&packet);
}

static void try_plain(const char *path) {
    struct media_why why = {0};
    struct media_input *input;
    CHECK(media_input_open(&input, path, duration_ms(1000), &why) == ERR_OK);
    struct media_plain *p = media_plain_open(input);
    if (p == NULL) {
        media_input_close(input);
        return;
    }
    struct media_container *c = open_container(path, SOURCE_CLASS_EXACT);
    CHECK(c != NULL && c->exact && c->samples == p->samples);
    const AVCodecParameters *k = c->stream->codecpar;
    CHECK(k->codec_id == AV_CODEC_ID_PCM_S16LE && k->sample_rate == (int)p->rate_hz &&
          k->ch_layout.nb_channels == p->channels);
    compare(p, c, 0);
    compare(p, c, p->samples / 3);
    compare(p, c, p->samples - 1);
    media_container_close(c);
    media_plain_close(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static int fd = -1;
    static char path[40];
    if (fd < 0) {
        fd = memfd_create("container", MFD_CLOEXEC);
        CHECK(fd >= 0);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    CHECK(ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
    try_plain(path);
    try_class(path, SOURCE_CLASS_EXACT);
    try_class(path, SOURCE_CLASS_SEEKABLE);
    return 0;
}
