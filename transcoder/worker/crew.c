#include "transcoder/worker/crew.h"

#include "peerd/net/clock.h"
#include "peerd/net/sockaddr.h"
#include "transcoder/worker/shared.h"
#include "transcoder/worker/spare.h"
#include "transcoder/worker/suspicion.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LATE_MS    200 /* [ms] a frame later than this should have been sent */
#define HELD_UP_MS 400 /* [ms] a tick later than this says that we were not running ourselves */

enum member_state {
    MEMBER_WAITING,  /* no process; `again` says when the next starts */
    MEMBER_STARTING, /* a process that has not spoken yet */
    MEMBER_RUNNING   /* a process with a link */
};

struct member {
    struct crew *crew;
    uint32_t index;
    enum member_state state;
    struct addr bound, advertised;
    struct hand hand;                       /* none while waiting */
    struct instant started;                 /* when it got this place */
    struct instant again;                   /* while waiting */
    struct instant deaths[CREW_DEATHS_MAX]; /* ring of the last ones */
    uint32_t death_count;
    bool sound;                /* the process before lived for long, or there was none */
    uint32_t restarts;         /* since the supervisor started */
    struct instant unanswered; /* when the oldest unanswered ping was sent; "never" for none */
    struct instant well;       /* last answer */
    struct instant progressed; /* frames grew, or none were due */
    struct link_status status; /* last answer */
    uint64_t frames_before;    /* sent by processes that are gone … */
    uint64_t resent_before;    /* … and sent again */
    uint64_t probes_before, probes_refused_before; /* likewise */
    uint64_t cpu_ms_before;                        /* the same */
    uint64_t logged[ERR_COUNT];                    /* refusals already in the log */
    struct suspicion suspicion;                    /* is it stuck? */
    bool killed;                                   /* the power switch was used on it */
    bool broken;                                   /* its end of the link is closed */
    struct instant lost_at;                        /* until when the process before was sending */
};

struct crew {
    struct net_loop *loop;
    struct net_log *log;
    struct crew_handlers handlers;
    struct duration stall;
    const struct options *options;
    struct net_timer timer;
    struct net_signal *child;
    struct instant ticked;
    struct instant counters_due;
    uint64_t ping;
    bool ready;
    struct spare spare; /* has no place */
    struct board *board;
    struct hand_fds fds;
    uint32_t count;
    struct member members[];
};

/* ---- the life of one process ----------------------------------------------------------------- */

static void set_state(struct member *m, enum member_state to) {
    bool legal = false;
    switch (m->state) {
    case MEMBER_WAITING:
        legal = to == MEMBER_STARTING || to == MEMBER_WAITING;
        break;
    case MEMBER_STARTING:
        legal = to == MEMBER_RUNNING || to == MEMBER_WAITING;
        break;
    case MEMBER_RUNNING:
        legal = to == MEMBER_WAITING;
        break;
    }
    assert(legal);
    m->state = to;
}

static void switch_off(struct member *m, const char *why) {
    if (m->hand.pid == 0 || m->killed)
        return;
    net_log(m->crew->log, NET_LOG_ERROR, "worker switched off", NET_NUMBER("worker", m->index),
            NET_NUMBER("pid", m->hand.pid), NET_TEXT("why", why));
    m->killed = true;
    kill(m->hand.pid, SIGKILL);
}

static void received(void *data, enum link_kind kind, const void *body);
static void link_closed(void *data);

static void retry_later(struct member *m, const char *what, int number) {
    net_log(m->crew->log, NET_LOG_ERROR, "worker cannot be started", NET_NUMBER("worker", m->index),
            NET_TEXT("what", what), NET_TEXT("error", strerror(number)));
    m->again = instant_add(net_now(), duration_ms(CREW_BACKOFF_MS));
}

static void begin(struct member *m) {
    m->started = net_now();
    m->unanswered = INSTANT_NEVER;
    m->progressed = m->well = m->started;
    m->killed = m->broken = false;
    suspicion_init(&m->suspicion);
    memset(&m->status, 0, sizeof(m->status));
    memset(m->logged, 0, sizeof(m->logged));
    set_state(m, MEMBER_STARTING);
}

static void ready_received(struct member *m);

/* Whoever is at hand takes the place at once; else one is started for it. */
static void fill(struct member *m) {
    struct crew *c = m->crew;
    const struct link_handlers handlers = {.received = received, .closed = link_closed, .data = m};
    const char *what;
    if (spare_take(&c->spare, &m->hand)) {
        link_set_handlers(m->hand.link, &handlers);
        begin(m);
        ready_received(m);
        return;
    }
    if (hand_start(&m->hand, c->loop, c->options, &c->fds, &handlers, &what) != ERR_OK) {
        retry_later(m, what, errno);
        return;
    }
    begin(m);
}

