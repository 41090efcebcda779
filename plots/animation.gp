# Features of K = 3 classes under gradient descent, in the plane of the final classifier: an animation (.gif), or
# four of its frames.
#   gnuplot -c plots/animation.gp in.csv out.gif    (or .svg, .pdf, .png, dumb, window)
in = ARG1
out = ARG2
folder = ARG0[1:strlen(ARG0)-strlen("animation.gp")]
expected = "frame,iteration,objective,multiplicity,tag_set,x,y"
film = strlen(out) > 4 && out[strlen(out)-3:] eq ".gif" || out eq "window"
width = film ? 5.6 : 12.0
height = film ? 6.6 : 4.2
delay = 7
load folder."style.gp"

stats in skip 1 using ($4 > 0 ? collect(strcol(5)) : 0) nooutput
stats in skip 1 using 1 nooutput name "frame"
last = int(frame_max)
# Features and classifier rows have lengths of their own; both are drawn with their largest as 1.
stats in skip 1 using ($4 > 0 ? sqrt($6*$6 + $7*$7) : NaN) nooutput name "feature"
stats in skip 1 using ($4 == 0 ? sqrt($6*$6 + $7*$7) : NaN) nooutput name "weight"
length_of(value) = value > 0 ? value : 1
unit(kind) = kind == 0 ? 1.0/length_of(weight_max) : 1.0/length_of(feature_max)
array iteration[last + 1]
array objective[last + 1]
stats in skip 1 using (iteration[int($1) + 1] = $2, objective[int($1) + 1] = $3, 0) nooutput

# A tag set has the mean colour of its classes.
array red[3] = [0, 213, 0]
array green[3] = [114, 94, 158]
array blue[3] = [178, 0, 115]
size_of(tags) = (strlen(tags) + 1)/2
class_of(tags, i) = int(tags[2*i-1:2*i-1]) + 1
mean(i, tags, channel) = channel == 1 ? red[class_of(tags, i)] : channel == 2 ? green[class_of(tags, i)] : blue[class_of(tags, i)]
part(tags, channel) = int((sum [i=1:size_of(tags)] mean(i, tags, channel))/size_of(tags))
colour(tags) = part(tags, 1)*65536 + part(tags, 2)*256 + part(tags, 3)
mark(tags) = size_of(tags) == 1 ? 7 : size_of(tags) == 2 ? 9 : 5
letter(i) = plain ? i : mark(word(found, i))
label(tags) = (size_of(tags) == 1 ? "class " : "tag set ").tags
is(f, tags) = $1 == f && $4 > 0 && strcol(5) eq tags

set size square
set xrange [-1.12:1.12]
set yrange [-1.12:1.12]
unset xtics
unset ytics
unset key
heading(f) = sprintf("iteration %d\nobjective %.4f", iteration[f + 1], objective[f + 1])
scene = "in skip 1 using ($1 == f && $4 == 0 ? 0 : NaN):(0):($6*unit(0)):($7*unit(0)) with vectors nohead \
    linecolor rgb '#999999' linewidth 1 dashtype 2, \
  for [i = 1:words(found)] in skip 1 using (is(f, word(found, i)) ? $6*unit(1) : NaN):($7*unit(1)) with points \
    pointtype letter(i) pointsize 1 linecolor rgb colour(word(found, i)) title label(word(found, i))"

if (film) {
    # A legend in three columns.
    do for [i = 1:words(found)] {
        set label i "  ".label(word(found, i)) at screen 0.12 + 0.28*((i - 1)%3), screen 0.07 - 0.035*int((i - 1)/3) \
            noenhanced point pointtype letter(i) pointsize 1 linecolor rgb colour(word(found, i))
    }
    set lmargin at screen 0.05
    set rmargin at screen 0.95
    set tmargin at screen 0.91
    set bmargin at screen 0.91 - 0.9*width/height
    do for [f = 0:last] {
        set title heading(f)
        plot @scene
        if (window) { pause 0.07 }
    }
    # The end stays for a while.
    if (!window) {
        do for [i = 1:25] { f = last; set title heading(f); plot @scene }
    }
} else {
    array shown[4] = [0, int(last/3), int(2*last/3), last]
    set multiplot
    set tmargin at screen 0.86
    set bmargin at screen 0.22
    do for [panel = 1:4] {
        set lmargin at screen 0.01 + (panel - 1)*0.25
        set rmargin at screen 0.01 + (panel - 1)*0.25 + 0.23
        f = shown[panel]
        set title heading(f)
        plot @scene
    }
    @legend_panel
    plot for [i = 1:words(found)] NaN with points pointtype letter(i) pointsize 1.1 \
        linecolor rgb colour(word(found, i)) title label(word(found, i))
    unset multiplot
}
@finish
