"""Step 1, detect: one reading of a video finds its scenes, and what holds for all of it."""
