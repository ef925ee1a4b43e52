#include "transcoder/media/whole.h"

#include "transcoder/media/input.h"

#include <libavutil/error.h>
#include <libavutil/mem.h>

#define ROOM_BYTES 65536 /* [bytes] where nobody says how many there are */

static enum err read_all(struct media_input *in, struct media_bytes *out, size_t most,
                         struct media_why *why) {
    size_t room = in->bytes >= 0 && (size_t)in->bytes <= most ? (size_t)in->bytes + 1 : ROOM_BYTES;
    for (;;) {
        if (out->len == room || out->data == NULL) {
            room = out->data == NULL ? room : 2 * room;
            uint8_t *more = av_realloc(out->data, room);
            if (more == NULL)
                return ERR_NO_MEMORY;
            out->data = more;
        }
        media_input_arm(in);
        int got = avio_read(in->io, out->data + out->len, (int)(room - out->len));
        if (got == AVERROR_EOF || got == 0)
            return ERR_OK;
        if (got < 0)
            return media_input_error(in, got, "reading", why);
        out->len += (size_t)got;
        if (out->len > most) {
            media_whyf(why, "more than %zu bytes", most);
            return ERR_OVERSIZED;
        }
    }
}

enum err media_whole(struct media_bytes *out, const char *location, size_t most,
                     struct duration timeout, struct media_why *why) {
    struct media_input *in;
    *out = (struct media_bytes){0};
    enum err e = media_input_open(&in, location, timeout, why);
    if (e != ERR_OK)
        return e;
    e = read_all(in, out, most, why);
    media_input_close(in);
    if (e != ERR_OK)
        media_bytes_free(out);
    return e;
}
