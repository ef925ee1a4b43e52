# Runs inside http.yaml. peerclient --http plays a session of Opus at a local URL; an unmodified ffmpeg
# records it across the death of the site that serves it, and a second one that comes late hears it, too.
# Packets follow one another without a hole or a stand-in, the end is told, and what is no Opus is refused.
. test/live/tests/lib.sh
need ffmpeg ffmpeg
need curl curl
out=$LIVE_DIR/http
mkdir -p "$out"
listens() {
    "$LIVE_BIN/peerclient" --cluster http://127.0.0.1:7680,http://127.0.0.2:7680 --service radio \
        --source music --bind 127.0.1.60 "$@"
}
listens --profile opus --http 127.0.1.60:8080 --duration 7s --json >"$out/it.json" 2>"$out/it.log" &
listener=$!
code() { curl -s -m 2 -o "$out/head" -w '%{http_code} %{content_type}' "$@"; }
answers() { [ "$(code -I http://127.0.1.60:8080/)" = '200 audio/ogg' ]; }
wait_for 15 answers || fail "no URL: $(cat "$out/it.log")"
# record NAME: the packets that it hears, and when the last one is over.
record() {
    ffmpeg -nostdin -hide_banner -loglevel warning -y -i http://127.0.1.60:8080/listen.ogg \
        -map 0:a -c copy -f framecrc "$out/$1" 2>"$out/$1.log"
}
record early & early=$!
[ "$(code http://127.0.1.60:8080/nothing)" = '404 application/problem+json' ] || fail "another path"
listens --profile pcmu --http 127.0.1.60:8081 --duration 1s >"$out/pcmu" 2>&1
[ $? -eq 4 ] && grep -q 'expected a profile of opus, found one of PCMU' "$out/pcmu" ||
    fail "PCMU over HTTP: $(cat "$out/pcmu")"
sleep 3
record late & late=$!
wait "$listener" || fail "peerclient ended with status $?: $(tail -n 2 "$out/it.json")"
grep -q '"cause":"crashed"' "$out/it.json" || fail "the session did not move: $(cat "$out/it.json")"
wait "$early" || fail "ffmpeg: $(cat "$out/early.log")"
wait "$late" || fail "ffmpeg: $(cat "$out/late.log")"

# stream, dts, pts, duration, size, crc: how many, holes, and stand-ins of one byte.
sums() { awk -F', *' '!/^#/ { if (n++ && $3 - last != 960) holes++; last = $3; short += $5 < 3 }
    END { print n + 0, holes + 0, short + 0 }' "$out/$1"; }
read -r packets holes short < <(sums early)
[ "$packets" -ge 250 ] && [ "$holes $short" = "0 0" ] ||
    fail "early: $packets packets, $holes holes, $short stand-ins: $(cat "$out/early.log")"
said "ffmpeg heard $packets packets of 20 ms across the death, none missing"
read -r packets holes short < <(sums late)
[ "$packets" -ge 50 ] && [ "$holes $short" = "0 0" ] ||
    fail "late: $packets packets, $holes holes, $short stand-ins: $(cat "$out/late.log")"
said "and one that came in the midst $packets"
grep -qiE 'error|invalid|corrupt' "$out/early.log" "$out/late.log" && fail "$(cat "$out"/*.log)"
# What both heard is the same, packet for packet.
tail -n 40 "$out/late" | awk -F', *' '{ print $5, $6 }' >"$out/tail-late"
tail -n 40 "$out/early" | awk -F', *' '{ print $5, $6 }' | cmp -s - "$out/tail-late" ||
    fail "the two have not heard the same"
