#include "peerd/sim/scenario_text_private.h"

#include "peerd/policy/quantity.h"

/* What a scenario says, for people. */

void put_duration(struct text *t, struct duration d) {
    char text[QUANTITY_TEXT_LEN_MAX + 1];
    text_putf(t, "%s", quantity_to_text(QUANTITY_DURATION, d.us, text));
}

void put_when(struct text *t, const struct scenario_when *w) {
    put_duration(t, w->from);
    if (duration_less(w->from, w->to)) {
        text_putf(t, "..");
        put_duration(t, w->to);
    }
}

void put_names(struct text *t, const struct name *names, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        text_putf(t, "%s%s", i > 0 ? ", " : "", names[i].text);
}

static void put_stay(struct text *t, const struct scenario_clients *g) {
    text_putf(t, g->waits ? ", waiting" : ", from ");
    if (!g->waits)
        put_when(t, &g->start);
    if (g->leaves) {
        text_putf(t, " to ");
        put_when(t, &g->leave);
    }
    if (g->protection != PROTECTION_WARM)
        text_putf(t, ", %s", g->protection == PROTECTION_COLD ? "cold" : "hot");
    if (g->placed)
        text_putf(t, ", placed at %.2f %.2f", g->latitude_deg, g->longitude_deg);
    if (g->access_given) {
        text_putf(t, ", last mile ");
        put_duration(t, g->access.delay);
        put_quality(t, &g->access);
    }
    text_putf(t, "\n");
}

/* ---- what is not as it would be by itself ---- */

static void put_detection(struct text *t, const struct policy_detection *d) {
    text_putf(t, "detected within ");
    put_duration(t, d->detect_within);
    text_putf(t, ", beats every ");
    put_duration(t, d->interval);
}

static void put_wish(struct text *t, const struct scenario_wish *w) {
    text_putf(t, "  wish      of %s at %s:", w->of_name.text,
              w->at == SCENARIO_ALL ? "all" : w->at_name.text);
    if (w->wish.detect_within.us > 0) {
        text_putf(t, " detected within ");
        put_duration(t, w->wish.detect_within);
    }
    if (w->wish.false_alarm_every.us > 0) {
        text_putf(t, "%s a false alarm every ", w->wish.detect_within.us > 0 ? "," : "");
        put_duration(t, w->wish.false_alarm_every);
    }
    text_putf(t, "\n");
}

/* The limits that decide what a scenario shows; the rest is as in a policy. */
static void put_limits(struct text *t, const struct policy_limits *l) {
    text_putf(t, "leases: session ");
    put_duration(t, l->session_lease);
    text_putf(t, ", credit ");
    put_duration(t, l->credit_lease);
    text_putf(t, ", node ");
    put_duration(t, l->node_lease);
    text_putf(t, "; drain deadline ");
    put_duration(t, l->drain_deadline);
    text_putf(t, "; a second: %u opens, %u drained; a minute: %u moves to fare better",
              (unsigned)l->opens_per_s, (unsigned)l->drain_per_s, (unsigned)l->moves_per_minute);
    if (l->redirect != POLICY_REDIRECT_NEVER)
        text_putf(t, "; new sessions begin at a peer if %s",
                  l->redirect == POLICY_REDIRECT_WHEN_FULL ? "there is no room"
                                                           : "that is better, or there is no room");
    if (l->homing == POLICY_RETURN_NEVER)
        return;
    text_putf(t, "; %u sent home%s after ", (unsigned)l->return_per_s,
              l->homing == POLICY_RETURN_ALWAYS ? "" : " if that is better");
    put_duration(t, l->return_after);
}

static void put_performance(struct text *t, const struct policy_performance *p) {
    text_putf(t, "  fares     of %u locations; worse: %u of R, with %u clients, %u go first; ",
              (unsigned)p->locations_max, (unsigned)p->degraded_drop,
              (unsigned)p->degraded_clients_min, (unsigned)p->canary);
    if (p->tell)
        text_putf(t, "peers told of /%u and /%u with %u clients, %u bytes/s\n",
                  (unsigned)p->tell_ipv4_bits, (unsigned)p->tell_ipv6_bits,
                  (unsigned)p->tell_clients_min, (unsigned)p->tell_bytes_per_s);
    else
        text_putf(t, "peers are not told\n");
    if (!p->coordinates)
        text_putf(t, "            without coordinates\n");
    if (!p->probing)
        text_putf(t, "            clients probe nobody\n");
}

