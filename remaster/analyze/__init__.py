"""Step 2, analyze: one reading of a scene's proxies.

In come a scene's small frames in order, the gate as a mask, and the noise; out goes an ``Analysis``: holds, the
camera's motion from frame to frame, gradual transitions, and keyframes within a byte budget. In reading order:
``analysis`` is the loop over the frames, and finds dissolves and morphs; ``camera_tracking`` measures the camera;
``keyframes`` chooses the frames the background is made of; ``tuning`` holds the numbers.
"""
