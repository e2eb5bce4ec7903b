"""The review: a local page on which a person finds the bad shots of a run, decides, and has them made again.

In reading order: ``model`` reads what a run left in its output folder and says which shots to look at first;
``pictures`` draws what the page shows; ``desk`` keeps the decisions in ``overrides.yaml``, ``painting`` the pictures
that they name; ``takes`` tries other fills, and ``making`` starts the batch that obeys. ``security`` admits one
person's browser alone, and ``server`` answers its requests. The page itself is ``page``, with its filmstrip
(``strip``), one shot large (``shot_view``) and the controls (``form``, ``easel``). Only this package imports NiceGUI.
"""
