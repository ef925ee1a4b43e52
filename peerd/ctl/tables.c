/* Answers as tables for people: one fact a line, columns that fit into 100 characters. */
#include "peerd/ctl/tables.h"
#include "peerd/ctl/ctl.h"
#include "peerd/ctl/paint.h"
#include "peerd/ctl/table.h"

#include <stdio.h>
#include <string.h>

static void drain_line(const json_t *drain, double left_s) {
    printf("drain      %s, %lld left, %lld gone", is_set(drain, "drained") ? "done" : "under way",
           number_of(drain, "left"), number_of(drain, "gone"));
    if (!is_set(drain, "drained") && json_is_number(json_object_get(drain, "ends_in_ms")))
        printf(", about %.0f s more", seconds_of(drain, "ends_in_ms"));
    if (is_set(drain, "stuck"))
        printf(", %lld have nowhere to go", number_of(drain, "waiting"));
    if (json_is_string(json_object_get(drain, "to")))
        printf(", to %s", text_of(drain, "to"));
    if (json_is_string(json_object_get(drain, "to_trouble")))
        printf(" (not now: %s)", text_of(drain, "to_trouble"));
    printf(", the deadline is %s %.1f s\n", left_s < 0 ? "over since" : "in",
           left_s < 0 ? -left_s : left_s);
}

void tables_status(const json_t *s) {
    const json_t *drain = json_object_get(s, "drain");
    const json_t *policy = json_object_get(s, "policy");
    const json_t *one;
    size_t i;
    printf("cluster    %s, up %.1f s%s%s\n", text_of(s, "cluster"), seconds_of(s, "up_ms"),
           is_set(s, "recovering") ? ", recovering" : "",
           is_set(drain, "draining") ? ", draining" : "");
    printf("sessions   %lld served, %lld standing by (%lld hot), %lld hedging, %lld free of %lld\n",
           number_of(s, "sessions"), number_of(s, "standbys"), number_of(s, "hot"),
           number_of(s, "hedging"), number_of(s, "free"), number_of(s, "capacity"));
    const json_t *counters = json_object_get(s, "counters");
    if (number_of(counters, "opens_redirected") > 0)
        printf("opened     %lld, of which %lld began at a peer\n",
               number_of(counters, "opens_answered"), number_of(counters, "opens_redirected"));
    double left_s = seconds_of(drain, "deadline_ms");
    if (is_set(drain, "draining"))
        drain_line(drain, left_s);
    const json_t *locations = json_object_get(s, "locations");
    if (number_of(locations, "followed") > 0)
        printf("locations  %lld followed, clients of %lld have fallen, of %lld by our path\n",
               number_of(locations, "followed"), number_of(locations, "fallen"),
               number_of(locations, "degraded"));
    json_array_foreach(json_object_get(s, "nodes"), i, one) {
        printf("node       %s, %s, %lld workers (%lld restarts), %lld sessions",
               text_of(one, "name"), is_set(one, "registered") ? "registered" : "not registered",
               number_of(one, "workers"), number_of(one, "worker_restarts"),
               number_of(one, "sessions"));
        if (number_of(one, "late_ms") > 0)
            printf(", frames %lld ms late%s", number_of(one, "late_ms"),
                   is_set(one, "sheds") ? ": some go elsewhere" : "");
        putchar('\n');
        tables_node_starts(one);
        const json_t *source;
        size_t k;
        json_array_foreach(json_object_get(one, "source_errors"), k, source)
            printf("  source   %s: %s\n", text_of(source, "source"), text_of(source, "text"));
    }
    json_array_foreach(json_object_get(s, "trouble"), i, one)
        printf("%strouble%s    %s\n", paint_of("trouble", 7),
               paint_of("trouble", 7)[0] != '\0' ? PAINT_END : "", json_string_value(one));
    json_array_foreach(json_object_get(policy, "faults"), i, one)
        printf("%s %s\n", i == 0 ? "policy     the file has faults, the one before rules:" : "  ",
               json_string_value(one));
}

