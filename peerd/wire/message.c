#include "peerd/wire/message_inner.h"

#include "peerd/base/bytes.h"

#include <assert.h>
#include <string.h>

/*
 * Each kind has a writer and a reader that list its fields in the order of the layout in
 * message.h, and one check of ranges that both directions share: what we would refuse we do not
 * send. Lengths are checked before anything is read, so a reader cannot fail half-way.
 */

#define VERSION       3
#define HEADER_LEN    12  /* [bytes] */
#define RESUME_LEN    176 /* [bytes] without its ticket, with its signature */
#define TICKET_LEN_AT 110 /* [bytes] offset of the ticket's length in a resume */
#define REPORT_LEN    148 /* [bytes] of one that tells of no move */
#define MOVED_LEN     12  /* [bytes] more of one that does */
#define BACKUPS_LEN   4   /* [bytes] more of one that answers a list of backups */
#define PASSED_LESS   (SIGNATURE_BYTES - PASS_PROOF_BYTES)
#define NOTICE_ONLY   (MESSAGE_DEADLINE_MS_MAX + 1)

/* ---- kinds and ranges ------------------------------------------------------------------------ */

/* Length of a whole message, 0 for an unknown kind; a resume's ticket, a report's move, trips and
 * named clusters come on top. */
static size_t length_of(enum message_kind kind) {
    switch (kind) {
    case MESSAGE_HELLO:
        return MESSAGE_HELLO_LEN;
    case MESSAGE_COOKIE:
        return MESSAGE_COOKIE_LEN;
    case MESSAGE_RESUME:
        return RESUME_LEN;
    case MESSAGE_GRANT:
        return 77;
    case MESSAGE_REFUSE:
        return 50;
    case MESSAGE_REPORT:
        return REPORT_LEN;
    case MESSAGE_ACK:
        return 44;
    case MESSAGE_NOTICE:
        return 54;
    case MESSAGE_PROBE:
    case MESSAGE_ECHO:
        return MESSAGE_PROBE_LEN;
    case MESSAGE_TRIPS:
        return TRIPS_LEN;
    case MESSAGE_NAMED:
    case MESSAGE_BACKUPS:
        return NAMED_LEN;
    case MESSAGE_KNOCK:
        return MESSAGE_KNOCK_LEN;
    case MESSAGE_PASS:
        return MESSAGE_PASS_LEN;
    }
    return 0;
}

static bool may_be_passed(enum message_kind kind) {
    return kind == MESSAGE_RESUME || kind == MESSAGE_REPORT;
}

static bool purpose_known(enum resume_purpose p) {
    return p >= RESUME_STANDBY && p <= RESUME_HOT;
}

static bool error_known(enum err e) {
    return strcmp(err_name(e), "unknown") != 0;
}

