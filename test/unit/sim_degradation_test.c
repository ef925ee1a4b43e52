#include "peerd/sim/bench_degradation.h"

#include <criterion/criterion.h>

/* What `peersim --bench degradation` judges under a hundred seeds, under a few. */
static struct bench_outcome run(uint64_t seed, enum bench_trouble trouble) {
    static struct bench_outcome out;
    const struct bench_case c = {.seed = seed,
                                 .trouble = trouble,
                                 .clients = 20,
                                 .clients_else = 20,
                                 .interval = duration_ms(500),
                                 .length = duration_s(20)};
    cr_assert(bench_case_run(&c, &out));
    return out;
}

Test(sim_degradation, a_bad_path_and_a_bad_access_are_told_apart_within_3_s) {
    for (uint64_t seed = 11; seed <= 14; seed++)
        for (int trouble = BENCH_TROUBLE_PATH; trouble <= BENCH_TROUBLE_ACCESS; trouble++) {
            struct bench_outcome o = run(seed, (enum bench_trouble)trouble);
            enum degrade_cause cause =
                trouble == BENCH_TROUBLE_PATH ? DEGRADE_CAUSE_PATH : DEGRADE_CAUSE_ACCESS;
            cr_assert(o.told, "seed %llu, trouble %d", (unsigned long long)seed, trouble);
            cr_expect_eq(o.cause, cause, "seed %llu: %s", (unsigned long long)seed, o.texts[0]);
            cr_expect(duration_in_ms(o.after) <= 3000, "seed %llu: after %lld ms",
                      (unsigned long long)seed, (long long)duration_in_ms(o.after));
            cr_expect_eq(o.early, 0);
        }
}

Test(sim_degradation, nothing_is_said_of_noise) {
    for (uint64_t seed = 11; seed <= 16; seed++)
        cr_expect_eq(run(seed, BENCH_TROUBLE_NONE).early, 0, "seed %llu", (unsigned long long)seed);
}

Test(sim_degradation, a_seed_is_a_case) {
    struct bench_outcome one = run(21, BENCH_TROUBLE_PATH);
    struct bench_outcome two = run(21, BENCH_TROUBLE_PATH);
    cr_expect_eq(one.after.us, two.after.us);
    cr_expect_str_eq(one.texts[0], two.texts[0]);
    cr_expect_eq(one.digest_bytes, two.digest_bytes);
    cr_expect(one.digest_bytes > 0);
}
