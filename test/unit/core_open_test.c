#include "test/unit/core_fixture.h"

static struct fixture *ready(uint32_t nodes, uint32_t capacity) {
    struct fixture *f = fixture_new(nodes, 0, capacity);
    fixture_register(f);
    return f;
}

Test(core_open, refusals_say_why_and_when_to_come_back) {
    static const struct {
        const char *what, *service, *profile, *source;
        enum err expected;
        bool again;
    } rows[] = {
        {"another service", "tv", "pcmu", "news", ERR_UNKNOWN_SERVICE, false},
        {"a profile that nobody has", "radio", "opus", "news", ERR_UNKNOWN_PROFILE, false},
        {"a source that nobody has", "radio", "pcmu", "olds", ERR_UNKNOWN_SOURCE, false},
        {"a profile of another service", "radio", "gsm", "news", ERR_UNKNOWN_PROFILE, false},
        {"a source of another service", "radio", "pcmu", "film", ERR_UNKNOWN_SOURCE, false},
        {"a source that the node cannot read", "films", "pcmu", "film", ERR_SOURCE_FAILED, true},
    };
    struct fixture *f = fixture_new(1, 0, 10);
    f->policy.profile_count = f->policy.source_count = f->policy.service_count = 2;
    name_set(&f->policy.profiles[1].name, "gsm");
    name_set(&f->policy.sources[1].name, "film");
    f->policy.services[0].source_count = 1;
    name_set(&f->policy.services[0].sources[0], "news");
    f->policy.services[1] = f->policy.services[0];
    name_set(&f->policy.services[1].name, "films");
    name_set(&f->policy.services[1].sources[0], "film");
    core_free(f->core);
    fixture_start(f, 2);
    fixture_register(f);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct core_session_open open = fixture_request(1);
        name_set(&open.service, rows[i].service);
        name_set(&open.profile, rows[i].profile);
        name_set(&open.source, rows[i].source);
        struct core_answer_open a = fixture_open(f, &open);
        cr_expect_eq(a.err, rows[i].expected, "%s: %s", rows[i].what, err_name(a.err));
        cr_expect_eq(a.retry_after_ms > 0, rows[i].again, "%s", rows[i].what);
        cr_expect_str_eq(a.detail, err_text(rows[i].expected));
    }
    cr_expect_eq(core_counters(f->core)->opens_refused, 6u);
    fixture_free(f);
}

Test(core_open, ticket_says_all) {
    struct fixture *f = ready(1, 10);
    struct core_session_open open = fixture_request(0x01020304);
    open.start_frame = 77;
    open.protection = PROTECTION_COLD;
    open.client = fixture_key(5, 5);
    struct core_answer_open a = fixture_open(f, &open);
    const struct ticket *t = &a.ticket;
    cr_assert_eq(a.err, ERR_OK);
    cr_expect(a.epoch == 1 && a.lease_ms == 3000 && !a.repeated && a.retry_after_ms == 0);
    cr_expect_str_eq(t->issuer.text, "fra1");
    cr_expect(memcmp(t->session.bytes, open.entropy, SESSION_ID_BYTES) == 0);
    cr_expect(t->leg_count == 1 && t->legs[0].ssrc == 0x5a5a5a5a && t->legs[0].seq0 == 0x5a5a);
    cr_expect_eq(t->expires_s - t->issued_s, 3600);
    cr_expect(t->determinism.bytes[0] == 1 && t->digest.bytes[0] == 7);
    cr_expect(t->anchor_frame == 77 && t->anchor_wall_ms == 1700000000000);
    cr_expect(public_key_equal(&t->client, &open.client));
    cr_expect_str_eq(a.profile->name.text, "pcmu");
    cr_expect(a.media.port == 7700 || a.media.port == 7701);
    cr_expect_eq(core_status(f->core).opened, 1u);
    fixture_free(f);
}

Test(core_open, hot_protection_is_refused_in_words_where_it_is_not_offered) {
    struct fixture *f = ready(1, 10);
    struct core_session_open open = fixture_request(1);
    open.protection = PROTECTION_HOT;
    struct core_answer_open a = fixture_open(f, &open);
    cr_expect_eq(a.err, ERR_UNSUPPORTED);
    cr_expect_eq(a.retry_after_ms, 0);
    cr_expect_str_eq(a.detail, "this service is not offered with hot protection; ask for warm");
    cr_expect_eq(core_status(f->core).opened, 0u);
    open.protection = PROTECTION_WARM;
    cr_expect_eq(fixture_open(f, &open).err, ERR_OK);
    fixture_free(f);
}

