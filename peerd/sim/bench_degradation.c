/*
 * Is a bad path of one cluster told apart from a location's own bad access, how soon, and does
 * nothing happen when nothing does?
 */
#include "peerd/sim/bench_degradation.h"

#include "peerd/sim/bench.h"
#include "peerd/wire/json_write.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLIENTS      20
#define CLIENTS_MAX  128
#define INTERVAL_MS  500 /* [ms] as peerclient does */
#define SECONDS      60
#define SECONDS_MAX  3600
#define SEEDS_MAX    100000
#define WITHIN       duration_ms(3000)
#define TOLD_PERCENT 95

static const char help[] =
    "Usage: peersim --bench degradation [OPTION]...\n"
    "Several clusters serve listeners of one location. Under each seed, either the path of the\n"
    "first cluster to it or the location's own access goes bad: does that cluster say which, "
    "within\n"
    "3 s? And under each seed once more, with noise only: does nobody say anything?\n"
    "\n"
    "      --seed N, N..M     of everything drawn, or one after the other (1)\n"
    "      --clients N        listeners of the first cluster, from 5 to 128 (20)\n"
    "      --clients-else N   of all other clusters together, up to 128 (20)\n"
    "      --interval N       ms between two reports of a listener (500)\n"
    "      --seconds N        of each quiet case (60)\n"
    "      --trace            what was said, and of each case how it ended\n"
    "      --json             the answer as one JSON object, in the last line\n"
    "      --help             this text\n"
    "\n"
    "Exit status: 0 if at least 95 % of the degradations are told apart within 3 s and nothing is\n"
    "said of what is quiet; 1 if not; 2 if the options cannot be used.\n";

struct wishes {
    struct bench_seeds seeds;
    uint64_t clients, clients_else, interval_ms, seconds;
    bool trace, json;
};

/* Of one trouble, or of one kind. */
struct tally {
    uint64_t cases, told; /* within 3 s, and rightly */
    uint64_t wrong;       /* the cause */
    uint64_t late;        /* or never */
};

struct sum {
    struct tally troubles[3], kinds[BENCH_KINDS];
    uint64_t cases, early, elsewhere;
    uint64_t quiet, quiet_false; /* cases */
    uint64_t digest_bytes;       /* to one peer … */
    int64_t digest_us;           /* … in so much time of clusters */
    int64_t *after_us;           /* of those told rightly, one a case */
    uint64_t after_count;
};

static bool take_option(struct wishes *w, int option) {
    switch (option) {
    case 's':
        return bench_take_seeds(&w->seeds, optarg);
    case 'c':
        return bench_take_number(&w->clients, 5, CLIENTS_MAX, "clients", optarg);
    case 'e':
        return bench_take_number(&w->clients_else, 0, CLIENTS_MAX, "clients-else", optarg);
    case 'i':
        return bench_take_number(&w->interval_ms, 100, 5000, "interval", optarg);
    case 'n':
        return bench_take_number(&w->seconds, 1, SECONDS_MAX, "seconds", optarg);
    case 't':
        return w->trace = true;
    case 'j':
        return w->json = true;
    case 'b':
        return true;
    default:
        return false;
    }
}

/* −1 to go on; else the exit status. */
static int parse(struct wishes *w, int argc, char **argv) {
    static const struct option options[] = {
        {"bench", required_argument, NULL, 'b'},    {"seed", required_argument, NULL, 's'},
        {"clients", required_argument, NULL, 'c'},  {"clients-else", required_argument, NULL, 'e'},
        {"interval", required_argument, NULL, 'i'}, {"seconds", required_argument, NULL, 'n'},
        {"trace", no_argument, NULL, 't'},          {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},           {NULL, 0, NULL, 0},
    };
    int option;
    *w = (struct wishes){{1, 1}, CLIENTS, CLIENTS, INTERVAL_MS, SECONDS, false, false};
    opterr = 0;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'h') {
            fputs(help, stdout);
            return 0;
        }
        if (option == '?') {
            fprintf(stderr, "peersim: %s is no option here, or lacks its value (see --help)\n",
                    argv[optind - 1]);
            return BENCH_USAGE_STATUS;
        }
        if (!take_option(w, option))
            return BENCH_USAGE_STATUS;
    }
    if (optind < argc) {
        fprintf(stderr, "peersim: %s is not wanted here\n", argv[optind]);
        return BENCH_USAGE_STATUS;
    }
    if (w->seeds.last - w->seeds.first >= SEEDS_MAX) {
        fprintf(stderr, "peersim: at most %d seeds\n", SEEDS_MAX);
        return BENCH_USAGE_STATUS;
    }
    return -1;
}

