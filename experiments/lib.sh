# What the experiments share. Each begins with
#   . "$(dirname "$0")/lib.sh"
#   begin NAME HEADER "$@"
# where "$@" is [PROGRAM [OUT.csv]]: build/bin/ufmlab and experiments/results/NAME.csv unless given.
set -eu
here=$(dirname "$0")
begin() {
    name=$1 header=$2
    shift 2
    program=${1:-build/bin/ufmlab}
    out=${2:-$here/results/$name.csv}
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    trap 'exit 130' INT TERM
}

# Long experiments append their rows to OUT.csv and skip what it holds: `known KEY` when a row starts with KEY.
resume() {
    [ -s "$out" ] || echo "$header" >"$out"
}
known() {
    grep -qF "$1," "$out"
}

# Short ones collect rows in $work/rows and replace OUT.csv at the end.
publish() {
    { echo "$header" && cat "$work/rows"; } >"$out.new"
    mv "$out.new" "$out"
}

# COMMAND...: ufmlab with --json into $work/json. A run that failed may have printed its object none the less.
run() {
    code=0
    "$program" "$@" --json >"$work/json" || code=$?
    [ -s "$work/json" ] || exit "$code"
}
# Its numbers, one line KEY=VALUE each.
values() {
    awk -f "$here/flatten.awk" "$work/json"
}

# AWK-PROGRAM [OPTION...]: writes the instance, lines `TAGS WEIGHT`. Weights are numbers of samples but need not be
# whole: UNITS samples stand for one. With lambda_w and lambda_h divided by sqrt(UNITS) the optimum has the same logits;
# W is larger and every feature smaller by UNITS^(1/4), which geometry.awk undoes.
units=1000000
instance() (
    text=$1
    shift
    awk "$@" "$(cat "$here/random.awk") BEGIN { OFMT = \"%.17g\"; $text }" | awk -v units=$units '
        BEGIN { print "tags,count" }
        { count = int($2 * units + 0.5); if (count >= 1) printf "%s,%.0f\n", $1, count }' >"$work/counts.csv"
)

# COMMAND LAMBDA_W LAMBDA_H LAMBDA_B [OPTION...]: a command on the instance. (In a subshell: names stay the caller's.)
run_instance() (
    command=$1 w=$(scaled "$2") h=$(scaled "$3") b=$4
    shift 4
    run "$command" --counts "$work/counts.csv" --duplicates merge --lambda-w "$w" --lambda-h "$h" --lambda-b "$b" \
        --threads 1 --quiet "$@"
)
scaled() {
    awk "BEGIN { printf \"%.17g\", $1 / sqrt($units) }"
}
# LAMBDA_W LAMBDA_H LAMBDA_B [OPTION...]: the optimum, from up to three starts until one is certified (what `descend`
# reaches from one start need not be); the closed form.
solve() {
    for start in 1 2 3; do
        descend "$@" --seed "$start"
        ! certified || return 0
    done
}
descend() {
    run_instance solve "$@" --solver newton --tolerance 1e-16 --gap-tolerance 1e-9 --tag-sets "$work/sets.csv"
}
certified() {
    grep -q '"verdict": "global"' "$work/json"
}
predict() {
    run_instance predict "$@"
}

# AWK-PROGRAM [OPTION...]: runs the program after reading the optimum, with the functions of geometry.awk.
measure() (
    text=$1
    shift
    values | awk -v units=$units "$@" "$(cat "$here/geometry.awk") END { $text }" - "$work/sets.csv"
)
