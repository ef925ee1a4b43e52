#include "peerd/io/streams.h"

#include "monitor/players.h"
#include "peerd/base/url.h"
#include "peerd/core/pathways.h"
#include "peerd/net/clock.h"
#include "topo/location.h"
#include "transcoder/hls/cmcd.h"
#include "transcoder/hls/mpd.h"
#include "transcoder/hls/steering.h"

#include <stdlib.h>
#include <string.h>

#define HLS_PATH   "/v1/hls/"
#define DASH_PATH  "/v1/dash/"
#define STEER_PATH "/v1/steer/"
#define CMCD_PATH  "/v1/cmcd/"
#define PLAYLIST   "/master.m3u8"
#define MPD        "/manifest.mpd"
#define URI_MAX    (POLICY_TEXT_LEN_MAX + sizeof(DASH_PATH MPD) + NAME_LEN_MAX)

_Static_assert(PATHWAYS_MAX <= STEERING_PATHWAYS_MAX && PATHWAYS_MAX <= MULTIVARIANT_PATHWAYS_MAX,
               "what the core lists can be written");
_Static_assert(URI_MAX <= STEERING_URI_MAX, "so can whom to ask");

struct streams {
    struct players players;
    uint64_t playlists, steered, redirected, unknown;
};

enum err streams_open(struct daemon *d) {
    d->streams = calloc(1, sizeof(*d->streams));
    if (d->streams == NULL)
        return ERR_NO_MEMORY;
    players_init(&d->streams->players);
    origins_configure(d);
    return ERR_OK;
}

void streams_close(struct daemon *d) {
    origins_close(d);
    free(d->streams);
    d->streams = NULL;
}

/* ---- answers --------------------------------------------------------------------------------- */

static bool begins(const char *path, const char *with) {
    return strncmp(path, with, strlen(with)) == 0;
}

bool streams_wanted(const struct net_http_request *r) {
    return begins(r->path, HLS_PATH) || begins(r->path, DASH_PATH) || begins(r->path, STEER_PATH) ||
           begins(r->path, CMCD_PATH);
}

static void answer(struct net_http_request *r, unsigned status, const char *type, const char *text,
                   size_t len) {
    static const struct net_http_header headers[] = {{"Access-Control-Allow-Origin", "*"},
                                                     {"Cache-Control", "no-store"}};
    net_http_answer(r, &(struct net_http_answer){.status = status,
                                                 .content_type = type,
                                                 .body = text,
                                                 .body_len = len,
                                                 .retry_after_s = status == 503,
                                                 .headers = headers,
                                                 .header_count = 2});
}

static void answer_redirect(struct net_http_request *r, const char *to) {
    const struct net_http_header headers[] = {
        {"Access-Control-Allow-Origin", "*"}, {"Cache-Control", "no-store"}, {"Location", to}};
    net_http_answer(
        r, &(struct net_http_answer){.status = 307, .headers = headers, .header_count = 3});
}

static void answer_words(struct net_http_request *r, unsigned status, const char *words) {
    answer(r, status, "text/plain", words, strlen(words));
}

/* ---- what a player says ---------------------------------------------------------------------- */

static const char *argument(const struct net_http_request *r, const char *hls, const char *dash) {
    const char *text = net_http_query(r, hls);
    return text != NULL ? text : net_http_query(r, dash);
}

/* The pathway it is at: a name; of a list, quoted or not, the last: dash.js names all that it has
 * fetched from since it asked last, in that order. Empty: none that could be one. */
static struct name pathway_of(const struct net_http_request *r) {
    struct name name = {{0}};
    const char *text = argument(r, "_HLS_pathway", "_DASH_pathway");
    if (text == NULL)
        return name;
    const char *comma = strrchr(text, ',');
    text = comma != NULL ? comma + 1 : text;
    text += *text == '"';
    name_from_text(&name, text, strcspn(text, "\""));
    return name;
}

