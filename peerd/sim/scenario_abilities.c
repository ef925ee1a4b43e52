#include "peerd/sim/scenario.h"

#include "peerd/policy/quantity.h"
#include "peerd/policy/text.h"

#include <stdio.h>
#include <string.h>

/* What a scenario says that a runner cannot do. */

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

/* Cuts of small regions have been spelled out by the reader. */
static bool names_region(const struct scenario_event *e) {
    bool any = e->link.ends[0].region || e->link.ends[1].region;
    for (uint32_t i = 0; i < e->cut.from_count; i++)
        any |= e->cut.from[i].region;
    for (uint32_t i = 0; i < e->cut.to_count; i++)
        any |= e->cut.to[i].region;
    return any;
}

static void check_event(const struct scenario *s, uint32_t index,
                        const struct scenario_abilities *can, struct faults *faults) {
    const struct scenario_event *e = &s->events[index];
    char path[TREE_PATH_LEN_MAX + 1], what[FAULT_TEXT_LEN_MAX + 1], verbs[FAULT_TEXT_LEN_MAX + 1];
    snprintf(path, sizeof(path), "timeline[%u]", (unsigned)e->row);
    if (!can->verbs[e->verb]) {
        snprintf(what, sizeof(what), "`%s`", scenario_verb_name(e->verb));
        list_verbs(can, verbs, sizeof(verbs));
        fault_hint(refuse(faults, can, e->mark, path, what), "it can %s", verbs);
    } else if (takes_target(e->verb) && !can->parts[e->target.part]) {
        snprintf(what, sizeof(what), "to %s a %s", scenario_verb_name(e->verb),
                 scenario_part_name(e->target.part));
        refuse(faults, can, e->mark, path, what);
    } else if (takes_target(e->verb) && (e->target.region || e->target.provider) && !can->regions) {
        refuse(faults, can, e->mark, path, "a whole region or provider at once");
    } else if (names_region(e) && !can->regions) {
        refuse(faults, can, e->mark, path, "a whole region as one end");
    } else if (e->verb == SCENARIO_VERB_CLOCK && e->clock.step_us != 0 && !can->clock_step) {
        refuse(faults, can, e->mark, path, "a clock that steps");
    } else if (e->verb == SCENARIO_VERB_CLOCK && e->clock.drifts && !can->clock_drift) {
        refuse(faults, can, e->mark, path, "a clock that drifts");
    } else if (e->blackhole && !can->verbs[SCENARIO_VERB_BLACKHOLE]) {
        refuse(faults, can, e->mark, path, "`blackhole`");
    }
}

static void check_clients(const struct scenario_clients *g, uint32_t index,
                          const struct scenario_abilities *can, struct faults *faults) {
    char path[TREE_PATH_LEN_MAX + 1];
    snprintf(path, sizeof(path), "clients[%u]", (unsigned)index);
    if (g->waits && !can->verbs[SCENARIO_VERB_ARRIVE])
        refuse(faults, can, g->mark, path, "listeners that wait for an `arrive`");
    if (g->leaves && !can->verbs[SCENARIO_VERB_LEAVE])
        refuse(faults, can, g->mark, path, "listeners that leave");
    if (g->access_given && !can->links)
        refuse(faults, can, g->mark, path, "delay, jitter or loss of an access line");
    if (g->lies.lie.says != SCENARIO_LIE_NONE && !can->lies)
        refuse(faults, can, g->mark, path, "clients that lie");
}

/* A file can be looked for before anything starts. */
static void check_recording(const struct scenario_source *source, uint32_t index,
                            const struct scenario_abilities *can, struct faults *faults) {
    const char *location = source->source.location.text;
    char path[TREE_PATH_LEN_MAX + 1], what[FAULT_TEXT_LEN_MAX + 1];
    if (location[0] == '\0' || strstr(location, "://") != NULL)
        return;
    const char *why = scenario_file_fault(location);
    if (why == NULL)
        return;
    snprintf(path, sizeof(path), "sources[%u].location", (unsigned)index);
    snprintf(what, sizeof(what), "`%.150s`: %s", location, why);
    refuse(faults, can, source->mark, path, what);
}

static bool is_long(const struct scenario_link *l, struct duration max) {
    struct duration rtt = l->rtt_given ? l->rtt : DURATION_ZERO;
    return duration_less(max,
                         duration_add(rtt, duration_add(l->quality.jitter, l->quality.jitter)));
}

/* The row that made a way so long: the last one that is. */
static struct mark mark_of_rtt(const struct scenario *s, struct duration max) {
    struct mark mark = s->matrix.file[0] != '\0' ? s->matrix.mark : s->clusters_mark;
    for (uint32_t i = 0; i < s->link_count; i++)
        if (is_long(&s->links[i], max))
            mark = s->links[i].mark;
    return mark;
}

/* Each way, with the most jitter. */
static struct duration longest_way(const struct scenario *s, uint32_t from, uint32_t to) {
    struct path_quality q = scenario_way(s, from, false, to, false);
    return duration_add(q.delay, q.jitter);
}

static struct duration longest_rtt(const struct scenario *s) {
    struct duration longest = DURATION_ZERO;
    for (uint32_t i = 0; i < s->cluster_count; i++)
        for (uint32_t k = 0; k < i; k++)
            longest =
                duration_max(longest, duration_add(longest_way(s, i, k), longest_way(s, k, i)));
    return longest;
}

