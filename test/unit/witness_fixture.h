/*
 * A client whose every intention is kept, for tests of the witness. Servers answer only what a test
 * makes them answer, but for stream(), which answers hellos, reports and standbys, hot ones too, at
 * once. While media is missing another is heard 40 ms later, unless the test is of one who hears
 * nobody.
 */
#ifndef TEST_UNIT_WITNESS_FIXTURE_H
#define TEST_UNIT_WITNESS_FIXTURE_H

#include "transcoder/timeline/witness.h"

#include <criterion/criterion.h>
#include <string.h>

#define SERVERS 3
#define SENT    256

static const struct session_id session = {{9}};

struct fixture {
    struct witness w;
    struct playout p;
    struct playout_slot slots[PLAYOUT_SLOTS];
    struct witness_outbox out;
    struct {
        int64_t ms;
        struct witness_out o;
    } sent[SENT];
    size_t count;
    size_t answered; /* of these, up to where stream() has answered */
    int deaf;        /* stream() does not answer for server deaf − 1; 0: it answers for all */
    bool alone;      /* nobody else is heard while media is missing */
    int64_t ms;
};

static struct fixture f; /* large: not on the stack */

static inline struct instant at_ms(int64_t ms) {
    return instant_us(ms * 1000);
}

static inline struct witness_address address(uint8_t n) {
    static const char *const names[] = {"fra1", "ams1", "lon1", "par1"};
    struct witness_address a = {.hint = {{(uint8_t)(n + 1)}}};
    name_set(&a.name, names[n]);
    a.media = addr_ipv4((uint8_t[]){192, 0, 2, (uint8_t)(n + 1)}, 7700);
    return a;
}

static inline void step(const struct witness_event *e) {
    witness_step(&f.w, e, &f.out);
    witness_check_invariants(&f.w);
    for (uint32_t i = 0; i < f.out.count; i++) {
        cr_assert_lt(f.count, SENT);
        f.sent[f.count].ms = e->now.us / 1000;
        f.sent[f.count++].o = f.out.items[i];
    }
}

/* When the next one says a word; "never" if it has, or need not. */
static inline struct instant other_at(void) {
    if (f.alone || (f.w.state != WITNESS_MISSING && f.w.state != WITNESS_HEDGING))
        return INSTANT_NEVER;
    struct instant heard = f.w.servers[f.w.serving].path.heard;
    bool said = !instant_is_never(f.w.others_at) && instant_before(heard, f.w.others_at);
    return said ? INSTANT_NEVER : instant_add(instant_max(f.w.probed_at, heard), duration_ms(40));
}

/* Lets time pass, deadline by deadline, with nothing coming in but that word. */
static inline void wait_until(int64_t ms) {
    int steps = 0;
    for (;;) {
        struct instant at = witness_deadline(&f.w), other = other_at();
        struct witness_event e = {.kind = WITNESS_TICKED, .now = at};
        if (instant_before(other, at))
            e = (struct witness_event){.kind = WITNESS_PACKET_HEARD,
                                       .now = other,
                                       .server = (uint8_t)((f.w.serving + 1) % SERVERS)};
        if (!instant_reached(at_ms(ms), e.now))
            break;
        e.now = instant_max(e.now, at_ms(f.ms));
        step(&e);
        cr_assert_lt(++steps, 5000, "a deadline that never passes");
    }
    f.ms = ms;
}

static inline void forget_sent(void) {
    f.count = 0;
    f.answered = 0;
}

/* The n-th (from 0) resume of that purpose to that server since forget_sent(); NULL if none. */
static inline const struct witness_out *resume_to(uint8_t server, enum resume_purpose purpose,
                                                  size_t n) {
    for (size_t i = 0; i < f.count; i++) {
        const struct witness_out *o = &f.sent[i].o;
        if (o->kind == WITNESS_SEND_RESUME && o->server == server &&
            o->u.resume.purpose == purpose && n-- == 0)
            return o;
    }
    return NULL;
}

static inline int64_t sent_at(const struct witness_out *o) {
    for (size_t i = 0; i < f.count; i++)
        if (&f.sent[i].o == o)
            return f.sent[i].ms;
    return -1;
}

static inline uint64_t last_nonce(enum witness_out_kind kind, uint8_t server) {
    for (size_t i = f.count; i-- > 0;)
        if (f.sent[i].o.kind == kind && f.sent[i].o.server == server)
            return f.sent[i].o.nonce;
    return 0;
}

static inline void give_cookie(uint8_t server) {
    struct witness_event e = {.kind = WITNESS_COOKIE_RECEIVED,
                              .now = at_ms(f.ms),
                              .server = server,
                              .nonce = last_nonce(WITNESS_SEND_HELLO, server)};
    e.u.cookie.cookie.bytes[0] = (uint8_t)(0xc0 + server);
    step(&e);
}

static inline void give_grant_as(uint8_t server, enum resume_purpose purpose, uint32_t epoch) {
    struct witness_event e = {.kind = WITNESS_GRANTED,
                              .now = at_ms(f.ms),
                              .server = server,
                              .nonce = last_nonce(WITNESS_SEND_RESUME, server)};
    e.u.grant = (struct message_grant){
        .session = session, .purpose = purpose, .epoch = epoch, .lease_ms = 3000};
    step(&e);
}

static inline void give_grant(uint8_t server, enum resume_purpose purpose) {
    give_grant_as(server, purpose, f.w.epoch_high);
}

