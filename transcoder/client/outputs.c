#include "transcoder/client/outputs.h"

#include "peerd/base/addr.h"
#include "peerd/net/sockaddr.h"
#include "transcoder/client/local.h"
#include "transcoder/media/decoder.h"
#include "transcoder/media/wav.h"
#include "transcoder/rtp/rtp.h"
#include "transcoder/rtp/sdp.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DATAGRAM_BYTES_MAX 2048

struct outputs {
    struct outputs_config config; /* texts are the caller's */
    struct addr rtp_to;
    struct addr http_at;
    struct local *local; /* NULL for none */
    int rtp_fd;          /* -1 for none */
    uint32_t ssrc;
    uint8_t payload_type;
    FILE *raw;
    struct media_wav *wav;
    struct media_decoder *decoder;
    const char *failed; /* the file that could not be written to; NULL: none */
};

struct outputs *outputs_new(const struct outputs_config *config, char *why, size_t why_size) {
    struct addr to = {0};
    if (config->rtp != NULL && !addr_from_text(&to, config->rtp)) {
        snprintf(why, why_size, "--rtp-out: expected ip:port, found `%s`", config->rtp);
        return NULL;
    }
    if (config->sdp != NULL && config->rtp == NULL) {
        snprintf(why, why_size, "--sdp describes what --rtp-out sends: give both");
        return NULL;
    }
    struct addr at = {0};
    if (config->http != NULL && !addr_from_text(&at, config->http)) {
        snprintf(why, why_size, "--http: expected ip:port, found `%s`", config->http);
        return NULL;
    }
    struct outputs *o = calloc(1, sizeof(*o));
    if (o == NULL) {
        snprintf(why, why_size, "out of memory");
        return NULL;
    }
    o->config = *config;
    o->rtp_to = to;
    o->http_at = at;
    o->rtp_fd = -1;
    return o;
}

static bool fail(char *why, size_t size, const char *path, const char *reason) {
    snprintf(why, size, "%s: %s", path, reason);
    return false;
}

static bool write_to(const char *path, const char *text, size_t len) {
    FILE *f = fopen(path, "w");
    if (f == NULL)
        return false;
    bool ok = fwrite(text, 1, len, f) == len;
    return fclose(f) == 0 && ok;
}

/* Written beside and renamed, so that a player that waits for the file never sees half of it. A
 * device or a pipe is written to: to root, a rename would put a file in its place. */
static bool write_whole(const char *path, const char *text, size_t len) {
    char beside[4096];
    struct stat old;
    if (stat(path, &old) == 0 && !S_ISREG(old.st_mode))
        return write_to(path, text, len);
    if ((size_t)snprintf(beside, sizeof(beside), "%s.new", path) >= sizeof(beside)) {
        errno = ENAMETOOLONG;
        return false;
    }
    if (write_to(beside, text, len) && rename(beside, path) == 0)
        return true;
    int why = errno;
    unlink(beside);
    errno = why;
    return false;
}

static bool open_sdp(struct outputs *o, const struct peerclient_media *m, char *why, size_t size) {
    char text[SDP_LEN_MAX];
    char address[ADDR_TEXT_LEN_MAX + 1];
    addr_to_text(&o->rtp_to, address);
    char *colon = strrchr(address, ':');
    *colon = '\0';
    char *numeric = address;
    if (address[0] == '[') { /* SDP has no brackets */
        numeric++;
        colon[-1] = '\0';
    }
    const struct sdp_session sdp = {
        .name = m->session,
        .address = numeric,
        .port = o->rtp_to.port,
        .id = m->ssrc,
        .encoding = m->encoding,
        .payload_type = m->payload_type,
        .clock_hz = m->clock_rate_hz,
        .channels = m->channels,
        .fmtp = m->fmtp,
        .ptime_ms = m->frame_ms,
    };
    size_t len = sdp_write(text, sizeof(text), &sdp);
    if (len == 0 || !write_whole(o->config.sdp, text, len))
        return fail(why, size, o->config.sdp, len == 0 ? "cannot be said in SDP" : strerror(errno));
    return true;
}

static bool open_rtp(struct outputs *o, const struct peerclient_media *m, char *why, size_t size) {
    struct addr any = {.family = o->rtp_to.family};
    o->ssrc = m->ssrc;
    o->payload_type = m->payload_type;
    if (net_socket_udp(&o->rtp_fd, &any) != ERR_OK)
        return fail(why, size, o->config.rtp, strerror(errno));
    return o->config.sdp == NULL || open_sdp(o, m, why, size);
}

