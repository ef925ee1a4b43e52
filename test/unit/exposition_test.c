/* The checker that the metrics tests lean on must itself be able to say no. */
#include "test/lib/exposition.h"

#include <criterion/criterion.h>
#include <string.h>

#define UP          "# HELP up Is it.\n# TYPE up gauge\n"
#define N           "# HELP n_total Count.\n# TYPE n_total counter\n"
#define H           "# HELP h Times.\n# TYPE h histogram\n"
#define ITEMS(rows) (sizeof(rows) / sizeof((rows)[0]))

Test(exposition, good_pages) {
    static const char *const pages[] = {
        UP "up 1\n",
        UP "up 1\n" N "n_total 0\n",
        UP, /* a family without samples */
        N "n_total{a=\"x\",b=\"y\"} 3\nn_total{a=\"x\",b=\"z\"} 4\n",
        N "n_total{a=\"quote \\\" slash \\\\ line \\n\"} 3\n",
        UP "up -1.5e-3\n",
        UP "up NaN\n",
        H "h_bucket{le=\"0.1\"} 1\nh_bucket{le=\"+Inf\"} 3\nh_sum 4\nh_count 3\n",
    };
    for (size_t i = 0; i < ITEMS(pages); i++) {
        char why[300] = "";
        cr_expect(exposition_check(pages[i], why, sizeof(why)), "page %zu: %s", i, why);
    }
}

Test(exposition, bad_pages) {
    static const struct {
        const char *what;
        const char *page;
    } rows[] = {
        {"empty", ""},
        {"no line feed at the end", UP "up 1"},
        {"no HELP", "# TYPE up gauge\nup 1\n"},
        {"no TYPE", "# HELP up Is it.\nup 1\n"},
        {"HELP of another", "# HELP down Is it.\n# TYPE up gauge\nup 1\n"},
        {"HELP without text", "# HELP up\n# TYPE up gauge\nup 1\n"},
        {"sample of another family", UP "down 1\n"},
        {"sample of a longer name", UP "upper 1\n"},
        {"family twice", UP "up 1\n" N "n_total 1\n" UP "up 2\n"},
        {"TYPE after a sample", UP "up 1\n# TYPE up gauge\n"},
        {"unknown type", "# HELP up Is it.\n# TYPE up thing\nup 1\n"},
        {"counter without _total", "# HELP n Count.\n# TYPE n counter\nn 1\n"},
        {"gauge with _total", "# HELP n_total Count.\n# TYPE n_total gauge\nn_total 1\n"},
        {"negative counter", N "n_total -1\n"},
        {"no value", UP "up\n"},
        {"no number", UP "up yes\n"},
        {"two values", UP "up 1 2\n"},
        {"sample twice", UP "up 1\nup 1\n"},
        {"labels open", N "n_total{a=\"x\" 3\n"},
        {"label without quotes", N "n_total{a=x} 3\n"},
        {"label begins with a digit", N "n_total{1a=\"x\"} 3\n"},
        {"name begins with a digit", "# HELP 1up Is it.\n# TYPE 1up gauge\n1up 1\n"},
        {"empty line", UP "\nup 1\n"},
        {"histogram without a kind of sample", H "h 1\n"},
        {"bucket without a bound", H "h_bucket 1\n"},
        {"fewer in a wider bucket", H "h_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 1\n"},
        {"bounds that fall", H "h_bucket{le=\"2\"} 1\nh_bucket{le=\"1\"} 1\n"},
        {"count that is another", H "h_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 2\n"},
        {"bucket of a gauge", UP "up_bucket{le=\"1\"} 1\n"},
    };
    for (size_t i = 0; i < ITEMS(rows); i++) {
        char why[300] = "";
        cr_expect_not(exposition_check(rows[i].page, why, sizeof(why)), "%s", rows[i].what);
        cr_expect_neq(why[0], '\0', "%s: says why", rows[i].what);
    }
}

Test(exposition, values) {
    static const char page[] = UP "up 1\n" N "n_total{a=\"x\"} 3.5\n";
    cr_expect_eq(exposition_value(page, "up"), 1);
    cr_expect_eq(exposition_value(page, "n_total{a=\"x\"}"), 3.5);
    cr_expect_eq(exposition_value(page, "n_total"), -1, "only as written");
    cr_expect_eq(exposition_value(page, "down"), -1);
}
