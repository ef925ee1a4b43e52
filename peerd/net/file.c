#include "peerd/net/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#define WATCH_EVERY_MS     1000 /* [ms] an operator does not notice more */
#define KEY_FILE_BYTES_MAX 4096 /* [bytes] one line of 96 characters, with room for white space */

/* Overwrites in a way that the compiler may not leave out. */
static void wipe(void *data, size_t len) {
    explicit_bzero(data, len);
}

/* ---- reading ---- */

/* Reads until the end or until one byte too many. */
static enum err read_all(int fd, struct net_file *out, size_t len_max) {
    while (out->len <= len_max) {
        ssize_t got = read(fd, out->data + out->len, len_max + 1 - out->len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return ERR_IO;
        if (got == 0) {
            out->data[out->len] = '\0';
            return ERR_OK;
        }
        out->len += (size_t)got;
    }
    return ERR_OVERSIZED;
}

static enum err read_regular(int fd, struct net_file *out, size_t len_max, mode_t *mode) {
    struct stat st;

    if (fstat(fd, &st) != 0)
        return ERR_IO;
    if (!S_ISREG(st.st_mode)) {
        errno = EINVAL;
        return ERR_IO;
    }
    if (st.st_size > (off_t)len_max)
        return ERR_OVERSIZED;
    *mode = st.st_mode;
    out->data = malloc(len_max + 2);
    return out->data != NULL ? read_all(fd, out, len_max) : ERR_NO_MEMORY;
}

static enum err read_with_mode(struct net_file *out, const char *path, size_t len_max,
                               mode_t *mode) {
    /* Non-blocking, or a FIFO put in the place of the file would hold us up. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    *out = (struct net_file){0};
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND : ERR_IO;
    enum err err = read_regular(fd, out, len_max, mode);
    int why = errno;
    close(fd);
    if (err != ERR_OK)
        net_file_free(out);
    errno = why;
    return err;
}

enum err net_file_read(struct net_file *out, const char *path, size_t len_max) {
    mode_t mode;

    return read_with_mode(out, path, len_max, &mode);
}

void net_file_free(struct net_file *file) {
    if (file->data != NULL)
        wipe(file->data, file->len);
    free(file->data);
    *file = (struct net_file){0};
}

/* ---- keys ---- */

/* Ends the text at its first line feed; false if more than white space follows. */
static bool keep_first_line(char *text) {
    size_t len = strcspn(text, "\r\n");

    if (text[len + strspn(text + len, " \t\r\n")] != '\0')
        return false;
    text[len] = '\0';
    return true;
}

enum err net_key_read(struct key_pair *out, const char *path) {
    struct net_file file;
    mode_t mode = 0;
    enum err err = read_with_mode(&file, path, KEY_FILE_BYTES_MAX, &mode);

    if (err != ERR_OK)
        return err;
    if (mode & (S_IRWXG | S_IRWXO))
        err = ERR_DENIED;
    else if (strlen(file.data) != file.len || !keep_first_line(file.data) ||
             key_pair_from_text(out, file.data) != ERR_OK)
        err = ERR_BAD_FIELD;
    net_file_free(&file);
    return err;
}

static bool write_all(int fd, const char *text, size_t len) {
    while (len > 0) {
        ssize_t put = write(fd, text, len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        text += put;
        len -= (size_t)put;
    }
    return true;
}

enum err net_key_write(const struct key_pair *pair, const char *path) {
    char text[KEY_SECRET_TEXT_LEN + 2];
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0)
        return errno == EEXIST ? ERR_DENIED : ERR_IO;
    key_pair_to_text(pair, text);
    size_t len = strlen(text);
    text[len] = '\n';
    bool written = write_all(fd, text, len + 1) && fsync(fd) == 0;
    int why = errno;
    wipe(text, sizeof text);
    if (close(fd) != 0 && written) {
        why = errno;
        written = false;
    }
    if (!written)
        unlink(path); /* half a key is worse than none */
    errno = why;
    return written ? ERR_OK : ERR_IO;
}

/* ---- watching ---- */

/* What differs when a file is another or was written to; seven words without a gap. */
struct file_seen {
    uint64_t dev, ino, size;
    int64_t mtime_s, mtime_ns, ctime_s, ctime_ns;
};

/* libuv has such a watch, but that takes for granted what it finds when a thread first comes to
 * look: on a busy machine a change in between, and so the one after which we read, was never told.
 * Here we look once before the caller goes on. */
struct net_file_watch {
    uv_timer_t timer;
    uv_fs_t look;
    struct file_seen seen;
    bool there;           /* `seen` is of a file */
    bool looking, closed; /* a thread has `look`; `timer` is closed */
    char *path;
    void (*changed)(void *data);
    void *data;
};

static struct file_seen seen_of(const uv_stat_t *st) {
    return (struct file_seen){
        .dev = st->st_dev,
        .ino = st->st_ino,
        .size = st->st_size,
        .mtime_s = st->st_mtim.tv_sec,
        .mtime_ns = st->st_mtim.tv_nsec,
        .ctime_s = st->st_ctim.tv_sec,
        .ctime_ns = st->st_ctim.tv_nsec,
    };
}

/* Whether there is a file that is not as it was. One that is gone is on its way to be replaced; the
 * change comes when it is back. */
static bool watch_learn(struct net_file_watch *watch, const uv_fs_t *look) {
    if (look->result != 0) {
        watch->there = false;
        return false;
    }
    struct file_seen now = seen_of(&look->statbuf);
    bool same = watch->there && memcmp(&now, &watch->seen, sizeof(now)) == 0;
    watch->seen = now;
    watch->there = true;
    return !same;
}

static void release_when_idle(struct net_file_watch *watch) {
    if (!watch->closed || watch->looking)
        return;
    free(watch->path);
    free(watch);
}

static void timer_closed(uv_handle_t *timer) {
    struct net_file_watch *watch = timer->data;

    watch->closed = true;
    release_when_idle(watch);
}

static void looked(uv_fs_t *look) {
    struct net_file_watch *watch = look->data;
    bool changed = watch_learn(watch, look);

    uv_fs_req_cleanup(look);
    watch->looking = false;
    if (changed && !uv_is_closing((uv_handle_t *)&watch->timer))
        watch->changed(watch->data);
    else
        release_when_idle(watch);
}

static void time_to_look(uv_timer_t *timer) {
    struct net_file_watch *watch = timer->data;

    if (!watch->looking)
        watch->looking = uv_fs_stat(timer->loop, &watch->look, watch->path, looked) == 0;
}

struct net_file_watch *net_file_watch_open(struct net_loop *loop, const char *path,
                                           void (*changed)(void *data), void *data) {
    struct net_file_watch *watch = calloc(1, sizeof *watch);

    if (watch == NULL || (watch->path = strdup(path)) == NULL) {
        free(watch);
        return NULL;
    }
    watch->changed = changed;
    watch->data = data;
    watch->look.data = watch;
    uv_fs_stat(net_loop_uv(loop), &watch->look, path, NULL); /* before we return */
    watch_learn(watch, &watch->look);
    uv_fs_req_cleanup(&watch->look);
    uv_timer_init(net_loop_uv(loop), &watch->timer);
    watch->timer.data = watch;
    uv_timer_start(&watch->timer, time_to_look, WATCH_EVERY_MS, WATCH_EVERY_MS);
    return watch;
}

void net_file_watch_close(struct net_file_watch *watch) {
    if (watch != NULL)
        uv_close((uv_handle_t *)&watch->timer, timer_closed);
}
