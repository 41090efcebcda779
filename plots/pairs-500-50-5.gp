# Pairs with 500, 50 or 5 samples: scale of every pair and its angle to the sum of its classes' features, in parts of the
# mean angle (their mean over a group is the group's NCm).
#   gnuplot -c plots/pairs-500-50-5.gp in.csv out.svg    (or .pdf, .png)
in = ARG1
out = ARG2
folder = ARG0[1:strlen(ARG0)-strlen("pairs-500-50-5.gp")]
expected = "n_1,seed,pair,samples,scale,residual,angle,share_of_ncm,expected_scale,etf_deviation,ncm,verdict,relative_gap"
width = 9.0
height = 4.6
load folder."style.gp"

stats in skip 1 using (collect(strcol(1))) nooutput
n1 = found
groups = words(n1)
pick(i, value) = strcol(1) eq word(n1, i) && strcol(12) eq "global" ? value : NaN
# Side by side at the same number of samples; the seeds apart.
aside(i, x) = x*1.12**(2.4*(i - 1.5) + 0.4*($2 - 3))

unset key
set logscale x
set xrange [2.5:1100]
set xtics (5, 50, 500)
set xlabel "samples of the pair"
set multiplot
set tmargin at screen 0.91
set bmargin at screen 0.30
set lmargin at screen 0.09
set rmargin at screen 0.48
set title "Tag-wise scale of every pair"
set ylabel beside("C_S")
set yrange [0:*]
plot for [i = 1:groups] in skip 1 using (pick(i, aside(i, $4))):5 with points linetype i pointsize 0.5, \
     for [i = 1:groups] in skip 1 using (pick(i, $4 < 50 ? 2.5 : $4 > 50 ? 1100 : 50)):9 smooth unique with lines linetype i
set lmargin at screen 0.60
set rmargin at screen 0.98
set title "Angle to the classes' sum, over the mean"
set ylabel beside("share of NC_m")
plot for [i = 1:groups] in skip 1 using (pick(i, aside(i, $4))):8 with points linetype i pointsize 0.5
@legend_panel
plot for [i = 1:groups] NaN with points linetype i pointsize 0.8 title "n_1 = ".word(n1, i).", a pair", \
     for [i = 1:groups] NaN with lines linetype i title "n_1 = ".word(n1, i).", 185 samples for every pair"
unset multiplot
@finish
