#!/bin/sh
# Which tag-wise law the certified optimum obeys as the regularisation weakens, for labels that are not balanced.
#
#   sh experiments/tag-wise-law.sh [PROGRAM [OUT.csv]]
#
# PROGRAM is build/bin/ufmlab, OUT.csv experiments/results/tag-wise-law.csv unless given; plots/tag-wise-law.gp draws it.
# experiments/svhn-pairs.csv holds the counts of the paper's SVHN set (543 single digits for each of nine classes, every pair
# of digits as often as it occurs). The MULAN files take part when UFMLAB_DATA names their directory, as for
# `ufmlab verify`. Columns: relative duality gap, slack of the limit theorem, and for single-label features (mu) and rows of W
# (w) the relative residual of equal weights, the fitted exponent of the class frequencies with its residual, and
# the residual of free coefficients; distance of W from the simplex ETF, residual of the exact law.
set -eu
here=$(dirname "$0")
program=${1:-build/bin/ufmlab}
out=${2:-$here/results/tag-wise-law.csv}
data=${UFMLAB_DATA:-/nonexistent}/mulan
json=$(mktemp)
trap 'rm -f "$json"' EXIT
echo labels,lambda_w,gap,limit_slack,uniform_mu,alpha_mu,power_mu,free_mu,uniform_w,alpha_w,power_w,free_w,deviation,exact >"$out"

# NAME LAMBDA INSTANCE...: one row
row() {
    name=$1
    lambda=$2
    shift 2
    "$program" geometry "$@" --lambda-w "$lambda" --lambda-h "$(awk "BEGIN { printf \"%g\", $lambda / 5 }")" --json >"$json"
    awk -f "$here/flatten.awk" "$json" | awk -F= -v line="$name,$lambda" '
        { value[$1] = $2 }
        END {
            line = line "," value["gap"] / value["objective"]
            n = split("balance.limit_slack laws.mu.uniform.residual laws.mu.n^alpha.alpha laws.mu.n^alpha.residual " \
                      "laws.mu.free.residual laws.w.uniform.residual laws.w.n^alpha.alpha laws.w.n^alpha.residual " \
                      "laws.w.free.residual frame.deviation laws.exact.residual", column, " ")
            for (i = 1; i <= n; i++)
                line = line "," (value[column[i]] == "null" ? "NaN" : value[column[i]])
            print line
        }' >>"$out"
    tail -n 1 "$out"
}

for lambda in 1e-2 3e-3 1e-3 3e-4 1e-4 3e-5 1e-5 3e-6 1e-6 3e-7 1e-7; do
    row svhn "$lambda" --counts "$here/svhn-pairs.csv"
    for set in emotions scene-train yeast; do
        [ ! -f "$data/$set.arff" ] ||
            row "$set" "$lambda" --labels "$data/$set.arff" --label-xml "$data/${set%-train}.xml"
    done
done
