/*
 * The shoot-out: ours and the customary failure detectors on the same trace of heartbeats.
 *
 *   detector --trace FILE --interval-ms N --wish detect_within=400ms,false_alarm_every=1h [--json]
 *   detector --generate KIND --hours H --interval-ms N --seed S > FILE
 *   detector [--quick] [--json]         every kind of path, made up, with seeds of its own
 *   detector --drawn N [--seed S]       N paths of which everything is drawn (drawn.h)
 *   detector --argument [--json]        paths on one of which whoever it is fails (argument.h)
 *
 * Each rival is swept over its parameter; ours is told the wish. A table, and a picture beside the
 * program; with --json one object on the last line:
 *   {"detectors":{"NAME":[{"param":...,"td_ms_p50":...,"td_ms_p99":...,"mistakes_per_hour":...}]}}
 * `peerd` has one entry, for the wish, with what it says of the path; `peerd_swept` has one for
 * each of a range of `false_alarm_every`, for the curve. Beside them stands the rival that was
 * never wrong in the ten minutes after the first and is the soonest of those
 * (`chosen_by_first_minutes`): one that is tuned, as ours is, by what has been, and kept so.
 */
#include "peerd/policy/quantity.h"
#include "test/bench/argument.h"
#include "test/bench/beats.h"
#include "test/bench/drawn.h"
#include "test/bench/picture.h"
#include "test/bench/replay.h"
#include "test/bench/sheet.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NEAR         1.1 /* times the best rival's time */
#define NEAR_SHARE   0.9 /* of paths must be: a rival tuned in hindsight knows what chance brings */
#define SETS_MAX     12
#define RESULTS_MAX  40
#define DEATHS       5000
#define DEATHS_QUICK 1000

struct options {
    const char *trace;
    const char *generate;
    double interval_ms;
    double hours;
    uint64_t seed;
    uint64_t drawn; /* paths */
    bool json, quick, argument;
    struct detector_wish wish;
};

/* What ours says of itself while it runs. */
struct says {
    uint64_t beats, unmet;
    int64_t begin_us;
    struct detector_figures last;
};

struct outcome {
    struct picture_set sets[SETS_MAX];
    struct replay_result results[SETS_MAX][RESULTS_MAX];
    size_t count;
    struct replay_result ours;
    struct says says;
};

static void note(void *data, const struct rival *r, int64_t now_us) {
    struct says *s = data;
    if (s->begin_us == 0)
        s->begin_us = now_us + REPLAY_LEARN_US;
    if (now_us < s->begin_us)
        return;
    s->last = detector_figures(&r->u.detector, instant_us(now_us));
    s->beats++;
    s->unmet += !s->last.meets_wish;
}

/* ---- running --------------------------------------------------------------------------------- */

static struct picture_set *add_set(struct outcome *o, const char *name) {
    struct picture_set *set = &o->sets[o->count];
    *set = (struct picture_set){.name = name, .results = o->results[o->count]};
    o->count++;
    return set;
}

static void run_rivals(struct outcome *o, const struct replay *p, const struct options *opt) {
    static struct rival r;
    for (const struct rival_kind *k = rival_kinds(); k->name != NULL; k++) {
        struct picture_set *set = add_set(o, k->name);
        for (; set->count < RESULTS_MAX && k->params[set->count] > 0; set->count++) {
            rival_start(&r, k, k->params[set->count], opt->interval_ms * 1e3);
            o->results[o->count - 1][set->count] = replay_run(p, &r, NULL, NULL);
            if (k->params[set->count] == k->customary)
                set->customary = set->count + 1;
        }
    }
}

