# By itself: three sites, each with a peerd and a real nginx that serves the same film as HLS. A player
# that knows nothing of peerd plays it: a script that steers as players do (asks again every TTL seconds
# whom it is told to ask, goes where the answer says, turns to the next when a fetch fails) and counts,
# by a clock that never stops, how long it had nothing to play. One origin is killed, one cluster is
# drained, one whole site is killed.
. test/live/tests/lib.sh
. test/live/tests/streams_sites.sh

# ---- the player ----

# Of an answer: whom to ask next, and when.
next_of() { sed 's/.*"RELOAD-URI":"\([^"]*\)".*/\1/'; }
ttl_of() { sed 's/.*"TTL":\([0-9]*\).*/\1/'; }

# folder PATHWAY: of its `low` variant, by the master playlist.
folder() { grep -A1 "PATHWAY-ID=\"$1\"" "$dir/master" | grep '^http.*low/index' | sed 's|index.m3u8||'; }

# Where it is told to be; asks when it is time. Sets at, order, steer, asked_at.
steer() {
    local text
    [ "$(now_ms)" -ge "$ask_at" ] || return 0
    if text=$(fetch "$steer?_HLS_pathway=$at&_HLS_throughput=5000000&CMCD=bl%3D$((held)),mtp%3D5000"); then
        echo "$(now_ms) asked $steer at=$at $text" >>"$dir/asked"
        order=$(echo "$text" | all_of)
        steer=$(echo "$text" | next_of)
        ask_at=$(($(now_ms) + $(echo "$text" | ttl_of) * 1000))
        set -- $order
        [ "$at" = "$1" ] || echo "$(now_ms) moved from $at to $1" >>"$dir/played"
        at=$1
    else
        echo "$(now_ms) no answer from $steer" >>"$dir/asked"
        ask_at=$(($(now_ms) + 2000))
    fi
}

# The next pathway after the one that failed.
turn_away() {
    local name
    echo "$(now_ms) fetch at $at failed" >>"$dir/played"
    for name in $order; do
        [ "$name" = "$at" ] || { at=$name && break; }
    done
}

play() {
    local n=0 began=0 held=0 stalled=0 at order steer ask_at=0 late
    steer=$(sed -n 's/.*SERVER-URI="\([^"]*\)".*/\1/p' "$dir/master")
    at=$(sed -n 's/.*PATHWAY-ID="\([^"]*\)".*/\1/p' "$dir/master" | head -n 1)
    order=$clusters
    while [ $n -lt $SEGMENTS ] && [ ! -e "$dir/enough" ]; do
        steer
        if [ $began -gt 0 ]; then
            late=$(($(now_ms) - began - n * SEGMENT_MS))
            held=$((late < 0 ? -late : 0))
            [ $held -le $((BUFFER_MS - SEGMENT_MS)) ] || { sleep 0.1 && continue; }
        fi
        echo "$at" >"$dir/at"
        fetch -o "$dir/piece" "$(folder "$at")$n.ts" || { turn_away && continue; }
        cmp -s "$dir/piece" "$dir/film/low/$n.ts" || echo "$(now_ms) piece $n differs" >>"$dir/played"
        [ $began -gt 0 ] || began=$(now_ms)
        late=$(($(now_ms) - began - n * SEGMENT_MS))
        if [ $late -gt 0 ] && [ $n -gt 0 ]; then
            stalled=$((stalled + late))
            began=$((began + late))
            echo "$(now_ms) stalled $late ms" >>"$dir/played"
        fi
        n=$((n + 1))
    done
    echo "$n pieces, stalled $stalled ms" >"$dir/result"
}

# ---- asked from outside ----