Test(core_open, spreads_over_nodes_and_workers_up_to_the_credit_and_no_further) {
    struct fixture *f = ready(2, 8); /* two nodes of two workers of two slots */
    uint32_t by_worker[2][2] = {{0}};
    for (uint32_t i = 0; i < 8; i++) {
        struct core_session_open open = fixture_request(i);
        struct core_answer_open a = fixture_open(f, &open);
        cr_assert_eq(a.err, ERR_OK, "%u: %s", i, err_name(a.err));
        by_worker[a.media.ip[3] - 1][a.media.port - 7700]++;
    }
    for (int n = 0; n < 2; n++)
        for (int w = 0; w < 2; w++)
            cr_expect_eq(by_worker[n][w], 2u, "node %d worker %d: %u", n, w, by_worker[n][w]);
    struct core_session_open open = fixture_request(99);
    struct core_answer_open a = fixture_open(f, &open);
    cr_expect_eq(a.err, ERR_NO_CREDIT);
    cr_expect(a.retry_after_ms >= 300);
    fixture_free(f);
}

Test(core_open, what_is_never_started_gives_its_slot_back) {
    struct fixture *f = ready(1, 2);
    for (uint32_t i = 0; i < 2; i++) {
        struct core_session_open open = fixture_request(i);
        cr_assert_eq(fixture_open(f, &open).err, ERR_OK);
    }
    struct core_session_open third = fixture_request(3);
    cr_expect_eq(fixture_open(f, &third).err, ERR_NO_CREDIT);
    for (int i = 0; i < 31; i++) { /* the node goes on polling */
        fixture_wait(f, 100);
        fixture_node(f, 0, &(struct fixture_report){0});
    }
    cr_expect_eq(core_counters(f->core)->opens_abandoned, 2u);
    cr_expect_eq(fixture_open(f, &third).err, ERR_OK);
    fixture_free(f);
}

Test(core_open, reserved_slots_are_left_to_resumes) {
    struct fixture *f = fixture_new(1, 2, 20);
    f->policy.peers[0].reserved_slots = 6;
    f->policy.peers[1].reserved_slots = 4;
    core_free(f->core);
    fixture_start(f, 2);
    fixture_register(f);
    uint32_t opened = 0;
    struct core_session_open open;
    for (uint32_t i = 0; i < 20; i++) {
        open = fixture_request(i);
        open.protection = PROTECTION_COLD;
        opened += fixture_open(f, &open).err == ERR_OK;
    }
    cr_expect_eq(opened, 10u);
    fixture_free(f);

    /* Sessions of peers that are here use what is reserved for them, not what is left. */
    f = fixture_new(1, 2, 20);
    f->policy.peers[0].reserved_slots = 6;
    f->policy.peers[1].reserved_slots = 4;
    core_free(f->core);
    fixture_start(f, 3);
    struct node_session theirs[8];
    for (uint32_t i = 0; i < 8; i++) {
        theirs[i] = fixture_session(100 + i, 1, RESUME_STANDBY);
        theirs[i].issuer = f->policy.peers[0].name;
    }
    for (int i = 0; i < 2; i++)
        fixture_node(f, 0, &(struct fixture_report){.sessions = theirs, .session_count = 8});
    cr_expect_eq(core_status(f->core).reserved, 4u);
    for (opened = 0;; opened++) {
        open = fixture_request(opened);
        open.protection = PROTECTION_COLD;
        if (fixture_open(f, &open).err != ERR_OK)
            break;
    }
    cr_expect_eq(opened, 8u, "20 slots, 8 in use by a peer, 4 reserved for the other: %u", opened);
    fixture_free(f);
}

/* Of forty slots on two machines twenty are kept. Ten of those are in use at the second one, and
 * six that are not at the first: there are more free, and fewer that are kept for nobody. */
