# By itself: bob and cyd know ann and each other not; ann introduces them. dan, whom ann knows as well,
# wants nobody but cyd; eve does not want to be introduced. No name server is asked.
. test/live/tests/lib.sh
need setpriv util-linux
bin=$(dirname "$LIVE_PROGRAM")/../bin
dir=$(mktemp -d)
pids=
trap 'for pid in $pids; do kill -KILL $pid 2>/dev/null; done; wait 2>/dev/null; rm -rf "$dir"' EXIT
clusters='ann bob cyd dan eve'

address() { echo "127.0.250.$(echo "$clusters" | tr ' ' '\n' | grep -nx "$1" | cut -d: -f1)"; }

# policy NAME PEERS INTRODUCTION RULE
policy() {
    local peer
    {
        echo "cluster: {name: $1, provider: p-$1, region: r-$1, key_file: $1.key}"
        echo "beats: {bind: \"$(address "$1"):7600\"}"
        echo "peer_listen: {bind: \"$(address "$1"):7601\"}"
        echo "detection: {detect_within: 1s}"
        echo "peers:"
        for peer in $2; do
            echo "  - {name: $peer, key_file: $peer.pub, beats: \"$(address "$peer"):7600\"," \
                "control: \"$(address "$peer"):7601\"}"
        done
        printf 'discovery:\n  introduction: %s\n  accept: [{%s}]\n' "$3" "$4"
    } >"$dir/$1.yaml"
    "$bin/peerctl" check "$dir/$1.yaml" >/dev/null || fail "policy of $1"
    setpriv --pdeathsig KILL "$bin/peerd" --policy "$dir/$1.yaml" >>"$dir/$1.log" 2>&1 &
    pids+=" $!"
}
alive() {
    "$bin/peerctl" peers --policy "$dir/$1.yaml" 2>/dev/null |
        awk '$2 == "alive" { print $1 }' | sort | xargs
}
all_see() {
    [ "$(alive ann)" = "bob cyd dan eve" ] && [ "$(alive bob)" = "ann cyd" ] &&
        [ "$(alive cyd)" = "ann bob dan" ] && [ "$(alive dan)" = "ann cyd" ] &&
        [ "$(alive eve)" = "ann" ]
}
show() { for name in $clusters; do echo "$name: $(alive "$name")"; done; }

for name in $clusters; do
    "$bin/peerctl" genkey "$dir/$name.key" >"$dir/$name.pub"
done
began=$(date +%s%N)
policy ann "bob cyd dan eve" true 'name: none'
policy bob ann true 'name: "*"'
policy cyd ann true 'name: "*"'
policy dan ann true 'provider: p-cyd'
policy eve ann false 'name: "*"'
wait_for 60 all_see || fail "$(show; tail -n 5 "$dir"/*.log)"
said "those who were introduced and want each other are peers \
($((($(date +%s%N) - began) / 1000000)) ms, wanted 10 s)"
"$bin/peerctl" found --policy "$dir/dan.yaml" | grep -q 'bob.*no rule' ||
    fail "dan: $("$bin/peerctl" found --policy "$dir/dan.yaml")"
! "$bin/peerctl" found --policy "$dir/bob.yaml" | grep -q '^eve' || fail "eve was introduced to bob"
said "dan shows whom it does not want; of eve, who did not want it, nobody was told"
