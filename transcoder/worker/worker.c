#include "transcoder/worker/worker.h"

#include "peerd/net/clock.h"
#include "transcoder/worker/shared.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

void worker_count(struct worker *w, enum err reason) {
    w->refused[reason]++;
}

/* ---- deadlines ------------------------------------------------------------------------------- */

static void arm_media(struct worker *w) {
    if (w->udp != NULL)
        net_timer_arm(&w->media_timer, due_first(&w->due));
}

void worker_tenure_settle(struct worker *w) {
    net_timer_arm(&w->tenure_timer, tenure_deadline(&w->tenure));
    net_log_trace(w->log, NET_LOG_INFO, &w->trace);
}

static void tenure_due(void *data, struct instant now) {
    struct worker *w = data;
    const struct tenure_event e = {.kind = TENURE_TICKED, .now = now};
    while (instant_reached(now, tenure_deadline(&w->tenure)))
        deeds_step(w, &e, NULL);
    worker_tenure_settle(w);
}

static bool is_over_and_untold(const struct session *s) {
    return !s->told && session_over(s) != ERR_OK;
}

/* When the session next needs the media timer, not before `earliest`. */
static void set_due(struct worker *w, const struct session *s, struct instant earliest) {
    struct instant at = is_over_and_untold(s) ? earliest : session_deadline(s);
    due_set(&w->due, s->slot, instant_is_never(at) ? at : instant_max(at, earliest));
}

static void join_warming(struct worker *w, const struct session *s) {
    for (uint32_t i = 0; i < w->warming_count; i++)
        if (w->warming[i] == s->slot)
            return;
    w->warming[w->warming_count++] = s->slot;
    queue_waits(&w->queue, w->warming_count, net_now());
    net_timer_arm(&w->warming_timer, net_now());
}

static void join_making(struct worker *w, struct session *s) {
    if (s->making || !session_is_wanting(s))
        return;
    if (w->making_count == 0)
        net_timer_arm(&w->making_timer, instant_add(net_now(), duration_ms(WORKER_MAKING_MS)));
    s->making = true;
    w->making[w->making_count++] = s->slot;
}

void worker_session_settle(struct worker *w, struct session *s, struct instant now) {
    if (session_is_warming(s))
        join_warming(w, s);
    set_due(w, s, instant_us(now.us));
    arm_media(w);
}

/* ---- media ----------------------------------------------------------------------------------- */

/* Everything that exists has been sent: the client must hear an end, not silence. */
static void tell_end(struct worker *w, struct session *s, struct instant now) {
    enum err error = session_over(s);
    char id[SESSION_ID_TEXT_LEN + 1];
    s->told = true;
    session_media_stop(s);
    session_id_to_text(&s->ticket.session, id);
    net_log(w->log, error == ERR_SOURCE_ENDED ? NET_LOG_INFO : NET_LOG_WARNING, "media is over",
            NET_TEXT("session", id), NET_TEXT("source", s->ticket.source.text),
            NET_TEXT("error", err_name(error)), NET_TEXT("why", feed_why(s->feed)));
    const struct tenure_event e = {
        .kind = TENURE_SOURCE_STOPPED,
        .now = now,
        .u.source = {.session = s->ticket.session, .error = error, .end = session_end(s)},
    };
    deeds_step(w, &e, NULL);
}

/* The first frame of a start is out. */
static void tell_begun(struct worker *w, uint32_t slot, struct instant asked) {
    struct tenure_event e = {.kind = TENURE_MEDIA_BEGUN, .now = net_now()};
    e.u.begun.slot = slot;
    e.u.begun.asked = asked;
    deeds_step(w, &e, NULL);
}

static void serve(struct worker *w, uint32_t slot, struct instant now, struct instant together) {
    struct session *s = w->sessions[slot];
    struct instant asked;
    session_send(s, w->udp, &w->rng, now, &w->counters);
    if (session_has_begun(s, &asked))
        tell_begun(w, slot, asked);
    if (session_is_warming(s))
        join_warming(w, s);
    join_making(w, s);
    /* Whoever has more due than his share of a turn waits for the next. */
    set_due(w, s, instant_add(together, duration_us(1)));
    if (is_over_and_untold(s))
        tell_end(w, s, now);
}

/* Is somebody late whom we have served before? Who begins is late because of the others who do. */
static bool is_behind(const struct worker *w, uint32_t slot, struct instant now) {
    return instant_is_never(w->sessions[slot]->begins) &&
           duration_less(duration_ms(WINDOW_BEHIND), instant_since(now, due_at(&w->due, slot)));
}

