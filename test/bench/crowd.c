#include "test/bench/crowd.h"

#include "peerd/net/clock.h"
#include "peerd/net/sockaddr.h"
#include "test/bench/recording.h"
#include "test/bench/sheet.h"
#include "transcoder/media/determinism.h"
#include "transcoder/rtp/rtp.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SSRC_FIRST   0x50000000u /* client i has the SSRC i after it */
#define REPEAT_MS    500         /* unanswered questions are asked again */
#define GIVE_UP_MS   10000
#define SOCKET_BYTES (4 << 20)
#define BATCH        64
#define REPORT_NONCE (UINT64_C(1) << 63) /* a report's answer is taken for no question's … */
#define KNOCK_NONCE  (UINT64_C(1) << 62) /* … nor a knock's */
#define KNOCK_MS     10                  /* [ms] between two knocks: as many as a worker answers */
#define KNOCK_ROUNDS 20

static uint32_t index_of(const struct crowd *c, const struct crowd_member *m) {
    return (uint32_t)(m - c->members);
}

static uint32_t path_of(const struct crowd *c, const struct crowd_member *m) {
    return index_of(c, m) % CROWD_PATHS;
}

/* ---- sending --------------------------------------------------------------------------------- */

static void send_message(struct crowd *c, uint32_t path, const struct message *m,
                         const struct crowd_member *by) {
    uint8_t datagram[MESSAGE_LEN_MAX];
    size_t len = by != NULL && by->pass.mark != 0
                     ? message_encode_passed(datagram, sizeof(datagram), m, &by->pass)
                     : message_encode(datagram, sizeof(datagram), m, by != NULL ? &by->key : NULL);
    if (len == 0 || send(c->paths[path], datagram, len, 0) < 0)
        sheet_die("cannot send: %s", strerror(errno));
    c->bytes += len + CROWD_HEADER_BYTES;
}

static void say_hello(struct crowd *c, uint32_t path) {
    const struct message hello = {.kind = MESSAGE_HELLO, .nonce = path + 1};
    send_message(c, path, &hello, NULL);
}

static uint64_t live_frame(const struct crowd *c, const struct crowd_member *m,
                           struct instant now) {
    return m->start + (uint64_t)(instant_since(now, c->begun).us / 20000);
}

static void ask(struct crowd *c, struct crowd_member *m, enum resume_purpose purpose,
                uint32_t missing) {
    struct message q = {.kind = MESSAGE_RESUME, .nonce = m->nonce};
    struct message_resume *r = &q.u.resume;
    struct instant now = net_now();
    r->cookie = c->cookies[path_of(c, m)];
    r->target = c->target;
    r->session = m->session;
    r->purpose = purpose;
    r->epoch = m->epoch;
    r->counter = ++m->counter;
    r->live_frame = live_frame(c, m, now);
    r->from_frame = r->live_frame - missing;
    r->hedge_ms = purpose == RESUME_HEDGE ? 500 : 0;
    r->served_by = m->served_by;
    r->cause = purpose == RESUME_COMMIT ? MOVE_CAUSE_CRASHED : MOVE_CAUSE_NONE;
    r->ticket_len = m->token_len;
    memcpy(r->ticket, m->token, m->token_len);
    m->repeat = instant_add(now, duration_ms(REPEAT_MS));
    send_message(c, path_of(c, m), &q, m);
}

static void send_report(struct crowd *c, struct crowd_member *m, struct instant now) {
    struct message q = {.kind = MESSAGE_REPORT, .nonce = REPORT_NONCE | ++c->reports};
    q.u.report = (struct message_report){.target = c->target,
                                         .session = m->session,
                                         .epoch = m->epoch,
                                         .counter = ++m->counter,
                                         .last_frame = live_frame(c, m, now),
                                         .expected = (uint32_t)m->frames,
                                         .jitter_us = 300,
                                         .rtt_us = 200,
                                         .lag_us = MESSAGE_LAG_UNKNOWN};
    m->report_due = instant_add(m->report_due, duration_ms(CROWD_REPORT_MS));
    send_message(c, path_of(c, m), &q, m);
}

/* ---- receiving ------------------------------------------------------------------------------- */

static struct crowd_member *by_nonce(struct crowd *c, uint64_t nonce) {
    struct crowd_member *m = &c->members[nonce % c->count];
    return m->nonce == nonce && !instant_is_never(m->repeat) ? m : NULL;
}

