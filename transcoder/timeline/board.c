#include "transcoder/timeline/board.h"

/* Two that ask in the same instant for the last slot may both take back: who tries again finds it,
 * unless yet another has come. */
#define TRIES 4

void board_init(struct board *b) {
    for (uint32_t row = 0; row < BOARD_ROWS; row++) {
        atomic_init(&b->slots[row], 0);
        for (uint32_t worker = 0; worker < BOARD_WORKERS; worker++)
            atomic_init(&b->here[row][worker], 0);
    }
}

void board_limit_set(struct board *b, uint32_t row, uint32_t slots) {
    atomic_store(&b->slots[row], slots);
}

void board_tell(struct board *b, uint32_t row, uint32_t worker, uint32_t here) {
    atomic_store(&b->here[row][worker], here);
}

uint64_t board_here(const struct board *b, uint32_t row) {
    uint64_t sum = 0;
    for (uint32_t worker = 0; worker < BOARD_WORKERS; worker++)
        sum += atomic_load(&b->here[row][worker]);
    return sum;
}

bool board_room(const struct board *b, uint32_t row) {
    return board_here(b, row) < atomic_load(&b->slots[row]);
}

bool board_take(struct board *b, uint32_t row, uint32_t worker, uint32_t here) {
    for (int i = 0; i < TRIES && board_room(b, row); i++) {
        board_tell(b, row, worker, here + 1);
        if (board_here(b, row) <= atomic_load(&b->slots[row]))
            return true;
        board_tell(b, row, worker, here);
    }
    return false;
}
