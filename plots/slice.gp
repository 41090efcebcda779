# The objective along a plane (contours beside the surface, the descent on top) or along a line.
#   gnuplot -c plots/slice.gp in.csv out.svg    (or .pdf, .png, dumb, window)
in = ARG1
out = ARG2
folder = ARG0[1:strlen(ARG0)-strlen("slice.gp")]
expected = "part,step,first,second,objective,distance"
width = 10.0
height = 4.8
load folder."style.gp"

only(part, value) = strcol(1) eq part ? value : NaN
stats in skip 1 using (only("surface", $3)):(only("surface", $5)) nooutput name "f"
if (f_records < 2) exit error "there are no rows of the surface"
stats in skip 1 using (only("surface", $4)) nooutput name "second"
stats in skip 1 using (only("surface", $5)) nooutput name "height"
stats in skip 1 using (collect(strcol(1))) nooutput
has_part(name) = strstrt(found, " ".name." ") > 0
descent_top = NaN
bottom = height_min
if (has_part("trajectory")) {
    stats in skip 1 using (only("trajectory", $5)) nooutput name "path"
    descent_top = path_max
    bottom = path_min < bottom ? path_min : bottom
}
if (has_part("optimum")) {
    stats in skip 1 using (only("optimum", $5)) nooutput name "best"
    bottom = best_min < bottom ? best_min : bottom
}
unset key

