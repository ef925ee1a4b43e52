#include "test/live/wallclock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

bool wallclock_is_wanted(const struct scenario *s) {
    for (uint32_t i = 0; i < s->event_count; i++)
        if (s->events[i].verb == SCENARIO_VERB_CLOCK)
            return true;
    return false;
}

bool wallclock_make(struct wallclock *w, const char *dir, const char *library) {
    snprintf(w->library, sizeof(w->library), "%s", library);
    snprintf(w->file, sizeof(w->file), "%s/wall", dir);
    int file = open(w->file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (file < 0)
        return false;
    void *page = MAP_FAILED;
    if (ftruncate(file, sizeof(*w->offset)) == 0)
        page = mmap(NULL, sizeof(*w->offset), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    w->offset = page != MAP_FAILED ? page : NULL;
    return w->offset != NULL;
}

void wallclock_step(struct wallclock *w, int64_t us) {
    if (w->offset != NULL)
        __atomic_add_fetch(w->offset, us, __ATOMIC_RELAXED);
}

void wallclock_close(struct wallclock *w) {
    if (w->offset != NULL)
        munmap(w->offset, sizeof(*w->offset));
    w->offset = NULL;
}
