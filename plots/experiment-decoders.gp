# Tag sets read off features: nearest means (ONN) against thresholds and the m largest logits.
#   gnuplot -c plots/experiment-decoders.gp NAME.csv out.svg    (or .pdf, .png)
in = ARG1
out = ARG2
folder = ARG0[1:strlen(ARG0)-strlen("experiment-decoders.gp")]
shown = "onn.exact_match onn_tag_wise.exact_match top_k.exact_match threshold.exact_match onn.f1 threshold.f1"
load folder."experiment-final.gp"
