#include "peerd/wire/json_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Long enough for every fixed-size value that is written as base64url. */
#define BYTES_TEXT_SIZE (SIGNATURE_BYTES * 4 / 3 + 4)

void json_write_begin(struct json_writing *w) {
    w->root = json_object();
    w->failed = w->root == NULL;
}

/* Takes over `value` in every case. */
static void put(struct json_writing *w, json_t *object, const char *key, json_t *value) {
    if (w->failed) {
        json_decref(value);
        return;
    }
    /* Keys are our own literals, so checking them as UTF-8 would be work for nothing. */
    w->failed = json_object_set_new_nocheck(object, key, value) != 0;
}

static void append(struct json_writing *w, json_t *array, json_t *value) {
    if (w->failed) {
        json_decref(value);
        return;
    }
    w->failed = json_array_append_new(array, value) != 0;
}

void json_write_uint(struct json_writing *w, json_t *object, const char *key, uint64_t value) {
    if (value > INT64_MAX)
        w->failed = true;
    else
        put(w, object, key, json_integer((json_int_t)value));
}

void json_write_int(struct json_writing *w, json_t *object, const char *key, int64_t value) {
    put(w, object, key, json_integer((json_int_t)value));
}

void json_write_bool(struct json_writing *w, json_t *object, const char *key, bool value) {
    put(w, object, key, json_boolean(value));
}

void json_write_string(struct json_writing *w, json_t *object, const char *key, const char *text) {
    put(w, object, key, json_string(text));
}

void json_write_name(struct json_writing *w, json_t *object, const char *key,
                     const struct name *name) {
    put(w, object, key, json_string_nocheck(name->text));
}

void json_write_addr(struct json_writing *w, json_t *object, const char *key,
                     const struct addr *addr) {
    char text[ADDR_TEXT_LEN_MAX + 1];
    put(w, object, key, json_string_nocheck(addr_to_text(addr, text)));
}

#define PREFIX_TEXT_SIZE (ADDR_TEXT_LEN_MAX + 5)

static const char *prefix_text(const struct prefix *prefix, char text[PREFIX_TEXT_SIZE]) {
    /* Without the port, hence without the brackets that only part it from the address. */
    char addr[ADDR_TEXT_LEN_MAX + 1];
    addr_to_text(&prefix->addr, addr);
    char *port = strrchr(addr, ':');
    const char *ip = addr;
    if (port != NULL)
        *port = '\0';
    if (addr[0] == '[') {
        addr[strlen(addr) - 1] = '\0';
        ip = addr + 1;
    }
    snprintf(text, PREFIX_TEXT_SIZE, "%s/%u", ip, prefix->bits);
    return text;
}

void json_write_prefix(struct json_writing *w, json_t *object, const char *key,
                       const struct prefix *prefix) {
    char text[PREFIX_TEXT_SIZE];
    if (!addr_is_none(&prefix->addr))
        put(w, object, key, json_string_nocheck(prefix_text(prefix, text)));
}

void json_write_key(struct json_writing *w, json_t *object, const char *key,
                    const struct public_key *value) {
    char text[KEY_PUBLIC_TEXT_LEN + 1];
    public_key_to_text(value, text);
    put(w, object, key, json_string_nocheck(text));
}

void json_write_bytes(struct json_writing *w, json_t *object, const char *key, const void *data,
                      size_t len) {
    char text[BYTES_TEXT_SIZE];
    if (base64url_encode(data, len, text, sizeof(text)) == 0)
        w->failed = true;
    else
        put(w, object, key, json_string_nocheck(text));
}

json_t *json_write_object(struct json_writing *w, json_t *object, const char *key) {
    json_t *child = json_object();
    put(w, object, key, child);
    return w->failed ? NULL : child;
}

json_t *json_write_array(struct json_writing *w, json_t *object, const char *key) {
    json_t *child = json_array();
    put(w, object, key, child);
    return w->failed ? NULL : child;
}

json_t *json_write_element(struct json_writing *w, json_t *array) {
    json_t *child = json_object();
    append(w, array, child);
    return w->failed ? NULL : child;
}

void json_write_names(struct json_writing *w, json_t *object, const char *key,
                      const struct name *names, size_t count) {
    json_t *array = json_write_array(w, object, key);
    for (size_t i = 0; i < count; i++)
        append(w, array, json_string_nocheck(names[i].text));
}

void json_write_addrs(struct json_writing *w, json_t *object, const char *key,
                      const struct addr *addrs, size_t count) {
    json_t *array = json_write_array(w, object, key);
    for (size_t i = 0; i < count; i++) {
        char text[ADDR_TEXT_LEN_MAX + 1];
        append(w, array, json_string_nocheck(addr_to_text(&addrs[i], text)));
    }
}

void json_write_prefixes(struct json_writing *w, json_t *object, const char *key,
                         const struct prefix *prefixes, size_t count) {
    json_t *array = json_write_array(w, object, key);
    for (size_t i = 0; i < count; i++) {
        char text[PREFIX_TEXT_SIZE];
        append(w, array, json_string_nocheck(prefix_text(&prefixes[i], text)));
    }
}

void json_write_uints(struct json_writing *w, json_t *object, const char *key,
                      const uint32_t *values, size_t count) {
    json_t *array = json_write_array(w, object, key);
    for (size_t i = 0; i < count; i++)
        append(w, array, json_integer(values[i]));
}

void json_write_session_ids(struct json_writing *w, json_t *object, const char *key,
                            const struct session_id *ids, size_t count) {
    json_t *array = json_write_array(w, object, key);
    for (size_t i = 0; i < count; i++) {
        char text[SESSION_ID_TEXT_LEN + 1];
        session_id_to_text(&ids[i], text);
        append(w, array, json_string_nocheck(text));
    }
}

char *json_write_end(struct json_writing *w, size_t len_max, size_t *len) {
    char *text = w->failed ? NULL : json_dumps(w->root, JSON_COMPACT);
    json_decref(w->root);
    w->root = NULL;
    size_t text_len = text == NULL ? 0 : strlen(text);
    if (text_len > len_max) {
        free(text);
        return NULL;
    }
    if (len != NULL)
        *len = text_len;
    return text;
}
