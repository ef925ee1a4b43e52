#include "peerd/policy/policy.h"

#include "peerd/io/yaml.h"
#include "peerd/policy/policy_schema.h"
#include "test/unit/policy_fixture.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct faults faults;
static struct policy policy;

static const char head[] = "cluster: {name: fra1, provider: acme, region: eu, key_file: k}\n"
                           "beats: {bind: 127.0.0.1:7600}\n"
                           "peer_listen: {bind: 127.0.0.1:7601}\n";

/* Reads `text`, with the three required keys before it (three lines). */
static void read_after_head(const char *text) {
    static char whole[65536];
    struct tree tree;
    int len = snprintf(whole, sizeof(whole), "%s%s", head, text);
    faults_init(&faults, "f");
    tree_init(&tree);
    cr_assert(yaml_parse(&tree, whole, (size_t)len, &faults), "%s", faults_text(&faults));
    policy_read(&policy, tree.root, &faults);
    if (!faults_any(&faults))
        policy_check_keys(&policy, NULL, tree.root, &faults);
    tree_free(&tree);
}

static struct name name_of(const char *text) {
    struct name name;
    cr_assert(name_set(&name, text));
    return name;
}

Test(policy, its_tables_are_sound) {
    const char *defect = schema_table_defect(&policy_table);
    cr_expect_null(defect, "%s", defect);
}

Test(policy, least_has_every_default) {
    read_after_head("");
    cr_assert_str_eq(faults_text(&faults), "");
    cr_expect_str_eq(policy.cluster.name.text, "fra1");
    cr_expect_not(policy.cluster.placed);
    cr_expect_eq(policy.beats.bind.port, 7600);
    cr_expect_eq(policy.client_listen.listen.bind.family, 0, "not listening");
    cr_expect_eq(policy.detection.detect_within.us, 400000);
    cr_expect_eq(policy.detection.interval.us, 100000);
    cr_expect_eq(policy.limits.credit_lease.us, 300000000);
    cr_expect_eq(policy.limits.hedge_ms_max, 500);
    cr_expect_eq(policy.dns_server.family, 0);
}

