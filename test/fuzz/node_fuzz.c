/*
 * Node registration, both ways. The first byte chooses the decoder, '0' the request, anything else
 * the answer. What decodes must encode, and that decode and encode to the very same text.
 */
#include "peerd/wire/node.h"

#include <stdlib.h>
#include <string.h>

static void require(bool ok) {
    if (!ok)
        abort();
}

static void request(const char *text, size_t len) {
    struct wire_fault fault;
    struct node_request r;
    if (node_request_decode(&r, text, len, &fault) != ERR_OK) {
        require(fault.text[0] != '\0');
        return;
    }
    char *once = node_request_encode(&r, &len);
    node_request_free(&r);
    require(once != NULL && node_request_decode(&r, once, len, NULL) == ERR_OK);
    char *twice = node_request_encode(&r, NULL);
    require(twice != NULL && strcmp(once, twice) == 0);
    for (size_t i = 0; i < r.session_count; i++)
        require(r.sessions[i].worker < r.media_count);
    node_request_free(&r);
    free(once);
    free(twice);
}

static void answer(const char *text, size_t len) {
    struct wire_fault fault;
    struct node_answer a;
    if (node_answer_decode(&a, text, len, &fault) != ERR_OK) {
        require(fault.text[0] != '\0');
        return;
    }
    char *once = node_answer_encode(&a, &len);
    node_answer_free(&a);
    require(once != NULL && node_answer_decode(&a, once, len, NULL) == ERR_OK);
    char *twice = node_answer_encode(&a, NULL);
    require(twice != NULL && strcmp(once, twice) == 0);
    node_answer_free(&a);
    free(once);
    free(twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    if (len == 0)
        return 0;
    if (data[0] == '0')
        request((const char *)data + 1, len - 1);
    else
        answer((const char *)data + 1, len - 1);
    return 0;
}
