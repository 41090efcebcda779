# Long-tailed classes: norm of every class's row over its samples, and how many directions W keeps.
#   gnuplot -c plots/long-tailed.gp in.csv out.svg    (or .pdf, .png)
in = ARG1
out = ARG2
folder = ARG0[1:strlen(ARG0)-strlen("long-tailed.gp")]
expected = "labels,classes,lambda_w,lambda_h,a,class,samples,norm,angle_next,above,exponent,r_squared,vanished,merged,rank,etf_deviation,angle_least,angle_most,verdict,relative_gap"
width = 9.0
height = 4.8
load folder."style.gp"

exponents = "0.5 1 1.5 2"
row(K, w, a) = strcol(1) eq "single" && $2 == K && strcol(3) eq w && strcol(5) eq a && strcol(19) eq "global"
whole(K, w, value) = strcol(1) eq "single" && $2 == K && strcol(3) eq w && $6 == 0 && strcol(19) eq "global" ? value : NaN

unset key
set multiplot
set tmargin at screen 0.91
set bmargin at screen 0.33
set lmargin at screen 0.09
set rmargin at screen 0.48
set title "K = 100, λ_W = 5e-4 (large), 5e-5 (small)"
set logscale xy
set format x power
set format y "%g"
set xlabel "samples of the class"
set ylabel beside("norm |w_k|")
set xrange [0.4:1e4]
set arrow 1 from first 20, graph 0 to first 20, graph 1 nohead linecolor rgb "#444444" linewidth 1 dashtype 2
plot for [i = 1:4] in skip 1 using 7:(row(100, "5e-4", word(exponents, i)) ? $8 : NaN) with points linetype i pointsize 0.5, \
     for [i = 1:4] in skip 1 using 7:(row(100, "5e-5", word(exponents, i)) ? $8 : NaN) with points linetype i pointsize 0.2
unset arrow
set lmargin at screen 0.60
set rmargin at screen 0.98
unset logscale
set format "%g"
set title "Rank of W, K = 100"
set xlabel "a (n_k ∝ k^{-a})"
set ylabel beside("rank")
set xrange [-0.05:2.05]
set yrange [0:105]
plot in skip 1 using 5:(whole(100, "5e-5", $10 - 1)) with lines linetype 5, \
     in skip 1 using 5:(whole(100, "5e-5", $15)) with points linetype 5 pointsize 0.8, \
     in skip 1 using 5:(whole(100, "5e-4", $10 - 1)) with lines linetype 7, \
     in skip 1 using 5:(whole(100, "5e-4", $15)) with points linetype 7 pointsize 0.8
@legend_panel
set key vertical maxrows 4
plot for [i = 1:4] NaN with points linetype i pointsize 0.6 title "a = ".word(exponents, i), \
     NaN with lines linecolor rgb "#444444" linewidth 1 dashtype 2 title "n_k = (μN)^2, λ_W = 5e-4", \
     NaN with points linetype 5 pointsize 0.8 title "rank, λ_W = 5e-5", \
     NaN with points linetype 7 pointsize 0.8 title "rank, λ_W = 5e-4", \
     NaN with lines linetype 7 title "classes with n_k > (μN)^2, less 1"
unset multiplot
@finish
