/*
 * Metrics: the same for Prometheus (text exposition format 0.0.4). Base units, HELP and TYPE for
 * each family, `_total` on counters; label values are names or tabled words and need no escaping.
 */
#include "peerd/io/streams.h"
#include "peerd/net/clock.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

struct page {
    FILE *out; /* in memory */
};

__attribute__((format(printf, 2, 3))) static void put(struct page *p, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vfprintf(p->out, format, args);
    va_end(args);
}

static void family(struct page *p, const char *name, const char *type, const char *help) {
    put(p, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void gauge(struct page *p, const char *name, const char *help, double value) {
    family(p, name, "gauge", help);
    put(p, "%s %.9g\n", name, value);
}

static void put_cluster(struct page *p, const struct daemon *d) {
    struct core_status s = core_status(d->core);
    gauge(p, "peerd_capacity_sessions", "Sessions that policy lets this cluster serve.",
          s.capacity);
    gauge(p, "peerd_credit_sessions", "Capacity leased to registered nodes.", s.credit);
    gauge(p, "peerd_free_sessions", "Sessions that could still be taken.", s.free);
    family(p, "peerd_sessions", "gauge", "Sessions at this cluster by state.");
    put(p, "peerd_sessions{state=\"committed\"} %u\n", s.sessions);
    put(p, "peerd_sessions{state=\"standby\"} %u\n", s.standbys);
    put(p, "peerd_sessions{state=\"hedging\"} %u\n", s.hedging);
    put(p, "peerd_sessions{state=\"opened\"} %u\n", s.opened);
    gauge(p, "peerd_hot_standbys", "Of those that stand by, how many are sent, too.", s.hot);
    gauge(p, "peerd_locations", "Locations of clients whose experience is followed.", s.locations);
    gauge(p, "peerd_locations_fallen", "Those of them where clients have fallen together.",
          s.locations_bad);
    gauge(p, "peerd_locations_degraded", "Those of them where our path is to blame.",
          s.locations_degraded);
    gauge(p, "peerd_locations_elsewhere", "Others, of which only peers tell how clients fare.",
          s.locations_elsewhere);
    gauge(p, "peerd_nodes", "Nodes that the policy has.", s.nodes);
    gauge(p, "peerd_nodes_registered", "Nodes whose lease is running.", s.nodes_registered);
    gauge(p, "peerd_draining", "1 while the cluster is being drained.", s.draining);
    gauge(p, "peerd_drain_left_sessions", "Sessions that have not left yet, while draining.",
          s.drain_left);
    if (s.draining && s.drain_ends_in.us != DURATION_ENDLESS.us)
        gauge(p, "peerd_drain_ends_in_seconds", "When none will be left, as it goes.",
              (double)s.drain_ends_in.us / 1e6);
    gauge(p, "peerd_recovering", "1 until all nodes have told their sessions after a start.",
          s.recovering);
    gauge(p, "peerd_policy_refused", "1 while the policy file has faults and an older one rules.",
          d->policy_refused);
    gauge(p, "peerd_uptime_seconds", "Time since this process started.",
          (double)instant_since(net_now(), d->started).us / 1e6);
}

static void put_peers(struct page *p, const struct daemon *d) {
    struct instant now = net_now();
    family(p, "peerd_peer_verdict", "gauge", "1 for the verdict in force on each peer.");
    for (uint32_t i = 0; i < d->peer_count; i++) {
        struct core_peer_status s = core_peer_status(d->core, i, now);
        for (int v = 0; v < VERDICT_COUNT; v++)
            put(p, "peerd_peer_verdict{peer=\"%s\",verdict=\"%s\"} %d\n", s.policy->name.text,
                verdict_name((enum verdict)v), s.verdict == (enum verdict)v);
    }
    family(p, "peerd_peer_rtt_seconds", "gauge", "Smoothed round trip to each peer.");
    for (uint32_t i = 0; i < d->peer_count; i++) {
        struct core_peer_status s = core_peer_status(d->core, i, now);
        if (s.rtt.us != INT64_MAX)
            put(p, "peerd_peer_rtt_seconds{peer=\"%s\"} %.6f\n", s.policy->name.text,
                (double)s.rtt.us / 1e6);
    }
    family(p, "peerd_peer_beat_loss_ratio", "gauge", "Share of a peer's beats that were lost.");
    for (uint32_t i = 0; i < d->peer_count; i++) {
        struct core_peer_status s = core_peer_status(d->core, i, now);
        put(p, "peerd_peer_beat_loss_ratio{peer=\"%s\"} %.4f\n", s.policy->name.text, s.loss);
    }
}

/* Those who come and go, see monitor/damping.h. */
static void put_flaps(struct page *p, const struct daemon *d) {
    struct instant now = net_now();
    family(p, "peerd_peer_damped", "gauge",
           "1 while a peer comes and goes too often to be relied upon.");
    for (uint32_t i = 0; i < d->peer_count; i++) {
        struct core_peer_status s = core_peer_status(d->core, i, now);
        put(p, "peerd_peer_damped{peer=\"%s\"} %d\n", s.policy->name.text, s.damped);
    }
    family(p, "peerd_peer_flap_points", "gauge", "Its points, 1000 for each time that it is back.");
    for (uint32_t i = 0; i < d->peer_count; i++) {
        struct core_peer_status s = core_peer_status(d->core, i, now);
        put(p, "peerd_peer_flap_points{peer=\"%s\"} %u\n", s.policy->name.text, s.flap_points);
    }
    family(p, "peerd_peer_flaps_total", "counter",
           "Times that it had been given up and came back.");
    for (uint32_t i = 0; i < d->peer_count; i++) {
        struct core_peer_status s = core_peer_status(d->core, i, now);
        put(p, "peerd_peer_flaps_total{peer=\"%s\"} %llu\n", s.policy->name.text,
            (unsigned long long)s.flaps);
    }
}

/* What peers take, and what was refused of them. */
static void put_agreed(struct page *p, const struct daemon *d) {
    struct instant now = net_now();
    family(p, "peerd_peer_refused_total", "counter",
           "Answers refused: another's signature, key or name.");
    for (uint32_t i = 0; i < d->peer_count; i++) {
        struct core_peer_status s = core_peer_status(d->core, i, now);
        put(p, "peerd_peer_refused_total{peer=\"%s\"} %u\n", s.policy->name.text, s.refused);
    }
    family(p, "peerd_peer_sessions_here", "gauge", "Sessions of a peer that are here.");
    for (uint32_t i = 0; i < d->peer_count; i++) {
        struct core_peer_status s = core_peer_status(d->core, i, now);
        put(p, "peerd_peer_sessions_here{peer=\"%s\"} %u\n", s.policy->name.text, s.here);
    }
    family(p, "peerd_peer_reserved_slots", "gauge", "Sessions for which room is set aside for it.");
    for (uint32_t i = 0; i < d->peer_count; i++) {
        struct core_peer_status s = core_peer_status(d->core, i, now);
        put(p, "peerd_peer_reserved_slots{peer=\"%s\"} %u\n", s.policy->name.text,
            s.policy->reserved_slots);
    }
}

/* Only of peers with whom something has to be agreed, or was. */
static void put_agreements(struct page *p, const struct daemon *d) {
    static const struct {
        const char *metric, *help;
        size_t at; /* in core_agreement_status, uint32_t */
    } rows[] = {
        {"peerd_agreement_held_slots", "Sessions held here for the peer.",
         offsetof(struct core_agreement_status, held)},
        {"peerd_agreement_relied_slots", "Sessions that the peer holds for us.",
         offsetof(struct core_agreement_status, relied)},
        {"peerd_agreement_counted_sessions", "Sessions of ours that count on them.",
         offsetof(struct core_agreement_status, counted)},
    };
    family(p, "peerd_agreement_state", "gauge", "1 for the state of the agreement with each peer.");
    for (uint32_t i = 0; i < d->peer_count; i++) {
        const struct agreement *a = core_peer_agreement(d->core, i).agreement;
        for (int s = AGREEMENT_STATE_IDLE; a != NULL && s <= AGREEMENT_STATE_ENDING; s++)
            put(p, "peerd_agreement_state{peer=\"%s\",state=\"%s\"} %d\n", a->peer.text,
                agreement_state_word((enum agreement_state)s), a->state == (enum agreement_state)s);
    }
    for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
        family(p, rows[r].metric, "gauge", rows[r].help);
        for (uint32_t i = 0; i < d->peer_count; i++) {
            struct core_agreement_status s = core_peer_agreement(d->core, i);
            const char *at = (const char *)&s + rows[r].at;
            if (s.agreement != NULL)
                put(p, "%s{peer=\"%s\"} %u\n", rows[r].metric, s.agreement->peer.text,
                    (unsigned)*(const uint32_t *)(const void *)at);
        }
    }
    family(p, "peerd_agreement_refused_total", "counter",
           "What a peer said or did beyond what was agreed, by reason.");
    for (uint32_t i = 0; i < d->peer_count; i++) {
        const struct agreement *a = core_peer_agreement(d->core, i).agreement;
#define PUT_REFUSED(field, help)                                                                   \
    if (a != NULL)                                                                                 \
        put(p, "peerd_agreement_refused_total{peer=\"%s\",reason=\"" #field "\"} %llu\n",          \
            a->peer.text, (unsigned long long)a->counters.field);
        AGREEMENT_COUNTERS(PUT_REFUSED)
#undef PUT_REFUSED
    }
}

static void put_seconds(struct page *p, const char *metric, const struct core_peer_status *s,
                        struct duration value) {
    if (value.us != INT64_MAX)
        put(p, "%s{peer=\"%s\"} %.6f\n", metric, s->policy->name.text, (double)value.us / 1e6);
}

/* The quality of failure detection, after Chen, Toueg and Aguilera. */
static void put_detection(struct page *p, const struct daemon *d) {
    static const struct {
        const char *metric, *help;
        size_t at; /* in the figures */
    } rows[] = {
        {"peerd_peer_detection_bound_seconds", "A dead peer is noticed within this (T_D).",
         offsetof(struct detector_figures, bound)},
        {"peerd_peer_detected_seconds", "Age of the last proof when it was last noticed.",
         offsetof(struct detector_figures, detected)},
        {"peerd_peer_mistake_interval_seconds", "Mean time between mistakes so far (T_MR).",
         offsetof(struct detector_figures, mistake_every)},
        {"peerd_peer_mistake_duration_seconds", "Mean time that a mistake lasted (T_M).",
         offsetof(struct detector_figures, mistake_lasts)},
        {"peerd_peer_beat_interval_seconds", "Its beats are this far apart, as it promised.",
         offsetof(struct detector_figures, expected)},
        {"peerd_peer_beat_interval_asked_seconds", "It is asked to beat this often.",
         offsetof(struct detector_figures, asked)},
    };
    struct instant now = net_now();
    for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
        family(p, rows[r].metric, "gauge", rows[r].help);
        for (uint32_t i = 0; i < d->peer_count; i++) {
            struct core_peer_status s = core_peer_status(d->core, i, now);
            const char *at = (const char *)&s.figures + rows[r].at;
            put_seconds(p, rows[r].metric, &s, *(const struct duration *)(const void *)at);
        }
    }
    family(p, "peerd_peer_mistake_interval_expected_seconds", "gauge",
           "Time between mistakes that the path lets expect; absent until measured.");
    for (uint32_t i = 0; i < d->peer_count; i++) {
        struct core_peer_status s = core_peer_status(d->core, i, now);
        if (s.figures.measured)
            put_seconds(p, "peerd_peer_mistake_interval_expected_seconds", &s, s.figures.recurs);
    }
    family(p, "peerd_peer_accuracy_ratio", "gauge", "Share of time judged rightly (P_A).");
    for (uint32_t i = 0; i < d->peer_count; i++) {
        struct core_peer_status s = core_peer_status(d->core, i, now);
        put(p, "peerd_peer_accuracy_ratio{peer=\"%s\"} %.9f\n", s.policy->name.text,
            s.figures.accuracy);
    }
    family(p, "peerd_peer_wish_met", "gauge", "1 if the path allows what the policy wishes.");
    for (uint32_t i = 0; i < d->peer_count; i++) {
        struct core_peer_status s = core_peer_status(d->core, i, now);
        put(p, "peerd_peer_wish_met{peer=\"%s\"} %d\n", s.policy->name.text, s.figures.meets_wish);
    }
}

