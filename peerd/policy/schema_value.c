#include "peerd/policy/schema_value.h"

#include "peerd/base/addr.h"
#include "peerd/base/id.h"
#include "peerd/base/time.h"
#include "peerd/policy/text.h"
#include "peerd/wire/keys.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HINT(...) snprintf(hint, FAULT_TEXT_LEN_MAX + 1, __VA_ARGS__)

/* The quantity behind a type; false if the type is no quantity. */
static bool quantity_of(enum schema_type type, enum quantity *out) {
    switch (type) {
    case SCHEMA_COUNT:
        *out = QUANTITY_COUNT;
        return true;
    case SCHEMA_DURATION:
    case SCHEMA_DURATION_MS:
        *out = QUANTITY_DURATION;
        return true;
    case SCHEMA_PERCENT:
        *out = QUANTITY_PERCENT;
        return true;
    case SCHEMA_BITRATE:
        *out = QUANTITY_BITRATE;
        return true;
    case SCHEMA_FREQUENCY:
        *out = QUANTITY_FREQUENCY;
        return true;
    case SCHEMA_NAME:
    case SCHEMA_TEXT:
    case SCHEMA_U64:
    case SCHEMA_NUMBER:
    case SCHEMA_BOOL:
    case SCHEMA_ADDR:
    case SCHEMA_HOST:
    case SCHEMA_PREFIX:
    case SCHEMA_KEY:
    case SCHEMA_ENUM:
    case SCHEMA_MAPPING:
    case SCHEMA_LIST:
    case SCHEMA_CUSTOM:
        return false;
    }
    return false;
}

/* Splits "lo..hi" at the dots; both buffers hold QUANTITY_TEXT_LEN_MAX characters. */
static bool split_range(const char *range, char *lo, char *hi) {
    const char *dots = strstr(range, "..");
    if (dots == NULL || dots - range > QUANTITY_TEXT_LEN_MAX ||
        strlen(dots + 2) > QUANTITY_TEXT_LEN_MAX)
        return false;
    snprintf(lo, QUANTITY_TEXT_LEN_MAX + 1, "%.*s", (int)(dots - range), range);
    snprintf(hi, QUANTITY_TEXT_LEN_MAX + 1, "%s", dots + 2);
    return true;
}

static bool parse_quantity(const struct schema_row *row, enum quantity kind, const char *text,
                           void *field, char *hint) {
    char lo_text[QUANTITY_TEXT_LEN_MAX + 1], hi_text[QUANTITY_TEXT_LEN_MAX + 1];
    char why[QUANTITY_HINT_LEN_MAX + 1];
    int64_t value = 0, lo = 0, hi = 0;
    if (!quantity_parse(kind, text, &value, why)) {
        HINT("%s", why);
        return false;
    }
    if (row->range != NULL &&
        (!split_range(row->range, lo_text, hi_text) || !quantity_parse(kind, lo_text, &lo, why) ||
         !quantity_parse(kind, hi_text, &hi, why) || value < lo || value > hi))
        return false;
    if (row->type == SCHEMA_DURATION) {
        *(struct duration *)field = duration_us(value);
        return true;
    }
    if (row->type == SCHEMA_DURATION_MS && value % 1000 != 0) {
        HINT("whole milliseconds only");
        return false;
    }
    if (row->type == SCHEMA_DURATION_MS)
        value /= 1000;
    if (value > UINT32_MAX) {
        HINT("too large");
        return false;
    }
    *(uint32_t *)field = (uint32_t)value;
    return true;
}

static bool parse_u64(const char *text, void *field, char *hint) {
    uint64_t v = 0;
    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return false;
        uint64_t digit = (uint64_t)(*text - '0');
        if (v > (UINT64_MAX - digit) / 10) {
            HINT("too large");
            return false;
        }
        v = v * 10 + digit;
    }
    *(uint64_t *)field = v;
    return true;
}

