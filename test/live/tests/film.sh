# By itself: two sites, each with a peerd and a transcoderd that makes HLS of one film on demand. Segments
# of both are the same bytes, and nobody else makes them first. A player that is steered as the answers say
# fetches sound and pictures while the site that serves it dies with everything; what it has fetched,
# ffmpeg decodes without an error and to the last picture. Makers and the front are killed as well.
. test/live/tests/lib.sh
need curl curl
need ffmpeg ffmpeg
need setpriv util-linux
bin=$(dirname "$LIVE_PROGRAM")/../bin
dir=$(mktemp -d)
pids=
trap 'for pid in $pids; do kill -KILL $pid 2>/dev/null; done; wait 2>/dev/null; rm -rf "$dir"' EXIT
clusters='fra1 ams1'
SECONDS_OF_FILM=32
LAST=$((SECONDS_OF_FILM / 16 * 5 - 1)) # segment: 3.2 s each
address() { [ "$1" = fra1 ] && echo 127.0.251.1 || echo 127.0.251.2; }
door() { echo "http://$(address "$1"):7680"; }
media() { echo "http://$(address "$1"):8080/film"; }
fetch() { curl -sf --max-time 3 "$@"; }
code() { curl -s -o /dev/null --max-time 3 -w '%{http_code} %{time_total}' "$@"; }
now_ms() { echo $(($(date +%s%N) / 1000000)); }

ffmpeg -v error -f lavfi -i testsrc2=size=640x360:rate=25 -f lavfi -i sine=frequency=440:sample_rate=48000 \
    -t $SECONDS_OF_FILM -c:v libx264 -preset ultrafast -g 80 -pix_fmt yuv420p -c:a aac -b:a 128k "$dir/film.mp4" ||
    fail "ffmpeg makes no film"

policy() {
    local other=ams1
    [ "$1" = fra1 ] || other=fra1
    cat >"$dir/$1.yaml" <<YAML
cluster: {name: $1, provider: p-$1, region: r-$1, key_file: $1.key}
beats: {bind: "$(address "$1"):7600"}
peer_listen: {bind: "$(address "$1"):7601"}
client_listen: {bind: "$(address "$1"):7680", plain_http: true}
nodes: [{name: n1, key_file: $1-n1.pub}]
peers:
  - {name: $other, key_file: $other.pub, beats: "$(address $other):7600", control: "$(address $other):7601"}
sources: [{name: film, location: film.mp4, class: exact}]
renditions:
  - {name: 360p, codec: h264, bitrate: 800kbit/s, height: 360}
  - {name: 180p, codec: h264, bitrate: 300kbit/s, height: 180}
  - {name: aac, codec: aac, bitrate: 96kbit/s}
  - {name: opus, codec: opus, bitrate: 64kbit/s}
origins:
  - {name: film, url: "$(media "$1")/master.m3u8", live: true, check_every: 500ms, answer_within: 500ms}
YAML
}

start() {
    setpriv --pdeathsig KILL "$bin/peerd" --policy "$dir/$1.yaml" >>"$dir/$1.log" 2>&1 &
    eval "peerd_$1=$!"
    pids+=" $!"
    setpriv --pdeathsig KILL "$bin/transcoderd" --peerd "$(address "$1"):7601" --peerd-key "$(cat "$dir/$1.pub")" \
        --key "$dir/$1-n1.key" --name n1 --media "$(address "$1"):7700" --workers 1 \
        --hls "$(address "$1"):8080" >>"$dir/$1-n1.log" 2>&1 &
    eval "node_$1=$!"
    pids+=" $!"
}

for name in $clusters; do
    "$bin/peerctl" genkey "$dir/$name.key" >"$dir/$name.pub"
    "$bin/peerctl" genkey "$dir/$name-n1.key" >"$dir/$name-n1.pub"
done
for name in $clusters; do
    policy "$name"
    "$bin/peerctl" check "$dir/$name.yaml" >"$dir/check" || fail "policy of $name: $(cat "$dir/check")"
    start "$name"
