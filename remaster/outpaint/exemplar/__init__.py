"""Inpainter ``exemplar``, the embedded engine: fills holes with copies of the known picture, without any weights.

After He and Sun, "Statistics of Patch Offsets for Image Completion" (ECCV 2012): each hole pixel gets a label, which
says by which shift (or mirroring) it is copied; labels are chosen by graph cut, and copies are blended in the gradient
domain. Two things are added: candidates that continue the picture at the join (the border between holes and known
pixels), and mirrored copies warped so that lines go on.

In reading order:

1. ``exemplar_inpainter``: the engine. It divides holes into groups and strips and fills them one by one.
2. ``outpaint.tuning``: what it weighs.
3. ``labelling``: from a picture with holes to a label for each hole pixel: candidates, costs, graph cut.
4. ``labels``: where a label copies from. ``pyramid_level``: a picture and its masks at full or reduced size.
5. ``candidates``: which labels are worth trying. ``label_costs``: what each costs at each pixel.
6. ``graphcut``: alpha expansion, by minimum cuts.
7. ``blending``: from labels to pixels, mirrored copies warped, and ``poisson``: the solver.
"""

from remaster.outpaint.exemplar.exemplar_inpainter import ExemplarInpainter

__all__ = ["ExemplarInpainter"]
