#include "topo/city.h"

#include <math.h>
#include <string.h>

#define NAME_ROOM 32 /* [bytes] longer than any name of the table */

/* In alphabetical order, since it is searched by halves. X(name, latitude, longitude) */
#define CITIES(X)                                                                                  \
    X("abu-dhabi", 24.45, 54.38)                                                                   \
    X("accra", 5.56, -0.20)                                                                        \
    X("adelaide", -34.93, 138.60)                                                                  \
    X("amsterdam", 52.37, 4.90)                                                                    \
    X("ashburn", 39.04, -77.49)                                                                    \
    X("athens", 37.98, 23.73)                                                                      \
    X("atlanta", 33.75, -84.39)                                                                    \
    X("auckland", -36.85, 174.76)                                                                  \
    X("bangalore", 12.97, 77.59)                                                                   \
    X("bangkok", 13.76, 100.50)                                                                    \
    X("barcelona", 41.39, 2.17)                                                                    \
    X("beijing", 39.90, 116.41)                                                                    \
    X("belgrade", 44.79, 20.45)                                                                    \
    X("berlin", 52.52, 13.41)                                                                      \
    X("bogota", 4.71, -74.07)                                                                      \
    X("boston", 42.36, -71.06)                                                                     \
    X("bratislava", 48.15, 17.11)                                                                  \
    X("brisbane", -27.47, 153.03)                                                                  \
    X("brussels", 50.85, 4.35)                                                                     \
    X("bucharest", 44.43, 26.10)                                                                   \
    X("budapest", 47.50, 19.04)                                                                    \
    X("buenos-aires", -34.60, -58.38)                                                              \
    X("cairo", 30.04, 31.24)                                                                       \
    X("calgary", 51.05, -114.07)                                                                   \
    X("cape-town", -33.92, 18.42)                                                                  \
    X("caracas", 10.48, -66.90)                                                                    \
    X("casablanca", 33.57, -7.59)                                                                  \
    X("chennai", 13.08, 80.27)                                                                     \
    X("chicago", 41.88, -87.63)                                                                    \
    X("colombo", 6.93, 79.86)                                                                      \
    X("copenhagen", 55.68, 12.57)                                                                  \
    X("dakar", 14.72, -17.47)                                                                      \
    X("dallas", 32.78, -96.80)                                                                     \
    X("delhi", 28.61, 77.21)                                                                       \
    X("denver", 39.74, -104.99)                                                                    \
    X("dhaka", 23.81, 90.41)                                                                       \
    X("doha", 25.29, 51.53)                                                                        \
    X("dubai", 25.20, 55.27)                                                                       \
    X("dublin", 53.35, -6.26)                                                                      \
    X("dusseldorf", 51.23, 6.77)                                                                   \
    X("edinburgh", 55.95, -3.19)                                                                   \
    X("fortaleza", -3.73, -38.53)                                                                  \
    X("frankfurt", 50.11, 8.68)                                                                    \
    X("geneva", 46.20, 6.14)                                                                       \
    X("hamburg", 53.55, 9.99)                                                                      \
    X("hanoi", 21.03, 105.85)                                                                      \
    X("helsinki", 60.17, 24.94)                                                                    \
    X("ho-chi-minh-city", 10.82, 106.63)                                                           \
    X("hong-kong", 22.32, 114.17)                                                                  \
    X("honolulu", 21.31, -157.86)                                                                  \
    X("houston", 29.76, -95.37)                                                                    \
    X("hyderabad", 17.39, 78.49)                                                                   \
    X("istanbul", 41.01, 28.98)                                                                    \
    X("jakarta", -6.21, 106.85)                                                                    \
    X("johannesburg", -26.20, 28.05)                                                               \
    X("karachi", 24.86, 67.01)                                                                     \
    X("kuala-lumpur", 3.14, 101.69)                                                                \
    X("kyiv", 50.45, 30.52)                                                                        \
    X("lagos", 6.52, 3.38)                                                                         \
    X("las-vegas", 36.17, -115.14)                                                                 \
    X("lima", -12.05, -77.04)                                                                      \
    X("lisbon", 38.72, -9.14)                                                                      \
    X("ljubljana", 46.06, 14.51)                                                                   \
    X("london", 51.51, -0.13)                                                                      \
    X("los-angeles", 34.05, -118.24)                                                               \
    X("luxembourg", 49.61, 6.13)                                                                   \
    X("lyon", 45.76, 4.84)                                                                         \
    X("madrid", 40.42, -3.70)                                                                      \
    X("manchester", 53.48, -2.24)                                                                  \
    X("manila", 14.60, 120.98)                                                                     \
    X("marseille", 43.30, 5.37)                                                                    \
    X("melbourne", -37.81, 144.96)                                                                 \
    X("mexico-city", 19.43, -99.13)                                                                \
    X("miami", 25.76, -80.19)                                                                      \
    X("milan", 45.46, 9.19)                                                                        \
    X("minneapolis", 44.98, -93.27)                                                                \
    X("montreal", 45.50, -73.57)                                                                   \
    X("moscow", 55.76, 37.62)                                                                      \
    X("mumbai", 19.08, 72.88)                                                                      \
    X("munich", 48.14, 11.58)                                                                      \
    X("muscat", 23.59, 58.41)                                                                      \
    X("nairobi", -1.29, 36.82)                                                                     \
    X("new-york", 40.71, -74.01)                                                                   \
    X("osaka", 34.69, 135.50)                                                                      \
    X("oslo", 59.91, 10.75)                                                                        \
    X("palermo", 38.12, 13.36)                                                                     \
    X("panama-city", 8.98, -79.52)                                                                 \
    X("paris", 48.86, 2.35)                                                                        \
    X("perth", -31.95, 115.86)                                                                     \
    X("philadelphia", 39.95, -75.17)                                                               \
    X("phoenix", 33.45, -112.07)                                                                   \
    X("prague", 50.08, 14.44)                                                                      \
    X("queretaro", 20.59, -100.39)                                                                 \
    X("quito", -0.18, -78.47)                                                                      \
    X("reykjavik", 64.15, -21.94)                                                                  \
    X("riga", 56.95, 24.11)                                                                        \
    X("rio-de-janeiro", -22.91, -43.17)                                                            \
    X("riyadh", 24.71, 46.68)                                                                      \
    X("rome", 41.90, 12.50)                                                                        \
    X("salt-lake-city", 40.76, -111.89)                                                            \
    X("san-francisco", 37.77, -122.42)                                                             \
    X("san-jose", 37.34, -121.89)                                                                  \
    X("santiago", -33.45, -70.67)                                                                  \
    X("sao-paulo", -23.55, -46.63)                                                                 \
    X("seattle", 47.61, -122.33)                                                                   \
    X("seoul", 37.57, 126.98)                                                                      \
    X("shanghai", 31.23, 121.47)                                                                   \
    X("singapore", 1.35, 103.82)                                                                   \
    X("sofia", 42.70, 23.32)                                                                       \
    X("stockholm", 59.33, 18.07)                                                                   \
    X("sydney", -33.87, 151.21)                                                                    \
    X("taipei", 25.03, 121.57)                                                                     \
    X("tallinn", 59.44, 24.75)                                                                     \
    X("tel-aviv", 32.09, 34.78)                                                                    \
    X("tokyo", 35.68, 139.69)                                                                      \
    X("toronto", 43.65, -79.38)                                                                    \
    X("tunis", 36.81, 10.18)                                                                       \
    X("vancouver", 49.28, -123.12)                                                                 \
    X("vienna", 48.21, 16.37)                                                                      \
    X("vilnius", 54.69, 25.28)                                                                     \
    X("warsaw", 52.23, 21.01)                                                                      \
    X("washington", 38.91, -77.04)                                                                 \
    X("zagreb", 45.82, 15.98)                                                                      \
    X("zurich", 47.38, 8.54)

