/*
 * From policies to a scenario. It is written as text and read as any scenario is, so that names are
 * resolved and delays found in one place; what the format cannot say of a cluster (reserved slots,
 * switches of peers) the simulator takes from the policies themselves.
 */
#include "peerd/io/policy_file.h"
#include "peerd/policy/quantity.h"
#include "peerd/sim/plan.h"
#include "peerd/sim/plan_streams.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SETTLE_MS   6000  /* after the last session has opened: backups are chosen and told */
#define AFTER_MS    15000 /* who is not served by then has given up */
#define OPENS_PART  0.6   /* of `opens_per_s`: they come at random */
#define MATRIX_NEAR 2000  /* [µs] RTT of a listener to its own row: there is none in a matrix */

void plan_say(struct plan_texts *t, const char *format, ...) {
    va_list arguments;
    void *grown = realloc(t->list, (t->count + 1) * sizeof(*t->list));
    if (grown == NULL)
        return;
    t->list = grown;
    va_start(arguments, format);
    vsnprintf(t->list[t->count++], PLAN_TEXT_MAX, format, arguments);
    va_end(arguments);
}

uint32_t plan_find(const struct plan *plan, const struct name *name) {
    for (uint32_t i = 0; i < plan->count; i++)
        if (name_equal(&plan->policies[i]->cluster.name, name))
            return i;
    return UINT32_MAX;
}

uint32_t plan_reserved(const struct policy *p) {
    uint32_t sum = 0;
    for (uint32_t i = 0; i < p->peer_count; i++)
        sum += p->peers[i].accept_moves ? p->peers[i].reserved_slots : 0;
    return sum;
}

uint32_t plan_capacity(const struct policy *p) {
    uint32_t sum = 0;
    for (uint32_t i = 0; i < p->service_count; i++)
        sum += p->services[i].capacity;
    return sum;
}

/* ---- policies ---- */

static bool load_one(struct plan *plan, const char *path) {
    static struct faults faults;
    char line[FAULT_LINE_LEN_MAX + 1];
    struct policy *p = policy_file_load_alone(path, &faults);
    for (uint32_t i = 0; i < faults.count; i++)
        fprintf(stderr, "%s\n", fault_to_text(&faults, &faults.list[i], line));
    if (p == NULL)
        return false;
    plan_streams_take(plan, p);
    if (p->node_count == 0 || (p->service_count == 0 && p->origin_count == 0)) {
        plan_say(&plan->notes, "%s has no %s, so it cannot serve anybody: left out",
                 p->cluster.name.text, p->node_count == 0 ? "nodes" : "services");
        policy_file_free(p);
        return true;
    }
    uint32_t other = plan_find(plan, &p->cluster.name);
    plan->policies[plan->count++] = p;
    if (other != UINT32_MAX)
        fprintf(stderr, "%s: another policy of %s was given already\n", path, p->cluster.name.text);
    return other == UINT32_MAX;
}

/* A peering takes two. */
static void drop_lonely_peers(struct plan *plan) {
    for (uint32_t i = 0; i < plan->count; i++) {
        struct policy *p = plan->policies[i];
        const char *name = p->cluster.name.text;
        uint32_t kept = 0;
        for (uint32_t k = 0; k < p->peer_count; k++) {
            uint32_t other = plan_find(plan, &p->peers[k].name);
            if (other == UINT32_MAX)
                plan_say(&plan->notes, "%s has the peer %s, of which no policy was given: left out",
                         name, p->peers[k].name.text);
            else if (policy_peer_find(plan->policies[other], &p->cluster.name) == NULL)
                plan_say(&plan->notes,
                         "%s has the peer %s, which does not have %s: there is no peering", name,
                         p->peers[k].name.text, name);
            else
                p->peers[kept++] = p->peers[k];
        }
        p->peer_count = kept;
    }
}

/* ---- text ---- */

static const char *duration_text(struct duration d) {
    static char text[QUANTITY_TEXT_LEN_MAX + 1];
    return quantity_to_text(QUANTITY_DURATION, d.us, text);
}

