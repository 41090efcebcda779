# Spurious minima below d = K-1: how often descent ends in one, and how far above the best they lie.
#   gnuplot -c plots/small-dimension.gp in.csv out.svg [lambda_w]    (or .pdf, .png; lambda_w 5e-3)
in = ARG1
out = ARG2
lambda = ARGC > 2 ? ARG3 : "5e-3"
folder = ARG0[1:strlen(ARG0)-strlen("small-dimension.gp")]
expected = "classes,samples,loss,lambda_w,lambda_h,lambda_b,dim,seed,runs,global,saddle,inconclusive,nonglobal_minima,nonglobal_low,nonglobal_high,gaussian_runs,gaussian_nonglobal,gaussian_low,gaussian_high,distinct_minima,best_runs,mean_above_best,worst_above_best,best_objective,lower_bound,best_seed,best_kind,best_init_scale,residual_1,residual_2,residual_3,equinorm_w,vanishing_rows,smallest_angle,code_angle"
width = 9.0
height = 6.6
load folder."style.gp"

array rows[2] = ["1:4", "1:3+2:2"]
array names[2] = ["single labels", "one and two labels"]
least = 4
most = 8
shown(K, samples, value) = ($1 == K && strcol(2) eq samples && strcol(4) eq lambda) ? value : NaN
aside(K) = 0.05*(K - 6) # so that bars at the same d stay apart

set xrange [1.6:most+0.4]
set xtics 1
unset key
set multiplot
do for [r = 1:2] {
    set tmargin at screen r == 1 ? 0.93 : 0.51
    set bmargin at screen r == 1 ? 0.60 : 0.18
    set lmargin at screen 0.09
    set rmargin at screen 0.48
    unset logscale y
    set format y "%g"
    set yrange [-0.03:1.03]
    set ylabel "share in spurious minima"
    set title "How often: ".names[r]
    if (r == 2) { set xlabel "feature dimension d" } else { unset xlabel }
    plot for [K = least:most] in skip 1 using ($7 + aside(K)):(shown(K, rows[r], $17/$16)) with lines linetype K-least+1, \
         for [K = least:most] in skip 1 using ($7 + aside(K)):(shown(K, rows[r], $17/$16)):18:19 \
             with yerrorbars linetype K-least+1 dashtype 1 pointsize 0.8
    set lmargin at screen 0.60
    set rmargin at screen 0.98
    set logscale y
    set format y "10^{%T}"
    set yrange [1e-4:1]
    set ylabel "(f - best)/best, mean to largest"
    set title "How deep: ".names[r]
    plot for [K = least:most] in skip 1 using ($7 + aside(K)):(shown(K, rows[r], $22)):(shown(K, rows[r], $22)):(shown(K, rows[r], $23)) \
             with yerrorbars linetype K-least+1 dashtype 1 pointsize 0.8
}
@legend_panel
set tmargin at screen 0.09
set bmargin at screen 0.01
plot for [K = least:most] NaN with linespoints linetype K-least+1 title sprintf("K = %d", K)
unset multiplot
set output
