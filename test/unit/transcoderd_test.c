/*
 * The real transcoderd on loopback: what clients see of one machine. transcoderd_life_test.c has
 * what happens when its processes die.
 */
#include "peerd/base/rng.h"
#include "peerd/net/clock.h"
#include "test/lib/transcoderd_rig.h"
#include "transcoder/worker/guard.h"
#include "transcoder/worker/session.h"

#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

static struct rig rig;
static struct media_client client, other;

static const struct rig_source sources[] = {
    {.name = "noise", .frames = 500, .loop = true},
    {.name = "short", .frames = 30},
    {.name = "gone", .missing = true},
};

static void start(void) {
    rig_init(&rig, sources, 3);
    if (!rig_start(&rig, 1)) {
        rig_stop(&rig);
        cr_skip_test("no transcoderd in $PEERD_BIN");
    }
}

static void stop(void) {
    rig_stop(&rig);
}

TestSuite(transcoderd, .init = start, .fini = stop, .timeout = 60);

/* Commits frame `from` as live; true if it was granted. */
static bool commit(struct media_client *c, uint32_t epoch, uint64_t from) {
    struct message answer;
    cr_assert(media_client_hello(c), "no cookie");
    struct message_resume r = media_client_resume(c, RESUME_COMMIT, epoch, from, from);
    cr_assert(media_client_ask(c, &r, &answer), "no answer");
    return answer.kind == MESSAGE_GRANT;
}

static void expect_refusal(struct media_client *c, const struct message_resume *r, enum err error,
                           const char *what) {
    struct message answer;
    cr_assert(media_client_ask(c, r, &answer), "%s: no answer", what);
    cr_assert_eq(answer.kind, MESSAGE_REFUSE, "%s: kind %d", what, answer.kind);
    cr_expect_eq(answer.u.refuse.error, error, "%s: %s", what, err_name(answer.u.refuse.error));
    cr_expect_eq(answer.u.refuse.counter, r->counter, "%s", what);
    cr_expect_eq(answer.u.refuse.retry_after_ms > 0, err_retryable(error), "%s", what);
}

/* Frames from … to−1 that came are what the media stack makes of the source by itself. */
static void expect_bytes(const struct media_client *c, const char *source, bool loop,
                         enum media_codec codec, uint64_t from, uint64_t to) {
    struct media_profile p;
    struct media_stream *stream;
    const struct media_source_options options = {.class = SOURCE_CLASS_EXACT, .loop = loop};
    uint8_t payload[MEDIA_PAYLOAD_BYTES_MAX];
    char path[128];
    size_t len;
    media_profile_init(&p, codec);
    cr_assert_eq(media_stream_open(&stream, rig_path(&rig, source, path), &options, &p, NULL),
                 ERR_OK);
    cr_assert_eq(media_stream_start(stream, from, MEDIA_PREROLL_FULL, NULL), ERR_OK);
    for (uint64_t n = from; n < to; n++) {
        const struct media_client_frame *f = &c->frames[n];
        cr_assert_eq(media_stream_next(stream, payload, sizeof(payload), &len), ERR_OK);
        cr_assert(f->copies > 0, "frame %zu has not come", (size_t)n);
        cr_expect_eq(f->len, len, "frame %zu", (size_t)n);
        cr_expect(memcmp(f->payload, payload, len) == 0, "frame %zu", (size_t)n);
        cr_expect(!f->differs, "frame %zu", (size_t)n);
    }
    media_stream_close(stream);
}

