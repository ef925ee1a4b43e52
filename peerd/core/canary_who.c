/*
 * Who goes off a bad path, where to, and how those who stay fare. See canary.h.
 */
#include "peerd/core/canary_inner.h"

#include "peerd/core/leaving.h"
#include "peerd/core/state.h"
#include "topo/location.h"

#define GRADES 4 /* of those who may go: the surest, or worst off, first */

uint32_t canary_wanted(const struct core *core) {
    uint32_t count = core->policy.performance.canary;
    return count < CANARY_MAX ? count : CANARY_MAX;
}

bool canary_is_everywhere(const struct canary *c) {
    return c->location.bits == 0;
}

struct peering *canary_peer(const struct core *core, const struct canary *c) {
    for (uint32_t i = 0; i < core->peer_count; i++)
        if (core->peers[i]->number == c->peer)
            return core->peers[i];
    return NULL;
}

/* ---- what is known of the location ----------------------------------------------------------- */

static const struct degrade *own_fare(const struct core *core, const struct prefix *location) {
    const struct perf *perf = core->fares.perf;
    const struct perf_location *at = perf == NULL ? NULL : perf_find(perf, location);
    return at == NULL || at->own == NULL ? NULL : &at->own->degrade;
}

bool canary_is_our_path(const struct core *core, const struct canary *c) {
    const struct degrade *d = own_fare(core, &c->location);
    if (canary_is_everywhere(
            c)) /* those who went are judged by what they have, if nobody ails now */
        return c->state == CANARY_STATE_WATCHING || c->state == CANARY_STATE_SEEKING ||
               c->state == CANARY_STATE_GIVEN_UP || ailing_fares(core, &c->location).sessions > 0;
    return d != NULL && d->state == DEGRADE_STATE_PATH;
}

/* Those who lose frames of ours and not of others, where it is they who go; what they had before,
 * when all of them have gone; else all who are there. */
uint32_t canary_own_centi(const struct core *core, const struct canary *c) {
    struct ailing_fares ailing = ailing_fares(core, &c->location);
    const struct degrade *d = own_fare(core, &c->location);
    if (ailing.sessions > 0)
        return ailing.centi;
    if (c->of_ailing)
        return canary_before_centi(c);
    return d == NULL ? 0 : level_mean(&d->recent);
}

/* The newest words of all who lose frames, half a second each, tell of less than half as much as
 * those before, and of less than chance would have (two standard errors): in the next half a second
 * nobody would have lost any. Fewer than CANARY_RUNS tell nothing. */
static bool lose_less(const struct ailing_fares *ailing) {
    int64_t usual = ailing->usual_milli, fewer = usual - 1000 * (int64_t)ailing->runs;
    return usual >= 1000 * CANARY_RUNS && fewer * 2 > usual &&
           fewer > 2 * (int64_t)level_root((uint64_t)usual * 1000);
}

bool canary_seems_well(const struct core *core, const struct canary *c) {
    struct ailing_fares ailing = ailing_fares(core, &c->location);
    const struct degrade *d = own_fare(core, &c->location);
    if (ailing.sessions > 0)
        return lose_less(&ailing) ||
               !instant_before(ailing.told_at, instant_add(ailing.lost_at, CANARY_WELL));
    if (c->of_ailing)
        return false;
    return d != NULL && !instant_before(d->recent.at, instant_add(d->bad_at, CANARY_WELL)) &&
           !instant_reached(core->now, instant_add(d->recent.at, CANARY_STAYED));
}

const struct perf_peer *canary_fresh_word(const struct core *core, const struct fares_words *words,
                                          uint16_t peer) {
    struct instant since = instant_sub(core->now, CANARY_FRESH);
    for (size_t i = 0; i < words->count; i++)
        if (words->list[i].cluster == peer)
            return instant_before(words->list[i].heard_at, since) ? NULL : &words->list[i];
    return NULL;
}

uint32_t canary_gain_wanted(const struct core *core) {
    return core->fares.perf->settings.wish.drop_centi / 2;
}

bool canary_is_better(const struct core *core, const struct canary *c,
                      const struct perf_peer *word) {
    return word->reports >= FARES_REPORTS &&
           word->recent_centi >= canary_own_centi(core, c) + canary_gain_wanted(core);
}

