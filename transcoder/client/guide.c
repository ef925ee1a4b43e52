/*
 * The playlist is asked for at one URL after the other until one has it, and again where steering
 * is not answered or names a site that is not known: another cluster's playlist names another to
 * ask.
 */
#include "transcoder/client/streaming_inner.h"

#include "peerd/net/clock.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MS     1500  /* [ms] for a playlist, or a word of steering */
#define NEXT_MS       100   /* [ms] before the next URL is asked */
#define REDIRECTS_MAX 3     /* in a row */
#define TTL_S         5     /* [s] where an answer names none */
#define TTL_S_MAX     3600  /* [s] */
#define UNKNOWN_MS    30000 /* [ms] between two looks for a site that steering names */

static void ask_playlist(struct guide *g, const char *url);

static void later(struct guide *g, int64_t ms) {
    net_timer_arm(&g->timer, instant_add(net_now(), duration_ms(ms)));
}

static bool call(struct guide *g, const char *url, net_http_done_fn done) {
    const struct streaming_config *c = &g->s->config;
    const struct net_http_call_options options = {.url = url,
                                                  .timeout = duration_ms(ANSWER_MS),
                                                  .connect_timeout = duration_ms(ANSWER_MS),
                                                  .answer_bytes_max = STREAMING_PLAYLIST_MAX,
                                                  .local_ip = c->bind_ip,
                                                  .ca_file = c->ca_file,
                                                  .done = done,
                                                  .data = g};
    enum err e = net_http_call(g->s->client, &options, NULL);
    if (e != ERR_OK)
        snprintf(g->why, sizeof(g->why), "%.100s: %s", url, err_text(e));
    return e == ERR_OK;
}

/* ---- the playlist ---------------------------------------------------------------------------- */

/* The sites of a later playlist are added if it divides its URLs as the first one did. */
static bool divides_alike(const struct guide *g, const struct sites *found) {
    for (uint32_t i = 0; i < found->count; i++) {
        uint32_t known = sites_find(&g->s->sites, found->list[i].id);
        if (known != SITES_NONE && strcmp(g->s->sites.list[known].base, found->list[i].base) == 0)
            return true;
    }
    return false;
}

static bool take_playlist(struct guide *g, const char *text, size_t len) {
    struct streaming *s = g->s;
    const char *urls[SITES_MAX];
    struct fold *fold = malloc(sizeof(*fold));
    char *out = malloc(FOLD_IN_MAX);
    size_t out_len = 0;
    bool good = fold != NULL && out != NULL;
    for (size_t i = 0; i < s->config.url_count; i++)
        urls[i] = s->config.urls[i];
    urls[g->url] = g->from;
    const struct fold_from from = {urls, s->config.url_count, g->url};
    if (good && fold_read(fold, out, FOLD_IN_MAX, &out_len, &from, text, len) != ERR_OK) {
        snprintf(g->why, sizeof(g->why), "%.60s: %.90s", g->from, fold->why);
        good = false;
    }
    if (good && (!g->known || divides_alike(g, &fold->sites)))
        for (uint32_t i = 0; i < fold->sites.count; i++)
            sites_add(&s->sites, fold->sites.list[i].id, fold->sites.list[i].base);
    if (good)
        strcpy(g->steering, fold->steering);
    if (good && !g->known) {
        g->known = true;
        g->media = fold->media;
        strcpy(g->path, fold->path);
        memcpy(g->text, out, out_len);
        g->text_len = out_len;
        for (uint32_t i = 0; i < s->sites.count; i++)
            streaming_say(s, "%s is at %s", s->sites.list[i].id, s->sites.list[i].base);
        streaming_known(s);
    }
    free(fold);
    free(out);
    return good;
}

static void try_next_url(struct guide *g) {
    streaming_say(g->s, "no playlist: %s", g->why);
    g->url = (g->url + 1) % g->s->config.url_count;
    g->redirects = 0;
    /* Whoever plays already has time. */
    later(g, g->known ? TTL_S * 1000 : NEXT_MS);
}

static void playlist_came(void *data, const struct net_http_result *result) {
    struct guide *g = data;
    const char *to = result->err == ERR_OK && result->status >= 300 && result->status < 400
                         ? net_http_result_header(result, "Location")
                         : NULL;
    char next[URI_LEN_MAX + 1];
    if (to != NULL && g->redirects++ < REDIRECTS_MAX &&
        uri_resolve(next, g->from, to, strlen(to))) {
        ask_playlist(g, next);
        return;
    }
    if (result->err != ERR_OK)
        snprintf(g->why, sizeof(g->why), "%.60s: %.90s", g->from, result->detail);
    else if (result->status != 200)
        snprintf(g->why, sizeof(g->why), "%.100s: status %u", g->from, result->status);
    else if (take_playlist(g, (const char *)result->body, result->body_len)) {
        g->redirects = 0;
        if (g->steering[0] != '\0')
            later(g, 0);
        return;
    }
    try_next_url(g);
}