/* What waits for a pre-roll or to be made is marked as due long ago: that is no measure. */
static void note_late(struct worker *w, struct instant due) {
    if (due.us == 0)
        return;
    int64_t late_us = instant_since(net_now(), due).us;
    w->late_us += late_us > 0 ? late_us : 0;
    w->late_count++;
}

/* Hundreds of sessions that have to catch up would fill a second with one turn, and the supervisor
 * would take that for the end: sooner than that everything else gets its turn. */
static void media_due(void *data, struct instant now) {
    struct worker *w = data;
    struct instant together = instant_add(now, duration_us(SESSION_TOGETHER_US));
    struct instant enough = instant_add(now, duration_ms(WORKER_TURN_MS));
    struct instant due = due_first(&w->due);
    uint32_t slot;
    bool behind = false;
    for (; due_reached(&w->due, together, &slot); due = due_first(&w->due)) {
        note_late(w, due);
        behind = behind || is_behind(w, slot, now);
        serve(w, slot, now, together);
        if (instant_reached(net_now(), enough))
            break;
    }
    if (behind)
        deeds_step(w, &(struct tenure_event){.kind = TENURE_FELL_BEHIND, .now = now}, NULL);
    arm_media(w);
}

/* A slice of the pre-roll of whoever came first. */
static void warm_first(struct worker *w, struct instant now) {
    struct session *s = w->sessions[w->warming[0]];
    if (s != NULL && session_is_warming(s))
        session_warm(s);
    if (s == NULL || !session_is_warming(s)) {
        w->warming_count--;
        memmove(w->warming, w->warming + 1, w->warming_count * sizeof(w->warming[0]));
    }
    if (s != NULL)
        worker_session_settle(w, s, now);
}

/* Slices of pre-roll for a while; then the loop looks after everybody else. First come, first
 * served: of many that start at once, half are heard after half the time. The while begins now, not
 * when the turn did: sending comes first, and in a herd may have taken all of it. */
static void warming_due(void *data, struct instant now) {
    struct worker *w = data;
    struct instant enough = instant_add(net_now(), duration_us(WORKER_WARMING_US));
    do
        warm_first(w, now);
    while (w->warming_count > 0 && instant_before(net_now(), enough));
    if (w->warming_count > 0)
        net_timer_arm(&w->warming_timer, now);
}

/* Frames ahead for those that have few left, in stretches short enough not to make others late. */
static void making_due(void *data, struct instant now) {
    struct worker *w = data;
    struct instant enough = instant_add(now, duration_us(WORKER_MAKING_US));
    uint32_t done = 0;
    while (done < w->making_count && (done == 0 || instant_before(net_now(), enough))) {
        struct session *s = w->sessions[w->making[done++]];
        s->making = false;
        if (session_is_wanting(s))
            session_make(s);
    }
    w->making_count -= done;
    memmove(w->making, w->making + done, w->making_count * sizeof(w->making[0]));
    if (w->making_count > 0)
        net_timer_arm(&w->making_timer, now);
}

static void leave_making(struct worker *w, const struct session *s) {
    for (uint32_t i = 0; s->making && i < w->making_count; i++)
        if (w->making[i] == s->slot) {
            w->making_count--;
            memmove(w->making + i, w->making + i + 1, (w->making_count - i) * sizeof(w->making[0]));
            return;
        }
}

/* A thread has brought frames, or a failure. */
static void feed_changed(void *data) {
    struct session *s = data;
    struct worker *w = s->worker;
    session_feed_changed(s);
    if (s->waited_for != FRAME_NEVER || s->stopped != ERR_OK)
        due_set(&w->due, s->slot, net_now());
    arm_media(w);
}

void worker_session_watch(struct worker *w, struct session *s) {
    s->worker = w;
    feed_set_listener(s->feed, feed_changed, s);
}

/* ---- snapshots ------------------------------------------------------------------------------- */

static uint32_t merges_after(const struct session *s) {
    if (!s->sent_any && !s->pace.running)
        return 0;
    uint64_t after = s->mergeable_from > s->begun_from ? s->mergeable_from - s->begun_from : 0;
    return after < NODE_MERGES_NEVER ? (uint32_t)after : NODE_MERGES_NEVER;
}

static enum node_preroll preroll(const struct session *s) {
    if (!s->sent_any && !s->pace.running)
        return NODE_PREROLL_NONE;
    uint32_t allowed = feed_allowed(s->feed);
    return allowed == MEDIA_PREROLL_FULL    ? NODE_PREROLL_FULL
           : allowed == MEDIA_PREROLL_LEAST ? NODE_PREROLL_LEAST
                                            : NODE_PREROLL_QUICK;
}