Test(transcoderd, serves_frames_by_position) {
    struct message answer;
    rig_client(&rig, &client, "noise", "pcmu");
    cr_assert(media_client_hello(&client));
    struct message_resume r = media_client_resume(&client, RESUME_COMMIT, 1, 0, 0);
    struct instant asked = net_now();
    cr_assert(media_client_ask(&client, &r, &answer));
    cr_assert_eq(answer.kind, MESSAGE_GRANT);
    cr_expect_eq(answer.u.grant.epoch, 1);
    cr_expect_eq(answer.u.grant.start_frame, 0);
    cr_expect_eq(answer.u.grant.mergeable_from, 0, "PCMU is anybody's from the first frame");
    cr_expect_eq(answer.u.grant.lease_ms, 3000);
    cr_expect(key_hint_equal(&answer.u.grant.cluster, &client.target));
    cr_assert(media_client_await(&client, 40));
    /* Numbers wrapped on the way: seq0 is 65530, ts0 just below 2^32. */
    cr_expect_eq(media_client_missing(&client, 0, 40), 0);
    cr_expect_eq(client.strangers, 0);
    cr_expect_eq(client.payload_type, 0);
    expect_bytes(&client, "noise", true, MEDIA_CODEC_PCMU, 0, 40);
    /* Twenty milliseconds each, and none early whoever is late. */
    for (int64_t n = 0; n <= 40; n++)
        cr_expect_gt(instant_since(client.frames[n].first, asked).us, n * 20000 - 2000, "%d",
                     (int)n);
    cr_expect_geq(client.sr_count, 1);
    cr_expect_eq(client.sr.ssrc, client.position.ssrc);
    char id[SESSION_ID_TEXT_LEN + 1];
    session_id_to_text(&client.session, id);
    cr_expect_str_eq(client.sr.cname, id);
}

Test(transcoderd, opus_merges_after_its_preroll) {
    struct message answer;
    rig_client(&rig, &client, "noise", "opus");
    cr_assert(media_client_hello(&client));
    struct message_resume r = media_client_resume(&client, RESUME_COMMIT, 1, 300, 310);
    cr_assert(media_client_ask(&client, &r, &answer));
    cr_assert_eq(answer.kind, MESSAGE_GRANT);
    cr_expect_eq(answer.u.grant.mergeable_from, 300, "pre-roll is done before the first frame");
    cr_assert(media_client_await(&client, 330));
    cr_expect_eq(media_client_missing(&client, 300, 330), 0);
    /* Another server, whose encoder has run since frame 0. */
    struct media_profile p;
    struct media_stream *stream;
    const struct media_source_options options = {.class = SOURCE_CLASS_EXACT, .loop = true};
    uint8_t payload[MEDIA_PAYLOAD_BYTES_MAX];
    char path[128];
    size_t len;
    media_profile_init(&p, MEDIA_CODEC_OPUS);
    cr_assert_eq(media_stream_open(&stream, rig_path(&rig, "noise", path), &options, &p, NULL),
                 ERR_OK);
    media_stream_set_phase(stream, session_phase(&client.ticket));
    cr_assert_eq(media_stream_start(stream, 0, MEDIA_PREROLL_FULL, NULL), ERR_OK);
    for (uint64_t n = 0; n < 330; n++) {
        cr_assert_eq(media_stream_next(stream, payload, sizeof(payload), &len), ERR_OK);
        cr_expect(n < 300 || (client.frames[n].len == len &&
                              memcmp(client.frames[n].payload, payload, len) == 0),
                  "frame %zu", (size_t)n);
    }
    media_stream_close(stream);
}

Test(transcoderd, anchor_is_where_frame_0_lies_in_the_source) {
    rig_client(&rig, &client, "noise", "pcmu");
    struct ticket t = client.ticket;
    t.anchor_frame = 123;
    media_client_ticket(&client, &t, &rig.issuer, 160);
    cr_assert(commit(&client, 1, 0));
    cr_assert(media_client_await(&client, 10));
    rig_client(&rig, &other, "noise", "pcmu");
    for (uint64_t n = 0; n < 10; n++)
        other.frames[123 + n] = client.frames[n];
    expect_bytes(&other, "noise", true, MEDIA_CODEC_PCMU, 123, 133);
}

