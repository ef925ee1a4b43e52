#include "peerd/wire/description.h"

#include "test/unit/wire_samples.h"

#include <criterion/criterion.h>
#include <sodium.h>
#include <stdio.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static char *seal_sample(size_t *len) {
    struct key_pair pair = sample_pair(1);
    struct description d = sample_description();
    return description_seal(&d, &pair, len);
}

static enum err open_sample(struct description *out, const char *text, size_t len,
                            struct wire_fault *fault) {
    struct key_pair pair = sample_pair(1);
    struct name who = sample_name("fra1");
    return description_open(out, text, len, &who, &pair.public_key, fault);
}

/* An envelope as description.h documents it, made without its encoder: whatever `text` says is
 * properly signed. Quotes inside `text` are escaped here. */
static char *envelope_by_hand(const char *text, const struct key_pair *pair, const char *label) {
    uint8_t hash[32], signature[SIGNATURE_BYTES];
    char signature_text[100];
    crypto_generichash(hash, sizeof(hash), (const unsigned char *)text, strlen(text), NULL, 0);
    sign_labelled(signature, label, hash, sizeof(hash), pair);
    base64url_encode(signature, sizeof(signature), signature_text, sizeof(signature_text));
    char *out = malloc(2 * strlen(text) + 200);
    size_t at = (size_t)sprintf(out, "{\"description\":\"");
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            out[at++] = '\\';
        out[at++] = *text;
    }
    sprintf(out + at, "\",\"signature\":\"%s\"}", signature_text);
    return out;
}

static const char inner[] =
    "{\"cluster\":\"fra1\",\"provider\":\"acme\",\"region\":\"eu\",\"key\":\"%s\",\"issued_s\":1,"
    "\"services\":[{\"name\":\"radio\",\"free\":1,\"capacity\":2}],\"profiles\":[],\"sources\":[],"
    "\"media\":[],\"clients_url\":\"\",\"draining\":false}";

static void inner_text(char *out, size_t size) {
    char key[KEY_PUBLIC_TEXT_LEN + 1];
    struct key_pair pair = sample_pair(1);
    public_key_to_text(&pair.public_key, key);
    snprintf(out, size, inner, key);
}

Test(description, round_trips) {
    struct wire_fault fault;
    struct description out;
    struct key_pair pair = sample_pair(1);
    size_t len;
    char *text = seal_sample(&len);
    cr_assert_not_null(text);
    cr_assert_eq(open_sample(&out, text, len, &fault), ERR_OK, "%s", fault.text);
    char *again = description_seal(&out, &pair, NULL);
    cr_expect_str_eq(again, text);
    cr_expect_str_eq(out.provider.text, "acme");
    cr_expect_str_eq(out.region.text, "eu-central");
    cr_expect_str_eq(out.upstream, "AS64500");
    cr_expect(out.placed && out.latitude_udeg == 50110900 && out.longitude_udeg == -8682100);
    cr_assert_not_null(out.past);
    cr_expect(out.past->former_count == 1 && out.past->former[0].switched_s == 1763710000 &&
              out.past->former[0].until_s == 1763796400);
    struct public_key revoked = sample_pair(7).public_key;
    cr_expect(out.past->revoked_count == 2 && public_key_equal(&out.past->revoked[1], &revoked));
    cr_expect(out.has_next_key && out.issued_s == 1763720000 && out.draining);
    cr_expect_eq(out.reserved, 40u);
    cr_expect(out.beat_blocks);
    cr_expect(out.services[0].free == 120 && out.services[0].capacity == 700);
    cr_expect(out.profiles[0].determinism.bytes[1] == 2 && out.sources[0].digest.bytes[1] == 4);
    cr_expect(out.media_count == 2 && out.media[1].port == 7701);
    cr_assert_eq(out.origin_count, 2);
    cr_expect_str_eq(out.origins[0].url, "https://origin.example.net/film/master.m3u8");
    cr_expect(!out.origins[0].live && out.origins[0].healthy);
    cr_expect(out.origins[1].live && !out.origins[1].healthy);
    cr_expect_str_eq(out.clients_url, "https://fra1.example.net:7680");
    free(again);
    free(text);
    description_free(&out);
    cr_expect_null(out.media);
    description_free(NULL);
}

Test(description, may_leave_out_what_is_not_known) {
    struct key_pair pair = sample_pair(1);
    struct description d = {.cluster = sample_name("fra1"),
                            .provider = sample_name("acme"),
                            .region = sample_name("eu"),
                            .key = pair.public_key};
    struct description out;
    size_t len;
    char *text = description_seal(&d, &pair, &len);
    cr_assert_not_null(text);
    cr_assert_eq(open_sample(&out, text, len, NULL), ERR_OK);
    cr_expect(!out.placed && !out.has_next_key && out.upstream[0] == '\0' && out.media == NULL);
    free(text);
    description_free(&out);
}

