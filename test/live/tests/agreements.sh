# By itself: four providers who give one another nothing without an agreement, over the pinned control
# channel of real peerds: who agrees and on what, who does not and why, one that withdraws, one that is
# killed, and one that has no wish of its own. Only peerds run: there is no media in it.
. test/live/tests/lib.sh
net=127.0.252 clusters='ann bob cyd dan'
. test/live/tests/sites.sh

# policy NAME PEERS AGREEMENTS: a peer is NAME:RESERVED.
policy() {
    {
        cat <<YAML
cluster: {name: $1, provider: p-$1, region: r-$1, key_file: $1.key}
$(doors_of "$1")
detection: {detect_within: 1s}
profiles: [{name: phone, codec: pcmu}]
services: [{name: radio, capacity: 100, profiles: phone}]
peers:
YAML
        for peer in $2; do
            row_of "${peer%:*}" "reserved_slots: ${peer#*:}"
        done
        [ -z "$3" ] || printf 'agreements:\n%s\n' "$3"
    } >"$dir/$1.new"
    mv "$dir/$1.new" "$dir/$1.yaml"
}

shown() { "$bin/peerctl" agreements --policy "$dir/$1.yaml" 2>/dev/null; }
# is NAME PEER STATE HERE THERE [WHY]: as a line of `peerctl agreements`, held and relied upon.
is() {
    shown "$1" | grep "^$2 " | grep -q "^$2  *$3  *0/$4  *0/$5\b.*${6:-}"
}
show() {
    for name in $clusters; do echo "$name:"; shown "$name"; done
    tail -n 5 "$dir"/*.log
}

make_keys $clusters
policy ann 'bob:10 cyd:10 dan:0' '  - {name: "*", asks: 30, asks_min: 5, cost_max: 5, lease: 10s}'
bob_agrees() { policy bob "ann:$1" '  - {name: ann, asks: 8, cost: 3, lease: 10s}'; }
bob_agrees 20
policy cyd 'ann:20' '  - {name: ann, asks: 8, cost: 9, lease: 10s}'
policy dan 'ann:0' ''
for name in $clusters; do
    start_peerd "$name"
done

ann_and_bob() { is ann bob agreed 8 20 && is bob ann agreed 20 8; }
all() {
    ann_and_bob && is ann cyd refused 0 0 'cost, says' && is cyd ann refused 0 0 'cost, says' &&
        is ann dan agreed 0 30 && is dan ann agreed 30 0
}
within 10000 "those whose policies fit agree, and with the dear one nobody does" all
sleep 12
all || fail "a lease later: $(show)"
said "and a lease later it is still so: they renew it"

bob_agrees 0
"$bin/peerctl" reload --policy "$dir/bob.yaml" >/dev/null || fail "bob's policy is refused"
withdrawn() { is ann bob refused 0 0 && is bob ann refused 0 0; }
within 2000 "bob wants to hold nothing any more: ann relies on nothing" withdrawn
bob_agrees 20
"$bin/peerctl" reload --policy "$dir/bob.yaml" >/dev/null || fail "bob's policy is refused"
within 2000 "and when it does again they agree again" ann_and_bob

dies peerd_bob
start_peerd bob
within 10000 "again after bob was killed" ann_and_bob
dies peerd_bob
alone() { is ann bob offering 0 0; }
within 12000 "bob is dead: with the lease all ends" alone
