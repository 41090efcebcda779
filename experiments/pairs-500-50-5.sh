#!/bin/sh
# Pairs of very different frequency (the paper's Figure 2 a-b): 15 pairs with 500 samples, 15 with 50, 15 with 5.
#
#   sh experiments/pairs-500-50-5.sh [PROGRAM [OUT.csv]]
#
# K = 10, n_1 = 3100 or 500 for every class, lambda = 5e-4, 1e-4, 1e-3; which pair is in which group is random (five
# seeds). One row for each pair: its C_S, the distance of its feature from C_S sum w_k (relative), its angle to the sum of
# its classes' features in degrees, and this over the mean angle of all pairs of tag sets (share_of_ncm: NCm is the mean of it,
# NCm of a group is the mean over the group). expected_scale: C_2 of the balanced design with 185 samples for every pair.
# About 5 s.
. "$(dirname "$0")/lib.sh"
begin pairs-500-50-5 n_1,seed,pair,samples,scale,residual,angle,share_of_ncm,expected_scale,etf_deviation,ncm,verdict,relative_gap "$@"
lambda='5e-4 1e-4 1e-3'

for n1 in 3100 500; do
    instance 'for (k = 0; k < 10; k++) for (l = k; l < 10; l++) print (k == l ? k : k "+" l), (k == l ? n1 : 185)' -v n1="$n1"
    predict $lambda
    expected=$(values | awk -F= -v units=$units '$1 == "scale.2" { printf "%.10g", $2 * sqrt(units) }')
    for seed in 1 2 3 4 5; do
        instance '
            seed(s)
            shuffle(45, order)
            for (k = 0; k < 10; k++) print k, n1
            for (k = 0; k < 10; k++)
                for (l = k + 1; l < 10; l++) {
                    group = int((order[++p] - 1) / 15)
                    print k "+" l, group == 0 ? 500 : group == 1 ? 50 : 5
                }' -v n1="$n1" -v s="$seed"
        solve $lambda
        measure '
            for (tags in count) if (multiplicity(tags) == 2) sum += turn[tags] / 45
            for (k = 0; k < 10; k++)
                for (l = k + 1; l < 10; l++) {
                    tags = k "+" l
                    print head "," tags "," count[tags] "," scale[tags] "," residual[tags] "," turn[tags] "," turn[tags] / sum * get("metrics.ncm.2") "," expected "," get("metrics.nc2") "," get("metrics.ncm.2") "," verdict()
                }' -v head="$n1,$seed" -v expected="$expected" -v OFMT=%.10g -v CONVFMT=%.10g >>"$work/rows"
    done
done
publish
awk -F, 'NR > 1 {
        key = $1 "," $4
        if (!(key in n)) keys[++groups] = key
        n[key]++; share[key] += $8; scale[key] += $5; angle[key] += $7
        if (!(key in least) || $5 < least[key]) least[key] = $5
        if ($5 > most[key]) most[key] = $5
        if (!seen[$1 "," $2]++) { runs[$1]++; etf[$1] += $10; ncm[$1] += $11 }
        open += $12 != "global"
    }
    END {
        for (i = 1; i <= groups; i++) {
            key = keys[i]
            split(key, part, ",")
            printf "n_1 = %d, pairs with %d samples: NCm %.4f (angle %.2f degrees), C_S %.5f (%.5f..%.5f)\n", part[1], part[2], share[key] / n[key], angle[key] / n[key], scale[key] / n[key], least[key], most[key]
        }
        for (n1 in runs) printf "n_1 = %d: ETF deviation %.4f, NCm of all pairs %.4f (means of %d seeds)\n", n1, etf[n1] / runs[n1], ncm[n1] / runs[n1], runs[n1]
        print open + 0 " rows are not certified"
    }' "$out"