Test(transcoderd, hedge_sends_what_is_missing_and_ends_by_itself) {
    struct message answer;
    rig_client(&rig, &client, "noise", "pcmu");
    cr_assert(media_client_hello(&client));
    struct message_resume standby = media_client_resume(&client, RESUME_STANDBY, 1, 0, 0);
    cr_assert(media_client_ask(&client, &standby, &answer));
    cr_assert_eq(answer.kind, MESSAGE_GRANT);
    media_client_listen(&client, 100);
    cr_expect_eq(media_client_end(&client), 0, "a standby sends nothing");

    struct message_resume hedge = media_client_resume(&client, RESUME_HEDGE, 1, 100, 106);
    resume_note_held(&hedge, 103);
    cr_assert(media_client_ask(&client, &hedge, &answer));
    cr_assert_eq(answer.kind, MESSAGE_GRANT);
    cr_expect_eq(answer.u.grant.start_frame, 100);
    cr_assert(media_client_await_silence(&client, 400), "it does not end");
    uint64_t end = media_client_end(&client);
    cr_expect_eq(media_client_missing(&client, 0, 100), 100);
    cr_expect_eq(media_client_missing(&client, 100, end), 1, "all but the frame that was held");
    cr_expect_eq(client.frames[103].copies, 0);
    /* After 500 ms, or when it could run again: tenure_test is about time. */
    cr_expect(end >= 120 && end <= 200, "500 ms of hedge ended at frame %zu", (size_t)end);
    /* The backfill did not wait for its turn. */
    cr_expect(!instant_before(client.frames[107].first, client.frames[105].first));
}

Test(transcoderd, cancel_stops_a_hedge_and_release_a_session) {
    struct message answer;
    rig_client(&rig, &client, "noise", "pcmu");
    cr_assert(media_client_hello(&client));
    struct message_resume hedge = media_client_resume(&client, RESUME_HEDGE, 1, 100, 100);
    cr_assert(media_client_ask(&client, &hedge, &answer));
    cr_assert_eq(answer.kind, MESSAGE_GRANT);
    struct message_resume cancel = media_client_resume(&client, RESUME_CANCEL, 1, 0, 0);
    cr_assert(media_client_ask(&client, &cancel, &answer));
    cr_assert_eq(answer.kind, MESSAGE_GRANT);
    media_client_listen(&client, 50);
    uint64_t end = media_client_end(&client);
    media_client_listen(&client, 200);
    cr_expect_eq(media_client_end(&client), end, "cancelled");

    cr_assert(commit(&client, 2, 200));
    cr_assert(media_client_await(&client, 210));
    struct message_resume release = media_client_resume(&client, RESUME_RELEASE, 3, 0, 0);
    cr_assert(media_client_ask(&client, &release, &answer));
    cr_assert_eq(answer.kind, MESSAGE_GRANT);
    media_client_listen(&client, 50);
    end = media_client_end(&client);
    media_client_listen(&client, 200);
    cr_expect_eq(media_client_end(&client), end, "released");
    struct message_resume late = media_client_resume(&client, RESUME_COMMIT, 2, 300, 300);
    expect_refusal(&client, &late, ERR_STALE, "an epoch that was overtaken");
}

Test(transcoderd, reports_renew_the_lease) {
    struct message answer;
    rig_client(&rig, &client, "noise", "pcmu");
    rig_client(&rig, &other, "noise", "pcmu");
    cr_assert(commit(&client, 1, 0));
    cr_assert(commit(&other, 1, 0));
    uint64_t end = 0, before = 1;
    for (int i = 0; i < 8 || (end != before && i < 40); i++) {
        media_client_listen(&client, 500);
        cr_assert(media_client_report(&client, 1, 10, &answer));
        cr_assert_eq(answer.kind, MESSAGE_ACK);
        cr_expect_eq(answer.u.ack.lease_ms, 3000);
        media_client_listen(&other, 0);
        before = end;
        end = media_client_end(&other);
    }
    cr_assert(media_client_await(&client, media_client_end(&client) + 5));
    /* Nobody renewed this one: it ended with its lease, 150 frames after it began, or as soon as
     * the worker could run. The one that was renewed is ahead of it by now. */
    cr_expect_gt(end, 50, "%zu", (size_t)end);
    cr_expect_lt(end + 20, media_client_end(&client), "%zu", (size_t)end);
}

