#include "peerd/io/daemon.h"

#include "peerd/io/policy_file.h"
#include "peerd/io/reach.h"
#include "peerd/io/streams.h"
#include "peerd/net/clock.h"
#include "peerd/net/notify.h"

#include <assert.h>
#include <jansson.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define DESCRIPTORS_MAX 65536

static void carry_out(struct daemon *d, const struct core_intention *intention) {
    switch (intention->kind) {
    case CORE_SEND_BEAT:
        beats_send(d, &intention->u.beat);
        return;
    case CORE_ANSWER_OPEN:
        clients_answer(d, &intention->u.open);
        return;
    case CORE_ANSWER_NODE:
        registrar_answer(d, &intention->u.node);
        return;
    case CORE_ANSWER_STANDBYS:
        control_answer_standbys(d, &intention->u.standbys);
        return;
    case CORE_FETCH_DESCRIPTION:
        calls_fetch_description(d, &intention->u.fetch);
        return;
    case CORE_LODGE_STANDBYS:
        calls_lodge_standbys(d, &intention->u.lodge);
        return;
    case CORE_ANSWER_AGREEMENT:
        control_answer_agreement(d, &intention->u.agreement);
        return;
    case CORE_SAY_AGREEMENT:
        calls_say_agreement(d, &intention->u.say);
        return;
    }
}

struct daemon_peer *daemon_peer_at(struct daemon *d, uint32_t index) {
    assert(index < d->peer_count);
    return d->peers[index];
}

void daemon_step(struct daemon *d, struct core_event *event) {
    assert(d->outbox.count == 0 && "an intention was carried out by way of another step");
    event->now = net_now();
    event->wall = net_wall();
    core_step(d->core, event, &d->outbox);
    for (uint32_t i = 0; i < d->outbox.count; i++)
        carry_out(d, &d->outbox.items[i]);
    outbox_clear(&d->outbox);
    net_log_trace(d->log, NET_LOG_INFO, &d->trace);
    events_tell(d);
    net_timer_arm(&d->deadline, core_deadline(d->core));
}

static void deadline_reached(void *data, struct instant now) {
    (void)now;
    daemon_step(data, &(struct core_event){.kind = CORE_TICK});
}

static void watchdog_due(void *data, struct instant now) {
    struct daemon *d = data;
    net_notify("WATCHDOG=1");
    net_timer_arm(&d->watchdog, instant_add(now, net_notify_watchdog_interval()));
}

static void hung_up(void *data, int number) {
    (void)number;
    reload_policy(data);
}

static void told_to_end(void *data, int number) {
    struct daemon *d = data;
    net_log(d->log, NET_LOG_INFO, "stopping; there is nothing to save",
            NET_NUMBER("signal", number));
    net_notify("STOPPING=1");
    net_loop_stop(d->loop);
}

static void file_changed(void *data) {
    reload_policy(data);
}

static enum err open_core(struct daemon *d) {
    uint64_t random[2];
    net_entropy(random, sizeof(random));
    outbox_clear(&d->outbox);
    trace_init(&d->trace);
    d->core = core_init(&(struct core_setup){
        .policy = d->policy,
        .self = d->key.public_key,
        .boot = random[0] | 1,
        .seed = random[1],
        .now = net_now(),
        .trace = &d->trace,
        .journal = events_journal(d),
        .locations_max = d->policy->performance.locations_max,
    });
    return d->core != NULL ? ERR_OK : ERR_NO_MEMORY;
}

/* Hash tables of the JSON library are seeded by the library itself unless we do it; done here so
 * that no pure folder ever reaches for the system's randomness. */
static void seed_json(void) {
    size_t seed = 0;
    net_entropy(&seed, sizeof(seed));
    json_object_seed(seed);
}

/* Each client, peer and node is a descriptor; the usual soft limit of 1,024 is for programs that
 * still use select(). */
static uint32_t raise_descriptors(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 1024;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur < DESCRIPTORS_MAX ? (uint32_t)limit.rlim_cur : DESCRIPTORS_MAX;
}

