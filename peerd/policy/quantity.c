#include "peerd/policy/quantity.h"

#include "peerd/policy/fault.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct unit {
    enum quantity kind;
    const char *text;
    int64_t scale; /* base units in one of these */
    bool alias;    /* understood, and never written: the next row is */
};

/* Rising scale within a kind. */
static const struct unit units[] = {
    {QUANTITY_COUNT, "", 1, false},
    {QUANTITY_DURATION, "us", 1, false},
    {QUANTITY_DURATION, "ms", 1000, false},
    {QUANTITY_DURATION, "s", 1000000, false},
    {QUANTITY_DURATION, "m", 60000000, true}, /* as sleep(1) and systemd have it */
    {QUANTITY_DURATION, "min", 60000000, false},
    {QUANTITY_DURATION, "h", INT64_C(3600000000), false},
    {QUANTITY_DURATION, "d", INT64_C(86400000000), false},
    {QUANTITY_PERCENT, "%", 10000, false},
    {QUANTITY_BITRATE, "bit/s", 1, false},
    {QUANTITY_BITRATE, "kbit/s", 1000, false},
    {QUANTITY_BITRATE, "Mbit/s", 1000000, false},
    {QUANTITY_FREQUENCY, "Hz", 1, false},
    {QUANTITY_FREQUENCY, "kHz", 1000, false},
};
#define UNIT_COUNT (sizeof(units) / sizeof(units[0]))

#define DIGITS_MAX   15 /* before the point: no int64_t is overrun on the way */
#define DECIMALS_MAX 6  /* after it: a millionth of the largest unit times its scale still fits */

struct number {
    int64_t whole;
    int64_t fraction; /* of `parts` */
    int64_t parts;    /* a power of ten */
};

const char *quantity_form(enum quantity kind) {
    switch (kind) {
    case QUANTITY_COUNT:
        return "a whole number";
    case QUANTITY_DURATION:
        return "a duration such as 250ms";
    case QUANTITY_PERCENT:
        return "a percentage such as 2%";
    case QUANTITY_BITRATE:
        return "a bit rate such as 64kbit/s";
    case QUANTITY_FREQUENCY:
        return "a frequency such as 48kHz";
    }
    return "";
}

