/* Moves as tables for people. */
#include "peerd/ctl/ctl.h"
#include "peerd/ctl/tables.h"

#include <stdio.h>
#include <string.h>

/* It has gone. Where it is its new cluster tells, or nobody does. */
static void gone(const json_t *answer) {
    const json_t *last = json_object_get(answer, "last");
    const json_t *client = json_object_get(last, "client");
    printf("%s is not served by %s any more", text_of(answer, "session"),
           text_of(answer, "cluster"));
    if (json_is_integer(json_object_get(last, "epoch")))
        printf(": %s serves it, under epoch %lld", text_of(last, "to"), number_of(last, "epoch"));
    else if (strcmp(text_of(last, "what"), "over") == 0)
        printf(": it was to go to %s, which has not told yet that it serves it",
               text_of(last, "to"));
    if (json_is_object(client))
        printf("; its client lost %lld frames", number_of(client, "lost"));
    putchar('\n');
}

void tables_moving(const json_t *answer) {
    if (!is_set(answer, "served_here"))
        gone(answer);
    else if (strcmp(text_of(answer, "state"), "telling") == 0)
        printf("%s is to move to %s: its client is told of that cluster first\n",
               text_of(answer, "session"), text_of(answer, "to"));
    else if (json_is_string(json_object_get(answer, "state")))
        printf("%s is moving to %s: %s\n", text_of(answer, "session"), text_of(answer, "to"),
               text_of(answer, "state"));
    else if (json_is_object(json_object_get(answer, "last")))
        printf("%s stays at %s: %s\n", text_of(answer, "session"), text_of(answer, "cluster"),
               text_of(json_object_get(answer, "last"), "why"));
    else
        printf("%s stays at %s\n", text_of(answer, "session"), text_of(answer, "cluster"));
}

void tables_undrained(const json_t *answer) {
    if (!is_set(answer, "was_draining"))
        printf("%s was not draining%s\n", text_of(answer, "cluster"),
               is_set(answer, "recovering") ? " as far as it knows: it was just started, and a "
                                              "drain that a node may tell of is called off"
                                            : ": there was nothing to call off");
    tables_status(answer);
}

/* An epoch, or what stands for one that this end does not know. */
static const char *epoch_text(const json_t *m, const char *key, char out[16]) {
    long long epoch = number_of(m, key);
    snprintf(out, 16, epoch > 0 ? "%lld" : "?", epoch);
    return out;
}

void tables_moves(const json_t *answer) {
    const json_t *m;
    size_t i;
    char before[16], after[16];
    json_array_foreach(json_object_get(answer, "moves"), i, m) printf(
        "%4lld  %.1f s ago  %s  %s > %s  %s (epoch %s > %s)%s%s%s\n", number_of(m, "number"),
        seconds_of(m, "begun_ms_ago"), text_of(m, "session"), text_of(m, "from"), text_of(m, "to"),
        text_of(m, "cause"), epoch_text(m, "epoch_from", before), epoch_text(m, "epoch_to", after),
        json_is_object(json_object_get(m, "called_off")) ? ", called off" : "",
        text_of(m, "evidence")[0] != '\0' ? ": " : "", text_of(m, "evidence"));
    if (i == 0)
        puts("no move yet");
}

/* Whole milliseconds, or a dash for what is not known here. */
static const char *ms_text(const json_t *object, const char *key, char out[16]) {
    const json_t *value = json_object_get(object, key);
    if (json_is_number(value))
        snprintf(out, 16, "%.0f", json_number_value(value));
    else
        snprintf(out, 16, "-");
    return out;
}

/* The second line of one that was called off. */
static void called_off(const json_t *off, const json_t *phases) {
    char after[16];
    printf("      called off after %s ms, in %s", ms_text(phases, "called_off_ms", after),
           text_of(off, "in"));
    if (number_of(off, "times") > 1)
        printf("; the newest of %lld in a row", number_of(off, "times"));
}

