# Features of three classes in the plane of the classifier's rows: before and after training, of a network and of the
# UFM, with single labels only (M-clf) and with pairs (M-lab), less the mean of the class means. Points from NAME-points.csv beside NAME.csv.
#   gnuplot -c plots/experiment-features.gp NAME.csv out.svg    (or .pdf, .png)
in = ARG1
out = ARG2
folder = ARG0[1:strlen(ARG0)-strlen("experiment-features.gp")]
expected = "kind,series,quantity,epoch,mean,low,high,seeds"
width = 7.0
height = 4.6
load folder."style.gp"
load folder."experiment.gp"
stats in skip 1 using (strcol(1) eq "network" ? add_series(strcol(2)) : 0) nooutput
points = in[1:strlen(in)-4]."-points.csv"

tags = "0 1 2 0+1 0+2 1+2"
panels = "before,network after,network before,UFM after,UFM after,UFM(H>=0)"
moment(p) = p[1:strstrt(p, ",")-1]
kind(p) = p[strstrt(p, ",")+1:*]
x(s, p, t) = strcol(1) eq moment(p) && strcol(2) eq kind(p) && strcol(3) eq series[s] && strcol(4) eq t ? column(5) : NaN
set size ratio -1
set xrange [-2:2]
set yrange [-2:2]
set xtics 1 font ",8"
set ytics 1 font ",8"
unset key
set multiplot title pixels font ",9"
do for [s = 1:series_count] {
    do for [i = 1:5] {
        p = word(panels, i)
        set lmargin at screen 0.05 + 0.19*(i - 1)
        set rmargin at screen 0.225 + 0.19*(i - 1)
        set tmargin at screen 0.88 - 0.36*(s - 1)
        set bmargin at screen 0.60 - 0.36*(s - 1)
        set title series[s].", ".kind(p)."\n".moment(p) offset 0,-0.7 font ",8"
        set format x (s == series_count ? "%g" : "")
        set format y (i == 1 ? "%g" : "")
        plot for [t = 1:6] points skip 1 using (x(s, p, word(tags, t))):(column(6)) with points linetype t pointsize 0.5
    }
}
@legend_panel
plot for [t = 1:6] NaN with points linetype t pointsize 1 title "tags ".word(tags, t)
unset multiplot
@finish
