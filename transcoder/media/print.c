#include "transcoder/media/print.h"

#include "transcoder/media/determinism.h"
#include "transcoder/media/segment_inner.h"

#include <libswscale/swscale.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define SCHEME   2 /* raise it when segments come out otherwise than before */
#define TEXT_MAX 1024
#define SIDE     64 /* [pixels] of the grey picture */

static enum err hash_packet(AVCodecContext *encoder, const AVFrame *grey,
                            crypto_generichash_state *hash) {
    AVPacket *packet = av_packet_alloc();
    if (packet == NULL)
        return ERR_NO_MEMORY;
    int r = avcodec_send_frame(encoder, grey);
    if (r >= 0)
        r = avcodec_send_frame(encoder, NULL);
    if (r >= 0)
        r = avcodec_receive_packet(encoder, packet);
    if (r >= 0)
        crypto_generichash_update(hash, packet->data, (size_t)packet->size);
    av_packet_free(&packet);
    return r < 0 ? ERR_UNSUPPORTED : ERR_OK;
}

static enum err hash_x264(crypto_generichash_state *hash, struct media_why *why) {
    const struct rendition small = {
        .codec = RENDITION_H264, .bitrate_bps = 100000, .height = SIDE, .fps = RENDITION_FPS};
    AVCodecContext *encoder = NULL;
    AVFrame *grey = av_frame_alloc();
    enum err e = grey != NULL ? segment_pictures_encoder(&encoder, &small, SIDE, RENDITION_FPS, why)
                              : ERR_NO_MEMORY;
    if (e == ERR_OK) {
        grey->width = grey->height = SIDE;
        grey->format = AV_PIX_FMT_YUV420P;
        e = av_frame_get_buffer(grey, 0) < 0 ? ERR_NO_MEMORY : ERR_OK;
    }
    for (int i = 0; e == ERR_OK && i < 3; i++)
        memset(grey->data[i], 128, (size_t)grey->linesize[i] * (SIDE >> (i > 0)));
    if (e == ERR_OK)
        e = hash_packet(encoder, grey, hash);
    avcodec_free_context(&encoder);
    av_frame_free(&grey);
    return e;
}

static void hash_text(crypto_generichash_state *hash, const struct rendition *r, uint32_t pass) {
    char text[TEXT_MAX], base[MEDIA_DETERMINISM_TEXT_LEN_MAX + 1];
    struct media_profile sound;
    media_profile_init(&sound, r->codec == RENDITION_OPUS ? MEDIA_CODEC_OPUS : MEDIA_CODEC_L16);
    int n = snprintf(text, sizeof text,
                     "scheme=%d codec=%s bps=%u height=%u fps=%u channels=%u swscale=%u "
                     "pass=%u settings=%s %s",
                     SCHEME, rendition_codec_name(r->codec), r->bitrate_bps, r->height, r->fps,
                     r->channels, swscale_version(), pass, segment_pictures_settings(),
                     media_determinism_text(&sound, base));
    crypto_generichash_update(hash, (const uint8_t *)text, (size_t)n);
}

enum err media_print(char out[MEDIA_PRINT_LEN + 1], const struct rendition *r,
                     const struct source_digest *source, uint32_t pass, struct media_why *why) {
    uint8_t bytes[crypto_generichash_BYTES_MIN];
    crypto_generichash_state hash;
    media_init();
    crypto_generichash_init(&hash, NULL, 0, sizeof bytes);
    crypto_generichash_update(&hash, source->bytes, sizeof source->bytes);
    hash_text(&hash, r, pass);
    enum err e = r->codec == RENDITION_H264 ? hash_x264(&hash, why) : ERR_OK;
    crypto_generichash_final(&hash, bytes, sizeof bytes);
    if (e == ERR_OK)
        sodium_bin2hex(out, MEDIA_PRINT_LEN + 1, bytes, MEDIA_PRINT_LEN / 2);
    return e;
}
