#include "transcoder/worker/supervisor.h"

#include "peerd/net/clock.h"
#include "peerd/net/file.h"
#include "peerd/net/identity.h"
#include "peerd/net/notify.h"
#include "transcoder/timeline/drain_kept.h"
#include "transcoder/timeline/guests.h"
#include "transcoder/worker/crew.h"
#include "transcoder/worker/inspector.h"
#include "transcoder/worker/keeper.h"
#include "transcoder/worker/media_alive.h"
#include "transcoder/worker/metrics.h"
#include "transcoder/worker/registration.h"
#include "transcoder/worker/roster.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* A frame that left just before a process died may be on its way or lost with it: this many are
 * sent again, which costs some duplicates. */
#define ADOPT_AGAIN_FRAMES 5

#define SUPERVISOR_NICE (-10) /* as sound servers have it */

struct supervisor {
    const struct options *options;
    struct net_loop *loop;
    struct net_log *log;
    struct crew *crew;
    struct roster *roster;
    struct inspector *inspector;
    struct keeper *keeper;             /* NULL: no streams */
    struct registration *registration; /* NULL with --config */
    struct media_alive *media_alive;
    struct key_pair key;
    struct net_identity *identity;
    struct net_timer watchdog;
    /* What peerd, or the file, has said last. */
    struct link_config config;
    struct ticket_issuer *issuers; /* owned */
    size_t issuer_count;
    struct catalogue catalogue;
    struct catalogue_hash catalogue_hash;
    struct link_credit credit;
    struct guests_allotted guests;
    struct drain_kept drain;
    struct starts starts;
    struct node_guest guest_list[NODE_GUESTS_MAX]; /* of the request in the making */
    /* Sources are told again when they changed: a version each for what is, was sent, was heard. */
    uint64_t sources, sources_sent, sources_heard;
    /* Arrays of the request in the making. */
    struct addr media[NODE_WORKERS_MAX];
    struct node_worker workers[NODE_WORKERS_MAX];
    struct node_profile profiles[NODE_PROFILES_MAX];
    struct node_source *source_list;        /* owned */
    struct node_trip trips[NODE_TRIPS_MAX]; /* since the request before */
    size_t trip_count;
    struct session_id asks[NODE_ASKS_MAX]; /* likewise */
    size_t ask_count;
    struct node_starts start_list[STARTS_MAX];
};

/* ---- to the workers -------------------------------------------------------------------------- */

static void send_config(struct supervisor *s, uint32_t worker) {
    const struct link_nothing nothing = {0};
    crew_send(s->crew, worker, LINK_CONFIG_BEGIN, &s->config);
    for (size_t i = 0; i < s->catalogue.source_count; i++)
        crew_send(s->crew, worker, LINK_CONFIG_SOURCE, &s->catalogue.sources[i]);
    for (size_t i = 0; i < s->catalogue.profile_count; i++)
        crew_send(s->crew, worker, LINK_CONFIG_PROFILE, &s->catalogue.profiles[i]);
    for (size_t i = 0; i < s->issuer_count; i++)
        crew_send(s->crew, worker, LINK_CONFIG_ISSUER, &s->issuers[i]);
    crew_send(s->crew, worker, LINK_CONFIG_END, &nothing);
}

/* The front of streams has no part in sessions. */
static void send_front(void *data) {
    struct supervisor *s = data;
    const struct link_nothing nothing = {0};
    keeper_send(s->keeper, LINK_CONFIG_BEGIN, &s->config);
    for (size_t i = 0; i < s->catalogue.source_count; i++)
        keeper_send(s->keeper, LINK_CONFIG_SOURCE, &s->catalogue.sources[i]);
    for (size_t i = 0; i < s->catalogue.rendition_count; i++)
        keeper_send(s->keeper, LINK_CONFIG_RENDITION, &s->catalogue.renditions[i]);
    keeper_send(s->keeper, LINK_CONFIG_END, &nothing);
}

static void send_guests(struct supervisor *s, uint32_t worker) {
    struct link_guests limits = {.count = s->guests.count, .services = s->guests.services};
    for (uint32_t i = 0; i < limits.count; i++)
        limits.limits[i] = guests_allotted_limit(&s->guests, i);
    crew_send(s->crew, worker, LINK_GUESTS, &limits);
}

