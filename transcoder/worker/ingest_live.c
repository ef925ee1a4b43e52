#include "transcoder/worker/ingest_live.h"

#include "peerd/net/clock.h"
#include "transcoder/hls/incoming.h"
#include "transcoder/hls/live.h"
#include "transcoder/hls/tempo.h"
#include "transcoder/media/cutter.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PER_MS 48 /* [samples] */
#define EARLY_MS                                                                                   \
    500 /* [ms] that a chunk may be there before its end: a file is read at its tempo */
#define NAME_MAX_LEN 32

struct feed {
    const struct ingest_live *order;
    struct incoming index;
    struct media_cutter *cutter;
    struct tempo tempo;
    struct media_why why;
    int folder; /* open */
};

static bool fail(struct feed *f, const char *what) {
    fprintf(stderr, "transcoderd ingest: %s: %s\n", what,
            f->why.text[0] != '\0' ? f->why.text : strerror(errno));
    return false;
}

/* ---- files ----------------------------------------------------------------------------------- */

static bool write_whole(int fd, const void *data, size_t len) {
    for (size_t done = 0; done < len;) {
        ssize_t n = write(fd, (const char *)data + done, len - done);
        if (n < 0 && errno != EINTR)
            return false;
        done += n > 0 ? (size_t)n : 0;
    }
    return true;
}

