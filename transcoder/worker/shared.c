#include "transcoder/worker/shared.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static struct board *map(int fd) {
    void *at = mmap(NULL, sizeof(struct board), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return at == MAP_FAILED ? NULL : at;
}

struct board *shared_board_make(int *fd) {
    *fd = memfd_create("peerd-board", MFD_CLOEXEC);
    if (*fd < 0)
        return NULL;
    struct board *board = ftruncate(*fd, sizeof(struct board)) == 0 ? map(*fd) : NULL;
    if (board != NULL)
        board_init(board);
    else
        close(*fd);
    return board;
}

struct board *shared_board_open(int fd) {
    struct stat is;
    bool fits = fstat(fd, &is) == 0 && is.st_size == (off_t)sizeof(struct board);
    struct board *board = fits ? map(fd) : NULL;
    close(fd);
    return board;
}
