# Hessian eigenvalues at the optimum, a saddle and a random point: how many lie in each bin of an axis that is linear near
# zero and logarithmic beyond, with the predicted ones (height: multiplicity) over them. One panel for each point found.
#   gnuplot -c plots/spectrum.gp in.csv out.svg    (or .pdf, .png)
in = ARG1
out = ARG2
folder = ARG0[1:strlen(ARG0)-strlen("spectrum.gp")]
expected = "point,source,eigenvalue,multiplicity"
width = 9.0
height = 7.0
load folder."style.gp"

stats in skip 1 using (collect(strcol(1))) nooutput
names = ""
do for [name in "optimum saddle random"] { if (strstrt(found, " ".name." ")) { names = names." ".name } }
panels = words(names)
if (panels == 0) exit error "the points are called optimum, saddle and random"
found = " "
stats in skip 1 using (strcol(2) eq "predicted" ? collect(strcol(1)) : 0) nooutput
is_predicted(name) = strstrt(found, " ".name." ") > 0
stats in skip 1 using 3 nooutput name "all"
magnitude = all_max > -all_min ? all_max : -all_min
if (!(magnitude > 0)) exit error "all eigenvalues vanish"
# The axis turns linear below the smallest eigenvalue at the optimum that is not zero.
counts(value) = value > 1e-10*magnitude ? value : NaN
stats in skip 1 using (strcol(1) eq "optimum" ? counts($3) : NaN) nooutput name "optimum"
smallest = exists("optimum_records") && optimum_records > 0 ? optimum_min : 1e-4*magnitude
turn = smallest > 1e-6*magnitude ? smallest/3 : 1e-6*magnitude
place(value) = asinh(value/(2*turn))/log(10)

bin = 0.04
middle(value) = bin*(floor(place(value)/bin + 0.5))
pick(name, kind, value) = strcol(1) eq name && strcol(2) eq kind ? value : NaN
low = place(all_min < -1e-10*magnitude ? all_min : 0) - 5*bin
high = place(all_max) + 5*bin
first = ceil(log10(turn))
last = floor(log10(magnitude))
decade(e) = plain ? sprintf("1e%d", e) : sprintf("10^{%d}", e)
set xrange [low:high]
set xtics () scale 0.5
set xtics add ("0" 0)
do for [e = first:last] {
    if (place(10.0**e) < 0.05*(high - low)) { continue } # too close to that of 0
    set xtics add (decade(e) place(10.0**e))
    if (10.0**e < -all_min) { set xtics add ((plain ? "-" : "−").decade(e) place(-10.0**e)) }
}
set logscale y
set yrange [0.6:*]
set format y power
set ylabel beside("eigenvalues")
set style fill solid 0.55 noborder
set boxwidth bin
unset key
bottom = plain ? 0.08 : 0.10
each = (0.95 - bottom)/panels
set multiplot
do for [panel = 1:panels] {
    name = word(names, panel)
    set lmargin at screen 0.10
    set rmargin at screen 0.97
    set tmargin at screen 0.95 - (panel - 1)*each
    set bmargin at screen 0.95 - panel*each + 0.08
    set label 1 name at graph 0, graph (panels == 1 ? 1.03 : 1.1) left front
    if (panel == panels) { set xlabel "eigenvalue of the Hessian (linear near zero)" }
    if (is_predicted(name)) {
        plot in skip 1 using (pick(name, "measured", middle($3))):(1) smooth frequency with boxes linetype 8, \
             in skip 1 using (pick(name, "predicted", place($3))):4 with impulses linetype 2 dashtype 1 linewidth 1, \
             in skip 1 using (pick(name, "predicted", place($3))):4 with points linetype 2 pointtype 6 pointsize 0.7
    } else {
        plot in skip 1 using (pick(name, "measured", middle($3))):(1) smooth frequency with boxes linetype 8
    }
}
if (!plain) {
    @legend_panel
    set tmargin at screen 0.06
    if (words(found) > 0) {
        plot NaN with boxes linetype 8 title "measured, in each bin", \
             NaN with linespoints linetype 2 dashtype 1 linewidth 1 pointtype 6 pointsize 0.7 \
             title "predicted, as high as its multiplicity"
    } else {
        plot NaN with boxes linetype 8 title "measured, in each bin"
    }
}
unset multiplot
@finish
