# By itself: an unmodified VLC behind `peerclient --stream`, while the site that serves is killed, frozen,
# cut off and drained, as in sidecar.sh. It may hold 8 s. What it gives out is heard by a loudspeaker of
# ours, which takes 20 ms every 20 ms, and stands still where there is nothing to take.
. test/live/tests/lib.sh
need cvlc 'vlc-bin, vlc-plugin-base'
need setpriv util-linux
# Samples of 44.1 kHz, two of 16 bits each; VLC does not run as root.
play() {
    mkfifo -m 666 "$dir/heard" "$dir/never"
    chmod 711 "$dir"
    HOME=$dir/home timeout -k 1 100 setpriv --reuid=65534 --regid=65534 --clear-groups cvlc --intf dummy \
        --vout vdummy --aout afile --audiofile-file "$dir/heard" --no-audiofile-wav --audiofile-format s16 \
        --adaptive-maxbuffer 8000 --play-and-exit "$1" >&2 &
    loudspeaker <"$dir/heard"
}
# It begins when 300 ms are there.
loudspeaker() {
    local n=0 wait_us due_us
    exec 9<>"$dir/never"
    while [ "$(head -c 3528 | wc -c)" = 3528 ]; do
        due_us=${due_us:-$((${EPOCHREALTIME/[.,]/} + 300000))}
        wait_us=$((due_us - ${EPOCHREALTIME/[.,]/}))
        if [ $wait_us -gt 0 ]; then
            read -r -t "$(printf '0.%06d' $wait_us)" -u 9
        else
            due_us=$((due_us - wait_us))
        fi
        n=$((n + 20)) due_us=$((due_us + 20000))
        echo $n
    done
}
. test/live/tests/sidecar_native.sh