bool canary_is_sure(const struct core *core, const struct prefix *location, uint16_t peer) {
    if (ailing_view(core, location, peer).either >= LEAN_SURE)
        return true;
    if (core->fares.perf->settings.wish.clients_min > 1)
        return false;
    for (const struct ail *a = ailing_next(core, NULL); a != NULL; a = ailing_next(core, a))
        if (ailing_leaning(core, a->session, peer) >= LEAN_ALONE)
            return true;
    return false;
}

/* Who was left behind a moment ago has others' example; later it begins anew. */
static bool has_example(const struct core *core, const struct canary *c) {
    return c->example.went_centi > 0 && instant_before(core->now, c->example.until);
}

static bool are_heard_to_lean(const struct core *core, const struct canary *c, uint16_t peer) {
    return canary_is_sure(core, &c->location, peer) ||
           (has_example(core, c) && ailing_view(core, &c->location, peer).joined >= LEAN_LIKELY);
}

/* Our clients there hear it by far better than us: where nobody of its own tells that is all there
 * is, and enough to try. */
static bool is_heard_better(const struct core *core, const struct canary *c, uint16_t peer) {
    if (canary_is_everywhere(c))
        return are_heard_to_lean(core, c, peer);
    struct ways_view way = perf_way(core->fares.perf, &c->location, peer, core->now);
    return (way.finding == WAYS_PATH && way.errors >= DEGRADE_LIKELY) ||
           canary_is_sure(core, &c->location, peer);
}

/* Those of our clients there who lose frames say that they lose as much on the way to it: whatever
 * others there have, these would gain nothing. What they have said in the first moment is little,
 * and a little more time is left to them. */
static bool is_heard_as_badly(const struct core *core, const struct canary *c, uint16_t peer) {
    struct ailing_view v = ailing_view(core, &c->location, peer);
    bool early = instant_before(core->now, instant_add(c->begun, CANARY_HEAR));
    return v.tell > 0 && v.joined <= (early ? LEAN_LIKELY : 0);
}

bool canary_is_worth_following(const struct core *core, const struct canary *c) {
    struct fares_words words = {.count = 0};
    if (!canary_is_everywhere(c))
        fares_words(core, &c->location, &words);
    const struct perf_peer *word = canary_fresh_word(core, &words, c->peer);
    return word == NULL ? is_heard_better(core, c, c->peer) : canary_is_better(core, c, word);
}

/* ---- who ------------------------------------------------------------------------------------- */

bool canary_suffers(const struct core *core, const struct session *s, const struct canary *c) {
    if (s->state != SESSION_STATE_COMMITTED || s->queue != NULL ||
        !ailing_is_within(&c->location, &s->client))
        return false;
    const struct degrade *d = canary_is_everywhere(c) ? NULL : own_fare(core, &c->location);
    return s->ail != NULL || (d != NULL && s->fares_centi > 0 &&
                              s->fares_centi + canary_gain_wanted(core) <= level_mean(&d->usual));
}

static void remember(struct core *core, const struct session *s) {
    struct canary_tried *t = &core->canaries->tried[core->canaries->tried_next++ % CANARY_TRIED];
    *t = (struct canary_tried){.session = s->id, .at_s = core_second(core)};
}

/* Who came home so much later was not asked back: it fared better, until the path was well. */
static bool has_gone_first(const struct core *core, const struct session *s) {
    for (size_t i = 0; core->canaries != NULL && i < CANARY_TRIED; i++) {
        const struct canary_tried *t = &core->canaries->tried[i];
        if (t->at_s > 0 && session_id_equal(&t->session, &s->id) &&
            core_second(core) - t->at_s < (uint32_t)(CANARY_ONCE.us / 1000000) &&
            (int64_t)s->came_s - (int64_t)t->at_s < CANARY_AWAY.us / 1000000)
            return true;
    }
    return false;
}

/* The location of a session is looked after by a canary of its own; or, of one that would go first,
 * is about to be, and is waited for: most of its clients fall together, and it is known what they
 * had before. */
