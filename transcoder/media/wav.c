#include "transcoder/media/wav.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEADER_BYTES   44 /* RIFF, fmt chunk of 16, data chunk's head */
#define DATA_BYTES_MAX (UINT32_MAX - HEADER_BYTES)

struct media_wav {
    int fd;
    uint32_t rate_hz;
    uint8_t channels;
    uint32_t data_bytes; /* [bytes] written */
    uint32_t told_bytes; /* [bytes] that the header says */
};

static void put_u16(uint8_t *at, uint16_t v) {
    at[0] = (uint8_t)v;
    at[1] = (uint8_t)(v >> 8);
}

static void put_u32(uint8_t *at, uint32_t v) {
    put_u16(at, (uint16_t)v);
    put_u16(at + 2, (uint16_t)(v >> 16));
}

static enum err write_at(const struct media_wav *w, const void *data, size_t len, off_t offset) {
    const uint8_t *at = data;
    while (len > 0) {
        ssize_t put = pwrite(w->fd, at, len, offset);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return ERR_IO;
        at += put;
        offset += put;
        len -= (size_t)put;
    }
    return ERR_OK;
}

static enum err write_header(struct media_wav *w) {
    uint8_t h[HEADER_BYTES] = "RIFF....WAVEfmt ";
    uint16_t block = (uint16_t)(w->channels * sizeof(int16_t));
    put_u32(h + 4, w->data_bytes + HEADER_BYTES - 8);
    put_u32(h + 16, 16);
    put_u16(h + 20, 1); /* PCM */
    put_u16(h + 22, w->channels);
    put_u32(h + 24, w->rate_hz);
    put_u32(h + 28, w->rate_hz * block);
    put_u16(h + 32, block);
    put_u16(h + 34, 16); /* bits */
    memcpy(h + 36, "data", 4);
    put_u32(h + 40, w->data_bytes);
    enum err e = write_at(w, h, sizeof h, 0);
    if (e == ERR_OK)
        w->told_bytes = w->data_bytes;
    return e;
}

enum err media_wav_create(struct media_wav **out, const char *path, uint32_t rate_hz,
                          uint8_t channels, struct media_why *why) {
    *out = NULL;
    struct media_wav *w = calloc(1, sizeof *w);
    if (w == NULL)
        return ERR_NO_MEMORY;
    w->rate_hz = rate_hz;
    w->channels = channels;
    w->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (w->fd < 0 || write_header(w) != ERR_OK) {
        media_whyf(why, "%.120s: %s", path, strerror(errno));
        if (w->fd >= 0)
            close(w->fd);
        free(w);
        return ERR_IO;
    }
    *out = w;
    return ERR_OK;
}

enum err media_wav_write(struct media_wav *w, const int16_t *samples, size_t count) {
    assert(count % w->channels == 0);
    if (count > (DATA_BYTES_MAX - w->data_bytes) / sizeof *samples)
        return ERR_FULL;
    while (count > 0) {
        uint8_t piece[4096]; /* little-endian, whatever the machine is */
        size_t n = count < sizeof piece / 2 ? count : sizeof piece / 2;
        for (size_t i = 0; i < n; i++)
            put_u16(piece + 2 * i, (uint16_t)samples[i]);
        if (write_at(w, piece, 2 * n, (off_t)HEADER_BYTES + w->data_bytes) != ERR_OK)
            return ERR_IO;
        w->data_bytes += (uint32_t)(2 * n);
        samples += n;
        count -= n;
    }
    uint32_t second = w->rate_hz * w->channels * (uint32_t)sizeof *samples;
    return w->data_bytes - w->told_bytes >= second ? write_header(w) : ERR_OK;
}

enum err media_wav_close(struct media_wav *w) {
    if (w == NULL)
        return ERR_OK;
    enum err e = write_header(w);
    if (close(w->fd) < 0)
        e = ERR_IO;
    free(w);
    return e;
}
