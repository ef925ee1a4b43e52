/*
 * Cities: coordinates of the places where networks meet, for those who would rather not look them
 * up.
 *
 * About a hundred, enough for a scenario to say `place: frankfurt`. Coordinates are those of the
 * city's centre, to a hundredth of a degree (about a kilometre), which is far finer than any delay
 * that is worked out from them. Where two cities share a name, the larger one has it.
 */
#ifndef TOPO_CITY_H
#define TOPO_CITY_H

#include <stdbool.h>
#include <stddef.h>

#define CITY_EARTH_RADIUS_KM 6371.0 /* mean; the flattening is worth 0.3 % */

struct city {
    const char *name;     /* small letters, words joined by hyphens: new-york */
    double latitude_deg;  /* north */
    double longitude_deg; /* east */
};

/* The city of that name; capitals count as small letters, a space or underscore as a hyphen. NULL
 * if it is not known: ask city_names for what is. */
const struct city *city_find(const char *name);

/* All names, in alphabetical order, for finding the one that was probably meant. */
const char *const *city_names(size_t *count);

/* Length of the great circle between two places [km]. */
double city_distance_km(double a_latitude_deg, double a_longitude_deg, double b_latitude_deg,
                        double b_longitude_deg);

#endif