static void put_discovery(struct text *t, const struct scenario_discovery *d) {
    text_putf(t, "  discovery by DNS alone: records live ");
    put_duration(t, d->ttl);
    text_putf(t, ", whom no answer names any more is kept ");
    put_duration(t, d->keep);
    text_putf(t, "\n");
}

static void put_row(struct text *t, const struct scenario_cluster *c) {
    text_putf(t, "  cluster   %s%s: %u x %u workers", c->identity.name.text,
              c->count > 1 ? ", …" : "", (unsigned)c->nodes, (unsigned)c->workers);
    if (c->capacity > 0)
        text_putf(t, ", capacity %u", (unsigned)c->capacity);
    if (c->makers > 0)
        text_putf(t, ", %u makers of streams", (unsigned)c->makers);
    if (c->frame_cpu.us > 0)
        text_putf(t, ", %d us of CPU a frame", (int)c->frame_cpu.us);
    if (c->reserved_slots > 0)
        text_putf(t, ", %u reserved for each peer", (unsigned)c->reserved_slots);
    if (!name_equal(&c->identity.region, &c->identity.name))
        text_putf(t, ", region %s", c->identity.region.text);
    if (!name_equal(&c->identity.provider, &c->identity.name))
        text_putf(t, ", provider %s", c->identity.provider.text);
    if (c->identity.placed)
        text_putf(t, ", at %.2f %.2f", c->identity.latitude_deg, c->identity.longitude_deg);
    if (c->nearest > 0)
        text_putf(t, ", peers: the %u nearest", (unsigned)c->nearest);
    else if (c->chooses > 0)
        text_putf(t, ", peers: %u whom it chooses", (unsigned)c->chooses);
    else if (c->peer_count > 0)
        text_putf(t, ", peers: ");
    for (uint32_t i = 0; i < c->peer_count && c->nearest == 0 && c->chooses == 0; i++)
        text_putf(t, "%s%s", i > 0 ? ", " : "", c->peers[i].text);
    if (c->lies.says != SCENARIO_LIE_NONE)
        text_putf(t, ", says falsely that it %s %s",
                  c->lies.says == SCENARIO_LIE_HEARS ? "hears" : "misses", c->lies.name.text);
    text_putf(t, "\n");
    if (c->detection_given) {
        text_putf(t, "              ");
        put_detection(t, &c->detection);
        text_putf(t, "\n");
    }
    if (c->limits_given) {
        text_putf(t, "              ");
        put_limits(t, &c->limits);
        text_putf(t, "\n");
    }
}

static void put_choice(struct text *t, const struct scenario_choice *c) {
    text_putf(
        t, "  chosen    %u clusters know each other and have %u to %u peers each, %.1f as a rule\n",
        (unsigned)c->clusters, (unsigned)c->peers_min, (unsigned)c->peers_max,
        (double)c->peers / c->clusters);
    text_putf(
        t,
        "            of %u locations %u have two backups that fall neither with their cluster "
        "nor together, %u others two that may\n",
        (unsigned)c->locations, (unsigned)c->covered, (unsigned)c->weak);
}

static void put_settings(struct text *t, const struct scenario *s) {
    text_putf(t, "  detection ");
    put_detection(t, &s->detection);
    text_putf(t, "\n  limits    ");
    put_limits(t, &s->limits);
    text_putf(t, "\n");
    if (s->performance.locations_max > 0)
        put_performance(t, &s->performance);
    if (s->discovery.given)
        put_discovery(t, &s->discovery);
    if (s->choice.clusters > 0)
        put_choice(t, &s->choice);
    for (uint32_t i = 0; i < s->agreement_count; i++)
        text_putf(t, "  agreement with %s, required by %s: %u asked, %u at least\n",
                  s->agreements[i].terms.pattern,
                  s->agreements[i].at == SCENARIO_ALL ? "all" : s->agreements[i].name.text,
                  (unsigned)s->agreements[i].terms.asks, (unsigned)s->agreements[i].terms.asks_min);
    for (uint32_t i = 0; i < s->wish_count; i++)
        put_wish(t, &s->wishes[i]);
    for (uint32_t i = 0; i < s->stream_count; i++)
        text_putf(t, "  stream    %s: %d ms of CPU for a second\n", s->streams[i].name.text,
                  (int)duration_in_ms(s->streams[i].media_cpu));
    for (uint32_t i = 0; i < s->service_count; i++)
        text_putf(t, "  service   %s: capacity %u\n", s->services[i].name.text,
                  (unsigned)s->services[i].capacity);
    for (uint32_t i = 0; i < s->cluster_count; i++)
        if (i == 0 || s->clusters[i].row != s->clusters[i - 1].row)
            put_row(t, &s->clusters[i]);
    for (uint32_t i = 0; i < s->link_count; i++) {
        text_putf(t, "  link      ");
        put_link(t, &s->links[i]);
        text_putf(t, "\n");
    }
}

