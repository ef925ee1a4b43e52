/*
 * The reference in test/README.md is what the table says that reads scenarios, word for word.
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
