#include "peerd/policy/policy_check.h"

#include "peerd/base/url.h"
#include "peerd/base/utc.h"
#include "peerd/policy/policy.h"
#include "peerd/policy/policy_schema.h"
#include "peerd/policy/quantity.h"

#include <stdio.h>
#include <string.h>

/* ---- single values ---- */

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_host_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '-' ||
           c == '.' || c == '_';
}

/* A DNS name of `len` characters. One whose last label is a number is a mistyped address. */
static bool is_host(const char *text, size_t len) {
    size_t label = 0;
    bool letters = false;
    if (len == 0 || len > 253)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!is_host_char(text[i]))
            return false;
        if (text[i] == '.') {
            if (label == 0)
                return false;
            label = 0;
            letters = false;
            continue;
        }
        letters = letters || !is_digit(text[i]);
        if (++label > 63)
            return false;
    }
    return letters;
}

static bool is_port(const char *text) {
    unsigned value = 0;
    size_t len = strlen(text);
    if (len == 0 || len > 5 || text[0] == '0' || strspn(text, "0123456789") != len)
        return false;
    for (; *text != '\0'; text++)
        value = value * 10 + (unsigned)(*text - '0');
    return value <= 65535;
}

static bool is_endpoint(const char *text) {
    struct addr a;
    const char *colon = strrchr(text, ':');
    if (addr_from_text(&a, text))
        return a.port != 0;
    return colon != NULL && is_host(text, (size_t)(colon - text)) && is_port(colon + 1);
}

static void refuse_endpoint(struct schema_run *run, const struct schema_row *row,
                            struct tree_node *node) {
    struct fault *x = schema_mismatch(run, row, node);
    if (strchr(node->text, ':') == NULL)
        fault_hint(x, "the port is missing");
}

void policy_check_endpoint(struct schema_run *run, const struct schema_row *row,
                           struct tree_node *node, void *field) {
    if (!is_endpoint(field))
        refuse_endpoint(run, row, node);
}

static bool is_service(const char *text) {
    return text[0] == '_' && is_host(text, strlen(text)) && strstr(text, "._") != NULL;
}

bool policy_place_valid(const char *text) {
    return strncmp(text, "srv:", 4) == 0 ? is_service(text + 4) : is_endpoint(text);
}

void policy_check_peer_endpoint(struct schema_run *run, const struct schema_row *row,
                                struct tree_node *node, void *field) {
    const char *text = field;
    if (strncmp(text, "srv:", 4) != 0) {
        policy_check_endpoint(run, row, node, field);
        return;
    }
    if (!is_service(text + 4)) {
        struct fault *x = schema_mismatch(run, row, node);
        fault_hint(x, "a service record is named _service._protocol.domain (RFC 2782)");
    }
}

void policy_check_codec(struct schema_run *run, const struct schema_row *row,
                        struct tree_node *node, void *field) {
    static const char *const codecs[] = {"opus", "pcmu", "pcma", "gsm", "l16"};
    const size_t count = sizeof(codecs) / sizeof(codecs[0]);
    const struct name *codec = field;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(codec->text, codecs[i]) == 0)
            return;
    }
    struct fault *x = schema_mismatch(run, row, node);
    const char *near = fault_nearest(codec->text, codecs, count);
    if (near != NULL)
        fault_hint(x, "did you mean `%s`?", near);
}

void policy_check_location(struct schema_run *run, const struct schema_row *row,
                           struct tree_node *node, void *field) {
    const char *text = field;
    const char *rest = strstr(text, "://");
    if (rest == NULL && strchr(text, '\n') == NULL)
        return;
    size_t scheme = rest != NULL ? (size_t)(rest - text) : 0;
    bool http = (scheme == 4 && strncmp(text, "http", 4) == 0) ||
                (scheme == 5 && strncmp(text, "https", 5) == 0);
    if (http && rest[3] != '\0' && strpbrk(text, " \n") == NULL)
        return;
    struct fault *x = schema_mismatch(run, row, node);
    if (rest != NULL && !http)
        fault_hint(x, "nodes open no other protocol than http and https");
}

/* It goes into playlists as it stands. */
void policy_check_origin_url(struct schema_run *run, const struct schema_row *row,
                             struct tree_node *node, void *field) {
    const char *text = field;
    if (url_is_file(text))
        return;
    struct fault *x = schema_mismatch(run, row, node);
    if (url_is_absolute(text) && strpbrk(text, "?#") == NULL)
        fault_hint(x, "the file is missing, such as master.m3u8");
}

