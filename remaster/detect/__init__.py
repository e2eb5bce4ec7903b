"""Step 1, detect: one reading of a video finds its cuts and what holds for all of it.

In come a video's frames in order; out goes a ``Detection``: times, cuts, camera set-ups, active picture, gate, noise
and interlacing. In reading order: ``scenes`` is the loop over the frames; ``cuts`` finds cuts on small pictures, which
``similarity`` compares, and links runs that share a background; ``active_picture`` samples full-size frames and finds
bars and gate on them, ``noise`` their grain, ``interlacing`` their fields; ``tuning`` holds the numbers.
"""
