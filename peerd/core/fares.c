#include "peerd/core/fares.h"

#include "peerd/core/canary.h"
#include "peerd/core/falls.h"
#include "peerd/core/state.h"
#include "peerd/core/status.h"
#include "peerd/core/way_home.h"
#include "topo/location.h"
#include "topo/trips.h"

#include <stdlib.h>

/* What policy does not say, as of one that nobody wrote, is as usual. */
struct degrade_wish fares_wish(const struct policy_performance *p) {
    return (struct degrade_wish){
        .drop_centi = p->degraded_drop > 0 ? p->degraded_drop * 100 : FARES_DROP_CENTI,
        .clients_min = p->degraded_clients_min > 0 ? p->degraded_clients_min : FARES_CLIENTS,
        .reports_min = FARES_REPORTS,
        .interval = duration_ms(FARES_INTERVAL_MS),
        .hold = p->degraded_hold.us > 0 ? p->degraded_hold : duration_s(FARES_HOLD_S),
    };
}

void fares_init(struct fares *f, uint32_t locations_max) {
    *f = (struct fares){.locations_max = locations_max};
    if (locations_max > 0 && locations_max < FARES_LOCATIONS_MIN)
        f->locations_max = FARES_LOCATIONS_MIN;
}

void fares_free(struct fares *f) {
    perf_free(f->perf);
    free(f->perf);
    free(f->digests);
    free(f->falls);
    free(f->trips);
    free(f->named);
    f->named = NULL;
    f->trips = NULL;
    f->perf = NULL;
    f->digests = NULL;
    f->falls = NULL;
}

struct perf *fares_perf(struct core *core) {
    struct fares *f = &core->fares;
    if (f->perf != NULL || f->locations_max == 0)
        return f->perf;
    const struct perf_settings settings = {.locations_max = f->locations_max,
                                           .wish = fares_wish(&core->policy.performance)};
    f->perf = malloc(sizeof(*f->perf));
    if (f->perf != NULL)
        perf_init(f->perf, &settings);
    return f->perf;
}

void fares_policy(struct core *core) {
    if (core->fares.perf != NULL)
        core->fares.perf->settings.wish = fares_wish(&core->policy.performance);
}

static const struct experience_codec *codec_of(const struct core *core, const struct name *name) {
    const struct policy_profile *profile = policy_profile_find(&core->policy, name);
    return profile == NULL ? NULL : experience_codec_of(profile->codec.text);
}

/* Frames that are lost go in runs of so many; 0: unknown. */
static uint32_t runs_of(uint32_t lost, uint16_t burst_x16) {
    uint64_t runs = burst_x16 == 0 ? 0 : ((uint64_t)lost * 16 + burst_x16 / 2) / burst_x16;
    if (lost == 0 || burst_x16 == 0)
        return 0;
    return runs == 0 ? 1 : runs < lost ? (uint32_t)runs : lost;
}

/* What of its buffer is delay that the path asks for: a listener who keeps more to be safe is not
 * worse off for it, since nobody talks back. Who keeps less has it less late, and loses more. */
static struct duration buffer_of(const struct node_session *told) {
    struct duration asked =
        duration_max(duration_us(2 * (int64_t)told->jitter_us), duration_ms(FARES_BUFFER_MS));
    return told->buffer_ms == 0 ? DURATION_ZERO : duration_min(duration_ms(told->buffer_ms), asked);
}

/* Falls with the first bad report, and does not rise with the first good one. */
static void note_rating(struct session *s, uint32_t rating_centi) {
    int32_t was = s->fares_centi == 0 ? (int32_t)rating_centi : s->fares_centi;
    int32_t change = (int32_t)rating_centi - was;
    s->fares_centi = (uint16_t)(was + change / (change < 0 ? FARES_FALLS : FARES_RISES));
}

void fares_heard(struct core *core, struct session *s, const struct node_session *told) {
    uint32_t expected = told->expected - s->expected, lost = told->lost_before - s->lost_before;
    struct perf *perf = fares_perf(core);
    if (perf == NULL || told->expected <= s->expected || s->expected == 0)
        return;
    if (told->lost_before < s->lost_before) /* one that came after all */
        lost = 0;
    lost = lost < expected ? lost : expected;
    struct perf_sample sample = {
        .location = location_of(&told->client),
        .session = chains_hash(told->session.bytes, sizeof(told->session.bytes)),
        .client = location_client(&told->client),
        .codec = codec_of(core, &told->profile),
        .expected = expected,
        .lost = lost,
        .runs = runs_of(lost, told->burst_x16),
        .rtt = told->rtt_us == 0 ? DURATION_ENDLESS : duration_us(told->rtt_us),
        .jitter = duration_us(told->jitter_us),
        .buffer = buffer_of(told),
    };
    const struct ailing_report report = {expected, lost, perf_rate(&sample)};
    note_rating(s, report.rating_centi);
    ailing_heard(core, s, &report);
    sample.ails = ailing_is_away(core, s);
    newcomers_rated(core, s, report.rating_centi);
    (void)perf_heard(perf, &sample, core->now);
}

