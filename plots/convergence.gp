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
# Marks only, six in each decade of iterations.
is_marked(iteration) = iteration < 1 || int(6*log10(iteration + 1)) > int(6*log10(iteration))
mark(name, value) = strcol(1) eq name && is_marked(column(2)) ? value : NaN

set logscale xy
set xlabel "iteration + 1"
set format x power
set format y power
set xrange [1:*]
unset key
set multiplot
set tmargin at screen 0.91
set bmargin at screen 0.30
do for [panel = 1:2] {
    set lmargin at screen panel == 1 ? 0.09 : 0.59
    set rmargin at screen panel == 1 ? 0.48 : 0.98
    set title panel == 1 ? "Objective gap" : "Gradient norm"
    set ylabel beside(panel == 1 ? "objective − optimum (at least 10^{−17})" : "Euclidean norm of the gradient")
    plot for [i = 1:words(found)] in skip 1 using (pick(word(found, i), $2 + 1)):(shown(column(panel + 2))) \
             with lines linetype i, \
         for [i = 1:words(found)] in skip 1 using (mark(word(found, i), $2 + 1)):(shown(column(panel + 2))) \
             with points linetype i pointsize 0.7
}
@legend_panel
plot for [i = 1:words(found)] NaN with linespoints linetype i pointsize 0.7 title word(found, i)
unset multiplot
@finish
