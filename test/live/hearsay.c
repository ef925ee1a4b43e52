#include "test/live/hearsay.h"

#include "peerd/net/clock.h"
#include "test/live/chronicle.h"
#include "topo/location.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct site *site_named(struct runner *r, const char *name) {
    for (uint32_t i = 0; i < r->site_count; i++)
        if (strcmp(r->sites[i].name.text, name) == 0)
            return &r->sites[i];
    return NULL;
}

/* "ams1 and lon1", those who said it. */
static const char *observers(const struct runner *r, const struct report_verdict *v,
                             char out[RUNNER_TEXT_MAX]) {
    uint32_t count = 0, told = 0;
    size_t len = 0;
    bool says[SPACE_SITES_MAX];
    for (uint32_t i = 0; i < r->site_count; i++) {
        says[i] = r->sites[i].peerd != 0 && !name_equal(&r->sites[i].name, &v->peer);
        count += says[i];
    }
    out[0] = '\0';
    for (uint32_t i = 0; i < r->site_count && len < RUNNER_TEXT_MAX; i++)
        if (says[i]) {
            const char *joint = told == 0 ? "" : told + 1 == count ? " and " : ", ";
            len += (size_t)snprintf(out + len, RUNNER_TEXT_MAX - len, "%s%s", joint,
                                    r->sites[i].name.text);
            told++;
        }
    return out;
}

static void tell_verdict(struct runner *r, const struct report_verdict *v) {
    char who[RUNNER_TEXT_MAX];
    const char *peer = v->peer.text, *verdict = v->verdict.text;
    observers(r, v, who);
    if (strcmp(verdict, "crashed") == 0)
        runner_fact(r, FACT_VERDICT, "%s are sure by now: %s has crashed (%s)", who, peer,
                    v->evidence);
    else if (strcmp(verdict, "alive") == 0)
        runner_fact(r, FACT_VERDICT, "%s hear that %s is alive", who, peer);
    else
        runner_fact(r, FACT_VERDICT, "%s hear that %s is %s (%s)", who, peer, verdict, v->evidence);
}

/* What a cluster says of its own path to some listeners; others have no say in it. */
static void fall_said(struct runner *r, const char *line) {
    struct report_verdict row;
    struct prefix location;
    if (!opinion_fall_read(&row, &location, line) || instant_is_never(r->started))
        return;
    row.at_ms = duration_in_ms(runner_at(r, net_now()));
    for (uint32_t i = 0; i < r->listener_count && name_is_empty(&row.location); i++) {
        const struct addr addr = space_listener_addr(&r->space, i, 0);
        const struct prefix at = location_of(&addr);
        if (location_equal(&at, &location))
            row.location = r->scenario->clients[r->listeners[i].group].name;
    }
    report_add_verdict(&r->report, &row);
    runner_fact(r, FACT_VERDICT, "%s: %s", row.observer.text, row.evidence);
}

/* A moment of doubt is told by the peerd that has it; only what all agree on is a fact of the run.
 */
static void peerd_said(void *data, struct site *site, const char *line) {
    struct runner *r = data;
    struct report_verdict row;
    (void)site;
    fall_said(r, line);
    if (!opinion_read(&row, line))
        return;
    bool agreed = opinion_noted(&r->opinions, r->sites, r->site_count, &row);
    bool doubt = strcmp(row.verdict.text, "suspect") == 0;
    if (instant_is_never(r->started))
        return;
    row.at_ms = duration_in_ms(runner_at(r, net_now()));
    report_add_verdict(&r->report, &row);
    runner_fact(r, FACT_OVERLAY, "%s", strstr(line, "peerd: ") + 7);
    if (agreed && !doubt)
        tell_verdict(r, &row);
}

static void listener_said(void *data, struct listener *l, const char *line) {
    struct runner *r = data;
    char name[40];
    unsigned epoch;
    chronicle_listener_said(r, l, line);
    if (sscanf(line, "%*f session %23s begins at", name) == 1)
        snprintf(l->session, sizeof(l->session), "%.23s", name);
    if (sscanf(line, "%*f %39s serves under epoch %u", name, &epoch) != 2)
        return;
    struct site *site = site_named(r, name);
    l->serving = site != NULL ? site->index : SCENARIO_NONE;
}

