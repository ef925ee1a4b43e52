/*
 * Registration against the server side of peerd/net and the codec of peerd/wire: what is said, to
 * whom, and what is believed.
 */
#include "transcoder/worker/registration.h"

#include "peerd/net/clock.h"
#include "peerd/net/http_server.h"

#include <criterion/criterion.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static struct net_loop *loop;
static struct net_http_server *server;
static struct net_identity *cluster_identity, *node_identity;
static struct key_pair cluster, node;

/* What the cluster does and has seen. */
static struct {
    enum {
        ANSWER_WELL,
        ANSWER_STALE,
        ANSWER_GARBAGE,
        ANSWER_DENIED,
        ANSWER_UNWANTED,
        ANSWER_NEVER
    } how;
    bool want_full;
    struct instant asked; /* last */
    unsigned requests, full;
    struct public_key asker;
    uint64_t boot, seq, seen, order_seen;
} peerd;

/* What the node has heard. */
static struct {
    unsigned answers, described, unwanted, gone;
    uint64_t last_seq;
} heard;

static void answer_well(struct net_http_request *request, uint64_t seq) {
    struct node_answer a = {.seq = seq,
                            .lease_ms = 1000,
                            .poll_ms = 20,
                            .want_full = peerd.want_full,
                            .cluster_key = cluster.public_key,
                            .credit = {.slots = 5, .lease_ms = 1000},
                            .limits = {.sessions_max = 5,
                                       .session_lease_ms = 1000,
                                       .standby_lease_ms = 1000,
                                       .hedge_ms_max = 500,
                                       .hedges_per_minute = 6}};
    name_set(&a.cluster, "fra1");
    char *text = node_answer_encode(&a, NULL);
    cr_assert_not_null(text);
    net_http_answer_json(request, 200, text);
    free(text);
}

static void request_received(void *data, struct net_http_request *request) {
    struct node_request r;
    struct wire_fault fault;
    (void)data;
    cr_assert_str_eq(request->path, "/v1/node");
    cr_assert_eq(node_request_decode(&r, (const char *)request->body, request->body_len, &fault),
                 ERR_OK, "%s", fault.text);
    peerd.requests++;
    peerd.asked = net_now();
    peerd.full += r.full;
    peerd.asker = request->peer_key;
    peerd.boot = r.boot;
    peerd.seq = r.seq;
    peerd.seen = r.seen;
    peerd.order_seen = r.order_seen;
    node_request_free(&r);
    switch (peerd.how) {
    case ANSWER_WELL:
        answer_well(request, peerd.seq);
        return;
    case ANSWER_STALE:
        answer_well(request, peerd.seq - 1);
        return;
    case ANSWER_GARBAGE:
        net_http_answer_json(request, 200, "{\"seq\":1");
        return;
    case ANSWER_DENIED:
        net_http_answer_problem(request, 403, ERR_DENIED, "not in the policy", 0);
        return;
    case ANSWER_UNWANTED:
        net_http_answer_problem(request, 409, ERR_DENIED, "there is another", 1);
        return;
    case ANSWER_NEVER:
        return; /* the server answers for us in the end */
    }
}

static bool describe(void *data, struct node_request *r, bool full) {
    (void)data;
    heard.described++;
    r->full = full;
    return true;
}

static void answered(void *data, const struct node_answer *a) {
    (void)data;
    heard.answers++;
    heard.last_seq = a->seq;
    cr_expect_eq(a->credit.slots, 5);
}

static void unwanted(void *data) {
    (void)data;
    heard.unwanted++;
}

static void gone(void *data) {
    (void)data;
    heard.gone++;
}

static void start(void) {
    uint8_t seed[KEY_BYTES] = {1};
    cr_assert(sodium_init() >= 0);
    key_pair_from_seed(&cluster, seed);
    seed[0] = 2;
    key_pair_from_seed(&node, seed);
    loop = net_loop_new();
    cr_assert_eq(net_identity_new(&cluster_identity, &cluster), ERR_OK);
    cr_assert_eq(net_identity_new(&node_identity, &node), ERR_OK);
    struct net_http_server_options options = {
        .door = NET_HTTP_DOOR_PINNED, .identity = cluster_identity, .handler = request_received};
    addr_from_text(&options.bind_to, "127.0.0.1:0");
    cr_assert_eq(net_http_server_start(&server, loop, &options, NULL, 0), ERR_OK);
}

TestSuite(registration, .init = start, .timeout = 60);