/* [bit/s] in the argument, digits alone. */
static uint32_t throughput_kbps(const struct net_http_request *r) {
    const char *text = argument(r, "_HLS_throughput", "_DASH_throughput");
    size_t len = text != NULL ? strspn(text, "0123456789") : 0;
    if (len == 0 || len > 18 || text[len] != '\0')
        return PLAYERS_UNKNOWN;
    unsigned long long kbps = strtoull(text, NULL, 10) / 1000;
    return kbps <= PLAYERS_KBPS_MAX ? (uint32_t)kbps : PLAYERS_UNKNOWN;
}

/* Damaged words are no words. */
static struct cmcd cmcd_of(const struct net_http_request *r) {
    static const char *const names[] = {"CMCD-Request", "CMCD-Object", "CMCD-Status",
                                        "CMCD-Session"};
    struct cmcd cmcd;
    const char *text = net_http_query(r, "CMCD");
    cmcd_init(&cmcd);
    if (text != NULL)
        (void)cmcd_read(&cmcd, text, strlen(text));
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        text = net_http_header(r, names[i]);
        if (text != NULL)
            (void)cmcd_read(&cmcd, text, strlen(text));
    }
    return cmcd;
}

/* What it says at once, by its argument and its headers. */
static struct players_word word_of(const struct net_http_request *r) {
    const struct cmcd cmcd = cmcd_of(r);
    const uint32_t kbps = throughput_kbps(r);
    _Static_assert(CMCD_UNKNOWN == PLAYERS_UNKNOWN, "either says nothing alike");
    return (struct players_word){
        .throughput_kbps = kbps != PLAYERS_UNKNOWN ? kbps : cmcd.throughput_kbps,
        .buffer_ms = cmcd.startup && !cmcd.starved ? PLAYERS_UNKNOWN : cmcd.buffer_ms,
        .starved = cmcd.starved};
}

struct heard {
    const struct name *origin, *cluster; /* the pathway */
    struct addr client;
    bool live;
};

/* Summed up for operators, and rated for the core. */
static void take_word(struct daemon *d, const struct heard *h, const struct players_word *word) {
    const struct policy_origin *own = policy_origin_find(d->policy, h->origin);
    const struct prefix location = location_of(&h->client);
    uint32_t poorest =
        own != NULL ? origins_poorest_kbps(d, (uint32_t)(own - d->policy->origins)) : 0;
    uint32_t rating = players_rate(word, poorest);
    players_told(&d->streams->players, h->cluster, &location, word, net_now());
    if (rating == 0)
        return;
    struct core_event e = {.kind = CORE_PLAYER_TOLD};
    e.u.player = (struct core_player_told){.origin = *h->origin,
                                           .cluster = *h->cluster,
                                           .client = h->client,
                                           .live = h->live,
                                           .rating_centi = (uint16_t)rating};
    daemon_step(d, &e);
}

/* Wherever it goes its segments have to be made, so it is counted there (core/making.h). */
static void count_sent(struct daemon *d, const struct name *origin, const struct addr *client,
                       const struct name *at, const struct core_pathways *ways) {
    struct core_event e;
    if (core_pathways_sent(ways, origin, client, at, &e))
        daemon_step(d, &e);
}

/* Of names only those that are pathways count: anybody can make up others. */
static bool is_pathway(const struct core_pathways *ways, const struct name *at) {
    for (uint32_t i = 0; i < ways->count; i++)
        if (name_equal(&ways->list[i].cluster, at))
            return true;
    return false;
}

/* ---- steering -------------------------------------------------------------------------------- */

/* At that door, or at ours. */
static void write_uri(const struct daemon *d, const char *door, const char *folder,
                      const struct name *name, const char *file, char out[URI_MAX + 1]) {
    char own[POLICY_TEXT_LEN_MAX + 1];
    if (door == NULL)
        control_clients_url(d->policy, own, sizeof(own));
    snprintf(out, URI_MAX + 1, "%s%s%s%s", door != NULL ? door : own, folder, name->text, file);
}

