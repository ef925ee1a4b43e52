# By itself: the sites of the streams test, and twelve players of one location, who say how they fare to
# the nginx that serves them, as web players do: with CMCD, in each request for media, which nginx passes
# on. They ask for the way as they are told. At one site they run dry: some are sent elsewhere, and when
# these fare better the others, too, while players of another location stay where they are.
. test/live/tests/lib.sh
. test/live/tests/streams_sites.sh

PLAYERS=12
show() { grep -h 'players of' "$dir"/*.log | tail -n 8; grep -c . "$dir"/at.*; }
folder() { echo "http://$(address "$1"):8080/film/low/"; }

# listen NET NUMBER: a player, until there is a file `enough`. Says in at.NET.NUMBER where it is.
listen() {
    local from=127.0.$1.$2 steer text at=$first cmcd
    steer="$(door "$second")/v1/steer/film"
    while [ ! -e "$dir/enough" ]; do
        cmcd=bl%3D8000
        [ "$1 $at" != "7 $first" ] || [ ! -e "$dir/dry" ] || cmcd=bl%3D0,bs
        fetch --interface "$from" -o /dev/null "$(folder "$at")0.ts?CMCD=$cmcd"
        if text=$(fetch --interface "$from" "$steer?_HLS_pathway=$at"); then
            at=$(echo "$text" | all_of | cut -d' ' -f2)
            steer=$(echo "$text" | sed 's/.*"RELOAD-URI":"\([^"]*\)".*/\1/')
        fi
        echo "$at" >"$dir/at.$1.$2"
        sleep 2
    done
}

at_first() { cat "$dir"/at."$1".* | grep -cx "$first"; }
some_went() { [ "$(at_first 7)" -lt $PLAYERS ]; }
all_went() { [ "$(at_first 7)" = 0 ]; }

begin_sites
first=fra1 second=ams1
for number in $(seq $PLAYERS); do
    listen 7 "$number" &
    pids+=" $!"
done
for number in 1 2 3; do
    listen 8 "$number" &
    pids+=" $!"
done
sleep 14
[ "$(at_first 7) $(at_first 8)" = "$PLAYERS 3" ] || fail "they do not stay where all is well: $(show)"
touch "$dir/dry"
within 12000 "some are sent elsewhere" some_went
[ "$(at_first 7)" -gt 0 ] || fail "all went at once: $(show)"
within 20000 "they fare better, and all are" all_went
sleep 4
all_went || fail "some came back: $(show)"
[ "$(at_first 8)" = 3 ] || fail "players of another location went, too: $(show)"
said "$(grep -h 'all sent away' "$dir"/*.log | head -n 1 | sed 's/.*players/players/')"
touch "$dir/enough"
