/* Streams of other programs as a table for people: a row for each cluster that has one. */
#include "peerd/ctl/ctl.h"
#include "peerd/ctl/table.h"
#include "peerd/ctl/tables.h"

#include <stdio.h>
#include <string.h>

/* Where players are sent, which place it takes; else what speaks against it. */
static const char *players_of(const json_t *site, char out[64]) {
    if (is_set(site, "players_sent"))
        snprintf(out, 64, "yes, place %lld", number_of(site, "place"));
    else
        snprintf(out, 64, "no: %s", text_of(site, "against"));
    return out;
}

static const char *since_of(const json_t *site, char out[24]) {
    if (json_is_number(json_object_get(site, "since_ms_ago")))
        snprintf(out, 24, "%.1f s", seconds_of(site, "since_ms_ago"));
    else
        snprintf(out, 24, "-");
    return out;
}

/* For how many more there is CPU; those of other programs are not counted. */
static const char *room_of(const json_t *site, char out[48]) {
    if (!json_is_number(json_object_get(site, "players_more")))
        snprintf(out, 48, "-");
    else
        snprintf(out, 48, "%lld (%.2f s/s)", number_of(site, "players_more"),
                 (double)number_of(site, "spare_cpu_ms_per_s") / 1000);
    return out;
}

void tables_origins(const json_t *answer) {
    const json_t *origin, *site;
    struct table t;
    size_t i, k, row = 0;
    char players[64], since[24], room[48];
    table_open(&t, "stream\tcluster\t!state\t>since\t>room (CPU)\tplayers are sent there\turl");
    json_array_foreach(json_object_get(answer, "origins"), i, origin)
        json_array_foreach(json_object_get(origin, "at"), k, site)
            table_row(&t, "%s%s\t%s\t%s\t%s\t%s\t%s\t%s", text_of(origin, "name"),
                      is_set(site, "live") ? " (live)" : "", text_of(site, "cluster"),
                      text_of(site, "state"), since_of(site, since), room_of(site, room),
                      players_of(site, players), text_of(site, "url"));
    if (json_array_size(json_object_get(answer, "origins")) == 0) {
        table_close(&t);
        puts("neither we nor peers have streams of other programs");
        return;
    }
    table_print_head(&t);
    json_array_foreach(json_object_get(answer, "origins"), i, origin) {
        json_array_foreach(json_object_get(origin, "at"), k, site) {
            table_print_row(&t, row++);
            if (number_of(site, "looks_failed") > 0)
                printf("  the last %lld looks failed: %s\n", number_of(site, "looks_failed"),
                       text_of(site, "why"));
        }
    }
    table_close(&t);
}
