#include "topo/city.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

Test(city, finds_every_name_and_no_other) {
    size_t count;
    const char *const *names = city_names(&count);
    cr_assert_geq(count, 100);
    for (size_t i = 0; i < count; i++) {
        const struct city *city = city_find(names[i]);
        cr_assert_not_null(city, "%s", names[i]);
        cr_expect_str_eq(city->name, names[i]);
        cr_expect(fabs(city->latitude_deg) < 66 && fabs(city->longitude_deg) <= 180, "%s",
                  names[i]);
        if (i > 0)
            cr_expect_lt(strcmp(names[i - 1], names[i]), 0, "%s is out of order", names[i]);
    }
    cr_expect_null(city_find("atlantis"));
    cr_expect_null(city_find(""));
    cr_expect_null(city_find("a name that is longer than that of any city in the world"));
}

Test(city, capitals_and_blanks_do_not_matter) {
    static const char *const ways[] = {"new-york", "New York", "NEW_YORK", "new york"};
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        const struct city *city = city_find(ways[i]);
        cr_assert_not_null(city, "%s", ways[i]);
        cr_expect_str_eq(city->name, "new-york");
    }
}

/* Great circles as published; the coordinates are good for a few kilometres. */
Test(city, distances) {
    static const struct {
        const char *a, *b;
        double km;
    } rows[] = {
        {"frankfurt", "frankfurt", 0}, {"frankfurt", "amsterdam", 364},
        {"london", "new-york", 5570},  {"tokyo", "los-angeles", 8815},
        {"sydney", "santiago", 11340}, {"auckland", "madrid", 19590},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct city *a = city_find(rows[i].a), *b = city_find(rows[i].b);
        double km =
            city_distance_km(a->latitude_deg, a->longitude_deg, b->latitude_deg, b->longitude_deg);
        cr_expect(fabs(km - rows[i].km) <= 0.005 * rows[i].km + 1, "%s to %s: %.0f km", rows[i].a,
                  rows[i].b, km);
    }
}