static struct registration *open_with(const struct public_key *pinned) {
    static char where[ADDR_TEXT_LEN_MAX + 1];
    struct addr at = net_http_server_address(server);
    struct registration_options options = {.loop = loop,
                                           .peerd = addr_to_text(&at, where),
                                           .peerd_keys = {*pinned},
                                           .peerd_key_count = 1,
                                           .identity = node_identity,
                                           .describe = describe,
                                           .answered = answered,
                                           .unwanted = unwanted,
                                           .gone = gone};
    name_set(&options.node, "n1");
    return registration_new(&options);
}

/* Runs until there have been so many answers, or requests. */
static void run_until(const unsigned *count, unsigned wanted) {
    for (int i = 0; i < 3000 && *count < wanted; i++)
        net_loop_run_until(loop, instant_add(net_now(), duration_ms(10)));
    cr_assert_geq(*count, wanted);
}

Test(registration, tells_everything_first_and_changes_then) {
    struct registration *r = open_with(&cluster.public_key);
    run_until(&heard.answers, 3);
    cr_expect(public_key_equal(&peerd.asker, &node.public_key), "with the node's own key");
    cr_expect_eq(peerd.full, 1);
    cr_expect_eq(heard.last_seq, peerd.seq);
    cr_expect_eq(peerd.seen, peerd.seq - 1);
    cr_expect_neq(peerd.boot, 0);
    cr_expect(!instant_before(net_now(), registration_heard(r)));
    cr_expect_lt(instant_since(net_now(), registration_heard(r)).us, 10000000);
    registration_orders_seen(r, 9);
    registration_orders_seen(r, 4);
    peerd.want_full = true;
    run_until(&heard.answers, 5);
    peerd.want_full = false;
    unsigned full = peerd.full;
    cr_expect_geq(full, 2, "it was asked for");
    run_until(&heard.answers, 8);
    cr_expect_leq(peerd.full, full + 1);
    cr_expect_eq(peerd.order_seen, 9, "the highest of all");
}

Test(registration, what_is_no_answer_changes_nothing) {
    static const char *const what[] = {"well", "to another request", "damaged", "denied"};
    struct registration *r = open_with(&cluster.public_key);
    run_until(&heard.answers, 1);
    for (int how = ANSWER_STALE; how <= ANSWER_DENIED; how++) {
        peerd.how = how;
        run_until(&peerd.requests, peerd.requests + 2);
        unsigned answers = heard.answers;
        struct instant at = registration_heard(r);
        run_until(&peerd.requests, peerd.requests + 2);
        cr_expect_eq(heard.answers, answers, "%s", what[how]);
        cr_expect_eq(registration_heard(r).us, at.us, "%s", what[how]);
    }
    peerd.how = ANSWER_NEVER;
    run_until(&peerd.requests, peerd.requests + 1);
    peerd.how = ANSWER_WELL;
    run_until(&heard.answers, heard.answers + 2);
}

Test(registration, a_second_one_under_its_name_backs_off) {
    open_with(&cluster.public_key);
    run_until(&heard.answers, 2);
    peerd.how = ANSWER_UNWANTED;
    run_until(&heard.unwanted, 1);
    struct instant told = peerd.asked;
    peerd.how = ANSWER_WELL;
    unsigned full = peerd.full;
    run_until(&heard.answers, heard.answers + 1);
    cr_expect_geq(instant_since(peerd.asked, told).us, 1000000, "it was told when to come back");
    cr_expect_eq(peerd.full, full + 1, "now everything has to be told");
    cr_expect_eq(heard.unwanted, 1);
}

/* What is late, damaged or denied comes from somebody; where nobody listens peerd is gone. */
Test(registration, says_at_once_that_nobody_listens) {
    open_with(&cluster.public_key);
    run_until(&heard.answers, 2);
    peerd.how = ANSWER_DENIED;
    run_until(&peerd.requests, peerd.requests + 2);
    cr_expect_eq(heard.gone, 0);
    unsigned described = heard.described;
    net_http_server_stop(server);
    run_until(&heard.gone, 1);
    cr_expect_leq(heard.described, described + 2, "the first or, on its way, the second request");
    run_until(&heard.gone, 3);
}

Test(registration, nobody_else_is_believed) {
    struct key_pair stranger;
    uint8_t seed[KEY_BYTES] = {3};
    key_pair_from_seed(&stranger, seed);
    open_with(&stranger.public_key);
    run_until(&heard.described, 3);
    cr_expect_eq(peerd.requests, 0, "it does not even tell its sessions");
    cr_expect_eq(heard.answers, 0);
}