/* What this end sees: where it was left when the order was taken on and when it had gone; where it
 * came how long both sent, if it hedged here before. */
static void phases_of(const json_t *m, const json_t *phases) {
    char overlap[16], switched[16];
    if (strcmp(text_of(m, "side"), "leaving") == 0)
        printf("      taken on after %s ms, gone after %s ms",
               ms_text(phases, "overlap_ms", overlap), ms_text(phases, "switched_ms", switched));
    else if (json_is_number(json_object_get(phases, "overlap_ms")))
        printf("      held %s; hedged here, served after %s ms", text_of(m, "held"),
               ms_text(phases, "switched_ms", switched));
    else
        printf("      held %s; served at once", text_of(m, "held"));
}

static void client_of(const json_t *client) {
    char detect[16], first[16];
    if (json_is_object(client))
        printf("; client: noticed in %s ms, first frame %s ms, gap %lld ms, %lld lost, %lld twice",
               ms_text(client, "detect_ms", detect), ms_text(client, "first_frame_ms", first),
               number_of(client, "gap_ms"), number_of(client, "lost"),
               number_of(client, "duplicates"));
}

/* Of an arrival that was asked for: the end that it left knows how that went. */
static void other_end(const json_t *left) {
    char prepare[16], overlap[16];
    if (json_is_object(left))
        printf("; where it was: taken on after %s ms, both sent for %s ms",
               ms_text(left, "prepare_ms", prepare), ms_text(left, "overlap_ms", overlap));
}

static void preroll(const json_t *p) {
    const json_t *after = json_object_get(p, "merges_after_frames");
    if (!json_is_object(p))
        return;
    printf("; %s pre-roll", text_of(p, "kind"));
    if (!json_is_integer(after))
        printf(", never like others'");
    else if (json_integer_value(after) > 0)
        printf(", as others' after %lld frames", (long long)json_integer_value(after));
}

/* Two lines, or three with evidence. */
static void ledger_row(const json_t *m) {
    const json_t *phases = json_object_get(m, "phases"), *off = json_object_get(m, "called_off");
    char before[16], after[16];
    printf("%5lld %s %-22s %-11s %-8s %-8s %-8s %s > %s\n", number_of(m, "number"),
           text_of(m, "begun_at"), text_of(m, "session"), text_of(m, "cause"), text_of(m, "side"),
           text_of(m, "from"), text_of(m, "to"), epoch_text(m, "epoch_from", before),
           epoch_text(m, "epoch_to", after));
    if (json_is_object(off))
        called_off(off, phases);
    else
        phases_of(m, phases);
    if (!json_is_object(off))
        client_of(json_object_get(m, "client"));
    other_end(json_object_get(m, "at_other_end"));
    preroll(json_object_get(m, "preroll"));
    puts(is_set(m, "settled") ? "" : "; its cause is not settled yet");
    if (text_of(m, "evidence")[0] != '\0')
        printf("      %s\n", text_of(m, "evidence"));
}

/* A peerd of an older version does not say how many there were. */
static bool nobody_has_moved(const json_t *answer) {
    const json_t *entered = json_object_get(answer, "entered");
    return json_is_integer(entered) && json_integer_value(entered) == 0;
}

void tables_ledger(const json_t *answer) {
    const json_t *m;
    size_t i;
    json_array_foreach(json_object_get(answer, "moves"), i, m) {
        if (i == 0)
            printf("%5s %-20s %-22s %-11s %-8s %-8s %-8s %s\n", "no.", "begun", "session", "cause",
                   "side", "from", "to", "epochs");
        ledger_row(m);
    }
    if (i == 0)
        puts(nobody_has_moved(answer) ? "no move yet" : "no such move");
    if (number_of(answer, "forgotten") > 0)
        printf("%lld older ones are not kept any more\n", number_of(answer, "forgotten"));
}
