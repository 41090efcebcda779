# Margins and tag-wise scales over the regularisation, predicted (lines) and measured (marks).
#   gnuplot -c plots/lambda-path.gp in.csv out.svg    (or .pdf, .png)
in = ARG1
out = ARG2
folder = ARG0[1:strlen(ARG0)-strlen("lambda-path.gp")]
expected = "mu_ratio,multiplicity,margin_predicted,margin_measured,scale_predicted,scale_measured"
width = 9.0
height = 4.6
load folder."style.gp"

stats in skip 1 using (collect(strcol(2))) nooutput
stats in skip 1 using 1 nooutput name "ratio"
pick(name, value) = strcol(2) eq name ? value : NaN
stats in skip 1 using 3 nooutput name "margin"
stats in skip 1 using 5 nooutput name "scale"
largest(value) = value > 0 ? value : 1e-12
highest = ratio_max > 1.5 ? ratio_max*1.1 : 1.65

set logscale x
set xrange [ratio_min/1.15:highest]
set format x power
set xlabel plain ? "μ / μ_c (from 1 on: total collapse)" : "μ / μ_c"
set object 1 rectangle from first 1, graph 0 to first highest, graph 1 behind fillcolor rgb "#ececec" fillstyle solid noborder
set arrow 1 from first 1, graph 0 to first 1, graph 1 nohead linecolor rgb "#444444" linewidth 1 dashtype 2
set label 1 beside("total collapse") at first sqrt(highest), graph 0.95 right rotate by 90 textcolor rgb "#333333"
unset key
set multiplot
set tmargin at screen 0.91
set bmargin at screen 0.30
set lmargin at screen 0.08
set rmargin at screen 0.48
set title "Margins"
top = largest(margin_max)
set yrange [-0.03*top:1.1*top] # measured zeros may be slightly negative
set ylabel beside("margin δ_m of the logits")
plot for [i = 1:words(found)] in skip 1 using (pick(word(found, i), $1)):3 with lines linetype i, \
     for [i = 1:words(found)] in skip 1 using (pick(word(found, i), $1)):4 with points linetype i pointsize 0.8
set lmargin at screen 0.58
set rmargin at screen 0.98
set title "Tag-wise scales"
top = exists("scale_max") ? largest(scale_max) : 1 # all may be collapsed
set yrange [-0.03*top:1.1*top]
set ylabel beside("scale C_m")
plot for [i = 1:words(found)] in skip 1 using (pick(word(found, i), $1)):5 with lines linetype i, \
     for [i = 1:words(found)] in skip 1 using (pick(word(found, i), $1)):6 with points linetype i pointsize 0.8
@legend_panel
plot for [i = 1:words(found)] NaN with lines linetype i title "m = ".word(found, i).", predicted", \
     for [i = 1:words(found)] NaN with points linetype i pointsize 0.8 title "m = ".word(found, i).", measured"
unset multiplot
@finish
