#include "monitor/verdict.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define NOW 100000 /* [ms] */

static struct instant ago(int64_t ms) {
    return instant_us((NOW - ms) * 1000);
}

static struct verdict_witness witness(const char *name, uint64_t domain, int64_t life_ms) {
    struct verdict_witness w = {.domain = domain, .told_at = ago(20), .mute_at = ago(-900)};
    name_set(&w.name, name);
    w.life_at = life_ms < 0 ? INSTANT_NEVER : ago(life_ms);
    w.age = life_ms < 0 ? DURATION_ENDLESS : duration_ms(life_ms - 20);
    return w;
}

/* A peer that expired this instant: no beat for 310 ms, no proof for 400. */
static struct verdict_input expired(void) {
    return (struct verdict_input){.opinion = DETECTOR_EXPIRED,
                                  .figures = {.silent = duration_ms(310),
                                              .life_age = duration_ms(400),
                                              .expected = duration_ms(118),
                                              .margin = duration_ms(9)},
                                  .life_at = ago(400),
                                  .suspected_since = ago(180),
                                  .expired_since = ago(0),
                                  .media_life_at = INSTANT_NEVER,
                                  .media_heard_at = INSTANT_NEVER,
                                  .media_since = INSTANT_NEVER,
                                  .heard_at = ago(310),
                                  .unconfirmed_at = INSTANT_NEVER,
                                  .interval = duration_ms(100),
                                  .rtt = duration_ms(20),
                                  .detect_within = duration_ms(400)};
}

static struct verdict_result judge(const struct verdict_input *in) {
    struct verdict_result out;
    verdict_judge(&out, in, ago(0));
    return out;
}

static const struct verdict_clients two_places = {.known = 43,
                                                  .missing = 41,
                                                  .places_known = 2,
                                                  .places = 2,
                                                  .within = {150000},
                                                  .forget_at = {(NOW + 700) * 1000}};

/* Each step makes rule n apply on top of all that was there, so rule n must win over n + 1; taking
 * the reason away again must let rule n + 1 win. */
enum reason {
    REASON_NONE,
    REASON_ALONE,      /* 12 */
    REASON_UNSURE,     /* 11 */
    REASON_CLIENTS,    /* 10 */
    REASON_OBJECTION,  /* 9 */
    REASON_DEAF,       /* 8 */
    REASON_NODE_WORD,  /* 7 */
    REASON_NODE_PROOF, /* 6 */
    REASON_LATE,       /* 5 */
    REASON_TRUST,      /* 4 */
    REASON_DEGRADED,   /* 3 */
    REASON_DRAINING,   /* 2 */
    REASON_UNHEARD     /* 1 */
};

static struct verdict_input with_reasons(enum reason up_to, struct verdict_witness *w) {
    struct verdict_input in = expired();
    w[0] = witness("par1", 1, 350); /* too recently to tell: newer than ours, explainable */
    w[1] = witness("lon1", 2, 100); /* newer than can be explained */
    in.witnesses = w;
    in.witness_count = up_to >= REASON_OBJECTION ? 2 : up_to >= REASON_UNSURE ? 1 : 0;
    in.figures.measured = up_to >= REASON_ALONE;
    in.figures.needs = duration_ms(900);
    if (up_to >= REASON_CLIENTS)
        in.clients = two_places;
    if (up_to >= REASON_DEAF) {
        in.unconfirmed_at = ago(30);
        in.unconfirmed = 2;
    }
    if (up_to >= REASON_NODE_WORD)
        in.media_since = in.media_heard_at = ago(50);
    if (up_to >= REASON_NODE_PROOF)
        in.media_life_at = ago(40);
    if (up_to >= REASON_LATE)
        in.opinion = DETECTOR_SUSPECT;
    if (up_to >= REASON_TRUST)
        in.opinion = DETECTOR_TRUST;
    in.degraded = up_to >= REASON_DEGRADED;
    in.draining = up_to >= REASON_DRAINING;
    if (up_to >= REASON_UNHEARD)
        in.opinion = DETECTOR_UNKNOWN;
    return in;
}