/* ---- running --------------------------------------------------------------------------------- */

static const char *const trouble_names[] = {"quiet", "path", "access"};
static const char *const kind_names[BENCH_KINDS] = {"loss", "bursts", "delay", "loss_and_delay"};

static void tally(struct tally *t, const struct bench_outcome *o, bool right) {
    bool late = !o->told || duration_less(WITHIN, o->after);
    t->cases++;
    t->told += right && !late;
    t->late += late;
    t->wrong += !late && !right;
}

static void trace(const struct bench_case *c, const struct bench_outcome *o) {
    printf("seed %" PRIu64 ": %s, %s, %u clusters", c->seed, trouble_names[c->trouble],
           c->trouble == BENCH_TROUBLE_NONE ? "noise only" : kind_names[o->kind], o->clusters);
    if (c->trouble != BENCH_TROUBLE_NONE)
        printf(", from %.3f s on%s%s", (double)o->onset.us / 1e6,
               o->told ? ": said to be " : ": nothing said",
               o->told ? degrade_cause_name(o->cause) : "");
    puts("");
    for (uint32_t i = 0; i < o->text_count; i++)
        printf("  %s\n", o->texts[i]);
}

static bool run_case(const struct wishes *w, uint64_t seed, enum bench_trouble trouble,
                     struct sum *s) {
    struct bench_outcome o;
    const struct bench_case c = {.seed = seed,
                                 .trouble = trouble,
                                 .clients = (uint32_t)w->clients,
                                 .clients_else = (uint32_t)w->clients_else,
                                 .interval = duration_ms((int64_t)w->interval_ms),
                                 .length = duration_s((int64_t)w->seconds)};
    if (!bench_case_run(&c, &o))
        return false;
    s->digest_bytes += o.digest_bytes;
    s->digest_us += o.lasted.us * o.clusters;
    if (w->trace)
        trace(&c, &o);
    if (trouble == BENCH_TROUBLE_NONE) {
        s->quiet++;
        s->quiet_false += o.early > 0;
        return true;
    }
    bool right = o.told && o.cause == (trouble == BENCH_TROUBLE_PATH ? DEGRADE_CAUSE_PATH
                                                                     : DEGRADE_CAUSE_ACCESS);
    s->cases++;
    s->early += o.early > 0;
    s->elsewhere += o.elsewhere > 0;
    tally(&s->troubles[trouble], &o, right && o.early == 0);
    tally(&s->kinds[o.kind], &o, right && o.early == 0);
    if (right)
        s->after_us[s->after_count++] = o.after.us;
    return true;
}

static bool run_all(const struct wishes *w, struct sum *s) {
    s->after_us = malloc((w->seeds.last - w->seeds.first + 1) * sizeof(s->after_us[0]));
    bool ok = s->after_us != NULL;
    for (uint64_t seed = w->seeds.first; ok && seed <= w->seeds.last; seed++) {
        /* Which of the two follows from the seed, but not from one to the next. */
        bool path = (seed * UINT64_C(0x9e3779b97f4a7c15) >> 40 & 1) == 0;
        ok = run_case(w, seed, path ? BENCH_TROUBLE_PATH : BENCH_TROUBLE_ACCESS, s) &&
             run_case(w, seed, BENCH_TROUBLE_NONE, s);
    }
    return ok;
}

/* ---- the answer ------------------------------------------------------------------------------ */

static uint64_t told(const struct sum *s) {
    return s->troubles[BENCH_TROUBLE_PATH].told + s->troubles[BENCH_TROUBLE_ACCESS].told;
}

static bool is_met(const struct sum *s) {
    return told(s) * 100 >= s->cases * TOLD_PERCENT && s->quiet_false == 0;
}

