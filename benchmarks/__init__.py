"""Benchmarks: one program per question. ``benchmarks/README.md`` lists them."""

import os

# One thread a task is what the pipeline's workers have; the libraries read this once, when they are imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