Test(verdict, rules_win_in_their_order) {
    static const struct {
        enum reason reason;
        uint8_t rule;
        enum verdict verdict;
        const char *evidence;
    } rows[] = {
        {REASON_UNHEARD, 1, VERDICT_UNKNOWN, "not heard since we started"},
        {REASON_DRAINING, 2, VERDICT_DRAINING, "it says so"},
        {REASON_DEGRADED, 3, VERDICT_DEGRADED, "its clients fare worse than others'"},
        {REASON_TRUST, 4, VERDICT_ALIVE, "rtt 20 ms"},
        {REASON_LATE, 5, VERDICT_SUSPECT, "silent 310 ms, expected 118±9"},
        {REASON_NODE_PROOF, 6, VERDICT_HEADLESS,
         "no beat for 310 ms; its nodes say that media lives"},
        {REASON_NODE_WORD, 7, VERDICT_SUSPECT,
         "no beat for 310 ms; a node speaks and has not proven itself yet"},
        {REASON_DEAF, 8, VERDICT_PARTITIONED, "it beats and does not hear us, for 400 ms now"},
        {REASON_OBJECTION, 9, VERDICT_PARTITIONED, "no beat for 310 ms; still heard by lon1"},
        {REASON_CLIENTS, 10, VERDICT_CRASHED,
         "no beat for 310 ms; par1 silent too; 41 of 43 clients resumed here within 150 ms"},
        {REASON_UNSURE, 11, VERDICT_SUSPECT,
         "no beat for 310 ms; par1 heard it too recently to tell"},
        {REASON_ALONE, 12, VERDICT_SUSPECT,
         "no beat for 310 ms; nobody to ask, and the path is bad"},
        {REASON_NONE, 13, VERDICT_CRASHED, "no beat for 310 ms; no witness"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct verdict_witness w[2];
        struct verdict_input in = with_reasons(rows[i].reason, w);
        struct verdict_result out = judge(&in);
        cr_expect_eq(out.rule, rows[i].rule, "row %zu: rule %d", i, out.rule);
        cr_expect_eq(out.verdict, rows[i].verdict, "row %zu: %s", i, verdict_name(out.verdict));
        cr_expect_str_eq(out.evidence, rows[i].evidence);
        cr_expect(instant_before(ago(0), out.again_at), "row %zu", i);
    }
}

Test(verdict, silent_witnesses_are_named_once_a_domain) {
    static const struct {
        const char *what;
        size_t witnesses;
        const char *expected;
    } rows[] = {
        {"one", 1, "no beat for 310 ms; lon1 silent too"},
        {"two of one domain count once", 2, "no beat for 310 ms; lon1 silent too"},
        {"another domain is named", 3, "no beat for 310 ms; lon1, par1 silent too"},
        {"more are counted", 6, "no beat for 310 ms; lon1, par1, mad1, osl1 and 1 more silent too"},
    };
    const struct verdict_witness w[] = {witness("lon1", 7, 420),  witness("lon2", 7, 430),
                                        witness("par1", 8, 500),  witness("mad1", 9, -1),
                                        witness("osl1", 10, 900), witness("rom1", 11, 950)};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct verdict_input in = expired();
        in.witnesses = w;
        in.witness_count = rows[i].witnesses;
        struct verdict_result out = judge(&in);
        cr_expect_eq(out.verdict, VERDICT_CRASHED);
        cr_expect_str_eq(out.evidence, rows[i].expected, "%s: %s", rows[i].what, out.evidence);
    }
}

Test(verdict, a_view_alone_never_convicts) {
    const struct verdict_witness w[] = {witness("lon1", 1, 5000), witness("par1", 2, -1)};
    for (int o = DETECTOR_UNKNOWN; o < DETECTOR_EXPIRED; o++) {
        struct verdict_input in = expired();
        in.opinion = (enum detector_opinion)o;
        in.witnesses = w;
        in.witness_count = 2;
        cr_expect(judge(&in).rule < 6, "%s", detector_opinion_name(in.opinion));
    }
}

