"""Wings of shots without a common background, propagated from the frames near in time along the motion.

After Dehan et al., "Complete and Temporally Consistent Video Outpainting" (CVPRW 2022). In come a shot's frames, its
cameras and its window; out goes a ``Propagation``, which ``resample/propagated_wings.py`` draws. In reading order:
``shot_plan`` puts everything together and cuts the shot into segments with one generated picture each;
``outward_motion`` measures the picture's motion and extrapolates it outward; ``grid`` lays cells over the wings;
``sources`` traces cells (never pixels) from frame to frame, and reads pictures at the cells' places; ``age`` measures
how long a source stays valid; ``key_pictures`` collects what is known around a key frame; ``tuning`` holds the numbers.

All of it sees pictures *upright*: the joins run from top to bottom. Wings above and below are turned by ``Upright``.
"""
