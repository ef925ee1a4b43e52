# By itself: two sites, each with a peerd and a transcoderd that makes HLS of one film. For FFmpeg one of them
# has a processor of the plainest kind, for x264 and the C library one with SSE2 and nothing newer. Segments
# of both, pictures and sound, are fetched over HTTP and compared: all are the same bytes, under the same
# names and tags. What need not be the same, Opus, whose encoder goes by the processor, has another name
# there; here, where both have in truth one processor, it shows that what is encoded is the same. Half of a
# segment is had from the one, the rest from the other. In check-all 100 segments.
. test/live/tests/lib.sh
net=127.0.250 stream=film
. test/live/tests/film_sites.sh
[ "$(uname -m)" = x86_64 ] || skip "an older processor is made for x86_64 only"
older=$(realpath "$(dirname "$LIVE_PROGRAM")/processor.so") || fail "no processor.so: make all"
NUMBERS=3 # segments of each rendition
[ "$LIVE_MODE" != check-all ] || NUMBERS=25

ffmpeg -v error -nostdin -f lavfi -i testsrc2=size=320x180:rate=25,noise=alls=4:allf=t:all_seed=7 -f lavfi \
    -i 'aevalsrc=sin(2*PI*t*(300+90*sin(t)))*0.3+(random(0)-0.5)*0.2|sin(2*PI*t*1250)*0.2*sin(3*t)+(random(1)-0.5)*0.1:s=48000' \
    -t "$((NUMBERS * 32 / 10)).$((NUMBERS * 32 % 10))" -c:v libx264 -preset ultrafast -crf 20 -g 80 \
    -pix_fmt yuv420p -c:a aac -aac_pns 0 -b:a 128k "$dir/film.mp4" || fail "ffmpeg makes no film"
renditions='  - {name: 180p, codec: h264, bitrate: 400kbit/s, height: 180}
  - {name: 96p, codec: h264, bitrate: 150kbit/s, height: 96}
  - {name: aac, codec: aac, bitrate: 128kbit/s}
  - {name: low, codec: aac, bitrate: 48kbit/s}
  - {name: opus, codec: opus, bitrate: 64kbit/s}'
for name in $clusters; do make_keys "$name" "$name-n1"; done
for name in $clusters; do
    policy "$name" "location: film.mp4" "$renditions"
    start_peerd "$name"
    start_node "$name" --hls-makers 2
    machine=(LD_PRELOAD="$older" # of the second one
        GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX512BW,-AVX2,-AVX,-FMA,-FMA4,-BMI1,-BMI2,-SSE4_2,-SSE4_1,-SSSE3)
done
# list RENDITION: both have one, in $dir/fra1 and $dir/ams1.
list() { for name in $clusters; do fetch -o "$dir/$name" "$(media $name)/$1/index.m3u8" || return 1; done; }
wait_for 10 list opus || fail "not both have the film: $(node_log)"
makers() { pgrep -P "$(pgrep -P "$node_ams1" -x transcoderd/hls)" -x transcoderd/mak; }
for pid in $(makers); do grep -q "$older" "/proc/$pid/maps" && old=yes; done
[ "$old" = yes ] || fail "ams1 has no older processor"
! cmp -s "$dir/fra1" "$dir/ams1" || fail "Opus has the same name with another processor"
opus_fra1=$(print_of <"$dir/fra1") opus_ams1=$(print_of <"$dir/ams1")
tag() {
    curl -sI --max-time 3 "$(media "$1")/$2/$(eval echo "\$print_$2")/$3" |
        sed -n 's/^[Ee][Tt]ag: \("[0-9a-f]*"\).*$/\1/p'
}

