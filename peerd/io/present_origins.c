/*
 * Where streams are that other programs serve, as JSON for operators: for each of them the clusters
 * that have it, we first, how it is there, and whether players are sent there. Which place each has
 * is by our view and for a player of whom nothing is known; for one of a location it may be
 * another.
 */
#include "peerd/core/pathways.h"
#include "peerd/io/daemon.h"
#include "peerd/io/streams.h"
#include "peerd/net/clock.h"

#include <jansson.h>

/* The row of a cluster, counted from 1; 0 if it has none. */
static uint32_t place_of(const struct core_pathways *ways, const struct name *cluster) {
    for (uint32_t i = 0; i < ways->count; i++)
        if (name_equal(&ways->list[i].cluster, cluster))
            return i + 1;
    return 0;
}

/* `gone`: what is the matter with its cluster; NULL for nothing. */
static void put_place(json_t *site, const struct core_pathways *ways, const struct name *cluster,
                      bool ill, const char *gone) {
    uint32_t place = place_of(ways, cluster);
    bool sent = place > 0 && ways->list[place - 1].takes;
    const char *against = gone != NULL ? gone
                          : ill        ? "it is ill"
                          : place == 0 ? "policies send nobody there"
                                       : rank_rule_text(ways->list[place - 1].rule);
    json_object_set_new(site, "place", place > 0 ? json_integer(place) : json_null());
    json_object_set_new(site, "players_sent", json_boolean(sent));
    json_object_set_new(site, "against", sent ? json_null() : json_string(against));
}

/* What there is to spare there for players that come; nothing where they are not counted. */
static void put_making(const struct daemon *d, json_t *site, const struct core_pathways *ways,
                       const struct name *origin, const struct name *cluster) {
    uint32_t spare_ms, player_ms, place = place_of(ways, cluster);
    bool counted = core_making(d->core, origin, cluster, &spare_ms, &player_ms);
    json_object_set_new(site, "spare_cpu_ms_per_s", counted ? json_integer(spare_ms) : json_null());
    json_object_set_new(site, "player_cpu_ms_per_s",
                        counted ? json_integer(player_ms) : json_null());
    json_object_set_new(site, "players_more",
                        counted && place > 0 ? json_integer(ways->list[place - 1].players)
                                             : json_null());
}

/* By our own looks. */
static json_t *site_here(const struct daemon *d, uint32_t index, const struct core_pathways *ways) {
    const struct core_origin_status o = core_origin_status(d->core, index);
    const char *why = origins_why(d, index);
    const char *state = o.ill ? "ill" : o.passed == 0 && o.failed == 0 ? "unknown" : "well";
    if (o.failed > 0 && why[0] == '\0')
        why = err_text(o.err);
    json_t *site = json_pack(
        "{s:s, s:o, s:b, s:s, s:I, s:I, s:I, s:o}", "cluster", d->policy->cluster.name.text, "url",
        text_json(o.policy->url.text), "live", o.policy->live, "state", state, "since_ms_ago",
        (json_int_t)duration_in_ms(instant_since(net_now(), o.since)), "looks_failed",
        (json_int_t)o.failed, "looks_passed", (json_int_t)o.passed, "why",
        o.failed > 0 ? text_json(why) : json_null());
    put_making(d, site, ways, &o.policy->name, &d->policy->cluster.name);
    put_place(site, ways, &d->policy->cluster.name, o.ill,
              core_status(d->core).draining ? "this cluster drains" : NULL);
    return site;
}

/* Of peer `peer` the stream of that name. */
static bool find_at(const struct daemon *d, uint32_t peer, const struct name *name,
                    struct core_peer_origin_status *out) {
    for (uint32_t n = 0; core_peer_origin_status(d->core, peer, n, out); n++)
        if (name_equal(out->name, name))
            return true;
    return false;
}

/* By its word; since when it does not say. */
static json_t *site_at(const struct daemon *d, uint32_t peer,
                       const struct core_peer_origin_status *o, const struct core_pathways *ways) {
    enum verdict v = core_peer_verdict(d->core, peer);
    const struct name *cluster = &d->policy->peers[peer].name;
    char gone[64];
    json_t *site = json_pack("{s:s, s:o, s:b, s:s, s:s, s:n}", "cluster", cluster->text, "url",
                             text_json(o->url), "live", o->live, "state", o->ill ? "ill" : "well",
                             "verdict", verdict_name(v), "since_ms_ago");
    snprintf(gone, sizeof(gone), "its cluster is %s", verdict_name(v));
    put_making(d, site, ways, o->name, cluster);
    put_place(site, ways, cluster, o->ill, verdict_is_usable(v) ? NULL : gone);
    return site;
}

static json_t *stream(const struct daemon *d, const struct name *name) {
    static const struct addr anywhere;
    static const struct name nowhere;
    const struct policy_origin *own = policy_origin_find(d->policy, name);
    struct core_pathways ways = {.count = 0};
    struct core_peer_origin_status at;
    json_t *sites = json_array();
    (void)core_pathways(d->core, name, &anywhere, &nowhere, &ways);
    if (own != NULL)
        json_array_append_new(sites, site_here(d, (uint32_t)(own - d->policy->origins), &ways));
    for (uint32_t i = 0; i < d->peer_count; i++)
        if (find_at(d, i, name, &at))
            json_array_append_new(sites, site_at(d, i, &at, &ways));
    return json_pack("{s:s, s:o}", "name", name->text, "at", sites);
}

/* Is the one of that peer the first of its name? */
static bool is_new(const struct daemon *d, uint32_t peer, const struct name *name) {
    struct core_peer_origin_status other;
    if (policy_origin_find(d->policy, name) != NULL)
        return false;
    for (uint32_t i = 0; i < peer; i++)
        if (find_at(d, i, name, &other))
            return false;
    return true;
}

char *present_origins(const struct daemon *d) {
    struct core_peer_origin_status at;
    json_t *list = json_array();
    for (uint32_t i = 0; i < d->policy->origin_count; i++)
        json_array_append_new(list, stream(d, &d->policy->origins[i].name));
    for (uint32_t i = 0; i < d->peer_count; i++)
        for (uint32_t n = 0; core_peer_origin_status(d->core, i, n, &at); n++)
            if (is_new(d, i, at.name))
                json_array_append_new(list, stream(d, at.name));
    json_t *root =
        json_pack("{s:s, s:o}", "cluster", d->policy->cluster.name.text, "origins", list);
    char *text = root != NULL ? json_dumps(root, JSON_COMPACT) : NULL;
    json_decref(root);
    return text;
}
