/*
 * Present: what the core believes, as JSON for operators, tools and the status page.
 *
 * Durations are in milliseconds with the unit in the name; instants are ages, since the monotonic
 * clock means nothing outside. Names are the glossary's.
 */
#include "peerd/io/daemon.h"
#include "peerd/net/clock.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#define DUMP_FLAGS (JSON_COMPACT | JSON_REAL_PRECISION(7))

/* Age in ms, or null for "never". */
static json_t *age_ms(struct instant now, struct instant then) {
    if (instant_is_never(then))
        return json_null();
    return json_integer(duration_in_ms(instant_since(now, then)));
}

/* Time left in ms, or null for "never". */
static json_t *left_ms(struct instant now, struct instant then) {
    if (instant_is_never(then))
        return json_null();
    return json_integer(duration_in_ms(instant_since(then, now)));
}

static json_t *addr_json(const struct addr *a) {
    char text[ADDR_TEXT_LEN_MAX + 1];
    return addr_is_none(a) ? json_null() : json_string(addr_to_text(a, text));
}

static char *dump(json_t *root) {
    char *text = root != NULL ? json_dumps(root, DUMP_FLAGS) : NULL;
    json_decref(root);
    return text;
}

json_t *text_json(const char *text) {
    json_t *string = json_string(text);
    return string != NULL ? string : json_string("(not UTF-8)");
}

/* Paths, and what somebody wrote into the file by mistake, are for operators only. */
static json_t *policy_json(const struct daemon *d, bool for_operators) {
    char line[FAULT_LINE_LEN_MAX + 1];
    json_t *out = json_pack("{s:b}", "newer_refused", d->policy_refused);
    if (!for_operators)
        return out;
    json_t *faults = json_array();
    for (uint32_t i = 0; d->policy_refused && i < d->faults->count; i++)
        json_array_append_new(faults,
                              text_json(fault_to_text(d->faults, &d->faults->list[i], line)));
    json_object_set_new(out, "file", text_json(d->policy_path));
    json_object_set_new(out, "faults", faults);
    return out;
}

