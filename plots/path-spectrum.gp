# The optimum along lambda for any labels: singular values of the logits, duality gap, distance from the max-margin limit.
#   gnuplot -c plots/path-spectrum.gp in.csv out.svg    (or .pdf, .png, dumb, window)
in = ARG1
out = ARG2
folder = ARG0[1:strlen(ARG0)-strlen("path-spectrum.gp")]
expected = "factor,mu_ratio,objective,gap,penalty_gap,certified,rank,nc2,nuclear_norm,distance,margin_share,index,singular_value"
width = 10.0
height = 4.2
load folder."style.gp"

stats in skip 1 using (collect(strcol(12))) nooutput
stats in skip 1 using 2 nooutput name "ratio"
if (ratio_records < 1) exit error "there are no points"
stats in skip 1 using ($10 > 0 ? $10 : NaN) nooutput name "limit"
limit = exists("limit_records") && limit_records > 0
stats in skip 1 using ($13 > 0 ? $13 : NaN) nooutput name "born"
separated = exists("born_records") && born_records > 0
lowest = 1e-17 # gaps of rounding size may be zero or negative
sure(value) = column(6) == 1 ? value : NaN
unsure(value) = column(6) == 1 ? NaN : value
once(value) = column(12) == 1 ? value : NaN
positive(value) = value > 0 ? value : NaN
shown(gap) = gap > lowest ? gap : gap == gap ? lowest : NaN
sigma(j) = column(12) == j ? positive(column(13)) : NaN

set logscale xy
set format xy power
if (plain) { set xtics 100 }
set xrange [ratio_min/1.5:ratio_max*1.5]
set xlabel "μ / μ_{max}"
set arrow 1 from first 1, graph 0 to first 1, graph 1 nohead linecolor rgb "#444444" linewidth 1 dashtype 2
unset key
set multiplot
set tmargin at screen 0.90
set bmargin at screen 0.32
do for [panel = 1:3] {
    set lmargin at screen 0.075 + (panel - 1)*0.325
    set rmargin at screen 0.075 + (panel - 1)*0.325 + 0.245
    if (panel == 1 && separated) {
        set title "Singular values of the logits"
        set yrange [*:*]
        plot for [i = 1:words(found)] in skip 1 using 2:(sure(sigma(int(word(found, i))))) with lines linetype 1 linewidth 1.2, \
             for [i = 1:words(found)] in skip 1 using 2:(sure(sigma(int(word(found, i))))) with points linetype 1 pointsize 0.35, \
             for [i = 1:words(found)] in skip 1 using 2:(unsure(sigma(int(word(found, i))))) with points linecolor rgb colours[2] pointtype 2 pointsize 0.7
    }
    if (panel == 2) {
        set title "Duality gap"
        set yrange [lowest/3:*]
        plot in skip 1 using 2:(once(sure(shown($4)))) with points linetype 3 pointsize 0.6, \
             in skip 1 using 2:(once(sure(shown($5)))) with points linecolor rgb colours[5] pointtype 4 pointsize 0.6, \
             in skip 1 using 2:(once(unsure(shown($4)))) with points linecolor rgb colours[2] pointtype 2 pointsize 0.7, \
             in skip 1 using 2:(once(unsure(shown($5)))) with points linecolor rgb colours[2] pointtype 2 pointsize 0.7
    }
    if (panel == 3 && limit) {
        set title "Distance from the limit"
        set yrange [*:1]
        plot in skip 1 using 2:(once(sure(positive($10)))) with points linetype 1 pointsize 0.6, \
             in skip 1 using 2:(once(sure($11 > 0 ? positive(1 - $11) : NaN))) with points linecolor rgb colours[4] pointtype 8 pointsize 0.7, \
             in skip 1 using 2:(once(unsure(positive($10)))) with points linecolor rgb colours[2] pointtype 2 pointsize 0.7
    }
}
unset arrow
@legend_panel
plot NaN with linespoints linetype 1 pointsize 0.35 title "singular value", \
     NaN with points linetype 3 pointsize 0.6 title "gap / f", \
     NaN with points linecolor rgb colours[5] pointtype 4 pointsize 0.6 title "gap / μ |WH|_*", \
     NaN with points linetype 1 pointsize 0.6 title "angle to the max-margin direction", \
     NaN with points linecolor rgb colours[4] pointtype 8 pointsize 0.7 title "1 - share of the largest margin", \
     NaN with points linecolor rgb colours[2] pointtype 2 pointsize 0.7 title "not certified"
unset multiplot
@finish
