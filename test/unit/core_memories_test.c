#include "peerd/core/state.h"
#include "test/unit/core_fixture.h"

/* An answer with all that one can have; `session` is its own, the rest many have. */
static struct core_answer_open full_answer(const struct core *core, uint8_t session) {
    struct core_answer_open a = {.lease_ms = 5000, .backup_count = 2};
    struct ticket *t = &a.ticket;
    memset(t->session.bytes, session, sizeof(t->session.bytes));
    memset(t->client.bytes, session ^ 0xff, sizeof(t->client.bytes));
    t->legs[0] = (struct leg){.ssrc = session * 7U, .seq0 = session, .ts0 = session * 9U};
    t->leg_count = 1;
    t->issuer = core->name;
    t->issued_s = 1700000000 + session;
    t->expires_s = t->issued_s + 3600;
    a.profile = &core->policy.profiles[0];
    t->profile = a.profile->name;
    t->service = core->policy.services[0].name;
    t->source = core->policy.sources[0].name;
    t->determinism = (struct determinism_id){{1, 2, 3}};
    t->digest = (struct source_digest){{4, 5, 6}};
    t->class = SOURCE_CLASS_SEEKABLE;
    t->protection = PROTECTION_COLD;
    t->anchor_frame = 1000U + session;
    t->anchor_wall_ms = 1700000000000 + session;
    t->backup_count = 2;
    for (uint32_t i = 0; i < 2; i++) {
        t->backups[i] = core->policy.peers[i].name;
        a.backups[i] = (struct core_backup){core->policy.peers[i].name, core->policy.peers[i].key,
                                            addr_ipv4((uint8_t[]){10, 0, 0, session % 2}, 5004)};
    }
    a.measures = true;
    a.probe_count = session % 2; /* half of them are named somebody to probe */
    if (a.probe_count > 0)
        a.probes[0] = a.backups[1];
    return a;
}

Test(core_memories, an_answer_comes_back_word_for_word) {
    struct fixture *f = fixture_new(1, 2, 10);
    struct core *core = f->core;
    for (uint8_t n = 1; n < 100; n++) {
        struct core_answer_open a = full_answer(core, n);
        memory_add(core, (uint8_t[CORE_ENTROPY_BYTES]){n}, &a);
    }
    cr_expect_eq(core->interns.by_bytes.count, 1 + 2 * 2, "they have most in common");
    for (uint8_t n = 1; n < 100; n++) {
        struct core_answer_open a = full_answer(core, n), again;
        const struct memory *one = memory_find(core, (uint8_t[CORE_ENTROPY_BYTES]){n});
        cr_assert_not_null(one);
        memory_tell(core, one, &again);
        cr_expect_eq(memcmp(&again.ticket, &a.ticket, sizeof(a.ticket)), 0, "%u", n);
        cr_expect_eq(memcmp(again.backups, a.backups, sizeof(a.backups)), 0, "%u", n);
        cr_expect(again.measures && again.probe_count == a.probe_count);
        cr_expect_eq(memcmp(again.probes, a.probes, sizeof(a.probes)), 0, "%u", n);
        cr_expect(again.backup_count == 2 && again.lease_ms == 5000 && again.err == ERR_OK);
        cr_expect_str_eq(again.profile->name.text, a.profile->name.text);
    }
    cr_expect_null(memory_find(core, (uint8_t[CORE_ENTROPY_BYTES]){100}));
    fixture_wait(f, duration_in_ms(CORE_IDEMPOTENT_LIFE) + 1);
    cr_expect_null(memory_find(core, (uint8_t[CORE_ENTROPY_BYTES]){1}));
    cr_expect_eq(core->interns.by_bytes.count, 0, "nobody has anything any more");
    fixture_free(f);
}
