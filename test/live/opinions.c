#include "test/live/opinions.h"

#include "topo/location.h"

#include <stdio.h>
#include <string.h>

/* "… info peerd: ams1 > fra1 crashed (no beat for 312 ms; lon1 silent too)" */
bool opinion_read(struct report_verdict *out, const char *line) {
    static const char *const verdicts[] = {"alive",       "suspect",  "headless", "crashed",
                                           "partitioned", "degraded", "draining"};
    char observer[40], peer[40], verdict[24];
    const char *text = strstr(line, "peerd: ");
    *out = (struct report_verdict){0};
    if (text == NULL ||
        sscanf(text + 7, "%39s > %39s %23s (%159[^)]", observer, peer, verdict, out->evidence) < 3)
        return false;
    for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++)
        if (strcmp(verdict, verdicts[i]) == 0)
            return name_set(&out->observer, observer) && name_set(&out->peer, peer) &&
                   name_set(&out->verdict, verdict);
    return false;
}

/* "… info peerd: fra1 10.1.2.0/24 fares worse: R 93 -> 60 (…): our path to it is bad (sure 99 %)"
 */
bool opinion_fall_read(struct report_verdict *out, struct prefix *location, const char *line) {
    char observer[40], place[LOCATION_TEXT_LEN_MAX + 1];
    const char *text = strstr(line, "peerd: ");
    *out = (struct report_verdict){0};
    if (text == NULL || strstr(text, " fares worse: ") == NULL ||
        strstr(text, ": our path to it is bad") == NULL ||
        sscanf(text + 7, "%39s %47s", observer, place) != 2)
        return false;
    snprintf(out->evidence, sizeof(out->evidence), "%.*s", REPORT_TEXT_LEN_MAX,
             text + 8 + strlen(observer));
    return location_from_text(location, place) && name_set(&out->observer, observer) &&
           name_set(&out->peer, observer) && name_set(&out->verdict, "degraded");
}

static uint32_t find(const struct site *sites, uint32_t count, const struct name *name) {
    uint32_t i = 0;
    while (i < count && !name_equal(&sites[i].name, name))
        i++;
    return i;
}

bool opinion_noted(struct opinions *o, const struct site *sites, uint32_t site_count,
                   const struct report_verdict *v) {
    uint32_t observer = find(sites, site_count, &v->observer);
    uint32_t peer = find(sites, site_count, &v->peer);
    if (observer == site_count || peer == site_count)
        return false;
    o->of[observer][peer] = v->verdict;
    for (uint32_t i = 0; i < site_count; i++)
        if (i != peer && sites[i].peerd != 0 && !name_equal(&o->of[i][peer], &v->verdict))
            return false;
    bool news = !name_equal(&o->agreed[peer], &v->verdict);
    o->agreed[peer] = v->verdict;
    return news;
}

void opinions_forget(struct opinions *o, uint32_t observer) {
    memset(o->of[observer], 0, sizeof(o->of[observer]));
}
