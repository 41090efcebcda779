# Natural multi-label data: what is read off the features, and how far the network is from the certified optimum.
#   gnuplot -c plots/experiment-natural.gp NAME.csv out.svg    (or .pdf, .png)
in = ARG1
out = ARG2
folder = ARG0[1:strlen(ARG0)-strlen("experiment-natural.gp")]
shown = "onn.exact_match threshold.exact_match onn.f1 train_nc2 objective gram_distance"
load folder."experiment-final.gp"
