#include "topo/find/record.h"

#include "peerd/wire/keys.h"

#include <stdio.h>
#include <string.h>

#define SPACES " \t;"

_Static_assert(FIND_KEY_BYTES == KEY_BYTES, "a key is a key");

struct attributes {
    char name[NAME_LEN_MAX + 1];
    char key[KEY_PUBLIC_TEXT_LEN + 1];
    char next[KEY_PUBLIC_TEXT_LEN + 1];
    char at[RECORD_DOMAIN_LEN_MAX + 1];
};

/* False if it is too long or there already. */
static bool put(char *out, size_t size, const char *value, size_t len) {
    if (out[0] != '\0' || len == 0 || len >= size)
        return false;
    memcpy(out, value, len);
    out[len] = '\0';
    return true;
}

static bool is(const char *word, size_t len, const char *attribute) {
    return len == strlen(attribute) && memcmp(word, attribute, len) == 0;
}

static bool split(struct attributes *a, const char *text) {
    *a = (struct attributes){.name = ""};
    for (text += strspn(text, SPACES); *text != '\0'; text += strspn(text, SPACES)) {
        size_t len = strcspn(text, SPACES), word = strcspn(text, "=");
        bool good = true;
        if (word < len) {
            const char *value = text + word + 1;
            size_t left = len - word - 1;
            if (is(text, word, "name"))
                good = put(a->name, sizeof(a->name), value, left);
            else if (is(text, word, "key"))
                good = put(a->key, sizeof(a->key), value, left);
            else if (is(text, word, "next"))
                good = put(a->next, sizeof(a->next), value, left);
            else if (is(text, word, "at"))
                good = put(a->at, sizeof(a->at), value, left);
        }
        if (!good)
            return false;
        text += len;
    }
    return true;
}

/* What a domain name may consist of here; whether there is one is for DNS to say. */
static bool is_domain(const char *text) {
    static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    size_t len = strlen(text);
    return len > 0 && len <= RECORD_DOMAIN_LEN_MAX && strspn(text, good) == len && text[0] != '.' &&
           strstr(text, "..") == NULL;
}

size_t record_parse(struct find_claim out[RECORD_CLAIMS_MAX], const char *text,
                    const char *domain) {
    struct attributes a;
    struct public_key key, next;
    struct find_claim claim = {.name = {""}};
    if (!split(&a, text) || !name_set(&claim.name, a.name) ||
        public_key_from_text(&key, a.key) != ERR_OK ||
        (a.next[0] != '\0' && public_key_from_text(&next, a.next) != ERR_OK))
        return 0;
    const char *at = a.at[0] != '\0' ? a.at : domain;
    if (!is_domain(at))
        return 0;
    memcpy(claim.key.bytes, key.bytes, FIND_KEY_BYTES);
    snprintf(claim.beats.text, sizeof(claim.beats.text), "srv:_peerd._udp.%s", at);
    snprintf(claim.control.text, sizeof(claim.control.text), "srv:_peerd._tcp.%s", at);
    out[0] = claim;
    if (a.next[0] == '\0')
        return 1;
    memcpy(claim.key.bytes, next.bytes, FIND_KEY_BYTES);
    out[1] = claim;
    return 2;
}
