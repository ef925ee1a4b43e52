/* What our tests use of Criterion, in its words, and no more of it, for builds with sanitizers.

   A test runs in a process of its own, as there, but one that is forked from a program that is
   loaded already: Criterion starts its program anew for each of two thousand tests, which is most
   of what a small test costs under the sanitizers. And a passed assertion is a branch, not a dozen
   nested macros and three objects on the stack, which the sanitizers surround. Tests need not know:
   the release build runs every one of them under Criterion. */
#ifndef TEST_LIB_FORKED_CRITERION_CRITERION_H
#define TEST_LIB_FORKED_CRITERION_CRITERION_H

/* As of any library that is installed, nobody is warned of what only its macros do: a comparison of
 * signed and unsigned, say. */
#pragma GCC system_header

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* A test, or a suite, which has neither name nor body of its own and lends its tests the rest. */
struct criterion_test {
    const char *suite, *name, *file;
    int line;
    void (*body)(void);
    void (*init)(void),
        (*fini)(void); /* before and after; of the suite outside those of the test */
    int signal;        /* that it must die of; 0: of none */
    double timeout;    /* [s] of real time; 0: as long as it takes */
};

/* Ends the test at once; its `fini` follow, unless it was still in an `init`. */
void criterion_abort_test(void) __attribute__((noreturn));
/* The same, and what the test tells is the reason why it cannot be made here. */
void criterion_skip_test(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* Notes and prints that an assertion failed: what it asked, and what the test says of it. The first
 * letter of `format` is not part of it. */
void criterion_failed(const char *file, int line, const char *asked, const char *format, ...)
    __attribute__((format(printf, 4, 5), cold));
/* Whether both texts are there and equal; remembers them for criterion_failed. */
bool criterion_texts_equal(const char *actual, const char *expected);
/* Goes on. */
static inline void criterion_continue_test(void) {}

#define CRITERION_LISTED_(Section) __attribute__((used, section(Section)))

#define Test(Suite, Name, ...)                                                                     \
    static void Suite##_##Name##_body(void);                                                       \
    static struct criterion_test Suite##_##Name##_test = {.suite = #Suite,                         \
                                                          .name = #Name,                           \
                                                          .file = __FILE__,                        \
                                                          .line = __LINE__,                        \
                                                          .body = Suite##_##Name##_body,           \
                                                          __VA_ARGS__};                            \
    CRITERION_LISTED_("criterion_tests")                                                           \
    static struct criterion_test *Suite##_##Name##_listed = &Suite##_##Name##_test;                \
    static void Suite##_##Name##_body(void)

#define TestSuite(Suite, ...)                                                                      \
    static struct criterion_test Suite##_suite = {.suite = #Suite, __VA_ARGS__};                   \
    CRITERION_LISTED_("criterion_suites")                                                          \
    static struct criterion_test *Suite##_suite_listed = &Suite##_suite

#define CRITERION_ASK_(Fail, Condition, Asked, ...)                                                \
    do {                                                                                           \
        if (!(Condition)) {                                                                        \
            criterion_failed(__FILE__, __LINE__, Asked, "x" __VA_ARGS__);                          \
            Fail();                                                                                \
        }                                                                                          \
    } while (0)
#define CRITERION_EXPECT_(Condition, Asked, ...)                                                   \
    CRITERION_ASK_(criterion_continue_test, Condition, Asked, __VA_ARGS__)
#define CRITERION_ASSERT_(Condition, Asked, ...)                                                   \
    CRITERION_ASK_(criterion_abort_test, Condition, Asked, __VA_ARGS__)

#define cr_skip_test(...)   criterion_skip_test("" __VA_ARGS__)
#define cr_assert_fail(...) CRITERION_ASSERT_(false, "this is never reached", __VA_ARGS__)

#define cr_expect(A, ...)          CRITERION_EXPECT_(A, #A, __VA_ARGS__)
#define cr_assert(A, ...)          CRITERION_ASSERT_(A, #A, __VA_ARGS__)
#define cr_expect_not(A, ...)      CRITERION_EXPECT_(!(A), "!(" #A ")", __VA_ARGS__)
#define cr_assert_not(A, ...)      CRITERION_ASSERT_(!(A), "!(" #A ")", __VA_ARGS__)
#define cr_expect_null(A, ...)     CRITERION_EXPECT_((A) == NULL, #A " == NULL", __VA_ARGS__)
#define cr_assert_null(A, ...)     CRITERION_ASSERT_((A) == NULL, #A " == NULL", __VA_ARGS__)
#define cr_expect_not_null(A, ...) CRITERION_EXPECT_((A) != NULL, #A " != NULL", __VA_ARGS__)
#define cr_assert_not_null(A, ...) CRITERION_ASSERT_((A) != NULL, #A " != NULL", __VA_ARGS__)

