#include "peerd/base/id.h"

#include <string.h>

static bool is_alnum(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_name_char(char c) {
    return is_alnum(c) || c == '-' || c == '_' || c == '.';
}

bool name_from_text(struct name *out, const char *text, size_t len) {
    memset(out, 0, sizeof(*out));
    if (len == 0 || len > NAME_LEN_MAX || !is_alnum(text[0]))
        return false;
    for (size_t i = 0; i < len; i++)
        if (!is_name_char(text[i]))
            return false;
    memcpy(out->text, text, len);
    return true;
}

bool name_set(struct name *out, const char *text) {
    return name_from_text(out, text, strlen(text));
}

void session_id_to_text(const struct session_id *id, char out[SESSION_ID_TEXT_LEN + 1]) {
    base64url_encode(id->bytes, SESSION_ID_BYTES, out, SESSION_ID_TEXT_LEN + 1);
}

bool session_id_from_text(struct session_id *out, const char *text, size_t len) {
    size_t bytes_len = 0;
    struct session_id id;
    if (len != SESSION_ID_TEXT_LEN ||
        !base64url_decode(text, len, id.bytes, sizeof(id.bytes), &bytes_len) ||
        bytes_len != SESSION_ID_BYTES)
        return false;
    *out = id;
    return true;
}

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

size_t base64url_encode(const void *data, size_t len, char *out, size_t out_size) {
    const uint8_t *in = data;
    size_t need = len / 3 * 4 + (len % 3 == 0 ? 0 : len % 3 + 1);
    if (out_size < need + 1)
        return 0;
    size_t at = 0;
    uint32_t bits = 0;
    unsigned held = 0;
    for (size_t i = 0; i < len; i++) {
        bits = bits << 8 | in[i];
        for (held += 8; held >= 6; held -= 6)
            out[at++] = alphabet[bits >> (held - 6) & 63];
    }
    if (held > 0)
        out[at++] = alphabet[bits << (6 - held) & 63];
    out[at] = '\0';
    return at;
}

static int value_of(char c) {
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '-')
        return 62;
    return c == '_' ? 63 : -1;
}

bool base64url_decode(const char *text, size_t len, void *out, size_t out_size, size_t *out_len) {
    uint8_t *to = out;
    size_t at = 0;
    uint32_t bits = 0;
    unsigned held = 0;
    if (len % 4 == 1 || len / 4 * 3 + (len % 4 == 0 ? 0 : len % 4 - 1) > out_size)
        return false;
    for (size_t i = 0; i < len; i++) {
        int v = value_of(text[i]);
        if (v < 0)
            return false;
        bits = bits << 6 | (uint32_t)v;
        held += 6;
        if (held >= 8) {
            held -= 8;
            to[at++] = (uint8_t)(bits >> held);
        }
    }
    /* Left-over bits must be zero, or two texts would stand for the same bytes. */
    if ((bits & ((1U << held) - 1U)) != 0)
        return false;
    *out_len = at;
    return true;
}
