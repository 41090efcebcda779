#!/bin/sh
# How an evaluation and an iteration of lbfgs grow with N, d and K, beside what this machine's DGEMM and memory bus allow.
#
#   sh experiments/scaling.sh [PROGRAM [OUT.csv [SERIES...]]]
#
# `ufmlab bench evaluate` on K classes with N/K single labels each. Series: n (K = 10, d = 16, N = 1e2..1e6), d (K = 10, N = 2000,
# d = 8..8192), k (d = 32, N = 4000, K = 4..4000) and grid (K = 10 and 100, d = 8, 64, 1024, N = 1e2..1e6 as long as H has at
# most 1e7 numbers), with history 10, about a minute and a half together; large (N = 1e6, d = 256, K = 100: 17 GiB with a history of 3)
# only when named. bound: the greater of flops/peak and bytes/bandwidth, measured in the same run; bound_with_exponentials: with
# those of the softmax counted as arithmetic. needed: the vectors that
# lbfgs holds, H, gradient and history among them. Only on an idle machine do the times say something. Rows that OUT.csv
# holds are not measured again.
. "$(dirname "$0")/lib.sh"
begin scaling series,classes,dim,samples,history,threads,evaluation,bound,iteration,needed,peak,flops,bandwidth,bound_with_exponentials "$@"
[ $# -le 2 ] || { shift 2 && chosen=$*; }
resume

# SERIES K d N [HISTORY]
point() {
    ! known "$1,$2,$3,$4,${5:-10}" || return 0
    run bench evaluate --classes "$2" --samples "1:$(($4 / $2))" --dim "$3" --history "${5:-10}" --quiet
    values | awk -F= -v key="$1,$2,$3,$4,${5:-10}" '
        { v[$1] = $2 }
        END {
            needed = 8 * v["lbfgs_vectors"] * (v["dim"] * (v["features"] + v["classes"]) + v["classes"])
            printf "%s,%s,%s,%s,%s,%.0f,%s,%s,%s,%s\n", key, v["threads"], v["seconds_per_evaluation"], v["bound_seconds"],
                v["seconds_per_lbfgs_iteration"], needed, v["peak_bytes_resident"], v["peak_flops_per_second"], v["peak_bytes_per_second"],
                v["bound_with_exponentials_seconds"]
        }' >>"$out"
}

grid() {
    for d in 8 64 1024; do
        for N in 100 1000 10000 100000 1000000; do
            [ $((N * d)) -gt 10000000 ] || point grid "$1" "$d" "$N"
        done
    done
}

for series in ${chosen:-n d k grid}; do
    case $series in
    n) for N in 100 320 1000 3200 10000 32000 100000 320000 1000000; do point n 10 16 $N; done ;;
    d) for d in 8 16 32 64 128 256 512 1024 2048 4096 8192; do point d 10 $d 2000; done ;;
    k) for K in 4 10 20 40 100 200 400 1000 2000 4000; do point k $K 32 4000; done ;;
    grid) grid 10 && grid 100 ;;
    large) point large 100 256 1000000 3 ;;
    *) echo "unknown series $series; there are n, d, k, grid and large" >&2 && exit 2 ;;
    esac
done
