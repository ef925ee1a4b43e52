/*
 * How tables are written, those of policies and of scenarios: where in a record a row's field lies,
 * and which rows make a table. For the files that hold tables, and no others: the names are short.
 */
#ifndef PEERD_POLICY_SCHEMA_ROWS_H
#define PEERD_POLICY_SCHEMA_ROWS_H

#include "peerd/policy/policy.h"
#include "peerd/policy/schema.h"

#define AT(type, field) .offset = offsetof(struct type, field)
#define LIST_AT(type, field, counter, max)                                                         \
    AT(type, field), .stride = sizeof(((struct type *)0)->field[0]),                               \
                     .count_offset = offsetof(struct type, counter), .count_max = (max)
#define TABLE(rows_, type)                                                                         \
    .rows = (rows_), .row_count = sizeof(rows_) / sizeof((rows_)[0]),                              \
    .record_size = sizeof(struct type)
#define TEXT .type = SCHEMA_TEXT, .size = POLICY_TEXT_LEN_MAX + 1
#endif
