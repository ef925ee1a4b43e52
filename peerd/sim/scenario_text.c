#include "peerd/sim/scenario.h"

#include "peerd/policy/quantity.h"
#include "peerd/policy/text.h"
#include "peerd/sim/scenario_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PPM 1000000u

/* What a scenario says, for people. */

static void put_duration(struct text *t, struct duration d) {
    char text[QUANTITY_TEXT_LEN_MAX + 1];
    text_putf(t, "%s", quantity_to_text(QUANTITY_DURATION, d.us, text));
}

static void put_when(struct text *t, const struct scenario_when *w) {
    put_duration(t, w->from);
    if (duration_less(w->from, w->to)) {
        text_putf(t, "..");
        put_duration(t, w->to);
    }
}

static void put_ends(struct text *t, const struct scenario_end *ends, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        text_putf(t, "%s%s", i > 0 ? ", " : "", ends[i].name.text);
}

static void put_percent(struct text *t, const char *what, uint32_t ppm) {
    char text[QUANTITY_TEXT_LEN_MAX + 1];
    if (ppm > 0)
        text_putf(t, ", %s %s", what, quantity_to_text(QUANTITY_PERCENT, ppm, text));
}

/* The mean length with as few digits as give the same chain when they are read. */
static void put_mean_length(struct text *t, uint32_t leave_ppm) {
    char text[32];
    for (int decimals = 0; decimals <= 6; decimals++) {
        snprintf(text, sizeof(text), "%.*f", decimals, (double)PPM / leave_ppm);
        if (scenario_burst_leave_ppm(strtod(text, NULL)) == leave_ppm)
            break;
    }
    text_putf(t, "%s", text);
}

/* The share that such bursts lose, likewise; UINT32_MAX: it cannot be said so. */
static uint32_t share_lost(const struct path_bursts *b) {
    uint64_t both = (uint64_t)b->enter_ppm + b->leave_ppm;
    for (uint32_t step = 10000; step > 0; step /= 10) {
        uint64_t lost = ((uint64_t)b->enter_ppm * PPM / step + both / 2) / both * step;
        if (scenario_burst_enter_ppm(b->leave_ppm, (uint32_t)lost) == b->enter_ppm)
            return (uint32_t)lost;
    }
    return UINT32_MAX;
}

static void put_chance(struct text *t, const char *what, uint32_t ppm) {
    char text[QUANTITY_TEXT_LEN_MAX + 1];
    text_putf(t, "%s %s", what, quantity_to_text(QUANTITY_PERCENT, ppm, text));
}

/* Bursts by what one would measure, share lost and mean length, if that says it all. */
static void put_bursts(struct text *t, const struct path_bursts *b) {
    char text[QUANTITY_TEXT_LEN_MAX + 1];
    if (b->enter_ppm == 0 && b->loss_good_ppm == 0)
        return;
    bool plain =
        b->enter_ppm > 0 && b->leave_ppm > 0 && b->loss_bad_ppm == PPM && b->loss_good_ppm == 0;
    uint32_t lost = plain ? share_lost(b) : UINT32_MAX;
    if (lost < PPM) {
        text_putf(t, ", %s lost in bursts of ", quantity_to_text(QUANTITY_PERCENT, lost, text));
        put_mean_length(t, b->leave_ppm);
        return;
    }
    put_chance(t, ", bad times: begun by", b->enter_ppm);
    put_chance(t, " of packets, ended by", b->leave_ppm);
    put_chance(t, ", losing", b->loss_bad_ppm);
    put_chance(t, ", else", b->loss_good_ppm);
}

static void put_quality(struct text *t, const struct path_quality *q) {
    char text[QUANTITY_TEXT_LEN_MAX + 1];
    if (q->jitter.us > 0) {
        text_putf(t, ", jitter ");
        put_duration(t, q->jitter);
    }
    put_percent(t, "loss", q->loss_ppm);
    put_bursts(t, &q->bursts);
    if (q->outages.every.us > 0) {
        text_putf(t, ", outages every ");
        put_duration(t, q->outages.every);
    }
    if (q->rate_bps > 0)
        text_putf(t, ", rate %s", quantity_to_text(QUANTITY_BITRATE, (int64_t)q->rate_bps, text));
    put_percent(t, "reordered", q->reorder_ppm);
    put_percent(t, "twice", q->duplicate_ppm);
    put_percent(t, "replayed", q->replay_ppm);
}

static void put_link(struct text *t, const struct scenario_link *l) {
    bool all = l->ends[0].index == SCENARIO_ALL && l->ends[1].index == SCENARIO_ALL;
    text_putf(t, "%s%s%s: ", l->ends[0].name.text,
              all          ? ""
              : l->one_way ? " to "
                           : " and ",
              all ? "" : l->ends[1].name.text);
    if (l->rtt_given) {
        text_putf(t, "rtt ");
        put_duration(t, l->rtt);
    } else {
        text_putf(t, "its rtt");
    }
    put_quality(t, &l->quality);
}

