/*
 * Who is accepted: the rules of the policy, and whose name it is.
 */
#include "topo/find_private.h"

#include <string.h>

bool find_key_equal(const struct find_key *a, const struct find_key *b) {
    return memcmp(a->bytes, b->bytes, FIND_KEY_BYTES) == 0;
}

/* The last star is the only one worth going back to: what an earlier one took was the least. */
bool find_pattern_fits(const char *pattern, const char *text) {
    const char *star = NULL, *taken = NULL;
    while (*text != '\0') {
        if (*pattern == '*') {
            star = pattern++;
            taken = text;
        } else if (*pattern == '?' || *pattern == *text) {
            pattern++;
            text++;
        } else if (star != NULL) {
            pattern = star + 1;
            text = ++taken;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

static bool fits(const struct find_rule *r, const struct find_facts *facts,
                 const struct find_key *key) {
    return (name_is_empty(&r->provider) || name_equal(&r->provider, &facts->provider)) &&
           (name_is_empty(&r->region) || name_equal(&r->region, &facts->region)) &&
           (r->pattern[0] == '\0' || find_pattern_fits(r->pattern, facts->name.text)) &&
           (!r->by_key || find_key_equal(&r->key, key));
}

const struct find_rule *find_rule_for(const struct find_config *c, const struct find_facts *facts,
                                      const struct find_key *key) {
    for (uint32_t i = 0; i < c->rule_count; i++)
        if (fits(&c->rules[i], facts, key))
            return &c->rules[i];
    return NULL;
}

bool find_is_revoked(const struct find_config *c, const struct find_key *key) {
    for (uint32_t i = 0; i < c->revoked_count; i++)
        if (find_key_equal(&c->revoked[i], key))
            return true;
    return false;
}

const struct find_holder *find_holder_of_key(const struct find_config *c,
                                             const struct find_key *key) {
    for (uint32_t i = 0; i < c->holder_count; i++)
        if (find_key_equal(&c->holders[i].key, key))
            return &c->holders[i];
    return NULL;
}

static bool is_held(const struct find_config *c, const struct name *name) {
    for (uint32_t i = 0; i < c->holder_count; i++)
        if (name_equal(&c->holders[i].name, name))
            return true;
    return false;
}

struct find_cluster *find_namesake(struct find *f, const struct find_cluster *c) {
    for (uint32_t i = 0; i < f->top; i++) {
        struct find_cluster *other = &f->clusters[i];
        if (other->used && other != c && other->state == FIND_STATE_ACCEPTED &&
            name_equal(&other->facts.name, &c->facts.name))
            return other;
    }
    return NULL;
}

bool find_succeeds(const struct find_cluster *c, const struct find_cluster *before) {
    return before->described && before->facts.has_next &&
           find_key_equal(&before->facts.next, &c->claim.key);
}

/* Whom it succeeds, now or a while ago; NULL for nobody. */
static const struct find_cluster *predecessor(const struct find *f, const struct find_cluster *c) {
    for (uint32_t i = 0; i < f->top; i++) {
        const struct find_cluster *other = &f->clusters[i];
        if (other->used && other != c &&
            (other->state == FIND_STATE_ACCEPTED || other->state == FIND_STATE_RETIRED) &&
            name_equal(&other->facts.name, &c->facts.name) && find_succeeds(c, other) &&
            !find_is_revoked(&f->config, &other->claim.key))
            return other;
    }
    return NULL;
}

/* A rule that names a key holds for the one that this key has announced, too. */
static const struct find_rule *rule_for(const struct find *f, const struct find_cluster *c) {
    const struct find_rule *r = find_rule_for(&f->config, &c->facts, &c->claim.key);
    const struct find_cluster *before = r == NULL ? predecessor(f, c) : NULL;
    return before == NULL ? r : find_rule_for(&f->config, &c->facts, &before->claim.key);
}

enum find_refusal find_judge(struct find *f, const struct find_cluster *c, uint32_t *rule) {
    const struct find_config *config = &f->config;
    if (find_is_revoked(config, &c->claim.key))
        return FIND_REFUSAL_REVOKED;
    const struct find_cluster *other = find_namesake(f, c);
    if (is_held(config, &c->facts.name) || (other != NULL && !find_succeeds(c, other)))
        return FIND_REFUSAL_NAME_TAKEN;
    const struct find_rule *r = rule_for(f, c);
    if (r == NULL)
        return FIND_REFUSAL_NO_RULE;
    bool counted = c->state == FIND_STATE_ACCEPTED || other != NULL;
    if (f->accepted + (counted ? 0 : 1) > config->peers_max)
        return FIND_REFUSAL_FULL;
    *rule = (uint32_t)(r - config->rules);
    return FIND_REFUSAL_NONE;
}