static void peer_damping(const json_t *peer) {
    if (is_set(peer, "damped"))
        printf("  damped: it came back %lld times and has %lld points; a backup only for want of "
               "another, for %.0f s more\n",
               number_of(peer, "flaps"), number_of(peer, "flap_points"),
               seconds_of(peer, "damped_for_ms"));
}

static void peer_detection(const json_t *peer) {
    const json_t *d = json_object_get(peer, "detection");
    const json_t *need = json_object_get(d, "bound_needed_ms");
    if (!json_is_false(json_object_get(d, "meets_wish")))
        return;
    printf("  the path does not allow the quality wished: noticed within %.0f ms",
           json_number_value(json_object_get(d, "bound_ms")));
    if (json_is_number(need))
        printf(", a mistake every %.0f s expected; %.0f ms would do",
               json_number_value(json_object_get(d, "mistake_every_ms_expected")) / 1000,
               json_number_value(need));
    putchar('\n');
}

/* What it does that was not agreed. */
static void peer_breaches(const json_t *peer) {
    const json_t *last = json_object_get(peer, "refused_last");
    long long over = number_of(peer, "sessions_here") - number_of(peer, "reserved_slots");
    if (json_is_string(last))
        printf("  refused %lld times, the last one for %s\n", number_of(peer, "refused"),
               json_string_value(last));
    if (number_of(peer, "reserved_slots") > 0 && over > 0)
        printf("  %lld of its sessions are here, %lld more than are set aside for it\n",
               number_of(peer, "sessions_here"), over);
}

static void former_keys(const json_t *list, const char *whose) {
    const json_t *one;
    size_t i;
    json_array_foreach(list, i, one) {
        long long left = number_of(one, "left_s");
        if (is_set(one, "revoked"))
            printf("  %s former key is revoked: %s\n", whose, text_of(one, "key"));
        else if (left > 0)
            printf("  %s former key verifies tickets for %lld s more: %s\n", whose, left,
                   text_of(one, "key"));
    }
}

/* What there is to know beside the key in force. */
static void peer_keys(const json_t *peer) {
    if (is_set(peer, "key_revoked"))
        printf("  its key is revoked: nothing that it says is believed\n");
    if (is_set(peer, "key_outdated_in_policy"))
        printf("  the policy names its former key; write: %s\n", text_of(peer, "key"));
    if (json_is_string(json_object_get(peer, "next_key")))
        printf("  its next key: %s\n", text_of(peer, "next_key"));
    if (json_is_false(json_object_get(peer, "told_our_next_key")))
        printf("  it has not been told our next key yet\n");
    former_keys(json_object_get(peer, "former_keys"), "its");
}

static void own_keys(const json_t *keys) {
    if (json_is_string(json_object_get(keys, "next_key")))
        printf("  our next key: %s\n", text_of(keys, "next_key"));
    former_keys(json_object_get(keys, "former_keys"), "our");
}

static void peer_row(struct table *t, const json_t *peer) {
    const json_t *detection = json_object_get(peer, "detection");
    table_row(t, "%s\t%s\t%.1f s\t%.1f ms\t%.1f%%\t%.0f ms\t%.0f ms\t%lld\t%s",
              text_of(peer, "name"), text_of(peer, "verdict"), seconds_of(peer, "since_ms_ago"),
              json_number_value(json_object_get(peer, "rtt_ms")),
              100.0 * json_number_value(json_object_get(peer, "loss")),
              json_number_value(json_object_get(detection, "interval_ms")),
              json_number_value(json_object_get(detection, "bound_ms")),
              number_of(peer, "sessions"), text_of(peer, "evidence"));
}

