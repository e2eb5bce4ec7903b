"""Step 4, stitch: a scene's background is recovered from its keyframes (arXiv 2306.06803, background stitching).

In come a scene's ``Analysis`` (keyframes, motion between frames), the masks of its characters, its window, and readers
of full-size frames; out go its ``Shot`` s: method, cameras, background with coverage and holes, and confidence. In
reading order:

``stitching`` is the step's entry. ``registration`` finds the cameras of a span of frames: ``keyframe_pairs`` matches
keyframes directly or by SIFT, ``cameras`` is the bundle adjustment and gives every frame its camera.

``background_plan`` decides which spans get a background: ``shot_split`` cuts the scene where registration breaks;
``resting_camera`` distinguishes a drifting camera from a resting one; ``background_canvas`` is the canvas, with the
holes that remain to be generated; ``keyframe_alignment`` warps the keyframes to a small canvas (the preview),
``exposure`` compensates their gains;
``holdout`` predicts keyframes from others, and ``background_trust`` judges by that, and by parts at another speed, what
a background is worth; ``rigid_layers`` gives parts of the set back that were masked.

``shot_background`` makes a planned background at full size: ``composite`` is the robust mean of the keyframes,
``donors`` finds keyframes of other shots that extend it, and ``wing_confidence`` predicts the error of the wings.
``propagated_shots`` serves shots without a background. ``tuning`` holds the numbers.
"""
