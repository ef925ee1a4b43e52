#include "peerd/wire/ticket.h"

#include "peerd/base/utc.h"
#include "peerd/wire/json_read.h"
#include "peerd/wire/json_write.h"
#include "peerd/wire/paseto.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX    8  /* nesting of a claim outside our list; ours have three levels */
#define CRITICAL_MAX 16 /* names in `crt` */
#define WALL_MS_MAX  (UTC_SECOND_MAX * 1000 + 999)

#define FOOTER_START     "{\"kid\":\""
#define FOOTER_END       "\"}"
#define FOOTER_START_LEN 8
#define FOOTER_LEN       (FOOTER_START_LEN + KEY_ID_TEXT_LEN + 2)

static const char *const class_names[] = {"exact", "seekable", "live", "push"};
static const char *const protection_names[] = {"cold", "warm", "hot"};

#define CLASS_COUNT      (sizeof(class_names) / sizeof(class_names[0]))
#define PROTECTION_COUNT (sizeof(protection_names) / sizeof(protection_names[0]))

/* ---- words ----------------------------------------------------------------------------------- */

static const char *name_in(const char *const names[], size_t count, unsigned index) {
    return index < count ? names[index] : "unknown";
}

static bool index_in(const char *const names[], size_t count, const char *text, unsigned *index) {
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(names[i], text) == 0) {
            *index = i;
            return true;
        }
    }
    return false;
}

static const char *class_word(unsigned value) {
    return name_in(class_names, CLASS_COUNT, value);
}

static const char *protection_word(unsigned value) {
    return name_in(protection_names, PROTECTION_COUNT, value);
}

const char *source_class_name(enum source_class c) {
    return class_word((unsigned)c);
}

bool source_class_by_name(enum source_class *out, const char *text) {
    unsigned i;
    if (!index_in(class_names, CLASS_COUNT, text, &i))
        return false;
    *out = (enum source_class)i;
    return true;
}

const char *protection_name(enum protection p) {
    return protection_word((unsigned)p);
}

bool protection_by_name(enum protection *out, const char *text) {
    unsigned i;
    if (!index_in(protection_names, PROTECTION_COUNT, text, &i))
        return false;
    *out = (enum protection)i;
    return true;
}

/* ---- footer ---------------------------------------------------------------------------------- */

static void footer_of(const struct public_key *key, char out[FOOTER_LEN + 1]) {
    memcpy(out, FOOTER_START, FOOTER_START_LEN);
    key_id_to_text(key, out + FOOTER_START_LEN);
    memcpy(out + FOOTER_START_LEN + KEY_ID_TEXT_LEN, FOOTER_END, sizeof(FOOTER_END));
}

/* The first issuer whose key the footer names; NULL for none. The footer is not verified yet, so it
 * is compared whole: no parser of ours ever sees it. */
static const struct ticket_issuer *issuer_named(const char *footer, size_t len,
                                                const struct ticket_issuer *issuers, size_t count) {
    char candidate[FOOTER_LEN + 1];
    for (size_t i = 0; i < count && len == FOOTER_LEN; i++) {
        footer_of(&issuers[i].key, candidate);
        if (memcmp(candidate, footer, FOOTER_LEN) == 0)
            return &issuers[i];
    }
    return NULL;
}

/* ---- signing --------------------------------------------------------------------------------- */

static bool is_signable(const struct ticket *t) {
    bool ok = !name_is_empty(&t->issuer) && !name_is_empty(&t->service) &&
              !name_is_empty(&t->profile) && !name_is_empty(&t->source) &&
              t->issued_s < t->expires_s && (unsigned)t->class < CLASS_COUNT &&
              (unsigned)t->protection < PROTECTION_COUNT && t->leg_count >= 1 &&
              t->leg_count <= TICKET_LEGS_MAX && t->backup_count <= TICKET_BACKUPS_MAX &&
              t->anchor_wall_ms >= 0 && t->anchor_wall_ms <= WALL_MS_MAX;
    for (unsigned i = 0; ok && i < t->backup_count; i++)
        ok = !name_is_empty(&t->backups[i]);
    return ok;
}

