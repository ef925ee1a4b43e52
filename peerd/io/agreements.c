/*
 * Agreements: what peers say of them comes in by the pinned door, as an event for the core, and
 * operators see how things stand. What we say ourselves goes out by calls.c.
 */
#include "peerd/io/daemon.h"
#include "peerd/net/clock.h"
#include "peerd/wire/api.h"

#include <jansson.h>
#include <stdlib.h>

void control_agreement(struct daemon *d, struct net_http_request *r, uint32_t peer) {
    struct agreement_message message;
    struct wire_fault fault = {{0}};
    enum err err = agreement_message_decode(&message, (const char *)r->body, r->body_len, &fault);
    if (err != ERR_OK) {
        net_http_answer_problem(r, api_status_of(err), err, fault.text, 0);
        return;
    }
    daemon_step(d, &(struct core_event){.kind = CORE_AGREEMENT_HEARD,
                                        .u.agreement = {.request = (uint64_t)(uintptr_t)r,
                                                        .peer = peer,
                                                        .asked = true,
                                                        .message = &message}});
}

void control_answer_agreement(struct daemon *d, const struct core_answer_agreement *answer) {
    struct net_http_request *r = (struct net_http_request *)(uintptr_t)answer->request;
    (void)d;
    if (answer->err != ERR_OK) {
        net_http_answer_problem(r, api_status_of(answer->err), answer->err, NULL, 0);
        return;
    }
    char *json = agreement_message_encode(answer->message, NULL);
    if (json == NULL)
        net_http_answer_problem(r, 503, ERR_NO_MEMORY, NULL, 1);
    else
        net_http_answer_json(r, 200, json);
    free(json);
}

/* ---- for operators --------------------------------------------------------------------------- */

static json_t *left_ms(struct instant now, struct instant until) {
    if (instant_is_never(until))
        return json_null();
    return json_integer(duration_in_ms(instant_since(until, now)));
}

/* What follows from both offers for one direction. */
static json_t *part_json(const struct agreement_part *part) {
    json_t *services = json_array(), *classes = json_array();
    for (uint8_t i = 0; i < part->services.count; i++)
        json_array_append_new(services, json_string(part->services.names[i].text));
    for (int i = 0; i < AGREEMENT_CLASSES; i++)
        if ((part->classes >> i & 1) != 0)
            json_array_append_new(classes, json_integer(i));
    return json_pack("{s:I, s:s, s:o, s:o, s:I}", "slots", (json_int_t)part->slots, "why",
                     agreement_why_word(part->why), "services", services, "classes", classes,
                     "cost", (json_int_t)part->cost);
}

static json_t *refusals_json(const struct agreement_counters *c) {
    json_t *out = json_object();
#define PUT_COUNTER(field, text)                                                                   \
    json_object_set_new(out, #field, json_integer((json_int_t)c->field));
    AGREEMENT_COUNTERS(PUT_COUNTER)
#undef PUT_COUNTER
    return out;
}

static void put_machine(json_t *out, const struct agreement *a, struct instant now) {
    bool refused = a->state == AGREEMENT_STATE_REFUSED;
    json_object_set_new(out, "why",
                        refused ? json_string(agreement_why_word(a->why)) : json_null());
    json_object_set_new(out, "says",
                        json_string(!refused           ? ""
                                    : a->ended_by_peer ? a->peer.text
                                                       : a->self.text));
    json_object_set_new(out, "held_for_ms", left_ms(now, a->lease_until));
    json_object_set_new(out, "relied_for_ms", left_ms(now, a->relied_until));
    json_object_set_new(out, "tries_again_ms", left_ms(now, a->again_at));
    bool damped = !instant_is_never(a->damped_until) && instant_before(now, a->damped_until);
    json_object_set_new(out, "damped_for_ms", damped ? left_ms(now, a->damped_until) : json_null());
    json_object_set_new(out, "here", part_json(&a->terms.theirs));
    json_object_set_new(out, "there", part_json(&a->terms.ours));
    json_object_set_new(out, "refusals", refusals_json(&a->counters));
}

static json_t *agreement_json(const struct daemon *d, uint32_t peer, struct instant now) {
    struct core_agreement_status s = core_peer_agreement(d->core, peer);
    const char *state = s.agreement != NULL ? agreement_state_word(s.agreement->state)
                        : s.required        ? "unheard"
                                            : "trusted";
    json_t *out =
        json_pack("{s:s, s:s, s:b, s:I, s:I, s:I, s:I}", "peer", d->policy->peers[peer].name.text,
                  "state", state, "required", s.required, "sessions_here", (json_int_t)s.here,
                  "held", (json_int_t)s.held, "sessions_counting_on_it", (json_int_t)s.counted,
                  "relied", (json_int_t)s.relied);
    if (out != NULL && s.agreement != NULL)
        put_machine(out, s.agreement, now);
    return out;
}

char *present_agreements(const struct daemon *d) {
    struct instant now = net_now();
    struct agreement_room room = core_agreement_room(d->core);
    json_t *list = json_array();
    for (uint32_t i = 0; i < d->peer_count; i++)
        json_array_append_new(list, agreement_json(d, i, now));
    json_t *root =
        json_pack("{s:s, s:I, s:I, s:o}", "cluster", d->policy->cluster.name.text, "held",
                  (json_int_t)room.held, "may_be_held", (json_int_t)room.slots, "agreements", list);
    char *text = root != NULL ? json_dumps(root, JSON_COMPACT) : NULL;
    json_decref(root);
    return text;
}