static bool known_before(const struct plan *plan, uint32_t before, const struct name *name,
                         bool profile) {
    for (uint32_t i = 0; i < before; i++)
        if (profile ? policy_profile_find(plan->policies[i], name) != NULL
                    : policy_source_find(plan->policies[i], name) != NULL)
            return true;
    return false;
}

/* Where nobody has sessions there are none of these. */
static void put_list(FILE *out, const char *name, bool any) {
    fprintf(out, any ? "%s:\n" : "%s: []\n", name);
}

/* What one name means may differ from site to site; the first meaning is taken for listeners. */
static void put_media(FILE *out, const struct plan *plan) {
    bool profiles = false, sources = false;
    for (uint32_t i = 0; i < plan->count; i++) {
        profiles |= plan->policies[i]->profile_count > 0;
        sources |= plan->policies[i]->source_count > 0;
    }
    put_list(out, "profiles", profiles);
    for (uint32_t i = 0; i < plan->count; i++)
        for (uint32_t k = 0; k < plan->policies[i]->profile_count; k++) {
            const struct policy_profile *p = &plan->policies[i]->profiles[k];
            if (!known_before(plan, i, &p->name, true))
                fprintf(out, "  - {name: %s, codec: %s, preroll_frames: %" PRIu32 "}\n",
                        p->name.text, p->codec.text, p->preroll_frames);
        }
    put_list(out, "sources", sources);
    for (uint32_t i = 0; i < plan->count; i++)
        for (uint32_t k = 0; k < plan->policies[i]->source_count; k++) {
            const struct policy_source *s = &plan->policies[i]->sources[k];
            if (!known_before(plan, i, &s->name, false))
                fprintf(out, "  - {name: %s, location: %s, class: %s, loop: true}\n", s->name.text,
                        s->name.text, s->class == SOURCE_CLASS_SEEKABLE ? "seekable" : "exact");
        }
}

static void put_services(FILE *out, const struct plan *plan) {
    bool any = false;
    for (uint32_t i = 0; i < plan->count; i++)
        any |= plan->policies[i]->service_count > 0;
    put_list(out, "services", any);
    for (uint32_t i = 0; i < plan->count; i++)
        for (uint32_t k = 0; k < plan->policies[i]->service_count; k++) {
            const struct policy_service *s = &plan->policies[i]->services[k];
            uint32_t before = 0;
            while (before < i && policy_service_find(plan->policies[before], &s->name) == NULL)
                before++;
            if (before < i)
                continue;
            fprintf(out, "  - {name: %s, capacity: %" PRIu32 ", profiles: [", s->name.text,
                    s->capacity);
            for (uint32_t n = 0; n < s->profile_count; n++)
                fprintf(out, "%s%s", n > 0 ? ", " : "", s->profiles[n].text);
            fputs("]}\n", out);
        }
}

static void put_place(FILE *out, const struct policy_cluster *c) {
    if (c->placed)
        fprintf(out, ", place: {latitude: %.4f, longitude: %.4f}", c->latitude_deg,
                c->longitude_deg);
}

static void put_clusters(FILE *out, struct plan *plan) {
    struct duration session = DURATION_ZERO, node = DURATION_ZERO;
    fputs("clusters:\n", out);
    for (uint32_t i = 0; i < plan->count; i++) {
        const struct policy *p = plan->policies[i];
        session = duration_max(session, p->limits.session_lease);
        node = duration_max(node, p->limits.node_lease);
        fprintf(out, "  - {name: %s, nodes: %" PRIu32 ", workers: %" PRIu32, p->cluster.name.text,
                p->node_count, plan->request.workers);
        if (plan_capacity(p) > 0)
            fprintf(out, ", capacity: %" PRIu32, plan_capacity(p));
        if (plan_makers(plan, i) > 0)
            fprintf(out, ", makers: %" PRIu32, plan_makers(plan, i));
        put_place(out, &p->cluster);
        fputs("}\n", out);
        if (!p->cluster.placed && plan->request.matrix == NULL)
            plan_say(&plan->notes, "%s names no place: 20 ms to everybody are assumed",
                     p->cluster.name.text);
    }
    fprintf(out, "limits: {session_lease: %s", duration_text(session));
    fprintf(out, ", node_lease: %s}\n", duration_text(node));
}