static void write_date(struct json_writing *w, const char *key, int64_t unix_s) {
    char text[UTC_TEXT_LEN + 1];
    if (utc_to_text(unix_s, text))
        json_write_string(w, w->root, key, text);
    else
        w->failed = true;
}

static void write_legs(struct json_writing *w, const struct ticket *t) {
    json_t *legs = json_write_array(w, w->root, "leg");
    for (unsigned i = 0; i < t->leg_count && !w->failed; i++) {
        const struct leg *l = &t->legs[i];
        json_t *leg = json_pack("[s, I, I, I]", l->up ? "u" : "d", (json_int_t)l->ssrc,
                                (json_int_t)l->seq0, (json_int_t)l->ts0);
        w->failed = json_array_append_new(legs, leg) != 0;
    }
}

static void write_anchor(struct json_writing *w, const struct ticket *t) {
    json_t *anchor = json_write_array(w, w->root, "anc");
    if (t->anchor_frame > INT64_MAX)
        w->failed = true;
    if (!w->failed)
        w->failed = json_array_append_new(anchor, json_integer((json_int_t)t->anchor_frame)) != 0 ||
                    json_array_append_new(anchor, json_integer((json_int_t)t->anchor_wall_ms)) != 0;
}

/* The claims as JSON, the caller's to free; NULL if they cannot be written. */
static char *claims_to_json(const struct ticket *t, size_t *len) {
    struct json_writing w;
    json_write_begin(&w);
    json_write_name(&w, w.root, "iss", &t->issuer);
    json_write_bytes(&w, w.root, "jti", t->session.bytes, SESSION_ID_BYTES);
    write_date(&w, "iat", t->issued_s);
    write_date(&w, "exp", t->expires_s);
    json_write_name(&w, w.root, "svc", &t->service);
    json_write_name(&w, w.root, "pro", &t->profile);
    json_write_bytes(&w, w.root, "det", t->determinism.bytes, DETERMINISM_ID_BYTES);
    json_write_name(&w, w.root, "src", &t->source);
    json_write_bytes(&w, w.root, "dig", t->digest.bytes, DIGEST_BYTES);
    json_write_string(&w, w.root, "cls", source_class_name(t->class));
    json_write_bytes(&w, w.root, "cpk", t->client.bytes, KEY_BYTES);
    write_legs(&w, t);
    json_write_string(&w, w.root, "pre", protection_name(t->protection));
    json_write_names(&w, w.root, "bak", t->backups, t->backup_count);
    write_anchor(&w, t);
    return json_write_end(&w, TICKET_LEN_MAX, len);
}

size_t ticket_sign(char out[TICKET_LEN_MAX + 1], const struct ticket *ticket,
                   const struct key_pair *issuer) {
    char footer[FOOTER_LEN + 1];
    size_t claims_len = 0;
    char *claims = is_signable(ticket) ? claims_to_json(ticket, &claims_len) : NULL;
    size_t len = 0;
    if (claims != NULL) {
        footer_of(&issuer->public_key, footer);
        len = paseto_sign(out, TICKET_LEN_MAX + 1, issuer, claims, claims_len, footer, FOOTER_LEN,
                          TICKET_LABEL, strlen(TICKET_LABEL));
    }
    free(claims);
    if (len == 0)
        out[0] = '\0';
    return len;
}

/* ---- claims ---------------------------------------------------------------------------------- */

/* The parser calls itself for each level, so the levels are counted before it runs. */
static bool is_too_deep(const char *text, size_t len) {
    int depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == '{' || c == '[') && ++depth > DEPTH_MAX)
            return true;
        else if (!quoted && (c == '}' || c == ']'))
            depth--;
    }
    return false;
}

static int64_t read_date(const struct json_place *claims, const char *key) {
    char text[UTC_TEXT_LEN + 1];
    int64_t unix_s = 0;
    json_read_text(claims, key, text, UTC_TEXT_LEN, sizeof(text));
    if (!utc_from_text(&unix_s, text, strlen(text)))
        json_read_fail(claims, "a date such as 2026-01-31T12:00:00Z");
    return unix_s;
}

static bool uint_at(const json_t *array, size_t index, int64_t max, int64_t *out) {
    const json_t *v = json_array_get(array, index);
    *out = json_integer_value(v);
    return json_is_integer(v) && *out >= 0 && *out <= max;
}

