/*
 * Rank: who would back a location's sessions up, or a session, in which order, and by which rule
 * each is where it is.
 */
#include "peerd/io/daemon.h"
#include "peerd/net/clock.h"
#include "topo/geo/geo.h"
#include "topo/location.h"

#include <jansson.h>

#define DUMP_FLAGS (JSON_COMPACT | JSON_REAL_PRECISION(7))

/* Zero and endless are what nobody knows. */
static json_t *known_ms(struct duration d) {
    return d.us <= 0 || duration_is_endless(d) ? json_null() : json_real((double)d.us / 1000);
}

static json_t *experience_json(const struct rank_experience *e) {
    return e->known
               ? json_pack("{s:f, s:f}", "r", e->r_tenths / 10.0, "margin", e->margin_tenths / 10.0)
               : json_null();
}

/* By how many clients, whose, and how long ago the newest of them spoke; or by how many locations
 * of a prefix around. */
static json_t *measured_json(const struct rank_candidate *c) {
    char from[LOCATION_TEXT_LEN_MAX + 1];
    if (c->measured_by == 0)
        return json_null();
    json_t *out = json_pack("{s:I, s:b, s:f}", "clients", (json_int_t)c->measured_by, "ours",
                            c->measured_by_ours, "ms_ago", (double)c->measured_ago.us / 1000);
    if (c->measured_from.addr.family != 0)
        json_object_set_new(out, "from", json_string(location_to_text(&c->measured_from, from)));
    return out;
}

static json_t *candidate_json(const struct daemon *d, const struct core_ranked *r,
                              struct instant now) {
    const struct rank_candidate *c = &r->candidate;
    struct core_peer_status p = core_peer_status(d->core, r->peer, now);
    const struct description *about = p.description;
    return json_pack(
        "{s:i, s:s, s:i, s:s, s:s, s:b, s:b, s:b, s:I, s:I, s:b, s:s, s:s, s:s, s:o, s:o, s:o, "
        "s:o, s:o}",
        "place", (int)r->place, "cluster", c->name.text, "rule", (int)r->rule, "decided_by",
        rank_rule_text(r->rule), "verdict", verdict_name(p.verdict), "may", c->accepts, "source",
        c->offers, "usable", c->usable, "free_slots", (json_int_t)c->free_slots, "cost",
        (json_int_t)c->cost, "same_determinism", c->same_determinism, "provider",
        about != NULL ? about->provider.text : "", "region",
        about != NULL ? about->region.text : "", "upstream", about != NULL ? about->upstream : "",
        "experience", experience_json(&c->experience), "rtt_measured_ms", known_ms(c->rtt_measured),
        "measured_by", measured_json(c), "rtt_estimated_ms", known_ms(c->rtt_estimated),
        "rtt_clusters_ms", known_ms(c->rtt));
}

static json_t *candidates_json(const struct daemon *d, const struct core_ranking *ranking) {
    struct instant now = net_now();
    json_t *list = json_array();
    for (uint32_t i = 0; i < ranking->count; i++)
        json_array_append_new(list, candidate_json(d, &ranking->rows[i], now));
    return list;
}

/* Where a new session would begin, and why there. */
static json_t *beginning_json(const struct core_ranking *r) {
    if (r->begins_at.text[0] == '\0')
        return json_null();
    return json_pack("{s:s, s:s, s:s}", "cluster", r->begins_at.text, "redirect",
                     r->redirect == CORE_REDIRECT_NOT ? "no" : core_redirect_name(r->redirect),
                     "decided_by",
                     r->redirect_rule == RANK_RULE_NONE ? "" : rank_rule_text(r->redirect_rule));
}

static json_t *ranking_json(const struct daemon *d, const struct core_ranking *ranking) {
    return json_pack("{s:s, s:s, s:s, s:s, s:b, s:o, s:o}", "cluster", d->policy->cluster.name.text,
                     "service", ranking->service.text, "profile", ranking->profile.text, "source",
                     ranking->source.text, "damped_too", ranking->damped_too, "begins",
                     beginning_json(ranking), "candidates", candidates_json(d, ranking));
}

static char *dump(json_t *out) {
    char *text = out != NULL ? json_dumps(out, DUMP_FLAGS) : NULL;
    json_decref(out);
    return text;
}

/* Operators ask seldom, and databases are renewed: they are opened for the question. What cannot be
 * used is told in `trouble`. */
