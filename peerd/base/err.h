/*
 * The error table: every way an operation can fail, once.
 *
 * Three families are kept apart. Our own bugs are asserted and are not here. Damaged or hostile
 * input (bad_*, foreign, replayed, …) is counted, traced and dropped by whoever sees it. Failures
 * of the environment are returned upwards and get their context once, at the edge. The symbol names
 * travel in logs, in JSON answers and in refusals on the wire; the numbers are wire format
 * (peerd/wire) and are therefore never reused.
 */
#ifndef PEERD_BASE_ERR_H
#define PEERD_BASE_ERR_H

#include <stdbool.h>

/*  X(symbol, name, number, text for people, worth trying again later) */
#define ERR_TABLE(X)                                                                               \
    X(OK, "ok", 0, "no error", false)                                                              \
    X(TRUNCATED, "truncated", 1, "message ends before its last field", false)                      \
    X(OVERSIZED, "oversized", 2, "message is longer than its kind allows", false)                  \
    X(BAD_MAGIC, "bad_magic", 3, "not a message of this protocol", false)                          \
    X(BAD_VERSION, "bad_version", 4, "protocol version not spoken here", false)                    \
    X(BAD_KIND, "bad_kind", 5, "unknown kind of message", false)                                   \
    X(BAD_FIELD, "bad_field", 6, "a field holds a value outside its range", false)                 \
    X(BAD_SEAL, "bad_seal", 7, "the seal does not open with this key", false)                      \
    X(BAD_SIGNATURE, "bad_signature", 8, "the signature does not verify", false)                   \
    X(FOREIGN, "foreign", 9, "meant for or signed by somebody else", false)                        \
    X(REPLAYED, "replayed", 10, "seen before", false)                                              \
    X(REFLECTED, "reflected", 11, "our own message came back", false)                              \
    X(STALE, "stale", 12, "overtaken by a newer epoch or counter", false)                          \
    X(EXPIRED, "expired", 13, "the ticket has expired", false)                                     \
    X(NOT_YET, "not_yet", 14, "not valid yet", true)                                               \
    X(UNKNOWN_CLAIM, "unknown_claim", 15, "a critical claim is not understood", false)             \
    X(UNKNOWN_ISSUER, "unknown_issuer", 16, "no key is known for this issuer", false)              \
    X(UNKNOWN_SOURCE, "unknown_source", 17, "the source is not in the catalogue", false)           \
    X(SOURCE_DIFFERS, "source_differs", 18, "the source here has another digest", false)           \
    X(SOURCE_FAILED, "source_failed", 19, "the source cannot be read", true)                       \
    X(SOURCE_ENDED, "source_ended", 20, "the source has ended", false)                             \
    X(UNKNOWN_PROFILE, "unknown_profile", 21, "the profile is not offered", false)                 \
    X(UNKNOWN_SERVICE, "unknown_service", 22, "the service is not offered", false)                 \
    X(UNKNOWN_SESSION, "unknown_session", 23, "no such session", false)                            \
    X(BAD_COOKIE, "bad_cookie", 24, "the path has not proven its address", true)                   \
    X(NO_CREDIT, "no_credit", 25, "no capacity left", true)                                        \
    X(DRAINING, "draining", 26, "this cluster is draining", true)                                  \
    X(DENIED, "denied", 27, "policy does not allow it", false)                                     \
    X(FULL, "full", 28, "a table is at its configured maximum", true)                              \
    X(BUDGET, "budget", 29, "a budget is used up", true)                                           \
    X(NOT_FOUND, "not_found", 30, "not found", false)                                              \
    X(IO, "io", 31, "the operating system refused", true)                                          \
    X(NO_MEMORY, "no_memory", 32, "out of memory", true)                                           \
    X(TIMEOUT, "timeout", 33, "no answer in time", true)                                           \
    X(UNREACHABLE, "unreachable", 34, "the other side cannot be reached", true)                    \
    X(BAD_POLICY, "bad_policy", 35, "the policy has errors", false)                                \
    X(UNSUPPORTED, "unsupported", 36, "not supported here", false)                                 \
    X(MOVED, "moved", 37, "the session is served elsewhere under a newer epoch", false)            \
    X(BUSY, "busy", 38, "too many sessions of one cluster begin at once", true)

enum err {
#define ERR_ENUM(symbol, name, number, text, retryable) ERR_##symbol = number,
    ERR_TABLE(ERR_ENUM)
#undef ERR_ENUM
    ERR_COUNT
};

/* The symbol in lower case, e.g. "bad_seal"; "unknown" for a number outside the table. */
const char *err_name(enum err e);

/* One line for people, without a full stop. */
const char *err_text(enum err e);

/* True if the same request may succeed later without a change on the asker's side. */
bool err_retryable(enum err e);

/* The inverse of err_name, for tests and JSON; ERR_COUNT if there is none. */
enum err err_by_name(const char *name);

#endif
