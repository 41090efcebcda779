# Multiplicities of different size, and balance broken within them. Left: C_m/C_1 of certified optima (marks) and of the
# closed form (lines). Right: distance of W W^T from the simplex ETF, mean and range over the seeds.
#   gnuplot -c plots/imbalanced-multiplicities.gp in.csv out.svg    (or .pdf, .png)
in = ARG1
out = ARG2
folder = ARG0[1:strlen(ARG0)-strlen("imbalanced-multiplicities.gp")]
expected = "kind,multiplicities,ratio,cv,seed,cv_found,etf_deviation,angle_least,angle_most,scale_residual,c2_c1,c2_c1_predicted,c3_c1,c3_c1_predicted,ncm,verdict,relative_gap"
width = 9.0
height = 4.8
load folder."style.gp"

between(M, value) = strcol(1) eq "between" && $2 == M && strcol(16) eq "global" ? value : NaN
broken(kind, cv) = strcol(1) eq kind && (cv == 0 || $4 == cv) && strcol(16) eq "global" ? $7 : NaN
kinds = "singles pairs both"
array names[3] = ["single labels", "pairs", "both"]

# Least and largest deviation over the seeds of each kind, for every coefficient of variation.
stats in skip 1 using (strcol(1) eq "singles" ? collect(strcol(4)) : 0) nooutput
cvs = words(found)
set print $bands
do for [k = 1:3] {
    do for [i = 1:cvs] {
        stats in skip 1 using (broken(word(kinds, k), real(word(found, i)))) nooutput name "seeds"
        print sprintf("%d,%s,%g,%g", k, word(found, i), seeds_min, seeds_max)
    }
}
unset print

unset key
set logscale x
set format x power
set multiplot
set tmargin at screen 0.91
set bmargin at screen 0.31
set lmargin at screen 0.11
set rmargin at screen 0.48
set title "Balanced within each multiplicity"
set xlabel "n_1 over n of the largest multiplicity"
set ylabel beside("C_m / C_1")
set yrange [0.76:0.88]
set xrange [5e-5:2e4]
plot in skip 1 using (between(2, $3)):12 with lines linetype 1, \
     in skip 1 using (between(3, $3)):12 with lines linetype 2, \
     in skip 1 using (between(3, $3)):14 with lines linetype 3, \
     in skip 1 using (between(2, $3)):11 with points linetype 1 pointsize 0.7, \
     in skip 1 using (between(3, $3)):11 with points linetype 2 pointsize 0.7, \
     in skip 1 using (between(3, $3)):13 with points linetype 3 pointsize 0.7
set lmargin at screen 0.60
set rmargin at screen 0.98
set title "Balance broken within"
set xlabel "coefficient of variation of the counts"
set ylabel beside("ETF deviation of W W^T")
set logscale y
set format y power
set format x "%g"
set yrange [*:*]
set xrange [0.008:2.5]
set style fill transparent solid 0.18 noborder
plot for [k = 1:3] $bands using ($1 == k ? $2 : NaN):3:4 with filledcurves linecolor rgb colours[k+3], \
     for [k = 1:3] in skip 1 using 4:(broken(word(kinds, k), 0)) smooth unique with linespoints linetype k+3 pointsize 0.7
@legend_panel
plot NaN with linespoints linetype 1 pointsize 0.7 title "C_2/C_1, multiplicities 1, 2", \
     NaN with linespoints linetype 2 pointsize 0.7 title "C_2/C_1, multiplicities 1, 2, 3", \
     NaN with linespoints linetype 3 pointsize 0.7 title "C_3/C_1, multiplicities 1, 2, 3", \
     for [k = 1:3] NaN with linespoints linetype k+3 pointsize 0.7 title "counts vary: ".names[k]
unset multiplot
@finish
