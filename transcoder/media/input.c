#include "transcoder/media/input.h"

#include <errno.h>
#include <fcntl.h>
#include <libavutil/dict.h>
#include <libavutil/error.h>
#include <libavutil/mem.h>
#include <libavutil/opt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOCAL_BUFFER_BYTES 4096 /* [bytes] a quarter second of 8 kHz PCM; 32 KiB is the default */
#define REMOTE_PROTOCOLS   "http,https,tcp,tls"
#define SHOWN_LEN_MAX      120 /* of a URL in a log */

static int64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static bool has_prefix(const char *text, const char *prefix) {
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool media_input_is_remote(const char *location) {
    return has_prefix(location, "http://") || has_prefix(location, "https://");
}

void media_input_arm(struct media_input *in) {
    if (in->remote)
        in->deadline_us = now_us() + in->limit.us;
}

bool media_input_expired(const struct media_input *in) {
    return in->remote && (atomic_load(&in->abort) || now_us() >= in->deadline_us);
}

static int interrupted(void *opaque) {
    return media_input_expired(opaque);
}

enum err media_input_error(const struct media_input *in, int averror, const char *doing,
                           struct media_why *why) {
    char text[AV_ERROR_MAX_STRING_SIZE] = "";
    av_strerror(averror, text, sizeof text);
    if (averror == AVERROR(ENOMEM)) {
        media_whyf(why, "%s: out of memory", doing);
        return ERR_NO_MEMORY;
    }
    if (in != NULL && media_input_expired(in)) {
        media_whyf(why, "%s: no answer within %lld ms", doing,
                   (long long)duration_in_ms(in->limit));
        return ERR_TIMEOUT;
    }
    media_whyf(why, "%s: %s", doing, text);
    return ERR_SOURCE_FAILED;
}

static int local_read(void *opaque, uint8_t *buffer, int size) {
    struct media_input *in = opaque;
    ssize_t got;
    do
        got = pread(in->fd, buffer, (size_t)size, in->at);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return AVERROR(errno);
    in->at += got;
    return got == 0 ? AVERROR_EOF : (int)got;
}

static int64_t local_seek(void *opaque, int64_t offset, int whence) {
    struct media_input *in = opaque;
    switch (whence & ~AVSEEK_FORCE) {
    case AVSEEK_SIZE:
        return in->bytes;
    case SEEK_SET:
        break;
    case SEEK_CUR:
        offset += in->at;
        break;
    case SEEK_END:
        offset += in->bytes;
        break;
    default:
        return AVERROR(EINVAL);
    }
    if (offset < 0)
        return AVERROR(EINVAL);
    in->at = offset;
    return offset;
}

static enum err open_file(struct media_input *in, const char *path, struct media_why *why) {
    /* O_NONBLOCK: opening a FIFO must not wait for its writer. */
    in->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    if (in->fd < 0 || fstat(in->fd, &st) < 0) {
        media_whyf(why, "%.120s: %s", path, strerror(errno));
        return ERR_SOURCE_FAILED;
    }
    if (!S_ISREG(st.st_mode)) {
        media_whyf(why, "%.120s is not a regular file", path);
        return ERR_SOURCE_FAILED;
    }
    in->bytes = st.st_size;
    in->seekable = true;
    uint8_t *buffer = av_malloc(LOCAL_BUFFER_BYTES);
    if (buffer != NULL)
        in->io =
            avio_alloc_context(buffer, LOCAL_BUFFER_BYTES, 0, in, local_read, NULL, local_seek);
    if (in->io == NULL) {
        av_free(buffer);
        media_whyf(why, "%.120s: out of memory", path);
        return ERR_NO_MEMORY;
    }
    return ERR_OK;
}

/* A location for logs: userinfo and query often hold secrets and are left out. */
static void show_url(char *out, size_t size, const char *url) {
    const char *host = strstr(url, "://") + 3;
    size_t authority = strcspn(host, "/?#");
    const char *at = host;
    for (size_t i = 0; i < authority; i++)
        at = host[i] == '@' ? host + i + 1 : at;
    snprintf(out, size, "%.*s%.*s", (int)(host - url), url, (int)strcspn(at, "?#"), at);
}

/* True if a redirect was followed all the same: an FFmpeg that does not know max_redirects. */
static bool was_redirected(struct media_input *in, const char *url) {
    uint8_t *location = NULL;
    bool known = av_opt_get(in->io, "location", AV_OPT_SEARCH_CHILDREN, &location) >= 0;
    bool moved = known && location != NULL && strcmp((const char *)location, url) != 0;
    av_free(location);
    return moved;
}

static enum err open_url(struct media_input *in, const char *url, struct media_why *why) {
    AVDictionary *options = NULL;
    av_dict_set(&options, "reconnect", "1", 0);
    av_dict_set(&options, "reconnect_delay_max", "2", 0); /* [s] tries at once and after 1 s */
    av_dict_set(&options, "tls_verify", "1", 0);          /* FFmpeg does not by itself */
    av_dict_set(&options, "user_agent", "peerd", 0);
    av_dict_set(&options, "protocol_whitelist", REMOTE_PROTOCOLS, 0);
    /* The operator has named this server; it must not send us to others, say within our network. */
    av_dict_set(&options, "max_redirects", "0", 0);
    AVIOInterruptCB callback = {interrupted, in};
    int r = avio_open2(&in->io, url, AVIO_FLAG_READ, &callback, &options);
    av_dict_free(&options);
    char shown[SHOWN_LEN_MAX + 1];
    show_url(shown, sizeof shown, url);
    if (r < 0)
        return media_input_error(in, r, shown, why);
    if (was_redirected(in, url)) {
        media_whyf(why, "%s: redirects elsewhere, which is not followed", shown);
        return ERR_SOURCE_FAILED;
    }
    in->bytes = avio_size(in->io);
    if (in->bytes < 0)
        in->bytes = -1;
    in->seekable = (in->io->seekable & AVIO_SEEKABLE_NORMAL) != 0;
    return ERR_OK;
}

enum err media_input_open(struct media_input **out, const char *location, struct duration limit,
                          struct media_why *why) {
    *out = NULL;
    media_init();
    bool remote = media_input_is_remote(location);
    if (!remote && strstr(location, "://") != NULL) {
        char shown[SHOWN_LEN_MAX + 1];
        show_url(shown, sizeof shown, location);
        media_whyf(why, "%s: only file paths, http:// and https:// are read", shown);
        return ERR_UNSUPPORTED;
    }
    struct media_input *in = calloc(1, sizeof *in);
    if (in == NULL)
        return ERR_NO_MEMORY;
    *in = (struct media_input){.fd = -1, .bytes = -1, .remote = remote, .limit = limit};
    media_input_arm(in);
    enum err e = remote ? open_url(in, location, why) : open_file(in, location, why);
    if (e != ERR_OK) {
        media_input_close(in);
        return e;
    }
    *out = in;
    return ERR_OK;
}

void media_input_close(struct media_input *in) {
    if (in == NULL)
        return;
    if (in->remote) {
        avio_closep(&in->io);
    } else if (in->io != NULL) {
        av_freep(&in->io->buffer);
        avio_context_free(&in->io);
    }
    if (in->fd >= 0)
        close(in->fd);
    free(in);
}
