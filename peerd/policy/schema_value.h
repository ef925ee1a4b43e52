/*
 * Single values of a schema: text to field, by the row's type and range. Private to the engine.
 */
#ifndef PEERD_POLICY_SCHEMA_VALUE_H
#define PEERD_POLICY_SCHEMA_VALUE_H

#include "peerd/policy/quantity.h"
#include "peerd/policy/schema.h"

/* Parses `text` by `row` into `field`. On failure `field` is untouched and `hint` holds what more
 * can be said than what was expected, or "". Not for mappings, lists and custom rows. */
bool schema_value_parse(const struct schema_row *row, const char *text, void *field,
                        char hint[FAULT_TEXT_LEN_MAX + 1]);

/* "a duration from 10ms to 10s": what a fault expects and the reference shows. Returns `out`. */
const char *schema_value_form(const struct schema_row *row, char out[FAULT_TEXT_LEN_MAX + 1]);

/* True for types whose text must not be repeated in a fault when it looks like a secret. */
bool schema_value_secret(const char *text);

#endif