/* A decimal number without exponent, infinity or hexadecimal, which strtod would take. */
static bool parse_number(const struct schema_row *row, const char *text, void *field) {
    char lo[QUANTITY_TEXT_LEN_MAX + 1], hi[QUANTITY_TEXT_LEN_MAX + 1];
    size_t len = strlen(text);
    if (len == 0 || len > QUANTITY_TEXT_LEN_MAX || strspn(text, "+-.0123456789") != len)
        return false;
    char *end = NULL;
    double v = strtod(text, &end);
    if (end == text || *end != '\0')
        return false;
    if (row->range != NULL &&
        (!split_range(row->range, lo, hi) || v < strtod(lo, NULL) || v > strtod(hi, NULL)))
        return false;
    *(double *)field = v;
    return true;
}

static bool parse_bool(const char *text, void *field, char *hint) {
    static const char *const loose[] = {"yes", "no", "on", "off", "True", "False", "TRUE", "FALSE"};
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
        *(bool *)field = text[0] == 't';
        return true;
    }
    for (size_t i = 0; i < sizeof(loose) / sizeof(loose[0]); i++) {
        if (strcmp(text, loose[i]) == 0)
            HINT("the words are true and false, in small letters");
    }
    return false;
}

static bool parse_text(const struct schema_row *row, const char *text, void *field, char *hint) {
    size_t len = strlen(text);
    if (len == 0)
        return false;
    if (len >= row->size) {
        HINT("longer than %zu bytes", row->size - 1);
        return false;
    }
    for (const char *c = text; *c != '\0'; c++) {
        if (((unsigned char)*c < 0x20 && *c != '\n') || *c == 0x7f) {
            HINT("it holds a control character");
            return false;
        }
    }
    memcpy(field, text, len + 1);
    return true;
}

