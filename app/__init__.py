"""Assay: scores assessments by rule at once, essays by a language model, and recommends with sources."""

import os

# NumPy's BLAS reads this when it is loaded. Our matrices are so small that several threads only wait for each other:
# on busy cores, fitting the local scorer takes four times as much processor time with two.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# The runtime of the embedding model would send figures about its use to its maker, and keep an id of the machine in the
# home folder. It reads this when it is loaded.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
