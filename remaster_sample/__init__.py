"""A small cartoon series, drawn by this package: deterministic, with the full 16:9 truth known.

``episodes.EPISODES`` are the scripts, ``render.render(episode, frame)`` draws one frame with its truth, and
``write.write_episode`` and ``write.write_truth`` make the files.
"""