/* What is on the very edge of what may be. */
Test(policy, accepts) {
    static const struct {
        const char *what, *text;
    } rows[] = {
        {"all that there is set aside for peers",
         "profiles: [{name: p, codec: pcmu}]\n"
         "services: [{name: s, capacity: 20, profiles: p}]\n"
         "peers:\n"
         "  - {name: a, key: k4.public.Y7ItFAXCiBL25ickHlp9aYqnk5Se1Pi6cKg5TNMo4GY, beats: 'a:1',"
         " control: 'a:2', reserved_slots: 20, detect_within: 200ms}\n"},
        {"one beat that may be lost", "detection: {detect_within: 200ms, interval: 100ms}\n"},
        {"all that is asked for is needed",
         "peers: [{name: a, key: k4.public.Y7ItFAXCiBL25ickHlp9aYqnk5Se1Pi6cKg5TNMo4GY, beats: "
         "'a:1', control: 'a:2'}]\nagreements: [{name: a, asks: 5, asks_min: 5}]\n"},
        {"opus at 24 kHz", "profiles: [{name: p, codec: opus, rate: 24kHz}]\n"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        read_after_head(rows[i].text);
        cr_expect_str_eq(faults_text(&faults), "", "%s: %s", rows[i].what, faults_text(&faults));
    }
}

Test(policy, reads_origins) {
    read_after_head("client_listen: {bind: 127.0.0.1:7680, plain_http: true}\n"
                    "origins:\n  - {name: film, url: 'https://x.example/film/master.m3u8', "
                    "mpd: manifest.mpd, reporters: [127.0.0.1/32, 192.0.2.0/28]}\n"
                    "  - {name: news, url: 'http://127.0.0.1:8080/m.m3u8', live: true, "
                    "check_every: 500ms, answer_within: 300ms, failures: 3, successes: 1}\n");
    cr_assert_str_eq(faults_text(&faults), "");
    cr_assert_eq(policy.origin_count, 2);
    const struct policy_origin *film = &policy.origins[0], *news = &policy.origins[1];
    cr_expect_str_eq(film->url.text, "https://x.example/film/master.m3u8");
    cr_expect_str_eq(film->mpd.text, "manifest.mpd");
    cr_expect_str_eq(news->mpd.text, "");
    cr_expect_not(film->live);
    cr_expect_eq(film->every.us, 1000000);
    cr_expect_eq(film->within.us, 1000000);
    cr_expect_eq(film->failures, 2);
    cr_expect_eq(film->successes, 3);
    cr_expect(news->live);
    cr_expect_eq(news->every.us, 500000);
    cr_expect_eq(news->within.us, 300000);
    cr_expect_eq(news->failures, 3);
    cr_expect_eq(news->successes, 1);
    struct name name = name_of("news"), other = name_of("radio");
    cr_expect_eq(policy_origin_find(&policy, &name), news);
    cr_expect_null(policy_origin_find(&policy, &other));
    static struct policy copied;
    policy_copy(&copied, &policy);
    cr_expect_eq(policy_origin_find(&copied, &name), &copied.origins[1]);
}

Test(policy, the_longest_prefix_says_where_clients_must_stay) {
    static const struct {
        const char *location;
        const char *region; /* NULL: anywhere */
    } rows[] = {
        {"192.0.2.0/24", "eu"},   {"192.0.3.0/24", "us"},    {"198.51.100.0/24", "ch"},
        {"198.51.0.0/16", "ch"}, /* some of it must, so all of it does */
        {"203.0.113.0/24", NULL}, {"2001:db8:7::/48", "eu"}, {"2001:db9::/48", NULL},
    };
    read_after_head("residence:\n  - {prefix: 192.0.0.0/16, regions: [us, ca]}\n"
                    "  - {prefix: 192.0.2.0/24, regions: eu}\n"
                    "  - {prefix: 198.51.100.0/24, regions: ch}\n"
                    "  - {prefix: '2001:db8::/32', regions: [eu]}\n");
    cr_assert_str_eq(faults_text(&faults), "");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct prefix location;
        cr_assert(prefix_from_text(&location, rows[i].location));
        const struct policy_residence *r = policy_residence_of(&policy, &location);
        cr_expect_eq(r == NULL, rows[i].region == NULL, "%s", rows[i].location);
        if (r != NULL && rows[i].region != NULL)
            cr_expect_str_eq(r->regions[0].text, rows[i].region, "%s", rows[i].location);
    }
}

/* A door for those who look at the page alone. */
Test(policy, viewers_need_no_grants) {
    read_after_head("client_listen: {bind: 127.0.0.1:7680, plain_http: true, "
                    "viewers: 127.0.0.1/32}\n");
    cr_assert_str_eq(faults_text(&faults), "");
    cr_assert_eq(policy.client_listen.viewer_count, 1);
    cr_expect_eq(policy.client_listen.viewers[0].bits, 32);
    cr_expect_eq(policy.grant_count, 0);
    read_after_head("client_listen: {bind: 127.0.0.1:7680, plain_http: true, "
                    "viewers_token_file: page.token}\n");
    cr_assert_str_eq(faults_text(&faults), "");
    cr_assert_eq(policy.client_listen.viewer_count, 0);
    cr_expect_str_eq(policy.client_listen.viewers_token_file.text, "page.token");
}