static void answered(struct crowd *c, const struct message *a, struct instant now) {
    struct crowd_member *m = by_nonce(c, a->nonce);
    if (m == NULL)
        return; /* to a question that was repeated */
    if (a->kind == MESSAGE_REFUSE && a->u.refuse.error == ERR_BUSY) {
        m->repeat = instant_add(now, duration_ms(a->u.refuse.retry_after_ms)); /* window.h */
        c->busy++;
        return;
    }
    m->repeat = INSTANT_NEVER;
    m->answered = now;
    m->error = a->kind == MESSAGE_REFUSE ? a->u.refuse.error : ERR_OK;
    c->open--;
}

static void pass_received(struct crowd *c, const struct message *a) {
    struct crowd_member *m = &c->members[(a->nonce & ~KNOCK_NONCE) % c->count];
    if (pass_open(&m->pass, a->u.pass.sealed, a->u.pass.mark, &m->key) != ERR_OK)
        sheet_die("a pass cannot be opened");
}

static void message_received(struct crowd *c, uint32_t path, const uint8_t *data, size_t len,
                             struct instant now) {
    struct message a;
    if (message_decode(&a, data, len) != ERR_OK) {
        c->strays++;
        return;
    }
    switch (a.kind) {
    case MESSAGE_COOKIE:
        c->cookies[path] = a.u.cookie.cookie;
        c->greeted[path] = true;
        return;
    case MESSAGE_ACK:
        c->acks++;
        return;
    case MESSAGE_PASS:
        pass_received(c, &a);
        return;
    case MESSAGE_GRANT:
    case MESSAGE_REFUSE:
        answered(c, &a, now);
        return;
    case MESSAGE_PROBE:
    case MESSAGE_ECHO:
    case MESSAGE_TRIPS:
    case MESSAGE_NAMED:
    case MESSAGE_BACKUPS:
    case MESSAGE_KNOCK:
    case MESSAGE_NOTICE:
    case MESSAGE_HELLO:
    case MESSAGE_RESUME:
    case MESSAGE_REPORT:
        c->strays++;
        return;
    }
}

static void frame_received(struct crowd *c, const uint8_t *data, size_t len, struct instant now) {
    struct rtp_packet p;
    if (rtp_kind(data, len) == RTP_KIND_RTCP)
        return;
    if (rtp_decode(&p, data, len) != ERR_OK || p.ssrc - SSRC_FIRST >= c->count) {
        c->strays++;
        return;
    }
    struct crowd_member *m = &c->members[p.ssrc - SSRC_FIRST];
    int16_t ahead = m->any ? (int16_t)(uint16_t)(p.seq - m->next_seq) : 0;
    if (instant_is_never(m->heard))
        m->heard = now;
    m->frames++;
    if (m->frames == m->filled_frames)
        m->filled = now;
    m->any = true;
    if (ahead < 0)
        return;
    m->lost += (uint64_t)ahead;
    m->next_seq = (uint16_t)(p.seq + 1);
}

static void drain_path(struct crowd *c, uint32_t path) {
    static uint8_t data[BATCH][2048];
    struct mmsghdr headers[BATCH];
    struct iovec vectors[BATCH];
    int n;
    do {
        memset(headers, 0, sizeof(headers));
        for (int i = 0; i < BATCH; i++) {
            vectors[i] = (struct iovec){.iov_base = data[i], .iov_len = sizeof(data[i])};
            headers[i].msg_hdr.msg_iov = &vectors[i];
            headers[i].msg_hdr.msg_iovlen = 1;
        }
        n = recvmmsg(c->paths[path], headers, BATCH, MSG_DONTWAIT, NULL);
        struct instant now = net_now();
        for (int i = 0; i < n; i++)
            c->bytes += headers[i].msg_len + CROWD_HEADER_BYTES;
        for (int i = 0; i < n; i++)
            if (headers[i].msg_len > 0 && data[i][0] == MESSAGE_FIRST_BYTE)
                message_received(c, path, data[i], headers[i].msg_len, now);
            else
                frame_received(c, data[i], headers[i].msg_len, now);
    } while (n == BATCH);
}

static void drain(struct crowd *c) {
    for (uint32_t i = 0; i < CROWD_PATHS; i++)
        drain_path(c, i);
}

