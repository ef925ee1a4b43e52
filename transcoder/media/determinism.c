#include "transcoder/media/determinism.h"

#include <assert.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libswresample/swresample.h>
#include <opus.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

/* Raise it when this folder changes the bytes it makes: pre-roll of decoders, order of steps. */
#define SCHEME 1

static const char *architecture(void) {
#if defined(__x86_64__)
    return "x86_64";
#elif defined(__aarch64__)
    return "aarch64";
#else
    return sizeof(void *) == 8 ? "other64" : "other32";
#endif
}

const char *media_determinism_text(const struct media_profile *p,
                                   char out[MEDIA_DETERMINISM_TEXT_LEN_MAX + 1]) {
    int n = snprintf(out, MEDIA_DETERMINISM_TEXT_LEN_MAX + 1,
                     "scheme=%d avformat=%u avcodec=%u swresample=%u avutil=%u ffmpeg=%s arch=%s "
                     "cpu=%08x codec=%s rate_hz=%u channels=%u bitrate_bps=%u",
                     SCHEME, avformat_version(), avcodec_version(), swresample_version(),
                     avutil_version(), av_version_info(), architecture(), media_cpu_baseline(),
                     media_codec_name(p->codec), p->rate_hz, p->channels, p->bitrate_bps);
    if (p->codec == MEDIA_CODEC_OPUS)
        n += snprintf(out + n, (size_t)(MEDIA_DETERMINISM_TEXT_LEN_MAX + 1 - n),
                      " complexity=%u application=%s opus=%.60s opus_cpu=%08x", p->complexity,
                      media_application_name(p->application), opus_get_version_string(),
                      media_cpu_codec());
    assert(n > 0 && n <= MEDIA_DETERMINISM_TEXT_LEN_MAX);
    return out;
}

void media_determinism_id(const struct media_profile *profile, struct determinism_id *out) {
    char text[MEDIA_DETERMINISM_TEXT_LEN_MAX + 1];
    media_determinism_text(profile, text);
    /* libsodium makes no hash under 16 bytes; a prefix of BLAKE2b is as good. */
    uint8_t hash[crypto_generichash_BYTES_MIN];
    static_assert(sizeof hash >= sizeof out->bytes, "the id is a prefix of the hash");
    crypto_generichash(hash, sizeof hash, (const uint8_t *)text, strlen(text), NULL, 0);
    memcpy(out->bytes, hash, sizeof out->bytes);
}
