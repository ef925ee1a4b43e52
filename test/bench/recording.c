#include "test/bench/recording.h"

#include "test/bench/sheet.h"
#include "transcoder/media/stream.h"
#include "transcoder/media/wav.h"

#include <math.h>
#include <unistd.h>

#define MUSIC   "/usr/share/asterisk/moh/macroform-cold_day.wav"
#define RATE_HZ 8000
#define SAMPLES (RATE_HZ / MEDIA_FRAMES_PER_S) /* in a frame */

/* A frame of the recording: L16 is samples in network byte order. */
static void music_frame(struct media_stream *s, int16_t samples[SAMPLES]) {
    uint8_t payload[MEDIA_PAYLOAD_BYTES_MAX];
    size_t len;
    if (media_stream_next(s, payload, sizeof(payload), &len) != ERR_OK)
        sheet_die("%s: %s", MUSIC, media_stream_why(s));
    for (size_t i = 0; i < SAMPLES; i++)
        samples[i] = (int16_t)(payload[2 * i] << 8 | payload[2 * i + 1]);
}

/* A gliding tone, loud and quiet by turns, over some noise. */
static void made_frame(uint32_t frame, uint32_t *noise, int16_t samples[SAMPLES]) {
    for (uint32_t i = 0; i < SAMPLES; i++) {
        double t = (frame * SAMPLES + i) / (double)RATE_HZ;
        double loud = 0.5 + 0.45 * sin(2 * M_PI * 0.7 * t);
        *noise = *noise * 1664525 + 1013904223; /* Numerical Recipes' quick generator */
        samples[i] = (int16_t)(loud * (9000 * sin(2 * M_PI * (300 + 20 * t) * t) +
                                       (double)(*noise >> 19) - 4096));
    }
}

static struct media_stream *open_music(void) {
    const struct media_source_options options = {.class = SOURCE_CLASS_EXACT, .loop = true};
    struct media_profile p;
    struct media_stream *s;
    media_profile_init(&p, MEDIA_CODEC_L16);
    p.rate_hz = RATE_HZ;
    p.bitrate_bps = RATE_HZ * 16;
    if (access(MUSIC, R_OK) != 0 || media_stream_open(&s, MUSIC, &options, &p, NULL) != ERR_OK)
        return NULL;
    if (media_stream_start(s, 500, MEDIA_PREROLL_FULL, NULL) == ERR_OK)
        return s;
    media_stream_close(s);
    return NULL;
}

bool recording_make(const char *path) {
    struct media_wav *w;
    struct media_stream *music = open_music();
    uint32_t noise = 1;
    if (media_wav_create(&w, path, RATE_HZ, 1, NULL) != ERR_OK)
        sheet_die("cannot write %s", path);
    for (uint32_t frame = 0; frame < RECORDING_FRAMES; frame++) {
        int16_t samples[SAMPLES];
        if (music != NULL)
            music_frame(music, samples);
        else
            made_frame(frame, &noise, samples);
        if (media_wav_write(w, samples, SAMPLES) != ERR_OK)
            sheet_die("cannot write %s", path);
    }
    media_wav_close(w);
    media_stream_close(music);
    return music != NULL;
}
