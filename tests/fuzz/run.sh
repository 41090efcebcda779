#!/bin/sh
# Runs every fuzz target for a while, JOBS at a time: run.sh BUILD-DIRECTORY SECONDS JOBS [TARGET...]
# Inputs begin with the generated seeds and with tests/corpus/TARGET, where former finds are kept. Exit 1 when a
# target crashes, hangs, leaks or complains; the input is left in BUILD-DIRECTORY/finds.
set -u
build=$1 seconds=$2 jobs=$3
shift 3
[ $# -gt 0 ] || set -- $(ls "$build"/bin | sed -n 's/^fuzz-//p')
mkdir -p "$build/finds" "$build/logs"
one() {
	target=$1
	mkdir -p "$build/corpus/$target"
	kept=
	[ -d "tests/corpus/$target" ] && kept=tests/corpus/$target
	if "$build/bin/fuzz-$target" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=3000 -max_len=32768 -print_final_stats=1 \
		-artifact_prefix="$build/finds/$target-" "$build/corpus/$target" "$build/seeds/$target" $kept \
		> "$build/logs/$target" 2>&1; then
		echo "fuzz $target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$build/logs/$target") inputs, no find"
	else
		echo "fuzz $target: a find, see $build/logs/$target"
		tail -25 "$build/logs/$target"
		touch "$build/failed"
	fi
}
rm -f "$build/failed"
running=0
for target; do
	one "$target" &
	running=$((running + 1))
	[ $((running % jobs)) -ne 0 ] || wait
done
wait
[ ! -e "$build/failed" ]
