/* Figures of two runners, held against each other. */
#include "test/lib/sample.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

static struct sample made(const double *values, size_t count, double grain_ms) {
    struct sample s = {.grain_ms = grain_ms};
    for (size_t i = 0; i < count; i++)
        sample_add(&s, values[i]);
    return s;
}

Test(sample, medians) {
    static const struct {
        const char *what;
        double values[6];
        size_t count;
        double grain_ms, median;
    } rows[] = {
        {"none", {0}, 0, 0, 0},
        {"one", {7}, 1, 0, 7},
        {"odd, unsorted", {9, 1, 5}, 3, 0, 5},
        {"even", {4, 1, 2, 3}, 4, 0, 2.5},
        {"all one grain", {20, 20, 20}, 3, 20, 20},
        {"all zero", {0, 0}, 2, 20, 0},
        {"half and half", {20, 20, 40, 40}, 4, 20, 30},
        {"two thirds", {20, 20, 20, 20, 40, 40}, 6, 20, 25},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sample s = made(rows[i].values, rows[i].count, rows[i].grain_ms);
        cr_assert(epsilon_eq(dbl, sample_median(&s), rows[i].median, 1e-9), "%s", rows[i].what);
        free(s.values);
    }
}

Test(sample, agreement) {
    static const struct {
        const char *what;
        double a, b;
        bool agrees;
    } rows[] = {{"same", 50, 50, true},
                {"15 ms", 20, 35, true},
                {"16 ms", 20, 36, false},
                {"20 % of the larger", 200, 250, true},
                {"more than 20 %", 200, 251, false},
                {"either way round", 251, 200, false}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sample a = made(&rows[i].a, 1, 0), b = made(&rows[i].b, 1, 0), none = {0};
        cr_assert(eq(int, sample_agrees(&a, &b), rows[i].agrees), "%s", rows[i].what);
        cr_assert(not(sample_agrees(&a, &none)), "something against nothing");
        cr_assert(sample_agrees(&none, &none));
        free(a.values);
        free(b.values);
    }
}

Test(sample, takes_a_report) {
    static const char text[] =
        "{\"ok\":true,\"listeners\":3,\"frames_lost\":4,\"frames_expected\":100,"
        "\"events\":[{\"at_ms\":4000},{\"at_ms\":9000}],"
        "\"moves\":[{\"cause\":\"crashed\",\"detect_ms\":45,\"first_frame_ms\":90},"
        "{\"cause\":\"drain\",\"detect_ms\":0,\"first_frame_ms\":-1}],"
        "\"gaps\":[{\"client\":\"a\",\"ms\":20},{\"client\":\"a\",\"ms\":60},"
        "{\"client\":\"b\",\"ms\":40}],"
        "\"verdicts\":[{\"at_ms\":100,\"observer\":\"x\",\"peer\":\"y\",\"verdict\":\"crashed\"},"
        "{\"at_ms\":4100,\"observer\":\"x\",\"peer\":\"y\",\"verdict\":\"suspect\"},"
        "{\"at_ms\":4250,\"observer\":\"x\",\"peer\":\"y\",\"verdict\":\"crashed\"},"
        "{\"at_ms\":4400,\"observer\":\"x\",\"peer\":\"y\",\"verdict\":\"partitioned\"},"
        "{\"at_ms\":9010,\"observer\":\"x\",\"peer\":\"y\",\"verdict\":\"draining\"}]}";
    json_t *report = json_loads(text, 0, NULL);
    struct samples s = {0};
    samples_take(&s, report);
    samples_take(&s, NULL);
    json_decref(report);
    cr_assert(eq(uint, s.runs, 2));
    cr_assert(eq(uint, s.failed, 1));
    cr_assert(epsilon_eq(dbl, s.moves, 2, 0));
    cr_assert(eq(sz, s.kinds[SAMPLE_NOTICED].count, 1), "a drain is not noticed, it is told");
    cr_assert(eq(sz, s.kinds[SAMPLE_FIRST].count, 1));
    cr_assert(eq(sz, s.kinds[SAMPLE_VERDICT].count, 1), "the first after an event");
    cr_assert(epsilon_eq(dbl, s.kinds[SAMPLE_VERDICT].values[0], 250, 0));
    cr_assert(eq(sz, s.kinds[SAMPLE_GAP].count, 3), "who is not named had none");
    cr_assert(epsilon_eq(dbl, sample_max(&s.kinds[SAMPLE_GAP]), 60, 0));
    cr_assert(epsilon_eq(dbl, s.kinds[SAMPLE_GAP].values[2], 0, 0));
    samples_free(&s);
}
