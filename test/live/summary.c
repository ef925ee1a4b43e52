/* What the demo says: before, for people who have never seen it, and afterwards, from figures. */
#include "test/live/demo.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double ms_after(const struct episode *e, struct instant t) {
    return instant_is_never(t) ? -1 : (double)instant_since(t, e->at).us / 1000;
}

static double seconds(const struct runner *r, struct instant t) {
    return (double)instant_since(t, r->started).us / 1e6;
}

/* ---- before ---- */

void demo_print_opening(const struct render *x, const struct scenario *s, unsigned kills,
                        unsigned long long seed) {
    const char *b = render_bold(x), *p = render_plain(x), *d = render_dim(x);
    (void)s;
    printf("\n%sA site dies in mid-song, and nobody hears it%s\n\n", b, p);
    printf(
        "  %sclusters%s   fra1, ams1 and lon1, on 127.0.0.1, .2 and .3: each has its own peerd\n"
        "             (which watches the others), transcoderd (which makes the media), keys and\n"
        "             folder; they share nothing but the recordings\n",
        b, p);
    printf("  %slisteners%s  ten, each a peerclient with a playout buffer of 200 ms and a player\n"
           "             behind it; eight hear Opus, two hear PCMU as a telephone would\n",
           b, p);
    printf(
        "  %smusic%s      Robot Dity and Cold Day by Paul Shuler (Macroform), Morning Coffee by\n"
        "             Manolo Camp; licence CC BY-SA 3.0; from Debian's asterisk-moh-opsound\n",
        b, p);
    if (kills == 1)
        printf(
            "  %splan%s       the site that serves is killed at a random instant, comes back, and\n"
            "             then another one is emptied for maintenance\n",
            b, p);
    else
        printf("  %splan%s       %u times the site that serves is killed at a random instant and "
               "comes\n"
               "             back; then one is emptied for maintenance\n",
               b, p, kills);
    printf("  %sseed %llu: make demo SEED=%llu%s%.0u draws the same instants%s\n\n", d, seed, seed,
           kills > 1 ? " KILLS=" : "", kills > 1 ? kills : 0, p);
}

/* ---- afterwards ---- */

uint64_t demo_lost_in(const struct runner *r, uint32_t episode) {
    struct instant from = r->episodes.list[episode].at;
    struct instant to =
        episode + 1 < r->episodes.count ? r->episodes.list[episode + 1].at : r->ended;
    uint64_t lost = 0;
    for (uint32_t i = 0; i < r->listener_count; i++) {
        const struct player *p = &r->listeners[i].player;
        lost += player_count(p, to, -1, 1).lost - player_count(p, from, -1, 1).lost;
    }
    return lost;
}

/* How long after the event all of its peers had called a site dead; negative if they have not. */
static double convicted_ms(const struct runner *r, const struct episode *e) {
    double last = -1;
    int64_t at_ms = duration_in_ms(instant_since(e->at, r->started));
    bool seen[SPACE_SITES_MAX] = {false};
    for (uint32_t i = 0; i < r->report.verdict_count; i++) {
        const struct report_verdict *v = &r->report.verdicts[i];
        if (v->at_ms < at_ms || strcmp(v->verdict.text, "crashed") != 0 ||
            strcmp(v->peer.text, r->sites[e->site].name.text) != 0)
            continue;
        for (uint32_t k = 0; k < r->site_count; k++)
            if (name_equal(&v->observer, &r->sites[k].name) && !seen[k]) {
                seen[k] = true;
                last = (double)(v->at_ms - at_ms);
            }
    }
    return last;
}

static void tell_kill(const struct runner *r, const struct episode *e, uint64_t lost) {
    double convicted = convicted_ms(r, e);
    printf("  %s died at %.2f s without a word. %u listeners were served there.\n",
           r->sites[e->site].name.text, seconds(r, e->at), e->affected);
    if (!instant_is_never(e->first_asked))
        printf("    %5.0f ms  the first of them misses media and asks its backup for it\n",
               ms_after(e, e->first_asked));
    if (!instant_is_never(e->all_heard))
        printf("    %5.0f ms  all of them hear another site; what the crash swallowed came first,\n"
               "              faster than real time, into their playout buffers\n",
               ms_after(e, e->all_heard));
    if (convicted >= 0)
        printf("    %5.0f ms  the other peerds are sure that it is dead: nobody waited for that\n",
               convicted);
    printf("              frames lost: %" PRIu64 "\n\n", lost);
}