static void ask_playlist(struct guide *g, const char *url) {
    g->playlist_at = net_now();
    memmove(g->from, url, strlen(url) + 1);
    if (!call(g, g->from, playlist_came))
        try_next_url(g);
}

/* ---- steering -------------------------------------------------------------------------------- */

/* The order of pathways; false if a name is not known. */
static bool follow(struct guide *g, const json_t *list) {
    struct sites *s = &g->s->sites;
    uint32_t order[SITES_MAX];
    size_t count = 0;
    bool known = true;
    for (size_t i = 0; i < json_array_size(list) && count < SITES_MAX; i++) {
        const char *id = json_string_value(json_array_get(list, i));
        uint32_t site = id != NULL ? sites_find(s, id) : SITES_NONE;
        known = known && site != SITES_NONE;
        if (site != SITES_NONE)
            order[count++] = site;
    }
    if (count > 0)
        sites_steered(s, order, count, net_now());
    streaming_looked(g->s);
    return known;
}

static bool take_steering(struct guide *g, const char *text, size_t len) {
    json_t *answer = json_loadb(text, len, 0, NULL);
    const json_t *list = json_object_get(answer, "PATHWAY-PRIORITY");
    const char *reload = json_string_value(json_object_get(answer, "RELOAD-URI"));
    json_int_t ttl_s = json_integer_value(json_object_get(answer, "TTL"));
    char next[URI_LEN_MAX + 1];
    bool good = json_is_array(list);
    if (good) {
        bool known = follow(g, list);
        if (reload != NULL && uri_resolve(next, g->steering, reload, strlen(reload)))
            strcpy(g->steering, next);
        later(g, 1000 * (ttl_s < 1 ? TTL_S : ttl_s > TTL_S_MAX ? TTL_S_MAX : ttl_s));
        if (!known &&
            instant_reached(net_now(), instant_add(g->playlist_at, duration_ms(UNKNOWN_MS))))
            ask_playlist(g, g->s->config.urls[g->url]);
    }
    json_decref(answer);
    return good;
}

static void steering_came(void *data, const struct net_http_result *result) {
    struct guide *g = data;
    bool answered = result->err == ERR_OK;
    if (answered && result->status == 200 &&
        take_steering(g, (const char *)result->body, result->body_len)) {
        g->answered++;
        return;
    }
    streaming_say(g->s, "no steering: %.100s: %s %u", g->asking, result->detail, result->status);
    if (answered && result->status == 410) { /* it is over: RFC 8216bis section 7.3 */
        g->steering[0] = '\0';
    } else if (answered && result->status == 429) {
        later(g, result->retry_after.us > 0 ? duration_in_ms(result->retry_after) : TTL_S * 1000);
    } else {
        g->steering[0] = '\0'; /* another's playlist names another to ask */
        g->url = (g->url + 1) % g->s->config.url_count;
        later(g, 1000);
    }
}

static void ask_steering(struct guide *g) {
    const struct streaming *s = g->s;
    char throughput[64] = "";
    if (s->bits_per_s > 0)
        snprintf(throughput, sizeof(throughput), "&_HLS_throughput=%" PRIu64, s->bits_per_s);
    int n = snprintf(g->asking, sizeof(g->asking), "%s%c_HLS_pathway=%s%s", g->steering,
                     strchr(g->steering, '?') != NULL ? '&' : '?', s->sites.list[s->sites.at].id,
                     throughput);
    g->asked++;
    if (n < 0 || (size_t)n >= sizeof(g->asking) || !call(g, g->asking, steering_came))
        later(g, TTL_S * 1000);
}

static void due(void *data, struct instant now) {
    struct guide *g = data;
    (void)now;
    if (g->known && g->steering[0] != '\0')
        ask_steering(g);
    else
        ask_playlist(g, g->s->config.urls[g->url]);
}

/* ---- lifecycle ------------------------------------------------------------------------------- */

bool guide_open(struct guide *g, struct streaming *s) {
    *g = (struct guide){.s = s, .text = malloc(FOLD_IN_MAX)};
    net_timer_init(&g->timer, s->loop, due, g);
    later(g, 0);
    return g->text != NULL;
}

void guide_close(struct guide *g) {
    if (g->s != NULL)
        net_timer_cancel(&g->timer);
    free(g->text);
    *g = (struct guide){0};
}