void policy_check_origin_mpd(struct schema_run *run, const struct schema_row *row,
                             struct tree_node *node, void *field) {
    const char *text = field;
    char url[sizeof("http://x/") + POLICY_TEXT_LEN_MAX];
    snprintf(url, sizeof(url), "http://x/%s", text);
    if (text[0] == '\0' || strchr(text, '/') != NULL || !url_is_file(url))
        schema_mismatch(run, row, node);
}

void policy_check_dns_server(struct schema_run *run, const struct schema_row *row,
                             struct tree_node *node, void *field) {
    struct addr *a = field;
    (void)run, (void)row, (void)node;
    if (a->port == 0)
        a->port = 53; /* RFC 1035 section 4.2 */
}

/* Before it comes _peerd._udp, and all of it must be a name. */
void policy_check_domain(struct schema_run *run, const struct schema_row *row,
                         struct tree_node *node, void *field) {
    const char *text = field;
    if (is_host(text, strlen(text)) && strlen(text) <= 230 && text[0] != '_')
        return;
    struct fault *x = schema_mismatch(run, row, node);
    if (text[0] == '_')
        fault_hint(x, "_peerd._udp is put before it by itself");
}

void policy_check_pattern(struct schema_run *run, const struct schema_row *row,
                          struct tree_node *node, void *field) {
    static const char good[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.*?";
    const char *text = field;
    if (text[0] == '\0' || strspn(text, good) != strlen(text))
        schema_mismatch(run, row, node);
}

/* Clients are told apart by location: of two within one, who may go where would be judged alike. */
void policy_check_whereabouts(struct schema_run *run, const struct schema_row *row,
                              struct tree_node *node, void *field) {
    const struct prefix *p = field;
    if (p->bits > (p->addr.family == 4 ? POLICY_LOCATION_BITS_IPV4 : POLICY_LOCATION_BITS_IPV6))
        fault_hint(schema_mismatch(run, row, node),
                   "clients behind one /24 (IPv6: /48) move together, and are judged as one");
}

void policy_read_token(struct schema_run *run, const struct schema_row *row, struct tree_node *node,
                       void *field) {
    if (node->kind == TREE_SCALAR && policy_token_valid(node->text, node->len)) {
        policy_token_digest(field, node->text, node->len);
        return;
    }
    struct fault *x = schema_mismatch(run, row, node);
    if (node->kind == TREE_SCALAR && node->len > 0)
        fault_found(x, "one of %u bytes", (unsigned)node->len); /* never the token itself */
}

void policy_read_date(struct schema_run *run, const struct schema_row *row, struct tree_node *node,
                      void *field) {
    int64_t *date = field;
    if (node->kind != TREE_SCALAR || !utc_from_text(date, node->text, node->len) || *date < 1)
        schema_mismatch(run, row, node);
}

/* ---- whole mappings ---- */

void policy_check_place(struct schema_run *run, struct tree_node *node, void *record) {
    struct policy_cluster *c = record;
    (void)run;
    c->placed = !node->faulty;
}

void policy_check_listen(struct schema_run *run, struct tree_node *node, void *record) {
    static const uint8_t any[16] = {0};
    struct policy_listen *l = record;
    struct tree_node *bind = schema_good(node, "bind");
    if (bind == NULL || memcmp(l->bind.ip, any, 16) != 0 || tree_find(node, "advertise") != NULL)
        return;
    struct fault *x = fault_add(run->faults, node, "advertise");
    fault_expected(x, "host and port for others to use, since `bind` means all addresses");
    fault_found(x, "no key `advertise`");
}

void policy_check_client_listen(struct schema_run *run, struct tree_node *node, void *record) {
    static const char *const keys[] = {"tls_cert", "tls_key"};
    struct policy_client_listen *l = record;
    policy_check_listen(run, node, &l->listen);
    struct tree_node *plain = tree_find(node, "plain_http");
    if (plain != NULL && plain->faulty)
        return;
    for (size_t i = 0; i < 2; i++) {
        struct tree_node *given = tree_find(node, keys[i]);
        if (l->plain_http && given != NULL) {
            struct fault *x = fault_add(run->faults, given, NULL);
            fault_expected(x, "no `%s` beside plain_http: true", keys[i]);
            fault_found(x, "both");
        } else if (!l->plain_http && given == NULL) {
            struct fault *x = fault_add(run->faults, node, keys[i]);
            fault_expected(x, "a PEM file");
            fault_found(x, "no key `%s`", keys[i]);
            fault_hint(x, "or say plain_http: true, if clients are to come without TLS");
        }
    }
}

/* Exactly one of `keys` must be there; `what` is said if there is none. */
static void check_one_of(struct schema_run *run, struct tree_node *node, const char *const *keys,
                         size_t count, const char *what) {
    struct tree_node *first = NULL;
    for (size_t i = 0; i < count; i++) {
        struct tree_node *given = tree_find(node, keys[i]);
        if (given == NULL)
            continue;
        if (first != NULL) {
            struct fault *x = fault_add(run->faults, given, NULL);
            fault_expected(x, "only one of %s", what);
            fault_found(x, "`%s` beside `%s`", keys[i], first->key->text);
            return;
        }
        first = given;
    }
    if (first == NULL) {
        struct fault *x = fault_add(run->faults, node, keys[0]);
        fault_expected(x, "one of %s", what);
        fault_found(x, "none of them");
        fault_hint(x, "one is required");
    }
}

void policy_check_key_given(struct schema_run *run, struct tree_node *node, void *record) {
    static const char *const keys[] = {"key", "key_file"};
    (void)record;
    check_one_of(run, node, keys, 2, "`key` (k4.public.…) and `key_file` (a file that holds one)");
}

/* No key is told beforehand unless one is given. */
void policy_check_next_key(struct schema_run *run, struct tree_node *node, void *record) {
    static const char *const keys[] = {"next_key", "next_key_file"};
    (void)record;
    if (tree_find(node, keys[0]) != NULL || tree_find(node, keys[1]) != NULL)
        check_one_of(run, node, keys, 2, "`next_key` and `next_key_file`");
}

void policy_check_grant(struct schema_run *run, struct tree_node *node, void *record) {
    static const char *const keys[] = {"token", "token_file", "prefix"};
    struct policy_grant *g = record;
    check_one_of(run, node, keys, 3, "`token`, `token_file` and `prefix`");
    g->by_token = tree_find(node, "prefix") == NULL;
}

void policy_refuse_key(struct schema_run *run, struct tree_node *node, const char *key,
                       const char *codec, const char *why) {
    struct tree_node *given = schema_good(node, key);
    if (given == NULL)
        return;
    struct fault *x = fault_add(run->faults, given, NULL);
    fault_expected(x, "%s", why);
    fault_found(x, "`%s` with codec %s", given->text, codec);
}

static bool opus_rate(uint32_t hz) {
    return hz == 8000 || hz == 12000 || hz == 16000 || hz == 24000 || hz == 48000; /* RFC 6716 */
}

/* What the media stack can encode into one datagram a frame (transcoder/media/profile.h). */
#define OPUS_BPS_MAX        256000U /* [bit/s] a channel */
#define L16_RATE_HZ         16000U  /* [Hz] unless the policy says otherwise */
#define L16_FRAME_BYTES_MAX 1200U   /* [bytes] */

void policy_check_profile(struct schema_run *run, struct tree_node *node, void *record) {
    struct policy_profile *p = record;
    const char *codec = p->codec.text;
    if (schema_good(node, "codec") == NULL)
        return;
    bool opus = strcmp(codec, "opus") == 0;
    bool telephone = !opus && strcmp(codec, "l16") != 0;
    if (p->rate_hz == 0)
        p->rate_hz = opus ? 48000 : telephone ? 8000 : L16_RATE_HZ;
    if (opus && p->bitrate_bps == 0)
        p->bitrate_bps = 64000;
    if (!opus) {
        policy_refuse_key(run, node, "bitrate", codec,
                          "no bit rate, which only opus lets one choose");
        policy_refuse_key(run, node, "complexity", codec, "no complexity, which only opus knows");
    }
    if (telephone && p->rate_hz != 8000)
        policy_refuse_key(run, node, "rate", codec, "8kHz, the only rate of this codec (RFC 3551)");
    if (telephone && p->channels != 1)
        policy_refuse_key(run, node, "channels", codec, "1 channel");
    if (opus && !opus_rate(p->rate_hz))
        policy_refuse_key(run, node, "rate", codec, "8kHz, 12kHz, 16kHz, 24kHz or 48kHz");
    if (opus && (p->bitrate_bps > OPUS_BPS_MAX * p->channels || p->bitrate_bps % 400 != 0))
        policy_refuse_key(
            run, node, "bitrate", codec,
            "at most 256kbit/s a channel, in steps of 400bit/s (whole bytes a frame)");
    if (!opus && !telephone && p->rate_hz % 50 != 0)
        policy_refuse_key(run, node, "rate", codec, "a rate of which 20 ms are whole samples");
    else if (!opus && !telephone && p->rate_hz / 50 * 2 * p->channels > L16_FRAME_BYTES_MAX)
        policy_refuse_key(
            run, node, "rate", codec,
            "at most 30kHz mono or 15kHz stereo, so that a frame fits into a datagram");
}

void policy_check_source(struct schema_run *run, struct tree_node *node, void *record) {
    struct policy_source *s = record;
    struct tree_node *location = tree_find(node, "location");
    struct tree_node *class = tree_find(node, "class");
    if (class != NULL && class->faulty)
        return;
    if (s->class == SOURCE_CLASS_PUSH && location != NULL) {
        struct fault *x = fault_add(run->faults, location, NULL);
        fault_expected(x, "no location for a source that clients push");
        schema_found(x, location);
    } else if (s->class != SOURCE_CLASS_PUSH && location == NULL) {
        struct fault *x = fault_add(run->faults, node, "location");
        fault_expected(x, "a file or an http:// or https:// URL");
        fault_found(x, "no key `location`");
        fault_hint(x, "it is required unless the class is push");
    }
    if (s->loop && (s->class == SOURCE_CLASS_LIVE || s->class == SOURCE_CLASS_PUSH)) {
        struct fault *x = fault_add(run->faults, tree_find(node, "loop"), NULL);
        fault_expected(x, "loop only for the classes exact and seekable");
        fault_found(x, "loop: true for a source without end");
    }
    if (s->channel_since_s != 0 && s->class != SOURCE_CLASS_EXACT) {
        struct fault *x = fault_add(run->faults, tree_find(node, "channel_since"), NULL);
        fault_expected(x, "channel_since only for the class exact");
        fault_found(x, "class: %s", source_class_name(s->class));
    }
}

/* Refuses `key` unless twice its duration is at most that of `limit_key`. */
static void check_twice(struct schema_run *run, struct tree_node *node, const char *key,
                        struct duration value, const char *limit_key, struct duration limit) {
    char value_text[QUANTITY_TEXT_LEN_MAX + 1], limit_text[QUANTITY_TEXT_LEN_MAX + 1];
    struct tree_node *at = tree_find(node, key), *limit_at = tree_find(node, limit_key);
    if ((at != NULL && at->faulty) || (limit_at != NULL && limit_at->faulty) ||
        value.us * 2 <= limit.us)
        return;
    at = at != NULL ? at : limit_at;
    struct fault *x = fault_add(run->faults, at, NULL);
    fault_expected(x, "%s to fit at least twice into %s, so that one may be lost", key, limit_key);
    fault_found(x, "%s: %s and %s: %s", key,
                quantity_to_text(QUANTITY_DURATION, value.us, value_text), limit_key,
                quantity_to_text(QUANTITY_DURATION, limit.us, limit_text));
}

/* Refuses `key` if given and not on its side of `interval`. */
static void check_side(struct schema_run *run, struct tree_node *node, const char *key, bool fits,
                       const char *side, struct duration interval) {
    char text[QUANTITY_TEXT_LEN_MAX + 1];
    struct tree_node *at = tree_find(node, key), *usual = tree_find(node, "interval");
    if (at == NULL || at->faulty || fits || (usual != NULL && usual->faulty))
        return;
    struct fault *x = fault_add(run->faults, at, NULL);
    fault_expected(x, "%s %s, which is interval", side,
                   quantity_to_text(QUANTITY_DURATION, interval.us, text));
    schema_found(x, at);
}

/* A peer would be damped and taken back at once. */
static void check_flaps(struct schema_run *run, struct tree_node *node,
                        const struct policy_detection *d) {
    struct tree_node *reuse = tree_find(node, "flap_reuse"),
                     *suppress = tree_find(node, "flap_suppress");
    struct tree_node *at = reuse != NULL ? reuse : suppress;
    bool faulty = (reuse != NULL && reuse->faulty) || (suppress != NULL && suppress->faulty);
    if (at == NULL || faulty || d->flap_suppress == 0 || d->flap_reuse < d->flap_suppress)
        return;
    struct fault *x = fault_add(run->faults, at, NULL);
    fault_expected(x, "flap_reuse to be less than flap_suppress");
    fault_found(x, "flap_reuse: %u and flap_suppress: %u", (unsigned)d->flap_reuse,
                (unsigned)d->flap_suppress);
}

void policy_check_detection(struct schema_run *run, struct tree_node *node, void *record) {
    struct policy_detection *d = record;
    check_twice(run, node, "interval", d->interval, "detect_within", d->detect_within);
    check_side(run, node, "interval_min", !duration_less(d->interval, d->interval_min), "at most",
               d->interval);
    check_side(run, node, "interval_max", !duration_less(d->interval_max, d->interval), "at least",
               d->interval);
    check_flaps(run, node, d);
    struct tree_node *suspect = tree_find(node, "interval_suspect");
    struct duration least = duration_scale(d->interval, 1, POLICY_FASTER_MAX);
    bool fits = !duration_less(d->interval, d->interval_suspect) &&
                !duration_less(d->interval_suspect, least);
    if (suspect == NULL || suspect->faulty || fits)
        return;
    char from[QUANTITY_TEXT_LEN_MAX + 1], to[QUANTITY_TEXT_LEN_MAX + 1];
    struct fault *x = fault_add(run->faults, suspect, NULL);
    fault_expected(x, "a duration from %s to %s, a fifth of interval and all of it",
                   quantity_to_text(QUANTITY_DURATION, least.us, from),
                   quantity_to_text(QUANTITY_DURATION, d->interval.us, to));
    schema_found(x, suspect);
}

/* A list, or one value in its place: the first of them, and the next. */
static struct tree_node *first_of(struct tree_node *list) {
    return list == NULL || list->kind == TREE_MAPPING ? NULL
           : list->kind == TREE_SCALAR                ? list
                                                      : list->first;
}

static struct tree_node *next_of(const struct tree_node *list, const struct tree_node *at) {
    return list->kind == TREE_SCALAR ? NULL : at->next;
}

bool policy_same_prefix(const char *a, const char *b) {
    struct prefix x, y;
    return prefix_from_text(&x, a) && prefix_from_text(&y, b) && x.bits == y.bits &&
           prefix_holds(&x, &y.addr);
}

/* No name is a prefix. */
static bool same_value(const struct tree_node *a, const struct tree_node *b) {
    return a->kind == TREE_SCALAR && b->kind == TREE_SCALAR && !a->faulty && !b->faulty &&
           (strcmp(a->text, b->text) == 0 || policy_same_prefix(a->text, b->text));
}

/* Refuses what stands in both lists: one says yes to it and the other no. */
static void check_contradiction(struct schema_run *run, struct tree_node *node, const char *key,
                                const char *never_key) {
    struct tree_node *may = tree_find(node, key), *never = tree_find(node, never_key);
    for (struct tree_node *no = first_of(never); no != NULL; no = next_of(never, no))
        for (struct tree_node *yes = first_of(may); yes != NULL; yes = next_of(may, yes)) {
            if (!same_value(yes, no))
                continue;
            struct fault *x = fault_add(run->faults, no, NULL);
            fault_expected(x, "nothing that stands in `%s` as well", key);
            fault_found(x, "`%s`, which line %u has there%s", no->text, (unsigned)yes->mark.line,
                        strcmp(yes->text, no->text) == 0 ? "" : " in other words");
            break;
        }
}

void policy_check_agreement(struct schema_run *run, struct tree_node *node, void *record) {
    const struct policy_agreement *a = record;
    struct tree_node *min = schema_good(node, "asks_min"), *asks = tree_find(node, "asks");
    check_contradiction(run, node, "clients", "clients_never");
    check_contradiction(run, node, "serves", "serves_never");
    check_contradiction(run, node, "regions", "regions_never");
    if (min == NULL || a->asks_min <= a->asks || (asks != NULL && asks->faulty))
        return;
    struct fault *x = fault_add(run->faults, min, NULL);
    fault_expected(x, "asks_min to be at most asks");
    schema_found(x, min);
}

void policy_check_rule(struct schema_run *run, struct tree_node *node, void *record) {
    static const char *const keys[] = {"provider", "region", "name", "key"};
    (void)record;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (tree_find(node, keys[i]) != NULL)
            return;
    struct fault *x = fault_add(run->faults, node, NULL);
    fault_expected(x, "at least one of provider, region, name and key");
    fault_found(x, "none of them");
    fault_hint(x, "name: '*' accepts everybody");
}

void policy_check_discovery(struct schema_run *run, struct tree_node *node, void *record) {
    struct policy_discovery *d = record;
    struct tree_node *max = schema_good(node, "refresh_max"),
                     *min = schema_good(node, "refresh_min");
    struct tree_node *at = max != NULL ? max : min;
    if (at == NULL || !duration_less(d->refresh_max, d->refresh_min))
        return;
    struct fault *x = fault_add(run->faults, at, NULL);
    fault_expected(x, "refresh_max to be at least refresh_min");
    schema_found(x, at);
}

void policy_check_limits(struct schema_run *run, struct tree_node *node, void *record) {
    struct policy_limits *l = record;
    check_twice(run, node, "node_poll", l->node_poll, "node_lease", l->node_lease);
    check_twice(run, node, "session_lease", l->session_lease, "ticket_life", l->ticket_life);
}