Test(policy, reads_all_of_it) {
    uint8_t digest[32];
    read_after_head("client_listen: {bind: '[::]:443', advertise: 'fra1.example.net:443', "
                    "tls_cert: c.pem, tls_key: k.pem, viewers: [10.0.0.0/8, '2001:db8::/32']}\n"
                    "nodes: [{name: n1, key: " KEY_A "}]\n"
                    "peers:\n"
                    "  - {name: ams1, key: " KEY_B ", beats: 127.0.0.2:7600, "
                    "control: ams1.example.org:7601, accept_moves: false, reserved_slots: 3, "
                    "detect_within: 1s}\n"
                    "  - {name: lon1, key: " KEY_C ", beats: 'srv:_peerd._udp.example.com', "
                    "control: 'srv:_peerd._tcp.example.com'}\n"
                    "profiles: [{name: music, codec: opus}, {name: phone, codec: pcma}, "
                    "{name: raw, codec: l16, rate: 12kHz, channels: 2}]\n"
                    "sources: [{name: jazz, location: /srv/jazz.wav, loop: true, "
                    "channel_since: 2026-01-31T12:00:00Z}, "
                    "{name: talk, class: push}]\n"
                    "services: [{name: radio, capacity: 10, profiles: [music, phone]}, "
                    "{name: one, capacity: 1, profiles: phone, sources: jazz}]\n"
                    "grants: [{token: long-enough}, {prefix: 10.0.0.0/8}]\n"
                    "dns_server: 192.0.2.53\n");
    cr_assert_str_eq(faults_text(&faults), "");
    cr_expect_str_eq(policy.client_listen.listen.advertise.text, "fra1.example.net:443");
    cr_expect_eq(policy.client_listen.viewer_count, 2);
    cr_expect_eq(policy.client_listen.viewers[1].bits, 32);
    cr_expect_eq(policy.peer_count, 2);
    cr_expect_not(policy.peers[0].accept_moves);
    cr_expect(policy.peers[0].offer_moves);
    cr_expect_eq(policy.peers[0].reserved_slots, 3);
    cr_expect_eq(policy_detect_within(&policy.detection, &policy.peers[0].wish).us, 1000000);
    cr_expect_eq(policy_detect_within(&policy.detection, &policy.peers[1].wish).us, 400000);
    cr_expect_eq(policy_false_alarm_every(&policy.detection, &policy.peers[0].wish).us,
                 INT64_C(3600000000));
    cr_expect_str_eq(policy.peers[1].beats.text, "srv:_peerd._udp.example.com");
    cr_expect_eq(policy.profiles[0].rate_hz, 48000);
    cr_expect_eq(policy.profiles[0].bitrate_bps, 64000);
    cr_expect_eq(policy.profiles[0].preroll_frames, 100);
    cr_expect_eq(policy.profiles[1].rate_hz, 8000);
    cr_expect_eq(policy.profiles[1].bitrate_bps, 0);
    cr_expect_eq(policy.profiles[2].rate_hz, 12000);
    cr_expect_eq(policy.sources[0].channel_since_s, 1769860800);
    cr_expect_eq(policy.sources[1].class, SOURCE_CLASS_PUSH);
    policy_token_digest(digest, "long-enough", 11);
    cr_expect(policy.grants[0].by_token);
    cr_expect_eq(memcmp(policy.grants[0].token_digest, digest, 32), 0);
    cr_expect_not(policy.grants[1].by_token);
    cr_expect_eq(policy.grants[1].prefix.bits, 8);
    cr_expect_eq(policy.dns_server.port, 53);

    struct name jazz = name_of("jazz"), talk = name_of("talk"), phone = name_of("phone");
    struct name one = name_of("one"), radio = name_of("radio"), lon1 = name_of("lon1");
    cr_expect_eq(policy_peer_find(&policy, &lon1), &policy.peers[1]);
    cr_expect_null(policy_peer_find(&policy, &jazz));
    cr_expect_eq(policy_profile_find(&policy, &phone), &policy.profiles[1]);
    cr_expect_eq(policy_source_find(&policy, &talk), &policy.sources[1]);
    cr_expect_null(policy_source_find(&policy, &phone));
    cr_assert_eq(policy_service_find(&policy, &one), &policy.services[1]);
    cr_expect_null(policy_service_find(&policy, &phone));
    const struct policy_service *s = policy_service_find(&policy, &radio);
    cr_expect(policy_service_offers(s, &phone, &talk), "without sources the whole catalogue");
    cr_expect_not(policy_service_offers(&policy.services[1], &phone, &talk));
    cr_expect(policy_service_offers(&policy.services[1], &phone, &jazz));
    cr_expect_not(policy_service_offers(&policy.services[1], &radio, &jazz));
}

