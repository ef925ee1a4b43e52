/*
 * What belongs to messages beside their bytes: held frames, cookies, names, whose they are.
 */
#include "peerd/wire/message.h"

#include "peerd/base/bytes.h"

#include <assert.h>
#include <sodium.h>

/* Domain of the cookie's hash, so that its key could never be made to mean something else. */
static const char cookie_domain[] = "peerd cookie v1";

bool message_from_client(enum message_kind kind) {
    return kind == MESSAGE_HELLO || kind == MESSAGE_RESUME || kind == MESSAGE_REPORT ||
           kind == MESSAGE_PROBE || kind == MESSAGE_TRIPS || kind == MESSAGE_KNOCK;
}

bool message_is_signed(enum message_kind kind) {
    return kind == MESSAGE_RESUME || kind == MESSAGE_REPORT || kind == MESSAGE_TRIPS;
}

/* Index of the frame's bit, HELD_BITS or more if it has none. */
static uint64_t held_bit(const struct message_resume *r, uint64_t frame) {
    return frame > r->from_frame ? frame - r->from_frame - 1 : HELD_BITS;
}

bool resume_holds(const struct message_resume *r, uint64_t frame) {
    uint64_t bit = held_bit(r, frame);
    return bit < HELD_BITS && (r->held[bit / 8] >> (bit % 8) & 1) != 0;
}

void resume_note_held(struct message_resume *r, uint64_t frame) {
    uint64_t bit = held_bit(r, frame);
    if (bit < HELD_BITS)
        r->held[bit / 8] |= (uint8_t)(1U << (bit % 8));
}

void cookie_make(struct cookie *out, const uint8_t secret[32], const struct addr *who,
                 uint64_t period) {
    uint8_t input[sizeof(cookie_domain) + 1 + 16 + 2 + 8];
    struct writer w = writer_over(input, sizeof(input));
    write_copy(&w, cookie_domain, sizeof(cookie_domain));
    write_u8(&w, who->family);
    write_copy(&w, who->ip, sizeof(who->ip));
    write_u16(&w, who->port);
    write_u64(&w, period);
    assert(!w.failed);
    crypto_generichash(out->bytes, COOKIE_BYTES, input, writer_len(&w), secret, 32);
}

bool cookie_check(const struct cookie *c, const uint8_t secret[32], const struct addr *who,
                  uint64_t period) {
    struct cookie now;
    struct cookie before;
    cookie_make(&now, secret, who, period);
    cookie_make(&before, secret, who, period - 1);
    /* Both are compared in constant time, so that a stranger learns nothing byte by byte. */
    bool is_now = sodium_memcmp(c->bytes, now.bytes, COOKIE_BYTES) == 0;
    bool is_before = sodium_memcmp(c->bytes, before.bytes, COOKIE_BYTES) == 0;
    return is_now || is_before;
}

const char *resume_purpose_name(enum resume_purpose p) {
    switch (p) {
    case RESUME_STANDBY:
        return "standby";
    case RESUME_HEDGE:
        return "hedge";
    case RESUME_COMMIT:
        return "commit";
    case RESUME_CANCEL:
        return "cancel";
    case RESUME_RELEASE:
        return "release";
    case RESUME_HOT:
        return "hot standby";
    }
    return "unknown";
}

const char *move_cause_name(enum move_cause c) {
    switch (c) {
    case MOVE_CAUSE_NONE:
        return "none";
    case MOVE_CAUSE_DRAIN:
        return "drain";
    case MOVE_CAUSE_DEGRADED:
        return "degraded";
    case MOVE_CAUSE_CRASHED:
        return "crashed";
    case MOVE_CAUSE_PARTITIONED:
        return "partitioned";
    case MOVE_CAUSE_RETURN:
        return "return";
    }
    return "unknown";
}
