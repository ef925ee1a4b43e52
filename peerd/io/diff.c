/*
 * Diff: what a policy would change if it took the place of the one in force; nothing is changed.
 */
#include "peerd/io/daemon.h"
#include "peerd/io/policy_file.h"
#include "peerd/policy/policy_schema.h"
#include "peerd/policy/schema_diff.h"

#include <jansson.h>
#include <sodium.h>
#include <stdlib.h>

static void tell(void *data, const char *path, const char *before, const char *after) {
    json_t *one = json_pack("{s:s, s:s?, s:s?}", "key", path, "now", before, "file", after);
    if (one != NULL) /* not UTF-8: the key says enough */
        json_array_append_new(data, one);
    else
        json_array_append_new(data, json_pack("{s:s, s:n, s:n}", "key", path, "now", "file"));
}

/* The file may have the name that it had, and another key in it. */
static void put_own_key(const struct public_key *now, const struct public_key *then,
                        json_t *changes) {
    char before[KEY_PUBLIC_TEXT_LEN + 1], after[KEY_PUBLIC_TEXT_LEN + 1];
    public_key_to_text(now, before);
    public_key_to_text(then, after);
    if (!public_key_equal(now, then))
        tell(changes, "cluster.key", before, after);
}

/* Whoever was found stands beside those whom the file names. */
static void put_changes(const struct daemon *d, const struct policy *file, json_t *changes) {
    struct policy *running = calloc(1, sizeof(*running));
    if (running == NULL)
        return;
    policy_copy(running, d->policy);
    running->peer_count = reload_named_peers(d->policy);
    schema_diff(&policy_table, running, file, tell, changes);
    policy_file_free(running);
}

char *present_diff(const struct daemon *d, const char *path, struct faults *faults) {
    struct key_pair key;
    struct policy *file = policy_file_load(path, &key, faults);
    if (file == NULL)
        return NULL;
    json_t *changes = json_array();
    keys_foresee(d, file);
    put_own_key(&d->key.public_key, &key.public_key, changes);
    put_changes(d, file, changes);
    json_t *all =
        json_pack("{s:s, s:s?, s:o}", "cluster", d->policy->cluster.name.text, "needs_restart",
                  reload_needs_restart(d, file, &key), "changes", changes);
    sodium_memzero(&key, sizeof(key));
    policy_file_free(file);
    char *text = all == NULL ? NULL : json_dumps(all, JSON_COMPACT);
    json_decref(all);
    return text;
}