/* One series of the ledger's, in seconds; buckets add up, as the format wants it. */
static void put_moves_series(struct page *p, const struct move_figures *f, const char *metric,
                             const char *help, size_t at) {
    family(p, metric, "histogram", help);
    for (int c = MOVE_CAUSE_DRAIN; c < MOVE_CAUSES; c++) {
        const struct move_histogram *h = (const void *)((const char *)&f->of[c] + at);
        const char *cause = move_cause_name((enum move_cause)c);
        uint64_t sum = 0;
        for (unsigned i = 0; i + 1 < MOVE_BUCKETS; i++)
            put(p, "%s_bucket{cause=\"%s\",le=\"%g\"} %llu\n", metric, cause,
                move_bucket_ms(i) / 1000.0, (unsigned long long)(sum += h->counts[i]));
        sum += h->counts[MOVE_BUCKETS - 1];
        put(p, "%s_bucket{cause=\"%s\",le=\"+Inf\"} %llu\n", metric, cause,
            (unsigned long long)sum);
        put(p, "%s_sum{cause=\"%s\"} %.3f\n", metric, cause, (double)h->sum_ms / 1000);
        put(p, "%s_count{cause=\"%s\"} %llu\n", metric, cause, (unsigned long long)sum);
    }
}

static void put_moves_counter(struct page *p, const struct move_figures *f, const char *metric,
                              const char *help, size_t at) {
    family(p, metric, "counter", help);
    for (int c = MOVE_CAUSE_DRAIN; c < MOVE_CAUSES; c++)
        put(p, "%s{cause=\"%s\"} %llu\n", metric, move_cause_name((enum move_cause)c),
            (unsigned long long)*(const uint64_t *)(const void *)((const char *)&f->of[c] + at));
}

