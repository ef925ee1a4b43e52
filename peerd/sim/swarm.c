#include "peerd/sim/swarm.h"

#include "peerd/sim/sim.h"
#include "peerd/sim/swarm_private.h"

#include <assert.h>
#include <inttypes.h>

#define FAULTS_FOR_MIN 4000   /* [ms] */
#define FAULTS_FOR_MAX 20000  /* [ms] */
#define HEALED_FOR     20000  /* [ms] the witness gives up after 10 s; leases are shorter */
#define HEALED_FIND    45000  /* [ms] who was not met for 20 s is asked again after 32 at most */
#define HEALED_LONG    100000 /* [ms] what is remembered for a minute is forgotten, too */

uint32_t swarm_below(struct swarm *s, uint32_t bound) {
    return (uint32_t)rng_below(&s->rng, bound);
}

uint32_t swarm_between(struct swarm *s, uint32_t from, uint32_t to) {
    return from + swarm_below(s, to - from + 1);
}

bool swarm_one_in(struct swarm *s, uint32_t n) {
    return swarm_below(s, n) == 0;
}

const char *swarm_cluster(uint32_t index) {
    static const char *const names[SWARM_CLUSTERS_MAX] = {"ams1", "fra1", "lon1",
                                                          "mad1", "nyc1", "par1"};
    return names[index];
}

const char *swarm_group(uint32_t index) {
    static const char *const names[SWARM_GROUPS_MAX] = {"near", "far", "late"};
    return names[index];
}

const char *swarm_region(uint32_t cluster) {
    static const char *const names[SWARM_CLUSTERS_MAX] = {"north", "middle", "north",
                                                          "south", "west",   "middle"};
    return names[cluster];
}

const char *swarm_provider(uint32_t cluster) {
    return cluster % 2 == 0 ? "acme" : "umbra";
}

/* ---- clusters -------------------------------------------------------------------------------- */

/* Under every third policy whoever comes and goes is damped after its first return or its second,
 * for seconds. */
static void put_damping(struct swarm *s) {
    uint64_t drawn = rng_below(&s->latest, 3), half_ms = 1000 + rng_below(&s->latest, 3000);
    uint64_t suppress = 900 + rng_below(&s->latest, 1000), reuse = 200 + rng_below(&s->latest, 600);
    if (drawn == 0)
        text_putf(&s->text,
                  ", flap_half_life: %" PRIu64 "ms, flap_suppress: %" PRIu64
                  ", flap_reuse: %" PRIu64,
                  half_ms, suppress, reuse);
}

/* The healed network can deliver it: a round trip, our interval and theirs, one and a half times.
 */
static void put_detection(struct swarm *s) {
    uint32_t within = swarm_between(s, 200, 1500);
    uint32_t interval = swarm_between(s, 20, within / 4 < 200 ? within / 4 : 200);
    /* Faster under suspicion, by half of them; and said in any case, lest an override inherits it.
     */
    uint32_t least = interval / POLICY_FASTER_MAX + 1;
    uint32_t faster = (uint32_t)rng_below(&s->later, 2 * interval);
    text_putf(&s->text,
              "detection: {detect_within: %" PRIu32 "ms, interval: %" PRIu32
              "ms, interval_suspect: %" PRIu32 "ms",
              within, interval, faster < least || faster > interval ? interval : faster);
    put_damping(s);
    text_putf(&s->text, "}");
}

/* Under every third one sessions go home, soon. */
static void put_return(struct swarm *s) {
    uint64_t drawn = rng_below(&s->newest, 6), after = 1 + rng_below(&s->newest, 4);
    uint64_t pace = 1 + rng_below(&s->newest, 20);
    if (drawn < 2)
        text_putf(&s->text, ", return: %s, return_after: %" PRIu64 "s, return_per_s: %" PRIu64,
                  drawn == 0 ? "when_better" : "always", after, pace);
}

/* Under half of them new sessions begin at peers, also where nothing drains. */
static void put_redirect(struct swarm *s) {
    uint64_t drawn = rng_below(&s->redirects, 4);
    if (drawn < 2)
        text_putf(&s->text, ", redirect: %s", drawn == 0 ? "when_full" : "when_better");
}

