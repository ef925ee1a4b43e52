#include "peerd/sim/scenario.h"

#include "peerd/io/policy_file.h"
#include "peerd/io/yaml.h"
#include "peerd/sim/scenario_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *scenario_verb_name(enum scenario_verb v) {
    static const char *const names[] = {
#define SCENARIO_VERB_NAME(symbol, key, target, text) key,
        SCENARIO_VERBS(SCENARIO_VERB_NAME)
#undef SCENARIO_VERB_NAME
    };
    return v < SCENARIO_VERB_COUNT ? names[v] : "unknown";
}

const char *scenario_part_name(enum scenario_part p) {
    switch (p) {
    case SCENARIO_PART_SITE:
        return "site";
    case SCENARIO_PART_PEERD:
        return "peerd";
    case SCENARIO_PART_NODE:
        return "node";
    case SCENARIO_PART_WORKER:
        return "worker";
    case SCENARIO_PART_COUNT:
        break;
    }
    return "unknown";
}

const char *scenario_cause_name(enum scenario_cause c) {
    switch (c) {
    case SCENARIO_CAUSE_ANY:
        return "any";
    case SCENARIO_CAUSE_DRAIN:
        return "drain";
    case SCENARIO_CAUSE_DEGRADED:
        return "degraded";
    case SCENARIO_CAUSE_CRASHED:
        return "crashed";
    case SCENARIO_CAUSE_PARTITIONED:
        return "partitioned";
    case SCENARIO_CAUSE_RETURN:
        return "return";
    }
    return "unknown";
}

/* ---- loading ---- */

static enum err finish(struct tree *tree, struct scenario *out, struct faults *faults) {
    schema_read(&scenario_table, tree->root, out, faults, NULL);
    tree_free(tree);
    if (!faults_any(faults))
        return ERR_OK;
    scenario_free(out);
    return ERR_BAD_POLICY;
}

enum err scenario_parse(const char *text, size_t len, const char *file, struct scenario *out,
                        struct faults *faults) {
    struct tree tree;
    memset(out, 0, sizeof(*out));
    faults_init(faults, file);
    tree_init(&tree);
    if (!yaml_parse(&tree, text, len, faults))
        return ERR_BAD_POLICY;
    return finish(&tree, out, faults);
}

/* Recordings are named relative to the scenario; programs run elsewhere. */
static bool locate_sources(const char *path, struct scenario *s, struct faults *faults) {
    for (uint32_t i = 0; i < s->source_count; i++) {
        char whole[POLICY_TEXT_LEN_MAX + 1];
        char *location = s->sources[i].source.location.text;
        if (location[0] == '\0' || strstr(location, "://") != NULL)
            continue;
        if (policy_file_resolve(path, location, whole, sizeof(whole))) {
            memcpy(location, whole, sizeof(whole));
            continue;
        }
        char at[TREE_PATH_LEN_MAX + 1];
        snprintf(at, sizeof(at), "sources[%u].location", (unsigned)i);
        struct fault *x = fault_add_at(faults, s->sources[i].mark, at);
        fault_expected(x, "a path of at most %d bytes, the folder of the scenario included",
                       POLICY_TEXT_LEN_MAX);
        fault_found(x, "a longer one");
    }
    return !faults_any(faults);
}

const char *scenario_file_fault(const char *path) {
    struct stat st;
    if (stat(path, &st) != 0)
        return strerror(errno);
    if (S_ISDIR(st.st_mode))
        return strerror(EISDIR);
    if (!S_ISREG(st.st_mode))
        return "a pipe, a device or a socket";
    return access(path, R_OK) == 0 ? NULL : strerror(errno);
}

/* So is a matrix. That it is there is said of the scenario, which may have misspelt it; what is
 * wrong in it is told of that file. */