static void put_moves_held(struct page *p, const struct move_figures *f) {
    family(p, "peerd_moves_held_total", "counter",
           "Sessions that were committed here, by what was held of them before: nothing (cold), a "
           "standby (warm), one that sent (hot).");
    for (int c = MOVE_CAUSE_DRAIN; c < MOVE_CAUSES; c++)
        for (int h = PROTECTION_COLD; h <= PROTECTION_HOT; h++)
            put(p, "peerd_moves_held_total{cause=\"%s\",held=\"%s\"} %llu\n",
                move_cause_name((enum move_cause)c), protection_name((enum protection)h),
                (unsigned long long)f->of[c].held[h]);
}

/* Many at once, and CPU short: then workers begin with a few frames of pre-roll. */
static void put_prerolls(struct page *p, const struct move_figures *f) {
    const char *metric = "peerd_moves_arrived_by_preroll_total";
    family(p, metric, "counter", "Sessions that were committed here, by their encoders' pre-roll.");
    for (int c = MOVE_CAUSE_DRAIN; c < MOVE_CAUSES; c++) {
        const char *cause = move_cause_name((enum move_cause)c);
        put(p, "%s{cause=\"%s\",preroll=\"full\"} %llu\n", metric, cause,
            (unsigned long long)f->of[c].full);
        put(p, "%s{cause=\"%s\",preroll=\"quick\"} %llu\n", metric, cause,
            (unsigned long long)f->of[c].quick);
        put(p, "%s{cause=\"%s\",preroll=\"least\"} %llu\n", metric, cause,
            (unsigned long long)f->of[c].least);
    }
}