static void read_leg(const struct json_place *element, void *out) {
    const char *way = json_string_value(json_array_get(element->value, 0));
    int64_t ssrc, seq0, ts0;
    if (json_array_size(element->value) != 4 || way == NULL ||
        (strcmp(way, "d") != 0 && strcmp(way, "u") != 0) ||
        !uint_at(element->value, 1, UINT32_MAX, &ssrc) ||
        !uint_at(element->value, 2, UINT16_MAX, &seq0) ||
        !uint_at(element->value, 3, UINT32_MAX, &ts0)) {
        json_read_fail(element, "[\"d\" or \"u\", SSRC, sequence number, timestamp]");
        return;
    }
    *(struct leg *)out = (struct leg){way[0] == 'u', (uint32_t)ssrc, (uint16_t)seq0, (uint32_t)ts0};
}

static void read_anchor_part(const struct json_place *element, void *out) {
    if (!json_is_integer(element->value) || json_integer_value(element->value) < 0)
        json_read_fail(element, "an integer, not negative");
    else
        *(int64_t *)out = json_integer_value(element->value);
}

static void read_anchor(const struct json_place *claims, struct ticket *t) {
    int64_t part[2] = {0, 0};
    size_t count = json_read_list(claims, "anc", part, 2, sizeof(part[0]), read_anchor_part);
    if (count != 2 || part[1] > WALL_MS_MAX)
        json_read_fail(claims, "an anchor [frame, UTC in ms]");
    t->anchor_frame = (uint64_t)part[0];
    t->anchor_wall_ms = part[1];
}

static void read_claims(const struct json_place *c, struct ticket *t) {
    t->issuer = json_read_name(c, "iss");
    json_read_bytes(c, "jti", t->session.bytes, SESSION_ID_BYTES);
    t->issued_s = read_date(c, "iat");
    t->expires_s = read_date(c, "exp");
    t->service = json_read_name(c, "svc");
    t->profile = json_read_name(c, "pro");
    json_read_bytes(c, "det", t->determinism.bytes, DETERMINISM_ID_BYTES);
    t->source = json_read_name(c, "src");
    json_read_bytes(c, "dig", t->digest.bytes, DIGEST_BYTES);
    t->class = (enum source_class)json_read_word(c, "cls", class_word, 0, CLASS_COUNT - 1);
    json_read_bytes(c, "cpk", t->client.bytes, KEY_BYTES);
    t->leg_count =
        (uint8_t)json_read_list(c, "leg", t->legs, TICKET_LEGS_MAX, sizeof(t->legs[0]), read_leg);
    t->protection =
        (enum protection)json_read_word(c, "pre", protection_word, 0, PROTECTION_COUNT - 1);
    t->backup_count = (uint8_t)json_read_list(c, "bak", t->backups, TICKET_BACKUPS_MAX,
                                              sizeof(t->backups[0]), json_read_each_name);
    read_anchor(c, t);
    if (t->leg_count == 0)
        json_read_fail(c, "at least one leg");
    if (t->issued_s >= t->expires_s)
        json_read_fail(c, "an expiry after the issue");
}

/* Whether an element of `crt` is one of the claims above. */
static void read_critical(const struct json_place *element, void *out) {
    static const char *const known[] = {"iss", "jti", "iat", "exp", "svc", "pro", "det", "src",
                                        "dig", "cls", "cpk", "leg", "pre", "bak", "anc"};
    unsigned index;
    if (!json_is_string(element->value))
        json_read_fail(element, "the name of a claim");
    else
        *(bool *)out = index_in(known, sizeof(known) / sizeof(known[0]),
                                json_string_value(element->value), &index);
}

/* False if the ticket wants something understood that this reader does not know. */
static bool understands_all(const struct json_place *claims) {
    bool known[CRITICAL_MAX];
    if (!json_read_has(claims, "crt"))
        return true;
    size_t count =
        json_read_list(claims, "crt", known, CRITICAL_MAX, sizeof(known[0]), read_critical);
    if (count == 0)
        json_read_fail(claims, "no `crt` rather than an empty one");
    for (size_t i = 0; i < count; i++)
        if (!known[i])
            return false;
    return true;
}

