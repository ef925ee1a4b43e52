#include "peerd/core/agreements.h"

#include "peerd/core/state.h"
#include "topo/find.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(POLICY_SERVICES_MAX <= AGREEMENT_SERVICES_MAX &&
                   POLICY_TERMS_MAX <= AGREEMENT_REGIONS_MAX &&
                   POLICY_TERMS_MAX <= AGREEMENT_PREFIXES_MAX &&
                   POLICY_CLASSES_MAX == AGREEMENT_CLASSES,
               "whatever a policy may say can be offered");

/* ---- what the policy says -------------------------------------------------------------------- */

static const struct policy_agreement *row_of(const struct core *core, const struct peering *p) {
    for (uint32_t i = 0; i < core->policy.agreement_count; i++)
        if (find_pattern_fits(core->policy.agreements[i].pattern, p->policy.name.text))
            return &core->policy.agreements[i];
    return NULL;
}

static void services_of(const struct core *core, const struct policy_agreement *row,
                        struct agreement_services *out) {
    if (row != NULL && row->service_count > 0) {
        memcpy(out->names, row->services, row->service_count * sizeof(row->services[0]));
        out->count = (uint8_t)row->service_count;
        return;
    }
    for (uint32_t i = 0; i < core->policy.service_count; i++)
        out->names[out->count++] = core->policy.services[i].name;
}

static uint8_t classes_of(const struct policy_agreement *row) {
    uint8_t classes = 0;
    for (uint32_t i = 0; row != NULL && i < row->class_count; i++)
        classes |= (uint8_t)(1U << row->classes[i]);
    return classes != 0 ? classes : UINT8_MAX;
}

static void clients_of(const struct policy_prefixes *only, const struct policy_prefixes *never,
                       struct agreement_clients *out) {
    memcpy(out->only, only->list, only->count * sizeof(only->list[0]));
    out->only_count = (uint8_t)only->count;
    memcpy(out->never, never->list, never->count * sizeof(never->list[0]));
    out->never_count = (uint8_t)never->count;
}

static void regions_of(const struct policy_agreement *row, struct agreement_regions *out) {
    memcpy(out->only, row->regions, row->region_count * sizeof(row->regions[0]));
    out->only_count = (uint8_t)row->region_count;
    memcpy(out->never, row->regions_never, row->region_never_count * sizeof(row->regions_never[0]));
    out->never_count = (uint8_t)row->region_never_count;
}

