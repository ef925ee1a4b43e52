#include "transcoder/client/streaming_inner.h"

#include "peerd/net/clock.h"
#include "transcoder/hls/cmcd.h"

#include <jansson.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>

#define LAST_WORDS_MS    100
#define ANSWER_WITHIN_MS 20000 /* [ms] a fetch has given up long before */

/* ---- what is told ---------------------------------------------------------------------------- */

void streaming_say(struct streaming *s, const char *format, ...) {
    va_list args;
    if (!s->config.verbose)
        return;
    fprintf(stderr, "%10.3f ", (double)instant_since(net_now(), s->began).us / 1e6);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

void streaming_looked(struct streaming *s) {
    if (s->told_moves == s->sites.moves)
        return;
    s->told_moves = s->sites.moves;
    FILE *out = s->config.json ? stderr : stdout;
    fprintf(out, "moved to %s (%s)\n", s->sites.list[s->sites.at].id,
            sites_cause_name(s->sites.cause));
    fflush(out);
}

static void report(const struct streaming *s) {
    json_t *sites = json_array();
    for (uint32_t i = 0; i < s->sites.count; i++)
        json_array_append_new(sites, json_pack("{s:s, s:I}", "site", s->sites.list[i].id, "served",
                                               (json_int_t)s->served[i]));
    const char *at = s->sites.count > 0 ? s->sites.list[s->sites.at].id : "";
    if (s->config.json) {
        json_t *out =
            json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:O}", "site", at,
                      "requests", (json_int_t)s->requests, "failed", (json_int_t)s->failed,
                      "broken", (json_int_t)s->broken, "hedges", (json_int_t)s->hedges, "resumes",
                      (json_int_t)s->resumes, "bytes", (json_int_t)s->bytes, "moves",
                      (json_int_t)s->sites.moves, "steering_asked", (json_int_t)s->guide.asked,
                      "steering_answered", (json_int_t)s->guide.answered, "sites", sites);
        json_dumpf(out, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(out);
    } else {
        printf("%llu requests, %llu failed (%llu in mid-body), %llu hedges, %llu resumed, "
               "%llu bytes, %u moves\n",
               (unsigned long long)s->requests, (unsigned long long)s->failed,
               (unsigned long long)s->broken, (unsigned long long)s->hedges,
               (unsigned long long)s->resumes, (unsigned long long)s->bytes, s->sites.moves);
    }
    json_decref(sites);
    fflush(stdout);
}

/* ---- the door -------------------------------------------------------------------------------- */

/* Of several renditions: which there are. Of one alone: where it is. */
static void answer_begin(const struct streaming *s, struct net_http_request *r) {
    const struct net_http_header headers[] = {{"Access-Control-Allow-Origin", "*"},
                                              {"Cache-Control", "no-store"},
                                              {"Location", s->guide.path}};
    const struct net_http_answer list = {.status = 200,
                                         .content_type = "application/vnd.apple.mpegurl",
                                         .body = s->guide.text,
                                         .body_len = s->guide.text_len,
                                         .headers = headers,
                                         .header_count = 2};
    const struct net_http_answer one = {.status = 307, .headers = headers, .header_count = 3};
    net_http_answer(r, s->guide.media ? &one : &list);
}

void streaming_known(struct streaming *s) {
    net_timer_cancel(&s->patience);
    for (uint32_t i = 0; i < s->waiting_count; i++)
        answer_begin(s, s->waiting[i]);
    s->waiting_count = 0;
}

static bool asks_to_begin(const struct net_http_request *r) {
    return strcmp(r->path, "/") == 0 || strcmp(r->path, "/master.m3u8") == 0;
}

