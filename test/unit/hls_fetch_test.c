/*
 * One body from several sites: who is asked, when, for what, and what is passed on.
 */
#include "transcoder/hls/fetch.h"

#include <criterion/criterion.h>
#include <string.h>

static struct sites sites;
static struct fetch f;
static struct instant now;
static char got[64]; /* what the player has */

enum {
    A,
    B,
    C
};
#define BIT(site) (1u << (site))

static void begin(void) {
    sites_init(&sites);
    cr_assert(sites_add(&sites, "a", "http://a/") == A);
    cr_assert(sites_add(&sites, "b", "http://b/") == B);
    cr_assert(sites_add(&sites, "c", "http://c/") == C);
    now = instant_us(1000000);
    memset(got, 0, sizeof(got));
}

TestSuite(hls_fetch, .init = begin);

static void after(int64_t ms) {
    now = instant_add(now, duration_ms(ms));
}

/* The bits, which are taken. */
static uint32_t asks(void) {
    uint32_t bits = f.ask;
    f.ask = 0;
    return bits;
}

static uint32_t cancels(void) {
    uint32_t bits = f.cancel;
    f.cancel = 0;
    return bits;
}

static struct fetch_head whole(uint64_t total, const char *etag) {
    struct fetch_head h = {.status = 200, .range = {0, total}, .total = total};
    strcpy(h.etag, etag);
    return h;
}

static struct fetch_head part(uint64_t from, uint64_t end, uint64_t total, const char *etag) {
    struct fetch_head h = {.status = 206, .range = {from, end}, .total = total};
    strcpy(h.etag, etag);
    return h;
}

static void head(uint32_t site, struct fetch_head h) {
    fetch_head_came(&f, site, &h, now);
}

static void bytes(uint32_t site, const char *text) {
    size_t skip, len;
    uint64_t at;
    fetch_bytes_came(&f, site, (const uint8_t *)text, strlen(text), now, &skip, &len, &at);
    cr_assert(skip + len <= strlen(text));
    memcpy(got + at, text + skip, len);
    memset(got + at + len, 0, sizeof(got) - at - len);
}

static void refuses(uint32_t site, unsigned status, bool again) {
    struct fetch_head h = {.status = status, .again = again, .total = RANGE_UNKNOWN};
    fetch_ended(&f, site, &h, NULL, now);
}

static void waits_and_is_due(int64_t ms) {
    after(ms - 1);
    cr_expect(instant_before(now, fetch_deadline(&f)), "not before %lld ms", (long long)ms);
    after(1);
    cr_expect(instant_reached(now, fetch_deadline(&f)), "at %lld ms", (long long)ms);
    fetch_due(&f, now);
}

Test(hls_fetch, one_site_gives_it_all) {
    fetch_begin(&f, &sites, false, now);
    cr_expect(asks() == BIT(A));
    head(A, whole(6, ""));
    bytes(A, "abc");
    bytes(A, "def");
    cr_expect(f.state == FETCH_FLOWING, "its end is waited for, so that the connection is kept");
    fetch_ended(&f, A, NULL, NULL, now);
    cr_expect(f.state == FETCH_DONE && strcmp(got, "abcdef") == 0);
    cr_expect(sites.at == A && sites.moves == 0 && cancels() == 0 && f.hedges == 0);
}

/* No byte in time: another is asked beside it, and the first byte wins. */
Test(hls_fetch, a_late_first_byte_is_raced) {
    fetch_begin(&f, &sites, false, now);
    asks();
    waits_and_is_due(SITES_PATIENCE_MS_MIN);
    cr_expect(asks() == BIT(B) && cancels() == 0, "a is still waited for");
    after(20);
    head(B, whole(3, ""));
    bytes(B, "abc");
    cr_expect(cancels() == BIT(A));
    head(A, whole(3, ""));
    bytes(A, "xyz");
    fetch_ended(&f, B, NULL, NULL, now);
    cr_expect(f.state == FETCH_DONE && strcmp(got, "abc") == 0 && f.hedges == 1);
    cr_expect(sites.at == B && sites.cause == SITES_HEDGED, "and it is asked first from now on");
    fetch_begin(&f, &sites, false, now);
    cr_expect(asks() == BIT(B));
}