/* Of a peer that is bounded from now on: who is here before workers have heard of that. */
static void count_guests(struct supervisor *s, uint32_t index) {
    uint32_t here[NODE_WORKERS_MAX], workers = crew_count(s->crew);
    roster_guests(s->roster, &s->guests.limits[index].issuer, here, workers);
    for (uint32_t i = 0; i < workers; i++)
        board_tell(crew_board(s->crew), s->guests.rows[index], i, here[i]);
}

static void allot(struct supervisor *s, const struct node_answer *a) {
    bool same = memcmp(&s->guests.services, &a->guest_services, sizeof(a->guest_services)) == 0;
    if (s->guests.count == 0 && a->guest_count == 0 && same)
        return;
    guests_allot(&s->guests, crew_board(s->crew), a->guests, a->guest_count, &a->guest_services);
    for (uint32_t i = 0; i < s->guests.count; i++)
        if (s->guests.fresh[i])
            count_guests(s, i);
    for (uint32_t i = 0; i < crew_count(s->crew); i++)
        send_guests(s, i);
}

struct adoption {
    struct supervisor *supervisor;
    uint32_t worker;
    struct instant lost_at; /* until when the process before was sending */
    size_t count;
};

static void adopt(void *data, const struct link_session *s) {
    struct adoption *a = data;
    struct link_session again = *s;
    int64_t frames = instant_since(a->lost_at, s->live_at).us / (20 * 1000) - ADOPT_AGAIN_FRAMES;
    uint64_t sent = s->live_frame + (frames > 0 ? (uint64_t)frames : 0);
    if (s->node.purpose == RESUME_COMMIT)
        again.node.last_frame = sent;
    crew_send(a->supervisor->crew, a->worker, LINK_ADOPT, &again);
    a->count++;
}

static void worker_started(void *data, uint32_t worker, bool sound) {
    struct supervisor *s = data;
    starts_worker_lost(&s->starts, worker);
    send_config(s, worker);
    crew_send(s->crew, worker, LINK_CREDIT, &s->credit);
    if (s->guests.count > 0 || s->guests.services.count > 0)
        send_guests(s, worker);
    struct adoption a = {s, worker, crew_lost_at(s->crew, worker), 0};
    if (sound)
        roster_each(s->roster, worker, adopt, &a);
    else
        roster_worker_lost(s->roster, worker);
    const struct link_nothing nothing = {0};
    crew_send(s->crew, worker, LINK_BEGIN, &nothing);
    if (a.count > 0)
        net_log(s->log, NET_LOG_INFO, "sessions handed to the replacement",
                NET_NUMBER("worker", worker), NET_NUMBER("sessions", a.count));
}

static void session_changed(void *data, uint32_t worker, const struct link_session *l) {
    struct supervisor *s = data;
    (void)worker;
    if (!roster_session_changed(s->roster, l))
        net_logf(s->log, NET_LOG_WARNING, "more sessions than can be reported: %d",
                 NODE_SESSIONS_MAX);
}

static void session_ended(void *data, uint32_t worker, const struct link_ended *e) {
    struct supervisor *s = data;
    roster_session_ended(s->roster, &e->session, worker);
}

static void window_told(void *data, uint32_t worker, const struct link_window *w) {
    struct supervisor *s = data;
    starts_told(&s->starts, worker, w);
}

static void refused(void *data, const struct link_refused *r) {
    struct supervisor *s = data;
    guests_allotted_refused(&s->guests, &r->issuer, r->more);
}

/* More than can be told are left out: others come. */
static void trip_measured(void *data, const struct node_trip *t) {
    struct supervisor *s = data;
    if (s->registration != NULL && s->trip_count < NODE_TRIPS_MAX)
        s->trips[s->trip_count++] = *t;
}

/* Likewise: the worker asks again in some seconds. */
static void asked(void *data, const struct session_id *session) {
    struct supervisor *s = data;
    if (s->registration != NULL && s->ask_count < NODE_ASKS_MAX)
        s->asks[s->ask_count++] = *session;
}

