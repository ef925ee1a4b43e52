#include "transcoder/worker/media_alive.h"

#include "peerd/net/clock.h"
#include "peerd/net/udp.h"
#include "peerd/wire/echo.h"
#include "test/lib/standstill.h"
#include "transcoder/timeline/headless.h"

#include <criterion/criterion.h>
#include <sodium.h>

/* A backup's peerd: it opens the beats and, where a test says so, answers them. */
struct backup {
    struct net_udp *udp;
    struct echo echo;
    struct seal_key key, answer_key;
    struct key_hint hint;
    bool answers;
    unsigned heard, life, foreign;
    struct beat last;
};

static struct net_loop *loop;
static struct key_pair cluster, other;

static void answer(struct backup *b, const struct addr *to, struct instant now) {
    struct beat beat = {.kind = BEAT_KIND_MEDIA_ALIVE, .node = 3, .interval_ms = 100};
    uint8_t nonce[BEAT_NONCE_BYTES], datagram[BEAT_LEN_MAX];
    echo_fill(&b->echo, &beat, now);
    net_entropy(nonce, sizeof(nonce));
    size_t len = beat_seal(datagram, sizeof(datagram), &beat, &b->hint, &b->answer_key, nonce);
    net_udp_send(b->udp, to, datagram, len);
}

static void received(void *data, const struct net_datagram *d, struct instant now) {
    struct backup *b = data;
    if (beat_open(&b->last, d->data, d->len, &b->key) != ERR_OK) {
        b->foreign++;
        return;
    }
    b->heard++;
    b->life += echo_beat_received(&b->echo, &b->last, now).result == ECHO_LIFE;
    if (b->answers)
        answer(b, &d->from, now);
}

static void open_backup(struct backup *b, struct node_media_alive *to) {
    struct addr any;
    *b = (struct backup){.answers = true, .hint = key_hint_of(&other.public_key)};
    addr_from_text(&any, "127.0.0.1:0");
    cr_assert_eq(net_udp_bind(&b->udp, loop, &any, received, b), ERR_OK);
    echo_init(&b->echo, 77);
    cr_assert_eq(
        seal_key_derive(&b->key, &other, &cluster.public_key, false, SEAL_PURPOSE_MEDIA_ALIVE, 3),
        ERR_OK);
    cr_assert_eq(seal_key_derive(&b->answer_key, &other, &cluster.public_key, true,
                                 SEAL_PURPOSE_MEDIA_ALIVE, 3),
                 ERR_OK);
    *to = (struct node_media_alive){.beats = net_udp_address(b->udp), .node = 3};
    name_set(&to->cluster, "ams1");
    seal_key_derive(&to->key, &cluster, &other.public_key, true, SEAL_PURPOSE_MEDIA_ALIVE, 3);
    seal_key_derive(&to->answer_key, &cluster, &other.public_key, false, SEAL_PURPOSE_MEDIA_ALIVE,
                    3);
}

static void run_ms(int64_t ms) {
    net_loop_run_until(loop, instant_add(net_now(), duration_ms(ms)));
}

/* Time stands still while anything is under way, so beats can be counted. */
static void start(void) {
    uint8_t seed[KEY_BYTES] = {1};
    cr_assert(sodium_init() >= 0);
    standstill_begin();
    key_pair_from_seed(&cluster, seed);
    seed[0] = 2;
    key_pair_from_seed(&other, seed);
    loop = net_loop_new();
}

TestSuite(media_alive, .init = start, .timeout = 30);

/* The module lives as long as its process, and so do its sockets here. */
Test(media_alive, speaks_while_peerd_is_silent_and_proves_it) {
    struct node_media_alive to;
    struct backup b;
    struct media_alive *m = media_alive_new(loop, NULL);
    cr_assert_not_null(m);
    open_backup(&b, &to);
    media_alive_sessions(m, 12);
    run_ms(600);
    cr_expect_eq(b.heard, 0, "nobody has told it whom to tell");
    for (int i = 0; i < 6; i++) {
        media_alive_peerd_heard(m, duration_ms(100), &cluster.public_key, &to, 1);
        run_ms(100);
    }
    cr_expect_eq(b.heard, 0, "peerd speaks for itself");
    run_ms(HEADLESS_SILENT_MS - 100 - 1);
    cr_expect_eq(b.heard, 0, "not yet");
    run_ms(801);
    cr_expect_eq(b.heard, 10, "nine in time, and one at once because of the first answer: %u",
                 b.heard);
    cr_expect_eq(b.life, 9, "by echo, with no clock in common: %u", b.life);
    cr_expect_eq(b.last.sessions, 12);
    cr_expect_eq(b.last.node, 3);
    cr_expect_eq(b.foreign, 0);
    media_alive_peerd_heard(m, duration_ms(100), &cluster.public_key, &to, 1);
    unsigned heard = b.heard;
    run_ms(HEADLESS_SILENT_MS - 1);
    cr_expect_eq(b.heard, heard, "peerd is back");
    unsigned life = b.life;
    run_ms(701);
    cr_expect_eq(b.heard, heard + 8, "and gone again: %u", b.heard - heard);
    cr_expect_eq(b.life, life + 8, "numbers go on, or these would be replays: %u", b.life - life);
    media_alive_sessions(m, 0);
    heard = b.heard;
    run_ms(300);
    cr_expect_eq(b.heard, heard, "no session, nothing to say");
}

