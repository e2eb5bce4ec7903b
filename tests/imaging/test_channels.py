"""The fast reductions over channels are the plain ones."""

from __future__ import annotations

import numpy as np

from remaster.imaging.channels import largest, smallest


def test_largest_and_smallest_channel() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (37, 53, 3), dtype=np.uint8)
    view = picture[3:30, 5:50]
    for shown in (picture, view):
        assert (largest(shown) == shown.max(axis=-1)).all()
        assert (smallest(shown) == shown.min(axis=-1)).all()