static void all_ready(void *data) {
    struct supervisor *s = data;
    net_notify("READY=1\nSTATUS=serving");
    net_log(s->log, NET_LOG_INFO, "ready", NET_NUMBER("workers", crew_count(s->crew)));
}

static void source_found(void *data, const struct name *name, const struct source_digest *digest,
                         uint64_t duration_ms, enum err error) {
    struct supervisor *s = data;
    struct catalogue_source *source = catalogue_source_find(&s->catalogue, name);
    if (source == NULL)
        return;
    source->digest = *digest;
    source->duration_ms = duration_ms;
    source->error = error;
    if (error != ERR_OK)
        memset(&source->digest, 0, sizeof(source->digest));
    s->sources++;
    crew_send_all(s->crew, LINK_CONFIG_SOURCE, source);
    keeper_send(s->keeper, LINK_CONFIG_SOURCE, source);
}

/* ---- from peerd ------------------------------------------------------------------------------ */

static bool take_catalogue(struct supervisor *s, const struct node_catalogue *c) {
    struct media_why why = {.text = ""};
    struct catalogue fresh;
    catalogue_init(&fresh);
    if (memcmp(&c->hash, &s->catalogue_hash, sizeof(c->hash)) == 0 ||
        !catalogue_from_spec(&fresh, c, &s->catalogue, &why))
        return false;
    if (why.text[0] != '\0')
        net_log(s->log, NET_LOG_WARNING, "profile left out", NET_TEXT("why", why.text));
    catalogue_move(&s->catalogue, &fresh);
    s->catalogue_hash = c->hash;
    s->sources++;
    net_log(s->log, NET_LOG_INFO, "catalogue taken", NET_NUMBER("sources", c->source_count),
            NET_NUMBER("profiles", s->catalogue.profile_count));
    inspector_set(s->inspector, &s->catalogue);
    return true;
}

static bool take_issuers(struct supervisor *s, const struct node_answer *a) {
    size_t bytes = a->issuer_count * sizeof(a->issuers[0]), same = 0;
    while (same < a->issuer_count && same < s->issuer_count &&
           ticket_issuer_equal(&a->issuers[same], &s->issuers[same]))
        same++;
    if (a->issuer_count == s->issuer_count && same == s->issuer_count)
        return false;
    struct ticket_issuer *fresh = malloc(bytes == 0 ? 1 : bytes);
    if (fresh == NULL)
        return false;
    if (bytes > 0)
        memcpy(fresh, a->issuers, bytes);
    free(s->issuers);
    s->issuers = fresh;
    s->issuer_count = a->issuer_count;
    return true;
}

static bool take_config(struct supervisor *s, const struct node_answer *a) {
    struct link_config *c = &s->config;
    bool changed = !name_equal(&c->cluster, &a->cluster) || c->draining != a->draining ||
                   !public_key_equal(&c->cluster_key, &a->cluster_key) ||
                   memcmp(&c->limits, &a->limits, sizeof(c->limits)) != 0;
    if (changed && c->draining != a->draining)
        net_log(s->log, NET_LOG_INFO, a->draining ? "draining" : "not draining any more");
    c->cluster = a->cluster;
    c->cluster_key = a->cluster_key;
    c->draining = a->draining;
    c->limits = a->limits;
    return changed;
}

static void take_orders(struct supervisor *s, const struct node_answer *a) {
    for (size_t i = 0; i < a->order_count; i++) {
        const struct node_order *o = &a->orders[i];
        uint32_t worker = roster_worker_of(s->roster, &o->session);
        if (o->id <= registration_order_seen(s->registration))
            continue;
        registration_orders_seen(s->registration, o->id);
        /* A session that is not here any more needs no order. */
        if (worker < crew_count(s->crew))
            crew_send(s->crew, worker, LINK_ORDER, o);
    }
}

/* To whoever has the session now. */
static void take_named(struct supervisor *s, const struct node_answer *a) {
    for (size_t i = 0; i < a->named_count; i++) {
        uint32_t worker = roster_worker_of(s->roster, &a->named[i].session);
        if (worker < crew_count(s->crew))
            crew_send(s->crew, worker, LINK_NAMED, &a->named[i]);
    }
}