static void steer(struct daemon *d, struct net_http_request *r, const struct name *name) {
    struct core_pathways ways;
    char uri[URI_MAX + 1], text[STEERING_LEN_MAX];
    const struct name at = pathway_of(r);
    if (core_pathways(d->core, name, &r->peer, &at, &ways) != ERR_OK) {
        d->streams->unknown++;
        answer_words(r, 404, "no cluster has such a stream\n");
        return;
    }
    write_uri(d, ways.steers, STEER_PATH, name, "", uri);
    struct steering s = {.ttl_s = ways.live ? STREAMS_TTL_LIVE_S : STREAMS_TTL_S,
                         .reload_uri = uri,
                         .pathway_count = ways.count};
    for (uint32_t i = 0; i < ways.count; i++)
        s.pathways[i] = ways.list[i].cluster;
    size_t len = steering_write(text, sizeof(text), &s);
    d->streams->steered++;
    const bool known = is_pathway(&ways, &at), live = ways.live;
    count_sent(d, name, &r->peer, &at, &ways); /* what `ways` points to is written */
    if (known) {
        const struct players_word word = word_of(r);
        take_word(d, &(struct heard){name, &at, r->peer, live}, &word);
    }
    if (len > 0)
        answer(r, 200, "application/json", text, len);
    else
        answer_words(r, 503, "whom to ask next cannot be written\n");
}

/* ---- playlists and MPDs ---------------------------------------------------------------------- */

/* What a player begins with: where it is, what it is, and how it is made of the origin's own. */
struct manifest {
    const char *folder, *file, *type;
    const char *(*newest)(const struct daemon *d, uint32_t index, size_t *len);
    enum err (*write)(char *out, size_t size, size_t *len, const struct multivariant *m,
                      const char *origin, size_t origin_len, struct multivariant_fault *fault);
};

static const struct manifest as_hls = {HLS_PATH, PLAYLIST, "application/vnd.apple.mpegurl",
                                       origins_playlist, multivariant_write};
static const struct manifest as_dash = {DASH_PATH, MPD, "application/dash+xml", origins_mpd,
                                        mpd_write};

/* The best peer that has one; false if there is none. */
static bool redirect(struct daemon *d, struct net_http_request *r, const struct name *name,
                     const struct manifest *as, const struct core_pathways *ways) {
    char uri[URI_MAX + 1];
    for (uint32_t i = 0; i < ways->count; i++) {
        const struct core_pathway *w = &ways->list[i];
        if (w->door == NULL || !w->takes || !url_is_absolute(w->door))
            continue;
        write_uri(d, w->door, as->folder, name, as->file, uri);
        d->streams->redirected++;
        answer_redirect(r, uri);
        return true;
    }
    return false;
}

/* With each pathway's folder in memory of its own. */
static enum err write_manifest(const struct daemon *d, const struct name *name,
                               const struct manifest *as, const struct core_pathways *ways,
                               const char *origin, size_t len, char *out, size_t *written) {
    struct multivariant_pathway list[PATHWAYS_MAX];
    char folders[PATHWAYS_MAX][POLICY_TEXT_LEN_MAX + 1], uri[URI_MAX + 1];
    struct multivariant_fault fault;
    for (uint32_t i = 0; i < ways->count; i++) {
        snprintf(folders[i], sizeof(folders[i]), "%.*s", (int)url_folder_len(ways->list[i].url),
                 ways->list[i].url);
        list[i] = (struct multivariant_pathway){ways->list[i].cluster, folders[i]};
    }
    write_uri(d, ways->steers, STEER_PATH, name, "", uri);
    const struct multivariant m = {list, ways->count, uri};
    return as->write(out, MULTIVARIANT_OUT_MAX, written, &m, origin, len, &fault);
}

