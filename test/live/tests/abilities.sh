# By itself: what each runner can do. Every entry of a timeline, every expectation and whatever else
# only one of them does is put to both, which only say whether they would; the list is held against
# the reference in test/README.md, so that a new key is asked about, too.
. test/live/tests/lib.sh
peersim=$(dirname "$LIVE_PROGRAM")/../bin/peersim
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
at='timeline: [{at: 2s,'
for_each_row() {
    while IFS='|' read -r key live text; do
        "$1" "$(echo $key)" "$(echo $live)" "${text# }"
    done <<END
kill          | yes | $at kill: {worker: a, number: 1}}]
restart       | yes | $at kill: {node: a}}, {at: 3s, restart: {node: a}}]
stop          | yes | $at stop: {peerd: a}}]
continue      | yes | $at stop: {region: eu}}, {at: 3s, continue: {region: eu}}]
drain         | yes | $at drain: a, deadline: 3s}]
to            | yes | $at drain: a, to: b}]
undrain       | yes | $at drain: a}, {at: 3s, undrain: {provider: acme}}]
move          | yes | $at move: {group: here, number: 1, to: b}}]
blackhole     | yes | $at blackhole: a}]
partition     | yes | $at partition: {from: a, to: [b, clients], one_way: true}}]
heal          | yes | $at blackhole: b}, {at: 3s, heal: all}]
link          | yes | $at link: {between: [a, b], rtt: 30ms, loss: 1%, loss_burst: 3}}]
arrive        | yes | $at arrive: {group: late, count: 1}}]
leave         | yes | $at leave: {group: here, vanish: true}}]
clock         | yes | $at clock: {cluster: a, forward: 1h}}]
policy        | no  | $at policy: {cluster: a, capacity: 5}}]
rekey         | no  | $at rekey: a}]
dns           | yes | discovery: {ttl: 1s}\\n$at dns: {cluster: a, does: silent}}]
slow          | no  | $at slow: {worker: a, number: 0}, frame: 540us}]
a drift       | no  | $at clock: {cluster: a, drift: 50ppm}}]
frames_lost_max | yes | expectations: {frames_lost_max: 0}
gap_max       | yes | expectations: {gap_max: 100ms}
detect_max    | yes | expectations: {detect_max: 100ms}
all_served_by | yes | expectations: {all_served_by: 2s}
hedges_max    | yes | expectations: {hedges_max: 0}
reordered_max | yes | expectations: {reordered_max: 0}
duplicates_apart_max | yes | expectations: {duplicates_apart_max: 0}
ledgers       | yes | expectations: {ledgers: [{cause: crashed, max: 2}]}
whole         | no  | expectations: {whole: true}
moves         | yes | expectations: {moves: [{cause: drain, from: a, to: b, by: 3s, max: 1}]}
verdicts      | yes | expectations: {verdicts: [{of: a, verdict: crashed, by: all, never: true}]}
verdicts_only | yes | expectations: {verdicts_only: true, verdicts: [{of: a, verdict: degraded, location: here, may: true}]}
clients       | yes | expectations: {clients: [{of: here, served_at_end: a, gap_max: 1s}]}
must_not_move | yes | expectations: {must_not_move: here}
places        | yes | links: [{between: [a, here], rtt: 9ms, jitter: 2ms, rate: 1Mbit/s, outages: {every: 1min}}]
an origin     | yes | sources: [{name: x, tone: 5s, origin: 20ms}]
streams       | no  | streams: [{name: film, media_cpu: 100ms}]
a recording   | no both | sources: [{name: x, location: nowhere.wav}]
END
}

ask() {
    printf 'name: ask\nduration: 5s\nclusters: [{name: a, region: eu, provider: acme}, {name: b}]\n' \
        >"$dir/ask.yaml"
    printf 'clients: [{name: here, count: 2}, {name: late, count: 2, start: waiting}]\n%b\n' "$3" \
        >>"$dir/ask.yaml"
    "$peersim" --print "$dir/ask.yaml" >"$dir/sim" 2>&1
    sim=$?
    "$LIVE_PROGRAM" run "$dir/ask.yaml" --check >"$dir/live" 2>&1
    live=$?
    case $2 in
    yes) wanted="0 0" ;;
    no) wanted="0 2" ;;
    *) wanted="2 2" ;;
    esac
    [ "$sim $live" = "$wanted" ] ||
        fail "$1: status of peersim and of the live runner $sim $live, not $wanted: $(head -n 2 "$dir/sim" "$dir/live")"
    [ "$live" -eq 0 ] || grep -qE "ask.yaml:[0-9]+:[0-9]+: .*the live runner can do" "$dir/live" ||
        fail "$1: the live runner does not say where: $(cat "$dir/live")"
    asked="$asked $1"
}

asked=
for_each_row ask
# keys SECTION: of its table in the reference.
keys() {
    sed -n "/^#### \`$1\`/,/^#### /s/^| \`\([a-z_]*\)\` .*/\1/p" test/README.md
}
for key in $(keys 'timeline\[\]') $(keys expectations); do
    case " $asked at deadline frame " in
    *" $key "*) ;;
    *) fail "\`$key\` of the reference is asked of nobody" ;;
    esac
done
said "both runners were asked:$asked"
