/*
 * The real peerd takes its next key, and sees a peer take its own. We are the peer, the node, and
 * whoever has the key that is next.
 */
#include "peerd/wire/description.h"
#include "test/unit/cluster_fixture.h"

TestSuite(peerd_rekey, .init = open_running, .fini = close_running, .timeout = 120);

/* A line of the policy gives way to another, and the file is taken; the status. */
static unsigned reload(const char *from, const char *to, const char *more) {
    char text[4096];
    char *policy = cluster_policy(&rig, more);
    char *at = strstr(policy, from);
    cr_assert_not_null(at, "%s", policy);
    snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - policy), policy, to, at + strlen(from));
    free(policy);
    cluster_write(&rig, "fra1.yaml", text);
    cluster_control(&rig, &answer, AS_OPERATOR, "POST", "/v1/reload", "{}");
    return answer.status;
}

static unsigned ask(enum cluster_asker who, const char *path) {
    cluster_control(&rig, &answer, who, NULL, path, NULL);
    return answer.status;
}

static void swap(enum cluster_asker a, enum cluster_asker b) {
    struct key_pair pair = rig.keys[a];
    struct net_identity *identity = rig.identities[a];
    rig.keys[a] = rig.keys[b];
    rig.identities[a] = rig.identities[b];
    rig.keys[b] = pair;
    rig.identities[b] = identity;
}

static struct description described_by(const struct key_pair *pair) {
    struct description d = {.issued_s = 0};
    cr_assert_eq(ask(AS_PEER, "/v1/description"), 200, "%s", answer.body);
    cr_assert_eq(description_open(&d, answer.body, answer.body_len, NULL, &pair->public_key, NULL),
                 ERR_OK);
    return d;
}

/* The row of a key among those whose tickets a node is to take; NULL for none. */
static const struct ticket_issuer *issuer(const struct node_answer *a, enum cluster_asker whose) {
    for (size_t i = 0; i < a->issuer_count; i++)
        if (public_key_equal(&a->issuers[i].key, &rig.keys[whose].public_key))
            return &a->issuers[i];
    return NULL;
}

static const char *with_next(const char *file, enum cluster_asker next, enum cluster_asker former) {
    static char text[512];
    snprintf(text, sizeof(text), "key_file: %s", file);
    if (next != AS_NOBODY)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), ", next_key: %s",
                 rig.public_texts[next]);
    if (former != AS_NOBODY)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), ", former_keys: %s",
                 rig.public_texts[former]);
    return text;
}

#define OWN "key_file: fra1.key"

Test(peerd_rekey, a_key_that_was_announced_takes_the_place_of_the_one_before) {
    struct node_answer a;
    cr_assert_eq(reload(OWN, with_next("fra1.key", AS_STRANGER, AS_NOBODY), cluster_peers(&rig)),
                 200, "%s", answer.body);
    struct description d = described_by(&rig.keys[AS_OPERATOR]);
    cr_expect(d.has_next_key && public_key_equal(&d.next_key, &rig.keys[AS_STRANGER].public_key) &&
              d.past == NULL);
    description_free(&d);
    cr_assert(cluster_register(&rig, &a));
    cr_expect_not_null(issuer(&a, AS_STRANGER), "its first ticket is good before the word of it");
    node_answer_free(&a);
    cr_assert_eq(reload(OWN, with_next("stranger.key", AS_NOBODY, AS_NOBODY), cluster_peers(&rig)),
                 200, "%s", answer.body);
    swap(AS_OPERATOR, AS_STRANGER);
    cr_expect_eq(ask(AS_OPERATOR, "/v1/status"), 200);
    cr_expect_eq(cluster_number(&answer, "counters.rekeys"), 1);
    cr_expect_eq(ask(AS_STRANGER, "/v1/status"), 403, "the one before opens nothing any more");
    d = described_by(&rig.keys[AS_OPERATOR]);
    cr_assert(d.past != NULL && d.past->former_count == 1 && !d.has_next_key);
    cr_expect(public_key_equal(&d.past->former[0].key, &rig.keys[AS_STRANGER].public_key) &&
              d.past->former[0].until_s > d.past->former[0].switched_s);
    description_free(&d);
    cr_assert(cluster_register(&rig, &a));
    const struct ticket_issuer *former = issuer(&a, AS_STRANGER), *now = issuer(&a, AS_OPERATOR);
    cr_assert(former != NULL && now != NULL);
    cr_expect(former->issued_until_s > 0 && former->expires_until_s > former->issued_until_s);
    cr_expect(now->issued_until_s == 0 && now->expires_until_s == 0);
    node_answer_free(&a);
}