Test(description, refuses_each_flipped_bit_and_each_truncation) {
    struct description out, untouched;
    size_t len;
    char *text = seal_sample(&len);
    memset(&out, 0xab, sizeof(out));
    untouched = out;
    for (size_t bit = 0; bit < len * 8; bit++) {
        text[bit / 8] ^= (char)(1U << (bit % 8));
        cr_expect_neq(open_sample(&out, text, len, NULL), ERR_OK, "bit %zu", bit);
        text[bit / 8] ^= (char)(1U << (bit % 8));
    }
    for (size_t cut = 0; cut < len; cut++)
        cr_expect_neq(open_sample(&out, text, cut, NULL), ERR_OK, "cut to %zu", cut);
    cr_expect_eq(memcmp(&out, &untouched, sizeof(out)), 0);
    free(text);
}

Test(description, is_believed_of_its_signer_only) {
    struct key_pair other = sample_pair(2);
    struct name ams1 = sample_name("ams1");
    struct key_pair pair = sample_pair(1);
    struct wire_fault fault;
    struct description out;
    size_t len;
    char *text = seal_sample(&len);
    cr_expect_eq(description_open(&out, text, len, NULL, &other.public_key, &fault),
                 ERR_BAD_SIGNATURE);
    cr_expect_str_eq(fault.text, "the signature does not verify");
    cr_expect_eq(description_open(&out, text, len, &ams1, &pair.public_key, NULL), ERR_FOREIGN,
                 "speaks of another cluster");
    cr_expect_eq(description_open(&out, text, len, NULL, &pair.public_key, NULL), ERR_OK);
    description_free(&out);
    free(text);
}

/* Handed on by somebody else: whoever it is of has signed it, or it is refused. */
Test(description, is_opened_by_the_key_that_it_names) {
    struct key_pair pair = sample_pair(1), other = sample_pair(2);
    struct wire_fault fault;
    struct description out;
    size_t len;
    char *text = seal_sample(&len);
    cr_assert_eq(description_open_foreign(&out, text, len, &fault), ERR_OK);
    cr_expect(public_key_equal(&out.key, &pair.public_key));
    cr_expect_str_eq(out.doors->beats, "fra1.example.net:7600");
    cr_expect_str_eq(out.doors->control, "192.0.2.1:7601");
    description_free(&out);
    free(text);
    char by_hand[1000];
    inner_text(by_hand, sizeof(by_hand));
    text = envelope_by_hand(by_hand, &other, "peerd description v1");
    cr_expect_eq(description_open_foreign(&out, text, strlen(text), &fault), ERR_BAD_SIGNATURE,
                 "signed by another than it names");
    free(text);
    char *keyless = sample_edit(by_hand, "\"key\"", "\"no_key\"");
    text = envelope_by_hand(keyless, &pair, "peerd description v1");
    cr_expect_eq(description_open_foreign(&out, text, strlen(text), &fault), ERR_BAD_FIELD);
    cr_expect_not_null(strstr(fault.text, "key: expected"), "%s", fault.text);
    free(text);
    free(keyless);
}

Test(description, is_refused_though_signed) {
    static const struct {
        const char *what;
        const char *from;
        const char *to;
        enum err err;
        const char *fault;
    } rows[] = {
        {"as it is", "eu", "eu", ERR_OK, ""},
        {"a later member", "\"region\"", "\"moon\":[1],\"region\"", ERR_OK, ""},
        {"another's key inside", "\"key\"", "\"next_key\"", ERR_BAD_FIELD, "key: expected"},
        {"no region", "\"region\":\"eu\",", "", ERR_BAD_FIELD, "region: expected a name"},
        {"a key twice", "\"region\"", "\"cluster\":\"lon1\",\"region\"", ERR_BAD_FIELD,
         "duplicate"},
        {"a free of -1", "\"free\":1", "\"free\":-1", ERR_BAD_FIELD,
         "services[0].free: expected an integer from 0 to 4294967295, found -1"},
        {"north of the pole", "\"key\"",
         "\"place\":{\"latitude_udeg\":90000001,\"longitude_udeg\":0},\"key\"", ERR_BAD_FIELD,
         "place.latitude_udeg"},
        {"doors as text", "\"key\"", "\"doors\":\"here\",\"key\"", ERR_BAD_FIELD,
         "doors: expected an object, found \"here\""},
        {"one door only", "\"key\"", "\"doors\":{\"beats\":\"a:1\"},\"key\"", ERR_BAD_FIELD,
         "doors.control"},
        {"an origin of an older kind, with more", "\"key\"",
         "\"origins\":[{\"name\":\"film\",\"url\":\"https://x/m.m3u8\",\"live\":false,"
         "\"healthy\":true,\"moon\":1}],\"key\"",
         ERR_OK, ""},
        {"an origin that breaks a playlist's line", "\"key\"",
         "\"origins\":[{\"name\":\"film\",\"url\":\"https://x/ m.m3u8\",\"live\":false,"
         "\"healthy\":true}],\"key\"",
         ERR_BAD_FIELD, "origins[0].url: expected an http:// or https:// URL of a file, found"},
        {"an origin that says nothing of its health", "\"key\"",
         "\"origins\":[{\"name\":\"film\",\"url\":\"https://x/m.m3u8\",\"live\":false}],\"key\"",
         ERR_BAD_FIELD, "origins[0].healthy"},
        {"a place as text", "\"key\"", "\"place\":\"here\",\"key\"", ERR_BAD_FIELD,
         "place: expected an object, found \"here\""},
    };
    struct key_pair pair = sample_pair(1);
    char text[1000];
    inner_text(text, sizeof(text));
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct wire_fault fault = {.text = ""};
        struct description out;
        char *edited = sample_edit(text, rows[i].from, rows[i].to);
        char *envelope = envelope_by_hand(edited, &pair, "peerd description v1");
        enum err e = open_sample(&out, envelope, strlen(envelope), &fault);
        cr_expect_eq(e, rows[i].err, "%s: %s", rows[i].what, err_name(e));
        cr_expect_not_null(strstr(fault.text, rows[i].fault), "%s: %s", rows[i].what, fault.text);
        if (e == ERR_OK)
            description_free(&out);
        free(envelope);
        free(edited);
    }
}

