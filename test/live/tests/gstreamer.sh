# Runs inside gstreamer.yaml. Unmodified GStreamer pipelines record two sessions, PCMU and Opus, of
# a site that dies, from the port that peerclient sends RTP to. The jitter buffer tells of a packet
# that it misses (an event) or drops (a message): it must tell of none, and mark no packet but the
# first as a discontinuity. The recording must hold 20 ms for each packet. PCMU remembers nothing,
# so its recording must be the music itself, as ffmpeg makes PCMU of it, sample for sample. (For Opus
# the same is not asked: see player.sh.)
. test/live/tests/lib.sh
need gst-launch-1.0 gstreamer1.0-tools
need ffmpeg ffmpeg
for element in udpsrc rtpjitterbuffer rtppcmudepay rtpopusdepay mulawdec opusdec wavenc; do
    gst-inspect-1.0 --exists "$element" || skip "GStreamer has no $element (gstreamer1.0-plugins-*)"
done
out=$LIVE_DIR/gstreamer
mkdir -p "$out"
listeners=()
players=()

# record CODEC PORT CAPS DEPAYLOADER DECODER
record() {
    gst-launch-1.0 -e -v -m udpsrc address=127.0.1.60 port="$2" \
        caps="application/x-rtp,media=audio,$3" ! \
        rtpjitterbuffer latency=100 do-lost=true post-drop-messages=true ! \
        identity name=heard silent=false ! "$4" ! "$5" ! audio/x-raw,format=S16LE ! wavenc ! \
        filesink location="$out/$1.wav" >"$out/$1.gst" 2>&1 &
    players+=($!)
}

listen() {
    "$LIVE_BIN/peerclient" --cluster http://127.0.0.1:7680 --service radio --source music \
        --profile "$1" --bind 127.0.1.60 --rtp-out "127.0.1.60:$2" --duration 10s --json \
        >"$out/$1.json" 2>"$out/$1.log" &
    listeners+=($!)
}

export GST_REGISTRY=$out/registry.bin
gst-inspect-1.0 --exists udpsrc # reads all plugins once, not twice at a time
record pcmu 6100 "clock-rate=8000,encoding-name=PCMU,payload=0" rtppcmudepay mulawdec
record opus 6110 "clock-rate=48000,encoding-name=OPUS,payload=111" rtpopusdepay opusdec
for codec in pcmu opus; do
    wait_for 15 grep -q PLAYING "$out/$codec.gst" || fail "$codec: gst-launch-1.0 does not play"
done
listen pcmu 6100
listen opus 6110
for pid in "${listeners[@]}"; do
    wait "$pid" || fail "a peerclient ended with status $?: $(tail -n 2 "$out"/*.json)"
done
sleep 0.3
kill -INT "${players[@]}"
wait "${players[@]}"

# check CODEC SAMPLES-A-PACKET
check() {
    local log=$out/$1.gst packets samples
    grep -q '"cause":"crashed"' "$out/$1.json" || fail "$1: the session did not move"
    ! grep -m 1 -iE 'GstRTPPacketLost|drop-msg|WARNING|ERROR' "$log" ||
        fail "$1: GStreamer tells of a hole"
    packets=$(grep -c '^/.*heard: last-message = chain' "$log")
    [ "$(grep -c '^/.*heard: last-message = chain.* discont' "$log")" -eq 1 ] ||
        fail "$1: a packet after the first is marked as a discontinuity"
    [ "$packets" -ge 450 ] || fail "$1: GStreamer heard $packets packets of 500"
    samples=$(ffprobe -v error -show_entries stream=duration_ts -of csv=p=0 "$out/$1.wav")
    [ "$samples" -eq $((packets * $2)) ] ||
        fail "$1: $packets packets became $samples samples, not $2 each"
    said "$1: GStreamer heard $packets packets and no hole; the recording is as long as they are"
}

check pcmu 160
check opus 960

ffmpeg -nostdin -v error -t 15 -i /usr/share/asterisk/moh/macroform-robot_dity.wav -f mulaw - |
    ffmpeg -v error -f mulaw -ar 8000 -ac 1 -i - -f s16le "$out/music.pcm"
tail -c +45 "$out/pcmu.wav" >"$out/pcmu.pcm"
same=$("$LIVE_PROGRAM" same "$out/music.pcm" "$out/pcmu.pcm" 320 450) || fail "pcmu: $same"
said "pcmu: against the music itself, $same"