static bool is_looked_after(const struct core *core, const struct session *s,
                            const struct canary *by) {
    const struct prefix location = location_of(&s->client);
    for (size_t i = 0; core->canaries != NULL && i < CANARY_PAIRS; i++) {
        const struct canary *c = &core->canaries->list[i];
        if (c->state != CANARY_STATE_NONE && c->state != CANARY_STATE_SEEKING &&
            !canary_is_everywhere(c) && prefix_holds(&c->location, &s->client))
            return true;
    }
    if (!by->first || by->waited)
        return false;
    const struct degrade *d = own_fare(core, &location);
    uint32_t bad = d == NULL ? 0 : (uint32_t)__builtin_popcountll(d->bad);
    return d != NULL && (d->state == DEGRADE_STATE_STEADY || d->state == DEGRADE_STATE_FALLING) &&
           d->fall >= DEGRADE_FULL / 4 && bad >= core->fares.perf->settings.wish.clients_min &&
           bad * 3 >= (uint32_t)__builtin_popcountll(d->seen) * 2;
}

/* For a while and now. */
static bool fares_below(const struct session *s, uint32_t border) {
    bool loses =
        s->ail == NULL || (s->ail->rating.weight > 0 && level_mean(&s->ail->rating) <= border);
    return loses && s->fares_centi > 0 && s->fares_centi <= border;
}

/* Others went before it. Who would gain as much as is worth the way may follow; who fares rather
 * as they did than as they do now is one of them, and need not be as sure of what it hears. */
static bool would_gain(const struct core *core, const struct session *s, const struct canary *c) {
    uint32_t went = c->example.went_centi, wanted = canary_gain_wanted(core);
    return went > wanted && fares_below(s, went - wanted);
}

static bool is_one_of_them(const struct session *s, const struct canary *c) {
    uint32_t went = c->example.went_centi, stayed = c->example.stayed_centi;
    return went > stayed && fares_below(s, stayed + (went - stayed) * 2 / 5);
}

static uint32_t grade_of_leaning(int32_t leaning) {
    uint32_t grade = (uint32_t)leaning / LEAN_SOME;
    return grade < GRADES ? grade : GRADES;
}

/* By how much it suffers here, in grades; 0: it does not, and stays. Nobody goes where its own
 * client says that it loses as much; nor after others who would not gain by it as they have. */
static uint32_t grade_of(const struct core *core, const struct session *s, const struct canary *c,
                         const struct peering *to) {
    int32_t leaning = 0;
    bool tells = s->ail != NULL && lean_towards(&s->ail->lean, to->number, core->now, &leaning);
    uint32_t drop = core->fares.perf->settings.wish.drop_centi, fallen = 0;
    bool follows = c->example.went_centi > 0, one_of_them = is_one_of_them(s, c);
    if (tells && leaning <= (one_of_them ? -LEAN_SOME / 2 : 0))
        return 0;
    if (tells && follows && lean_is_apart(&s->ail->lean, to->number, &c->heard, core->now))
        return 0;
    int32_t least = one_of_them || !follows ? LEAN_SOME : 2 * LEAN_SOME;
    if (leaning >= least && (!follows || would_gain(core, s, c)))
        return grade_of_leaning(leaning);
    if (tells && one_of_them)
        return 1;
    if (canary_is_everywhere(c) || (follows && !one_of_them))
        return 0;
    const struct degrade *d = own_fare(core, &c->location);
    uint32_t usual = d == NULL ? 0 : level_mean(&d->usual);
    if (s->fares_centi > 0 && s->fares_centi < usual)
        fallen = usual - s->fares_centi;
    return fallen >= drop ? 2 : fallen >= drop / 2 ? 1 : 0;
}

bool canary_may_turn(const struct core *core, const struct session *s, const struct canary *c,
                     const struct peering *to) {
    return ailing_is_within(&c->location, &s->client) && grade_of(core, s, c, to) > 0 &&
           leaving_target(core, s, &to->policy.name) == to;
}

/* It went first, and was asked back. */
static bool was_in_vain(const struct core *core, const struct session *s) {
    return s->came_cause == MOVE_CAUSE_RETURN && has_gone_first(core, s);
}

/* Nobody goes first again who came back from it. Who came home from a drain or a crash has the same
 * cause, and has tried nothing. */
