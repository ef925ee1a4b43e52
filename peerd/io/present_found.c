/*
 * What discovery knows, as JSON for operators.
 */
#include "peerd/io/daemon.h"
#include "peerd/net/clock.h"

#include <jansson.h>
#include <string.h>

static json_t *domains_json(const struct find *f, uint32_t told_by) {
    json_t *list = json_array();
    for (uint32_t i = 0; i < f->config.domain_count; i++)
        if ((told_by >> i & 1) != 0)
            json_array_append_new(list, json_string(f->config.domains[i].text));
    return list;
}

static json_t *cluster_json(const struct find *f, const struct find_cluster *c) {
    char text[KEY_PUBLIC_TEXT_LEN + 1];
    struct public_key key;
    memcpy(key.bytes, c->claim.key.bytes, sizeof(key.bytes));
    public_key_to_text(&key, text);
    json_t *out =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:b, s:b, s:I}", "name", c->claim.name.text,
                  "key", text, "state", find_state_name(c->state), "why",
                  c->state == FIND_STATE_REFUSED ? find_refusal_text(c->refusal) : "", "beats",
                  c->claim.beats.text, "control", c->claim.control.text, "domains",
                  domains_json(f, c->told_by), "introduced", c->introduced, "announced",
                  c->announced, "misses", (json_int_t)c->misses);
    if (out != NULL && c->described) {
        json_object_set_new(out, "provider", json_string(c->facts.provider.text));
        json_object_set_new(out, "region", json_string(c->facts.region.text));
    }
    if (out != NULL && c->state == FIND_STATE_ACCEPTED)
        json_object_set_new(out, "rule", json_integer((json_int_t)c->rule + 1));
    return out;
}

static json_t *counters_json(const struct find_counters *c) {
    return json_pack("{s:I, s:I, s:I, s:I, s:I}", "fetches", (json_int_t)c->fetches,
                     "fetches_missed", (json_int_t)c->fetches_missed, "claims_refused",
                     (json_int_t)c->claims_refused, "stale", (json_int_t)c->stale, "changes",
                     (json_int_t)c->changes);
}

char *present_found(const struct daemon *d) {
    const struct find *f = discovery_state(d);
    json_t *clusters = json_array(), *domains = json_array();
    for (uint32_t i = 0; f != NULL && i < f->top; i++)
        if (f->clusters[i].used)
            json_array_append_new(clusters, cluster_json(f, &f->clusters[i]));
    for (uint32_t i = 0; f != NULL && i < f->config.domain_count; i++)
        json_array_append_new(domains,
                              json_pack("{s:s, s:I, s:I, s:I}", "domain", f->config.domains[i].text,
                                        "answers", (json_int_t)f->domains[i].answers, "failures",
                                        (json_int_t)f->domains[i].failures, "failed_in_a_row",
                                        (json_int_t)f->domains[i].misses));
    json_t *root = json_pack("{s:s, s:o, s:o}", "cluster", d->policy->cluster.name.text, "domains",
                             domains, "clusters", clusters);
    if (root != NULL && f != NULL)
        json_object_set_new(root, "counters", counters_json(&f->counters));
    char *text = root != NULL ? json_dumps(root, JSON_COMPACT) : NULL;
    json_decref(root);
    return text;
}
