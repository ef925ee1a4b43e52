# By itself: two sites, each with a peerd and a transcoderd that makes a live channel of the same recording,
# which each has ingested for itself, and which began at a date and is repeated. Both list the same numbers
# at the same time, make the same bytes, and have made what they list before they list it; the window moves,
# and what is outside of it is not found. A site whose clock is too uncertain offers nothing. A player that
# takes number after number, over where the recording begins again, and over the death of the site that
# serves it, has every picture.
. test/live/tests/lib.sh
need curl curl
need ffmpeg ffmpeg
need setpriv util-linux
bin=$(dirname "$LIVE_PROGRAM")/../bin
dir=$(mktemp -d)
pids=
trap 'for pid in $pids; do kill -KILL $pid 2>/dev/null; done; wait 2>/dev/null; rm -rf "$dir"' EXIT
clusters='fra1 ams1'
PASS=5 # segments; the recording is a second longer
address() { [ "$1" = fra1 ] && echo 127.0.252.1 || echo 127.0.252.2; }
door() { echo "http://$(address "$1"):7680"; }
media() { echo "http://$(address "$1"):8080/news"; }
fetch() { curl -sf --max-time 3 "$@"; }
code() { curl -s -o /dev/null --max-time 3 -w '%{http_code}' "$@"; }
now_ms() { echo $(($(date +%s%N) / 1000000)); }

ffmpeg -v error -nostdin -f lavfi -i testsrc2=size=320x180:rate=30 -f lavfi -i sine=frequency=440:sample_rate=44100 \
    -t 17 -c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a libmp3lame "$dir/news.mkv" ||
    fail "ffmpeg makes no recording"
for name in $clusters; do
    "$bin/transcoderd" ingest "$dir/news.mkv" "$dir/$name.mp4" >"$dir/ingested" || fail "no ingest"
done
cmp -s "$dir/fra1.mp4" "$dir/ams1.mp4" || fail "each has ingested another recording"
said "each has ingested the same: $(sed 's/.*: //' "$dir/ingested")"

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
sources: [{name: news, location: $1.mp4, class: exact, channel_since: $since}]
renditions:
  - {name: 180p, codec: h264, bitrate: 300kbit/s, height: 180}
  - {name: aac, codec: aac, bitrate: 96kbit/s}
  - {name: opus, codec: opus, bitrate: 64kbit/s}
origins:
  - {name: news, url: "$(media "$1")/master.m3u8", live: true, check_every: 500ms, answer_within: 500ms}
YAML
}

# start_node NAME WITHIN_MS: its transcoderd. Sets node_NAME.
start_node() {
    setpriv --pdeathsig KILL "$bin/transcoderd" --peerd "$(address "$1"):7601" --peerd-key "$(cat "$dir/$1.pub")" \
        --key "$dir/$1-n1.key" --name n1 --media "$(address "$1"):7700" --workers 1 --hls-makers 2 \
        --clock-within "$2" --hls "$(address "$1"):8080" >>"$dir/$1-n1.log" 2>&1 &
    eval "node_$1=$!"
    pids+=" $!"
}

# Two minutes and a half ago, so that numbers are small and the recording has begun again some times.
since=$(date -u -d @$(($(date +%s) - 150)) +%Y-%m-%dT%H:%M:%SZ)
for name in $clusters; do
    "$bin/peerctl" genkey "$dir/$name.key" >"$dir/$name.pub"
    "$bin/peerctl" genkey "$dir/$name-n1.key" >"$dir/$name-n1.pub"
done
for name in $clusters; do
    policy "$name"
    "$bin/peerctl" check "$dir/$name.yaml" >"$dir/check" || fail "policy of $name: $(cat "$dir/check")"
    setpriv --pdeathsig KILL "$bin/peerd" --policy "$dir/$name.yaml" >>"$dir/$name.log" 2>&1 &
    eval "peerd_$name=$!"
    pids+=" $!"
done
start_node fra1 100
start_node ams1 900
list() { fetch "$(media "$1")/$2/index.m3u8"; }
is_there() { list "$1" 180p >"$dir/list.$1"; }
fra1_is_there() { is_there fra1; }
ams1_is_there() { is_there ams1; }
wait_for 10 fra1_is_there || fail "fra1 has no channel: $(cat "$dir/fra1-n1.log")"
refuses() { fetch -o /dev/null "http://$(address ams1):8080/" || grep -q 'clock is too uncertain' "$dir/ams1-n1.log"; }
wait_for 10 refuses || fail "ams1 does not say that its clock is too uncertain: $(cat "$dir/ams1-n1.log")"
[ "$(code "$(media ams1)/master.m3u8") $(code "$(media ams1)/180p/index.m3u8") $(code "$(media ams1)/manifest.mpd")" = "404 404 404" ] ||
    fail "a clock that is 900 ms off offers a channel"
said "a clock that may be 900 ms off offers no channel"
{ kill -KILL "$node_ams1"; wait "$node_ams1"; } 2>/dev/null
start_node ams1 100
wait_for 10 ams1_is_there || fail "ams1 has no channel: $(cat "$dir/ams1-n1.log")"

# ---- the same at the same time ----