static void add_label(const struct daemon *d, const struct addr *addr, json_t *out) {
    struct geo_label label = {.asn = 0};
    char text[GEO_TEXT_LEN_MAX + 1], detail[GEO_DETAIL_LEN_MAX + 1];
    json_t *trouble = json_array();
    for (uint32_t i = 0; i < d->policy->location_database_count; i++) {
        const char *path = d->policy->location_databases[i].text;
        struct geo *g;
        if (geo_open(&g, path, detail) == ERR_OK)
            geo_find(g, addr, &label);
        else
            json_array_append_new(trouble, json_sprintf("%s: %s", path, detail));
        geo_close(g);
    }
    json_object_set_new(out, "label", json_string(geo_to_text(&label, text)));
    json_object_set_new(out, "trouble", trouble);
}

/* How our own clients there fare. */
static json_t *fare_json(const struct daemon *d, const struct prefix *location) {
    struct core_fare fare;
    char from[LOCATION_TEXT_LEN_MAX + 1];
    return core_fare(d->core, location, &fare)
               ? json_pack("{s:f, s:f, s:I, s:s, s:o}", "r", fare.rating_centi / 100.0, "margin",
                           fare.within_centi / 100.0, "reports", (json_int_t)fare.reports, "from",
                           location_to_text(&fare.from, from), "rtt_ms", known_ms(fare.rtt))
               : json_null();
}

/* Sessions that we serve there. */
static json_int_t count_sessions(const struct daemon *d, const struct prefix *location) {
    struct core_group_cursor cursor;
    struct core_group_status group;
    json_int_t count = 0;
    core_groups_begin(d->core, &cursor);
    while (core_group_next(&cursor, &group))
        count += location_equal(&group.location, location) ? group.sessions : 0;
    return count;
}

enum err present_rank(const struct daemon *d, const struct prefix *location,
                      const struct name *service, char **out) {
    static struct core_ranking ranking; /* 11 KB */
    char text[LOCATION_TEXT_LEN_MAX + 1];
    ranking = (struct core_ranking){.service = *service, .location = *location};
    enum err err = core_rank(d->core, NULL, &ranking);
    if (err != ERR_OK)
        return err;
    json_t *json = ranking_json(d, &ranking);
    json_object_set_new(json, "location", json_string(location_to_text(location, text)));
    add_label(d, &location->addr, json);
    json_object_set_new(json, "fare", fare_json(d, location));
    json_object_set_new(json, "sessions", json_integer(count_sessions(d, location)));
    *out = dump(json);
    return *out != NULL ? ERR_OK : ERR_NO_MEMORY;
}

/* Why it stays although it suffers; null if it does not. */
static json_t *stay_json(const struct daemon *d, const struct session_id *id) {
    struct core_stay stay;
    return core_session_stays(d->core, id, &stay)
               ? json_pack("{s:s, s:s}", "reason", stay.word, "text", stay.text)
               : json_null();
}

enum err present_why_session(const struct daemon *d, const struct session_id *id, char **out) {
    static struct core_ranking ranking;
    struct core_session_status s;
    char text[SESSION_ID_TEXT_LEN + 1], addr[ADDR_TEXT_LEN_MAX + 1];
    if (!core_session_find(d->core, id, &s))
        return ERR_NOT_FOUND;
    const struct prefix location = location_of(&s.client);
    ranking = (struct core_ranking){
        .service = s.service, .profile = s.profile, .source = s.source, .location = location};
    enum err err = core_rank(d->core, id, &ranking);
    if (err != ERR_OK)
        return err;
    json_t *json = ranking_json(d, &ranking), *backups = json_array();
    session_id_to_text(id, text);
    for (uint32_t i = 0; i < s.backup_count; i++)
        json_array_append_new(backups, json_string(s.backups[i].text));
    json_object_set_new(json, "session", json_string(text));
    json_object_set_new(json, "issuer", json_string(s.issuer.text));
    json_object_set_new(json, "state", json_string(session_state_name(s.state)));
    json_object_set_new(json, "client", json_string(addr_to_text(&s.client, addr)));
    add_label(d, &s.client, json);
    json_object_set_new(json, "fare", fare_json(d, &location));
    json_object_set_new(json, "rtt_ms", known_ms(duration_us(s.rtt_us)));
    json_object_set_new(json, "backups", backups);
    json_object_set_new(json, "stays", stay_json(d, id));
    *out = dump(json);
    return *out != NULL ? ERR_OK : ERR_NO_MEMORY;
}
