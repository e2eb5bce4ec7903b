"""What a person decides about shots, scenes, videos and sets: the file ``overrides.yaml`` in the output folder.

In reading order: ``overrides`` has the decisions as they are written, reads and writes the file, and edits it;
``checking`` says which values a key may have; ``decisions`` finds out what holds for one scene. Nothing here reads a
video or an output folder.
"""
