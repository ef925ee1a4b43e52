#include "peerd/web/web.h"

#include <string.h>

/* No script, style, image or connection but our own, nothing inline, no frame around us, no form;
 * and no text becomes markup by mistake. */
#define POLICY                                                                                     \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src "        \
    "'self'; "                                                                                     \
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "                                \
    "require-trusted-types-for 'script'; trusted-types 'none'"

/* If-None-Match: a list of tags, weak or not, or `*` (RFC 9110 section 13.1.2). */
static bool has_it(const struct net_http_request *r, const char *etag) {
    const char *given = net_http_header(r, "If-None-Match");
    return given != NULL && (strcmp(given, "*") == 0 || strstr(given, etag) != NULL);
}

static void answer(struct net_http_request *r, const struct web_file *file) {
    const struct net_http_header headers[] = {
        {"ETag", file->etag},
        {"Cache-Control", "no-cache"}, /* kept, but asked for each time whether it is the same */
        {"Content-Security-Policy", POLICY},
        {"X-Content-Type-Options", "nosniff"},
        {"Referrer-Policy", "no-referrer"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
    };
    struct net_http_answer out = {
        .status = 304, .headers = headers, .header_count = sizeof(headers) / sizeof(headers[0])};
    if (!has_it(r, file->etag)) {
        out.status = 200;
        out.content_type = file->type;
        out.body = file->bytes;
        out.body_len = file->len;
    }
    net_http_answer(r, &out);
}

bool web_serve(struct net_http_request *r) {
    const struct net_http_header allow = {"Allow", "GET, HEAD"};
    const struct web_file *file = web_files;
    while (file->path != NULL && strcmp(file->path, r->path) != 0)
        file++;
    if (file->path == NULL)
        return false;
    if (strcmp(r->method, "GET") == 0 || strcmp(r->method, "HEAD") == 0)
        answer(r, file);
    else
        net_http_answer(
            r, &(struct net_http_answer){.status = 405, .headers = &allow, .header_count = 1});
    return true;
}
