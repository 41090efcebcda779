# The optimum along lambda: scales against that of singles, margins, norms of the features.
#   gnuplot -c plots/path.gp in.csv out.svg    (or .pdf, .png, dumb, window)
in = ARG1
out = ARG2
folder = ARG0[1:strlen(ARG0)-strlen("path.gp")]
expected = "factor,mu_ratio,objective,gap,multiplicity,scale,scale_ratio,margin,norm,scale_ratio_predicted,margin_predicted"
width = 10.0
height = 4.2
load folder."style.gp"

stats in skip 1 using (collect(strcol(5))) nooutput
stats in skip 1 using 1 nooutput name "factor"
if (factor_records < 1) exit error "there are no points"
stats in skip 1 using 2 nooutput name "ratio"
known = exists("ratio_records") && ratio_records > 0
axis = known ? 2 : 1
stats in skip 1 using 7 nooutput name "scale"
separated = exists("scale_records") && scale_records > 0
stats in skip 1 using 11 nooutput name "predicted"
balanced = exists("predicted_records") && predicted_records > 0
pick(name) = strcol(5) eq name ? column(axis) : NaN

array titles[3] = ["C_m / C_1", "Margin δ_m", "Norm of the features"]
array measured[3] = [7, 8, 9]
array predicted[3] = [10, 11, 0]
set logscale x
set format x power
if (plain) { set xtics 100 }
set xrange [(known ? ratio_min : factor_min)/1.3:(known ? ratio_max : factor_max)*1.3]
set xlabel !known ? "factor of λ" : balanced ? "μ / μ_c" : "μ / μ_{max}"
unset key
set multiplot
set tmargin at screen 0.90
set bmargin at screen 0.32
do for [panel = 1:3] {
    set lmargin at screen 0.065 + (panel - 1)*0.325
    set rmargin at screen 0.065 + (panel - 1)*0.325 + 0.25
    set title titles[panel]
    if (panel == 1 && !separated) { continue }
    if (panel == 1) { set yrange [*:1.02]; set offsets 0, 0, 0, graph 0.05 } else { set yrange [0:*]; set offsets 0, 0, 0, 0 }
    plot for [i = 1:words(found)] in skip 1 using (predicted[panel] > 0 ? pick(word(found, i)) : NaN):(column(predicted[panel])) \
             with lines linetype i, \
         for [i = 1:words(found)] in skip 1 using (pick(word(found, i))):(column(measured[panel])) \
             with points linetype i pointsize 0.7
}
@legend_panel
plot for [i = 1:balanced ? words(found) : 0] NaN with lines linetype i title "m = ".word(found, i).", predicted", \
     for [i = 1:words(found)] NaN with points linetype i pointsize 0.7 title "m = ".word(found, i).", measured"
unset multiplot
@finish