static void run_ours(struct outcome *o, const struct replay *p, const struct options *opt) {
    static struct rival r;
    const struct rival_kind *k = rival_ours();
    rival_start_ours(&r, &opt->wish);
    o->ours = replay_run(p, &r, note, &o->says);
    struct picture_set *one = add_set(o, "peerd");
    o->results[o->count - 1][one->count++] = o->ours;
    struct picture_set *set = add_set(o, "peerd_swept");
    for (; k->params[set->count] > 0; set->count++) {
        struct detector_wish wish = opt->wish;
        wish.false_alarm_every = duration_s((int64_t)k->params[set->count]);
        rival_start_ours(&r, &wish);
        o->results[o->count - 1][set->count] = replay_run(p, &r, NULL, NULL);
    }
}

static void run_all(struct outcome *o, const struct beats *b, const struct options *opt) {
    struct replay p;
    memset(o, 0, sizeof(*o));
    replay_init(&p, b, opt->quick ? DEATHS_QUICK : DEATHS, opt->seed + 1);
    run_ours(o, &p, opt);
    run_rivals(o, &p, opt);
    replay_free(&p);
}

/* ---- comparing ------------------------------------------------------------------------------- */

static bool is_ours(const struct picture_set *set) {
    return strncmp(set->name, "peerd", 5) == 0;
}

/* The soonest of all rivals with no more mistakes than that, of all or of the early ones. */
static const struct replay_result *soonest(const struct outcome *o, uint64_t mistakes,
                                           uint64_t early, const char **name) {
    const struct replay_result *best = NULL;
    for (size_t i = 0; i < o->count; i++)
        for (size_t n = 0; !is_ours(&o->sets[i]) && n < o->sets[i].count; n++) {
            const struct replay_result *r = &o->sets[i].results[n];
            if (r->mistakes > mistakes || r->mistakes_early > early ||
                (best != NULL && r->td_ms_p99 >= best->td_ms_p99))
                continue;
            best = r;
            *name = o->sets[i].name;
        }
    return best;
}

/* Tuned in hindsight, and wrong no more often than we are. */
static const struct replay_result *best_rival(const struct outcome *o, const char **name) {
    return soonest(o, o->ours.mistakes, UINT64_MAX, name);
}

/* Tuned as far as one may while it runs: by the first minutes, in which it was never wrong. What
 * the best in hindsight has over it is what those minutes cannot tell, for nobody. */
static const struct replay_result *chosen_rival(const struct outcome *o, const char **name) {
    return soonest(o, UINT64_MAX, 0, name);
}

static bool is_near(const struct outcome *o, const struct replay_result *r) {
    const char *name;
    const struct replay_result *best = soonest(o, r->mistakes, UINT64_MAX, &name);
    return best == NULL || r->td_ms_p99 <= NEAR * best->td_ms_p99;
}

/* No more mistakes than the wish allows in the time that there was, rounded up. */
static bool keeps_wish(const struct replay_result *r, const struct options *opt) {
    double allowed = r->hours * 3600e6 / (double)opt->wish.false_alarm_every.us;
    return (double)r->mistakes <= ceil(allowed);
}

/* One that, with its customary setting, is both sooner and more often right. */
static const char *beaten_by(const struct outcome *o, const struct replay_result *ours) {
    for (size_t i = 0; i < o->count; i++) {
        const struct picture_set *s = &o->sets[i];
        if (s->customary == 0)
            continue;
        const struct replay_result *r = &s->results[s->customary - 1];
        if (r->td_ms_p99 < ours->td_ms_p99 && r->mistakes < ours->mistakes)
            return s->name;
    }
    return NULL;
}

static double finite_s(struct duration d) {
    return d.us >= INT64_MAX / 2 ? 1e9 : (double)d.us / 1e6;
}

/* ---- telling --------------------------------------------------------------------------------- */

static json_t *result_json(const struct replay_result *r) {
    return json_pack("{s:f,s:f,s:f,s:f,s:f,s:I}", "param", r->param, "td_ms_p50", r->td_ms_p50,
                     "td_ms_p99", r->td_ms_p99, "td_ms_max", r->td_ms_max, "mistakes_per_hour",
                     r->mistakes_per_hour, "mistakes", (json_int_t)r->mistakes);
}

