/*
 * Why: the verdict on one peer, what it rests on, what would change it, and those before it.
 */
#include "peerd/io/daemon.h"
#include "peerd/net/clock.h"

#include <jansson.h>

#define DUMP_FLAGS (JSON_COMPACT | JSON_REAL_PRECISION(7))

static json_t *ago_ms(struct instant now, struct instant then) {
    return json_integer(duration_in_ms(instant_since(now, then)));
}

/* The newest first; each lasted until the one before it in the list. */
static json_t *changes_json(const struct daemon *d, uint32_t index, struct instant now) {
    json_t *list = json_array();
    struct instant until = now;
    for (uint32_t n = 0; n < HISTORY_MAX; n++) {
        const struct history_entry *e = core_peer_verdict_before(d->core, index, n);
        if (e == NULL)
            break;
        json_array_append_new(list, json_pack("{s:s, s:i, s:o, s:o, s:s}", "verdict",
                                              verdict_name(e->verdict), "rule", (int)e->rule,
                                              "ago_ms", ago_ms(now, e->at), "lasted_ms",
                                              ago_ms(until, e->at), "evidence", e->evidence));
        until = e->at;
    }
    return list;
}

char *present_why(const struct daemon *d, uint32_t index) {
    struct instant now = net_now();
    struct core_peer_status p = core_peer_status(d->core, index, now);
    struct outlook_text outlook = core_peer_outlook(d->core, index, now);
    json_t *until = p.damped ? ago_ms(p.damped_until, now) : json_null();
    json_t *out =
        json_pack("{s:s, s:s, s:s, s:i, s:o, s:s, s:s, s:b, s:o, s:i, s:I, s:o, s:o}", "cluster",
                  d->policy->cluster.name.text, "peer", p.policy->name.text, "verdict",
                  verdict_name(p.verdict), "rule", (int)p.rule, "since_ms_ago",
                  ago_ms(now, p.since), "evidence", p.evidence != NULL ? p.evidence : "", "outlook",
                  outlook.text, "damped", p.damped, "damped_for_ms", until, "flap_points",
                  (int)p.flap_points, "flaps", (json_int_t)p.flaps, "detection",
                  present_detection(&p), "changes", changes_json(d, index, now));
    char *text = out != NULL ? json_dumps(out, DUMP_FLAGS) : NULL;
    json_decref(out);
    return text;
}
