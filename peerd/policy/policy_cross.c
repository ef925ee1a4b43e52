#include "peerd/policy/policy_check.h"
#include "peerd/policy/policy_schema.h"
#include "peerd/policy/quantity.h"

#include <string.h>

/* Checks across the whole policy: names that must exist elsewhere, and ones that must not. */

#define NAMES_MAX POLICY_SOURCES_MAX

const char *policy_nearest_name(const char *name, const void *names, size_t stride,
                                uint32_t count) {
    const char *words[NAMES_MAX];
    uint32_t i = 0;
    for (; i < count && i < NAMES_MAX; i++)
        words[i] = ((const struct name *)((const unsigned char *)names + i * stride))->text;
    return fault_nearest(name, words, i);
}

/* The names of one list of records: the n-th is `stride` bytes after the one before. */
struct names {
    const char *what; /* "profile" */
    const void *first;
    size_t stride;
    uint32_t count;
};

static bool holds(const struct names *names, const char *text) {
    for (uint32_t i = 0; i < names->count; i++) {
        const struct name *name =
            (const void *)((const unsigned char *)names->first + i * names->stride);
        if (strcmp(name->text, text) == 0)
            return true;
    }
    return false;
}

/* Refuses each name in `list` (a list, or one name alone) that is not among `names`. If those had
 * faults themselves, the missing name may be one of them, and nothing is said. */
static void check_references(struct schema_run *run, struct tree_node *list,
                             const struct tree_node *declared, const struct names *names) {
    if (list == NULL || list->kind == TREE_MAPPING || !schema_names_good(declared, "name"))
        return;
    struct tree_node *at = list->kind == TREE_SCALAR ? list : list->first;
    for (; at != NULL; at = list->kind == TREE_SCALAR ? NULL : at->next) {
        if (at->faulty || at->kind != TREE_SCALAR || holds(names, at->text))
            continue;
        const char *near = policy_nearest_name(at->text, names->first, names->stride, names->count);
        struct fault *x = fault_add(run->faults, at, NULL);
        fault_expected(x, "the name of a %s of this policy", names->what);
        schema_found(x, at);
        if (near != NULL)
            fault_hint(x, "did you mean `%s`?", near);
    }
}

static void check_services(struct schema_run *run, const struct policy *p, struct tree_node *root) {
    const struct names profiles = {"profile", &p->profiles[0].name, sizeof(p->profiles[0]),
                                   p->profile_count};
    const struct names sources = {"source", &p->sources[0].name, sizeof(p->sources[0]),
                                  p->source_count};
    struct tree_node *services = tree_find(root, "services");
    if (services == NULL || services->kind != TREE_SEQUENCE)
        return;
    for (struct tree_node *service = services->first; service != NULL; service = service->next) {
        check_references(run, tree_find(service, "profiles"), tree_find(root, "profiles"),
                         &profiles);
        check_references(run, tree_find(service, "sources"), tree_find(root, "sources"), &sources);
    }
}

/* `name` (may be NULL) is not ours, if that is known. */
static void check_other(struct schema_run *run, const struct policy *p, struct tree_node *root,
                        struct tree_node *name) {
    if (name == NULL || schema_good(tree_find(root, "cluster"), "name") == NULL ||
        strcmp(name->text, p->cluster.name.text) != 0)
        return;
    struct fault *x = fault_add(run->faults, name, NULL);
    fault_expected(x, "the name of another cluster");
    fault_found(x, "`%s`, our own", name->text);
}

static void check_agreements(struct schema_run *run, const struct policy *p,
                             struct tree_node *root) {
    const struct names known = {"service", &p->services[0].name, sizeof(p->services[0]),
                                p->service_count};
    struct tree_node *rows = tree_find(root, "agreements");
    if (rows == NULL || rows->kind != TREE_SEQUENCE)
        return;
    for (struct tree_node *row = rows->first; row != NULL; row = row->next) {
        check_references(run, tree_find(row, "services"), tree_find(root, "services"), &known);
        check_other(run, p, root, schema_good(row, "name"));
    }
}

static void check_peer_names(struct schema_run *run, const struct policy *p,
                             struct tree_node *root) {
    struct tree_node *peers = tree_find(root, "peers");
    if (peers == NULL || peers->kind != TREE_SEQUENCE)
        return;
    for (struct tree_node *peer = peers->first; peer != NULL; peer = peer->next)
        check_other(run, p, root, schema_good(peer, "name"));
}

/* 0.0.0.0 or [::]; the latter hears both families. */
static bool is_any(const struct addr *a) {
    static const uint8_t zero[sizeof(a->ip)] = {0};
    return memcmp(a->ip, zero, sizeof(zero)) == 0;
}

