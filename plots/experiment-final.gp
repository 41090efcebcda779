# Loaded by the figures of numbers at the end of training: one panel for each of `shown`, one mark for each series, with
# the range of the seeds; hollow, the UFM's. Needs in, out,
# folder and shown.
expected = "kind,series,quantity,epoch,mean,low,high,seeds"
width = 7.0
height = 4.4
load folder."style.gp"
load folder."experiment.gp"
stats in skip 1 using (strcol(1) eq "network" ? add_series(strcol(2)) : 0) nooutput
# "groups": the NCm of every group of pairs, and what else there is room for.
if (shown eq "groups") {
    stats in skip 1 using (strcol(1) eq "network" && strcol(3)[1:4] eq "ncm@" ? collect(strcol(3)) : 0) nooutput
    sorted = ""
    do for [i = 1:words(found)] {
        next = ""
        do for [q in found] { next = strstrt(sorted." ", " ".q." ") ? next : next eq "" || real(q[5:*]) > real(next[5:*]) ? q : next }
        sorted = sorted." ".next
    }
    found = sorted
    shown = found." train_ncm_2 train_nc1 train_nc2 train_nc3"
    kept = ""
    do for [i = 1:(words(shown) < 6 ? words(shown) : 6)] { kept = kept.word(shown, i)." " }
    shown = kept
}
index_of(s) = sum [i=1:series_count] (series[i] eq s ? i : 0)
final(kind, q) = strcol(1) eq kind && strcol(3) eq q && strcol(4) eq ""
position(kind, q) = final(kind, q) ? index_of(strcol(2)) : NaN
panel_columns = words(shown) < 3 ? words(shown) : 3
panel_rows = int((words(shown) + panel_columns - 1)/panel_columns)
set xrange [0.5:series_count + 0.5]
set yrange [0:*]
set offsets graph 0, graph 0, graph 0.06, graph 0
drawn_of(kind) = sum [i=1:words(shown)] (final(kind, word(shown, i)))
marks = 1
do for [kind in "ufm ufm-nonnegative"] {
    drawn = 0
    stats in skip 1 using (drawn = drawn + drawn_of(kind), 0) nooutput
    if (drawn > 0) { marks = marks + (kind eq "ufm" ? 2 : 4) }
}
unset key
set multiplot title pixels font ",9"
do for [i = 1:words(shown)] {
    q = word(shown, i)
    r = int((i - 1)/panel_columns)
    c = (i - 1) - r*panel_columns
    last = i + panel_columns > words(shown)
    set lmargin at screen 0.11 + 0.305*c
    set rmargin at screen 0.35 + 0.305*c
    set tmargin at screen 0.90 - 0.66*r/panel_rows
    set bmargin at screen 0.90 - 0.66*(r + 1)/panel_rows + 0.07
    set title quantity_title(q) offset 0,-0.6 font ",9"
    set xtics ("" 1) out nomirror rotate by 40 right font ",8" scale 0.5
    do for [s = 1:series_count] { set xtics add (last ? series[s] : "" s) }
    # Before collapse it is a matter of orders of magnitude; 0 is not drawn.
    if (q eq "train_nc1") { set logscale y; set yrange [*:*] } else { unset logscale y; set yrange [0:*] }
    if (strstrt(q, ".exact_match") || strstrt(q, ".f1")) { set yrange [0:1.08]; set ytics 0, 0.2, 1 font ",8" } else { set ytics autofreq font ",8" }
    set format y (q eq "train_nc1" ? power : "%g")
    unit = q eq "trainable_parameters" ? 1e-6 : 1
    plot in skip 1 using (position("network", q)):($5*unit):($6*unit):($7*unit) with yerrorbars linetype 1 pointsize 0.8, \
         in skip 1 using (position("ufm", q)):5 with points linetype 2 pointtype 6 pointsize 1.1, \
         in skip 1 using (position("ufm-nonnegative", q)):5 with points linetype 3 pointtype 8 pointsize 1.1
}
@legend_panel
set tmargin at screen 0.06
set key horizontal center font ",9" samplen 1
plot NaN with points linetype 1 title "network, range of the seeds", \
     for [i = 1:(int(marks/2)%2)] NaN with points linetype 2 pointtype 6 title "UFM", \
     for [i = 1:int(marks/4)] NaN with points linetype 3 pointtype 8 title "UFM with H >= 0"
unset multiplot
@finish