static void take_told(struct supervisor *s, const struct node_answer *a) {
    for (size_t i = 0; i < a->told_count; i++) {
        uint32_t worker = roster_worker_of(s->roster, &a->told[i].session);
        if (worker < crew_count(s->crew))
            crew_send(s->crew, worker, LINK_TOLD, &a->told[i]);
    }
}

static void apply(struct supervisor *s, const struct node_answer *a, struct instant until) {
    bool changed = take_config(s, a);
    drain_kept_heard(&s->drain, &a->drain, net_now());
    changed |= take_issuers(s, a);
    changed |= a->has_catalogue && take_catalogue(s, &a->catalogue);
    for (uint32_t i = 0; changed && i < crew_count(s->crew); i++)
        send_config(s, i);
    if (changed)
        send_front(s);
    s->credit = (struct link_credit){.slots = a->credit.slots, .until = until};
    crew_send_all(s->crew, LINK_CREDIT, &s->credit);
    allot(s, a);
}

static void answered(void *data, const struct node_answer *a) {
    struct supervisor *s = data;
    roster_acknowledged(s->roster, a->seq);
    s->sources_heard = s->sources_sent;
    apply(s, a, instant_add(net_now(), duration_ms(a->credit.lease_ms)));
    media_alive_peerd_heard(s->media_alive, duration_ms(a->poll_ms), &a->cluster_key,
                            a->media_alive, a->media_alive_count);
    take_orders(s, a);
    take_named(s, a);
    take_told(s, a);
}

/* Two machines must not spend one credit, nor one of them beat for the other. What was admitted
 * goes on under its own lease. */
static void unwanted(void *data) {
    struct supervisor *s = data;
    s->credit = (struct link_credit){.slots = 0, .until = net_now()};
    crew_send_all(s->crew, LINK_CREDIT, &s->credit);
    media_alive_peerd_heard(s->media_alive, DURATION_ZERO, &s->config.cluster_key, NULL, 0);
}

static void gone(void *data) {
    struct supervisor *s = data;
    media_alive_peerd_gone(s->media_alive);
}

/* ---- to peerd -------------------------------------------------------------------------------- */

/* What comes in live is for streams; peerd would take it for a source that has failed. */
static bool is_of_sessions(const struct supervisor *s, const struct catalogue_source *source) {
    return s->keeper == NULL || source->spec.class != SOURCE_CLASS_LIVE;
}

static bool describe_sources(struct supervisor *s, struct node_request *r) {
    const struct catalogue *c = &s->catalogue;
    free(s->source_list);
    s->source_list = calloc(c->source_count == 0 ? 1 : c->source_count, sizeof(*s->source_list));
    if (s->source_list == NULL)
        return false;
    r->source_count = 0;
    for (size_t i = 0; i < c->source_count; i++) {
        const struct catalogue_source *from = &c->sources[i];
        if (is_of_sessions(s, from))
            s->source_list[r->source_count++] =
                (struct node_source){.name = from->spec.name,
                                     .digest = from->digest,
                                     .class = from->spec.class,
                                     .duration_ms = from->duration_ms,
                                     .error = from->error};
    }
    r->sources = s->source_list;
    s->sources_sent = s->sources;
    return true;
}

static void describe_guests(struct supervisor *s, struct node_request *r) {
    uint32_t here[NODE_WORKERS_MAX];
    r->guests = s->guest_list;
    for (; r->guest_count < s->guests.count; r->guest_count++) {
        const struct name *issuer = &s->guests.limits[r->guest_count].issuer;
        s->guest_list[r->guest_count] = (struct node_guest){
            .issuer = *issuer,
            .sessions = roster_guests(s->roster, issuer, here, crew_count(s->crew)),
            .refused = s->guests.turned_away[r->guest_count].refused,
            .denied = s->guests.turned_away[r->guest_count].denied};
    }
}

static void describe_starts(struct supervisor *s, struct node_request *r) {
    r->starts = s->start_list;
    r->start_count = s->starts.count;
    for (uint32_t i = 0; i < s->starts.count; i++) {
        const struct starts_row *row = &s->starts.rows[i];
        s->start_list[i] = (struct node_starts){.issuer = row->issuer,
                                                .window = starts_window(row),
                                                .under_way = starts_under_way(row),
                                                .in_time = row->in_time,
                                                .late = row->late,
                                                .refused = row->busy};
    }
}

