# Minority collapse: angle between rare classes and norms of both kinds of rows over the imbalance R; vertical lines where
# the closed form says that the rare rows become equal.
#   gnuplot -c plots/minority-collapse.gp in.csv out.svg    (or .pdf, .png)
in = ARG1
out = ARG2
folder = ARG0[1:strlen(ARG0)-strlen("minority-collapse.gp")]
expected = "kind,labels,loss,majority,minority,lambda_w,lambda_h,lambda_b,ratio,predicted,norm_a,norm_b,angle_aa,angle_ab,angle_bb,distance_bb,rank,sigma1_over_mu,verdict,relative_gap"
width = 9.0
height = 4.8
load folder."style.gp"

setting(n) = strcol(2)." ".strcol(4)."+".strcol(5)
stats in skip 1 using (strcol(1) eq "sweep" ? collect(strcol(2).",".strcol(4).",".strcol(5)) : 0) nooutput
settings = found
n = words(settings)
pick(i, value) = strcol(1) eq "sweep" && strcol(2).",".strcol(4).",".strcol(5) eq word(settings, i) && strcol(19) eq "global" ? value : NaN
# Equal rows have no angle that rounding leaves alone: 0 below 1e-6 of the largest row.
apart(angle, distance) = distance > 1e-6 ? angle : 0
array threshold[n]
do for [i = 1:n] {
    stats in skip 1 using (pick(i, $10)) nooutput name "predicted"
    threshold[i] = predicted_min
    set arrow i from first threshold[i], graph 0 to first threshold[i], graph 1 nohead linecolor rgb colours[i] linewidth 0.8 dashtype 3
}
label(i) = (t = word(settings, i), comma = strstrt(t, ","), rest = t[comma+1:*], second = strstrt(rest, ","), \
    sprintf("%s, K_A = %s, K_B = %s", t[1:comma-1] eq "single" ? "single labels" : "with pairs", rest[1:second-1], rest[second+1:*]))

unset key
set logscale x
set format x power
set xrange [0.8:1.3e4]
set xlabel "R = n_A / n_B"
set multiplot
set tmargin at screen 0.91
set bmargin at screen 0.33
set lmargin at screen 0.09
set rmargin at screen 0.48
set title "Angle between two rare classes"
set ylabel beside("degrees")
set yrange [-4:105]
plot for [i = 1:n] in skip 1 using 9:(pick(i, $12 > 1e-6*$11 ? apart($15, $16) : NaN)) with linespoints linetype i pointsize 0.6
set lmargin at screen 0.60
set rmargin at screen 0.98
set title "Norms |w_k|: frequent (upper), rare (lower)"
set ylabel beside("norm")
set yrange [-0.5:14]
plot for [i = 1:n] in skip 1 using 9:(pick(i, $11)) with linespoints linetype i pointsize 0.6, \
     for [i = 1:n] in skip 1 using 9:(pick(i, $12)) with linespoints linetype i pointsize 0.6
unset arrow
@legend_panel
plot for [i = 1:n] NaN with linespoints linetype i pointsize 0.6 title label(i), \
     NaN with lines linecolor rgb colours[8] linewidth 0.8 dashtype 3 title "rare rows equal from here on (closed form)"
unset multiplot
@finish
