/*
 * Reload: another policy takes the place of the one in force, whole and valid, or not at all.
 *
 * The file is read and checked first; with a fault in it the running policy stays, the faults are
 * logged, and status and metrics say so until the file is good again. What cannot change under a
 * running daemon (its name, a key that was not announced, the addresses it listens on) is refused
 * by name: that takes a restart, which costs nothing here.
 */
#include "peerd/io/daemon.h"
#include "peerd/io/policy_file.h"
#include "peerd/io/streams.h"
#include "peerd/net/clock.h"
#include "peerd/net/notify.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static void log_faults(const struct daemon *d, const char *sentence) {
    char line[FAULT_LINE_LEN_MAX + 1];
    for (uint32_t i = 0; i < d->faults->count; i++)
        net_log(d->log, NET_LOG_ERROR, sentence,
                NET_TEXT("fault", fault_to_text(d->faults, &d->faults->list[i], line)));
}

enum err reload_first(struct daemon *d) {
    d->policy = policy_file_load(d->policy_path, &d->key, d->faults);
    if (d->policy != NULL)
        return ERR_OK;
    log_faults(d, "policy refused");
    return ERR_BAD_POLICY;
}

/* ---- peers ---- */

static void drop_peer(struct daemon_peer *p) {
    if (p == NULL)
        return;
    places_stop(p);
    calls_stop(p);
    free(p->envelope);
    keys_peer_close(p);
    sodium_memzero(p, sizeof(*p));
    free(p);
}

void reload_drop_peers(struct daemon *d) {
    for (uint32_t i = 0; i < d->peer_count; i++) {
        drop_peer(d->peers[i]);
        d->peers[i] = NULL;
    }
    d->peer_count = 0;
}

static struct daemon_peer *same_peer(const struct daemon *d, const struct policy_peer *policy) {
    for (uint32_t i = 0; i < d->peer_count; i++)
        if (name_equal(&d->peers[i]->name, &policy->name) &&
            public_key_equal(&d->peers[i]->key, &policy->key))
            return d->peers[i];
    return NULL;
}

static enum err new_peer(struct daemon *d, const struct policy_peer *policy,
                         struct daemon_peer **out) {
    struct daemon_peer *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return ERR_NO_MEMORY;
    p->daemon = d;
    p->name = policy->name;
    enum err err = keys_peer_open(p, policy);
    if (err == ERR_OK)
        *out = p;
    else
        free(p);
    return err;
}

/* The peers that `policy` names and we have not; NULL where we have them. */
static enum err make_new_peers(struct daemon *d, const struct policy *policy,
                               struct daemon_peer *fresh[POLICY_PEERS_MAX]) {
    enum err err = ERR_OK;
    for (uint32_t i = 0; i < policy->peer_count && err == ERR_OK; i++)
        if (same_peer(d, &policy->peers[i]) == NULL)
            err = new_peer(d, &policy->peers[i], &fresh[i]);
    for (uint32_t i = 0; i < policy->peer_count && err != ERR_OK; i++) {
        if (fresh[i] != NULL)
            keys_peer_close(fresh[i]);
        free(fresh[i]);
    }
    return err;
}

static void forget_place_in_list(struct daemon *d, const struct daemon_peer *p) {
    for (uint32_t i = 0; i < d->peer_count; i++)
        if (d->peers[i] == p)
            d->peers[i] = NULL;
}

enum err reload_peers(struct daemon *d, const struct policy *policy) {
    struct daemon_peer *next[POLICY_PEERS_MAX] = {NULL};
    struct daemon_peer *fresh[POLICY_PEERS_MAX] = {NULL};
    enum err err = make_new_peers(d, policy, fresh);
    if (err != ERR_OK)
        return err;
    for (uint32_t i = 0; i < policy->peer_count; i++)
        next[i] = fresh[i] != NULL ? fresh[i] : same_peer(d, &policy->peers[i]);
    for (uint32_t i = 0; i < policy->peer_count; i++)
        forget_place_in_list(d, next[i]);
    reload_drop_peers(d);
    memcpy(d->peers, next, sizeof(next));
    d->peer_count = policy->peer_count;
    for (uint32_t i = 0; i < policy->peer_count; i++) {
        next[i]->index = i;
        if (fresh[i] != NULL)
            places_start(next[i], &policy->peers[i]);
        else
            places_renew(next[i], &policy->peers[i]);
    }
    return ERR_OK;
}

/* ---- what stays ---- */

static bool same_listen(const struct policy_listen *a, const struct policy_listen *b) {
    return addr_equal(&a->bind, &b->bind);
}

const char *reload_needs_restart(const struct daemon *d, const struct policy *new_one,
                                 const struct key_pair *new_key) {
    const struct policy *old = d->policy;
    if (!name_equal(&old->cluster.name, &new_one->cluster.name))
        return "cluster.name";
    if (!public_key_equal(&d->key.public_key, &new_key->public_key) &&
        !public_key_equal(&d->policy->cluster.next_key, &new_key->public_key))
        return "cluster.key_file (a key that `next_key` did not announce)";
    if (!same_listen(&old->beats, &new_one->beats))
        return "beats.bind";
    if (!same_listen(&old->peer_listen, &new_one->peer_listen))
        return "peer_listen.bind";
    if (!same_listen(&old->client_listen.listen, &new_one->client_listen.listen) ||
        old->client_listen.plain_http != new_one->client_listen.plain_http ||
        strcmp(old->client_listen.tls_cert.text, new_one->client_listen.tls_cert.text) != 0 ||
        strcmp(old->client_listen.tls_key.text, new_one->client_listen.tls_key.text) != 0)
        return "client_listen";
    if (!addr_equal(&old->dns_server, &new_one->dns_server))
        return "dns_server";
    return NULL;
}

