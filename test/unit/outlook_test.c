#include "monitor/outlook.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct instant now = {50000000};

static const struct detector_figures figures = {.expected = {100000}, .margin = {50000}};

Test(outlook, a_sentence_for_each_rule) {
    static const struct {
        uint8_t rule;
        int64_t again_ms; /* from now; below zero: never */
        const char *says;
    } rows[] = {
        {1, -1, "nobody is convicted unheard"},
        {2, -1, "drains no longer; suspect when 150 ms pass"},
        {3, -1, "fare like others' again"},
        {4, -1, "suspect when 150 ms pass without a beat; crashed after 400 ms without proof"},
        {5, 120,
         "alive with its next answer; crashed after 400 ms without proof of life if nobody"},
        {6, 900, "crashed if its nodes prove nothing for 1000 ms"},
        {7, 300, "headless if that node proves itself, else judged by others in 300 ms"},
        {8, 300, "alive when it answers us; judged by others if its beats stop for 400 ms"},
        {9, 260, "or 10 s after we lost it, whatever they say (judged anew in 260 ms)"},
        {10, 500, "alive with its next beat that answers one of ours"},
        {11, 80, "partitioned if a witness still hears it; crashed if not, judged anew in 80 ms"},
        {11, -1, "judged anew at its next change"},
        {12, 1600, "crashed in 1600 ms, or as soon as another witness misses it"},
        {13, -1, "alive with its next beat that answers one of ours"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct verdict_result v = {.rule = rows[i].rule, .again_at = INSTANT_NEVER};
        if (rows[i].again_ms >= 0)
            v.again_at = instant_add(now, duration_ms(rows[i].again_ms));
        struct outlook_text t = outlook_of(&v, &figures, duration_ms(400), now);
        cr_expect_not_null(strstr(t.text, rows[i].says), "rule %d: %s", rows[i].rule, t.text);
        cr_expect_lt(strlen(t.text), OUTLOOK_TEXT_LEN_MAX, "rule %d is cut off", rows[i].rule);
    }
}

Test(outlook, before_it_is_known_what_a_path_loses_another_witness_hurries_nothing) {
    struct verdict_result v = {.rule = 12, .again_at = instant_add(now, duration_ms(200))};
    struct detector_figures f = figures;
    f.loses = true;
    struct outlook_text t = outlook_of(&v, &f, duration_ms(400), now);
    cr_expect_not_null(strstr(t.text, "crashed in 200 ms, or sooner if its clients"), "%s", t.text);
    f.measured = true;
    t = outlook_of(&v, &f, duration_ms(400), now);
    cr_expect_not_null(strstr(t.text, "or as soon as another witness misses it"), "%s", t.text);
}
