/*
 * peerclient: the sidecar beside an unmodified player. It opens a session at any of several
 * clusters and plays it out to a local port or into a file, whatever happens to the clusters.
 */
#include "peerd/base/url.h"
#include "peerd/net/clock.h"
#include "transcoder/client/client.h"
#include "transcoder/client/outputs.h"
#include "transcoder/client/peerclient.h"
#include "transcoder/client/streaming.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLUSTERS_MAX 16
#define FRAME_MS     20
#define GIVE_UP_MS   10000 /* [ms] as the library has it */

static const char usage[] =
    "usage: peerclient --cluster URL[,URL...] --service NAME --source NAME --profile NAME "
    "[options]\n"
    "       peerclient --stream URL[,URL...] --http IP:PORT [options]\n"
    "\n"
    "Plays a session, or a stream, out that survives the death of the site that serves it.\n"
    "\n"
    "  --cluster URL[,URL...]  where to open it: http(s)://host:port, tried in this order\n"
    "  --token TOKEN           bearer token (or PEERCLIENT_TOKEN in the environment)\n"
    "  --service, --source, --profile NAME   as the clusters' policies call them\n"
    "  --protection LEVEL      what a backup holds ready: cold (nothing), warm (default: the\n"
    "                          session, prepared), hot (it sends, too)\n"
    "  --buffer 200ms          playout buffer: what a move may take without being heard\n"
    "  --start 0s              position in the source\n"
    "  --duration 30s          leave after so much media (default: to the end of the source)\n"
    "  --give-up 10s           end when no cluster serves for so long\n"
    "  --bind IP               local address of the media socket and of requests\n"
    "  --ca FILE               whom to trust for https clusters (default: the system's)\n"
    "outputs, any number of them:\n"
    "  --rtp-out IP:PORT       RTP for a player; the frames leave at their playout instants\n"
    "  --http IP:PORT          Opus as Ogg at http://IP:PORT/ for mpv, VLC, ffmpeg, browsers; the\n"
    "                          port opens with the session\n"
    "  --sdp FILE              description for it: ffplay, vlc or gstreamer open it\n"
    "  --wav FILE              recording; lost frames are concealed\n"
    "  --raw FILE              payloads back to back; lost frames are left out\n"
    "a stream (HLS) in place of a session; beside --http only --bind, --ca and --give-up count:\n"
    "  --stream URL[,URL...]   its playlist, at any peerd that steers it or at each site; players\n"
    "                          open http://IP:PORT/master.m3u8 and do not notice that a site dies\n"
    "reports:\n"
    "  --json                  one JSON object on the last line of standard output\n"
    "  --verbose               what happens, on standard error\n"
    "  --help, --version\n"
    "\n"
    "Prints one line a move. Exit status: 0 played to the end or closed, 1 frames were lost,\n"
    "2 wrong options, 3 no cluster would or could serve it, 4 an output failed.\n";

enum exit_status {
    EXIT_PLAYED = 0,
    EXIT_FRAMES_LOST = 1,
    EXIT_USAGE = 2,
    EXIT_NOT_SERVED = 3,
    EXIT_OUTPUT = 4
};

struct sidecar {
    char *stream; /* URLs; NULL: a session */
    struct peerclient_config config;
    struct outputs_config outputs_config;
    const char *clusters[CLUSTERS_MAX];
    uint64_t frames_max; /* of --duration; 0 for no end */
    bool json;
    bool verbose;
    struct peerclient *client;
    struct outputs *outputs;
    bool output_failed;
    json_t *moves;
    json_t *media;
    int64_t started_us;
};

static struct peerclient *volatile to_stop; /* for the signal handler */

static void signalled(int number) {
    (void)number;
    if (to_stop != NULL)
        peerclient_stop(to_stop);
}

/* ---- what the client tells ---- */

static void opened(void *data, const struct peerclient_media *media) {
    struct sidecar *s = data;
    char why[512];
    s->media = json_pack(
        "{s:s, s:i, s:i, s:i, s:I, s:s, s:s}", "encoding", media->encoding, "payload_type",
        media->payload_type, "clock_rate", (int)media->clock_rate_hz, "channels", media->channels,
        "ssrc", (json_int_t)media->ssrc, "session", media->session, "opened_at", media->cluster);
    if (!s->json)
        printf("session %s at %s: %s/%u/%u\n", media->session, media->cluster, media->encoding,
               media->clock_rate_hz, media->channels);
    fflush(stdout);
    if (!outputs_open(s->outputs, s->client->loop, media, why, sizeof(why))) {
        fprintf(stderr, "peerclient: %s\n", why);
        s->output_failed = true;
        peerclient_stop(s->client);
    }
}