void tables_peers(const json_t *answer) {
    const json_t *peer;
    struct table t;
    size_t i;
    table_open(&t, "peer\t!verdict\t>since\t>rtt\t>loss\t>beats\t>T_D\t>sessions\tevidence");
    json_array_foreach(json_object_get(answer, "peers"), i, peer) peer_row(&t, peer);
    table_print_head(&t);
    json_array_foreach(json_object_get(answer, "peers"), i, peer) {
        table_print_row(&t, i);
        peer_keys(peer);
        peer_breaches(peer);
        peer_damping(peer);
        peer_detection(peer);
    }
    table_close(&t);
    own_keys(json_object_get(answer, "keys"));
}

/* What a peer said or did that was not agreed; nothing where nothing was. */
static void agreement_refusals(const json_t *agreement) {
    const char *reason;
    const json_t *count;
    json_object_foreach((json_t *)json_object_get(agreement, "refusals"), reason, count) {
        if (json_integer_value(count) > 0)
            printf("  %s: %lld times\n", reason, (long long)json_integer_value(count));
    }
}

void tables_agreements(const json_t *answer) {
    const json_t *a;
    struct table t;
    size_t i;
    table_open(&t, "peer\t!state\t>here\t>there\twhy not");
    json_array_foreach(json_object_get(answer, "agreements"), i, a) {
        bool failed = json_is_string(json_object_get(a, "why"));
        table_row(&t, "%s\t%s\t%lld/%lld\t%lld/%lld\t%s%s%s", text_of(a, "peer"),
                  text_of(a, "state"), number_of(a, "sessions_here"), number_of(a, "held"),
                  number_of(a, "sessions_counting_on_it"), number_of(a, "relied"),
                  failed ? text_of(a, "why") : "", failed ? ", says " : "",
                  failed ? text_of(a, "says") : "");
    }
    table_print_head(&t);
    json_array_foreach(json_object_get(answer, "agreements"), i, a) {
        table_print_row(&t, i);
        if (json_is_number(json_object_get(a, "damped_for_ms")))
            printf("  damped for %lld s: it takes back what it holds\n",
                   number_of(a, "damped_for_ms") / 1000);
        agreement_refusals(a);
    }
    table_close(&t);
    printf("%lld held of %lld that may be\n", number_of(answer, "held"),
           number_of(answer, "may_be_held"));
}

/* A duration in seconds, or what stands for one that is not known. */
static const char *long_of(const json_t *object, const char *key, const char *none, char out[24]) {
    const json_t *value = json_object_get(object, key);
    if (!json_is_number(value))
        return none;
    snprintf(out, 24, "every %.0f s", json_number_value(value) / 1000);
    return out;
}

/* After Chen, Toueg and Aguilera: what is wished, what the path lets expect, what there was. */
static void why_detection(const json_t *answer) {
    char wished[24], expected[24], seen[24];
    const json_t *d = json_object_get(answer, "detection");
    double accuracy = json_number_value(json_object_get(d, "accuracy"));
    double detected_ms = json_number_value(json_object_get(d, "detected_ms"));
    printf("wished:   T_D %.0f ms, a false alarm %s\n",
           json_number_value(json_object_get(d, "detect_within_ms")),
           long_of(d, "false_alarm_every_ms", "-", wished));
    printf("expected: T_D %.0f ms, a false alarm %s; a beat every %.0f ms, asked for %.0f\n",
           json_number_value(json_object_get(d, "bound_ms")),
           long_of(d, "mistake_every_ms_expected", "as often as is not measured yet", expected),
           json_number_value(json_object_get(d, "interval_ms")),
           json_number_value(json_object_get(d, "interval_asked_ms")));
    printf("achieved: T_MR %s, T_M %.0f ms, P_A %.7f",
           long_of(d, "mistake_every_ms", "none so far", seen),
           json_number_value(json_object_get(d, "mistake_lasts_ms")), accuracy);
    if (detected_ms > 0)
        printf(", T_D %.0f ms when it died last", detected_ms);
    putchar('\n');
    peer_detection(answer);
}

