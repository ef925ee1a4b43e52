# Runs in five.yaml, from before its sites start (--early): five policies that differ, peerings by DNS
# alone within ten seconds, also after a restart; lies of name servers; and another key for ann, which
# its former one announces, DNS too, with listeners at three others and at ann itself.
. test/live/tests/lib.sh
need jq jq
ctl() { "$LIVE_BIN/peerctl" "$@"; }
clusters='ann bob cyd dan eve'
at() { echo "127.0.0.$(($(cat "$LIVE_DIR/$1/index") + 1))"; }
own_key=cluster # of ann, as long as it has that

# ask COMMAND CLUSTER: of the running peerd, as JSON.
ask() {
    ctl "$1" --json --connect "$(at "$2"):7601" \
        --key "$LIVE_DIR/$2/$([ "$2" = ann ] && echo "$own_key" || echo cluster).key" 2>/dev/null
}
alive() { ask peers "$1" | jq -r '[.peers[] | select(.verdict == "alive" and .workers > 0) | .name] | sort | join(" ")'; }
sees() { [ "$(alive "$1")" = "$(echo "$clusters" | tr ' ' '\n' | grep -vx "$1" | xargs)" ]; }
all_see() { for name in $clusters; do sees "$name" || return 1; done; }
show() { for name in $clusters; do echo "$name: $(alive "$name")"; done; }
# of CLUSTER EXPRESSION: of what it says of ann, in jq's words.
of() { ask peers "$1" | jq -e ".peers[] | select(.name == \"ann\") | $2"; }
others() { for name in bob cyd dan eve; do of "$name" "$1" || return 1; done; }

# within SECONDS WHAT COMMAND...: or it has failed.
within() {
    local began=$(date +%s%N) seconds=$1 what=$2
    shift 2
    wait_for "$seconds" "$@" || fail "$what: $(show; tail -qn 2 "$LIVE_DIR"/*/peerd.log)"
    said "$what ($((($(date +%s%N) - began) / 1000000)) ms, wanted ${seconds} s)"
}

# rules CLUSTER RULES [AGREEMENTS]: whom it accepts, in place of everybody, and on what terms.
rules() {
    local policy=$LIVE_DIR/$1/policy.yaml
    awk -v rules="$2" '/^  accept:/ { print; print rules; skip = 1; next }
        /^[a-z]/ { skip = 0 } !skip' "$policy" >"$policy.new"
    [ -z "${3:-}" ] || printf 'agreements:\n%s\n' "$3" >>"$policy.new"
    give "$1" "$policy.new"
    mv "$policy.new" "$policy"
    ctl check "$policy" >"$LIVE_DIR/check" || fail "policy of $1: $(cat "$LIVE_DIR/check")"
}

for name in $clusters; do
    ctl pubkey "$LIVE_DIR/$name/cluster.key" >"$LIVE_DIR/$name/cluster.pub"
done
key() { cat "$LIVE_DIR/ann/$1.pub"; }
rules ann '    - {name: "*"}' '  - {name: bob, asks: 10, asks_min: 5, cost_max: 3, lease: 10s}'
rules bob '    - {provider: acme, reserved_slots: 20}
    - {region: delta, reserved_slots: 5}
    - {name: "*"}' '  - {name: ann, asks: 0, cost: 3, lease: 10s}'
rules cyd '    - {name: "?o?", accept_moves: false}
    - {provider: acme, region: alps}
    - {name: "???"}'
rules dan '    - {region: fjord, reserved_slots: 10}
    - {name: "*"}'
