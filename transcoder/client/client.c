#include "transcoder/client/client.h"

#include "peerd/net/clock.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define BUFFER_MS_DEFAULT 200
#define BUFFER_MS_MIN     40
#define BUFFER_MS_MAX     5000

const char *peerclient_end_name(enum peerclient_end end) {
    static const char *const names[] = {
        [PEERCLIENT_END_NONE] = "running",
        [PEERCLIENT_END_CLOSED] = "closed",
        [PEERCLIENT_END_SOURCE_ENDED] = "source_ended",
        [PEERCLIENT_END_SOURCE_FAILED] = "source_failed",
        [PEERCLIENT_END_REFUSED] = "refused",
        [PEERCLIENT_END_UNREACHABLE] = "unreachable",
        [PEERCLIENT_END_INTERNAL] = "internal",
    };
    return names[end];
}

void client_finish(struct peerclient *c, enum peerclient_end end, const char *detail) {
    if (c->end != PEERCLIENT_END_NONE)
        return;
    c->end = end;
    if (detail != c->detail)
        snprintf(c->detail, sizeof(c->detail), "%s", detail);
    net_timer_cancel(&c->timer);
    if (--c->first->running == 0)
        net_loop_stop(c->loop);
}

/* ---- what the witness wants ---- */

static void tell_move(struct peerclient *c, const struct witness_move *m) {
    if (c->config.moved == NULL)
        return;
    struct peerclient_move move = {
        .cause = move_cause_name(m->cause),
        .from = m->from.text,
        .to = m->to.text,
        .epoch = m->epoch,
        .detect_ms = m->detect_ms,
        .first_frame_ms = m->first_frame_ms,
        .gap_ms = m->gap_ms,
        .at_us = m->at.us,
        .hedged = m->hedged,
    };
    c->config.moved(c->config.data, &move);
}

static void tell_end(struct peerclient *c, enum err why) {
    if (why == ERR_OK)
        client_finish(c, PEERCLIENT_END_CLOSED, "closed");
    else if (why == ERR_SOURCE_ENDED)
        client_finish(c, PEERCLIENT_END_SOURCE_ENDED, "the source has ended");
    else if (why == ERR_SOURCE_FAILED)
        client_finish(c, PEERCLIENT_END_SOURCE_FAILED, "the source cannot be read");
    else if (why == ERR_UNREACHABLE || why == ERR_TIMEOUT)
        client_finish(c, PEERCLIENT_END_UNREACHABLE, err_text(why));
    else
        client_finish(c, PEERCLIENT_END_REFUSED, err_text(why));
}

static void tell_trace(struct peerclient *c) {
    const struct trace_line *line;
    while ((line = trace_take(&c->trace)) != NULL)
        if (c->config.trace != NULL)
            c->config.trace(c->config.data, line->at.us, line->text);
}

static void play_due(struct peerclient *c, struct instant now) {
    struct playout_frame taken;
    enum playout_taken what;
    /* Whoever asks to stop in a frame's callback gets no further frame, however late we are. */
    while (!atomic_load(&c->stop_wanted) &&
           (what = playout_take(&c->playout, now, &taken)) != PLAYOUT_WAIT) {
        if (what == PLAYOUT_ENDED)
            return;
        struct peerclient_frame frame = {
            .index = taken.frame,
            .lost = what == PLAYOUT_LOST,
            .payload = what == PLAYOUT_LOST ? NULL : taken.payload,
            .len = what == PLAYOUT_LOST ? 0 : taken.len,
            .seq = position_seq(&c->position, taken.frame),
            .timestamp = position_timestamp(&c->position, taken.frame),
            .due_us = playout_due(&c->playout, taken.frame).us,
        };
        if (c->config.frame != NULL)
            c->config.frame(c->config.data, &frame);
    }
}