/* In every third one it is followed how clients fare, and some go first off a bad path. */
static void put_performance(struct swarm *s) {
    uint64_t drawn = rng_below(&s->newest, 3), canary = 1 + rng_below(&s->newest, 4);
    uint64_t clients = 1 + rng_below(&s->newest, 3), drop = 3 + rng_below(&s->newest, 10);
    if (drawn == 0)
        text_putf(&s->text,
                  "performance: {canary: %" PRIu64 ", tell_clients_min: 1, degraded_clients_min: "
                  "%" PRIu64 ", degraded_drop: %" PRIu64 ", degraded_hold: 3s}\n",
                  canary, clients, drop);
    else
        text_putf(&s->text, "performance: {locations_max: 0}\n");
}

static void put_limits(struct swarm *s) {
    bool shorter = s->options[SWARM_SHORT_LEASES], slow = s->options[SWARM_SLOW_OPENS];
    uint32_t session = swarm_between(s, shorter ? 1000 : 3000, shorter ? 2500 : 6000);
    uint32_t credit = shorter ? swarm_between(s, 1, 10) : 300;
    uint32_t node = swarm_between(s, shorter ? 300 : 1000, shorter ? 1000 : 4000);
    uint32_t poll = swarm_between(s, 20, node / 2 < 300 ? node / 2 : 300);
    uint32_t opens = slow ? swarm_between(s, 1, 10) : swarm_between(s, 20, 200);
    uint32_t drains = swarm_between(s, 1, swarm_one_in(s, 2) ? 5 : 100);
    uint32_t hedge = swarm_between(s, 20, 1000);
    uint32_t hedges = swarm_one_in(s, 4) ? swarm_below(s, 4) : 30;
    text_putf(&s->text,
              "limits: {session_lease: %" PRIu32 "ms, credit_lease: %" PRIu32
              "s, node_lease: %" PRIu32 "ms, node_poll: %" PRIu32 "ms, opens_per_s: %" PRIu32
              ", drain_per_s: %" PRIu32 ", hedge_max: %" PRIu32 "ms, hedges_per_minute: %" PRIu32,
              session, credit, node, poll, opens, drains, hedge, hedges);
    put_return(s);
    put_redirect(s);
    if (s->hots)
        text_putf(&s->text, ", hot_standbys: %" PRIu64, rng_below(&s->hot, 12));
    text_putf(&s->text, "}");
}

static void put_overrides(struct swarm *s) {
    if (swarm_one_in(s, 2)) {
        text_putf(&s->text, ", ");
        put_detection(s);
    }
    if (swarm_one_in(s, 3)) {
        text_putf(&s->text, ", ");
        put_limits(s);
    }
}

/* In a ring: with the one before and the one after, so that everybody has somebody. */
static void put_peers(struct swarm *s, uint32_t i) {
    text_putf(&s->text, ", peers: [%s, %s]", swarm_cluster((i + s->clusters - 1) % s->clusters),
              swarm_cluster((i + 1) % s->clusters));
}

static void draw_clusters(struct swarm *s, uint32_t listeners) {
    bool sparse = s->options[SWARM_SPARSE] && s->clusters > 3;
    text_putf(&s->text, "clusters:\n");
    for (uint32_t i = 0; i < s->clusters; i++) {
        uint32_t capacity = 2 * listeners + 10;
        if (s->options[SWARM_CUT_CAPACITY])
            capacity = swarm_between(s, listeners / 4 + 1, listeners + 4);
        s->nodes[i] = swarm_one_in(s, 2) ? 1 : swarm_between(s, 1, 3);
        s->workers[i] = swarm_between(s, 1, 3);
        text_putf(&s->text,
                  "  - {name: %s, region: %s, provider: %s, nodes: %" PRIu32 ", workers: %" PRIu32
                  ", capacity: %" PRIu32,
                  swarm_cluster(i), swarm_region(i), swarm_provider(i), s->nodes[i], s->workers[i],
                  capacity);
        bool reserves = swarm_one_in(s, 3);
        uint32_t reserved = reserves ? swarm_below(s, capacity / 4 + 1) : 0;
        if (s->agrees)
            swarm_put_reserved(s, capacity);
        else if (reserves)
            text_putf(&s->text, ", reserved_slots: %" PRIu32, reserved);
        if (sparse && !s->discovers)
            put_peers(s, i);
        if (s->options[SWARM_TALK] && swarm_one_in(s, 3))
            text_putf(&s->text, ", services: radio");
        if (s->options[SWARM_OVERRIDES])
            put_overrides(s);
        text_putf(&s->text, "}\n");
    }
}

