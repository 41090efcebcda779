#!/bin/sh
# Minority collapse (Fang et al. 2021, for single labels): from which imbalance on do rare classes share one classifier?
#
#   sh experiments/minority-collapse.sh [PROGRAM [OUT.csv]]
#
# K_A frequent classes of 10 R samples and K_B rare ones of 10, lambda = 5e-4, 1e-4, 1e-3 unless a row says otherwise;
# `pairs`: one more sample for each pair of classes, `pal-n`: the same with that loss. About 80 s.
# kind `sweep`: the optimum for R = 1..1e4. Proof note 31: the rare rows of W are equal iff
#   R >= (sqrt(n_B + (K-2) c)/mu - K_B n_B - K(K-1)/2 c)/(K_A n_B)     (n_B = 10, c = 1 with pairs, else 0; PAL-N: c/4, then c)
# and vanish (single labels) from the root of a scalar system on. `merge` and `vanish` locate both without the formula, by
# bisection: the optimum has rank K_A (K_A - 1) iff the descent with d = K_A (K_A - 1) is certified as global. ratio: what
# bisection found, predicted: the formula. Beside it: `above`, 1 + 1e-6, the point with d = K_A, where all rare rows are
# equal, is optimal; `merged`, 1 - 1e-6, this point again: sigma_1 > mu, so it is no optimum but a strict saddle for every
# larger d (note 11); `below`, 1 - 1e-5, d = K: the optimum, whose rare rows differ (distance_bb, relative to the largest row).
. "$(dirname "$0")/lib.sh"
begin minority-collapse kind,labels,loss,majority,minority,lambda_w,lambda_h,lambda_b,ratio,predicted,norm_a,norm_b,angle_aa,angle_ab,angle_bb,distance_bb,rank,sigma1_over_mu,verdict,relative_gap "$@"
units=10000000

# SETTING: "LABELS LOSS K_A K_B LAMBDA_W LAMBDA_H LAMBDA_B"
setting() {
    set -- $1
    labels=$1 loss=$2 a=$3 b=$4 w=$5 h=$6 bias=$7
    key="$labels,$loss,$a,$b,$w,$h,$bias"
}
# COMMAND (solve or descend) R [OPTION...]
at() {
    command=$1 R=$2
    shift 2
    instance '
        for (k = 0; k < A + B; k++) {
            print k, 10 * (k < A ? R : 1)
            for (l = k + 1; l < A + B && labels == "pairs"; l++) print k "+" l, 1
        }' -v R="$R" -v A="$a" -v B="$b" -v labels="$labels"
    "$command" "$w" "$h" "$bias" --loss "$loss" "$@"
}
# KIND R PREDICTED: a row of what was found last
row() {
    measure '
        other = A < 2 ? 0 : 1
        last = K - 1
        line = head "," get("weight_norms.0") "," norm(last)
        line = line "," (A > 1 ? angle(0, 1) : "nan") "," angle(0, last) "," (B > 1 ? angle(last - 1, last) : "nan")
        line = line "," (B > 1 ? distance(last - 1, last) : "nan") "," get("rank")
        print line sprintf(",%.10f,", get("sigma1") / get("mu")) verdict()' \
        -v A="$a" -v B="$b" -v head="$1,$key,$2,$3" -v OFMT=%.10g -v CONVFMT=%.10g >>"$work/rows"
}
formula() {
    awk -v A="$a" -v B="$b" -v w="$w" -v h="$h" -v labels="$labels" -v loss="$loss" 'BEGIN {
        K = A + B
        n = 10
        c = labels == "pairs" ? 1 : 0
        weight = loss == "pal-n" ? 1 / 2 : 1 # omega_2
        printf "%.12g", (sqrt(n + weight ^ 2 * (K - 2) * c) / (2 * sqrt(w * h)) - B * n - K * (K - 1) / 2 * c) / (A * n)
    }'
}
# The second threshold: X is alpha (I - J/K_A) on the frequent classes, 0 elsewhere, b_A - b_B = D; note 31, part 3.
vanishing() {
    awk -v A="$a" -v B="$b" -v w="$w" -v h="$h" -v bias="$bias" '
        # Excess of sigma over mu of the direction that separates the groups, at the point without it.
        function excess(R, n, low, high, i) {
            n = 10 * R
            N = A * n + B * 10
            low = -100
            high = 100
            for (i = 0; i < 200; i++) {
                D = (low + high) / 2
                if (slope(D, n) > 0) high = D
                else low = D
            }
            return sqrt(K / (A * B)) / N * sqrt(A * n * out ^ 2 + B * 10 * into ^ 2) - mu
        }
        # d/dD of the objective, up to a factor > 0: alpha solves its own equation first.
        function slope(D, n, low, high, i, alpha, e, f, sum) {
            low = 0
            high = 1000
            for (i = 0; i < 200; i++) {
                alpha = (low + high) / 2
                e = exp(-alpha / A + D)
                f = exp(alpha * (1 - 1 / A) + D)
                sum = f + (A - 1) * e + B
                if (sqrt(n) / N * (1 - (f - e) / sum) > mu) low = alpha
                else high = alpha
            }
            out = B / sum # mass of a frequent sample on the rare classes
            into = A * exp(D) / (A * exp(D) + B)
            return (-n * out + B * 10 * into / A) / N + 2 * bias * D * B / K
        }
        BEGIN {
            K = A + B
            mu = 2 * sqrt(w * h)
            low = 1
            high = 1e6
            for (j = 0; j < 100; j++) {
                middle = sqrt(low * high)
                if (excess(middle) > 0) low = middle
                else high = middle
            }
            printf "%.12g", low
        }'
}
# DIM LOW HIGH: into $high the least R whose optimum does without a larger dimension, to 1e-7
bisect() {
    low=$2 high=$3
    for step in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27; do
        middle=$(awk "BEGIN { printf \"%.12g\", sqrt($low * $high) }")
        at descend "$middle" --dim "$1"
        if certified; then high=$middle; else low=$middle; fi
    done
}
product() {
    awk "BEGIN { printf \"%.12g\", $1 * $2 }"
}