static const struct peering *peering_numbered(const struct core *core, uint16_t number) {
    for (uint32_t i = 0; i < core->peer_count; i++)
        if (core->peers[i]->number == number)
            return core->peers[i];
    return NULL;
}

static void tell(struct core *core, const struct prefix *where, const struct degrade_event *e,
                 const uint16_t *clusters) {
    char location[LOCATION_TEXT_LEN_MAX + 1], text[DEGRADE_TEXT_LEN_MAX + 1];
    const struct peering *peer =
        peering_numbered(core, e->peer < DEGRADE_PEERS_MAX ? clusters[e->peer] : e->way.cluster);
    location_to_text(where, location);
    degrade_event_to_text(e, location, peer == NULL ? "a peer" : peer->policy.name.text, text);
    core_trace(core, "%s", text);
    core->counters.falls++;
    journal_enter(core->journal,
                  &(struct journal_entry){.at = core->now,
                                          .kind = JOURNAL_LOCATION,
                                          .what = degrade_cause_name(e->cause)},
                  text);
    fall_add(&core->fares,
             &(struct core_fall){.at = core->now,
                                 .location = *where,
                                 .change = e->change,
                                 .cause = e->cause,
                                 .peer = peer == NULL ? (struct name){{0}} : peer->policy.name},
             text);
    core->counters.degradations += e->change == DEGRADE_CHANGE_BEGAN;
    if (e->change != DEGRADE_CHANGE_ENDED && e->cause == DEGRADE_CAUSE_PATH)
        canary_begin(core, where);
    else
        canary_end(core, where);
}

void fares_judge(struct core *core) {
    uint16_t clusters[PERF_PEERS_MAX];
    struct degrade_event event;
    struct prefix where;
    uint32_t cursor = 0;
    if (core->fares.perf == NULL || core->fares.perf->awake == 0)
        return;
    while (perf_judge(core->fares.perf, &cursor, core->now, &where, &event, clusters))
        tell(core, &where, &event, clusters);
}

void fares_words(const struct core *core, const struct prefix *location, struct fares_words *out) {
    const struct perf *perf = core->fares.perf;
    out->own_rtt = fares_own_rtt(core, location);
    out->count = perf == NULL || location->addr.family == 0
                     ? 0
                     : perf_words(perf, location, core->now, out->list);
}

static const struct perf_peer *word_of(const struct peering *p, const struct fares_words *words) {
    for (size_t i = 0; i < words->count; i++)
        if (words->list[i].cluster == p->number)
            return &words->list[i];
    return NULL;
}

struct rank_experience fares_of_peer(const struct core *core, const struct peering *p,
                                     const struct fares_words *words) {
    const struct perf_peer *word = word_of(p, words);
    if (word == NULL)
        return (struct rank_experience){.known = false};
    struct perf_view view = perf_word_view(core->fares.perf, word);
    return (struct rank_experience){.known = true,
                                    .r_tenths = (uint16_t)(view.rating_centi / 10),
                                    .margin_tenths = (uint16_t)(view.within_centi / 10)};
}

/* ---- how far away our clients find others ---------------------------------------------------- */

bool fares_measure(const struct core *core) {
    return core->policy.performance.probing && core->fares.locations_max > 0;
}

struct trips *fares_trips(struct core *core) {
    struct fares *f = &core->fares;
    if (f->trips == NULL && (f->trips = malloc(sizeof(*f->trips))) != NULL)
        trips_init(f->trips);
    return f->trips;
}

void fares_trips_heard(struct core *core, const struct node_request *told) {
    struct trips *trips = told->trip_count > 0 && fares_measure(core) ? fares_trips(core) : NULL;
    for (size_t i = 0; trips != NULL && i < told->trip_count; i++) {
        const struct node_trip *t = &told->trips[i];
        const struct peering *to = peering_by_hint(core, &t->cluster);
        const struct prefix location = location_of(&t->client);
        if (to == NULL) {
            core->counters.trips_refused++;
            continue;
        }
        core->counters.trips_heard++;
        bool of_home = way_home_heard(core, t, to);
        ailing_way_heard(core, t, to);
        if (core->fares.perf != NULL && !of_home)
            perf_way_heard(core->fares.perf, &location, to->number, t->asked, t->lost, core->now);
        trips_heard(trips, &location, to->number, location_client(&t->client), t->rtt_us,
                    t->samples, core->now);
    }
}

