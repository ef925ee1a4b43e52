/* The real transcoderd on loopback: passes, and whoever comes with another's or with an old one. */
#include "peerd/net/clock.h"
#include "test/lib/transcoderd_rig.h"
#include "transcoder/worker/guard.h"
#include "transcoder/worker/worker.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

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

/* The machine may be slow, so they may be of a few seconds. */
Test(transcoderd_pass, so_many_are_handed_out_in_a_second) {
    struct instant begun = net_now();
    for (int i = 0; i < 3 * WORKER_PASSES_PER_S; i++) {
        const struct message m = {.kind = MESSAGE_KNOCK,
                                  .nonce = ++client.nonce,
                                  .u.knock = {.cookie = client.cookie,
                                              .target = client.target,
                                              .client = client.key.public_key}};
        uint8_t data[MESSAGE_KNOCK_LEN];
        media_client_send(&client, data, message_encode(data, sizeof(data), &m, NULL));
    }
    cr_assert(media_client_hello(&client)); /* answered after them */
    uint32_t given = client.pass_count;
    uint32_t seconds = 1 + (uint32_t)(instant_since(net_now(), begun).us / 1000000);
    cr_expect_geq(given, WORKER_PASSES_PER_S);
    cr_expect_leq(given, (seconds + 1) * WORKER_PASSES_PER_S);
}

/* The machine's secret outlives a worker. */
Test(transcoderd_pass, is_good_for_the_next_worker) {
    cr_assert(media_client_knock(&client));
    kill(rig.worker_pids[0], SIGKILL);
    cr_assert(rig_await_log(&rig, "worker died"));
    cr_assert(rig_await_log(&rig, "worker started"));
    cr_expect_eq(commit(&client, 1), ERR_OK);
}
