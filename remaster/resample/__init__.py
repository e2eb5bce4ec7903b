"""Step 6, resample: renders every frame of a shot in its window, the picture untouched and the wings drawn around it.

In come a ``Shot`` (its background, cameras or propagation), a ``Window`` and the planes of the active picture, frame by
frame; out go the window's planes in the source's format, and the origin of every pixel. In reading order: ``rendering``
is the loop over a shot's frames, and over a scene's shots with their dissolves, and ``layout`` cuts the window into
patches. The patches are predicted by ``background_wings`` (mosaic, still), ``propagated_wings`` (propagated) or
``soft_fill`` (ambient). ``join_correction`` bins the picture beside the joins and matches the prediction to it with the
gain of ``gain_compensation``, ``seam`` closes the join, ``grain`` adds grain, and ``compose`` puts picture and patches
together. Figures that a join cuts are continued before: ``continuation`` is the top, ``drawings`` detects them on
proxies, ``figure_tracking`` finds their donors, and ``figure_layers`` cuts them out and draws them. ``framing`` chooses
where the picture sits in the window, ``origins`` says where pixels come from, and ``tuning`` holds the settings and the
numbers.
"""