static void frame_due(void *data, const struct peerclient_frame *frame) {
    struct sidecar *s = data;
    if (s->output_failed)
        return;
    outputs_frame(s->outputs, frame);
    if (outputs_failed(s->outputs) != NULL) {
        fprintf(stderr, "peerclient: %s: %s\n", outputs_failed(s->outputs), strerror(errno));
        s->output_failed = true;
        peerclient_stop(s->client);
    }
    if (s->frames_max != 0 && frame->index + 1 >= s->frames_max)
        peerclient_stop(s->client);
}

static void moved(void *data, const struct peerclient_move *m) {
    struct sidecar *s = data;
    json_array_append_new(s->moves,
                          json_pack("{s:s, s:s, s:s, s:i, s:f, s:I, s:I, s:I, s:b}", "cause",
                                    m->cause, "from", m->from, "to", m->to, "epoch", (int)m->epoch,
                                    "at_ms", (double)(m->at_us - s->started_us) / 1000, "detect_ms",
                                    (json_int_t)m->detect_ms, "first_frame_ms",
                                    (json_int_t)m->first_frame_ms, "gap_ms", (json_int_t)m->gap_ms,
                                    "hedged", m->hedged));
    FILE *out = s->json ? stderr : stdout;
    fprintf(out,
            "moved %s > %s (%s): noticed after %lld ms, first frame after %lld ms, "
            "%lld ms missing\n",
            m->from, m->to, m->cause, (long long)m->detect_ms, (long long)m->first_frame_ms,
            (long long)m->gap_ms);
    fflush(out);
}

static void traced(void *data, int64_t at_us, const char *line) {
    struct sidecar *s = data;
    if (s->verbose)
        fprintf(stderr, "%10.3f %s\n", (double)(at_us - s->started_us) / 1e6, line);
}

/* ---- options ---- */

static const struct {
    const char *unit;
    uint64_t ms;
} units[] = {{"ms", 1}, {"s", 1000}, {"min", 60000}, {"m", 60000}, {"h", 3600000}};

/* What somebody meant who wrote a fraction, or no unit. */
static void suggest_ms(const char *text) {
    char *end;
    double number = strtod(text, &end);
    if (end == text || !(number >= 0 && number <= UINT32_MAX))
        return;
    if (*end == '\0' && strspn(text, "0123456789") == strlen(text))
        fprintf(stderr, " (a bare number has no unit: write %sms or %ss)", text, text);
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (strcmp(end, units[i].unit) == 0)
            fprintf(stderr, " (whole numbers only: write %.0fms)", number * (double)units[i].ms);
}

/* Reads "200ms", "30s", "10min" or "1h" as milliseconds. */
static bool read_ms(const char *option, const char *text, uint64_t *out_ms) {
    char *end;
    unsigned long long number = strtoull(text, &end, 10);
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (end != text && text[0] != '-' && strcmp(end, units[i].unit) == 0 &&
            number <= UINT32_MAX) {
            *out_ms = number * units[i].ms;
            return true;
        }
    fprintf(stderr, "peerclient: --%s: expected a duration such as 200ms, found `%s`", option,
            text);
    suggest_ms(text);
    fputc('\n', stderr);
    return false;
}

/* Splits the list in place. */
static bool read_clusters(struct sidecar *s, char *list) {
    char *rest = list;
    char *url;
    while ((url = strsep(&rest, ",")) != NULL) {
        if (s->config.cluster_count == CLUSTERS_MAX) {
            fprintf(stderr, "peerclient: --cluster: expected up to %d URLs, found `%s` too\n",
                    CLUSTERS_MAX, url);
            return false;
        }
        s->clusters[s->config.cluster_count++] = url;
    }
    s->config.clusters = s->clusters;
    return true;
}

enum option_key {
    OPTION_CLUSTER = 1,
    OPTION_TOKEN,
    OPTION_SERVICE,
    OPTION_SOURCE,
    OPTION_PROFILE,
    OPTION_PROTECTION,
    OPTION_BUFFER,
    OPTION_START,
    OPTION_DURATION,
    OPTION_GIVE_UP,
    OPTION_BIND,
    OPTION_CA,
    OPTION_RTP_OUT,
    OPTION_SDP,
    OPTION_HTTP,
    OPTION_STREAM,
    OPTION_WAV,
    OPTION_RAW,
    OPTION_JSON,
    OPTION_VERBOSE,
    OPTION_HELP,
    OPTION_VERSION
};

