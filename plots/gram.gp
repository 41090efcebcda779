# Gram matrix of W beside the simplex ETF's, and their difference.
#   gnuplot -c plots/gram.gp in.csv out.svg    (or .pdf, .png)
in = ARG1
out = ARG2
folder = ARG0[1:strlen(ARG0)-strlen("gram.gp")]
expected = "panel,row,column,value"
width = 10.0
height = 4.4
load folder."style.gp"

array panels[3] = ["measured", "predicted", "difference"]
array titles[3] = ["W W^T, measured", "simplex ETF, predicted", "measured − predicted"]
panel_is(i) = strcol(1) eq panels[i]
stats in skip 1 using 2:3 nooutput name "index"
K = int(index_max_y) + 1
stats in skip 1 using (panel_is(3) ? NaN : abs($4)) nooutput name "gram"
stats in skip 1 using (panel_is(3) ? abs($4) : NaN) nooutput name "difference"
do for [i = 1:3] {
    stats in skip 1 using (panel_is(i) ? $2 : NaN) nooutput name "panel"
    if (panel_records != K*K) {
        exit error sprintf("panel %s must have %d rows, one per entry", panels[i], K*K)
    }
}
largest(value) = value > 0 ? value : 1e-17

# In text a cell is its value in ninths of the largest, without sign where there is no room for it.
digit(share) = abs(share) < 0.5/9 ? "." : sprintf(K <= 12 && share < 0 ? "-%.0f" : "%.0f", 9*abs(share))

# Colour-blind-safe, white at zero.
set palette defined (-1 "#2166ac", -0.5 "#92c5de", 0 "#f7f7f7", 0.5 "#fdb863", 1 "#b35806")
unset grid
unset key
set tics out scale 0.5
step = K <= 12 ? 1 : K <= 24 ? 2 : K <= 60 ? 10 : 20
set xtics 0, step
set ytics 0, step
set xrange [plain ? -0.9 : -0.5:K-0.5]
set yrange [K-0.5:-0.5]
set xlabel "class"
set cblabel offset 0,0.4
if (plain) { unset colorbox }
side = 0.255
set multiplot
set tmargin at screen 0.90
set bmargin at screen 0.90 - side*width/height
do for [i = 1:3] {
    left = 0.065 + (i - 1)*0.325
    set lmargin at screen left
    set rmargin at screen left + side
    set ylabel beside(i == 1 ? "class" : "")
    top = i == 3 ? largest(difference_max) : largest(gram_max)
    set title plain ? sprintf("%s, 9 = %.2g", panels[i], top) : titles[i]
    set cbrange [-top:top]
    set cbtics (sprintf(i == 3 ? "%.0e" : "%.3g", -top) -top, "0" 0, sprintf(i == 3 ? "%.0e" : "%.3g", top) top)
    if (!plain) { set colorbox horizontal user origin screen left, screen 0.10 size screen side, screen 0.04 }
    set table $entries separator comma
    plot in skip 1 using 3:2:4 with table if (panel_is(i))
    unset table
    # Rectangles stay sharp at any size; of many an image is smaller.
    if (plain) { plot $entries using 1:2:(digit($3/top)) with labels } \
    else { if (K <= 40) { plot $entries using 1:2:3 with image pixels } else { plot $entries using 1:2:3 with image } }
}
unset multiplot
@finish
