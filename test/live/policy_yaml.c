#include "test/live/policy_yaml.h"

#include <inttypes.h>
#include <string.h>

static void put_duration(FILE *out, const char *key, struct duration d) {
    if (d.us % 1000000 == 0)
        fprintf(out, "  %s: %" PRId64 "s\n", key, d.us / 1000000);
    else
        fprintf(out, "  %s: %" PRId64 "ms\n", key, d.us / 1000);
}

static void put_text(FILE *out, const char *key, const char *text) {
    if (text[0] != '\0')
        fprintf(out, "  %s: \"%s\"\n", key, text);
}

static void put_listen(FILE *out, const char *key, const struct policy_listen *l) {
    char text[ADDR_TEXT_LEN_MAX + 1];
    fprintf(out, "%s:\n  bind: \"%s\"\n", key, addr_to_text(&l->bind, text));
    put_text(out, "advertise", l->advertise.text);
}

static void put_cluster(FILE *out, const struct policy_cluster *c) {
    fprintf(out, "cluster:\n  name: %s\n", c->name.text);
    put_text(out, "provider", c->provider.text);
    put_text(out, "region", c->region.text);
    put_text(out, "upstream", c->upstream.text);
    if (c->placed)
        fprintf(out, "  place: {latitude: %.4f, longitude: %.4f}\n", c->latitude_deg,
                c->longitude_deg);
    put_text(out, "key_file", c->key_file.text);
}

/* As quoted text, whichever family. */
static void put_prefix(FILE *out, const struct prefix *x) {
    char text[ADDR_TEXT_LEN_MAX + 1];
    if (x->addr.family == 4)
        fprintf(out, "\"%u.%u.%u.%u/%u\"", x->addr.ip[0], x->addr.ip[1], x->addr.ip[2],
                x->addr.ip[3], x->bits);
    else
        fprintf(out, "\"%s/%u\"", addr_to_text(&x->addr, text), x->bits);
}

static void put_doors(FILE *out, const struct policy *p) {
    const struct policy_client_listen *c = &p->client_listen;
    put_listen(out, "beats", &p->beats);
    put_listen(out, "peer_listen", &p->peer_listen);
    if (c->listen.bind.family == 0)
        return;
    put_listen(out, "client_listen", &c->listen);
    fprintf(out, "  plain_http: %s\n", c->plain_http ? "true" : "false");
    put_text(out, "tls_cert", c->tls_cert.text);
    put_text(out, "tls_key", c->tls_key.text);
    put_text(out, "viewers_token_file", c->viewers_token_file.text);
    for (uint32_t i = 0; i < c->viewer_count; i++) {
        fputs(i == 0 ? "  viewers: [" : ", ", out);
        put_prefix(out, &c->viewers[i]);
    }
    fputs(c->viewer_count > 0 ? "]\n" : "", out);
}

static void put_nodes_and_peers(FILE *out, const struct policy *p) {
    char key[KEY_PUBLIC_TEXT_LEN + 1];
    fputs(p->node_count > 0 ? "nodes:\n" : "", out);
    for (uint32_t i = 0; i < p->node_count; i++) {
        public_key_to_text(&p->nodes[i].key, key);
        fprintf(out, "  - {name: %s, key: %s}\n", p->nodes[i].name.text, key);
    }
    fputs(p->peer_count > 0 ? "peers:\n" : "", out);
    for (uint32_t i = 0; i < p->peer_count; i++) {
        const struct policy_peer *x = &p->peers[i];
        public_key_to_text(&x->key, key);
        fprintf(out,
                "  - name: %s\n    key: %s\n    beats: \"%s\"\n    control: \"%s\"\n"
                "    accept_moves: %s\n    offer_moves: %s\n    reserved_slots: %" PRIu32 "\n",
                x->name.text, key, x->beats.text, x->control.text,
                x->accept_moves ? "true" : "false", x->offer_moves ? "true" : "false",
                x->reserved_slots);
        if (x->wish.detect_within.us > 0)
            put_duration(out, "  detect_within", x->wish.detect_within);
        if (x->wish.false_alarm_every.us > 0)
            put_duration(out, "  false_alarm_every", x->wish.false_alarm_every);
    }
}

static void put_profile(FILE *out, const struct policy_profile *p) {
    fprintf(out,
            "  - name: %s\n    codec: %s\n    rate: %" PRIu32 "Hz\n    channels: %" PRIu32
            "\n    preroll_frames: %" PRIu32 "\n",
            p->name.text, p->codec.text, p->rate_hz, p->channels, p->preroll_frames);
    if (p->bitrate_bps > 0)
        fprintf(out, "    bitrate: %" PRIu32 "bit/s\n    complexity: %" PRIu32 "\n", p->bitrate_bps,
                p->complexity);
}

static void put_names(FILE *out, const char *key, const struct name *names, uint32_t count) {
    fprintf(out, "    %s: [", key);
    for (uint32_t i = 0; i < count; i++)
        fprintf(out, "%s%s", i > 0 ? ", " : "", names[i].text);
    fputs("]\n", out);
}