bool canary_has_had_enough(const struct core *core, const struct session *s,
                           const struct canary *c) {
    return c->first && was_in_vain(core, s);
}

/* Of one that was here before we were started it is not known for how long; one that began here has
 * not been moved before, and who went first in vain, not for its own sake. Whole seconds. */
bool canary_has_stayed(const struct core *core, const struct session *s) {
    struct duration stayed = duration_s((int64_t)core_second(core) - (int64_t)s->came_s);
    bool unmoved = s->found || s->epoch == 1 || was_in_vain(core, s);
    return duration_less(unmoved ? CANARY_FOUND : CANARY_STAY, stayed);
}

static bool may_go(const struct core *core, const struct session *s, const struct canary *c,
                   const struct peering *to) {
    if (s->state != SESSION_STATE_COMMITTED || s->queue != NULL ||
        !ailing_is_within(&c->location, &s->client) || !canary_has_stayed(core, s) ||
        canary_has_had_enough(core, s, c) ||
        (canary_is_everywhere(c) && (s->ail == NULL || is_looked_after(core, s, c))))
        return false;
    const struct peering *target = leaving_target(core, s, &to->policy.name);
    return target == to;
}

/* Asks one to go; it may lapse. */
static bool order(struct core *core, struct canary *c, struct session *s,
                  const struct peering *to) {
    if (!gains_left(core) || !leaving_order(core, s, to, MOVE_CAUSE_DEGRADED))
        return false;
    gains_spend(core);
    s->move->asked = true;
    c->of_ailing |= s->ail != NULL && s->ail->leant;
    if (c->sent < CANARY_MAX) {
        c->had_centi[c->sent] = 0;
        c->sessions[c->sent] = s->id;
        c->clients[c->sent] = s->client;
    }
    c->sent++;
    if (c->first)
        remember(core, s);
    return true;
}

static void send_grade(struct core *core, struct canary *c, const struct peering *to,
                       uint32_t grade) {
    for (uint32_t i = 0; i < core->node_count; i++) {
        struct node *n = core->nodes[i];
        for (struct link *l = list_first(&n->sessions); l != NULL && c->sent < c->wave;
             l = list_after(&n->sessions, l)) {
            struct session *s = LIST_ELEMENT(l, struct session, at_node);
            if (may_go(core, s, c, to) && grade_of(core, s, c, to) == grade &&
                !order(core, c, s, to))
                break; /* this node takes no more now, or nobody goes */
        }
    }
}

/* As long as most of them are here; those who are left may be others. */
static void note_heard(const struct core *core, struct canary *c, const struct peering *to) {
    struct lean_heard now = {0};
    for (const struct ail *a = ailing_next(core, NULL); a != NULL; a = ailing_next(core, a))
        if (ailing_is_within(&c->location, &a->session->client) &&
            ailing_leaning(core, a->session, to->number) >= LEAN_SOME)
            lean_add(&now, &a->lean, to->number, core->now);
    if (now.asked >= c->heard.asked)
        c->heard = now;
}

void canary_send_more(struct core *core, struct canary *c, const struct peering *to) {
    note_heard(core, c, to);
    for (uint32_t grade = GRADES; grade > 0; grade--)
        send_grade(core, c, to, grade);
    canary_note_before(core, c);
}

void canary_send_wave(struct core *core, struct canary *c, const struct peering *to) {
    c->sent = 0;
    if (c->first)
        c->wave = canary_share(core, c, to);
    canary_send_more(core, c, to);
}

/* ---- where to -------------------------------------------------------------------------------- */

/* Best first: whose clients there fare best, and who takes a session of them. */
static void send_to_best_told(struct core *core, struct canary *c) {
    bool tried[PERF_PEERS_MAX] = {false};
    struct fares_words words;
    fares_words(core, &c->location, &words);
    for (size_t n = 0; n < words.count && c->sent == 0; n++) {
        size_t best = words.count;
        for (size_t i = 0; i < words.count; i++)
            if (!tried[i] &&
                (best == words.count || words.list[i].recent_centi > words.list[best].recent_centi))
                best = i;
        tried[best] = true;
        c->peer = words.list[best].cluster;
        const struct peering *to = canary_peer(core, c);
        if (to != NULL && !canary_shuns(core, c, c->peer) &&
            canary_is_better(core, c, &words.list[best]) && !is_heard_as_badly(core, c, c->peer))
            canary_send_wave(core, c, to);
    }
}