/* ---- links ----------------------------------------------------------------------------------- */

static void put_tenths(struct swarm *s, const char *key, uint32_t max) {
    uint32_t tenths = swarm_between(s, 1, max);
    text_putf(&s->text, ", %s: %" PRIu32 ".%" PRIu32 "%%", key, tenths / 10, tenths % 10);
}

/* Each of those that the run has, in every second link. */
static bool takes(struct swarm *s, enum swarm_option option) {
    bool drawn = swarm_one_in(s, 2);
    return s->options[option] && drawn;
}

void swarm_quality(struct swarm *s, bool worst) {
    if (takes(s, SWARM_JITTER)) {
        uint32_t jitter = swarm_between(s, 1, worst ? 80 : 20), correlation = swarm_below(s, 100);
        text_putf(&s->text, ", jitter: %" PRIu32 "ms, jitter_correlation: %" PRIu32 "%%", jitter,
                  correlation);
    }
    bool bursts = takes(s, SWARM_BURSTS);
    if (takes(s, SWARM_LOSS) || bursts)
        put_tenths(s, "loss", worst ? 200 : 10);
    if (bursts) {
        uint32_t length = swarm_between(s, 2, worst ? 50 : 5);
        text_putf(&s->text, ", loss_burst: %" PRIu32, length);
    }
    if (takes(s, SWARM_OUTAGES)) {
        uint32_t every = swarm_between(s, worst ? 500 : 5000, worst ? 5000 : 20000);
        uint32_t least = swarm_between(s, 20, 200), longest = swarm_between(s, 200, 3000);
        text_putf(&s->text,
                  ", outages: {every: %" PRIu32 "ms, least: %" PRIu32 "ms, longest: %" PRIu32 "ms}",
                  every, least, longest);
    }
    if (takes(s, SWARM_DISORDER))
        put_tenths(s, "reorder", worst ? 200 : 20);
    if (takes(s, SWARM_DUPLICATES))
        put_tenths(s, "duplicate", worst ? 500 : 20);
    if (takes(s, SWARM_REPLAYS)) {
        uint32_t within = swarm_one_in(s, 2) ? swarm_between(s, 100, 20000) : 1000;
        put_tenths(s, "replay", worst ? 100 : 10);
        text_putf(&s->text, ", replay_in: %" PRIu32 "ms", within);
    }
    if (takes(s, SWARM_RATES)) {
        uint32_t rate = swarm_between(s, worst ? 300 : 3000, 20000);
        uint32_t queue = swarm_between(s, 20, 300);
        text_putf(&s->text, ", rate: %" PRIu32 "kbit/s, queue: %" PRIu32 "ms", rate, queue);
    }
}

static void draw_links(struct swarm *s) {
    uint32_t rtt = swarm_between(s, 2, 60);
    text_putf(&s->text, "links:\n  - {between: all, rtt: %" PRIu32 "ms", rtt);
    swarm_quality(s, false);
    text_putf(&s->text, "}\n");
    for (uint32_t i = 0; i < s->clusters; i++) {
        rtt = swarm_between(s, 5, 120);
        text_putf(&s->text, "  - {between: [clients, %s], rtt: %" PRIu32 "ms", swarm_cluster(i),
                  rtt);
        swarm_quality(s, false);
        text_putf(&s->text, "}\n");
        if (!takes(s, SWARM_ASYMMETRY))
            continue;
        uint32_t other = (i + 1) % s->clusters;
        rtt = swarm_between(s, 50, 300);
        text_putf(&s->text, "  - {between: [%s, %s], one_way: true, rtt: %" PRIu32 "ms",
                  swarm_cluster(i), swarm_one_in(s, 2) ? swarm_cluster(other) : "clients", rtt);
        swarm_quality(s, false);
        text_putf(&s->text, "}\n");
    }
}