static void manifest(struct daemon *d, struct net_http_request *r, const struct name *name,
                     const struct manifest *as) {
    struct core_pathways ways;
    const struct policy_origin *own = policy_origin_find(d->policy, name);
    const struct name nowhere = {{0}};
    const struct addr client = r->peer; /* the request is gone once it is answered */
    size_t len = 0, written = 0;
    bool none = own != NULL && as == &as_dash && own->mpd.text[0] == '\0';
    if (none || core_pathways(d->core, name, &r->peer, &nowhere, &ways) != ERR_OK) {
        d->streams->unknown++;
        answer_words(r, 404, none ? "this stream has no MPD\n" : "no cluster has such a stream\n");
        return;
    }
    const char *origin =
        own != NULL ? as->newest(d, (uint32_t)(own - d->policy->origins), &len) : NULL;
    if (origin == NULL) {
        if (!redirect(d, r, name, as, &ways))
            answer_words(r, 503, "no playlist has come from the origin yet\n");
        return;
    }
    char *text = malloc(MULTIVARIANT_OUT_MAX);
    enum err err = text == NULL ? ERR_NO_MEMORY
                                : write_manifest(d, name, as, &ways, origin, len, text, &written);
    d->streams->playlists += err == ERR_OK;
    if (err == ERR_OK) {
        answer(r, 200, as->type, text, written);
        count_sent(d, name, &client, &nowhere, &ways);
    } else {
        answer_words(r, 503, "the playlist cannot be written\n");
    }
    free(text);
}

/* ---- what servers of media pass on ------------------------------------------------------------
 */

static bool may_report(const struct policy_origin *origin, const struct addr *from) {
    for (uint32_t i = 0; i < origin->reporter_count; i++)
        if (prefix_holds(&origin->reporters[i], from))
            return true;
    return false;
}

/* The last of the header is what the reporter itself has seen; false: it is no address. */
static bool forwarded_for(const struct net_http_request *r, struct addr *out) {
    const char *text = net_http_header(r, "X-Forwarded-For");
    struct prefix whole;
    if (text == NULL)
        return false;
    const char *comma = strrchr(text, ',');
    text = comma != NULL ? comma + 1 : text;
    text += strspn(text, " ");
    if (!prefix_from_text(&whole, text) || whole.bits != (whole.addr.family == 4 ? 32 : 128))
        return false;
    *out = whole.addr;
    return true;
}

static void passed_on(struct daemon *d, struct net_http_request *r, const struct name *name) {
    const struct policy_origin *own = policy_origin_find(d->policy, name);
    struct heard h = {name, &d->policy->cluster.name, r->peer, own != NULL && own->live};
    if (own == NULL || !may_report(own, &r->peer)) {
        answer_words(r, own == NULL ? 404 : 403, "no origin of ours that you may report of\n");
        return;
    }
    if (!forwarded_for(r, &h.client)) {
        answer_words(r, 400, "X-Forwarded-For: expected the address of a player\n");
        return;
    }
    const struct players_word word = word_of(r);
    net_http_answer(r, &(struct net_http_answer){.status = 204});
    take_word(d, &h, &word);
}

/* ---- routes ---------------------------------------------------------------------------------- */

/* Between that folder and that end of the path; false if it is no name. */
static bool name_in(const char *path, const char *folder, const char *end, struct name *out) {
    size_t len = strlen(path), before = strlen(folder), after = strlen(end);
    return begins(path, folder) && len > before + after && strcmp(path + len - after, end) == 0 &&
           name_from_text(out, path + before, len - before - after);
}

