# Runs inside player.yaml. For each codec two sessions play the same music from its beginning: one at
# fra1, which dies at 6 s, and one at ams1, which does not. An unmodified ffmpeg records each from
# the SDP file that peerclient wrote. Its log must tell of no loss, its packets must follow one
# another without a hole, and the two recordings, aligned, must be the same, byte for byte. That holds
# for Opus, too, whose encoder remembers: sessions of one source and profile begin their laps at the
# same frames (see transcoder/media/stream.h), and who takes over has run through the lap in silence.
. test/live/tests/lib.sh
need ffmpeg ffmpeg
out=$LIVE_DIR/player
mkdir -p "$out"
pids=()

# listen NAME CLUSTER-ADDRESS CODEC PORT
listen() {
    "$LIVE_BIN/peerclient" --cluster "http://$2:7680" --service radio --source music --profile "$3" \
        --bind 127.0.1.60 --rtp-out "127.0.1.60:$4" --sdp "$out/$1.sdp" --duration 10s --json \
        >"$out/$1.json" 2>"$out/$1.log" &
    pids+=($!)
}

record() {
    wait_for 15 test -s "$out/$1.sdp" || fail "$1: peerclient wrote no SDP file"
    ffmpeg -nostdin -hide_banner -loglevel verbose -y -protocol_whitelist file,udp,rtp \
        -i "$out/$1.sdp" -map 0:a -c copy -f data "$out/$1.payload" \
        -map 0:a -c copy -f framecrc "$out/$1.packets" 2>"$out/$1.ffmpeg" &
    players+=($!)
}

players=()
port=6000
for codec in pcmu l16 opus; do
    listen "$codec-kill" 127.0.0.1 "$codec" $((port += 10))
    listen "$codec-calm" 127.0.0.2 "$codec" $((port += 10))
done
for codec in pcmu l16 opus; do
    record "$codec-kill"
    record "$codec-calm"
done

for pid in "${pids[@]}"; do
    wait "$pid" || fail "a peerclient ended with status $?: $(tail -n 2 "$out"/*.json)"
done
sleep 0.3
kill -INT "${players[@]}"
wait "${players[@]}"

for codec in pcmu l16 opus; do
    grep -q '"cause":"crashed"' "$out/$codec-kill.json" || fail "$codec: the session did not move"
    for name in "$codec-kill" "$codec-calm"; do
        if grep -iE 'missed|max delay reached|dropping|late|discontinu|non.monoton' "$out/$name.ffmpeg"; then
            fail "$name: ffmpeg tells of a hole"
        fi
        # stream, dts, pts, duration, …: each packet begins where the one before it ended.
        awk -F', *' '!/^#/ { if (n++ && $3 - last != step && step) exit 1
                             if (n == 2) step = $3 - last
                             last = $3 } END { exit n < 400 }' "$out/$name.packets" ||
            fail "$name: packets do not follow one another: $(wc -l <"$out/$name.packets") of them"
    done
    case $codec in
    pcmu) bytes=160 ;;
    l16) bytes=320 ;;
    opus) bytes=80 ;; # 32 kbit/s, constant
    esac
    same=$("$LIVE_PROGRAM" same "$out/$codec-kill.payload" "$out/$codec-calm.payload" $bytes 400) ||
        fail "$codec: $same"
    said "$codec: ffmpeg heard no hole; with and without the kill, $same"
done

