# Time of an iteration of lbfgs and of an evaluation over N, d and K, and the memory beside what must be held.
#   gnuplot -c plots/scaling.gp in.csv out.svg    (or .pdf, .png)
in = ARG1
out = ARG2
folder = ARG0[1:strlen(ARG0)-strlen("scaling.gp")]
expected = "series,classes,dim,samples,history,threads,evaluation,bound,iteration,needed,peak,flops,bandwidth,bound_with_exponentials"
width = 9.0
height = 7.0
load folder."style.gp"

series = "n d k"
size(i) = i == 1 ? $4 : i == 2 ? $3 : $2
of(i, value) = strcol(1) eq word(series, i) ? value : NaN
# Exponents over the upper three decades, by least squares on the logarithms.
array least[3] = [1e3, 8, 4]
array iteration[3]
array evaluation[3]
do for [i = 1:3] {
    stats in skip 1 using (of(i, size(i) >= least[i] ? log(size(i)) : NaN)):(of(i, log($9))) nooutput
    iteration[i] = STATS_slope
    stats in skip 1 using (of(i, size(i) >= least[i] ? log(size(i)) : NaN)):(of(i, log($7))) nooutput
    evaluation[i] = STATS_slope
}
array symbol[3] = ["N", "d", "K"]
fitted(i) = sprintf("iteration ∝ %s^{%.2f}, evaluation ∝ %s^{%.2f}", symbol[i], iteration[i], symbol[i], evaluation[i])

set multiplot
set logscale xy
set format y power
set format x power
unset key
array top[4] = [0.94, 0.94, 0.50, 0.50]
array left[4] = [0.09, 0.59, 0.09, 0.59]
array names[3] = ["N (K = 10, d = 16)", "d (K = 10, N = 2000)", "K (d = 32, N = 4000)"]
do for [i = 1:3] {
    set tmargin at screen top[i]
    set bmargin at screen top[i] - 0.28
    set lmargin at screen left[i]
    set rmargin at screen left[i] + 0.39
    set title fitted(i)
    set xlabel names[i]
    set ylabel beside("seconds")
    plot in skip 1 using (size(i)):(of(i, $9)) with linespoints linetype 1 pointsize 0.7, \
         in skip 1 using (size(i)):(of(i, $7)) with linespoints linetype 2 pointsize 0.7, \
         in skip 1 using (size(i)):(of(i, $8)) with lines linetype 3 dashtype 2, \
         in skip 1 using (size(i)):(of(i, $14)) with lines linetype 4
}
set tmargin at screen top[4]
set bmargin at screen top[4] - 0.28
set lmargin at screen left[4]
set rmargin at screen left[4] + 0.39
set title "peak memory of all runs"
set xlabel "bytes of x, gradient, history and work vectors"
set ylabel beside("bytes resident")
plot in skip 1 using 10:11 with points linetype 4 pointsize 0.7, x with lines linecolor rgb "#444444" dashtype 2
@legend_panel
set key vertical maxrows 3
plot NaN with linespoints linetype 1 pointsize 0.7 title "an iteration of lbfgs (history 10)", \
     NaN with linespoints linetype 2 pointsize 0.7 title "an evaluation", \
     NaN with lines linetype 3 dashtype 2 title "bound on it: flops/peak, bytes/bandwidth", \
     NaN with lines linetype 4 title "the same with exponentials", \
     NaN with lines linecolor rgb "#444444" dashtype 2 title "resident = needed"
unset multiplot
@finish
