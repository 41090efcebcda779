# Labels that depend on each other: angles between rows of W on the way from independent (x = 1) to the extreme (x = 0).
#   gnuplot -c plots/nested-labels.gp in.csv out.svg    (or .pdf, .png)
in = ARG1
out = ARG2
folder = ARG0[1:strlen(ARG0)-strlen("nested-labels.gp")]
expected = "kind,x,predicted,norm_a,norm_b,norm_c,norm_other,angle_ab,angle_ac,angle_bc,angle_a_other,angle_b_other,angle_others,distance_ab,rank,etf_deviation,verdict,relative_gap"
width = 9.0
height = 7.4
load folder."style.gp"

kinds = "together nested chain exclusive"
array titles[4] = ["A and B always together at x = 0", "B only with A at x = 0", "A, A+B, A+B+C only at x = 0", "no pairs within a group at x = 0"]
array lines[4] = ["A and B", "A and C", "B and C", "A and another class"]
pick(k, value) = strcol(1) eq word(kinds, k) && strcol(17) eq "global" && $2 > 0 ? value : NaN
angle(i) = i == 1 && $14 <= 1e-6 ? 0 : column(7 + i) # equal rows: rounding must not show
stats in skip 1 using (strcol(1) eq "merge" ? $3 : NaN) nooutput name "merge"

unset key
set logscale x
set format x power
set xrange [7e-6:1.4]
set multiplot
do for [k = 1:4] {
    set tmargin at screen k < 3 ? 0.95 : 0.52
    set bmargin at screen k < 3 ? 0.66 : 0.23
    set lmargin at screen k % 2 ? 0.09 : 0.59
    set rmargin at screen k % 2 ? 0.48 : 0.98
    set title titles[k]
    if (k > 2) { set xlabel "x" } else { unset xlabel }
    if (k % 2) { set ylabel beside("degrees between rows of W") } else { unset ylabel }
    if (k == 4) { set yrange [94:102] } else { set yrange [-5:125] }
    unset arrow
    if (k == 1) { set arrow from first merge_min, graph 0 to first merge_min, graph 1 nohead linecolor rgb "#444444" linewidth 1 dashtype 2 }
    plot for [i = 1:4] in skip 1 using 2:(pick(k, angle(i))) with linespoints linetype i pointsize 0.6
}
unset arrow
@legend_panel
set tmargin at screen 0.13
plot for [i = 1:4] NaN with linespoints linetype i pointsize 0.6 title lines[i], \
     NaN with lines linecolor rgb "#444444" linewidth 1 dashtype 2 title "w_A = w_B below: closed form"
unset multiplot
@finish
