"""Step 4, stitch: cameras, one background, its coverage, its holes, and how far all that can be trusted."""