/* More than CREW_DEATHS_MAX deaths within CREW_DEATHS_MS? */
static bool dies_too_often(const struct member *m, struct instant now) {
    if (m->death_count < CREW_DEATHS_MAX)
        return false;
    struct instant oldest = m->deaths[m->death_count % CREW_DEATHS_MAX];
    return duration_less(instant_since(now, oldest), duration_ms(CREW_DEATHS_MS));
}

static void log_counters(struct member *m);

static void died(struct member *m, int status) {
    struct instant now = net_now();
    log_counters(m);
    /* What it did after its last word nobody knows: a dump of its memory may have taken long. */
    m->lost_at = instant_sub(instant_min(m->well, m->progressed), duration_ms(m->status.late_ms));
    m->frames_before += m->status.frames;
    m->resent_before += m->status.resent;
    m->probes_before += m->status.probes;
    m->probes_refused_before += m->status.probes_refused;
    m->cpu_ms_before += m->status.cpu_ms;
    memset(&m->status, 0, sizeof(m->status));
    bool often = dies_too_often(m, now);
    /* One death is an accident and its sessions go on; two in a row may be a session's doing. */
    m->sound = !duration_less(instant_since(now, m->started), duration_ms(CREW_DEATHS_MS));
    m->sound |= m->restarts == 0;
    m->deaths[m->death_count++ % CREW_DEATHS_MAX] = now;
    net_log(m->crew->log, NET_LOG_ERROR, "worker died", NET_NUMBER("worker", m->index),
            NET_NUMBER("pid", m->hand.pid),
            NET_NUMBER("signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0),
            NET_NUMBER("exit_status", WIFEXITED(status) ? WEXITSTATUS(status) : 0),
            NET_NUMBER("start_in_ms", often ? CREW_BACKOFF_MS : 0));
    hand_forget(&m->hand);
    m->restarts++;
    set_state(m, MEMBER_WAITING);
    m->again = instant_add(now, duration_ms(often ? CREW_BACKOFF_MS : 0));
    if (!often)
        fill(m);
}

static bool reap(const struct hand *h, int *status) {
    return h->pid != 0 && waitpid(h->pid, status, WNOHANG) == h->pid;
}

/* The spare first: a place must not be given to the dead. */
static void child_died(void *data, int number) {
    struct crew *c = data;
    int status;
    (void)number;
    spare_reap(&c->spare);
    for (uint32_t i = 0; i < c->count; i++)
        if (reap(&c->members[i].hand, &status))
            died(&c->members[i], status);
}

static bool all_run(const struct crew *c) {
    for (uint32_t i = 0; i < c->count; i++)
        if (c->members[i].state != MEMBER_RUNNING)
            return false;
    return true;
}

/* ---- what it says ---------------------------------------------------------------------------- */

static void ready_received(struct member *m) {
    struct crew *c = m->crew;
    if (m->state != MEMBER_STARTING)
        return;
    const struct link_place place = {.index = m->index};
    set_state(m, MEMBER_RUNNING);
    m->hand.ready = true;
    m->well = m->progressed = net_now();
    spare_put_off(&c->spare, m->well);
    link_send(m->hand.link, LINK_PLACE, &place);
    net_log(c->log, NET_LOG_INFO, "worker started", NET_NUMBER("worker", m->index),
            NET_NUMBER("pid", m->hand.pid), NET_ADDR("media", &m->bound),
            NET_NUMBER("took_ms", duration_in_ms(instant_since(net_now(), m->started))));
    c->handlers.started(c->handlers.data, m->index, m->sound);
    if (!all_run(c))
        return;
    if (!c->ready)
        c->handlers.all_ready(c->handlers.data);
    c->ready = true;
}

static void status_received(struct member *m, const struct link_status *s) {
    struct instant now = net_now();
    if (s->frames != m->status.frames || s->late_ms < LATE_MS)
        m->progressed = now;
    m->status = *s;
    m->well = now;
    if (s->ping == m->crew->ping)
        m->unanswered = INSTANT_NEVER;
    else if (!instant_is_never(m->unanswered))
        m->unanswered = now; /* late, but it turns its loop */
}

static void received(void *data, enum link_kind kind, const void *body) {
    struct member *m = data;
    const struct crew_handlers *h = &m->crew->handlers;
    switch (kind) {
    case LINK_READY:
        ready_received(m);
        return;
    case LINK_STATUS:
        status_received(m, body);
        return;
    case LINK_SESSION:
        h->session_changed(h->data, m->index, body);
        return;
    case LINK_WINDOW:
        h->window(h->data, m->index, body);
        return;
    case LINK_REFUSED:
        h->refused(h->data, body);
        return;
    case LINK_ENDED:
        h->session_ended(h->data, m->index, body);
        return;
    case LINK_TRIP:
        h->trip_measured(h->data, body);
        return;
    case LINK_ASK:
        h->asked(h->data, body);
        return;
    case LINK_PLACE:
    case LINK_CONFIG_BEGIN:
    case LINK_CONFIG_SOURCE:
    case LINK_CONFIG_PROFILE:
    case LINK_CONFIG_RENDITION:
    case LINK_STREAMS: /* of the front */
    case LINK_STREAM:
    case LINK_RENDITION_COST:
    case LINK_CONFIG_ISSUER:
    case LINK_CONFIG_END:
    case LINK_CREDIT:
    case LINK_GUESTS:
    case LINK_ORDER:
    case LINK_ADOPT:
    case LINK_BEGIN:
    case LINK_NAMED:
    case LINK_TOLD:
    case LINK_PING:
    case LINK_KINDS:
        break;
    }
    switch_off(m, "it says what only a supervisor says");
}

/* Usually the process has exited and SIGCHLD says so in a moment; if not, the next tick asks. */
static void link_closed(void *data) {
    struct member *m = data;
    m->broken = true;
}

/* ---- the power switch ------------------------------------------------------------------------ */

static void judge_running(struct member *m, struct instant now) {
    struct duration silent =
        instant_is_never(m->unanswered) ? DURATION_ZERO : instant_since(now, m->unanswered);
    struct duration idle = instant_since(m->well, m->progressed);
    bool mute = !duration_less(silent, idle);
    if (m->broken) {
        switch_off(m, "its link is broken");
        return;
    }
    switch (
        suspicion_judge(&m->suspicion, m->hand.pid, mute ? silent : idle, m->crew->stall, now)) {
    case SUSPICION_NONE:
        return;
    case SUSPICION_STARVED:
        net_log(m->crew->log, NET_LOG_WARNING, "worker waits for a processor",
                NET_NUMBER("worker", m->index),
                NET_NUMBER("late_ms", duration_in_ms(mute ? silent : idle)));
        return;
    case SUSPICION_STUCK:
        switch_off(m, mute ? "it does not answer" : "it has frames to send and sends none");
        return;
    }
}

static void judge(struct member *m, struct instant now) {
    struct duration stall = m->crew->stall;
    struct duration start = duration_max(stall, duration_ms(CREW_START_MS_MAX));
    switch (m->state) {
    case MEMBER_WAITING:
        if (instant_reached(now, m->again))
            fill(m);
        return;
    case MEMBER_STARTING:
        if (m->broken)
            switch_off(m, "its link is broken");
        else if (duration_less(start, instant_since(now, m->started)))
            switch_off(m, "it does not start");
        return;
    case MEMBER_RUNNING:
        judge_running(m, now);
        return;
    }
}

static void ping(struct member *m, struct instant now) {
    const struct link_ping body = {.number = m->crew->ping};
    if (m->state != MEMBER_RUNNING)
        return;
    if (instant_is_never(m->unanswered))
        m->unanswered = now;
    /* A full queue needs no words: the ping stays unanswered. */
    link_send(m->hand.link, LINK_PING, &body);
}

/* Refusals by reason since the last time, one line each. */
static void log_counters(struct member *m) {
    for (int e = 1; e < ERR_COUNT; e++) {
        uint64_t n = m->status.refused[e] - m->logged[e];
        if (n > 0)
            net_log(m->crew->log, NET_LOG_INFO, "refused or dropped",
                    NET_NUMBER("worker", m->index), NET_TEXT("error", err_name((enum err)e)),
                    NET_NUMBER("times", n));
        m->logged[e] = m->status.refused[e];
    }
}

static void tick(void *data, struct instant now) {
    struct crew *c = data;
    bool held_up = duration_less(duration_ms(HELD_UP_MS), instant_since(now, c->ticked));
    bool counters = instant_reached(now, c->counters_due);
    c->ticked = now;
    c->ping++;
    if (counters)
        c->counters_due = instant_add(now, duration_s(10));
    for (uint32_t i = 0; i < c->count; i++) {
        struct member *m = &c->members[i];
        if (held_up) {
            m->progressed = now;
            m->unanswered = INSTANT_NEVER;
            m->started = m->state == MEMBER_STARTING ? now : m->started;
        }
        judge(m, now);
        ping(m, now);
        if (counters)
            log_counters(m);
    }
    if (held_up)
        spare_excuse(&c->spare, now);
    spare_keep(&c->spare, all_run(c), now);
    net_timer_arm(&c->timer, instant_add(now, duration_ms(CREW_PING_MS)));
}

/* ---- the crew -------------------------------------------------------------------------------- */

static enum err bind_socket(struct member *m, const struct options *o,
                            char fault[OPTIONS_FAULT_MAX]) {
    char text[ADDR_TEXT_LEN_MAX + 1];
    struct addr want = o->media;
    if (want.port != 0)
        want.port = (uint16_t)(want.port + m->index);
    int fd;
    enum err e = net_socket_udp(&fd, &want);
    if (e == ERR_OK)
        fd = m->crew->fds.media[m->index] = hand_out_of_the_way(fd);
    if (e != ERR_OK || fd < 0) {
        snprintf(fault, OPTIONS_FAULT_MAX, "cannot bind the media socket %s: %s",
                 addr_to_text(&want, text), strerror(errno));
        return ERR_IO;
    }
    m->bound = net_addr_of_socket(fd);
    m->advertised = addr_is_none(&o->advertise) ? m->bound : o->advertise;
    if (!addr_is_none(&o->advertise))
        m->advertised.port = (uint16_t)(o->advertise.port + m->index);
    return ERR_OK;
}

static enum err make_board(struct crew *c) {
    int fd;
    c->board = shared_board_make(&fd);
    if (c->board == NULL)
        return ERR_IO;
    c->fds.board = hand_out_of_the_way(fd);
    return c->fds.board < 0 ? ERR_IO : ERR_OK;
}

enum err crew_new(struct crew **out, struct net_loop *loop, struct net_log *log,
                  const struct options *options, const struct crew_handlers *handlers,
                  char fault[OPTIONS_FAULT_MAX]) {
    struct crew *c = calloc(1, sizeof(*c) + options->workers * sizeof(c->members[0]));
    if (c == NULL)
        return ERR_NO_MEMORY;
    *c = (struct crew){.loop = loop,
                       .log = log,
                       .handlers = *handlers,
                       .stall = options->stall,
                       .options = options,
                       .ticked = net_now(),
                       .counters_due = instant_add(net_now(), duration_s(10)),
                       .fds = {.media_count = options->workers},
                       .count = options->workers};
    if (make_board(c) != ERR_OK) {
        snprintf(fault, OPTIONS_FAULT_MAX, "no memory to share with workers: %s", strerror(errno));
        free(c);
        return ERR_IO;
    }
    spare_init(&c->spare, loop, log, options, &c->fds);
    for (uint32_t i = 0; i < c->count; i++) {
        struct member *m = &c->members[i];
        *m = (struct member){.crew = c, .index = i, .sound = true, .unanswered = INSTANT_NEVER};
        if (bind_socket(m, options, fault) != ERR_OK) {
            free(c);
            return ERR_IO;
        }
    }
    c->child = net_signal_open(loop, SIGCHLD, child_died, c);
    if (c->child == NULL) {
        snprintf(fault, OPTIONS_FAULT_MAX, "cannot wait for child processes");
        free(c);
        return ERR_IO;
    }
    for (uint32_t i = 0; i < c->count; i++)
        fill(&c->members[i]);
    net_timer_init(&c->timer, loop, tick, c);
    net_timer_arm(&c->timer, instant_add(net_now(), duration_ms(CREW_PING_MS)));
    *out = c;
    return ERR_OK;
}

struct board *crew_board(struct crew *c) {
    return c->board;
}

uint32_t crew_count(const struct crew *c) {
    return c->count;
}

void crew_send(struct crew *c, uint32_t worker, enum link_kind kind, const void *body) {
    struct member *m = &c->members[worker];
    if (m->state == MEMBER_RUNNING && !m->broken && !link_send(m->hand.link, kind, body))
        switch_off(m, "it does not read what it is told");
}

void crew_send_all(struct crew *c, enum link_kind kind, const void *body) {
    for (uint32_t i = 0; i < c->count; i++)
        crew_send(c, i, kind, body);
}

void crew_describe(const struct crew *c, uint32_t worker, struct node_worker *out,
                   struct addr *media) {
    const struct member *m = &c->members[worker];
    *media = m->advertised;
    *out =
        (struct node_worker){.index = worker,
                             .pid = m->state == MEMBER_RUNNING ? (uint32_t)m->hand.pid : 0,
                             .restarts = m->restarts,
                             .frames = m->frames_before + m->status.frames,
                             .resent = m->resent_before + m->status.resent,
                             .probes = m->probes_before + m->status.probes,
                             .probes_refused = m->probes_refused_before + m->status.probes_refused,
                             .sessions = m->status.sessions,
                             .credit_spent = m->status.credit_used,
                             .cpu_ms = m->cpu_ms_before + m->status.cpu_ms,
                             .late_ms = m->state == MEMBER_RUNNING ? m->status.sent_late_ms : 0};
}

struct instant crew_lost_at(const struct crew *c, uint32_t worker) {
    return c->members[worker].lost_at;
}

void crew_kill_all(struct crew *c) {
    for (uint32_t i = 0; i < c->count; i++)
        if (c->members[i].hand.pid != 0)
            kill(c->members[i].hand.pid, SIGKILL);
    spare_kill(&c->spare);
}