static const struct option table[] = {
    {"cluster", required_argument, NULL, OPTION_CLUSTER},
    {"token", required_argument, NULL, OPTION_TOKEN},
    {"service", required_argument, NULL, OPTION_SERVICE},
    {"source", required_argument, NULL, OPTION_SOURCE},
    {"profile", required_argument, NULL, OPTION_PROFILE},
    {"protection", required_argument, NULL, OPTION_PROTECTION},
    {"buffer", required_argument, NULL, OPTION_BUFFER},
    {"start", required_argument, NULL, OPTION_START},
    {"duration", required_argument, NULL, OPTION_DURATION},
    {"give-up", required_argument, NULL, OPTION_GIVE_UP},
    {"bind", required_argument, NULL, OPTION_BIND},
    {"ca", required_argument, NULL, OPTION_CA},
    {"rtp-out", required_argument, NULL, OPTION_RTP_OUT},
    {"sdp", required_argument, NULL, OPTION_SDP},
    {"http", required_argument, NULL, OPTION_HTTP},
    {"stream", required_argument, NULL, OPTION_STREAM},
    {"wav", required_argument, NULL, OPTION_WAV},
    {"raw", required_argument, NULL, OPTION_RAW},
    {"json", no_argument, NULL, OPTION_JSON},
    {"verbose", no_argument, NULL, OPTION_VERBOSE},
    {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
    {NULL, 0, NULL, 0},
};

/* The place where an option that is mere text is kept; NULL for the others. */
static const char **text_of(struct sidecar *s, int key) {
    const struct {
        int key;
        const char **text;
    } texts[] = {
        {OPTION_TOKEN, &s->config.token},
        {OPTION_SERVICE, &s->config.service},
        {OPTION_SOURCE, &s->config.source},
        {OPTION_PROFILE, &s->config.profile},
        {OPTION_PROTECTION, &s->config.protection},
        {OPTION_BIND, &s->config.bind_ip},
        {OPTION_CA, &s->config.ca_file},
        {OPTION_RTP_OUT, &s->outputs_config.rtp},
        {OPTION_SDP, &s->outputs_config.sdp},
        {OPTION_HTTP, &s->outputs_config.http},
        {OPTION_WAV, &s->outputs_config.wav},
        {OPTION_RAW, &s->outputs_config.raw},
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (texts[i].key == key)
            return texts[i].text;
    return NULL;
}

/* An option with a meaning of its own. False if its value makes no sense. */
static bool take_option(struct sidecar *s, int key) {
    uint64_t ms = 0;
    switch (key) {
    case OPTION_CLUSTER:
        return read_clusters(s, optarg);
    case OPTION_STREAM:
        s->stream = optarg;
        return true;
    case OPTION_BUFFER:
        if (!read_ms("buffer", optarg, &ms))
            return false;
        /* The library takes 0 for its default; here it is as wrong as 1. */
        s->config.buffer_ms = ms == 0 ? 1 : ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
        return true;
    case OPTION_START:
        return read_ms("start", optarg, &s->config.start_ms);
    case OPTION_DURATION:
        if (!read_ms("duration", optarg, &ms))
            return false;
        s->frames_max = ms / FRAME_MS > 0 ? ms / FRAME_MS : 1;
        return true;
    case OPTION_GIVE_UP:
        if (!read_ms("give-up", optarg, &ms))
            return false;
        s->config.give_up_ms = ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
        return true;
    case OPTION_JSON:
        s->json = true;
        return true;
    case OPTION_VERBOSE:
        s->verbose = true;
        return true;
    default:
        return false;
    }
}

/* Returns -1 to go on, else the exit status. */
static int parse(struct sidecar *s, int argc, char **argv) {
    int key;
    opterr = 0;
    const char *token = getenv("PEERCLIENT_TOKEN");
    s->config.token = token != NULL && token[0] != '\0' ? token : NULL;
    while ((key = getopt_long(argc, argv, ":", table, NULL)) != -1) {
        const char **text = text_of(s, key);
        if (key == '?' || key == ':') {
            fprintf(stderr, "peerclient: %s %s; try --help\n",
                    key == ':' ? "a value is missing after" : "unknown option", argv[optind - 1]);
            return EXIT_USAGE;
        }
        if (key == OPTION_HELP || key == OPTION_VERSION) {
            fputs(key == OPTION_HELP ? usage : "peerclient " PEERD_VERSION "\n", stdout);
            return EXIT_PLAYED;
        }
        if (text != NULL)
            *text = optarg;
        else if (!take_option(s, key))
            return EXIT_USAGE;
    }
    if (optind < argc) {
        fprintf(stderr, "peerclient: unexpected argument `%s`; try --help\n", argv[optind]);
        return EXIT_USAGE;
    }
    return -1;
}

/* ---- the end ---- */

/* Null is what nobody knows. */
static json_t *trips_json(const struct peerclient_report *r) {
    json_t *list = json_array();
    for (uint32_t i = 0; i < r->trip_count; i++) {
        const struct peerclient_trip *t = &r->trips[i];
        json_array_append_new(list, json_pack("{s:s, s:s, s:o, s:i}", "cluster", t->cluster, "role",
                                              t->role, "rtt_ms",
                                              t->rtt_ms > 0 ? json_real(t->rtt_ms) : json_null(),
                                              "samples", (int)t->samples));
    }
    return list;
}

static void print_json(const struct sidecar *s, const struct peerclient_report *r) {
    json_t *out = json_pack(
        "{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:O}",
        "end", peerclient_end_name(r->end), "detail", r->detail, "cluster", r->cluster,
        "frames_expected", (json_int_t)r->frames_expected, "frames_played",
        (json_int_t)r->frames_played, "frames_lost", (json_int_t)r->frames_lost,
        "frames_lost_before", (json_int_t)r->frames_lost_before, "frames_repaired",
        (json_int_t)r->frames_repaired, "frames_duplicated", (json_int_t)r->frames_duplicated,
        "frames_late", (json_int_t)r->frames_late, "frames_differing",
        (json_int_t)r->frames_differing, "packets_foreign", (json_int_t)r->packets_foreign,
        "hedges", (json_int_t)r->hedges, "hedge_cancels", (json_int_t)r->hedge_cancels, "rtt_ms",
        r->rtt_ms, "jitter_ms", r->jitter_ms, "moves", s->moves);
    json_object_set_new(out, "probes_sent", json_integer((json_int_t)r->probes_sent));
    json_object_set_new(out, "probes_answered", json_integer((json_int_t)r->probes_answered));
    json_object_set_new(out, "round_trips", trips_json(r));
    json_object_set_new(out, "hot",
                        json_pack("{s:s, s:I, s:I, s:I}", "cluster", r->hot_cluster, "begun",
                                  (json_int_t)r->hot_begun, "frames_expected",
                                  (json_int_t)r->hot_expected, "frames_lost",
                                  (json_int_t)r->hot_lost));
    json_object_set(out, "media", s->media != NULL ? s->media : json_null());
    json_dumpf(out, stdout, JSON_COMPACT | JSON_REAL_PRECISION(7));
    putchar('\n');
    json_decref(out);
}

static void print_text(const struct peerclient_report *r) {
    printf("%s: %llu frames expected, %llu lost (%llu before hedges and %llu repairs), "
           "%llu duplicated, %llu late; "
           "%llu moves, %llu hedges, %llu cancelled\n",
           r->detail[0] != '\0' ? r->detail : peerclient_end_name(r->end),
           (unsigned long long)r->frames_expected, (unsigned long long)r->frames_lost,
           (unsigned long long)r->frames_lost_before, (unsigned long long)r->frames_repaired,
           (unsigned long long)r->frames_duplicated, (unsigned long long)r->frames_late,
           (unsigned long long)r->moves, (unsigned long long)r->hedges,
           (unsigned long long)r->hedge_cancels);
}

static int status_of(const struct sidecar *s, const struct peerclient_report *r) {
    if (s->output_failed)
        return EXIT_OUTPUT;
    if (r->end != PEERCLIENT_END_CLOSED && r->end != PEERCLIENT_END_SOURCE_ENDED)
        return EXIT_NOT_SERVED;
    return r->frames_lost > 0 ? EXIT_FRAMES_LOST : EXIT_PLAYED;
}

/* Frames leave at their instants or are late, as in a sound server: it asks for what those have. It
 * needs next to no time; without the right to it (RLIMIT_RTPRIO) the system's own choice stands. */
static void ask_for_priority(void) {
    const struct sched_param param = {.sched_priority = 1};
    sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &param);
}

static int run(struct sidecar *s) {
    struct peerclient_report report;
    struct sigaction action = {.sa_handler = signalled, .sa_flags = SA_RESTART};
    to_stop = s->client;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    ask_for_priority();
    s->started_us = net_now().us;
    peerclient_run(s->client);
    to_stop = NULL; /* a signal may still come, but the client is about to go */
    peerclient_report(s->client, &report);
    if (!outputs_free(s->outputs)) {
        fputs("peerclient: an output could not be written\n", stderr);
        s->output_failed = true;
    }
    s->outputs = NULL;
    if (s->json)
        print_json(s, &report);
    else
        print_text(&report);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fputs("peerclient: standard output could not be written\n", stderr);
        s->output_failed = true;
    }
    return status_of(s, &report);
}

