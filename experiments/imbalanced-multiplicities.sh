#!/bin/sh
# Theorem 1 and the balance it assumes: what if multiplicities differ in size, and what if balance within one is broken?
#
#   sh experiments/imbalanced-multiplicities.sh [PROGRAM [OUT.csv]]
#
# K = 10, N = 40000 samples, lambda = 5e-4, 1e-4, 1e-3; about 60 s. kind `between`: n_1 : n_2 = r : 1 and
# n_1 : n_2 : n_3 = r : sqrt(r) : 1 with r = 1e-4..1e4, balanced within each multiplicity: the simplex ETF stays exact and
# C_m/C_1 follows the closed form (`ufmlab predict`). kinds `singles`, `pairs`, `both`: counts around n_1 = 3100,
# n_2 = 200 that are log-normal with coefficient of variation cv (ten seeds; cv_found is what they got) instead of equal.
. "$(dirname "$0")/lib.sh"
begin imbalanced-multiplicities kind,multiplicities,ratio,cv,seed,cv_found,etf_deviation,angle_least,angle_most,scale_residual,c2_c1,c2_c1_predicted,c3_c1,c3_c1_predicted,ncm,verdict,relative_gap "$@"
lambda='5e-4 1e-4 1e-3'

# The numbers that both halves report, with the prediction's lines in the file $1; further arguments name the columns.
numbers() {
    measure '
        while ((getline line <file) > 0) {
            split(line, part, "=")
            predicted[part[1]] = part[2]
        }
        least = 180
        for (k = 0; k < K; k++)
            for (l = 0; l < k; l++) {
                a = angle(k, l)
                if (a < least) least = a
                if (a > most) most = a
            }
        row = head "," get("metrics.nc2") sprintf(",%.10f,%.10f", least, most)
        row = row "," worst_residual()
        for (m = 2; m <= 3; m++) {
            found = get("metrics.scale." m)
            row = row "," (found == "nan" ? "nan" : sprintf("%.15g", found / get("metrics.scale.1")))
            row = row "," (("scale." m) in predicted ? sprintf("%.15g", predicted["scale." m] / predicted["scale.1"]) : "nan")
        }
        print row "," get("metrics.ncm.2") "," verdict()' -v file="$1" -v head="$2" >>"$work/rows"
}

# MULTIPLICITIES (2 or 3) RATIO
between() {
    instance '
        share[1] = ratio; share[2] = M == 2 ? 1 : sqrt(ratio); share[3] = 1
        unit = 40000 / (10 * share[1] + 45 * share[2] + (M == 3 ? 120 * share[3] : 0))
        for (k = 0; k < 10; k++) {
            print k, unit * share[1]
            for (l = k + 1; l < 10; l++) {
                print k "+" l, unit * share[2]
                for (j = l + 1; j < 10 && M == 3; j++) print k "+" l "+" j, unit * share[3]
            }
        }' -v M="$1" -v ratio="$2"
    set -- "$1" "$2" $lambda
    predict "$3" "$4" "$5"
    values >"$work/prediction"
    solve "$3" "$4" "$5"
    numbers "$work/prediction" "between,$1,$2,0,0,0"
}

# KIND CV SEED
within() {
    instance '
        seed(s)
        width = sqrt(log(1 + cv * cv))
        for (k = 0; k < 10; k++)
            for (l = k; l < 10; l++) {
                broken = kind == "both" || kind == (k == l ? "singles" : "pairs")
                x = (k == l ? 3100 : 200) * (broken ? exp(width * gaussian() - width * width / 2) : 1)
                print (k == l ? k : k "+" l), x
            }' -v kind="$1" -v cv="$2" -v s="$3"
    found=$(awk -F, -v kind="$1" 'NR > 1 && (kind == "both" || (kind == "pairs") == ($1 ~ /\+/)) {
            x = $2 / ($1 ~ /\+/ ? 200 : 3100)
            n++; sum += x; square += x * x
        } END { mean = sum / n; printf "%.6g", sqrt(square / n - mean * mean > 0 ? square / n - mean * mean : 0) / mean }' \
        "$work/counts.csv")
    solve $lambda
    numbers /dev/null "$1,2,15.5,$2,$3,$found"
}

for multiplicities in 2 3; do
    for ratio in 1e-4 1e-3 1e-2 0.1 0.3 1 3 10 30 100 300 1e3 3e3 1e4; do
        between "$multiplicities" "$ratio"
    done
done
for kind in singles pairs both; do
    for cv in 0.01 0.03 0.1 0.2 0.3 0.5 0.7 1 1.5 2; do
        for seed in 1 2 3 4 5 6 7 8 9 10; do
            within "$kind" "$cv" "$seed"
        done
    done
done
publish
awk -F, 'NR > 1 && $16 != "global" { open++ }
    $1 == "between" {
        if ($7 > etf) etf = $7
        for (i = 11; i <= 13; i += 2) if ($i != "nan") {
            error = $i / $(i + 1) - 1
            if (error < 0) error = -error
            if (error > worst) worst = error
        }
        if ($10 > residual) residual = $10
        n++
    }
    NR > 1 && $1 != "between" && $4 == 0.3 {
        sum[$1] += $7; runs[$1]++
        ncm[$1] += $15
    }
    END {
        printf "balanced within, ratios 1e-4..1e4, %d optima: ETF deviation <= %.1e, residual of tag-wise averages <= %.1e, C_m/C_1 off by <= %.1e\n", n, etf, residual, worst
        for (kind in sum) printf "cv 0.3, %s: mean ETF deviation %.4f, NCm %.4f\n", kind, sum[kind] / runs[kind], ncm[kind] / runs[kind]
        print open + 0 " rows are not certified"
    }' "$out"