same=0 total=0 sizes= tags=
for kind in 180p 96p aac low; do
    list $kind && cmp -s "$dir/fra1" "$dir/ams1" || fail "they list $kind otherwise: $(diff "$dir/fra1" "$dir/ams1")"
    eval "print_$kind=$(print_of <"$dir/fra1")"
    piece fra1 $kind init.mp4 "$dir/a" && piece ams1 $kind init.mp4 "$dir/b" && cmp -s "$dir/a" "$dir/b" ||
        fail "$kind begins otherwise"
    for n in $(seq 0 $((NUMBERS - 1))); do
        piece ams1 $kind "$n.m4s" "$dir/b" && piece fra1 $kind "$n.m4s" "$dir/a" || fail "no $kind $n: $(node_log)"
        total=$((total + 1))
        etag=$(tag fra1 $kind "$n.m4s")
        [ -n "$etag" ] && [ "$etag" = "$(tag ams1 $kind "$n.m4s")" ] && cmp -s "$dir/a" "$dir/b" && same=$((same + 1))
        sizes+="$(stat -c %s "$dir/a") "
        tags+="$etag "
    done
done
[ "$(echo $tags | tr ' ' '\n' | sort -u | wc -l)" = $total ] || fail "two segments have one tag: $tags"
[ $same = $total ] || fail "$same of $total segments are the same bytes"
said "$same of $total segments are the same bytes at both, $(($(echo $sizes | tr ' ' '+'))) of them"
for n in $(seq 0 $((NUMBERS - 1))); do
    print_opus=$opus_fra1 && piece fra1 opus "$n.m4s" "$dir/b" && print_opus=$opus_ams1 &&
        piece ams1 opus "$n.m4s" "$dir/c" || fail "no opus $n: $(node_log)"
    cmp -s "$dir/b" "$dir/c" || fail "opus $n is made of other samples"
done
said "and $NUMBERS of Opus, each under its own name"

# ---- parts ----

whole=$(stat -c %s "$dir/a") half=$(($(stat -c %s "$dir/a") / 2))
url=low/$print_low/$((NUMBERS - 1)).m4s
# asked SITE HEADER...: status, length and Content-Range of the answer.
asked() {
    local site=$1 words=()
    shift
    for word in "$@"; do words+=(-H "$word"); done
    curl -s --max-time 3 -D "$dir/part.head" -o "$dir/part" "${words[@]}" -w '%{http_code} %{size_download} ' \
        "$(media "$site")/$url"
    sed -n 's/^[Cc]ontent-[Rr]ange: \([^\r]*\).*/\1/p' "$dir/part.head"
}
expect() {
    local found
    found=$(asked "${@:2}")
    [ "$found" = "$1" ] || fail "$(printf '%s; ' "${@:2}")expected $1, found $found"
}
expect "206 $half bytes 0-$((half - 1))/$whole" fra1 "Range: bytes=0-$((half - 1))"
mv "$dir/part" "$dir/joined"
expect "206 $((whole - half)) bytes $half-$((whole - 1))/$whole" ams1 "Range: bytes=$half-" "If-Range: $etag"
cat "$dir/part" >>"$dir/joined"
cmp -s "$dir/joined" "$dir/a" || fail "a half of each is no whole"
said "a half of fra1 and the rest of ams1, by its tag, are the whole"
expect "200 $whole " ams1 "Range: bytes=$half-" 'If-Range: "another"'
expect "200 $whole " ams1 "Range: bytes=1-2,5-6"
expect "206 7 bytes $((whole - 7))-$((whole - 1))/$whole" ams1 "Range: bytes=-7"
expect "416 0 bytes */$whole" ams1 "Range: bytes=$whole-"
expect "304 0 " ams1 "If-None-Match: \"1\", $etag"
grep -qi "^etag: $etag" "$dir/part.head" || fail "304 without its tag: $(cat "$dir/part.head")"
expect "200 $whole " ams1 'If-None-Match: "another"'
expect "412 0 " ams1 'If-Match: "another"'
[ "$(curl -sI -H 'Range: bytes=1-2' -o /dev/null -w '%{http_code}' "$(media ams1)/$url")" = 200 ] || fail "HEAD has parts"
said "parts, tags and conditions are as RFC 9110 has them"