/* Where policy has nodes ask rarely, the time between two answers is no silence. */
Test(media_alive, is_patient_where_polls_are_rare) {
    struct node_media_alive to;
    struct backup b;
    struct media_alive *m = media_alive_new(loop, NULL);
    open_backup(&b, &to);
    media_alive_sessions(m, 1);
    for (int i = 0; i < 3; i++) {
        media_alive_peerd_heard(m, duration_ms(400), &cluster.public_key, &to, 1);
        run_ms(799);
    }
    cr_expect_eq(b.heard, 0, "one answer may be late by as much as they are apart");
    run_ms(101);
    cr_expect_gt(b.heard, 0, "two are not");
}

Test(media_alive, where_nobody_listens_no_silence_is_waited_out) {
    struct node_media_alive to;
    struct backup b;
    struct media_alive *m = media_alive_new(loop, NULL);
    open_backup(&b, &to);
    media_alive_peerd_gone(m);
    media_alive_sessions(m, 1);
    run_ms(300);
    cr_expect_eq(b.heard, 0, "nobody has told it whom to tell");
    media_alive_peerd_heard(m, duration_ms(100), &cluster.public_key, &to, 1);
    run_ms(50);
    media_alive_peerd_gone(m);
    run_ms(1);
    cr_expect_eq(b.heard, 2, "at once, and again at the first answer: %u", b.heard);
    media_alive_peerd_gone(m);
    run_ms(1);
    cr_expect_eq(b.heard, 2, "it is as gone as it was");
    run_ms(298);
    cr_expect_eq(b.heard, 5, "then in time: %u", b.heard);
    media_alive_peerd_heard(m, duration_ms(100), &cluster.public_key, &to, 1);
    run_ms(HEADLESS_SILENT_MS - 1);
    cr_expect_eq(b.heard, 5, "what was refused before its answer is over");
}

Test(media_alive, a_backup_that_does_not_answer_hears_no_proof) {
    struct node_media_alive to;
    struct backup b;
    struct media_alive *m = media_alive_new(loop, NULL);
    open_backup(&b, &to);
    b.answers = false;
    media_alive_sessions(m, 1);
    media_alive_peerd_heard(m, duration_ms(100), &cluster.public_key, &to, 1);
    run_ms(900);
    cr_expect_eq(b.heard, 8, "%u", b.heard);
    cr_expect_eq(b.life, 0);
}

/* The beats go on where they were: to the backup it is the same run at work. */
Test(media_alive, a_backup_that_moves_is_the_same_one) {
    struct node_media_alive to, elsewhere;
    struct backup b, moved;
    struct media_alive *m = media_alive_new(loop, NULL);
    open_backup(&b, &to);
    open_backup(&moved, &elsewhere);
    media_alive_sessions(m, 1);
    media_alive_peerd_heard(m, duration_ms(100), &cluster.public_key, &to, 1);
    run_ms(700);
    cr_assert_gt(b.life, 1);
    media_alive_peerd_heard(m, duration_ms(100), &cluster.public_key, &elsewhere, 1);
    moved.echo = b.echo;
    uint64_t boot = b.last.boot, seq = b.last.seq;
    run_ms(600);
    cr_expect_gt(moved.life, 1);
    cr_expect(moved.last.boot == boot && moved.last.seq > seq);
}

/* Peerd left it out of one answer: numbers begin anew, and so does the run they belong to. */
Test(media_alive, a_backup_that_was_left_out_hears_another_run) {
    struct node_media_alive to;
    struct backup b;
    struct media_alive *m = media_alive_new(loop, NULL);
    open_backup(&b, &to);
    media_alive_sessions(m, 1);
    media_alive_peerd_heard(m, duration_ms(100), &cluster.public_key, &to, 1);
    run_ms(700);
    cr_assert_gt(b.life, 1);
    uint64_t boot = b.last.boot;
    media_alive_peerd_heard(m, duration_ms(100), &cluster.public_key, NULL, 0);
    media_alive_peerd_heard(m, duration_ms(100), &cluster.public_key, &to, 1);
    b.life = 0;
    run_ms(800);
    cr_expect_neq(b.last.boot, boot);
    cr_expect_gt(b.life, 1, "or these would be replays");
}
