#!/bin/sh
# Pairs without any sample (the paper's Figure 2 c-d shows networks whose geometry is "approximately unchanged"):
# what does the exact optimum do?
#
#   sh experiments/missing-pair.sh [PROGRAM [OUT.csv]]
#
# K = 10, n_1 = 3100, n_2 = 200, lambda = 5e-4, 1e-4, 1e-3 with the pair 0+1 missing. kinds: `ratio`, n_2/n_1 varies while
# 10 n_1 + 45 n_2 = 40000; `lambda`, all three lambda vary together; `number`, 1..44 pairs missing (five random orders);
# `code`, both losses with the decays of the paper's programs; `example`, a small one, K = 4. angle_missing is that of the
# rows of W of a missing pair (mean), angle_least and angle_most those of any two; ncm is NCm of the pairs that remain (1
# when only one does: it is compared with itself). would_be_*: the feature that a sample of a missing pair would get (in a
# second solve where it has 1e-6 of the others' weight): its angle to the sum of its classes' features in degrees, and its
# C_S over the mean C_S of the other pairs, means over the missing pairs. About 40 s.
. "$(dirname "$0")/lib.sh"
begin missing-pair kind,loss,classes,n_1,n_2,lambda_w,lambda_h,lambda_b,missing,seed,etf_deviation,angle_missing,angle_least,angle_most,ncm,would_be_angle,would_be_scale,would_be_verdict,verdict,relative_gap "$@"

# KIND LOSS K N1 N2 LAMBDA_W LAMBDA_H LAMBDA_B MISSING SEED; seed 0: the first pairs
row() {
    for rare in 1e-6 0; do
        instance '
            pairs = K * (K - 1) / 2
            for (i = 1; i <= pairs; i++) order[i] = i
            if (s > 0) {
                seed(s)
                shuffle(pairs, order)
            }
            for (i = 1; i <= missing; i++) gone[order[i]] = 1
            for (k = 0; k < K; k++) print k, n1
            for (k = 0; k < K; k++)
                for (l = k + 1; l < K; l++) print k "+" l, n2 * (++p in gone ? rare : 1)' \
            -v K="$3" -v n1="$4" -v n2="$5" -v missing="$9" -v s="${10}" -v rare="$rare"
        solve "$6" "$7" "$8" --loss "$2"
        [ "$rare" = 0 ] || would_be=$(measure '
            for (tags in count) {
                if (multiplicity(tags) < 2) continue
                if (count[tags] < 1e-3 * n2) {
                    angles += turn[tags]
                    rare_scale += scale[tags]
                    n++
                    split(tags, part, "+")
                    names = names " " part[1] "+" part[2]
                } else {
                    sum += scale[tags]
                    others++
                }
            }
            printf "%.10g,%s,%s", angles / n, others ? sprintf("%.10g", rare_scale / n * others / sum) : "nan", get("verdict")
            print names >file' -v n2="$5" -v file="$work/missing")
    done
    measure '
        getline names <file
        n = split(names, name, " ")
        for (i = 1; i <= n; i++) {
            split(name[i], part, "+")
            between += angle(part[1], part[2]) / n
        }
        least = 180
        for (k = 0; k < K; k++)
            for (l = 0; l < k; l++) {
                a = angle(k, l)
                if (a < least) least = a
                if (a > most) most = a
            }
        print head "," get("metrics.nc2") "," between "," least "," most "," get("metrics.ncm.2") "," would_be "," verdict()' \
        -v OFMT=%.10g -v CONVFMT=%.10g -v file="$work/missing" -v would_be="$would_be" \
        -v head="$1,$2,$3,$4,$5,$6,$7,$8,$9,${10}" >>"$work/rows"
}

row example pal 4 3 2 5e-3 1e-3 1e-2 1 0
row code pal-n 10 3100 200 2.5e-4 3.2e-6 2.5e-4 1 0
row code pal 10 3100 200 2.5e-4 3.2e-6 2.5e-4 1 0
for ratio in 1e-3 3e-3 1e-2 3e-2 0.0645 0.1 0.3 1 3 10 30 100; do
    set -- $(awk "BEGIN { n1 = 40000 / (10 + 45 * $ratio); print n1, n1 * $ratio }")
    row ratio pal 10 "$1" "$2" 5e-4 1e-4 1e-3 1 0
done
for factor in 1e-4 3e-4 1e-3 3e-3 1e-2 3e-2 0.1 0.3 0.6 1 1.5 2 2.5 3 3.5; do
    set -- $(awk "BEGIN { print $factor * 5e-4, $factor * 1e-4, $factor * 1e-3 }")
    row lambda pal 10 3100 200 "$1" "$2" "$3" 1 0
done
for missing in 1 2 3 5 8 12 16 20 25 30 35 40 43 44; do
    for seed in 1 2 3 4 5; do
        row number pal 10 3100 200 5e-4 1e-4 1e-3 "$missing" "$seed"
    done
done
publish
awk -F, 'NR == 1 { print "kind, loss, n_1, n_2, lambda_w, missing: ETF deviation, angle of w_0 and w_1, NCm of the others; would-be angle, scale" }
    NR > 1 && ($1 == "example" || $1 == "code" || $1 == "ratio" || $5 == 200 && $6 == 5e-4 && $10 == 0 || $1 == "number" && $10 == 1 && $9 ~ /^(5|20|44)$/) {
        printf "%s, %s, %s, %s, %s, %s: %.6f, %.3f, %.2g; %.3g, %.4f\n", $1, $2, $4, $5, $6, $9, $11, $12, $15, $16, $17
    }
    NR > 1 && ($18 != "global" || $19 != "global") { open++ }
    END { print open + 0 " rows are not certified" }' "$out"
