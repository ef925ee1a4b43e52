# By itself: two sites, each with a peerd and a transcoderd that makes HLS of one film on demand. Segments
# of both are the same bytes, and nobody else makes them first. A player that is steered as the answers say
# fetches sound and pictures while the site that serves it dies with everything; what it has fetched,
# ffmpeg decodes without an error and to the last picture. Makers and the front are killed as well.
. test/live/tests/lib.sh
net=127.0.251 stream=film
. test/live/tests/film_sites.sh
SECONDS_OF_FILM=32
LAST=$((SECONDS_OF_FILM / 16 * 5 - 1)) # segment: 3.2 s each
code() { curl -s -o /dev/null --max-time 3 -w '%{http_code} %{time_total}' "$@"; }

ffmpeg -v error -f lavfi -i testsrc2=size=640x360:rate=25 -f lavfi -i sine=frequency=440:sample_rate=48000 \
    -t $SECONDS_OF_FILM -c:v libx264 -preset ultrafast -g 80 -pix_fmt yuv420p -c:a aac -b:a 128k "$dir/film.mp4" ||
    fail "ffmpeg makes no film"

renditions='  - {name: 360p, codec: h264, bitrate: 800kbit/s, height: 360}
  - {name: 180p, codec: h264, bitrate: 300kbit/s, height: 180}
  - {name: aac, codec: aac, bitrate: 96kbit/s}
  - {name: opus, codec: opus, bitrate: 64kbit/s}'
for name in $clusters; do make_keys "$name" "$name-n1"; done
for name in $clusters; do
    policy "$name" "location: film.mp4" "$renditions"
    start_peerd "$name"
    start_node "$name"
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
for kind in 180p 360p aac opus; do eval "print_$kind=$(fetch "$(media fra1)/$kind/index.m3u8" | print_of)"; done
for kind in 180p aac opus; do
    for n in init.mp4 0.m4s 5.m4s "$LAST.m4s"; do
        piece fra1 $kind $n "$dir/a" && piece ams1 $kind $n "$dir/b" || fail "no $kind $n: $(node_log)"
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
frames=$(pictures -i "$(media ams1)/manifest.mpd" -map 0:v:0)
# At the end it looks once more at what it does not play, and complains of that.
[ "$frames" = $((SECONDS_OF_FILM * 25)) ] || fail "ffmpeg plays $frames pictures of the MPD: $(cat "$dir/errors")"
said "ffmpeg plays the MPD: $frames pictures"

# ---- what it costs ----

# Each says of both how many more players there is CPU for, and what one costs: the other's by its beats.
counted() {
    "$bin/peerctl" origins --policy "$dir/$1.yaml" --json >"$dir/origins" &&
        [ "$(grep -o '"players_more":[0-9]' "$dir/origins" | wc -l) $(grep -o '"player_cpu_ms_per_s":[1-9]' "$dir/origins" | wc -l)" = "2 2" ]
}
for name in $clusters; do wait_for 10 counted "$name" || fail "$name does not count players: $(cat "$dir/origins")"; done
said "room for players at both: $("$bin/peerctl" origins --policy "$dir/fra1.yaml" | grep -o '[0-9]* ([0-9.]* s/s)' | paste -sd,)"

# ---- what is killed ----

children() { ps -o pid= --ppid "$1"; }
front=$(for pid in $(children "$node_ams1"); do grep -qx transcoderd/hls "/proc/$pid/comm" && echo "$pid"; done)
[ -n "$front" ] || fail "no front"
for pid in $(children "$front"); do kill -STOP "$pid"; done
headers=$(curl -s -D - -o /dev/null "$(media ams1)/opus/$print_opus/8.m4s")
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
        dies node_fra1 peerd_fra1
        killed=$(now_ms)
    }
    for kind in 360p:v aac:a; do
        until piece $at ${kind%:*} $n.m4s "$dir/piece"; do
            [ $(($(now_ms) - began)) -lt 60000 ] || fail "piece $n does not come: $(node_log)"
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
frames=$(pictures -i "$dir/film.v")
ffmpeg -v error -i "$dir/film.a" -f null - 2>>"$dir/errors"
[ "$frames" = $((SECONDS_OF_FILM * 25)) ] && [ ! -s "$dir/errors" ] ||
    fail "$frames pictures: $(head -n 5 "$dir/errors")"
said "fra1 dead, ams1 serves on after $waited ms: $frames pictures of $((SECONDS_OF_FILM * 25)), no error"

# ---- through the sidecar, which is told of the dead one first ----

begin sidecar "$bin/peerclient" --http 127.0.251.9:8080 \
    --stream "$(door fra1)/v1/hls/film/master.m3u8,$(door ams1)/v1/hls/film/master.m3u8"
there() { fetch -o /dev/null http://127.0.251.9:8080/master.m3u8; }
wait_for 5 there || fail "no playlist: $(cat "$dir/sidecar.log")"
frames=$(pictures -t 8 -i http://127.0.251.9:8080/master.m3u8)
[ "${frames:-0}" -ge 200 ] && [ ! -s "$dir/errors" ] ||
    fail "through the sidecar $frames pictures: $(head -n 5 "$dir/errors") $(cat "$dir/sidecar.log")"
said "ffmpeg plays it through the sidecar: $frames pictures"
