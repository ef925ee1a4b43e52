/*
 * What witnesses and clients add to the detector: test/scenario/corroborate.yaml over many seeds
 * (`peersim FILE --seed 1..N`), how soon clusters act and how often wrongly, beside what detectors
 * of a single path make of the same paths. Draws both, as the shoot-out does, beside the program.
 */
#include "test/bench/picture.h"
#include "test/bench/sheet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCENARIO    "test/scenario/corroborate.yaml"
#define SEEDS       100
#define SEEDS_QUICK 5
#define SETS_MAX    12
#define RESULTS_MAX 48

struct curves {
    struct picture_set sets[SETS_MAX];
    struct replay_result results[SETS_MAX][RESULTS_MAX];
    size_t count;
};

/* Its last line; owned. */
static json_t *ask(const struct sheet *s) {
    char program[512], command[768];
    char *line = NULL;
    size_t room = 0;
    json_t *said = NULL;
    sheet_program(program, sizeof(program), "peersim");
    snprintf(command, sizeof(command), "'%s' " SCENARIO " --seed 1..%d --json", program,
             s->quick ? SEEDS_QUICK : SEEDS);
    FILE *pipe = popen(command, "r");
    if (pipe == NULL)
        sheet_die("%s cannot be run", command);
    while (getline(&line, &room, pipe) > 0) {
        json_decref(said);
        said = json_loads(line, 0, NULL);
        if (said == NULL)
            fputs(line, stderr);
    }
    free(line);
    if (pclose(pipe) != 0 || said == NULL)
        sheet_die("%s: not as expected", command);
    return said;
}

static double number(const json_t *object, const char *key) {
    return json_number_value(json_object_get(object, key));
}

static struct picture_set *add_set(struct curves *c, const char *name) {
    if (c->count == SETS_MAX)
        sheet_die("too many detectors");
    struct picture_set *set = &c->sets[c->count];
    *set = (struct picture_set){.name = name, .results = c->results[c->count]};
    c->count++;
    return set;
}

static void add_result(struct curves *c, struct picture_set *set, const json_t *point,
                       const char *rate) {
    if (set->count == RESULTS_MAX)
        return;
    c->results[set - c->sets][set->count++] =
        (struct replay_result){.param = number(point, "param"),
                               .td_ms_p50 = number(point, "td_ms_p50"),
                               .td_ms_p99 = number(point, "td_ms_p99"),
                               .mistakes_per_hour = number(point, rate)};
    if (json_is_true(json_object_get(point, "customary")))
        set->customary = set->count;
}

static void draw(const json_t *said) {
    static struct curves c;
    const char *name;
    json_t *list, *point;
    size_t i;
    struct picture_set *acting = add_set(&c, "acting");
    json_array_foreach(json_object_get(said, "acting"), i, point)
        add_result(&c, acting, point, "crashed_wrong_per_hour");
    json_object_foreach(json_object_get(json_object_get(said, "single_paths"), "detectors"), name,
                        list) {
        struct picture_set *set = add_set(&c, name);
        json_array_foreach(list, i, point) add_result(&c, set, point, "mistakes_per_hour");
    }
    if (!picture_write("build/bench/corroborate.svg", "corroborate", c.sets, c.count, 1, 400))
        sheet_die("no picture");
}

int main(int argc, char **argv) {
    static const struct {
        const char *key, *what, *unit;
    } figures[] = {
        {"td_ms_p50", "half of all deaths acted on within", "ms"},
        {"td_ms_p99", "99 % of them within", "ms"},
        {"suspicions_wrong_per_hour", "wrong suspicions of a pair", "/h"},
        {"crashed_wrong_per_hour_at_most", "wrong verdicts of a pair, at most", "/h"},
        {"moves_wrong_per_hour_at_most", "wrong moves of a listener, at most", "/h"},
        {"rarer_at_least", "so many times rarer are they than suspicions", ""},
    };
    static const char *const keys[] = {"wish_1", "wish_2", "wish_3", "wish_4",
                                       "wish_5", "wish_6", "wish_7", "wish_8"};
    struct sheet s;
    json_t *point;
    size_t i;
    sheet_open(&s, "corroborate", "acting on suspicion, beside detectors of one path", argc, argv);
    json_t *said = ask(&s);
    json_array_foreach(json_object_get(said, "acting"), i, point) {
        char title[64];
        snprintf(title, sizeof(title), "detect_within %.0f ms", number(point, "detect_within_ms"));
        sheet_group(&s, keys[i], title);
        for (size_t k = 0; k < sizeof(figures) / sizeof(figures[0]); k++)
            sheet_put(&s, figures[k].key, figures[k].what, number(point, figures[k].key),
                      figures[k].unit);
    }
    json_object_set(s.root, "curve", said);

    draw(said);
    json_decref(said);
    return sheet_close(&s);
}
