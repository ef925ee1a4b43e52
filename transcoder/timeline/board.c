#include "transcoder/timeline/board.h"

/* Two that ask in the same instant for the last slot may both take back: who tries again finds it,
 * unless yet another has come. */
#define TRIES 4

void board_init(struct board *b) {
    for (uint32_t row = 0; row < BOARD_ROWS; row++) {
        atomic_init(&b->slots[row], 0);
        atomic_init(&b->kept[row], 0);
        for (uint32_t worker = 0; worker < BOARD_WORKERS; worker++)
            atomic_init(&b->here[row][worker], 0);
    }
    for (uint32_t worker = 0; worker < BOARD_WORKERS; worker++) {
        atomic_init(&b->credit[worker], 0);
        atomic_init(&b->used[worker], 0);
    }
}

void board_limit_set(struct board *b, uint32_t row, uint32_t slots, uint32_t kept) {
    atomic_store(&b->slots[row], slots);
    atomic_store(&b->kept[row], kept);
}

void board_tell(struct board *b, uint32_t row, uint32_t worker, uint32_t here) {
    atomic_store(&b->here[row][worker], here);
}

void board_tell_credit(struct board *b, uint32_t worker, uint32_t credit) {
    atomic_store(&b->credit[worker], credit);
}

void board_tell_used(struct board *b, uint32_t worker, uint32_t used) {
    atomic_store(&b->used[worker], used);
}

static uint64_t sum(const _Atomic uint32_t figures[BOARD_WORKERS]) {
    uint64_t all = 0;
    for (uint32_t worker = 0; worker < BOARD_WORKERS; worker++)
        all += atomic_load(&figures[worker]);
    return all;
}

uint64_t board_here(const struct board *b, uint32_t row) {
    return sum(b->here[row]);
}

/* Kept for others than that row, and not in use. */
static uint64_t kept_but(const struct board *b, uint32_t row) {
    uint64_t all = 0;
    for (uint32_t i = 0; i < BOARD_ROWS; i++) {
        uint64_t kept = atomic_load(&b->kept[i]), here;
        if (kept == 0 || i == row)
            continue;
        here = board_here(b, i);
        all += kept > here ? kept - here : 0;
    }
    return all;
}

/* In use, or kept for others. One of them who goes in between is seen as neither if it is looked
 * for once only. */
static uint64_t taken(const struct board *b, uint32_t row) {
    uint64_t before = kept_but(b, row), used = sum(b->used), after = kept_but(b, row);
    return used + (before > after ? before : after);
}

bool board_bounds(const struct board *b, uint32_t row) {
    return row != BOARD_ROW_NONE && board_here(b, row) >= atomic_load(&b->slots[row]);
}

bool board_keeps(const struct board *b, uint32_t row) {
    return row != BOARD_ROW_NONE && board_here(b, row) < atomic_load(&b->kept[row]);
}

bool board_exceeds(const struct board *b, uint32_t row) {
    return board_here(b, row) > atomic_load(&b->kept[row]);
}

bool board_keeps_any(const struct board *b) {
    for (uint32_t row = 0; row < BOARD_ROWS; row++)
        if (atomic_load(&b->kept[row]) > 0)
            return true;
    return false;
}

uint32_t board_slots(const struct board *b, uint32_t row) {
    return atomic_load(&b->slots[row]);
}

/* With `more` that the board does not say yet. */
static bool finds_slot(const struct board *b, const struct board_newcomer *n, uint32_t more) {
    uint64_t credit = sum(b->credit) + n->after_one;
    if (n->row != BOARD_ROW_NONE && board_here(b, n->row) + more <= atomic_load(&b->kept[n->row]))
        return sum(b->used) + more <= credit;
    return n->used < n->credit + n->after_one && taken(b, n->row) + more <= credit;
}

static bool fits(const struct board *b, const struct board_newcomer *n, uint32_t more) {
    if (n->row != BOARD_ROW_NONE && board_here(b, n->row) + more > board_slots(b, n->row))
        return false;
    return finds_slot(b, n, more);
}

bool board_slot(const struct board *b, const struct board_newcomer *n) {
    return finds_slot(b, n, 1);
}

uint32_t board_free(const struct board *b) {
    uint64_t credit = sum(b->credit), all = taken(b, BOARD_ROW_NONE);
    return all < credit ? (uint32_t)(credit - all) : 0;
}

static void write(struct board *b, const struct board_newcomer *n, uint32_t more) {
    if (more > 0)
        board_tell_used(b, n->worker, n->used + more);
    if (n->row != BOARD_ROW_NONE)
        board_tell(b, n->row, n->worker, n->here + more);
    if (more == 0)
        board_tell_used(b, n->worker, n->used);
}

bool board_take(struct board *b, const struct board_newcomer *n) {
    for (int i = 0; i < TRIES && fits(b, n, 1); i++) {
        write(b, n, 1);
        if (fits(b, n, 0))
            return true;
        write(b, n, 0);
    }
    return false;
}
