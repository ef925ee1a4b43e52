/*
 * What the tests of peerd/net share: a loop that cannot hang a test, loopback addresses, keys, and
 * a folder for files.
 */
#ifndef TEST_UNIT_NET_FIXTURE_H
#define TEST_UNIT_NET_FIXTURE_H

#include "peerd/base/addr.h"
#include "peerd/net/clock.h"
#include "peerd/net/loop.h"
#include "peerd/wire/keys.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* [s] far longer than anything here takes, also under a sanitizer on a busy machine. */
#define PATIENCE_S 30

static inline struct instant in_ms(int64_t ms) {
    return instant_add(net_now(), duration_ms(ms));
}

/* Runs until something calls net_loop_stop. */
static inline void run_until_stopped(struct net_loop *loop) {
    cr_assert(net_loop_run_until(loop, in_ms(PATIENCE_S * 1000)), "nothing happened for %d s",
              PATIENCE_S);
}

static inline struct addr loopback(uint16_t port) {
    return addr_ipv4((const uint8_t[]){127, 0, 0, 1}, port);
}

static inline struct addr loopback6(uint16_t port) {
    static const uint8_t one[16] = {[15] = 1};

    return addr_ipv6(one, port);
}

/* A key pair that differs by `number` alone. */
static inline struct key_pair key_number(uint8_t number) {
    uint8_t seed[KEY_BYTES] = {number};
    struct key_pair pair;

    key_pair_from_seed(&pair, seed);
    return pair;
}

/* A folder of its own for each test; leave_folder removes it with the files named. */
struct folder {
    char path[64];
};

static inline struct folder make_folder(void) {
    struct folder f = {"/tmp/peerd_net_XXXXXX"};

    cr_assert_not_null(mkdtemp(f.path));
    return f;
}

/* The path of a file in it, in one of a few rotating buffers. */
static inline const char *in_folder(const struct folder *f, const char *name) {
    static char paths[8][128];
    static unsigned next;
    char *path = paths[next++ % 8];

    snprintf(path, sizeof paths[0], "%s/%s", f->path, name);
    return path;
}

static inline void write_file(const char *path, const char *text) {
    FILE *file = fopen(path, "w");

    cr_assert_not_null(file, "%s", path);
    cr_assert(fputs(text, file) >= 0 && fclose(file) == 0);
}

#endif
