# By itself: types what conf/first-steps.md has a new operator type, with the policies that stand there. Each
# command must end well, and what it prints must have a line that begins as each line shown there does.
. test/live/tests/lib.sh
bin=$(realpath "$(dirname "$LIVE_PROGRAM")/../bin")
steps=$(realpath conf/first-steps.md)
dir=$(mktemp -d)
typing=
trap '[ -z "$typing" ] || kill -KILL -- "-$typing" 2>/dev/null; wait 2>/dev/null; rm -rf "$dir"' EXIT
[ -f /usr/share/asterisk/moh/macroform-cold_day.wav ] || skip "no recordings (package asterisk-moh-opsound-wav)"
need setsid util-linux

# Policies go to files; commands to typed, one after the other, each with its output in out.N; the first
# word of each line that is shown to said.N.
awk -v dir="$dir" '
    /^```yaml / { file = dir "/" $2; next }
    /^```console$/ { console = 1; next }
    /^```$/ { file = ""; console = 0; next }
    file != "" { print > file }
    console && /^\$ / { n++; print "{\n" substr($0, 3) "\n} >out." n " 2>&1; echo $? >status." n > (dir "/typed"); print substr($0, 3) > (dir "/command." n); next }
    console { print $1 > (dir "/said." n) }' "$steps"
[ -s "$dir/typed" ] && [ -s "$dir/fra1.yaml" ] && [ -s "$dir/ams1.yaml" ] || fail "nothing to type in $steps"
count=$(grep -c '^} >out' "$dir/typed")
began=$(date +%s)
(cd "$dir" && PATH=$bin:$PATH exec setsid bash typed) &
typing=$!
wait $typing
for n in $(seq "$count"); do
    [ "$(cat "$dir/status.$n")" = 0 ] || fail "$(cat "$dir/command.$n"): status $(cat "$dir/status.$n"): $(cat "$dir/out.$n")"
    [ -f "$dir/said.$n" ] || continue
    while read -r word; do
        # Ids, ages and numbers are others each time; in their place stands something.
        case $word in
        [0-9]* | ??????????????????????) word='[^ ]' ;;
        esac
        grep -qE "^ *$word" "$dir/out.$n" || fail "$(cat "$dir/command.$n"): no line begins with \`$word\` in: $(cat "$dir/out.$n")"
    done <"$dir/said.$n"
done
grep -q 'fra1 > ams1 (drain).* 0 ms missing' "$dir/client.log" || fail "the drain was heard: $(cat "$dir/client.log")"
said "$count commands of a new operator, $(($(date +%s) - began)) s without reading: all end well, the drain is not heard"