/* How a resume is spoilt before it is sent. */
enum spoil {
    SPOIL_NOTHING,
    SPOIL_COOKIE,
    SPOIL_TARGET,
    SPOIL_ISSUER,  /* the ticket is signed by somebody unknown */
    SPOIL_TICKET,  /* one character of the ticket is another */
    SPOIL_EXPIRY,  /* the ticket has expired */
    SPOIL_STOLEN,  /* right ticket, wrong client key */
    SPOIL_SESSION, /* right ticket, another session's id */
    SPOIL_SOURCE,  /* outside the catalogue */
    SPOIL_PROFILE,
    SPOIL_DIGEST,
    SPOIL_MISSING, /* in the catalogue, but there is no file */
    SPOIL_NO_TICKET
};

static struct message_resume spoilt(struct media_client *c, enum spoil spoil) {
    struct ticket t = c->ticket;
    struct key_pair issuer = rig.issuer, stranger;
    uint8_t seed[KEY_BYTES] = {42};
    key_pair_from_seed(&stranger, seed);
    if (spoil == SPOIL_ISSUER)
        issuer = stranger;
    if (spoil == SPOIL_EXPIRY) {
        t.issued_s -= 7200;
        t.expires_s = t.issued_s + 3600;
    }
    if (spoil == SPOIL_SOURCE)
        name_set(&t.source, "elsewhere");
    if (spoil == SPOIL_MISSING)
        name_set(&t.source, "gone");
    if (spoil == SPOIL_PROFILE)
        name_set(&t.profile, "mp3");
    if (spoil == SPOIL_DIGEST)
        t.digest.bytes[3] ^= 1;
    media_client_ticket(c, &t, &issuer, 160);
    if (spoil == SPOIL_TICKET)
        c->token[200] = c->token[200] == 'A' ? 'B' : 'A';
    struct message_resume r = media_client_resume(c, RESUME_COMMIT, 1, 0, 0);
    if (spoil == SPOIL_COOKIE)
        r.cookie.bytes[0] ^= 1;
    if (spoil == SPOIL_TARGET)
        r.target.bytes[0] ^= 1;
    if (spoil == SPOIL_SESSION)
        r.session.bytes[0] ^= 1;
    if (spoil == SPOIL_NO_TICKET)
        r.ticket_len = 0;
    if (spoil == SPOIL_STOLEN)
        c->key = stranger;
    return r;
}

Test(transcoderd, refuses_what_is_not_right) {
    static const struct {
        const char *what;
        enum spoil spoil;
        enum err error;
    } rows[] = {
        {"no proof of the address", SPOIL_COOKIE, ERR_BAD_COOKIE},
        {"meant for another cluster", SPOIL_TARGET, ERR_FOREIGN},
        {"forged: an issuer nobody knows", SPOIL_ISSUER, ERR_UNKNOWN_ISSUER},
        {"altered ticket", SPOIL_TICKET, ERR_BAD_SIGNATURE},
        {"expired ticket", SPOIL_EXPIRY, ERR_EXPIRED},
        {"stolen ticket", SPOIL_STOLEN, ERR_BAD_SIGNATURE},
        {"ticket of another session", SPOIL_SESSION, ERR_FOREIGN},
        {"source outside the catalogue", SPOIL_SOURCE, ERR_UNKNOWN_SOURCE},
        {"source without a file", SPOIL_MISSING, ERR_SOURCE_FAILED},
        {"profile not offered", SPOIL_PROFILE, ERR_UNKNOWN_PROFILE},
        {"source with other content", SPOIL_DIGEST, ERR_SOURCE_DIFFERS},
        {"no ticket and no session", SPOIL_NO_TICKET, ERR_UNKNOWN_SESSION},
    };
    struct message answer;
    rig_client(&rig, &other, "noise", "pcmu");
    cr_assert(commit(&other, 1, 0));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        rig_client(&rig, &client, "noise", "pcmu");
        cr_assert(media_client_hello(&client));
        struct message_resume r = spoilt(&client, rows[i].spoil);
        expect_refusal(&client, &r, rows[i].error, rows[i].what);
        media_client_listen(&client, 30);
        cr_expect_eq(media_client_end(&client), 0, "%s: no media", rows[i].what);
        media_client_close(&client);
        cr_assert(media_client_report(&other, 1, 0, &answer), "it stays");
    }
    rig_client(&rig, &client, "noise", "pcmu");
    cr_assert(media_client_hello(&client));
    struct message_resume good = spoilt(&client, SPOIL_NOTHING);
    cr_assert(media_client_ask(&client, &good, &answer));
    cr_expect_eq(answer.kind, MESSAGE_GRANT, "the same without a fault");
    uint64_t end = media_client_end(&other);
    cr_assert(media_client_await(&other, end + 10), "nobody else was disturbed");
    cr_expect_eq(media_client_missing(&other, 0, end + 10), 0);
}

