#include "peerd/base/err.h"

#include <stddef.h>
#include <string.h>

struct row {
    const char *name;
    const char *text;
    bool retryable;
};

static const struct row rows[ERR_COUNT] = {
#define ERR_ROW(symbol, word, number, what, again) [number] = {word, what, again},
    ERR_TABLE(ERR_ROW)
#undef ERR_ROW
};

static bool in_table(enum err e) {
    return (int)e >= 0 && e < ERR_COUNT && rows[e].name != NULL;
}

const char *err_name(enum err e) {
    return in_table(e) ? rows[e].name : "unknown";
}

const char *err_text(enum err e) {
    return in_table(e) ? rows[e].text : "unknown error";
}

bool err_retryable(enum err e) {
    return in_table(e) && rows[e].retryable;
}

enum err err_by_name(const char *name) {
    for (int e = 0; e < ERR_COUNT; e++)
        if (in_table((enum err)e) && strcmp(rows[e].name, name) == 0)
            return (enum err)e;
    return ERR_COUNT;
}
