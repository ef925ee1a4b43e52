/* What the tests of the real peerd share: a rig a test, opened and closed around it. */
#ifndef TEST_UNIT_CLUSTER_FIXTURE_H
#define TEST_UNIT_CLUSTER_FIXTURE_H

#include "peerd/wire/api.h"
#include "peerd/wire/node.h"
#include "test/lib/cluster_rig.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define ITEMS(rows) (sizeof(rows) / sizeof((rows)[0]))

static struct cluster_rig rig;
static struct cluster_answer answer __attribute__((unused));

static inline void open_rig(void) {
    char path[512];
    if (!program_find("peerd", path, sizeof(path)))
        cr_skip_test("no peerd in $PEERD_BIN");
    cluster_open(&rig);
}

static inline void close_rig(void) {
    if (rig.loop != NULL)
        cluster_close(&rig);
}

/* Also starts peerd, with ams1 for a peer. */
static inline void open_running(void) {
    open_rig();
    cluster_write_policy(&rig, cluster_policy(&rig, cluster_peers(&rig)));
    cr_assert(cluster_start(&rig));
}

/* Also ends it, which shows leaks where they are looked for. */
static inline void close_running(void) {
    if (rig.loop == NULL)
        return;
    int status = rig.peerd.pid > 0 ? cluster_stop(&rig) : 0;
    cluster_close(&rig);
    cr_expect_eq(status, 0, "peerd ended with %d", status);
}

/* The only node says that. A run each. */
static inline void node_says(struct node_request request) {
    name_set(&request.node, "n1");
    request.seq = 1;
    request.full = true;
    char *body = node_request_encode(&request, NULL);
    cr_assert_not_null(body);
    cluster_control(&rig, &answer, AS_NODE, "POST", "/v1/node", body);
    free(body);
    cr_assert_eq(answer.status, 200, "%s", answer.body);
}

/* … which has nothing; it has kept that word on draining. */
static inline void node_tells(uint64_t run, struct drain_word drain) {
    node_says((struct node_request){.boot = run, .drain = drain});
}

static const struct net_http_header with_token[] = {{"Authorization", "Bearer " CLUSTER_TOKEN},
                                                    {NULL, NULL}};

#endif