void client_step(struct peerclient *c, struct witness_event *event) {
    event->now = net_now();
    c->clock.at = event->now;
    c->outbox.trace = &c->trace;
    play_due(c, event->now);
    witness_step(&c->witness, event, &c->outbox);
    tell_trace(c);
    for (uint32_t i = 0; i < c->outbox.count; i++) {
        const struct witness_out *out = &c->outbox.items[i];
        departures_send(c, out);
        if (out->kind == WITNESS_MOVED)
            tell_move(c, &out->u.moved);
        else if (out->kind == WITNESS_SESSION_ENDED)
            tell_end(c, out->u.ended);
    }
    if (c->end != PEERCLIENT_END_NONE)
        return;
    probing_due(c, event->now);
    struct instant at = instant_min(witness_deadline(&c->witness), playout_deadline(&c->playout));
    net_timer_arm(&c->timer, instant_min(at, probing_deadline(c)));
}

static void timer_fired(void *data, struct instant now) {
    (void)now;
    client_step(data, &(struct witness_event){.kind = WITNESS_TICKED});
}

/* ---- a session ---- */

static void tell_opened(struct peerclient *c) {
    char id[SESSION_ID_TEXT_LEN + 1];
    const struct api_rtp *rtp = &c->session.rtp;
    session_id_to_text(&c->session.session, id);
    struct peerclient_media media = {
        .encoding = rtp->encoding,
        .payload_type = rtp->payload_type,
        .clock_rate_hz = rtp->clock_rate_hz,
        .channels = rtp->channels,
        .fmtp = rtp->fmtp,
        .frame_ms = rtp->frame_ms,
        .samples_per_frame = rtp->samples_per_frame,
        .ssrc = rtp->ssrc,
        .session = id,
        .cluster = c->session.cluster.text,
    };
    if (c->config.trace != NULL) {
        char line[SESSION_ID_TEXT_LEN + NAME_LEN_MAX + 32];
        snprintf(line, sizeof(line), "session %s begins at %s", id, media.cluster);
        c->config.trace(c->config.data, net_now().us, line);
    }
    if (c->config.opened != NULL)
        c->config.opened(c->config.data, &media);
}

/* Port 0 of an address without a port. */
static bool bind_addr(struct addr *out, const char *ip) {
    char text[ADDR_TEXT_LEN_MAX + 1];
    const char *form = strchr(ip, ':') != NULL ? "[%s]:0" : "%s:0";
    return snprintf(text, sizeof(text), form, ip) < (int)sizeof(text) && addr_from_text(out, text);
}

/* A socket on [::] reaches both families, for a session whose servers are of both. */
static uint8_t media_family(const struct api_session_answer *s) {
    for (uint8_t i = 0; i < s->backup_count; i++)
        if (s->backups[i].media.family != s->media.family)
            return 6;
    return s->media.family;
}

static bool open_socket(struct peerclient *c) {
    struct addr bind_to = {.family = media_family(&c->session)};
    if (c->config.bind_ip != NULL)
        bind_addr(&bind_to, c->config.bind_ip); /* peerclient_new has tried it */
    enum err err = net_udp_bind(&c->udp, c->loop, &bind_to, arrivals_datagram, c);
    if (err != ERR_OK && c->config.bind_ip == NULL && bind_to.family != c->session.media.family) {
        /* A machine without IPv6 does without the backups that have nothing else. */
        bind_to.family = c->session.media.family;
        err = net_udp_bind(&c->udp, c->loop, &bind_to, arrivals_datagram, c);
    }
    if (err == ERR_OK)
        return true;
    snprintf(c->detail, sizeof(c->detail), "no media socket: %s", strerror(errno));
    client_finish(c, PEERCLIENT_END_INTERNAL, c->detail);
    return false;
}

static bool open_playout(struct peerclient *c) {
    struct playout_config config = {.depth = duration_ms(c->config.buffer_ms),
                                    .frame = duration_ms(FRAME_MS),
                                    .payload_bytes_max = PLAYOUT_PAYLOAD_BYTES};
    config.slot_count = c->config.buffer_ms / FRAME_MS + CLIENT_SLOTS_SPARE;
    c->slots = calloc(config.slot_count, sizeof(*c->slots));
    c->payloads = calloc(2 * (size_t)config.slot_count, config.payload_bytes_max);
    config.slots = c->slots;
    config.payloads = c->payloads;
    if (c->slots == NULL || c->payloads == NULL) {
        client_finish(c, PEERCLIENT_END_INTERNAL, "out of memory");
        return false;
    }
    playout_init(&c->playout, &config);
    return true;
}