done
is_there() { fetch -o "$dir/master.$1" "$(door "$1")/v1/hls/film/master.m3u8"; }
both_ways() { is_there "$1" && [ "$(grep -c 'PATHWAY-ID="fra1"' "$dir/master.$1") $(grep -c 'PATHWAY-ID="ams1"' "$dir/master.$1")" = "$2" ]; }
for name in $clusters; do
    both_of() { both_ways "$name" "7 6" || both_ways "$name" "6 7"; }
    wait_for 10 both_of || fail "$name does not list both: $(cat "$dir/master.$name" "$dir/$name-n1.log")"
done
cmp -s <(sed '/STEERING/d' "$dir/master.fra1" | sort) <(sed '/STEERING/d' "$dir/master.ams1" | sort) ||
    fail "they tell players of other streams: $(diff "$dir/master.fra1" "$dir/master.ams1")"
said "each names both as pathways of six variants, alike"

# ---- the same bytes ----

cmp -s <(fetch "$(media fra1)/360p/index.m3u8") <(fetch "$(media ams1)/360p/index.m3u8") || fail "playlists differ"
print() { fetch "$(media fra1)/$1/index.m3u8" | sed -n 's/.*URI="\([0-9a-f]*\).*/\1/p'; }
# piece SITE RENDITION NUMBER FILE: asks again while it hears 404, which means not in time. Fails where
# nobody answers.
piece() {
    local tries
    for tries in $(seq 40); do
        fetch -o "$4" "$(media "$1")/$2/$(eval echo "\$print_$2")/$3" && return 0
        [ $? = 22 ] || return 1
        sleep 0.25
    done
    return 1
}
for kind in 180p 360p aac opus; do eval "print_$kind=$(print $kind)"; done
for kind in 180p aac opus; do
    for n in init.mp4 0.m4s 5.m4s "$LAST.m4s"; do
        piece fra1 $kind $n "$dir/a" && piece ams1 $kind $n "$dir/b" || fail "no $kind $n: $(cat "$dir"/*-n1.log)"
        cmp -s "$dir/a" "$dir/b" || fail "$kind $n differs"
    done
done
said "12 pieces of 3 renditions are the same bytes at both"
[ "$(code "$(media fra1)/360p/0123456789abcdef/0.m4s" | cut -d' ' -f1) $(code "$(media fra1)/360p/$print_360p/$((LAST + 1)).m4s" | cut -d' ' -f1)" = "404 404" ] ||
    fail "what cannot be is answered otherwise than 404"
headers=$(curl -s -D - -o /dev/null "$(media fra1)/aac/$print_aac/0.m4s")
echo "$headers" | grep -qi '^access-control-allow-origin: \*' && echo "$headers" | grep -qi immutable ||
    fail "headers: $headers"
for kind in 180p 360p aac opus; do # ffmpeg does not ask twice, and looks at all of them
    for n in $(seq 0 $([ $kind = 360p ] && echo $LAST || echo 4)); do
        piece ams1 $kind "$n.m4s" "$dir/b" || fail "no $kind $n"
    done
done
frames=$(ffmpeg -v error -nostats -progress - -i "$(media ams1)/manifest.mpd" -map 0:v:0 -f null - 2>"$dir/errors" |
    sed -n 's/^frame=//p' | tail -n 1)
# At the end it looks once more at what it does not play, and complains of that.
[ "$frames" = $((SECONDS_OF_FILM * 25)) ] || fail "ffmpeg plays $frames pictures of the MPD: $(cat "$dir/errors")"
said "ffmpeg plays the MPD: $frames pictures"

# ---- what is killed ----