static const struct city cities[] = {
#define CITY_ROW(name, latitude, longitude) {name, latitude, longitude},
    CITIES(CITY_ROW)
#undef CITY_ROW
};
#define CITY_COUNT (sizeof(cities) / sizeof(cities[0]))

static char plain(char c) {
    if (c >= 'A' && c <= 'Z')
        return (char)(c - 'A' + 'a');
    return c == ' ' || c == '_' ? '-' : c;
}

const struct city *city_find(const char *name) {
    char text[NAME_ROOM];
    size_t len = strlen(name), low = 0, high = CITY_COUNT;
    if (len >= sizeof(text))
        return NULL;
    for (size_t i = 0; i <= len; i++)
        text[i] = plain(name[i]);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(text, cities[middle].name);
        if (order == 0)
            return &cities[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

const char *const *city_names(size_t *count) {
    static const char *const names[] = {
#define CITY_NAME(name, latitude, longitude) name,
        CITIES(CITY_NAME)
#undef CITY_NAME
    };
    *count = CITY_COUNT;
    return names;
}

static double radians(double deg) {
    return deg * 3.14159265358979323846 / 180.0;
}

/* The haversine formula: good also for places next to one another, where the law of cosines loses
 * its digits. */
double city_distance_km(double a_latitude_deg, double a_longitude_deg, double b_latitude_deg,
                        double b_longitude_deg) {
    double north = sin(radians(b_latitude_deg - a_latitude_deg) / 2);
    double east = sin(radians(b_longitude_deg - a_longitude_deg) / 2);
    double h =
        north * north + cos(radians(a_latitude_deg)) * cos(radians(b_latitude_deg)) * east * east;
    return 2 * CITY_EARTH_RADIUS_KM * asin(sqrt(h < 1 ? h : 1));
}
