"""Step 2, analyze: one reading of a scene finds its holds, the motion of its camera and its keyframes."""
