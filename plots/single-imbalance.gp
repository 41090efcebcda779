# The same ratio of counts on single labels and on pairs: distance of the optimum from the simplex ETF, and NCm.
#   gnuplot -c plots/single-imbalance.gp in.csv out.svg    (or .pdf, .png)
in = ARG1
out = ARG2
folder = ARG0[1:strlen(ARG0)-strlen("single-imbalance.gp")]
expected = "kind,ratio,seed,etf_deviation,norm_a,norm_b,angle_aa,angle_ab,angle_bb,angle_least,angle_most,ncm,scale_residual,rank,verdict,relative_gap"
width = 9.0
height = 4.8
load folder."style.gp"

kinds = "singles-half singles-one singles-rare pairs-half pairs-inside"
array names[5] = ["single labels of half the classes", "single labels of one class", "all single labels but one class's", \
    "a random half of the pairs", "pairs inside half the classes"]
pick(i, value) = strcol(1) eq word(kinds, i) && strcol(15) eq "global" && $2 > 1 ? value : NaN

unset key
set logscale xy
set format x power
set format y power
set xrange [0.9:2e4]
set xlabel "times as many samples"
set multiplot
set tmargin at screen 0.91
set bmargin at screen 0.33
set lmargin at screen 0.10
set rmargin at screen 0.48
set title "Distance from the simplex ETF"
set ylabel beside("ETF deviation of W W^T")
plot for [i = 1:5] in skip 1 using 2:(pick(i, $4)) smooth unique with linespoints linetype i pointsize 0.6
set lmargin at screen 0.60
set rmargin at screen 0.98
set title "Tag-wise averaging"
set ylabel beside("NC_m of the pairs")
plot for [i = 1:5] in skip 1 using 2:(pick(i, $12)) smooth unique with linespoints linetype i pointsize 0.6
@legend_panel
plot for [i = 1:5] NaN with linespoints linetype i pointsize 0.6 title names[i]
unset multiplot
@finish
