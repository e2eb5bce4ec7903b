"""How near restored wings come to the truth.

Pictures are narrowed and restored, and the wings compared with what was hidden: ``hidden_sides`` hides and fills
cheaply, ``measures`` compares, ``scores`` prints. ``pipeline/evaluation.py`` runs it over videos.
"""
