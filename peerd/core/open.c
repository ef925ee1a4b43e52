#include "peerd/core/open.h"

#include "peerd/core/agreements.h"
#include "peerd/core/backups.h"
#include "peerd/core/redirect.h"
#include "peerd/core/state.h"
#include "topo/location.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- asked again ----------------------------------------------------------------------------- */

/* It may have gone on since: whoever begins with it anew is newer than all that, and where it is.
 */
static void as_it_is(struct core_answer_open *answer, const struct session *s) {
    answer->epoch = s->epoch + 1;
    answer->media = s->node->media[s->worker];
}

static void serves_here(const struct core *core, struct core_answer_open *answer) {
    answer->cluster = core->name;
    answer->cluster_key = core->self;
}

/* Of a session that has ended or moved away since, what we said leads nowhere now: `gone` says so,
 * and the next one gets an id of its own, under which no epoch was ever committed. Likewise of one
 * that was to begin at a peer: what has become of it there, we are not told. */
static bool recall(struct core *core, const struct core_session_open *e,
                   struct core_answer_open *answer, bool *gone) {
    if (!e->idempotent)
        return false;
    struct memory *one = memory_find(core, e->digest);
    if (one == NULL)
        return false;
    const struct session *s = one->elsewhere ? NULL : session_find(core, &one->session);
    if (s == NULL) {
        *gone = true; /* and remembered as such until another one is there */
        return false;
    }
    memory_tell(core, one, answer);
    as_it_is(answer, s);
    serves_here(core, answer);
    answer->request = e->request;
    answer->repeated = true;
    core->counters.opens_repeated++;
    return true;
}

/* ---- where ----------------------------------------------------------------------------------- */

struct offer {
    uint32_t service_index;
    const struct policy_profile *profile;
    struct node *node;
    uint32_t worker;
    const struct node_source *source;
    const struct node_profile *made; /* the profile as the node makes it */
};

static enum err find_offer(const struct core *core, const struct core_session_open *e,
                           struct offer *offer) {
    const struct policy_service *service = policy_service_find(&core->policy, &e->service);
    if (service == NULL)
        return ERR_UNKNOWN_SERVICE;
    offer->service_index = (uint32_t)(service - core->policy.services);
    offer->profile = policy_profile_find(&core->policy, &e->profile);
    if (offer->profile == NULL)
        return ERR_UNKNOWN_PROFILE;
    if (policy_source_find(&core->policy, &e->source) == NULL)
        return ERR_UNKNOWN_SOURCE;
    if (policy_service_offers(service, &e->profile, &e->source))
        return ERR_OK;
    for (uint32_t i = 0; i < service->profile_count; i++)
        if (name_equal(&service->profiles[i], &e->profile))
            return ERR_UNKNOWN_SOURCE;
    return ERR_UNKNOWN_PROFILE;
}

/* The complete node with most slots that are free and kept for nobody, among those that can serve
 * it. Sets why not otherwise. */
static enum err find_worker(const struct core *core, const struct core_session_open *e,
                            struct offer *offer) {
    uint32_t most = 0;
    enum err why = ERR_NO_CREDIT;
    for (uint32_t i = 0; i < core->node_count; i++) {
        struct node *n = core->nodes[i];
        const struct node_source *source = node_source_find(n, &e->source);
        const struct node_profile *made = node_profile_find(n, &e->profile);
        if (!n->complete)
            continue;
        if (source == NULL || made == NULL) {
            why = most == 0 ? ERR_SOURCE_FAILED : why;
            continue;
        }
        uint32_t slots = node_open_slots(core, n);
        if (slots <= most)
            continue;
        most = slots;
        offer->node = n;
        offer->worker = node_worker_pick(n);
        offer->source = source;
        offer->made = made;
    }
    return most > 0 ? ERR_OK : why;
}

/* ---- just started ---------------------------------------------------------------------------- */

/* True while a peer that could be a backup has not had the time to say so. */
static bool is_settling(const struct core *core, const struct core_session_open *e) {
    if (e->protection == PROTECTION_COLD ||
        instant_reached(core->now, instant_add(core->started, OPEN_SETTLE)))
        return false;
    for (uint32_t i = 0; i < core->peer_count; i++)
        if (core->peers[i]->policy.offer_moves &&
            (!description_is_whole(core->peers[i]) || agreements_pend(core->peers[i])))
            return true;
    return false;
}

/* ---- ticket ---------------------------------------------------------------------------------- */

