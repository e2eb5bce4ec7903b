"""The programs, ``python -m remaster.jobs.NAME``: batch, evaluate, plan, review, sample, takes.

Each parses and calls one function.
"""