static void put_words(json_t *entry, const struct outcome *o) {
    const struct says *s = &o->says;
    double share = s->beats == 0 ? 0 : (double)s->unmet / (double)s->beats;
    json_object_set_new(entry, "meets_wish", json_boolean(s->last.meets_wish));
    json_object_set_new(entry, "says_unmet_share", json_real(share));
    json_object_set_new(entry, "bound_ms", json_real((double)s->last.bound.us / 1e3));
    json_object_set_new(entry, "bound_needed_ms", json_real(finite_s(s->last.needs) * 1e3));
    json_object_set_new(entry, "mistake_every_s_estimated", json_real(finite_s(s->last.recurs)));
}

static json_t *outcome_json(const struct outcome *o) {
    json_t *root = json_object(), *detectors = json_object();
    for (size_t i = 0; i < o->count; i++) {
        json_t *list = json_array();
        for (size_t n = 0; n < o->sets[i].count; n++) {
            json_t *entry = result_json(&o->sets[i].results[n]);
            if (strcmp(o->sets[i].name, "peerd") == 0)
                put_words(entry, o);
            if (o->sets[i].customary == n + 1)
                json_object_set_new(entry, "customary", json_true());
            json_array_append_new(list, entry);
        }
        json_object_set_new(detectors, o->sets[i].name, list);
    }
    json_object_set_new(root, "detectors", detectors);
    const char *name = "";
    const struct replay_result *r = chosen_rival(o, &name);
    if (r != NULL) {
        json_t *chosen = result_json(r);
        json_object_set_new(chosen, "name", json_string(name));
        json_object_set_new(root, "chosen_by_first_minutes", chosen);
    }
    return root;
}

static void print_outcome(const struct outcome *o) {
    printf("%-12s %10s %9s %9s %12s\n", "detector", "param", "TD p50", "TD p99", "mistakes/h");
    for (size_t i = 0; i < o->count; i++)
        for (size_t n = 0; n < o->sets[i].count; n++) {
            const struct replay_result *r = &o->sets[i].results[n];
            printf("%-12s %10g %9.1f %9.1f %12.2f%s\n", o->sets[i].name, r->param, r->td_ms_p50,
                   r->td_ms_p99, r->mistakes_per_hour,
                   o->sets[i].customary == n + 1 ? "  customary" : "");
        }
    const struct says *s = &o->says;
    printf("peerd says: the wish %s be met; T_D %.0f ms, a mistake every %.0f s expected, "
           "%.0f ms would meet it; unmet in %.0f %% of the time\n",
           s->last.meets_wish ? "can" : "cannot", (double)s->last.bound.us / 1e3,
           finite_s(s->last.recurs), finite_s(s->last.needs) * 1e3,
           s->beats == 0 ? 0 : 100.0 * (double)s->unmet / (double)s->beats);
}

static void print_line(const struct outcome *o, const char *title) {
    const char *name = "-", *beaten = beaten_by(o, &o->ours);
    const struct replay_result *best = best_rival(o, &name);
    double best_ms = best == NULL ? NAN : best->td_ms_p99;
    const char *name_chosen = "-";
    const struct replay_result *chosen = chosen_rival(o, &name_chosen);
    printf("%-12s %8.1f %8.1f %8.2f  %-6s %5.0f%%  %-8s %8g %8.1f %8.2f  %6.2f  %-9s  %-8s %8.1f "
           "%8.2f\n",
           title, o->ours.td_ms_p50, o->ours.td_ms_p99, o->ours.mistakes_per_hour,
           o->says.last.meets_wish ? "yes" : "no",
           o->says.beats == 0 ? 0 : 100.0 * (double)o->says.unmet / (double)o->says.beats, name,
           best == NULL ? NAN : best->param, best_ms, best == NULL ? NAN : best->mistakes_per_hour,
           o->ours.td_ms_p99 / best_ms, beaten == NULL ? "-" : beaten, name_chosen,
           chosen == NULL ? NAN : chosen->td_ms_p99,
           chosen == NULL ? NAN : chosen->mistakes_per_hour);
}