/* What the ledger has seen since the start, by cause. */
static void put_moves(struct page *p, const struct daemon *d) {
    const struct move_figures *f = &core_ledger(d->core)->figures;
#define COUNTER(metric, field, help)                                                               \
    put_moves_counter(p, f, metric, help, offsetof(struct move_figures_of_cause, field))
    COUNTER("peerd_moves_left_total", left, "Sessions that left at our word.");
    COUNTER("peerd_moves_arrived_total", arrived, "Sessions that were committed here.");
    COUNTER("peerd_moves_cancelled_by_cause_total", cancelled,
            "Moves called off, of sessions that were to leave or hedged here; also too late.");
    COUNTER("peerd_moves_told_total", told, "Of these, with their clients' word.");
    COUNTER("peerd_move_frames_lost_total", lost, "Frames lost, as those clients reported.");
    COUNTER("peerd_move_frames_duplicate_total", duplicates, "Further copies, likewise.");
#undef COUNTER
    put_moves_held(p, f);
    put_prerolls(p, f);
#define SERIES(field, text)                                                                        \
    put_moves_series(p, f, "peerd_move_" #field "_seconds", "Time " text ".",                      \
                     offsetof(struct move_figures_of_cause, field));
    MOVE_SERIES(SERIES)
#undef SERIES
}

