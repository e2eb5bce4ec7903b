"""Grain is measured shot by shot: a scene on grainy film gets grainy wings, the smooth one after it smooth wings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from clips import WIDTH, still
from stage_runs import EXEMPLAR, filmed, run_stages

from remaster.media.decode import decode
from remaster.media.probe import probe

FRAMES, GRAIN = 16, 9.0


def grainy(seed: int) -> Iterator[np.ndarray]:
    rng = np.random.default_rng(seed)
    for picture in still(seed, FRAMES):
        grain = rng.normal(0, GRAIN, (*picture.shape[:2], 1))
        yield np.clip(picture + grain, 0, 255).astype(np.uint8)


def test_each_shot_s_wings_have_its_own_grain(tmp_path: Path) -> None:
    case = filmed(tmp_path, [grainy(1), still(5, FRAMES)])
    row = run_stages(case, *EXEMPLAR, "output.crf=8")
    assert row["error"] is None
    shots = sorted(pq.read_table(case.out / "metadata" / "scenes").to_pylist(), key=lambda shot: shot["start_frame"])
    assert [shot["start_frame"] for shot in shots] == [0, FRAMES]
    assert 0.5 * GRAIN < shots[0]["grain"] < 1.3 * GRAIN
    assert shots[1]["grain"] < 1.5
    planes = [frame.planes[0].astype(float) for frame in decode(probe(str(case.out / "videos" / "a.mp4")))]
    outer = np.stack([np.hstack([plane[:, :16], plane[:, -16:]]) for plane in planes])
    assert outer.shape[0] == 2 * FRAMES and planes[0].shape[1] > WIDTH + 32
    changes = np.diff(outer, axis=0).std(axis=(1, 2)) / np.sqrt(2)
    assert np.median(changes[: FRAMES - 1]) > 0.4 * GRAIN
    assert np.median(changes[FRAMES:]) < 1.5