void fares_trips_forget(struct core *core, const struct peering *p) {
    way_home_forget(core, p);
    if (core->fares.trips != NULL)
        trips_forget_cluster(core->fares.trips, p->number);
}

/* What clients have no part in, less the way from here to them; nothing while that is unknown. */
static struct duration plausible(const struct peering *p, const struct fares_words *words) {
    struct duration here = words->own_rtt;
    return here.us <= 0 || duration_is_endless(p->rtt) ? DURATION_ZERO : duration_sub(p->rtt, here);
}

/* Of what our clients say: three who agree need nobody's leave, fewer that of the peer's more. */
static bool ours_count(const struct trips_view *own, const struct perf_peer *word) {
    return own->clients > 0 && (own->agreeing >= TRIPS_SURE || word == NULL || word->rtt_ms == 0 ||
                                own->clients >= word->clients);
}

/* As the neighbours found it, and not far below what is plausible: none of them is there. */
static struct fares_trip trip_around(const struct core *core, const struct peering *p,
                                     const struct prefix *location,
                                     const struct fares_words *words) {
    const struct trips *trips = fares_measure(core) ? core->fares.trips : NULL;
    struct trips_view view = {.clients = 0};
    struct prefix from = {.bits = 0};
    if (trips != NULL)
        view = trips_around(trips, location, p->number, core->now, &from);
    if (view.clients == 0)
        return (struct fares_trip){.clients = 0};
    struct duration least = duration_scale(plausible(p, words), 1, TRIPS_ALONE);
    return (struct fares_trip){.rtt = duration_max(view.rtt, least),
                               .clients = view.clients,
                               .ours = true,
                               .age = instant_since(core->now, view.heard_at),
                               .from = from};
}

struct fares_trip fares_trip_of_peer(const struct core *core, const struct peering *p,
                                     const struct prefix *location,
                                     const struct fares_words *words) {
    const struct perf_peer *word = word_of(p, words);
    const struct trips *trips = fares_measure(core) ? core->fares.trips : NULL;
    struct trips_view own = {.clients = 0};
    if (trips != NULL)
        own = trips_find(trips, location, p->number, core->now);
    if (ours_count(&own, word))
        return (struct fares_trip){.rtt = trips_believed(&own, plausible(p, words)),
                                   .clients = own.clients,
                                   .ours = true,
                                   .age = instant_since(core->now, own.heard_at)};
    if (word == NULL || word->rtt_ms == 0)
        return trip_around(core, p, location, words);
    struct duration least = duration_scale(plausible(p, words), 1, FARES_PEER_NEARER);
    return (struct fares_trip){.rtt = duration_max(duration_ms(word->rtt_ms), least),
                               .clients = word->clients,
                               .age = instant_since(core->now, word->heard_at)};
}

struct duration fares_own_rtt(const struct core *core, const struct prefix *location) {
    const struct perf *perf = core->fares.perf;
    struct perf_around around;
    bool known = perf != NULL && location->addr.family != 0 && perf_around(perf, location, &around);
    return known ? duration_us(around.rtt_us) : DURATION_ZERO;
}

struct fares_count fares_count(const struct core *core) {
    const struct perf *perf = core->fares.perf;
    struct fares_count c = {0};
    for (uint32_t i = 0; perf != NULL && i < perf->count; i++) {
        const struct perf_own *own = perf->list[i].own;
        c.known += own != NULL;
        c.elsewhere += own == NULL;
        c.bad += own != NULL && degrade_is_bad(&own->degrade);
        c.degraded += own != NULL && own->degrade.state == DEGRADE_STATE_PATH;
    }
    return c;
}

bool core_fare(const struct core *core, const struct prefix *location, struct core_fare *out) {
    const struct perf *perf = core->fares.perf;
    struct perf_around around;
    *out = (struct core_fare){.reports = 0};
    if (perf == NULL || location->addr.family == 0 || !perf_around(perf, location, &around))
        return false;
    struct perf_view view = perf_around_view(&around);
    *out = (struct core_fare){.rating_centi = view.rating_centi,
                              .within_centi = view.within_centi,
                              .reports = view.reports,
                              .rtt = duration_us(around.rtt_us),
                              .from = around.from};
    return true;
}
