# Pairs without samples: distance of the exact optimum from the simplex ETF over n_2/n_1, the regularisation and the
# number of missing pairs, and the angles of W.
#   gnuplot -c plots/missing-pair.gp in.csv out.svg    (or .pdf, .png)
in = ARG1
out = ARG2
folder = ARG0[1:strlen(ARG0)-strlen("missing-pair.gp")]
expected = "kind,loss,classes,n_1,n_2,lambda_w,lambda_h,lambda_b,missing,seed,etf_deviation,angle_missing,angle_least,angle_most,ncm,would_be_angle,would_be_scale,would_be_verdict,verdict,relative_gap"
width = 9.0
height = 7.4
load folder."style.gp"

pick(kind, value) = strcol(1) eq kind && strcol(19) eq "global" ? value : NaN
mu(w, h) = 2*sqrt(w*h)
etf = 180/pi*acos(-1./9)
stats in skip 1 using (strcol(1) eq "number" ? collect(strcol(9)) : 0) nooutput
numbers = words(found)
set print $band
do for [i = 1:numbers] {
    stats in skip 1 using (strcol(9) eq word(found, i) ? pick("number", $11) : NaN) nooutput name "seeds"
    print sprintf("%s,%g,%g", word(found, i), seeds_min, seeds_max)
}
unset print

unset key
set multiplot
set tmargin at screen 0.94
set bmargin at screen 0.63
set lmargin at screen 0.09
set rmargin at screen 0.47
set title "One pair of 45 missing"
set logscale xy
set format x power
set format y power
set xlabel "n_2 / n_1"
set ylabel beside("ETF deviation of W W^T")
set xrange [5e-4:2e2]
plot in skip 1 using ($5/$4):(pick("ratio", $11)) with linespoints linetype 1 pointsize 0.8
set lmargin at screen 0.59
set rmargin at screen 0.97
unset logscale y
set format y "%g"
set title "Angles of its two classes and of all"
set ylabel beside("degrees")
plot etf with lines linetype 8 dashtype 3, \
     in skip 1 using ($5/$4):(pick("ratio", $12)) with linespoints linetype 2 pointsize 0.8, \
     in skip 1 using ($5/$4):(pick("ratio", $13)) with lines linetype 3, \
     in skip 1 using ($5/$4):(pick("ratio", $14)) with lines linetype 4 dashtype 4
set tmargin at screen 0.49
set bmargin at screen 0.18
set lmargin at screen 0.09
set rmargin at screen 0.47
set logscale y
set format y power
set title "One pair missing, n_2 / n_1 = 200 / 3100"
set xlabel "μ = 2(λ_W λ_H)^{1/2}"
set ylabel beside("ETF deviation of W W^T")
set xrange [2e-8:3e-3]
plot in skip 1 using (mu($6, $7)):(pick("lambda", $11)) with linespoints linetype 1 pointsize 0.8
set lmargin at screen 0.59
set rmargin at screen 0.97
unset logscale
set format "%g"
set xrange [0:46]
set yrange [0:*]
set title "More pairs missing (five seeds)"
set xlabel "missing pairs"
set style fill transparent solid 0.2 noborder
plot $band using 1:2:3 with filledcurves linecolor rgb colours[1], \
     in skip 1 using 9:(pick("number", $11)) smooth unique with linespoints linetype 1 pointsize 0.8
@legend_panel
set tmargin at screen 0.09
plot NaN with linespoints linetype 1 pointsize 0.8 title "ETF deviation", \
     NaN with linespoints linetype 2 pointsize 0.8 title "the two classes of the missing pair", \
     NaN with lines linetype 3 title "least angle", NaN with lines linetype 4 dashtype 4 title "largest angle", \
     NaN with lines linetype 8 dashtype 3 title "simplex ETF"
unset multiplot
@finish