Test(hls_fetch, who_is_faster_than_the_hedge_stays) {
    fetch_begin(&f, &sites, false, now);
    asks();
    waits_and_is_due(SITES_PATIENCE_MS_MIN);
    cr_expect(asks() == BIT(B));
    head(A, whole(3, ""));
    bytes(A, "abc");
    cr_expect(cancels() == BIT(B) && sites.at == A && sites.moves == 0);
}

Test(hls_fetch, a_hedge_that_is_not_out_yet_is_taken_back) {
    fetch_begin(&f, &sites, false, now);
    asks();
    waits_and_is_due(SITES_PATIENCE_MS_MIN);
    head(A, whole(3, ""));
    bytes(A, "abc");
    cr_expect(f.ask == 0 && f.cancel == 0, "neither asked nor called off");
}

Test(hls_fetch, a_refusal_asks_the_next_at_once) {
    fetch_begin(&f, &sites, false, now);
    asks();
    refuses(A, 404, false);
    cr_expect(asks() == BIT(B));
    fetch_ended(&f, B, NULL, "refused", now);
    cr_expect(asks() == BIT(C));
    head(C, whole(1, ""));
    bytes(C, "z");
    cr_expect(sites.at == C && sites.cause == SITES_FAILED);
}

Test(hls_fetch, what_nobody_has_is_told_as_it_was) {
    fetch_begin(&f, &sites, false, now);
    refuses(A, 503, false);
    refuses(B, 404, false);
    fetch_ended(&f, C, NULL, "no route", now);
    cr_expect(f.state == FETCH_FAILED && f.refused == 404);
}

/* "Not ready yet" of all is asked again, until patience is over. */
Test(hls_fetch, not_ready_yet_is_asked_again) {
    fetch_begin(&f, &sites, false, now);
    asks();
    refuses(A, 404, true);
    refuses(B, 404, false);
    refuses(C, 404, true);
    cr_expect(f.state == FETCH_ASKING);
    asks();
    waits_and_is_due(FETCH_AGAIN_MS);
    cr_expect(asks() == BIT(A), "of those who said so");
    head(A, whole(1, ""));
    bytes(A, "z");
    fetch_ended(&f, A, NULL, NULL, now);
    cr_expect(f.state == FETCH_DONE);
}

Test(hls_fetch, nobody_gives_a_byte) {
    fetch_begin(&f, &sites, false, now);
    for (int i = 0; i < 20 && f.state != FETCH_FAILED; i++) {
        cr_assert(!instant_is_never(fetch_deadline(&f)));
        now = fetch_deadline(&f);
        fetch_due(&f, now);
    }
    cr_expect(f.state == FETCH_FAILED && f.refused == 504);
    cr_expect(instant_since(now, instant_us(1000000)).us == FETCH_PATIENCE_MS * 1000);
}

/* ---- in mid-body ---- */

static void given_abc_of_six(const char *etag) {
    fetch_begin(&f, &sites, false, now);
    asks();
    head(A, whole(6, etag));
    bytes(A, "abc");
}

static void asks_the_rest(uint32_t bit, const char *etag) {
    struct range rest;
    const char *tag;
    cr_expect(asks() == bit);
    cr_assert(fetch_rest(&f, &rest, &tag));
    cr_expect(rest.from == 3 && rest.end == 6);
    cr_expect(strcmp(tag, etag) == 0);
}

Test(hls_fetch, the_rest_is_asked_of_the_next) {
    given_abc_of_six("\"1\"");
    fetch_ended(&f, A, NULL, "reset", now);
    asks_the_rest(BIT(B), "\"1\"");
    head(B, part(3, 6, 6, "\"1\""));
    bytes(B, "def");
    fetch_ended(&f, B, NULL, NULL, now);
    cr_expect(f.state == FETCH_DONE && strcmp(got, "abcdef") == 0);
    cr_expect(sites.at == B && sites.cause == SITES_RESUMED && f.resumes == 1);
}