Test(verdict, an_objection_wears_out) {
    static const struct {
        const char *what;
        int64_t expired_ms;
        enum verdict expected;
    } rows[] = {
        {"fresh", 0, VERDICT_PARTITIONED},
        {"after nearly the whole time", 9999, VERDICT_PARTITIONED},
        {"worn out", 10000, VERDICT_CRASHED},
    };
    const struct verdict_witness w[] = {witness("lon1", 1, 100)};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct verdict_input in = expired();
        in.expired_since = ago(rows[i].expired_ms);
        in.life_at = ago(rows[i].expired_ms + 400);
        in.witnesses = w;
        in.witness_count = 1;
        struct verdict_result out = judge(&in);
        cr_expect_eq(out.verdict, rows[i].expected, "%s", rows[i].what);
        if (out.verdict == VERDICT_CRASHED)
            cr_expect_str_eq(out.evidence,
                             "no beat for 310 ms; still heard by lon1, which counts for 10 s");
    }
}

Test(verdict, what_is_not_fresh_or_not_enough_does_not_object) {
    static const struct {
        const char *what;
        int64_t witness_ms, media_life_ms, media_since_ms, unconfirmed_ms;
        uint32_t unconfirmed;
        uint8_t rule;
    } rows[] = {
        {"a witness whose proof is as old as the wish", 400, -1, -1, -1, 0, 13},
        {"a proof that both intervals, the round trip and rounding explain", 150, -1, -1, -1, 0,
         11},
        {"one that they do not", 149, -1, -1, -1, 0, 9},
        {"a node's proof of a second ago", -1, 1000, -1, -1, 0, 13},
        {"of just less", -1, 999, -1, -1, 0, 6},
        {"a node that has talked for detect_within and proven nothing", -1, -1, 400, -1, 0, 13},
        {"for just less", -1, -1, 399, -1, 0, 7},
        {"a single beat without proof", -1, -1, -1, 10, 1, 13},
        {"two, the newest too long ago", -1, -1, -1, 400, 2, 13},
        {"two, one of them lately", -1, -1, -1, 399, 2, 8},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct verdict_witness w[] = {witness("lon1", 1, rows[i].witness_ms)};
        struct verdict_input in = expired();
        in.witnesses = w;
        in.witness_count = rows[i].witness_ms < 0 ? 0 : 1;
        if (rows[i].media_life_ms >= 0)
            in.media_life_at = ago(rows[i].media_life_ms);
        if (rows[i].media_since_ms >= 0) {
            in.media_since = ago(rows[i].media_since_ms);
            in.media_heard_at = ago(10);
        }
        if (rows[i].unconfirmed_ms >= 0)
            in.unconfirmed_at = ago(rows[i].unconfirmed_ms);
        in.unconfirmed = rows[i].unconfirmed;
        struct verdict_result out = judge(&in);
        cr_expect_eq(out.rule, rows[i].rule, "%s: rule %d", rows[i].what, out.rule);
    }
}

/* A word that proves nothing may be a recording: it puts a conviction off, and takes none back. */
Test(verdict, a_node_that_proves_nothing_acquits_nobody) {
    struct verdict_input in = expired();
    in.media_since = in.media_heard_at = ago(50);
    cr_expect_eq(judge(&in).rule, 7);
    in.convicted = true;
    cr_expect_eq(judge(&in).rule, 13);
    in.media_life_at = ago(40);
    cr_expect_eq(judge(&in).rule, 6, "a proof is heard");
}

Test(verdict, with_everybody_silent_at_once_an_unmeasured_path_is_given_more_time) {
    static const struct {
        const char *what;
        bool deserted, measured, convicted;
        size_t agreeing;
        int64_t life_age_ms;
        uint8_t rule;
    } rows[] = {
        {"nobody else is silent", false, false, false, 0, 400, 13},
        {"everybody is", true, false, false, 0, 400, 12},
        {"nearly half as long again", true, false, false, 0, 599, 12},
        {"half as long again", true, false, false, 0, 600, 13},
        {"the path is known, and good", true, true, false, 0, 400, 13},
        {"somebody spoke in time", true, false, false, 1, 400, 13},
        {"that was settled before", true, false, true, 0, 400, 13},
    };
    const struct verdict_witness w[] = {witness("lon1", 1, 5000)};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct verdict_input in = expired();
        in.deserted = rows[i].deserted;
        in.figures.measured = rows[i].measured;
        in.figures.meets_wish = true;
        in.figures.life_age = duration_ms(rows[i].life_age_ms);
        in.convicted = rows[i].convicted;
        in.witnesses = w;
        in.witness_count = rows[i].agreeing;
        struct verdict_result out = judge(&in);
        cr_expect_eq(out.rule, rows[i].rule, "%s: rule %d", rows[i].what, out.rule);
        if (out.rule == 12)
            cr_expect_eq(out.again_at.us, ago(rows[i].life_age_ms - 600).us, "%s", rows[i].what);
    }
}