static void refuse_cluster(struct faults *faults, const struct scenario_abilities *can,
                           const struct scenario_cluster *c, const char *what) {
    char path[TREE_PATH_LEN_MAX + 1];
    snprintf(path, sizeof(path), "clusters[%u]", (unsigned)c->row);
    refuse(faults, can, c->mark, path, what);
}

/* More of them than a machine can start in time, or further apart than clusters can get to know
 * each other. */
static void check_size(const struct scenario *s, const struct scenario_abilities *can,
                       struct faults *faults) {
    char what[96], longest[QUANTITY_TEXT_LEN_MAX + 1], max[QUANTITY_TEXT_LEN_MAX + 1];
    uint64_t workers = 0;
    const struct scenario_cluster *beyond = NULL; /* the first that has no room */
    for (uint32_t i = 0; i < s->cluster_count; i++) {
        workers += (uint64_t)s->clusters[i].nodes * s->clusters[i].workers;
        if (can->workers_max > 0 && workers > can->workers_max && beyond == NULL)
            beyond = &s->clusters[i];
    }
    if (beyond != NULL) {
        snprintf(what, sizeof(what), "%llu workers, more than %u", (unsigned long long)workers,
                 (unsigned)can->workers_max);
        refuse_cluster(faults, can, beyond, what);
    }
    if (can->rtt_max.us == 0 || (can->clusters_max > 0 && s->cluster_count > can->clusters_max))
        return;
    struct duration rtt = longest_rtt(s);
    if (!duration_less(can->rtt_max, rtt))
        return;
    snprintf(what, sizeof(what), "a round trip of up to %s between clusters, more than %s",
             quantity_to_text(QUANTITY_DURATION, rtt.us, longest),
             quantity_to_text(QUANTITY_DURATION, can->rtt_max.us, max));
    refuse(faults, can, mark_of_rtt(s, can->rtt_max), "links", what);
}

static void check_lie(const struct scenario *s, uint32_t index,
                      const struct scenario_abilities *can, struct faults *faults) {
    char path[TREE_PATH_LEN_MAX + 1];
    snprintf(path, sizeof(path), "clusters[%u].lies", (unsigned)s->clusters[index].row);
    if (s->clusters[index].lies.says != SCENARIO_LIE_NONE)
        refuse(faults, can, s->clusters[index].mark, path, "a cluster that lies");
}

static void check_choice(const struct scenario *s, uint32_t index,
                         const struct scenario_abilities *can, struct faults *faults) {
    char path[TREE_PATH_LEN_MAX + 1];
    snprintf(path, sizeof(path), "clusters[%u].chooses", (unsigned)s->clusters[index].row);
    if (s->discovery.given && s->clusters[index].chooses > 0 && !can->chooses)
        refuse(faults, can, s->clusters[index].mark, path, "a choice among those whom DNS names");
}

bool scenario_check_abilities(const struct scenario *s, const struct scenario_abilities *can,
                              struct faults *faults) {
    uint64_t clients = 0;
    uint32_t before = faults->count + faults->lost;
    char what[64];
    for (uint32_t i = 0; i < s->event_count; i++) {
        if (i == 0 || s->events[i].row != s->events[i - 1].row) /* once a row */
            check_event(s, i, can, faults);
    }
    for (uint32_t i = 0; i < s->link_count && !can->links; i++)
        refuse(faults, can, s->links[i].mark, "links", "delay, jitter or loss of a link");
    if (s->discovery.given && !can->discovery)
        refuse(faults, can, s->discovery.mark, "discovery", "peers that DNS names");
    if (s->stream_count > 0 && !can->players)
        refuse(faults, can, s->streams_mark, "streams", "streams, and players of them");
    if (s->matrix.file[0] != '\0' && !can->links)
        refuse(faults, can, s->matrix.mark, "rtt_matrix", "delays of links");
    for (uint32_t i = 0; i < s->source_count && can->recordings; i++)
        check_recording(&s->sources[i], i, can, faults);
    if (s->expectations.whole && !can->whole)
        refuse(faults, can, s->expectations.whole_mark, "expectations.whole",
               "a look into every table");
    uint32_t beyond = UINT32_MAX; /* the first group that has no room */
    for (uint32_t i = 0; i < s->client_group_count; i++) {
        check_clients(&s->clients[i], i, can, faults);
        clients += s->clients[i].count;
        if (can->clients_max > 0 && clients > can->clients_max && beyond == UINT32_MAX)
            beyond = i;
    }
    for (uint32_t i = 0; i < s->cluster_count && !can->lies; i++)
        check_lie(s, i, can, faults);
    for (uint32_t i = 0; i < s->cluster_count; i++)
        check_choice(s, i, can, faults);
    if (beyond != UINT32_MAX) {
        char path[TREE_PATH_LEN_MAX + 1];
        snprintf(path, sizeof(path), "clients[%u]", (unsigned)beyond);
        snprintf(what, sizeof(what), "%llu clients, more than %u", (unsigned long long)clients,
                 (unsigned)can->clients_max);
        refuse(faults, can, s->clients[beyond].mark, path, what);
    }
    if (can->clusters_max > 0 && s->cluster_count > can->clusters_max) {
        snprintf(what, sizeof(what), "%u clusters, more than %u", (unsigned)s->cluster_count,
                 (unsigned)can->clusters_max);
        refuse_cluster(faults, can, &s->clusters[can->clusters_max], what);
    }
    check_size(s, can, faults);
    return faults->count + faults->lost == before;
}