Test(hls_fetch, a_body_shorter_than_was_said_breaks_off) {
    given_abc_of_six("\"1\"");
    fetch_ended(&f, A, NULL, NULL, now);
    asks_the_rest(BIT(B), "\"1\"");
}

/* Another ETag, or none: all of it comes again, and what was given must be the same. */
Test(hls_fetch, the_whole_is_compared_where_tags_differ) {
    given_abc_of_six("\"1\"");
    fetch_ended(&f, A, NULL, "reset", now);
    asks_the_rest(BIT(B), "\"1\"");
    head(B, whole(6, "\"2\""));
    cr_expect(f.state == FETCH_ASKING && cancels() == 0);
    bytes(B, "ab");
    cr_expect(strcmp(got, "abc") == 0, "nothing twice");
    bytes(B, "cde");
    bytes(B, "f");
    fetch_ended(&f, B, NULL, NULL, now);
    cr_expect(f.state == FETCH_DONE && strcmp(got, "abcdef") == 0);
}

Test(hls_fetch, what_differs_is_never_joined) {
    static const struct {
        const char *what;
        struct fetch_head head;
        const char *bytes;
    } rows[] = {
        {"bytes", {200, false, {0, 6}, 6, "\"2\""}, "abXdef"},
        {"length", {200, false, {0, 7}, 7, "\"1\""}, "abcdefg"},
        {"tag of a part", {206, false, {3, 6}, 6, "\"2\""}, "def"},
        {"no tag of a part", {206, false, {3, 6}, 6, ""}, "def"},
        {"place", {206, false, {2, 6}, 6, "\"1\""}, "cdef"},
        {"length of a part", {206, false, {3, 6}, 7, "\"1\""}, "def"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin();
        given_abc_of_six("\"1\"");
        fetch_ended(&f, A, NULL, "reset", now);
        asks();
        head(B, rows[i].head);
        bytes(B, rows[i].bytes);
        cr_expect(strcmp(got, "abc") == 0, "%s: %s", rows[i].what, got);
        cr_expect(cancels() == BIT(B) && asks() == BIT(C), "%s: the next is asked", rows[i].what);
        head(C, rows[i].head);
        bytes(C, rows[i].bytes);
        cr_expect(asks() == BIT(A), "%s: who broke off, last", rows[i].what);
        fetch_ended(&f, A, NULL, "refused", now);
        cr_expect(f.state == FETCH_FAILED && strstr(f.why, "a: refused") != NULL, "%s: %s",
                  rows[i].what, f.why);
    }
}

/* It stands still: the rest is asked of another, and whoever goes on first is taken. */
Test(hls_fetch, a_body_that_stands_still_is_raced) {
    given_abc_of_six("\"1\"");
    waits_and_is_due(FETCH_STALL_MS);
    asks_the_rest(BIT(B), "\"1\"");
    cr_expect(cancels() == 0);
    after(10);
    head(B, part(3, 6, 6, "\"1\""));
    bytes(B, "def");
    cr_expect(cancels() == BIT(A) && strcmp(got, "abcdef") == 0 && sites.at == B);
    cr_expect(sites_choose(&sites, BIT(B), now) == C, "who stood still is asked last");
}

Test(hls_fetch, who_goes_on_by_himself_stays) {
    given_abc_of_six("\"1\"");
    waits_and_is_due(FETCH_STALL_MS);
    asks_the_rest(BIT(B), "\"1\"");
    bytes(A, "de");
    cr_expect(cancels() == BIT(B) && sites.at == A);
    head(B, part(3, 6, 6, "\"1\""));
    bytes(B, "def");
    bytes(A, "f");
    cr_expect(strcmp(got, "abcdef") == 0);
}

/* Who is told the time too late has slept himself: what came meanwhile is read first. */
Test(hls_fetch, our_own_standstill_is_no_silence) {
    given_abc_of_six("\"1\"");
    after(FETCH_PATIENCE_MS * 2);
    fetch_due(&f, now);
    cr_expect(asks() == 0 && f.state == FETCH_FLOWING);
    bytes(A, "de");
    waits_and_is_due(FETCH_STALL_MS);
    cr_expect(asks() == BIT(B), "later it is silence");
    begin();
    given_abc_of_six("\"1\"");
    after(FETCH_STALL_MS + FETCH_LATE_MS + 1);
    fetch_due(&f, now);
    cr_expect(asks() == 0);
    waits_and_is_due(FETCH_LOOK_MS);
    cr_expect(asks() == BIT(B), "nothing had come");
}

Test(hls_fetch, a_player_that_pauses_is_no_silence) {
    given_abc_of_six("\"1\"");
    fetch_paused(&f, true, now);
    cr_expect(instant_is_never(fetch_deadline(&f)));
    after(3600000);
    fetch_due(&f, now);
    cr_expect(asks() == 0 && f.state == FETCH_FLOWING);
    fetch_paused(&f, false, now);
    waits_and_is_due(FETCH_STALL_MS);
    cr_expect(asks() == BIT(B));
}

/* A single site that breaks off is asked again as long as each time brings something. */
Test(hls_fetch, one_alone_goes_on_by_itself) {
    sites.count = 1;
    given_abc_of_six("\"1\"");
    fetch_ended(&f, A, NULL, "reset", now);
    asks_the_rest(BIT(A), "\"1\"");
    head(A, part(3, 6, 6, "\"1\""));
    bytes(A, "d");
    fetch_ended(&f, A, NULL, "reset", now);
    cr_expect(asks() == BIT(A));
    head(A, part(4, 6, 6, "\"1\""));
    fetch_ended(&f, A, NULL, "reset", now);
    cr_expect(f.state == FETCH_FAILED && strcmp(got, "abcd") == 0);
}

/* The player's own part: compared and gone on with at its place in the whole. */
Test(hls_fetch, the_rest_of_a_part) {
    fetch_begin(&f, &sites, false, now);
    asks();
    head(A, part(2, 5, 8, ""));
    bytes(A, "cd");
    fetch_ended(&f, A, NULL, "reset", now);
    asks();
    head(B, whole(8, ""));
    bytes(B, "abcdefgh");
    cr_expect(f.state == FETCH_DONE && strcmp(got, "cde") == 0, "%s", got);
    cr_expect(cancels() == BIT(B), "what is beyond it is called off");
}

/* ---- playlists ---- */

Test(hls_fetch, a_playlist_begins_anew) {
    fetch_begin(&f, &sites, true, now);
    asks();
    head(A, whole(6, "\"1\""));
    bytes(A, "abc");
    fetch_ended(&f, A, NULL, "reset", now);
    struct range rest;
    const char *tag;
    cr_expect(asks() == BIT(B) && !fetch_rest(&f, &rest, &tag));
    head(B, whole(4, "\"2\""));
    bytes(B, "wxyz");
    fetch_ended(&f, B, NULL, NULL, now);
    cr_expect(f.state == FETCH_DONE && strcmp(got, "wxyz") == 0, "%s", got);
}

Test(hls_fetch, a_playlist_that_stands_still) {
    fetch_begin(&f, &sites, true, now);
    asks();
    head(A, whole(6, ""));
    bytes(A, "abc");
    waits_and_is_due(FETCH_STALL_MS);
    cr_expect(cancels() == BIT(A) && asks() == BIT(B));
    bytes(A, "def");
    head(B, whole(4, ""));
    bytes(B, "wxyz");
    cr_expect(strcmp(got, "wxyz") == 0);
}

/* Without a length an end is an end. */
Test(hls_fetch, a_body_of_unknown_length) {
    fetch_begin(&f, &sites, false, now);
    asks();
    head(A, whole(RANGE_UNKNOWN, ""));
    bytes(A, "abc");
    fetch_ended(&f, A, NULL, "reset", now);
    cr_expect(asks() == BIT(B));
    head(B, whole(RANGE_UNKNOWN, ""));
    bytes(B, "abcd");
    fetch_ended(&f, B, NULL, NULL, now);
    cr_expect(f.state == FETCH_DONE && strcmp(got, "abcd") == 0);
}
