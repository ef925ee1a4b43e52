#include "transcoder/timeline/guests.h"

#include <assert.h>

void guests_init(struct guests *g, struct board *board, uint32_t worker) {
    assert(worker < BOARD_WORKERS);
    *g = (struct guests){.board = board, .worker = worker};
}

static struct guest *find(const struct guests *g, const struct name *issuer) {
    for (uint32_t i = 0; i < GUESTS_MAX; i++)
        if (name_equal(&g->rows[i].issuer, issuer))
            return (struct guest *)&g->rows[i];
    return NULL;
}

uint32_t guests_here(const struct guests *g, const struct name *issuer) {
    const struct guest *row = find(g, issuer);
    return row != NULL ? row->here : 0;
}

struct guests_turned_away guests_refused(struct guests *g, const struct name *issuer) {
    const struct guests_turned_away none = {0};
    struct guest *row = find(g, issuer);
    struct guests_turned_away all = row != NULL ? row->turned_away : none;
    if (row != NULL)
        row->turned_away = none;
    return all;
}

/* Of whom nobody is here and nothing was said. */
static bool is_free(const struct guest *row) {
    return name_is_empty(&row->issuer) || (row->here == 0 && row->row == GUESTS_NONE);
}

static struct guest *take(struct guests *g, const struct name *issuer) {
    struct guest *row = find(g, issuer);
    for (uint32_t i = 0; i < GUESTS_MAX && row == NULL; i++) {
        if (!is_free(&g->rows[i]))
            continue;
        row = &g->rows[i];
        *row = (struct guest){.issuer = *issuer, .row = GUESTS_NONE};
    }
    return row;
}

static void tell(const struct guests *g, const struct guest *row) {
    if (g->telling && row->row != GUESTS_NONE)
        board_tell(g->board, row->row, g->worker, row->here);
}

void guests_begin(struct guests *g) {
    uint32_t here[BOARD_ROWS] = {0};
    for (uint32_t i = 0; i < GUESTS_MAX; i++)
        if (!name_is_empty(&g->rows[i].issuer) && g->rows[i].row != GUESTS_NONE)
            here[g->rows[i].row] = g->rows[i].here;
    for (uint32_t row = 0; row < BOARD_ROWS;
         row++) /* the process before may have been told others */
        board_tell(g->board, row, g->worker, here[row]);
    g->telling = true;
    board_tell_used(g->board, g->worker, g->used);
    board_tell_credit(g->board, g->worker, g->credit);
}

void guests_limit_set(struct guests *g, const struct guest_limit *limits, size_t count,
                      const struct node_guest_services *services) {
    g->services = *services;
    for (uint32_t i = 0; i < GUESTS_MAX; i++)
        g->rows[i].row = GUESTS_NONE;
    for (size_t i = 0; i < count; i++) {
        struct guest *row = limits[i].row < BOARD_ROWS ? take(g, &limits[i].issuer) : NULL;
        if (row == NULL)
            continue;
        row->row = limits[i].row;
        row->refusal = limits[i].refusal;
        row->services = limits[i].services;
        row->hot_max = limits[i].hot_max;
        tell(g, row);
    }
}

uint8_t guests_row(struct guests *g, const struct name *issuer) {
    const struct guest *row = name_is_empty(issuer) ? NULL : take(g, issuer);
    return row == NULL ? GUESTS_NONE : (uint8_t)(row - g->rows);
}

uint8_t guests_find(const struct guests *g, const struct name *issuer) {
    const struct guest *row = find(g, issuer);
    return row == NULL ? GUESTS_NONE : (uint8_t)(row - g->rows);
}

/* Is that service in the terms? */
static bool takes(const struct guests *g, const struct guest *row, const struct name *service) {
    if (row->row == GUESTS_NONE || row->services == NODE_GUEST_SERVICES_ALL || service == NULL)
        return true;
    for (uint32_t i = 0; i < g->services.count && i < NODE_GUEST_SERVICES_MAX; i++)
        if (name_equal(&g->services.names[i], service))
            return (row->services >> i & 1) != 0;
    return false;
}

/* ---- slots ----------------------------------------------------------------------------------- */

