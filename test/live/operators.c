#include "test/live/operators.h"

#include "peerd/net/clock.h"
#include "test/live/process.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define PEERCTL_WORDS 6 /* beside the policy's */

/* A process that carries out an event while the run goes on: peerctl. */
struct helper {
    pid_t pid;
    struct instant begun;
    uint32_t site;
    enum scenario_verb verb;
    struct duration deadline;      /* of a drain */
    bool called_off;               /* by an undrain, which it will say */
    char path[SITE_PATH_MAX + 32]; /* what it says */
};

/* NULL: memory is short. */
static struct helper *new_helper(struct operators *o) {
    if (o->helper_count == o->helper_room) {
        uint32_t room = o->helper_room > 0 ? 2 * o->helper_room : 16;
        struct helper *grown = realloc(o->helpers, room * sizeof(*grown));
        if (grown == NULL)
            return NULL;
        o->helpers = grown;
        o->helper_room = room;
    }
    return &o->helpers[o->helper_count++];
}

/* Runs peerctl with those words (the first is what it does, NULL ends them) at a site. */
static struct helper *run_peerctl(struct operators *o, enum scenario_verb verb, struct site *s,
                                  const char *const *words) {
    struct runner *r = o->r;
    char program[SITE_PATH_MAX + 16], policy[SITE_PATH_MAX + 32];
    const char *argv[PEERCTL_WORDS + 4] = {program};
    int count = 1;
    struct helper *h = new_helper(o);
    if (h == NULL) {
        runner_fact(r, FACT_TROUBLE, "no memory for peerctl");
        r->troubled = true;
        return NULL;
    }
    *h = (struct helper){.begun = net_now(), .site = s->index, .verb = verb};
    snprintf(h->path, sizeof(h->path), "%s/peerctl-%" PRIu32 ".log", r->dir, o->helper_count);
    snprintf(program, sizeof(program), "%s/peerctl", r->config.bin);
    snprintf(policy, sizeof(policy), "%s/policy.yaml", s->dir);
    for (; *words != NULL && count <= PEERCTL_WORDS; words++)
        argv[count++] = *words;
    argv[count++] = "--policy";
    argv[count++] = policy;
    FILE *out = fopen(h->path, "we");
    int fd = out != NULL ? fileno(out) : -1;
    /* The operator is at the site: what is cut off can be drained. */
    h->pid = process_start(&(struct process_spec){.argv = argv,
                                                  .place = space_site_place(&r->space, s->index),
                                                  .in = -1,
                                                  .out = fd,
                                                  .err = fd});
    if (out != NULL)
        fclose(out);
    return h;
}

void operators_maintain(struct operators *o, const struct scenario_event *e, struct site *s) {
    struct runner *r = o->r;
    bool drains = e->verb == SCENARIO_VERB_DRAIN;
    char deadline[32];
    const char *words[] = {"undrain", NULL, NULL, NULL, NULL, NULL, NULL};
    uint32_t n = 2;
    for (uint32_t i = 0; i < o->helper_count && !drains; i++)
        o->helpers[i].called_off = o->helpers[i].called_off || o->helpers[i].site == s->index;
    snprintf(deadline, sizeof(deadline), "%" PRId64 "ms", duration_in_ms(e->deadline));
    if (drains) {
        words[0] = "drain";
        words[1] = "--wait";
        if (e->deadline.us > 0) {
            words[n++] = "--deadline";
            words[n++] = deadline;
        }
        if (!name_is_empty(&e->drain_to)) {
            words[n++] = "--to";
            words[n++] = e->drain_to.text;
        }
    }
    struct helper *h = run_peerctl(o, e->verb, s, words);
    if (h == NULL)
        return;
    h->deadline = e->deadline.us > 0 ? e->deadline : r->scenario->limits.drain_deadline;
    runner_fact(r, FACT_ACTION, "%s %s: `peerctl %s%s`; it serves %u listeners",
                drains ? "maintenance at" : "back in service:", s->name.text, words[0],
                drains ? " --wait" : "", runner_served_by(r, s->index));
}

void operators_move(struct operators *o, const struct scenario_move *m) {
    struct runner *r = o->r;
    for (uint32_t i = 0; i < r->listener_count; i++) {
        struct listener *l = &r->listeners[i];
        if (l->group != m->group || l->number != m->number)
            continue;
        if (l->session[0] == '\0' || l->serving >= r->site_count) {
            runner_fact(r, FACT_ACTION, "nobody serves %s", l->name);
            return;
        }
        struct site *s = &r->sites[l->serving];
        const char *const words[] = {"move", l->session, m->to_name.text, NULL};
        if (run_peerctl(o, SCENARIO_VERB_MOVE, s, words) != NULL)
            runner_fact(r, FACT_ACTION, "at %s: `peerctl move` of %s to %s", s->name.text, l->name,
                        m->to_name.text);
        return;
    }
}

static bool is_overdue(const struct helper *h) {
    return instant_reached(net_now(), instant_add(h->begun, h->deadline));
}

/* What a peerctl that has ended says by its status. */
static void tell_peerctl(struct operators *o, const struct helper *h, int status) {
    struct runner *r = o->r;
    double took_s = (double)instant_since(net_now(), h->begun).us / 1e6;
    const char *name = r->sites[h->site].name.text, *what = scenario_verb_name(h->verb);
    bool drains = h->verb == SCENARIO_VERB_DRAIN;
    bool failed = !WIFEXITED(status) || WEXITSTATUS(status) != 0;
    if (drains && h->called_off)
        return;
    if (drains && WIFEXITED(status) && WEXITSTATUS(status) == 1 && is_overdue(h)) {
        runner_fact(r, FACT_ACTION,
                    "%s is not empty: peerctl returned after %.1f s, at the deadline", name,
                    took_s);
    } else if (failed && WIFEXITED(status) && h->verb == SCENARIO_VERB_MOVE) {
        runner_fact(r, FACT_ACTION, "%s refuses that, see %s", name, h->path);
    } else if (o->hurt[h->site] && WIFEXITED(status) && failed) {
        runner_fact(r, FACT_ACTION, "peerctl %s at %s: its peerd has been killed or stopped", what,
                    name);
    } else if (failed) {
        runner_fact(r, FACT_TROUBLE, "peerctl %s at %s failed, see %s", what, name, h->path);
        r->troubled = true;
    } else if (drains) {
        runner_fact(r, FACT_ACTION, "%s is empty: peerctl returned after %.1f s", name, took_s);
    }
}

void operators_reap(struct operators *o) {
    int status;
    for (uint32_t i = 0; i < o->helper_count; i++) {
        struct helper *h = &o->helpers[i];
        if (h->pid == 0 || waitpid(h->pid, &status, WNOHANG) != h->pid)
            continue;
        h->pid = 0;
        tell_peerctl(o, h, status);
    }
}

void operators_end(struct operators *o) {
    for (uint32_t i = 0; i < o->helper_count; i++)
        if (o->helpers[i].pid != 0) {
            kill(o->helpers[i].pid, SIGKILL);
            waitpid(o->helpers[i].pid, NULL, 0);
        }
    free(o->helpers);
}