static void tell_drain(const struct runner *r, const struct episode *e, uint64_t lost) {
    printf("  %s was emptied for maintenance at %.2f s. %u listeners were served there.\n",
           r->sites[e->site].name.text, seconds(r, e->at), e->affected);
    if (!instant_is_never(e->all_heard))
        printf("    %5.0f ms  all of them hear another site; both sent until then\n",
               ms_after(e, e->all_heard));
    printf("              frames lost: %" PRIu64 "\n\n", lost);
}

static void tell_many(const struct render *x, const struct runner *r) {
    printf("  %s  #        at  site    listeners   first asks   all hear   lost%s\n",
           render_bold(x), render_plain(x));
    for (uint32_t i = 0; i < r->episodes.count; i++) {
        const struct episode *e = &r->episodes.list[i];
        printf("  %3" PRIu32 "  %7.2f s  %-6s  %9" PRIu32 "  %8.0f ms  %6.0f ms  %5" PRIu64 "%s\n",
               i + 1, seconds(r, e->at), r->sites[e->site].name.text, e->affected,
               ms_after(e, e->first_asked), ms_after(e, e->all_heard), demo_lost_in(r, i),
               e->killed ? "" : "  (maintenance)");
    }
    putchar('\n');
}

static const struct episode *first_kill(const struct runner *r) {
    for (uint32_t i = 0; i < r->episodes.count; i++)
        if (r->episodes.list[i].killed)
            return &r->episodes.list[i];
    return NULL;
}

void demo_print_summary(const struct render *x, const struct runner *r) {
    uint64_t expected = report_frames_expected(&r->report), lost = report_frames_lost(&r->report);
    bool ok = report_ok(&r->report);
    printf("\n%sWhat happened%s\n\n", render_bold(x), render_plain(x));
    if (r->episodes.count > 4)
        tell_many(x, r);
    for (uint32_t i = 0; i < r->episodes.count && r->episodes.count <= 4; i++)
        (r->episodes.list[i].killed ? tell_kill : tell_drain)(r, &r->episodes.list[i],
                                                              demo_lost_in(r, i));
    if (first_kill(r) != NULL && r->tap != NULL)
        render_arrivals(x, first_kill(r));
    for (uint32_t i = 0; i < r->report.expectation_count && !ok; i++)
        if (!r->report.expectations[i].met)
            printf("  %sexpected %s, found %s%s\n", render_bad(x), r->report.expectations[i].what,
                   r->report.expectations[i].found, render_plain(x));
    printf("\n  %s%" PRIu64
           " frames of 20 ms were due at the players, counted from outside on clocks "
           "that never\n  stop: %" PRIu64 " were there in time, %" PRIu64 " lost, %" PRIu64
           " out of order. %s%s\n\n",
           ok ? render_good(x) : render_bad(x), expected, expected - lost, lost, r->out_of_order,
           ok         ? "Nobody heard it."
           : lost > 0 ? "Somebody heard it."
                      : "See above.",
           render_plain(x));
}

/* ---- for machines ---- */

static json_t *figure(double ms) {
    return ms < 0 ? json_null() : json_real((double)(int64_t)(ms * 10 + 0.5) / 10);
}

static json_t *episode_json(const struct runner *r, uint32_t index) {
    const struct episode *e = &r->episodes.list[index];
    return json_pack("{s:s, s:s, s:I, s:i, s:o, s:o, s:o, s:o, s:o, s:I}", "event",
                     e->killed ? "kill" : "drain", "site", r->sites[e->site].name.text, "at_ms",
                     (json_int_t)duration_in_ms(instant_since(e->at, r->started)), "listeners",
                     (int)e->affected, "first_asked_ms", figure(ms_after(e, e->first_asked)),
                     "all_asked_ms", figure(ms_after(e, e->all_asked)), "first_heard_ms",
                     figure(ms_after(e, e->first_heard)), "all_heard_ms",
                     figure(ms_after(e, e->all_heard)), "convicted_ms",
                     figure(e->killed ? convicted_ms(r, e) : -1), "frames_lost",
                     (json_int_t)demo_lost_in(r, index));
}

char *demo_json(const struct runner *r) {
    char *plain = report_to_json(&r->report);
    json_t *out = plain != NULL ? json_loads(plain, 0, NULL) : NULL;
    json_t *events = json_array();
    free(plain);
    for (uint32_t i = 0; i < r->episodes.count; i++)
        json_array_append_new(events, episode_json(r, i));
    json_object_set_new(out, "out_of_order", json_integer((json_int_t)r->out_of_order));
    json_object_set_new(out, "events", events);
    char *text = out != NULL ? json_dumps(out, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;
    json_decref(out);
    return text;
}