/* What it says of the others. */
static void peer_views(const json_t *peer) {
    const json_t *view;
    struct table t;
    size_t i;
    table_open(&t, "it says of\t!verdict\t>heard\t>rtt\t>loss");
    json_array_foreach(json_object_get(peer, "views"), i, view)
        table_row(&t, "%s\t%s\t%lld ms ago\t%lld ms\t%.1f%%", text_of(view, "about"),
                  text_of(view, "verdict"), number_of(view, "age_ms"), number_of(view, "rtt_ms"),
                  100.0 * json_number_value(json_object_get(view, "loss")));
    if (i > 0)
        table_print(&t);
    else
        table_close(&t);
}

/* One of them whole. */
void tables_peer(const json_t *peer) {
    const char *verdict = text_of(peer, "verdict"), *paint = paint_of(verdict, strlen(verdict));
    printf("peer       %s, %s%s%s for %.1f s: %s\n", text_of(peer, "name"), paint, verdict,
           paint[0] != '\0' ? PAINT_END : "", seconds_of(peer, "since_ms_ago"),
           text_of(peer, "evidence"));
    printf("key        %s\n", text_of(peer, "key"));
    printf("doors      beats %s, control %s\n", text_of(peer, "beats"), text_of(peer, "control"));
    printf("path       round trip %.1f ms, %.1f%% lost\n",
           json_number_value(json_object_get(peer, "rtt_ms")),
           100.0 * json_number_value(json_object_get(peer, "loss")));
    printf("it has     %lld sessions, %lld slots free, %lld sources, %lld workers%s%s\n",
           number_of(peer, "sessions"), number_of(peer, "free"), number_of(peer, "sources"),
           number_of(peer, "workers"), is_set(peer, "draining") ? ", draining" : "",
           is_set(peer, "recovering") ? ", recovering" : "");
    if (json_is_integer(json_object_get(peer, "room")))
        printf("for us     room for %lld more of our sessions, %lld of ours stand by there\n",
               number_of(peer, "room"), number_of(peer, "standing"));
    printf("with us    %lld of its sessions, %lld slots set aside for it, %lld standbys of ours "
           "lodged there, %lld of them taken in\n",
           number_of(peer, "sessions_here"), number_of(peer, "reserved_slots"),
           number_of(peer, "lodged_slots"), number_of(peer, "standby_slots"));
    printf("heard      %lld proofs of life, %lld suspicions, %lld of them mistaken\n",
           number_of(peer, "proofs"), number_of(peer, "suspicions"), number_of(peer, "mistakes"));
    tables_peer_starts(peer);
    peer_keys(peer);
    peer_breaches(peer);
    peer_damping(peer);
    why_detection(peer);
    peer_views(peer);
}

void tables_why(const json_t *answer) {
    const json_t *change;
    size_t i;
    printf("%s %s, for %.1f s now: %s (rule %lld)\n", text_of(answer, "peer"),
           text_of(answer, "verdict"), seconds_of(answer, "since_ms_ago"),
           text_of(answer, "evidence"), number_of(answer, "rule"));
    printf("next: %s\n", text_of(answer, "outlook"));
    peer_damping(answer);
    why_detection(answer);
    puts("verdicts, the newest first:");
    json_array_foreach(json_object_get(answer, "changes"), i, change) printf(
        "  %8.1f s ago  %-11s for %8.1f s  %s\n", seconds_of(change, "ago_ms"),
        text_of(change, "verdict"), seconds_of(change, "lasted_ms"), text_of(change, "evidence"));
    if (i == 0)
        puts("  none since we started");
}

/* A figure that may be unknown. */
static const char *ms_of(const json_t *object, const char *key, char out[16]) {
    const json_t *value = json_object_get(object, key);
    if (json_is_number(value))
        snprintf(out, 16, "%.1f", json_number_value(value));
    else
        snprintf(out, 16, "-");
    return out;
}