/* ---- taking another ---- */

/* `what` is NULL if memory is short. */
static void refuse(struct daemon *d, const char *what) {
    struct fault *fault = fault_add_at(d->faults, (struct mark){0, 0}, what != NULL ? what : "");
    if (what == NULL) {
        fault_expected(fault, "memory for all peers");
        fault_found(fault, "too little");
        return;
    }
    fault_expected(fault, "no change while running");
    fault_found(fault, "another value");
    fault_hint(fault, "restart peerd to take it: nothing is lost by that");
}

/* The new policy whole and valid, and fit to replace the one in force; NULL if not, with faults. */
static struct policy *load_successor(struct daemon *d) {
    struct key_pair key;
    struct policy *policy = policy_file_load(d->policy_path, &key, d->faults);
    if (policy == NULL)
        return NULL;
    const char *fixed = reload_needs_restart(d, policy, &key);
    bool switched = fixed != NULL || public_key_equal(&d->key.public_key, &key.public_key) ||
                    keys_switch(d, &key) == ERR_OK;
    sodium_memzero(&key, sizeof(key));
    if (fixed == NULL && switched) {
        keys_resolve(d, policy);
        switched = discovery_configure(d, policy) == ERR_OK;
    }
    if (fixed == NULL && switched) {
        discovery_add_peers(d, policy);
        keys_resolve(d, policy);
        if (reload_peers(d, policy) == ERR_OK)
            return policy;
        discovery_configure(d, d->policy);
    }
    refuse(d, fixed);
    policy_file_free(policy);
    return NULL;
}

/* Takes a policy whose peers we have; the old one goes. */
static void replace(struct daemon *d, struct policy *policy) {
    struct policy *old = d->policy;
    d->policy = policy;
    /* The peers are in the new order already: what the core wants in this step fits them. */
    daemon_step(d, &(struct core_event){.kind = CORE_POLICY_CHANGED, .u.policy = policy});
    policy_file_free(old);
    keys_policy_taken(d);
    origins_configure(d);
}

static void note_refused(struct daemon *d) {
    char line[FAULT_LINE_LEN_MAX + 1] = "memory is short";
    struct journal_entry entry = {.number = 0};
    if (d->faults->count > 0)
        fault_to_text(d->faults, &d->faults->list[0], line);
    entry.at = net_now();
    entry.kind = JOURNAL_POLICY;
    entry.what = "refused";
    journal_enter(events_journal(d), &entry, line);
    events_tell(d);
}

void reload_policy(struct daemon *d) {
    net_notify("RELOADING=1");
    struct policy *policy = load_successor(d);
    d->policy_refused = policy == NULL;
    if (policy == NULL) {
        d->counters.reload_failures++;
        note_refused(d);
        log_faults(d, "policy refused, the old one stays in force");
        net_notify("READY=1");
        return;
    }
    d->counters.reloads++;
    replace(d, policy);
    if (d->clients != NULL && !policy->client_listen.plain_http)
        net_http_server_reload(d->clients);
    net_log(d->log, NET_LOG_INFO, "policy taken", NET_NUMBER("peers", policy->peer_count));
    net_notify("READY=1");
}

/* ---- peers that were found ---- */

static bool same_terms(const struct policy_peer *a, const struct policy_peer *b) {
    return name_equal(&a->name, &b->name) && public_key_equal(&a->key, &b->key) &&
           strcmp(a->beats.text, b->beats.text) == 0 &&
           strcmp(a->control.text, b->control.text) == 0 && a->accept_moves == b->accept_moves &&
           a->offer_moves == b->offer_moves && a->reserved_slots == b->reserved_slots;
}

static bool same_peers(const struct policy *a, const struct policy *b) {
    bool same = a->peer_count == b->peer_count;
    for (uint32_t i = 0; same && i < a->peer_count; i++)
        same = same_terms(&a->peers[i], &b->peers[i]);
    return same;
}

uint32_t reload_named_peers(const struct policy *p) {
    uint32_t count = 0;
    while (count < p->peer_count && !p->peers[count].found)
        count++;
    return count;
}

/* With memory short it stays as it is until the next time. */
void reload_found(struct daemon *d) {
    struct policy *policy = calloc(1, sizeof(*policy));
    if (policy == NULL)
        return;
    policy_copy(policy, d->policy);
    policy->peer_count = reload_named_peers(policy);
    discovery_add_peers(d, policy);
    keys_resolve(d, policy);
    if (same_peers(policy, d->policy) || reload_peers(d, policy) != ERR_OK)
        policy_file_free(policy);
    else
        replace(d, policy);
}
