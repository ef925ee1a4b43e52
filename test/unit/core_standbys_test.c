#include "test/unit/core_fixture.h"

#include "peerd/wire/coarse.h"

/* What a peer lodges with us. */
static struct standbys_group group(const char *location, uint32_t sessions) {
    struct standbys_group g = {.sessions = sessions, .backup_count = 1};
    name_set(&g.issuer, "peer0");
    name_set(&g.service, "radio");
    prefix_from_text(&g.location, location);
    name_set(&g.backups[0], "fra1");
    return g;
}

static struct core_answer_standbys lodge(struct fixture *f, uint32_t peer,
                                         const struct standbys_group *groups, uint32_t count,
                                         uint32_t *slots) {
    struct core_event e = {.kind = CORE_STANDBYS_LODGED};
    e.u.lodged = (struct core_standbys_lodged){
        .request = 7, .peer = peer, .ttl_ms = 900, .groups = groups, .group_count = count};
    fixture_step(f, &e);
    cr_assert_eq(f->outbox.items[0].kind, CORE_ANSWER_STANDBYS);
    struct core_answer_standbys a = f->outbox.items[0].u.standbys;
    cr_assert_eq(a.request, 7u);
    for (uint32_t i = 0; i < a.slot_count; i++)
        slots[i] = a.slots[i];
    return a;
}

static struct fixture *ready(uint32_t reserved) {
    struct fixture *f = fixture_new(1, 2, 100);
    f->policy.peers[0].reserved_slots = reserved;
    f->policy.peers[1].accept_moves = false;
    core_free(f->core);
    fixture_start(f, 2);
    fixture_register(f);
    return f;
}

Test(core_standbys, slots_come_out_of_what_is_reserved_in_the_order_asked) {
    struct fixture *f = ready(10);
    struct standbys_group g[3] = {group("192.0.2.0/24", 4), group("192.0.3.0/24", 8),
                                  group("192.0.4.0/24", 1)};
    uint32_t slots[3];
    struct core_answer_standbys a = lodge(f, 0, g, 3, slots);
    cr_expect(a.err == ERR_OK && a.slot_count == 3 && a.lease_ms == 900);
    cr_expect(slots[0] == 4 && slots[1] == 6 && slots[2] == 0, "%u %u %u", slots[0], slots[1],
              slots[2]);
    struct core_peer_status s = core_peer_status(f->core, 0, f->now);
    cr_expect(s.standby_groups == 3 && s.standby_slots == 10);
    /* What is stated later replaces it. */
    lodge(f, 0, g, 1, slots);
    s = core_peer_status(f->core, 0, f->now);
    cr_expect(s.standby_groups == 1 && s.standby_slots == 4);
    lodge(f, 0, NULL, 0, slots);
    cr_expect_eq(core_peer_status(f->core, 0, f->now).standby_groups, 0u);
    fixture_free(f);
}

Test(core_standbys, a_lodging_ends_by_itself) {
    struct fixture *f = ready(10);
    struct standbys_group g = group("192.0.2.0/24", 4);
    uint32_t slots[1];
    lodge(f, 0, &g, 1, slots);
    fixture_wait(f, 850);
    cr_expect_eq(core_peer_status(f->core, 0, f->now).standby_slots, 4u);
    fixture_wait(f, 50);
    cr_expect_eq(core_peer_status(f->core, 0, f->now).standby_slots, 0u);
    fixture_free(f);
}

Test(core_standbys, nothing_is_set_aside_for) {
    static const struct {
        const char *what;
        uint32_t reserved, peer;
        bool draining;
        enum err expected;
    } rows[] = {
        {"a peer without a reservation", 0, 0, false, ERR_OK},
        {"a peer that policy takes nothing from", 10, 1, false, ERR_DENIED},
        {"anybody while we drain", 10, 0, true, ERR_OK},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture *f = ready(rows[i].reserved);
        struct standbys_group g = group("192.0.2.0/24", 4);
        uint32_t slots[1] = {9};
        if (rows[i].draining)
            fixture_step(f, &(struct core_event){.kind = CORE_DRAIN});
        struct core_answer_standbys a = lodge(f, rows[i].peer, &g, 1, slots);
        cr_expect_eq(a.err, rows[i].expected, "%s", rows[i].what);
        cr_expect(a.slot_count == 1 && slots[0] == 0, "%s", rows[i].what);
        fixture_free(f);
    }
}

Test(core_standbys, sessions_of_the_peer_that_are_here_use_its_reservation) {
    struct fixture *f = ready(10);
    struct node_session theirs[7];
    for (uint32_t i = 0; i < 7; i++) {
        theirs[i] = fixture_session(i, 2, RESUME_COMMIT);
        name_set(&theirs[i].issuer, "peer0");
    }
    fixture_node(f, 0, &(struct fixture_report){.sessions = theirs, .session_count = 7});
    struct standbys_group g = group("192.0.2.0/24", 8);
    uint32_t slots[1];
    lodge(f, 0, &g, 1, slots);
    cr_expect_eq(slots[0], 3u);
    fixture_free(f);
}

Test(core_standbys, all_peers_together_are_bounded) {
    struct fixture *f = ready(100);
    static struct standbys_group g[CORE_STANDBYS_MAX + 100];
    static uint32_t slots[CORE_STANDBYS_MAX + 100];
    for (uint32_t i = 0; i < CORE_STANDBYS_MAX + 100; i++) {
        char text[32];
        snprintf(text, sizeof(text), "10.%u.%u.0/24", i / 256, i % 256);
        g[i] = group(text, 0);
    }
    struct core_answer_standbys a = lodge(f, 0, g, CORE_STANDBYS_MAX + 100, slots);
    cr_expect_eq(a.slot_count, CORE_STANDBYS_MAX + 100u);
    cr_expect_eq(core_peer_status(f->core, 0, f->now).standby_groups, (uint32_t)CORE_STANDBYS_MAX);
    cr_expect_geq(core_counters(f->core)->standbys_refused, 100u);
    fixture_free(f);
}