static bool is_told(const struct guests *g, uint8_t row) {
    return row != GUESTS_NONE && g->rows[row].row != GUESTS_NONE;
}

static struct board_newcomer newcomer(const struct guests *g, uint8_t row, bool after_one) {
    return (struct board_newcomer){.row = is_told(g, row) ? g->rows[row].row : BOARD_ROW_NONE,
                                   .worker = g->worker,
                                   .here = is_told(g, row) ? g->rows[row].here : 0,
                                   .used = g->used,
                                   .credit = g->credit,
                                   .after_one = after_one};
}

void guests_credit(struct guests *g, uint32_t credit) {
    g->credit = credit;
    if (g->telling)
        board_tell_credit(g->board, g->worker, credit);
}

bool guests_slot(const struct guests *g, uint8_t row, bool after_one) {
    const struct board_newcomer n = newcomer(g, row, after_one);
    return g->telling ? board_slot(g->board, &n) : g->used < g->credit + after_one;
}

uint32_t guests_free(const struct guests *g) {
    uint32_t part = g->used < g->credit ? g->credit - g->used : 0;
    uint32_t all = g->telling ? board_free(g->board) : part;
    return part < all ? part : all;
}

bool guests_keep(const struct guests *g, uint8_t row) {
    return is_told(g, row) && board_keeps(g->board, g->rows[row].row);
}

bool guests_own(const struct guests *g, uint8_t row) {
    if (!is_told(g, row))
        return false;
    uint32_t of_board = g->rows[row].row;
    return guests_slots(g, row) != BOARD_SLOTS_ALL || !board_exceeds(g->board, of_board);
}

bool guests_keep_any(const struct guests *g) {
    return board_keeps_any(g->board);
}

enum err guests_admit(struct guests *g, uint8_t row, const struct name *service) {
    struct guest *guest = row == GUESTS_NONE ? NULL : &g->rows[row];
    const struct board_newcomer n = newcomer(g, row, false);
    if (guest != NULL && !takes(g, guest, service)) {
        guest->turned_away.denied++;
        return ERR_DENIED;
    }
    bool bounds = is_told(g, row) && (!g->telling || board_bounds(g->board, n.row));
    if (!bounds && g->telling && board_take(g->board, &n))
        return ERR_OK;
    if (!bounds)
        return ERR_NO_CREDIT;
    guest->turned_away.refused++;
    return guest->refusal;
}

void guests_forgo(struct guests *g, uint8_t row) {
    if (row != GUESTS_NONE)
        tell(g, &g->rows[row]);
    if (g->telling)
        board_tell_used(g->board, g->worker, g->used);
}

bool guests_room(const struct guests *g, const struct name *issuer, const struct name *service) {
    const struct guest *row = find(g, issuer);
    return row == NULL || row->row == GUESTS_NONE ||
           (takes(g, row, service) && !board_bounds(g->board, row->row));
}

static bool denies(const struct guest *row) {
    return row->row != GUESTS_NONE && row->refusal == ERR_DENIED;
}

bool guests_deny(const struct guests *g, const struct name *issuer, const struct name *service) {
    const struct guest *row = find(g, issuer);
    return row != NULL && (denies(row) || !takes(g, row, service));
}

enum err guests_serve(struct guests *g, uint8_t row, const struct name *service) {
    struct guest *guest = row == GUESTS_NONE ? NULL : &g->rows[row];
    if (guest == NULL || (!denies(guest) && takes(g, guest, service)))
        return ERR_OK;
    guest->turned_away.refused += denies(guest);
    guest->turned_away.denied += !denies(guest);
    return ERR_DENIED;
}

uint8_t guests_priority(const struct guests *g, const struct name *service) {
    for (uint32_t i = 0; i < g->services.count && i < NODE_GUEST_SERVICES_MAX; i++)
        if (name_equal(&g->services.names[i], service))
            return (uint8_t)g->services.priorities[i];
    return g->services.count == 0 ? 0 : NODE_PRIORITY_LEAST;
}

