#include "transcoder/timeline/passes.h"

#include <assert.h>
#include <string.h>

static const struct passes_row nobody = {
    .since = INSTANT_NEVER, .unheard = INSTANT_NEVER, .ask_at = INSTANT_NEVER};

void passes_init(struct passes *p) {
    p->next = 0;
    for (uint32_t i = 0; i < PASSES_MAX; i++)
        p->rows[i] = nobody;
}

static struct passes_row *row_of(struct passes *p, const struct addr *server) {
    for (uint32_t i = 0; i < PASSES_MAX; i++)
        if (p->rows[i].server.family != 0 && addr_equal(&p->rows[i].server, server))
            return &p->rows[i];
    return NULL;
}

static struct passes_row *row_made(struct passes *p, const struct addr *server,
                                   struct instant now) {
    struct passes_row *row = row_of(p, server);
    for (uint32_t i = 0; row == NULL && i < PASSES_MAX; i++)
        if (p->rows[i].server.family == 0)
            row = &p->rows[i];
    if (row == NULL)
        row = &p->rows[p->next++ % PASSES_MAX];
    if (row->server.family == 0 || !addr_equal(&row->server, server)) {
        *row = nobody;
        row->server = *server;
        row->ask_at = now;
    }
    return row;
}

static bool is_given_up(const struct passes_row *row, struct instant now) {
    return !instant_is_never(row->unheard) &&
           !duration_less(instant_since(now, row->unheard), duration_ms(PASSES_UNHEARD_MS));
}

static bool has_one(const struct passes_row *row, struct instant now, int64_t ms) {
    return !instant_is_never(row->since) && !is_given_up(row, now) &&
           duration_less(instant_since(now, row->since), duration_ms(ms));
}

const struct pass *passes_of(const struct passes *p, const struct addr *server,
                             struct instant now) {
    for (uint32_t i = 0; i < PASSES_MAX; i++)
        if (p->rows[i].server.family != 0 && addr_equal(&p->rows[i].server, server))
            return has_one(&p->rows[i], now, PASSES_USED_MS) ? &p->rows[i].pass : NULL;
    return NULL;
}

static void forget(struct passes_row *row) {
    memset(&row->pass, 0, sizeof(row->pass));
    row->since = row->unheard = INSTANT_NEVER;
}

void passes_used(struct passes *p, const struct addr *server, struct instant now) {
    struct passes_row *row = row_of(p, server);
    if (row != NULL)
        row->unheard = instant_min(row->unheard, now);
}

void passes_heard(struct passes *p, const struct addr *server, struct instant now) {
    struct passes_row *row = row_of(p, server);
    if (row == NULL)
        return;
    if (is_given_up(row, now))
        forget(row); /* it answers those who sign */
    row->unheard = INSTANT_NEVER;
}

bool passes_wants(struct passes *p, const struct addr *server, uint64_t nonce, struct instant now,
                  struct cookie *cookie) {
    assert(nonce != 0);
    struct passes_row *row = row_made(p, server, now);
    if (has_one(row, now, PASSES_RENEW_MS) || !instant_reached(now, row->ask_at))
        return false;
    row->nonce = nonce;
    row->asked = now;
    row->wait = row->wait.us == 0
                    ? duration_ms(PASSES_ASK_MS)
                    : duration_min(duration_scale(row->wait, 2, 1), duration_ms(PASSES_ASK_MS_AT));
    row->ask_at = instant_add(now, row->wait);
    *cookie = row->cookie;
    return true;
}

/* Not twice in a row: who takes no cookie of his own would be asked for ever. */
bool passes_cookie(struct passes *p, const struct addr *server, uint64_t nonce,
                   const struct cookie *cookie, struct instant now) {
    struct passes_row *row = row_of(p, server);
    if (row == NULL || row->nonce == 0 || row->nonce != nonce)
        return false;
    row->cookie = *cookie;
    row->nonce = 0;
    if (!row->greeted)
        row->ask_at = now;
    row->greeted = true;
    return true;
}

enum err passes_told(struct passes *p, const struct addr *server, uint64_t nonce,
                     const struct message_pass *told, const struct key_pair *mine,
                     struct instant now) {
    struct passes_row *row = row_of(p, server);
    struct pass pass;
    if (row == NULL || row->nonce == 0 || row->nonce != nonce)
        return ERR_BAD_FIELD;
    enum err e = pass_open(&pass, told->sealed, told->mark, mine);
    if (e != ERR_OK)
        return e;
    row->pass = pass;
    row->since = row->asked;
    row->unheard = INSTANT_NEVER;
    row->ask_at = now;
    row->wait = DURATION_ZERO;
    row->nonce = 0;
    row->greeted = false;
    return ERR_OK;
}

void passes_forget(struct passes *p, const struct addr *server) {
    struct passes_row *row = row_of(p, server);
    if (row != NULL)
        forget(row);
}