Test(verdict, a_path_that_loses_and_is_not_measured_is_given_more_time_whoever_agrees) {
    static const struct {
        const char *what;
        bool loses, measured, clients;
        size_t agreeing;
        int64_t life_age_ms;
        const char *evidence; /* of rule 12; NULL: it is convicted */
    } rows[] = {
        {"nothing has been lost", false, false, false, 2, 400, NULL},
        {"with two that agree", true, false, false, 2, 400,
         "no beat for 310 ms; lon1, par1 silent too, and the path loses beats, how many is not "
         "known yet"},
        {"with one", true, false, false, 1, 400,
         "no beat for 310 ms; lon1 silent too, and the path loses beats, how many is not known "
         "yet"},
        {"with nobody", true, false, false, 0, 400,
         "no beat for 310 ms; nobody to ask, and the path loses beats, how many is not known yet"},
        {"nearly half as long again", true, false, false, 2, 599,
         "no beat for 310 ms; lon1, par1 silent too, and the path loses beats, how many is not "
         "known yet"},
        {"half as long again", true, false, false, 2, 600, NULL},
        {"and no longer for want of others", true, false, false, 0, 600, NULL},
        {"it is known what it loses", true, true, false, 2, 400, NULL},
        {"its clients miss it", true, false, true, 2, 400, NULL},
    };
    const struct verdict_witness w[] = {witness("lon1", 1, 5000), witness("par1", 2, 5000)};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct verdict_input in = expired();
        in.figures.loses = rows[i].loses;
        in.figures.measured = in.figures.meets_wish = rows[i].measured;
        in.figures.needs = duration_ms(5000);
        in.figures.life_age = duration_ms(rows[i].life_age_ms);
        if (rows[i].clients)
            in.clients = two_places;
        in.witnesses = w;
        in.witness_count = rows[i].agreeing;
        struct verdict_result out = judge(&in);
        cr_expect_eq(out.verdict, rows[i].evidence == NULL ? VERDICT_CRASHED : VERDICT_SUSPECT,
                     "%s: rule %d", rows[i].what, out.rule);
        if (rows[i].evidence == NULL)
            continue;
        cr_expect_eq(out.rule, 12, "%s: rule %d", rows[i].what, out.rule);
        cr_expect_str_eq(out.evidence, rows[i].evidence, "%s", rows[i].what);
        cr_expect_eq(out.again_at.us, ago(rows[i].life_age_ms - 600).us, "%s", rows[i].what);
    }
}

Test(verdict, again_at_is_when_the_reason_ends) {
    const struct verdict_witness w[] = {witness("lon1", 1, 100)};
    struct verdict_input in = expired();
    in.witnesses = w;
    in.witness_count = 1;
    struct verdict_result out = judge(&in);
    cr_expect_eq(out.rule, 9);
    cr_expect_eq(out.again_at.us, ago(100 - 400).us);
    verdict_judge(&out, &in, out.again_at);
    cr_expect_eq(out.rule, 11, "nothing new was told until then, and its word is awaited");
    verdict_judge(&out, &in, w[0].mute_at);
    cr_expect_eq(out.rule, 13, "not for ever");
}

Test(verdict, only_the_living_are_usable) {
    for (int v = 0; v < VERDICT_COUNT; v++)
        cr_expect_eq(verdict_is_usable((enum verdict)v),
                     v == VERDICT_ALIVE || v == VERDICT_DEGRADED, "%s",
                     verdict_name((enum verdict)v));
    cr_expect_str_eq(verdict_name((enum verdict)VERDICT_COUNT), "?");
    cr_expect_str_eq(verdict_name(VERDICT_HEADLESS), "headless");
}

