#include "peerd/net/notify.h"

#include "test/unit/net_fixture.h"

#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

/* Binds a datagram socket as a service manager would; '@' stands for the abstract namespace. */
static int manager_socket(const char *path) {
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

    memcpy(sa.sun_path, path, strlen(path));
    if (path[0] == '@')
        sa.sun_path[0] = '\0';
    cr_assert_eq(bind(fd, (struct sockaddr *)&sa,
                      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path))),
                 0);
    return fd;
}

Test(net_notify, words_reach_the_service_manager) {
    struct folder f = make_folder();
    char abstract[64], text[64];

    snprintf(abstract, sizeof abstract, "@peerd-test-%d", (int)getpid());
    const struct {
        const char *what, *path;
    } rows[] = {{"a socket in the file system", in_folder(&f, "notify")},
                {"an abstract socket", abstract}};
    for (size_t i = 0; i < 2; i++) {
        int fd = manager_socket(rows[i].path);
        setenv("NOTIFY_SOCKET", rows[i].path, 1);
        cr_expect(net_notify("READY=1\nSTATUS=2 peers alive"), "%s", rows[i].what);
        ssize_t len = recv(fd, text, sizeof text - 1, MSG_DONTWAIT);
        cr_assert_gt(len, 0, "%s", rows[i].what);
        text[len] = '\0';
        cr_expect_str_eq(text, "READY=1\nSTATUS=2 peers alive", "%s", rows[i].what);
        close(fd);
        cr_expect_not(net_notify("WATCHDOG=1"), "%s: nobody listens", rows[i].what);
    }
    unlink(in_folder(&f, "notify"));
    rmdir(f.path);
}

Test(net_notify, without_a_service_manager_nothing_happens) {
    char path[200];

    memset(path, 'x', sizeof path);
    path[0] = '/';
    path[sizeof path - 1] = '\0';
    const struct {
        const char *what, *path;
    } rows[] = {{"not set", NULL}, {"empty", ""}, {"no path", "notify"}, {"too long", path}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        unsetenv("NOTIFY_SOCKET");
        if (rows[i].path != NULL)
            setenv("NOTIFY_SOCKET", rows[i].path, 1);
        cr_expect_not(net_notify("READY=1"), "%s", rows[i].what);
    }
}

Test(net_notify, watchdog_interval) {
    char own[16], other[16];

    snprintf(own, sizeof own, "%d", (int)getpid());
    snprintf(other, sizeof other, "%d", (int)getpid() + 1);
    const struct {
        const char *what, *us, *pid;
        int64_t expected_us;
    } rows[] = {{"half of what is allowed", "30000000", own, 15000000},
                {"no process named", "30000000", NULL, 15000000},
                {"another process", "30000000", other, INT64_MAX},
                {"not watched", NULL, own, INT64_MAX},
                {"nonsense", "soon", own, INT64_MAX}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        unsetenv("WATCHDOG_USEC");
        unsetenv("WATCHDOG_PID");
        if (rows[i].us != NULL)
            setenv("WATCHDOG_USEC", rows[i].us, 1);
        if (rows[i].pid != NULL)
            setenv("WATCHDOG_PID", rows[i].pid, 1);
        cr_expect_eq(net_notify_watchdog_interval().us, rows[i].expected_us, "%s", rows[i].what);
    }
}