Test(core_open, is_opened_where_slots_are_kept_for_nobody) {
    struct fixture *f = fixture_new(2, 1, 40);
    struct node_session here[2][10];
    f->policy.peers[0].reserved_slots = 20;
    core_free(f->core);
    fixture_start(f, 2);
    for (uint32_t i = 0; i < 10; i++) {
        here[0][i] = fixture_session(10 + i, 1, RESUME_COMMIT);
        here[1][i] = fixture_session(100 + i, 1, RESUME_COMMIT);
        here[1][i].issuer = f->policy.peers[0].name;
    }
    struct node_guest guest = {.issuer = f->policy.peers[0].name, .sessions = 10};
    for (int turn = 0; turn < 3; turn++) {
        fixture_node(f, 0, &(struct fixture_report){.sessions = here[0], .session_count = 6});
        fixture_node(f, 1,
                     &(struct fixture_report){.sessions = here[1],
                                              .session_count = 10,
                                              .guests = turn > 0 ? &guest : NULL,
                                              .guest_count = turn > 0});
    }
    cr_expect_eq(core_status(f->core).reserved, 10u);
    struct core_session_open open = fixture_request(1);
    open.protection = PROTECTION_COLD;
    struct core_answer_open a = fixture_open(f, &open);
    cr_assert_eq(a.err, ERR_OK);
    cr_expect_eq(a.media.ip[3], 2u);
    fixture_free(f);
}

Test(core_open, budget_is_a_bucket_of_one_second) {
    struct fixture *f = fixture_new(1, 0, 1000);
    f->policy.limits.opens_per_s = 10;
    core_free(f->core);
    fixture_start(f, 2);
    fixture_register(f);
    uint32_t number = 0, opened = 0;
    struct core_answer_open a = {0};
    for (int i = 0; i < 50; i++) {
        struct core_session_open open = fixture_request(number++);
        a = fixture_open(f, &open);
        opened += a.err == ERR_OK;
    }
    cr_expect_eq(opened, 10u);
    cr_expect_eq(a.err, ERR_BUDGET);
    fixture_wait(f, 250);
    for (int i = 0; i < 50; i++) {
        struct core_session_open open = fixture_request(number++);
        opened += fixture_open(f, &open).err == ERR_OK;
    }
    cr_expect_eq(opened, 12u);
    fixture_free(f);
}

Test(core_open, retry_after_is_spread) {
    struct fixture *f = ready(1, 2);
    fixture_wait(f, 900);
    fixture_node(f, 0, &(struct fixture_report){0});
    fixture_wait(f, 200);
    uint32_t least = UINT32_MAX, most = 0;
    for (uint32_t i = 0; i < 40; i++) {
        struct core_session_open open = fixture_request(i);
        struct core_answer_open a = fixture_open(f, &open);
        if (a.err == ERR_OK)
            continue;
        least = a.retry_after_ms < least ? a.retry_after_ms : least;
        most = a.retry_after_ms > most ? a.retry_after_ms : most;
    }
    cr_expect(least >= 1000 && most <= 5000 && most - least > 2000, "%u..%u", least, most);
    fixture_free(f);
}

Test(core_open, table_full_is_said) {
    struct fixture *f = fixture_new(1, 0, 100);
    f->policy.limits.sessions_max = 3;
    core_free(f->core);
    fixture_start(f, 2);
    fixture_register(f);
    for (uint32_t i = 0; i < 3; i++) {
        struct core_session_open open = fixture_request(i);
        cr_expect_eq(fixture_open(f, &open).err, ERR_OK);
    }
    struct core_session_open open = fixture_request(4);
    cr_expect_eq(fixture_open(f, &open).err, ERR_FULL);
    fixture_free(f);
}

static struct core_session_open idempotent(uint32_t number) {
    struct core_session_open open = fixture_request(number);
    open.idempotent = true;
    memset(open.digest, 0x33, sizeof(open.digest));
    memcpy(open.digest, &number, sizeof(number));
    return open;
}

Test(core_open, the_same_question_gets_the_same_answer) {
    struct fixture *f = ready(1, 10);
    struct core_session_open open = idempotent(1);
    struct core_answer_open first = fixture_open(f, &open);
    cr_assert_eq(first.err, ERR_OK);
    fixture_wait(f, 500);
    memset(open.entropy, 0xee, sizeof(open.entropy));
    open.request = 9;
    struct core_answer_open again = fixture_open(f, &open);
    cr_expect(again.repeated && again.request == 9);
    cr_expect(memcmp(&again.ticket, &first.ticket, sizeof(first.ticket)) == 0);
    cr_expect_str_eq(again.profile->name.text, "pcmu");
    cr_expect_eq(core_status(f->core).opened, 1u);
    struct core_session_open other = idempotent(2);
    struct core_answer_open fresh = fixture_open(f, &other);
    cr_expect_not(session_id_equal(&fresh.ticket.session, &first.ticket.session));

    /* A restart remembers nothing, and yet makes the same session of it. */
    core_free(f->core);
    fixture_start(f, 2);
    fixture_register(f);
    struct core_answer_open after = fixture_open(f, &open);
    cr_expect_not(after.repeated);
    cr_expect(session_id_equal(&after.ticket.session, &first.ticket.session));
    cr_expect(memcmp(after.ticket.legs, first.ticket.legs, sizeof(first.ticket.legs)) == 0);
    fixture_free(f);
}

