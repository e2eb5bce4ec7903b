"""Which keyframes may say where the figures of a span are."""

from __future__ import annotations

import numpy as np
from talking_figure import HEIGHT, WIDTH, preview

from remaster.imaging.whole_figures import find_figures
from remaster.stitch.background_plan import in_usual_light


def test_what_differs_in_a_dissolve_is_no_figure() -> None:
    everywhere = np.ones((HEIGHT, WIDTH), bool)
    dissolving = preview(present=False)
    dissolving.seen[4:, 60:200, 40:140] = False
    light = np.array([130, 131, 130, 129, 124, 118, 110, 104], np.float32)
    assert find_figures(dissolving, everywhere).any()
    assert not find_figures(in_usual_light(dissolving, light, 130.0), everywhere).any()
    assert in_usual_light(preview(), light, 110.0).seen.shape == preview().seen.shape
