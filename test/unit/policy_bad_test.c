/*
 * Broken policies, a hundred of them: each NAME.yaml of test/data/bad has a NAME.expect that lists
 * every fault to be reported and no other, one a line: line:column, a space, the field (empty: the
 * file as a whole).
 */
#include "peerd/io/policy_file.h"

#include <criterion/criterion.h>
#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FOLDER     "test/data/bad/"
#define FILES_MIN  100
#define TEXT_BYTES 16384

static struct faults faults;

static void read_expected(const char *yaml, char out[TEXT_BYTES]) {
    char path[256];
    snprintf(path, sizeof(path), "%.*s.expect", (int)(strlen(yaml) - strlen(".yaml")), yaml);
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file, "%s is missing", path);
    out[fread(out, 1, TEXT_BYTES - 1, file)] = '\0';
    fclose(file);
}

static void write_found(char out[TEXT_BYTES]) {
    size_t len = 0;
    out[0] = '\0';
    for (uint32_t i = 0; i < faults.count && len < TEXT_BYTES; i++)
        len += (size_t)snprintf(out + len, TEXT_BYTES - len, "%" PRIu32 ":%" PRIu32 " %s\n",
                                (uint32_t)faults.list[i].mark.line,
                                (uint32_t)faults.list[i].mark.column, faults.list[i].path);
}

Test(policy_bad, every_fault_is_reported_at_its_place_and_no_other, .timeout = 60) {
    static char expected[TEXT_BYTES], found[TEXT_BYTES];
    glob_t files;
    cr_assert_eq(glob(FOLDER "*.yaml", 0, NULL, &files), 0, "run this at the top of the sources");
    cr_assert_geq(files.gl_pathc, FILES_MIN);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        struct policy *p = policy_file_load(files.gl_pathv[i], NULL, &faults);
        cr_expect_null(p, "%s was accepted", files.gl_pathv[i]);
        policy_file_free(p);
        read_expected(files.gl_pathv[i], expected);
        write_found(found);
        cr_expect_str_eq(found, expected, "%s: found\n%sexpected\n%s", files.gl_pathv[i], found,
                         expected);
        for (uint32_t k = 0; k < faults.count; k++)
            cr_expect(faults.list[k].expected[0] != '\0' && faults.list[k].found[0] != '\0',
                      "%s: a fault without a word", files.gl_pathv[i]);
    }
    globfree(&files);
}
