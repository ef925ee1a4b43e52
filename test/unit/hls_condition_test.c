/*
 * Conditions of RFC 9110 section 13, of a body that has a strong tag and no date.
 */
#include "transcoder/hls/condition.h"

#include <criterion/criterion.h>

#define ETAG     "\"12ab\""
#define ITEMS(a) (sizeof(a) / sizeof((a)[0]))
#define MUCH     "\"1\", \"2\" ,W/\"3\","

Test(hls_condition, is_it_still_what_there_is) {
    static const struct {
        const char *what, *if_match, *if_none_match;
        enum condition expected;
    } rows[] = {
        {"nothing is asked", NULL, NULL, CONDITION_HOLDS},
        {"it is still that", "\"12ab\"", NULL, CONDITION_HOLDS},
        {"one of several", MUCH "\"12ab\"", NULL, CONDITION_HOLDS},
        {"any will do", "*", NULL, CONDITION_HOLDS},
        {"any, and blanks", " * ", NULL, CONDITION_HOLDS},
        {"it is not", "\"12ac\"", NULL, CONDITION_FAILS},
        {"a beginning of it", "\"12a\"", NULL, CONDITION_FAILS},
        {"more than it", "\"12ab3\"", NULL, CONDITION_FAILS},
        {"a weak one promises too little", "W/\"12ab\"", NULL, CONDITION_FAILS},
        {"an empty list", "", NULL, CONDITION_FAILS},
        {"one without quotes", "12ab", NULL, CONDITION_FAILS},
        {"the quote of the end is missing", "\"12ab", NULL, CONDITION_FAILS},
        {"a damaged one before it", "\"1\" 2, \"12ab\"", NULL, CONDITION_FAILS},
        {"commas and no more", ",, ,", NULL, CONDITION_FAILS},
        {"more than any", "*, \"1\"", NULL, CONDITION_FAILS},
        {"commas within quotes", "\"1,\"12ab\",2\"", NULL, CONDITION_FAILS},
        {"he has it", NULL, "\"12ab\"", CONDITION_HAS_IT},
        {"among others", NULL, MUCH " \"12ab\" , \"5\"", CONDITION_HAS_IT},
        {"a weak one will do here", NULL, "W/\"12ab\"", CONDITION_HAS_IT},
        {"whatever there is", NULL, "*", CONDITION_HAS_IT},
        {"he has another", NULL, "\"34cd\"", CONDITION_HOLDS},
        {"an empty tag", NULL, "\"\"", CONDITION_HOLDS},
        {"damaged words are no words", NULL, "W/12ab", CONDITION_HOLDS},
        {"a small w is no W", NULL, "w/\"12ab\"", CONDITION_HOLDS},
        {"both: the first one counts", "\"1\"", "\"12ab\"", CONDITION_FAILS},
        {"both hold", "\"12ab\"", "\"12ab\"", CONDITION_HAS_IT},
    };
    for (size_t i = 0; i < ITEMS(rows); i++)
        cr_expect_eq(condition_judge(rows[i].if_match, rows[i].if_none_match, ETAG),
                     rows[i].expected, "%s", rows[i].what);
}

Test(hls_condition, a_part_of_the_same_only) {
    static const struct {
        const char *what, *if_range;
        bool expected;
    } rows[] = {
        {"no condition", NULL, true},
        {"the same", "\"12ab\"", true},
        {"another", "\"12ac\"", false},
        {"a weak one", "W/\"12ab\"", false},
        {"a date, of what has none", "Sun, 22 Nov 2026 08:49:37 GMT", false},
        {"nothing", "", false},
        {"a list is none", "\"12ab\", \"1\"", false},
    };
    for (size_t i = 0; i < ITEMS(rows); i++)
        cr_expect_eq(condition_allows_part(rows[i].if_range, ETAG), rows[i].expected, "%s",
                     rows[i].what);
}
