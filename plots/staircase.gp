# Descents from every saddle and from small starts against the length of the path: the objective over the values of the
# saddle ladder; and the gradient norm for the first saddle (of the lowest rank) and the small starts.
#   gnuplot -c plots/staircase.gp in.csv out.svg    (or .pdf, .png)
in = ARG1
out = ARG2
folder = ARG0[1:strlen(ARG0)-strlen("staircase.gp")]
expected = "descent,rank,arc_length,objective,gradient_norm"
width = 9.0
height = 5.4
load folder."style.gp"

stats in skip 1 using (collect(strcol(1))) nooutput
stats in skip 1 using 2 nooutput name "rank"
stats in skip 1 using 3 nooutput name "arc"
stats in skip 1 using 4 nooutput name "value"
is(name) = strcol(1) eq name
pick(name, value) = is(name) ? value : NaN
floor_at = 1e-13
shown(value) = value > floor_at ? value : floor_at

# Lowest and highest value of the ladder at each rank, and the rank that each escape starts from.
ranks = int(rank_max) + 1
array low[ranks]
array high[ranks]
do for [r = 1:ranks] { low[r] = NaN; high[r] = NaN }
lower(r, f) = low[r] <= f ? 0 : (low[r] = f)
higher(r, f) = high[r] >= f ? 0 : (high[r] = f)
stats in skip 1 using (is("ladder") ? lower(int($2) + 1, $4) + higher(int($2) + 1, $4) : 0) nooutput
optimum = NaN
stats in skip 1 using (is("optimum") ? (optimum = $4) : 0) nooutput
array start[words(found)]
do for [i = 1:words(found)] { start[i] = -1 }
escapes = ""
do for [i = 1:words(found)] {
    name = word(found, i)
    if (name[1:strlen(name) < 7 ? strlen(name) : 7] ne "escape-") { continue }
    escapes = escapes." ".i
    stats in skip 1 using (is(name) ? (start[i] = int($2)) : 0) nooutput
}
starts = " "
do for [j = 1:words(escapes)] {
    r = start[int(word(escapes, j))]
    if (strstrt(starts, " ".r." ") == 0) { starts = starts.r." " }
}
# A loop over nothing still looks at j = 1.
number(list, j) = j <= words(list) ? int(word(list, j)) : 0
start_of(j) = j <= words(escapes) ? start[number(escapes, j)] : 0
escape(j) = j <= words(escapes) ? word(found, number(escapes, j)) : "none"
kind(j) = start_of(j)%6 + 1
thick(j) = start_of(j) == number(starts, 1) ? 2.5 : 1

edge = arc_max > 0 ? arc_max : 1
set xrange [0:edge]
set xlabel "length of the path"
unset key
set multiplot
bottom = plain ? 0.25 : 0.32
set tmargin at screen 0.93
set bmargin at screen bottom
set lmargin at screen 0.085
set rmargin at screen 0.46
set title "Objective"
set ylabel beside("objective")
room = value_max - value_min > 0 ? 0.05*(value_max - value_min) : 1
set yrange [value_min - room:value_max + room]
do for [r = 1:ranks] {
    if (low[r] <= high[r]) {
        set label 10 + r sprintf("%d", r - 1) at first edge, first 0.5*(low[r] + high[r]) offset 0.6,0 left \
            textcolor rgb "#333333" noenhanced
    }
}
if (optimum == optimum) { set label 9 (plain ? "*" : "★") at first edge, first optimum offset 0.4,-0.4 left textcolor rgb "#333333" }
if (!plain) { set label 8 "rank" at graph 1.0, graph 1.0 offset 0.3,0.7 left textcolor rgb "#333333" noenhanced }
plot in skip 1 using (is("ladder") || is("optimum") ? 0 : NaN):4:(edge):(0) with vectors nohead linecolor rgb "#999999" \
        linewidth 0.8 dashtype 1, \
     for [j = 1:words(escapes)] in skip 1 using (pick(escape(j), $3)):4 with lines linetype kind(j) dashtype 1 linewidth thick(j), \
     in skip 1 using (pick("small", $3)):4 with lines linecolor rgb "#777777" linewidth 2 dashtype (2,3), \
     in skip 1 using (pick("graded", $3)):4 with lines linecolor rgb "#000000" linewidth 1.4 dashtype (8,4)
unset label
set lmargin at screen 0.615
set rmargin at screen 0.98
set title "Gradient norm"
set ylabel beside("Euclidean norm of the gradient")
set logscale y
set format y power
set yrange [1e-9:*]
plot in skip 1 using (pick(escape(1), $3)):(shown($5)) with lines linetype 1 linewidth 2.5, \
     in skip 1 using (pick("small", $3)):(shown($5)) with lines linecolor rgb "#777777" linewidth 2 dashtype (2,3), \
     in skip 1 using (pick("graded", $3)):(shown($5)) with lines linecolor rgb "#000000" linewidth 1.4 dashtype (8,4)
@legend_panel
plot for [j = 1:words(starts)] NaN with lines linetype number(starts, j)%6 + 1 dashtype 1 linewidth (j == 1 ? 2.5 : 1) \
        title "from rank ".number(starts, j), \
     NaN with lines linecolor rgb "#999999" linewidth 0.8 dashtype 1 title "saddle ladder", \
     NaN with lines linecolor rgb "#777777" linewidth 2 dashtype (2,3) title "small start", \
     NaN with lines linecolor rgb "#000000" linewidth 1.4 dashtype (8,4) title "small start, graded"
unset multiplot
@finish
