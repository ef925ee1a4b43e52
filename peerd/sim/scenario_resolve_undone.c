#include "peerd/sim/scenario_private.h"

/*
 * What is undone must have been done: a restart, a continue or a heal that names one cluster, or
 * two sides, and comes after nothing that could have killed, stopped or cut them off, is a slip of
 * whoever wrote it. What names everybody (`all`, `last`, `serving`, a region) may find nothing to
 * do.
 */

/* May it have begun when the other one is over? */
static bool comes_before(const struct scenario_event *a, const struct scenario_event *b) {
    return !duration_less(b->at.to, a->at.from);
}

static bool is_one(const struct scenario *s, const struct scenario_target *t) {
    return !t->region && !t->provider && t->cluster < s->cluster_count;
}

static bool may_hit(const struct scenario *s, const struct scenario_target *t, uint32_t cluster) {
    const struct policy_cluster *c = &s->clusters[cluster].identity;
    if (t->region || t->provider)
        return name_equal(&t->name, t->region ? &c->region : &c->provider);
    return t->cluster == cluster || t->cluster >= s->cluster_count;
}

/* A site takes its parts along, and a node its workers; what is left of a part is its site. */
static bool may_hit_part(const struct scenario_target *done, const struct scenario_target *undone) {
    return done->part == undone->part || done->part == SCENARIO_PART_SITE ||
           undone->part == SCENARIO_PART_SITE ||
           (done->part == SCENARIO_PART_NODE && undone->part == SCENARIO_PART_WORKER);
}

static bool side_meets(const struct scenario_end *ends, uint32_t count,
                       const struct scenario_end *end) {
    for (uint32_t i = 0; i < count; i++) {
        bool wide = ends[i].index >= SCENARIO_LAST || end->index >= SCENARIO_LAST;
        if (wide || ends[i].region || end->region ||
            (ends[i].group == end->group && ends[i].index == end->index))
            return true;
    }
    return false;
}

/* The cut may have touched one of these ends. */
static bool may_cut(const struct scenario *s, const struct scenario_event *done,
                    const struct scenario_end *ends, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        const struct scenario_end *end = &ends[i];
        bool cluster = !end->group && !end->region && end->index < s->cluster_count;
        bool dark = done->verb == SCENARIO_VERB_BLACKHOLE ||
                    (done->verb == SCENARIO_VERB_KILL && done->blackhole);
        if (dark && (!cluster || may_hit(s, &done->target, end->index)))
            return true;
        if (done->verb == SCENARIO_VERB_PARTITION &&
            (side_meets(done->cut.from, done->cut.from_count, end) ||
             side_meets(done->cut.to, done->cut.to_count, end)))
            return true;
    }
    return false;
}

static bool undoes(const struct scenario *s, const struct scenario_event *done,
                   const struct scenario_event *e) {
    bool hits = done->verb != SCENARIO_VERB_PARTITION && is_one(s, &e->target) &&
                may_hit(s, &done->target, e->target.cluster);
    switch (e->verb) {
    case SCENARIO_VERB_RESTART: /* which ends a blackhole of its site, too */
        return hits &&
               (done->verb == SCENARIO_VERB_BLACKHOLE ||
                (done->verb == SCENARIO_VERB_KILL && may_hit_part(&done->target, &e->target)));
    case SCENARIO_VERB_CONTINUE:
        return hits && done->verb == SCENARIO_VERB_STOP && may_hit_part(&done->target, &e->target);
    case SCENARIO_VERB_HEAL:
        return may_cut(s, done, e->cut.from, e->cut.from_count);
    case SCENARIO_VERB_KILL:
    case SCENARIO_VERB_STOP:
    case SCENARIO_VERB_SLOW:
    case SCENARIO_VERB_DRAIN:
    case SCENARIO_VERB_UNDRAIN:
    case SCENARIO_VERB_REKEY:
    case SCENARIO_VERB_BLACKHOLE:
    case SCENARIO_VERB_PARTITION:
    case SCENARIO_VERB_LINK:
    case SCENARIO_VERB_ARRIVE:
    case SCENARIO_VERB_LEAVE:
    case SCENARIO_VERB_MOVE:
    case SCENARIO_VERB_CLOCK:
    case SCENARIO_VERB_POLICY:
    case SCENARIO_VERB_DNS:
    case SCENARIO_VERB_COUNT:
        return true;
    }
    return true;
}

/* It names somebody, and does not merely sweep up. */
static bool is_meant(const struct scenario *s, const struct scenario_event *e) {
    if (e->verb == SCENARIO_VERB_RESTART || e->verb == SCENARIO_VERB_CONTINUE)
        return is_one(s, &e->target);
    return e->verb == SCENARIO_VERB_HEAL && !e->cut.sweeps && e->cut.from_count > 0 &&
           !e->cut.from[0].region && e->cut.from[0].index < SCENARIO_LAST;
}

static const char *what_is_undone(const struct scenario_event *e) {
    return e->verb == SCENARIO_VERB_RESTART    ? "killed"
           : e->verb == SCENARIO_VERB_CONTINUE ? "stopped"
                                               : "cut off";
}

void resolve_undone(struct resolving *r, struct tree_node *list) {
    const struct scenario *s = r->s;
    uint32_t refused = UINT32_MAX; /* row: each once */
    for (uint32_t i = 0; i < s->event_count; i++) {
        const struct scenario_event *e = &s->events[i];
        bool found = !is_meant(s, e);
        for (uint32_t k = 0; k < s->event_count && !found; k++)
            found = k != i && s->events[k].verb != e->verb && comes_before(&s->events[k], e) &&
                    undoes(s, &s->events[k], e);
        if (found || e->row == refused)
            continue;
        struct tree_node *node = tree_find(tree_child(list, e->row), scenario_verb_name(e->verb));
        struct fault *x = fault_add(r->run->faults, node, NULL);
        fault_expected(x, "what an earlier entry has %s", what_is_undone(e));
        fault_found(x, "`%s`, which none has",
                    e->verb == SCENARIO_VERB_HEAL ? e->cut.from[0].name.text : e->target.name.text);
        refused = e->row;
    }
}
