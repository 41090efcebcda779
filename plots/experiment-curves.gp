# An experiment over the epochs: the mean of the seeds with the range between the extremes; dotted, the certified
# optimum of the UFM for the same labels and lambdas, dashed that with features H >= 0. Zeros have no place on a
# logarithmic axis; the legend names them.
#   gnuplot -c plots/experiment-curves.gp NAME.csv out.svg    (or .pdf, .png)
in = ARG1
out = ARG2
folder = ARG0[1:strlen(ARG0)-strlen("experiment-curves.gp")]
expected = "kind,series,quantity,epoch,mean,low,high,seeds"
width = 7.0
height = 4.8
load folder."style.gp"
load folder."experiment.gp"

stats in skip 1 using (strcol(1) eq "network" ? add_series(strcol(2)) : 0) nooutput
least = 1e-9 # below this a number is a rounding error's zero
least_level = 1e-4 # and below this that of an optimum found to a relative gap of 1e-6
row(kind, s, q) = strcol(1) eq kind && strcol(2) eq series[s] && strcol(3) eq q
positive(c) = column(c) > least ? column(c) : NaN
curve(s, q) = row("network", s, q) && strcol(4) ne "" ? column(4) : NaN
level(kind, s, q) = row(kind, s, q) && strcol(4) eq "" && column(5) > least_level ? column(5) : NaN
stats in skip 1 using (strcol(1) eq "network" && strcol(4) ne "" ? column(4) : NaN) nooutput name "epoch"

candidates = "train_nc1 train_nc2 train_nc3 train_equinorm_w train_ncm_2 train_ncm_centred_2 train_scale_residual_1 train_scale_residual_2 train_loss train_mass held_out_mass"
shown = ""
do for [q in candidates] {
    found_q = 0
    stats in skip 1 using (found_q = found_q + (strcol(1) eq "network" && strcol(3) eq q && column(5) > least), 0) nooutput
    if (found_q > 0 && words(shown) < 6) { shown = shown.q." " }
}
if (words(shown) == 0) exit error "no quantity of the CSV is positive"
columns_shown = words(shown) < 3 ? words(shown) : words(shown) == 4 ? 2 : 3
rows_shown = int((words(shown) + columns_shown - 1)/columns_shown)

set xrange [0:epoch_max > 0 ? epoch_max : 1]
set xtics epoch_max > 250 ? 100 : epoch_max > 120 ? 50 : epoch_max > 60 ? 40 : epoch_max > 25 ? 20 : 5 # labels apart in three columns
set logscale y
set format y power
set style fill transparent solid 0.18 noborder
set tics font ",8"
unset key
set multiplot title pixels font ",9"
array y[2*series_count]
drawn_free = 0
drawn_nonnegative = 0
do for [i = 1:words(shown)] {
    q = word(shown, i)
    r = int((i - 1)/columns_shown)
    c = (i - 1) - r*columns_shown
    set lmargin at screen 0.09 + 0.93/columns_shown*c
    set rmargin at screen 0.02 + 0.93/columns_shown*(c + 1)
    set tmargin at screen 0.90 - 0.74*r/rows_shown
    set bmargin at screen 0.90 - 0.74*(r + 1)/rows_shown + (rows_shown > 1 ? 0.09 : 0.06)
    set title quantity_title(q) offset 0,-0.6 font ",9"
    if (r == rows_shown - 1) { set xlabel "epoch" offset 0,0.6 } else { unset xlabel }
    do for [s = 1:series_count] {
        stats in skip 1 using (level("ufm", s, q)) nooutput name "free"
        y[s] = exists("free_records") && free_records > 0 ? free_mean : NaN
        drawn_free = drawn_free || y[s] == y[s]
        stats in skip 1 using (level("ufm-nonnegative", s, q)) nooutput name "nonnegative"
        y[series_count + s] = exists("nonnegative_records") && nonnegative_records > 0 ? nonnegative_mean : NaN
        drawn_nonnegative = drawn_nonnegative || y[series_count + s] == y[series_count + s]
    }
    plot for [s = 1:series_count] in skip 1 using (curve(s, q)):(positive(6)):(positive(7)) with filledcurves linetype s, \
         for [s = 1:series_count] in skip 1 using (curve(s, q)):(positive(5)) with linespoints linetype s dashtype 1 pointsize 0.5, \
         for [s = 1:series_count] y[s] with lines linetype s dashtype 3 linewidth 1.2, \
         for [s = 1:series_count] y[series_count + s] with lines linetype s dashtype 2 linewidth 1.2
}
@legend_panel
set tmargin at screen 0.12
set key font ",9" samplen 2 maxrows 2
plot for [s = 1:series_count] NaN with linespoints linetype s dashtype 1 pointsize 0.7 title series[s], \
     for [s = 1:(closed || drawn_free)] NaN with lines linecolor rgb "black" dashtype 3 title closed ? "UFM = closed form (0: not drawn)" : "UFM", \
     for [s = 1:drawn_nonnegative] NaN with lines linecolor rgb "black" dashtype 2 title "UFM, H >= 0"
unset multiplot
@finish
