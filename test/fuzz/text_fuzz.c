/*
 * The small texts that come from outside: base64url, endpoints, prefixes, names, dates, keys,
 * locations. The first byte of an input chooses one. What is accepted must be written back the
 * same, or, where several texts mean one thing (endpoints), to a text that reads the same.
 */
#include "peerd/base/addr.h"
#include "peerd/base/id.h"
#include "peerd/base/utc.h"
#include "peerd/wire/keys.h"
#include "topo/location.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 200

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_base64url(const char *text, size_t len) {
    uint8_t bytes[TEXT_MAX];
    char back[TEXT_MAX + 4];
    size_t bytes_len;
    if (!base64url_decode(text, len, bytes, sizeof(bytes), &bytes_len))
        return;
    CHECK(base64url_encode(bytes, bytes_len, back, sizeof(back)) == len);
    CHECK(memcmp(back, text, len) == 0);
}

static void try_endpoint(const char *text) {
    struct addr a, b;
    struct prefix p;
    char back[ADDR_TEXT_LEN_MAX + 1];
    if (addr_from_text(&a, text)) {
        CHECK(strlen(addr_to_text(&a, back)) <= strlen(text) + 1); /* "[::1.2.3.4]" may grow */
        CHECK(addr_from_text(&b, back) && addr_equal(&a, &b));
    }
    if (prefix_from_text(&p, text))
        CHECK(prefix_holds(&p, &p.addr));
}

static void try_date(const char *text, size_t len) {
    int64_t unix_s;
    char back[UTC_TEXT_LEN + 1];
    if (utc_from_text(&unix_s, text, len))
        CHECK(utc_to_text(unix_s, back) && len == UTC_TEXT_LEN && memcmp(back, text, len) == 0);
}

static void try_key(const char *text) {
    struct public_key key;
    struct key_pair pair;
    char back[KEY_SECRET_TEXT_LEN + 1];
    if (public_key_from_text(&key, text) == ERR_OK) {
        public_key_to_text(&key, back);
        CHECK(strcmp(back, text) == 0);
    }
    if (key_pair_from_text(&pair, text) == ERR_OK) {
        key_pair_to_text(&pair, back);
        CHECK(strcmp(back, text) == 0);
    }
}

static void try_location(const char *text) {
    struct prefix p, back;
    char again[LOCATION_TEXT_LEN_MAX + 1];
    memset(&p, 0xff, sizeof(p));
    if (!location_from_text(&p, text)) {
        CHECK(p.bits == 0 && p.addr.family == 0);
        return;
    }
    CHECK(location_from_text(&back, location_to_text(&p, again)) && location_equal(&back, &p));
    struct prefix own = location_of(&p.addr);
    CHECK(location_equal(&own, &p));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char text[TEXT_MAX + 1];
    if (size == 0 || size > TEXT_MAX)
        return 0;
    size_t len = size - 1;
    memcpy(text, data + 1, len);
    text[len] = '\0';
    struct name name;
    struct session_id id;
    switch (data[0] % 6) {
    case 0:
        try_base64url(text, len);
        break;
    case 1:
        try_endpoint(text);
        break;
    case 2:
        try_date(text, len);
        break;
    case 3:
        try_key(text);
        break;
    case 4:
        CHECK(!name_from_text(&name, text, len) || memcmp(name.text, text, len + 1) == 0);
        (void)session_id_from_text(&id, text, len);
        break;
    default:
        try_location(text);
        break;
    }
    return 0;
}
