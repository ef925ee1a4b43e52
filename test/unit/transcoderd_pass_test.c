/* The real transcoderd on loopback: passes, and whoever comes with another's or with an old one. */
#include "peerd/net/clock.h"
#include "peerd/net/sockaddr.h"
#include "test/lib/transcoderd_rig.h"
#include "transcoder/worker/guard.h"
#include "transcoder/worker/worker.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static struct rig rig;
static struct media_client client, other;

static const struct rig_source sources[] = {{.name = "noise", .frames = 500, .loop = true}};

static void start(void) {
    rig_init(&rig, sources, 1);
    if (!rig_start(&rig, 1)) {
        rig_stop(&rig);
        cr_skip_test("no transcoderd in $PEERD_BIN");
    }
    rig_client(&rig, &client, "noise", "pcmu");
    cr_assert(media_client_hello(&client));
}

static void stop(void) {
    rig_stop(&rig);
}

TestSuite(transcoderd_pass, .init = start, .fini = stop, .timeout = 60);

/* ERR_OK: granted. */
static enum err commit(struct media_client *c, uint32_t epoch) {
    struct message answer;
    struct message_resume r = media_client_resume(c, RESUME_COMMIT, epoch, 0, 0);
    cr_assert(media_client_ask(c, &r, &answer), "no answer");
    return answer.kind == MESSAGE_GRANT ? ERR_OK : answer.u.refuse.error;
}

static enum err report(struct media_client *c, uint64_t frame) {
    struct message answer;
    cr_assert(media_client_report(c, 1, frame, &answer), "no answer");
    return answer.kind == MESSAGE_ACK ? ERR_OK : answer.u.refuse.error;
}

Test(transcoderd_pass, serves_and_hears_who_has_one_as_who_signs) {
    cr_assert(media_client_knock(&client));
    cr_expect_eq(commit(&client, 1), ERR_OK);
    cr_expect(media_client_await(&client, 5));
    cr_expect_eq(report(&client, 5), ERR_OK);
    client.pass.mark = 0;
    cr_expect_eq(report(&client, 6), ERR_OK, "who signs is heard, too");
}

Test(transcoderd_pass, hands_one_out_to_a_proven_address_only) {
    memset(&client.cookie, 0, sizeof(client.cookie));
    cr_expect(!media_client_knock(&client), "that is answered with a cookie");
    cr_expect_eq(client.pass.mark, 0);
}

Test(transcoderd_pass, another_clients_pass_proves_nothing) {
    rig_client(&rig, &other, "noise", "pcmu");
    cr_assert(media_client_hello(&other));
    cr_assert(media_client_knock(&other));
    client.pass = other.pass;
    cr_expect_eq(commit(&client, 1), ERR_BAD_COOKIE);
    cr_expect_eq(media_client_end(&client), 0, "no media");
    client.pass.mark = 0;
    cr_expect_eq(commit(&client, 1), ERR_OK, "it signs");
    client.pass = other.pass;
    cr_expect_eq(report(&client, 1), ERR_BAD_COOKIE);
}

Test(transcoderd_pass, what_proves_nothing_counts_against_its_sender) {
    cr_assert(media_client_knock(&client));
    client.pass.bytes[0] ^= 1;
    enum err e = ERR_BAD_COOKIE;
    int looked_at = 0;
    for (; e == ERR_BAD_COOKIE && looked_at < 100 * GUARD_FAILURES_MAX; looked_at++)
        e = commit(&client, 1);
    cr_expect_eq(e, ERR_BUDGET, "%s", err_name(e));
    cr_expect_geq(looked_at, GUARD_FAILURES_MAX);
}

static void ask_in_vain(struct media_client *c, uint32_t times) {
    for (uint32_t i = 0; i < times; i++) {
        const struct message m = {
            .kind = MESSAGE_KNOCK,
            .nonce = ++c->nonce,
            .u.knock = {.cookie = c->cookie, .target = c->target, .client = c->key.public_key}};
        uint8_t data[MESSAGE_KNOCK_LEN];
        media_client_send(c, data, message_encode(data, sizeof(data), &m, NULL));
    }
}

/* The machine may be slow, so they may be of a few seconds. */
Test(transcoderd_pass, one_address_has_half_of_what_is_handed_out_in_a_second) {
    struct instant begun = net_now();
    ask_in_vain(&client, 3 * WORKER_PASSES_PER_S);
    cr_assert(media_client_hello(&client)); /* answered after them */
    uint32_t given = client.pass_count;
    uint32_t seconds = 1 + (uint32_t)(instant_since(net_now(), begun).us / 1000000);
    cr_expect_geq(given, WORKER_PASSES_PER_S / 2);
    cr_expect_leq(given, (seconds + 1) * WORKER_PASSES_PER_S / 2);
}

static void come_from(struct media_client *c, uint8_t host) {
    struct sockaddr_storage sa;
    struct addr from = addr_ipv4((const uint8_t[]){127, 0, 0, host}, 0);
    close(c->fd);
    cr_assert_eq(net_socket_udp(&c->fd, &from), ERR_OK);
    cr_assert_eq(connect(c->fd, (struct sockaddr *)&sa, net_sockaddr_from_addr(&sa, &c->server)),
                 0);
    memset(&c->cookie, 0, sizeof(c->cookie));
    cr_assert(media_client_hello(c));
}

/* Each time the whole of what may be had is asked for from one address just before. */
Test(transcoderd_pass, who_asks_for_all_leaves_others_theirs) {
    uint32_t had = 0;
    rig_client(&rig, &other, "noise", "pcmu");
    for (uint8_t host = 2; host < 10; host++) {
        come_from(&other, host);
        ask_in_vain(&client, 2 * WORKER_PASSES_PER_S);
        uint32_t before = other.pass_count;
        ask_in_vain(&other, 1);
        cr_assert(media_client_hello(&other));
        had += other.pass_count - before;
    }
    cr_expect_eq(had, 8, "%u of 8", had);
}

/* Whoever has seen a session's id can send reports in its name, from its address, too. */
Test(transcoderd_pass, who_has_one_is_heard_whatever_others_forge) {
    struct key_pair own = client.key;
    cr_assert_eq(commit(&client, 1), ERR_OK);
    cr_assert(media_client_knock(&client));
    struct pass pass = client.pass;
    enum err e = ERR_BAD_SIGNATURE;
    client.pass.mark = 0;
    client.key.seed[0] ^= 1;
    for (int i = 0; e == ERR_BAD_SIGNATURE && i < 100 * GUARD_FAILURES_MAX; i++)
        e = report(&client, 1);
    cr_expect_eq(e, ERR_BUDGET, "%s", err_name(e));
    client.key = own;
    client.pass = pass;
    cr_expect_eq(report(&client, 2), ERR_OK);
}

/* The machine's secret outlives a worker. */
Test(transcoderd_pass, is_good_for_the_next_worker) {
    cr_assert(media_client_knock(&client));
    kill(rig.worker_pids[0], SIGKILL);
    cr_assert(rig_await_log(&rig, "worker died"));
    cr_assert(rig_await_log(&rig, "worker started"));
    cr_expect_eq(commit(&client, 1), ERR_OK);
}
