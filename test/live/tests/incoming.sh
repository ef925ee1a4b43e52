# By itself: a source that comes in live. An ffmpeg sends in real time, `transcoderd ingest --live` cuts it
# into chunks, which one site reads as files and the other one from a real nginx; each makes HLS of them for
# itself. Both list the same numbers at the same time and make the same bytes before they list them; a clock
# that is too uncertain offers nothing. An unmodified ffmpeg behind the sidecar follows while the site that
# serves it is killed with everything: every picture is there, once. Then the sender stops: the lists stand
# still, and no player is sent there any more; when it comes back, so does the channel, with a gap.
. test/live/tests/lib.sh
net=127.0.250 stream=news class=live
. test/live/tests/film_sites.sh
need nginx nginx-light
code() { curl -s -o /dev/null --max-time 3 -w '%{http_code}' "$@"; }

# ---- what comes in ----

mkdir "$dir/feed"
mkfifo "$dir/line"
# Its own clock is the machine's; what says which picture it is can be seen, what is heard never repeats.
sender() {
    begin sender ffmpeg -v error -nostdin -y -re -f lavfi -i testsrc2=size=320x180:rate=25 \
        -re -f lavfi -i 'aevalsrc=0.2*sin(300*t*t)|0.2*sin(200*t*t):s=48000' -c:v libx264 -preset ultrafast \
        -tune zerolatency -g 50 -pix_fmt yuv420p -c:a aac -b:a 128k -f mpegts "$dir/line"
    sender=$!
    begin cutter "$bin/transcoderd" ingest --live "$dir/line" "$dir/feed"
    cutter=$!
}
sender
mkdir "$dir/nginx"
cat >"$dir/nginx/conf" <<CONF
daemon off;
master_process off;
pid $dir/nginx/pid;
error_log $dir/nginx/error.log;
events { worker_connections 256; }
http {
    access_log $dir/nginx/access.log;
    client_body_temp_path $dir/nginx/a; proxy_temp_path $dir/nginx/b;
    fastcgi_temp_path $dir/nginx/c; uwsgi_temp_path $dir/nginx/d; scgi_temp_path $dir/nginx/e;
    server { listen $net.8:8090; root $dir/feed; }
}
CONF
chmod 755 "$dir" "$dir/feed"
begin nginx nginx -c "$dir/nginx/conf" -e "$dir/nginx/error.log"

renditions='  - {name: 180p, codec: h264, bitrate: 300kbit/s, height: 180}
  - {name: aac, codec: aac, bitrate: 96kbit/s}
  - {name: opus, codec: opus, bitrate: 64kbit/s}'
for name in $clusters; do make_keys "$name" "$name-n1"; done
policy fra1 "location: feed/incoming.txt" "$renditions"
policy ams1 "location: \"http://$net.8:8090/incoming.txt\"" "$renditions"
for name in $clusters; do start_peerd "$name"; done
site_node() { start_node "$1" --hls-makers 2 --clock-within "$2"; }
site_node fra1 100
site_node ams1 900

list() { fetch "$(media "$1")/$2/index.m3u8"; }
is_there() { list "$1" "${2:-180p}" >"$dir/list.$1"; }
fra1_is_there() { is_there fra1; }
ams1_is_there() { is_there ams1; }
wait_for 25 fra1_is_there || fail "fra1 has no channel: $(cat "$dir/cutter.log" "$dir/fra1-n1.log")"
grep -q 'clock is too uncertain' "$dir/ams1-n1.log" || fail "ams1 does not say that its clock is too uncertain: $(cat "$dir/ams1-n1.log")"
[ "$(code "$(media ams1)/master.m3u8") $(code "$(media ams1)/180p/index.m3u8") $(code "$(media ams1)/manifest.mpd")" = "404 404 404" ] ||
    fail "a clock that is 900 ms off offers it"
said "a clock that may be 900 ms off does not offer it"
dies node_ams1
site_node ams1 100
wait_for 10 ams1_is_there || fail "ams1 has no channel: $(cat "$dir/ams1-n1.log")"

# ---- the same at the same time ----

first_of() { sed -n 's/^#EXT-X-MEDIA-SEQUENCE:\([0-9]*\)$/\1/p'; }
last_of() { sed -n 's|^[0-9a-f]*/\([0-9]*\)\.m4s$|\1|p' | tail -n 1; }
since_ms=$(sed -n 's/^since //p' "$dir/feed/incoming.txt")
due() { echo $((($(now_ms) - since_ms - 6400) / 3200 - 1)); } # the newest number by the clock
alike() {
    local before=$(due)
    is_there fra1 "$1" && is_there ams1 "$1" && cmp -s "$dir/list.fra1" "$dir/list.ams1" && [ "$(last_of <"$dir/list.fra1")" = "$before" ]
}
for kind in 180p aac opus; do eval "print_$kind=$(list fra1 $kind | print_of)"; done
for turn in $(seq 4); do
    for kind in 180p aac opus; do
        wait_for 2 alike $kind || fail "they list others, or not what is due, $(due): $(diff "$dir/list.fra1" "$dir/list.ams1"; tail -n 2 "$dir/list.fra1")"
    done
    last=$(last_of <"$dir/list.fra1")
    for kind in 180p aac opus; do
        for n in init.mp4 $last.m4s; do
            [ "$(curl -s -o "$dir/a" --max-time 3 -w '%{http_code}' "$(media fra1)/$kind/$(eval echo "\$print_$kind")/$n")" = 200 ] &&
                [ "$(curl -s -o "$dir/b" --max-time 3 -w '%{http_code}' "$(media ams1)/$kind/$(eval echo "\$print_$kind")/$n")" = 200 ] ||
                fail "no $kind $n when it is listed: $(node_log)"
            cmp -s "$dir/a" "$dir/b" || fail "$kind $n differs"
        done
    done
    numbers+=" $last"
    moved() { [ "$(due)" -gt "$last" ]; }
    wait_for 5 moved