/* Nobody tells of enough clients of his own: best heard first, by those who are here. */
static void send_to_best_heard(struct core *core, struct canary *c) {
    bool tried[POLICY_PEERS_MAX] = {false};
    for (uint32_t n = 0; n < core->peer_count && c->sent == 0; n++) {
        uint32_t best = core->peer_count, best_lost = 0;
        for (uint32_t i = 0; i < core->peer_count; i++) {
            uint16_t number = core->peers[i]->number;
            uint32_t lost = perf_way(core->fares.perf, &c->location, number, core->now).lost;
            if (tried[i] || canary_shuns(core, c, number) || !is_heard_better(core, c, number) ||
                (best < core->peer_count && lost >= best_lost))
                continue;
            best = i;
            best_lost = lost;
        }
        if (best == core->peer_count)
            return;
        tried[best] = true;
        c->peer = core->peers[best]->number;
        if (!is_heard_as_badly(core, c, c->peer))
            canary_send_wave(core, c, core->peers[best]);
    }
}

void canary_send_to_best(struct core *core, struct canary *c) {
    c->sent = 0;
    if (canary_is_everywhere(c)) {
        const struct peering *to = canary_best_heard(core, c);
        if (to == NULL)
            return;
        c->peer = to->number;
        canary_send_wave(core, c, to);
        return;
    }
    send_to_best_told(core, c);
    if (c->sent == 0)
        send_to_best_heard(core, c);
}

/* Who of a session's backups it hears better than us comes first of these: they are in the order of
 * its client's liking. */
static bool is_first_choice(const struct core *core, const struct session *s,
                            const struct peering *p) {
    for (uint8_t i = 0; i < s->group->key.backup_count; i++) {
        struct name name = group_backup(core, s->group, i);
        const struct peering *b = peering_by_name(core, &name);
        if (b != NULL && ailing_leaning(core, s, b->number) >= LEAN_SOME &&
            leaving_target(core, s, &b->policy.name) == b)
            return b == p;
    }
    return false;
}

/* It tells that its own clients where the session is fare better; or as usual, as long as what the
 * session has lost is not due yet, and so in no report. */
static bool tells_better(const struct core *core, const struct session *s,
                         const struct peering *p) {
    const struct prefix location = location_of(&s->client);
    struct fares_words words;
    fares_words(core, &location, &words);
    const struct perf_peer *word = canary_fresh_word(core, &words, p->number);
    return word != NULL && word->reports >= FARES_REPORTS &&
           (word->recent_centi >= s->fares_centi + canary_gain_wanted(core) ||
            word->recent_centi + canary_gain_wanted(core) >= word->usual_centi);
}

const struct peering *canary_best_heard(const struct core *core, const struct canary *c) {
    bool example = has_example(core, c);
    struct canary all = {.first = true, .waited = c->waited, .location = {.bits = 0}};
    uint32_t least = c->beside || example ? 1 : core->fares.perf->settings.wish.clients_min;
    const struct peering *best = NULL;
    uint32_t most = 0;
    if (example)
        all.example = c->example;
    for (uint32_t i = 0; i < core->peer_count; i++) {
        const struct peering *p = core->peers[i];
        uint32_t lean = 0, ready = 0, votes = 0;
        if (canary_shuns(core, c, p->number) || !are_heard_to_lean(core, c, p->number))
            continue;
        for (const struct ail *a = ailing_next(core, NULL); a != NULL; a = ailing_next(core, a)) {
            if (ailing_leaning(core, a->session, p->number) <= 0 ||
                !may_go(core, a->session, &all, p))
                continue;
            bool goes = grade_of(core, a->session, &all, p) > 0;
            lean++;
            ready += goes;
            votes += goes && is_first_choice(core, a->session, p);
            votes += goes && tells_better(core, a->session, p) ? AILING_MAX : 0;
        }
        if (lean < least || ready == 0 || (best != NULL && votes <= most))
            continue;
        best = p;
        most = votes;
    }
    return best;
}