/* Who serves the affected now, in words: "ams1 (6) and lon1 (4)". */
static const char *hearing(const struct runner *r, const struct episode *x,
                           char out[RUNNER_TEXT_MAX]) {
    uint32_t counts[SPACE_SITES_MAX] = {0}, left = 0;
    size_t len = 0;
    for (uint32_t i = 0; i < r->listener_count; i++)
        if (x->listeners[i].affected && !instant_is_never(x->listeners[i].heard))
            counts[x->listeners[i].heard_from]++;
    for (uint32_t i = 0; i < r->site_count; i++)
        left += counts[i] > 0;
    bool alone = left == 1;
    out[0] = '\0';
    for (uint32_t i = 0; i < r->site_count && len < RUNNER_TEXT_MAX; i++)
        if (counts[i] > 0) {
            const char *joint = len == 0 ? "" : left == 1 ? " and " : ", ";
            len += (size_t)snprintf(out + len, RUNNER_TEXT_MAX - len, alone ? "%s%s" : "%s%s (%u)",
                                    joint, r->sites[i].name.text, counts[i]);
            left--;
        }
    return out;
}

/* [µs] there and back, as the scenario says; on loopback there is no way between them. */
static struct duration trip_of(const struct runner *r, uint32_t site, uint32_t group) {
    if (r->space.wide == NULL)
        return DURATION_ZERO;
    struct path_quality there = scenario_way(r->scenario, group, true, site, false);
    struct path_quality back = scenario_way(r->scenario, site, false, group, true);
    return duration_add(duration_add(there.delay, there.jitter),
                        duration_add(back.delay, back.jitter));
}

static void look_for_copies(struct runner *r, const struct tap_packet *p) {
    if (r->copies == NULL || p->listener >= r->listener_count)
        return;
    bool asks = !p->to_listener && p->resumes;
    struct duration trip =
        asks ? trip_of(r, p->site, r->listeners[p->listener].group) : DURATION_ZERO;
    copies_seen(&r->copies[p->listener], p, trip);
}

static void tapped(void *data, const struct tap_packet *p) {
    struct runner *r = data;
    char text[RUNNER_TEXT_MAX];
    look_for_copies(r, p);
    enum episode_news news = episodes_seen(&r->episodes, p);
    struct episode *x = episodes_newest(&r->episodes);
    if (news == EPISODE_NOTHING)
        return;
    double ms = (double)instant_since(p->at, x->at).us / 1000;
    const char *site = r->sites[p->site].name.text;
    switch (news) {
    case EPISODE_NOTHING:
        return;
    case EPISODE_FIRST_ASKED:
        runner_fact(r, FACT_LISTENER,
                    x->killed ? "%.0f ms later the first listener misses media and asks %s for it"
                              : "%.0f ms later the first listener, told to move, turns to %s",
                    ms, site);
        return;
    case EPISODE_ALL_ASKED:
        if (x->killed && x->affected > 1)
            runner_fact(r, FACT_LISTENER, "%.0f ms after the event all %u of them have asked", ms,
                        x->affected);
        return;
    case EPISODE_FIRST_HEARD:
        return;
    case EPISODE_ALL_HEARD:
        runner_fact(r, FACT_LISTENER, "%.0f ms after the event all %u hear %s", ms, x->affected,
                    hearing(r, x, text));
        return;
    }
}

void hearsay_attach(struct runner *r) {
    for (uint32_t i = 0; i < r->site_count; i++) {
        r->sites[i].said = peerd_said;
        r->sites[i].data = r;
    }
    for (uint32_t i = 0; i < r->listener_count; i++) {
        r->listeners[i].said = listener_said;
        r->listeners[i].data = r;
    }
    r->copies = calloc(r->listener_count > 0 ? r->listener_count : 1, sizeof(*r->copies));
    r->tap = tap_open(r->loop, &r->space, r->listener_count, tapped, r);
}
