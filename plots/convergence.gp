# Objective gap and gradient norm against iteration, one line per solver (at most 8).
#   gnuplot -c plots/convergence.gp in.csv out.svg    (or .pdf, .png)
in = ARG1
out = ARG2
folder = ARG0[1:strlen(ARG0)-strlen("convergence.gp")]
expected = "solver,iteration,objective_gap,gradient_norm"
width = 9.0
height = 4.6
load folder."style.gp"

stats in skip 1 using (collect(strcol(1))) nooutput
if (words(found) > 8) exit error "at most 8 solvers fit into one figure"
floor_at = 1e-17
shown(value) = value > floor_at ? value : floor_at
pick(name, value) = strcol(1) eq name ? value : NaN

set logscale xy
set xlabel "iteration + 1"
set format x "10^{%T}"
set format y "10^{%T}"
set xrange [1:*]
set key at screen 0.5, screen 0.025 center bottom horizontal maxcols 4 samplen 3
set multiplot
set tmargin at screen 0.91
set bmargin at screen 0.30
set lmargin at screen 0.09
set rmargin at screen 0.48
set title "Objective gap"
set ylabel "objective − optimum (at least 10^{−17})"
plot for [i = 1:words(found)] in skip 1 using (pick(word(found, i), $2 + 1)):(shown($3)) \
    with linespoints linetype i pointinterval -8 pointsize 0.7 title word(found, i)
unset key
set lmargin at screen 0.59
set rmargin at screen 0.98
set title "Gradient norm"
set ylabel "Euclidean norm of the gradient"
plot for [i = 1:words(found)] in skip 1 using (pick(word(found, i), $2 + 1)):(shown($4)) \
    with linespoints linetype i pointinterval -8 pointsize 0.7
unset multiplot
set output
