"""Sets that return: which stitched backgrounds of a series show one set, and what they lend each other.

In come stitched backgrounds (image, coverage, figures); out come links with cameras, sets, and backgrounds whose holes
are filled with what other scenes saw. Pure functions on arrays, to be read in this order:

- ``descriptor``: ``describe`` makes of a background what is stored of it: features, a signature, a small picture;
  ``visual_words`` pools the features.
- ``candidates``: the nearest neighbours of each signature, never all pairs.
- ``hypotheses``: cameras that the features of a pair propose; ``overlap``: what both pictures show under one, in one
  ``light``; ``proof``: whether that proves a link, and for which sides.
- ``linking``: which candidates are proved, and which links hold together as a set.
- ``lending``: what a background never saw, filled from its set.
- ``visiting_figures``: what is in one visit alone, by a vote of others.
- ``set_canvas``: what none of a set saw, generated once on one canvas for all of them.
- ``same_footage``: the very same frames in another recording, which shows more of them.

``pipeline.set_links`` and ``set_stages`` run it, ``benchmarks.linking`` and ``set_wings`` measure it. Nothing here
depends on the order of scenes or results, but on their keys.
"""
