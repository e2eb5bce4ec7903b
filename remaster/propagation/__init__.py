"""Propagation along the motion: wings of shots that no one background holds, carried from the frames near in time.

After Dehan et al., "Complete and Temporally Consistent Video Outpainting" (CVPRW 2022). In reading order: ``motion``
fits the picture's motion and extends it outward; ``grid`` lays cells over the wings; ``carry`` follows places (never
pixels) from frame to frame; ``age`` says how long a source stays true; ``segments`` cuts the shot into stretches with
one generated picture each; ``planning`` puts them together. What is drawn of it is in ``resample/propagated_wings.py``.

All of it sees pictures *upright*: the joins run from top to bottom. Wings above and below are turned by ``Upright``.
"""
