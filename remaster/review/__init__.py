"""The review: a local page on which a person finds the bad shots of a run, decides, and has them made again.

In reading order: ``model`` reads what a run left in its output folder and says which shots to look at first;
``pictures`` draws what the page shows; ``desk`` keeps the decisions in ``overrides.yaml``; ``making`` starts the batch
that obeys them. ``security`` admits one person's browser alone, ``server`` answers its requests, and ``page`` is what
it shows. Only this package imports NiceGUI, in ``server`` and ``page`` alone.
"""