static bool load_matrix(const char *path, struct scenario *s, struct faults *faults) {
    char whole[POLICY_TEXT_LEN_MAX + 1];
    if (s->matrix.file[0] == '\0')
        return true;
    bool found = policy_file_resolve(path, s->matrix.file, whole, sizeof(whole));
    const char *why = found ? scenario_file_fault(whole) : strerror(ENAMETOOLONG);
    if (why == NULL)
        return scenario_take_matrix(s, whole, faults);
    struct fault *x = fault_add_at(faults, s->matrix.mark, "rtt_matrix");
    fault_expected(x, "a readable file of round-trip times, relative to the scenario");
    fault_found(x, "`%s`: %s", s->matrix.file, why);
    return false;
}

bool scenario_bring_files(struct scenario *s, const char *path, struct faults *faults) {
    return locate_sources(path, s, faults) && load_matrix(path, s, faults);
}

enum err scenario_load(const char *path, struct scenario *out, struct faults *faults) {
    struct tree tree;
    memset(out, 0, sizeof(*out));
    faults_init(faults, path);
    const char *why = scenario_file_fault(path); /* a pipe could keep us waiting for ever */
    if (why != NULL) {
        struct fault *x = fault_add_at(faults, (struct mark){0, 0}, "");
        fault_expected(x, "a readable file");
        fault_found(x, "%s", why);
        return ERR_BAD_POLICY;
    }
    tree_init(&tree);
    if (!yaml_load(&tree, path, faults))
        return ERR_BAD_POLICY;
    enum err err = finish(&tree, out, faults);
    if (err == ERR_OK && !scenario_bring_files(out, path, faults)) {
        scenario_free(out);
        err = ERR_BAD_POLICY;
    }
    return err;
}

void scenario_free(struct scenario *s) {
    schema_release(&scenario_table, s);
    scenario_ways_free(s->ways);
    free(s->matrix.rtt_us);
    memset(s, 0, sizeof(*s));
}

/* ---- what runners ask ---- */

void scenario_draws(struct rng *out, uint64_t seed) {
    struct rng seeds;
    rng_seed(&seeds, seed);
    rng_u64(&seeds); /* the simulator's own */
    rng_seed(out, rng_u64(&seeds));
}

struct duration scenario_instant(const struct scenario_when *when, uint64_t draw) {
    uint64_t span = (uint64_t)(when->to.us - when->from.us);
    return duration_us(when->from.us + (int64_t)(draw % (span + 1)));
}

uint32_t scenario_client_order(const struct scenario *s, uint32_t group, uint32_t n,
                               uint32_t out[SCENARIO_OPEN_AT_MAX]) {
    const struct scenario_clients *g = &s->clients[group];
    uint32_t all = g->open_at_count > 0 ? g->open_at_count : s->cluster_count;
    uint32_t count = all < SCENARIO_OPEN_AT_MAX ? all : SCENARIO_OPEN_AT_MAX;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t k = (i + (g->spread ? n % all : 0)) % all;
        out[i] = g->open_at_count > 0 ? g->open_at[k] : k;
    }
    return count;
}

static bool names_hold(const struct name *names, uint32_t count, const struct name *name) {
    for (uint32_t i = 0; i < count; i++) {
        if (name_equal(&names[i], name))
            return true;
    }
    return count == 0; /* an empty list names everything */
}

bool scenario_are_peers(const struct scenario *s, uint32_t a, uint32_t b) {
    const struct scenario_cluster *x = &s->clusters[a], *y = &s->clusters[b];
    return a != b && names_hold(x->peers, x->peer_count, &y->identity.name) &&
           names_hold(y->peers, y->peer_count, &x->identity.name);
}

/* The TTL decides when it is asked again, and everybody is accepted on the same terms. */
static void fill_discovery(const struct scenario *s, uint32_t cluster, struct policy *out) {
    struct policy_discovery *d = &out->discovery;
    d->dns_count = d->accept_count = 1;
    snprintf(d->dns[0].text, sizeof(d->dns[0].text), "%s", SCENARIO_DOMAIN);
    d->accept[0] = (struct policy_rule){.pattern = "*",
                                        .accept_moves = true,
                                        .offer_moves = true,
                                        .reserved_slots = s->clusters[cluster].reserved_slots};
    d->peers_max =
        s->clusters[cluster].chooses > 0 ? s->clusters[cluster].chooses : POLICY_PEERS_MAX;
    d->refresh_min = duration_s(1);
    d->refresh_max = duration_s(3600);
    d->keep = s->discovery.keep;
}

