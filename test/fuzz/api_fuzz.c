/*
 * The client API and the lodging of standbys. The first byte chooses the decoder: '0' session
 * request, '1' session answer, '2' problem, '3' standbys request, anything else standbys answer.
 * What decodes must encode, and that decode again.
 */
#include "peerd/wire/api.h"
#include "peerd/wire/standbys.h"

#include <stdlib.h>
#include <string.h>

static void require(bool ok) {
    if (!ok)
        abort();
}

static void session_request(const char *text, size_t len) {
    struct wire_fault fault;
    struct api_session_request r, again;
    if (api_session_request_decode(&r, text, len, &fault) != ERR_OK) {
        require(fault.text[0] != '\0');
        return;
    }
    char *once = api_session_request_encode(&r, &len);
    require(once != NULL && api_session_request_decode(&again, once, len, NULL) == ERR_OK);
    free(once);
}

static void session_answer(const char *text, size_t len) {
    struct wire_fault fault;
    struct api_session_answer a, again;
    if (api_session_answer_decode(&a, text, len, &fault) != ERR_OK) {
        require(fault.text[0] != '\0');
        return;
    }
    char *once = api_session_answer_encode(&a, &len);
    require(once != NULL && api_session_answer_decode(&again, once, len, NULL) == ERR_OK);
    free(once);
}

static void problem(const char *text, size_t len) {
    struct api_problem p, again;
    if (api_problem_decode(&p, text, len, NULL) != ERR_OK)
        return;
    char *once = api_problem_encode(&p, &len);
    require(once != NULL && api_problem_decode(&again, once, len, NULL) == ERR_OK);
    require(again.status == p.status && again.code == p.code);
    free(once);
}

static void standbys_request(const char *text, size_t len) {
    struct wire_fault fault;
    struct standbys_request r;
    if (standbys_request_decode(&r, text, len, &fault) != ERR_OK) {
        require(fault.text[0] != '\0');
        return;
    }
    char *once = standbys_request_encode(&r, &len);
    standbys_request_free(&r);
    require(once != NULL && standbys_request_decode(&r, once, len, NULL) == ERR_OK);
    char *twice = standbys_request_encode(&r, NULL);
    require(twice != NULL && strcmp(once, twice) == 0);
    standbys_request_free(&r);
    free(once);
    free(twice);
}

static void standbys_answer(const char *text, size_t len) {
    struct standbys_answer a;
    if (standbys_answer_decode(&a, text, len, 2, NULL) != ERR_OK)
        return;
    require(a.slot_count == 2);
    char *once = standbys_answer_encode(&a, NULL);
    require(once != NULL);
    standbys_answer_free(&a);
    free(once);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    const char *text = (const char *)data + 1;
    if (len == 0)
        return 0;
    switch (data[0]) {
    case '0':
        session_request(text, len - 1);
        break;
    case '1':
        session_answer(text, len - 1);
        break;
    case '2':
        problem(text, len - 1);
        break;
    case '3':
        standbys_request(text, len - 1);
        break;
    default:
        standbys_answer(text, len - 1);
        break;
    }
    return 0;
}
