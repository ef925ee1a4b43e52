# By itself: three sites, each with a peerd and a real nginx that serves the same film as HLS. A player
# that knows nothing of peerd plays it: a script that steers as players do (asks again every TTL seconds
# whom it is told to ask, goes where the answer says, turns to the next when a fetch fails) and counts,
# by a clock that never stops, how long it had nothing to play. One origin is killed, one cluster is
# drained, one whole site is killed.
. test/live/tests/lib.sh
need nginx nginx-light
need curl curl
need ffmpeg ffmpeg
need setpriv util-linux
bin=$(dirname "$LIVE_PROGRAM")/../bin
dir=$(mktemp -d)
pids=
trap 'for pid in $pids; do kill -KILL $pid 2>/dev/null; done; wait 2>/dev/null; rm -rf "$dir"' EXIT
clusters='fra1 ams1 lon1'
address() { echo "127.0.252.$(($(echo "$clusters" | tr ' ' '\n' | grep -nx "$1" | cut -d: -f1)))"; }
door() { echo "http://$(address "$1"):7680"; }
now_ms() { echo $(($(date +%s%N) / 1000000)); }
SEGMENT_MS=1000 BUFFER_MS=8000 SEGMENTS=70

# ---- the film, and who serves it ----

film() {
    mkdir -p "$dir/film/low" "$dir/film/high"
    for kind in low:200k high:600k; do
        ffmpeg -v error -f lavfi -i "testsrc=size=192x108:rate=25" -f lavfi -i "sine=frequency=440" \
            -t $((SEGMENTS * SEGMENT_MS / 1000)) -c:v libx264 -preset ultrafast -b:v "${kind#*:}" \
            -g 25 -sc_threshold 0 -c:a aac -b:a 32k -f hls -hls_time 1 -hls_list_size 0 \
            -hls_segment_filename "$dir/film/${kind%:*}/%d.ts" "$dir/film/${kind%:*}/index.m3u8" ||
            fail "ffmpeg makes no film"
    done
    cat >"$dir/film/master.m3u8" <<M3U8
#EXTM3U
#EXT-X-VERSION:6
#EXT-X-STREAM-INF:BANDWIDTH=900000,CODECS="avc1.64000a,mp4a.40.2",RESOLUTION=192x108
high/index.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=400000,CODECS="avc1.64000a,mp4a.40.2",RESOLUTION=192x108
low/index.m3u8
M3U8
}

start_nginx() {
    mkdir -p "$dir/nginx-$1"
    cat >"$dir/nginx-$1/conf" <<CONF
daemon off;
master_process off;
pid $dir/nginx-$1/pid;
error_log $dir/nginx-$1/error.log;
events { worker_connections 256; }
http {
    access_log $dir/nginx-$1/access.log;
    client_body_temp_path $dir/nginx-$1/a; proxy_temp_path $dir/nginx-$1/b;
    fastcgi_temp_path $dir/nginx-$1/c; uwsgi_temp_path $dir/nginx-$1/d; scgi_temp_path $dir/nginx-$1/e;
    types { application/vnd.apple.mpegurl m3u8; video/mp2t ts; }
    server {
        listen $(address "$1"):8080;
        root $dir;
        location / { add_header Access-Control-Allow-Origin *; }
    }
}
CONF
    setpriv --pdeathsig KILL nginx -c "$dir/nginx-$1/conf" -e "$dir/nginx-$1/error.log" \
        >>"$dir/nginx-$1/out" 2>&1 &
    eval "nginx_$1=$!"
    pids+=" $!"
}

policy() {
    local other
    {
        cat <<YAML
cluster: {name: $1, provider: p-$1, region: r-$1, key_file: $1.key}
beats: {bind: "$(address "$1"):7600"}
peer_listen: {bind: "$(address "$1"):7601"}
client_listen: {bind: "$(address "$1"):7680", plain_http: true}
origins:
  - name: film
    url: http://$(address "$1"):8080/film/master.m3u8
    live: true
    check_every: 500ms
    answer_within: 500ms
peers:
YAML
        for other in $clusters; do
            [ "$other" = "$1" ] || echo "  - {name: $other, key_file: $other.pub," \
                "beats: '$(address "$other"):7600', control: '$(address "$other"):7601'}"
        done
    } >"$dir/$1.yaml"
}

start_peerd() {
    setpriv --pdeathsig KILL "$bin/peerd" --policy "$dir/$1.yaml" >>"$dir/$1.log" 2>&1 &
    eval "peerd_$1=$!"
    pids+=" $!"
}

# Without a word from bash about it.
dies() { eval "kill -KILL $1; wait $1" 2>/dev/null; }

# ---- the player ----

# The first pathway of an answer, all of them, and whom to ask next.
all_of() { sed 's/.*"PATHWAY-PRIORITY":\[//; s/\].*//; s/[",]/ /g'; }
next_of() { sed 's/.*"RELOAD-URI":"\([^"]*\)".*/\1/'; }
ttl_of() { sed 's/.*"TTL":\([0-9]*\).*/\1/'; }
fetch() { curl -sf --max-time 3 "$@"; }

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

# within MS WHAT COMMAND...: says how long it took; three times that is allowed on a busy machine.
within() {
    local began=$(now_ms) ms=$1 what=$2 tries
    shift 2
    for ((tries = 0; tries * 50 < ms * 3; tries++)); do
        "$@" >/dev/null 2>&1 && { said "$what ($(($(now_ms) - began)) ms, wanted $ms)" && return; }
        sleep 0.05
    done
    fail "$what: $(show)"
}

for name in $clusters; do
    "$bin/peerctl" genkey "$dir/$name.key" >"$dir/$name.pub"
done
film
for name in $clusters; do
    policy "$name"
    "$bin/peerctl" check "$dir/$name.yaml" >"$dir/check" || fail "policy of $name: $(cat "$dir/check")"
    start_nginx "$name"
    start_peerd "$name"
done
has_three() { [ "$(fetch "$(door "$1")/v1/steer/film" | all_of | wc -w)" = 3 ]; }
for name in $clusters; do
    within 3000 "$name lists three pathways" has_three "$name"
done
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

play &
player=$!
pids+=" $player"
within 3000 "the player begins at $first" plays_at "$first"
sleep 5
other=$(echo "$clusters" | tr ' ' '\n' | grep -vx "$first" | head -n 1)
dies "\$nginx_$first"
within 1500 "killed origin: $other sends its players away" says_not_first "$other" "$first" "$first"
within 3500 "and the player is elsewhere" plays_elsewhere "$first"
second=$(cat "$dir/at")
"$bin/peerctl" status --policy "$dir/$first.yaml" --json | grep -q 'origin film is ill' || fail "no trouble told"
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

dies "\$nginx_$third \$peerd_$third"
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