static bool describe(void *data, struct node_request *r, bool full) {
    struct supervisor *s = data;
    r->media = s->media;
    r->workers = s->workers;
    r->media_count = r->worker_count = crew_count(s->crew);
    for (uint32_t i = 0; i < r->worker_count; i++)
        crew_describe(s->crew, i, &s->workers[i], &s->media[i]);
    r->profiles = s->profiles;
    r->profile_count = s->catalogue.profile_count;
    for (size_t i = 0; i < r->profile_count; i++)
        s->profiles[i] = (struct node_profile){.name = s->catalogue.profiles[i].profile.name,
                                               .determinism = s->catalogue.profiles[i].determinism};
    r->catalogue = s->catalogue_hash;
    describe_guests(s, r);
    describe_starts(s, r);
    r->making = keeper_making(s->keeper);
    r->drain = drain_kept_word(&s->drain, net_now());
    r->trips = s->trips; /* it is encoded before another can come */
    r->trip_count = s->trip_count;
    s->trip_count = 0;
    r->asks = s->asks;
    r->ask_count = s->ask_count;
    s->ask_count = 0;
    media_alive_sessions(s->media_alive, roster_committed(s->roster));
    if ((full || s->sources != s->sources_heard) && !describe_sources(s, r))
        return false;
    return roster_fill(s->roster, r, r->seq, full, net_now());
}

/* ---- without a peerd ------------------------------------------------------------------------- */

static bool read_config(struct supervisor *s) {
    struct net_file file;
    struct node_answer answer;
    struct wire_fault fault = {.text = ""};
    enum err e = net_file_read(&file, s->options->config, NODE_ANSWER_LEN_MAX);
    if (e == ERR_OK) {
        e = node_answer_decode(&answer, file.data, file.len, &fault);
        net_file_free(&file);
    }
    if (e != ERR_OK) {
        net_log(s->log, NET_LOG_ERROR, "the configuration cannot be used",
                NET_TEXT("file", s->options->config), NET_TEXT("error", err_name(e)),
                NET_TEXT("fault", fault.text));
        return false;
    }
    if (answer.has_catalogue)
        answer.catalogue.hash = node_catalogue_hash(&answer.catalogue);
    apply(s, &answer, INSTANT_NEVER);
    node_answer_free(&answer);
    return true;
}

/* ---- to who looks on ------------------------------------------------------------------------- */

static void tell_metrics(void *data, struct metrics_facts *out) {
    struct supervisor *s = data;
    struct instant now = net_now();
    out->worker_count = crew_count(s->crew);
    out->starts = s->starts.rows;
    out->starts_count = s->starts.count;
    out->self = s->config.cluster;
    out->streams = keeper_streams(s->keeper);
    out->costs = keeper_costs(s->keeper, &out->cost_count);
    out->workers = s->workers;
    for (uint32_t i = 0; i < out->worker_count; i++)
        crew_describe(s->crew, i, &s->workers[i], &s->media[i]);
    out->standbys = (uint32_t)roster_count(s->roster) - roster_committed(s->roster);
    out->credit_slots = s->credit.slots;
    out->credit = instant_since(s->credit.until, now);
    if (out->credit.us < 0)
        out->credit = DURATION_ZERO;
    out->unheard = s->registration != NULL ? instant_since(now, registration_heard(s->registration))
                                           : DURATION_ENDLESS;
    out->sources = (uint32_t)s->catalogue.source_count;
    for (size_t i = 0; i < s->catalogue.source_count; i++)
        out->broken +=
            s->catalogue.sources[i].error != ERR_OK && is_of_sessions(s, &s->catalogue.sources[i]);
    out->draining = s->config.draining;
}

/* ---- start and end --------------------------------------------------------------------------- */

static void signal_arrived(void *data, int number) {
    struct supervisor *s = data;
    if (number == SIGHUP) {
        if (s->registration == NULL)
            read_config(s);
        return;
    }
    /* Nothing to save: clients find their backups, workers would follow by themselves. */
    net_log(s->log, NET_LOG_INFO, "stopped by signal", NET_NUMBER("signal", number));
    net_notify("STOPPING=1");
    crew_kill_all(s->crew);
    keeper_kill(s->keeper);
    _exit(0);
}

