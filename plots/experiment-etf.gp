# The learned classifier against a fixed simplex ETF with d = K.
#   gnuplot -c plots/experiment-etf.gp NAME.csv out.svg    (or .pdf, .png)
in = ARG1
out = ARG2
folder = ARG0[1:strlen(ARG0)-strlen("experiment-etf.gp")]
shown = "held_out_mass onn.exact_match train_nc1 train_ncm_2 parameters_saved_percent trainable_parameters"
load folder."experiment-final.gp"
