#include "peerd/core/backups.h"

#include "peerd/core/naming.h"
#include "peerd/core/state.h"

/* Those who are no backups of its: whose turn it is. */
static void choose_probes(struct core *core, const struct ranking_about *about, const uint8_t *rest,
                          size_t count, struct core_answer_open *answer) {
    answer->measures = fares_measure(core);
    answer->probe_count =
        naming_choose(core, &about->location, rest, count, &answer->ticket.session, answer->probes);
}

/* ---- of one that begins here ----------------------------------------------------------------- */

/* Beyond the backups the order is of use only for those who are to be probed. */
static size_t rank(const struct core *core, const struct ranking_about *about,
                   const struct session_id *id, bool damped_too,
                   uint8_t order[RANK_CANDIDATES_MAX]) {
    struct rank_candidate candidates[POLICY_PEERS_MAX];
    size_t count = ranking_candidates(core, about, damped_too, candidates);
    return rank_order(candidates, count, &core->place, id, order,
                      fares_measure(core) ? RANK_CANDIDATES_MAX : TICKET_BACKUPS_MAX);
}

/* A backup that comes and goes is better than none. */
void backups_rank(struct core *core, const struct ranking_about *about,
                  struct core_answer_open *answer) {
    uint8_t order[RANK_CANDIDATES_MAX];
    const struct session_id *id = &answer->ticket.session;
    size_t ranked = rank(core, about, id, false, order);
    if (ranked == 0)
        ranked = rank(core, about, id, true, order);
    size_t count = ranked < TICKET_BACKUPS_MAX ? ranked : TICKET_BACKUPS_MAX;
    for (size_t i = 0; i < count; i++) {
        const struct peering *p = core->peers[order[i]];
        answer->ticket.backups[i] = p->policy.name;
        answer->backups[i] = ranking_backup(p, id);
    }
    answer->ticket.backup_count = (uint8_t)count;
    answer->backup_count = (uint32_t)count;
    choose_probes(core, about, order + count, ranked - count, answer);
}

/* ---- of one that begins elsewhere ------------------------------------------------------------ */

/* A worker of ours, any, as a peer would name one; family 0: there is none. One that is being
 * replaced has a successor at the same socket. */
static struct addr own_media(const struct core *core, const struct session_id *id) {
    for (uint32_t i = 0; i < core->node_count; i++) {
        const struct node *n = core->nodes[i];
        if (n->complete && n->media_count > 0)
            return n->media[id->bytes[0] % n->media_count];
    }
    return (struct addr){0};
}

static void name_ourselves(const struct core *core, struct core_answer_open *answer) {
    struct core_backup self = {core->name, core->self, own_media(core, &answer->ticket.session)};
    if (self.media.family != 0)
        answer->backups[answer->backup_count++] = self;
}

static void name_peer(const struct peering *p, struct core_answer_open *answer) {
    const struct session_id *id = &answer->ticket.session;
    answer->backups[answer->backup_count++] = ranking_backup(p, id);
    answer->ticket.backups[answer->ticket.backup_count++] = p->policy.name;
}

/* We take the server's place among the candidates. The ticket has room for it and three others, as
 * the answer has for these three and us. */
void backups_rank_elsewhere(struct core *core, const struct ranking_about *about,
                            const struct peering *to, struct core_answer_open *answer) {
    struct rank_candidate candidates[POLICY_PEERS_MAX];
    uint8_t order[RANK_CANDIDATES_MAX], rest[RANK_CANDIDATES_MAX];
    const struct session_id *id = &answer->ticket.session;
    size_t left = 0;
    bool named = false;
    size_t count = ranking_candidates(core, about, false, candidates);
    candidates[to->index] = ranking_self(core, about);
    answer->ticket.backups[answer->ticket.backup_count++] = to->policy.name;
    size_t ranked = rank_order(candidates, count, &to->place, id, order, RANK_CANDIDATES_MAX);
    for (size_t i = 0; i < ranked; i++) {
        if (order[i] == to->index) {
            name_ourselves(core, answer);
            named = true;
        } else if (answer->ticket.backup_count < TICKET_BACKUPS_MAX) {
            name_peer(core->peers[order[i]], answer);
        } else {
            rest[left++] = order[i];
        }
    }
    if (!named)
        name_ourselves(core, answer);
    struct core_backup server = ranking_backup(to, id);
    answer->cluster = server.cluster;
    answer->cluster_key = server.key;
    answer->media = server.media;
    choose_probes(core, about, rest, fares_measure(core) ? left : 0, answer);
}
