# NCm of the pairs that have equally many training samples, a panel for each group, and the collapse of the whole.
#   gnuplot -c plots/experiment-groups.gp NAME.csv out.svg    (or .pdf, .png)
in = ARG1
out = ARG2
folder = ARG0[1:strlen(ARG0)-strlen("experiment-groups.gp")]
shown = "groups"
load folder."experiment-final.gp"
