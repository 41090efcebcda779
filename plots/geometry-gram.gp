# Cosines of the rows of W beside the correlation of the labels, classes in the order of a hierarchical clustering.
#   gnuplot -c plots/geometry-gram.gp in.csv out.svg    (or .pdf, .png)
in = ARG1
out = ARG2
folder = ARG0[1:strlen(ARG0)-strlen("geometry-gram.gp")]
expected = "row,column,row_class,column_class,cosine,correlation"
width = 10.0
height = 5.6
load folder."style.gp"

stats in skip 1 using 1:2 nooutput name "index"
K = int(index_max_y) + 1
if (index_records != K*K) exit error sprintf("there must be %d rows, one per entry", K*K)
etf = -1.0/(K - 1)
# The diagonal is 1 in both: left out, so that the others fill the colours. So is what is undefined.
blank(c) = column(1) == column(2) || !valid(c)
off(c) = blank(c) ? NaN : column(c)
# An image needs every pixel.
pixel(c) = blank(c) ? 0 : column(c)
stats in skip 1 using (abs(off(5))) nooutput name "one"
stats in skip 1 using (abs(off(6))) nooutput name "two"
# Of nothing but NaN, stats leaves no variables.
top(largest, least) = largest > least ? largest : least
array tops[2]
tops[1] = top(exists("one_max") ? one_max : 0, 1.2/(K - 1))
tops[2] = top(exists("two_max") ? two_max : 0, 1e-3)
array titles[2] = [sprintf("cosine of w_k and w_l (ETF: %.3g)", etf), "correlation φ of the labels"]
array names[2] = ["cosine", "phi"]

# Colour-blind-safe, white at zero.
set palette defined (-1 "#2166ac", -0.5 "#92c5de", 0 "#f7f7f7", 0.5 "#fdb863", 1 "#b35806")
unset grid
unset key
set tics out scale 0.5
set xrange [plain ? -0.9 : -0.5:K-0.5]
set yrange [K-0.5:-0.5]
step = K <= 30 ? 1 : K <= 60 ? 2 : int(ceil(K/20.0))
array label_of[K]
stats in skip 1 using ($2 == 0 ? (label_of[int($1) + 1] = strcol(3), 0) : 0) nooutput
if (K > 16 && !plain) {
    set xtics font ",7"
    set ytics font ",7"
}
set xtics ()
set ytics ()
do for [k = 0:K-1:step] {
    set xtics add (label_of[k + 1] k)
    set ytics add (label_of[k + 1] k)
}
if (plain) { unset colorbox }
digit(share) = abs(share) < 0.5/9 ? "." : sprintf(K <= 12 && share < 0 ? "-%.0f" : "%.0f", 9*abs(share))
side = 0.40
set multiplot
set tmargin at screen 0.92
set bmargin at screen 0.92 - side*width/height
do for [i = 1:2] {
    left = 0.075 + (i - 1)*0.485
    set lmargin at screen left
    set rmargin at screen left + side
    set ylabel beside(i == 1 ? "class" : "")
    set title plain ? sprintf("%s, 9 = %.2g", names[i], tops[i]) : titles[i]
    set cbrange [-tops[i]:tops[i]]
    set cbtics (sprintf("%.2g", -tops[i]) -tops[i], "0" 0, sprintf("%.2g", tops[i]) tops[i])
    if (i == 1) { set cbtics add ("" etf) }
    if (!plain) { set colorbox horizontal user origin screen left, screen 0.08 size screen side, screen 0.03 }
    if (plain) { plot in skip 1 using 2:1:(blank(4 + i) ? "" : digit(column(4 + i)/tops[i])) with labels } \
    else { if (K <= 40) {
        plot in skip 1 using 2:1:(pixel(4 + i)) with image pixels, \
             in skip 1 using (blank(4 + i) ? $2 : NaN):1:(0.5):(0.5) with boxxyerror linecolor rgb "#cccccc" fillstyle solid noborder
    } else {
        plot in skip 1 using 2:1:(pixel(4 + i)) with image, \
             in skip 1 using (blank(4 + i) ? $2 : NaN):1:(0.5):(0.5) with boxxyerror linecolor rgb "#cccccc" fillstyle solid noborder
    } }
}
unset multiplot
@finish
