#!/bin/sh
# Long-tailed classes, n_k ~ k^-a as in real label sets: norms, angles and rank of the exact optimum.
#
#   sh experiments/long-tailed.sh [PROGRAM [OUT.csv]]
#
# K = 10 and 100 (lambda_b = 1e-3), on average 100 single-label samples for each class, a = 0..2; `pairs`: besides, pairs with
# 0.1 sqrt(n_k n_l) samples. lambda: 5e-4, 1e-4 and a tenth of both. One row for each class, most frequent first: its
# samples (single labels), |w_k|, angle to the next class. The other columns are those of the whole optimum: above, the
# classes with sqrt(samples that carry k) > mu N, which proof note 31 makes one expect to survive; exponent p of the fit
# |w_k| ~ n_k^p over them, and its R^2; vanished, classes with |w_k| <= 1e-6 of the largest; merged, classes whose row of W
# equals another (within 1e-6 of the largest); rank of W. About 70 s.
. "$(dirname "$0")/lib.sh"
begin long-tailed labels,classes,lambda_w,lambda_h,a,class,samples,norm,angle_next,above,exponent,r_squared,vanished,merged,rank,etf_deviation,angle_least,angle_most,verdict,relative_gap "$@"

# LABELS K LAMBDA_W LAMBDA_H A
rows() {
    instance '
        for (k = 0; k < K; k++) sum += n[k] = (k + 1) ^ -a
        for (k = 0; k < K; k++) n[k] *= 100 * K / sum
        for (k = 0; k < K; k++) {
            print k, n[k]
            for (l = k + 1; l < K && labels == "pairs"; l++) print k "+" l, 0.1 * sqrt(n[k] * n[l])
        }' -v labels="$1" -v K="$2" -v a="$5"
    solve "$3" "$4" 1e-3
    measure '
        least = 180
        for (tags in count) {
            N += count[tags]
            m = split(tags, part, "+")
            for (i = 1; i <= m; i++) carry[part[i]] += count[tags]
        }
        for (k = 0; k < K; k++) {
            if (norm(k) <= 1e-6 * largest_norm()) {
                vanished++
                continue
            }
            if (sqrt(carry[k]) > mu * N) {
                x = log(count[k]); y = log(norm(k))
                n++; sx += x; sy += y; sxx += x * x; sxy += x * y; syy += y * y
            }
            alone = 1
            for (l = 0; l < K; l++) {
                if (l == k) continue
                if (norm(l) > 1e-6 * largest_norm() && distance(k, l) <= 1e-6) alone = 0
                b = angle(k, l)
                if (b != "nan" && b < least) least = b
                if (b != "nan" && b > most) most = b
            }
            merged += !alone
        }
        vx = sxx - sx * sx / n; vy = syy - sy * sy / n; vxy = sxy - sx * sy / n
        whole = n + 0 "," (vx > 1e-9 ? vxy / vx "," vxy * vxy / (vx * vy) : "nan,nan") "," vanished + 0 "," merged + 0 "," get("rank") "," get("metrics.nc2") "," least "," most "," verdict()
        for (k = 0; k < K; k++) print head "," k "," count[k] "," norm(k) "," (k + 1 < K ? angle(k, k + 1) : "nan") "," whole' \
        -v OFMT=%.8g -v CONVFMT=%.8g -v head="$1,$2,$3,$4,$5" \
        -v mu="$(awk "BEGIN { printf \"%.17g\", 2 * sqrt($3 * $4) }")" >>"$work/rows"
}
for lambda in '5e-4 1e-4' '5e-5 1e-5'; do
    for a in 0 0.25 0.5 0.75 1 1.25 1.5 1.75 2; do
        rows single 10 $lambda "$a"
        rows pairs 10 $lambda "$a"
        rows single 100 $lambda "$a"
    done
done
publish
awk -F, 'NR > 1 && $6 == 0 && $5 ~ /^(0.5|1|1.5|2)$/ {
        printf "%s, K = %d, lambda_w = %s, a = %s: |w_k| ~ n_k^%.3f (R^2 %.3f), %d above, %d vanished, %d merged, rank %d, angles %.1f..%.1f degrees\n", $1, $2, $3, $5, $11, $12, $10, $13, $14, $15, $17, $18
    }
    NR > 1 && $6 == 0 && $1 == "single" { n++; agree += $15 == $10 - 1 }
    NR > 1 && $19 != "global" { open++ }
    END {
        print "single labels: rank = above - 1 in " agree " of " n " optima"
        print open + 0 " rows are not certified"
    }' "$out"