void streams_handle(struct daemon *d, struct net_http_request *r) {
    struct name name;
    bool gets = strcmp(r->method, "GET") == 0 || strcmp(r->method, "HEAD") == 0;
    if (strcmp(r->method, "OPTIONS") == 0)
        net_http_answer_preflight(r, CMCD_HEADERS ", Range", false);
    else if (!gets)
        answer_words(r, 405, "this path has other methods\n");
    else if (name_in(r->path, STEER_PATH, "", &name))
        steer(d, r, &name);
    else if (name_in(r->path, HLS_PATH, PLAYLIST, &name))
        manifest(d, r, &name, &as_hls);
    else if (name_in(r->path, DASH_PATH, MPD, &name))
        manifest(d, r, &name, &as_dash);
    else if (name_in(r->path, CMCD_PATH, "", &name))
        passed_on(d, r, &name);
    else
        answer_words(r, 404,
                     "there is /v1/hls/NAME/master.m3u8, /v1/dash/NAME/manifest.mpd, "
                     "/v1/steer/NAME and /v1/cmcd/NAME\n");
}

/* ---- metrics --------------------------------------------------------------------------------- */

static void family(FILE *out, const char *name, const char *type, const char *help) {
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void counter(FILE *out, const char *name, const char *help, uint64_t value) {
    family(out, name, "counter", help);
    fprintf(out, "%s %llu\n", name, (unsigned long long)value);
}

static void put_origins(const struct daemon *d, FILE *out) {
    family(out, "peerd_origin_healthy", "gauge",
           "1 while players are sent to this origin of ours.");
    for (uint32_t i = 0; i < d->policy->origin_count; i++)
        fprintf(out, "peerd_origin_healthy{origin=\"%s\"} %d\n", d->policy->origins[i].name.text,
                !core_origin_status(d->core, i).ill);
}

/* The counted of each pathway, and the smoothed of each pathway and location. */
static void put_players(const struct players *p, FILE *out) {
    family(out, "peerd_player_questions_total", "counter",
           "Questions of players at a pathway where to go next.");
    for (size_t i = 0; i < p->pathway_count; i++)
        fprintf(out, "peerd_player_questions_total{pathway=\"%s\"} %llu\n",
                p->pathways[i].pathway.text, (unsigned long long)p->pathways[i].sum.asked);
    family(out, "peerd_player_starved_total", "counter",
           "Of them those whose player had run dry since the one before.");
    for (size_t i = 0; i < p->pathway_count; i++)
        fprintf(out, "peerd_player_starved_total{pathway=\"%s\"} %llu\n",
                p->pathways[i].pathway.text, (unsigned long long)p->pathways[i].sum.starved);
    family(out, "peerd_player_throughput_bytes_per_second", "gauge",
           "As players of a location measured it, smoothed.");
    char text[LOCATION_TEXT_LEN_MAX + 1];
    for (size_t i = 0; i < p->row_count; i++)
        if (p->rows[i].sum.throughput_kbps > 0)
            fprintf(
                out,
                "peerd_player_throughput_bytes_per_second{pathway=\"%s\",location=\"%s\"} %.0f\n",
                p->rows[i].pathway.text, location_to_text(&p->rows[i].location, text),
                p->rows[i].sum.throughput_kbps * 125);
    family(out, "peerd_player_buffer_seconds", "gauge",
           "Media that players of a location hold, smoothed.");
    for (size_t i = 0; i < p->row_count; i++)
        if (p->rows[i].sum.buffer_ms > 0)
            fprintf(out, "peerd_player_buffer_seconds{pathway=\"%s\",location=\"%s\"} %.3f\n",
                    p->rows[i].pathway.text, location_to_text(&p->rows[i].location, text),
                    p->rows[i].sum.buffer_ms / 1000);
}

void streams_metrics(const struct daemon *d, FILE *out) {
    const struct streams *s = d->streams;
    if (d->policy->origin_count == 0 && s->steered == 0)
        return;
    put_origins(d, out);
    put_players(&s->players, out);
    counter(out, "peerd_steering_answers_total", "Players told where to go next.", s->steered);
    counter(out, "peerd_playlists_total", "Multivariant playlists made for players.", s->playlists);
    counter(out, "peerd_playlists_redirected_total",
            "Players sent to a peer for it: the origin has told none yet.", s->redirected);
    counter(out, "peerd_streams_unknown_total", "Questions for streams that no cluster has.",
            s->unknown);
}
