"""Step 6, resample: the background's wings around every untouched frame."""
