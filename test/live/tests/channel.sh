# By itself: two sites, each with a peerd and a transcoderd that makes a live channel of the same recording,
# which each has ingested for itself, and which began at a date and is repeated. Both list the same numbers
# at the same time, make the same bytes, and have made what they list before they list it; the window moves,
# and what is outside of it is not found. A site whose clock is too uncertain offers nothing. A player that
# takes number after number, over where the recording begins again, and over the death of the site that
# serves it, has every picture.
. test/live/tests/lib.sh
net=127.0.252 stream=news
. test/live/tests/film_sites.sh
PASS=5 # segments; the recording is a second longer
code() { curl -s -o /dev/null --max-time 3 -w '%{http_code}' "$@"; }

ffmpeg -v error -nostdin -f lavfi -i testsrc2=size=320x180:rate=30 -f lavfi -i sine=frequency=440:sample_rate=44100 \
    -t 17 -c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a libmp3lame "$dir/news.mkv" ||
    fail "ffmpeg makes no recording"
for name in $clusters; do
    "$bin/transcoderd" ingest "$dir/news.mkv" "$dir/$name.mp4" >"$dir/ingested" || fail "no ingest"
done
cmp -s "$dir/fra1.mp4" "$dir/ams1.mp4" || fail "each has ingested another recording"
said "each has ingested the same: $(sed 's/.*: //' "$dir/ingested")"

renditions='  - {name: 180p, codec: h264, bitrate: 300kbit/s, height: 180}
  - {name: aac, codec: aac, bitrate: 96kbit/s}
  - {name: opus, codec: opus, bitrate: 64kbit/s}'

# site_node NAME WITHIN_MS: by a clock that may be so far off.
site_node() { start_node "$1" --hls-makers 2 --clock-within "$2"; }

# Two minutes and a half ago, so that numbers are small and the recording has begun again some times.
since=$(date -u -d @$(($(date +%s) - 150)) +%Y-%m-%dT%H:%M:%SZ)
for name in $clusters; do make_keys "$name" "$name-n1"; done
for name in $clusters; do
    policy "$name" "location: $name.mp4, channel_since: $since" "$renditions"
    start_peerd "$name"
done
site_node fra1 100
site_node ams1 900
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
dies node_ams1
site_node ams1 100
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
for kind in 180p aac opus; do eval "print_$kind=$(list fra1 $kind | print_of)"; done
for kind in 180p aac opus; do
    for n in init.mp4 $((last - 2)).m4s $last.m4s; do
        piece fra1 $kind $n "$dir/a" && piece ams1 $kind $n "$dir/b" || fail "no $kind $n: $(node_log)"
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
frames=$(pictures -i "$(media ams1)/master.m3u8" -map 0:v:0 -t 4)
[ "${frames:-0}" -ge 99 ] || fail "ffmpeg plays $frames pictures of four seconds of HLS: $(cat "$dir/errors")"
frames=$(pictures -i "$(media ams1)/manifest.mpd" -map 0:v:0 -t 4)
[ "${frames:-0}" -ge 99 ] || fail "ffmpeg plays $frames pictures of four seconds of DASH: $(cat "$dir/errors")"
said "ffmpeg plays both: $frames pictures"

# ---- a player ----

is_there fra1
n=$(($(last_of <"$dir/list.fra1") - 2)) from=$n at=fra1 count=0
piece fra1 180p init.mp4 "$dir/news.v" && piece fra1 aac init.mp4 "$dir/news.a" || fail "no beginning"
began=$(now_ms)
while [ $count -lt 7 ]; do
    [ $count != 3 ] || {
        dies node_fra1 peerd_fra1
    }
    until fetch -o "$dir/v" "$(media $at)/180p/$print_180p/$n.m4s" && fetch -o "$dir/a" "$(media $at)/aac/$print_aac/$n.m4s"; do
        [ $(($(now_ms) - began)) -lt 40000 ] || fail "number $n does not come: $(node_log)"
        [ $? = 22 ] || fetch -o /dev/null "$(media $at)/180p/index.m3u8" || at=ams1
        sleep 0.2
    done
    cat "$dir/v" >>"$dir/news.v"
    cat "$dir/a" >>"$dir/news.a"
    n=$((n + 1)) count=$((count + 1))
done
[ $at = ams1 ] || fail "it was not moved"
frames=$(pictures -i "$dir/news.v")
ffmpeg -v error -nostdin -i "$dir/news.a" -f null - 2>>"$dir/errors"
[ "$frames" = $((7 * 80)) ] && [ ! -s "$dir/errors" ] || fail "$frames pictures: $(head -n 5 "$dir/errors")"
said "fra1 dead, ams1 goes on with the next number: $from to $((n - 1)), over the end of a pass of $PASS, $frames pictures, no error"
