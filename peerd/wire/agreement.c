#include "peerd/wire/agreement.h"

#include "peerd/wire/json_read.h"
#include "peerd/wire/json_write.h"

#include <stdlib.h>

#define RUN_BYTES 8

/* Never NULL, so that a list of words can be walked: one that is missing shows as "none". */
const char *agreement_why_word(enum agreement_why why) {
    switch (why) {
    case AGREEMENT_WHY_NONE:
        return "none";
    case AGREEMENT_WHY_NOTHING:
        return "nothing";
    case AGREEMENT_WHY_SERVICES:
        return "services";
    case AGREEMENT_WHY_CLASSES:
        return "classes";
    case AGREEMENT_WHY_COST:
        return "cost";
    case AGREEMENT_WHY_REGION:
        return "region";
    case AGREEMENT_WHY_SLOTS:
        return "slots";
    case AGREEMENT_WHY_POLICY:
        return "policy";
    }
    return "none";
}

static const char *why_word(unsigned why) {
    return agreement_why_word((enum agreement_why)why);
}

static const char *kind_word(unsigned kind) {
    static const char *const words[] = {"none", "offer", "accept", "end"};
    return words[kind];
}

/* ---- writing --------------------------------------------------------------------------------- */

static void put_run(struct json_writing *w, json_t *o, uint64_t run) {
    uint8_t bytes[RUN_BYTES];
    for (int i = 0; i < RUN_BYTES; i++)
        bytes[i] = (uint8_t)(run >> (56 - 8 * i));
    json_write_bytes(w, o, "run", bytes, sizeof(bytes));
}

static void put_classes(struct json_writing *w, json_t *o, uint8_t classes) {
    uint32_t list[AGREEMENT_CLASSES], count = 0;
    for (uint32_t i = 0; i < AGREEMENT_CLASSES; i++)
        if ((classes >> i & 1) != 0)
            list[count++] = i;
    json_write_uints(w, o, "classes", list, count);
}

static void put_clients(struct json_writing *w, json_t *o, const struct agreement_clients *c) {
    if (c->only_count > AGREEMENT_PREFIXES_MAX || c->never_count > AGREEMENT_PREFIXES_MAX) {
        w->failed = true;
        return;
    }
    json_t *clients = json_write_object(w, o, "clients");
    json_write_prefixes(w, clients, "only", c->only, c->only_count);
    json_write_prefixes(w, clients, "never", c->never, c->never_count);
}

static void put_regions(struct json_writing *w, json_t *o, const struct agreement_regions *r) {
    if (r->only_count > AGREEMENT_REGIONS_MAX || r->never_count > AGREEMENT_REGIONS_MAX) {
        w->failed = true;
        return;
    }
    json_t *regions = json_write_object(w, o, "regions");
    json_write_names(w, regions, "only", r->only, r->only_count);
    json_write_names(w, regions, "never", r->never, r->never_count);
}

static void put_services(struct json_writing *w, json_t *o, const struct agreement_services *s) {
    if (s->count > AGREEMENT_SERVICES_MAX)
        w->failed = true;
    else
        json_write_names(w, o, "services", s->names, s->count);
}

static void put_offer(struct json_writing *w, const struct agreement_offer *offer) {
    json_write_name(w, w->root, "region", &offer->region);
    json_t *gives = json_write_object(w, w->root, "gives");
    json_write_uint(w, gives, "slots", offer->gives.slots);
    put_services(w, gives, &offer->gives.services);
    put_classes(w, gives, offer->gives.classes);
    json_write_uint(w, gives, "cost", offer->gives.cost);
    put_clients(w, gives, &offer->gives.clients);
    json_t *asks = json_write_object(w, w->root, "asks");
    json_write_uint(w, asks, "slots", offer->asks.slots);
    json_write_uint(w, asks, "slots_min", offer->asks.slots_min);
    put_services(w, asks, &offer->asks.services);
    put_classes(w, asks, offer->asks.classes);
    json_write_uint(w, asks, "cost_max", offer->asks.cost_max);
    put_regions(w, asks, &offer->asks.regions);
    put_clients(w, asks, &offer->asks.clients);
}

char *agreement_message_encode(const struct agreement_message *m, size_t *len) {
    struct json_writing w;
    json_write_begin(&w);
    json_write_name(&w, w.root, "cluster", &m->cluster);
    put_run(&w, w.root, m->run);
    json_write_uint(&w, w.root, "seq", m->seq);
    json_write_string(&w, w.root, "kind", kind_word(m->kind));
    json_write_uint(&w, w.root, "lease_ms", m->lease_ms);
    put_offer(&w, &m->offer);
    if (m->heard_run != 0) {
        json_t *heard = json_write_object(&w, w.root, "heard");
        put_run(&w, heard, m->heard_run);
        json_write_uint(&w, heard, "seq", m->heard_seq);
    }
    if (m->kind == AGREEMENT_KIND_ACCEPT)
        json_write_uint(&w, w.root, "slots", m->slots);
    if (m->kind == AGREEMENT_KIND_END)
        json_write_string(&w, w.root, "why", agreement_why_word(m->why));
    return json_write_end(&w, AGREEMENT_LEN_MAX, len);
}

/* ---- reading --------------------------------------------------------------------------------- */

static uint64_t get_run(const struct json_place *o) {
    uint8_t bytes[RUN_BYTES];
    uint64_t run = 0;
    json_read_bytes(o, "run", bytes, sizeof(bytes));
    for (int i = 0; i < RUN_BYTES; i++)
        run = run << 8 | bytes[i];
    struct json_place p = json_read_member(o, "run");
    if (run == 0)
        json_read_fail(&p, "a run other than zero");
    return run;
}