/* ---- listeners ------------------------------------------------------------------------------- */

/* Heard at the end, too: a last mile is not healed. */
static void put_access(struct swarm *s) {
    uint32_t delay = swarm_between(s, 0, 30), jitter = swarm_between(s, 0, 20);
    text_putf(&s->text, ", access: {delay: %" PRIu32 "ms, jitter: %" PRIu32 "ms", delay, jitter);
    put_tenths(s, "loss", 5);
    text_putf(&s->text, "}");
}

static const char *any_profile(struct swarm *s, bool talk) {
    uint32_t drawn = swarm_below(s, s->options[SWARM_ROUGH] ? 4 : 2);
    static const char *const names[] = {"opus", "pcmu", "gsm", "hasty"};
    return talk ? "pcmu" : names[drawn];
}

static void put_open_at(struct swarm *s) {
    uint32_t first = swarm_below(s, s->clusters);
    uint32_t count = swarm_between(s, 1, s->clusters < 3 ? s->clusters : 3);
    text_putf(&s->text, ", open_at: [");
    for (uint32_t i = 0; i < count; i++)
        text_putf(&s->text, "%s%s", i > 0 ? ", " : "", swarm_cluster((first + i) % s->clusters));
    text_putf(&s->text, "]");
}

static void draw_group(struct swarm *s, uint32_t i) {
    bool waits = s->faults[SWARM_ARRIVE] && i == 2, talk = s->options[SWARM_TALK] && i == 1;
    uint32_t buffer = swarm_between(s, 4, 25) * 20, start = swarm_between(s, 0, i == 0 ? 2 : 12);
    const char *profile = any_profile(s, talk);
    bool spread = swarm_one_in(s, 2), some = swarm_one_in(s, 3), cold = swarm_one_in(s, 2);
    text_putf(&s->text,
              "  - {name: %s, count: %" PRIu32 ", buffer: %" PRIu32 "ms, profile: %s, spread: %s",
              swarm_group(i), s->listeners[i], buffer, profile, spread ? "true" : "false");
    if (s->options[SWARM_TALK])
        text_putf(&s->text, ", service: %s", talk ? "talk" : "radio");
    bool is_cold = s->options[SWARM_COLD] && cold, is_hot = s->hots && rng_below(&s->hot, 2) == 0;
    if (is_cold || is_hot)
        text_putf(&s->text, ", protection: %s", is_cold ? "cold" : "hot");
    if (some)
        put_open_at(s);
    if (s->options[SWARM_ACCESS])
        put_access(s);
    if (waits)
        text_putf(&s->text, ", start: waiting}\n");
    else
        text_putf(&s->text, ", start: {between: [0s, %" PRIu32 "s]}}\n", start);
}

static uint32_t draw_counts(struct swarm *s) {
    uint32_t sum = 0, most = swarm_one_in(s, 5) ? 30 : 8;
    s->groups = s->faults[SWARM_ARRIVE] ? 3 : swarm_between(s, 1, SWARM_GROUPS_MAX);
    for (uint32_t i = 0; i < s->groups; i++) {
        s->listeners[i] = swarm_between(s, 1, most);
        sum += s->listeners[i];
    }
    return sum;
}

/* ---- what is served -------------------------------------------------------------------------- */

