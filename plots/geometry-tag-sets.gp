# How well tag-wise laws describe the features: share of the samples up to a relative residual, for each law.
#   gnuplot -c plots/geometry-tag-sets.gp in.csv out.svg    (or .pdf, .png)
in = ARG1
out = ARG2
folder = ARG0[1:strlen(ARG0)-strlen("geometry-tag-sets.gp")]
expected = "tags,multiplicity,count,norm,uniform_mu,power_mu,free_mu,uniform_w,power_w,free_w,exact,off_span"
width = 9.0
height = 4.6
load folder."style.gp"

floor_at = 1e-17
shown(value) = value > floor_at ? value : value == value ? floor_at : NaN
many(value) = $2 >= 2 ? shown(value) : NaN
array laws[3] = ["equal weights", "weights n_k^α, α fitted", "free coefficients"]
array titles[2] = ["on the single-label features μ_k", "on the rows w_k"]
set logscale x
set yrange [0:1.02]
set xlabel "|h_S − law| / |h_S|"
unset key
least = 1e300
most = 0
do for [c = 5:10] {
    undefine law_* # of nothing but NaN, stats leaves no variables
    stats in skip 1 using (many(column(c))) nooutput name "law"
    if (exists("law_records")) {
        least = law_min < least ? law_min : least
        most = law_max > most ? law_max : most
    }
}
if (!(most > 0)) exit error "no law was measured on any tag set of two or more classes"
# Over few decades, more than the powers of ten.
if (least < 1e-3*most) { set format x power } else {
    set xtics ()
    do for [e = floor(log10(least)):ceil(log10(most))] {
        do for [digit in "1 2 5"] { set xtics add (sprintf("%g", digit*10.0**e) digit*10.0**e) }
    }
}
set xrange [least/1.5:most*1.5]
set multiplot
set tmargin at screen 0.90
set bmargin at screen 0.28
do for [panel = 1:2] {
    set lmargin at screen panel == 1 ? 0.09 : 0.59
    set rmargin at screen panel == 1 ? 0.48 : 0.98
    set title titles[panel]
    set ylabel beside(panel == 1 ? "share of the samples" : "")
    first = 2 + 3*panel
    undefine law_*
    stats in skip 1 using (many(column(first))) nooutput name "law"
    is_known = exists("law_records")
    if (!is_known) { set label 1 "not all classes of any tag set\nhave single-label samples" at graph 0.5, graph 0.5 center }
    plot NaN notitle, for [c = 0:(is_known ? 2 : -1)] in skip 1 using (many(column(first + c))):3 \
         smooth cnormal with steps linetype c + 1
    unset label 1
}
if (!plain) {
    @legend_panel
    plot for [c = 1:3] NaN with lines linetype c title laws[c]
}
unset multiplot
@finish