static json_t *counters_json(const struct daemon *d) {
    const struct core_counters *c = core_counters(d->core);
    json_t *out = json_object();
#define PUT_COUNTER(field, text)                                                                   \
    json_object_set_new(out, #field, json_integer((json_int_t)c->field));
    CORE_COUNTERS(PUT_COUNTER)
#undef PUT_COUNTER
    return out;
}

static json_t *node_json(const struct daemon *d, const struct core_node_status *n,
                         struct instant now) {
    json_t *media = json_array();
    for (uint32_t i = 0; i < n->workers && n->media != NULL; i++)
        json_array_append_new(media, addr_json(&n->media[i]));
    json_t *sources = json_array();
    for (uint32_t i = 0; i < n->source_count; i++)
        if (n->sources[i].error != ERR_OK)
            json_array_append_new(sources,
                                  json_pack("{s:s, s:s, s:s}", "source", n->sources[i].name.text,
                                            "error", err_name(n->sources[i].error), "text",
                                            err_text(n->sources[i].error)));
    return json_pack("{s:s, s:b, s:b, s:o, s:i, s:i, s:i, s:i, s:i, s:I, s:I, s:I, s:I, s:i, s:o, "
                     "s:o, s:i, s:b, s:o}",
                     "name", n->policy->name.text, "registered", n->registered, "complete",
                     n->complete, "heard_ms_ago", age_ms(now, n->heard), "workers", (int)n->workers,
                     "slots_per_worker", (int)n->slots, "sessions", (int)n->sessions, "standbys",
                     (int)n->standbys, "opened", (int)n->opened, "frames", (json_int_t)n->frames,
                     "resent", (json_int_t)n->resent, "probes", (json_int_t)n->probes,
                     "probes_refused", (json_int_t)n->probes_refused, "worker_restarts",
                     (int)n->restarts, "media", media, "source_errors", sources, "late_ms",
                     (int)n->late_ms, "sheds", n->sheds, "starts", present_starts(d, n));
}

static json_t *locations_json(const struct core_status *s) {
    return json_pack("{s:i, s:i, s:i, s:i}", "followed", (int)s->locations, "fallen",
                     (int)s->locations_bad, "degraded", (int)s->locations_degraded, "elsewhere",
                     (int)s->locations_elsewhere);
}

static json_t *drain_json(const struct core_status *s, struct instant now) {
    bool known = s->drain_ends_in.us != DURATION_ENDLESS.us;
    return json_pack(
        "{s:b, s:b, s:i, s:i, s:I, s:f, s:o, s:b, s:b, s:o, s:o, s:s?}", "draining", s->draining,
        "drained", s->drained, "left", (int)s->drain_left, "waiting", (int)s->drain_waiting, "gone",
        (json_int_t)s->drain_gone, "per_s", s->drain_rate, "ends_in_ms",
        s->draining && known ? json_integer(duration_in_ms(s->drain_ends_in)) : json_null(),
        "stuck", s->drain_stuck, "overdue", s->drain_overdue, "deadline_ms",
        s->draining ? left_ms(now, s->drain_deadline) : json_null(), "to",
        name_is_empty(&s->drain_to) ? json_null() : json_string(s->drain_to.text), "to_trouble",
        s->drain_to_trouble);
}

static json_t *status_json(const struct daemon *d, bool for_operators) {
    struct instant now = net_now();
    struct core_status s = core_status(d->core);
    json_t *nodes = json_array();
    for (uint32_t i = 0; i < s.nodes; i++) {
        struct core_node_status n = core_node_status(d->core, i);
        json_array_append_new(nodes, node_json(d, &n, now));
    }
    json_t *drain = drain_json(&s, now);
    json_t *out = json_pack(
        "{s:s, s:s, s:o, s:b, s:o, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, "
        "s:i, s:i, s:o, s:o, s:o, s:o}",
        "cluster", s.cluster.text, "version", DAEMON_VERSION, "up_ms", age_ms(now, s.started),
        "recovering", s.recovering, "drain", drain, "peers", (int)s.peers, "peers_damped",
        (int)s.peers_damped, "nodes_registered", (int)s.nodes_registered, "capacity",
        (int)s.capacity, "credit", (int)s.credit, "reserved", (int)s.reserved, "sessions",
        (int)s.sessions, "standbys", (int)s.standbys, "hot", (int)s.hot, "hedging", (int)s.hedging,
        "free", (int)s.free, "groups", (int)s.groups, "nodes", nodes, "locations",
        locations_json(&s), "policy", policy_json(d, for_operators), "counters", counters_json(d));
    if (out != NULL && for_operators)
        json_object_set_new(out, "trouble", present_trouble(d));
    return out;
}

char *present_status(const struct daemon *d) {
    return dump(status_json(d, true));
}

char *present_undrained(const struct daemon *d, bool was_draining) {
    json_t *out = status_json(d, true);
    if (out != NULL)
        json_object_set_new(out, "was_draining", json_boolean(was_draining));
    return dump(out);
}

char *present_status_for_clients(const struct daemon *d) {
    return dump(status_json(d, false));
}

static json_t *duration_json(struct duration x) {
    return x.us == INT64_MAX ? json_null() : json_real((double)x.us / 1000);
}

/* How much a peer says that it has; 0 while it has said nothing. */
static json_int_t described_count(const struct description *d, bool workers) {
    if (d == NULL)
        return 0;
    return (json_int_t)(workers ? d->media_count : d->source_count);
}

struct json_t *present_detection(const struct core_peer_status *p) {
    const struct detector_figures *f = &p->figures;
    return json_pack(
        "{s:o, s:o, s:o, s:b, s:b, s:o, s:o, s:o, s:o, s:f, s:o, s:o, s:o}", "detect_within_ms",
        duration_json(p->wish.detect_within), "false_alarm_every_ms",
        duration_json(p->wish.false_alarm_every), "bound_ms", duration_json(f->bound), "meets_wish",
        f->meets_wish, "measured", f->measured, "mistake_every_ms_expected",
        duration_json(f->measured ? f->recurs : DURATION_ENDLESS), "bound_needed_ms",
        duration_json(f->measured ? f->needs : DURATION_ENDLESS), "mistake_every_ms",
        duration_json(f->mistake_every), "mistake_lasts_ms", duration_json(f->mistake_lasts),
        "accuracy", f->accuracy, "detected_ms", duration_json(f->detected), "interval_ms",
        duration_json(f->expected), "interval_asked_ms", duration_json(f->asked));
}

static json_t *key_json(const struct public_key *key) {
    char text[KEY_PUBLIC_TEXT_LEN + 1];
    public_key_to_text(key, text);
    return json_string(text);
}

/* Those before whose tickets count, and for how long; of one that is not told: for how long at
 * most. */
static json_t *former_json(const struct daemon *d, const struct description_past *past) {
    json_t *list = json_array();
    for (size_t i = 0; i < past->former_count; i++) {
        const struct description_former *f = &past->former[i];
        json_t *one = json_pack("{s:o, s:b, s:I}", "key", key_json(&f->key), "revoked",
                                keys_revoked_of(d, past, &f->key), "left_s",
                                (json_int_t)(f->until_s - net_wall().us / 1000000));
        json_array_append_new(list, one);
    }
    return list;
}

static void put_keys(json_t *out, const struct daemon *d, uint32_t index) {
    const struct daemon_peer *p = d->peers[index];
    json_object_set_new(out, "key", key_json(&p->key));
    json_object_set_new(out, "next_key", p->has_next ? key_json(&p->next) : json_null());
    json_object_set_new(out, "former_keys", former_json(d, &p->past));
    json_object_set_new(out, "key_revoked", json_boolean(p->revoked));
    json_object_set_new(out, "key_outdated_in_policy", json_boolean(p->outdated));
    json_object_set_new(out, "told_our_next_key",
                        keys_announces(d) ? json_boolean(p->told_next) : json_null());
}

static json_t *own_keys_json(const struct daemon *d) {
    return json_pack("{s:o, s:o, s:o}", "key", key_json(&d->key.public_key), "next_key",
                     keys_announces(d) ? key_json(&d->policy->cluster.next_key) : json_null(),
                     "former_keys", former_json(d, &d->past));
}

static json_t *peer_json(const struct daemon *d, uint32_t index, struct instant now) {
    struct core_peer_status p = core_peer_status(d->core, index, now);
    json_t *views = json_array();
    for (uint32_t about = 0; about < d->policy->peer_count; about++) {
        struct beat_view view;
        if (about != index && core_peer_view(d->core, index, about, &view))
            json_array_append_new(views,
                                  json_pack("{s:s, s:s, s:i, s:i, s:f}", "about",
                                            d->policy->peers[about].name.text, "verdict",
                                            verdict_name((enum verdict)view.verdict), "age_ms",
                                            (int)view.age_ms, "rtt_ms", (int)view.rtt_ms, "loss",
                                            fmin(view.loss_permille_x4 / 250.0, 1)));
    }
    json_t *out =
        json_pack("{s:s, s:s, s:s, s:o, s:o, s:f, s:i, s:i, s:b, s:b}", "name", p.policy->name.text,
                  "verdict", verdict_name(p.verdict), "evidence",
                  p.evidence != NULL ? p.evidence : "", "since_ms_ago", age_ms(now, p.since),
                  "rtt_ms", duration_json(p.rtt), "loss", p.loss, "sessions", (int)p.sessions,
                  "free", (int)p.free_slots, "draining", p.draining, "recovering", p.recovering);
    if (out == NULL) {
        json_decref(views);
        return NULL;
    }
    put_keys(out, d, index);
    json_object_set_new(out, "beats", addr_json(&d->peers[index]->beats.addr));
    json_object_set_new(out, "control", addr_json(&d->peers[index]->control.addr));
    json_object_set_new(out, "described_ms_ago", age_ms(now, p.described));
    json_object_set_new(out, "sources", json_integer(described_count(p.description, false)));
    json_object_set_new(out, "workers", json_integer(described_count(p.description, true)));
    json_object_set_new(out, "media_alive_nodes", json_integer(p.media_alive_nodes));
    json_object_set_new(out, "lodged_slots", json_integer(p.lodged_slots));
    json_object_set_new(out, "room", p.room_known ? json_integer(p.room.room) : json_null());
    json_object_set_new(out, "standing",
                        p.room_known ? json_integer(p.room.standing) : json_null());
    json_object_set_new(out, "standby_slots", json_integer(p.standby_slots));
    json_object_set_new(out, "sessions_here", json_integer(p.here));
    json_object_set_new(out, "reserved_slots", json_integer(p.policy->reserved_slots));
    json_object_set_new(out, "refused", json_integer(p.refused));
    json_object_set_new(out, "refused_last",
                        p.refused_err == ERR_OK ? json_null()
                                                : json_string(err_name(p.refused_err)));
    json_object_set_new(out, "damped", json_boolean(p.damped));
    json_object_set_new(out, "damped_for_ms", left_ms(now, p.damped_until));
    json_object_set_new(out, "flap_points", json_integer(p.flap_points));
    json_object_set_new(out, "flaps", json_integer((json_int_t)p.flaps));
    json_object_set_new(out, "proofs", json_integer((json_int_t)p.proofs));
    json_object_set_new(out, "suspicions", json_integer((json_int_t)p.suspicions));
    json_object_set_new(out, "mistakes", json_integer((json_int_t)p.mistakes));
    json_object_set_new(out, "detection", present_detection(&p));
    json_object_set_new(out, "starts", present_starts_of(d, &p.policy->name));
    json_object_set_new(out, "views", views);
    return out;
}

char *present_peers(const struct daemon *d) {
    struct instant now = net_now();
    json_t *list = json_array();
    for (uint32_t i = 0; i < d->peer_count; i++)
        json_array_append_new(list, peer_json(d, i, now));
    return dump(json_pack("{s:s, s:o, s:o}", "cluster", d->policy->cluster.name.text, "keys",
                          own_keys_json(d), "peers", list));
}

static json_t *session_json(const struct core_session_status *s, struct instant now) {
    char id[SESSION_ID_TEXT_LEN + 1];
    json_t *backups = json_array();
    session_id_to_text(&s->id, id);
    for (uint32_t i = 0; i < s->backup_count; i++)
        json_array_append_new(backups, json_string(s->backups[i].text));
    json_t *out = json_pack(
        "{s:s, s:s, s:I, s:s, s:s, s:s, s:s, s:o, s:s, s:i, s:o, s:o, s:I, s:I, s:I, s:I, s:f}",
        "session", id, "state", session_state_name(s->state), "epoch", (json_int_t)s->epoch,
        "issuer", s->issuer.text, "service", s->service.text, "profile", s->profile.text, "source",
        s->source.text, "backups", backups, "node", s->node.text, "worker", (int)s->worker,
        "client", addr_json(&s->client), "age_ms", age_ms(now, s->since), "last_frame",
        (json_int_t)s->last_frame, "expected", (json_int_t)s->expected, "lost_before",
        (json_int_t)s->lost_before, "lost_after", (json_int_t)s->lost_after, "rtt_ms",
        s->rtt_us / 1000.0);
    if (out != NULL && s->move != NULL)
        json_object_set_new(out, "move",
                            json_pack("{s:s, s:s, s:s}", "state", move_state_name(s->move->state),
                                      "cause", move_cause_name(s->move->cause), "to",
                                      s->move->to.text));
    return out;
}

char *present_sessions(const struct daemon *d, uint32_t limit, const struct prefix *of) {
    char text[PREFIX_TEXT_LEN_MAX + 1];
    struct instant now = net_now();
    struct core_status whole = core_status(d->core);
    json_int_t total = (json_int_t)whole.sessions + whole.standbys + whole.hedging + whole.opened;
    struct core_session_status s;
    uint32_t cursor = 0;
    json_t *list = json_array();
    for (uint32_t shown = 0; shown < limit && core_session_next(d->core, &cursor, &s);) {
        if (of != NULL && !prefix_holds(of, &s.client))
            continue;
        json_array_append_new(list, session_json(&s, now));
        shown++;
    }
    json_t *out = json_pack("{s:s, s:I, s:o}", "cluster", d->policy->cluster.name.text, "total",
                            total, "sessions", list);
    if (out != NULL && of != NULL)
        json_object_set_new(out, "client", json_string(prefix_to_text(of, text)));
    return dump(out);
}
