#include "peerd/sim/bench.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    int (*main)(int argc, char **argv);
} benches[] = {
    {"degradation", bench_degradation},
    {"ranking", bench_ranking},
};

#define BENCHES (sizeof(benches) / sizeof(benches[0]))

/* The name that follows --bench; empty if none does, NULL without --bench. */
static const char *wanted(int argc, char **argv) {
    static const char option[] = "--bench";
    size_t len = strlen(option);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], option) == 0)
            return i + 1 < argc ? argv[i + 1] : "";
        if (strncmp(argv[i], option, len) == 0 && argv[i][len] == '=')
            return argv[i] + len + 1;
    }
    return NULL;
}

bool bench_is_wanted(int argc, char **argv) {
    return wanted(argc, argv) != NULL;
}

int bench_main(int argc, char **argv) {
    const char *name = wanted(argc, argv);
    for (size_t i = 0; i < BENCHES; i++)
        if (strcmp(benches[i].name, name) == 0)
            return benches[i].main(argc, argv);
    fprintf(stderr, "peersim: --bench %s: expected", name);
    for (size_t i = 0; i < BENCHES; i++)
        fprintf(stderr, "%s %s", i == 0 ? "" : i + 1 < BENCHES ? "," : " or", benches[i].name);
    fputs("\n", stderr);
    return BENCH_USAGE_STATUS;
}

static bool read_number(uint64_t *out, const char *text, char **end) {
    errno = 0;
    *out = strtoull(text, end, 10);
    return errno == 0 && *end != text && *text >= '0' && *text <= '9' && *out <= INT64_MAX;
}

bool bench_take_seeds(struct bench_seeds *out, const char *text) {
    char *end;
    bool good = read_number(&out->first, text, &end);
    out->last = out->first;
    if (good && strncmp(end, "..", 2) == 0)
        good = read_number(&out->last, end + 2, &end);
    if (good && *end == '\0' && out->first <= out->last)
        return true;
    fprintf(stderr, "peersim: --seed %s: expected a whole number, or a range such as 1..50\n",
            text);
    return false;
}

bool bench_take_number(uint64_t *out, uint64_t min, uint64_t max, const char *option,
                       const char *text) {
    char *end;
    if (read_number(out, text, &end) && *end == '\0' && *out >= min && *out <= max)
        return true;
    fprintf(stderr, "peersim: --%s %s: expected a whole number from %" PRIu64 " to %" PRIu64 "\n",
            option, text, min, max);
    return false;
}