Test(verdict, an_early_expiry_convicts_nobody) {
    static const struct {
        const char *what;
        int64_t life_age_ms; /* our own deafness deducted */
        int rule_without, rule_with_objection;
    } rows[] = {
        {"the path is known well: expired after 150 ms", 150, 5, 5},
        {"a millisecond before the time wished", 399, 5, 5},
        {"the time wished is over", 400, 13, 9},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct verdict_input in = expired();
        struct verdict_witness w = witness("lon1", 1, 20);
        in.figures.life_age = duration_ms(rows[i].life_age_ms);
        struct verdict_result v = judge(&in);
        cr_expect_eq(v.rule, rows[i].rule_without, "%s: %d", rows[i].what, v.rule);
        if (v.rule == 5) {
            cr_expect_eq(v.verdict, VERDICT_SUSPECT, "%s", rows[i].what);
            cr_expect_eq(v.again_at.us, ago(rows[i].life_age_ms - 400).us, "%s", rows[i].what);
        }
        in.witnesses = &w;
        in.witness_count = 1;
        cr_expect_eq(judge(&in).rule, rows[i].rule_with_objection, "%s", rows[i].what);
    }
}

Test(verdict, stands_while_it_would_be_the_same_again) {
    static const struct {
        const char *what;
        enum detector_opinion before, after;
        int64_t rtt_us_before, rtt_us_after;
        bool draining, degraded, stands;
    } rows[] = {
        {"nothing new", DETECTOR_TRUST, DETECTOR_TRUST, 20000, 20000, false, false, true},
        {"less than a millisecond", DETECTOR_TRUST, DETECTOR_TRUST, 20000, 20999, false, false,
         true},
        {"a millisecond", DETECTOR_TRUST, DETECTOR_TRUST, 20000, 21000, false, false, false},
        {"not measured yet", DETECTOR_TRUST, DETECTOR_TRUST, 0, 0, false, false, true},
        {"measured now", DETECTOR_TRUST, DETECTOR_TRUST, 0, 500, false, false, false},
        {"draining", DETECTOR_TRUST, DETECTOR_TRUST, 20000, 20000, true, false, false},
        {"degraded", DETECTOR_TRUST, DETECTOR_TRUST, 20000, 20000, false, true, false},
        {"late", DETECTOR_TRUST, DETECTOR_SUSPECT, 20000, 20000, false, false, false},
        {"late as before", DETECTOR_SUSPECT, DETECTOR_SUSPECT, 20000, 20000, false, false, false},
        {"back in time", DETECTOR_SUSPECT, DETECTOR_TRUST, 20000, 20000, false, false, false},
        {"unknown as before", DETECTOR_UNKNOWN, DETECTOR_UNKNOWN, 0, 0, false, false, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct verdict_input in = expired();
        in.opinion = rows[i].before;
        in.rtt = duration_us(rows[i].rtt_us_before);
        struct verdict_result before = judge(&in);
        in.opinion = rows[i].after;
        in.rtt = duration_us(rows[i].rtt_us_after);
        in.draining = rows[i].draining;
        in.degraded = rows[i].degraded;
        cr_expect_eq(verdict_stands(&before, &in), rows[i].stands, "%s", rows[i].what);
        struct verdict_result after = judge(&in);
        if (rows[i].stands)
            cr_expect_str_eq(after.evidence, before.evidence, "%s: evidence", rows[i].what);
    }
}

/* Beats of a witness get lost as ours do: what it told before it could know is no agreement. */
Test(verdict, who_has_not_told_since_is_waited_for) {
    static const struct {
        const char *what;
        int64_t told_ms, age_ms, mute_ms; /* ago; how old its proof was then; in */
        enum verdict_word word;
        uint8_t rule;
    } rows[] = {
        {"told just now that it misses it", 20, 400, 900, VERDICT_WORD_AGREES, 13},
        {"two intervals, a round trip and rounding are not missing it", 20, 309, 900,
         VERDICT_WORD_AWAITED, 11},
        {"a little more is", 20, 310, 900, VERDICT_WORD_AGREES, 13},
        {"told too long ago: it may have come back since", 80, 500, 900, VERDICT_WORD_AWAITED, 11},
        {"told before it could miss it", 350, 60, 900, VERDICT_WORD_AWAITED, 11},
        {"the same, and it is given up itself", 350, 60, 0, VERDICT_WORD_NONE, 13},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct verdict_witness w = witness("lon1", 1, 410);
        struct verdict_input in = expired();
        w.told_at = ago(rows[i].told_ms);
        w.age = duration_ms(rows[i].age_ms);
        w.rtt = duration_ms(80);
        w.mute_at = ago(-rows[i].mute_ms);
        in.witnesses = &w;
        in.witness_count = 1;
        struct verdict_result out = judge(&in);
        cr_expect_eq(verdict_word_of(&in, &w, ago(0)), rows[i].word, "%s", rows[i].what);
        cr_expect_eq(out.rule, rows[i].rule, "%s: %d", rows[i].what, out.rule);
        if (out.rule == 11) {
            cr_expect_str_eq(out.evidence, "no beat for 310 ms; no word of it from lon1 since");
            cr_expect_eq(out.again_at.us, w.mute_at.us, "%s", rows[i].what);
        }
        in.convicted = true;
        cr_expect_eq(judge(&in).rule, 13, "%s: what is decided is not doubted", rows[i].what);
    }
}

/* Three who agree need no fourth. */
Test(verdict, enough_agree) {
    for (size_t agree = 1; agree <= 3; agree++) {
        struct verdict_witness w[4];
        struct verdict_input in = expired();
        w[0] = witness("mad1", 1, 410);
        w[0].told_at = ago(350);
        w[0].age = duration_ms(60);
        for (size_t i = 1; i <= agree; i++)
            w[i] = witness("lon1", 1 + i, 500);
        in.witnesses = w;
        in.witness_count = agree + 1;
        cr_expect_eq(judge(&in).rule, agree < VERDICT_ENOUGH ? 11 : 13, "%zu agree", agree);
        for (size_t i = 1; i <= agree; i++)
            w[i].domain = 2;
        cr_expect_eq(judge(&in).rule, 11, "%zu of one failure domain", agree);
    }
}

/* On a bad path patience grows as ears get fewer, and on a good one nobody needs more of it. */
Test(verdict, few_ears_are_patient_on_a_bad_path) {
    static const struct {
        const char *what;
        bool measured, meets_wish;
        int64_t needs_ms;
        size_t agree;
        int64_t patience_ms;
    } rows[] = {
        {"good, alone", true, true, 900, 0, 400},
        {"not known yet, alone", false, false, 900, 0, 400},
        {"bad, alone: what it needs", true, false, 900, 0, 900},
        {"hopeless, alone: five times the wish", true, false, 9000, 0, 2000},
        {"bad, one agrees: half as long again at most", true, false, 900, 1, 600},
        {"not so bad, one agrees", true, false, 500, 1, 500},
        {"bad, two agree: half a round trip", true, false, 900, 2, 410},
        {"hardly bad, two agree", true, false, 405, 2, 405},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (int64_t more = -1; more <= 0; more++) {
            int64_t age_ms = rows[i].patience_ms + more;
            struct verdict_witness w[2] = {witness("lon1", 1, 500), witness("par1", 2, 500)};
            struct verdict_input in = expired();
            in.figures.measured = rows[i].measured;
            in.figures.meets_wish = rows[i].meets_wish;
            in.figures.needs = duration_ms(rows[i].needs_ms);
            in.figures.life_age = duration_ms(age_ms);
            in.witnesses = w;
            in.witness_count = rows[i].agree;
            struct verdict_result out = judge(&in);
            uint8_t early = rows[i].patience_ms == 400 ? 5 : 12;
            cr_expect_eq(out.rule, more < 0 ? early : 13, "%s: %d", rows[i].what, out.rule);
            if (more < 0)
                cr_expect_eq(out.again_at.us, ago(-1).us, "%s", rows[i].what);
        }
}

/* It lived half a round trip longer than its proof says, which is as of when a beat left. */
Test(verdict, a_witness_counts_for_half_a_round_trip_more_on_a_bad_path) {
    static const struct {
        const char *what;
        bool meets_wish;
        int64_t rtt_ms, lasts_ms;
    } rows[] = {
        {"a good path", true, 80, 400},
        {"a bad path", false, 80, 440},
        {"no round trip is known", false, 0, 400},
        {"one of which it lies: half the wish at most", false, 9000, 600},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (int64_t more = -1; more <= 0; more++) {
            struct verdict_witness w = witness("lon1", 1, rows[i].lasts_ms + more);
            struct verdict_input in = expired();
            w.rtt = duration_ms(rows[i].rtt_ms);
            in.figures.measured = true;
            in.figures.meets_wish = rows[i].meets_wish;
            in.figures.needs = in.figures.life_age = duration_ms(900);
            in.life_at = ago(rows[i].lasts_ms + 260);
            in.witnesses = &w;
            in.witness_count = 1;
            struct verdict_result out = judge(&in);
            cr_expect_eq(out.rule, more < 0 ? 9 : 13, "%s: %d", rows[i].what, out.rule);
            if (more < 0)
                cr_expect_eq(out.again_at.us, ago(-1).us, "%s", rows[i].what);
            in.life_at = ago(rows[i].lasts_ms);
            out = judge(&in);
            cr_expect_eq(out.rule, more < 0 ? 11 : 13, "%s: %d", rows[i].what, out.rule);
            if (more < 0)
                cr_expect_eq(out.again_at.us, ago(-1).us, "%s", rows[i].what);
        }
}

/* At the speed of suspicion: beats and media have stopped, for more than one witness. */
Test(verdict, clients_testify) {
    static const struct {
        const char *what;
        int64_t suspected_ms; /* ago */
        struct verdict_clients clients;
        int witnesses; /* that miss it */
        uint8_t rule;
    } rows[] = {
        {"two places", 95, {43, 41, 2, 2, {0}, {0}, 0}, 0, 10},
        {"nothing that we asked could be answered yet", 94, {43, 41, 2, 2, {0}, {0}, 0}, 0, 5},
        {"one place is one witness", 95, {43, 41, 1, 1, {0}, {0}, 0}, 0, 5},
        {"one place and one cluster are two", 95, {43, 41, 1, 1, {0}, {0}, 0}, 1, 10},
        {"one client and one cluster may each have a bad way", 95, {1, 1, 1, 1, {0}, {0}, 0}, 1, 5},
        {"one client that has committed and one cluster", 95, {1, 1, 1, 1, {0}, {0}, 1}, 1, 10},
        {"one client and two clusters", 95, {1, 1, 1, 1, {0}, {0}, 0}, 2, 10},
        {"two clients and one cluster", 95, {2, 2, 1, 1, {0}, {0}, 0}, 1, 10},
        {"clusters alone are not clients", 95, {43, 0, 2, 0, {0}, {0}, 0}, 2, 5},
        {"most do not miss it", 95, {43, 21, 2, 2, {0}, {0}, 0}, 2, 5},
        {"most places do not", 95, {43, 41, 5, 2, {0}, {0}, 0}, 2, 5},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct verdict_witness w[2] = {witness("lon1", 1, 350), witness("par1", 2, 350)};
        struct verdict_input in = expired();
        in.opinion = DETECTOR_SUSPECT;
        in.figures.life_age = duration_ms(300);
        in.life_at = ago(300);
        in.suspected_since = ago(rows[i].suspected_ms);
        in.clients = rows[i].clients;
        in.clients.forget_at = ago(-700);
        in.witnesses = w;
        in.witness_count = (size_t)rows[i].witnesses;
        struct verdict_result out = judge(&in);
        cr_expect_eq(out.rule, rows[i].rule, "%s: %d", rows[i].what, out.rule);
        if (rows[i].rule == 10) {
            in.clients.forget_at = ago(0);
            cr_expect_eq(judge(&in).rule, 5, "%s: a word is forgotten", rows[i].what);
            in.clients.forget_at = ago(-700);
            in.media_heard_at = ago(100);
            cr_expect_eq(judge(&in).rule, 5, "%s: a node of it speaks", rows[i].what);
            in.media_heard_at = INSTANT_NEVER;
            in.heard_at = ago(90);
            cr_expect_eq(judge(&in).rule, 5, "%s: it speaks itself", rows[i].what);
            in.heard_at = ago(310);
            w[0] = witness("lon1", 1, 20);
            in.witness_count = 1;
            cr_expect_eq(judge(&in).rule, 5, "%s: somebody has just heard it", rows[i].what);
        }
        if (rows[i].suspected_ms == 94)
            cr_expect_eq(out.again_at.us, ago(-1).us);
    }
}
