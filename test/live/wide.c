#include "test/live/wide.h"

#include "test/lib/wan/wan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SITE_NET      1   /* of the first one */
#define GROUP_NET     100 /* likewise */
#define ORIGIN_NET    200 /* likewise; source i has 200 + i */
#define RUNNER_NET    250
#define LISTENER_NETS 250 /* listeners a /24 */

/* Places in this order: clusters, groups, origins (one for each source: none costs little), the
 * runner. */
struct wide {
    struct scenario scenario; /* a view: all but its links is somebody else's */
    uint32_t link_room;
    struct wan_place places[WAN_PLACES_MAX];
    uint32_t count;
    uint32_t sites, groups, origins;
    uint16_t group_of[SPACE_LISTENERS_MAX];
    uint32_t listeners;
    struct path_quality *ways; /* owned; as the emulator has them, from × count + to */
    struct wan *wan;
    bool realtime;
};

static bool is_plain(const struct scenario *s) {
    for (uint32_t i = 0; i < s->client_group_count; i++)
        if (s->clients[i].access_given || s->clients[i].placed)
            return false;
    for (uint32_t i = 0; i < s->cluster_count; i++)
        if (s->clusters[i].identity.placed)
            return false;
    for (uint32_t i = 0; i < s->source_count; i++)
        if (s->sources[i].origin.us > 0)
            return false;
    return s->link_count == 0 && s->matrix.size == 0;
}

bool wide_is_wanted(const struct scenario *s, struct mark *mark) {
    const char *asked = getenv("LIVE_WAN");
    struct mark ignored;
    mark = mark != NULL ? mark : &ignored;
    *mark = (struct mark){1, 1};
    if (s->link_count > 0) {
        *mark = s->links[0].mark;
        return true;
    }
    for (uint32_t i = 0; i < s->event_count; i++)
        if (s->events[i].verb == SCENARIO_VERB_LINK) {
            *mark = s->events[i].mark;
            return true;
        }
    return !is_plain(s) || (asked != NULL && strcmp(asked, "1") == 0);
}

static void refuse_network(const struct scenario_clients *which, const struct name *other,
                           bool wide, struct faults *faults) {
    struct fault *x = fault_add_at(faults, which->mark, "clients");
    if (wide) {
        fault_expected(x, "a `network` of one group, in a namespace of its own");
        fault_found(x, "that of `%s`, too", other->text);
        fault_hint(x, "one group can begin at several clusters with `spread: true`");
    } else {
        fault_expected(x, "the `network` of `%s`: on loopback all groups have one", other->text);
        fault_found(x, "`%s`", which->network.text);
        fault_hint(x, "with `links` each group has a namespace of its own");
    }
}

bool wide_permits(const struct scenario *s, struct faults *faults) {
    bool wide = wide_is_wanted(s, NULL), ok = true;
    for (uint32_t i = 0; i < s->client_group_count; i++)
        for (uint32_t k = 0; k < i; k++) {
            const struct scenario_clients *a = &s->clients[i], *b = &s->clients[k];
            if (wide ? name_is_empty(&a->network) || !name_equal(&a->network, &b->network)
                     : name_equal(&a->network, &b->network))
                continue;
            refuse_network(a, &b->name, wide, faults);
            ok = false;
            break;
        }
    return ok;
}

/* ---- addresses ---- */

struct addr wide_site_addr(uint32_t site, uint16_t port) {
    return wan_addr((uint8_t)(SITE_NET + site), 0, 1, port);
}

struct addr wide_listener_addr(const struct wide *w, uint32_t n, uint16_t port) {
    return wan_addr((uint8_t)(GROUP_NET + w->group_of[n]), (uint8_t)(1 + n / LISTENER_NETS),
                    (uint8_t)(n % LISTENER_NETS + 1), port);
}

int wide_site_of(const struct wide *w, uint32_t ip) {
    uint32_t net = ip >> 16 & 0xff;
    bool site =
        ip >> 24 == 10 && net >= SITE_NET && net < SITE_NET + w->sites && (ip & 0xffff) == 1;
    return site ? (int)(net - SITE_NET) : -1;
}

int wide_listener_of(uint32_t ip) {
    uint32_t net = ip >> 16 & 0xff, high = ip >> 8 & 0xff, low = ip & 0xff;
    if (ip >> 24 != 10 || net < GROUP_NET || net >= GROUP_NET + WIDE_GROUPS_MAX || high < 1 ||
        low < 1 || low > LISTENER_NETS)
        return -1;
    return (int)((high - 1) * LISTENER_NETS + low - 1);
}

