"""The benchmarks' sizes; the C++ side has the same in bench/presets.cpp."""

# widths, batch B, H = S, D, classes, labels per class; P = 2, Q = 1, G = 4, inner rate 1e-4, one pair of
# labelled batches.
PRESETS = {
    "tiny": ([16, 16, 16], 16, 16, 8, 4, 4),
    "small": ([196, 32, 32, 32], 64, 16, 8, 10, 10),
    "paper": ([196, 128, 128, 128, 128, 32], 128, 64, 32, 10, 10),
    "wide": ([196, 1024, 1024, 32], 128, 32, 16, 10, 10),
}