/* Those of one row as `eu1..eu50`. */
static void put_clusters(struct text *t, const struct scenario *s) {
    for (uint32_t i = 0, last; i < s->cluster_count; i = last + 1) {
        for (last = i; last + 1 < s->cluster_count && s->clusters[i].count > 0 &&
                       s->clusters[last + 1].row == s->clusters[i].row;)
            last++;
        text_putf(t, "%s%s", i > 0 ? ", " : "", s->clusters[i].identity.name.text);
        if (last > i)
            text_putf(t, "..%s", s->clusters[last].identity.name.text);
    }
    text_putf(t, "\n");
    if (s->matrix.file[0] != '\0')
        text_putf(t, "  rtts      of %s\n", s->matrix.file);
}

static void put_clients(struct text *t, const struct scenario *s) {
    for (uint32_t i = 0; i < s->client_group_count; i++) {
        const struct scenario_clients *g = &s->clients[i];
        text_putf(t, "  clients   %u x %s: ", (unsigned)g->count, g->name.text);
        if (name_is_empty(&g->stream))
            text_putf(t, "%s %s of %s, buffer ", g->service.text, g->profile.text, g->source.text);
        else
            text_putf(t, "players of %s, buffer ", g->stream.text);
        put_duration(t, g->buffer);
        text_putf(t, ", at ");
        for (uint32_t k = 0; k < g->open_at_count && !g->open_at_nearest; k++)
            text_putf(t, "%s%s", k > 0 ? ", " : "", g->open_at_names[k].text);
        text_putf(t, "%s%s",
                  g->open_at_nearest      ? "the nearest"
                  : g->open_at_count == 0 ? "all"
                                          : "",
                  g->spread ? " in turn" : "");
        if (!name_is_empty(&g->network))
            text_putf(t, ", in %s", g->network.text);
        if (g->lies.lie.says != SCENARIO_LIE_NONE) {
            text_putf(t, ", say from ");
            put_duration(t, g->lies.from);
            text_putf(t, " on that they %s %s",
                      g->lies.lie.says == SCENARIO_LIE_HEARS ? "hear" : "miss",
                      g->lies.lie.name.text);
        }
        put_stay(t, g);
    }
}

static void put_curve(struct text *t, const struct scenario_curve *c) {
    if (c->count == 0)
        return;
    text_putf(t, "  curve     of many runs, with detect_within");
    for (uint32_t i = 0; i < c->count; i++) {
        text_putf(t, i == 0 ? " " : ", ");
        put_duration(t, c->detect_within[i]);
    }
    if (c->rarer_min > 0)
        text_putf(t, "; wrong moves %u times rarer than wrong suspicions", (unsigned)c->rarer_min);
    text_putf(t, "\n");
}

size_t scenario_describe(const struct scenario *s, char *out, size_t size) {
    struct text t = text_over(out, size);
    text_putf(&t, "%s%s%s\n  lasts     ", s->name.text, s->description[0] != '\0' ? ": " : "",
              s->description);
    put_duration(&t, s->duration);
    if (s->seed_given)
        text_putf(&t, ", seed %llu", (unsigned long long)s->seed);
    text_putf(&t, "\n  clusters  ");
    put_clusters(&t, s);
    put_settings(&t, s);
    put_clients(&t, s);
    for (uint32_t i = 0; i < s->event_count; i++) {
        text_putf(&t, "  at ");
        put_when(&t, &s->events[i].at);
        text_putf(&t, ": ");
        put_event(&t, &s->events[i]);
        text_putf(&t, "\n");
    }
    put_expectations(&t, &s->expectations);
    put_curve(&t, &s->curve);
    return t.len;
}