Test(peerd_rekey, a_key_that_was_not_announced_is_refused) {
    cr_expect_eq(reload(OWN, "key_file: stranger.key", cluster_peers(&rig)), 409);
    cr_expect_not_null(strstr(answer.body, "did not announce"), "%s", answer.body);
    cr_expect_eq(reload(OWN, with_next("fra1.key", AS_OPERATOR, AS_NOBODY), ""), 409,
                 "the one in force is not the next one");
}

Test(peerd_rekey, one_that_is_revoked_is_told_as_such) {
    char more[1024];
    struct node_answer a;
    snprintf(more, sizeof(more), "%sdiscovery: {accept: [{name: none}], revoked: [%s]}\n",
             cluster_peers(&rig), rig.public_texts[AS_STRANGER]);
    cr_assert_eq(reload(OWN, with_next("fra1.key", AS_NOBODY, AS_STRANGER), more), 200, "%s",
                 answer.body);
    struct description d = described_by(&rig.keys[AS_OPERATOR]);
    cr_assert(d.past != NULL && d.past->former_count == 0 && d.past->revoked_count == 1);
    description_free(&d);
    cr_assert(cluster_register(&rig, &a));
    const struct ticket_issuer *row = issuer(&a, AS_STRANGER);
    cr_expect(row != NULL && ticket_issuer_is_revoked(row));
    node_answer_free(&a);
}

/* A peer that comes with the key that the policy pins as its next one has switched. */
Test(peerd_rekey, a_peer_goes_over_to_the_key_that_is_pinned) {
    char more[1024];
    struct node_answer a;
    snprintf(more, sizeof(more),
             "peers: [{name: ams1, key: %s, next_key: %s, beats: '%s:7610', control: '%s:7611'}]\n",
             rig.public_texts[AS_PEER], rig.public_texts[AS_STRANGER], rig.ip, rig.ip);
    cr_assert_eq(reload(OWN, OWN, more), 200, "%s", answer.body);
    cr_expect_eq(ask(AS_PEER, "/v1/description"), 200);
    cr_expect_eq(ask(AS_STRANGER, "/v1/description"), 200, "%s", answer.body);
    cr_expect_eq(ask(AS_PEER, "/v1/description"), 403, "the one before is a stranger's");
    cr_assert_eq(ask(AS_OPERATOR, "/v1/peers"), 200);
    cr_expect(cluster_says(&answer, "peers.0.key", rig.public_texts[AS_STRANGER]));
    cr_expect_eq(cluster_number(&answer, "peers.0.key_outdated_in_policy"), 1);
    cr_assert(cluster_register(&rig, &a));
    const struct ticket_issuer *former = issuer(&a, AS_PEER);
    cr_expect(former != NULL && former->issued_until_s > 1 && issuer(&a, AS_STRANGER) != NULL);
    node_answer_free(&a);
    /* The same file again: it names the former key, and nothing changes. */
    cr_assert_eq(reload(OWN, OWN, more), 200, "%s", answer.body);
    cr_expect_eq(ask(AS_STRANGER, "/v1/description"), 200);
    cr_expect_eq(ask(AS_OPERATOR, "/v1/status"), 200);
    cr_expect_eq(cluster_number(&answer, "counters.peers_rekeyed"), 1);
    cluster_control(&rig, &answer, AS_OPERATOR, "POST", "/v1/diff", "");
    cr_expect_not_null(strstr(answer.body, "\"changes\":[]"), "%s", answer.body);
    snprintf(more + strlen(more), sizeof(more) - strlen(more),
             "discovery: {accept: [{name: none}], revoked: [%s]}\n", rig.public_texts[AS_STRANGER]);
    cr_assert_eq(reload(OWN, OWN, more), 200, "%s", answer.body);
    cr_expect_eq(ask(AS_STRANGER, "/v1/description"), 403, "revoked at once");
    cr_assert(cluster_register(&rig, &a));
    const struct ticket_issuer *row = issuer(&a, AS_STRANGER);
    cr_expect(row != NULL && ticket_issuer_is_revoked(row));
    node_answer_free(&a);
}
