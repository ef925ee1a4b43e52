#include "peerd/sim/scenario_text_private.h"

#include "peerd/policy/quantity.h"
#include "peerd/sim/scenario_private.h"

#include <stdio.h>
#include <stdlib.h>

#define PPM 1000000u

/* What happens in a scenario, and what links are like, for people. */

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

void put_quality(struct text *t, const struct path_quality *q) {
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

void put_link(struct text *t, const struct scenario_link *l) {
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

void put_event(struct text *t, const struct scenario_event *e) {
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
