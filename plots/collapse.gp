# Features of K = 3 classes with multiplicities 1 and 2 before and after minimisation, in the plane of the
# optimal classifier.
#   gnuplot -c plots/collapse.gp in.csv out.svg    (or .pdf, .png)
in = ARG1
out = ARG2
folder = ARG0[1:strlen(ARG0)-strlen("collapse.gp")]
expected = "stage,multiplicity,tag_set,sample,x,y,z"
width = 9.0
height = 5.2
load folder."style.gp"

stats in skip 1 using (collect(strcol(3))) nooutput
array stages[2] = ["before", "after"]
array titles[2] = ["Before: random features", "After: the global optimum"]

# A tag set has the mean colour of its classes (single digits).
array red[10] = [0, 213, 0, 204, 230, 86, 0, 119, 90, 160]
array green[10] = [114, 94, 158, 121, 159, 180, 0, 119, 60, 160]
array blue[10] = [178, 0, 115, 167, 0, 233, 0, 119, 30, 60]
size_of(tags) = (strlen(tags) + 1)/2
class_of(tags, i) = int(tags[2*i-1:2*i-1]) + 1
colour(tags) = int((sum [i=1:size_of(tags)] red[class_of(tags, i)])/size_of(tags))*65536 \
    + int((sum [i=1:size_of(tags)] green[class_of(tags, i)])/size_of(tags))*256 \
    + int((sum [i=1:size_of(tags)] blue[class_of(tags, i)])/size_of(tags))
mark(tags) = size_of(tags) == 1 ? 7 : size_of(tags) == 2 ? 8 : 4
# In text every tag set has a letter instead of a colour.
letter(i) = plain ? i : mark(word(found, i))
label(tags) = (size_of(tags) == 1 ? "class " : "tag set ").tags
larger(a, b) = a > b ? a : b
is(stage, tags) = strcol(1) eq stage && strcol(3) eq tags

set size square
set xlabel "first coordinate"
set ylabel beside("second coordinate")
if (!plain) {
    set xzeroaxis linestyle 100
    set yzeroaxis linestyle 100
}
unset key
side = 0.36
set multiplot
set tmargin at screen 0.92
set bmargin at screen 0.92 - side*width/height
do for [s = 1:2] {
    left = 0.09 + (s - 1)*0.5
    set lmargin at screen left
    set rmargin at screen left + side
    stats in skip 1 using (strcol(1) eq stages[s] ? $5 : NaN) nooutput name "x"
    stats in skip 1 using (strcol(1) eq stages[s] ? $6 : NaN) nooutput name "y"
    far = larger(larger(abs(x_min), abs(x_max)), larger(abs(y_min), abs(y_max)))
    far = larger(far, 1e-12)
    set xrange [-1.15*far:1.15*far]
    set yrange [-1.15*far:1.15*far]
    set title titles[s]
    unit = 10**floor(log10(far/2))
    step = unit*(far < 3*unit ? 1 : far < 7*unit ? 2 : far < 15*unit ? 5 : 10)
    set xtics step
    set ytics step
    if (s == 2) {
        do for [i = 1:words(found)] {
            stats in skip 1 using (is("after", word(found, i)) ? $5 : NaN) nooutput name "x"
            stats in skip 1 using (is("after", word(found, i)) ? $6 : NaN) nooutput name "y"
            dash = size_of(word(found, i)) == 1 ? 1 : 3
            set arrow i from 0, 0 to x_mean, y_mean nohead linecolor rgb colour(word(found, i)) \
                linewidth 1.2 dashtype dash
        }
    }
    plot for [i = 1:words(found)] in skip 1 using (is(stages[s], word(found, i)) ? $5 : NaN):6 \
        with points pointtype letter(i) pointsize (s == 1 ? 0.8 : 1.6) linewidth 1.5 \
        linecolor rgb colour(word(found, i))
}
@legend_panel
plot for [i = 1:words(found)] NaN with points pointtype letter(i) pointsize 1.2 linewidth 1.5 \
    linecolor rgb colour(word(found, i)) title label(word(found, i))
unset multiplot
@finish
