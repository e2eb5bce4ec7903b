"""The projector's gate from the file to the result: replaced, or kept in the picture, and in no wing either way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
from clips import HEIGHT, WIDTH, painting
from stage_runs import EXEMPLAR, filmed, run_stages

from remaster.media.decode import decode
from remaster.media.probe import probe

EDGE, ROUND = 4, 10
FRAMES = 8


def through_a_gate(seed: int) -> Iterator[np.ndarray]:
    """A still scene behind a dark, soft edge with round corners."""
    light = np.zeros((HEIGHT, WIDTH), np.float32)
    light[EDGE + ROUND : -EDGE - ROUND, EDGE + ROUND : -EDGE - ROUND] = 1
    light = cv2.dilate(light, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * ROUND + 1, 2 * ROUND + 1)))
    light = cv2.GaussianBlur(light, (0, 0), 1.0)[..., None]
    picture = (np.maximum(painting(seed, WIDTH), 60) * light).astype(np.uint8)
    for _ in range(FRAMES):
        yield picture


@pytest.mark.parametrize("mode", ["fill", "keep"])
def test_the_gate_is_in_no_wing(mode: str, tmp_path: Path) -> None:
    case = filmed(tmp_path, [through_a_gate(seed) for seed in range(1, 6)])
    row = run_stages(case, f"gate={mode}", *EXEMPLAR, "output.grain=none")
    assert row["error"] is None
    shots = pq.read_table(case.out / "metadata" / "scenes").to_pylist()
    assert len(shots) == 5
    assert {shot["method"] for shot in shots} == {"still"}
    assert all((shot["gate_pixels"] > 2 * EDGE * HEIGHT) == (mode == "fill") for shot in shots)
    frames = list(decode(probe(str(case.out / "videos" / "a.mp4"))))
    assert len(frames) == 5 * FRAMES
    for frame in frames[:: FRAMES // 2]:
        luma = frame.planes[0].astype(float)
        left = (luma.shape[1] - WIDTH) // 2
        assert (luma[:, left : left + 2].mean() < 30) == (mode == "keep")
        assert np.quantile(luma[:, :left], 0.02) > 45