Test(transcoderd, replays_and_unknown_sessions) {
    struct message answer;
    rig_client(&rig, &client, "noise", "pcmu");
    cr_assert(media_client_hello(&client));
    cr_assert(media_client_report(&client, 1, 5, &answer));
    cr_assert_eq(answer.kind, MESSAGE_REFUSE);
    cr_expect_eq(answer.u.refuse.error, ERR_UNKNOWN_SESSION);
    cr_assert(commit(&client, 1, 0));
    struct message_resume release = media_client_resume(&client, RESUME_RELEASE, 2, 0, 0);
    cr_assert(media_client_ask(&client, &release, &answer));
    cr_assert_eq(answer.kind, MESSAGE_GRANT);
    struct message_resume again = media_client_resume(&client, RESUME_COMMIT, 2, 0, 0);
    again.counter = 1;
    cr_expect(media_client_is_ignored(&client, &again), "a counter seen before is no question");
}

/* The ticket of `c`, with another life. */
static void reissue(struct media_client *c, int64_t expires_s) {
    struct ticket t = c->ticket;
    t.expires_s = expires_s;
    media_client_ticket(c, &t, &rig.issuer, 160);
}

Test(transcoderd, an_older_ticket_never_takes_the_place_of_a_newer_one) {
    struct message answer;
    rig_client(&rig, &client, "noise", "pcmu");
    int64_t first_s = net_wall().us / 1000000 + 5, second_s = first_s + 3600;
    reissue(&client, first_s);
    cr_assert(media_client_hello(&client));
    struct message_resume old = media_client_resume(&client, RESUME_COMMIT, 1, 0, 0);
    cr_assert(media_client_ask(&client, &old, &answer));
    cr_assert_eq(answer.kind, MESSAGE_GRANT);

    reissue(&client, second_s);
    struct message_resume renewal = media_client_resume(&client, RESUME_COMMIT, 1, 0, 0);
    cr_assert(media_client_ask(&client, &renewal, &answer));
    cr_assert_eq(answer.kind, MESSAGE_GRANT, "renewed");

    /* A new question with the old ticket is answered: it is good still. It shortens nothing. */
    reissue(&client, first_s);
    struct message_resume late = media_client_resume(&client, RESUME_COMMIT, 1, 0, 0);
    cr_assert(media_client_ask(&client, &late, &answer));
    cr_assert_eq(answer.kind, MESSAGE_GRANT);

    /* A ticket of the same session about other media is not this session's. */
    struct ticket other_media = client.ticket;
    other_media.anchor_frame = 99;
    other_media.expires_s = second_s + 1;
    media_client_ticket(&client, &other_media, &rig.issuer, 160);
    struct message_resume foreign = media_client_resume(&client, RESUME_COMMIT, 1, 0, 0);
    expect_refusal(&client, &foreign, ERR_FOREIGN, "another anchor");

    /* The recorded first one. */
    cr_expect(media_client_is_ignored(&client, &old), "a replay is no question");
    while (net_wall().us < (first_s + 2) * 1000000) { /* it has expired, skew included */
        media_client_listen(&client, 200);
        cr_assert(media_client_report(&client, 1, 10, &answer));
    }
    cr_expect_eq(answer.kind, MESSAGE_ACK);
    cr_expect_eq(client.notice_count, 0, "the session lives on under the renewed ticket");
}

