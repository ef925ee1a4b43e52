#include "test/unit/core_fixture.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* What peers say of themselves, and what is refused of it. */

static struct fixture f;

static void start(void) {
    f = (struct fixture){.now = instant_us(1000000)};
    fixture_policy(&f.policy, 1, 2, 10);
    fixture_start(&f, 7);
}

static void missed(uint32_t peer, bool lodging, enum err err) {
    struct core_event e = {.kind = CORE_PEER_UNREACHABLE};
    e.u.unreachable = (struct core_peer_unreachable){peer, lodging, err};
    fixture_step(&f, &e);
}

static void described(uint32_t peer, const char *name) {
    struct description d = {.issued_s = 5};
    struct core_event e = {.kind = CORE_PEER_DESCRIBED};
    name_set(&d.cluster, name);
    name_set(&d.provider, "acme");
    name_set(&d.region, "here");
    e.u.described = (struct core_peer_described){peer, &d};
    fixture_step(&f, &e);
}

/* Lines that say so, and are forgotten with it. */
static uint32_t told(const char *text) {
    uint32_t count = 0;
    const struct trace_line *line;
    while ((line = trace_take(&f.trace)) != NULL)
        count += strstr(line->text, text) != NULL;
    return count;
}

Test(core_descriptions, what_is_anothers_is_counted_and_told_and_nothing_else) {
    static const struct {
        const char *what;
        enum err err;
        uint32_t refused;
    } rows[] = {
        {"another's signature", ERR_BAD_SIGNATURE, 1},
        {"another's name or key", ERR_FOREIGN, 1},
        {"nobody answers", ERR_UNREACHABLE, 0},
        {"it is cut off while it answers", ERR_TRUNCATED, 0},
        {"it has no time", ERR_TIMEOUT, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (int lodging = 0; lodging < 2; lodging++) {
            start();
            missed(1, lodging, rows[i].err);
            struct core_peer_status s = core_peer_status(f.core, 1, f.now);
            cr_expect_eq(s.refused, rows[i].refused, "%s", rows[i].what);
            cr_expect_eq(s.refused_err, rows[i].refused > 0 ? rows[i].err : ERR_OK, "%s",
                         rows[i].what);
            cr_expect_eq(core_counters(f.core)->answers_refused, rows[i].refused, "%s",
                         rows[i].what);
            cr_expect_eq(told("fra1 > peer1 refused: "), rows[i].refused, "%s", rows[i].what);
            cr_expect_eq(core_peer_status(f.core, 0, f.now).refused, 0, "the other peer");
            core_free(f.core);
        }
    }
}

Test(core_descriptions, who_goes_on_is_told_once_and_again_when_it_was_good_in_between) {
    start();
    for (int i = 0; i < 5; i++)
        missed(0, false, ERR_BAD_SIGNATURE);
    cr_expect_eq(told("fra1 > peer0 refused: the signature does not verify"), 1);
    described(0, "peer0");
    struct core_peer_status s = core_peer_status(f.core, 0, f.now);
    cr_expect(s.refused == 5 && s.refused_err == ERR_OK && s.description != NULL);
    missed(0, false, ERR_BAD_SIGNATURE);
    cr_expect_eq(told("fra1 > peer0 refused: the signature does not verify"), 1);
    missed(0, false, ERR_FOREIGN);
    cr_expect_eq(told("fra1 > peer0 refused: meant for or signed by somebody else"), 1);
    s = core_peer_status(f.core, 0, f.now);
    cr_expect(s.refused == 7 && s.description != NULL, "what was known stays");
    core_free(f.core);
}

Test(core_descriptions, who_speaks_in_anothers_name_is_not_heard) {
    start();
    described(0, "peer1");
    struct core_peer_status s = core_peer_status(f.core, 0, f.now);
    cr_expect(s.refused == 1 && s.refused_err == ERR_FOREIGN && s.description == NULL);
    core_free(f.core);
}