/* ---- listeners ---- */

/* Of one service of one cluster: its part of what there is room for. */
static uint32_t wanted(const struct plan *plan, const struct policy *p, uint32_t service) {
    uint64_t capacity = plan_capacity(p), reserved = plan_reserved(p);
    uint64_t all = capacity > reserved ? capacity - reserved : 0;
    all = plan->request.sessions > 0 ? plan->request.sessions
                                     : all * plan->request.load_ppm / 1000000;
    return (uint32_t)(all * p->services[service].capacity / (capacity > 0 ? capacity : 1));
}

static const struct name *first_source(const struct policy *p, const struct policy_service *s) {
    return s->source_count > 0 ? &s->sources[0] : &p->sources[0].name;
}

static void put_group(FILE *out, const struct plan *plan, uint32_t cluster, uint32_t service,
                      uint32_t number, int64_t from_ms, int64_t opened_ms) {
    const struct policy *p = plan->policies[cluster];
    const struct policy_service *s = &p->services[service];
    char name[2 * NAME_LEN_MAX + 8];
    if (p->service_count == 1)
        snprintf(name, sizeof(name), "at-%s", p->cluster.name.text);
    else
        snprintf(name, sizeof(name), "at-%s-%s", p->cluster.name.text, s->name.text);
    if (strlen(name) > NAME_LEN_MAX)
        snprintf(name, sizeof(name), "listeners-%" PRIu32, number);
    fprintf(out,
            "  - {name: %s, count: %" PRIu32 ", open_at: %s, service: %s, profile: %s, source: %s, "
            "buffer: %s, start: {between: [%" PRId64 "ms, %" PRId64 "ms]}",
            name, wanted(plan, p, service), p->cluster.name.text, s->name.text, s->profiles[0].text,
            first_source(p, s)->text, duration_text(plan->request.buffer), from_ms,
            from_ms + opened_ms);
    put_place(out, &p->cluster);
    fputs("}\n", out);
}

/* How long it takes until all of a cluster's have opened their sessions. */
static int64_t opening_ms(const struct plan *plan, const struct policy *p) {
    uint64_t all = 0;
    if (p->service_count == 0)
        return 0;
    for (uint32_t k = 0; k < p->service_count; k++)
        all += wanted(plan, p, k);
    return 500 + (int64_t)((double)all * 1000 / (p->limits.opens_per_s * OPENS_PART));
}

/* They come as late as they may, if players take longer to begin: that costs no time to run. */
static uint32_t put_listeners(FILE *out, struct plan *plan) {
    uint32_t number = 0;
    int64_t listeners_ms = 0, players_ms = plan_streams_begin_ms(plan) + SETTLE_MS;
    for (uint32_t i = 0; i < plan->count; i++) {
        int64_t ms = opening_ms(plan, plan->policies[i]) + SETTLE_MS;
        listeners_ms = ms > listeners_ms ? ms : listeners_ms;
    }
    plan->event_ms = listeners_ms > players_ms ? listeners_ms : players_ms;
    for (uint32_t i = 0; i < plan->count; i++) {
        const struct policy *p = plan->policies[i];
        for (uint32_t k = 0; k < p->service_count; k++) {
            if (p->source_count == 0)
                plan_say(&plan->notes, "%s has no source for %s: nobody listens there",
                         p->cluster.name.text, p->services[k].name.text);
            else if (wanted(plan, p, k) > 0)
                put_group(out, plan, i, k, ++number, plan->event_ms - listeners_ms,
                          opening_ms(plan, p));
        }
    }
    return number;
}

static void put_clients(FILE *out, struct plan *plan) {
    fputs("clients:\n", out);
    uint32_t groups = put_listeners(out, plan);
    groups += plan_streams_put_players(out, plan);
    if (groups == 0)
        fputs("  []\n", out);
}

/* ---- what happens ---- */