#define cr_expect_eq(A, B, ...)  CRITERION_EXPECT_((A) == (B), #A " == " #B, __VA_ARGS__)
#define cr_assert_eq(A, B, ...)  CRITERION_ASSERT_((A) == (B), #A " == " #B, __VA_ARGS__)
#define cr_expect_neq(A, B, ...) CRITERION_EXPECT_((A) != (B), #A " != " #B, __VA_ARGS__)
#define cr_assert_neq(A, B, ...) CRITERION_ASSERT_((A) != (B), #A " != " #B, __VA_ARGS__)
#define cr_expect_lt(A, B, ...)  CRITERION_EXPECT_((A) < (B), #A " < " #B, __VA_ARGS__)
#define cr_assert_lt(A, B, ...)  CRITERION_ASSERT_((A) < (B), #A " < " #B, __VA_ARGS__)
#define cr_expect_leq(A, B, ...) CRITERION_EXPECT_((A) <= (B), #A " <= " #B, __VA_ARGS__)
#define cr_assert_leq(A, B, ...) CRITERION_ASSERT_((A) <= (B), #A " <= " #B, __VA_ARGS__)
#define cr_expect_gt(A, B, ...)  CRITERION_EXPECT_((A) > (B), #A " > " #B, __VA_ARGS__)
#define cr_assert_gt(A, B, ...)  CRITERION_ASSERT_((A) > (B), #A " > " #B, __VA_ARGS__)
#define cr_expect_geq(A, B, ...) CRITERION_EXPECT_((A) >= (B), #A " >= " #B, __VA_ARGS__)
#define cr_assert_geq(A, B, ...) CRITERION_ASSERT_((A) >= (B), #A " >= " #B, __VA_ARGS__)

/* At most `E` apart. */
#define CRITERION_NEAR_(A, B, E) ((B) - (A) <= (E) && (A) - (B) <= (E))
#define cr_expect_float_eq(A, B, E, ...)                                                           \
    CRITERION_EXPECT_(CRITERION_NEAR_(A, B, E), #A " == " #B " +- " #E, __VA_ARGS__)
#define cr_assert_float_eq(A, B, E, ...)                                                           \
    CRITERION_ASSERT_(CRITERION_NEAR_(A, B, E), #A " == " #B " +- " #E, __VA_ARGS__)

#define cr_expect_str_eq(A, B, ...)                                                                \
    CRITERION_EXPECT_(criterion_texts_equal(A, B), #A " == " #B, __VA_ARGS__)
#define cr_assert_str_eq(A, B, ...)                                                                \
    CRITERION_ASSERT_(criterion_texts_equal(A, B), #A " == " #B, __VA_ARGS__)
#define cr_expect_str_empty(A, ...)                                                                \
    CRITERION_EXPECT_(criterion_texts_equal(A, ""), #A " is empty", __VA_ARGS__)
/* Two texts that are both there and differ. */
bool criterion_texts_differ(const char *actual, const char *unexpected);
#define cr_expect_str_neq(A, B, ...)                                                               \
    CRITERION_EXPECT_(criterion_texts_differ(A, B), #A " != " #B, __VA_ARGS__)

/* Of `Bytes` bytes each. */
#define cr_expect_arr_eq(A, B, Bytes, ...)                                                         \
    CRITERION_EXPECT_(memcmp(A, B, Bytes) == 0, #A " == " #B " in " #Bytes " bytes", __VA_ARGS__)
#define cr_assert_arr_eq(A, B, Bytes, ...)                                                         \
    CRITERION_ASSERT_(memcmp(A, B, Bytes) == 0, #A " == " #B " in " #Bytes " bytes", __VA_ARGS__)
#define cr_expect_arr_neq(A, B, Bytes, ...)                                                        \
    CRITERION_EXPECT_(memcmp(A, B, Bytes) != 0, #A " != " #B " in " #Bytes " bytes", __VA_ARGS__)

#endif