static void wait_us(const struct crowd *c, long us) {
    struct pollfd fds[CROWD_PATHS];
    const struct timespec nap = {.tv_nsec = us * 1000};
    if (!c->awake) {
        nanosleep(&nap, NULL);
        return;
    }
    for (uint32_t i = 0; i < CROWD_PATHS; i++)
        fds[i] = (struct pollfd){.fd = c->paths[i], .events = POLLIN};
    ppoll(fds, CROWD_PATHS, &nap, NULL);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static void open_question(struct crowd *c, struct crowd_member *m, enum resume_purpose purpose,
                          uint32_t missing) {
    c->nonces += c->count;
    m->nonce = c->nonces - c->nonces % c->count + index_of(c, m);
    m->asked = net_now();
    m->heard = m->filled = INSTANT_NEVER;
    m->filled_frames = m->frames + missing;
    m->any = false;
    if (purpose == RESUME_COMMIT || purpose == RESUME_HOT) {
        m->epoch += purpose == RESUME_COMMIT;
        m->served = true;
        /* Reports of a crowd are spread over their interval, as those of strangers are. */
        uint32_t spread_us = index_of(c, m) * (CROWD_REPORT_MS * 1000u / c->count);
        m->report_due = instant_add(m->asked, duration_us(spread_us + 1000));
    }
    if (purpose == RESUME_RELEASE) {
        m->served = false;
        m->epoch++;
    }
    c->open++;
    ask(c, m, purpose, missing);
}

static void repeat(struct crowd *c, uint32_t first, uint32_t end, enum resume_purpose purpose,
                   uint32_t missing) {
    struct instant now = net_now();
    for (uint32_t i = first; i < end; i++) {
        struct crowd_member *m = &c->members[i];
        if (instant_is_never(m->repeat) || !instant_reached(now, m->repeat))
            continue;
        if (duration_less(duration_ms(GIVE_UP_MS), instant_since(now, m->asked)))
            sheet_die("the worker does not answer (%s)", resume_purpose_name(purpose));
        ask(c, m, purpose, missing);
    }
}

/* Those that are due; a worker lets others begin when it has heard of who has begun (window.h). */
static void send_reports(struct crowd *c) {
    struct instant now = net_now();
    for (uint32_t i = 0; i < c->count; i++)
        if (c->members[i].served && instant_reached(now, c->members[i].report_due))
            send_report(c, &c->members[i], now);
}

struct crowd_asked crowd_ask(struct crowd *c, uint32_t first, uint32_t count,
                             enum resume_purpose purpose, uint32_t missing) {
    struct crowd_asked sum = {0};
    struct instant begun = net_now();
    uint32_t next = first;
    while (next < first + count || c->open > 0) {
        while (next < first + count && c->open < CROWD_WINDOW)
            open_question(c, &c->members[next++], purpose, missing);
        drain(c);
        send_reports(c);
        if (c->open == 0)
            continue;
        wait_us(c, c->nap_us);
        repeat(c, first, next, purpose, missing);
    }
    sum.took_s = (double)instant_since(net_now(), begun).us * 1e-6;
    for (uint32_t i = first; i < first + count; i++) {
        sum.granted += c->members[i].error == ERR_OK;
        sum.refused += c->members[i].error != ERR_OK;
    }
    return sum;
}

double crowd_ask_all(struct crowd *c, enum resume_purpose purpose, uint32_t missing) {
    struct crowd_asked a = crowd_ask(c, 0, c->count, purpose, missing);
    for (uint32_t i = 0; i < c->count; i++)
        if (c->members[i].error != ERR_OK)
            sheet_die("%s refused: %s (%u of %u granted)", resume_purpose_name(purpose),
                      err_name(c->members[i].error), a.granted, c->count);
    return a.took_s;
}

static uint32_t knock(struct crowd *c) {
    uint32_t lacking = 0;
    for (uint32_t i = 0; i < c->count; i++) {
        struct crowd_member *m = &c->members[i];
        struct message q = {.kind = MESSAGE_KNOCK, .nonce = KNOCK_NONCE | i};
        if (m->pass.mark != 0)
            continue;
        q.u.knock = (struct message_knock){
            .cookie = c->cookies[path_of(c, m)], .target = c->target, .client = m->key.public_key};
        send_message(c, path_of(c, m), &q, NULL);
        wait_us(c, KNOCK_MS * 1000);
        drain(c);
        lacking++;
    }
    return lacking;
}

void crowd_knock(struct crowd *c) {
    for (int i = 0; knock(c) > 0; i++)
        if (i == KNOCK_ROUNDS)
            sheet_die("the worker hands out no passes");
}

void crowd_hello(struct crowd *c) {
    for (uint32_t i = 0; i < c->count; i++)
        say_hello(c, i % CROWD_PATHS);
}

/* ---- listening ------------------------------------------------------------------------------- */

static void listen_once(struct crowd *c) {
    drain(c);
    send_reports(c);
    wait_us(c, CROWD_NAP_US);
}

void crowd_listen(struct crowd *c, double seconds) {
    struct instant end = instant_add(net_now(), duration_us((int64_t)(seconds * 1e6)));
    while (instant_before(net_now(), end))
        listen_once(c);
    drain(c);
}

static bool all_heard(const struct crowd *c, uint32_t first, uint32_t count) {
    for (uint32_t i = first; i < first + count; i++)
        if (instant_is_never(c->members[i].heard))
            return false;
    return true;
}

bool crowd_await(struct crowd *c, uint32_t first, uint32_t count, double seconds_max) {
    struct instant end = instant_add(net_now(), duration_us((int64_t)(seconds_max * 1e6)));
    while (!all_heard(c, first, count)) {
        if (instant_reached(net_now(), end))
            return false;
        listen_once(c);
    }
    return true;
}

uint64_t crowd_frames(const struct crowd *c) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < c->count; i++)
        sum += c->members[i].frames;
    return sum;
}

