# Runs inside rekey.yaml.
. test/live/tests/lib.sh
ctl() { "$LIVE_BIN/peerctl" "$@"; }
key() { cat "$LIVE_DIR/fra1/$1.pub"; }

# peers CLUSTER [KEY]: what it says of its peers.
peers() {
    ctl peers --json --connect "127.0.0.$(($(cat "$LIVE_DIR/$1/index") + 1)):7601" \
        --key "$LIVE_DIR/$1/${2:-cluster}.key"
}
# of CLUSTER EXPRESSION: of what it says of fra1, in jq's words.
of() { peers "$1" | jq -e ".peers[] | select(.name == \"fra1\") | $2"; }
both() { of ams1 "$1" && of lon1 "$1"; }

# put EXPRESSION: fra1's policy, edited with sed and taken.
put() {
    sed "$1" "$LIVE_DIR/good.yaml" >"$LIVE_DIR/fra1/policy.new"
    give fra1 "$LIVE_DIR/fra1/policy.new"
    mv "$LIVE_DIR/fra1/policy.new" "$LIVE_DIR/fra1/policy.yaml"
    kill -HUP "$(cat "$LIVE_DIR/fra1/peerd.pid")"
}

# listens NAME CLUSTER OPTIONS...: in the background, with what it says in NAME.
listens() {
    timeout 60 "$LIVE_BIN/peerclient" --cluster "http://127.0.0.$2:7680" --service radio \
        --source tone --profile pcmu --give-up 2s --bind 127.0.1.60 "${@:3}" >"$LIVE_DIR/$1" 2>&1
}

need jq jq
old=
for number in 1 2 3; do
    listens "old-$number" 1 --duration 50s --bind "127.0.1.6$number" &
    old+=" $!"
done
cp -p "$LIVE_DIR/fra1/policy.yaml" "$LIVE_DIR/good.yaml"
ctl pubkey "$LIVE_DIR/fra1/cluster.key" >"$LIVE_DIR/fra1/cluster.pub"
ctl genkey "$LIVE_DIR/fra1/next.key" >"$LIVE_DIR/fra1/next.pub"
give fra1 "$LIVE_DIR/fra1/next.key"
wait_for 20 both '.verdict == "alive" and .workers > 0' || fail "no peering: $(peers ams1)"
changes=$(both .since_ms_ago | sort -n | head -n 1)

put "s|^  key_file: .*|  key_file: next.key|"
sleep 0.5
status fra1 | grep -q 'next_key' || fail "a key that was not announced is taken: $(status fra1)"
said "a key that was not announced is refused while running: $(status fra1 | grep -o 'expected.*')"

put "s|^  key_file: .*|&\n  next_key: $(key next)|"
wait_for 20 both ".next_key == \"$(key next)\"" || fail "the next key is not known: $(peers ams1)"
said "the next key is announced, and pinned by both peers"
[ "$(peers fra1 | jq '[.peers[].told_our_next_key] | all')" = true ] ||
    fail "who was told: $(peers fra1)"
said "fra1 says that both have been told"

began=$(date +%s%N)
put "s|^  key_file: .*|  key_file: next.key\n  former_keys: $(key cluster)|"
wait_for 20 both ".key == \"$(key next)\"" || fail "nobody goes over: $(peers ams1)"
took=$((($(date +%s%N) - began) / 1000000))
both '.verdict == "alive"' >/dev/null || fail "after the switch: $(peers ams1)"
lived=$(both .since_ms_ago | sort -n | head -n 1)
[ "$lived" -ge "$changes" ] || fail "a verdict has changed within $lived ms: $(peers ams1)"
said "both have gone over within $took ms (seen from outside), and the verdict is what it was"
both ".former_keys[0].key == \"$(key cluster)\" and (.former_keys[0].revoked | not)" >/dev/null ||
    fail "the former key: $(peers ams1)"
! peers fra1 >/dev/null 2>&1 || fail "the former key is still an operator's"
peers fra1 next >/dev/null || fail "the new key is no operator's"
said "the former key opens the control door no more, the new one does"
listens new 1 --duration 1s || fail "no session under the new key: $(tail -n 2 "$LIVE_DIR/new")"
said "a session opened under the new key: $(tail -n 1 "$LIVE_DIR/new" | cut -c1-100)"
sleep 5.5 # longer than a lease: reports, polls and lodgings go on under either name
both '.verdict == "alive" and .described_ms_ago < 6000' >/dev/null || fail "later: $(peers ams1)"

# Tickets of the former key open the door to others, and who knows fra1 by that key finds it.
status() {
    ctl status --connect "127.0.0.$(($(cat "$LIVE_DIR/$1/index") + 1)):7601" \
        --key "$LIVE_DIR/$1/$([ "$1" = fra1 ] && echo next || echo cluster).key" "${@:2}"
}
drain() {
    ctl "$1" --connect "127.0.0.$(($(cat "$LIVE_DIR/$2/index") + 1)):7601" \
        --key "$LIVE_DIR/$2/$3.key" "${@:4}" >/dev/null || fail "$*"
}
moves() { ctl moves --json --connect 127.0.0.1:7601 --key "$LIVE_DIR/fra1/next.key"; }
moved() { moves | jq -e "[.moves[] | select($1)] | length $2"; }
drain drain fra1 next
wait_for 20 moved '.from == "fra1" and .state == "over"' '>= 3' || fail "who left fra1: $(moves)"
drain undrain fra1 next
said "three listeners with tickets of the former key have moved to other clusters"
sleep 1
drain drain ams1 cluster --to fra1
wait_for 20 moved '.to == "fra1" and .state == "over"' '>= 4' || fail "who came to fra1: $(moves)"
drain undrain ams1 cluster
said "four who know fra1 by its former key have moved there"
kill -0 $old || fail "a listener has ended: $(tail -n 1 "$LIVE_DIR"/old-*)"

# Revoked: by fra1, which tells the others.
put "s|^  key_file: .*|  key_file: next.key\n  former_keys: $(key cluster)|
\$ a discovery: {accept: [{name: none}], revoked: [$(key cluster)]}"
wait_for 20 both '.former_keys[0].revoked' || fail "it is not revoked: $(peers ams1)"
ended() { ! kill -0 $old; }
wait_for 20 ended || fail "its tickets are good yet: $(tail -n 1 "$LIVE_DIR"/old-*)"
for number in 1 2 3; do
    grep -q ' 0 lost' "$LIVE_DIR/old-$number" || fail "before that: $(tail -n 2 "$LIVE_DIR/old-$number")"
done
said "revoked: the tickets that it signed have ended: $(tail -n 1 "$LIVE_DIR/old-1" | cut -c1-90)"
listens new 1 --duration 300ms || fail "no session after that: $(tail -n 2 "$LIVE_DIR/new")"