static enum err open_plumbing(struct daemon *d) {
    char servers[ADDR_TEXT_LEN_MAX + 1];
    struct net_dns_options dns = {0};
    if (!addr_is_none(&d->policy->dns_server))
        dns.servers = addr_to_text(&d->policy->dns_server, servers);
    uint64_t seed = 0;
    net_entropy(&seed, sizeof(seed));
    rng_seed(&d->rng, seed);
    enum err err = net_identity_new(&d->identity, &d->key);
    if (err == ERR_OK)
        err = net_dns_new(&d->dns, d->loop, &dns);
    if (err == ERR_OK && (d->http = net_http_client_new(d->loop)) == NULL)
        err = ERR_NO_MEMORY;
    return err;
}

static enum err open_doors(struct daemon *d) {
    enum err err = beats_open(d);
    if (err == ERR_OK)
        err = control_open(d);
    if (err == ERR_OK)
        err = clients_open(d);
    return err;
}

static void open_signals(struct daemon *d) {
    d->hangup = net_signal_open(d->loop, SIGHUP, hung_up, d);
    d->terminate = net_signal_open(d->loop, SIGTERM, told_to_end, d);
    d->interrupt = net_signal_open(d->loop, SIGINT, told_to_end, d);
}

enum err daemon_open(struct daemon *d, const char *policy_path, struct net_log *log) {
    memset(d, 0, sizeof(*d));
    d->log = log;
    d->policy_path = policy_path;
    d->started = net_now();
    d->descriptors_max = raise_descriptors();
    seed_json();
    d->loop = net_loop_new();
    net_timer_init(&d->deadline, d->loop, deadline_reached, d);
    net_timer_init(&d->watchdog, d->loop, watchdog_due, d);
    d->faults = calloc(1, sizeof(*d->faults));
    if (d->loop == NULL || d->faults == NULL)
        return ERR_NO_MEMORY;
    /* Watched first: a change that comes while we read is seen afterwards. */
    d->watch = net_file_watch_open(d->loop, d->policy_path, file_changed, d);
    enum err err = reload_first(d);
    if (err == ERR_OK)
        keys_open(d);
    if (err == ERR_OK)
        err = open_plumbing(d);
    if (err == ERR_OK)
        err = events_open(d);
    if (err == ERR_OK)
        err = open_core(d);
    if (err == ERR_OK)
        err = open_doors(d);
    if (err == ERR_OK)
        err = streams_open(d);
    if (err == ERR_OK)
        err = reload_peers(d, d->policy);
    if (err == ERR_OK)
        err = discovery_configure(d, d->policy);
    if (err != ERR_OK)
        return err;
    keys_policy_taken(d);
    open_signals(d);
    net_timer_arm(&d->deadline, core_deadline(d->core));
    net_timer_arm(&d->watchdog, instant_add(net_now(), net_notify_watchdog_interval()));
    net_log(log, NET_LOG_INFO, "ready", NET_TEXT("cluster", d->policy->cluster.name.text),
            NET_NUMBER("peers", d->policy->peer_count), NET_NUMBER("nodes", d->policy->node_count));
    net_notify("READY=1");
    return ERR_OK;
}

void daemon_run(struct daemon *d) {
    net_loop_run(d->loop);
}

static void close_doors(struct daemon *d) {
    net_http_server_stop(d->clients);
    net_http_server_stop(d->control);
    reach_close(d);
    streams_close(d);
    net_udp_close(d->beats);
    net_http_client_free(d->http);
}

void daemon_close(struct daemon *d) {
    if (d->watch != NULL)
        net_file_watch_close(d->watch);
    net_signal_close(d->hangup);
    net_signal_close(d->terminate);
    net_signal_close(d->interrupt);
    net_timer_cancel(&d->deadline);
    net_timer_cancel(&d->watchdog);
    discovery_close(d);
    reload_drop_peers(d);
    close_doors(d);
    net_dns_free(d->dns);
    net_identity_free(d->identity);
    core_free(d->core);
    events_close(d);
    policy_file_free(d->policy);
    free(d->faults);
    net_loop_free(d->loop);
    sodium_memzero(d, sizeof(*d)); /* with the key */
}
