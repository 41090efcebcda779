#!/bin/sh
# Below the dimension where the landscape is benign: d = 2..K for K = 4..8.
#
#   sh experiments/small-dimension.sh [PROGRAM [OUT.csv]]
#
# PROGRAM is build/bin/ufmlab, OUT.csv experiments/results/small-dimension.csv unless given; plots/small-dimension.gp
# draws it. How often descent ends in a spurious minimum (of all starts and of the Gaussian ones alone, with 95 %
# intervals), how far those lie above the best (relative to it), the bracket [lower_bound, best_objective] of the true
# minimum, and the best point itself: relative deviation of the features from tag-wise averages for
# multiplicities 1, 2, 3, coefficient of variation of the rows' norms, how many
# rows of W vanish, smallest angle between two others, and the largest smallest angle that K unit vectors in
# d dimensions can have (spherical code). Rows are appended as they come; what the file already holds is skipped.
. "$(dirname "$0")/lib.sh"
begin small-dimension classes,samples,loss,lambda_w,lambda_h,lambda_b,dim,seed,runs,global,saddle,inconclusive,nonglobal_minima,nonglobal_low,nonglobal_high,gaussian_runs,gaussian_nonglobal,gaussian_low,gaussian_high,distinct_minima,best_runs,mean_above_best,worst_above_best,best_objective,lower_bound,best_seed,best_kind,best_init_scale,residual_1,residual_2,residual_3,equinorm_w,vanishing_rows,smallest_angle,code_angle "$@"
resume
seed=0

# Degrees: regular polygon (d = 2), Tammes problem (d = 3), simplex (K <= d+1), 90 (d+2 <= K <= 2d).
code_angle() {
    awk -v K="$1" -v d="$2" 'BEGIN {
        pi = atan2(0, -1)
        if (K <= d + 1) printf "%.6f", 180 / pi * atan2(sqrt(1 - 1 / (K - 1) ^ 2), -1 / (K - 1))
        else if (d == 2) printf "%.6f", 360 / K
        else if (K <= 2 * d) printf "90"
        else if (d == 3 && K == 7) printf "77.869542"
        else if (d == 3 && K == 8) printf "74.858492"
        else printf "nan"
    }'
}

# CLASSES SAMPLES LAMBDA DIM RUNS: one row
row() {
    lambda_h=$(awk "BEGIN { printf \"%g\", $3 / 5 }")
    lambda_b=$(awk "BEGIN { printf \"%g\", $3 * 2 }")
    seed=$((seed + 1)) # another one for each row
    key=$1,$2,pal,$3,$lambda_h,$lambda_b,$4,$seed,$5
    ! known "$key" || return 0
    run landscape multistart --classes "$1" --samples "$(echo "$2" | tr + ,)" --lambda-w "$3" \
        --lambda-h "$lambda_h" --lambda-b "$lambda_b" --dim "$4" --seed "$seed" --runs "$5" \
        --duplicates merge
    values | awk -F= -v key="$key" -v angle="$(code_angle "$1" "$4")" '
        { value[$1] = $2 }
        function put(name) { line = line "," (name in value && value[name] != "null" ? value[name] : "nan") }
        END {
            for (i = 0; ("minima." i ".count") in value; i++) {
                above = value["minima." i ".above_best"]
                count = value["minima." i ".count"]
                if (above <= 1e-9) {
                    best += count
                } else {
                    sum += count * above
                    spurious += count
                    worst = above
                }
            }
            line = key
            first = "global saddle inconclusive nonglobal_minima nonglobal_share_interval.0 " \
                "nonglobal_share_interval.1 kinds.gaussian.runs kinds.gaussian.nonglobal_minima " \
                "kinds.gaussian.nonglobal_share_interval.0 kinds.gaussian.nonglobal_share_interval.1 distinct_minima"
            second = "best_objective lower_bound best.seed best.kind best.init_scale " \
                "best.averaging_residual.1 best.averaging_residual.2 best.averaging_residual.3 " \
                "best.metrics.equinorm_w best.vanishing_rows best.smallest_angle_degrees"
            n = split(first, column, " ")
            for (i = 1; i <= n; i++) put(column[i])
            line = line "," best + 0 "," (spurious ? sum / spurious : "nan") "," (spurious ? worst : "nan")
            n = split(second, column, " ")
            for (i = 1; i <= n; i++) put(column[i])
            print line "," angle
        }' >>"$out"
    tail -n 1 "$out"
}

for lambda in 5e-3 5e-4; do
    for samples in 1:3+2:2 1:4 1:3+2:2+3:1; do
        for classes in 4 5 6 7 8; do
            dim=2
            while [ "$dim" -le "$classes" ]; do
                row "$classes" "$samples" "$lambda" "$dim" 400
                dim=$((dim + 1))
            done
        done
    done
done