static struct node_session running(const struct core_answer_open *a, uint32_t epoch) {
    struct node_session s = fixture_session(0, epoch, RESUME_COMMIT);
    s.session = a->ticket.session;
    return s;
}

/* Whoever asks again begins anew: under an epoch that was committed already it would be refused. */
Test(core_open, a_repetition_gets_an_epoch_past_the_one_known) {
    struct fixture *f = ready(1, 10);
    struct core_session_open open = idempotent(1);
    struct core_answer_open first = fixture_open(f, &open);
    cr_expect_eq(first.epoch, 1u);
    cr_expect_eq(fixture_open(f, &open).epoch, 1u, "nobody has begun with it");
    struct node_session s = running(&first, 4);
    struct fixture_report told = {.sessions = &s, .session_count = 1};
    fixture_node(f, 0, &told);
    struct core_answer_open again = fixture_open(f, &open);
    cr_expect(again.repeated && again.epoch == 5u, "epoch %u", again.epoch);
    core_free(f->core);
    fixture_start(f, 2);
    fixture_register(f);
    fixture_node(f, 0, &told);
    struct core_answer_open after = fixture_open(f, &open);
    cr_expect(session_id_equal(&after.ticket.session, &first.ticket.session));
    cr_expect(!after.repeated && after.epoch == 5u, "after a restart: epoch %u", after.epoch);
    cr_expect_eq(core_status(f->core).sessions, 1u);
    fixture_free(f);
}

Test(core_open, a_repetition_after_the_end_is_a_session_of_its_own) {
    struct fixture *f = ready(1, 10);
    struct core_session_open open = idempotent(1);
    struct core_answer_open first = fixture_open(f, &open);
    struct node_session s = running(&first, 4);
    fixture_node(f, 0, &(struct fixture_report){.sessions = &s, .session_count = 1});
    fixture_node(f, 0, &(struct fixture_report){0});
    cr_assert_eq(core_status(f->core).sessions, 0u);
    struct core_session_open refused = open;
    refused.protection = PROTECTION_HOT;
    cr_expect_eq(fixture_open(f, &refused).err, ERR_UNSUPPORTED); /* which changes nothing of it */
    struct core_answer_open next = fixture_open(f, &open);
    cr_expect(next.err == ERR_OK && !next.repeated && next.epoch == 1u);
    cr_expect_not(session_id_equal(&next.ticket.session, &first.ticket.session));
    open.entropy[0] ^= 0xff;
    struct core_answer_open same = fixture_open(f, &open);
    cr_expect(same.repeated && session_id_equal(&same.ticket.session, &next.ticket.session));
    fixture_free(f);
}

Test(core_open, memory_of_answers_is_bounded_and_ages) {
    struct fixture *f = fixture_new(1, 0, 4000);
    f->policy.limits.opens_per_s = 100000;
    core_free(f->core);
    fixture_start(f, 2);
    fixture_register(f);
    for (uint32_t i = 0; i < CORE_IDEMPOTENT_MAX + 1; i++) {
        struct core_session_open open = idempotent(i);
        cr_assert_eq(fixture_open(f, &open).err, ERR_OK);
    }
    struct core_session_open oldest = idempotent(0), newest = idempotent(CORE_IDEMPOTENT_MAX);
    cr_expect(fixture_open(f, &newest).repeated);
    struct core_answer_open a = fixture_open(f, &oldest);
    cr_expect(a.err == ERR_OK && !a.repeated, "forgotten, but no second session");
    cr_expect_eq(core_status(f->core).opened, CORE_IDEMPOTENT_MAX + 1u);
    fixture_wait(f, 60000);
    fixture_register(f);
    cr_expect_not(fixture_open(f, &newest).repeated);
    fixture_free(f);
}

/* Found by the simulator: it was opened, and forgotten in the same step. */
Test(core_open, not_at_a_node_whose_lease_ends_just_now) {
    struct fixture *f = fixture_new(1, 0, 10);
    struct core_session_open request = fixture_request(1);
    fixture_register(f);
    cr_assert_eq(fixture_open(f, &request).err, ERR_OK);
    f->now = instant_add(f->now, f->policy.limits.node_lease);
    request = fixture_request(2);
    cr_expect_eq(fixture_open(f, &request).err, ERR_NO_CREDIT);
    fixture_free(f);
}
