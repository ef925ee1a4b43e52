/*
 * The reference in test/README.md is what the table says that reads scenarios, word for word, and
 * its examples are scenarios.
 */
#include "peerd/policy/schema.h"
#include "peerd/sim/scenario.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BYTES_MAX (256 * 1024)

static char *readme(void) {
    char *text = calloc(1, BYTES_MAX);
    FILE *f = fopen("test/README.md", "r");
    cr_assert_not_null(f, "run it from the top of the tree");
    cr_assert_gt(fread(text, 1, BYTES_MAX - 1, f), 0);
    fclose(f);
    return text;
}

Test(scenario_readme, reference_is_the_table) {
    char *text = readme();
    char *reference = malloc(BYTES_MAX);
    size_t len = schema_markdown(&scenario_table, 4, reference, BYTES_MAX);
    cr_assert(len > 0 && len < BYTES_MAX);
    cr_expect_not_null(strstr(text, reference), "it should be:\n%s", reference);
    free(reference);
    free(text);
}

Test(scenario_readme, examples_are_scenarios) {
    static struct faults faults;
    char *text = readme(), line[FAULT_LINE_LEN_MAX + 1] = "";
    uint32_t count = 0;
    for (char *at = text; (at = strstr(at, "```yaml\n")) != NULL;) {
        struct scenario s;
        char *begin = strchr(at, '\n') + 1, *end = strstr(begin, "```\n");
        cr_assert_not_null(end);
        enum err err = scenario_parse(begin, (size_t)(end - begin), "example", &s, &faults);
        if (faults.count > 0)
            fault_to_text(&faults, &faults.list[0], line);
        cr_assert_eq(err, ERR_OK, "%s", line);
        scenario_free(&s);
        at = end + 4;
        count++;
    }
    cr_expect_geq(count, 3);
    free(text);
}