static void open_witness(struct peerclient *c) {
    const struct api_session_answer *s = &c->session;
    struct witness_config config = witness_config_default();
    struct witness_address serving = {s->cluster, key_hint_of(&s->cluster_key), s->media};
    struct witness_address backups[TICKET_BACKUPS_MAX];
    uint64_t seed = 0;
    config.session = s->session;
    config.cold = strcmp(c->config.protection, "cold") == 0;
    config.hot = strcmp(c->config.protection, "hot") == 0;
    config.looks = c->session.measures;
    if (c->config.give_up_ms != 0)
        config.give_up = duration_ms(c->config.give_up_ms);
    for (uint8_t i = 0; i < s->backup_count; i++)
        backups[i] = (struct witness_address){s->backups[i].cluster,
                                              key_hint_of(&s->backups[i].key), s->backups[i].media};
    net_entropy(&seed, sizeof(seed));
    net_entropy(&c->own_ssrc, sizeof(c->own_ssrc));
    client_random_text(c->cname);
    passes_init(&c->passes);
    witness_init(&c->witness, &config, &c->playout, &serving, backups, s->backup_count, seed,
                 net_now());
}

/* These texts go into SDP files and onto terminals, and the numbers into divisions. */
static bool makes_sense(const struct api_rtp *rtp) {
    for (const char *at = rtp->encoding; *at != '\0'; at++)
        if (!isalnum((unsigned char)*at) && strchr("-_.", *at) == NULL)
            return false;
    for (const char *at = rtp->fmtp; *at != '\0'; at++)
        if (*at < ' ' || *at > '~')
            return false;
    return rtp->frame_ms == FRAME_MS &&
           (uint64_t)rtp->samples_per_frame * 1000 == (uint64_t)rtp->clock_rate_hz * FRAME_MS;
}

void client_session_opened(struct peerclient *c) {
    const struct leg leg = {
        .ssrc = c->session.rtp.ssrc, .seq0 = c->session.rtp.seq0, .ts0 = c->session.rtp.ts0};
    if (!makes_sense(&c->session.rtp)) {
        client_finish(c, PEERCLIENT_END_REFUSED, "what the cluster says of its media is no sense");
        return;
    }
    c->position = position_of_leg(&leg, c->session.rtp.samples_per_frame);
    rtp_stats_init(&c->stats, c->session.rtp.clock_rate_hz);
    c->stats_of = WITNESS_SERVER_NONE;
    if (!open_socket(c) || !open_playout(c))
        return;
    open_witness(c);
    probing_begin(c);
    c->opened = true;
    tell_opened(c);
    client_step(c, &(struct witness_event){.kind = WITNESS_SESSION_OPENED});
}

/* ---- lifecycle ---- */

/* True for 1 to `len_max` visible ASCII characters: what may stand in a URL or a header. */
static bool is_visible(const char *text, size_t len_max) {
    size_t len = 0;
    for (; text[len] != '\0'; len++)
        if (text[len] <= ' ' || text[len] > '~' || len == len_max)
            return false;
    return len > 0;
}

static bool is_url(const char *text) {
    return text != NULL && is_visible(text, CLIENT_URL_LEN_MAX) &&
           (strncasecmp(text, "http://", 7) == 0 || strncasecmp(text, "https://", 8) == 0);
}

static bool are_urls(const struct peerclient_config *k) {
    if (k->clusters == NULL || k->cluster_count == 0 || k->cluster_count > CLIENT_CLUSTERS_MAX)
        return false;
    for (size_t i = 0; i < k->cluster_count; i++)
        if (!is_url(k->clusters[i]))
            return false;
    return true;
}