static void print_head(void) {
    printf("%-12s %8s %8s %8s  %-6s %6s  %-8s %8s %8s %8s  %6s  %-9s  %-8s %8s %8s\n", "path",
           "TD p50", "TD p99", "mist/h", "meets", "unmet", "best", "param", "TD p99", "mist/h",
           "ratio", "beaten by", "chosen", "TD p99", "mist/h");
}

static void draw(const struct outcome *o, const struct options *opt, const char *title) {
    char path[128], name[64];
    snprintf(name, sizeof(name), "%.60s", title);
    for (char *p = name; *p != '\0'; p++)
        if (strchr("/:. ", *p) != NULL)
            *p = '-';
    snprintf(path, sizeof(path), "build/bench/detector-%s.svg", name);
    if (picture_write(path, title, o->sets, o->count,
                      3600.0 / ((double)opt->wish.false_alarm_every.us / 1e6),
                      (double)opt->wish.detect_within.us / 1e3))
        printf("%s\n", path);
}

/* ---- commands -------------------------------------------------------------------------------- */

static int shoot_out(const struct options *opt) {
    static struct outcome o;
    struct beats b;
    beats_read(&b, opt->trace);
    run_all(&o, &b, opt);
    const char *slash = strrchr(opt->trace, '/');
    if (opt->json) {
        json_t *root = outcome_json(&o);
        json_dumpf(root, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
        putchar('\n');
        json_decref(root);
    } else {
        print_outcome(&o);
        draw(&o, opt, slash == NULL ? opt->trace : slash + 1);
    }
    beats_free(&b);
    return 0;
}

static const char *const paths[] = {"loss:0",  "loss:0.5", "loss:1",    "loss:2",    "loss:5",
                                    "loss:10", "loss:20",  "burst:2:2", "burst:2:4", "burst:10:3",
                                    "diurnal", "steps",    "satellite", "heavy",     "wander"};

static int every_path(const struct options *opt) {
    static struct outcome o;
    json_t *root = json_object();
    print_head();
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct beats b;
        if (beats_generate(&b, paths[i], opt->quick ? 0.2 : opt->hours, opt->interval_ms,
                           opt->seed + i) != 0)
            sheet_die("%s: no such path", paths[i]);
        run_all(&o, &b, opt);
        print_line(&o, paths[i]);
        draw(&o, opt, paths[i]);
        json_object_set_new(root, paths[i], outcome_json(&o));
        beats_free(&b);
    }
    if (opt->json) {
        json_dumpf(root, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
        putchar('\n');
    }
    json_decref(root);
    return 0;
}

struct tally {
    unsigned near, kept, honest;
};

static void count(struct tally *t, const struct outcome *o, const struct replay_result *r,
                  bool honest, const struct options *opt) {
    t->near += is_near(o, r);
    t->kept += keeps_wish(r, opt);
    t->honest += honest;
}

/* Paths that nothing was tuned to, one a seed; a line each, and how it came out. Status 1 where too
 * few come near. */
static int drawn_paths(const struct options *opt) {
    static struct outcome o;
    struct tally ours = {0}, chosen = {0};
    unsigned beaten = 0;
    char what[96];
    print_head();
    for (uint64_t i = 0; i < opt->drawn; i++) {
        struct beats b;
        drawn_beats(&b, opt->hours, opt->interval_ms, opt->seed + i, what, sizeof(what));
        run_all(&o, &b, opt);
        print_line(&o, what);
        const char *name;
        const struct replay_result *r = chosen_rival(&o, &name);
        count(&ours, &o, &o.ours, keeps_wish(&o.ours, opt) || o.says.unmet > 0, opt);
        if (r != NULL)
            count(&chosen, &o, r, keeps_wish(r, opt), opt);
        beaten += beaten_by(&o, &o.ours) != NULL;
        beats_free(&b);
    }
    printf("{\"drawn\":%d,\"seed\":%llu,\"near\":%u,\"kept\":%u,\"kept_or_said\":%u,\"beaten\":%u,"
           "\"chosen\":{\"near\":%u,\"kept\":%u}}\n",
           (int)opt->drawn, (unsigned long long)opt->seed, ours.near, ours.kept, ours.honest,
           beaten, chosen.near, chosen.kept);
    if (ours.near >= NEAR_SHARE * (double)opt->drawn)
        return 0;
    fprintf(stderr, "  FAIL  within %g of the best rival on %u of %d paths only\n", NEAR, ours.near,
            (int)opt->drawn);
    return 1;
}

/* ---- what nobody can do ---------------------------------------------------------------------- */

/* Which of the three demands it misses: near the best in hindsight, the wish, no default beats it.
 * To say that the path cannot keep the wish would be wrong on all of these. */
static const char *misses(const struct outcome *o, const struct replay_result *r,
                          const struct options *opt) {
    static char what[4];
    snprintf(what, sizeof(what), "%s%s%s", is_near(o, r) ? "" : "A", keeps_wish(r, opt) ? "" : "B",
             beaten_by(o, r) == NULL ? "" : "C");
    return what[0] == '\0' ? "-" : what;
}

/* Each rival's soonest, in hindsight, of those that are wrong no more often than ours. */
static json_t *bests(const struct outcome *o) {
    json_t *all = json_object();
    for (size_t i = 0; i < o->count; i++) {
        const struct replay_result *best = NULL;
        const struct picture_set *s = &o->sets[i];
        for (size_t n = 0; !is_ours(s) && n < s->count; n++)
            if (s->results[n].mistakes <= o->ours.mistakes &&
                (best == NULL || s->results[n].td_ms_p99 < best->td_ms_p99))
                best = &s->results[n];
        if (best == NULL)
            continue;
        printf("  %s %g: %.0f ms, %d", s->name, best->param, best->td_ms_p99, (int)best->mistakes);
        json_object_set_new(all, s->name, result_json(best));
    }
    putchar('\n');
    return all;
}

/* One path: ours, the best of each rival, and those that turn after 0, 1, 2 … mistakes or, the
 * last, never; of them `failed` notes who has missed anything. */
static json_t *argue(const struct beats *b, unsigned lost, unsigned turns, size_t alike,
                     bool failed[], const struct options *opt) {
    static struct outcome o;
    static struct rival r;
    struct replay p;
    run_all(&o, b, opt);
    const char *what = misses(&o, &o.ours, opt);
    printf("%u lost; the next is the same for the first %zu beats\n", lost, alike);
    printf("  peerd: T_D p99 %.0f ms, %d mistakes, says unmet in %.0f %% of the time; misses %s\n ",
           o.ours.td_ms_p99, (int)o.ours.mistakes,
           o.says.beats == 0 ? 0 : 100.0 * (double)o.says.unmet / (double)o.says.beats, what);
    json_t *path = json_pack("{s:i,s:I,s:o,s:s}", "lost", (int)lost, "alike", (json_int_t)alike,
                             "peerd", result_json(&o.ours), "peerd_misses", what);
    json_object_set_new(path, "best", bests(&o));
    replay_init(&p, b, DEATHS, opt->seed + 1);
    json_t *list = json_array();
    for (unsigned after = 0; after < turns; after++) {
        bool never = after + 1 == turns;
        rival_start(&r, argument_turns_after(), never ? INFINITY : after, opt->interval_ms * 1e3);
        struct replay_result result = replay_run(&p, &r, NULL, NULL);
        what = misses(&o, &result, opt);
        failed[after] = failed[after] || what[0] != '-';
        printf("  waits for one more beat %s %u mistakes: %.0f ms, %d; misses %s\n",
               never ? "never, in spite of" : "after", never ? lost : after, result.td_ms_p99,
               (int)result.mistakes, what);
        json_array_append_new(list, json_pack("{s:i,s:f,s:I,s:s}", "after", (int)after, "td_ms_p99",
                                              result.td_ms_p99, "mistakes",
                                              (json_int_t)result.mistakes, "misses", what));
    }
    replay_free(&p);
    json_object_set_new(path, "waits_longer", list);
    return path;
}

/* Status 1 where one of those that turn misses nothing on any path, or a path is known from the
 * others at once: then it is no argument. */
static int argument(const struct options *opt) {
    double hours = opt->hours - REPLAY_LEARN_US / 3600e6;
    unsigned most = (unsigned)fmin(
        ceil(hours * 3600e6 / (double)opt->wish.false_alarm_every.us) + 1, ARGUMENT_LOST_MAX);
    bool failed[ARGUMENT_LOST_MAX + 1] = {false};
    unsigned fine = 0, early = 0;
    json_t *paths_json = json_array();
    for (unsigned lost = 0; lost <= most; lost++) {
        struct beats b, next;
        argument_beats(&b, lost, most, opt->hours, opt->interval_ms, opt->seed);
        argument_beats(&next, lost < most ? lost + 1 : lost, most, opt->hours, opt->interval_ms,
                       opt->seed);
        size_t alike = argument_alike(&b, &next);
        json_array_append_new(paths_json, argue(&b, lost, most + 1, alike, failed, opt));
        early += (double)alike * opt->interval_ms * 1e3 <= REPLAY_LEARN_US;
        beats_free(&b);
        beats_free(&next);
    }
    for (unsigned after = 0; after <= most; after++)
        fine += !failed[after];
    json_t *root = json_pack("{s:o,s:i,s:i}", "argument", paths_json, "detectors", (int)most + 1,
                             "fail_nowhere", (int)fine);
    if (opt->json) {
        json_dumpf(root, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
        putchar('\n');
    }
    json_decref(root);
    if (fine > 0)
        fprintf(stderr, "  FAIL  %u that wait longer after some mistakes miss nothing\n", fine);
    if (early > 0)
        fprintf(stderr, "  FAIL  %u paths can be told from the next by the first minute\n", early);
    return fine > 0 || early > 0;
}

static int generate(const struct options *opt) {
    struct beats b;
    if (beats_generate(&b, opt->generate, opt->hours, opt->interval_ms, opt->seed) != 0) {
        for (const struct beats_kind *k = beats_kinds(); k->name != NULL; k++)
            fprintf(stderr, "  %-10s %s\n", k->name, k->what);
        sheet_die("%s: no such path; there are those above", opt->generate);
    }
    beats_write(&b, stdout);
    beats_free(&b);
    return 0;
}

/* ---- command line ---------------------------------------------------------------------------- */

static void usage(void) {
    puts("detector --trace FILE --interval-ms N --wish detect_within=400ms,false_alarm_every=1h "
         "[--json]\n"
         "detector --generate KIND --hours H --interval-ms N --seed S > FILE\n"
         "detector [--quick] [--json]    every kind of path, made up\n"
         "detector --drawn N --seed S    paths drawn at random\n"
         "detector --argument            paths on one of which whoever it is fails\n"
         "FILE has a line a beat: sequence send_us arrival_us, `-` for a beat that is lost.\n"
         "Kinds:");
    for (const struct beats_kind *k = beats_kinds(); k->name != NULL; k++)
        printf("  %-10s %s\n", k->name, k->what);
}

/* As policies have it; minutes may be `m`, as in so many tools. */
static bool read_duration(const char *text, struct duration *d) {
    char hint[QUANTITY_HINT_LEN_MAX + 1], copy[32];
    size_t digits = strspn(text, "0123456789");
    bool minutes = digits > 0 && strcmp(text + digits, "m") == 0;
    snprintf(copy, sizeof(copy), "%s%s", text, minutes ? "in" : "");
    return quantity_parse(QUANTITY_DURATION, copy, &d->us, hint);
}

static void read_wish(struct detector_wish *wish, const char *text) {
    char copy[256], *rest = copy;
    snprintf(copy, sizeof(copy), "%s", text);
    for (char *part; (part = strsep(&rest, ",")) != NULL;) {
        char *value = strchr(part, '=');
        struct duration d;
        if (value == NULL)
            sheet_die("--wish: `%s` is not KEY=DURATION", part);
        *value++ = '\0';
        if (!read_duration(value, &d) || d.us <= 0)
            sheet_die("--wish: `%s` is no duration", value);
        if (strcmp(part, "detect_within") == 0)
            wish->detect_within = d;
        else if (strcmp(part, "false_alarm_every") == 0)
            wish->false_alarm_every = d;
        else
            sheet_die("--wish: `%s` is neither detect_within nor false_alarm_every", part);
    }
}

#define INTERVAL_MS_MIN 1
#define INTERVAL_MS_MAX 60000
#define NUMBER_MAX      1e9 /* of hours, milliseconds, seeds and paths: more is a slip */

static double number(const char *option, const char *text) {
    char *end;
    double d = strtod(text, &end);
    if (end == text || *end != '\0' || !(d > 0 && d <= NUMBER_MAX))
        sheet_die("%s: `%s` is no positive number up to %g", option, text, NUMBER_MAX);
    return d;
}

static void read_option(struct options *opt, const char *option, const char *value) {
    if (value == NULL)
        sheet_die("%s: unknown, or without its value; see --help", option);
    if (strcmp(option, "--trace") == 0)
        opt->trace = value;
    else if (strcmp(option, "--generate") == 0)
        opt->generate = value;
    else if (strcmp(option, "--interval-ms") == 0)
        opt->interval_ms = number(option, value);
    else if (strcmp(option, "--hours") == 0)
        opt->hours = number(option, value);
    else if (strcmp(option, "--drawn") == 0)
        opt->drawn = (uint64_t)number(option, value);
    else if (strcmp(option, "--seed") == 0)
        opt->seed = (uint64_t)number(option, value);
    else if (strcmp(option, "--wish") == 0)
        read_wish(&opt->wish, value);
    else
        sheet_die("%s: unknown; see --help", option);
}

int main(int argc, char **argv) {
    struct options opt = {.interval_ms = 100, .hours = 2, .seed = 1};
    opt.wish.detect_within = duration_ms(400);
    opt.wish.false_alarm_every = duration_s(3600);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            usage();
            return 0;
        }
        if (strcmp(argv[i], "--json") == 0)
            opt.json = true;
        else if (strcmp(argv[i], "--quick") == 0)
            opt.quick = true;
        else if (strcmp(argv[i], "--argument") == 0)
            opt.argument = true;
        else {
            read_option(&opt, argv[i], argv[i + 1]);
            i++;
        }
    }
    if (opt.interval_ms < INTERVAL_MS_MIN || opt.interval_ms > INTERVAL_MS_MAX)
        sheet_die("--interval-ms: %g is not from %d to %d", opt.interval_ms, INTERVAL_MS_MIN,
                  INTERVAL_MS_MAX);
    opt.wish.interval = duration_us((int64_t)(opt.interval_ms * 1e3));
    if (opt.argument)
        return argument(&opt);
    if (opt.drawn > 0)
        return drawn_paths(&opt);
    if (opt.generate != NULL)
        return generate(&opt);
    return opt.trace != NULL ? shoot_out(&opt) : every_path(&opt);
}
