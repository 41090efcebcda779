# How labels are spread: samples of each multiplicity, of each class and of each tag set, the most frequent first.
# From NAME-labels.csv beside NAME.csv.
#   gnuplot -c plots/experiment-labels.gp NAME.csv out.svg    (or .pdf, .png)
in = ARG1
out = ARG2
folder = ARG0[1:strlen(ARG0)-strlen("experiment-labels.gp")]
expected = "kind,series,quantity,epoch,mean,low,high,seeds"
width = 7.0
height = 3.0
load folder."style.gp"
load folder."experiment.gp"
labels = in[1:strlen(in)-4]."-labels.csv"
stats in skip 1 using (strcol(1) eq "network" ? add_series(strcol(2)) : 0) nooutput
number_of(s, what) = strcol(1) eq series[s] && strcol(2) eq what ? column(4) : NaN
whats = "'multiplicity' 'class' 'tag set'"
unset key
set logscale y
set format y power
set yrange [0.8:*]
set tics font ",8"
set multiplot title pixels font ",9"
do for [i = 1:3] {
    what = word(whats, i)
    set lmargin at screen 0.08 + 0.32*(i - 1)
    set rmargin at screen 0.33 + 0.32*(i - 1)
    set tmargin at screen 0.82
    set bmargin at screen 0.36
    set title "samples of each ".what offset 0,-0.6 font ",9"
    set xlabel (i == 1 ? "multiplicity" : what.", by frequency") offset 0,0.6
    plot for [s = 1:series_count] labels skip 1 using (strcol(2) eq what ? column(3) : NaN):(number_of(s, what)) with linespoints linetype s dashtype 1 pointsize 0.5
}
@legend_panel
plot for [s = 1:series_count] NaN with linespoints linetype s dashtype 1 pointsize 0.7 title series[s]
unset multiplot
@finish
