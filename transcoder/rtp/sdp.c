#include "transcoder/rtp/sdp.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct text {
    char *at;
    size_t left; /* [bytes] the terminator included */
    bool failed;
};

__attribute__((format(printf, 2, 3))) static void line(struct text *t, const char *format, ...) {
    if (t->failed)
        return;
    va_list args;
    va_start(args, format);
    int len = vsnprintf(t->at, t->left, format, args);
    va_end(args);
    if (len < 0 || (size_t)len + 2 >= t->left) {
        t->failed = true;
        return;
    }
    t->at += len;
    memcpy(t->at, "\r\n", 3);
    t->at += 2;
    t->left -= (size_t)len + 2;
}

/* A line break in a value would let its author write lines of his own. */
static bool is_clean(const char *s) {
    return s == NULL || strpbrk(s, "\r\n") == NULL;
}

static const char *or_dash(const char *s) {
    return s == NULL || s[0] == 0 ? "-" : s;
}

static void write_media(struct text *t, const struct sdp_session *s) {
    line(t, "m=audio %u RTP/AVP %u", s->port, s->payload_type);
    /* One channel is the default and is not written (RFC 8866 section 6.6). */
    if (s->channels > 1)
        line(t, "a=rtpmap:%u %s/%u/%u", s->payload_type, s->encoding, s->clock_hz, s->channels);
    else
        line(t, "a=rtpmap:%u %s/%u", s->payload_type, s->encoding, s->clock_hz);
    if (s->fmtp != NULL && s->fmtp[0] != 0)
        line(t, "a=fmtp:%u %s", s->payload_type, s->fmtp);
    line(t, "a=ptime:%u", s->ptime_ms);
    line(t, "a=recvonly");
    line(t, "a=rtcp-mux");
}

size_t sdp_write(char *out, size_t out_size, const struct sdp_session *s) {
    if (out_size == 0 || !is_clean(s->name) || !is_clean(s->address) || !is_clean(s->encoding) ||
        !is_clean(s->fmtp))
        return 0;
    const char *family = strchr(s->address, ':') == NULL ? "IP4" : "IP6";
    struct text t = {out, out_size, false};
    line(&t, "v=0");
    line(&t, "o=- %llu 1 IN %s %s", (unsigned long long)s->id, family, s->address);
    line(&t, "s=%s", or_dash(s->name));
    line(&t, "c=IN %s %s", family, s->address);
    line(&t, "t=0 0");
    write_media(&t, s);
    return t.failed ? 0 : (size_t)(t.at - out);
}
