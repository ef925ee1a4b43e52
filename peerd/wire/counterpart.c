#include "peerd/wire/counterpart.h"

#include "peerd/base/bytes.h"

#define UNIT_US 10000 /* [µs] of an age */

static uint16_t units(struct duration d) {
    int64_t n = d.us / UNIT_US;
    return (uint16_t)(n < 0 ? 0 : n > UINT16_MAX ? UINT16_MAX : n);
}

void counterpart_write(uint8_t out[COUNTERPART_LEN], const struct counterpart_word *w) {
    struct writer to = writer_over(out, COUNTERPART_LEN);
    bool left = w->what == COUNTERPART_LEFT;
    write_u8(&to, (uint8_t)w->what);
    write_u8(&to, (uint8_t)w->cause);
    write_copy(&to, w->session.bytes, sizeof(w->session.bytes));
    write_u32(&to, w->epoch);
    write_u16(&to, units(w->ago));
    write_u16(&to, left ? w->prepare_ms : w->told.detect_ms);
    write_u16(&to, left ? w->overlap_ms : w->told.first_frame_ms);
    write_u16(&to, left ? 0 : w->told.lost);
    write_u16(&to, left ? 0 : w->told.duplicates);
}

/* Figures that it does not have are zero: one word has one encoding. */
static bool take_figures(struct counterpart_word *w, const uint16_t f[4]) {
    switch (w->what) {
    case COUNTERPART_ARRIVED:
        return (f[0] | f[1] | f[2] | f[3]) == 0;
    case COUNTERPART_HEARD:
        w->told = (struct message_moved){w->epoch, f[0], f[1], f[2], f[3]};
        return true;
    case COUNTERPART_LEFT:
        w->prepare_ms = f[0];
        w->overlap_ms = f[1];
        return (f[2] | f[3]) == 0;
    }
    return false;
}

bool counterpart_read(struct counterpart_word *out, const void *bytes, size_t len) {
    struct reader from = reader_over(bytes, len);
    struct counterpart_word w = {.what = (enum counterpart_what)read_u8(&from)};
    uint8_t cause = read_u8(&from);
    uint16_t figures[4];
    read_copy(&from, w.session.bytes, sizeof(w.session.bytes));
    w.epoch = read_u32(&from);
    w.ago = duration_us((int64_t)read_u16(&from) * UNIT_US);
    for (int i = 0; i < 4; i++)
        figures[i] = read_u16(&from);
    if (!reader_done(&from) || w.epoch == 0 || cause == MOVE_CAUSE_NONE ||
        cause > MOVE_CAUSE_RETURN || !take_figures(&w, figures))
        return false;
    w.cause = (enum move_cause)cause;
    *out = w;
    return true;
}
