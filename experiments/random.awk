# Random numbers that are the same with every awk (Park and Miller's generator): call seed(n) first.
function seed(n, i) {
    random_state = (n * 7919 + 12345) % 2147483646 + 1
    for (i = 0; i < 10; i++) uniform()
}
function uniform() {
    random_state = (16807 * random_state) % 2147483647
    return random_state / 2147483647
}
function gaussian(radius) {
    radius = sqrt(-2 * log(uniform()))
    return radius * cos(2 * atan2(0, -1) * uniform())
}
# order[1..n]: a random permutation of 1..n.
function shuffle(n, order, i, j, swap) {
    for (i = 1; i <= n; i++) order[i] = i
    for (i = n; i > 1; i--) {
        j = 1 + int(uniform() * i)
        swap = order[i]
        order[i] = order[j]
        order[j] = swap
    }
}