static uint32_t least(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

/* Without a row: whatever it wants, as far as there is room. */
static void offer_of(const struct core *core, const struct peering *p,
                     const struct policy_agreement *row, struct agreement_offer *out) {
    uint32_t capacity = least(credit_capacity(core), AGREEMENT_SLOTS_MAX);
    uint32_t gives = row != NULL ? p->policy.reserved_slots : capacity;
    uint32_t asks = row != NULL ? row->asks : AGREEMENT_SLOTS_MAX;
    memset(out, 0, sizeof(*out));
    out->region = core->policy.cluster.region;
    out->gives.slots = p->policy.accept_moves ? gives : 0;
    out->asks.slots = p->policy.offer_moves ? asks : 0;
    out->asks.cost_max = AGREEMENT_COST_MAX;
    services_of(core, row, &out->gives.services);
    services_of(core, row, &out->asks.services);
    out->gives.classes = out->asks.classes = classes_of(row);
    if (row == NULL)
        return;
    out->gives.cost = row->cost;
    out->asks.cost_max = row->cost_max;
    out->asks.slots_min = least(row->asks_min, out->asks.slots);
    clients_of(&row->serves, &row->serves_never, &out->gives.clients);
    clients_of(&row->clients, &row->clients_never, &out->asks.clients);
    regions_of(row, &out->asks.regions);
}

static uint8_t class_of(const struct core *core, const struct name *service) {
    const struct policy_service *s = policy_service_find(&core->policy, service);
    return s != NULL ? (uint8_t)s->priority : 0;
}

/* ---- one accord ------------------------------------------------------------------------------ */

static uint32_t counting_on(const struct peering *p) {
    uint32_t sum = 0;
    for (const struct link *l = list_first(&p->groups); l != NULL; l = list_after(&p->groups, l))
        sum += LIST_ELEMENT(l, const struct group, lodged)->committed;
    return sum;
}

static struct accord *make(struct core *core, struct peering *p, bool required) {
    struct agreements *all = &core->agreements;
    struct accord *a = calloc(1, sizeof(*a));
    if (a == NULL)
        return NULL;
    agreement_init(&a->agreement,
                   &(struct agreement_setup){.self = core->name,
                                             .peer = p->policy.name,
                                             .region = core->policy.cluster.region,
                                             .run = core_new_boot(core),
                                             .seed = rng_u64(&core->rng),
                                             .room = required ? &all->required : &all->trusted,
                                             .trace = core->trace});
    a->required = required;
    a->wish = true;
    a->counted = counting_on(p);
    a->refused_traced = INSTANT_NEVER;
    p->accord = a;
    return a;
}

void agreements_forget(struct peering *p) {
    if (p->accord == NULL)
        return;
    agreement_free(&p->accord->agreement);
    free(p->accord);
    p->accord = NULL;
}

static bool is_in_force(const struct peering *p) {
    return p->accord->agreement.state == AGREEMENT_STATE_AGREED && p->accord->agreement.relied > 0;
}

bool agreements_count(const struct peering *p) {
    return p->accord == NULL || !p->accord->required || is_in_force(p);
}

bool agreements_pend(const struct peering *p) {
    if (p->accord == NULL || !p->accord->required)
        return false;
    enum agreement_state s = p->accord->agreement.state;
    return p->accord->wish || s == AGREEMENT_STATE_OFFERING || s == AGREEMENT_STATE_HOLDING;
}

/* Tells the machine, and whoever counts on what it has agreed. */
static void step(struct core *core, struct peering *p, struct agreement_event *event) {
    struct accord *a = p->accord;
    bool counted = peering_counts(p);
    event->now = core->now;
    agreement_step(&a->agreement, event, &core->agreements.outbox);
    core->agreements.saying |= core->agreements.outbox.say;
    if (peering_counts(p) != counted)
        groups_peer_changed(core, p);
}

static void wish(struct core *core, struct peering *p) {
    const struct policy_agreement *row = row_of(core, p);
    struct agreement_offer offer;
    struct agreement_event event = {.kind = AGREEMENT_WISHED, .wished = true, .offer = &offer};
    event.lease = row != NULL ? row->lease : AGREEMENTS_LEASE;
    offer_of(core, p, row, &offer);
    p->accord->wish = false;
    step(core, p, &event);
}

void agreements_wish(struct core *core, struct peering *p) {
    bool required = core->policy.agreement_count > 0 && row_of(core, p) != NULL;
    if (p->accord != NULL && p->accord->required != required)
        agreements_forget(p); /* and it begins anew, on other terms */
    if (p->accord != NULL)
        p->accord->wish = true;
    else if (required)
        (void)make(core, p, true); /* without memory: when it is heard of it next */
    peering_touch(core, p);
}

void agreements_policy(struct core *core) {
    core->agreements.required.slots = credit_capacity(core);
    core->agreements.trusted.slots = UINT32_MAX;
    for (uint32_t i = 0; i < core->peer_count; i++)
        if (core->peers[i]->boot != 0 || core->peers[i]->accord != NULL)
            agreements_wish(core, core->peers[i]);
}

/* ---- hearing and saying ---------------------------------------------------------------------- */

static void say(struct core *core, const struct peering *p, struct core_outbox *outbox) {
    const struct agreement_outbox *said = &core->agreements.outbox;
    if (!said->say || p->detector.opinion != DETECTOR_TRUST)
        return;
    struct core_intention *i = outbox_put(outbox, CORE_SAY_AGREEMENT);
    if (i != NULL)
        i->u.say = (struct core_say_agreement){.peer = p->index, .message = &said->message};
}

static void answer(struct core *core, const struct core_agreement_heard *e, enum err err,
                   struct core_outbox *outbox) {
    struct core_intention *i = outbox_put(outbox, CORE_ANSWER_AGREEMENT);
    assert(i != NULL);
    i->u.agreement = (struct core_answer_agreement){
        .request = e->request, .err = err, .message = &core->agreements.outbox.message};
}

/* Somebody who wants an agreement gets one, on our terms if there are any. */
static bool begin(struct core *core, struct peering *p) {
    if (p->accord == NULL && make(core, p, row_of(core, p) != NULL) == NULL)
        return false;
    if (p->accord->wish)
        wish(core, p); /* what it says because of this the answer says, too */
    return true;
}

void agreements_heard(struct core *core, const struct core_event *event,
                      struct core_outbox *outbox) {
    const struct core_agreement_heard *e = &event->u.agreement;
    assert(e->peer < core->peer_count);
    struct peering *p = core->peers[e->peer];
    struct agreement_event heard = {
        .kind = AGREEMENT_HEARD, .message = e->message, .asked = e->asked};
    peering_touch(core, p);
    if (!e->asked && p->accord == NULL)
        return; /* answers what we said before the policy changed */
    if (!begin(core, p)) {
        if (e->asked)
            answer(core, e, ERR_NO_MEMORY, outbox);
        return;
    }
    step(core, p, &heard);
    if (e->asked)
        answer(core, e, core->agreements.outbox.say ? ERR_OK : ERR_FOREIGN, outbox);
    else
        say(core, p, outbox);
}

void agreements_expire(struct core *core, struct peering *p) {
    if (p->accord == NULL || !instant_reached(core->now, agreement_ends(&p->accord->agreement)))
        return;
    peering_touch(core, p);
    step(core, p, &(struct agreement_event){.kind = AGREEMENT_EXPIRED});
}

void agreements_step(struct core *core, struct peering *p, struct core_outbox *outbox) {
    if (!instant_reached(core->now, agreements_deadline(p)))
        return;
    if (core->agreements.saying || outbox->count == CORE_OUTBOX_MAX)
        return; /* stays due */
    if (p->accord->wish)
        wish(core, p);
    else
        step(core, p, &(struct agreement_event){.kind = AGREEMENT_PASSED});
    say(core, p, outbox);
}

struct instant agreements_deadline(const struct peering *p) {
    if (p->accord == NULL)
        return INSTANT_NEVER;
    return p->accord->wish ? instant_us(0) : agreement_deadline(&p->accord->agreement);
}

/* ---- ours, there ----------------------------------------------------------------------------- */

void agreements_counted(struct peering *p, int64_t sessions) {
    if (p->accord != NULL)
        p->accord->counted = (uint32_t)(p->accord->counted + sessions);
}

bool agreements_offer(const struct core *core, const struct peering *p, const struct name *service,
                      const struct addr *client) {
    if (!p->policy.offer_moves || core->policy.agreement_count == 0)
        return p->policy.offer_moves;
    if (p->accord == NULL)
        return row_of(core, p) == NULL;
    return !p->accord->required ||
           agreement_offers(&p->accord->agreement, service, class_of(core, service), client);
}

bool agreements_send(const struct peering *p, const struct addr *client) {
    return p->policy.offer_moves &&
           (p->accord == NULL || !p->accord->required ||
            agreement_clients_hold(&p->accord->agreement.mine.asks.clients, client));
}

uint32_t agreements_room(const struct core *core, const struct peering *p) {
    const struct accord *a = p->accord;
    (void)core;
    if (a == NULL || !a->required)
        return p->said_free;
    uint32_t relied = a->agreement.relied;
    return relied > a->counted ? least(p->said_free, relied - a->counted) : 0;
}

uint32_t agreements_cost(const struct peering *p) {
    return p->accord != NULL && p->accord->required && is_in_force(p)
               ? p->accord->agreement.terms.ours.cost
               : p->policy.cost;
}

/* ---- theirs, here ---------------------------------------------------------------------------- */

/* Not heard since we started: what the run before has promised may be in force still. */
static bool may_rely_on_a_former_run(const struct core *core, const struct peering *p,
                                     const struct policy_agreement *row) {
    return p->boot == 0 && p->accord == NULL &&
           !instant_reached(core->now, instant_add(core->started, row->lease));
}

uint32_t agreements_held(const struct core *core, const struct peering *p) {
    const struct policy_agreement *row = core->policy.agreement_count > 0 ? row_of(core, p) : NULL;
    if (row == NULL || may_rely_on_a_former_run(core, p, row))
        return p->policy.reserved_slots;
    return p->accord != NULL ? p->accord->agreement.held : 0;
}

bool agreements_bound(const struct core *core, const struct peering *p) {
    return core->policy.agreement_count > 0 && row_of(core, p) != NULL;
}

uint32_t agreements_hot(const struct core *core, const struct peering *p) {
    const struct policy_agreement *row = row_of(core, p);
    return row == NULL ? NODE_GUEST_HOT_ALL : row->hot_standbys;
}

static enum err judge(struct core *core, struct peering *p, const struct node_session *told,
                      uint32_t used) {
    const struct policy_agreement *row = row_of(core, p);
    if (row == NULL)
        return ERR_OK;
    if (may_rely_on_a_former_run(core, p, row))
        return used < p->policy.reserved_slots ? ERR_OK : ERR_NO_CREDIT;
    if (p->accord == NULL || !p->accord->required)
        return ERR_DENIED;
    return agreement_admits(&p->accord->agreement, &told->service, class_of(core, &told->service),
                            &told->client, used);
}

static void trace_refused(struct core *core, const struct peering *p, enum err err) {
    struct instant *at =
        p->accord != NULL ? &p->accord->refused_traced : &core->agreements.refused_traced;
    if (!instant_is_never(*at) &&
        !instant_reached(core->now, instant_add(*at, PEERING_TRACE_AGAIN)))
        return;
    *at = core->now;
    core_trace(core, "> %s takes %s: refused (%" PRIu32 " sessions here, %" PRIu32 " held)",
               p->policy.name.text,
               err == ERR_NO_CREDIT ? "more than was agreed" : "what was not agreed", p->here,
               agreements_held(core, p));
}

bool agreements_deny(const struct peering *p, uint32_t held) {
    return held == 0 && !(agreements_pend(p) && p->detector.opinion == DETECTOR_TRUST);
}

void agreements_refused(struct core *core, struct peering *p, uint64_t count) {
    core->counters.sessions_denied += count;
    if (p->accord != NULL)
        p->accord->agreement.counters.turned_away += count;
    trace_refused(core, p, agreements_held(core, p) > 0 ? ERR_NO_CREDIT : ERR_DENIED);
}

void agreements_denied(struct core *core, struct peering *p, uint64_t count) {
    core->counters.sessions_denied += count;
    if (p->accord != NULL)
        p->accord->agreement.counters.denied += count;
    trace_refused(core, p, ERR_DENIED);
}

_Static_assert(POLICY_SERVICES_MAX <= NODE_GUEST_SERVICES_MAX, "each service has its bit");

uint32_t agreements_services(const struct core *core, const struct peering *p) {
    uint32_t bits = 0;
    if (p->accord == NULL || p->accord->agreement.held == 0)
        return NODE_GUEST_SERVICES_ALL; /* that there is no slot says enough */
    for (uint32_t i = 0; i < core->policy.service_count; i++) {
        const struct policy_service *s = &core->policy.services[i];
        if (agreement_takes(&p->accord->agreement, &s->name, (uint8_t)s->priority))
            bits |= UINT32_C(1) << i;
    }
    return bits;
}

enum err agreements_admit(struct core *core, const struct node_session *told, bool known) {
    struct peering *p = peering_by_name(core, &told->issuer);
    enum err err = p != NULL ? judge(core, p, told, known ? 0 : p->here) : ERR_OK;
    if (err != ERR_OK)
        trace_refused(core, p, err);
    return err;
}

/* ---- status ---------------------------------------------------------------------------------- */

struct core_agreement_status core_peer_agreement(const struct core *core, uint32_t index) {
    assert(index < core->peer_count);
    const struct peering *p = core->peers[index];
    const struct accord *a = p->accord;
    return (struct core_agreement_status){.agreement = a != NULL ? &a->agreement : NULL,
                                          .required = core->policy.agreement_count > 0 &&
                                                      row_of(core, p) != NULL,
                                          .held = a != NULL ? a->agreement.held : 0,
                                          .here = p->here,
                                          .relied = a != NULL ? a->agreement.relied : 0,
                                          .counted = a != NULL ? a->counted : 0};
}

struct agreement_room core_agreement_room(const struct core *core) {
    return core->agreements.required;
}

void agreements_check_invariants(const struct core *core) {
    uint32_t required = 0, trusted = 0;
    for (uint32_t i = 0; i < core->peer_count; i++) {
        const struct accord *a = core->peers[i]->accord;
        if (a == NULL)
            continue;
        agreement_check_invariants(&a->agreement);
        assert(a->counted == counting_on(core->peers[i]));
        *(a->required ? &required : &trusted) += a->agreement.held;
    }
    assert(required == core->agreements.required.held);
    assert(trusted == core->agreements.trusted.held);
}
