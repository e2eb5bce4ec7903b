"""Programs: ``python -m remaster.jobs.NAME``."""