const struct wan_place *wide_site_place(const struct wide *w, uint32_t site) {
    return &w->places[site];
}

struct addr wide_origin_addr(uint32_t source, uint16_t port) {
    return wan_addr((uint8_t)(ORIGIN_NET + source), 0, 1, port);
}

const struct wan_place *wide_origin_place(const struct wide *w, uint32_t source) {
    return &w->places[w->sites + w->groups + source];
}

const struct wan_place *wide_listener_place(const struct wide *w, uint32_t listener) {
    return &w->places[w->sites + w->group_of[listener]];
}

/* ---- ways ---- */

static bool is_group(const struct wide *w, uint32_t place) {
    return place >= w->sites && place < w->sites + w->groups;
}

static bool is_origin(const struct wide *w, uint32_t place) {
    return place >= w->sites + w->groups && place < w->sites + w->groups + w->origins;
}

static uint32_t index_of(const struct wide *w, uint32_t place) {
    return is_group(w, place) ? place - w->sites : place;
}

static bool set_ways(struct wide *w) {
    uint32_t ends = w->sites + w->groups;
    for (uint32_t a = 0; a < ends; a++)
        for (uint32_t b = 0; b < ends; b++) {
            if (a == b || (is_group(w, a) && is_group(w, b)))
                continue; /* listeners have nothing to say to one another */
            struct path_quality *now = &w->ways[a * w->count + b];
            struct path_quality q = scenario_way(&w->scenario, index_of(w, a), is_group(w, a),
                                                 index_of(w, b), is_group(w, b));
            if (memcmp(&q, now, sizeof(q)) == 0)
                continue;
            if (!wan_set_way(w->wan, a, b, &q))
                return false;
            *now = q;
        }
    return true;
}

/* Losses of a group's access hit all its ways at once. */
static bool set_miles(struct wide *w) {
    for (uint32_t i = 0; i < w->groups; i++) {
        const struct way_mile mile = scenario_mile(&w->scenario.clients[i]);
        if ((mile.bursts || mile.outages) && !wan_set_mile(w->wan, w->sites + i, &mile))
            return false;
    }
    return true;
}

/* They stay as they are, whatever happens to others. */
static bool set_origins(struct wide *w) {
    for (uint32_t i = 0; i < w->origins; i++)
        for (uint32_t site = 0; site < w->sites; site++) {
            const struct path_quality q = {.delay =
                                               duration_us(w->scenario.sources[i].origin.us / 2)};
            uint32_t place = w->sites + w->groups + i;
            if (!wan_set_way(w->wan, site, place, &q) || !wan_set_way(w->wan, place, site, &q))
                return false;
        }
    return true;
}

static bool add_link(struct wide *w, const struct scenario_link *link) {
    if (w->scenario.link_count == w->link_room) {
        uint32_t room = w->link_room > 0 ? 2 * w->link_room : 64;
        struct scenario_link *links = realloc(w->scenario.links, room * sizeof(*links));
        if (links == NULL)
            return false;
        w->scenario.links = links;
        w->link_room = room;
    }
    w->scenario.links[w->scenario.link_count++] = *link;
    return true;
}

bool wide_set_link(struct wide *w, const struct scenario_link *link) {
    return add_link(w, link) && set_ways(w);
}

/* ---- making ---- */

static uint8_t net_of(const struct wide *w, uint32_t place) {
    return place < w->sites      ? (uint8_t)(SITE_NET + place)
           : is_group(w, place)  ? (uint8_t)(GROUP_NET + place - w->sites)
           : is_origin(w, place) ? (uint8_t)(ORIGIN_NET + place - w->sites - w->groups)
                                 : RUNNER_NET;
}

