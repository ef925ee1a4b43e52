/*
 * What the tests of policies and scenarios share: all faults of a file as text, one a line, without
 * the name of the file.
 */
#ifndef PEERD_TEST_UNIT_POLICY_FIXTURE_H
#define PEERD_TEST_UNIT_POLICY_FIXTURE_H

#include "peerd/policy/fault.h"

#include <stdio.h>
#include <string.h>

/* Valid keys whose secrets nobody has. */
#define KEY_A "k4.public.mv8xoidWNstQd0otvsCPJJ4VccBdlGkVMou2i1bwJSE"
#define KEY_B "k4.public.Y7ItFAXCiBL25ickHlp9aYqnk5Se1Pi6cKg5TNMo4GY"
#define KEY_C "k4.public.kkLutnulh4oAZn0v4b1D-dqXIza_VvMc2_eOrQM1KoY"

#define FAULTS_TEXT_MAX (FAULTS_MAX * (FAULT_LINE_LEN_MAX + 1))

/* Valid until the next call. */
static inline const char *faults_text(const struct faults *f) {
    static char text[FAULTS_TEXT_MAX + 1];
    char line[FAULT_LINE_LEN_MAX + 1];
    size_t at = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < f->count; i++) {
        fault_to_text(f, &f->list[i], line);
        const char *rest = line;
        if (strncmp(line, f->file, strlen(f->file)) == 0)
            rest += strlen(f->file) + 1;
        rest += *rest == ' ';
        at += (size_t)snprintf(text + at, sizeof(text) - at, "%s\n", rest);
    }
    return text;
}

#endif
