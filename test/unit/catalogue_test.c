#include "transcoder/worker/catalogue.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct node_source_spec source(const char *name, const char *location) {
    struct node_source_spec s = {.class = SOURCE_CLASS_EXACT};
    name_set(&s.name, name);
    strcpy(s.location, location);
    return s;
}

static struct node_profile_spec profile(const char *name, const char *codec, uint32_t rate_hz) {
    struct node_profile_spec p = {.rate_hz = rate_hz, .channels = 1};
    name_set(&p.name, name);
    name_set(&p.codec, codec);
    return p;
}

static struct ticket ticket(const char *source_name, const char *profile_name, uint8_t digest) {
    struct ticket t = {.class = SOURCE_CLASS_EXACT, .digest = {.bytes = {digest}}};
    name_set(&t.source, source_name);
    name_set(&t.profile, profile_name);
    return t;
}

Test(catalogue, keeps_what_is_known_across_a_reload) {
    struct catalogue c;
    catalogue_init(&c);
    struct node_source_spec specs[] = {source("a", "/a.wav"), source("b", "/b.wav"),
                                       source("c", "/c.wav")};
    struct node_catalogue spec = {.sources = specs, .source_count = 3};
    cr_assert(catalogue_from_spec(&c, &spec, NULL, NULL));
    for (size_t i = 0; i < 3; i++) {
        cr_expect_eq(c.sources[i].error, ERR_NOT_YET, "nobody has read it");
        c.sources[i].error = ERR_OK;
        c.sources[i].digest.bytes[0] = (uint8_t)(i + 1);
    }
    strcpy(specs[1].location, "/elsewhere.wav");
    specs[2].class = SOURCE_CLASS_SEEKABLE;
    struct catalogue next;
    catalogue_init(&next);
    cr_assert(catalogue_from_spec(&next, &spec, &c, NULL));
    cr_expect_eq(next.sources[0].error, ERR_OK, "the same file");
    cr_expect_eq(next.sources[0].digest.bytes[0], 1);
    cr_expect_eq(next.sources[1].error, ERR_NOT_YET, "another file");
    cr_expect_eq(next.sources[1].digest.bytes[0], 0);
    cr_expect_eq(next.sources[2].error, ERR_NOT_YET, "another class");
    catalogue_move(&c, &next);
    cr_expect_eq(c.source_count, 3);
    cr_expect_eq(next.source_count, 0);
    catalogue_free(&c);
}

Test(catalogue, leaves_out_profiles_that_cannot_be_made) {
    struct catalogue c;
    struct media_why why = {.text = ""};
    catalogue_init(&c);
    struct node_profile_spec specs[] = {profile("ulaw", "pcmu", 8000), profile("x", "mp3", 8000),
                                        profile("big", "l16", 48000),
                                        profile("wide", "opus", 48000)};
    specs[3].complexity = 5;
    specs[3].bitrate_bps = 24000;
    specs[3].preroll_frames = 100;
    struct node_catalogue spec = {.profiles = specs, .profile_count = 4};
    cr_assert(catalogue_from_spec(&c, &spec, NULL, &why));
    cr_expect_eq(c.profile_count, 2);
    cr_expect(strstr(why.text, "big") != NULL, "%s", why.text);
    struct name wide;
    name_set(&wide, "wide");
    const struct catalogue_profile *p = catalogue_profile_find(&c, &wide);
    cr_assert_not_null(p);
    cr_expect_eq(p->profile.bitrate_bps, 24000);
    cr_expect_eq(p->profile.preroll_frames, 100);
    cr_expect(memcmp(&p->determinism, &c.profiles[0].determinism, sizeof(p->determinism)) != 0);
    catalogue_free(&c);
}

