#include "peerd/wire/named.h"

#include <assert.h>
#include <string.h>

#define IPV4_LEN 4

_Static_assert(NAMED_CLUSTER_LEN == KEY_HINT_BYTES + 1 + 16 + 2 + NAME_LEN_MAX, "as documented");

static bool media_is_one(const struct addr *a) {
    return (a->family == 4 || a->family == 6) && a->port != 0;
}

bool named_in_range(const struct message_named *n) {
    bool ok = n->count >= 1 && n->count <= NAMED_MAX;
    for (uint8_t i = 0; ok && i < n->count; i++)
        ok = !name_is_empty(&n->list[i].name) && media_is_one(&n->list[i].media);
    return ok;
}

void named_write(struct writer *w, const struct message_named *n) {
    write_copy(w, n->session.bytes, SESSION_ID_BYTES);
    write_u8(w, n->count);
    for (uint8_t i = 0; i < n->count; i++) {
        const struct named_cluster *c = &n->list[i];
        size_t len = strlen(c->name.text);
        write_copy(w, c->hint.bytes, KEY_HINT_BYTES);
        write_u8(w, c->media.family);
        write_copy(w, c->media.ip, sizeof(c->media.ip));
        write_u16(w, c->media.port);
        write_copy(w, c->name.text, len);
        write_zeros(w, NAME_LEN_MAX - len);
    }
}

/* One name has one form: behind it there are zeros. */
static bool read_name(struct reader *r, struct name *out) {
    char text[NAME_LEN_MAX + 1] = {0};
    read_copy(r, text, NAME_LEN_MAX);
    for (size_t i = strlen(text); i < sizeof(text); i++)
        if (text[i] != '\0')
            return false;
    return text[0] != '\0' && name_set(out, text);
}

/* Likewise an address: an IPv4 address has four bytes, and is never written as an IPv6 one. */
static bool read_media(struct reader *r, struct addr *out) {
    uint8_t ip[16], family = read_u8(r);
    read_copy(r, ip, sizeof(ip));
    uint16_t port = read_u16(r);
    for (size_t i = IPV4_LEN; family == 4 && i < sizeof(ip); i++)
        if (ip[i] != 0)
            return false;
    *out = family == 6 ? addr_ipv6(ip, port) : addr_ipv4(ip, port);
    return out->family == family && media_is_one(out);
}

bool named_read(struct reader *r, struct message_named *out) {
    bool ok = true;
    read_copy(r, out->session.bytes, SESSION_ID_BYTES);
    out->count = read_u8(r);
    assert(out->count <= NAMED_MAX && "who calls has looked at the length");
    for (uint8_t i = 0; i < out->count; i++) {
        struct named_cluster *c = &out->list[i];
        read_copy(r, c->hint.bytes, KEY_HINT_BYTES);
        ok &= read_media(r, &c->media);
        ok &= read_name(r, &c->name);
    }
    return ok;
}

/* FNV-1a, 32 bits. */
static uint32_t stir(uint32_t hash, const void *data, size_t len) {
    const uint8_t *bytes = data;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ bytes[i]) * UINT32_C(16777619);
    return hash;
}

uint32_t named_mark(const struct message_named *n) {
    uint32_t hash = stir(UINT32_C(2166136261), &n->count, 1);
    for (uint8_t i = 0; i < n->count; i++) {
        const struct named_cluster *c = &n->list[i];
        const uint8_t port[] = {(uint8_t)(c->media.port >> 8), (uint8_t)c->media.port};
        hash = stir(hash, c->hint.bytes, KEY_HINT_BYTES);
        hash = stir(hash, c->media.ip, sizeof(c->media.ip));
        hash = stir(hash, port, sizeof(port));
        hash = stir(hash, c->name.text, strlen(c->name.text));
    }
    return hash == 0 ? 1 : hash;
}