static void draw_services(struct swarm *s, uint32_t listeners) {
    bool rough = s->options[SWARM_ROUGH], exact = swarm_one_in(s, 2);
    uint32_t preroll = swarm_between(s, 0, 99), talkers = swarm_between(s, 1, listeners + 2);
    text_putf(&s->text,
              "profiles:\n  - {name: opus, codec: opus}\n  - {name: pcmu, codec: pcmu}\n");
    if (rough)
        text_putf(&s->text,
                  "  - {name: gsm, codec: gsm}\n"
                  "  - {name: hasty, codec: opus, preroll_frames: %" PRIu32 "}\n",
                  preroll);
    text_putf(&s->text,
              "services:\n  - {name: radio, capacity: %" PRIu32 ", profiles: [opus, pcmu%s]%s}\n",
              2 * listeners + 10, rough ? ", gsm, hasty" : "", s->hots ? ", hot: true" : "");
    if (s->options[SWARM_TALK])
        text_putf(&s->text, "  - {name: talk, capacity: %" PRIu32 ", profiles: pcmu}\n", talkers);
    text_putf(&s->text, "sources:\n");
    if (rough && !exact)
        text_putf(&s->text,
                  "  - {name: tape, location: http://media.example/tape.mp3, class: seekable}\n");
    else
        text_putf(&s->text, "  - {name: tone, tone: 25s, loop: %s}\n",
                  s->options[SWARM_ENDS] ? "false" : "true");
}

/* Not every option with probability one half: an end of the source ends everything else as well. */
static void draw_options(struct swarm *s) {
    for (int i = 0; i < SWARM_OPTION_COUNT; i++)
        s->options[i] = swarm_one_in(s, 2);
    s->options[SWARM_ENDS] &= swarm_one_in(s, 4);
    s->options[SWARM_SLOW_OPENS] &= swarm_one_in(s, 2);
    s->options[SWARM_CUT_CAPACITY] &= swarm_one_in(s, 2);
    for (int i = 0; i < SWARM_FAULT_COUNT; i++)
        s->faults[i] = swarm_one_in(s, 2);
    s->faults[SWARM_CLOCK] &= sim_abilities.clock_step;
}

size_t swarm_draw(uint64_t seed, char out[SWARM_TEXT_MAX]) {
    struct swarm swarm = {.text = text_over(out, SWARM_TEXT_MAX)}, *s = &swarm;
    rng_seed(&s->rng, seed ^ UINT64_C(0x5a5a17e9)); /* not the run's own numbers */
    rng_seed(&s->later, seed ^ UINT64_C(0x1a7e5eed));
    rng_seed(&s->latest, seed ^ UINT64_C(0x1a7e57ed));
    rng_seed(&s->newest, seed ^ UINT64_C(0x2e3e57ed));
    swarm_draw_peerings(s, seed);
    rng_seed(&s->redirects, seed ^ UINT64_C(0x4ed14ec7));
    rng_seed(&s->hot, seed ^ UINT64_C(0x407b07a1));
    s->hots = rng_below(&s->hot, 3) == 0;
    draw_options(s);
    s->clusters = swarm_between(s, 2, SWARM_CLUSTERS_MAX);
    s->heal_at = SWARM_FAULTS_FROM + swarm_between(s, FAULTS_FOR_MIN, FAULTS_FOR_MAX);
    uint32_t listeners = draw_counts(s);
    text_putf(&s->text, "name: swarm-%" PRIu64 "\ndescription: Drawn by seed %" PRIu64 ".\n", seed,
              seed);
    bool lasting = swarm_one_in(s, 25);
    text_putf(&s->text, "duration: %" PRIu32 "ms\n",
              s->heal_at + (lasting        ? HEALED_LONG
                            : s->discovers ? HEALED_FIND
                                           : HEALED_FOR));
    swarm_put_discovery(s);
    put_limits(s);
    text_putf(&s->text, "\n");
    put_performance(s);
    put_detection(s);
    text_putf(&s->text, "\n");
    draw_services(s, listeners);
    draw_clusters(s, listeners);
    swarm_draw_agreements(s, listeners);
    draw_links(s);
    text_putf(&s->text, "clients:\n");
    for (uint32_t i = 0; i < s->groups; i++)
        draw_group(s, i);
    text_putf(&s->text, "expectations: {whole: true}\n");
    swarm_draw_timeline(s);
    assert(s->text.len < SWARM_TEXT_MAX);
    return s->text.len;
}
