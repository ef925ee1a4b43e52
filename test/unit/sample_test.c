/* Figures of a runner, as its reports have them. */
#include "test/lib/sample.h"

#include <criterion/criterion.h>
#include <string.h>

static struct sample made(const double *values, size_t count, double grain_ms) {
    struct sample s = {.grain_ms = grain_ms};
    for (size_t i = 0; i < count; i++)
        sample_add(&s, values[i], 0);
    sample_sort(&s);
    return s;
}

Test(sample, quantiles) {
    static const struct {
        const char *what;
        double values[6];
        size_t count;
        double grain_ms, part, quantile;
    } rows[] = {
        {"none", {0}, 0, 0, 0.5, 0},
        {"one", {7}, 1, 0, 0.5, 7},
        {"one, its tail", {7}, 1, 0, 0.9, 7},
        {"odd, unsorted", {9, 1, 5}, 3, 0, 0.5, 5},
        {"even", {4, 1, 2, 3}, 4, 0, 0.5, 2.5},
        {"the least", {4, 1, 2, 3}, 4, 0, 0, 1},
        {"the most", {4, 1, 2, 3}, 4, 0, 1, 4},
        {"between the last two", {0, 10, 20, 30, 40, 50}, 6, 0, 0.9, 45},
        {"all one grain", {20, 20, 20}, 3, 20, 0.5, 20},
        {"all zero", {0, 0}, 2, 20, 0.5, 0},
        {"nothing is nothing", {0, 0}, 2, 20, 0.1, 0},
        {"nothing is no more, either", {0, 0}, 2, 20, 0.9, 0},
        {"half and half", {20, 20, 40, 40}, 4, 20, 0.5, 30},
        {"two thirds", {20, 20, 20, 20, 40, 40}, 6, 20, 0.5, 25},
        {"within the upper third", {20, 20, 20, 20, 40, 40}, 6, 20, 0.75, 35},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sample s = made(rows[i].values, rows[i].count, rows[i].grain_ms);
        cr_assert_float_eq(sample_quantile(&s, rows[i].part), rows[i].quantile, 1e-9, "%s",
                           rows[i].what);
        free(s.values);
    }
}

Test(sample, takes_a_report) {
    static const char text[] =
        "{\"ok\":true,\"listeners\":3,\"frames_lost\":4,\"frames_expected\":100,"
        "\"events\":[{\"at_ms\":4000,\"target\":\"y\"},{\"at_ms\":4100,\"target\":\"z\"},"
        "{\"at_ms\":6000,\"text\":\"heal all\"},{\"at_ms\":9000}],"
        "\"hedges\":[{\"client\":\"a\",\"at_ms\":3990},{\"client\":\"a\",\"at_ms\":4060},"
        "{\"client\":\"a\",\"at_ms\":4080},{\"client\":\"b\",\"at_ms\":4070},"
        "{\"client\":\"b\",\"at_ms\":6030},{\"client\":\"b\",\"at_ms\":8000},{\"client\":\"b\","
        "\"at_ms\":9030}],"
        "\"moves\":[{\"cause\":\"crashed\",\"detect_ms\":45,\"first_frame_ms\":90},"
        "{\"cause\":\"drain\",\"detect_ms\":0,\"first_frame_ms\":-1}],"
        "\"gaps\":[{\"client\":\"a\",\"ms\":20},{\"client\":\"a\",\"ms\":60},"
        "{\"client\":\"b\",\"ms\":40}],"
        "\"verdicts\":[{\"at_ms\":100,\"observer\":\"x\",\"peer\":\"y\",\"verdict\":\"crashed\"},"
        "{\"at_ms\":4100,\"observer\":\"x\",\"peer\":\"y\",\"verdict\":\"suspect\"},"
        "{\"at_ms\":4250,\"observer\":\"x\",\"peer\":\"y\",\"verdict\":\"crashed\"},"
        "{\"at_ms\":4400,\"observer\":\"x\",\"peer\":\"y\",\"verdict\":\"partitioned\"},"
        "{\"at_ms\":6010,\"observer\":\"x\",\"peer\":\"y\",\"verdict\":\"partitioned\"},"
        "{\"at_ms\":9010,\"observer\":\"x\",\"peer\":\"y\",\"verdict\":\"draining\"}]}";
    json_t *report = json_loads(text, 0, NULL);
    struct samples s = {0};
    samples_take(&s, report);
    samples_take(&s, NULL);
    json_decref(report);
    cr_assert_eq(s.runs, 2);
    cr_assert_eq(s.failed, 1);
    cr_assert_float_eq(s.moves, 2, 0);
    cr_assert_eq(s.kinds[SAMPLE_ASKED].count, 3, "the first after each event, if soon");
    cr_assert_float_eq(s.kinds[SAMPLE_ASKED].values[0].ms, 60, 0);
    cr_assert_float_eq(s.kinds[SAMPLE_ASKED].values[1].ms, 70, 0);
    cr_assert_float_eq(s.kinds[SAMPLE_ASKED].values[2].ms, 30, 0);
    cr_assert_eq(s.kinds[SAMPLE_NOTICED].count, 1, "a drain is not noticed, it is told");
    cr_assert_eq(s.kinds[SAMPLE_FIRST].count, 1);
    cr_assert_eq(s.kinds[SAMPLE_VERDICT].count, 1, "the first after an event");
    cr_assert_float_eq(s.kinds[SAMPLE_VERDICT].values[0].ms, 250, 0, "since what hit the peer");
    cr_assert_eq(s.kinds[SAMPLE_GAP].count, 3, "who is not named had none");
    cr_assert_float_eq(sample_max(&s.kinds[SAMPLE_GAP]), 60, 0);
    cr_assert_float_eq(s.kinds[SAMPLE_GAP].values[2].ms, 0, 0);
    samples_free(&s);
}
