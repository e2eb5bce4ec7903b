"""The programs, ``python -m remaster.jobs.NAME``: batch, evaluate, plan, sample. Each parses and calls one function."""
