# Common to all figures: the output by its suffix, colours, grid, and the check of the CSV's header.
# The caller sets, before `load`: in, out, expected (the header line; "": the caller checks it), width and height
# (inches); and may set delay (1/100 s between frames) to allow .gif.
# Besides file names `out` may be `dumb`, text of 100 x 35 characters on standard output, `dumb COLUMNS ROWS`,
# or `window`, which waits until it is closed. `plain` and `window` then tell the caller so.
set encoding utf8
set datafile separator "\n"
header = expected
if (expected ne "") { stats in every ::0::0 using (header = strcol(1), 0) nooutput }
if (header ne expected) exit error "the CSV header must be ".expected
set datafile separator ","
set datafile missing NaN

suffix = strlen(out) > 4 ? out[strlen(out)-3:] : ""
plain = word(out, 1) eq "dumb"
window = out eq "window"
has(name) = strstrt(" ".GPVAL_TERMINALS." ", " ".name." ") > 0
if (plain) {
    columns = words(out) == 3 ? int(word(out, 2)) : 100
    rows = words(out) == 3 ? int(word(out, 3)) : 35
    set terminal dumb nofeed size columns,rows noenhanced mono
} else { if (window) {
    if (has("qt")) { set terminal qt size width*96,height*96 enhanced font "Sans,10" } \
    else { if (has("wxt")) { set terminal wxt size width*96,height*96 enhanced font "Sans,10" } \
    else { if (has("x11")) { set terminal x11 size width*96,height*96 enhanced } \
    else { exit error "this gnuplot opens no window; install gnuplot-qt" } } }
} else { if (suffix eq ".svg") {
    set terminal svg size width*96,height*96 dynamic enhanced font "sans-serif,13" background "white" linewidth 1.2
} else { if (suffix eq ".pdf") {
    set terminal pdfcairo size width in,height in enhanced font "Sans,10" linewidth 1.2
} else { if (suffix eq ".png") {
    set terminal pngcairo size width*150,height*150 enhanced font "Sans,10" fontscale 1.6 linewidth 1.8 pointscale 1.6
} else { if (suffix eq ".gif" && exists("delay")) {
    set terminal gif animate delay delay loop 0 size width*96,height*96 enhanced font "DejaVuSans,10"
} else {
    exit error "the output must end in .svg, .pdf or .png"
} } } } } }
if (!plain && !window) { set output out }
power = plain ? "1e%T" : "10^{%T}"
# Labels beside an axis lie across the figure in text.
beside(label) = plain ? "" : label
finish = window ? "pause mouse close" : plain ? "set print '-'; print ''" : "set output"

# Okabe and Ito's colours, which the colour-blind tell apart; dashes and marks differ as well, for print.
array colours[8] = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#777777"]
array marks[8] = [7, 5, 9, 13, 4, 6, 8, 12]
do for [i = 1:8] {
    dash = i > 5 ? i - 4 : i
    set linetype i linecolor rgb colours[i] dashtype dash pointtype marks[i] linewidth 1.5
}
set linetype cycle 8
set style line 100 linecolor rgb "#d8d8d8" linewidth 0.5 dashtype 1
if (!plain) { set grid linestyle 100 }
set border linewidth 0.8
set tics nomirror

# The distinct words of a column, in their order: `stats in skip 1 using (collect(strcol(1)))`.
found = " "
collect(word) = (found = strstrt(found, " ".word." ") ? found : found.word." ", 0)

# Turns the panel that follows into an empty one at the bottom, which holds the legend of all.
legend_panel = "unset title; unset xlabel; unset ylabel; unset xtics; unset ytics; unset border; unset grid; \
unset xzeroaxis; unset yzeroaxis; set size nosquare; unset object; unset arrow; \
unset label; unset logscale; set xrange [0:1]; set yrange [0:1]; \
set lmargin at screen 0.03; set rmargin at screen 0.97; set tmargin at screen 0.17; set bmargin at screen 0.01; \
set key center center horizontal noenhanced samplen 3"
