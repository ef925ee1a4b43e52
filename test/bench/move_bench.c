/*
 * How soon a client hears its backup: from the hedge sent to the first frame received.
 *
 * One client at a time lacks ten frames (200 ms) and hedges at a warm standby on this machine; the
 * path takes no time, so what is measured is the backup's own share of a move. Once with a worker
 * at rest and once with one that serves 100 others meanwhile.
 *
 * "Who hears, of all": a hedge of 500 ms that waits longer for its pre-roll is never heard.
 */
#include "peerd/net/clock.h"
#include "test/bench/crowd.h"
#include "test/bench/machine.h"
#include "test/bench/sheet.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#define MISSING     10 /* [frames] */
#define MOVES       100
#define MOVES_QUICK 15
#define BETWEEN_S   0.013 /* [s] no multiple of a frame: every phase of the worker's turns is met */
#define LOAD        100   /* sessions served meanwhile */
#define UNHEARD_S   1.0   /* [s] a hedge lasts 500 ms: what is not heard then never is */

struct figures {
    double granted_ms[MOVES];
    double heard_ms[MOVES];
    double filled_ms[MOVES];
    uint32_t unheard; /* they count as heard after UNHEARD_S */
};

static double since_ms(struct instant end, struct instant begin) {
    return instant_is_never(end) ? UNHEARD_S * 1e3 : (double)instant_since(end, begin).us * 1e-3;
}

static void await_fill(struct crowd *c, const struct crowd_member *m) {
    struct instant end = instant_add(m->asked, duration_us((int64_t)(UNHEARD_S * 1e6)));
    while (instant_is_never(m->filled) && !instant_reached(net_now(), end))
        crowd_listen(c, 0.0005);
}

/* `others` may be NULL. */
static void move_one(struct crowd *c, uint32_t number, struct crowd *others, struct figures *f) {
    const struct crowd_member *m = &c->members[number];
    crowd_ask(c, number, 1, RESUME_HEDGE, MISSING);
    if (m->error != ERR_OK)
        sheet_die("a hedge was refused: %s", err_name(m->error));
    await_fill(c, m);
    f->granted_ms[number] = since_ms(m->answered, m->asked);
    f->heard_ms[number] = since_ms(m->heard, m->asked);
    f->filled_ms[number] = since_ms(m->filled, m->asked);
    f->unheard += instant_is_never(m->heard);
    crowd_ask(c, number, 1, RESUME_CANCEL, 0);
    crowd_listen(others != NULL ? others : c, BETWEEN_S);
}

static void put_distribution(struct sheet *s, const char *name, const char *title, double *ms,
                             size_t count) {
    static const struct {
        const char *key, *what;
        unsigned permille;
    } rows[] = {{"p50", "half", 500}, {"p95", "95 of 100", 950}, {"max", "all", 1000}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char key[64], what[96];
        snprintf(key, sizeof(key), "%s_ms_%s", name, rows[i].key);
        snprintf(what, sizeof(what), "%s: %s within", title, rows[i].what);
        sheet_put(s, key, what, sheet_quantile(ms, count, rows[i].permille), "ms");
    }
}

static void put_moves(struct sheet *s, const struct machine *m, enum media_codec codec,
                      struct crowd *others) {
    static struct figures f;
    uint32_t count = s->quick ? MOVES_QUICK : MOVES;
    char key[32], title[96];
    struct crowd *c = crowd_new(m, codec, count);
    f.unheard = 0;
    c->awake = true;
    crowd_ask_all(c, RESUME_STANDBY, 0);
    for (uint32_t i = 0; i < count; i++)
        move_one(c, i, others, &f);
    crowd_free(c);
    snprintf(key, sizeof(key), "%s_%s", media_codec_name(codec), others != NULL ? "busy" : "rest");
    snprintf(title, sizeof(title), "%s, worker %s", media_codec_name(codec),
             others != NULL ? "serving 100 others with opus" : "at rest");
    sheet_group(s, key, title);
    put_distribution(s, "granted", "granted", f.granted_ms, count);
    put_distribution(s, "heard", "first frame", f.heard_ms, count);
    put_distribution(s, "filled", "all ten missing frames", f.filled_ms, count);
    sheet_put(s, "unheard", "hedges that ended before anything was heard", f.unheard, "");
}

static struct crowd *begin_load(const struct sheet *s, const struct machine *m) {
    struct crowd *c = crowd_new(m, MEDIA_CODEC_OPUS, s->quick ? LOAD / 5 : LOAD);
    crowd_ask_all(c, RESUME_COMMIT, 0);
    if (!crowd_await(c, 0, c->count, 20))
        sheet_die("the others hear nothing");
    crowd_listen(c, s->quick ? 0.2 : 1);
    return c;
}

int main(int argc, char **argv) {
    struct sheet s;
    struct machine m;
    sheet_open(&s, "move_bench", "From the hedge sent to the first frame received.", argc, argv);
    if (sodium_init() < 0)
        sheet_die("no crypto");
    media_init();
    machine_init(&m);
    machine_start(&m);
    put_moves(&s, &m, MEDIA_CODEC_PCMU, NULL);
    put_moves(&s, &m, MEDIA_CODEC_OPUS, NULL);
    struct crowd *others = begin_load(&s, &m);
    put_moves(&s, &m, MEDIA_CODEC_PCMU, others);
    put_moves(&s, &m, MEDIA_CODEC_OPUS, others);
    crowd_free(others);
    machine_stop(&m);
    machine_destroy(&m);
    return sheet_close(&s);
}