/* Rising, so that a set has one form. */
static uint8_t get_classes(const struct json_place *o) {
    uint32_t list[AGREEMENT_CLASSES];
    size_t count =
        json_read_list(o, "classes", list, AGREEMENT_CLASSES, sizeof(list[0]), json_read_each_u32);
    struct json_place p = json_read_member(o, "classes");
    uint8_t classes = 0;
    for (size_t i = 0; i < count; i++) {
        if (list[i] >= AGREEMENT_CLASSES || (i > 0 && list[i] <= list[i - 1]))
            json_read_fail(&p, "rising classes from 0 to 7");
        else
            classes |= (uint8_t)(1U << list[i]);
    }
    return classes;
}

static void get_clients(const struct json_place *o, struct agreement_clients *c) {
    struct json_place clients = json_read_object(o, "clients");
    c->only_count = (uint8_t)json_read_list(&clients, "only", c->only, AGREEMENT_PREFIXES_MAX,
                                            sizeof(c->only[0]), json_read_each_prefix);
    c->never_count = (uint8_t)json_read_list(&clients, "never", c->never, AGREEMENT_PREFIXES_MAX,
                                             sizeof(c->never[0]), json_read_each_prefix);
}

static void get_regions(const struct json_place *o, struct agreement_regions *r) {
    struct json_place regions = json_read_object(o, "regions");
    r->only_count = (uint8_t)json_read_list(&regions, "only", r->only, AGREEMENT_REGIONS_MAX,
                                            sizeof(r->only[0]), json_read_each_name);
    r->never_count = (uint8_t)json_read_list(&regions, "never", r->never, AGREEMENT_REGIONS_MAX,
                                             sizeof(r->never[0]), json_read_each_name);
}

static void get_services(const struct json_place *o, struct agreement_services *s) {
    s->count = (uint8_t)json_read_list(o, "services", s->names, AGREEMENT_SERVICES_MAX,
                                       sizeof(s->names[0]), json_read_each_name);
}

static uint32_t get_slots(const struct json_place *o, const char *key, uint32_t max) {
    return (uint32_t)json_read_uint(o, key, 0, max);
}

static void get_gives(const struct json_place *root, struct agreement_gives *g) {
    struct json_place o = json_read_object(root, "gives");
    g->slots = get_slots(&o, "slots", AGREEMENT_SLOTS_MAX);
    get_services(&o, &g->services);
    g->classes = get_classes(&o);
    g->cost = (uint32_t)json_read_uint(&o, "cost", 0, AGREEMENT_COST_MAX);
    get_clients(&o, &g->clients);
}

static void get_asks(const struct json_place *root, struct agreement_asks *a) {
    struct json_place o = json_read_object(root, "asks");
    a->slots = get_slots(&o, "slots", AGREEMENT_SLOTS_MAX);
    a->slots_min = get_slots(&o, "slots_min", a->slots);
    get_services(&o, &a->services);
    a->classes = get_classes(&o);
    a->cost_max = (uint32_t)json_read_uint(&o, "cost_max", 0, AGREEMENT_COST_MAX);
    get_regions(&o, &a->regions);
    get_clients(&o, &a->clients);
}

/* What only one kind of message has. */
static void get_kind(const struct json_place *root, struct agreement_message *m) {
    m->kind = (enum agreement_kind)json_read_word(root, "kind", kind_word, AGREEMENT_KIND_OFFER,
                                                  AGREEMENT_KIND_END);
    if (json_read_has(root, "heard")) {
        struct json_place heard = json_read_object(root, "heard");
        m->heard_run = get_run(&heard);
        m->heard_seq = json_read_uint(&heard, "seq", 1, INT64_MAX);
    }
    struct json_place p = json_read_member(root, "heard");
    if (m->kind == AGREEMENT_KIND_ACCEPT && m->heard_run == 0)
        json_read_fail(&p, "what is accepted");
    if (m->kind == AGREEMENT_KIND_ACCEPT)
        m->slots = get_slots(root, "slots", m->offer.gives.slots);
    if (m->kind == AGREEMENT_KIND_END)
        m->why = (enum agreement_why)json_read_word(root, "why", why_word, AGREEMENT_WHY_NOTHING,
                                                    AGREEMENT_WHY_LAST);
}

enum err agreement_message_decode(struct agreement_message *out, const char *text, size_t len,
                                  struct wire_fault *fault) {
    struct json_document d;
    struct json_place o;
    struct agreement_message m = {.kind = AGREEMENT_KIND_OFFER};
    enum err e = json_read_begin(&d, &o, text, len, AGREEMENT_LEN_MAX, fault);
    if (e != ERR_OK)
        return e;
    m.cluster = json_read_name(&o, "cluster");
    m.run = get_run(&o);
    m.seq = json_read_uint(&o, "seq", 1, INT64_MAX);
    m.lease_ms =
        (uint32_t)json_read_uint(&o, "lease_ms", AGREEMENT_LEASE_MS_MIN, AGREEMENT_LEASE_MS_MAX);
    m.offer.region = json_read_name(&o, "region");
    get_gives(&o, &m.offer.gives);
    get_asks(&o, &m.offer.asks);
    get_kind(&o, &m);
    e = json_read_end(&d);
    if (e == ERR_OK)
        *out = m;
    return e;
}
