#include "test/live/lines.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct lines {
    int fd;
    FILE *file;
    struct net_watch *watch;
    void (*said)(void *data, const char *line);
    void *data;
    char text[LINES_LEN_MAX];
    size_t len; /* [bytes] of the line that is not whole yet */
};

static void take_line(struct lines *l) {
    l->text[l->len] = '\0';
    if (l->file != NULL)
        fprintf(l->file, "%s\n", l->text);
    if (l->said != NULL)
        l->said(l->data, l->text);
    l->len = 0;
}

/* False once there is nothing to read now. */
static bool read_some(struct lines *l) {
    char chunk[4096];
    ssize_t n = read(l->fd, chunk, sizeof(chunk));
    if (n <= 0) {
        if (n == 0)
            net_watch_set(l->watch, 0);
        return false;
    }
    for (ssize_t i = 0; i < n; i++) {
        if (chunk[i] == '\n')
            take_line(l);
        else if (l->len + 1 < sizeof(l->text))
            l->text[l->len++] = chunk[i];
    }
    return true;
}

static void ready(void *data, unsigned events) {
    (void)events;
    read_some(data);
}

struct lines *lines_open(struct net_loop *loop, const char *path, int *give,
                         void (*said)(void *data, const char *line), void *data) {
    int ends[2];
    struct lines *l = calloc(1, sizeof(*l));
    if (l == NULL || pipe2(ends, O_CLOEXEC) != 0) {
        free(l);
        return NULL;
    }
    l->fd = ends[0];
    l->said = said;
    l->data = data;
    l->file = path != NULL ? fopen(path, "ae") : NULL;
    if (l->file != NULL)
        setvbuf(l->file, NULL, _IOLBF, 0); /* to be read while it grows */
    l->watch = net_watch_open(loop, l->fd, NET_READABLE, ready, l);
    if (l->watch == NULL) {
        close(ends[1]);
        lines_close(l);
        return NULL;
    }
    *give = ends[1];
    return l;
}

void lines_close(struct lines *l) {
    if (l == NULL)
        return;
    while (l->watch != NULL && read_some(l))
        continue;
    if (l->len > 0)
        take_line(l);
    net_watch_close(l->watch);
    close(l->fd);
    if (l->file != NULL)
        fclose(l->file);
    free(l);
}