static bool check(const struct peerclient_config *k, char *why, size_t size) {
    struct name name;
    enum protection protection;
    struct addr addr;
    const char *wrong = NULL;
    if (!are_urls(k))
        wrong = "clusters: expected 1 to 16 URLs http(s)://host:port";
    else if (k->service == NULL || !name_set(&name, k->service))
        wrong = "service: expected a name";
    else if (k->profile == NULL || !name_set(&name, k->profile))
        wrong = "profile: expected a name";
    else if (k->source == NULL || !name_set(&name, k->source))
        wrong = "source: expected a name";
    else if (k->protection != NULL && !protection_by_name(&protection, k->protection))
        wrong = "protection: expected cold, warm or hot";
    else if (k->buffer_ms != 0 && (k->buffer_ms < BUFFER_MS_MIN || k->buffer_ms > BUFFER_MS_MAX))
        wrong = "buffer: expected 40 to 5000 ms";
    else if (k->start_ms > API_START_MS_MAX)
        wrong = "start: expected less than a year";
    else if (k->token != NULL && !is_visible(k->token, CLIENT_TOKEN_LEN_MAX))
        wrong = "token: expected 1 to 255 characters without blanks";
    else if (k->bind_ip != NULL && !bind_addr(&addr, k->bind_ip))
        wrong = "bind: expected an IP address";
    else if (k->beside != NULL && k->beside->first != k->beside)
        wrong = "beside: expected one that was made without it";
    if (wrong != NULL && why != NULL)
        snprintf(why, size, "%s", wrong);
    return wrong == NULL;
}

/* Copies a text into the one block and moves on; NULL stays NULL. */
static const char *keep(char **at, const char *text) {
    if (text == NULL)
        return NULL;
    size_t size = strlen(text) + 1;
    char *copy = memcpy(*at, text, size);
    *at += size;
    return copy;
}

static size_t room(const char *text) {
    return text != NULL ? strlen(text) + 1 : 0;
}

static bool copy_texts(struct peerclient *c, const struct peerclient_config *k) {
    size_t size = room(k->token) + room(k->service) + room(k->profile) + room(k->source) +
                  room(k->protection) + room(k->bind_ip) + room(k->ca_file) + 8;
    for (size_t i = 0; i < k->cluster_count; i++)
        size += room(k->clusters[i]);
    char *at = c->texts = malloc(size);
    if (at == NULL)
        return false;
    c->texts_size = size;
    c->config.token = keep(&at, k->token);
    c->config.service = keep(&at, k->service);
    c->config.profile = keep(&at, k->profile);
    c->config.source = keep(&at, k->source);
    c->config.protection = keep(&at, k->protection != NULL ? k->protection : "warm");
    c->config.bind_ip = keep(&at, k->bind_ip);
    c->config.ca_file = keep(&at, k->ca_file);
    for (size_t i = 0; i < k->cluster_count; i++)
        c->clusters[i] = keep(&at, k->clusters[i]);
    c->config.clusters = c->clusters;
    return true;
}

static void stop_asked(void *data, unsigned events) {
    struct peerclient *c = data;
    uint64_t count;
    (void)events;
    if (read(c->stop_fd, &count, sizeof(count)) < 0)
        return;
    if (c->end != PEERCLIENT_END_NONE)
        return; /* but not all of its thread */
    if (c->opened)
        client_step(c, &(struct witness_event){.kind = WITNESS_CLOSED});
    client_finish(c, PEERCLIENT_END_CLOSED, "closed");
}

/* To those who share a thread, or a thread of its own. */
static void join(struct peerclient *c, struct peerclient *first) {
    c->first = first != NULL ? first : c;
    c->loop = first != NULL ? first->loop : net_loop_new();
    c->first->running++;
    if (first == NULL)
        return;
    c->next = first->next;
    first->next = c;
}

static void leave(struct peerclient *c) {
    c->first->running -= c->end == PEERCLIENT_END_NONE;
    for (struct peerclient *at = c->first; at != NULL; at = at->next)
        if (at->next == c)
            at->next = c->next;
    if (c->first == c)
        net_loop_free(c->loop);
}

