/* Paint: see paint.h. */
#include "peerd/ctl/paint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GREEN  "\033[32m"
#define YELLOW "\033[33m"
#define RED    "\033[31m"

static const struct {
    const char *word, *colour;
} words[] = {
    {"alive", GREEN},      {"good", GREEN},      {"yes", GREEN},      {"agreed", GREEN},
    {"registered", GREEN}, {"well", GREEN},      {"ill", RED},        {"suspect", YELLOW},
    {"headless", YELLOW},  {"draining", YELLOW}, {"unknown", YELLOW}, {"trouble", YELLOW},
    {"not asked", YELLOW}, {"degraded", RED},    {"crashed", RED},    {"partitioned", RED},
    {"fallen", RED},       {"no", RED},          {"refused", RED},
};

static int is_wanted(void) {
    static int wanted = -1;
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    if (wanted < 0)
        wanted = isatty(STDOUT_FILENO) && (no == NULL || no[0] == '\0') &&
                 (term == NULL || strcmp(term, "dumb") != 0);
    return wanted;
}

const char *paint_of(const char *word, size_t len) {
    for (size_t i = 0; is_wanted() && i < sizeof(words) / sizeof(words[0]); i++)
        if (strlen(words[i].word) == len && strncmp(words[i].word, word, len) == 0)
            return words[i].colour;
    return "";
}
