#include "transcoder/timeline/board.h"

#include <criterion/criterion.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * The board as processes use it: each comes and goes as fast as it can, and nobody ever sees more
 * than there are slots.
 */

#define WORKERS 4
#define TURNS   300000
#define SLOTS   1

struct shared {
    struct board board;
    _Atomic uint32_t inside; /* counted by those who were let in, apart from the board */
    _Atomic uint32_t most;
    _Atomic uint32_t let_in;
};

static void work(struct shared *s, uint32_t worker) {
    for (int i = 0; i < TURNS; i++) {
        const struct board_newcomer n = {.row = 0, .worker = worker, .credit = 1};
        if (!board_take(&s->board, &n))
            continue;
        uint32_t now = atomic_fetch_add(&s->inside, 1) + 1, most = atomic_load(&s->most);
        while (now > most && !atomic_compare_exchange_weak(&s->most, &most, now))
            continue;
        atomic_fetch_add(&s->let_in, 1);
        atomic_fetch_sub(&s->inside, 1);
        board_tell(&s->board, 0, worker, 0);
        board_tell_used(&s->board, worker, 0);
    }
    _exit(0);
}

Test(board, processes_never_take_more_than_there_is) {
    struct shared *s =
        mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pids[WORKERS];
    cr_assert_neq(s, MAP_FAILED);
    board_init(&s->board);
    board_limit_set(&s->board, 0, SLOTS, 0);
    for (uint32_t w = 0; w < WORKERS; w++)
        board_tell_credit(&s->board, w, 1);
    for (uint32_t w = 0; w < WORKERS; w++)
        if ((pids[w] = fork()) == 0)
            work(s, w);
    for (uint32_t w = 0; w < WORKERS; w++)
        waitpid(pids[w], NULL, 0);
    cr_expect_leq(atomic_load(&s->most), (uint32_t)SLOTS);
    cr_expect_gt(atomic_load(&s->let_in), (uint32_t)WORKERS);
    cr_expect_eq(board_here(&s->board, 0), 0u, "who was refused has taken back");
}

Test(board, one_row_is_not_another) {
    static struct board b;
    board_init(&b);
    board_limit_set(&b, 1, 1, 0);
    board_tell_credit(&b, 3, 10);
    const struct board_newcomer of_none = {.row = 0, .worker = 3, .credit = 10};
    const struct board_newcomer one = {.row = 1, .worker = 3, .credit = 10};
    const struct board_newcomer more = {.row = 1, .worker = 4, .credit = 10};
    cr_expect(board_bounds(&b, 0) && !board_take(&b, &of_none),
              "nobody may come unless it is said");
    cr_expect(!board_bounds(&b, 1) && board_take(&b, &one) && !board_take(&b, &more));
    cr_expect(board_here(&b, 0) == 0 && board_here(&b, 1) == 1);
    board_tell(&b, 1, 4, 7);
    cr_expect(board_here(&b, 1) == 8 && board_bounds(&b, 1), "more than may come, and no harm");
}

/* Row 1 comes and goes, the others do at random; what is kept for row 0 stays. */
static void crowd(struct shared *s, uint32_t worker) {
    const struct board_newcomer n = {.row = worker % 2 + 1, .worker = worker, .credit = 2};
    for (int i = 0; i < TURNS; i++) {
        if (!board_take(&s->board, &n))
            continue;
        uint32_t now = atomic_fetch_add(&s->inside, 1) + 1, most = atomic_load(&s->most);
        while (now > most && !atomic_compare_exchange_weak(&s->most, &most, now))
            continue;
        atomic_fetch_add(&s->let_in, 1);
        atomic_fetch_sub(&s->inside, 1);
        board_tell(&s->board, n.row, worker, 0);
        board_tell_used(&s->board, worker, 0);
    }
    _exit(0);
}

/* Of eight slots five are kept for row 0, and two for row 1, whose workers are two of the four. */
Test(board, processes_never_take_what_is_kept) {
    struct shared *s =
        mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pids[WORKERS];
    cr_assert_neq(s, MAP_FAILED);
    board_init(&s->board);
    board_limit_set(&s->board, 0, BOARD_SLOTS_ALL, 5);
    board_limit_set(&s->board, 1, BOARD_SLOTS_ALL, 2);
    board_limit_set(&s->board, 2, BOARD_SLOTS_ALL, 0);
    for (uint32_t w = 0; w < WORKERS; w++)
        board_tell_credit(&s->board, w, 2);
    for (uint32_t w = 0; w < WORKERS; w++)
        if ((pids[w] = fork()) == 0)
            crowd(s, w);
    for (uint32_t w = 0; w < WORKERS; w++)
        waitpid(pids[w], NULL, 0);
    cr_expect_leq(atomic_load(&s->most), 3u);
    cr_expect_gt(atomic_load(&s->let_in), (uint32_t)WORKERS);
    const struct board_newcomer mine = {.row = 0, .worker = 0, .credit = 2};
    cr_expect(board_free(&s->board) == 1 && board_keeps(&s->board, 0) &&
              board_slot(&s->board, &mine));
}
