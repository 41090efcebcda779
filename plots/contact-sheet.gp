# Examples of a set of images with their labels: the pixels of one picture.
#   gnuplot -c plots/contact-sheet.gp in.csv out.svg    (or .pdf, .png)
in = ARG1
out = ARG2
folder = ARG0[1:strlen(ARG0)-strlen("contact-sheet.gp")]
expected = "x,y,red,green,blue,label"
set datafile separator ","
stats in skip 1 using 1:2 nooutput name "pixel"
columns_of = pixel_max_x + 1
rows_of = pixel_max_y + 1
width = 9.0
height = width*rows_of/columns_of
load folder."style.gp"

unset grid
unset key
unset border
unset tics
set lmargin 0
set rmargin 0
set tmargin 0
set bmargin 0
set xrange [-0.5:columns_of-0.5]
set yrange [-0.5:rows_of-0.5]
has_label = '(strlen(strcol(6)) > 0 ? $1 : NaN)'
shade(red, green, blue) = substr(" .:-=+*#%@", 1 + int((red+green+blue)/76.6), 1 + int((red+green+blue)/76.6))
if (plain) {
    # Text has room for some of the pixels; the white around the images stays empty.
    across = int(ceil(columns_of/(1.0*columns)))
    down = int(ceil(rows_of/(1.0*rows)))
    plot in skip 1 using (int($1) % across == 0 && int($2) % down == 0 && $3+$4+$5 < 765 ? $1 : NaN):2:(shade($3, $4, $5)) with labels, \
         in skip 1 using @has_label:2:6 with labels
} else {
    plot in skip 1 using 1:2:3:4:5 with rgbimage, \
         in skip 1 using @has_label:2:6 with labels noenhanced font ",8"
}
@finish
