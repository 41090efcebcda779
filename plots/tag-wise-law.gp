# The tag-wise law of certified optima over the regularisation: residual of equal weights, and the exponent that fits best.
#   gnuplot -c plots/tag-wise-law.gp in.csv out.svg    (or .pdf, .png)
in = ARG1
out = ARG2
folder = ARG0[1:strlen(ARG0)-strlen("tag-wise-law.gp")]
expected = "labels,lambda_w,gap,limit_slack,uniform_mu,alpha_mu,power_mu,free_mu,uniform_w,alpha_w,power_w,free_w,deviation,exact"
width = 10.0
height = 5.2
load folder."style.gp"

stats in skip 1 using (collect(strcol(1))) nooutput
if (words(found) > 4) exit error "at most 4 label files fit into one figure"
# Those with single-label samples of every class.
both = found
found = " "
stats in skip 1 using (valid(5) ? collect(strcol(1)) : 0) nooutput
on_means = found
found = both
index_of(name) = sum [i = 1:words(found)] (word(found, i) eq name ? i : 0)
pick(name, value) = strcol(1) eq name ? value : NaN
set logscale x
set format x power
set xrange [*:*] noextend
set xlabel "λ_W (λ_H = λ_W/5)"
unset key
set multiplot
set tmargin at screen 0.91
set bmargin at screen 0.33
do for [panel = 1:2] {
    set lmargin at screen panel == 1 ? 0.09 : 0.59
    set rmargin at screen panel == 1 ? 0.48 : 0.98
    if (panel == 1) {
        set title "Tag-wise average with equal weights"
        set ylabel beside("|h_S − C_m Σ x_k| / |h_S|")
        set logscale y
        set yrange [*:1]
    } else {
        set title "Weights n_k^α: best exponent"
        set ylabel beside("α")
        unset logscale y
        set yrange [*:0.5]
        set xzeroaxis linetype 8 dashtype 1 linewidth 0.7
    }
    plot for [i = 1:words(found)] in skip 1 using (pick(word(found, i), $2)):(column(4 + panel)) \
             with linespoints linecolor rgb colours[i] dashtype 1 pointtype marks[i] pointsize 0.8, \
         for [i = 1:words(found)] in skip 1 using (pick(word(found, i), $2)):(column(8 + panel)) \
             with linespoints linecolor rgb colours[i] dashtype 2 pointtype marks[i] pointsize 0.5
}
if (!plain) {
    @legend_panel
    set key maxrows 2
    set tmargin at screen 0.18
    plot for [name in on_means] NaN with linespoints linecolor rgb colours[index_of(name)] dashtype 1 \
             pointtype marks[index_of(name)] pointsize 0.8 title name.", on μ_k", \
         for [i = 1:words(found)] NaN with linespoints linecolor rgb colours[i] dashtype 2 pointtype marks[i] \
             pointsize 0.5 title word(found, i).", on w_k"
}
unset multiplot
@finish