/* As nodes tell of their workers. */
static void put_probes(struct page *p, const struct daemon *d) {
    uint64_t answered = 0, refused = 0;
    for (uint32_t i = 0; i < d->policy->node_count; i++) {
        struct core_node_status s = core_node_status(d->core, i);
        answered += s.probes;
        refused += s.probes_refused;
    }
    family(p, "peerd_probes_answered_total", "counter",
           "Probes of clients that other clusters serve, answered by our workers.");
    put(p, "peerd_probes_answered_total %llu\n", (unsigned long long)answered);
    family(p, "peerd_probes_refused_total", "counter",
           "The same, dropped: more than the policy's probes_per_s.");
    put(p, "peerd_probes_refused_total %llu\n", (unsigned long long)refused);
}

static void put_counters(struct page *p, const struct daemon *d) {
    const struct core_counters *c = core_counters(d->core);
#define PUT_COUNTER(field, text)                                                                   \
    family(p, "peerd_" #field "_total", "counter", text ".");                                      \
    put(p, "peerd_" #field "_total %llu\n", (unsigned long long)c->field);
    CORE_COUNTERS(PUT_COUNTER)
#undef PUT_COUNTER
    struct events_figures events = events_figures(d);
    gauge(p, "peerd_event_readers", "Who follows events just now.", events.readers);
    family(p, "peerd_events_total", "counter", "Events entered.");
    put(p, "peerd_events_total %llu\n", (unsigned long long)events.entered);
    family(p, "peerd_event_readers_dropped_total", "counter", "Followers cut off for slowness.");
    put(p, "peerd_event_readers_dropped_total %llu\n", (unsigned long long)events.dropped);
    family(p, "peerd_beat_bytes_sent_total", "counter", "UDP payload of beats sent.");
    put(p, "peerd_beat_bytes_sent_total %llu\n",
        (unsigned long long)net_udp_counters(d->beats)->sent_bytes);
    family(p, "peerd_datagrams_dropped_total", "counter",
           "Beat datagrams dropped before they meant anything, by reason.");
    for (int e = 1; e < ERR_COUNT; e++)
        if (d->counters.datagrams_bad[e] != 0)
            put(p, "peerd_datagrams_dropped_total{reason=\"%s\"} %llu\n", err_name((enum err)e),
                (unsigned long long)d->counters.datagrams_bad[e]);
    put(p, "peerd_datagrams_dropped_total{reason=\"stranger\"} %llu\n",
        (unsigned long long)d->counters.datagrams_foreign);
    family(p, "peerd_requests_denied_total", "counter",
           "HTTP requests refused for want of rights.");
    put(p, "peerd_requests_denied_total %llu\n", (unsigned long long)d->counters.requests_denied);
    family(p, "peerd_policy_reloads_total", "counter", "Policies taken after the first.");
    put(p, "peerd_policy_reloads_total %llu\n", (unsigned long long)d->counters.reloads);
    family(p, "peerd_policy_reload_failures_total", "counter",
           "Times that the policy file was read anew and could not be taken.");
    put(p, "peerd_policy_reload_failures_total %llu\n",
        (unsigned long long)d->counters.reload_failures);
}

char *metrics_render(const struct daemon *d) {
    char *text = NULL;
    size_t len = 0;
    struct page page = {.out = open_memstream(&text, &len)};
    if (page.out == NULL)
        return NULL;
    put_cluster(&page, d);
    put_peers(&page, d);
    put_flaps(&page, d);
    put_agreed(&page, d);
    put_agreements(&page, d);
    put_detection(&page, d);
    put_moves(&page, d);
    put_probes(&page, d);
    put_counters(&page, d);
    streams_metrics(d, page.out);
    if (fclose(page.out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}
