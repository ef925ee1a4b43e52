/* How sessions begin, for people: windows of starts (transcoder/timeline/window.h). */
#include "peerd/ctl/tables.h"

#include <stdio.h>

static void figures(const json_t *s) {
    printf("%lld of its sessions may begin at a time, %lld do; so far %lld in time, %lld late, "
           "%lld told to come again\n",
           number_of(s, "window"), number_of(s, "under_way"), number_of(s, "in_time"),
           number_of(s, "late"), number_of(s, "refused"));
}

void tables_node_starts(const json_t *node) {
    const json_t *s;
    size_t i;
    json_array_foreach(json_object_get(node, "starts"), i, s) {
        if (number_of(s, "under_way") == 0 && number_of(s, "late") == 0 &&
            number_of(s, "refused") == 0)
            continue;
        printf("  starts   %s: ", text_of(s, "cluster"));
        figures(s);
    }
}

void tables_peer_starts(const json_t *peer) {
    const json_t *s = json_object_get(peer, "starts");
    if (!json_is_object(s))
        return;
    fputs("starts     ", stdout);
    figures(s);
}
