#include "test/live/listener.h"

#include "peerd/net/clock.h"
#include "test/live/process.h"
#include "test/live/site.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define URLS_MAX       512
#define REPORT_LEN_MAX 65536
#define OPUS_CLOCK_HZ  48000 /* RFC 7587: whatever the rate inside */

uint32_t listener_samples(const struct policy_profile *profile) {
    uint32_t clock_hz = strcmp(profile->codec.text, "opus") == 0 ? OPUS_CLOCK_HZ : profile->rate_hz;
    return clock_hz / 1000 * PLAYER_FRAME_MS;
}

static const struct policy_profile *profile_of(const struct scenario *s, const struct name *name) {
    for (uint32_t i = 0; i < s->profile_count; i++)
        if (name_equal(&s->profiles[i].name, name))
            return &s->profiles[i];
    return &s->profiles[0];
}

static const char *in_dir(const char *dir, const char *name, const char *suffix) {
    static char path[LISTENER_PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s%s", dir, name, suffix);
    return path;
}

bool listener_make(struct listener *l, const struct listener_config *config) {
    const struct scenario_clients *g = &config->scenario->clients[l->group];
    const struct policy_profile *profile = profile_of(config->scenario, &g->profile);
    struct addr addr = space_listener_addr(config->space, l->index, LISTENER_PORT);
    snprintf(l->name, sizeof(l->name), "%s-%" PRIu32, g->name.text, l->number + 1);
    snprintf(l->out_path, sizeof(l->out_path), "%s", in_dir(config->dir, l->name, ".json"));
    l->serving = SCENARIO_NONE;
    const struct wan_place *place = space_listener_place(config->space, l->index);
    int home = place != NULL ? wan_place_enter(place) : -1;
    if (place != NULL && home < 0)
        return false;
    bool ok = player_open(&l->player, config->loop, &addr, listener_samples(profile),
                          config->record ? in_dir(config->dir, l->name, ".payload") : NULL);
    if (place != NULL)
        wan_place_leave(home);
    return ok;
}

static void put_urls(const struct listener_config *config, const struct listener *l,
                     char out[URLS_MAX]) {
    uint32_t order[SCENARIO_OPEN_AT_MAX];
    uint32_t count = scenario_client_order(config->scenario, l->group, l->number, order);
    char text[ADDR_TEXT_LEN_MAX + 1];
    size_t len = 0;
    out[0] = '\0';
    for (uint32_t i = 0; i < count && len < URLS_MAX; i++) {
        struct addr a = space_site_addr(config->space, order[i], SITE_CLIENTS_PORT);
        len += (size_t)snprintf(out + len, URLS_MAX - len, "%shttp://%s", i > 0 ? "," : "",
                                addr_to_text(&a, text));
    }
}

static void said(void *data, const char *line) {
    struct listener *l = data;
    if (l->said != NULL)
        l->said(l->data, l, line);
}

static pid_t start(struct listener *l, const struct listener_config *config, const char *urls,
                   int out, int err) {
    const struct scenario_clients *g = &config->scenario->clients[l->group];
    struct addr self = space_listener_addr(config->space, l->index, 0);
    char player[ADDR_TEXT_LEN_MAX + 1], bind[24], buffer[24];
    char program[LISTENER_PATH_MAX + 16];
    snprintf(program, sizeof(program), "%s/peerclient", config->bin);
    snprintf(bind, sizeof(bind), "%u.%u.%u.%u", self.ip[0], self.ip[1], self.ip[2], self.ip[3]);
    snprintf(buffer, sizeof(buffer), "%" PRId64 "ms", duration_in_ms(g->buffer));
    const char *const argv[] = {program,
                                "--cluster",
                                urls,
                                "--service",
                                g->service.text,
                                "--profile",
                                g->profile.text,
                                "--source",
                                g->source.text,
                                "--protection",
                                protection_name(g->protection),
                                "--buffer",
                                buffer,
                                "--bind",
                                bind,
                                "--rtp-out",
                                addr_to_text(&l->player.addr, player),
                                "--json",
                                "--verbose",
                                NULL};
    return process_start(
        &(struct process_spec){.argv = argv,
                               .dir = config->dir,
                               .place = space_listener_place(config->space, l->index),
                               .patient = true,
                               .in = -1,
                               .out = out,
                               .err = err});
}

bool listener_start(struct listener *l, const struct listener_config *config) {
    char urls[URLS_MAX];
    int err = -1;
    int out = open(l->out_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    put_urls(config, l, urls);
    l->begun = true;
    l->log = lines_open(config->loop, in_dir(config->dir, l->name, ".log"), &err, said, l);
    if (out >= 0 && err >= 0)
        l->pid = start(l, config, urls, out, err);
    l->start = net_now(); /* what it reports counts from here, not from when it was to begin */
    if (out >= 0)
        close(out);
    if (err >= 0)
        close(err);
    return l->pid != 0;
}

void listener_stop(struct listener *l) {
    if (l->pid == 0 || l->stopping)
        return;
    l->stopping = true;
    kill(l->pid, SIGTERM);
}

void listener_leave(struct listener *l, struct instant now) {
    l->left = true;
    l->leave = now;
    if (!l->vanishes) {
        listener_stop(l);
        return;
    }
    l->stopping = true;
    kill(l->pid, SIGKILL);
}

bool listener_reap(struct listener *l) {
    struct rusage used;
    if (l->pid == 0 || wait4(l->pid, &l->status, WNOHANG, &used) != l->pid)
        return false;
    l->pid = 0;
    l->cpu = duration_us((used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 +
                         used.ru_utime.tv_usec + used.ru_stime.tv_usec);
    /* The report is the only line there is; without --json errors nothing else is printed. */
    l->report = json_load_file(l->out_path, JSON_DISABLE_EOF_CHECK, NULL);
    return true;
}

bool listener_close(struct listener *l) {
    if (l->pid != 0) {
        kill(l->pid, SIGKILL);
        waitpid(l->pid, NULL, 0);
        l->pid = 0;
    }
    lines_close(l->log);
    l->log = NULL;
    json_decref(l->report);
    l->report = NULL;
    return player_close(&l->player);
}

struct instant listener_end(const struct listener *l, struct instant ended) {
    return l->left ? instant_min(l->leave, ended) : ended;
}

int64_t listener_number(const struct listener *l, const char *key) {
    return json_integer_value(json_object_get(l->report, key));
}
