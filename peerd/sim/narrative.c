#include "peerd/sim/narrative.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#define MOVES_SHOWN 12 /* more of them are only counted: a herd is not a narrative */

#define FNV_OFFSET UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME  UINT64_C(0x100000001b3)

static void count(struct sim *sim, const char *line) {
    uint64_t h = sim->lines == 0 ? FNV_OFFSET : sim->digest;
    for (const char *c = line; *c != '\0'; c++)
        h = (h ^ (uint8_t)*c) * FNV_PRIME;
    sim->digest = h;
    sim->lines++;
}

static void line(struct sim *sim, struct instant at, bool fact, const char *who, const char *text) {
    char out[TRACE_LINE_LEN_MAX + 160];
    double since = (double)instant_since(at, sim->zero).us / 1e6;
    snprintf(out, sizeof(out), "%11.6f %s%s%s\n", since, who == NULL ? "" : who,
             who == NULL ? "" : ": ", text);
    count(sim, out);
    if (sim->options.trace != NULL)
        fputs(out, sim->options.trace);
    else if (fact && sim->options.narrative != NULL && !instant_before(at, sim->zero))
        fprintf(sim->options.narrative, "  %8.3f  %s\n", since, text);
}

void sim_narrative_fact(struct sim *sim, const char *format, ...) {
    char text[TRACE_LINE_LEN_MAX + 1];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    line(sim, sim->now, true, "sim", text);
}

void sim_narrative_drain(struct sim *sim, struct trace *trace, const char *who) {
    const struct trace_line *l;
    while ((l = trace_take(trace)) != NULL) {
        bool fact = who == NULL && strstr(l->text, " move ") == NULL && !sim->closing;
        line(sim, sim->now, fact, who, l->text);
    }
}

void sim_narrative_move(struct sim *sim, const struct report_move *m) {
    uint32_t number = sim->report.move_count;
    char text[TRACE_LINE_LEN_MAX + 1];
    snprintf(text, sizeof(text),
             "%s moved %s -> %s (%s): noticed in %" PRId64 " ms, first frame after %" PRId64
             " ms, gap %" PRId64 " ms",
             m->client, m->from.text, m->to.text, m->cause.text, m->detect_ms, m->first_frame_ms,
             m->gap_ms);
    line(sim, sim->now, number <= MOVES_SHOWN, "sim", text);
    if (number == MOVES_SHOWN + 1 && sim->options.narrative != NULL && sim->options.trace == NULL)
        fprintf(sim->options.narrative, "            … further moves only in the summary\n");
}
