# What `ufmlab solve --json --tag-sets` says of an optimum, for lib.sh and in the units of its instance: lines KEY=VALUE
# in value[KEY], the table of tag sets in count[TAGS], scale[TAGS], residual[TAGS] and turn[TAGS] (degrees).
NR == FNR {
    split($0, part, "=")
    value[part[1]] = part[2]
    if (part[1] ~ /^weight_norms/) value[part[1]] /= sqrt(sqrt(units))
    if (part[1] ~ /^weight_gram/) value[part[1]] /= sqrt(units)
    if (part[1] ~ /^metrics.scale.[0-9]/ && part[2] != "null") value[part[1]] *= sqrt(units)
    K = value["classes"]
    next
}
FNR > 1 {
    split($0, part, ",")
    count[part[1]] = part[2] / units
    scale[part[1]] = part[4] * sqrt(units)
    residual[part[1]] = part[5]
    turn[part[1]] = part[6]
}
# A number of the JSON object, nan where it has none.
function get(key) {
    return (key in value) && value[key] != "null" ? value[key] : "nan"
}
# The last two columns of every row. Only rows that say `global` are optima (duality gap at most 1e-9 of f).
function verdict() {
    return value["verdict"] "," sprintf("%.2g", value["gap"] / value["objective"])
}
function gram(k, l) {
    return value["weight_gram." k * K + l]
}
function norm(k) {
    return value["weight_norms." k]
}
# Degrees between rows of W; nan for a row that vanishes (1e-6 of the largest).
function angle(k, l, cosine) {
    if (norm(k) <= 1e-6 * largest_norm() || norm(l) <= 1e-6 * largest_norm()) return "nan"
    cosine = gram(k, l) / (norm(k) * norm(l))
    if (cosine > 1) cosine = 1
    if (cosine < -1) cosine = -1
    return 180 / atan2(0, -1) * atan2(sqrt(1 - cosine * cosine), cosine)
}
function largest_norm(k, most) {
    for (k = 0; k < K; k++)
        if (norm(k) > most) most = norm(k)
    return most
}
# |w_k - w_l|, relative to the largest row.
function distance(k, l, square) {
    square = gram(k, k) + gram(l, l) - 2 * gram(k, l)
    return square > 0 ? sqrt(square) / largest_norm() : 0
}
function multiplicity(tags, part) {
    return split(tags, part, "+")
}
# Distance of the features from one multiple of sum_{k in S} w_k for each multiplicity, relative, worst case.
function worst_residual(m, key, worst) {
    for (m = 1; m <= K; m++) {
        key = "metrics.scale_residual." m
        if (key in value && value[key] + 0 > worst) worst = value[key] + 0
    }
    return worst + 0
}