uint8_t guests_first(const struct guests *g) {
    uint32_t first = g->services.count == 0 ? 0 : NODE_PRIORITY_LEAST;
    for (uint32_t i = 0; i < g->services.count && i < NODE_GUEST_SERVICES_MAX; i++)
        first = g->services.priorities[i] < first ? g->services.priorities[i] : first;
    return (uint8_t)first;
}

uint32_t guests_slots(const struct guests *g, uint8_t row) {
    if (row == GUESTS_NONE || g->rows[row].row == GUESTS_NONE)
        return UINT32_MAX;
    return board_slots(g->board, g->rows[row].row);
}

/* In use first, whosever afterwards, and the other way round: see board.h. */
void guests_count(struct guests *g, uint8_t row, int change) {
    assert(change >= 0 || g->used > 0);
    g->used += (uint32_t)change;
    if (g->telling && change > 0)
        board_tell_used(g->board, g->worker, g->used);
    if (row != GUESTS_NONE) {
        assert(change >= 0 || g->rows[row].here > 0);
        g->rows[row].here += (uint32_t)change;
        tell(g, &g->rows[row]);
    }
    if (g->telling && change < 0)
        board_tell_used(g->board, g->worker, g->used);
}

bool guests_may_be_hot(const struct guests *g, const struct name *issuer) {
    const struct guest *row = find(g, issuer);
    return row == NULL || row->row == GUESTS_NONE || row->hot < row->hot_max;
}

void guests_hot(struct guests *g, uint8_t row, int change) {
    if (row == GUESTS_NONE)
        return;
    assert(change >= 0 || g->rows[row].hot > 0);
    g->rows[row].hot += (uint32_t)change;
}

/* ---- the node -------------------------------------------------------------------------------- */

static uint32_t index_of(const struct guests_allotted *a, const struct name *issuer) {
    uint32_t i = 0;
    while (i < a->count && !name_equal(&a->limits[i].issuer, issuer))
        i++;
    return i;
}

static bool is_taken(const struct guests_allotted *a, uint32_t row) {
    for (uint32_t i = 0; i < a->count; i++)
        if (a->rows[i] == row)
            return true;
    return false;
}

/* Free ones in turn: whoever has not yet heard that a peer's is free goes on writing in it. */
static uint8_t free_row(struct guests_allotted *next, const struct guests_allotted *before) {
    while (is_taken(next, next->next) || is_taken(before, next->next))
        next->next = (next->next + 1) % BOARD_ROWS;
    uint32_t row = next->next;
    next->next = (row + 1) % BOARD_ROWS;
    return (uint8_t)row;
}

void guests_allot(struct guests_allotted *a, struct board *board,
                  const struct node_guest_limit *limits, size_t count,
                  const struct node_guest_services *services) {
    struct guests_allotted next = {.next = a->next, .services = *services};
    for (size_t i = 0; i < count && next.count < NODE_GUESTS_MAX; i++) {
        uint32_t before = index_of(a, &limits[i].issuer), at = next.count;
        bool fresh = before == a->count;
        next.limits[at] = limits[i];
        next.fresh[at] = fresh;
        next.rows[at] = fresh ? free_row(&next, a) : a->rows[before];
        if (!fresh)
            next.turned_away[at] = a->turned_away[before];
        next.count++;
        board_limit_set(board, next.rows[at], limits[i].slots, limits[i].kept);
    }
    for (uint32_t i = 0; i < a->count; i++) /* nothing is kept for who is not named any more */
        if (!is_taken(&next, a->rows[i]))
            board_limit_set(board, a->rows[i], board_slots(board, a->rows[i]), 0);
    *a = next;
}

struct guest_limit guests_allotted_limit(const struct guests_allotted *a, uint32_t index) {
    return (struct guest_limit){.issuer = a->limits[index].issuer,
                                .row = a->rows[index],
                                .refusal = a->limits[index].refusal,
                                .services = a->limits[index].services,
                                .hot_max = a->limits[index].hot};
}

void guests_allotted_refused(struct guests_allotted *a, const struct name *issuer,
                             struct guests_turned_away more) {
    uint32_t i = index_of(a, issuer);
    if (i >= a->count)
        return;
    a->turned_away[i].refused += more.refused;
    a->turned_away[i].denied += more.denied;
}