/* Beside itself first: who reads it meanwhile has the whole old one, or the whole new one. */
static bool put_file(struct feed *f, const char *name, const void *data, size_t len) {
    char part[NAME_MAX_LEN + 8];
    snprintf(part, sizeof(part), "%s.part", name);
    int fd = openat(f->folder, part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    bool good = fd >= 0 && write_whole(fd, data, len) && fsync(fd) == 0;
    if (fd >= 0 && close(fd) != 0)
        good = false;
    return good && renameat(f->folder, part, f->folder, name) == 0;
}

static bool put_index(struct feed *f) {
    char text[INCOMING_TEXT_MAX + 1];
    size_t len;
    enum err e = incoming_write(text, sizeof(text), &len, &f->index);
    if (e == ERR_OK && put_file(f, INCOMING_INDEX, text, len))
        return true;
    return fail(f, INCOMING_INDEX);
}

/* True with count 0 and no anchor where there is none. */
static bool get_index(struct feed *f) {
    char text[INCOMING_TEXT_MAX + 1];
    int fd = openat(f->folder, INCOMING_INDEX, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || fail(f, INCOMING_INDEX);
    ssize_t len = read(fd, text, sizeof(text));
    close(fd);
    if (len >= 0 && incoming_read(&f->index, text, (size_t)len) == ERR_OK)
        return true;
    media_whyf(&f->why, "no index of what comes in: move it away to begin anew");
    return fail(f, INCOMING_INDEX);
}

static bool open_folder(struct feed *f) {
    const char *path = f->order->folder;
    if (mkdir(path, 0755) != 0 && errno != EEXIST)
        return fail(f, path);
    f->folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return f->folder >= 0 ? get_index(f) : fail(f, path);
}

/* ---- beginning ------------------------------------------------------------------------------- */

/* A new feed, or the one that is there if it is of the same shape: clusters rely on it. */
static bool begin_feed(struct feed *f, const struct media_cut *cut, int64_t now_ms) {
    const uint32_t late_ms = f->order->late_ms;
    struct incoming *in = &f->index;
    if (in->since_ms == 0) {
        randombytes_buf(in->feed, sizeof(in->feed));
        in->since_ms = now_ms;
        in->late_ms = late_ms != 0 ? late_ms : INCOMING_LATE_MS;
        in->width = cut->width;
        in->height = cut->height;
        return put_index(f);
    }
    if (in->width == cut->width && in->height == cut->height &&
        (late_ms == 0 || late_ms == in->late_ms))
        return true;
    media_whyf(&f->why, "it is a feed of %ux%u, %u ms late: what comes is %ux%u", in->width,
               in->height, in->late_ms, cut->width, cut->height);
    return fail(f, f->order->folder);
}

/* [samples] of the feed, at that time of day. */
static int64_t position(const struct feed *f, int64_t at_ms) {
    return (at_ms - f->index.since_ms) * PER_MS;
}

/* The next sample is of that instant. False: no number is left for it. */
static bool place(struct feed *f, int64_t at) {
    const int64_t segment = (int64_t)PER_MS * SEGMENT_MS;
    const uint32_t count = f->index.count;
    const int64_t after = count > 0 ? (int64_t)f->index.chunks[count - 1].number + 1 : 0;
    if (at > (after - 1) * segment && at >= 0 && at < (LIVE_NUMBER_MAX - 1) * segment) {
        media_cutter_place(f->cutter, at);
        return true;
    }
    media_whyf(&f->why, "by this machine's clock there is more of it already");
    return fail(f, f->order->folder);
}

static bool begin(struct feed *f) {
    const struct ingest_live *o = f->order;
    struct media_cut cut;
    int64_t over;
    if (media_cutter_open(&f->cutter, o->from, &f->why) != ERR_OK)
        return fail(f, o->from);
    const struct wall opened = net_wall();
    if (opened.uncertainty_us > INT64_C(1000) * LIVE_UNCERTAINTY_MS)
        fprintf(stderr,
                "transcoderd ingest: this machine's clock is not known to be right, and all "
                "clusters go by it\n");
    if (media_cutter_begin(f->cutter, o->height, o->fps, &cut, &over, &f->why) != ERR_OK)
        return fail(f, o->from);
    const int64_t now_ms = opened.us / 1000 + over / PER_MS;
    if (!begin_feed(f, &cut, now_ms) || !place(f, position(f, now_ms)))
        return false;
    if (cut.height > 0)
        printf("%s: %ux%u at %u pictures a second and ", o->folder, cut.width, cut.height, cut.fps);
    printf("sound, listed %u ms late\n", f->index.late_ms);
    fflush(stdout);
    return true;
}

/* ---- chunks ---------------------------------------------------------------------------------- */

/* [ms] since all that chunk `number` holds was over. */
static int64_t lateness(const struct feed *f, uint32_t number) {
    int64_t end_ms = f->index.since_ms + ((int64_t)number + 1) * SEGMENT_MS + INCOMING_AFTER_MS;
    return net_wall().us / 1000 - end_ms;
}

/* What is read faster than it plays is not ahead of time. A clock that is set back is not waited
 * for. */
static int64_t wait_for(const struct feed *f, uint32_t number) {
    int64_t late_ms = lateness(f, number), wait_ms = -EARLY_MS - late_ms;
    if (wait_ms <= 0)
        return late_ms;
    wait_ms = wait_ms < SEGMENT_MS ? wait_ms : SEGMENT_MS;
    const struct timespec pause = {wait_ms / 1000, wait_ms % 1000 * 1000000};
    (void)nanosleep(&pause, NULL);
    return lateness(f, number);
}

static bool keep(struct feed *f, uint32_t number, const struct media_bytes *bytes) {
    struct incoming_chunk chunk = {.number = number, .bytes = (uint32_t)bytes->len};
    char name[NAME_MAX_LEN];
    uint32_t gone;
    snprintf(name, sizeof(name), "%u.mp4", number);
    if (bytes->len > INCOMING_CHUNK_BYTES_MAX) {
        media_whyf(&f->why, "%zu bytes are too many: a smaller --height helps", bytes->len);
        return fail(f, name);
    }
    crypto_generichash(chunk.hash, sizeof(chunk.hash), bytes->data, bytes->len, NULL, 0);
    if (!put_file(f, name, bytes->data, bytes->len))
        return fail(f, name);
    bool full = incoming_add(&f->index, &chunk, &gone);
    if (!put_index(f))
        return false;
    snprintf(name, sizeof(name), "%u.mp4", gone);
    if (full)
        (void)unlinkat(f->folder, name, 0);
    return true;
}

/* False: it is over. */
static bool go_on(struct feed *f, enum err *e) {
    struct media_bytes bytes;
    uint32_t number;
    int32_t stretch;
    *e = media_cutter_next(f->cutter, &number, &bytes, &f->why);
    if (*e != ERR_OK)
        return *e != ERR_SOURCE_ENDED && fail(f, f->order->from);
    int64_t late_ms = wait_for(f, number);
    bool kept = keep(f, number, &bytes);
    media_bytes_free(&bytes);
    *e = kept ? ERR_OK : ERR_IO;
    if (!kept)
        return false;
    if (!tempo_heard(&f->tempo, late_ms, &stretch)) {
        media_cutter_stretch(f->cutter, stretch);
        return true;
    }
    fprintf(stderr, "transcoderd ingest: it is %lld ms late after %u: going on with the present\n",
            (long long)late_ms, number);
    *e = place(f, position(f, net_wall().us / 1000)) ? ERR_OK : ERR_IO;
    return *e == ERR_OK;
}

int ingest_live(const struct ingest_live *order) {
    struct feed f = {.order = order, .folder = -1};
    enum err e = ERR_IO;
    if (sodium_init() >= 0 && open_folder(&f) && begin(&f))
        while (go_on(&f, &e))
            continue;
    media_cutter_close(f.cutter);
    if (f.folder >= 0)
        close(f.folder);
    return e == ERR_SOURCE_ENDED ? 0 : 1;
}