Test(transcoderd, forged_reports_are_refused_cheaply_and_shut_out_nobody) {
    struct message answer;
    rig_client(&rig, &client, "noise", "pcmu");
    cr_assert(commit(&client, 1, 0));
    struct key_pair key = client.key;
    uint8_t seed[KEY_BYTES] = {43};

    /* From another socket with the right key: a client behind a NAT that rebinds. */
    struct media_client *moved = &other;
    rig_client(&rig, moved, "noise", "pcmu");
    moved->key = key;
    moved->session = client.session;
    moved->counter = client.counter + 1;
    cr_assert(media_client_report(moved, 1, 1, &answer));
    cr_expect_eq(answer.kind, MESSAGE_ACK, "another address, the right key");

    key_pair_from_seed(&moved->key, seed);
    int looked_at = 0;
    for (bool first = true; first || answer.u.refuse.error == ERR_BAD_SIGNATURE; first = false) {
        cr_assert(media_client_report(moved, 1, 2, &answer));
        cr_assert_eq(answer.kind, MESSAGE_REFUSE);
        looked_at += answer.u.refuse.error == ERR_BAD_SIGNATURE;
        cr_assert_lt(looked_at, 100 * GUARD_FAILURES_MAX, "it goes on for ever");
    }
    cr_expect_eq(answer.u.refuse.error, ERR_BUDGET, "no signature is looked at any more");
    /* More if they did not all come within a second. */
    cr_expect_geq(looked_at, GUARD_FAILURES_MAX);
    client.counter = moved->counter + 100;
    cr_assert(media_client_report(&client, 1, 4, &answer));
    cr_expect_eq(answer.kind, MESSAGE_ACK, "from where the client is known to be");
    cr_expect(media_client_hello(moved));
    moved->key = key;
    moved->counter = client.counter + 1;
    struct message_resume r = media_client_resume(moved, RESUME_COMMIT, 2, 50, 50);
    memcpy(moved->token, client.token, sizeof(client.token));
    r.ticket_len = 0;
    cr_assert(media_client_ask(moved, &r, &answer));
    cr_expect_eq(answer.kind, MESSAGE_GRANT,
                 "resumes prove their address and have their own guard");
}

/* The machine may be slow, so they may be of two seconds, of five answers each. */
Test(transcoderd, answers_so_many_probes_a_second_and_none_for_others) {
    const struct key_hint other_cluster = {{1, 2, 3}};
    rig_client(&rig, &client, "noise", "pcmu");
    cr_expect_eq(media_client_probe(&client, &other_cluster, 20), 0, "asked for somebody else");
    cr_expect_eq(media_client_probe(&client, &client.target, 1), 1);
    uint32_t more = media_client_probe(&client, &client.target, 100);
    cr_expect(more >= 4 && more <= 14, "%u of 100", more);
    rig.config.limits.probes_per_s = 0;
    rig_reload(&rig);
    bool answers = true;
    for (int i = 0; i < 100 && answers; i++) { /* until it has been read */
        usleep(50000);
        answers = media_client_probe(&client, &client.target, 1) > 0;
    }
    usleep(1100000);
    cr_expect_eq(media_client_probe(&client, &client.target, 3), 0, "policy permits none");
}

Test(transcoderd, noise_at_the_port_harms_nobody) {
    uint8_t junk[1500];
    struct message answer;
    struct rng g;
    rng_seed(&g, 7);
    rig_client(&rig, &other, "noise", "pcmu");
    cr_assert(commit(&other, 1, 0));
    media_client_open(&client, &rig.media[0], &other.target);
    for (int i = 0; i < 3000; i++) {
        size_t len = rng_below(&g, sizeof(junk) + 1);
        for (size_t b = 0; b < len; b++)
            junk[b] = (uint8_t)rng_u64(&g);
        /* Every other one looks like ours, or like RTCP, at first sight. */
        if (i % 4 == 1 && len > 4)
            memcpy(junk, (uint8_t[]){MESSAGE_FIRST_BYTE, 1, (uint8_t)(i % 11), 0}, 4);
        if (i % 4 == 3 && len > 4)
            memcpy(junk, (uint8_t[]){0x81, 201, 0, 7}, 4);
        media_client_send(&client, junk, len);
        if (i % 100 == 0) /* which also keeps its lease */
            cr_assert(media_client_report(&other, 1, 0, &answer));
    }
    cr_expect(media_client_hello(&client), "it answers still");
    uint64_t end = media_client_end(&other);
    cr_assert(media_client_await(&other, end + 10));
    cr_expect_eq(media_client_missing(&other, 0, end + 10), 0);
}