static void put_target(struct text *t, const struct scenario_target *target) {
    if (target->region || target->provider) {
        text_putf(t, "%s %s", target->region ? "region" : "provider", target->name.text);
        return;
    }
    text_putf(t, "%s ", scenario_part_name(target->part));
    if (target->part == SCENARIO_PART_NODE || target->part == SCENARIO_PART_WORKER)
        text_putf(t, "%u of ", (unsigned)target->number);
    text_putf(t, "%s", target->name.text);
}

static void put_clock(struct text *t, const struct scenario_event *e) {
    put_target(t, &e->target);
    if (e->clock.step_us != 0) {
        text_putf(t, e->clock.step_us > 0 ? " forward " : " back ");
        put_duration(t, duration_us(e->clock.step_us > 0 ? e->clock.step_us : -e->clock.step_us));
    }
    if (e->clock.drifts)
        text_putf(t, " drifts %+d ppm", (int)e->clock.drift_ppm);
}

static void put_dns(struct text *t, const struct scenario_event *e) {
    static const char *const does[] = {[SCENARIO_RESOLVER_ANSWERS] = "answers",
                                       [SCENARIO_RESOLVER_FAILS] = "fails",
                                       [SCENARIO_RESOLVER_SILENT] = "is silent",
                                       [SCENARIO_RESOLVER_FORGETS] = "forgets",
                                       [SCENARIO_RESOLVER_LIES] = "lies"};
    put_target(t, &e->target);
    text_putf(t, " %s", does[e->resolver]);
}

static void put_changed(struct text *t, const char *what, uint32_t value) {
    if (value != UINT32_MAX)
        text_putf(t, ", %s %u", what, (unsigned)value);
}

static void put_change(struct text *t, const struct scenario_event *e) {
    const struct scenario_change *c = &e->change;
    put_target(t, &e->target);
    size_t before = t->len;
    put_changed(t, "nodes", c->nodes);
    put_changed(t, "peers", c->peers);
    put_changed(t, "capacity", c->capacity);
    put_changed(t, "reserved slots", c->reserved_slots);
    put_changed(t, "opens a second", c->opens_per_s);
    put_changed(t, "drains a second", c->drain_per_s);
    if (t->len == before)
        text_putf(t, " as at the start");
}

static void put_crowd(struct text *t, const struct scenario_crowd *c) {
    if (c->count == UINT32_MAX)
        text_putf(t, "all of %s", c->name.text);
    else
        text_putf(t, "%u of %s", (unsigned)c->count, c->name.text);
    if (c->spread.us > 0) {
        text_putf(t, " over ");
        put_duration(t, c->spread);
    }
    text_putf(t, "%s", c->vanish ? ", without a word" : "");
}

static void put_event(struct text *t, const struct scenario_event *e) {
    text_putf(t, "%s ", scenario_verb_name(e->verb));
    switch (e->verb) {
    case SCENARIO_VERB_KILL:
    case SCENARIO_VERB_RESTART:
    case SCENARIO_VERB_STOP:
    case SCENARIO_VERB_CONTINUE:
    case SCENARIO_VERB_SLOW:
    case SCENARIO_VERB_DRAIN:
    case SCENARIO_VERB_UNDRAIN:
    case SCENARIO_VERB_REKEY:
    case SCENARIO_VERB_BLACKHOLE:
        put_target(t, &e->target);
        text_putf(t, "%s", e->blackhole ? ", blackholed" : "");
        if (e->frame.us > 0 || e->deadline.us > 0) {
            text_putf(t, e->frame.us > 0 ? ", each frame " : " within ");
            put_duration(t, e->frame.us > 0 ? e->frame : e->deadline);
        }
        break;
    case SCENARIO_VERB_PARTITION:
    case SCENARIO_VERB_HEAL:
        put_ends(t, e->cut.from, e->cut.from_count);
        text_putf(t, e->cut.from_count == 0 ? "all" : e->cut.one_way ? " to " : " from ");
        put_ends(t, e->cut.to, e->cut.to_count);
        break;
    case SCENARIO_VERB_LINK:
        put_link(t, &e->link);
        break;
    case SCENARIO_VERB_ARRIVE:
    case SCENARIO_VERB_LEAVE:
        put_crowd(t, &e->crowd);
        break;
    case SCENARIO_VERB_MOVE:
        text_putf(t, "%s-%u to %s", e->move.name.text, (unsigned)e->move.number + 1,
                  e->move.to_name.text);
        break;
    case SCENARIO_VERB_CLOCK:
        put_clock(t, e);
        break;
    case SCENARIO_VERB_POLICY:
        put_change(t, e);
        break;
    case SCENARIO_VERB_DNS:
        put_dns(t, e);
        break;
    case SCENARIO_VERB_COUNT:
        break;
    }
}

