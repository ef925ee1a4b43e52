#include "test/lib/joint.h"

#include "transcoder/media/segment_inner.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PICTURES_MAX 4096
#define CHANNELS     2
#define OPUS_LATE    120 /* [samples] look-ahead of its encoder: packets say 2.5 ms less */

__attribute__((format(printf, 1, 2))) static bool run(const char *format, ...) {
    char command[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(command, sizeof(command), format, args);
    va_end(args);
    if (system(command) == 0)
        return true;
    fprintf(stderr, "failed: %s\n", command);
    return false;
}

const char *joint_options(char out[512], const struct rendition *r) {
    char preset[32], crf[16], params[256];
    switch (r->codec) {
    case RENDITION_H264:
        if (sscanf(segment_pictures_settings(), "%31s crf=%15s %255s", preset, crf, params) != 3)
            abort();
        snprintf(out, 512,
                 " -c:v libx264 -preset %s -crf %s -profile:v high -maxrate %u -bufsize %u -bf 0"
                 " -threads 1 -forced-idr 1 -x264-params %s",
                 preset, crf, r->bitrate_bps, r->bitrate_bps, params);
        break;
    case RENDITION_AAC:
        snprintf(out, 512,
                 " -c:a aac -aac_coder " SEGMENT_AAC_CODER " -b:a %u -ar %d -ac %u -threads 1",
                 r->bitrate_bps, RENDITION_RATE_HZ, r->channels);
        break;
    case RENDITION_OPUS:
        snprintf(out, 512,
                 " -c:a libopus -b:a %u -vbr off -application lowdelay -frame_duration 20"
                 " -compression_level 5 -ar %d -ac %u -threads 1",
                 r->bitrate_bps, RENDITION_RATE_HZ, r->channels);
        break;
    }
    return out;
}

/* ---- the two ways ---------------------------------------------------------------------------- */

static bool append(FILE *f, const struct media_segment_source *s, const struct rendition *r,
                   uint32_t number) {
    struct media_why why = {.text = ""};
    struct media_bytes b;
    enum err e = media_segment_make(&b, s, r, number, &why);
    bool ok = e == ERR_OK && fwrite(b.data, 1, b.len, f) == b.len;
    if (!ok)
        fprintf(stderr, "%s %u: %s %s\n", r->name.text, number, err_name(e), why.text);
    if (e == ERR_OK)
        media_bytes_free(&b);
    return ok;
}

static bool write_segments(const char *path, const char *film, const struct rendition *r,
                           uint32_t *count) {
    struct media_segment_source s = {.location = film, .class = SOURCE_CLASS_EXACT};
    struct media_why why = {.text = ""};
    if (media_segment_facts(&s.facts, film, s.class, DURATION_ZERO, &why) != ERR_OK) {
        fprintf(stderr, "%s: %s\n", film, why.text);
        return false;
    }
    FILE *f = fopen(path, "w");
    *count = (uint32_t)(s.facts.duration_ms / SEGMENT_MS);
    bool ok = f != NULL && append(f, &s, r, SEGMENT_INIT);
    for (uint32_t i = 0; i < *count && ok; i++)
        ok = append(f, &s, r, i);
    return f != NULL && fclose(f) == 0 && ok;
}

static bool write_steady(const char *path, const char *film, const struct rendition *r) {
    char options[512];
    return run("ffmpeg -v error -nostdin -y -i %s -map 0:%s:0%s%s %s", film,
               rendition_is_sound(r) ? "a" : "v", joint_options(options, r),
               rendition_is_sound(r) ? "" : " -force_key_frames 'expr:gte(t,n_forced*3.2-0.001)'",
               path);
}

/* ---- pictures -------------------------------------------------------------------------------- */

/* Mean squared error of each picture; returns how many there are. */
static uint32_t read_errors(const char *path, double out[PICTURES_MAX]) {
    FILE *f = fopen(path, "r");
    char line[512];
    uint32_t n = 0;
    while (f != NULL && n < PICTURES_MAX && fgets(line, sizeof(line), f) != NULL)
        n += sscanf(line, "n:%*u mse_avg:%lf", &out[n]) == 1;
    if (f != NULL)
        fclose(f);
    return n;
}

static uint32_t compare_pictures(const char *path, const char *film, double out[PICTURES_MAX]) {
    char log[256];
    snprintf(log, sizeof(log), "%s.psnr", path);
    bool ok = run("ffmpeg -v error -nostdin -i %s -i %s -lavfi '[0:v][1:v]psnr=stats_file=%s' -f "
                  "null -",
                  path, film, log);
    return ok ? read_errors(log, out) : 0;
}

static double psnr_db(const double *errors, uint32_t at) {
    double sum = 0;
    for (uint32_t i = at - JOINT_PICTURES; i < at + JOINT_PICTURES; i++)
        sum += errors[i];
    return 10 * log10(255.0 * 255.0 * 2 * JOINT_PICTURES / sum);
}

/* ---- sound ----------------------------------------------------------------------------------- */

/* Interleaved samples, of malloc; NULL: none. */
static int16_t *read_sound(const char *path, size_t *samples) {
    char raw[256];
    snprintf(raw, sizeof(raw), "%s.raw", path);
    if (!run("ffmpeg -v error -nostdin -y -i %s -map 0:a:0 -f s16le -ar %d -ac %d %s", path,
             RENDITION_RATE_HZ, CHANNELS, raw))
        return NULL;
    FILE *f = fopen(raw, "r");
    size_t bytes = 64UL << 20;
    int16_t *out = f != NULL ? malloc(bytes) : NULL;
    *samples = out != NULL ? fread(out, 2UL * CHANNELS, bytes / (2UL * CHANNELS), f) : 0;
    if (f != NULL)
        fclose(f);
    return out;
}

struct sound {
    int16_t *samples;
    size_t count;
    size_t late; /* [samples] behind the film's */
};

static double snr_db(const struct sound *film, const struct sound *other, size_t at) {
    double signal = 0, noise = 1e-9;
    for (size_t i = (at - JOINT_SAMPLES) * CHANNELS; i < (at + JOINT_SAMPLES) * CHANNELS; i++) {
        double a = film->samples[i], b = other->samples[i + other->late * CHANNELS];
        signal += a * a;
        noise += (a - b) * (a - b);
    }
    return 10 * log10(signal / noise);
}

/* ---- both ------------------------------------------------------------------------------------ */

static void take(struct joint *j, double ours_db, double steady_db) {
    j->ours_db += ours_db;
    j->steady_db += steady_db;
    if (j->count == 0 || ours_db - steady_db < j->worst_db)
        j->worst_db = ours_db - steady_db;
    j->count++;
}

static bool measure_pictures(struct joint *out, const char *film, const char *ours,
                             const char *steady, uint32_t segments, uint32_t fps) {
    static double a[PICTURES_MAX], b[PICTURES_MAX];
    uint32_t whole = SEGMENT_MS * fps / 1000, pictures = whole * segments;
    if (compare_pictures(ours, film, a) < pictures ||
        compare_pictures(steady, film, b) < pictures) {
        fprintf(stderr, "expected %u pictures\n", pictures);
        return false;
    }
    for (uint32_t n = 1; n < segments; n++)
        take(out, psnr_db(a, n * whole), psnr_db(b, n * whole));
    return true;
}

static bool measure_sound(struct joint *out, const char *film, const char *ours, const char *steady,
                          uint32_t segments, const struct rendition *r) {
    const size_t whole = (size_t)SEGMENT_MS * RENDITION_RATE_HZ / 1000, margin = JOINT_SAMPLES;
    struct sound s[3] = {{0}, {.late = r->codec == RENDITION_OPUS ? OPUS_LATE : 0}, {0}};
    const char *paths[3] = {film, ours, steady};
    bool ok = true;
    for (int i = 0; i < 3; i++) {
        s[i].samples = read_sound(paths[i], &s[i].count);
        ok = ok && s[i].count >= (segments - 1) * whole + margin + s[i].late;
    }
    for (uint32_t n = 1; n < segments && ok; n++)
        take(out, snr_db(&s[0], &s[1], n * whole), snr_db(&s[0], &s[2], n * whole));
    if (!ok)
        fprintf(stderr, "expected sound of %u segments\n", segments);
    for (int i = 0; i < 3; i++)
        free(s[i].samples);
    return ok;
}

bool joint_measure(struct joint *out, const char *film, const char *dir,
                   const struct rendition *r) {
    char ours[128], steady[128];
    uint32_t segments;
    *out = (struct joint){0};
    snprintf(ours, sizeof(ours), "%s/%s-segments.mp4", dir, r->name.text);
    snprintf(steady, sizeof(steady), "%s/%s-steady.mp4", dir, r->name.text);
    bool ok = write_segments(ours, film, r, &segments) && write_steady(steady, film, r) &&
              (rendition_is_sound(r) ? measure_sound(out, film, ours, steady, segments, r)
                                     : measure_pictures(out, film, ours, steady, segments, r->fps));
    if (out->count > 0) {
        out->ours_db /= out->count;
        out->steady_db /= out->count;
    }
    return ok && out->count > 0;
}