/* A PASETO token consists of base64url and full stops; anything else need not reach a parser. */
static bool ticket_is_plain(const char *ticket, size_t len) {
    for (size_t i = 0; i < len; i++) {
        char c = ticket[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-' || c == '_' || c == '.'))
            return false;
    }
    return true;
}

static bool resume_in_range(const struct message_resume *r) {
    if (!purpose_known(r->purpose) || r->cause > MOVE_CAUSE_RETURN ||
        r->hedge_ms > MESSAGE_HEDGE_MS_MAX || r->from_frame > MESSAGE_FRAME_MAX ||
        r->live_frame > MESSAGE_FRAME_MAX || r->ticket_len > TICKET_LEN_MAX)
        return false;
    if (r->purpose == RESUME_COMMIT && r->epoch == 0)
        return false;
    if (r->purpose == RESUME_COMMIT || r->purpose == RESUME_HEDGE || r->purpose == RESUME_HOT) {
        uint64_t apart = r->live_frame > r->from_frame ? r->live_frame - r->from_frame
                                                       : r->from_frame - r->live_frame;
        if (apart > MESSAGE_SPREAD_FRAMES_MAX)
            return false;
    }
    return ticket_is_plain(r->ticket, r->ticket_len);
}

static bool grant_in_range(const struct message_grant *g) {
    return purpose_known(g->purpose) && g->start_frame <= MESSAGE_FRAME_MAX &&
           (g->mergeable_from <= MESSAGE_FRAME_MAX || g->mergeable_from == UINT64_MAX);
}

static bool notice_in_range(const struct message_notice *n) {
    switch (n->what) {
    case NOTICE_END:
        return error_known(n->error) && !n->only &&
               (n->end <= MESSAGE_FRAME_MAX || n->end == MESSAGE_FRAME_UNKNOWN);
    case NOTICE_MOVE:
        return n->end == MESSAGE_FRAME_UNKNOWN && n->deadline_ms <= MESSAGE_DEADLINE_MS_MAX &&
               (n->cause == MOVE_CAUSE_DRAIN || n->cause == MOVE_CAUSE_DEGRADED ||
                n->cause == MOVE_CAUSE_RETURN);
    }
    return false;
}

static bool in_range(const struct message *m) {
    switch (m->kind) {
    case MESSAGE_HELLO:
    case MESSAGE_COOKIE:
    case MESSAGE_ACK:
    case MESSAGE_PROBE:
    case MESSAGE_ECHO:
    case MESSAGE_KNOCK:
        return true;
    case MESSAGE_PASS:
        return m->u.pass.mark >= 1 && m->u.pass.mark <= PASS_MARK_MAX;
    case MESSAGE_TRIPS:
        return trip_list_in_range(&m->u.trips);
    case MESSAGE_NAMED:
        return named_in_range(&m->u.named);
    case MESSAGE_BACKUPS:
        return named_in_range(&m->u.named) && m->u.named.count <= TICKET_BACKUPS_MAX;
    case MESSAGE_RESUME:
        return resume_in_range(&m->u.resume);
    case MESSAGE_GRANT:
        return grant_in_range(&m->u.grant);
    case MESSAGE_REFUSE:
        return purpose_known(m->u.refuse.purpose) && m->u.refuse.error != ERR_OK &&
               error_known(m->u.refuse.error);
    case MESSAGE_REPORT:
        return m->u.report.last_frame <= MESSAGE_FRAME_MAX &&
               (m->u.report.moved.epoch == 0 || m->u.report.backups == 0);
    case MESSAGE_NOTICE:
        return notice_in_range(&m->u.notice);
    }
    return false;
}

/* ---- encoding -------------------------------------------------------------------------------- */

static void write_session(struct writer *w, const struct session_id *id) {
    write_copy(w, id->bytes, SESSION_ID_BYTES);
}

static void write_hint(struct writer *w, const struct key_hint *hint) {
    write_copy(w, hint->bytes, KEY_HINT_BYTES);
}

static void write_cookie(struct writer *w, const struct message_cookie *c) {
    write_copy(w, c->cookie.bytes, COOKIE_BYTES);
    write_hint(w, &c->cluster);
    write_u32(w, c->free_slots);
}

static void write_resume(struct writer *w, const struct message_resume *r) {
    write_copy(w, r->cookie.bytes, COOKIE_BYTES);
    write_hint(w, &r->target);
    write_session(w, &r->session);
    write_u8(w, (uint8_t)r->purpose);
    write_u32(w, r->epoch);
    write_u64(w, r->counter);
    write_u64(w, r->from_frame);
    write_u64(w, r->live_frame);
    write_copy(w, r->held, sizeof(r->held));
    write_u16(w, r->hedge_ms);
    write_u16(w, r->silent_ms);
    write_hint(w, &r->served_by);
    write_u8(w, (uint8_t)r->cause);
    write_u16(w, r->ticket_len);
    write_copy(w, r->ticket, r->ticket_len);
}

static void write_grant(struct writer *w, const struct message_grant *g) {
    write_session(w, &g->session);
    write_u8(w, (uint8_t)g->purpose);
    write_u32(w, g->epoch);
    write_u64(w, g->counter);
    write_u64(w, g->start_frame);
    write_u64(w, g->mergeable_from);
    write_u32(w, g->lease_ms);
    write_copy(w, g->determinism.bytes, DETERMINISM_ID_BYTES);
    write_hint(w, &g->cluster);
}

static void write_refuse(struct writer *w, const struct message_refuse *r) {
    write_session(w, &r->session);
    write_u8(w, (uint8_t)r->purpose);
    write_u8(w, (uint8_t)r->error);
    write_u64(w, r->counter);
    write_u32(w, r->retry_after_ms);
    write_hint(w, &r->cluster);
}

static void write_report(struct writer *w, const struct message_report *r) {
    write_hint(w, &r->target);
    write_session(w, &r->session);
    write_u32(w, r->epoch);
    write_u64(w, r->counter);
    write_u64(w, r->last_frame);
    write_u32(w, r->expected);
    write_u32(w, r->lost_before);
    write_u32(w, r->lost_after);
    write_u32(w, r->jitter_us);
    write_u32(w, r->rtt_us);
    write_u32(w, (uint32_t)r->lag_us);
    write_u32(w, r->notice);
    if (r->moved.epoch == 0) {
        if (r->backups != 0)
            write_u32(w, r->backups);
        return;
    }
    write_u32(w, r->moved.epoch);
    write_u16(w, r->moved.detect_ms);
    write_u16(w, r->moved.first_frame_ms);
    write_u16(w, r->moved.lost);
    write_u16(w, r->moved.duplicates);
}

static void write_ack(struct writer *w, const struct message_ack *a) {
    write_session(w, &a->session);
    write_u32(w, a->epoch);
    write_u64(w, a->counter);
    write_u32(w, a->lease_ms);
}

static void write_notice(struct writer *w, const struct message_notice *n) {
    write_session(w, &n->session);
    write_u32(w, n->number);
    write_u8(w, (uint8_t)n->what);
    write_u8(w, n->what == NOTICE_MOVE ? (uint8_t)n->cause : (uint8_t)n->error);
    write_hint(w, &n->target);
    write_u32(w, n->only ? n->deadline_ms | NOTICE_ONLY : n->deadline_ms);
    write_u64(w, n->end);
}

static void write_body(struct writer *w, const struct message *m) {
    switch (m->kind) {
    case MESSAGE_HELLO:
        return;
    case MESSAGE_COOKIE:
        write_cookie(w, &m->u.cookie);
        return;
    case MESSAGE_RESUME:
        write_resume(w, &m->u.resume);
        return;
    case MESSAGE_GRANT:
        write_grant(w, &m->u.grant);
        return;
    case MESSAGE_REFUSE:
        write_refuse(w, &m->u.refuse);
        return;
    case MESSAGE_REPORT:
        write_report(w, &m->u.report);
        return;
    case MESSAGE_ACK:
        write_ack(w, &m->u.ack);
        return;
    case MESSAGE_NOTICE:
        write_notice(w, &m->u.notice);
        return;
    case MESSAGE_PROBE:
        write_hint(w, &m->u.probe.target);
        return;
    case MESSAGE_ECHO:
        write_hint(w, &m->u.echo.cluster);
        return;
    case MESSAGE_TRIPS:
        trip_list_write(w, &m->u.trips);
        return;
    case MESSAGE_NAMED:
    case MESSAGE_BACKUPS:
        named_write(w, &m->u.named);
        return;
    case MESSAGE_KNOCK:
        write_copy(w, m->u.knock.cookie.bytes, COOKIE_BYTES);
        write_hint(w, &m->u.knock.target);
        write_copy(w, m->u.knock.client.bytes, KEY_BYTES);
        return;
    case MESSAGE_PASS:
        write_u8(w, m->u.pass.mark);
        write_copy(w, m->u.pass.sealed, PASS_SEALED_BYTES);
        return;
    }
}

static size_t encode(uint8_t *out, size_t out_size, const struct message *m,
                     const struct key_pair *pair, const struct pass *pass) {
    if (!in_range(m))
        return 0;
    size_t len = length_of(m->kind);
    if (m->kind == MESSAGE_RESUME)
        len += m->u.resume.ticket_len;
    else if (m->kind == MESSAGE_REPORT && m->u.report.moved.epoch != 0)
        len += MOVED_LEN;
    else if (m->kind == MESSAGE_REPORT && m->u.report.backups != 0)
        len += BACKUPS_LEN;
    else if (m->kind == MESSAGE_TRIPS)
        len = trip_list_len(&m->u.trips);
    else if (m->kind == MESSAGE_NAMED || m->kind == MESSAGE_BACKUPS)
        len += (size_t)NAMED_CLUSTER_LEN * m->u.named.count;
    if (pass != NULL)
        len -= PASSED_LESS;
    if (len > out_size)
        return 0;
    struct writer w = writer_over(out, len);
    write_u8(&w, MESSAGE_FIRST_BYTE);
    write_u8(&w, VERSION);
    write_u8(&w, (uint8_t)m->kind);
    write_u8(&w, pass != NULL ? pass->mark : 0);
    write_u64(&w, m->nonce);
    write_body(&w, m);
    if (message_is_signed(m->kind))
        message_write_proof(&w, out, m->kind, pair, pass);
    else
        write_zeros(&w, len - writer_len(&w));
    assert(!w.failed && writer_len(&w) == len);
    return len;
}

size_t message_encode(uint8_t *out, size_t out_size, const struct message *m,
                      const struct key_pair *pair) {
    assert(pair != NULL || !message_is_signed(m->kind));
    return encode(out, out_size, m, pair, NULL);
}

size_t message_encode_passed(uint8_t *out, size_t out_size, const struct message *m,
                             const struct pass *pass) {
    assert(may_be_passed(m->kind) && pass->mark >= 1 && pass->mark <= PASS_MARK_MAX);
    return encode(out, out_size, m, NULL, pass);
}

/* ---- decoding -------------------------------------------------------------------------------- */

static struct session_id read_session(struct reader *r) {
    struct session_id id;
    read_copy(r, id.bytes, SESSION_ID_BYTES);
    return id;
}

static struct key_hint read_hint(struct reader *r) {
    struct key_hint hint;
    read_copy(r, hint.bytes, KEY_HINT_BYTES);
    return hint;
}

static void read_cookie(struct reader *r, struct message_cookie *c) {
    read_copy(r, c->cookie.bytes, COOKIE_BYTES);
    c->cluster = read_hint(r);
    c->free_slots = read_u32(r);
}

static void read_resume(struct reader *r, struct message_resume *m) {
    read_copy(r, m->cookie.bytes, COOKIE_BYTES);
    m->target = read_hint(r);
    m->session = read_session(r);
    m->purpose = (enum resume_purpose)read_u8(r);
    m->epoch = read_u32(r);
    m->counter = read_u64(r);
    m->from_frame = read_u64(r);
    m->live_frame = read_u64(r);
    read_copy(r, m->held, sizeof(m->held));
    m->hedge_ms = read_u16(r);
    m->silent_ms = read_u16(r);
    m->served_by = read_hint(r);
    m->cause = (enum move_cause)read_u8(r);
    m->ticket_len = read_u16(r);
    assert(m->ticket_len <= sizeof(m->ticket)); /* check_length saw to it */
    read_copy(r, m->ticket, m->ticket_len);
}

static void read_grant(struct reader *r, struct message_grant *g) {
    g->session = read_session(r);
    g->purpose = (enum resume_purpose)read_u8(r);
    g->epoch = read_u32(r);
    g->counter = read_u64(r);
    g->start_frame = read_u64(r);
    g->mergeable_from = read_u64(r);
    g->lease_ms = read_u32(r);
    read_copy(r, g->determinism.bytes, DETERMINISM_ID_BYTES);
    g->cluster = read_hint(r);
}

static void read_refuse(struct reader *r, struct message_refuse *m) {
    m->session = read_session(r);
    m->purpose = (enum resume_purpose)read_u8(r);
    m->error = (enum err)read_u8(r);
    m->counter = read_u64(r);
    m->retry_after_ms = read_u32(r);
    m->cluster = read_hint(r);
}

/* What is left, the signature aside, says whether there is a move, or the mark of a list. False for
 * a move without an epoch, and for a mark that is none. */
static bool read_report(struct reader *r, struct message_report *m) {
    m->target = read_hint(r);
    m->session = read_session(r);
    m->epoch = read_u32(r);
    m->counter = read_u64(r);
    m->last_frame = read_u64(r);
    m->expected = read_u32(r);
    m->lost_before = read_u32(r);
    m->lost_after = read_u32(r);
    m->jitter_us = read_u32(r);
    m->rtt_us = read_u32(r);
    m->lag_us = (int32_t)read_u32(r);
    m->notice = read_u32(r);
    if (reader_left(r) == 0)
        return true;
    if (reader_left(r) == BACKUPS_LEN) {
        m->backups = read_u32(r);
        return m->backups != 0;
    }
    m->moved.epoch = read_u32(r);
    m->moved.detect_ms = read_u16(r);
    m->moved.first_frame_ms = read_u16(r);
    m->moved.lost = read_u16(r);
    m->moved.duplicates = read_u16(r);
    return m->moved.epoch != 0;
}

static void read_ack(struct reader *r, struct message_ack *a) {
    a->session = read_session(r);
    a->epoch = read_u32(r);
    a->counter = read_u64(r);
    a->lease_ms = read_u32(r);
}

static void read_notice(struct reader *r, struct message_notice *n) {
    n->session = read_session(r);
    n->number = read_u32(r);
    n->what = (enum notice_what)read_u8(r);
    uint8_t why = read_u8(r);
    if (n->what == NOTICE_MOVE)
        n->cause = (enum move_cause)why;
    else
        n->error = (enum err)why;
    n->target = read_hint(r);
    uint32_t deadline = read_u32(r);
    n->only = n->what == NOTICE_MOVE && (deadline & NOTICE_ONLY) != 0;
    n->deadline_ms = n->only ? deadline & ~NOTICE_ONLY : deadline;
    n->end = read_u64(r);
}

static bool read_body(struct reader *r, struct message *m) {
    switch (m->kind) {
    case MESSAGE_HELLO:
        return true;
    case MESSAGE_COOKIE:
        read_cookie(r, &m->u.cookie);
        return true;
    case MESSAGE_RESUME:
        read_resume(r, &m->u.resume);
        return true;
    case MESSAGE_GRANT:
        read_grant(r, &m->u.grant);
        return true;
    case MESSAGE_REFUSE:
        read_refuse(r, &m->u.refuse);
        return true;
    case MESSAGE_REPORT:
        return read_report(r, &m->u.report);
    case MESSAGE_ACK:
        read_ack(r, &m->u.ack);
        return true;
    case MESSAGE_NOTICE:
        read_notice(r, &m->u.notice);
        return true;
    case MESSAGE_PROBE:
        m->u.probe.target = read_hint(r);
        return true;
    case MESSAGE_ECHO:
        m->u.echo.cluster = read_hint(r);
        return true;
    case MESSAGE_TRIPS:
        return trip_list_read(r, &m->u.trips);
    case MESSAGE_NAMED:
    case MESSAGE_BACKUPS:
        return named_read(r, &m->u.named);
    case MESSAGE_KNOCK:
        read_copy(r, m->u.knock.cookie.bytes, COOKIE_BYTES);
        m->u.knock.target = read_hint(r);
        read_copy(r, m->u.knock.client.bytes, KEY_BYTES);
        return true;
    case MESSAGE_PASS:
        m->u.pass.mark = read_u8(r);
        read_copy(r, m->u.pass.sealed, PASS_SEALED_BYTES);
        return true;
    }
    return false;
}

/* Every message has one exact length, by so much `less` with a pass, which for a resume follows
 * from its ticket's and for trips and named clusters from how many there are; a report has three,
 * and trips have two. */
static enum err check_length(enum message_kind kind, const uint8_t *datagram, size_t len,
                             size_t less) {
    size_t want = length_of(kind) - less;
    if (len < want)
        return ERR_TRUNCATED;
    if (kind == MESSAGE_RESUME) {
        struct reader r = reader_over(datagram + TICKET_LEN_AT, 2);
        uint16_t ticket_len = read_u16(&r);
        if (ticket_len > TICKET_LEN_MAX)
            return ERR_BAD_FIELD;
        want += ticket_len;
    }
    if (kind == MESSAGE_REPORT && (len == want + MOVED_LEN || len == want + BACKUPS_LEN))
        return ERR_OK;
    if (kind == MESSAGE_TRIPS) {
        if (datagram[TRIPS_COUNT_AT] > MESSAGE_TRIPS_MAX)
            return ERR_BAD_FIELD;
        size_t looked = want + (size_t)TRIPS_LOOKED_LEN * datagram[TRIPS_COUNT_AT];
        if (len == looked || (len == looked + TRIPS_OWN_LEN && datagram[TRIPS_COUNT_AT] > 0))
            return ERR_OK;
        want += (size_t)TRIPS_TRIP_LEN * datagram[TRIPS_COUNT_AT];
    }
    if (kind == MESSAGE_NAMED || kind == MESSAGE_BACKUPS) {
        if (datagram[NAMED_COUNT_AT] > NAMED_MAX)
            return ERR_BAD_FIELD;
        want += (size_t)NAMED_CLUSTER_LEN * datagram[NAMED_COUNT_AT];
    }
    if (len < want)
        return ERR_TRUNCATED;
    return len > want ? ERR_OVERSIZED : ERR_OK;
}

static enum err check_header(const uint8_t *datagram, size_t len) {
    if (len == 0)
        return ERR_TRUNCATED;
    if (datagram[0] != MESSAGE_FIRST_BYTE)
        return ERR_BAD_MAGIC;
    if (len < HEADER_LEN)
        return ERR_TRUNCATED;
    if (datagram[1] != VERSION)
        return ERR_BAD_VERSION;
    if (length_of((enum message_kind)datagram[2]) == 0)
        return ERR_BAD_KIND;
    uint8_t most = may_be_passed((enum message_kind)datagram[2]) ? PASS_MARK_MAX : 0;
    return datagram[3] <= most ? ERR_OK : ERR_BAD_FIELD;
}

/* What is left is padding, and padding that could say anything would be a second protocol. */
static bool rest_is_zero(struct reader *r) {
    while (reader_left(r) > 0)
        if (read_u8(r) != 0)
            return false;
    return true;
}

enum err message_decode(struct message *out, const void *datagram, size_t len) {
    const uint8_t *bytes = datagram;
    enum err e = check_header(bytes, len);
    size_t less = e == ERR_OK && bytes[3] != 0 ? PASSED_LESS : 0;
    if (e == ERR_OK)
        e = check_length((enum message_kind)bytes[2], bytes, len, less);
    if (e != ERR_OK)
        return e;
    struct message m = {.kind = (enum message_kind)bytes[2], .mark = bytes[3]};
    size_t proof = message_is_signed(m.kind) ? SIGNATURE_BYTES - less : 0;
    struct reader r = reader_over(bytes + 4, len - proof - 4);
    m.nonce = read_u64(&r);
    if (!read_body(&r, &m) || !rest_is_zero(&r))
        return ERR_BAD_FIELD;
    if (proof > 0) {
        m.signed_part.data = bytes;
        m.signed_part.len = len - proof;
    }
    assert(reader_done(&r));
    if (!in_range(&m))
        return ERR_BAD_FIELD;
    *out = m;
    return ERR_OK;
}