static void watchdog_due(void *data, struct instant now) {
    struct supervisor *s = data;
    net_notify("WATCHDOG=1");
    net_timer_arm(&s->watchdog, instant_add(now, net_notify_watchdog_interval()));
}

static bool start_registration(struct supervisor *s) {
    const struct options *o = s->options;
    enum err e = net_key_read(&s->key, o->key_file);
    if (e != ERR_OK) {
        fprintf(stderr, "transcoderd: --key %s: %s\n", o->key_file,
                e == ERR_DENIED      ? "others may read it: chmod 600 it if it is the secret half "
                                       "(NAME.key, not NAME.pub), or make a new key"
                : e == ERR_BAD_FIELD ? "not the k4.secret line that `peerctl genkey` writes"
                                     : err_text(e));
        return false;
    }
    if (net_identity_new(&s->identity, &s->key) != ERR_OK)
        return false;
    struct registration_options options = {.loop = s->loop,
                                           .log = s->log,
                                           .peerd = o->peerd,
                                           .peerd_key_count = o->peerd_key_count,
                                           .identity = s->identity,
                                           .node = o->name,
                                           .describe = describe,
                                           .answered = answered,
                                           .unwanted = unwanted,
                                           .gone = gone,
                                           .data = s};
    memcpy(options.peerd_keys, o->peerd_keys, sizeof(options.peerd_keys));
    s->registration = registration_new(&options);
    return s->registration != NULL;
}

static bool start(struct supervisor *s) {
    char fault[OPTIONS_FAULT_MAX] = "out of memory or descriptors";
    const struct crew_handlers handlers = {.started = worker_started,
                                           .session_changed = session_changed,
                                           .session_ended = session_ended,
                                           .refused = refused,
                                           .window = window_told,
                                           .trip_measured = trip_measured,
                                           .asked = asked,
                                           .all_ready = all_ready,
                                           .data = s};
    s->roster = roster_new();
    s->inspector = inspector_new(s->loop, s->log, source_found, s);
    s->media_alive = media_alive_new(s->loop, s->log);
    if (s->roster == NULL || s->inspector == NULL || s->media_alive == NULL ||
        crew_new(&s->crew, s->loop, s->log, s->options, &handlers, fault) != ERR_OK) {
        fprintf(stderr, "transcoderd: %s\n", fault);
        return false;
    }
    if (!addr_is_none(&s->options->metrics))
        metrics_open(s->loop, s->log, &s->options->metrics, tell_metrics, s);
    if (!addr_is_none(&s->options->hls))
        s->keeper = keeper_new(s->loop, s->log, s->options, send_front, s);
    return s->options->config[0] != '\0' ? read_config(s) : start_registration(s);
}

/* Media has deadlines that other work on a machine has not; workers inherit this. Without the right
 * to it (CAP_SYS_NICE) the system's own choice stands. */
static void ask_for_priority(void) {
    setpriority(PRIO_PROCESS, 0, SUPERVISOR_NICE);
}

int supervisor_run(const struct options *options) {
    static struct supervisor s; /* lives as long as the process */
    const struct net_log_options log = {.program = "transcoderd",
                                        .format = options->log_format,
                                        .level = options->log_level,
                                        .fd = STDERR_FILENO};
    s.options = options;
    s.loop = net_loop_new();
    s.log = net_log_new(&log);
    if (s.loop == NULL || s.log == NULL) {
        fprintf(stderr, "transcoderd: out of memory or descriptors\n");
        return 1;
    }
    ask_for_priority();
    net_entropy(s.config.cookie_secret, sizeof(s.config.cookie_secret));
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        net_signal_open(s.loop, signals[i], signal_arrived, &s);
    if (!start(&s)) {
        if (s.crew != NULL)
            crew_kill_all(s.crew);
        return 1;
    }
    net_timer_init(&s.watchdog, s.loop, watchdog_due, &s);
    if (net_notify_watchdog_interval().us != DURATION_ENDLESS.us)
        net_timer_arm(&s.watchdog, net_now());
    net_loop_run(s.loop);
    return 1;
}
