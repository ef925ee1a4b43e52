#include "test/live/recording.h"

#include "peerd/base/rng.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define RATE_HZ      8000
#define HEADER_BYTES 44
#define PUBLIC_TREE  "/usr/share/" /* readable by everybody on any Debian */

static void put_le(uint8_t *out, uint32_t v, int bytes) {
    for (int i = 0; i < bytes; i++)
        out[i] = (uint8_t)(v >> 8 * i);
}

/* RIFF WAVE, format 1 (PCM). */
static void wav_header(uint8_t out[HEADER_BYTES], uint32_t data_bytes) {
    memcpy(out, "RIFF....WAVEfmt ", 16);
    put_le(out + 4, HEADER_BYTES - 8 + data_bytes, 4);
    put_le(out + 16, 16, 4);
    put_le(out + 20, 1, 2);
    put_le(out + 22, 1, 2);
    put_le(out + 24, RATE_HZ, 4);
    put_le(out + 28, RATE_HZ * 2, 4);
    put_le(out + 32, 2, 2);
    put_le(out + 34, 16, 2);
    memcpy(out + 36, "data", 4);
    put_le(out + 40, data_bytes, 4);
}

bool recording_write_tone(const char *path, struct duration length) {
    uint8_t header[HEADER_BYTES];
    uint32_t samples = (uint32_t)(length.us / 1000 * RATE_HZ / 1000);
    struct rng rng;
    double phase = 0;
    FILE *f = fopen(path, "wbe");
    if (f == NULL)
        return false;
    rng_seed(&rng, 1);
    wav_header(header, samples * 2);
    bool ok = fwrite(header, sizeof(header), 1, f) == 1;
    for (uint32_t i = 0; ok && i < samples; i++) {
        uint8_t sample[2];
        double t = (double)i / RATE_HZ;
        phase += 2 * M_PI * (500 + 200 * sin(t * 0.7)) / RATE_HZ;
        double v = 8000 * sin(phase) + 600 * (rng_unit(&rng) - 0.5);
        put_le(sample, (uint32_t)(int32_t)v & 0xffff, 2);
        ok = fwrite(sample, sizeof(sample), 1, f) == 1;
    }
    return fclose(f) == 0 && ok;
}

static bool copy_file(const char *from, const char *to) {
    char buffer[65536];
    size_t n;
    FILE *in = fopen(from, "rbe");
    FILE *out = in != NULL ? fopen(to, "wbe") : NULL;
    bool ok = out != NULL;
    while (ok && (n = fread(buffer, 1, sizeof(buffer), in)) > 0)
        ok = fwrite(buffer, 1, n, out) == n;
    if (in != NULL)
        fclose(in);
    return out != NULL && fclose(out) == 0 && ok;
}

/* The ending of a file's name tells FFmpeg what headerless formats are. */
static const char *ending(const char *location) {
    const char *dot = strrchr(location, '.');
    return dot != NULL && strchr(dot, '/') == NULL ? dot : "";
}

static bool place(struct scenario_source *s, const char *dir) {
    char path[POLICY_TEXT_LEN_MAX + 1];
    char *location = s->source.location.text;
    if (strstr(location, "://") != NULL ||
        strncmp(location, PUBLIC_TREE, sizeof(PUBLIC_TREE) - 1) == 0)
        return true;
    int len = snprintf(path, sizeof(path), "%s/%s%.8s", dir, s->source.name.text,
                       location[0] == '\0' ? ".wav" : ending(location));
    if (len < 0 || (size_t)len >= sizeof(path)) {
        errno = ENAMETOOLONG;
        return false;
    }
    bool ok = location[0] == '\0' ? recording_write_tone(path, s->tone) : copy_file(location, path);
    if (!ok || chmod(path, 0444) != 0)
        return false;
    memcpy(location, path, sizeof(path));
    return true;
}

bool recording_place(struct scenario *s, const char *dir, char *why, size_t why_size) {
    for (uint32_t i = 0; i < s->source_count; i++) {
        struct scenario_source *source = &s->sources[i];
        char location[POLICY_TEXT_LEN_MAX + 1];
        memcpy(location, source->source.location.text, sizeof(location));
        if (!place(source, dir)) {
            snprintf(why, why_size, "source %s: %.100s: %s", source->source.name.text,
                     location[0] == '\0' ? "a tone" : location, strerror(errno));
            return false;
        }
    }
    return true;
}