static inline void give_refusal(uint8_t server, enum resume_purpose purpose, enum err error,
                                uint32_t retry_after_ms) {
    struct witness_event e = {
        .kind = WITNESS_REFUSED,
        .now = at_ms(f.ms),
        .server = server,
        .nonce = last_nonce(purpose == RESUME_COMMIT && f.w.epoch > 0 && f.w.serving == server
                                ? WITNESS_SEND_REPORT
                                : WITNESS_SEND_RESUME,
                            server)};
    e.u.refuse = (struct message_refuse){.session = session,
                                         .purpose = purpose,
                                         .error = error,
                                         .counter = f.w.counter,
                                         .retry_after_ms = retry_after_ms};
    step(&e);
}

static inline void give_ack(void) {
    struct witness_event e = {.kind = WITNESS_ACKNOWLEDGED,
                              .now = at_ms(f.ms),
                              .server = f.w.serving,
                              .nonce = last_nonce(WITNESS_SEND_REPORT, f.w.serving)};
    step(&e);
}

static inline void give_frame(uint8_t server, uint64_t frame) {
    struct witness_event e = {.kind = WITNESS_FRAME_ARRIVED, .now = at_ms(f.ms), .server = server};
    e.u.media.frame = frame;
    e.u.media.result = playout_insert(&f.p, server, frame, NULL, 10, at_ms(f.ms));
    step(&e);
}

static inline void play(void) {
    struct playout_frame out;
    enum playout_taken taken;
    do
        taken = playout_take(&f.p, at_ms(f.ms), &out);
    while (taken == PLAYOUT_PLAY || taken == PLAYOUT_LOST);
}

/* Answers the hellos, reports and standbys sent since the last time. */
static inline void answer_all(void) {
    while (f.answered < f.count) {
        const struct witness_out o = f.sent[f.answered++].o;
        struct witness_event e = {.now = at_ms(f.ms), .server = o.server, .nonce = o.nonce};
        if (o.server + 1 == f.deaf)
            continue;
        if (o.kind == WITNESS_SEND_HELLO) {
            e.kind = WITNESS_COOKIE_RECEIVED;
            e.u.cookie.cookie.bytes[0] = (uint8_t)(0xc0 + o.server);
        } else if (o.kind == WITNESS_SEND_REPORT) {
            e.kind = WITNESS_ACKNOWLEDGED;
            e.u.ack.counter = o.u.report.counter;
            e.u.ack.lease_ms = 3000;
        } else if (o.kind == WITNESS_SEND_RESUME && o.u.resume.purpose == RESUME_STANDBY) {
            e.kind = WITNESS_GRANTED;
            e.u.grant = (struct message_grant){.purpose = RESUME_STANDBY, .lease_ms = 3000};
        } else if (o.kind == WITNESS_SEND_RESUME && o.u.resume.purpose == RESUME_HOT) {
            e.kind = WITNESS_GRANTED;
            e.u.grant = (struct message_grant){
                .purpose = RESUME_HOT, .epoch = o.u.resume.epoch, .lease_ms = 3000};
        } else {
            continue;
        }
        step(&e);
        f.w.servers[o.server].path.rtt_smooth = duration_ms(40); /* answers here take no time */
    }
}

/* Frames first…last−1, one every 20 ms; frame n comes at 1000 + n × 20 ms. */
static inline void stream(uint8_t server, uint64_t first, uint64_t last) {
    for (uint64_t n = first; n < last; n++) {
        wait_until(1000 + (int64_t)n * 20);
        play();
        give_frame(server, n);
        answer_all();
    }
}

static inline void start_with(const struct witness_config *config) {
    memset(&f, 0, sizeof(f));
    playout_init(&f.p, &(struct playout_config){.depth = duration_ms(200),
                                                .frame = duration_ms(20),
                                                .slots = f.slots,
                                                .slot_count = PLAYOUT_SLOTS});
    struct witness_address list[SERVERS];
    for (uint8_t i = 0; i < SERVERS; i++)
        list[i] = address(i);
    witness_init(&f.w, config, &f.p, &list[0], &list[1], SERVERS - 1, 7, at_ms(0));
    step(&(struct witness_event){.kind = WITNESS_SESSION_OPENED, .now = at_ms(0)});
}

/* As usual, on paths that are known to lose nothing. */
static inline struct witness_config calm_config(void) {
    struct witness_config config = witness_config_default();
    config.young = DURATION_ZERO;
    return config;
}

/* Serving at fra1, ams1 stands by, round trips of 40 ms, all cookies at hand. */
static inline void start_as(struct witness_config config) {
    config.session = session;
    start_with(&config);
    f.ms = 40;
    wait_until(40);
    give_cookie(0);
    f.ms = 80;
    give_grant(0, RESUME_COMMIT);
    wait_until(120);
    give_ack();
    give_cookie(1);
    wait_until(160);
    give_cookie(2);
    give_grant(1, RESUME_STANDBY);
    cr_assert_eq(f.w.state, WITNESS_FOLLOWING);
    cr_assert_eq(f.w.servers[1].role, WITNESS_ROLE_WARM);
    f.answered = f.count;
}

static inline void start(void) {
    start_as(calm_config());
}

/* And 50 frames have come; the last one is number 49, at 1980. */
static inline void start_streaming(void) {
    start();
    stream(0, 0, 50);
    forget_sent();
}

/* fra1 asks for a move to lon1 within 5 s, at 1980. */
static inline struct witness_event planned(void) {
    struct witness_event e = {.kind = WITNESS_NOTICED, .now = at_ms(1980), .server = 0};
    e.u.notice = (struct message_notice){.session = session,
                                         .number = 1,
                                         .what = NOTICE_MOVE,
                                         .target = {{3}},
                                         .cause = MOVE_CAUSE_DRAIN,
                                         .deadline_ms = 5000,
                                         .end = FRAME_NEVER};
    return e;
}

#endif