Test(policy, reads_discovery) {
    read_after_head("");
    cr_assert_str_eq(faults_text(&faults), "");
    cr_expect_not(policy_finds(&policy));
    read_after_head("discovery:\n"
                    "  dns: [fra1.example.net, example.org]\n"
                    "  introduction: true\n"
                    "  accept: [{provider: acme, reserved_slots: 5}, {name: 'ams*', region: eu, "
                    "key: " KEY_A ", accept_moves: false, false_alarm_every: 1d}]\n"
                    "  revoked: " KEY_B "\n"
                    "  peers_max: 7\n"
                    "  refresh_min: 2s\n");
    cr_assert_str_eq(faults_text(&faults), "");
    const struct policy_discovery *d = &policy.discovery;
    struct policy *copy = calloc(1, sizeof(*copy));
    cr_expect(policy_finds(&policy));
    cr_expect_eq(d->dns_count, 2);
    cr_expect_str_eq(d->dns[1].text, "example.org");
    cr_expect_eq(d->accept_count, 2);
    cr_expect(d->accept[0].accept_moves && d->accept[0].offer_moves);
    cr_expect_eq(d->accept[0].reserved_slots, 5);
    cr_expect_str_eq(d->accept[1].pattern, "ams*");
    cr_expect_not(d->accept[1].accept_moves);
    cr_expect_eq(policy_false_alarm_every(&policy.detection, &d->accept[1].wish).us,
                 INT64_C(86400000000));
    cr_expect_eq(d->revoked_count, 1);
    cr_expect_eq(d->refresh_min.us, 2000000);
    cr_expect_eq(d->refresh_max.us, 300000000);
    policy_copy(copy, &policy);
    cr_expect_eq(memcmp(&copy->discovery, d, sizeof(*d)), 0, "all of it is copied");
    free(copy);
}