Test(description, needs_its_own_label_and_its_own_key_inside) {
    struct key_pair pair = sample_pair(1), other = sample_pair(2);
    struct description out;
    char text[1000];
    inner_text(text, sizeof(text));
    char *envelope = envelope_by_hand(text, &pair, "peerd report v1");
    cr_expect_eq(open_sample(&out, envelope, strlen(envelope), NULL), ERR_BAD_SIGNATURE);
    free(envelope);
    /* Signed by the key we ask for, but claiming to be of another. */
    envelope = envelope_by_hand(text, &other, "peerd description v1");
    cr_expect_eq(description_open(&out, envelope, strlen(envelope), NULL, &other.public_key, NULL),
                 ERR_FOREIGN);
    free(envelope);
}

Test(description, envelope_has_two_members_and_no_more) {
    struct wire_fault fault;
    struct description out;
    size_t len;
    char *text = seal_sample(&len);
    char *more = sample_edit(text, "{\"description\"", "{\"also\":1,\"description\"");
    cr_expect_eq(open_sample(&out, more, strlen(more), &fault), ERR_BAD_FIELD);
    cr_expect_str_eq(fault.text, "also: expected no member of this name, found 1");
    cr_expect_eq(open_sample(&out, "{\"description\":7}", 17, &fault), ERR_BAD_FIELD);
    cr_expect_str_eq(fault.text, "description: expected the description as text, found 7");
    free(more);
    free(text);
    char *blank = malloc(DESCRIPTION_LEN_MAX + 1);
    memset(blank, ' ', DESCRIPTION_LEN_MAX + 1);
    cr_expect_eq(open_sample(&out, blank, DESCRIPTION_LEN_MAX + 1, NULL), ERR_OVERSIZED);
    free(blank);
}

Test(description, survives_every_lack_of_memory) {
    struct key_pair pair = sample_pair(1);
    struct description d = sample_description(), out;
    enum err e = ERR_NO_MEMORY;
    size_t len, n = 0;
    char *text = NULL;
    for (; text == NULL; n++) {
        sample_memory(n);
        text = description_seal(&d, &pair, &len);
    }
    for (n = 0; e != ERR_OK && n < 5000; n++) {
        sample_memory(n);
        e = open_sample(&out, text, len, NULL);
    }
    cr_expect(e == ERR_OK && n > 50, "%s after %zu allocations", err_name(e), n);
    sample_memory_all();
    description_free(&out);
    free(text);
}

Test(description, holds_the_largest_catalogue) {
    static struct description_source sources[DESCRIPTION_SOURCES_MAX + 1];
    struct key_pair pair = sample_pair(1);
    struct description d = sample_description(), out;
    size_t len;
    for (size_t i = 0; i < COUNT(sources); i++) {
        char name[NAME_LEN_MAX + 1];
        snprintf(name, sizeof(name), "a-source-with-a-long-name-%05zu", i);
        sources[i].name = sample_name(name);
    }
    d.sources = sources;
    d.source_count = DESCRIPTION_SOURCES_MAX;
    char *text = description_seal(&d, &pair, &len);
    cr_assert_not_null(text);
    cr_assert_eq(open_sample(&out, text, len, NULL), ERR_OK);
    cr_expect_eq(out.source_count, DESCRIPTION_SOURCES_MAX);
    description_free(&out);
    free(text);
    d.source_count++;
    cr_expect_null(description_seal(&d, &pair, &len), "one too many");
}