static const char *experience_of(const json_t *object, char out[32]) {
    const json_t *e = json_object_get(object, "experience");
    if (json_is_object(e))
        snprintf(out, 32, "%.1f+-%.1f", json_number_value(json_object_get(e, "r")),
                 json_number_value(json_object_get(e, "margin")));
    else
        snprintf(out, 32, "-");
    return out;
}

/* The best first; what put each behind the one before it, or out. */
/* By how many clients, and whose: "7 ours"; or by neighbours: "3 from 10.1.16.0/20". */
static const char *measured_by(const json_t *c, char out[64]) {
    const json_t *by = json_object_get(c, "measured_by");
    if (json_is_object(by) && json_is_string(json_object_get(by, "from")))
        snprintf(out, 64, "%lld from %s", number_of(by, "clients"), text_of(by, "from"));
    else if (json_is_object(by))
        snprintf(out, 64, "%lld %s", number_of(by, "clients"), is_set(by, "ours") ? "ours" : "its");
    else
        snprintf(out, 64, "-");
    return out;
}

static void candidates(const json_t *answer) {
    const json_t *c;
    struct table t;
    size_t i;
    char r[32], measured[16], by[64], estimated[16], between[16], place[24], rule[24];
    table_open(&t, ">place\tcluster\t!verdict\t>free\t>cost\t>R\t>measured\t>by\t>estimated\t"
                   ">clusters\tdecided by rule");
    json_array_foreach(json_object_get(answer, "candidates"), i, c) {
        snprintf(place, sizeof(place), "%lld", number_of(c, "place"));
        snprintf(rule, sizeof(rule), "%lld, ", number_of(c, "rule"));
        bool ruled = number_of(c, "rule") > 0;
        table_row(&t, "%s\t%s\t%s\t%lld\t%lld\t%s\t%s\t%s\t%s\t%s\t%s%s",
                  number_of(c, "place") > 0 ? place : "-", text_of(c, "cluster"),
                  text_of(c, "verdict"), number_of(c, "free_slots"), number_of(c, "cost"),
                  experience_of(c, r), ms_of(c, "rtt_measured_ms", measured), measured_by(c, by),
                  ms_of(c, "rtt_estimated_ms", estimated), ms_of(c, "rtt_clusters_ms", between),
                  ruled ? rule : "",
                  ruled                        ? text_of(c, "decided_by")
                  : number_of(c, "place") == 1 ? "first"
                                               : "-");
    }
    table_print(&t);
    if (i == 0)
        puts("no peers");
    if (is_set(answer, "damped_too"))
        puts("peers that come and go are taken, for want of others");
}

/* How our own clients of the location fare. */
static void fare(const json_t *answer) {
    char rtt[16];
    const json_t *f = json_object_get(answer, "fare");
    if (json_is_object(f))
        printf("our clients of %s: R %.1f within %.1f by %lld reports, round trip %s ms (median)\n",
               text_of(f, "from"), json_number_value(json_object_get(f, "r")),
               json_number_value(json_object_get(f, "margin")), number_of(f, "reports"),
               ms_of(f, "rtt_ms", rtt));
}

/* Databases of locations that cannot be used. */
static void trouble(const json_t *answer) {
    const json_t *one;
    size_t i;
    json_array_foreach(json_object_get(answer, "trouble"), i, one)
        printf("location database %s\n", json_string_value(one));
}

/* Where a new session of that kind would begin. */
static void beginning(const json_t *answer) {
    const json_t *begins = json_object_get(answer, "begins");
    const char *redirect = text_of(begins, "redirect"), *rule = text_of(begins, "decided_by");
    if (!json_is_object(begins))
        puts("a new session would be refused now");
    else if (strcmp(redirect, "no") == 0)
        puts("a new session would begin here");
    else
        printf("a new session would begin at %s: %s%s%s%s\n", text_of(begins, "cluster"),
               strcmp(redirect, "better") == 0 ? "it is better there"
               : strcmp(redirect, "full") == 0 ? "there is no room here"
                                               : "all are leaving here",
               rule[0] != '\0' ? " (" : "", rule, rule[0] != '\0' ? ")" : "");
}