static bool is_known(const struct plan *plan, const char *option, const char *word, size_t len,
                     bool or_clients, uint32_t *index) {
    *index = UINT32_MAX;
    for (uint32_t i = 0; i < plan->count; i++)
        if (strlen(plan->policies[i]->cluster.name.text) == len &&
            strncmp(plan->policies[i]->cluster.name.text, word, len) == 0)
            *index = i;
    if (*index != UINT32_MAX || (or_clients && len == 7 && strncmp(word, "clients", 7) == 0))
        return true;
    fprintf(stderr, "peersim: --%s: there is no policy of `%.*s` among these; there is", option,
            (int)len, word);
    for (uint32_t i = 0; i < plan->count && i < 20; i++)
        fprintf(stderr, "%s %s", i > 0 ? "," : "", plan->policies[i]->cluster.name.text);
    fprintf(stderr, "%s\n", plan->count > 20 ? ", and more" : "");
    return false;
}

/* `a,b`: each a cluster that is hit. */
static bool put_hits(FILE *out, struct plan *plan, const char *verb, const char *list,
                     const char *more) {
    while (list != NULL && *list != '\0') {
        size_t len = strcspn(list, ",");
        uint32_t index;
        if (!is_known(plan, verb, list, len, false, &index))
            return false;
        if (plan->hit[index]) {
            fprintf(stderr, "peersim: --%s: %.*s is named twice; it dies or drains once\n", verb,
                    (int)len, list);
            return false;
        }
        plan->hit[index] = true;
        plan->drains[index] = strcmp(verb, "drain") == 0;
        fprintf(out, "  - {at: %" PRId64 "ms, %s: %.*s%s}\n", plan->event_ms, verb, (int)len, list,
                more);
        list += len + (list[len] == ',');
    }
    return true;
}

/* `a/b,c/clients`: each pair loses sight of one another. */
static bool put_cuts(FILE *out, struct plan *plan, const char *list) {
    while (list != NULL && *list != '\0') {
        size_t len = strcspn(list, ","), first = strcspn(list, "/,");
        uint32_t index;
        if (list[first] != '/') {
            fprintf(stderr,
                    "peersim: --cut %.*s: expected two ends, as in fra1/ams1 or "
                    "fra1/clients\n",
                    (int)len, list);
            return false;
        }
        if (!is_known(plan, "cut", list, first, true, &index) ||
            !is_known(plan, "cut", list + first + 1, len - first - 1, true, &index))
            return false;
        if (first == len - first - 1 && strncmp(list, list + first + 1, first) == 0) {
            fprintf(stderr, "peersim: --cut %.*s: expected two ends that differ\n", (int)len, list);
            return false;
        }
        fprintf(out, "  - {at: %" PRId64 "ms, partition: {from: %.*s, to: %.*s}}\n", plan->event_ms,
                (int)first, list, (int)(len - first - 1), list + first + 1);
        list += len + (list[len] == ',');
    }
    return true;
}

static int64_t after_ms(const struct plan *plan) {
    int64_t after = AFTER_MS;
    if (plan->stream_count > 0)
        after += PLAN_BUFFERS_AFTER * duration_in_ms(plan->request.player_buffer);
    for (uint32_t i = 0; plan->request.drain != NULL && i < plan->count; i++) {
        int64_t drained = duration_in_ms(plan->policies[i]->limits.drain_deadline) + 5000;
        after = plan->drains[i] && drained > after ? drained : after;
    }
    return after;
}

static bool put_all(FILE *out, struct plan *plan) {
    const struct plan_request *q = &plan->request;
    fprintf(out, "name: plan\ndescription: \"What happens if%s%s%s%s%s%s\"\n",
            q->kill != NULL ? " these die: " : "", q->kill != NULL ? q->kill : "",
            q->drain != NULL ? " these drain: " : "", q->drain != NULL ? q->drain : "",
            q->cut != NULL ? " these are cut off from one another: " : "",
            q->cut != NULL ? q->cut : "");
    put_media(out, plan);
    plan_streams_put(out, plan);
    put_services(out, plan);
    put_clusters(out, plan);
    put_clients(out, plan);
    fputs("timeline:\n", out);
    if (!put_hits(out, plan, "kill", q->kill, ", blackhole: true") ||
        !put_hits(out, plan, "drain", q->drain, "") || !put_cuts(out, plan, q->cut))
        return false;
    fprintf(out, "duration: %" PRId64 "ms\n", plan->event_ms + after_ms(plan));
    return true;
}

