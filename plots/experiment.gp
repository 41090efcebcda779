# Common to the figures of experiments: what the pixels are, the series in their order, names of quantities.
# Loaded behind style.gp; needs `in`.
array series[24]
series_count = 0
known_series(s) = sum [i=1:series_count] (series[i] eq s)
add_series(s) = (known_series(s) ? 0 : (series_count = series_count + 1, series[series_count] = s, 0))

pixels = ""
closed = 0
stats in skip 1 using (strcol(1) eq "pixels" ? (pixels = strcol(2), 0) : 0) nooutput
stats in skip 1 using (closed = closed + (strcol(1) eq "closed-form"), 0) nooutput

# train_ncm_2 is the column of metrics.csv; what the axis says.
bare(q) = q[1:6] eq "train_" ? q[7:*] : q[1:9] eq "held_out_" ? q[10:*] : q
decoder(b) = b[1:4] eq "onn." ? "ONN" : b[1:4] eq "onn_" ? "ONN by averages" : b[1:4] eq "thre" ? "threshold" : "m largest"
metric_title(b) = b eq "nc1" ? "NC_1" : b eq "nc2" ? "NC_2" : b eq "nc2_features" ? "NC_2 of the features" : \
    b eq "nc3" ? "NC_3" : b eq "equinorm_w" ? "spread of |w_k|" : b[1:4] eq "ncm_" && strlen(b) < 7 ? "NC_m, m = ".b[5:*] : \
    b[1:12] eq "ncm_centred_" ? "NC_m, centred, m = ".b[13:*] : \
    b[1:15] eq "scale_residual_" ? "residual of h = C_m {/Symbol S} w_k, m = ".b[16:*] : \
    b[1:4] eq "ncm@" ? "NC_m, pairs with ".b[5:*]." samples" : \
    strstrt(b, ".exact_match") ? decoder(b).", exact match" : strstrt(b, ".f1") ? decoder(b).", F1" : strstrt(b, ".iou") ? decoder(b).", IoU" : \
    b eq "trainable_parameters" ? "parameters as trained, millions" : \
    b eq "mass" ? "softmax mass" : b eq "softmax_mass" ? "softmax mass (published IoU)" : \
    b eq "gram_distance" ? "W W^T, network to optimum" : b eq "objective" ? "objective of the UFM" : \
    b eq "parameters_saved_percent" ? "parameters saved, full width, %" : b
quantity_title(q) = metric_title(bare(q)).(q[1:9] eq "held_out_" ? ", held out" : "")
