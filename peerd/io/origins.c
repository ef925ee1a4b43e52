/*
 * Origins: looks at the streams that other programs serve here, and keeps their playlists.
 *
 * Each is fetched as often as policy says, as players fetch it, and must be there whole in time and
 * be a playlist that can be steered, and then the MPD, where policy names one; what came of it is
 * the core's to count. The newest good ones are what streams.c makes players' from, so that a
 * question of a player costs the origin nothing.
 */
#include "peerd/base/url.h"
#include "peerd/io/streams.h"
#include "peerd/net/clock.h"
#include "transcoder/hls/mpd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a look fetches: the playlist, then the MPD. */
struct paper {
    char url[2 * POLICY_TEXT_LEN_MAX + 1]; /* empty: none */
    char *text;                            /* owned; NULL until one came */
    size_t len;                            /* [characters] */
    enum err (*steer)(char *out, size_t size, size_t *len, const struct multivariant *m,
                      const char *origin, size_t origin_len, struct multivariant_fault *fault);
};

struct look {
    struct daemon *daemon;
    uint32_t index; /* in the policy in force */
    struct name name;
    struct paper papers[2]; /* playlist, MPD */
    uint32_t at;            /* the paper that is being fetched */
    struct net_timer timer;
    struct net_http_call *call; /* under way; NULL for none */
    struct instant begun;
    uint32_t poorest_kbps;
    char why[ORIGINS_WHY_MAX + 1];
};

struct looks {
    struct look *list[POLICY_ORIGINS_MAX]; /* owned, by index in the policy */
    uint32_t count;
};

/* ---- a look ---------------------------------------------------------------------------------- */

/* Whether players can be steered with it is found out by doing so. */
static enum err try_to_steer(const struct paper *p, const char *text, size_t len, char *why) {
    const struct multivariant_pathway somewhere = {{"here"}, "https://here/"};
    const struct multivariant m = {&somewhere, 1, "https://here/"};
    struct multivariant_fault fault = {0};
    char *out = malloc(MULTIVARIANT_OUT_MAX);
    size_t written;
    enum err err = out == NULL
                       ? ERR_NO_MEMORY
                       : p->steer(out, MULTIVARIANT_OUT_MAX, &written, &m, text, len, &fault);
    free(out);
    if (err != ERR_OK)
        snprintf(why, ORIGINS_WHY_MAX + 1, "%s, line %u: %s", strrchr(p->url, '/') + 1,
                 (unsigned)fault.line, fault.why);
    return err;
}

static enum err judge(struct look *l, const struct net_http_result *r) {
    l->why[0] = '\0';
    if (r->err != ERR_OK) {
        snprintf(l->why, sizeof(l->why), "%s", r->detail);
        return r->err;
    }
    if (r->status != 200) {
        snprintf(l->why, sizeof(l->why), "%s: it answered %u",
                 strrchr(l->papers[l->at].url, '/') + 1, r->status);
        return r->status == 404 ? ERR_NOT_FOUND : ERR_IO;
    }
    return try_to_steer(&l->papers[l->at], (const char *)r->body, r->body_len, l->why);
}

static void keep(struct look *l, const struct net_http_result *r) {
    struct paper *p = &l->papers[l->at];
    if (p->text != NULL && p->len == r->body_len && memcmp(p->text, r->body, p->len) == 0)
        return;
    char *copy = malloc(r->body_len + 1);
    if (copy == NULL)
        return; /* the one before does */
    memcpy(copy, r->body, r->body_len + 1);
    free(p->text);
    p->text = copy;
    p->len = r->body_len;
    if (l->at == 0)
        l->poorest_kbps = multivariant_poorest_kbps(copy, p->len);
}

static enum err ask(struct look *l);

static void finish(struct look *l, enum err err) {
    struct daemon *d = l->daemon;
    net_timer_arm(&l->timer, instant_add(l->begun, d->policy->origins[l->index].every));
    daemon_step(d, &(struct core_event){.kind = CORE_ORIGIN_CHECKED,
                                        .u.checked = {.origin = l->index, .err = err}});
}

static void looked(void *data, const struct net_http_result *result) {
    struct look *l = data;
    struct daemon *d = l->daemon;
    l->call = NULL;
    enum err err = judge(l, result);
    if (err == ERR_OK)
        keep(l, result);
    else
        net_log(d->log, NET_LOG_DEBUG, "origin not as it should be",
                NET_TEXT("origin", l->name.text), NET_TEXT("error", err_name(err)),
                NET_TEXT("why", l->why));
    if (err == ERR_OK && l->at == 0 && l->papers[1].url[0] != '\0') {
        l->at = 1;
        if (ask(l) == ERR_OK)
            return;
    }
    finish(l, err);
}

