#include "test/bench/beating.h"

#include "peerd/base/id.h"
#include "peerd/wire/keys.h"
#include "test/bench/ask.h"
#include "test/bench/child.h"
#include "test/bench/sheet.h"
#include "test/lib/exposition.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
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
    char policy[128], log[128];
    snprintf(policy, sizeof(policy), "%s/c%u.yaml", b->dir, i);
    snprintf(log, sizeof(log), "%s/c%u.log", b->dir, i);
    return child_start(log, (const char *[]){"peerd", "--policy", policy, NULL});
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

double beating_cpu_s(const struct beating *b) {
    double sum = 0;
    for (unsigned i = 0; i < b->count; i++)
        sum += child_cpu_s(b->pids[i]);
    return sum;
}

/* The page of one of them, to be freed. */
static char *metrics_of(unsigned i) {
    static const char request[] = "GET /metrics HTTP/1.0\r\n\r\n";
    char ip[24], chunk[4096], *text = NULL;
    size_t len = 0;
    ssize_t got;
    ip_of(i, ip);
    int fd = ask_dial(ip, 7680);
    FILE *f = open_memstream(&text, &len);
    if (f == NULL || fd < 0 || send(fd, request, sizeof(request) - 1, 0) < 0)
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
        child_end(&b->pids[i]);
        for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
            snprintf(path, sizeof(path), "%s/c%u.%s", b->dir, i, kinds[k]);
            unlink(path);
        }
    }
    rmdir(b->dir);
}