done
said "four times, both list what is due by the clock and have made the same 24 pieces of it:$numbers"
grep -q '^#EXT-X-PROGRAM-DATE-TIME:20' "$dir/list.fra1" && ! grep -q 'ENDLIST\|GAP' "$dir/list.fra1" || fail "no such list: $(cat "$dir/list.fra1")"
frames=$(pictures -i "$(media ams1)/manifest.mpd" -map 0:v:0 -t 4)
[ "${frames:-0}" -ge 99 ] || fail "ffmpeg plays $frames pictures of four seconds of DASH: $(cat "$dir/errors")"

# ---- a player ----

begin sidecar "$bin/peerclient" --verbose --http $net.9:8080 --stream "$(door fra1)/v1/hls/news/master.m3u8,$(door ams1)/v1/hls/news/master.m3u8"
there() { fetch -o /dev/null http://$net.9:8080/master.m3u8; }
wait_for 10 there || fail "no playlist: $(cat "$dir/sidecar.log")"
PLAYED=32 # seconds
ffmpeg -v error -nostdin -i http://$net.9:8080/master.m3u8 -map 0:v:0 -map 0:a:0 -t $PLAYED -c copy -f matroska -y "$dir/played.mkv" 2>"$dir/errors" &
player=$!
sleep 8
served() { "$bin/peerctl" status --policy "$dir/fra1.yaml" >"$dir/status"; grep -q 'source news' "$dir/status" && fail "what comes in is no fault: $(cat "$dir/status")"; }
served
before=$(grep -c . "$dir/sidecar.log")
dies node_fra1 peerd_fra1
wait $player || fail "the player gives up: $(cat "$dir/errors" "$dir/sidecar.log")"
[ ! -s "$dir/errors" ] || fail "the player complains: $(head -n 5 "$dir/errors")"
# Every picture at its instant, 40 ms after the one before it, and sound without a hole.
steps() {
    ffprobe -v error -select_streams "$1" -show_entries packet=pts_time -of csv=p=0 "$dir/played.mkv" | tr -d , | sort -n |
        awk -v step="$2" 'NR > 1 && ($1 - last > step + 0.002 || $1 - last < step - 0.002) { wrong++ } { last = $1 } END { print NR, wrong + 0 }'
}
video=$(steps v 0.040) audio=$(steps a 0.0213)
[ "${video#* } ${audio#* }" = "0 0" ] && [ "${video% *}" -ge $((PLAYED * 25 - 1)) ] ||
    fail "pictures and steps that are wrong: $video; sound: $audio"
frames=$(pictures -i "$dir/played.mkv" -map 0:v:0)
[ "$frames" = "${video% *}" ] && [ ! -s "$dir/errors" ] || fail "$frames pictures: $(head -n 5 "$dir/errors")"
[ "$(grep -c . "$dir/sidecar.log")" -gt "$before" ] || fail "the sidecar was not moved: $(cat "$dir/sidecar.log")"
said "fra1 dead in mid-play, ffmpeg has ${video% *} pictures and ${audio% *} frames of sound in a row, no error"

# ---- what stops ----

{ kill -KILL $sender $cutter && wait $sender $cutter; } 2>/dev/null
stopped=$(now_ms)
last=$(tail -n 1 "$dir/feed/incoming.txt" | cut -d' ' -f2)
not_offered() { [ "$(code "$(media ams1)/master.m3u8")" = 404 ]; }
wait_for 30 not_offered || fail "what has stopped is offered after 30 s"
took=$(($(now_ms) - stopped))
is_there ams1 && [ "$(last_of <"$dir/list.ams1")" = "$last" ] || fail "the list does not stand still at $last: $(cat "$dir/list.ams1")"
sender
offered() { fetch -o /dev/null "$(media ams1)/master.m3u8" && is_there ams1 && grep -q GAP "$dir/list.ams1"; }
wait_for 30 offered || fail "it does not come back: $(cat "$dir/cutter.log" "$dir/ams1-n1.log" "$dir/list.ams1")"
next=$(last_of <"$dir/list.ams1")
for kind in 180p aac opus; do piece ams1 $kind $next.m4s "$dir/$kind" || fail "no $kind $next"; done
piece ams1 180p init.mp4 "$dir/v" && cat "$dir/180p" >>"$dir/v"
frames=$(pictures -i "$dir/v")
[ "$frames" = 80 ] && [ ! -s "$dir/errors" ] || fail "$frames pictures: $(cat "$dir/errors")"
[ "$(code "$(media ams1)/180p/$print_180p/$((last + 1)).m4s")" = 404 ] || fail "there is a segment in the gap"
said "its sender dead, the list stands still at $last and no player is sent there after $took ms; begun again it goes on with $next after $(grep -c GAP "$dir/list.ams1") gaps"