first_of() { sed -n 's/^#EXT-X-MEDIA-SEQUENCE:\([0-9]*\)$/\1/p'; }
last_of() { sed -n 's|^[0-9a-f]*/\([0-9]*\)\.m4s$|\1|p' | tail -n 1; }
alike() { is_there fra1 && is_there ams1 && cmp -s "$dir/list.fra1" "$dir/list.ams1"; }
wait_for 2 alike || fail "they list others: $(diff "$dir/list.fra1" "$dir/list.ams1")"
grep -q ENDLIST "$dir/list.fra1" && fail "it ends: $(cat "$dir/list.fra1")"
grep -q '^#EXT-X-PROGRAM-DATE-TIME:20' "$dir/list.fra1" || fail "no date: $(cat "$dir/list.fra1")"
first=$(first_of <"$dir/list.fra1") last=$(last_of <"$dir/list.fra1")
expected=$((($(date +%s) - $(date -d "$since" +%s)) * 10 / 32 - 1))
[ $((last - expected)) -ge -1 ] && [ $((last - expected)) -le 1 ] && [ $((last - first)) = 15 ] ||
    fail "it lists $first to $last, where $expected was to be the last"
said "both list $first to $last"
print() { sed -n 's/.*URI="\([0-9a-f]*\).*/\1/p'; }
for kind in 180p aac opus; do eval "print_$kind=$(list fra1 $kind | print)"; done
# piece SITE RENDITION FILE OUT: asks again while it hears 404, which means not in time.
piece() {
    local tries
    for tries in $(seq 20); do
        fetch -o "$4" "$(media "$1")/$2/$(eval echo "\$print_$2")/$3" && return 0
        [ $? = 22 ] || return 1
        sleep 0.25
    done
    return 1
}
for kind in 180p aac opus; do
    for n in init.mp4 $((last - 2)).m4s $last.m4s; do
        piece fra1 $kind $n "$dir/a" && piece ams1 $kind $n "$dir/b" || fail "no $kind $n: $(cat "$dir"/*-n1.log)"
        cmp -s "$dir/a" "$dir/b" || fail "$kind $n differs"
    done
done
said "nine pieces of three renditions are the same bytes at both"
at() { code "$(media fra1)/180p/$print_180p/$1.m4s"; }
is_there fra1 && last=$(last_of <"$dir/list.fra1")
[ "$(at $((last + 4))) $(at 0) $(at 2147483646)" = "404 404 404" ] || fail "it serves what is not in its window"

# ---- made before it is listed ----

slow=0 all=
for n in $(seq 5); do
    after=$(last_of <"$dir/list.ams1")
    moved() { is_there ams1 && [ "$(last_of <"$dir/list.ams1")" -gt "$after" ]; }
    wait_for 5 moved || fail "the window stands still at $after"
    took=$(curl -s -o "$dir/b" --max-time 3 -w '%{http_code} %{time_total}' \
        "$(media ams1)/180p/$print_180p/$(last_of <"$dir/list.ams1").m4s")
    all+=" $took,"
    # It has only just begun to make them.
    [ "$n" = 1 ] || [[ "$took" == "200 0.0"* || "$took" == "200 0.1"* ]] || slow=$((slow + 1))
done
[ $slow -le 1 ] || fail "$slow of 4 new segments were not at hand:$all"
said "the window moves, and what is new in it is at hand:$all"
plays() {
    ffmpeg -v error -nostdin -nostats -progress - "$@" -t 4 -f null - 2>"$dir/errors" | sed -n 's/^frame=//p' | tail -n 1
}
frames=$(plays -i "$(media ams1)/master.m3u8" -map 0:v:0)
[ "${frames:-0}" -ge 99 ] || fail "ffmpeg plays $frames pictures of four seconds of HLS: $(cat "$dir/errors")"
frames=$(plays -i "$(media ams1)/manifest.mpd" -map 0:v:0)
[ "${frames:-0}" -ge 99 ] || fail "ffmpeg plays $frames pictures of four seconds of DASH: $(cat "$dir/errors")"
said "ffmpeg plays both: $frames pictures"

# ---- a player ----

is_there fra1
n=$(($(last_of <"$dir/list.fra1") - 2)) from=$n at=fra1 count=0
piece fra1 180p init.mp4 "$dir/news.v" && piece fra1 aac init.mp4 "$dir/news.a" || fail "no beginning"
began=$(now_ms)
while [ $count -lt 7 ]; do
    [ $count != 3 ] || {
        { kill -KILL "$node_fra1" "$peerd_fra1"; wait "$node_fra1" "$peerd_fra1"; } 2>/dev/null
    }
    until fetch -o "$dir/v" "$(media $at)/180p/$print_180p/$n.m4s" && fetch -o "$dir/a" "$(media $at)/aac/$print_aac/$n.m4s"; do
        [ $(($(now_ms) - began)) -lt 40000 ] || fail "number $n does not come: $(cat "$dir"/*-n1.log)"
        [ $? = 22 ] || fetch -o /dev/null "$(media $at)/180p/index.m3u8" || at=ams1
        sleep 0.2
    done
    cat "$dir/v" >>"$dir/news.v"
    cat "$dir/a" >>"$dir/news.a"
    n=$((n + 1)) count=$((count + 1))
done
[ $at = ams1 ] || fail "it was not moved"
frames=$(ffmpeg -v error -nostdin -nostats -progress - -i "$dir/news.v" -f null - 2>"$dir/errors" | sed -n 's/^frame=//p' | tail -n 1)
ffmpeg -v error -nostdin -i "$dir/news.a" -f null - 2>>"$dir/errors"
[ "$frames" = $((7 * 80)) ] && [ ! -s "$dir/errors" ] || fail "$frames pictures: $(head -n 5 "$dir/errors")"
said "fra1 dead, ams1 goes on with the next number: $from to $((n - 1)), over the end of a pass of $PASS, $frames pictures, no error"
