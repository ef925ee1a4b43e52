# By itself: five providers who know nothing of each other but domains, which a real knotd answers.
# Who is to peer with whom follows from their rules. The name server changes its mind, lies, truncates
# and dies; a peerd is killed. Only peerds run: there is no media in it.
. test/live/tests/lib.sh
need knotd knot
net=127.0.251 clusters='ann bob cyd dan eve'
. test/live/tests/sites.sh
server=$net.53

public() { cat "$dir/$1.pub"; }

# zone SERIAL [LINE...]: of everybody, with one record a line; a line replaces those of its name.
zone() {
    local name serial=$1
    shift
    {
        printf '$ORIGIN example.test.\n$TTL 1\n@ SOA ns admin %d 3600 600 86400 1\n' "$serial"
        printf '@ NS ns\nns A %s\n' "$server"
        for name in $clusters; do
            printf '%s A %s\n' "$name" "$(address "$name")"
            printf '_peerd._udp.%s SRV 10 10 7600 %s\n_peerd._tcp.%s SRV 10 10 7601 %s\n' \
                "$name" "$name" "$name" "$name"
            [ "$name" != "${lied:-}" ] &&
                printf '_peerd._udp.%s TXT "name=%s key=%s%s"\n' "$name" "$name" "$(public "$name")" \
                    "$([ "$name" != "${next:-}" ] || echo " next=$(public next)")"
            # One domain that names them all, in more bytes than a datagram has.
            printf '_peerd._udp.all TXT "name=%s key=%s at=%s.example.test %060d"\n' "$name" \
                "$(public "$name")" "$name" 0
        done
        printf '%s\n' "$@"
    } >"$dir/zone.new"
    mv "$dir/zone.new" "$dir/zone"
    [ -z "${knotd:-}" ] || kill -HUP "$knotd"
}

start_server() {
    begin knot knotd -c "$dir/knot.conf"
    knotd=$!
    wait_for 15 grep -qE 'zone.*loaded' "$dir/knot.log" || fail "knotd: $(tail -n 3 "$dir/knot.log")"
}

# policy NAME PROVIDER DOMAINS RULES [KEYS]
policy() {
    cat >"$dir/$1.yaml" <<YAML
cluster: {name: $1, provider: $2, region: r-$1, ${5:-key_file: $1.key}}
$(doors_of "$1")
detection: {detect_within: 1s}
dns_server: $server:5300
discovery:
  dns: [$3]
  refresh_min: 1s
  refresh_max: 2s
  accept:
$4
YAML
}

sees() { [ "$(alive "$1")" = "$2" ]; }
found() { "$bin/peerctl" found --policy "$dir/$1.yaml" 2>/dev/null; }
# state NAME OF: what a cluster says of another.
state() { found "$1" | grep "^$2 "; }
# asked NAME answers|failures: of all its domains.
asked() {
    found "$1" | awk -v column="$([ "$2" = answers ] && echo 2 || echo 3)" \
        '$1 == "cluster" { exit } NR > 1 { sum += $column } END { print sum + 0 }'
}
says() { state "$1" "$2" | grep -q "$3"; }