static void describe(const struct worker *w, const struct session *s,
                     const struct tenure_session *t, struct node_session *n, struct instant now) {
    const struct ticket *k = &s->ticket;
    const struct message_report *f = &s->figures;
    bool told = s->backup_count > 0;
    *n = (struct node_session){.session = k->session,
                               .issuer = k->issuer,
                               .service = k->service,
                               .profile = k->profile,
                               .source = k->source,
                               .backup_count = told ? s->backup_count : k->backup_count,
                               .expires_s = k->expires_s,
                               .epoch = t->epoch,
                               .purpose = tenure_purpose(t),
                               .hot = t->state == TENURE_HOT,
                               .worker = w->index,
                               .last_frame = s->sent_any ? s->last_sent : 0,
                               .client = s->client,
                               .lease_ms = tenure_lease_ms(t, now, NODE_INTERVAL_MS_MAX),
                               .expected = f->expected,
                               .lost_before = f->lost_before,
                               .lost_after = f->lost_after,
                               .rtt_us = f->rtt_us != 0 ? f->rtt_us : s->rtcp_rtt_us,
                               .jitter_us = f->jitter_us,
                               .buffer_ms = s->playout.depth_ms,
                               .burst_x16 = s->playout.burst_x16,
                               .silent_ms = s->silent_ms,
                               .cause = t->cause,
                               .served_by = t->served_by,
                               .preroll = preroll(s),
                               .merges_after = merges_after(s),
                               .moved = s->moved};
    memcpy(n->backups, told ? s->backups : k->backups, sizeof(n->backups));
}

/* False if the supervisor's queue is full: it stays dirty. */
static bool send_snapshot(struct worker *w, struct session *s) {
    const struct tenure_session *t = tenure_session_at(&w->tenure, s->slot);
    struct link_session l;
    if (t == NULL)
        return true; /* over: it is told when tenure forgets it */
    memset(&l, 0, sizeof(l));
    l.at = net_now();
    l.counter = t->counter;
    l.live_frame = s->pace.live;
    l.live_at = s->pace.base;
    l.ticket_len = s->token_len;
    memcpy(l.ticket, s->token, s->token_len);
    describe(w, s, t, &l.node, l.at);
    if (!link_send(w->link, LINK_SESSION, &l))
        return false;
    s->told_at = l.at;
    s->told_frame = l.node.last_frame;
    return true;
}

void worker_session_dirty(struct worker *w, struct session *s) {
    if (s->dirty)
        return;
    s->dirty = true;
    s->next_dirty = NULL;
    *w->last_dirty = s;
    w->last_dirty = &s->next_dirty;
}

static void turn_ends(void *data) {
    struct worker *w = data;
    while (w->first_dirty != NULL) {
        struct session *s = w->first_dirty;
        if (!send_snapshot(w, s))
            return;
        s->dirty = false;
        w->first_dirty = s->next_dirty;
        if (w->first_dirty == NULL)
            w->last_dirty = &w->first_dirty;
    }
}

static void leave_dirty(struct worker *w, const struct session *s) {
    for (struct session **at = &w->first_dirty; *at != NULL; at = &(*at)->next_dirty)
        if (*at == s) {
            *at = s->next_dirty;
            if (w->last_dirty == &s->next_dirty)
                w->last_dirty = at;
            return;
        }
}

void worker_session_forget(struct worker *w, uint32_t slot, enum err why) {
    struct session *s = w->sessions[slot];
    const struct link_ended ended = {.session = s->ticket.session, .error = why};
    if (s->dirty)
        leave_dirty(w, s);
    leave_making(w, s);
    due_set(&w->due, slot, INSTANT_NEVER);
    w->sessions[slot] = NULL;
    session_free(s);
    if (!link_send(w->link, LINK_ENDED, &ended))
        net_logf(w->log, NET_LOG_WARNING, "the supervisor does not listen");
}

/* ---- life ------------------------------------------------------------------------------------ */

static void link_received(void *data, enum link_kind kind, const void *body) {
    briefing_received(data, kind, body);
}

/* Without a supervisor nobody holds the power switch: rather no worker than one of its own. */
static void link_closed(void *data) {
    (void)data;
    _exit(0);
}

static void datagram_received(void *data, const struct net_datagram *d, struct instant now) {
    door_datagram_received(data, d, now);
}

