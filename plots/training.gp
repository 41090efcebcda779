# A training's metrics.csv: collapse metrics over the epochs, loss and learning rate. Solid lines: the training
# set; dashed ones: the held-out set.
#   gnuplot -c plots/training.gp metrics.csv out.svg    (or .pdf, .png)
in = ARG1
out = ARG2
folder = ARG0[1:strlen(ARG0)-strlen("training.gp")]
expected = ""
width = 9.0
height = 5.6
load folder."style.gp"

# The columns depend on the multiplicities and on the held-out set; these must be there.
stats in every ::1::1 using 1 nooutput
columns = int(STATS_columns)
array name[columns]
do for [i = 1:columns] { stats in every ::0::0 using (name[i] = strcol(i), 0) nooutput }
# A column's number; 0: there is none.
number(wanted) = sum [i=1:columns] (name[i] eq wanted ? i : 0)
has_column(wanted) = number(wanted) > 0
if (!has_column("epoch") || !has_column("rate") || !has_column("batch_loss") || !has_column("train_nc1")) {
    exit error "the CSV header must be that of ufmlab train: epoch,step,rate,batch_loss,..."
}
rate = number("rate")
batch_loss = number("batch_loss")

# Numbers that a logarithmic axis can show; an epoch without measurement has an empty field.
counted = 0
count(x) = (counted = counted + (x > 0), 0)
shown(x) = x > 0 ? x : NaN
measured(c) = c > 0 ? column(c) : NaN

# NC1, NC2, NC3 and NCm of the first multiplicities that have any, as many as there are colours.
candidates = "nc1 nc2 nc3"
do for [m = 2:99] {
    if (has_column(sprintf("train_ncm_%d", m))) { candidates = candidates.sprintf(" ncm_%d", m) }
}
title_of(candidate) = candidate[1:4] eq "ncm_" ? "NCm(".candidate[5:*].")" : "NC".candidate[3:*]
titles = ""
array train[8]
array held[8]
most = 0
any_held = 0
do for [candidate in candidates] {
    if (words(titles) < 8) {
        i = words(titles) + 1
        train[i] = number("train_".candidate)
        held[i] = number("held_out_".candidate)
        counted = 0
        stats in skip 1 using (count(measured(held[i]))) nooutput
        any_held = any_held || counted > 0
        counted = 0
        stats in skip 1 using (count(measured(train[i]))) nooutput
        if (counted > 0) { titles = titles.title_of(candidate)." " }
        if (counted > most) { most = counted }
    }
}
any_train = words(titles) > 0
marked = most > 16 ? int(most/8) : 1
train_loss = number("train_loss")
held_loss = number("held_out_loss")
stats in skip 1 using 1 nooutput name "epoch"
last = epoch_max > epoch_min ? epoch_max : epoch_min + 1
# A column that is not there draws nothing.
number_in(c) = c > 0 ? shown(column(c)) : NaN
is_shown(c) = c > 0 ? column(c) > 0 : 0
epochs(c) = is_shown(c) ? column(1) : NaN

set xrange [epoch_min:last]
set logscale y
set format y power
unset key
set multiplot
set title "Collapse"
set xlabel "epoch"
set ylabel beside("metric")
set lmargin at screen 0.09
set rmargin at screen 0.55
set tmargin at screen 0.93
set bmargin at screen 0.27
if (!any_train) { set label 1 "not measured" at graph 0.5, graph 0.5 center }
plot for [i = 1:words(titles)] in skip 1 using (epochs(train[i])):(number_in(train[i])) \
         with linespoints linetype i dashtype 1 pointsize 0.6 pointinterval -marked, \
     for [i = 1:words(titles)] in skip 1 using (epochs(held[i])):(number_in(held[i])) \
         with linespoints linetype i dashtype 2 pointsize 0.45 pointinterval -marked, \
     (any_train ? NaN : 1) with lines linecolor rgb "white"
unset label
set title "Loss"
set lmargin at screen 0.66
set rmargin at screen 0.98
set bmargin at screen 0.66
unset xlabel
set format x ""
set ylabel beside("loss")
plot in skip 1 using 1:(number_in(batch_loss)) with lines linetype 8 dashtype 3, \
     in skip 1 using (epochs(train_loss)):(number_in(train_loss)) with lines linetype 7 dashtype 1, \
     in skip 1 using (epochs(held_loss)):(number_in(held_loss)) with lines linetype 7 dashtype 2
set title "Learning rate"
set tmargin at screen 0.57
set bmargin at screen 0.27
set xlabel "epoch"
set format x
set ylabel beside("rate")
plot in skip 1 using 1:(number_in(rate)) with lines linetype 7 dashtype 1
@legend_panel
plot for [i = 1:words(titles)] NaN with linespoints linetype i dashtype 1 pointsize 0.8 title word(titles, i), \
     NaN with lines linetype 7 dashtype 1 title "training set", \
     NaN with lines linetype 7 dashtype 2 title any_held ? "held-out set" : "", \
     NaN with lines linetype 8 dashtype 3 title "batches while training"
unset multiplot
@finish
