# One line PATH=VALUE for each number or text of an indented JSON object, as `ufmlab --json` prints it:
# best.metrics.scale.1=3.14. Elements of lists are numbered from 0.
{
    match($0, /^ */)
    depth = RLENGTH / 2
    line = substr($0, RLENGTH + 1)
    sub(/,$/, "", line)
    if (line ~ /^[]}]/) next
    if (match(line, /^"[^"]*": */)) {
        key = line
        sub(/^"/, "", key)
        sub(/": *.*$/, "", key)
        value = substr(line, RLENGTH + 1)
    } else {
        key = number[depth]++
        value = line
    }
    path[depth] = key
    number[depth + 1] = 0
    if (value == "{" || value == "[" || depth == 0) next
    gsub(/"/, "", value)
    name = path[1]
    for (i = 2; i <= depth; i++) name = name "." path[i]
    print name "=" value
}