uint64_t crowd_lost(const struct crowd *c) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < c->count; i++)
        sum += c->members[i].lost;
    return sum;
}

/* ---- making ---------------------------------------------------------------------------------- */

static void open_paths(struct crowd *c) {
    struct sockaddr_storage to;
    socklen_t to_len = net_sockaddr_from_addr(&to, &c->machine->media);
    int bytes = SOCKET_BYTES;
    for (uint32_t i = 0; i < CROWD_PATHS; i++) {
        c->paths[i] = socket(to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        setsockopt(c->paths[i], SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
        if (c->paths[i] < 0 || connect(c->paths[i], (struct sockaddr *)&to, to_len) != 0)
            sheet_die("no socket: %s", strerror(errno));
    }
}

static bool all_greeted(const struct crowd *c) {
    for (uint32_t i = 0; i < CROWD_PATHS; i++)
        if (!c->greeted[i])
            return false;
    return true;
}

static void greet(struct crowd *c) {
    for (int tries = 0; !all_greeted(c); tries++) {
        if (tries == 50)
            sheet_die("the worker answers no hello");
        for (uint32_t i = 0; i < CROWD_PATHS; i++)
            if (!c->greeted[i])
                say_hello(c, i);
        for (int i = 0; i < 100 && !all_greeted(c); i++) {
            wait_us(c, 1000);
            drain(c);
        }
    }
}

static void make_member(struct crowd *c, uint32_t i, struct ticket *t) {
    struct crowd_member *m = &c->members[i];
    uint8_t seed[KEY_BYTES];
    net_entropy(seed, sizeof(seed));
    key_pair_from_seed(&m->key, seed);
    net_entropy(&m->session, sizeof(m->session));
    t->session = m->session;
    t->client = m->key.public_key;
    t->legs[0] = (struct leg){.ssrc = SSRC_FIRST + i, .seq0 = (uint16_t)(i * 31), .ts0 = i * 77};
    m->token_len = (uint16_t)ticket_sign(m->token, t, &c->machine->issuer);
    if (m->token_len == 0)
        sheet_die("no ticket");
    /* Even a client that lacks seconds has its first frame in the recording's first pass. */
    m->start = RECORDING_FRAMES / 3 + (uint64_t)i * RECORDING_FRAMES / c->count;
    m->repeat = INSTANT_NEVER;
    m->heard = INSTANT_NEVER;
}

static void fill_ticket(const struct crowd *c, struct ticket *t, enum media_codec codec) {
    struct media_profile p = machine_profile(codec);
    int64_t now_s = net_wall().us / 1000000;
    *t = (struct ticket){.issued_s = now_s,
                         .expires_s = now_s + 3600,
                         .digest = c->machine->digest,
                         .class = SOURCE_CLASS_EXACT,
                         .leg_count = 1,
                         .protection = PROTECTION_WARM,
                         .backup_count = 2,
                         .anchor_wall_ms = now_s * 1000};
    name_set(&t->issuer, c->machine->issuer_name);
    name_set(&t->service, "radio");
    name_set(&t->source, MACHINE_SOURCE);
    name_set(&t->backups[0], "ams1");
    name_set(&t->backups[1], "lon1");
    t->profile = p.name;
    media_determinism_id(&p, &t->determinism);
}

struct crowd *crowd_new(const struct machine *m, enum media_codec codec, uint32_t count) {
    struct crowd *c = calloc(1, sizeof(*c));
    struct ticket ticket;
    if (c == NULL || (c->members = calloc(count, sizeof(*c->members))) == NULL)
        sheet_die("out of memory");
    prctl(PR_SET_TIMERSLACK, 1UL); /* naps of 50 µs would last 100 */
    c->machine = m;
    c->nap_us = CROWD_QUICK_US;
    c->target = key_hint_of(&m->cluster.public_key);
    c->begun = net_now();
    c->count = count;
    fill_ticket(c, &ticket, codec);
    for (uint32_t i = 0; i < count; i++)
        make_member(c, i, &ticket);
    open_paths(c);
    greet(c);
    return c;
}

void crowd_free(struct crowd *c) {
    if (c == NULL)
        return;
    for (uint32_t i = 0; i < CROWD_PATHS; i++)
        close(c->paths[i]);
    free(c->members);
    free(c);
}
