# By itself: wall clocks of sites step, and nobody so much as suspects anybody. That they did step is
# to be seen in what their programs log: an hour ahead, a minute back, ten days ahead.
. test/live/tests/lib.sh
dir=$(mktemp -d)
chmod 711 "$dir"
trap 'rm -rf "$dir"' EXIT
"$LIVE_PROGRAM" run test/scenario/clock-step.yaml --keep "$dir/run" || fail "not as expected"

# ahead CLUSTER: [s] how far its clock is ahead of ours, by its latest words.
ahead() {
    local last
    last=$(sed -n '$s/^\([-0-9]*T[0-9:]*\).*/\1/p' "$dir/run/$1/n1.log")
    echo $(($(date -ud "$last" +%s) - $(date -u +%s)))
}
for row in "ams1 3600" "fra1 -60" "lon1 864000"; do
    read -r cluster by <<<"$row"
    is=$(ahead "$cluster")
    [ $((is - by)) -le 1 ] && [ $((is - by)) -ge -10 ] ||
        fail "$cluster is $is s ahead of the runner, not $by"
    said "$cluster is $is s ahead"
done