static int by_size(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static uint64_t after_ms(const struct sum *s, uint64_t percent) {
    return s->after_count == 0
               ? 0
               : (uint64_t)s->after_us[(s->after_count * percent + 99) / 100 - 1] / 1000;
}

static uint64_t digest_rate(const struct sum *s) {
    return s->digest_us == 0 ? 0 : s->digest_bytes * 1000000 / (uint64_t)s->digest_us;
}

static void print_tally(const char *what, const struct tally *t) {
    printf("  %-16s %4" PRIu64 " of %4" PRIu64 " told, %" PRIu64 " wrongly, %" PRIu64 " too late\n",
           what, t->told, t->cases, t->wrong, t->late);
}

static void print_text(const struct wishes *w, const struct sum *s) {
    printf("seeds %" PRIu64 " to %" PRIu64 ", %" PRIu64 " listeners of ours and %" PRIu64
           " of others there\n",
           w->seeds.first, w->seeds.last, w->clients, w->clients_else);
    print_tally("our path bad", &s->troubles[BENCH_TROUBLE_PATH]);
    print_tally("its access bad", &s->troubles[BENCH_TROUBLE_ACCESS]);
    for (int i = 0; i < BENCH_KINDS; i++)
        print_tally(kind_names[i], &s->kinds[i]);
    printf("  after %" PRIu64 " ms (half), %" PRIu64 " ms (95 %%), %" PRIu64 " ms (all)\n",
           after_ms(s, 50), after_ms(s, 95), after_ms(s, 100));
    printf("  quiet: something said in %" PRIu64 " of %" PRIu64 " cases of %" PRIu64 " s\n",
           s->quiet_false, s->quiet, w->seconds);
    printf("  before anything went wrong: in %" PRIu64 ", at clusters without trouble: in %" PRIu64
           " of %" PRIu64 "\n",
           s->early, s->elsewhere, s->cases);
    printf("  digests: %" PRIu64 " bytes a second to each peer\n%s\n", digest_rate(s),
           is_met(s) ? "met" : "not met");
}

static void put_tally(struct json_writing *w, json_t *parent, const char *name,
                      const struct tally *t) {
    json_t *o = json_write_object(w, parent, name);
    json_write_uint(w, o, "cases", t->cases);
    json_write_uint(w, o, "told", t->told);
    json_write_uint(w, o, "wrong", t->wrong);
    json_write_uint(w, o, "late", t->late);
}

static bool print_json(const struct wishes *w, const struct sum *s) {
    struct json_writing out;
    json_write_begin(&out);
    json_write_string(&out, out.root, "bench", "degradation");
    json_write_uint(&out, out.root, "seed_first", w->seeds.first);
    json_write_uint(&out, out.root, "seed_last", w->seeds.last);
    json_write_uint(&out, out.root, "clients", w->clients);
    json_write_uint(&out, out.root, "clients_else", w->clients_else);
    json_write_uint(&out, out.root, "interval_ms", w->interval_ms);
    json_write_uint(&out, out.root, "cases", s->cases);
    json_write_uint(&out, out.root, "told_apart", told(s));
    json_write_uint(&out, out.root, "within_ms", (uint64_t)duration_in_ms(WITHIN));
    json_write_uint(&out, out.root, "after_ms_p50", after_ms(s, 50));
    json_write_uint(&out, out.root, "after_ms_p95", after_ms(s, 95));
    json_write_uint(&out, out.root, "after_ms_max", after_ms(s, 100));
    put_tally(&out, out.root, "path", &s->troubles[BENCH_TROUBLE_PATH]);
    put_tally(&out, out.root, "access", &s->troubles[BENCH_TROUBLE_ACCESS]);
    json_t *kinds = json_write_object(&out, out.root, "kinds");
    for (int i = 0; i < BENCH_KINDS; i++)
        put_tally(&out, kinds, kind_names[i], &s->kinds[i]);
    json_write_uint(&out, out.root, "early_false", s->early);
    json_write_uint(&out, out.root, "elsewhere_false", s->elsewhere);
    json_write_uint(&out, out.root, "quiet", s->quiet);
    json_write_uint(&out, out.root, "quiet_s", w->seconds);
    json_write_uint(&out, out.root, "quiet_false", s->quiet_false);
    json_write_uint(&out, out.root, "digest_bytes_per_s", digest_rate(s));
    json_write_bool(&out, out.root, "met", is_met(s));
    char *text = json_write_end(&out, SIZE_MAX, NULL);
    if (text != NULL)
        printf("%s\n", text);
    free(text);
    return text != NULL;
}

int bench_degradation(int argc, char **argv) {
    struct wishes w;
    struct sum s = {0};
    int status = parse(&w, argc, argv);
    if (status >= 0)
        return status;
    bool ok = run_all(&w, &s);
    if (ok) {
        qsort(s.after_us, s.after_count, sizeof(s.after_us[0]), by_size);
        if (w.json)
            ok = print_json(&w, &s);
        else
            print_text(&w, &s);
    }
    if (!ok)
        fputs("peersim: out of memory\n", stderr);
    status = ok && is_met(&s) ? 0 : 1;
    free(s.after_us);
    return status;
}
