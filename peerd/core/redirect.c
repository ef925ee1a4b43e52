#include "peerd/core/redirect.h"

#include "peerd/core/agreements.h"
#include "peerd/core/state.h"

/* ---- room ------------------------------------------------------------------------------------ */

static bool is_counting(const struct core *core, const struct peering *p) {
    return p->sent_on > 0 && !instant_reached(core->now, instant_add(p->sent_since, REDIRECT_TOLD));
}

uint32_t redirect_room(const struct core *core, const struct peering *p) {
    bool held = p->accord != NULL && p->accord->required;
    uint32_t room = agreements_room(core, p);
    uint32_t gone = (held ? 0 : p->description.reserved) + (is_counting(core, p) ? p->sent_on : 0);
    if (p->description.media_count > 1)
        gone += (uint32_t)p->description.media_count - 1;
    return room > gone ? room - gone : 0;
}

void redirect_taken(struct core *core, struct peering *to) {
    if (!is_counting(core, to)) {
        to->sent_on = 0;
        to->sent_since = core->now;
    }
    to->sent_on++;
}

/* ---- better ---------------------------------------------------------------------------------- */

/* Measured, else estimated; zero: unknown. */
static int64_t way_us(const struct rank_candidate *c) {
    return c->rtt_measured.us > 0 ? c->rtt_measured.us : c->rtt_estimated.us;
}

static bool is_nearer(const struct rank_candidate *there, const struct rank_candidate *here) {
    int64_t far = way_us(here), near = way_us(there);
    return near > 0 && far > 0 && near * 5 / 4 + REDIRECT_GAIN.us <= far;
}

static bool fares_better(const struct rank_experience *there, const struct rank_experience *here) {
    return there->known && here->known &&
           there->r_tenths >= here->r_tenths + here->margin_tenths + there->margin_tenths;
}

/* For one who serves it matters neither whom it falls with nor whose frames merge. */
static struct rank_candidate as_server(const struct rank_candidate *c) {
    struct rank_candidate server = *c;
    server.place = (struct rank_place){0};
    server.same_determinism = true;
    return server;
}

bool redirect_is_better(const struct rank_candidate *there, const struct rank_candidate *here,
                        enum rank_rule *rule) {
    const struct rank_candidate a = as_server(there), b = as_server(here);
    const struct rank_list nobody = {.before_count = 0};
    if (there->free_slots == 0 || rank_compare(&a, &b, &nobody, rule) >= 0)
        return false;
    return (*rule == RANK_RULE_EXPERIENCE && fares_better(&a.experience, &b.experience)) ||
           (*rule == RANK_RULE_NEARNESS && is_nearer(&a, &b));
}

/* ---- who ------------------------------------------------------------------------------------- */

/* With what candidates are compared: what our own nodes make, or else the first peer that has it.
 */
static bool find_content(const struct core *core, const struct redirect_asked *asked,
                         struct redirect *out) {
    for (uint32_t i = 0; i < core->node_count; i++) {
        const struct node *n = core->nodes[i];
        const struct node_profile *made = node_profile_find(n, asked->profile);
        const struct node_source *source = node_source_find(n, asked->source);
        if (!n->complete || made == NULL || source == NULL)
            continue;
        out->made = *made;
        out->source = *source;
        return true;
    }
    for (uint32_t i = 0; i < core->peer_count; i++)
        if (description_content(core->peers[i], asked->service, asked->profile, asked->source,
                                &out->made, &out->source))
            return true;
    return false;
}

/* Whom the operator named goes before all others, if it may. */
static bool is_wanted(const struct core *core, const struct rank_candidate *c,
                      enum core_redirect why) {
    return why == CORE_REDIRECT_DRAINING && name_equal(&c->name, &core->drain.to);
}

/* The best that has room, of those that are clearly better if that is what it is for. */
static struct peering *choose(const struct core *core, const struct redirect_asked *asked,
                              bool damped_too, struct redirect *out) {
    struct rank_candidate candidates[POLICY_PEERS_MAX], self;
    uint8_t order[RANK_CANDIDATES_MAX];
    const struct ranking_about about = {asked->service, &out->made, &out->source, asked->location};
    const struct rank_place nowhere = {0};
    struct peering *first = NULL;
    size_t count = ranking_candidates(core, &about, damped_too, candidates);
    for (size_t i = 0; i < count; i++) {
        candidates[i] = as_server(&candidates[i]);
        candidates[i].free_slots = redirect_room(core, core->peers[i]);
    }
    if (out->why == CORE_REDIRECT_BETTER)
        self = ranking_self(core, &about);
    size_t ranked =
        rank_order(candidates, count, &nowhere, asked->session, order, RANK_CANDIDATES_MAX);
    for (size_t i = 0; i < ranked; i++) {
        const struct rank_candidate *c = &candidates[order[i]];
        if (c->free_slots == 0 ||
            (out->why == CORE_REDIRECT_BETTER && !redirect_is_better(c, &self, &out->rule)))
            continue;
        if (is_wanted(core, c, out->why))
            return core->peers[order[i]];
        first = first == NULL ? core->peers[order[i]] : first;
    }
    return first;
}

/* ---- all of it ------------------------------------------------------------------------------- */

/* What might speak for it, before anybody is asked for. */
static enum core_redirect reason(const struct core *core, enum err here) {
    enum policy_redirect wish = core->policy.limits.redirect;
    if (core->drain.active)
        return here == ERR_DRAINING ? CORE_REDIRECT_DRAINING : CORE_REDIRECT_NOT;
    if (wish == POLICY_REDIRECT_NEVER || core->recovering ||
        !instant_reached(core->now, instant_add(core->started, OPEN_SETTLE)))
        return CORE_REDIRECT_NOT;
    if (here == ERR_NO_CREDIT || here == ERR_FULL || here == ERR_SOURCE_FAILED)
        return CORE_REDIRECT_FULL;
    return here == ERR_OK && wish == POLICY_REDIRECT_WHEN_BETTER ? CORE_REDIRECT_BETTER
                                                                 : CORE_REDIRECT_NOT;
}

bool redirect_find(const struct core *core, const struct redirect_asked *asked,
                   struct redirect *out) {
    *out = (struct redirect){.why = reason(core, asked->here)};
    if (out->why == CORE_REDIRECT_NOT)
        return false;
    if (find_content(core, asked, out))
        out->to = choose(core, asked, false, out);
    /* Better than none is a peer that comes and goes, but not better than we are. */
    if (out->to == NULL && out->why != CORE_REDIRECT_BETTER && out->made.name.text[0] != '\0')
        out->to = choose(core, asked, true, out);
    if (out->to == NULL)
        out->why = CORE_REDIRECT_NOT;
    else
        description_content(out->to, asked->service, asked->profile, asked->source, &out->made,
                            &out->source);
    return out->to != NULL;
}

const char *core_redirect_name(enum core_redirect why) {
    static const char *const names[CORE_REDIRECTS] = {"", "draining", "full", "better"};
    return names[why];
}