static void asked(void *data, struct net_http_request *r) {
    static const struct net_http_header allow = {"Allow", "GET, HEAD, OPTIONS"};
    struct streaming *s = data;
    bool gets = strcmp(r->method, "GET") == 0 || strcmp(r->method, "HEAD") == 0;
    if (strcmp(r->method, "OPTIONS") == 0)
        net_http_answer_preflight(r, CMCD_HEADERS ", Range", true);
    else if (!gets)
        net_http_answer(
            r, &(struct net_http_answer){.status = 405, .headers = &allow, .header_count = 1});
    else if (!s->guide.known && s->waiting_count < STREAMING_RELAYS_MAX && asks_to_begin(r))
        s->waiting[s->waiting_count++] = r;
    else if (!s->guide.known)
        net_http_answer_problem(r, 503, ERR_BUSY, "no site has told the playlist yet", 1);
    else if (asks_to_begin(r))
        answer_begin(s, r);
    else
        relay_begin(s, r);
}

/* ---- lifecycle ------------------------------------------------------------------------------- */

static void signalled(void *data, int number) {
    (void)number;
    net_loop_stop(((struct streaming *)data)->loop);
}

static void nobody_tells(void *data, struct instant now) {
    struct streaming *s = data;
    (void)now;
    fprintf(stderr, "peerclient: no site tells the playlist: %s\n", s->guide.why);
    s->end = STREAMING_NOT_SERVED;
    net_loop_stop(s->loop);
}

static bool open_door(struct streaming *s) {
    char why[256];
    const struct net_http_server_options options = {.door = NET_HTTP_DOOR_PLAIN,
                                                    .bind_to = s->config.http,
                                                    .connections_max = 2 * STREAMING_RELAYS_MAX,
                                                    .answer_within = duration_ms(ANSWER_WITHIN_MS),
                                                    .handler = asked,
                                                    .data = s};
    if (net_http_server_start(&s->server, s->loop, &options, why, sizeof(why)) == ERR_OK)
        return true;
    fprintf(stderr, "peerclient: --http: %s\n", why);
    s->end = STREAMING_NO_DOOR;
    return false;
}

bool streaming_open(struct streaming *s, struct net_loop *loop,
                    const struct streaming_config *config) {
    *s = (struct streaming){
        .config = *config, .loop = loop, .end = STREAMING_NO_DOOR, .began = net_now()};
    sites_init(&s->sites);
    net_timer_init(&s->patience, loop, nobody_tells, s);
    s->client = net_http_client_new(loop);
    if (s->client == NULL || !open_door(s) || !guide_open(&s->guide, s))
        return false;
    s->end = STREAMING_CLOSED;
    net_timer_arm(&s->patience, instant_add(s->began, duration_ms(config->give_up_ms)));
    return true;
}

void streaming_close(struct streaming *s) {
    net_timer_cancel(&s->patience);
    relay_end_all(s);
    for (uint32_t i = 0; i < s->waiting_count; i++)
        net_http_answer_problem(s->waiting[i], 503, ERR_UNREACHABLE, "no site tells", 0);
    s->waiting_count = 0;
    if (s->server != NULL)
        net_loop_run_until(s->loop, instant_add(net_now(), duration_ms(LAST_WORDS_MS)));
    relay_end_all(s); /* of those last words */
    net_http_server_stop(s->server);
    guide_close(&s->guide);
    net_http_client_free(s->client);
}

enum streaming_end streaming_run(const struct streaming_config *config) {
    static struct streaming s;
    struct net_loop *loop = net_loop_new();
    if (loop == NULL) {
        fputs("peerclient: the system refuses a loop\n", stderr);
        return STREAMING_NO_DOOR;
    }
    struct net_signal *stop = net_signal_open(loop, SIGINT, signalled, &s);
    struct net_signal *term = net_signal_open(loop, SIGTERM, signalled, &s);
    if (streaming_open(&s, loop, config))
        net_loop_run(loop);
    report(&s);
    streaming_close(&s);
    if (stop != NULL)
        net_signal_close(stop);
    if (term != NULL)
        net_signal_close(term);
    net_loop_free(loop);
    return s.end;
}
