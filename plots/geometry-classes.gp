# Norms of the rows of W and of the single-label features against the number of samples of a class.
#   gnuplot -c plots/geometry-classes.gp in.csv out.svg    (or .pdf, .png)
in = ARG1
out = ARG2
folder = ARG0[1:strlen(ARG0)-strlen("geometry-classes.gp")]
expected = "class,samples,singles,w_norm,mu_norm,w_predicted,mu_predicted,deviation,group,name"
width = 9.0
height = 4.4
load folder."style.gp"

stats in skip 1 using 2 nooutput name "samples"
K = samples_records
if (K < 2) exit error "there must be at least two classes"
stats in skip 1 using 4 nooutput name "norm1"
stats in skip 1 using 5 nooutput name "norm2"
stats in skip 1 using 6 nooutput name "line1"
stats in skip 1 using 7 nooutput name "line2"
# Of nothing but NaN, stats leaves no variables.
array top[2]
array line[2]
top[1] = exists("norm1_max") ? norm1_max : NaN
top[2] = exists("norm2_max") ? norm2_max : NaN
line[1] = exists("line1_max") ? line1_max : NaN
line[2] = exists("line2_max") ? line2_max : NaN
is_predicted = line[1] == line[1]
# Numbers of classes that lie on one another cannot be read.
is_numbered = K <= 24 && samples_max > samples_min
array titles[2] = ["Rows of W", "Single-label features"]
array names[2] = ["|w_k|", "|μ_k|"]
set logscale x
set xlabel "samples of the class"
set xrange [(samples_min > 1 ? samples_min : 1)/1.6:samples_max*1.6]
set xtics ()
do for [e = floor(log10(samples_min > 1 ? samples_min : 1)):ceil(log10(samples_max))] {
    if (samples_max > 50*samples_min) { set xtics add (sprintf("%g", 10.0**e) 10.0**e) } else {
        do for [digit in "1 2 5"] { set xtics add (sprintf("%g", digit*10.0**e) digit*10.0**e) }
    }
}
if (samples_max == samples_min) { set xtics (sprintf("%g", samples_max) samples_max) }
unset key
set multiplot
set tmargin at screen 0.90
set bmargin at screen 0.24
do for [i = 1:2] {
    set lmargin at screen i == 1 ? 0.09 : 0.59
    set rmargin at screen i == 1 ? 0.46 : 0.96
    set title titles[i]
    set ylabel beside(names[i])
    is_empty = top[i] != top[i]
    set yrange [0:is_empty ? 1 : 1.15*top[i]]
    if (is_empty) { set label 1 "no class has single-label samples" at graph 0.5, graph 0.5 center }
    plot line[i] with lines linetype 8 dashtype 2, \
         in skip 1 using 2:(column(3 + i)) with points linetype i pointsize 0.8, \
         in skip 1 using 2:(is_numbered ? column(3 + i) : NaN):1 with labels offset 0.6,0.8 font ",8"
    unset label 1
}
if (!plain) {
    @legend_panel
    set tmargin at screen 0.09
    if (is_predicted) {
        plot NaN with points linetype 1 pointsize 0.8 title (is_numbered ? "w_k, with the number k" : "w_k"), \
             NaN with points linetype 2 pointsize 0.8 title "μ_k", \
             NaN with lines linetype 8 dashtype 2 title "Theorem 1"
    } else {
        plot NaN with points linetype 1 pointsize 0.8 title (is_numbered ? "w_k, with the number k" : "w_k"), \
             NaN with points linetype 2 pointsize 0.8 title "μ_k"
    }
}
unset multiplot
@finish
