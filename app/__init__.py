"""Assay: scores assessments by rule at once, essays by a language model, and recommends with sources."""

import os

# NumPy's BLAS reads this when it is loaded. Our matrices are so small that several threads only wait for each other:
# on busy cores, fitting the local scorer takes four times as much processor time with two.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