void tables_rank(const json_t *answer) {
    trouble(answer);
    printf("%s (%s) for %s, %s of %s: %lld sessions here; round trips in ms\n",
           text_of(answer, "location"), text_of(answer, "label"), text_of(answer, "service"),
           text_of(answer, "profile"), text_of(answer, "source"), number_of(answer, "sessions"));
    fare(answer);
    beginning(answer);
    candidates(answer);
}

/* Of one that suffers: why it is still here. */
static void stays(const json_t *answer) {
    const json_t *s = json_object_get(answer, "stays");
    if (json_is_object(s))
        printf("it fares badly here: %s (%s)\n", text_of(s, "text"), text_of(s, "reason"));
}

void tables_why_session(const json_t *answer) {
    const json_t *backup;
    size_t i;
    char rtt[16];
    trouble(answer);
    printf("%s %s, %s of %s, issued by %s, client %s (%s), round trip %s ms\n",
           text_of(answer, "session"), text_of(answer, "state"), text_of(answer, "profile"),
           text_of(answer, "source"), text_of(answer, "issuer"), text_of(answer, "client"),
           text_of(answer, "label"), ms_of(answer, "rtt_ms", rtt));
    fare(answer);
    stays(answer);
    printf("backups that its client goes by:");
    json_array_foreach(json_object_get(answer, "backups"), i, backup)
        printf(" %s", json_string_value(backup));
    puts(i == 0 ? " none" : "");
    beginning(answer);
    puts("as it would be ranked now (equals are dealt: rule 11); round trips in ms:");
    candidates(answer);
}

void tables_sessions(const json_t *answer) {
    const json_t *s;
    struct table t;
    size_t i;
    table_open(&t, "session\tstate\t>epoch\tissuer\tprofile\t>frame\tclient");
    json_array_foreach(json_object_get(answer, "sessions"), i, s)
        table_row(&t, "%s\t%s\t%lld\t%s\t%s\t%lld\t%s", text_of(s, "session"), text_of(s, "state"),
                  number_of(s, "epoch"), text_of(s, "issuer"), text_of(s, "profile"),
                  number_of(s, "last_frame"), text_of(s, "client"));
    table_print(&t);
    if (json_is_string(json_object_get(answer, "client")))
        printf("%zu of them of %s, of ", i, text_of(answer, "client"));
    printf("%lld in all\n", number_of(answer, "total"));
}

/* "ams1 91 (now 88, 12 clients)", one after another. */
static void location_peers(const json_t *location, char *out, size_t size) {
    const json_t *p;
    size_t i, at = 0;
    char r[16], now[16];
    out[0] = '\0';
    json_array_foreach(json_object_get(location, "peers"), i, p) {
        if (at >= size)
            break;
        at += (size_t)snprintf(out + at, size - at, "%s%s %s (now %s, %lld clients)",
                               i == 0 ? "" : ", ", text_of(p, "cluster"), ms_of(p, "r", r),
                               ms_of(p, "r_now", now), number_of(p, "clients"));
    }
}