Test(catalogue, leaves_out_renditions_that_cannot_be_made) {
    struct catalogue c;
    struct media_why why = {.text = ""};
    catalogue_init(&c);
    struct node_rendition_spec specs[] = {
        {{"720p"}, {"h264"}, 2500000, 720, 25, 0},
        {{"odd"}, {"h264"}, 2500000, 721, 25, 0},
        {{"vorbis"}, {"vorbis"}, 64000, 0, 0, 2},
        {{"opus"}, {"opus"}, 64000, 0, 0, 2},
    };
    struct node_catalogue spec = {.renditions = specs, .rendition_count = 4};
    cr_assert(catalogue_from_spec(&c, &spec, NULL, &why));
    cr_assert_eq(c.rendition_count, 2);
    cr_expect_str_eq(c.renditions[0].name.text, "720p");
    cr_expect_eq(c.renditions[1].codec, RENDITION_OPUS);
    cr_expect_str_eq(why.text, "rendition vorbis: expected one of the codecs h264, aac and opus");
    catalogue_free(&c);
}

Test(catalogue, admits_what_matches) {
    struct catalogue c;
    catalogue_init(&c);
    struct node_source_spec sources[] = {source("good", "/a"), source("new", "/b"),
                                         source("bad", "/c")};
    struct node_profile_spec profiles[] = {profile("ulaw", "pcmu", 8000)};
    struct node_catalogue spec = {
        .sources = sources, .source_count = 3, .profiles = profiles, .profile_count = 1};
    cr_assert(catalogue_from_spec(&c, &spec, NULL, NULL));
    c.sources[0].error = ERR_OK;
    c.sources[0].digest.bytes[0] = 9;
    c.sources[2].error = ERR_SOURCE_FAILED;
    const struct {
        const char *what;
        struct ticket ticket;
        enum source_class class;
        enum err error;
    } rows[] = {
        {"all as it should be", ticket("good", "ulaw", 9), SOURCE_CLASS_EXACT, ERR_OK},
        {"no such source", ticket("other", "ulaw", 9), SOURCE_CLASS_EXACT, ERR_UNKNOWN_SOURCE},
        {"no such profile", ticket("good", "gsm", 9), SOURCE_CLASS_EXACT, ERR_UNKNOWN_PROFILE},
        {"other content", ticket("good", "ulaw", 8), SOURCE_CLASS_EXACT, ERR_SOURCE_DIFFERS},
        {"other class", ticket("good", "ulaw", 9), SOURCE_CLASS_SEEKABLE, ERR_SOURCE_DIFFERS},
        {"not read yet", ticket("new", "ulaw", 0), SOURCE_CLASS_EXACT, ERR_NOT_YET},
        {"unreadable", ticket("bad", "ulaw", 0), SOURCE_CLASS_EXACT, ERR_SOURCE_FAILED},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct catalogue_source *s = NULL;
        const struct catalogue_profile *p = NULL;
        struct ticket t = rows[i].ticket;
        t.class = rows[i].class;
        cr_expect_eq(catalogue_admit(&c, &t, &s, &p), rows[i].error, "%s", rows[i].what);
        cr_expect_eq(s != NULL && p != NULL, rows[i].error == ERR_OK, "%s", rows[i].what);
    }
    catalogue_free(&c);
}

Test(catalogue, is_bounded) {
    struct catalogue c;
    catalogue_init(&c);
    for (int i = 0; i < NODE_SOURCES_MAX; i++) {
        char name[16];
        snprintf(name, sizeof(name), "s%d", i);
        struct catalogue_source s = {.spec = source(name, "/x"), .error = ERR_OK};
        cr_assert(catalogue_put_source(&c, &s));
    }
    struct catalogue_source more = {.spec = source("more", "/x")};
    cr_expect(!catalogue_put_source(&c, &more));
    struct catalogue_source again = {.spec = source("s7", "/y"), .error = ERR_SOURCE_FAILED};
    cr_expect(catalogue_put_source(&c, &again), "a known one is replaced");
    cr_expect_eq(c.source_count, NODE_SOURCES_MAX);
    cr_expect_str_eq(catalogue_source_find(&c, &again.spec.name)->spec.location, "/y");
    catalogue_free(&c);
}