static enum err claims_from_json(struct ticket *t, const char *text, size_t len) {
    struct json_document d;
    struct json_place claims;
    if (is_too_deep(text, len))
        return ERR_BAD_FIELD;
    enum err e = json_read_begin(&d, &claims, text, len, TICKET_LEN_MAX, NULL);
    if (e != ERR_OK)
        return e;
    /* Asked first: what is critical and unknown may have changed the meaning of all the rest. */
    if (!understands_all(&claims)) {
        json_read_end(&d);
        return ERR_UNKNOWN_CLAIM;
    }
    read_claims(&claims, t);
    return json_read_end(&d);
}

/* ---- verifying ------------------------------------------------------------------------------- */

/* Signed while the key was in force; clocks of clusters differ by no more than `slack`. */
static bool was_in_force(const struct ticket_issuer *by, const struct ticket *t,
                         struct duration slack) {
    int64_t slack_s = slack.us / 1000000 + (slack.us % 1000000 != 0);
    return (by->issued_until_s == 0 || t->issued_s <= by->issued_until_s + slack_s) &&
           (by->expires_until_s == 0 || t->expires_s <= by->expires_until_s + slack_s);
}

/* The key that signed must be one of the cluster that the ticket says it is from, and have been so
 * when it signed. */
static enum err speaks_for(const struct public_key *key, const struct ticket *t,
                           const struct ticket_issuer *issuers, size_t count,
                           struct duration slack) {
    enum err e = ERR_FOREIGN;
    for (size_t i = 0; i < count; i++) {
        if (!public_key_equal(&issuers[i].key, key) || !name_equal(&issuers[i].cluster, &t->issuer))
            continue;
        if (was_in_force(&issuers[i], t, slack))
            return ERR_OK;
        e = ERR_UNKNOWN_ISSUER;
    }
    return e;
}

bool ticket_issuer_equal(const struct ticket_issuer *a, const struct ticket_issuer *b) {
    return name_equal(&a->cluster, &b->cluster) && public_key_equal(&a->key, &b->key) &&
           a->issued_until_s == b->issued_until_s && a->expires_until_s == b->expires_until_s;
}

const struct ticket_issuer *ticket_claimed(const char *token, size_t len,
                                           const struct ticket_issuer *issuers,
                                           size_t issuer_count) {
    char footer[TICKET_LEN_MAX];
    size_t footer_len;
    if (len > TICKET_LEN_MAX ||
        paseto_footer(token, len, footer, sizeof(footer), &footer_len) != ERR_OK)
        return NULL;
    return issuer_named(footer, footer_len, issuers, issuer_count);
}

enum err ticket_verify(struct ticket *out, const char *token, size_t len,
                       const struct ticket_issuer *issuers, size_t issuer_count, struct wall now,
                       struct duration skew) {
    char footer[TICKET_LEN_MAX], text[TICKET_LEN_MAX];
    size_t footer_len, text_len;
    struct ticket t = {0};
    if (len > TICKET_LEN_MAX)
        return ERR_OVERSIZED;
    enum err e = paseto_footer(token, len, footer, sizeof(footer), &footer_len);
    if (e != ERR_OK)
        return e;
    const struct ticket_issuer *by = issuer_named(footer, footer_len, issuers, issuer_count);
    if (by == NULL)
        return ERR_UNKNOWN_ISSUER;
    e = paseto_verify(token, len, &by->key, TICKET_LABEL, strlen(TICKET_LABEL), NULL, 0, text,
                      sizeof(text), &text_len);
    if (e == ERR_OK)
        e = claims_from_json(&t, text, text_len);
    if (e != ERR_OK)
        return e;
    struct duration slack = duration_add(skew, duration_us(now.uncertainty_us));
    e = speaks_for(&by->key, &t, issuers, issuer_count, slack);
    if (e != ERR_OK)
        return e;
    if (wall_before(now, t.issued_s, slack))
        return ERR_NOT_YET;
    if (wall_after(now, t.expires_s, slack))
        return ERR_EXPIRED;
    *out = t;
    return ERR_OK;
}