static const char *kind_noun(enum quantity kind) {
    switch (kind) {
    case QUANTITY_COUNT:
        return "a plain number";
    case QUANTITY_DURATION:
        return "a unit of time";
    case QUANTITY_PERCENT:
        return "a percentage";
    case QUANTITY_BITRATE:
        return "a bit rate";
    case QUANTITY_FREQUENCY:
        return "a frequency";
    }
    return "";
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* Reads digits, at most `max` of them; returns how many, -1 for too many. */
static int read_digits(const char **at, int max, int64_t *out) {
    int count = 0;
    for (*out = 0; is_digit(**at); (*at)++) {
        if (++count > max)
            return -1;
        *out = *out * 10 + (**at - '0');
    }
    return count;
}

static bool read_number(const char **at, struct number *n, char *hint) {
    *n = (struct number){.parts = 1};
    if (**at == '-' && is_digit((*at)[1])) {
        snprintf(hint, QUANTITY_HINT_LEN_MAX + 1, "it cannot be negative");
        return false;
    }
    if (**at == '0' &&
        is_digit((*at)[1])) { /* YAML 1.1 counts it by eights, and hardly anybody else */
        snprintf(hint, QUANTITY_HINT_LEN_MAX + 1, "a number does not begin with 0");
        return false;
    }
    int digits = read_digits(at, DIGITS_MAX, &n->whole);
    if (digits <= 0) {
        if (digits < 0)
            snprintf(hint, QUANTITY_HINT_LEN_MAX + 1, "more than %d digits", DIGITS_MAX);
        return false;
    }
    if (**at != '.')
        return true;
    (*at)++;
    digits = read_digits(at, DECIMALS_MAX, &n->fraction);
    if (digits < 0)
        snprintf(hint, QUANTITY_HINT_LEN_MAX + 1, "more than %d decimals", DECIMALS_MAX);
    for (int i = 0; i < digits; i++)
        n->parts *= 10;
    return digits > 0;
}

/* Writes "us, ms, s" into `out`. */
static void list_units(enum quantity kind, char *out, size_t size) {
    size_t len = 0;
    for (size_t i = 0; i < UNIT_COUNT; i++) {
        if (units[i].kind == kind && !units[i].alias && len < size)
            len +=
                (size_t)snprintf(out + len, size - len, "%s%s", len > 0 ? ", " : "", units[i].text);
    }
}

static void explain_bare(enum quantity kind, const char *text, char *hint) {
    const char *small = "", *large = "";
    for (size_t i = 0; i < UNIT_COUNT; i++) {
        if (units[i].kind != kind)
            continue;
        if (*small == '\0' && strcmp(units[i].text, "us") != 0)
            small = units[i].text;
        else if (*small != '\0' && *large == '\0')
            large = units[i].text;
    }
    snprintf(hint, QUANTITY_HINT_LEN_MAX + 1, "a bare number has no unit: write %.20s%s%s%.20s%s",
             text, small, *large != '\0' ? " or " : "", *large != '\0' ? text : "", large);
}

/* Says why `unit`, found after a number, is not one of `kind`. */
static void explain_unit(enum quantity kind, const char *text, const char *unit, char *hint) {
    char known[80] = "";
    const char *words[UNIT_COUNT];
    size_t count = 0;
    if (*unit == '\0') {
        explain_bare(kind, text, hint);
        return;
    }
    if (kind == QUANTITY_COUNT) {
        snprintf(hint, QUANTITY_HINT_LEN_MAX + 1, "it has no unit");
        return;
    }
    if (*unit == ' ') {
        snprintf(hint, QUANTITY_HINT_LEN_MAX + 1,
                 "number and unit stand together, without a space");
        return;
    }
    for (size_t i = 0; i < UNIT_COUNT; i++) {
        if (units[i].kind == kind && !units[i].alias)
            words[count++] = units[i].text;
        else if (strcmp(units[i].text, unit) == 0) {
            snprintf(hint, QUANTITY_HINT_LEN_MAX + 1, "`%s` makes it %s", unit,
                     kind_noun(units[i].kind));
            return;
        }
    }
    const char *near = fault_nearest(unit, words, count);
    list_units(kind, known, sizeof(known));
    snprintf(hint, QUANTITY_HINT_LEN_MAX + 1, "unknown unit `%.16s`: known are %s%s%s%s", unit,
             known, near != NULL ? "; did you mean `" : "", near != NULL ? near : "",
             near != NULL ? "`?" : "");
}

bool quantity_parse(enum quantity kind, const char *text, int64_t *out,
                    char hint[QUANTITY_HINT_LEN_MAX + 1]) {
    const char *at = text;
    const struct unit *unit = NULL;
    struct number n;
    hint[0] = '\0';
    if (!read_number(&at, &n, hint))
        return false;
    for (size_t i = 0; i < UNIT_COUNT && unit == NULL; i++) {
        if (units[i].kind == kind && strcmp(units[i].text, at) == 0)
            unit = &units[i];
    }
    if (unit == NULL) {
        explain_unit(kind, text, at, hint);
        return false;
    }
    if (n.fraction * unit->scale % n.parts != 0) {
        snprintf(hint, QUANTITY_HINT_LEN_MAX + 1, "too fine a fraction");
        return false;
    }
    int64_t fraction = n.fraction * unit->scale / n.parts;
    if (n.whole > (INT64_MAX - fraction) / unit->scale) {
        snprintf(hint, QUANTITY_HINT_LEN_MAX + 1, "too large");
        return false;
    }
    *out = n.whole * unit->scale + fraction;
    return true;
}

const char *quantity_to_text(enum quantity kind, int64_t value,
                             char out[QUANTITY_TEXT_LEN_MAX + 1]) {
    const struct unit *best = NULL;
    for (size_t i = 0; i < UNIT_COUNT; i++) {
        if (units[i].kind == kind && !units[i].alias &&
            (best == NULL || value % units[i].scale == 0) &&
            (value != 0 || best == NULL || strcmp(units[i].text, "ms") == 0))
            best = &units[i];
    }
    if (kind == QUANTITY_PERCENT && value % best->scale != 0) {
        int64_t rest = value % best->scale;
        int digits = 4;
        for (; rest % 10 == 0; rest /= 10)
            digits--;
        snprintf(out, QUANTITY_TEXT_LEN_MAX + 1, "%" PRId64 ".%0*" PRId64 "%%", value / best->scale,
                 digits, rest);
    } else {
        snprintf(out, QUANTITY_TEXT_LEN_MAX + 1, "%" PRId64 "%s", value / best->scale, best->text);
    }
    return out;
}
