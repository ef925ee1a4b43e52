/*
 * Steer: what an operator has a running peerd do. Bodies are JSON, all members optional unless said
 * otherwise; none at all is fine where nothing has to be said.
 */
#include "peerd/io/daemon.h"
#include "peerd/wire/api.h"
#include "peerd/wire/drain_word.h"
#include "peerd/wire/json_read.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REFUSED 409 /* the status of a policy with faults */

#define BODY_LEN_MAX 4096 /* [bytes] */

/* A body of known members. ERR_OK, and then json_read_end is due; else it has been answered. */
static enum err body_begin(struct net_http_request *r, struct json_document *document,
                           struct json_place *root, const char *const known[],
                           struct wire_fault *fault) {
    const char *text = r->body_len > 0 ? (const char *)r->body : "{}";
    size_t len = r->body_len > 0 ? r->body_len : 2;
    enum err err = json_read_begin(document, root, text, len, BODY_LEN_MAX, fault);
    if (err == ERR_OK)
        json_read_only(root, known);
    else
        net_http_answer_problem(r, api_status_of(err), err, fault->text, 0);
    return err;
}

/* True if it could be read; else it has been answered. */
static bool body_end(struct net_http_request *r, struct json_document *document,
                     const struct wire_fault *fault) {
    enum err err = json_read_end(document);
    if (err != ERR_OK)
        net_http_answer_problem(r, api_status_of(err), err, fault->text, 0);
    return err == ERR_OK;
}

/* ---- drain ---- */

/* {"deadline_ms":…, "to":"lon1"} */
static bool read_drain(struct net_http_request *r, struct core_drain *out) {
    static const char *const known[] = {"deadline_ms", "to", NULL};
    struct json_document document;
    struct json_place root;
    struct wire_fault fault = {{0}};
    if (body_begin(r, &document, &root, known, &fault) != ERR_OK)
        return false;
    if (json_read_has(&root, "deadline_ms"))
        out->deadline = duration_ms(json_read_int(&root, "deadline_ms", 1, DRAIN_DEADLINE_MS_MAX));
    if (json_read_has(&root, "to"))
        out->to = json_read_name(&root, "to");
    return body_end(r, &document, &fault);
}

void steer_drain(struct daemon *d, struct net_http_request *r, uint32_t index) {
    struct core_event event = {.kind = CORE_DRAIN};
    char detail[160];
    const char *why;
    (void)index;
    if (!read_drain(r, &event.u.drain))
        return;
    enum err err = core_drain_refusal(d->core, &event.u.drain, &why);
    if (err != ERR_OK) {
        snprintf(detail, sizeof(detail), "to: %s", why);
        net_http_answer_problem(r, err == ERR_NOT_FOUND ? 404 : 409, err, detail, 0);
        return;
    }
    daemon_step(d, &event);
    control_answer_text(r, present_status(d));
}

void steer_undrain(struct daemon *d, struct net_http_request *r, uint32_t index) {
    (void)index;
    bool was_draining = core_status(d->core).draining;
    daemon_step(d, &(struct core_event){.kind = CORE_UNDRAIN});
    control_answer_text(r, present_undrained(d, was_draining));
}

/* ---- one session ---- */

/* {"session":ID, "to":"lon1"}, both required. */
static bool read_move(struct net_http_request *r, struct core_move *out) {
    static const char *const known[] = {"session", "to", NULL};
    char id[SESSION_ID_TEXT_LEN + 1] = "";
    struct json_document document;
    struct json_place root;
    struct wire_fault fault = {{0}};
    if (body_begin(r, &document, &root, known, &fault) != ERR_OK)
        return false;
    json_read_text(&root, "session", id, SESSION_ID_TEXT_LEN, sizeof(id));
    out->to = json_read_name(&root, "to");
    if (!body_end(r, &document, &fault))
        return false;
    if (session_id_from_text(&out->session, id, strlen(id)))
        return true;
    net_http_answer_problem(r, 400, ERR_BAD_FIELD, "session: expected the id of a session", 0);
    return false;
}

void steer_move(struct daemon *d, struct net_http_request *r, uint32_t index) {
    struct core_event event = {.kind = CORE_MOVE};
    const char *why;
    (void)index;
    if (!read_move(r, &event.u.move))
        return;
    enum err err = core_move_refusal(d->core, &event.u.move.session, &event.u.move.to, &why);
    if (err != ERR_OK) {
        net_http_answer_problem(r, api_status_of(err), err, why, 0);
        return;
    }
    daemon_step(d, &event);
    control_answer_text(r, present_moving(d, &event.u.move.session));
}

/* How a move that was asked for goes. */
void steer_moving(struct daemon *d, struct net_http_request *r, uint32_t index) {
    const char *text = net_http_query(r, "session");
    struct session_id id;
    (void)index;
    if (text == NULL || !session_id_from_text(&id, text, strlen(text)))
        net_http_answer_problem(r, 400, ERR_BAD_FIELD, "session: expected the id of a session", 0);
    else
        control_answer_text(r, present_moving(d, &id));
}

/* ---- policy ---- */

/* A problem (RFC 9457) whose `detail` is the first fault, and with all of them: whoever mends a
 * file would rather see everything at once. */
static void answer_faults(struct net_http_request *r, const struct faults *faults) {
    char line[FAULT_LINE_LEN_MAX + 1];
    json_t *list = json_array();
    for (uint32_t i = 0; i < faults->count; i++)
        json_array_append_new(list, text_json(fault_to_text(faults, &faults->list[i], line)));
    json_t *problem =
        json_pack("{s:s, s:i, s:s, s:O?, s:o, s:I}", "title", err_text(ERR_BAD_POLICY), "status",
                  REFUSED, "code", err_name(ERR_BAD_POLICY), "detail", json_array_get(list, 0),
                  "faults", list, "more", (json_int_t)faults->lost);
    char *text = problem == NULL ? NULL : json_dumps(problem, JSON_COMPACT);
    const struct net_http_answer answer = {.status = REFUSED,
                                           .content_type = "application/problem+json",
                                           .body = text,
                                           .body_len = text != NULL ? strlen(text) : 0};
    net_http_answer(r, &answer);
    free(text);
    json_decref(problem);
}

void steer_reload(struct daemon *d, struct net_http_request *r, uint32_t index) {
    (void)index;
    reload_policy(d);
    if (!d->policy_refused)
        control_answer_text(r, present_status(d));
    else
        answer_faults(r, d->faults);
}

/* {"file":"/etc/peerd/new.yaml"}: of this machine; without it the policy's own. */
static bool read_diff(struct net_http_request *r, char path[POLICY_TEXT_LEN_MAX + 1]) {
    static const char *const known[] = {"file", NULL};
    struct json_document document;
    struct json_place root;
    struct wire_fault fault = {{0}};
    if (body_begin(r, &document, &root, known, &fault) != ERR_OK)
        return false;
    if (r->body_len > 0)
        json_read_text(&root, "file", path, 1, POLICY_TEXT_LEN_MAX);
    return body_end(r, &document, &fault);
}

void steer_diff(struct daemon *d, struct net_http_request *r, uint32_t index) {
    char path[POLICY_TEXT_LEN_MAX + 1] = "";
    (void)index;
    if (!read_diff(r, path))
        return;
    struct faults *faults = calloc(1, sizeof(*faults));
    char *text =
        faults == NULL ? NULL : present_diff(d, path[0] == '\0' ? d->policy_path : path, faults);
    if (faults != NULL && faults->count > 0)
        answer_faults(r, faults);
    else
        control_answer_text(r, text);
    free(faults);
}