static void put_offers(FILE *out, const struct policy *p) {
    fputs("profiles:\n", out);
    for (uint32_t i = 0; i < p->profile_count; i++)
        put_profile(out, &p->profiles[i]);
    fputs("sources:\n", out);
    for (uint32_t i = 0; i < p->source_count; i++) {
        const struct policy_source *s = &p->sources[i];
        fprintf(out, "  - {name: %s, class: %s, loop: %s, location: \"%s\"}\n", s->name.text,
                source_class_name(s->class), s->loop ? "true" : "false", s->location.text);
    }
    fputs("services:\n", out);
    for (uint32_t i = 0; i < p->service_count; i++) {
        const struct policy_service *s = &p->services[i];
        fprintf(out,
                "  - name: %s\n    capacity: %" PRIu32 "\n    priority: %" PRIu32 "\n    hot: %s\n",
                s->name.text, s->capacity, s->priority, s->hot ? "true" : "false");
        put_names(out, "profiles", s->profiles, s->profile_count);
        if (s->source_count > 0)
            put_names(out, "sources", s->sources, s->source_count);
    }
}

static void put_grants(FILE *out, const struct policy *p) {
    fputs(p->grant_count > 0 ? "grants:\n" : "", out);
    for (uint32_t i = 0; i < p->grant_count; i++) {
        const struct policy_grant *g = &p->grants[i];
        if (g->by_token) {
            fprintf(out, "  - token_file: %s\n", g->token_file.text);
            continue;
        }
        fputs("  - prefix: ", out);
        put_prefix(out, &g->prefix);
        fputc('\n', out);
    }
}

/* What was left to peerd (zero, or made by hand) is left to it here, too. */
static void put_detection(FILE *out, const struct policy_detection *d) {
    fputs("detection:\n", out);
    put_duration(out, "detect_within", d->detect_within);
    put_duration(out, "false_alarm_every", d->false_alarm_every);
    put_duration(out, "interval", d->interval);
    if (d->interval_min.us > 0)
        put_duration(out, "interval_min", d->interval_min);
    if (d->interval_max.us > 0)
        put_duration(out, "interval_max", d->interval_max);
    if (d->interval_suspect.us > 0)
        put_duration(out, "interval_suspect", d->interval_suspect);
    if (d->flap_half_life.us == 0)
        return;
    put_duration(out, "flap_half_life", d->flap_half_life);
    fprintf(out, "  flap_suppress: %" PRIu32 "\n  flap_reuse: %" PRIu32 "\n", d->flap_suppress,
            d->flap_reuse);
}

static void put_limits(FILE *out, const struct policy *p) {
    const struct policy_limits *l = &p->limits;
    put_detection(out, &p->detection);
    fprintf(out, "limits:\n  sessions_max: %" PRIu32 "\n  opens_per_s: %" PRIu32 "\n",
            l->sessions_max, l->opens_per_s);
    put_duration(out, "session_lease", l->session_lease);
    put_duration(out, "credit_lease", l->credit_lease);
    put_duration(out, "ticket_life", l->ticket_life);
    put_duration(out, "clock_skew", l->clock_skew);
    put_duration(out, "node_lease", l->node_lease);
    put_duration(out, "node_poll", l->node_poll);
    put_duration(out, "drain_deadline", l->drain_deadline);
    fprintf(out,
            "  drain_per_s: %" PRIu32 "\n  hedge_max: %" PRIu32 "ms\n  hedges_per_minute: %" PRIu32
            "\n  probes_per_s: %" PRIu32 "\n  hot_standbys: %" PRIu32 "\n",
            l->drain_per_s, l->hedge_ms_max, l->hedges_per_minute, l->probes_per_s,
            l->hot_standbys);
    fprintf(out, "  return: %s\n  return_per_s: %" PRIu32 "\n",
            l->homing == POLICY_RETURN_NEVER    ? "never"
            : l->homing == POLICY_RETURN_ALWAYS ? "always"
                                                : "when_better",
            l->return_per_s);
    put_duration(out, "return_after", l->return_after);
    fprintf(out, "  moves_per_minute: %" PRIu32 "\n", l->moves_per_minute);
    fprintf(out, "  redirect: %s\n",
            l->redirect == POLICY_REDIRECT_NEVER       ? "never"
            : l->redirect == POLICY_REDIRECT_WHEN_FULL ? "when_full"
                                                       : "when_better");
}

static void put_performance(FILE *out, const struct policy_performance *p) {
    fprintf(out, "performance:\n  locations_max: %" PRIu32 "\n  tell: %s\n", p->locations_max,
            p->tell ? "true" : "false");
    fprintf(out, "  tell_ipv4_bits: %" PRIu32 "\n  tell_ipv6_bits: %" PRIu32 "\n",
            p->tell_ipv4_bits, p->tell_ipv6_bits);
    fprintf(out, "  tell_clients_min: %" PRIu32 "\n  tell_bytes_per_s: %" PRIu32 "\n",
            p->tell_clients_min, p->tell_bytes_per_s);
    fprintf(out, "  degraded_drop: %" PRIu32 "\n  degraded_clients_min: %" PRIu32 "\n",
            p->degraded_drop, p->degraded_clients_min);
    put_duration(out, "degraded_hold", p->degraded_hold);
    fprintf(out, "  canary: %" PRIu32 "\n", p->canary);
    fprintf(out, "  coordinates: %s\n", p->coordinates ? "true" : "false");
    fprintf(out, "  probing: %s\n", p->probing ? "true" : "false");
}

