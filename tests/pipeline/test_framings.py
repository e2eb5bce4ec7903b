"""Where the original sits in the window, from the setting to the pixels and the rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
from clips import HEIGHT, WIDTH, painting
from faulty_runs import Case
from stage_runs import EXEMPLAR, filmed, run_stages

from remaster.media.decode import decode
from remaster.media.probe import probe
from remaster.pipeline.delivery import continued_share


def cut_at_the_left(seed: int, frames: int) -> Iterator[np.ndarray]:
    """A still set and a figure at its left edge, which cuts him all the time."""
    ground = painting(seed, WIDTH)
    for i in range(frames):
        picture = ground.copy()
        place = 4 + 9 * (i // 2 % 3), 66
        cv2.ellipse(picture, place, (16, 30), 0, 0, 360, (230, 60, 40), -1, cv2.LINE_AA)
        cv2.ellipse(picture, place, (16, 30), 0, 0, 360, (20, 20, 20), 2, cv2.LINE_AA)
        yield picture


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    return filmed(tmp_path_factory.mktemp("framings"), [cut_at_the_left(2, 16)])


@pytest.mark.parametrize(
    ("framing", "share", "cut"), [("auto", 0.0, 0.0), ("center", 0.5, 0.3), ("right", 1.0, 0.6), ("0.25", 0.25, 0.3)]
)
def test_the_original_sits_where_it_is_asked_to(framing: str, share: float, cut: float, case: Case) -> None:
    out = case.root / framing
    settings = ("segmenter=motion", *EXEMPLAR, "output.crf=10")
    row = run_stages(case, *settings, f"target.framing={framing}", root=str(out))
    assert row["error"] is None
    shots: list[dict[str, Any]] = pq.read_table(out / "metadata" / "scenes").to_pylist()
    assert {shot["framing"] for shot in shots} == {share}
    assert shots[0]["cut_foreground"] == (0.0 if cut == 0.0 else pytest.approx(cut, abs=0.15))
    source, shown = (
        list(decode(probe(str(path))))[7].planes[0] for path in (case.source / "a.mp4", out / "videos/a.mp4")
    )
    left = round((shown.shape[1] - WIDTH) * share / 2) * 2
    assert np.abs(shown[:, left : left + WIDTH].astype(float) - source)[:HEIGHT].mean() < 2


def test_where_nobody_is_cut_nothing_is_said_to_have_stopped() -> None:
    assert continued_share(0.0, 0.0) is None
    assert continued_share(None, 0.3) is None
    assert continued_share(0.0, 0.3) == 0.0
    assert continued_share(0.8, 0.0) == 0.8