static struct policy_wish wish_of(const struct scenario *s, uint32_t cluster, uint32_t peer) {
    for (uint32_t i = s->wish_count; i-- > 0;)
        if (s->wishes[i].of == peer &&
            (s->wishes[i].at == cluster || s->wishes[i].at == SCENARIO_ALL))
            return s->wishes[i].wish;
    return (struct policy_wish){DURATION_ZERO, DURATION_ZERO};
}

static void fill_peers(const struct scenario *s, uint32_t cluster, struct policy *out) {
    for (uint32_t i = 0; i < s->cluster_count && out->peer_count < POLICY_PEERS_MAX; i++) {
        if (!scenario_are_peers(s, cluster, i))
            continue;
        out->peers[out->peer_count++] =
            (struct policy_peer){.name = s->clusters[i].identity.name,
                                 .reserved_slots = s->clusters[cluster].reserved_slots,
                                 .accept_moves = true,
                                 .offer_moves = true,
                                 .wish = wish_of(s, cluster, i)};
    }
}

static void fill_services(const struct scenario *s, const struct scenario_cluster *c,
                          struct policy *out) {
    for (uint32_t i = 0; i < s->service_count; i++) {
        if (!names_hold(c->services, c->service_count, &s->services[i].name))
            continue;
        struct policy_service *service = &out->services[out->service_count++];
        *service = s->services[i];
        if (c->capacity > 0)
            service->capacity = c->capacity;
    }
}

static void fill_agreements(const struct scenario *s, uint32_t cluster, struct policy *out) {
    for (uint32_t i = 0; i < s->agreement_count; i++) {
        const struct scenario_agreement *a = &s->agreements[i];
        if ((a->at == cluster || a->at == SCENARIO_ALL) &&
            out->agreement_count < POLICY_AGREEMENT_MAX)
            out->agreements[out->agreement_count++] = a->terms;
    }
}

static void fill_origins(const struct scenario *s, uint32_t cluster, struct policy *out) {
    for (uint32_t i = 0; i < s->stream_count; i++) {
        struct policy_origin *o = &out->origins[out->origin_count++];
        *o = (struct policy_origin){.name = s->streams[i].name,
                                    .source = s->streams[i].name,
                                    .every = duration_s(1),
                                    .within = duration_s(1),
                                    .failures = 2,
                                    .successes = 3};
        snprintf(o->url.text, sizeof(o->url.text), "https://media.%s.test/%s/master.m3u8",
                 s->clusters[cluster].identity.name.text, s->streams[i].name.text);
    }
}

void scenario_policy(const struct scenario *s, uint32_t cluster, struct policy *out) {
    const struct scenario_cluster *c = &s->clusters[cluster];
    memset(out, 0, sizeof(*out));
    out->cluster = c->identity;
    out->detection = c->detection;
    out->limits = c->limits;
    out->performance = s->performance;
    if (s->discovery.given)
        fill_discovery(s, cluster, out);
    else
        fill_peers(s, cluster, out);
    fill_services(s, c, out);
    fill_agreements(s, cluster, out);
    fill_origins(s, cluster, out);
    out->profile_count = s->profile_count;
    memcpy(out->profiles, s->profiles, s->profile_count * sizeof(s->profiles[0]));
    for (uint32_t i = 0; i < s->source_count; i++)
        out->sources[out->source_count++] = s->sources[i].source;
    for (; out->node_count < c->nodes; out->node_count++)
        snprintf(out->nodes[out->node_count].name.text,
                 sizeof(out->nodes[out->node_count].name.text), "n%u",
                 (unsigned)out->node_count + 1);
}