static void await_notices(uint32_t count) {
    for (int ms = 0; ms < MEDIA_CLIENT_PATIENCE_MS && client.notice_count < count; ms += 50)
        media_client_listen(&client, 50);
    cr_assert_geq(client.notice_count, count, "it is not told");
}

Test(transcoderd, end_of_the_source_is_told) {
    struct message answer;
    rig_client(&rig, &client, "short", "pcmu");
    cr_assert(commit(&client, 1, 0));
    await_notices(2); /* repeated while nobody has seen it */
    cr_expect_eq(media_client_end(&client), 30);
    cr_expect_eq(media_client_missing(&client, 0, 30), 0);
    cr_expect_eq(client.notice.what, NOTICE_END);
    cr_expect_eq(client.notice.error, ERR_SOURCE_ENDED);
    cr_expect_eq(client.notice.end, 30);
    cr_assert(media_client_report(&client, 1, 29, &answer));
    cr_expect_eq(answer.kind, MESSAGE_ACK);
    media_client_listen(&client, 100);
    uint32_t told = client.notice_count;
    media_client_listen(&client, 1200);
    cr_expect_eq(client.notice_count, told, "seen: no need to say it again");
}

Test(transcoderd, failure_of_the_source_is_told) {
    char path[128];
    rig_client(&rig, &client, "noise", "pcmu");
    cr_assert(commit(&client, 1, 0));
    cr_assert(media_client_await(&client, 5));
    cr_assert_eq(truncate(rig_path(&rig, "noise", path), 20000), 0);
    await_notices(1);
    cr_expect_eq(client.notice.what, NOTICE_END);
    cr_expect_eq(client.notice.error, ERR_SOURCE_FAILED);
    cr_expect_eq(client.notice.end, media_client_end(&client), "what was heard is all there is");
    rig_client(&rig, &other, "short", "pcmu");
    cr_expect(commit(&other, 1, 0), "other sources play on");
}

/* Gives the program its configuration anew, with so much credit: the worker says when it has it.
 * `other` keeps its lease meanwhile. */
static void reload_with_credit(uint32_t slots, uint32_t free_slots) {
    struct media_client asker;
    struct message answer;
    rig.config.credit.slots = slots;
    rig_reload(&rig);
    media_client_open(&asker, &rig.media[0], &other.target);
    asker.free_slots = UINT32_MAX; /* it has not said so yet */
    for (int ms = 0; ms < MEDIA_CLIENT_PATIENCE_MS && asker.free_slots != free_slots; ms += 20) {
        media_client_listen(&asker, 20);
        cr_assert(media_client_hello(&asker));
        media_client_report(&other, 1, 0, &answer);
    }
    cr_assert_eq(asker.free_slots, free_slots, "the credit has not come");
    media_client_close(&asker);
}

Test(transcoderd, credit_and_draining) {
    rig_client(&rig, &other, "noise", "pcmu");
    reload_with_credit(1, 1);
    cr_assert(commit(&other, 1, 0));
    rig_client(&rig, &client, "noise", "pcmu");
    cr_assert(media_client_hello(&client));
    struct message_resume r = media_client_resume(&client, RESUME_COMMIT, 1, 0, 0);
    expect_refusal(&client, &r, ERR_NO_CREDIT, "second of one");
    reload_with_credit(16, 15);
    rig.config.draining = true;
    reload_with_credit(16, 0);
    r = media_client_resume(&client, RESUME_COMMIT, 1, 0, 0);
    expect_refusal(&client, &r, ERR_DRAINING, "a newcomer while draining");
    cr_expect(media_client_await(&other, media_client_end(&other) + 10), "who is served stays");
    rig.config.draining = false;
    reload_with_credit(16, 15);
    cr_expect(commit(&client, 1, 0), "no longer draining");
}