struct peerclient *peerclient_new(const struct peerclient_config *config, char *why,
                                  size_t why_size) {
    size_t seed = 0;
    if (sodium_init() < 0 || !check(config, why, why_size))
        return NULL;
    net_entropy(&seed, sizeof(seed));
    json_object_seed(seed); /* no effect if the application has done so before */
    struct peerclient *c = calloc(1, sizeof(*c));
    if (c == NULL) {
        if (why != NULL)
            snprintf(why, why_size, "this machine is out of memory");
        return NULL;
    }
    atomic_init(&c->stop_wanted, false);
    c->config = *config;
    c->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    join(c, config->beside);
    if (c->config.buffer_ms == 0)
        c->config.buffer_ms = BUFFER_MS_DEFAULT;
    if (c->loop == NULL || c->stop_fd < 0 || !copy_texts(c, config) ||
        (c->stop_watch = net_watch_open(c->loop, c->stop_fd, NET_READABLE, stop_asked, c)) ==
            NULL) {
        if (why != NULL)
            snprintf(why, why_size, "this machine is out of memory or descriptors");
        peerclient_free(c);
        return NULL;
    }
    net_timer_init(&c->timer, c->loop, timer_fired, c);
    trace_init(&c->trace);
    return c;
}

enum peerclient_end peerclient_run(struct peerclient *c) {
    if (c->end != PEERCLIENT_END_NONE || c->first != c)
        return c->end; /* a session runs once */
    for (struct peerclient *at = c; at != NULL; at = at->next)
        opening_begin(at);
    if (c->running > 0)
        net_loop_run(c->loop);
    for (struct peerclient *at = c; at != NULL; at = at->next) {
        opening_end(at);
        if (at->udp != NULL)
            net_udp_close(at->udp); /* sends the releases that are queued */
        at->udp = NULL;
    }
    return c->end;
}

void peerclient_stop(struct peerclient *c) {
    const uint64_t one = 1;
    int saved = errno;
    atomic_store(&c->stop_wanted, true);
    if (write(c->stop_fd, &one, sizeof(one)) < 0) {
        /* Only a full counter refuses, and then it has been told often enough. */
    }
    errno = saved;
}

void peerclient_report(const struct peerclient *c, struct peerclient_report *out) {
    const struct playout_stats *s = &c->playout.stats;
    const struct witness *w = &c->witness;
    *out = (struct peerclient_report){
        .end = c->end,
        .frames_expected = s->expected,
        .frames_played = s->played,
        .frames_lost = s->lost,
        .frames_lost_before = s->lost_before,
        .frames_repaired = s->repaired,
        .frames_duplicated = s->duplicates,
        .frames_late = s->late,
        .frames_differing = s->differing,
        .packets_foreign = c->foreign,
        .hedges = w->stats.hedges,
        .hedge_cancels = w->stats.cancels,
        .hot_begun = w->hot.begun,
        .hot_expected = w->hot.expected,
        .hot_lost = w->hot.lost,
        .moves = w->stats.commits,
    };
    snprintf(out->detail, sizeof(out->detail), "%s", c->detail);
    if (!c->opened)
        return;
    if (c->opened && w->hot.server != WITNESS_SERVER_NONE)
        snprintf(out->hot_cluster, sizeof(out->hot_cluster), "%s",
                 w->servers[w->hot.server].address.name.text);
    out->jitter_ms = (double)rtp_stats_jitter_time(&c->stats).us / 1000;
    if (w->serving != WITNESS_SERVER_NONE) {
        struct duration rtt = path_rtt(&w->servers[w->serving].path);
        out->rtt_ms = rtt.us > 0 && rtt.us != INT64_MAX ? (double)rtt.us / 1000 : 0;
        snprintf(out->cluster, sizeof(out->cluster), "%s",
                 w->servers[w->serving].address.name.text);
    }
    probing_report(c, out);
}

void peerclient_free(struct peerclient *c) {
    if (c == NULL)
        return;
    net_watch_close(c->stop_watch);
    net_udp_close(c->udp);
    net_http_client_free(c->http);
    leave(c);
    if (c->stop_fd >= 0)
        close(c->stop_fd);
    sodium_memzero(&c->key, sizeof(c->key));
    sodium_memzero(&c->passes, sizeof(c->passes));
    free(c->slots);
    free(c->payloads);
    if (c->texts != NULL)
        sodium_memzero(c->texts, c->texts_size); /* the token is among them */
    free(c->texts);
    free(c);
}
