# By itself: an unmodified mpv behind `peerclient --stream`, while the site that serves is killed, frozen,
# cut off and drained, as in sidecar.sh. It holds 4 s, and says where it is at each picture.
. test/live/tests/lib.sh
need mpv mpv
# It writes its line anew for each picture.
play() {
    timeout -k 1 100 mpv --no-config --vo=null --ao=null --input-terminal=no --cache-secs=4 --demuxer-readahead-secs=4 \
        --log-file="$log" --term-status-msg='at=${=time-pos}=' "$1" 2>&1 |
        while IFS='=' read -r -d $'\r' word at rest; do
            in_ms "$at"
        done
}
# [ms] of seconds with six decimals.
in_ms() { [[ $1 =~ ^([0-9]+)\.([0-9]{3}) ]] && echo "$((10#${BASH_REMATCH[1]}${BASH_REMATCH[2]}))"; }
. test/live/tests/sidecar_native.sh