static bool count_all(struct wide *w, char *why, size_t why_size) {
    const struct scenario *s = &w->scenario;
    w->sites = s->cluster_count;
    w->groups = s->client_group_count;
    for (uint32_t i = 0; i < s->source_count; i++)
        w->origins = s->sources[i].origin.us > 0 ? i + 1 : w->origins;
    if (w->origins > WIDE_ORIGINS_MAX) {
        snprintf(why, why_size, "an `origin` of one of the first %d sources", WIDE_ORIGINS_MAX);
        return false;
    }
    if (w->sites > SPACE_SITES_MAX || w->groups > WIDE_GROUPS_MAX) {
        snprintf(why, why_size, "at most %d clusters and %d groups of clients", SPACE_SITES_MAX,
                 WIDE_GROUPS_MAX);
        return false;
    }
    for (uint32_t g = 0; g < w->groups; g++)
        for (uint32_t n = 0; n < s->clients[g].count; n++) {
            if (w->listeners == SPACE_LISTENERS_MAX) {
                snprintf(why, why_size, "at most %d listeners", SPACE_LISTENERS_MAX);
                return false;
            }
            w->group_of[w->listeners++] = (uint16_t)g;
        }
    return true;
}

static bool make_places(struct wide *w, char *why, size_t why_size) {
    uint32_t count = w->sites + w->groups + w->origins + 1;
    for (; w->count < count; w->count++) {
        bool here = w->count + 1 == count;
        if (!wan_place_make(&w->places[w->count], net_of(w, w->count), here, why, why_size))
            return false;
    }
    return true;
}

struct wide *wide_open(const struct scenario *scenario, uint64_t seed, char *why, size_t why_size) {
    struct wan_counters counters;
    struct wide *w = calloc(1, sizeof(*w));
    if (w == NULL)
        return NULL;
    w->scenario = *scenario;
    w->scenario.links = NULL;
    w->scenario.ways = NULL; /* of the rows as they were read */
    w->scenario.link_count = 0;
    bool ok = true;
    for (uint32_t i = 0; i < scenario->link_count; i++)
        ok = ok && add_link(w, &scenario->links[i]);
    if (!ok)
        snprintf(why, why_size, "out of memory");
    if (ok && count_all(w, why, why_size) && make_places(w, why, why_size))
        w->wan = wan_start(w->places, w->count, seed, why, why_size);
    w->ways = calloc((size_t)w->count * w->count, sizeof(*w->ways));
    if (w->wan != NULL && w->ways != NULL && set_ways(w) && set_origins(w) && set_miles(w) &&
        wan_count(w->wan, &counters)) {
        w->realtime = counters.realtime;
        return w;
    }
    wide_close(w);
    return NULL;
}

void wide_close(struct wide *w) {
    if (w == NULL)
        return;
    wan_stop(w->wan);
    for (uint32_t i = 0; i < w->count; i++)
        wan_place_close(&w->places[i]);
    free(w->ways);
    free(w->scenario.links);
    free(w);
}

/* ---- cuts ---- */

/* A cut knows listeners; here whole groups are cut, and a cut names whole groups. */
static bool holds(const struct wide *w, const struct space_end *e, uint32_t place) {
    if (place == w->count - 1 || is_origin(w, place) || e->listeners != is_group(w, place))
        return false;
    if (!e->listeners)
        return place >= e->first && place <= e->last;
    return w->listeners > 0 && index_of(w, place) >= w->group_of[e->first] &&
           index_of(w, place) <= w->group_of[e->last];
}

static bool is_dark(const struct wide *w, const struct space *s, uint32_t place) {
    return place < w->sites && s->dead[place];
}

/* The runner asks whoever is dark, too: it hears no answer. */
bool wide_apply(struct wide *w, const struct space *s) {
    static bool cuts[WAN_PLACES_MAX * WAN_PLACES_MAX];
    for (uint32_t a = 0; a < w->count; a++)
        for (uint32_t b = 0; b < w->count; b++) {
            bool *cut = &cuts[a * w->count + b];
            *cut = a != b && (is_dark(w, s, a) || is_dark(w, s, b));
            for (uint32_t i = 0; i < s->cut_count && !*cut; i++)
                *cut = a != b && holds(w, &s->cuts[i].from, a) && holds(w, &s->cuts[i].to, b);
        }
    return wan_set_cuts(w->wan, cuts);
}

bool wide_lives(const struct wide *w) {
    return wan_lives(w->wan);
}

const char *wide_describe(const struct wide *w) {
    static char text[160];
    snprintf(text, sizeof(text),
             "a private wide-area network: %u clusters and %u group%s of listeners, each in a "
             "namespace of its own%s",
             w->sites, w->groups, w->groups == 1 ? "" : "s",
             w->realtime ? "" : "; the emulator may not run in real time");
    return text;
}