/* ---- round-trip times ---- */

/* A scenario's matrix has rows for clusters, then for groups of listeners. Here it measures
 * clusters, and listeners are where their cluster is. */
static bool spread_matrix(struct scenario *s) {
    struct scenario_matrix *m = &s->matrix;
    uint32_t ends = s->cluster_count + s->client_group_count;
    uint32_t *rows = calloc(ends, sizeof(*rows));
    uint32_t *rtt_us = calloc((size_t)ends * ends, sizeof(*rtt_us));
    bool ok = rows != NULL && rtt_us != NULL;
    for (uint32_t i = 0; ok && i < ends; i++)
        rows[i] =
            (i < s->cluster_count ? i : s->clients[i - s->cluster_count].open_at[0]) % m->size;
    for (uint32_t i = 0; ok && i < ends; i++)
        for (uint32_t k = 0; k < ends; k++)
            rtt_us[(size_t)i * ends + k] =
                rows[i] == rows[k] ? MATRIX_NEAR : m->rtt_us[(size_t)rows[i] * m->size + rows[k]];
    free(rows);
    if (!ok) {
        free(rtt_us);
        return false;
    }
    free(m->rtt_us);
    m->rtt_us = rtt_us;
    m->size = ends;
    return true;
}

static bool read_scenario(struct plan *plan, const char *text, size_t len) {
    static struct faults faults;
    char line[FAULT_LINE_LEN_MAX + 1];
    bool ok = scenario_parse(text, len, "plan", &plan->scenario, &faults) == ERR_OK;
    if (ok && plan->request.matrix != NULL)
        ok = scenario_take_matrix(&plan->scenario, plan->request.matrix, &faults) &&
             spread_matrix(&plan->scenario);
    for (uint32_t i = 0; i < faults.count; i++)
        fprintf(stderr, "%s\n", fault_to_text(&faults, &faults.list[i], line));
    return ok;
}

/* ---- all of it ---- */

bool plan_load(struct plan *plan, const struct plan_request *request) {
    bool ok = true;
    *plan = (struct plan){.request = *request};
    plan->policies = calloc((size_t)request->file_count + 1, sizeof(*plan->policies));
    plan->hit = calloc((size_t)request->file_count + 1, sizeof(*plan->hit));
    plan->drains = calloc((size_t)request->file_count + 1, sizeof(*plan->drains));
    plan->standbys_before = calloc((size_t)request->file_count + 1, sizeof(uint32_t));
    plan->standbys_after = calloc((size_t)request->file_count + 1, sizeof(uint32_t));
    if (plan->policies == NULL || plan->hit == NULL || plan->drains == NULL ||
        plan->standbys_before == NULL || plan->standbys_after == NULL)
        return false;
    for (uint32_t i = 0; i < request->file_count; i++)
        ok = load_one(plan, request->files[i]) && ok;
    if (ok && plan->count == 0)
        fprintf(stderr, "%s: no cluster of these policies has nodes, so there is no overlay\n",
                request->file_count > 0 ? request->files[0] : "peersim");
    if (!ok || plan->count == 0)
        return false;
    drop_lonely_peers(plan);
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    ok = out != NULL && put_all(out, plan);
    if (out != NULL)
        ok = fclose(out) == 0 && ok;
    ok = ok && read_scenario(plan, text, size);
    if (ok)
        plan_streams_fill_buffers(plan);
    free(text);
    return ok;
}

void plan_free(struct plan *plan) {
    for (uint32_t i = 0; i < plan->count; i++)
        policy_file_free(plan->policies[i]);
    free(plan->policies);
    free(plan->hit);
    free(plan->drains);
    free(plan->standbys_before);
    free(plan->standbys_after);
    free(plan->notes.list);
    scenario_free(&plan->scenario);
    *plan = (struct plan){.count = 0};
}