for entry in 'single pal 5 5 5e-4 1e-4 1e-3' 'single pal 3 7 5e-4 1e-4 1e-3' 'pairs pal 5 5 5e-4 1e-4 1e-3'; do
    setting "$entry"
    threshold=$(formula)
    for exponent in 0 2 4 6 8 10 11 12 13 14 15 16 17 18 19 20 21 22 24 26 28 30 32; do
        R=$(awk "BEGIN { printf \"%.6g\", 10 ^ ($exponent / 8) }")
        at solve "$R"
        row sweep "$R" "$threshold"
    done
done
for entry in 'single pal 5 5 5e-4 1e-4 1e-3' 'single pal 3 7 5e-4 1e-4 1e-3' 'single pal 2 2 5e-4 1e-4 1e-3' \
    'single pal 5 5 5e-4 1e-4 1e-2' 'single pal 5 5 1e-3 1e-3 1e-3' 'pairs pal 5 5 5e-4 1e-4 1e-3' \
    'pairs pal-n 5 5 5e-4 1e-4 1e-3'; do
    setting "$entry"
    predicted=$(formula)
    bisect "$a" 1 1e5
    at descend "$high" --dim "$a"
    row merge "$high" "$predicted"
    R=$(product "$high" 1.000001)
    at descend "$R" --dim "$a"
    row above "$R" "$predicted"
    R=$(product "$high" 0.999999)
    at descend "$R" --dim "$a"
    row merged "$R" "$predicted"
    R=$(product "$high" 0.99999)
    at solve "$R"
    row below "$R" "$predicted"
    [ "$labels" = single ] || continue
    bisect $((a - 1)) "$high" 1e5
    at descend "$high" --dim $((a - 1))
    row vanish "$high" "$(vanishing)"
done
publish
awk -F, '$1 == "merge" || $1 == "vanish" {
        error = $9 / $10 - 1
        printf "%s, %s, %s, K_A = %d, K_B = %d: from R = %.8g on, formula %.8g, relative difference %.1e\n", $1, $2, $3, $4, $5, $9, $10, error
    }
    $1 == "above" || $1 == "below" { all++; certified += $19 == "global" }
    $1 == "merged" { saddles += $18 > 1 + 5e-7; points++ }
    $1 == "sweep" { n++; optima += $19 == "global" }
    END {
        print certified " of " all " optima beside the thresholds certified; sigma_1 > mu at " saddles " of " points " merged points below"
        print optima " of " n " optima of the sweep certified"
    }' "$out"
