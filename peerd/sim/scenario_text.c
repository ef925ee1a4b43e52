#include "peerd/sim/scenario.h"

#include "peerd/policy/quantity.h"
#include "peerd/policy/text.h"

#include <stdio.h>
#include <string.h>

/* What a scenario says, for people; and what a runner cannot do, likewise. */

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

static void put_link(struct text *t, const struct scenario_link *l) {
    char loss[QUANTITY_TEXT_LEN_MAX + 1];
    text_putf(t, "%s%s%s: rtt ", l->ends[0].name.text,
              l->ends[0].index == SCENARIO_ALL && l->ends[1].index == SCENARIO_ALL ? "" : " and ",
              l->ends[0].index == SCENARIO_ALL && l->ends[1].index == SCENARIO_ALL
                  ? ""
                  : l->ends[1].name.text);
    put_duration(t, l->rtt);
    text_putf(t, ", jitter ");
    put_duration(t, l->quality.jitter);
    text_putf(t, ", loss %s", quantity_to_text(QUANTITY_PERCENT, l->quality.loss_ppm, loss));
}

static void put_event(struct text *t, const struct scenario_event *e) {
    text_putf(t, "%s ", scenario_verb_name(e->verb));
    switch (e->verb) {
    case SCENARIO_VERB_KILL:
    case SCENARIO_VERB_RESTART:
    case SCENARIO_VERB_STOP:
    case SCENARIO_VERB_CONTINUE:
    case SCENARIO_VERB_DRAIN:
    case SCENARIO_VERB_UNDRAIN:
    case SCENARIO_VERB_BLACKHOLE:
        text_putf(t, "%s ", scenario_part_name(e->target.part));
        if (e->target.part == SCENARIO_PART_NODE || e->target.part == SCENARIO_PART_WORKER)
            text_putf(t, "%u of ", (unsigned)e->target.number);
        text_putf(t, "%s%s", e->target.name.text, e->blackhole ? ", blackholed" : "");
        if (e->deadline.us > 0) {
            text_putf(t, " within ");
            put_duration(t, e->deadline);
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
        if (e->crowd.count == UINT32_MAX)
            text_putf(t, "all of %s", e->crowd.name.text);
        else
            text_putf(t, "%u of %s", (unsigned)e->crowd.count, e->crowd.name.text);
        break;
    case SCENARIO_VERB_CLOCK:
        text_putf(t, "%s: %+lld us, %+d ppm", e->target.name.text, (long long)e->clock.step_us,
                  (int)e->clock.drift_ppm);
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

static void put_clients(struct text *t, const struct scenario *s) {
    for (uint32_t i = 0; i < s->client_group_count; i++) {
        const struct scenario_clients *g = &s->clients[i];
        text_putf(t, "  clients   %u x %s: %s %s of %s, buffer ", (unsigned)g->count, g->name.text,
                  g->service.text, g->profile.text, g->source.text);
        put_duration(t, g->buffer);
        text_putf(t, ", at ");
        for (uint32_t k = 0; k < g->open_at_count; k++)
            text_putf(t, "%s%s", k > 0 ? ", " : "", g->open_at_names[k].text);
        text_putf(t, "%s%s, from ", g->open_at_count == 0 ? "all" : "",
                  g->spread ? " in turn" : "");
        put_when(t, &g->start);
        text_putf(t, "\n");
    }
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
    if (e->whole)
        text_putf(t, "  expects   everything whole at the end\n");
    for (uint32_t i = 0; i < e->move_count; i++) {
        const struct scenario_moves *m = &e->moves[i];
        text_putf(t, "  expects   %u", (unsigned)m->min);
        text_putf(t, m->max == UINT32_MAX ? " or more" : " to %u", (unsigned)m->max);
        text_putf(t, " moves, cause %s, of %s\n", scenario_cause_name(m->cause),
                  m->of_index == SCENARIO_ALL ? "all" : m->of.text);
    }
    for (uint32_t i = 0; i < e->must_not_move_count; i++)
        text_putf(t, "  expects   no move of %s\n", e->must_not_move_names[i].text);
}

size_t scenario_describe(const struct scenario *s, char *out, size_t size) {
    struct text t = text_over(out, size);
    text_putf(&t, "%s%s%s\n  lasts     ", s->name.text, s->description[0] != '\0' ? ": " : "",
              s->description);
    put_duration(&t, s->duration);
    if (s->seed_given)
        text_putf(&t, ", seed %llu", (unsigned long long)s->seed);
    text_putf(&t, "\n  clusters  ");
    for (uint32_t i = 0; i < s->cluster_count; i++)
        text_putf(&t, "%s%s", i > 0 ? ", " : "", s->clusters[i].identity.name.text);
    text_putf(&t, "\n");
    put_clients(&t, s);
    for (uint32_t i = 0; i < s->event_count; i++) {
        text_putf(&t, "  at ");
        put_when(&t, &s->events[i].at);
        text_putf(&t, ": ");
        put_event(&t, &s->events[i]);
        text_putf(&t, "\n");
    }
    put_expectations(&t, &s->expectations);
    return t.len;
}

/* ---- what a runner cannot do ---- */

static struct fault *refuse(struct faults *faults, const struct scenario_abilities *can,
                            struct mark mark, const char *path, const char *what) {
    struct fault *x = fault_add_at(faults, mark, path);
    fault_expected(x, "something that %s can do", can->runner);
    fault_found(x, "%s", what);
    return x;
}

static void list_verbs(const struct scenario_abilities *can, char *out, size_t size) {
    struct text t = text_over(out, size);
    for (enum scenario_verb v = 0; v < SCENARIO_VERB_COUNT; v++) {
        if (can->verbs[v])
            text_putf(&t, "%s%s", t.len > 0 ? ", " : "", scenario_verb_name(v));
    }
}

static bool takes_target(enum scenario_verb v) {
    static const bool takes[] = {
#define SCENARIO_VERB_TAKES(symbol, key, target, text) target,
        SCENARIO_VERBS(SCENARIO_VERB_TAKES)
#undef SCENARIO_VERB_TAKES
    };
    return v < SCENARIO_VERB_COUNT && takes[v];
}

static void check_event(const struct scenario *s, uint32_t index,
                        const struct scenario_abilities *can, struct faults *faults) {
    const struct scenario_event *e = &s->events[index];
    char path[TREE_PATH_LEN_MAX + 1], what[FAULT_TEXT_LEN_MAX + 1], verbs[FAULT_TEXT_LEN_MAX + 1];
    snprintf(path, sizeof(path), "timeline[%u]", (unsigned)index);
    if (!can->verbs[e->verb]) {
        snprintf(what, sizeof(what), "`%s`", scenario_verb_name(e->verb));
        list_verbs(can, verbs, sizeof(verbs));
        fault_hint(refuse(faults, can, e->mark, path, what), "it can %s", verbs);
    } else if (takes_target(e->verb) && !can->parts[e->target.part]) {
        snprintf(what, sizeof(what), "to %s a %s", scenario_verb_name(e->verb),
                 scenario_part_name(e->target.part));
        refuse(faults, can, e->mark, path, what);
    } else if (e->blackhole && !can->verbs[SCENARIO_VERB_BLACKHOLE]) {
        refuse(faults, can, e->mark, path, "`blackhole`");
    }
}

bool scenario_check_abilities(const struct scenario *s, const struct scenario_abilities *can,
                              struct faults *faults) {
    uint64_t clients = 0;
    uint32_t before = faults->count + faults->lost;
    char what[64];
    for (uint32_t i = 0; i < s->event_count; i++)
        check_event(s, i, can, faults);
    for (uint32_t i = 0; i < s->link_count && !can->links; i++)
        refuse(faults, can, s->links[i].mark, "links", "delay, jitter or loss of a link");
    if (s->expectations.whole && !can->whole)
        refuse(faults, can, (struct mark){0, 0}, "expectations.whole", "a look into every table");
    for (uint32_t i = 0; i < s->client_group_count; i++)
        clients += s->clients[i].count;
    if (can->clients_max > 0 && clients > can->clients_max) {
        snprintf(what, sizeof(what), "%llu clients, more than %u", (unsigned long long)clients,
                 (unsigned)can->clients_max);
        refuse(faults, can, (struct mark){0, 0}, "clients", what);
    }
    if (can->clusters_max > 0 && s->cluster_count > can->clusters_max) {
        snprintf(what, sizeof(what), "%u clusters, more than %u", (unsigned)s->cluster_count,
                 (unsigned)can->clusters_max);
        refuse(faults, can, (struct mark){0, 0}, "clusters", what);
    }
    return faults->count + faults->lost == before;
}
