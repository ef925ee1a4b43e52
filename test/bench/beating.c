#include "test/bench/beating.h"

#include "peerd/base/id.h"
#include "peerd/wire/keys.h"
#include "test/bench/sheet.h"
#include "test/lib/exposition.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void ip_of(unsigned i, char out[24]) {
    unsigned pid = (unsigned)getpid();
    snprintf(out, 24, "127.%u.%u.%u", 100 + pid / 250 % 100, pid % 250, i + 1);
}

/* The public half is what genkey prints. */
static void make_key(const struct beating *b, unsigned i) {
    char peerctl[512], command[1200];
    sheet_program(peerctl, sizeof(peerctl), "peerctl");
    snprintf(command, sizeof(command), "'%s' genkey %s/c%u.key > %s/c%u.pub", peerctl, b->dir, i,
             b->dir, i);
    if (system(command) != 0)
        sheet_die("no key: %s", command);
}

static void write_policy(const struct beating *b, unsigned i, unsigned interval_ms) {
    char path[128], ip[24];
    snprintf(path, sizeof(path), "%s/c%u.yaml", b->dir, i);
    FILE *f = fopen(path, "w");
    if (f == NULL)
        sheet_die("%s: %s", path, strerror(errno));
    ip_of(i, ip);
    fprintf(f,
            "cluster: {name: c%u, provider: p%u, region: here, key_file: c%u.key}\n"
            "beats: {bind: '%s:7600'}\npeer_listen: {bind: '%s:7601'}\n"
            "client_listen: {bind: '%s:7680', plain_http: true}\n"
            "grants: [{prefix: 127.0.0.0/8}]\n"
            "detection: {interval: %ums, interval_min: %ums, interval_max: %ums}\npeers:\n",
            i, i, i, ip, ip, ip, interval_ms, interval_ms, interval_ms);
    for (unsigned n = 0; n < b->count; n++) {
        ip_of(n, ip);
        if (n != i)
            fprintf(f, "  - {name: c%u, key_file: c%u.pub, beats: '%s:7600', control: '%s:7601'}\n",
                    n, n, ip, ip);
    }
    if (fclose(f) != 0)
        sheet_die("%s: %s", path, strerror(errno));
}

static pid_t start(const struct beating *b, unsigned i) {
    char peerd[512], policy[128], log[128];
    sheet_program(peerd, sizeof(peerd), "peerd");
    snprintf(policy, sizeof(policy), "%s/c%u.yaml", b->dir, i);
    snprintf(log, sizeof(log), "%s/c%u.log", b->dir, i);
    pid_t pid = fork();
    if (pid < 0)
        sheet_die("fork: %s", strerror(errno));
    if (pid > 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int fd = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0 || dup2(fd, STDERR_FILENO) < 0)
        _exit(127);
    execl(peerd, "peerd", "--policy", policy, (char *)NULL);
    _exit(127);
}

void beating_start(struct beating *b, unsigned count, unsigned interval_ms) {
    *b = (struct beating){.dir = "/tmp/peerd-beating-XXXXXX", .count = count};
    if (mkdtemp(b->dir) == NULL)
        sheet_die("no folder: %s", strerror(errno));
    for (unsigned i = 0; i < count; i++)
        make_key(b, i);
    for (unsigned i = 0; i < count; i++)
        write_policy(b, i, interval_ms);
    for (unsigned i = 0; i < count; i++)
        b->pids[i] = start(b, i);
}

static double cpu_of(pid_t pid) {
    char path[300];
    double sum = 0;
    snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    DIR *tasks = opendir(path);
    if (tasks == NULL || waitpid(pid, NULL, WNOHANG) != 0)
        sheet_die("a peerd has ended before its time");
    for (struct dirent *d; (d = readdir(tasks)) != NULL;) {
        unsigned long long ns = 0;
        if (d->d_name[0] == '.') /* `..` has a file of that name, too: the main thread's */
            continue;
        snprintf(path, sizeof(path), "/proc/%d/task/%.20s/schedstat", (int)pid, d->d_name);
        FILE *f = fopen(path, "r");
        if (f == NULL)
            continue;
        if (fscanf(f, "%llu", &ns) == 1)
            sum += (double)ns / 1e9;
        fclose(f);
    }
    closedir(tasks);
    return sum;
}

double beating_cpu_s(const struct beating *b) {
    double sum = 0;
    for (unsigned i = 0; i < b->count; i++)
        sum += cpu_of(b->pids[i]);
    return sum;
}

/* The page of one of them, to be freed. */
static char *metrics_of(unsigned i) {
    static const char request[] = "GET /metrics HTTP/1.0\r\n\r\n";
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(7680)};
    char ip[24], chunk[4096], *text = NULL;
    size_t len = 0;
    ssize_t got;
    ip_of(i, ip);
    inet_pton(AF_INET, ip, &at.sin_addr);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    FILE *f = open_memstream(&text, &len);
    if (f == NULL || fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof(at)) != 0 ||
        send(fd, request, sizeof(request) - 1, 0) < 0)
        sheet_die("%s: no metrics: %s", ip, strerror(errno));
    while ((got = recv(fd, chunk, sizeof(chunk), 0)) > 0)
        fwrite(chunk, 1, (size_t)got, f);
    fclose(f);
    close(fd);
    return text;
}

double beating_metric(const struct beating *b, const char *name) {
    double sum = 0;
    for (unsigned i = 0; i < b->count; i++) {
        char *page = metrics_of(i);
        double value = exposition_value(page, name);
        free(page);
        if (value < 0)
            sheet_die("no metric %s", name);
        sum += value;
    }
    return sum;
}

void beating_stop(struct beating *b) {
    static const char *const kinds[] = {"key", "pub", "yaml", "log"};
    char path[128];
    for (unsigned i = 0; i < b->count; i++) {
        kill(b->pids[i], SIGKILL);
        waitpid(b->pids[i], NULL, 0);
        for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
            snprintf(path, sizeof(path), "%s/c%u.%s", b->dir, i, kinds[k]);
            unlink(path);
        }
    }
    rmdir(b->dir);
}