const char *scenario_event_text(const struct scenario *s, const struct scenario_event *e, char *out,
                                size_t size) {
    struct text t = text_over(out, size);
    (void)s;
    put_event(&t, e);
    return out;
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
        text_putf(t, "  clients   %u x %s: %s %s of %s, buffer ", (unsigned)g->count, g->name.text,
                  g->service.text, g->profile.text, g->source.text);
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

static void put_names(struct text *t, const struct name *names, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        text_putf(t, "%s%s", i > 0 ? ", " : "", names[i].text);
}

static void put_verdict(struct text *t, const struct scenario_verdict *v) {
    text_putf(t, "  expects   %s%s of %s ",
              v->never ? "never "
              : v->may ? "perhaps "
                       : "",
              v->verdict.text, v->of.text);
    if (name_is_empty(&v->location)) {
        text_putf(t, "by ");
        put_names(t, v->by_names, v->by_count);
        text_putf(t, "%s", v->by_count == 0 ? "anybody" : "");
    } else {
        text_putf(t, "for %s by itself", v->location.text);
    }
    if (v->from.us > 0) {
        text_putf(t, ", from ");
        put_duration(t, v->from);
    }
    if (v->until.us < DURATION_ENDLESS.us) {
        text_putf(t, ", until ");
        put_duration(t, v->until);
    }
    text_putf(t, "\n");
}

static void put_hearing(struct text *t, const struct scenario_hearing *h) {
    const char *joint = ":"; /* before what comes next */
    text_putf(t, "  expects   of %s", h->of.text);
    if (h->frames_lost_max_given) {
        text_putf(t, "%s at most %u frames lost", joint, (unsigned)h->frames_lost_max);
        joint = ";";
    }
    if (h->gap_max_given) {
        text_putf(t, "%s no gap over ", joint);
        put_duration(t, h->gap_max);
        joint = ";";
    }
    if (h->all_served_by_given) {
        text_putf(t, "%s served from ", joint);
        put_duration(t, h->all_served_by);
        joint = ";";
    }
    if (h->served_at_end_count > 0) {
        text_putf(t, "%s at the end at ", joint);
        put_names(t, h->served_at_end, h->served_at_end_count);
    }
    const char *than = h->loses_at_most.text;
    text_putf(t, "%s%s\n", than[0] != '\0' ? "; loses no more than " : "", than);
}

static void put_expectations(struct text *t, const struct scenario_expectations *e) {
    if (e->frames_lost_max_given)
        text_putf(t, "  expects   at most %u frames lost\n", (unsigned)e->frames_lost_max);
    if (e->gap_max_given) {
        text_putf(t, "  expects   no gap over ");
        put_duration(t, e->gap_max);
        text_putf(t, "\n");
    }
    if (e->detect_max_given) {
        text_putf(t, "  expects   failures noticed within ");
        put_duration(t, e->detect_max);
        text_putf(t, "\n");
    }
    if (e->all_served_by_given) {
        text_putf(t, "  expects   everybody served from ");
        put_duration(t, e->all_served_by);
        text_putf(t, "\n");
    }
    if (e->hedges_max_given)
        text_putf(t, "  expects   at most %u hedges\n", (unsigned)e->hedges_max);
    if (e->reordered_max_given)
        text_putf(t, "  expects   at most %u frames reordered\n", (unsigned)e->reordered_max);
    if (e->duplicates_apart_max_given)
        text_putf(t, "  expects   at most %u frames twice outside of an overlap\n",
                  (unsigned)e->duplicates_apart_max);
    if (e->whole)
        text_putf(t, "  expects   everything whole at the end\n");
    for (uint32_t i = 0; i < e->move_count; i++) {
        const struct scenario_moves *m = &e->moves[i];
        text_putf(t, "  expects   %u", (unsigned)m->min);
        text_putf(t, m->max == UINT32_MAX ? " or more" : " to %u", (unsigned)m->max);
        text_putf(t, " moves, cause %s, of %s%s%s%s%s", scenario_cause_name(m->cause),
                  m->of_index == SCENARIO_ALL ? "all" : m->of.text,
                  name_is_empty(&m->from) ? "" : ", from ", m->from.text,
                  name_is_empty(&m->to) ? "" : ", to ", m->to.text);
        if (m->by_given) {
            text_putf(t, ", by ");
            put_duration(t, m->by);
        }
        text_putf(t, "\n");
    }
    for (uint32_t i = 0; i < e->entered_count; i++) {
        const struct scenario_moves *m = &e->entered[i];
        text_putf(t, "  expects   %u", (unsigned)m->min);
        text_putf(t, m->max == UINT32_MAX ? " or more" : " to %u", (unsigned)m->max);
        text_putf(t, " arrivals in ledgers, cause %s\n", scenario_cause_name(m->cause));
    }
    for (uint32_t i = 0; i < e->verdict_count; i++)
        put_verdict(t, &e->verdicts[i]);
    if (e->verdicts_only)
        text_putf(t, "  expects   no other verdict\n");
    for (uint32_t i = 0; i < e->hearing_count; i++)
        put_hearing(t, &e->clients[i]);
    for (uint32_t i = 0; i < e->must_not_move_count; i++)
        text_putf(t, "  expects   no move of %s\n", e->must_not_move_names[i].text);
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