/* True if one of them hears what is sent to the other. */
static bool is_one_door(const struct addr *a, const struct addr *b) {
    bool both = a->family != 0 && b->family != 0 && a->port == b->port;
    if (!both || a->family == b->family)
        return both && (is_any(a) || is_any(b) || addr_equal(a, b));
    return is_any(a->family == 6 ? a : b);
}

static void check_listeners(struct schema_run *run, const struct policy *p,
                            struct tree_node *root) {
    struct tree_node *bind = schema_good(tree_find(root, "client_listen"), "bind");
    struct tree_node *other = schema_good(tree_find(root, "peer_listen"), "bind");
    if (bind != NULL && other != NULL &&
        is_one_door(&p->client_listen.listen.bind, &p->peer_listen.bind)) {
        struct fault *x = fault_add(run->faults, bind, NULL);
        fault_expected(x, "another port than that of peer_listen: they have different identities");
        if (strcmp(bind->text, other->text) == 0)
            fault_found(x, "`%s` again", bind->text);
        else
            fault_found(x, "`%s` beside `%s`", bind->text, other->text);
    }
    struct tree_node *listen = tree_find(root, "client_listen");
    if (listen != NULL && tree_find(root, "grants") == NULL && tree_find(root, "origins") == NULL &&
        tree_find(listen, "viewers") == NULL && tree_find(listen, "viewers_token_file") == NULL) {
        struct fault *x = fault_add(run->faults, root, "grants");
        fault_expected(x, "at least one grant, since client_listen is there for somebody");
        fault_found(x, "no key `grants`");
    }
}

/* Players and listeners ask for them by name, and agreements speak of services alone. */
static void check_origins(struct schema_run *run, const struct policy *p, struct tree_node *root) {
    const struct names sources = {"source", &p->sources[0].name, sizeof(p->sources[0]),
                                  p->source_count};
    struct tree_node *origins = tree_find(root, "origins");
    struct name name;
    if (origins == NULL || origins->kind != TREE_SEQUENCE)
        return;
    for (struct tree_node *origin = origins->first; origin != NULL; origin = origin->next) {
        struct tree_node *at = schema_good(origin, "name");
        check_references(run, tree_find(origin, "source"), tree_find(root, "sources"), &sources);
        if (at == NULL || !name_set(&name, at->text) || policy_service_find(p, &name) == NULL)
            continue;
        struct fault *x = fault_add(run->faults, at, NULL);
        fault_expected(x, "another name than those of `services`");
        schema_found(x, at);
    }
    if (origins->first != NULL && tree_find(root, "client_listen") == NULL) {
        struct fault *x = fault_add(run->faults, root, "client_listen");
        fault_expected(x, "a door at which players can ask for `origins`");
        fault_found(x, "no key `client_listen`");
    }
}

/* The same text twice has been refused already. */
static void check_residence(struct schema_run *run, struct tree_node *root) {
    struct tree_node *rows = tree_find(root, "residence");
    if (rows == NULL || rows->kind != TREE_SEQUENCE)
        return;
    for (struct tree_node *row = rows->first; row != NULL; row = row->next) {
        struct tree_node *later = schema_good(row, "prefix");
        for (struct tree_node *at = rows->first; at != row && later != NULL; at = at->next) {
            const struct tree_node *earlier = schema_good(at, "prefix");
            if (earlier == NULL || strcmp(earlier->text, later->text) == 0 ||
                !policy_same_prefix(earlier->text, later->text))
                continue;
            struct fault *x = fault_add(run->faults, later, NULL);
            fault_expected(x, "a prefix that differs from all others in `residence`");
            fault_found(x, "`%s`, which is `%s`", later->text, earlier->text);
            fault_hint(x, "first on line %u", (unsigned)earlier->mark.line);
            break;
        }
    }
}

static void check_reserved(struct schema_run *run, const struct policy *p, struct tree_node *root) {
    struct tree_node *peers = schema_good(root, "peers"), *services = schema_good(root, "services");
    uint64_t reserved = 0, capacity = 0;
    for (uint32_t i = 0; i < p->peer_count; i++)
        reserved += p->peers[i].reserved_slots;
    for (uint32_t i = 0; i < p->service_count; i++)
        capacity += p->services[i].capacity;
    if (peers == NULL || services == NULL || reserved <= capacity)
        return;
    struct fault *x = fault_add(run->faults, peers, NULL);
    fault_expected(x, "reserved_slots of all peers within the capacity of all services");
    fault_found(x, "%llu reserved of %llu", (unsigned long long)reserved,
                (unsigned long long)capacity);
}