/* ---- a stream in place of a session ---- */

/* Says what does not go together. */
static bool stream_makes_sense(const struct sidecar *s) {
    const struct outputs_config *o = &s->outputs_config;
    const char *wrong = s->config.cluster_count > 0 ? "--cluster"
                        : s->config.service != NULL ? "--service"
                        : s->config.source != NULL  ? "--source"
                        : s->config.profile != NULL ? "--profile"
                        : s->frames_max != 0        ? "--duration"
                        : o->rtp != NULL            ? "--rtp-out"
                        : o->sdp != NULL            ? "--sdp"
                        : o->wav != NULL            ? "--wav"
                        : o->raw != NULL            ? "--raw"
                                                    : NULL;
    if (wrong != NULL)
        fprintf(stderr, "peerclient: --stream: %s is of sessions; try --help\n", wrong);
    else if (o->http == NULL)
        fputs("peerclient: --stream: expected --http IP:PORT beside it; try --help\n", stderr);
    return wrong == NULL && o->http != NULL;
}

static int run_stream(struct sidecar *s) {
    const char *urls[SITES_MAX];
    struct streaming_config config = {.urls = urls,
                                      .bind_ip = s->config.bind_ip,
                                      .ca_file = s->config.ca_file,
                                      .give_up_ms = s->config.give_up_ms > 0 ? s->config.give_up_ms
                                                                             : GIVE_UP_MS,
                                      .json = s->json,
                                      .verbose = s->verbose};
    char *rest = s->stream, *url;
    if (!stream_makes_sense(s))
        return EXIT_USAGE;
    if (!addr_from_text(&config.http, s->outputs_config.http)) {
        fprintf(stderr, "peerclient: --http: expected ip:port, found `%s`\n",
                s->outputs_config.http);
        return EXIT_USAGE;
    }
    while ((url = strsep(&rest, ",")) != NULL) {
        if (!url_is_file(url) || strlen(url) > STREAMING_URL_MAX || config.url_count == SITES_MAX) {
            fprintf(stderr,
                    "peerclient: --stream: expected up to %d URLs, http(s)://host/…/FILE, found "
                    "`%s`\n",
                    SITES_MAX, url);
            return EXIT_USAGE;
        }
        urls[config.url_count++] = url;
    }
    switch (streaming_run(&config)) {
    case STREAMING_CLOSED:
        return EXIT_PLAYED;
    case STREAMING_NOT_SERVED:
        return EXIT_NOT_SERVED;
    case STREAMING_NO_DOOR:
        return EXIT_OUTPUT;
    }
    return EXIT_OUTPUT;
}

int main(int argc, char **argv) {
    static struct sidecar s;
    char why[512] = "";
    int status = parse(&s, argc, argv);
    if (status >= 0)
        return status;
    if (s.stream != NULL)
        return run_stream(&s);
    s.config.opened = opened;
    s.config.frame = frame_due;
    s.config.moved = moved;
    s.config.trace = traced;
    s.config.data = &s;
    s.moves = json_array();
    s.outputs = outputs_new(&s.outputs_config, why, sizeof(why));
    if (s.outputs != NULL)
        s.client = peerclient_new(&s.config, why, sizeof(why));
    if (s.client == NULL) {
        fprintf(stderr, "peerclient: %s; try --help\n", why);
        status = EXIT_USAGE;
    } else {
        status = run(&s);
    }
    outputs_free(s.outputs);
    peerclient_free(s.client);
    json_decref(s.moves);
    json_decref(s.media);
    return status;
}