/* The profile of what comes in, as far as a decoder needs to know it. */
static bool profile_of(struct media_profile *out, const struct peerclient_media *m) {
    char codec[16];
    enum media_codec which;
    size_t i = 0;
    for (; m->encoding[i] != '\0' && i + 1 < sizeof(codec); i++)
        codec[i] = (char)tolower((unsigned char)m->encoding[i]);
    codec[i] = '\0';
    if (!media_codec_by_name(&which, codec))
        return false;
    media_profile_init(out, which);
    out->rate_hz = m->clock_rate_hz;
    out->channels = m->channels;
    if (which == MEDIA_CODEC_OPUS) /* its rtpmap always says two */
        out->channels = strstr(m->fmtp, "stereo=1") != NULL ? 2 : 1;
    return true;
}

static bool open_wav(struct outputs *o, const struct peerclient_media *m, char *why, size_t size) {
    struct media_profile profile;
    struct media_why reason = {{0}};
    if (!profile_of(&profile, m))
        return fail(why, size, m->encoding, "cannot be decoded here");
    if (media_decoder_open(&o->decoder, &profile, &reason) != ERR_OK ||
        media_wav_create(&o->wav, o->config.wav, media_decoder_rate_hz(o->decoder),
                         media_decoder_channels(o->decoder), &reason) != ERR_OK)
        return fail(why, size, o->config.wav, reason.text);
    return true;
}

bool outputs_open(struct outputs *o, struct net_loop *loop, const struct peerclient_media *m,
                  char *why, size_t size) {
    if (o->config.http != NULL) {
        o->local = local_open(loop, &o->http_at, m, why, size);
        if (o->local == NULL)
            return false;
    }
    if (o->config.raw != NULL && (o->raw = fopen(o->config.raw, "wb")) == NULL)
        return fail(why, size, o->config.raw, strerror(errno));
    if (o->config.wav != NULL && !open_wav(o, m, why, size))
        return false;
    return o->config.rtp == NULL || open_rtp(o, m, why, size);
}

static void send_rtp(struct outputs *o, const struct peerclient_frame *frame) {
    uint8_t datagram[DATAGRAM_BYTES_MAX];
    struct sockaddr_storage to;
    socklen_t to_len = net_sockaddr_from_addr(&to, &o->rtp_to);
    const struct rtp_packet packet = {
        .marker = frame->index == 0,
        .payload_type = o->payload_type,
        .seq = frame->seq,
        .timestamp = frame->timestamp,
        .ssrc = o->ssrc,
        .payload = frame->payload,
        .payload_len = frame->len,
    };
    size_t len = rtp_encode(datagram, sizeof(datagram), &packet);
    /* A player that is not there yet, or not there any more, is no reason to stop. */
    if (len > 0 &&
        sendto(o->rtp_fd, datagram, len, MSG_DONTWAIT, (struct sockaddr *)&to, to_len) < 0)
        return;
}

static void write_wav(struct outputs *o, const struct peerclient_frame *frame) {
    int16_t samples[MEDIA_DECODER_SAMPLES_MAX];
    enum err err = ERR_BAD_FIELD;
    if (!frame->lost)
        err = media_decoder_frame(o->decoder, frame->payload, frame->len, samples);
    if (err != ERR_OK)
        err = media_decoder_conceal(o->decoder, samples);
    if (err != ERR_OK ||
        media_wav_write(o->wav, samples, media_decoder_samples(o->decoder)) != ERR_OK)
        o->failed = o->config.wav;
}

void outputs_frame(struct outputs *o, const struct peerclient_frame *frame) {
    if (o->rtp_fd >= 0 && !frame->lost)
        send_rtp(o, frame);
    if (o->local != NULL)
        local_frame(o->local, frame);
    if (o->wav != NULL)
        write_wav(o, frame);
    if (o->raw != NULL && !frame->lost &&
        fwrite(frame->payload, 1, frame->len, o->raw) != frame->len)
        o->failed = o->config.raw;
}

const char *outputs_failed(const struct outputs *o) {
    return o->failed;
}

bool outputs_free(struct outputs *o) {
    if (o == NULL)
        return true;
    bool ok = o->failed == NULL;
    local_close(o->local);
    if (o->wav != NULL)
        ok = media_wav_close(o->wav) == ERR_OK && ok;
    media_decoder_close(o->decoder);
    if (o->raw != NULL)
        ok = fclose(o->raw) == 0 && ok;
    if (o->rtp_fd >= 0)
        close(o->rtp_fd);
    free(o);
    return ok;
}