if (second_max == second_min) {
    # Where the objective stays, its rounding errors are what there is to see.
    flat = height_max - height_min < 1e-9*abs(height_max)
    base = flat ? bottom : 0
    margin = 0.06*(height_max - height_min)
    set xlabel "position between the two optima"
    set ylabel beside(flat ? "objective − optimum" : "objective")
    set title flat ? "Along the rotation the objective stays" : "Along the straight line the objective rises"
    set xrange [f_min_x:f_max_x]
    if (flat) { set yrange [-1e-12:1e-12]; set ytics ("−10^{−12}" -1e-12, "0" 0, "10^{−12}" 1e-12) }
    if (flat && plain) { set ytics ("-1e-12" -1e-12, "0" 0, "1e-12" 1e-12) }
    if (!flat) { set yrange [height_min-margin:height_max+margin] }
    plot in skip 1 using (only("surface", $3)):($5 - base) with lines linetype 1 linewidth 2, \
         in skip 1 using (only("optimum", $3)):($5 - base) with points linetype 2 pointsize 1.2
} else {
    # points x points values, second varying fastest.
    points = int(sqrt(f_records) + 0.5)
    if (points*points != f_records) { exit error "the surface must have as many rows as columns" }
    array z[points*points]
    at = 0
    keep(value) = (at = at + 1, z[at] = value)
    stats in skip 1 using (strcol(1) eq "surface" ? keep($5) : 0) nooutput
    first_at(i) = f_min_x + (f_max_x - f_min_x)*i/(points - 1)
    second_at(j) = second_min + (second_max - second_min)*j/(points - 1)
    # Far up nothing of interest happens, but it would use up the height: shown up to the median, or to four times
    # as far up as the descent starts, and all of the descent.
    top = height_median
    top = top > bottom + 4*(descent_top - bottom) ? bottom + 4*(descent_top - bottom) : top
    top = descent_top > top ? descent_top : top
    if (!(top > bottom)) { top = height_max > bottom ? height_max : bottom + 1 }
    cap(value) = value > top ? top : value
    # Colours follow the logarithm of the height above the optimum, so that the bottom shows its shape.
    lowest = log10(1e-3*(top - bottom))
    highest = log10(top - bottom)
    shade(value) = value - bottom > 1e-3*(top - bottom) ? log10(cap(value) - bottom) : lowest
    set print $surface
    do for [i = 0:points-1] {
        do for [j = 0:points-1] {
            print sprintf("%.9g %.9g %.9g", first_at(i), second_at(j), z[i*points+j+1])
        }
        print ""
    }
    unset print
    # gnuplot separates what it computes itself, the contours, by blanks: so do these parts.
    array parts[3] = ["trajectory", "optimum", "saddle"]
    do for [i = 1:3] {
        set print $part
        print "NaN NaN NaN"
        unset print
        if (has_part(parts[i])) {
            set table $part
            plot in skip 1 using 3:4:5 with table if (strcol(1) eq parts[i])
            unset table
        }
        if (i == 1) { set print $trajectory; print $part; unset print }
        if (i == 2) { set print $optimum; print $part; unset print }
        if (i == 3) { set print $saddle; print $part; unset print }
    }
    set datafile separator whitespace
    # Cividis, which the colour-blind see as others do.
    set palette defined (0 "#00224e", 0.25 "#35456c", 0.5 "#7c7b78", 0.75 "#bcaf6f", 1 "#fee838")
    set cbrange [lowest:highest]
    array names[2] = ["first random direction", "second random direction"]
    if (has_part("trajectory")) { names[1] = "first principal component"; names[2] = "second principal component" }
    if (has_part("saddle")) { names[1] = "towards the optimum"; names[2] = "escape direction" }
    if (window) {
        set xlabel names[1]
        set ylabel names[2]
        set zlabel "objective" rotate by 90
        set zrange [bottom:top]
        set ticslevel 0
        set pm3d depthorder
        unset colorbox
        splot $surface using 1:2:(cap($3)):(shade($3)) with pm3d, \
              $trajectory using 1:2:(cap($3)) with lines linecolor rgb "#D55E00" linewidth 3 dashtype 1
    } else {
        set contour base
        set cntrparam levels incremental lowest, (highest - lowest)/12.0, highest
        unset surface
        set table $lines
        splot $surface using 1:2:(shade($3))
        unset table
        unset contour
        set surface
        set multiplot
        set tmargin at screen 0.91
        set bmargin at screen 0.14
        set lmargin at screen 0.09
        set rmargin at screen plain ? 0.97 : 0.45
        set xrange [f_min_x:f_max_x]
        set yrange [second_min:second_max]
        set xlabel names[1]
        set ylabel beside(names[2])
        unset grid
        set tics out front
        unset colorbox
        if (plain) {
            set title sprintf("objective − %.6g, logarithmic, 0: below %.1g, 9: %.3g; * descent, O optimum, S saddle", \
                bottom, 10**lowest, 10**highest)
            plot $surface using 1:2:(sprintf("%d", int(9.999*(shade($3) - lowest)/(highest - lowest)))) with labels, \
                 $trajectory using 1:2:("*") with labels, \
                 $optimum using 1:2:("O") with labels, \
                 $saddle using 1:2:("S") with labels
        } else {
            set title "log_{10}(objective − optimum)"
            set colorbox user origin screen 0.462, screen 0.14 size screen 0.012, screen 0.77
            set cbtics format "%.2g"
            plot $surface using 1:2:(shade($3)) with image, \
                 $lines using 1:2 with lines linecolor rgb "#ffffff" linewidth 0.4 dashtype 1, \
                 $trajectory using 1:2 with lines linecolor rgb "#D55E00" linewidth 2.2 dashtype 1, \
                 $saddle using 1:2 with points pointtype 2 pointsize 1 linewidth 2 linecolor rgb "#ffffff", \
                 $optimum using 1:2 with points pointtype 7 pointsize 0.9 linecolor rgb "#ffffff", \
                 $optimum using 1:2 with points pointtype 6 pointsize 0.9 linecolor rgb "#000000"
            unset lmargin
            unset rmargin
            unset tmargin
            unset bmargin
            unset colorbox
            unset title
            set label 1 "objective" at screen 0.77, screen 0.95 center
            set origin 0.53, 0
            set size 0.47, 0.98
            set zrange [bottom:top]
            quarter = (top - bottom)/4.0
            unit = 10**floor(log10(quarter))
            set ztics unit*(quarter < 2*unit ? 2 : quarter < 5*unit ? 5 : 10)
            set ticslevel 0.03
            set view 28, 318, 1.0, 0.7
            set pm3d depthorder border linecolor rgb "#444444" linewidth 0.15
            set xlabel names[1] rotate parallel offset 0,-0.4
            set ylabel names[2] rotate parallel offset 0,-0.4
            set xtics offset 0,-0.2
            set ytics offset 0,-0.2
            splot $surface using 1:2:(cap($3)):(shade($3)) with pm3d
            # Once more without axes: a surface would hide the descent.
            unset label
            unset border
            unset tics
            set xlabel " "
            set ylabel " "
            splot $trajectory using 1:2:(cap($3)) with lines linecolor rgb "#D55E00" linewidth 2.2 dashtype 1
        }
        unset multiplot
    }
}
@finish
