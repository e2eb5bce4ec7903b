"""Draws a small cartoon series, deterministically, with the whole 16:9 picture known.

``episodes.EPISODES`` are the scripts, ``render.render(episode, frame)`` draws one frame with its truth, and
``write.write_episode`` and ``write.write_truth`` make the files; ``visits.true_pairs`` says which shots show one set.
In reading order: ``script.py`` (shots, cameras, actors), ``episodes.py``, ``render.py``; the painted sets in
``backgrounds.py``, which uses ``landscape.py``, ``village.py``, ``interior.py`` and ``brush.py``; the cast in
``characters.py``, drawn with ``pen.py``; ``visits.py``; ``write.py`` and ``author.py`` for the files.
"""
