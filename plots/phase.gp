# Total collapse over lambda and n_2/n_1: measured phases with the predicted boundary, and the order parameter |W|.
#   gnuplot -c plots/phase.gp in.csv out.svg    (or .pdf, .png, dumb, window)
in = ARG1
out = ARG2
folder = ARG0[1:strlen(ARG0)-strlen("phase.gp")]
expected = "lambda,ratio,mu_ratio,phase_predicted,phase_measured,weight_norm,nc2,ncm"
width = 10.0
height = 4.6
load folder."style.gp"

stats in skip 1 using 1:2 nooutput name "axis"
if (axis_records < 4) exit error "there are too few cells"
stats in skip 1 using 6 nooutput name "norm"
ratios = 0
stats in skip 1 using (ratios = $1 == axis_min_x ? ratios + 1 : ratios, 0) nooutput
lambdas = int(axis_records/ratios)
if (lambdas*ratios != axis_records) exit error "every lambda must have as many ratios"
# Both axes are geometric: whole decades are marked. Pictures are drawn in the logarithms.
x_low = log10(axis_min_y)
x_high = log10(axis_max_y)
y_low = log10(axis_min_x)
y_high = log10(axis_max_x)
x_step = (x_high - x_low)/(ratios - 1)
y_step = (y_high - y_low)/(lambdas - 1)
array log_mu[lambdas*ratios]
at = 0
stats in skip 1 using (at = at + 1, log_mu[at] = log10($3), 0) nooutput
set print $mu
do for [i = 0:lambdas-1] {
    do for [j = 0:ratios-1] {
        print sprintf("%.9g %.9g %.9g", x_low + j*x_step, y_low + i*y_step, log_mu[i*ratios + j + 1])
    }
    print ""
}
unset print
set table $cells
plot in skip 1 using (log10($2)):(log10($1)):(strcol(5) eq "collapsed" ? 1 : 0):6 with table
unset table
set datafile separator whitespace
set contour base
set cntrparam levels discrete 0
unset surface
set table $boundary
splot $mu using 1:2:3
unset table
unset contour
set surface

set xrange [x_low-x_step/2:x_high+x_step/2]
set yrange [y_low-y_step/2:y_high+y_step/2]
set xtics 1
set ytics 1
set format plain ? "1e%g" : "10^{%g}"
set format cb "%g"
unset grid
unset key
set tics out front
set xlabel "n_2 / n_1"
set multiplot
set tmargin at screen 0.91
set bmargin at screen 0.15
do for [panel = 1:2] {
    set lmargin at screen panel == 1 ? 0.09 : 0.56
    set rmargin at screen panel == 1 ? 0.46 : 0.93
    set ylabel beside(panel == 1 ? "λ_W" : "")
    if (plain) {
        set title panel == 1 ? "λ_W: # collapsed, . separated, o μ = μ_c" : sprintf("|W|, 9 = %.3g", norm_max)
        plot $cells using 1:2:(panel == 1 ? ($3 > 0 ? "#" : ".") : sprintf("%.0f", 9*$4/norm_max)) with labels, \
             $boundary using 1:2:("o") with labels
    } else {
        unset colorbox
        if (panel == 1) {
            set title "Measured phase and predicted boundary"
            set palette defined (0 "#92c5de", 1 "#fdb863")
            set cbrange [0:1]
            set label 1 "total collapse" at graph 0.5, graph 0.94 center front
            set label 2 "separated" at graph 0.5, graph 0.06 center front
        } else {
            set title "Order parameter |W|"
            set palette defined (0 "#00224e", 0.25 "#35456c", 0.5 "#7c7b78", 0.75 "#bcaf6f", 1 "#fee838")
            set cbrange [0:norm_max > 0 ? norm_max : 1]
            set colorbox user origin screen 0.94, screen 0.15 size screen 0.012, screen 0.76
            unset label 1
            unset label 2
        }
        plot $cells using 1:2:(column(panel + 2)) with image, \
             $boundary using 1:2 with lines linecolor rgb "#000000" linewidth 2 dashtype 2
    }
}
unset multiplot
@finish
