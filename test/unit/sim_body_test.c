#include "peerd/sim/body.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

TestSuite(sim_body, .timeout = 10);

/* Written to their ends, bodies of all sizes are apart from one another. */
Test(sim_body, bodies_do_not_overlap) {
    static unsigned char *made[3000];
    struct sim_bodies bodies = {0};
    size_t count = sizeof(made) / sizeof(made[0]);
    for (size_t i = 0; i < count; i++) {
        made[i] = sim_body_make(&bodies, i % 1900);
        cr_assert_eq((uintptr_t)made[i] % _Alignof(max_align_t), 0);
        memset(made[i], (int)(i % 251), i % 1900);
    }
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < i % 1900; k++)
            cr_assert_eq(made[i][k], i % 251, "byte %zu of %zu", k, i);
    for (size_t i = 0; i < count; i++)
        sim_body_free(&bodies, made[i]);
    sim_bodies_free(&bodies);
}

/* What was given back is handed out again, so that memory does not grow with time. */
Test(sim_body, what_was_given_back_serves_again) {
    struct sim_bodies bodies = {0};
    for (int i = 0; i < 100000; i++) {
        void *one = sim_body_make(&bodies, 100), *other = sim_body_make(&bodies, 1000);
        sim_body_free(&bodies, one);
        sim_body_free(&bodies, other);
    }
    sim_body_free(&bodies, NULL);
    size_t left = bodies.left;
    sim_body_free(&bodies, sim_body_make(&bodies, 100));
    cr_expect_eq(bodies.left, left, "nothing new was needed");
    sim_bodies_free(&bodies);
}
