/*
 * A policy written as the YAML that an operator would write, so that a run exercises the loader
 * that operators use.
 */
#ifndef TEST_LIVE_POLICY_YAML_H
#define TEST_LIVE_POLICY_YAML_H

#include "peerd/policy/policy.h"

#include <stdio.h>

/* Keys of peers and nodes are written as keys; grants by token need `token_file`. */
void policy_yaml_write(FILE *out, const struct policy *p);

#endif
