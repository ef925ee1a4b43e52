#include "peerd/net/file.h"

#include "test/unit/net_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>

Test(net_file, read_whole_and_bounded) {
    struct folder f = make_folder();
    struct net_file file;

    write_file(in_folder(&f, "ten"), "0123456789");
    write_file(in_folder(&f, "empty"), "");
    cr_assert_eq(mkfifo(in_folder(&f, "fifo"), 0600), 0);
    static const struct {
        const char *what, *name;
        size_t max;
        enum err expected;
    } rows[] = {{"fits exactly", "ten", 10, ERR_OK},
                {"one too long", "ten", 9, ERR_OVERSIZED},
                {"empty", "empty", 0, ERR_OK},
                {"missing", "missing", 10, ERR_NOT_FOUND},
                {"below a file", "ten/more", 10, ERR_NOT_FOUND},
                {"a folder", ".", 10, ERR_IO},
                {"a FIFO without a writer", "fifo", 10, ERR_IO}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        enum err err = net_file_read(&file, in_folder(&f, rows[i].name), rows[i].max);
        cr_expect_eq(err, rows[i].expected, "%s: %s", rows[i].what, err_name(err));
        cr_expect((file.data != NULL) == (err == ERR_OK), "%s", rows[i].what);
        if (err == ERR_OK && rows[i].max == 10)
            cr_expect_str_eq(file.data, "0123456789");
        net_file_free(&file);
    }
    unlink(in_folder(&f, "ten"));
    unlink(in_folder(&f, "empty"));
    unlink(in_folder(&f, "fifo"));
    rmdir(f.path);
}

Test(net_key, written_once_and_read_back) {
    struct folder f = make_folder();
    struct key_pair pair = key_number(9), other = key_number(8), back;
    const char *path = in_folder(&f, "key");
    struct stat st;

    umask(0);
    cr_assert_eq(net_key_write(&pair, path), ERR_OK);
    cr_assert_eq(stat(path, &st), 0);
    cr_expect_eq(st.st_mode & 07777, 0600);
    cr_expect_eq(net_key_write(&other, path), ERR_DENIED, "never overwritten");
    cr_assert_eq(net_key_read(&back, path), ERR_OK);
    cr_expect_arr_eq(back.seed, pair.seed, KEY_BYTES);
    cr_expect(public_key_equal(&back.public_key, &pair.public_key));
    cr_expect_eq(net_key_write(&pair, in_folder(&f, "no/key")), ERR_IO);
    unlink(path);
    rmdir(f.path);
}

Test(net_key, what_is_refused) {
    struct folder f = make_folder();
    struct key_pair pair = key_number(9), back;
    char text[KEY_SECRET_TEXT_LEN + 1], content[400];

    key_pair_to_text(&pair, text);
    const struct {
        const char *what, *before, *after;
        mode_t mode;
        enum err expected;
    } rows[] = {{"as written", "", "\n", 0600, ERR_OK},
                {"read-only", "", "\n", 0400, ERR_OK},
                {"no line feed", "", "", 0600, ERR_OK},
                {"from another system", "", "\r\n\r\n", 0600, ERR_OK},
                {"readable by the group", "", "\n", 0640, ERR_DENIED},
                {"readable by all", "", "\n", 0604, ERR_DENIED},
                {"writable by the group", "", "\n", 0620, ERR_DENIED},
                {"a second line", "", "\nmore\n", 0600, ERR_BAD_FIELD},
                {"something before", "x", "\n", 0600, ERR_BAD_FIELD},
                {"something behind", "", "x\n", 0600, ERR_BAD_FIELD}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *path = in_folder(&f, "key");
        snprintf(content, sizeof content, "%s%s%s", rows[i].before, text, rows[i].after);
        write_file(path, content);
        cr_assert_eq(chmod(path, rows[i].mode), 0);
        enum err err = net_key_read(&back, path);
        cr_expect_eq(err, rows[i].expected, "%s: %s", rows[i].what, err_name(err));
        unlink(path);
    }
    cr_expect_eq(net_key_read(&back, in_folder(&f, "key")), ERR_NOT_FOUND);
    rmdir(f.path);
}

struct change {
    struct net_loop *loop;
    int count;
};

static void changed(void *data) {
    struct change *c = data;

    c->count++;
    net_loop_stop(c->loop);
}

Test(net_file_watch, sees_a_file_written_replaced_and_come_back) {
    struct folder f = make_folder();
    struct change c = {.loop = net_loop_new()};
    const char *path = in_folder(&f, "watched");

    write_file(path, "one");
    struct net_file_watch *w = net_file_watch_open(c.loop, path, changed, &c);
    cr_assert_not_null(w);
    net_loop_run_until(c.loop, in_ms(200));
    cr_expect_eq(c.count, 0, "nothing has changed");
    write_file(path, "two and more");
    run_until_stopped(c.loop);
    net_file_watch_close(w);
    w = net_file_watch_open(c.loop, path, changed, &c);
    write_file(path, "before anybody has turned to the loop");
    run_until_stopped(c.loop);
    write_file(in_folder(&f, "new"), "three");
    cr_assert_eq(rename(in_folder(&f, "new"), path), 0);
    run_until_stopped(c.loop);
    unlink(path);
    cr_expect_not(net_loop_run_until(c.loop, in_ms(1500)), "gone is no change");
    write_file(path, "four");
    run_until_stopped(c.loop);
    cr_expect_eq(c.count, 4);
    net_file_watch_close(w);
    net_file_watch_close(NULL);
    net_loop_free(c.loop);
    unlink(path);
    rmdir(f.path);
}