static void location_row(struct table *t, const json_t *l) {
    char r[16], now[16], worst[16], rtt[16], rtt_p95[16], jitter[16], peers[512];
    location_peers(l, peers, sizeof(peers));
    if (strcmp(text_of(l, "state"), "elsewhere") == 0)
        table_row(t, "%s\t%s\t\t\t\t\t\t\t\t\t\t%s", text_of(l, "location"), text_of(l, "state"),
                  peers);
    else
        table_row(t, "%s\t%s\t%lld\t%s\t%.1f\t%s\t%s\t%.1f%%\t%s\t%s\t%s\t%s",
                  text_of(l, "location"), text_of(l, "state"), number_of(l, "clients"),
                  ms_of(l, "r", r), json_number_value(json_object_get(l, "mos")),
                  ms_of(l, "r_now", now), ms_of(l, "r_worst_tenth", worst),
                  100 * json_number_value(json_object_get(l, "loss")), ms_of(l, "rtt_ms", rtt),
                  ms_of(l, "rtt_ms_p95", rtt_p95), ms_of(l, "jitter_ms_p95", jitter), peers);
}

void tables_locations(const json_t *answer) {
    const json_t *one;
    struct table t;
    size_t i;
    table_open(&t, "location\t!state\t>clients\t>R\t>MOS\t>now\t>tenth\t>loss\t>rtt\t>95 %\t"
                   ">jitter\tpeers' R there");
    json_array_foreach(json_object_get(answer, "locations"), i, one) location_row(&t, one);
    table_print(&t);
    if (json_is_string(json_object_get(answer, "within")))
        printf("%zu of them in %s, of ", i, text_of(answer, "within"));
    printf("%lld in all, %lld of them fallen, %lld degraded by our path; %lld others with peers\n",
           number_of(answer, "total"), number_of(answer, "fallen"), number_of(answer, "degraded"),
           number_of(answer, "elsewhere"));
    json_array_foreach(json_object_get(answer, "events"), i, one)
        printf("%.1f s ago: %s%s\n", seconds_of(one, "ago_ms"),
               is_set(one, "degraded") ? "degraded: " : "", text_of(one, "evidence"));
}

static void found_row(struct table *t, const json_t *one) {
    const json_t *domain = json_array_get(json_object_get(one, "domains"), 0);
    table_row(t, "%s\t%s\t%s\t%s%s%s", text_of(one, "name"), text_of(one, "state"),
              text_of(one, "provider"),
              domain != NULL              ? json_string_value(domain)
              : is_set(one, "introduced") ? "a peer"
              : is_set(one, "announced")  ? "its former key"
                                          : "nobody now",
              text_of(one, "why")[0] != '\0' ? ": " : "", text_of(one, "why"));
}

void tables_found(const json_t *s) {
    const json_t *one;
    struct table t;
    size_t i;
    table_open(&t, "domain\t>answers\t>failures");
    json_array_foreach(json_object_get(s, "domains"), i, one)
        table_row(&t, "%s\t%lld\t%lld", text_of(one, "domain"), number_of(one, "answers"),
                  number_of(one, "failures"));
    if (i > 0)
        table_print(&t);
    else
        table_close(&t);
    table_open(&t, "cluster\t!state\tprovider\tnamed by");
    json_array_foreach(json_object_get(s, "clusters"), i, one) found_row(&t, one);
    if (i > 0) {
        table_print(&t);
        return;
    }
    table_close(&t);
    puts("no cluster was heard of beside the peers that the policy names");
}

void tables_diff(const json_t *answer) {
    const json_t *one, *restart = json_object_get(answer, "needs_restart");
    struct table t;
    size_t i;
    table_open(&t, "key\tchange");
    json_array_foreach(json_object_get(answer, "changes"), i, one) {
        const json_t *now = json_object_get(one, "now"), *file = json_object_get(one, "file");
        table_row(&t, "%s\t%s -> %s", text_of(one, "key"),
                  json_is_string(now) ? json_string_value(now) : "(none)",
                  json_is_string(file) ? json_string_value(file) : "(none)");
    }
    if (i == 0)
        puts("nothing would change");
    for (size_t row = 0; row < i; row++)
        table_print_row(&t, row);
    table_close(&t);
    if (json_is_string(restart))
        printf("%s cannot change while running: a reload would refuse all of it\n",
               json_string_value(restart));
}