static bool parse_name(const char *text, void *field, char *hint) {
    struct name name;
    if (!name_set(&name, text)) {
        if (strlen(text) > NAME_LEN_MAX)
            HINT("longer than %d characters", NAME_LEN_MAX);
        else if (text[0] != '\0' && strchr("-_.", text[0]) != NULL)
            HINT("it begins with a letter or digit");
        else if (strpbrk(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != NULL)
            HINT("small letters only");
        return false;
    }
    *(struct name *)field = name;
    return true;
}

static bool parse_addr(const char *text, void *field, char *hint) {
    struct addr a;
    struct prefix p;
    if (addr_from_text(&a, text) && a.port != 0) {
        *(struct addr *)field = a;
        return true;
    }
    if (addr_from_text(&a, text))
        HINT("port 0 is none");
    else if (strchr(text, '/') == NULL && prefix_from_text(&p, text))
        HINT("the port is missing");
    return false;
}

/* A prefix with bits beyond its length is one thing to some readers and another to others: who is
 * let in must not depend on which. */
static bool parse_prefix(const char *text, void *field, char *hint) {
    struct prefix p;
    if (!prefix_from_text(&p, text))
        return false;
    if (!prefix_is_canonical(&p)) {
        HINT("there are bits beyond the %u of the prefix: shorten the address or lengthen it",
             p.bits);
        return false;
    }
    *(struct prefix *)field = p;
    return true;
}

static bool parse_host(const char *text, void *field) {
    struct addr a;
    struct prefix p;
    if (strchr(text, '/') == NULL && prefix_from_text(&p, text))
        a = p.addr;
    else if (!addr_from_text(&a, text) || a.port == 0)
        return false;
    *(struct addr *)field = a;
    return true;
}

static bool parse_key(const char *text, void *field, char *hint) {
    struct public_key key;
    if (schema_value_secret(text)) {
        HINT("a secret key never stands in a policy; put its public half here (peerctl pubkey), "
             "and make a new one if others have seen it");
        return false;
    }
    if (public_key_from_text(&key, text) != ERR_OK) {
        if (strncmp(text, "k4.public.", 10) == 0)
            HINT("it begins right but is damaged: %zu characters where %d are due, or no valid key",
                 strlen(text), KEY_PUBLIC_TEXT_LEN);
        return false;
    }
    *(struct public_key *)field = key;
    return true;
}

static bool parse_enum(const struct schema_row *row, const char *text, void *field, char *hint) {
    size_t count = 0;
    for (; row->words[count] != NULL; count++) {
        if (strcmp(row->words[count], text) == 0) {
            *(int *)field = (int)count;
            return true;
        }
    }
    const char *near = fault_nearest(text, row->words, count);
    if (near != NULL)
        HINT("did you mean `%s`?", near);
    return false;
}

bool schema_value_secret(const char *text) {
    return strncmp(text, "k4.secret.", 10) == 0 || strncmp(text, "k4.local.", 9) == 0;
}

bool schema_value_parse(const struct schema_row *row, const char *text, void *field,
                        char hint[FAULT_TEXT_LEN_MAX + 1]) {
    enum quantity kind;
    hint[0] = '\0';
    if (quantity_of(row->type, &kind))
        return parse_quantity(row, kind, text, field, hint);
    switch (row->type) {
    case SCHEMA_NAME:
        return parse_name(text, field, hint);
    case SCHEMA_TEXT:
        return parse_text(row, text, field, hint);
    case SCHEMA_U64:
        return parse_u64(text, field, hint);
    case SCHEMA_NUMBER:
        return parse_number(row, text, field);
    case SCHEMA_BOOL:
        return parse_bool(text, field, hint);
    case SCHEMA_ADDR:
        return parse_addr(text, field, hint);
    case SCHEMA_HOST:
        return parse_host(text, field);
    case SCHEMA_PREFIX:
        return parse_prefix(text, field, hint);
    case SCHEMA_KEY:
        return parse_key(text, field, hint);
    case SCHEMA_ENUM:
        return parse_enum(row, text, field, hint);
    case SCHEMA_COUNT:
    case SCHEMA_DURATION:
    case SCHEMA_DURATION_MS:
    case SCHEMA_PERCENT:
    case SCHEMA_BITRATE:
    case SCHEMA_FREQUENCY:
    case SCHEMA_MAPPING:
    case SCHEMA_LIST:
    case SCHEMA_CUSTOM:
        break;
    }
    return false;
}

/* ---- what was expected ---- */

static const char *plain_form(const struct schema_row *row, bool ranged) {
    switch (row->type) {
    case SCHEMA_NAME:
        return "a name (up to 31 of a-z 0-9 - _ .)";
    case SCHEMA_TEXT:
        return "a text";
    case SCHEMA_COUNT:
    case SCHEMA_U64:
        return "a whole number";
    case SCHEMA_NUMBER:
        return "a number";
    case SCHEMA_BOOL:
        return "true or false";
    case SCHEMA_DURATION:
    case SCHEMA_DURATION_MS:
        return ranged ? "a duration" : quantity_form(QUANTITY_DURATION);
    case SCHEMA_PERCENT:
        return ranged ? "a percentage" : quantity_form(QUANTITY_PERCENT);
    case SCHEMA_BITRATE:
        return ranged ? "a bit rate" : quantity_form(QUANTITY_BITRATE);
    case SCHEMA_FREQUENCY:
        return ranged ? "a frequency" : quantity_form(QUANTITY_FREQUENCY);
    case SCHEMA_ADDR:
        return "an address with port such as 192.0.2.1:7600 or [2001:db8::1]:7600";
    case SCHEMA_HOST:
        return "an address such as 192.0.2.1, 2001:db8::1 or, with a port, 192.0.2.1:53";
    case SCHEMA_PREFIX:
        return "a prefix such as 192.0.2.0/24";
    case SCHEMA_KEY:
        return "a public key (k4.public.…)";
    case SCHEMA_ENUM:
        return "one of ";
    case SCHEMA_MAPPING:
        return "a mapping (keys with values)";
    case SCHEMA_LIST:
        return row->single ? "a value or a list" : "a list";
    case SCHEMA_CUSTOM:
        break;
    }
    return "a value";
}

const char *schema_value_form(const struct schema_row *row, char out[FAULT_TEXT_LEN_MAX + 1]) {
    char lo[QUANTITY_TEXT_LEN_MAX + 1], hi[QUANTITY_TEXT_LEN_MAX + 1];
    struct text t = text_over(out, FAULT_TEXT_LEN_MAX + 1);
    if (row->form != NULL) {
        text_putf(&t, "%s", row->form);
        return out;
    }
    text_putf(&t, "%s", plain_form(row, row->range != NULL));
    if (row->type == SCHEMA_ENUM) {
        for (size_t i = 0; row->words[i] != NULL; i++)
            text_putf(&t, "%s%s", i > 0 ? ", " : "", row->words[i]);
    }
    if (row->range != NULL && split_range(row->range, lo, hi))
        text_putf(&t, " from %s to %s", lo, hi);
    return out;
}
