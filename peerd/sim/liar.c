#include "peerd/sim/liar.h"

static const struct scenario_slander *lies_of(const struct sim *sim, const struct sim_client *c) {
    return &sim->scenario->clients[c->group].lies;
}

static bool has_begun(const struct sim *sim, const struct scenario_slander *s) {
    return instant_reached(sim->now, instant_add(sim->zero, s->from)) && !sim->closing;
}

bool sim_liar_is(const struct sim *sim, const struct sim_client *c) {
    return lies_of(sim, c)->lie.says != SCENARIO_LIE_NONE;
}

bool sim_liar_ignores(const struct sim *sim, const struct sim_client *c, uint32_t cluster) {
    const struct scenario_slander *s = lies_of(sim, c);
    return s->lie.says == SCENARIO_LIE_MISSES && s->lie.of == cluster && has_begun(sim, s);
}

bool sim_liar_says(const struct sim *sim, const struct sim_client *c, struct message *m) {
    const struct scenario_slander *s = lies_of(sim, c);
    if (m->kind != MESSAGE_RESUME ||
        key_hint_equal(&m->u.resume.target, &sim->sites[s->lie.of].hint))
        return true; /* that one serves it */
    if (s->lie.says == SCENARIO_LIE_HEARS && has_begun(sim, s) &&
        (m->u.resume.purpose == RESUME_HEDGE || m->u.resume.purpose == RESUME_COMMIT))
        return false;
    if (s->ticket == SCENARIO_TICKET_NONE)
        m->u.resume.ticket_len = 0;
    else if (s->ticket == SCENARIO_TICKET_ANOTHER)
        m->u.resume.session.bytes[0] ^= 0x80;
    return true;
}
