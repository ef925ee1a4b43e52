/*
 * Policies as YAML text: any bytes give either faults that can be shown to a person, or a policy
 * whose ranges and references its readers may rely on.
 */
#include "peerd/io/yaml.h"
#include "peerd/policy/policy_schema.h"

#include <stdlib.h>
#include <string.h>

static struct faults faults;
static struct policy policy;

static void require(bool ok) {
    if (!ok)
        abort();
}

static void check_faults(void) {
    char line[FAULT_LINE_LEN_MAX + 1];
    require(faults.count <= FAULTS_MAX);
    for (uint32_t i = 0; i < faults.count; i++) {
        const struct fault *x = &faults.list[i];
        require(x->expected[0] != '\0' && x->found[0] != '\0');
        for (const char *c = fault_to_text(&faults, x, line); *c != '\0'; c++)
            require((unsigned char)*c >= 0x20 && *c != 0x7f);
    }
}

static void check_policy(void) {
    require(!name_is_empty(&policy.cluster.name));
    require(policy.beats.bind.port != 0 && policy.peer_listen.bind.port != 0);
    require(policy.detection.interval.us * 2 <= policy.detection.detect_within.us);
    require(policy.limits.sessions_max > 0 && policy.limits.hedge_ms_max <= 2000);
    require(policy.peer_count <= POLICY_PEERS_MAX && policy.node_count <= POLICY_NODES_MAX);
    require(policy.source_count <= POLICY_SOURCES_MAX && policy.grant_count <= POLICY_GRANTS_MAX);
    require(policy.profile_count <= POLICY_PROFILES_MAX);
    require(policy.service_count <= POLICY_SERVICES_MAX);
    for (uint32_t i = 0; i < policy.peer_count; i++)
        require(policy_peer_find(&policy, &policy.peers[i].name) == &policy.peers[i] &&
                !name_equal(&policy.peers[i].name, &policy.cluster.name));
    for (uint32_t i = 0; i < policy.service_count; i++) {
        const struct policy_service *s = &policy.services[i];
        require(s->capacity > 0 && s->profile_count > 0);
        for (uint32_t k = 0; k < s->profile_count; k++)
            require(policy_profile_find(&policy, &s->profiles[k]) != NULL);
        for (uint32_t k = 0; k < s->source_count; k++)
            require(policy_source_find(&policy, &s->sources[k]) != NULL);
    }
    for (uint32_t i = 0; i < policy.profile_count; i++)
        require(policy.profiles[i].rate_hz >= 8000 && policy.profiles[i].channels >= 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct tree tree;
    tree_init(&tree);
    faults_init(&faults, "f");
    if (yaml_parse(&tree, (const char *)data, len, &faults)) {
        policy_read(&policy, tree.root, &faults);
        if (!faults_any(&faults)) {
            check_policy();
            policy_check_keys(&policy, NULL, tree.root, &faults);
        }
    } else {
        require(faults_any(&faults) && tree.root == NULL);
    }
    check_faults();
    tree_free(&tree);
    return 0;
}