static bool start(struct worker *w) {
    const struct options *o = w->options;
    const struct link_handlers handlers = {
        .received = link_received, .closed = link_closed, .data = w};
    struct tenure_session *sessions = calloc(WORKER_SLOTS, sizeof(*sessions));
    struct due_entry *leases = calloc(WORKER_SLOTS, sizeof(*leases));
    struct due_entry *paces = calloc(WORKER_SLOTS, sizeof(*paces));
    uint32_t *index = calloc(tenure_index_count(WORKER_SLOTS), sizeof(*index));
    const struct tenure_config config = {.notices_from = tenure_notices_from(net_now())};
    uint64_t seed, secret;
    if (sessions == NULL || leases == NULL || paces == NULL || index == NULL)
        return false;
    tenure_init(&w->tenure, &config, sessions, leases, index, WORKER_SLOTS);
    w->tenure.guests = &w->guests;
    due_init(&w->due, paces, WORKER_SLOTS);
    trace_init(&w->trace);
    w->outbox.trace = &w->trace;
    w->last_dirty = &w->first_dirty;
    queue_init(&w->queue, net_now());
    net_entropy(&seed, sizeof(seed));
    rng_seed(&w->rng, seed);
    net_entropy(&secret, sizeof(secret));
    guard_init(&w->guard, secret, GUARD_FAILURES_MAX);
    guard_init(&w->reports_guard, secret, GUARD_FAILURES_MAX);
    guard_init(&w->knocks_guard, secret, WORKER_PASSES_FEW);
    net_timer_init(&w->media_timer, w->loop, media_due, w);
    net_timer_init(&w->tenure_timer, w->loop, tenure_due, w);
    net_timer_init(&w->warming_timer, w->loop, warming_due, w);
    net_timer_init(&w->making_timer, w->loop, making_due, w);
    net_hook_add(&w->turn, w->loop, turn_ends, w);
    return link_open(&w->link, w->loop, o->worker_link_fd, WORKER_LINK_QUEUE, &handlers) == ERR_OK;
}

static struct net_log *open_log(const struct worker *w, const char *program) {
    const struct net_log_options log = {.program = program,
                                        .format = w->options->log_format,
                                        .level = w->options->log_level,
                                        .fd = STDERR_FILENO};
    return net_log_new(&log);
}

void worker_place(struct worker *w, uint32_t index) {
    const struct options *o = w->options;
    char program[32];
    if (w->placed || index >= o->worker_media_count)
        _exit(1); /* the supervisor has gone mad; it starts another */
    w->placed = true;
    w->index = index;
    guests_init(&w->guests, w->board, index);
    for (uint32_t i = 0; i < o->worker_media_count; i++)
        if (i != index)
            close(o->worker_media_fd + (int)i);
    snprintf(program, sizeof(program), "transcoderd/%u", index);
    prctl(PR_SET_NAME, program); /* for ps, and whoever looks for one worker among them */
    net_log_free(w->log);
    w->log = open_log(w, program);
    if (w->log == NULL)
        _exit(1);
}

void worker_begin(struct worker *w) {
    if (w->udp != NULL)
        return;
    int fd = w->options->worker_media_fd + (int)w->index;
    if (!w->placed || net_udp_adopt(&w->udp, w->loop, fd, datagram_received, w) != ERR_OK)
        _exit(1); /* the supervisor starts another */
    guests_begin(&w->guests);
    net_udp_set_dscp(w->udp, WORKER_DSCP);
    net_udp_set_buffers(w->udp, WORKER_SOCKET_BYTES);
    /* What waits in the socket is heard first: perhaps clients have released what we adopted. */
    net_timer_arm(&w->media_timer, instant_add(net_now(), duration_ms(1)));
}

int worker_run(const struct options *options) {
    static struct worker w; /* lives as long as the process */
    /* Whoever holds the switch must not leave us running alone. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != options->supervisor_pid)
        return 1;
    /* Remote sources block threads, not processors. */
    setenv("UV_THREADPOOL_SIZE", "16", 0);
    const struct link_nothing nothing = {0};
    w.board = shared_board_open(options->worker_board_fd);
    if (w.board == NULL)
        return 1;
    w.options = options;
    w.loop = net_loop_new();
    prctl(PR_SET_NAME, "transcoderd/-");
    w.log = open_log(&w, "transcoderd/-");
    if (w.loop == NULL || w.log == NULL || !start(&w))
        return 1;
    link_send(w.link, LINK_READY, &nothing);
    net_loop_run(w.loop);
    return 1;
}
