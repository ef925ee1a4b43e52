/* check and schema: what needs no running peerd. */
#include "peerd/ctl/ctl.h"
#include "peerd/io/policy_file.h"
#include "peerd/policy/policy_schema.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SCHEMA_BYTES_MAX (256 * 1024)

static json_t *faults_json(const struct faults *faults) {
    char line[FAULT_LINE_LEN_MAX + 1];
    json_t *list = json_array();
    for (uint32_t i = 0; i < faults->count; i++) {
        const struct fault *f = &faults->list[i];
        fault_to_text(faults, f, line);
        json_array_append_new(list, json_pack("{s:i, s:i, s:s, s:s, s:s, s:s, s:s}", "line",
                                              (int)f->mark.line, "column", (int)f->mark.column,
                                              "field", f->path, "expected", f->expected, "found",
                                              f->found, "hint", f->hint, "text", line));
    }
    return list;
}

static void print_faults(const struct faults *faults) {
    char line[FAULT_LINE_LEN_MAX + 1];
    for (uint32_t i = 0; i < faults->count; i++)
        fprintf(stderr, "%s\n", fault_to_text(faults, &faults->list[i], line));
    if (faults->lost > 0)
        fprintf(stderr, "%s: and %u more\n", faults->file, faults->lost);
}

/* A recording is read where the workers are, which may be another machine: that it cannot be read
 * here is worth a warning and no more. */
static bool is_unreadable(const struct policy_source *s) {
    return s->location.text[0] != '\0' && strstr(s->location.text, "://") == NULL &&
           access(s->location.text, R_OK) != 0;
}

static void print_unreadable(const char *file, const struct policy *p) {
    for (uint32_t i = 0; i < p->source_count; i++)
        if (is_unreadable(&p->sources[i]))
            fprintf(stderr,
                    "%s: warning: source `%s`: %s: %s; on this machine, workers could not serve "
                    "it\n",
                    file, p->sources[i].name.text, p->sources[i].location.text, strerror(errno));
}

static json_t *unreadable_json(const struct policy *p) {
    json_t *list = json_array();
    for (uint32_t i = 0; p != NULL && i < p->source_count; i++)
        if (is_unreadable(&p->sources[i]))
            json_array_append_new(list, json_string(p->sources[i].name.text));
    return list;
}

int ctl_check(const struct ctl_options *o) {
    static struct faults faults;
    if (o->live)
        return ctl_check_live(o);
    json_t *report = json_array();
    int result = CTL_DONE;
    if (o->word_count == 0) {
        fputs("peerctl check: expected at least one POLICY\n", stderr);
        json_decref(report);
        return CTL_USAGE;
    }
    for (int i = 0; i < o->word_count; i++) {
        struct key_pair own;
        struct policy *policy = policy_file_load(o->words[i], &own, &faults);
        if (policy == NULL)
            result = CTL_REFUSED;
        if (o->json)
            json_array_append_new(report,
                                  json_pack("{s:s, s:b, s:o, s:o}", "file", o->words[i], "ok",
                                            policy != NULL, "faults", faults_json(&faults),
                                            "unreadable", unreadable_json(policy)));
        else if (policy != NULL)
            printf("%s: in order\n", o->words[i]);
        else
            print_faults(&faults);
        if (!o->json && policy != NULL)
            print_unreadable(o->words[i], policy);
        policy_file_free(policy);
    }
    if (o->json) {
        json_dumpf(report, stdout, JSON_COMPACT);
        putchar('\n');
    }
    json_decref(report);
    return result;
}

int ctl_schema(const struct ctl_options *o) {
    bool mdoc = o->word_count == 1 && strcmp(o->words[0], "mdoc") == 0;
    if (o->word_count > 0 && !mdoc) {
        fputs("peerctl schema: expected nothing, or `mdoc`\n", stderr);
        return CTL_USAGE;
    }
    char *text = malloc(SCHEMA_BYTES_MAX);
    if (text == NULL)
        return CTL_REFUSED;
    size_t len = mdoc ? schema_mdoc(&policy_table, text, SCHEMA_BYTES_MAX)
                      : schema_markdown(&policy_table, 2, text, SCHEMA_BYTES_MAX);
    int result = len < SCHEMA_BYTES_MAX && fputs(text, stdout) >= 0 ? CTL_DONE : CTL_REFUSED;
    free(text);
    return result;
}