children() { ps -o pid= --ppid "$1"; }
front=$(for pid in $(children "$node_ams1"); do grep -qx transcoderd/hls "/proc/$pid/comm" && echo "$pid"; done)
[ -n "$front" ] || fail "no front"
for pid in $(children "$front"); do kill -STOP "$pid"; done
headers=$(curl -s -D - -o /dev/null "$(media ams1)/180p/$print_180p/7.m4s")
echo "$headers" | grep -q '^HTTP/1.1 404' && echo "$headers" | grep -qi '^retry-after: 1' ||
    fail "what is not ready in time: $headers"
for pid in $(children "$front"); do kill -KILL "$pid"; done
again() { piece ams1 180p 3.m4s "$dir/b"; }
wait_for 4 again || fail "makers are not replaced: $(cat "$dir/ams1-n1.log")"
kill -KILL "$front"
wait_for 6 again || fail "the front is not replaced: $(cat "$dir/ams1-n1.log")"
piece fra1 180p 3.m4s "$dir/a" && cmp -s "$dir/a" "$dir/b" || fail "after that it is something else"
said "makers and front are replaced, and make the same"

# ---- a player ----

steer=$(sed -n 's/.*SERVER-URI="\([^"]*\)".*/\1/p' "$dir/master.fra1")
at=fra1 order=$clusters ask_at=0 began=$(now_ms) waited=0
piece fra1 360p init.mp4 "$dir/film.v" && piece fra1 aac init.mp4 "$dir/film.a" || fail "no beginning"
for ((n = 0; n <= LAST; n++)); do
    [ $n != 4 ] || {
        { kill -KILL "$node_fra1" "$peerd_fra1"; wait "$node_fra1" "$peerd_fra1"; } 2>/dev/null
        killed=$(now_ms)
    }
    for kind in 360p:v aac:a; do
        until piece $at ${kind%:*} $n.m4s "$dir/piece"; do
            [ $(($(now_ms) - began)) -lt 60000 ] || fail "piece $n does not come: $(cat "$dir"/*-n1.log)"
            if text=$(fetch "$steer?_HLS_pathway=$at"); then
                order=$(echo "$text" | sed 's/.*"PATHWAY-PRIORITY":\[//; s/\].*//; s/[",]/ /g')
            fi
            at=$(echo "$order" | tr ' ' '\n' | grep . | grep -vx $at | head -n 1)
        done
        cat "$dir/piece" >>"$dir/film.${kind#*:}"
    done
    [ $n != 4 ] || waited=$(($(now_ms) - killed))
done
[ "$at" = ams1 ] || fail "it was not moved"
frames=$(ffmpeg -v error -nostats -progress - -i "$dir/film.v" -f null - 2>"$dir/errors" | sed -n 's/^frame=//p' | tail -n 1)
ffmpeg -v error -i "$dir/film.a" -f null - 2>>"$dir/errors"
[ "$frames" = $((SECONDS_OF_FILM * 25)) ] && [ ! -s "$dir/errors" ] ||
    fail "$frames pictures: $(head -n 5 "$dir/errors")"
said "fra1 dead, ams1 serves on after $waited ms: $frames pictures of $((SECONDS_OF_FILM * 25)), no error"

# ---- through the sidecar, which is told of the dead one first ----

"$bin/peerclient" --stream "$(door fra1)/v1/hls/film/master.m3u8,$(door ams1)/v1/hls/film/master.m3u8" \
    --http 127.0.251.9:8080 >"$dir/sidecar" 2>&1 &
pids+=" $!"
there() { fetch -o /dev/null http://127.0.251.9:8080/master.m3u8; }
wait_for 5 there || fail "no playlist: $(cat "$dir/sidecar")"
frames=$(ffmpeg -v error -nostats -progress - -t 8 -i http://127.0.251.9:8080/master.m3u8 -f null - 2>"$dir/errors" |
    sed -n 's/^frame=//p' | tail -n 1)
[ "${frames:-0}" -ge 200 ] && [ ! -s "$dir/errors" ] ||
    fail "through the sidecar $frames pictures: $(head -n 5 "$dir/errors") $(cat "$dir/sidecar")"
said "ffmpeg plays it through the sidecar: $frames pictures"