static void put_prefix_list(FILE *out, const char *key, const struct policy_prefixes *p) {
    char text[ADDR_TEXT_LEN_MAX + 1];
    for (uint32_t i = 0; i < p->count; i++) {
        const struct prefix *x = &p->list[i];
        if (i == 0)
            fprintf(out, "    %s:\n", key);
        if (x->addr.family == 4)
            fprintf(out, "      - %u.%u.%u.%u/%u\n", x->addr.ip[0], x->addr.ip[1], x->addr.ip[2],
                    x->addr.ip[3], x->bits);
        else
            fprintf(out, "      - \"%s/%u\"\n", addr_to_text(&x->addr, text), x->bits);
    }
}

static void put_agreement(FILE *out, const struct policy_agreement *a) {
    fprintf(out,
            "  - name: \"%s\"\n    asks: %" PRIu32 "\n    asks_min: %" PRIu32 "\n    cost: %" PRIu32
            "\n    cost_max: %" PRIu32 "\n    lease: %" PRId64 "ms\n",
            a->pattern, a->asks, a->asks_min, a->cost, a->cost_max, duration_in_ms(a->lease));
    fprintf(out, "    hot_standbys: %" PRIu32 "\n", a->hot_standbys);
    if (a->service_count > 0)
        put_names(out, "services", a->services, a->service_count);
    if (a->region_count > 0)
        put_names(out, "regions", a->regions, a->region_count);
    if (a->region_never_count > 0)
        put_names(out, "regions_never", a->regions_never, a->region_never_count);
    for (uint32_t i = 0; i < a->class_count; i++)
        fprintf(out, "%s%" PRIu32, i == 0 ? "    classes: [" : ", ", a->classes[i]);
    fputs(a->class_count > 0 ? "]\n" : "", out);
    put_prefix_list(out, "clients", &a->clients);
    put_prefix_list(out, "clients_never", &a->clients_never);
    put_prefix_list(out, "serves", &a->serves);
    put_prefix_list(out, "serves_never", &a->serves_never);
}

static void put_agreements(FILE *out, const struct policy *p) {
    fputs(p->agreement_count > 0 ? "agreements:\n" : "", out);
    for (uint32_t i = 0; i < p->agreement_count; i++)
        put_agreement(out, &p->agreements[i]);
}

static void put_rule(FILE *out, const struct policy_rule *r) {
    static const struct public_key any;
    char key[KEY_PUBLIC_TEXT_LEN + 1];
    fprintf(
        out, "    - accept_moves: %s\n      offer_moves: %s\n      reserved_slots: %" PRIu32 "\n",
        r->accept_moves ? "true" : "false", r->offer_moves ? "true" : "false", r->reserved_slots);
    put_text(out, "    provider", r->provider.text);
    put_text(out, "    region", r->region.text);
    put_text(out, "    name", r->pattern);
    if (memcmp(&r->key, &any, sizeof(any)) != 0)
        put_text(out, "    key", (public_key_to_text(&r->key, key), key));
}

static void put_discovery(FILE *out, const struct policy_discovery *d) {
    fputs("discovery:\n", out);
    for (uint32_t i = 0; i < d->dns_count; i++)
        fprintf(out, "%s%s", i == 0 ? "  dns: [" : ", ", d->dns[i].text);
    fputs(d->dns_count > 0 ? "]\n" : "", out);
    fprintf(out, "  introduction: %s\n  peers_max: %" PRIu32 "\n",
            d->introduction ? "true" : "false", d->peers_max);
    put_duration(out, "refresh_min", d->refresh_min);
    put_duration(out, "refresh_max", d->refresh_max);
    put_duration(out, "keep", d->keep);
    fputs("  accept:\n", out);
    for (uint32_t i = 0; i < d->accept_count; i++)
        put_rule(out, &d->accept[i]);
}

void policy_yaml_write(FILE *out, const struct policy *p) {
    char text[ADDR_TEXT_LEN_MAX + 1];
    put_cluster(out, &p->cluster);
    put_doors(out, p);
    put_nodes_and_peers(out, p);
    put_offers(out, p);
    put_grants(out, p);
    put_limits(out, p);
    put_agreements(out, p);
    if (p->performance.locations_max > 0)
        put_performance(out, &p->performance);
    else
        fprintf(out, "performance: {locations_max: 0}\n");
    if (policy_finds(p))
        put_discovery(out, &p->discovery);
    if (p->dns_server.family != 0)
        fprintf(out, "dns_server: \"%s\"\n", addr_to_text(&p->dns_server, text));
}