all_see() {
    sees ann "bob cyd dan" && sees bob "ann cyd" && sees cyd "ann bob dan" && sees dan "ann cyd" &&
        sees eve ""
}
show() {
    for name in $clusters; do echo "$name: $(alive "$name")"; done
    found ann | head -c 1500
    tail -n 5 "$dir"/*.log
}

make_keys $clusters liar next
cat >"$dir/knot.conf" <<CONF
server:
  rundir: "$dir"
  listen: $server@5300
database:
  storage: "$dir"
log:
  - target: stderr
    any: info
zone:
  - domain: example.test
    storage: "$dir"
    file: zone
    zonefile-sync: -1
    zonefile-load: whole
    journal-content: none
CONF
zone 1
start_server

each='ann.example.test, bob.example.test, cyd.example.test, dan.example.test, eve.example.test'
policy ann acme all.example.test '    - {name: "*"}'
rules_of_bob='    - {provider: acme}
    - {name: c?d}'
policy bob bobby "$each" "$rules_of_bob"
policy cyd cydco "$each" "    - {provider: acme, region: r-ann}
    - {name: bob, key: $(public bob)}
    - {name: d*, detect_within: 2s}"
policy dan dandy all.example.test "    - {key: $(public ann)}
    - {region: r-cyd}"
policy eve evil all.example.test '    - {provider: nobody}'
for name in $clusters; do
    start_peerd "$name"
done
within 10000 "the expected peerings and no others form, by DNS only" all_see
why() { "$bin/peerctl" why "$2" --policy "$dir/$1.yaml"; }
why cyd dan | grep -q 'wished: *T_D 2000 ms' && why cyd ann | grep -q 'wished: *T_D 1000 ms' ||
    fail "a rule says how soon the end of who it accepts is noticed: $(why cyd dan; why cyd ann)"
says eve ann 'no rule' || fail "eve says of ann: $(state eve ann)"
says dan bob 'no rule' || fail "dan says of bob: $(state dan bob)"
[ "$(asked ann answers)" -gt 0 ] && [ "$(asked ann failures)" -eq 0 ] ||
    fail "the truncated answer: $(found ann)"
bytes=$(grep '^_peerd._udp.all TXT' "$dir/zone" | cut -d'"' -f2 | tr -d '\n' | wc -c)
[ "$bytes" -gt 512 ] || fail "an answer of $bytes bytes fits into a datagram"
said "an answer with $bytes bytes of text, more than a datagram of RFC 1035 has; who is refused is shown"

for name in ann cyd; do
    dies "peerd_$name"
    start_peerd "$name"
    within 10000 "again after $name was killed" all_see
done

# A lie: another key under bob's name, and everybody's beats led to the liar's address.
lied=bob
zone 2 "_peerd._udp.bob TXT \"name=bob key=$(public liar)\"" \
    '_peerd._udp.bob SRV 1 1 7600 eve' '_peerd._tcp.bob SRV 1 1 7601 eve'
wait_for 15 says cyd bob heard || fail "cyd has not heard the lie: $(found cyd)"
wait_for 30 grep -q 'name leads elsewhere' "$dir/cyd.log" || fail "cyd was not led elsewhere"
sleep 3
all_see || fail "a name server that lies ends peerings: $(show)"
said "a name server that lies about a key and an address ends no peering"
dies peerd_cyd
start_peerd cyd
wait_for 30 sees cyd "ann dan" || fail "cyd, started while the name server lies: $(alive cyd)"
says cyd bob 'heard' || fail "cyd says of bob: $(state cyd bob)"
said "and nobody peers with whom it lies about"
lied=
zone 3
within 10000 "when it tells the truth again all is as it was" all_see

# bob takes another key: announced by itself and by DNS, switched to, and then DNS says so, too. cyd's
# rule names bob's former key, ann's does not.
keys_of() { "$bin/peerctl" peers --json --policy "$dir/$1.yaml" | tr -d '\n'; }
knows_next() { keys_of "$1" | grep -q "\"next_key\":\"$(public next)\""; }
both_know() { knows_next ann && knows_next cyd; }
goes_by() { keys_of "$1" | grep -q "\"key\":\"$(public next)\""; }
both_follow() { goes_by ann && goes_by cyd; }
changes() {
    for name in ann cyd; do
        "$bin/peerctl" status --json --policy "$dir/$name.yaml" | grep -o '"verdicts_changed":[0-9]*'
    done
}
next=bob
zone 4
policy bob bobby "$each" "$rules_of_bob" "key_file: bob.key, next_key: $(public next)"
within 10000 "bob's next key is known to its peers" both_know
before=$(changes)
policy bob bobby "$each" "$rules_of_bob" "key_file: next.key, former_keys: $(public bob)"
within 2000 "re-keyed: they go over" both_follow
all_see || fail "after bob has taken its next key: $(show)"
[ "$(changes)" = "$before" ] || fail "somebody was believed otherwise for it: $before, $(changes)"
said "and nobody's verdict on anybody has changed: $(echo $before)"
retired() { says "$1" bob retired && says "$1" bob accepted; }
wait_for 20 retired ann && wait_for 20 retired cyd || fail "found: $(found ann; found cyd)"
said "the former key is for tickets only, also where a rule names it"
next=
cp "$dir/next.pub" "$dir/bob.pub"
zone 5
dies peerd_cyd
start_peerd cyd
wait_for 30 sees cyd "ann dan" || fail "cyd, whose rule names bob's former key: $(alive cyd)"
policy cyd cydco "$each" "    - {provider: acme, region: r-ann}
    - {name: bob, key: $(public bob)}
    - {name: d*}"
within 10000 "under the new key alone, too, once a rule that pins it does" all_see

dies knotd
knotd=
sleep 4
all_see || fail "without a name server peerings end: $(show)"
[ "$(asked ann failures)" -gt 0 ] || fail "the failures are not counted"
failures=$(asked bob failures)
[ "$failures" -le 30 ] || fail "bob asked $failures times in 4 s"
said "without a name server the last answer stays; bob asked $failures times for its five domains"
