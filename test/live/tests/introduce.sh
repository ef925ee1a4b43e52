# By itself: bob and cyd know ann and each other not; ann introduces them. dan, whom ann knows as well,
# wants nobody but cyd; eve does not want to be introduced. No name server is asked.
. test/live/tests/lib.sh
net=127.0.250 clusters='ann bob cyd dan eve'
. test/live/tests/sites.sh

# policy NAME PEERS INTRODUCTION RULE
policy() {
    local peer
    {
        echo "cluster: {name: $1, provider: p-$1, region: r-$1, key_file: $1.key}"
        doors_of "$1"
        echo "detection: {detect_within: 1s}"
        echo "peers:"
        for peer in $2; do
            row_of "$peer"
        done
        printf 'discovery:\n  introduction: %s\n  accept: [{%s}]\n' "$3" "$4"
    } >"$dir/$1.yaml"
    start_peerd "$1"
}
all_see() {
    [ "$(alive ann)" = "bob cyd dan eve" ] && [ "$(alive bob)" = "ann cyd" ] &&
        [ "$(alive cyd)" = "ann bob dan" ] && [ "$(alive dan)" = "ann cyd" ] &&
        [ "$(alive eve)" = "ann" ]
}
show() {
    for name in $clusters; do echo "$name: $(alive "$name")"; done
    tail -n 5 "$dir"/*.log
}

make_keys $clusters
began=$(now_ms)
policy ann "bob cyd dan eve" true 'name: none'
policy bob ann true 'name: "*"'
policy cyd ann true 'name: "*"'
policy dan ann true 'provider: p-cyd'
policy eve ann false 'name: "*"'
wait_for 60 all_see || fail "$(show)"
said "those who were introduced and want each other are peers \
($(($(now_ms) - began)) ms, wanted 10 s)"
"$bin/peerctl" found --policy "$dir/dan.yaml" | grep -q 'bob.*no rule' ||
    fail "dan: $("$bin/peerctl" found --policy "$dir/dan.yaml")"
! "$bin/peerctl" found --policy "$dir/bob.yaml" | grep -q '^eve' || fail "eve was introduced to bob"
said "dan shows whom it does not want; of eve, who did not want it, nobody was told"