static uint32_t number_at(const uint8_t *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Id and numbers of the leg are random (RFC 3550 section 5.1 wants them so); of a repeated request
 * they come from its keyed digest, which is as good, unless that session is over (`again`). */
static void fill_ticket(const struct core *core, const struct core_session_open *e, bool again,
                        struct ticket *t) {
    static const uint8_t forgotten[CORE_ENTROPY_BYTES];
    const uint8_t *random = e->idempotent && !again ? e->digest : e->entropy;
    assert(memcmp(random, forgotten, sizeof(forgotten)) != 0 && "whoever fills events fills it");
    memcpy(t->session.bytes, random, SESSION_ID_BYTES);
    t->legs[0] = (struct leg){.ssrc = number_at(random + 16),
                              .seq0 = (uint16_t)number_at(random + 20),
                              .ts0 = number_at(random + 24)};
    t->leg_count = 1;
    t->issuer = core->name;
    t->issued_s = core->wall.us / 1000000;
    t->expires_s = t->issued_s + core->policy.limits.ticket_life.us / 1000000;
    t->service = e->service;
    t->profile = e->profile;
    t->source = e->source;
    t->client = e->client;
    t->protection = e->protection;
    t->anchor_frame = e->start_frame;
    t->anchor_wall_ms = core->wall.us / 1000;
}

/* As whoever serves it at first makes it. */
static void fill_content(struct ticket *t, const struct node_profile *made,
                         const struct node_source *source) {
    t->determinism = made->determinism;
    t->digest = source->digest;
    t->class = source->class;
}

static enum err enter(struct core *core, const struct core_session_open *e,
                      const struct offer *offer, const struct ticket *t) {
    struct session *s = session_find(core, &t->session);
    if (s != NULL)
        return ERR_OK; /* asked again after we had forgotten the answer: it is there already */
    struct session_birth birth = {.id = &t->session,
                                  .state = SESSION_STATE_OPENED,
                                  .about = {.issuer = &t->issuer,
                                            .service = &t->service,
                                            .backups = t->backups,
                                            .backup_count = t->backup_count,
                                            .location = location_of(&e->from)},
                                  .node = offer->node,
                                  .worker = offer->worker,
                                  .profile = &t->profile,
                                  .source = &t->source};
    enum err err = session_add(core, &birth, &s);
    if (err != ERR_OK)
        return err;
    s->expires_s = t->expires_s;
    s->client = e->from;
    return ERR_OK;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static const char *detail_of(const struct core *core, const struct core_session_open *e,
                             enum err err) {
    if (err == ERR_UNSUPPORTED && e->protection == PROTECTION_HOT)
        return "this service is not offered with hot protection; ask for warm";
    if (err == ERR_NO_CREDIT && core->recovering)
        return "just started: not all nodes have registered yet";
    if (err == ERR_NO_CREDIT &&
        !instant_reached(core->now, instant_add(core->started, OPEN_SETTLE)))
        return "just started: the peers have not described themselves yet";
    return err_text(err);
}

/* ERR_OK, or what speaks against its beginning here. */
static enum err may_begin_here(const struct core *core, const struct core_session_open *e,
                               struct offer *offer) {
    if (core->drain.active)
        return ERR_DRAINING;
    enum err err = find_worker(core, e, offer);
    if (err != ERR_OK)
        return err;
    return is_settling(core, e) ? ERR_NO_CREDIT : admission_has_room(core, offer->service_index);
}

static enum err begin_here(struct core *core, const struct core_session_open *e,
                           const struct offer *offer, struct core_answer_open *answer) {
    const struct ranking_about about = {&e->service, offer->made, offer->source,
                                        location_of(&e->from)};
    fill_content(&answer->ticket, offer->made, offer->source);
    backups_rank(core, &about, answer);
    enum err err = enter(core, e, offer, &answer->ticket);
    if (err == ERR_OK)
        as_it_is(answer, session_find(core, &answer->ticket.session));
    serves_here(core, answer);
    return err;
}

static void begin_elsewhere(struct core *core, const struct core_session_open *e,
                            const struct redirect *way, struct core_answer_open *answer) {
    const struct ranking_about about = {&e->service, &way->made, &way->source,
                                        location_of(&e->from)};
    fill_content(&answer->ticket, &way->made, &way->source);
    answer->ticket.class = policy_source_find(&core->policy, &e->source)->class;
    backups_rank_elsewhere(core, &about, way->to, answer);
    answer->redirect = way->why;
    answer->epoch = 1;
    redirect_taken(core, way->to);
    core->counters.opens_redirected++;
    journal_redirected(core->journal, (uint32_t)way->why, core_redirect_name(way->why),
                       &way->to->policy.name, core->now);
}

static enum err decide(struct core *core, const struct core_session_open *e, bool again,
                       struct core_answer_open *answer) {
    struct offer offer = {0};
    struct redirect way;
    enum err err = find_offer(core, e, &offer);
    if (err != ERR_OK)
        return err;
    if (e->protection == PROTECTION_HOT && !core->policy.services[offer.service_index].hot)
        return ERR_UNSUPPORTED; /* better than to promise what the client would not get */
    fill_ticket(core, e, again, &answer->ticket);
    err = may_begin_here(core, e, &offer);
    const struct redirect_asked asked = {
        &e->service, &e->profile, &e->source, location_of(&e->from), &answer->ticket.session, err};
    bool elsewhere = redirect_find(core, &asked, &way);
    if (err != ERR_OK && !elsewhere)
        return err;
    if (!admission_take(core))
        return ERR_BUDGET;
    answer->lease_ms = (uint32_t)duration_in_ms(core->policy.limits.session_lease);
    answer->profile = offer.profile;
    if (!elsewhere)
        return begin_here(core, e, &offer, answer);
    begin_elsewhere(core, e, &way, answer);
    return ERR_OK;
}

void session_open(struct core *core, const struct core_event *event, struct core_outbox *outbox) {
    const struct core_session_open *e = &event->u.open;
    struct core_intention *i = outbox_put(outbox, CORE_ANSWER_OPEN);
    assert(i != NULL);
    struct core_answer_open *answer = &i->u.open;
    bool gone = false;
    if (recall(core, e, answer, &gone))
        return;
    enum err err = decide(core, e, gone, answer);
    if (err == ERR_OK) {
        core->counters.opens_answered++;
        answer->request = e->request;
        if (gone)
            memory_forget(core, memory_find(core, e->digest));
        if (e->idempotent)
            memory_add(core, e->digest, answer);
        return;
    }
    core->counters.opens_refused++;
    journal_refused(core->journal, JOURNAL_REFUSED_OPEN, err, core->now);
    *answer = (struct core_answer_open){
        .request = e->request, .err = err, .retry_after_ms = admission_retry_after_ms(core, err)};
    snprintf(answer->detail, sizeof(answer->detail), "%s", detail_of(core, e, err));
}