first_at() { fetch "$(door "$1")/v1/steer/film?_HLS_pathway=$2" | all_of | cut -d' ' -f2; }
says_first() { [ "$(first_at "$1" "$2")" = "$3" ]; }
says_not_first() { [ "$(first_at "$1" "$2")" != "$3" ]; }
plays_at() { [ "$(cat "$dir/at")" = "$1" ]; }
plays_elsewhere() { [ "$(cat "$dir/at")" != "$1" ]; }
show() { cat "$dir/played" "$dir/result" 2>/dev/null | tail -n 20; tail -n 5 "$dir/asked"; grep -hE 'origin|crashed|drain' "$dir"/*.log | tail -n 8; }

begin_sites
fetch -o "$dir/master" "$(door fra1)/v1/hls/film/master.m3u8" || fail "no playlist: $(tail "$dir/fra1.log")"
[ "$(grep -c '^#EXT-X-STREAM-INF' "$dir/master")" = 6 ] || fail "variants: $(cat "$dir/master")"
first=$(sed -n 's/.*PATHWAY-ID="\([^"]*\)".*/\1/p' "$dir/master" | head -n 1)
grep 'CONTENT-STEERING' "$dir/master" | grep -q "$(address "$first")" && fail "$first serves and steers"
said "the playlist has two variants at each of three, $first first, and steering by another"
ids() { grep -o 'STABLE-VARIANT-ID="[^"]*"' | sort -u; }
[ "$(ids <"$dir/master")" = "$(fetch "$(door lon1)/v1/hls/film/master.m3u8" | ids)" ] ||
    fail "lon1 has other names for the variants"
frames=$(ffmpeg -v error -nostats -progress - -t 3 -i "$(door fra1)/v1/hls/film/master.m3u8" -f null - 2>&1 |
    sed -n 's/^frame=//p' | tail -n 1)
[ "${frames:-0}" -ge 75 ] || fail "ffmpeg plays $frames frames of 3 s"
said "ffmpeg plays it: $frames frames"
headers=$(curl -s -D - -o /dev/null "$(door fra1)/v1/steer/film")
echo "$headers" | grep -qi '^access-control-allow-origin: \*' &&
    echo "$headers" | grep -qi '^cache-control: no-store' || fail "headers: $headers"
code() { curl -s -o /dev/null -w '%{http_code}' "$@"; }
[ "$(code "$(door fra1)/v1/steer/other") $(code "$(door fra1)/v1/hls/film/x.m3u8")" = "404 404" ] ||
    fail "what nobody has"
[ "$(code -X OPTIONS "$(door fra1)/v1/steer/film") $(code "$(door fra1)/v1/status")" = "204 401" ] ||
    fail "a preflight, or a stranger at another door"

cmcd() { code "$(door fra1)/v1/cmcd/$1?CMCD=bl%3D8000" "${@:2}"; }
[ "$(cmcd film -H 'X-Forwarded-For: 127.0.7.1') $(cmcd film) $(cmcd other)" = "204 400 404" ] ||
    fail "what a server of media passes on"
[ "$(cmcd film -H 'X-Forwarded-For: 127.0.7.1' --interface 127.0.9.9)" = 403 ] || fail "a stranger may report"

last_of() { fetch "$(door fra1)/v1/steer/film?_DASH_pathway=$1" | all_of | cut -d' ' -f2; }
[ "$(last_of %22ams1,lon1%22) $(last_of %22lon1,ams1%22) $(last_of lon1)" = "lon1 ams1 lon1" ] ||
    fail "who names several places is at the last of them: $(last_of %22ams1,lon1%22)"

play &
player=$!
pids+=" $player"
within 3000 "the player begins at $first" plays_at "$first"
sleep 5
other=$(echo "$clusters" | tr ' ' '\n' | grep -vx "$first" | head -n 1)
dies "nginx_$first"
within 1500 "killed origin: $other sends its players away" says_not_first "$other" "$first" "$first"
within 3500 "and the player is elsewhere" plays_elsewhere "$first"
second=$(cat "$dir/at")
"$bin/peerctl" status --policy "$dir/$first.yaml" --json | grep -q 'origin film is ill' || fail "no trouble told"
for name in $clusters; do
    "$bin/peerctl" origins --policy "$dir/$name.yaml" >"$dir/origins" && fail "$name: all is well: $(cat "$dir/origins")"
    [ "$(grep -cE "^film [(]live[)] +$first +ill .*no: it is ill" "$dir/origins") $(grep -c ' well .* yes, place' "$dir/origins")" = "1 2" ] ||
        fail "$name lists $(cat "$dir/origins")"
done
said "each lists it as ill at $first, and as well at the others"
start_nginx "$first"
within 3000 "it is well again" says_first "$other" "$first" "$first"
sleep 3
plays_at "$second" || fail "the player went back: $(show)"
said "and the player stays at $second"

"$bin/peerctl" drain --policy "$dir/$second.yaml" >/dev/null || fail "no drain"
within 500 "drained $second: $first sends its players away" says_not_first "$first" "$second" "$second"
within 2500 "and the player has moved within a TTL" plays_elsewhere "$second"
third=$(cat "$dir/at")
"$bin/peerctl" undrain --policy "$dir/$second.yaml" >/dev/null || fail "no undrain"
sleep 4
plays_at "$third" || fail "the player went back: $(show)"

dies "nginx_$third" "peerd_$third"
within 1000 "killed site $third: $second sends its players away" says_not_first "$second" "$third" "$third"
within 3500 "and the player is elsewhere" plays_elsewhere "$third"
sleep 5
touch "$dir/enough"
wait "$player"
result=$(cat "$dir/result")
[ "${result##*stalled }" = "0 ms" ] || fail "the player stalled: $(show)"
grep -q differs "$dir/played" && fail "pieces differ: $(show)"
[ "${result%% *}" -ge 20 ] || fail "the player has not played: $(show)"
[ "$(grep -c ' moved \| failed' "$dir/played")" -ge 3 ] || fail "it did not move three times: $(show)"
metrics=$(curl -s "$(door "$second")/metrics" -o /dev/null -w '%{http_code}')
[ "$metrics" = 401 ] || fail "metrics are for whom policy lets in: $metrics"
said "the player: $result"