/* Of the rows in `list`, each a peer or whom to accept: beats come often enough for each wish. */
static void check_wishes(struct schema_run *run, const struct policy *p, struct tree_node *list,
                         const struct tree_node *detection) {
    char text[QUANTITY_TEXT_LEN_MAX + 1], hint[QUANTITY_HINT_LEN_MAX + 1];
    const struct tree_node *interval = tree_find(detection, "interval");
    if (list == NULL || list->kind != TREE_SEQUENCE || (interval != NULL && interval->faulty))
        return;
    for (struct tree_node *row = list->first; row != NULL; row = row->next) {
        int64_t us;
        struct tree_node *at = schema_good(row, "detect_within");
        if (at == NULL || !quantity_parse(QUANTITY_DURATION, at->text, &us, hint) ||
            us >= 2 * p->detection.interval.us)
            continue;
        struct fault *x = fault_add(run->faults, at, NULL);
        fault_expected(x, "at least twice detection.interval, so that one beat may be lost");
        fault_found(x, "%s, and interval: %s", at->text,
                    quantity_to_text(QUANTITY_DURATION, p->detection.interval.us, text));
    }
}

void policy_check_whole(struct schema_run *run, struct tree_node *node, void *record) {
    const struct policy *p = record;
    check_reserved(run, p, node);
    check_peer_names(run, p, node);
    check_listeners(run, p, node);
    check_services(run, p, node);
    check_agreements(run, p, node);
    check_origins(run, p, node);
    policy_check_rows(run, p, node);
    check_residence(run, node);
    struct tree_node *detection = tree_find(node, "detection");
    check_wishes(run, p, tree_find(node, "peers"), detection);
    check_wishes(run, p, tree_find(tree_find(node, "discovery"), "accept"), detection);
}

/* ---- keys, once all are known ---- */

struct holder {
    const struct public_key *key;
    const char *kind;
    const char *name;
    struct tree_node *node; /* NULL: our own */
};

static void check_holder(struct faults *faults, const struct holder *others, size_t count,
                         const struct holder *h) {
    static const struct public_key unread;
    if (public_key_equal(h->key, &unread)) /* which has been complained of */
        return;
    for (size_t i = 0; i < count; i++) {
        if (!public_key_equal(others[i].key, h->key))
            continue;
        struct fault *x = fault_add(faults, h->node, NULL);
        fault_expected(x, "a key of its own for each cluster and node");
        fault_found(x, "the key of %s%s", others[i].kind, others[i].name);
        return;
    }
}

/* Keys of our own beside the one in force; how many. */
static size_t own_holders(struct holder *out, const struct policy *p, struct tree_node *root) {
    struct tree_node *cluster = tree_find(root, "cluster");
    struct tree_node *next = tree_find(cluster, "next_key"), *former;
    size_t count = 0;
    out[count++] = (struct holder){&p->cluster.next_key, "our own cluster, as its next", "",
                                   next != NULL ? next : tree_find(cluster, "next_key_file")};
    former = tree_find(cluster, "former_keys");
    for (uint32_t i = 0; i < p->cluster.former_key_count; i++)
        if (i == 0 || !public_key_equal(&p->cluster.former_keys[i], &p->cluster.former_keys[i - 1]))
            out[count++] =
                (struct holder){&p->cluster.former_keys[i], "our own cluster, as a former one", "",
                                former->kind == TREE_SEQUENCE ? tree_child(former, i) : former};
    return count;
}

/* The node of the key, or of the file that it came from. */
static struct tree_node *key_node(struct tree_node *record) {
    struct tree_node *key = tree_find(record, "key");
    return key != NULL ? key : tree_find(record, "key_file");
}

void policy_check_keys(const struct policy *p, const struct public_key *own, struct tree_node *root,
                       struct faults *faults) {
    struct holder holders[2 + POLICY_FORMER_MAX + 2 * POLICY_PEERS_MAX + POLICY_NODES_MAX];
    struct holder ours[1 + POLICY_FORMER_MAX];
    size_t count = 0, own_count = own_holders(ours, p, root);
    struct tree_node *peers = tree_find(root, "peers"), *nodes = tree_find(root, "nodes");
    if (own != NULL)
        holders[count++] = (struct holder){own, "our own cluster", "", NULL};
    for (size_t i = 0; i < own_count; i++) {
        holders[count] = ours[i];
        check_holder(faults, holders, count, &holders[count]);
        count++;
    }
    for (uint32_t i = 0; i < p->peer_count; i++) {
        holders[count] = (struct holder){&p->peers[i].key, "peer ", p->peers[i].name.text,
                                         key_node(tree_child(peers, i))};
        check_holder(faults, holders, count, &holders[count]);
        count++;
        holders[count] = (struct holder){&p->peers[i].next_key, "peer ", p->peers[i].name.text,
                                         tree_find(tree_child(peers, i), "next_key")};
        check_holder(faults, holders, count, &holders[count]);
        count++;
    }
    for (uint32_t i = 0; i < p->node_count; i++) {
        holders[count] = (struct holder){&p->nodes[i].key, "node ", p->nodes[i].name.text,
                                         key_node(tree_child(nodes, i))};
        check_holder(faults, holders, count, &holders[count]);
        count++;
    }
    faults_sort(faults);
}
