/*
 * What the tables share: members of an answer, and what stands where one is missing; and what one
 * of them prints within another.
 */
#ifndef PEERD_CTL_TABLES_H
#define PEERD_CTL_TABLES_H

#include <jansson.h>
#include <stdbool.h>

static inline const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "-";
}

static inline long long number_of(const json_t *object, const char *key) {
    return json_integer_value(json_object_get(object, key));
}

static inline bool is_set(const json_t *object, const char *key) {
    return json_is_true(json_object_get(object, key));
}

static inline double seconds_of(const json_t *object, const char *key) {
    return json_number_value(json_object_get(object, key)) / 1000.0;
}

/* How sessions begin (tables_starts.c): at a node, nothing of clusters that were never short of
 * anything; and of a peer's, if that has any. */
void tables_node_starts(const json_t *node);
void tables_peer_starts(const json_t *peer);

#endif
