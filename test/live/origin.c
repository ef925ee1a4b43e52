#include "test/live/origin.h"

#include "test/live/process.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_MS_MAX 5000
#define LOOK_MS      5

const char *origin_program(void) {
    static char out[256];
    return process_find(ORIGIN_PROGRAM, out, sizeof(out));
}

/* It runs as we do and writes nothing but its pid, once it listens, and what goes wrong. */
static bool write_configuration(const struct origin *o, struct addr at, const char *root) {
    static const char *const kinds[] = {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"};
    char path[sizeof(o->dir) + 16], text[ADDR_TEXT_LEN_MAX + 1];
    snprintf(path, sizeof(path), "%s/conf", o->dir);
    FILE *f = fopen(path, "we");
    if (f == NULL)
        return false;
    fprintf(f,
            "user root;\ndaemon off;\nmaster_process off;\npid %s/pid;\nerror_log %s/error.log;\n"
            "events { worker_connections 256; }\nhttp {\n  access_log off;\n  sendfile on;\n",
            o->dir, o->dir);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        fprintf(f, "  %s_temp_path %s/%zu;\n", kinds[i], o->dir, i);
    fprintf(f, "  server { listen %s; root %s; }\n}\n", addr_to_text(&at, text), root);
    return fclose(f) == 0;
}

static bool listens(const struct origin *o) {
    char path[sizeof(o->dir) + 16];
    struct stat st;
    snprintf(path, sizeof(path), "%s/pid", o->dir);
    return stat(path, &st) == 0 && st.st_size > 0;
}

static bool start(struct origin *o, const struct wan_place *place) {
    char conf[sizeof(o->dir) + 16];
    snprintf(conf, sizeof(conf), "%s/conf", o->dir);
    const char *const argv[] = {origin_program(), "-p", o->dir, "-c", conf, NULL};
    o->pid = process_start(&(struct process_spec){
        .argv = argv, .dir = o->dir, .place = place, .in = -1, .out = -1, .err = -1});
    for (int waited_ms = 0; o->pid != 0 && !listens(o); waited_ms += LOOK_MS) {
        if (waited_ms > START_MS_MAX || origin_reap(o)) {
            errno = ECHILD;
            return false;
        }
        usleep(LOOK_MS * 1000);
    }
    return o->pid != 0;
}

bool origin_make(struct origin *o, struct scenario *scenario, uint32_t source,
                 const struct space *space, const char *run_dir) {
    struct addr at = wide_origin_addr(source, ORIGIN_PORT);
    char *location = scenario->sources[source].source.location.text;
    char url[POLICY_TEXT_LEN_MAX + 1], text[ADDR_TEXT_LEN_MAX + 1], root[POLICY_TEXT_LEN_MAX + 1];
    *o = (struct origin){.source = scenario->sources[source].source.name};
    memcpy(root, location, sizeof(root));
    char *file = strrchr(root, '/');
    if (file == NULL || space->wide == NULL) {
        errno = ENOTSUP;
        return false;
    }
    *file++ = '\0';
    snprintf(o->dir, sizeof(o->dir), "%s/origin-%s", run_dir, o->source.text);
    if ((size_t)snprintf(url, sizeof(url), "http://%s/%s", addr_to_text(&at, text), file) >=
        sizeof(url)) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(location, url, sizeof(url));
    return mkdir(o->dir, 0700) == 0 && write_configuration(o, at, root) &&
           start(o, wide_origin_place(space->wide, source));
}

bool origin_reap(struct origin *o) {
    int status;
    if (o->pid == 0 || waitpid(o->pid, &status, WNOHANG) != o->pid)
        return false;
    o->pid = 0;
    return true;
}

void origin_close(struct origin *o) {
    if (o->pid == 0)
        return;
    kill(o->pid, SIGKILL);
    waitpid(o->pid, NULL, 0);
    o->pid = 0;
}