Test(policy, says_what_a_place_is) {
    static const struct {
        const char *text;
        bool good;
    } rows[] = {{"192.0.2.1:7600", true},
                {"[2001:db8::1]:7600", true},
                {"fra1.example.net:7600", true},
                {"srv:_peerd._udp.example.net", true},
                {"192.0.2.1", false},
                {"fra1.example.net", false},
                {"fra1:0", false},
                {"srv:example.net", false},
                {"http://x/:1", false},
                {"", false},
                {"192.0.2.1:7600 ", false}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cr_expect_eq(policy_place_valid(rows[i].text), rows[i].good, "%s", rows[i].text);
}

/* Lines count from the head: what each row adds begins on line 4. */
static const struct {
    const char *what, *text, *faults;
} refused[] = {
    {"unknown key", "peer:\n",
     "4:1: peer: expected a key of a policy, found unknown key `peer` (did you mean "
     "`peers`?)\n"},
    {"discovery that accepts nobody", "discovery: {dns: example.net}\n",
     "4:12: discovery.accept: expected a list, found no key `accept` (it is required)\n"},
    {"a rule for everybody by mistake", "discovery: {accept: [{reserved_slots: 3}]}\n",
     "4:22: discovery.accept[0]: expected at least one of provider, region, name and key, found "
     "none of them (name: '*' accepts everybody)\n"},
    {"a domain with the service in it",
     "discovery: {dns: _peerd._udp.example.net, accept: [{name: a}]}\n",
     "4:18: discovery.dns: expected a domain such as fra1.example.net, found "
     "`_peerd._udp.example.net` (_peerd._udp is put before it by itself)\n"},
    {"a wish for one peer that beats are too rare for",
     "peers: [{name: a, key: " KEY_A ", beats: 192.0.2.1:1, control: 192.0.2.1:2, detect_within: "
     "199ms}]\n"
     "discovery: {accept: [{name: b, detect_within: 20ms}]}\n",
     "4:136: peers[0].detect_within: expected at least twice detection.interval, so that one beat "
     "may be lost, found 199ms, and interval: 100ms\n"
     "5:47: discovery.accept[0].detect_within: expected at least twice detection.interval, so that "
     "one beat may be lost, found 20ms, and interval: 100ms\n"},
    {"a pattern that no name fits", "discovery: {accept: [{name: AMS*}]}\n",
     "4:29: discovery.accept[0].name: expected a name in which * stands for any characters and ? "
     "for one, found `AMS*`\n"},
    {"refreshed at most before at least",
     "discovery: {accept: [{name: a}], refresh_min: 10s, refresh_max: 5s}\n",
     "4:65: discovery.refresh_max: expected refresh_max to be at least refresh_min, found `5s`\n"},
    {"key twice", "cluster: {}\n",
     "4:1: cluster: expected each key once, found `cluster` again (first on line 1)\n"},
    {"all addresses told to nobody",
     "client_listen: {bind: '[::]:80', plain_http: true}\n"
     "grants: [{prefix: 10.0.0.0/8}]\n",
     "4:16: client_listen.advertise: expected host and port for others to use, since `bind` "
     "means all addresses, found no key `advertise`\n"},
    {"TLS without files", "client_listen: {bind: 10.0.0.1:443}\ngrants: [{prefix: 10.0.0.0/8}]\n",
     "4:16: client_listen.tls_cert: expected a PEM file, found no key `tls_cert` (or say "
     "plain_http: true, if clients are to come without TLS)\n"
     "4:16: client_listen.tls_key: expected a PEM file, found no key `tls_key` (or say "
     "plain_http: true, if clients are to come without TLS)\n"},
    {"both TLS and none",
     "client_listen: {bind: 10.0.0.1:443, plain_http: true, tls_cert: c}\n"
     "grants: [{prefix: 10.0.0.0/8}]\n",
     "4:65: client_listen.tls_cert: expected no `tls_cert` beside plain_http: true, found "
     "both\n"},
    {"nobody may open", "client_listen: {bind: 10.0.0.1:80, plain_http: true}\n",
     "1:1: grants: expected at least one grant, since client_listen is there for somebody, "
     "found no key `grants`\n"},
    {"one port for two identities",
     "client_listen: {bind: 127.0.0.1:7601, plain_http: true}\n"
     "grants: [{prefix: 10.0.0.0/8}]\n",
     "4:23: client_listen.bind: expected another port than that of peer_listen: they have "
     "different identities, found `127.0.0.1:7601` again\n"},
    {"peer with our name",
     "peers: [{name: fra1, key: " KEY_A ", beats: 10.0.0.2:1, control: 10.0.0.2:1}]\n",
     "4:16: peers[0].name: expected the name of another cluster, found `fra1`, our own\n"},
    {"two peers with one name",
     "peers:\n - {name: a, key: " KEY_A ", beats: 10.0.0.2:1, control: 10.0.0.2:1}\n"
     " - {name: a, key: " KEY_B ", beats: 10.0.0.2:1, control: 10.0.0.2:1}\n",
     "6:11: peers[1].name: expected a name that differs from all others in `peers`, found `a` "
     "again (first on line 5)\n"},
    {"two peers with one key",
     "peers:\n - {name: a, key: " KEY_A ", beats: 10.0.0.2:1, control: 10.0.0.2:1}\n"
     " - {name: b, key: " KEY_A ", beats: 10.0.0.2:1, control: 10.0.0.2:1}\n",
     "6:19: peers[1].key: expected a key of its own for each cluster and node, found the key "
     "of "
     "peer a\n"},
    {"a node with a peer's key",
     "peers:\n - {name: a, key: " KEY_A ", beats: 10.0.0.2:1, control: 10.0.0.2:1}\n"
     "nodes: [{name: n1, key: " KEY_A "}]\n",
     "6:25: nodes[0].key: expected a key of its own for each cluster and node, found the key "
     "of "
     "peer a\n"},
    {"peer without key", "peers: [{name: a, beats: 10.0.0.2:1, control: 10.0.0.2:1}]\n",
     "4:9: peers[0].key: expected one of `key` (k4.public.…) and `key_file` (a file that holds "
     "one), found none of them (one is required)\n"},
    {"node with two keys", "nodes: [{name: n1, key: " KEY_A ", key_file: f}]\n",
     "4:90: nodes[0].key_file: expected only one of `key` (k4.public.…) and `key_file` (a file "
     "that holds one), found `key_file` beside `key`\n"},
    {"endpoints", "peers: [{name: a, key: " KEY_A ", beats: 10.0.0.2, control: 'srv:peerd'}]\n",
     "4:86: peers[0].beats: expected host and port such as 192.0.2.1:7600 or "
     "fra1.example.net:7600, or srv:_peerd._udp.example.net, found `10.0.0.2` (the port is "
     "missing)\n"
     "4:105: peers[0].control: expected host and port such as 192.0.2.1:7600 or "
     "fra1.example.net:7600, or srv:_peerd._tcp.example.net, found `srv:peerd` (a service "
     "record is named _service._protocol.domain (RFC 2782))\n"},
    {"an address with a slip is no host name",
     "peers: [{name: a, key: " KEY_A ", beats: '10.0.0.256:1', control: 'x..y:1'}]\n",
     "4:86: peers[0].beats: expected host and port such as 192.0.2.1:7600 or "
     "fra1.example.net:7600, or srv:_peerd._udp.example.net, found `10.0.0.256:1`\n"
     "4:111: peers[0].control: expected host and port such as 192.0.2.1:7600 or "
     "fra1.example.net:7600, or srv:_peerd._tcp.example.net, found `x..y:1`\n"},
    {"more reserved than there is",
     "peers: [{name: a, key: " KEY_A ", beats: 'h:1', control: 'h:1', reserved_slots: 11}]\n"
     "profiles: [{name: p, codec: pcmu}]\n"
     "services: [{name: s, capacity: 10, profiles: p}]\n",
     "4:8: peers: expected reserved_slots of all peers within the capacity of all services, "
     "found 11 reserved of 10\n"},
    {"origins that nothing can be fetched from",
     "client_listen: {bind: 127.0.0.1:7680, plain_http: true}\n"
     "origins:\n - {name: a, url: 'ftp://x/m.m3u8'}\n - {name: b, url: 'http://x/film/'}\n"
     " - {name: c, url: 'http://x/m.m3u8?k=v'}\n - {name: d, url: 'http://u:p@x/m.m3u8'}\n"
     " - {name: e, url: 'http://x/\"m.m3u8'}\n - {name: f, url: 'http:///m.m3u8'}\n",
     "6:19: origins[0].url: expected an http:// or https:// URL of a file, without ? and #, found "
     "`ftp://x/m.m3u8`\n"
     "7:19: origins[1].url: expected an http:// or https:// URL of a file, without ? and #, found "
     "`http://x/film/` (the file is missing, such as master.m3u8)\n"
     "8:19: origins[2].url: expected an http:// or https:// URL of a file, without ? and #, found "
     "`http://x/m.m3u8?k=v`\n"
     "9:19: origins[3].url: expected an http:// or https:// URL of a file, without ? and #, found "
     "`http://u:p@x/m.m3u8`\n"
     "10:19: origins[4].url: expected an http:// or https:// URL of a file, without ? and #, found "
     "`http://x/\"m.m3u8`\n"
     "11:19: origins[5].url: expected an http:// or https:// URL of a file, without ? and #, found "
     "`http:///m.m3u8`\n"},
    {"MPDs that lie elsewhere",
     "client_listen: {bind: 127.0.0.1:7680, plain_http: true}\n"
     "origins:\n - {name: a, url: 'http://x/m.m3u8', mpd: dash/m.mpd}\n"
     " - {name: b, url: 'http://x/m.m3u8', mpd: 'm.mpd?k'}\n"
     " - {name: c, url: 'http://x/m.m3u8', mpd: ''}\n",
     "6:43: origins[0].mpd: expected the name of a file beside the playlist, found `dash/m.mpd`\n"
     "7:43: origins[1].mpd: expected the name of a file beside the playlist, found `m.mpd?k`\n"
     "8:43: origins[2].mpd: expected the name of a file beside the playlist, found ``\n"},
    {"origins without a door, one of a service's name",
     "profiles: [{name: p, codec: pcmu}]\nservices: [{name: s, capacity: 1, profiles: p}]\n"
     "origins: [{name: s, url: 'http://x/m.m3u8', failures: 0}]\n",
     "1:1: client_listen: expected a door at which players can ask for `origins`, found no key "
     "`client_listen`\n"
     "6:18: origins[0].name: expected another name than those of `services`, found `s`\n"
     "6:55: origins[0].failures: expected a whole number from 1 to 100, found `0`\n"},
    {"service of nothing known",
     "profiles: [{name: opus, codec: opus}]\nsources: [{name: jazz, location: /j}]\n"
     "services: [{name: s, capacity: 1, profiles: [opsu], sources: jaz}]\n",
     "6:46: services[0].profiles[0]: expected the name of a profile of this policy, found "
     "`opsu` (did you mean `opus`?)\n"
     "6:62: services[0].sources: expected the name of a source of this policy, found `jaz` "
     "(did you mean `jazz`?)\n"},
    {"nothing about references to what was itself refused",
     "profiles: [{name: OPUS, codec: opus}]\n"
     "services: [{name: s, capacity: 1, profiles: [opus]}]\n",
     "4:19: profiles[0].name: expected a name (up to 31 of a-z 0-9 - _ .), found `OPUS` (small "
     "letters only)\n"},
    {"codec", "profiles: [{name: p, codec: opsu}]\n",
     "4:29: profiles[0].codec: expected one of opus, pcmu, pcma, gsm, l16, found `opsu` (did "
     "you mean `opus`?)\n"},
    {"parameters of another codec",
     "profiles:\n - {name: p, codec: pcmu, bitrate: 64kbit/s, complexity: 1}\n"
     " - {name: q, codec: gsm, rate: 16kHz, channels: 2}\n"
     " - {name: r, codec: opus, rate: 44.1kHz}\n",
     "5:36: profiles[0].bitrate: expected no bit rate, which only opus lets one choose, found "
     "`64kbit/s` with codec pcmu\n"
     "5:58: profiles[0].complexity: expected no complexity, which only opus knows, found `1` "
     "with codec pcmu\n"
     "6:32: profiles[1].rate: expected 8kHz, the only rate of this codec (RFC 3551), found "
     "`16kHz` with codec gsm\n"
     "6:49: profiles[1].channels: expected 1 channel, found `2` with codec gsm\n"
     "7:33: profiles[2].rate: expected 8kHz, 12kHz, 16kHz, 24kHz or 48kHz, found `44.1kHz` "
     "with codec opus\n"},
    {"what the media stack cannot carry",
     "profiles:\n - {name: p, codec: l16, rate: 48kHz}\n"
     " - {name: q, codec: opus, bitrate: 500kbit/s}\n"
     " - {name: r, codec: opus, bitrate: 64100bit/s}\n",
     "5:32: profiles[0].rate: expected at most 30kHz mono or 15kHz stereo, so that a frame fits "
     "into a datagram, found `48kHz` with codec l16\n"
     "6:36: profiles[1].bitrate: expected at most 256kbit/s a channel, in steps of 400bit/s "
     "(whole bytes a frame), found `500kbit/s` with codec opus\n"
     "7:36: profiles[2].bitrate: expected at most 256kbit/s a channel, in steps of 400bit/s "
     "(whole bytes a frame), found `64100bit/s` with codec opus\n"},
    {"sources",
     "sources:\n - {name: a}\n - {name: b, location: 'ftp://x/y'}\n"
     " - {name: c, class: push, location: /c}\n"
     " - {name: d, class: live, location: 'http://x/y', loop: true}\n"
     " - {name: e, location: /e, channel_since: 2026-02-29T12:00:00Z}\n"
     " - {name: f, class: seekable, location: /f, channel_since: 2026-01-31T12:00:00Z}\n",
     "5:4: sources[0].location: expected a file or an http:// or https:// URL, found no key "
     "`location` (it is required unless the class is push)\n"
     "6:24: sources[1].location: expected a file or an http:// or https:// URL, found "
     "`ftp://x/y` (nodes open no other protocol than http and https)\n"
     "7:37: sources[2].location: expected no location for a source that clients push, found "
     "`/c`\n"
     "8:57: sources[3].loop: expected loop only for the classes exact and seekable, found "
     "loop: true for a source without end\n"
     "9:43: sources[4].channel_since: expected a date as 2026-01-31T12:00:00Z, found "
     "`2026-02-29T12:00:00Z`\n"
     "10:60: sources[5].channel_since: expected channel_since only for the class exact, found "
     "class: seekable\n"},
    {"grants, without repeating a token",
     "grants:\n - {token: short}\n - {}\n - {token: long-enough, prefix: 10.0.0.0/8}\n"
     " - secret-token\n",
     "5:12: grants[0].token: expected a token of 8 to 255 printable characters without space, "
     "found one of 5 bytes\n"
     "6:4: grants[1].token: expected one of `token`, `token_file` and `prefix`, found none of "
     "them (one is required)\n"
     "7:33: grants[2].prefix: expected only one of `token`, `token_file` and `prefix`, found "
     "`prefix` beside `token`\n"
     "8:4: grants[3]: expected a grant: a mapping (keys with values), found a single value\n"},
    {"beats on suspicion rarer than ever",
     "detection: {interval: 100ms, interval_suspect: 150ms}\n",
     "4:48: detection.interval_suspect: expected a duration from 20ms to 100ms, a fifth of "
     "interval "
     "and all of it, found `150ms`\n"},
    {"beats on suspicion too often", "detection: {interval: 100ms, interval_suspect: 19ms}\n",
     "4:48: detection.interval_suspect: expected a duration from 20ms to 100ms, a fifth of "
     "interval "
     "and all of it, found `19ms`\n"},
    {"bounds of beats that leave no room for the usual",
     "detection: {interval: 100ms, interval_min: 150ms, interval_max: 50ms}\n",
     "4:44: detection.interval_min: expected at most 100ms, which is interval, found `150ms`\n"
     "4:65: detection.interval_max: expected at least 100ms, which is interval, found `50ms`\n"},
    {"bounds of beats beyond what is sensible",
     "detection: {interval_min: 5ms, interval_max: 2s}\n",
     "4:27: detection.interval_min: expected a duration from 20ms to 1s, found `5ms`\n"
     "4:46: detection.interval_max: expected a duration from 20ms to 1s, found `2s`\n"},
    {"damped and at once no longer", "detection: {flap_suppress: 500}\n",
     "4:28: detection.flap_suppress: expected flap_reuse to be less than flap_suppress, found "
     "flap_reuse: 750 and flap_suppress: 500\n"},
    {"damped for nothing",
     "detection: {flap_suppress: 2000, flap_reuse: 2000, flap_half_life: 1}\n",
     "4:46: detection.flap_reuse: expected flap_reuse to be less than flap_suppress, found "
     "flap_reuse: 2000 and flap_suppress: 2000\n"
     "4:68: detection.flap_half_life: expected a duration from 1s to 1d, found `1` (a bare number "
     "has no unit: write 1ms or 1s)\n"},
    {"beats too rare", "detection: {interval: 300ms}\n",
     "4:23: detection.interval: expected interval to fit at least twice into detect_within, so "
     "that one may be lost, found interval: 300ms and detect_within: 400ms\n"},
    {"detection too fast for the default", "detection: {detect_within: 150ms}\n",
     "4:28: detection.detect_within: expected interval to fit at least twice into "
     "detect_within, so that one may be lost, found interval: 100ms and detect_within: "
     "150ms\n"},
    {"node lease", "limits: {node_poll: 2s}\n",
     "4:21: limits.node_poll: expected node_poll to fit at least twice into node_lease, so "
     "that one may be lost, found node_poll: 2s and node_lease: 2s\n"},
    {"ticket that dies with its session", "limits: {session_lease: 1min, ticket_life: 1min}\n",
     "4:25: limits.session_lease: expected session_lease to fit at least twice into "
     "ticket_life, so that one may be lost, found session_lease: 1min and ticket_life: "
     "1min\n"},
    {"limits", "limits: {sessions_max: 0, opens_per_s: 5/s, hedge_max: 500, clock_skew: 2%}\n",
     "4:24: limits.sessions_max: expected a whole number from 1 to 2000000, found `0`\n"
     "4:40: limits.opens_per_s: expected a whole number from 1 to 1000000, found `5/s` (it has "
     "no unit)\n"
     "4:56: limits.hedge_max: expected a duration from 20ms to 2s, found `500` (a bare number "
     "has no unit: write 500ms or 500s)\n"
     "4:73: limits.clock_skew: expected a duration from 0s to 10min, found `2%` (`%` makes it "
     "a percentage)\n"},
    {"dns server", "dns_server: dns.example.net\n",
     "4:13: dns_server: expected an address such as 192.0.2.1, 2001:db8::1 or, with a port, "
     "192.0.2.1:53, found `dns.example.net`\n"},
};

Test(policy, refuses) {
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        read_after_head(refused[i].text);
        cr_expect_str_eq(faults_text(&faults), refused[i].faults, "%s:\n%s", refused[i].what,
                         faults_text(&faults));
    }
}

Test(policy, our_own_key_is_nobody_elses) {
    struct public_key own;
    struct tree tree;
    static const char text[] = "peers: [{name: a, key: " KEY_A "}]\n";
    read_after_head("peers: [{name: a, key: " KEY_A ", beats: 'h:1', control: 'h:1'}]\n");
    cr_assert_eq(public_key_from_text(&own, KEY_A), ERR_OK);
    faults_init(&faults, "f");
    tree_init(&tree);
    cr_assert(yaml_parse(&tree, text, sizeof(text) - 1, &faults));
    policy_check_keys(&policy, &own, tree.root, &faults);
    cr_expect_str_eq(faults_text(&faults),
                     "1:24: peers[0].key: expected a key of its own for each cluster and node, "
                     "found the key of our own cluster\n");
    tree_free(&tree);
}