static enum err ask(struct look *l) {
    struct daemon *d = l->daemon;
    const struct policy_origin *policy = &d->policy->origins[l->index];
    const struct net_http_call_options options = {.url = l->papers[l->at].url,
                                                  .timeout = policy->within,
                                                  .connect_timeout = policy->within,
                                                  .answer_bytes_max = MULTIVARIANT_IN_MAX,
                                                  .done = looked,
                                                  .data = l};
    enum err err = net_http_call(d->http, &options, &l->call);
    if (err != ERR_OK)
        l->call = NULL;
    return err;
}

static void look(void *data, struct instant now) {
    struct look *l = data;
    l->begun = now;
    l->at = 0;
    if (ask(l) != ERR_OK) /* no memory, or too much under way: no word against the origin */
        net_timer_arm(&l->timer, instant_add(now, l->daemon->policy->origins[l->index].every));
}

/* ---- all of them ----------------------------------------------------------------------------- */

static void drop(struct look *l) {
    if (l == NULL)
        return;
    if (l->call != NULL)
        net_http_cancel(l->call);
    net_timer_cancel(&l->timer);
    free(l->papers[0].text);
    free(l->papers[1].text);
    free(l);
}

/* Beside the playlist; empty if policy names none. */
static void mpd_url(const struct policy_origin *o, char out[2 * POLICY_TEXT_LEN_MAX + 1]) {
    out[0] = '\0';
    if (o->mpd.text[0] != '\0')
        snprintf(out, 2 * POLICY_TEXT_LEN_MAX + 1, "%.*s%s", (int)url_folder_len(o->url.text),
                 o->url.text, o->mpd.text);
}

static struct look *take_same(struct looks *from, const struct policy_origin *origin) {
    char mpd[2 * POLICY_TEXT_LEN_MAX + 1];
    mpd_url(origin, mpd);
    for (uint32_t i = 0; i < from->count; i++) {
        struct look *l = from->list[i];
        if (l == NULL || !name_equal(&l->name, &origin->name) ||
            strcmp(l->papers[0].url, origin->url.text) != 0 || strcmp(l->papers[1].url, mpd) != 0)
            continue;
        from->list[i] = NULL;
        return l;
    }
    return NULL;
}

static struct look *begin(struct daemon *d, const struct policy_origin *origin) {
    struct look *l = calloc(1, sizeof(*l));
    if (l == NULL)
        return NULL;
    l->daemon = d;
    l->name = origin->name;
    l->papers[0].steer = multivariant_write;
    l->papers[1].steer = mpd_write;
    memcpy(l->papers[0].url, origin->url.text, sizeof(origin->url.text));
    mpd_url(origin, l->papers[1].url);
    net_timer_init(&l->timer, d->loop, look, l);
    net_timer_arm(&l->timer, net_now());
    return l;
}

/* With memory short an origin is not looked at until the next policy, and nothing speaks against
 * it. */
void origins_configure(struct daemon *d) {
    struct looks *fresh = calloc(1, sizeof(*fresh)), *old = d->looks;
    const struct policy *p = d->policy;
    if (fresh == NULL)
        return;
    for (uint32_t i = 0; i < p->origin_count; i++) {
        struct look *l = old != NULL ? take_same(old, &p->origins[i]) : NULL;
        fresh->list[i] = l != NULL ? l : begin(d, &p->origins[i]);
        if (fresh->list[i] != NULL)
            fresh->list[i]->index = i;
    }
    fresh->count = p->origin_count;
    origins_close(d);
    d->looks = fresh;
}

void origins_close(struct daemon *d) {
    for (uint32_t i = 0; d->looks != NULL && i < d->looks->count; i++)
        drop(d->looks->list[i]);
    free(d->looks);
    d->looks = NULL;
}

static const char *newest(const struct daemon *d, uint32_t index, uint32_t paper, size_t *len) {
    const struct look *l = d->looks != NULL ? d->looks->list[index] : NULL;
    *len = l != NULL ? l->papers[paper].len : 0;
    return l != NULL ? l->papers[paper].text : NULL;
}

const char *origins_playlist(const struct daemon *d, uint32_t index, size_t *len) {
    return newest(d, index, 0, len);
}

const char *origins_mpd(const struct daemon *d, uint32_t index, size_t *len) {
    return newest(d, index, 1, len);
}

uint32_t origins_poorest_kbps(const struct daemon *d, uint32_t index) {
    const struct look *l = d->looks != NULL ? d->looks->list[index] : NULL;
    return l != NULL ? l->poorest_kbps : 0;
}

const char *origins_why(const struct daemon *d, uint32_t index) {
    const struct look *l = d->looks != NULL ? d->looks->list[index] : NULL;
    return l != NULL ? l->why : "";
}
