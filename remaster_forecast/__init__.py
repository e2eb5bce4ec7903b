"""Predicts how long a dataset will take on a cluster, and what the bottleneck will be.

``workload`` estimates the work from the videos' headers, ``costs`` has the seconds that each step takes for it, and
``simulate`` runs the tasks through simulated cores and GPUs. ``remaster.jobs.plan`` is the program.
"""
