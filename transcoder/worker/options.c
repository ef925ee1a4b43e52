#include "transcoder/worker/options.h"

#include "peerd/wire/node.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    OPTION_PEERD = 1,
    OPTION_PEERD_KEY,
    OPTION_KEY,
    OPTION_NAME,
    OPTION_MEDIA,
    OPTION_ADVERTISE,
    OPTION_METRICS,
    OPTION_WORKERS,
    OPTION_CONFIG,
    OPTION_STALL_MS,
    OPTION_JSON_LOG,
    OPTION_LOG_LEVEL,
    OPTION_HELP,
    OPTION_VERSION,
    OPTION_WORKER_FDS,
    OPTION_HLS,
    OPTION_HLS_CERT,
    OPTION_HLS_KEY,
    OPTION_HLS_CACHE_MB,
    OPTION_HLS_MAKERS,
    OPTION_CLOCK_WITHIN,
    OPTION_FRONT_OF,
    OPTION_MAKER_OF
};

static const struct option table[] = {
    {"peerd", required_argument, NULL, OPTION_PEERD},
    {"peerd-key", required_argument, NULL, OPTION_PEERD_KEY},
    {"key", required_argument, NULL, OPTION_KEY},
    {"name", required_argument, NULL, OPTION_NAME},
    {"media", required_argument, NULL, OPTION_MEDIA},
    {"advertise", required_argument, NULL, OPTION_ADVERTISE},
    {"metrics", required_argument, NULL, OPTION_METRICS},
    {"workers", required_argument, NULL, OPTION_WORKERS},
    {"config", required_argument, NULL, OPTION_CONFIG},
    {"stall-ms", required_argument, NULL, OPTION_STALL_MS},
    {"json-log", no_argument, NULL, OPTION_JSON_LOG},
    {"log-level", required_argument, NULL, OPTION_LOG_LEVEL},
    {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
    {"worker-fds", required_argument, NULL, OPTION_WORKER_FDS},
    {"hls", required_argument, NULL, OPTION_HLS},
    {"hls-cert", required_argument, NULL, OPTION_HLS_CERT},
    {"hls-key", required_argument, NULL, OPTION_HLS_KEY},
    {"hls-cache-mb", required_argument, NULL, OPTION_HLS_CACHE_MB},
    {"hls-makers", required_argument, NULL, OPTION_HLS_MAKERS},
    {"clock-within", required_argument, NULL, OPTION_CLOCK_WITHIN},
    {"front-of", required_argument, NULL, OPTION_FRONT_OF},
    {"maker-of", required_argument, NULL, OPTION_MAKER_OF},
    {NULL, 0, NULL, 0},
};

const char *options_help(void) {
    return "transcoderd: the media of one machine. A supervisor holds the media sockets and "
           "starts one\n"
           "worker process a core; workers transcode and send what clients ask for with signed "
           "tickets.\n"
           "\n"
           "usage: transcoderd --peerd HOST:PORT --peerd-key KEY --key FILE --name NODE "
           "--media IP:PORT\n"
           "       transcoderd --config FILE --media IP:PORT\n"
           "       transcoderd ingest [--height LINES] [--fps N] FROM TO   (see ingest --help)\n"
           "\n"
           "  --peerd HOST:PORT     the cluster's peerd (its peer_listen)\n"
           "  --peerd-key KEY       its public key, k4.public.…: nobody else is believed; given "
           "again: its next one\n"
           "  --key FILE            this node's key, made by `peerctl genkey`; the policy lists "
           "its public half\n"
           "  --name NODE           this node's name in the policy\n"
           "  --media IP:PORT       UDP address of worker 0; the next worker has the next port; "
           "port 0\n"
           "                        picks free ones\n"
           "  --advertise IP:PORT   the same address as clients see it, where NAT stands between\n"
           "  --metrics IP:PORT     answer GET /metrics there, to whoever comes: bind it where "
           "only\n"
           "                        Prometheus does\n"
           "  --workers N           worker processes [number of cores]\n"
           "  --hls IP:PORT         serve streams to players there: HLS and DASH of the "
           "catalogue's "
           "sources in\n"
           "                        the policy's `renditions`, made on demand\n"
           "  --hls-cert FILE       PEM certificate of that door, read again when it changes; "
           "plain "
           "HTTP\n"
           "                        without it\n"
           "  --hls-key FILE        its key\n"
           "  --hls-cache-mb N      MiB of segments that are kept [256]\n"
           "  --hls-makers N        processes that make segments, one at a time each [number of "
           "cores]\n"
           "  --clock-within MS     this machine's time of day is right to so many ms, which is "
           "asked of the\n"
           "                        kernel (NTP) without it: with more than 500 no channel is "
           "offered\n"
           "  --config FILE         serve without a peerd what this JSON file says; it has the "
           "form of\n"
           "                        peerd's answer to a node (peerd/wire/node.h); SIGHUP reads it "
           "again\n"
           "  --stall-ms N          kill a worker that makes no progress for so long [1000]\n"
           "  --json-log            log JSON lines\n"
           "  --log-level LEVEL     error, warning, info or debug [info]\n"
           "  --help, --version\n"
           "\n"
           "SIGTERM ends it at once: there is nothing to save. Kill it any way you like.\n";
}

__attribute__((format(printf, 2, 3))) static bool fail(char fault[OPTIONS_FAULT_MAX],
                                                       const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(fault, OPTIONS_FAULT_MAX, format, args);
    va_end(args);
    return false;
}

static bool take_text(char out[OPTIONS_TEXT_LEN_MAX + 1], const char *what, const char *value,
                      char fault[OPTIONS_FAULT_MAX]) {
    size_t len = strlen(value);
    if (len == 0 || len > OPTIONS_TEXT_LEN_MAX)
        return fail(fault, "--%s: expected 1 to %d characters", what, OPTIONS_TEXT_LEN_MAX);
    memcpy(out, value, len + 1);
    return true;
}

static bool take_number(uint32_t *out, const char *what, const char *value, uint32_t min,
                        uint32_t max, char fault[OPTIONS_FAULT_MAX]) {
    char *end;
    unsigned long n = strtoul(value, &end, 10);
    if (*value < '0' || *value > '9' || *end != '\0' || n < min || n > max)
        return fail(fault, "--%s: expected a number from %u to %u, found \"%.40s\"", what, min, max,
                    value);
    *out = (uint32_t)n;
    return true;
}

static bool take_addr(struct addr *out, const char *what, const char *value,
                      char fault[OPTIONS_FAULT_MAX]) {
    if (!addr_from_text(out, value))
        return fail(fault, "--%s: expected IP:PORT or [IPv6]:PORT, found \"%.80s\"", what, value);
    return true;
}

static bool take_level(struct options *out, const char *value, char fault[OPTIONS_FAULT_MAX]) {
    static const char *const names[] = {"error", "warning", "info", "debug"};
    for (int i = 0; i < 4; i++)
        if (strcmp(value, names[i]) == 0) {
            out->log_level = (enum net_log_level)i;
            return true;
        }
    return fail(fault, "--log-level: expected error, warning, info or debug, found \"%.40s\"",
                value);
}

static bool take_worker(struct options *out, const char *value, char fault[OPTIONS_FAULT_MAX]) {
    out->run = OPTIONS_RUN_WORKER;
    if (sscanf(value, "%d,%d,%d,%u,%d", &out->worker_link_fd, &out->worker_board_fd,
               &out->worker_media_fd, &out->worker_media_count, &out->supervisor_pid) != 5)
        return fail(fault, "--worker-fds is for the supervisor's own use");
    return true;
}

static bool take_parent(struct options *out, enum options_run run, const char *value,
                        char fault[OPTIONS_FAULT_MAX]) {
    uint32_t pid;
    out->run = run;
    if (!take_number(&pid, "front-of", value, 1, INT32_MAX, fault))
        return fail(fault, "--front-of and --maker-of are for our own use");
    out->supervisor_pid = (int)pid;
    return true;
}

/* Flat switch: one option a case. */
static bool take(struct options *out, int option, const char *value,
                 char fault[OPTIONS_FAULT_MAX]) {
    uint32_t n;
    switch (option) {
    case OPTION_PEERD:
        return take_text(out->peerd, "peerd", value, fault);
    case OPTION_PEERD_KEY:
        if (out->peerd_key_count == REGISTRATION_KEYS_MAX)
            return fail(fault, "--peerd-key: at most %d", REGISTRATION_KEYS_MAX);
        if (public_key_from_text(&out->peerd_keys[out->peerd_key_count++], value) != ERR_OK)
            return fail(fault, "--peerd-key: expected a public key, k4.public.…");
        return true;
    case OPTION_KEY:
        return take_text(out->key_file, "key", value, fault);
    case OPTION_NAME:
        if (!name_set(&out->name, value))
            return fail(fault, "--name: expected 1 to %d characters of a-z 0-9 - _ .",
                        NAME_LEN_MAX);
        return true;
    case OPTION_MEDIA:
        return take_addr(&out->media, "media", value, fault);
    case OPTION_ADVERTISE:
        return take_addr(&out->advertise, "advertise", value, fault);
    case OPTION_METRICS:
        return take_addr(&out->metrics, "metrics", value, fault);
    case OPTION_WORKERS:
        return take_number(&out->workers, "workers", value, 1, NODE_WORKERS_MAX, fault);
    case OPTION_CONFIG:
        return take_text(out->config, "config", value, fault);
    case OPTION_STALL_MS:
        if (!take_number(&n, "stall-ms", value, 100, 60000, fault))
            return false;
        out->stall = duration_ms(n);
        return true;
    case OPTION_JSON_LOG:
        out->log_format = NET_LOG_JSON;
        return true;
    case OPTION_LOG_LEVEL:
        return take_level(out, value, fault);
    case OPTION_HELP:
        out->run = OPTIONS_RUN_HELP;
        return true;
    case OPTION_VERSION:
        out->run = OPTIONS_RUN_VERSION;
        return true;
    case OPTION_WORKER_FDS:
        return take_worker(out, value, fault);
    case OPTION_HLS:
        return take_addr(&out->hls, "hls", value, fault);
    case OPTION_HLS_CERT:
        return take_text(out->hls_cert, "hls-cert", value, fault);
    case OPTION_HLS_KEY:
        return take_text(out->hls_key, "hls-key", value, fault);
    case OPTION_HLS_CACHE_MB:
        return take_number(&out->hls_cache_mb, "hls-cache-mb", value, 1, OPTIONS_CACHE_MB_MAX,
                           fault);
    case OPTION_HLS_MAKERS:
        return take_number(&out->hls_makers, "hls-makers", value, 1, NODE_WORKERS_MAX, fault);
    case OPTION_CLOCK_WITHIN:
        return take_number(&out->clock_within_ms, "clock-within", value, 1, 60000, fault);
    case OPTION_FRONT_OF:
        return take_parent(out, OPTIONS_RUN_FRONT, value, fault);
    case OPTION_MAKER_OF:
        return take_parent(out, OPTIONS_RUN_MAKER, value, fault);
    }
    return fail(fault, "unknown option");
}

/* What only all options together can tell. */
static bool check(const struct options *o, char fault[OPTIONS_FAULT_MAX]) {
    if (addr_is_none(&o->media))
        return fail(fault, "--media is missing; see --help");
    bool alone = o->config[0] != '\0';
    if (alone && o->peerd[0] != '\0')
        return fail(fault, "--peerd and --config exclude each other");
    if (!alone && (o->peerd[0] == '\0' || o->peerd_key_count == 0 || o->key_file[0] == '\0' ||
                   name_is_empty(&o->name)))
        return fail(fault, "--peerd, --peerd-key, --key and --name are needed together "
                           "(or --config); see --help");
    if ((o->hls_cert[0] == '\0') != (o->hls_key[0] == '\0'))
        return fail(fault, "--hls-cert and --hls-key are needed together");
    if (o->hls_cert[0] != '\0' && addr_is_none(&o->hls))
        return fail(fault, "--hls-cert without --hls");
    if (o->media.port != 0 && o->media.port + o->workers - 1 > 65535)
        return fail(fault, "--media: %u workers need as many ports from %u on", o->workers,
                    o->media.port);
    if (!addr_is_none(&o->advertise) &&
        (o->advertise.port == 0 || o->advertise.port + o->workers - 1 > 65535))
        return fail(fault, "--advertise: expected a port with room for %u workers", o->workers);
    return true;
}

bool options_parse(struct options *out, int argc, char **argv, char fault[OPTIONS_FAULT_MAX]) {
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    *out = (struct options){.run = OPTIONS_RUN_SUPERVISOR,
                            .log_level = NET_LOG_INFO,
                            .stall = duration_ms(OPTIONS_STALL_MS)};
    out->workers = cores < 1 ? 1 : cores > NODE_WORKERS_MAX ? NODE_WORKERS_MAX : (uint32_t)cores;
    out->hls_cache_mb = OPTIONS_CACHE_MB;
    out->hls_makers = out->workers;
    opterr = 0;
    optind = 1;
    for (int option; (option = getopt_long(argc, argv, ":", table, NULL)) != -1;) {
        if (option == '?')
            return fail(fault, "unknown option %.80s; see --help", argv[optind - 1]);
        if (option == ':')
            return fail(fault, "%.80s needs a value", argv[optind - 1]);
        if (!take(out, option, optarg, fault))
            return false;
        if (out->run == OPTIONS_RUN_HELP || out->run == OPTIONS_RUN_VERSION)
            return true;
    }
    if (optind < argc)
        return fail(fault, "unexpected argument \"%.80s\"; see --help", argv[optind]);
    return out->run != OPTIONS_RUN_SUPERVISOR || check(out, fault);
}
