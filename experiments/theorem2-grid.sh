#!/bin/sh
# Theorem 2 over a grid of designs and regularisations: how do descents from random starts end?
#
#   sh experiments/theorem2-grid.sh [PROGRAM [OUT.csv]]
#
# PROGRAM is build/bin/ufmlab, OUT.csv experiments/results/theorem2-grid.csv unless given. K = 2..12, one to four
# multiplicities, both losses, lambda_w over five decades (lambda_h = lambda_w/5, lambda_b = 2 lambda_w): more than
# 20,000 runs with d = K+1, where Theorem 2 applies, then thousands with d = K and d = K-1 (proof note 11). Rows are
# appended as they come; what the file already holds is skipped, so the script goes on where it was stopped.
# Exit 1 when a minimum that is not global was found with d >= K-1; `ufmlab landscape multistart` with the options
# of that row then lists its seeds.
. "$(dirname "$0")/lib.sh"
begin theorem2-grid classes,samples,loss,lambda_w,lambda_h,lambda_b,dim,seed,runs,global,saddle,inconclusive,nonglobal_minima,worst_gap,best_objective,global_low,global_high "$@"
resume
designs='2/1:5+2:3 3/1:4+2:2 3/1:3+2:2+3:1 4/1:3+2:2 4/1:2+2:2+3:1 4/1:2+2:1+3:1+4:1 5/1:5 5/1:5+2:1 5/1:2+2:7+3:1+4:2
6/1:10+2:3 6/1:3+2:2+3:1 7/1:4+3:1 8/1:5+2:2 8/1:3+2:1+4:1 9/1:4+2:1 10/1:10+2:3 12/1:6+2:2'
few='3/1:4+2:2 4/1:2+2:2+3:1 5/1:2+2:7+3:1+4:2 8/1:5+2:2'
seed=0
large='10/1:5+2:2+3:1 12/1:4+2:1+3:1' # slow ones: fewer runs

# CLASSES SAMPLES LOSS LAMBDA DIM RUNS: one row
row() {
    lambda_h=$(awk "BEGIN { printf \"%g\", $4 / 5 }")
    lambda_b=$(awk "BEGIN { printf \"%g\", $4 * 2 }")
    seed=$((seed + 1)) # another one for each row
    key=$1,$2,$3,$4,$lambda_h,$lambda_b,$5,$seed,$6
    ! known "$key" || return 0
    run landscape multistart --classes "$1" --samples "$(echo "$2" | tr + ,)" --loss "$3" \
        --lambda-w "$4" --lambda-h "$lambda_h" --lambda-b "$lambda_b" --dim "$5" --seed "$seed" --runs "$6" \
        --duplicates merge
    values | awk -F= -v key="$key" '
        { value[$1] = $2 }
        END {
            count = split("global saddle inconclusive nonglobal_minima worst_gap best_objective " \
                "global_share_interval.0 global_share_interval.1", column, " ")
            line = key
            for (i = 1; i <= count; i++) line = line "," value[column[i]]
            print line
        }' >>"$out"
    tail -n 1 "$out"
}

# LOSS ABOVE RUNS DESIGN...: all lambda for each design, d = K + ABOVE
grid() {
    loss=$1 above=$2 runs=$3
    shift 3
    for design; do
        for lambda in 1e-6 1e-5 1e-4 1e-3 1e-2 1e-1; do
            row "${design%%/*}" "${design#*/}" "$loss" "$lambda" $((${design%%/*} + above)) "$runs"
        done
    done
}

grid pal 1 200 $designs
grid pal-n 1 100 $few
for above in 0 -1; do
    grid pal "$above" 40 $designs
    grid pal-n "$above" 40 $few
done
grid pal 1 40 $large
awk -F, 'NR > 1 {
    which = $7 > $1 ? "d = K+1" : $7 == $1 ? "d = K" : "d = K-1"
    runs[which] += $9; global[which] += $10; saddle[which] += $11; open[which] += $12; bad[which] += $13; all += $13
} END {
    for (w in runs) print w ": " runs[w] " runs, " global[w] " global, " saddle[w] " saddle, " open[w] \
        " inconclusive, " bad[w] " non-global minima"
    exit all > 0
}' "$out"