rules eve "    - {key: $(key cluster), reserved_slots: 4}
    - {name: \"*\"}"
touch "$LIVE_DIR/go"
within 10 "by DNS only, each on its own terms, all five are peers" all_see
agreed() {
    ask agreements ann | jq -e '.agreements[] | select(.peer == "bob") | .state == "agreed" and .relied == 10'
}
within 10 "ann and bob have agreed on ten sessions, paid for" agreed


# listens NAME OPTIONS...: to ann, in the background, with what it says in NAME.
listens() {
    timeout 90 "$LIVE_BIN/peerclient" --cluster "http://$(at ann):7680" --service radio \
        --source tone --profile pcmu --give-up 2s --bind 127.0.1.60 "${@:2}" >"$LIVE_DIR/$1" 2>&1
}
wait_for 20 test -s "$LIVE_DIR/dan/n1.pid" && wait_for 10 listens probe --duration 200ms ||
    fail "nobody can listen: $(tail -n 2 "$LIVE_DIR/probe")"
old=
for number in 1 2; do
    listens "old-$number" --duration 80s --bind "127.0.1.6$number" &
    old+=" $!"
done

# five.yaml kills dan's peerd and starts it again, and lets the name servers of two lie, then none.
ready() { [ "$(grep -c 'ready cluster=dan' "$LIVE_DIR/dan/peerd.log")" -ge 2 ]; }
wait_for 20 ready || fail "dan was not restarted"
within 10 "again after dan's peerd was killed and started" all_see
liar() { ask found "$1" | jq -e '[.clusters[] | select(.state == "heard" and .misses > 0)] | length > 0'; }
lied() { liar ann && liar cyd; }
wait_for 30 lied || fail "nobody was lied to: $(ask found ann)"
all_see || fail "name servers that lie end peerings: $(show)"
said "the name servers of ann and cyd lie about everybody's key; all are peers all the same"
truth() { for name in $clusters; do grep -q "$(key cluster)" "$LIVE_DIR/$name/dns/zone" || return 1; done; }
wait_for 30 truth || fail "the name servers lie for ever"
sleep 1.5 # longer than records live
all_see || fail "when they tell the truth again: $(show)"

# Another key for ann. publish EXPRESSION: its record in everybody's zone, edited with sed.
publish() {
    local zone
    for name in $clusters; do
        zone=$LIVE_DIR/$name/dns/zone
        awk '$2 == "SOA" { $5 += 100 } { print }' "$zone" | sed "/name=ann /$1" >"$zone.new"
        give "$name" "$zone.new"
        mv "$zone.new" "$zone"
        kill -HUP "$(cat "$LIVE_DIR/$name/resolver.pid")"
    done
}
# put EXPRESSION: ann's policy, edited with sed and taken.
cp -p "$LIVE_DIR/ann/policy.yaml" "$LIVE_DIR/good.yaml"
put() {
    sed "$1" "$LIVE_DIR/good.yaml" >"$LIVE_DIR/ann/policy.new"
    give ann "$LIVE_DIR/ann/policy.new"
    mv "$LIVE_DIR/ann/policy.new" "$LIVE_DIR/ann/policy.yaml"
    kill -HUP "$(cat "$LIVE_DIR/ann/peerd.pid")"
}
ctl genkey "$LIVE_DIR/ann/next.key" >"$LIVE_DIR/ann/next.pub"
give ann "$LIVE_DIR/ann/next.key"
put "s|^  key_file: .*|&\n  next_key: $(key next)|"
publish "s|key=[^ \"]*|& next=$(key next)|"
announced() { others ".next_key == \"$(key next)\""; }
within 10 "ann's next key, published by itself and by DNS, is pinned by all four" announced
put "s|^  key_file: .*|  key_file: next.key\n  former_keys: $(key cluster)|"
publish "s|key=[^ ]* next=[^ \"]*|key=$(key next)|"
own_key=next
followed() { others ".key == \"$(key next)\" and .verdict == \"alive\"" && all_see; }
within 10 "re-keyed: all are peers again, under the new key" followed
within 10 "and agree again" agreed
others ".former_keys[0].key == \"$(key cluster)\" and (.former_keys[0].revoked | not)" >/dev/null ||
    fail "the former key: $(ask peers bob)"
! ctl peers --connect "$(at ann):7601" --key "$LIVE_DIR/ann/cluster.key" >/dev/null 2>&1 ||
    fail "the former key opens the control door"
listens new --duration 500ms || fail "no session under the new key: $(tail -n 2 "$LIVE_DIR/new")"
kill -0 $old 2>/dev/null || fail "a listener has ended: $(tail -qn 1 "$LIVE_DIR"/old-*)"
ctl drain --connect "$(at ann):7601" --key "$LIVE_DIR/ann/next.key" >/dev/null || fail "no drain"
left() { ask moves ann | jq -e '[.moves[] | select(.from == "ann" and .state == "over")] | length >= 2'; }
wait_for 20 left || fail "who left ann: $(ask moves ann)"
ctl undrain --connect "$(at ann):7601" --key "$LIVE_DIR/ann/next.key" >/dev/null
said "the former key opens nothing new; tickets that it signed let two listeners in elsewhere"

put "s|^  key_file: .*|  key_file: next.key\n  former_keys: $(key cluster)|
s|^discovery:|&\n  revoked: [$(key cluster)]|"
within 10 "it is revoked at all four" others '.former_keys[0].revoked'
ended() { ! kill -0 $old; }
wait_for 10 ended || fail "its tickets are good yet: $(tail -qn 1 "$LIVE_DIR"/old-*)"
for number in 1 2; do
    grep -q ' 0 lost' "$LIVE_DIR/old-$number" || fail "before: $(tail -n 2 "$LIVE_DIR/old-$number")"
done
all_see || fail "after that: $(show)"
said "and who had a ticket of it hears no more: $(tail -n 1 "$LIVE_DIR/old-1" | cut -c1-90)"
