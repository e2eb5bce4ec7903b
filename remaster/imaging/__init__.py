"""What several steps need: cameras, windows, alignment, differences, exposure, and the gate of a projector."""
