#include "transcoder/rtp/rtp.h"

#include "peerd/base/bytes.h"

#define PADDING   0x20
#define EXTENSION 0x10
#define MARKER    0x80

enum rtp_kind rtp_kind(const void *datagram, size_t len) {
    const uint8_t *b = datagram;
    if (len < 2 || b[0] < 128 || b[0] > 191)
        return RTP_KIND_NEITHER;
    /* RFC 5761: RTCP's packet types 192…223 stand where RTP has its marker and payload type. */
    return b[1] >= 192 && b[1] <= 223 ? RTP_KIND_RTCP : RTP_KIND_RTP;
}

/* Takes the padding off the end of what is left. */
static enum err strip_padding(const struct reader *r, size_t *left) {
    *left = reader_left(r);
    if (*left == 0)
        return ERR_TRUNCATED;
    uint8_t padding = r->end[-1];
    if (padding == 0 || padding > *left)
        return ERR_BAD_FIELD;
    *left -= padding;
    return ERR_OK;
}

enum err rtp_decode(struct rtp_packet *out, const void *datagram, size_t len) {
    struct reader r = reader_over(datagram, len);
    uint8_t first = read_u8(&r);
    uint8_t second = read_u8(&r);
    if (r.failed)
        return ERR_TRUNCATED;
    if (first >> 6 != RTP_VERSION)
        return ERR_BAD_VERSION;
    if (rtp_kind(datagram, len) != RTP_KIND_RTP)
        return ERR_BAD_KIND;
    struct rtp_packet p = {.marker = second & MARKER, .payload_type = second & 0x7f};
    p.seq = read_u16(&r);
    p.timestamp = read_u32(&r);
    p.ssrc = read_u32(&r);
    read_span(&r, 4 * (size_t)(first & 0x0f)); /* contributing sources */
    if (first & EXTENSION) {
        read_u16(&r); /* defined by profile */
        size_t words = read_u16(&r);
        read_span(&r, 4 * words);
    }
    if (r.failed)
        return ERR_TRUNCATED;
    size_t left = reader_left(&r);
    enum err e = first & PADDING ? strip_padding(&r, &left) : ERR_OK;
    if (e != ERR_OK)
        return e;
    p.payload = r.at;
    p.payload_len = left;
    *out = p;
    return ERR_OK;
}

static void write_header(struct writer *w, const struct rtp_packet *p) {
    write_u8(w, RTP_VERSION << 6);
    write_u8(w, (uint8_t)((p->marker ? MARKER : 0) | (p->payload_type & 0x7f)));
    write_u16(w, p->seq);
    write_u32(w, p->timestamp);
    write_u32(w, p->ssrc);
}

void rtp_header_encode(uint8_t out[RTP_HEADER_BYTES], const struct rtp_packet *p) {
    struct writer w = writer_over(out, RTP_HEADER_BYTES);
    write_header(&w, p);
}

size_t rtp_encode(uint8_t *out, size_t out_size, const struct rtp_packet *p) {
    struct writer w = writer_over(out, out_size);
    write_header(&w, p);
    write_copy(&w, p->payload, p->payload_len);
    return w.failed ? 0 : writer_len(&w);
}
