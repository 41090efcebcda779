#!/bin/sh
# Nested, correlated and exclusive labels: which geometry is optimal when labels depend on each other?
#
#   sh experiments/nested-labels.sh [PROGRAM [OUT.csv]]
#
# lambda = 5e-4, 1e-4, 1e-3, 100 samples for every class; K = 6, labels A, B, C are classes 0, 1, 2, the others have single
# labels. About 20 s. x = 1..0 leads to the extreme case:
# `together`: A alone 100 x, B alone 100 x, A+B 100 (1-x): A and B always together at x = 0; `nested`: A alone 100, B alone
#   100 x, A+B 100 (1-x): B only with A at x = 0; `chain`: A alone 100, then B 100 x, A+B 100 (1-x), then C 100 x,
#   A+B+C 100 (1-x); `exclusive`: K = 9 in three groups of three, pairs of different groups 10, of one group 10 x.
# `merge`: the x where w_A = w_B first holds in `together`, found by bisection over certified optima as in
#   minority-collapse.sh, and `predicted` by proof note 31: 100 x = (mu N)^2, N = 500 + 100 x.
# For `exclusive` A and B are in one group, C is in another.
. "$(dirname "$0")/lib.sh"
begin nested-labels kind,x,predicted,norm_a,norm_b,norm_c,norm_other,angle_ab,angle_ac,angle_bc,angle_a_other,angle_b_other,angle_others,distance_ab,rank,etf_deviation,verdict,relative_gap "$@"
units=100000000
lambda='5e-4 1e-4 1e-3'

# KIND X
labels() {
    instance '
        if (kind == "exclusive") {
            for (k = 0; k < 9; k++) {
                print k, 100
                for (l = k + 1; l < 9; l++) print k "+" l, int(k / 3) == int(l / 3) ? 10 * x : 10
            }
        } else {
            print "0", kind == "together" ? 100 * x : 100
            print "1", 100 * x
            print "0+1", 100 * (1 - x)
            print "2", kind == "chain" ? 100 * x : 100
            if (kind == "chain") print "0+1+2", 100 * (1 - x)
            for (k = 3; k < 6; k++) print k, 100
        }' -v kind="$1" -v x="$2"
}
# KIND X PREDICTED
row() {
    measure '
        line = head "," get("weight_norms.0") "," norm(1) "," norm(kind == "exclusive" ? 3 : 2) "," norm(K - 1)
        c = kind == "exclusive" ? 3 : 2
        line = line "," angle(0, 1) "," angle(0, c) "," angle(1, c) "," angle(0, K - 1) "," angle(1, K - 1) "," angle(K - 2, K - 1)
        print line "," distance(0, 1) "," get("rank") "," get("metrics.nc2") "," verdict()' \
        -v kind="$1" -v head="$1,$2,$3" -v OFMT=%.10g -v CONVFMT=%.10g >>"$work/rows"
}

for kind in together nested chain exclusive; do
    for x in 1 0.8 0.6 0.5 0.4 0.3 0.2 0.1 0.05 0.02 0.01 5e-3 2e-3 1e-3 8e-4 6e-4 5e-4 4e-4 2e-4 1e-4 1e-5 0; do
        labels "$kind" "$x"
        solve $lambda
        row "$kind" "$x" nan
    done
done
low=1e-5 high=1
for step in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25; do
    middle=$(awk "BEGIN { printf \"%.12g\", sqrt($low * $high) }")
    labels together "$middle"
    descend $lambda --dim 4
    if certified; then low=$middle; else high=$middle; fi
done
labels together "$low"
descend $lambda --dim 4
row merge "$low" "$(awk 'BEGIN {
    mu2 = 4 * 5e-4 * 1e-4
    for (i = 0; i < 100; i++) x = mu2 * (500 + 100 * x) ^ 2 / 100
    printf "%.12g", x
}')"
publish
awk -F, '$1 == "merge" { printf "always together: w_A = w_B from x = %.8g down, formula %.8g, relative difference %.1e\n", $2, $3, $2 / $3 - 1 }
    $2 == 1 || $2 == 0.1 || $2 == "0" && NR > 1 {
        printf "%s, x = %s: angle AB %.2f, AC %.2f, BC %.2f, A-other %.2f degrees; |w| %.3f %.3f %.3f %.3f; |w_A - w_B| %.2g, rank %d\n", $1, $2, $8, $9, $10, $11, $4, $5, $6, $7, $14, $15
    }
    NR > 1 && $17 != "global" { open++ }
    END { print open + 0 " rows are not certified" }' "$out"
